// SPDX-License-Identifier: MIT
/*
 * format_checks.h: properties of fs/npy, fs/nii, fs/png and fs/json that hold
 * whatever they are given. The property test feeds them from a seed, the fuzz
 * target from any bytes.
 */
#ifndef TESTS_SUPPORT_FORMAT_CHECKS_H
#define TESTS_SUPPORT_FORMAT_CHECKS_H

#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

/* Words from `bytes`, and then without end from a generator that starts with
 * `seed`. */
struct format_stream {
    const uint8_t *bytes;
    size_t size;
    uint64_t seed;
};

uint64_t format_next(struct format_stream *stream);
uint32_t format_below(struct format_stream *stream, uint32_t n);

/* 0, or -1 with what does not hold in err->msg. */
typedef int (*format_check_fn)(struct format_stream *stream, struct error *err);

struct format_check {
    const char *name;
    format_check_fn holds;
};

/* Ends with a NULL name. */
extern const struct format_check format_checks[];

/* One for each folder; in format_checks_*.c. */
int format_check_npy(struct format_stream *stream, struct error *err);
int format_check_half(struct format_stream *stream, struct error *err);
int format_check_nii(struct format_stream *stream, struct error *err);
int format_check_affine(struct format_stream *stream, struct error *err);
int format_check_png(struct format_stream *stream, struct error *err);
int format_check_json(struct format_stream *stream, struct error *err);
int format_check_json_leaf(struct format_stream *stream, struct error *err);

/* A size: mostly small, at times anything, seldom 0. */
uint32_t format_side(struct format_stream *stream);

/* Reads [0, end) with `read` whole and in pieces; -1 if they differ or a byte
 * outside of a piece is touched. */
typedef void (*format_read_fn)(const void *layout, uint64_t offset,
                               size_t length, uint8_t *dst);
int format_any_split(struct format_stream *stream, const void *layout,
                     format_read_fn read, size_t end, struct error *err);

#endif
