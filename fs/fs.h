// SPDX-License-Identifier: MIT
/*
 * fs.h: the parts of one mount, as the FUSE operations see them.
 *
 * main.c makes them, in this order, and frees them in the opposite one. This
 * struct is the session's user data; everything in it locks itself.
 */
#ifndef FS_FS_H
#define FS_FS_H

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)
#include <fuse_lowlevel.h>

#include "cohort.h"
#include "log.h"
#include "options.h"
#include "pool.h"
#include "readers.h"
#include "record.h"
#include "report.h"
#include "stats.h"
#include "tree.h"

struct fs {
    const struct options *options;
    struct log *log;
    struct stats stats;
    struct report report;
    struct manifest *manifest;
    struct cohort *cohort; /* NULL: all of the archive */
    struct cache *cache;
    struct workers *workers; /* main.c's; NULL: all in this process */
    struct render *render;
    struct views *views;
    struct pool *pool;
    struct recorder *recorder;
    struct readers *readers;
    struct control *control;
    struct tree *tree;

    atomic_bool shim_wanted; /* INIT is still to be changed: session.c */
};

#endif
