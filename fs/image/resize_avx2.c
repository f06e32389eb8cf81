// SPDX-License-Identifier: MIT
/*
 * resize_avx2.c: the resize loops compiled with -mavx2.
 *
 * Nothing of this file may run before the CPU has been asked; it therefore
 * holds nothing else. -mfma is not given, and must not be: it would fuse.
 */
#define RESIZE_LANES_NAME "avx2"
#include "image/resize_lanes.h"

const struct resize_kernels *resize_kernels_avx2(void)
{
    return __builtin_cpu_supports("avx2") ? &lane_kernels : NULL;
}
