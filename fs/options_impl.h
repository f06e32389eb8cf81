// SPDX-License-Identifier: MIT
/* options_impl.h: the table that parses and prints the command line. */
#ifndef FS_OPTIONS_IMPL_H
#define FS_OPTIONS_IMPL_H

#include "options.h"

enum option_type {
    OPTION_FLAG,    /* bool */
    OPTION_TEXT,    /* char *, owned */
    OPTION_SIZE,    /* uint64_t with a suffix */
    OPTION_NUMBER,  /* uint64_t */
    OPTION_OCTAL,   /* uint64_t */
    OPTION_ID,      /* int64_t, not negative */
    OPTION_CHOICE,  /* bool, set by the one word in `metavar` */
    OPTION_SWITCH,  /* bool: "auto" or "off" */
    OPTION_CHOSEN,  /* enum option_choice: the same, or not said */
    OPTION_COUNT,   /* uint64_t, or "off" for 0 */
    OPTION_LIMIT,   /* uint64_t with a suffix, or "off" for UINT64_MAX */
    OPTION_LEVEL,   /* uint64_t, enum log_level: a word of `metavar` */
    OPTION_KERNEL,  /* passed on to mount(2) */
    OPTION_IGNORED, /* accepted because fstab and mount(8) say it */
    OPTION_FORCED   /* accepted; prepfs always mounts like this */
};

struct option {
    const char *name; /* "x-*": any word that starts with x- */
    char letter;      /* or 0 */
    enum option_type type;
    size_t offset;       /* in struct options */
    uint64_t low, high;  /* of SIZE, NUMBER, OCTAL and ID; high 0: any */
    const char *metavar; /* of the value, or NULL */
    const char *help;    /* NULL: not shown in detail */
};

extern const struct option options_table[]; /* ends with a NULL name */

#endif
