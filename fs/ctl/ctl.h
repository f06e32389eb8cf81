// SPDX-License-Identifier: MIT
/*
 * ctl.h: what the subcommands of prepfsctl share.
 *
 * One table (command.c) says which subcommands there are, which options each
 * takes, and what they mean; --help, the check of the command line and the
 * manual's test read it. A subcommand is a file cmd_NAME.c with one function.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "manifest/manifest.h"
#include "prepfs/error.h"
#include "view/view.h"

/* Exit statuses. */
#define CTL_OK 0
#define CTL_FAILED 1
#define CTL_USAGE 2

enum ctl_option {
    CTL_STATE,
    CTL_JOBS,
    CTL_WORKERS,
    CTL_GAPS,
    CTL_WHERE,
    CTL_FOLLOW,
    CTL_TAGS,
    CTL_SNIFF,
    CTL_ALLOW_EMPTY,
    CTL_PRESETS,
    CTL_QUIET,
    CTL_OUT,
    CTL_FORMAT,
    CTL_LAYOUT,
    CTL_WITH,
    CTL_FORCE,
    CTL_STRICT,
    CTL_DRY_RUN,
    CTL_TIMES,
    CTL_REPLACE,
    CTL_INVERSE,
    CTL_EDGES,
    CTL_ROWS,
    CTL_COLUMNS,
    CTL_TILE,
    CTL_SHARD,
    CTL_WATCH,
    CTL_EVERY,
    /* the options of dicom-preprocess: translate.c */
    CTL_CROP,
    CTL_CROP_MAX,
    CTL_NO_COMPONENTS,
    CTL_BORDER_FRAC,
    CTL_SIZE,
    CTL_SPACING,
    CTL_FILTER,
    CTL_PADDING,
    CTL_NO_PADDING,
    CTL_COMPRESSOR,
    CTL_VOLUME_HANDLER,
    CTL_TARGET_FRAMES,
    CTL_MIP_WEIGHT,
    CTL_SKIP_FRAMES,
    CTL_PROJECTION_MODE,
    CTL_WINDOW,
    CTL_OPTIONS
};

#define CTL_BIT(option) (UINT64_C(1) << (option))

struct ctl_args {
    const char *program;
    char **positional; /* ends with NULL */
    int n_positional;
    const char *values[CTL_OPTIONS]; /* NULL: not given; flags: "" */
};

struct ctl_command {
    const char *name;
    const char *arguments; /* as in the synopsis; [X] may be missing */
    int least, most;       /* positional arguments */
    uint64_t options;      /* CTL_BIT of each */
    const char *help;      /* one line */
    int (*run)(const struct ctl_args *args); /* an exit status */
};

extern const struct ctl_command ctl_commands[]; /* ends with a NULL name */

int cmd_index(const struct ctl_args *args);
int cmd_snapshot(const struct ctl_args *args);
int cmd_manifest(const struct ctl_args *args);
int cmd_explain(const struct ctl_args *args);
int cmd_errors(const struct ctl_args *args);
int cmd_rescan(const struct ctl_args *args);
int cmd_stats(const struct ctl_args *args);
int cmd_render(const struct ctl_args *args);
int cmd_measure(const struct ctl_args *args);
int cmd_map(const struct ctl_args *args);
int cmd_roi(const struct ctl_args *args);
int cmd_warm(const struct ctl_args *args);
int cmd_sheet(const struct ctl_args *args);
int cmd_check(const struct ctl_args *args);
int cmd_purge(const struct ctl_args *args);
int cmd_complete(const struct ctl_args *args);

/* Prints "PROGRAM: text" on standard error; returns CTL_FAILED, or CTL_USAGE
 * for ERROR_USAGE. */
int ctl_fail(const struct ctl_args *args, const struct error *err);

enum ctl_access {
    CTL_CREATE, /* made if missing */
    CTL_WRITE,  /* must be there; read-only where nothing can be written */
    CTL_READ
};

/* Opens the manifest of an archive; says so if a damaged one was set aside.
 * *ret_state is malloc'd; ret_state may be NULL. NULL with *err. */
struct manifest *ctl_open(const struct ctl_args *args, const char *archive,
                          enum ctl_access access, char **ret_state,
                          struct error *err);

/* view_parse, with advice in the message. */
int ctl_view_parse(const char *name, const struct view_presets *presets,
                   struct view *ret, struct error *err);

/* A view by name, with --presets; every operator of it is built.
 * ERROR_BAD_VIEW, ERROR_NOT_FOUND, ERROR_UNSUPPORTED. */
int ctl_view(const struct ctl_args *args, const char *name, struct view *ret,
             struct error *err);

/* The value of an option that was given, a number from `least` to `most`.
 * ERROR_USAGE. */
int ctl_number(const struct ctl_args *args, enum ctl_option option,
               unsigned least, unsigned most, unsigned *ret, struct error *err);

/* --jobs; 0 if it was not given. ERROR_USAGE. */
int ctl_jobs(const struct ctl_args *args, unsigned *ret, struct error *err);

/* --gaps=allow, as -o gaps=allow of prepfs. ERROR_USAGE. */
int ctl_gaps(const struct ctl_args *args, bool *ret, struct error *err);

/* --where: from now on the manifest shows this cohort only, if one was given.
 * As manifest_cohort_apply. */
int ctl_where(const struct ctl_args *args, struct manifest *m,
              struct error *err);

/* An option as --help has it. Static texts. */
struct ctl_option_info {
    const char *name;
    char letter;       /* or 0 */
    const char *value; /* what it takes; NULL for a flag */
    const char *help;
};
struct ctl_option_info ctl_option_info(enum ctl_option option);

/* "jobs", for messages. Static text. */
const char *ctl_option_name(enum ctl_option option);

/* Flushes standard output; CTL_OK or CTL_FAILED. */
int ctl_finish_output(const struct ctl_args *args);

#endif
