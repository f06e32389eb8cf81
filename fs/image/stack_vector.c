// SPDX-License-Identifier: MIT
/* stack_vector.c: the loops that combine frames for any CPU, and the choice
 * of a set. */
#define STACK_LANES_NAME "vector"
#include "image/stack_lanes.h"

const struct stack_kernels *stack_kernels_vector(void)
{
    return &lane_kernels;
}

#ifndef IMAGE_HAVE_AVX2
const struct stack_kernels *stack_kernels_avx2(void)
{
    return NULL;
}
#endif

const struct stack_kernels *stack_kernels_best(void)
{
    const struct stack_kernels *avx2 = stack_kernels_avx2();

    return avx2 ? avx2 : stack_kernels_vector();
}
