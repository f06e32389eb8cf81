// SPDX-License-Identifier: MIT
/*
 * options.h: the command line of prepfs.
 *
 *     prepfs ARCHIVE MOUNTPOINT [-f] [-d] [-o OPTION[,OPTION...]]
 *
 * One table (options.c) drives the parser, --help, and the test that compares
 * both with prepfs(1). Every option of -o may also be given as a long option
 * (--cache=2G). Commas and backslashes inside a value are written \, and \\.
 *
 * Threads: struct options is plain data, immutable after options_parse.
 */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "prepfs/error.h"

enum option_choice { OPTION_UNSAID, OPTION_OFF, OPTION_AUTO };

struct options {
    char *archive;    /* as given; owned */
    char *mountpoint; /* as given; owned */
    bool help;
    bool version;
    bool foreground;
    bool debug;         /* implies foreground, and the level */
    uint64_t log_level; /* enum log_level */

    char *state_dir; /* NULL: the default place; owned */
    char *manifest;  /* published file to follow, or NULL; owned */
    char *presets;   /* file, or NULL; owned */
    bool preset_dirs;
    bool only_presets; /* there is a `presets` then */
    bool index_background;
    uint64_t watch_said; /* enum option_choice, and what it comes to: */
    bool watch;          /* the kernel tells what changes in the archive */
    int64_t rescan;      /* seconds between looks; 0: none, -1: as it needs */
    bool follow;         /* symbolic links out of the archive */
    char *where;         /* an SQL expression, or NULL; owned */
    bool hide_burned_in; /* (0028,0301) is YES */
    bool xattr;
    uint64_t cache_bytes;   /* 0: a quarter of the memory that is free */
    char *disk;             /* folder below the memory, or NULL; owned */
    uint64_t disk_bytes;    /* 0: half of what is free there */
    uint64_t disk_rate;     /* written per second; 0: 256 MiB, or DISK_OFF */
    uint64_t disk_day;      /* per day; 0: the disk's size, or DISK_OFF */
    char *shared;           /* servers below both, or NULL; owned */
    uint64_t shared_time;   /* milliseconds that asking them may take */
    char *shared_auth;      /* file with a password, or NULL; owned */
    bool gaps_allowed;      /* irregular series are stacked */
    bool epochs;            /* guard the cache against passes over too much */
    bool pressure;          /* give memory back while the system is short */
    uint64_t prefetch;      /* images ahead of a sequential reader; 0: none */
    uint64_t threads;       /* that decode; 0: one per processor */
    int64_t workers;        /* processes that do it; 0: none, -1: as many */
    uint64_t decode_time;   /* seconds a frame may take in one of them */
    uint64_t decode_memory; /* bytes it may take there */
    uint64_t max_views;
    uint64_t max_pixels; /* of a frame, of a page */
    uint64_t max_bytes_per_file;
    uint64_t read_ahead_kb; /* 0: leave the kernel's */

    int64_t uid; /* -1: who mounts */
    int64_t gid;
    uint64_t umask;
    bool allow_other;
    bool allow_root;
    bool default_permissions;
    bool auto_unmount;
    bool remount; /* mount -o remount called us */
    char *fsname; /* NULL: the archive; owned */
    char *kernel; /* options that only the kernel knows, "a=b,c"; owned */
};

/*
 * Reads a command line. 0 with *ret filled (release with options_deinit); -1
 * with ERROR_USAGE and a message for the user, in which an unknown word is
 * answered with the nearest known one. After -h or -V the rest may be
 * missing: look at `help` and `version` first.
 */
int options_parse(int argc, char *const argv[], struct options *ret,
                  struct error *err) __attribute__((warn_unused_result));
void options_deinit(struct options *o);

/* What --help shows. */
void options_help(FILE *out);

/* One per line: every word that -o takes, without values, in table order;
 * `ignored` chooses those that are accepted and do nothing. For tests. */
void options_list(FILE *out, bool ignored);

/* Every option in table order, for who completes command lines. */
struct option_info {
    const char *name;    /* "x-*": any word that starts with x- */
    char letter;         /* or 0 */
    const char *metavar; /* of its value, or NULL */
    const char *help;    /* NULL: not shown in detail */
};
void options_each(void (*each)(void *opaque, const struct option_info *option),
                  void *opaque);

/* "512K", "2G", "1000": bytes in units of 1024. ERROR_USAGE. */
int options_parse_size(const char *text, uint64_t *ret, struct error *err)
    __attribute__((warn_unused_result));

#endif
