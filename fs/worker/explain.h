// SPDX-License-Identifier: MIT
/*
 * explain.h: what went wrong in a worker, in words for whoever reads the leaf.
 *
 * Threads: reentrant.
 */
#ifndef WORKER_EXPLAIN_H
#define WORKER_EXPLAIN_H

#include "worker/slot.h"

/* What a worker was asked to do, as the texts say it: "frame 3", "decoder",
 * "decoded", "decoding". */
struct task {
    char what[24];
    const char *who, *done, *doing;
    bool named; /* the worker's own words are preceded by `what` */
};

/* There is no reply; `status` is how the worker ended, as of wait(2), or -1.
 * ERROR_CORRUPT, or ERROR_IO if it says nothing about the task. */
int explain_outcome(const struct task *task, const struct slot_limits *limits,
                    enum slot_outcome outcome, int status, struct error *err);

/* What the worker said, or what one that was taken over wants to say: made
 * printable, and of a kind that a file can be to blame for, or ERROR_IO. */
int explain_reply(const struct task *task, const struct slot_limits *limits,
                  struct worker_reply *reply, struct error *err);

#endif
