// SPDX-License-Identifier: MIT
/*
 * sources.h: the inputs of a batch: files, folders, and lists of them.
 *
 *     folder        everything beneath it
 *     NAME.txt      one path per line, relative to the working folder; LF or
 *                   CRLF; empty lines are skipped
 *     anything else one file, whatever its name
 *
 * They become one root, their nearest common folder, and relative paths
 * beneath it: what an indexer and the renderer need, which open nothing
 * outside of a root.
 *
 * Threads: plain data, one thread at a time.
 */
#ifndef CTL_SOURCES_H
#define CTL_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "prepfs/error.h"

struct source_path {
    char *path; /* real, absolute */
    bool is_folder;
};

struct source_set {
    char *root; /* real, absolute */
    /* Relative to root, sorted, none beneath another; empty if root itself is
     * what was given. */
    char **only;
    size_t n_only;
    /* The files that were named, one by one, relative to root. */
    char **named;
    size_t n_named;
    bool has_folder;
    /* private */
    struct source_path *paths;
    size_t n_paths;
    size_t capacity;
};

/* Told of a path that cannot be had, with the reason. -1 ends the work. */
typedef int (*source_fail_fn)(void *opaque, const char *path,
                              const struct error *why, struct error *err);

/*
 * Finds the inputs. What cannot be had is told to `fail` and left out.
 * ERROR_NOT_FOUND if nothing is left, ERROR_NO_MEMORY, or what `fail` says.
 * Release with source_set_deinit, also after a failure.
 */
int source_set_init(char *const *args, size_t n, source_fail_fn fail,
                    void *opaque, struct source_set *ret, struct error *err)
    __attribute__((warn_unused_result));
void source_set_deinit(struct source_set *s);

#endif
