// SPDX-License-Identifier: MIT
/*
 * slot.h: the place of one worker, with or without a living one in it.
 *
 * Threads: one thread at a time per slot.
 */
#ifndef WORKER_SLOT_H
#define WORKER_SLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "prepfs/error.h"
#include "worker/arena.h"
#include "worker/wire.h"
#include "worker/zygote.h"

struct slot {
    struct arena arena;
    uint64_t memory_bytes; /* that the worker was given */
    int socket;            /* -1: nobody here */
    pid_t pid;
    unsigned confinement;
};

/* What one task may take. */
struct slot_limits {
    uint64_t memory_bytes;
    unsigned seconds;
};

/* What a worker must have for a task: at least. */
struct slot_needs {
    uint64_t arena_bytes;
    uint64_t memory_bytes;
};

/* An empty slot. */
void slot_init(struct slot *s);

/* Arenas are powers of two, from one that most tasks fit: what `bytes` get. */
uint64_t slot_arena_bytes(uint64_t bytes);

/* Sees to it that a living worker that has what is needed is there, and one
 * that has said nothing but what it was asked: else its answers would be those
 * to other questions. *ret_started says whether it had to be made. */
int slot_fill(struct slot *s, struct zygote *z, const struct slot_needs *needs,
              bool *ret_started, struct error *err)
    __attribute__((warn_unused_result));

enum slot_outcome {
    SLOT_REPLIED,
    SLOT_ENDED,    /* the worker, by itself or by somebody's signal */
    SLOT_TIMEOUT,  /* over its time */
    SLOT_NONSENSE, /* it wrote what no worker of ours writes */
};

/* Sends a request, with a descriptor (which stays the caller's) if it is not
 * negative. False, with errno, if the worker did not get it. */
bool slot_send(struct slot *s, const struct worker_request *request, int fd);

/* Waits for the reply to the first request that has none, whose time begins
 * now. After anything but
 * SLOT_REPLIED the slot must be emptied. */
enum slot_outcome slot_wait(struct slot *s, const struct slot_limits *limits,
                            struct worker_reply *ret);

/* Must the worker be ended? One that ran out of memory starts anew: what its
 * libraries left behind nobody knows. */
bool slot_must_go(enum slot_outcome outcome, const struct worker_reply *reply);

/* Ends the worker, if there is one; how it ended as of wait(2), or -1. */
int slot_empty(struct slot *s, struct zygote *z);

#endif
