// SPDX-License-Identifier: MIT
/*
 * ahead_impl.h: what ahead.c (proposals) and ahead_stream.c (streams) share;
 * private to them.
 */
#ifndef FS_AHEAD_IMPL_H
#define FS_AHEAD_IMPL_H

#include <stdatomic.h>

#include "ahead_order.h"
#include "prepfs/lock.h"

enum { RECENT = 8 };

struct stream {
    uint64_t serial; /* 0: unused */
    uint64_t used;
    uint32_t view;
    int64_t study;
    int64_t leaf;
    uint32_t unit, units;
    unsigned unit_score;
    unsigned leaf_score[WAYS];
    uint32_t unit_horizon;       /* proposed up to this unit */
    unsigned leaf_horizon[WAYS]; /* so many images from here are proposed */
    unsigned idle;
    bool quiet;
    int64_t recent[RECENT];
    unsigned n_recent;
};

struct ahead {
    struct lock lock; /* protects everything below but `loud` */
    unsigned depth;
    uint64_t tick;
    struct stream streams[AHEAD_STREAMS];
    struct orders orders;
    atomic_uint loud; /* streams that are believed and not quiet */
};

/* How a read fits a stream. */
enum fit { FIT_SAME, FIT_UNIT, FIT_LEAF, FIT_LATE, FIT_NOT };

struct match {
    struct stream *stream;
    enum fit fit;
    int steps[WAYS];
};

/* Believed, and not quiet. */
bool stream_is_loud(const struct stream *s);
bool stream_saw_lately(const struct stream *s, int64_t leaf);

/* The stream that a read belongs to; those of the same reader that are not
 * believed end. */
struct match stream_find(struct ahead *a, const struct ahead_read *r)
    REQUIRES(a->lock);

/* A new one; an old one may go for it. */
void stream_start(struct ahead *a, const struct ahead_read *r)
    REQUIRES(a->lock);

/* To another unit of its image, or to another image. */
void stream_step_unit(struct stream *s, const struct ahead_read *r);
void stream_step_leaf(struct stream *s, const struct ahead_read *r,
                      const int steps[WAYS]);

#endif
