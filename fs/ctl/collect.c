// SPDX-License-Identifier: MIT
/* collect.c: see collect.h. */
#include "ctl/collect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/signals.h"
#include "index/index.h"
#include "manifest/state.h"
#include "prepfs/cleanup.h"

/* ---- the state ---- */

static int make_temporary(char **ret, struct error *err)
{
    const char *folder = getenv("TMPDIR");
    char *path;

    if (!folder || folder[0] != '/')
        folder = "/tmp";
    if (asprintf(&path, "%s/prepfs-render.XXXXXX", folder) < 0)
        return error_no_memory(err);
    if (mkdtemp(path)) {
        *ret = path;
        return 0;
    }
    (void)error_set_sys(err, errno, "cannot make %s: %s", path,
                        strerrordesc_np(errno));
    free(path);
    return -1;
}

/* A state has no folders in it. */
static void remove_state(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *d;

    while (dir && (d = readdir(dir)))
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            (void)unlinkat(dirfd(dir), d->d_name, 0);
    if (dir)
        (void)closedir(dir);
    (void)rmdir(path);
}

static int open_state(const struct collect_config *config, struct collection *c,
                      struct error *err)
{
    if (config->args->values[CTL_STATE]) {
        c->manifest =
            ctl_open(config->args, c->set.root, CTL_CREATE, &c->state, err);
        return c->manifest ? 0 : -1;
    }
    if (make_temporary(&c->state, err) != 0)
        return -1;
    c->temporary = true;
    c->manifest = manifest_open(c->state, MANIFEST_READ_WRITE, err);
    return c->manifest ? 0 : -1;
}

void collection_deinit(struct collection *c)
{
    manifest_close(c->manifest);
    if (c->temporary)
        remove_state(c->state);
    free(c->state);
    source_set_deinit(&c->set);
    *c = (struct collection){.state = NULL};
}

int collection_settle(struct collection *c, struct error *err)
{
    if (!c->temporary)
        return 0;
    manifest_close(c->manifest);
    c->manifest = manifest_open(c->state, MANIFEST_READ_ONLY, err);
    return c->manifest ? 0 : -1;
}

/* ---- the index ---- */

static void on_progress(void *opaque, const struct index_progress *p)
{
    progress_index(opaque, p);
}

static void on_warning(void *opaque, const char *relpath, const char *message)
{
    progress_message(opaque, "%s: %s", relpath, message);
}

/* The part of `path` beneath `root`, malloc'd; NULL if it is not. */
static char *beneath(const char *root, const char *path)
{
    CLEANUP_FREE char *real = path ? realpath(path, NULL) : NULL;
    size_t length = strlen(root);

    if (!real || strncmp(real, root, length) != 0)
        return NULL;
    if (root[length - 1] == '/') /* the root of all */
        return real[length] ? strdup(real + length) : NULL;
    return real[length] == '/' ? strdup(real + length + 1) : NULL;
}

static int run_index(const struct collect_config *config, struct collection *c,
                     struct error *err)
{
    CLEANUP_FREE char *exclude = beneath(c->set.root, config->exclude);
    /* What was named is looked into whatever its name. */
    struct index_dicom_config dicom = {
        .any_name = config->args->values[CTL_SNIFF] || !c->set.has_folder,
        .workers = config->workers};
    struct index_parser parser;
    struct index_result result;
    struct index_config index = {
        .manifest = c->manifest,
        .archive = c->set.root,
        .parser = &parser,
        .exclude = exclude,
        .only = (const char *const *)c->set.only,
        .n_only = c->set.n_only,
        .allow_empty = true,
        .follow = config->args->values[CTL_FOLLOW] != NULL,
        .cancel = &signals_cancelled,
        .progress = on_progress,
        .warn = on_warning,
        .opaque = config->progress,
    };
    int rc = ctl_jobs(config->args, &index.threads, err);

    if (rc != 0)
        return -1;
    index_dicom_parser(&dicom, &parser);
    rc = index_run(&index, &result, err);
    c->not_dicom = result.not_dicom;
    progress_clear(config->progress);
    return rc;
}

/* ---- what cannot be had ---- */

struct complaint {
    const struct collect_config *config;
    const struct collection *collection;
};

static int tell(const struct complaint *c, const char *relpath,
                const struct error *why, struct error *err)
{
    const char *root = c->collection->set.root;
    CLEANUP_FREE char *path = NULL;

    if (asprintf(&path, "%s/%s", root[1] ? root : "", relpath) < 0) {
        path = NULL;
        return error_no_memory(err);
    }
    return c->config->fail(c->config->opaque, path, why, err);
}

static int on_problem(void *opaque, const char *relpath, const char *problem,
                      struct error *err)
{
    struct error why = ERROR_INIT;

    (void)error_set(&why, ERROR_CORRUPT, "%s", problem);
    return tell(opaque, relpath, &why, err);
}

/* Why a file that was named is no image; NULL if it is one, or if it was told
 * of already. */
static const char *why_not(const struct complaint *c, const char *relpath,
                           int *ret_rc, struct error *err)
{
    struct manifest *m = c->collection->manifest;
    CLEANUP_FREE char *told = NULL;
    struct manifest_source s;
    int found = manifest_source_find(m, relpath, &s, err);

    *ret_rc = found < 0 ? -1 : 0;
    if (found <= 0)
        return NULL;
    switch (s.scan) {
    case MANIFEST_SCAN_NOT_DICOM:
        return "is no DICOM file";
    case MANIFEST_SCAN_DIRECTORY:
        return "is a DICOMDIR";
    case MANIFEST_SCAN_BAD:
    case MANIFEST_SCAN_UNREADABLE:
    case MANIFEST_SCAN_LINK:
        return NULL;
    case MANIFEST_SCAN_OK:
        break;
    }
    *ret_rc = manifest_source_has_image(m, s.id, err);
    if (*ret_rc == 0)
        *ret_rc = manifest_error_get(m, s.id, 0, &told, err);
    return *ret_rc == 0 ? "is DICOM without an image" : NULL;
}

/* In a folder a file that is no image is passed over; one that was named is
 * not. */
static int check_named(const struct complaint *c, struct error *err)
{
    const struct source_set *set = &c->collection->set;

    for (size_t i = 0; i < set->n_named; i++) {
        struct error why = ERROR_INIT;
        int rc;
        const char *reason = why_not(c, set->named[i], &rc, err);

        if (rc < 0)
            return -1;
        if (!reason)
            continue;
        (void)error_set(&why, ERROR_UNSUPPORTED, "%s", reason);
        if (tell(c, set->named[i], &why, err) != 0)
            return -1;
    }
    return 0;
}

int collect(const struct collect_config *config, struct collection *ret,
            struct error *err)
{
    const char *sniff = config->args->values[CTL_SNIFF];

    struct complaint complaint = {config, ret};

    *ret = (struct collection){.state = NULL};
    if (sniff && strcmp(sniff, "all") != 0)
        return error_set(err, ERROR_USAGE, "--sniff is all, not \"%s\"", sniff);
    if (source_set_init(config->sources, config->n_sources, config->fail,
                        config->opaque, &ret->set, err) != 0 ||
        open_state(config, ret, err) != 0 || run_index(config, ret, err) != 0 ||
        manifest_source_problems(ret->manifest, on_problem, &complaint, err) !=
            0)
        return -1;
    return check_named(&complaint, err);
}
