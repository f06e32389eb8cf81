// SPDX-License-Identifier: MIT
/*
 * checked.h: size arithmetic on numbers that come from files.
 *
 * Each returns true and stores the result, or returns false on overflow (the
 * result is then unspecified). Nothing read from an archive is multiplied or
 * added in any other way.
 */
#ifndef PREPFS_CHECKED_H
#define PREPFS_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool checked_mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}

static inline bool checked_add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

static inline bool checked_mul_size(size_t a, size_t b, size_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}

static inline bool checked_add_size(size_t a, size_t b, size_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

#endif
