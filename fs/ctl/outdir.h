// SPDX-License-Identifier: MIT
/*
 * outdir.h: a folder of rendered files that can be completed later.
 *
 *     OUT/STUDY/IMAGE.tiff           complete, always: files are renamed here
 *     OUT/.prepfs-render/tmp-0       in the making, one per worker
 *     OUT/.prepfs-render/files.tsv   which files are here, of which version of
 *                                    which source; by which view and engine
 *     OUT/.prepfs-render/lock        one run at a time
 *
 * The line of a file is written before it is renamed. So a file without a
 * line is somebody else's and is not touched; a line whose file is missing,
 * or has another size, is a file to be made again. A run that was killed
 * leaves temporary files of which the next one knows. A file has one line,
 * but for those whose source changed or whose run was killed: the last counts.
 *
 * Threads: struct outdir is internally locked; a struct outfile belongs to
 * one worker.
 */
#ifndef CTL_OUTDIR_H
#define CTL_OUTDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

#define OUTDIR_PRIVATE ".prepfs-render"

struct outdir;

/*
 * Opens OUT, which is made if its parent is there. `made_by` is one line: the
 * view and the engine. ERROR_USAGE if files here were made by something else
 * and `force` is false (with it, their lines are forgotten); ERROR_IO, with
 * EWOULDBLOCK if another run is at work here.
 */
int outdir_open(const char *path, const char *made_by, bool force,
                struct outdir **ret, struct error *err)
    __attribute__((warn_unused_result));

/* What was written is on the disk then, or -1. NULL is fine. */
int outdir_close(struct outdir *o, struct error *err);

enum outdir_state {
    OUTDIR_MISSING, /* no such file, or one that is not complete */
    OUTDIR_DONE,    /* complete and of this version */
    OUTDIR_CHANGED, /* made here, but of another version of its source */
    OUTDIR_FOREIGN  /* not made here */
};

/* Is there a file already? `version` stands for the version of its source. */
int outdir_state(struct outdir *o, const char *relpath, uint64_t version,
                 enum outdir_state *ret, struct error *err)
    __attribute__((warn_unused_result));

/* A file in the making. Zero-initialise it before its first use. */
struct outfile {
    struct outdir *dir; /* NULL: it stands alone */
    int fd;             /* -1: none */
    uint64_t size;
    char name[32]; /* beneath OUT/.prepfs-render */
    char *alone;   /* its temporary name, owned */
};

/* Begins a file; `worker` tells temporary files apart. End it with one of
 * the two last. */
int outfile_begin(struct outdir *o, unsigned worker, struct outfile *ret,
                  struct error *err) __attribute__((warn_unused_result));
/* Begins a file that is not in such a folder but at `path`. */
int outfile_begin_alone(const char *path, struct outfile *ret,
                        struct error *err) __attribute__((warn_unused_result));
int outfile_write(struct outfile *f, const void *bytes, size_t length,
                  struct error *err) __attribute__((warn_unused_result));

/* Puts the file at its place, replacing what is there: `relpath` beneath OUT,
 * or the path that it was begun with. */
int outfile_commit(struct outfile *f, const char *relpath, uint64_t version,
                   int64_t mtime_s, struct error *err)
    __attribute__((warn_unused_result));
void outfile_abandon(struct outfile *f);

#endif
