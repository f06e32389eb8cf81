// SPDX-License-Identifier: MIT
/* resize_vector.c: the resize loops for any CPU, and the choice of a set. */
#define RESIZE_LANES_NAME "vector"
#include "image/resize_lanes.h"

const struct resize_kernels *resize_kernels_vector(void)
{
    return &lane_kernels;
}

#ifndef IMAGE_HAVE_AVX2
const struct resize_kernels *resize_kernels_avx2(void)
{
    return NULL;
}
#endif

const struct resize_kernels *resize_kernels_best(void)
{
    const struct resize_kernels *avx2 = resize_kernels_avx2();

    return avx2 ? avx2 : resize_kernels_vector();
}

const char *resize_kernel_name(void)
{
    return resize_kernels_best()->name;
}
