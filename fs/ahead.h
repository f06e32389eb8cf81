// SPDX-License-Identifier: MIT
/*
 * ahead.h: who reads in order, and what comes next.
 *
 * There is no OPEN, so a reader is known by where it reads. Each of a small
 * table of streams stands at one place, (view, image, unit), and moves on
 * when the next place in some order is asked for:
 *
 *     units    the next unit of the same image
 *     listed   the next image of the study by number, as folders list them
 *     named    the next image by name, as a sorted list or a CSV has them;
 *              after the last, in both, the first of the next study
 *
 * A step to the next place counts 2, one over up to three places (several
 * workers share a list) counts 1; at a score of AHEAD_SCORE, or in an image of
 * AHEAD_UNIT_SCORE, the stream is believed, and from then on the places before
 * it are proposed, one first, then twice as many with every step, up to the
 * depth. In random order so many steps in a row hardly happen (the kernel,
 * which reads a little beyond what it was asked for, makes one of them out of
 * every read), and few streams may stand in one study or image, so that old
 * ones do not collect steps by accident.
 *
 * A stream whose proposals turn out to be there already keeps quiet until it
 * meets something that is not.
 *
 * Threads: struct ahead is internally locked. Nothing here blocks, reads the
 * clock or does I/O; orders of studies are told by the caller.
 */
#ifndef FS_AHEAD_H
#define FS_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "prepfs/error.h"

enum {
    AHEAD_SCORE = 6,
    AHEAD_UNIT_SCORE = 8,
    AHEAD_SPREAD = 4,   /* places that a step may span */
    AHEAD_DEPTH = 64,   /* proposals at most */
    AHEAD_STREAMS = 64, /* in all */
    AHEAD_ORDERS = 32,  /* studies whose order is remembered */
    AHEAD_STUDY = 8192, /* images of a study that are remembered */
    AHEAD_IDLE = 16     /* needless proposals until a stream is quiet */
};

struct ahead;

/* `depth`: proposals before a stream, 1 to AHEAD_DEPTH. Caller owns. */
struct ahead *ahead_new(unsigned depth, struct error *err);
void ahead_free(struct ahead *a); /* may be NULL */

/* What somebody read. */
struct ahead_read {
    uint32_t view; /* any number that names view and kind of file */
    int64_t study;
    int64_t leaf;
    uint32_t unit;
    uint32_t units;
    bool ready; /* it was there already */
};

struct ahead_target {
    int64_t leaf;
    uint32_t unit;
};

/* A stream at one moment; for the answers that concern it. */
struct ahead_stream_ref {
    unsigned index;
    uint64_t serial;
};

struct ahead_plan {
    struct ahead_stream_ref stream;
    unsigned n;
    struct ahead_target targets[AHEAD_DEPTH];
    unsigned n_unknown;
    int64_t unknown[2]; /* studies whose order would help: ahead_learn */
};

/* Notes a read. True if *ret says anything. At most `limit` proposals. */
bool ahead_note(struct ahead *a, const struct ahead_read *read, unsigned limit,
                struct ahead_plan *ret);

/*
 * The order of a study: `ids` ascending, `named` the same by name (both
 * copied; only the first AHEAD_STUDY are kept), and the study that follows,
 * 0 if none does.
 */
void ahead_learn(struct ahead *a, int64_t study, const int64_t *ids,
                 const int64_t *named, uint32_t n, int64_t next_study);

bool ahead_knows(struct ahead *a, int64_t study);

/* After a rescan. */
void ahead_forget(struct ahead *a);

/* Is the target still before its stream? */
bool ahead_is_wanted(struct ahead *a, const struct ahead_stream_ref *stream,
                     const struct ahead_target *target);

/* What became of a proposal: was there something to make? */
void ahead_done(struct ahead *a, const struct ahead_stream_ref *stream,
                bool made);

#endif
