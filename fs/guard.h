// SPDX-License-Identifier: MIT
/*
 * guard.h: the thread that takes the signals, from the start to the end.
 *
 *     before the mount    INT, TERM cancel what goes on; again: exit
 *     mounted             INT, TERM detach the mount and let its users
 *                         finish; after a while, or again: exit
 *     always              HUP calls back and ends nothing
 *
 * All other threads have signals blocked: call guard_block first, before any
 * is made, and they inherit that.
 *
 * Threads: guard_start, guard_mounted and guard_end by the main thread.
 */
#ifndef FS_GUARD_H
#define FS_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "log.h"
#include "prepfs/error.h"
#include "session.h"

struct guard;

struct guard_config {
    struct log *log;        /* borrowed */
    atomic_bool *cancel;    /* set by the first INT or TERM; borrowed */
    void (*hangup)(void *); /* on HUP, once mounted */
    void *opaque;
};

void guard_block(void);

struct guard *guard_start(const struct guard_config *config, struct error *err);

/* From now on signals end this session. False if one has come already: then
 * do not serve. */
bool guard_mounted(struct guard *g, struct session *session);

/* The session has ended, or never came. NULL is fine. */
void guard_end(struct guard *g);

#endif
