// SPDX-License-Identifier: MIT
/*
 * warm_mount.h: reads every file of a view of a mount, or a shard of them.
 *
 * Threads: called by one thread; returns when all is read.
 */
#ifndef CTL_WARM_MOUNT_H
#define CTL_WARM_MOUNT_H

#include "ctl/crew.h"
#include "ctl/shard.h"

struct warm_mount {
    const char *mount, *view;
    unsigned threads;   /* at most 64 */
    struct shard shard; /* its total is counted here */
    struct progress *progress;
};

/* 0 also if files cannot be read, which is said and counted; ERROR_INTERRUPTED
 * after a signal. *ret is added to. */
int warm_mount(const struct warm_mount *config, struct crew_result *ret,
               struct error *err) __attribute__((warn_unused_result));

#endif
