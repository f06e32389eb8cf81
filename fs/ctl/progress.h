// SPDX-License-Identifier: MIT
/*
 * progress.h: what a long run shows on standard error: on a terminal one line
 * that is drawn again and again, elsewhere a line from time to time, and
 * messages in between.
 *
 * Threads: one at a time.
 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/index.h"

struct progress {
    const char *program;
    bool quiet;
    bool terminal;
    bool drawn; /* a line stands there */
    double started;
    double shown;
};

/* `quiet`: messages only. */
void progress_init(struct progress *p, const char *program, bool quiet);

struct progress_count {
    uint64_t done; /* made, skipped or failed */
    uint64_t failed;
    uint64_t total; /* 0: not known */
    uint64_t bytes;
};

/* All draw if it is time to; cheap otherwise. */
void progress_index(struct progress *p, const struct index_progress *index);
void progress_files(struct progress *p, const struct progress_count *count);

void progress_text(struct progress *p, const char *text);

/* Takes the line away. */
void progress_clear(struct progress *p);

/* "PROGRAM: text". */
__attribute__((format(printf, 2, 3))) void
progress_message(struct progress *p, const char *fmt, ...);

/* Seconds of a clock that only goes forward. */
double progress_now(void);

#endif
