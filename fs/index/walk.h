// SPDX-License-Identifier: MIT
/*
 * walk.h: every regular file beneath a folder.
 *
 * Dot files are files like others (some archives name images so), except what
 * operating systems and version control leave behind: a short table in
 * walk_junk.c. Symbolic links to files are followed if they stay beneath the
 * root, as in git-annex archives; those to folders are not, since what is
 * beneath is found by itself. Other file systems mounted in the tree are
 * walked too.
 *
 * With `follow` links lead wherever they say, those to folders as well. Every
 * folder is entered once, by its own path if it has one beneath the root, so
 * that links which go round in circles come to an end; a mount of prepfs is
 * not entered.
 * Threads: reentrant.
 */
#ifndef INDEX_WALK_H
#define INDEX_WALK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

struct walk_file {
    const char *relpath; /* borrowed during the call */
    bool is_link;
    bool leaves; /* a link out of the archive; what follows is the link's */
    uint64_t dev, ino, size;
    int64_t mtime_ns;
};

struct walk_handler {
    void *opaque;
    /* -1 ends the walk. */
    int (*file)(void *opaque, const struct walk_file *file, struct error *err);
    /* Something that cannot be looked at. `is_folder`: what is in it is
     * unknown; relpath "" is the root. */
    int (*unreadable)(void *opaque, const char *relpath, bool is_folder,
                      int sys_errno, struct error *err);
    /* Before the names of a folder are read; `fd` is it. May be NULL. */
    void (*folder)(void *opaque, const char *relpath, int fd);
    /* A link that leads nowhere. One that leaves the archive is a file: the
     * link itself, which cannot be opened. */
    void (*link_skipped)(void *opaque, const char *relpath);
};

/* What to walk: everything beneath the root, or the `n_only` relative paths of
 * `only`, files or folders, none of them beneath another. */
struct walk_what {
    const char *exclude; /* a relative path that is not entered, or NULL */
    const char *const *only;
    size_t n_only; /* 0: everything */
    bool follow;
};

/* ERROR_INTERRUPTED if *cancel (may be NULL) becomes true. */
int walk_tree(int root_fd, const struct walk_what *what,
              const struct walk_handler *handler, const atomic_bool *cancel,
              struct error *err);

/* Is a name one that the walk passes by? Or one in a path? */
bool walk_is_junk(const char *name);
bool walk_passes_by(const char *relpath);

#endif
