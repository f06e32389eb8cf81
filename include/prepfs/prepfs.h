// SPDX-License-Identifier: MIT
/*
 * prepfs.h: what a mount shows, without the mount.
 *
 *     struct prepfs *p = prepfs_open("/data/archive", NULL, &err);
 *     struct prepfs_file *f =
 *         prepfs_file_open(p, "window-c40-w400_size-512x512/STUDY/IMAGE.npy",
 *                          &err);
 *     prepfs_file_read(f, 0, buffer, prepfs_file_size(f), &err);
 *
 * Paths, names, sizes and bytes are those of a mount: prepfs-view(7). An
 * archive is never written to; what is known about it is kept in the same
 * state folder as a mount's, and both may use it at the same time.
 *
 * Errors: functions return 0 or -1, or NULL, and fill *err (prepfs/error.h),
 * which may be NULL. Its kind says what is wrong and is part of this contract;
 * its text is for people and is not. After a success *err is unspecified.
 *
 * Threads: struct prepfs and struct prepfs_file are internally locked: any
 * number of threads may read, list and open at once. What a thread closes or
 * frees no other may use. Callbacks run in the thread of the caller.
 *
 * Versions: within one PREPFS_ABI functions and fields are only added, fields
 * at the end of structs that begin with their size.
 */
#ifndef PREPFS_PREPFS_H
#define PREPFS_PREPFS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "prepfs/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PREPFS_ABI 0

/* "0.1.0", of the library that runs. Static text. */
const char *prepfs_version(void);

/* ---- views ---- */

#define PREPFS_VIEW_SIZE 201 /* holds any canonical name and its NUL */

/*
 * The canonical name of a view: that of its folder in a mount. Two views with
 * the same name give the same files. ERROR_NOT_FOUND if `view` does not begin
 * like one, ERROR_BAD_VIEW if it is malformed further on, ERROR_UNSUPPORTED if
 * an operator in it is not built in. Needs no archive.
 */
int prepfs_view_name(const char *view, char ret[PREPFS_VIEW_SIZE],
                     struct error *err) __attribute__((warn_unused_result));

/* Says in words what a view does, or what is wrong with it and where. 0 if it
 * is a view. */
int prepfs_view_explain(const char *view, FILE *out);

/* ---- archives ---- */

struct prepfs;

/* Zero-initialise with PREPFS_OPTIONS_INIT. */
struct prepfs_options {
    size_t size;          /* of this struct */
    const char *state;    /* where the manifest is kept; NULL: where a mount
                           * keeps it (FILES of prepfsctl(1)) */
    uint64_t cache_bytes; /* memory for computed images; 0: a quarter of what
                           * is free */
    /*
     * Processes that decode, shut in: a file that crashes a codec, hangs or
     * takes all memory is then an error of that file. 0: none, decode in this
     * process. They are forked by prepfs_open, which then wants to be called
     * while the process has one thread.
     */
    unsigned workers;
    int gaps_allowed; /* stack series that are not evenly spaced, as -o
                       * gaps=allow does */
    int follow; /* links that lead out of the archive, as -o follow does */
};

#define PREPFS_OPTIONS_INIT                                                    \
    {                                                                          \
        sizeof(struct prepfs_options), NULL, 0, 0, 0, 0                        \
    }

/*
 * Opens an archive. If it was never indexed the headers of all its files are
 * read before this returns, as by the first mount; later changes are found by
 * prepfs_refresh, or by a mount of the same state. `options` may be NULL and is
 * copied. ERROR_NOT_FOUND, ERROR_USAGE (the state lies in the archive),
 * ERROR_IO, ERROR_NO_MEMORY. Caller owns the result.
 */
struct prepfs *prepfs_open(const char *archive,
                           const struct prepfs_options *options,
                           struct error *err);

/* Ends it. No file of it may be open. May be NULL. */
void prepfs_close(struct prepfs *p);

/*
 * Looks for new, changed and removed files, and waits for the result. Files
 * that are open go on if their source did not change, else reading them is
 * ERROR_STALE where a decode is needed. ERROR_IO with EWOULDBLOCK if another
 * process is indexing this archive just now.
 */
int prepfs_refresh(struct prepfs *p, struct error *err)
    __attribute__((warn_unused_result));

/* Told of one file, by its path: VIEW/STUDY/IMAGE.tiff, with a canonical VIEW.
 * The text is good during the call. Anything but 0 ends the listing. */
typedef int (*prepfs_list_fn)(void *opaque, const char *path);

/*
 * Lists the files of a view, in the order of the sources on the disk. Returns
 * 0, what `each` has returned to end it, or -1: as prepfs_view_name, and
 * ERROR_IO.
 */
int prepfs_list(struct prepfs *p, const char *view, prepfs_list_fn each,
                void *opaque, struct error *err)
    __attribute__((warn_unused_result));

/* ---- files ---- */

struct prepfs_file;

/*
 * Opens a file by its path: VIEW/STUDY[/SERIES]/IMAGE.EXT as in a mount, VIEW
 * in any spelling and EXT any of tiff, npy, nii, png, json. Its size is known
 * then; where that takes a decode (automatic crop, compression) one is done.
 * ERROR_NOT_FOUND, ERROR_BAD_VIEW, ERROR_UNSUPPORTED, ERROR_CORRUPT, ERROR_IO,
 * ... Caller owns the result.
 */
struct prepfs_file *prepfs_file_open(struct prepfs *p, const char *path,
                                     struct error *err);
void prepfs_file_close(struct prepfs_file *f); /* may be NULL */

uint64_t prepfs_file_size(const struct prepfs_file *f);

/*
 * Reads bytes [offset, offset + length), all of which must be inside the file
 * (ERROR_USAGE otherwise): all of them or none. What is not in memory is
 * computed; it then is in memory for who reads it again.
 */
int prepfs_file_read(struct prepfs_file *f, uint64_t offset, void *buffer,
                     size_t length, struct error *err)
    __attribute__((warn_unused_result));

/* What samples a file holds and where: rows from the top, pixels from the
 * left, channels of a pixel side by side, little endian, nothing in between. */
struct prepfs_samples {
    size_t size; /* of this struct; set before the call */
    uint32_t width, height, channels;
    uint32_t pages;      /* frames, slices; at `offset` one after another */
    char dtype[8];       /* as NumPy writes it: "|u1", "<u2", "<f4", ... */
    uint64_t offset;     /* of the first one in the file; 0: packed */
    uint64_t page_bytes; /* 0: packed */
};

#define PREPFS_SAMPLES_INIT                                                    \
    {                                                                          \
        sizeof(struct prepfs_samples), 0, 0, 0, 0, "", 0, 0                    \
    }

/* Measures what must be. ERROR_UNSUPPORTED of a .json. */
int prepfs_file_samples(struct prepfs_file *f, struct prepfs_samples *ret,
                        struct error *err) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
