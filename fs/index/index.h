// SPDX-License-Identifier: MIT
/*
 * index.h: an archive on disk -> a manifest.
 *
 *     walk     every file beneath the root; what the manifest has in the same
 *              version (device, inode, size, mtime) is not opened
 *     parse    the others' headers, by several threads, in inode order
 *     write    in that order, one transaction per batch
 *     finish   names of duplicates, slice order of series, statistics
 *
 * A run of a few places only (keep_rest) is the same without the rest of the
 * walk, and looks at nothing else that the manifest knows.
 *
 * Each part commits as it goes. A run that was interrupted or killed has lost
 * at most the batch in the making, and the next run completes it.
 *
 * Threads: index_run blocks; one run per manifest at a time (ERROR_IO with
 * EWOULDBLOCK otherwise, also between processes). Readers of the manifest are
 * not disturbed.
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "manifest/manifest_write.h"
#include "prepfs/error.h"
#include "worker/worker.h"

/* What a parser found in one file. */
struct index_parsed {
    struct manifest_header header; /* texts borrowed from `keep` */
    const char *problem; /* NULL, or why its pixels will not be served */
    int problem_errno;
    void *keep; /* for release; may be NULL */
};

enum index_verdict {
    INDEX_NOT_DICOM,
    INDEX_DICOM,
    INDEX_DIRECTORY /* a DICOMDIR */
};

/* A file to be parsed, and what became of it. */
struct index_job {
    int fd;                   /* a regular file; the caller's */
    uint64_t size;            /* of it */
    const char *name;         /* the last component of the path */
    struct index_parsed *ret; /* initialised */
    /* enum index_verdict, or -1 and err: ERROR_IO if the file cannot be read,
     * any other kind if it is DICOM but damaged. */
    int verdict;
    struct error err;
};

enum { INDEX_JOBS_MAX = 16 }; /* at once */

/* How headers are read. Called by several threads at once. */
struct index_parser {
    const char *revision; /* files that could not be parsed are tried again
                             when it changes */
    void *opaque;
    void (*parse)(void *opaque, struct index_job *jobs, size_t n);
    void (*release)(void *keep);
};

/* The parser of fs/dicom (call dicom_global_init before). `config` is borrowed
 * as long as the parser is used; extra_tags are (group << 16 | element), for
 * table `attr`. */
struct index_dicom_config {
    bool any_name;           /* sniff every file, not only likely names */
    struct workers *workers; /* that parse; NULL: in this process */
    const uint32_t *extra_tags;
    size_t n_extra_tags;
};
void index_dicom_parser(const struct index_dicom_config *config,
                        struct index_parser *ret);

enum { INDEX_SETTLE_MS = 200 };

enum index_phase { INDEX_WALKING, INDEX_PARSING, INDEX_FINISHING };

struct index_progress {
    enum index_phase phase;
    uint64_t found; /* files seen by the walk */
    uint64_t total; /* of them to be parsed; 0 while walking */
    uint64_t done;
    double files_per_s;
    double remaining_s; /* of the parsing; negative if unknown */
};

struct index_config {
    struct manifest *manifest; /* borrowed */
    const char *archive;
    const struct index_parser *parser; /* borrowed */
    unsigned threads;                  /* 0: chosen */
    /* A folder of the archive (relative path) that is not looked into: our
     * own mount point. May be NULL. */
    const char *exclude;
    /* Relative paths of the files and folders that count, none beneath
     * another; without any, all of the archive does. What is not among them
     * is as good as gone. */
    const char *const *only;
    size_t n_only;
    /* What is not among `only` stays as it is instead: a run after a complete
     * one, of a few places that are known to have changed. */
    bool keep_rest;
    /* Links lead wherever they say: walk.h. Else those that leave the archive
     * are in table `error`. */
    bool follow;
    /* An archive without any file, after it had some, is most often a disk
     * that is not mounted: an error unless this is set. */
    bool allow_empty;
    /* A file that was written to less than this many milliseconds ago is
     * waited for, and left out if it is written on and on: what is written
     * within one tick of the clock leaves no trace in the time of
     * modification, and a version must be told by it. 0: INDEX_SETTLE_MS. */
    unsigned settle_ms;
    const atomic_bool *cancel; /* may be NULL */
    /* At most some ten times a second, from the thread of index_run. May be
     * NULL, as may `warn`, which is told of folders and files that cannot be
     * looked at. */
    void (*progress)(void *opaque, const struct index_progress *progress);
    void (*warn)(void *opaque, const char *relpath, const char *message);
    /* Each folder, opened, before its names are read; "" is the archive
     * itself. May be NULL. */
    void (*folder)(void *opaque, const char *relpath, int fd);
    /* Each file that was left as it was because it is being written. May be
     * NULL. */
    void (*unsettled)(void *opaque, const char *relpath);
    void *opaque;
};

struct index_result {
    uint64_t files;     /* regular files found */
    uint64_t unchanged; /* known in this version, not opened */
    uint64_t moved;     /* known under another path */
    uint64_t parsed;    /* opened */
    uint64_t added;     /* new instances */
    uint64_t replaced;  /* instances of changed files */
    uint64_t vanished;  /* files that are not there any more */
    uint64_t unsettled; /* files that are being written: left as they were */
    uint64_t not_dicom; /* of the parsed */
    uint64_t errors;    /* of the parsed */
    uint64_t copies;    /* same bytes as another: hidden */
    uint64_t renamed;   /* same UID, other bytes: UID.dN */
    uint64_t unreadable_folders;
    uint64_t links_skipped; /* symbolic links that lead nowhere */
    uint64_t links_outside; /* that leave the archive and are not followed */
    double seconds;
};

/* "12345 of 20000 files, 950 files/s, 8 s left" */
void index_progress_text(const struct index_progress *p, char *buf,
                         size_t size);
/* The summary, in lines. */
void index_result_write(FILE *out, const struct index_result *r);

/* ERROR_NOT_FOUND (no such archive), ERROR_INTERRUPTED, ERROR_NO_IDS,
 * ERROR_IO, ...; *ret counts what was done until then. */
int index_run(const struct index_config *config, struct index_result *ret,
              struct error *err);

#endif
