// SPDX-License-Identifier: MIT
/* ctl.c: see ctl.h. */
#include "ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/signals.h"
#include "manifest/manifest_cohort.h"
#include "manifest/state.h"
#include "prepfs/cleanup.h"

#define JOBS_MAX 64

int ctl_fail(const struct ctl_args *args, const struct error *err)
{
    (void)fprintf(stderr, "%s: %s\n", args->program, err->msg);
    return err->kind == ERROR_USAGE ? CTL_USAGE : CTL_FAILED;
}

/* Adds to the reason what helps with it. */
static int advise(const char *name, const struct view_problem *problem,
                  struct error *err)
{
    char reason[ERROR_MSG_MAX];

    memcpy(reason, err->msg, sizeof reason);
    if (problem->nearest[0])
        return error_set(err, err->kind, "%s; did you mean '%s'?", reason,
                         problem->nearest);
    return error_set(err, err->kind, "%s; see: prepfsctl explain %s", reason,
                     name);
}

int ctl_view_parse(const char *name, const struct view_presets *presets,
                   struct view *ret, struct error *err)
{
    struct view_problem problem;

    if (view_parse(name, presets, ret, &problem, err) == 0)
        return 0;
    return advise(name, &problem, err);
}

int ctl_view(const struct ctl_args *args, const char *name, struct view *ret,
             struct error *err)
{
    const char *file = args->values[CTL_PRESETS];
    struct view_presets *presets = NULL;
    const char *op = NULL;

    if (file && view_presets_load(file, &presets, err) != 0)
        return -1;
    int rc = ctl_view_parse(name, presets, ret, err);

    view_presets_free(presets);
    if (rc == 0 && !view_is_built(ret, &op))
        return error_set(err, ERROR_UNSUPPORTED, "%s is not built in yet", op);
    return rc;
}

int ctl_number(const struct ctl_args *args, enum ctl_option option,
               unsigned least, unsigned most, unsigned *ret, struct error *err)
{
    const char *text = args->values[option];
    char *end;

    errno = 0;
    unsigned long n = strtoul(text, &end, 10);

    if (errno || *end || *text < '0' || *text > '9' || n < least || n > most)
        return error_set(err, ERROR_USAGE,
                         "--%s is a number from %u to %u, not \"%s\"",
                         ctl_option_name(option), least, most, text);
    *ret = (unsigned)n;
    return 0;
}

int ctl_jobs(const struct ctl_args *args, unsigned *ret, struct error *err)
{
    *ret = 0;
    if (!args->values[CTL_JOBS])
        return 0;
    return ctl_number(args, CTL_JOBS, 1, JOBS_MAX, ret, err);
}

int ctl_gaps(const struct ctl_args *args, bool *ret, struct error *err)
{
    const char *text = args->values[CTL_GAPS];

    *ret = text != NULL;
    if (!text || strcmp(text, "allow") == 0)
        return 0;
    return error_set(err, ERROR_USAGE, "--gaps is allow, not \"%s\"", text);
}

int ctl_where(const struct ctl_args *args, struct manifest *m,
              struct error *err)
{
    const struct manifest_cohort cohort = {.where = args->values[CTL_WHERE],
                                           .cancel = &signals_cancelled};
    struct manifest_cohort_size size;

    if (!cohort.where)
        return 0;
    return manifest_cohort_apply(m, &cohort, &size, err) < 0 ? -1 : 0;
}

int ctl_finish_output(const struct ctl_args *args)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CTL_OK;
    (void)fprintf(stderr, "%s: cannot write: %s\n", args->program,
                  strerrordesc_np(errno));
    return CTL_FAILED;
}

static struct manifest *open_state(const char *state, enum ctl_access how,
                                   struct error *err)
{
    struct manifest *m = NULL;

    if (how != CTL_READ)
        m = manifest_open(state, MANIFEST_READ_WRITE, err);
    if (!m && (how == CTL_READ || (how == CTL_WRITE && err->kind == ERROR_IO)))
        m = manifest_open(state, MANIFEST_READ_ONLY, err);
    return m;
}

struct manifest *ctl_open(const struct ctl_args *args, const char *archive,
                          enum ctl_access how, char **ret_state,
                          struct error *err)
{
    CLEANUP_FREE char *state = NULL;

    if (state_prepare(archive, args->values[CTL_STATE], how == CTL_CREATE,
                      &state, err) != 0) {
        if (err->kind == ERROR_NOT_FOUND && access(archive, F_OK) == 0)
            (void)error_set(err, ERROR_NOT_FOUND,
                            "%s was never indexed: prepfsctl index %s", archive,
                            archive);
        return NULL;
    }
    /* What somebody else can write is only read. */
    if (how == CTL_WRITE && state_check_private(state, NULL) != 0)
        how = CTL_READ;
    struct manifest *m = open_state(state, how, err);

    if (!m)
        return NULL;
    if (manifest_set_aside(m))
        (void)fprintf(stderr,
                      "%s: the manifest was damaged; it is now %s and a new "
                      "one is made\n",
                      args->program, manifest_set_aside(m));
    if (ret_state)
        *ret_state = STEAL(state);
    return m;
}
