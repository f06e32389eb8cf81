// SPDX-License-Identifier: MIT
/*
 * stack_avx2.c: the loops that combine frames compiled with -mavx2.
 *
 * Nothing of this file may run before the CPU has been asked; it therefore
 * holds nothing else. -mfma is not given, and must not be: it would fuse.
 */
#define STACK_LANES_NAME "avx2"
#include "image/stack_lanes.h"

const struct stack_kernels *stack_kernels_avx2(void)
{
    return __builtin_cpu_supports("avx2") ? &lane_kernels : NULL;
}
