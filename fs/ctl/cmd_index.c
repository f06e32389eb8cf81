// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/crew.h"
#include "ctl/ctl.h"
#include "ctl/progress.h"
#include "ctl/signals.h"
#include "index/index.h"
#include "prepfs/cleanup.h"

#define TAGS_MAX 256

static void on_progress(void *opaque, const struct index_progress *p)
{
    progress_index(opaque, p);
}

static void on_warning(void *opaque, const char *relpath, const char *message)
{
    progress_message(opaque, "%s: %s", relpath, message);
}

/* "0018,0015;0018,1030" */
static int parse_tags(const char *text, uint32_t ret[TAGS_MAX], size_t *ret_n,
                      struct error *err)
{
    *ret_n = 0;
    while (text && *text) {
        unsigned group;
        unsigned element;
        int used = 0;

        if (sscanf(text, "%4x,%4x%n", &group, &element, &used) != 2 ||
            used != 9 || (text[9] && text[9] != ';'))
            return error_set(err, ERROR_USAGE,
                             "--tags is GGGG,EEEE;GGGG,EEEE, not \"%s\"", text);
        if (*ret_n == TAGS_MAX)
            return error_set(err, ERROR_USAGE, "--tags takes %d at most",
                             TAGS_MAX);
        ret[(*ret_n)++] = group << 16 | element;
        text += text[9] ? 10 : 9;
    }
    return 0;
}

static bool changed_any(const struct index_result *r)
{
    return r->parsed || r->moved || r->vanished;
}

/* After a change, and if there is none. */
static int make_snapshot(struct manifest *m, const char *state, bool changed,
                         struct error *err)
{
    CLEANUP_FREE char *path = NULL;

    if (asprintf(&path, "%s/" MANIFEST_SNAPSHOT, state) < 0) {
        path = NULL;
        return error_no_memory(err);
    }
    if (!changed && access(path, R_OK) == 0)
        return 0;
    return manifest_snapshot(m, path, err);
}

static int run_index(const struct ctl_args *args, struct index_config *config,
                     struct error *err)
{
    CLEANUP_FREE char *state = NULL;
    struct index_result result;
    struct progress progress;

    progress_init(&progress, args->program, args->values[CTL_QUIET] != NULL);
    config->manifest =
        ctl_open(args, args->positional[0], CTL_CREATE, &state, err);
    if (!config->manifest)
        return -1;
    config->archive = args->positional[0];
    config->follow = args->values[CTL_FOLLOW] != NULL;
    config->allow_empty = args->values[CTL_ALLOW_EMPTY] != NULL;
    config->cancel = &signals_cancelled;
    config->progress = on_progress;
    config->warn = on_warning;
    config->opaque = &progress;
    int rc = index_run(config, &result, err);

    progress_clear(&progress);
    if (rc == 0)
        rc = make_snapshot(config->manifest, state, changed_any(&result), err);
    manifest_close(config->manifest);
    if (rc == 0 && !args->values[CTL_QUIET])
        index_result_write(stdout, &result);
    return rc;
}

int cmd_index(const struct ctl_args *args)
{
    const char *sniff = args->values[CTL_SNIFF];
    uint32_t tags[TAGS_MAX];
    struct index_dicom_config dicom = {.any_name = sniff != NULL,
                                       .extra_tags = tags};
    struct index_config config = {0};
    struct index_parser parser;
    struct engine engine = {.manifest = NULL};
    struct error err = ERROR_INIT;
    int rc;

    if (ctl_jobs(args, &config.threads, &err) != 0 ||
        parse_tags(args->values[CTL_TAGS], tags, &dicom.n_extra_tags, &err) !=
            0)
        return ctl_fail(args, &err);
    if (sniff && strcmp(sniff, "all") != 0) {
        (void)error_set(&err, ERROR_USAGE, "--sniff is all, not \"%s\"", sniff);
        return ctl_fail(args, &err);
    }
    if (ctl_engine_start(&engine, args, &err) != 0)
        return ctl_fail(args, &err);
    dicom.workers = engine.workers;
    index_dicom_parser(&dicom, &parser);
    config.parser = &parser;
    signals_catch();
    rc = run_index(args, &config, &err);
    engine_close(&engine);
    if (rc != 0)
        return ctl_fail(args, &err);
    return ctl_finish_output(args);
}
