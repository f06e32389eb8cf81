// SPDX-License-Identifier: MIT
/*
 * parts.h: makes everything a mount consists of, below the session.
 *
 * Threads: one at a time.
 */
#ifndef FS_PARTS_H
#define FS_PARTS_H

#include "fs.h"
#include "paths.h"
#include "prepfs/error.h"

struct parts {
    struct fs fs;
    char *state_dir;
    char *snapshot;                  /* the file behind manifest.db */
    char *socket;                    /* rescan_socket.h; not yet there */
    struct cache_pressure *pressure; /* NULL: nobody watches the memory */
    struct cache_disk *disk;         /* below the cache; NULL: none */
    struct shared *shared;           /* below both; NULL: none */
};

/* How many threads will decode. */
unsigned parts_threads(const struct options *options);

/* Opens the state and fills *parts; parts_close also after a failure. All
 * arguments are borrowed until then; `workers` may be NULL (render.h). `cancel`
 * ends what takes long. */
int parts_open(struct parts *parts, const struct options *options,
               const struct paths *paths, struct workers *workers,
               struct log *log, const atomic_bool *cancel, struct error *err);
void parts_close(struct parts *parts);

/* Reads the presets again. What is wrong with them is logged, and the old
 * ones stay. */
void parts_reload_presets(struct parts *parts, const char *path);

#endif
