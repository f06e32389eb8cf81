// SPDX-License-Identifier: MIT
/*
 * lib.h: struct prepfs, for the files of libprepfs. The contract is
 * prepfs/prepfs.h; what the library shows is prepfs.map.
 *
 * Threads: immutable after prepfs_open; the parts lock themselves.
 */
#ifndef LIB_LIB_H
#define LIB_LIB_H

#include "engine/engine.h"
#include "prepfs/cache.h"
#include "prepfs/prepfs.h"

struct prepfs {
    char *archive; /* real path */
    char *state;
    struct manifest *manifest;
    struct cache *cache;
    struct engine engine;
    bool follow;
};

/* Interns the view in name[0..length); ret_dirname may be NULL. */
int lib_view(struct prepfs *p, const char *name, size_t length, uint16_t *ret,
             char ret_dirname[VIEW_DIRNAME_MAX + 1], struct error *err);

#endif
