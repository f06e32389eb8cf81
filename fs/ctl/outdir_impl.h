// SPDX-License-Identifier: MIT
/*
 * outdir_impl.h: struct outdir, private to outdir.c (the folder and its list)
 * and outfile.c (files that are put there).
 */
#ifndef CTL_OUTDIR_IMPL_H
#define CTL_OUTDIR_IMPL_H

#include <sys/types.h>

#include "ctl/outdir.h"
#include "prepfs/lock.h"

struct known; /* a line */

struct outdir {
    char *path; /* for messages */
    int fd;
    int private_fd;
    int lock_fd;
    int list_fd; /* O_APPEND */
    struct lock lock;
    struct known *known; /* sorted by name */
    size_t n_known;
};

/* -1 with errno in words; `name` is beneath OUT. */
int outdir_fail(const struct outdir *o, const char *name, struct error *err);

/* Everything, or -1 with errno. */
int outdir_write(int fd, const void *data, size_t length);

/* Where a line is in the list. */
struct outdir_line {
    off_t start, end;
};

/* Says in the list that a file is here. */
int outdir_line_add(struct outdir *o, const char *relpath, uint64_t version,
                    uint64_t size, struct outdir_line *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Takes a line back whose file did not come, unless another is behind it: left
 * there it does no harm, since the last line about a file counts. */
void outdir_line_cut(struct outdir *o, const struct outdir_line *line);

#endif
