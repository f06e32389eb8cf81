// SPDX-License-Identifier: MIT
#include "manifest/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/ids.h"
#include "prepfs/cleanup.h"

static char *real(const char *path, struct error *err)
{
    char *resolved = realpath(path, NULL);

    if (resolved)
        return resolved;
    if (errno == ENOENT || errno == ENOTDIR)
        (void)error_set(err, ERROR_NOT_FOUND, "%s: %s", path,
                        strerrordesc_np(errno));
    else
        (void)error_set_sys(err, errno, "%s: %s", path, strerrordesc_np(errno));
    return NULL;
}

int state_archive_id(const char *archive, char ret[STATE_ID_SIZE],
                     struct error *err)
{
    CLEANUP_FREE char *path = real(archive, err);
    uint8_t digest[IDS_SHA256];

    if (!path)
        return -1;
    ids_sha256(path, strlen(path), digest);
    ids_hex(digest, 8, ret);
    return 0;
}

int state_default(const char *archive, char **ret, struct error *err)
{
    char id[STATE_ID_SIZE];
    int n;

    *ret = NULL;
    if (state_archive_id(archive, id, err) != 0)
        return -1;
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (geteuid() == 0)
        n = asprintf(ret, "/var/lib/prepfs/%s", id);
    else if (state && state[0] == '/') /* the specification: else ignore */
        n = asprintf(ret, "%s/prepfs/%s", state, id);
    else if (home && home[0] == '/')
        n = asprintf(ret, "%s/.local/state/prepfs/%s", home, id);
    else
        return error_set(err, ERROR_USAGE,
                         "neither XDG_STATE_HOME nor HOME is set: say where "
                         "with -o state=DIR");
    if (n < 0) {
        *ret = NULL;
        return error_no_memory(err);
    }
    return 0;
}

static int make_folders(char *path, struct error *err)
{
    for (char *p = path + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char saved = *p;

        *p = '\0';
        int rc = mkdir(path, 0700);

        if (rc != 0 && errno != EEXIST)
            return error_set_sys(err, errno, "cannot make %s: %s", path,
                                 strerrordesc_np(errno));
        *p = saved;
        if (saved == '\0')
            return 0;
    }
}

static bool is_beneath(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    if (strcmp(folder, "/") == 0)
        return false; /* an archive at the root cannot but hold its state */
    return strncmp(path, folder, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

/* The deepest part of `path` that exists, resolved. */
static char *real_prefix(const char *path, struct error *err)
{
    CLEANUP_FREE char *copy = strdup(path);

    if (!copy) {
        (void)error_no_memory(err);
        return NULL;
    }
    for (;;) {
        char *resolved = realpath(copy, NULL);

        if (resolved || errno != ENOENT)
            return resolved ? resolved : real(copy, err);
        char *slash = strrchr(copy, '/');

        if (!slash)
            return real(".", err);
        if (slash == copy)
            slash++;
        *slash = '\0';
    }
}

int state_check_private(const char *path, struct error *err)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return error_set_sys(err, errno, "%s: %s", path,
                             strerrordesc_np(errno));
    if (st.st_uid != geteuid())
        return error_set(err, ERROR_USAGE,
                         "the state folder %s belongs to user %u: say another "
                         "with -o state=DIR",
                         path, (unsigned)st.st_uid);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(err, ERROR_USAGE,
                         "the state folder %s can be written by others: "
                         "chmod 700 it, or say another with -o state=DIR",
                         path);
    return 0;
}

int state_prepare(const char *archive, const char *wanted, bool create,
                  char **ret, struct error *err)
{
    CLEANUP_FREE char *path = NULL;
    CLEANUP_FREE char *root = real(archive, err);
    struct stat st;

    *ret = NULL;
    if (!root)
        return -1;
    if (wanted && wanted[0] == '\0')
        return error_set(err, ERROR_USAGE, "state= needs a folder");
    if (wanted)
        path = strdup(wanted);
    else if (state_default(archive, &path, err) != 0)
        return -1;
    if (!path)
        return error_no_memory(err);
    /* Before anything is made: not even an empty folder in the archive. */
    CLEANUP_FREE char *prefix = real_prefix(path, err);

    if (!prefix)
        return -1;
    if (is_beneath(prefix, root))
        return error_set(err, ERROR_USAGE,
                         "the state %s would lie in the archive %s, which is "
                         "never written to",
                         path, root);
    if (create && make_folders(path, err) != 0)
        return -1;
    CLEANUP_FREE char *resolved = real(path, err);

    if (!resolved)
        return -1;
    if (stat(resolved, &st) != 0)
        return error_set_sys(err, errno, "%s: %s", resolved,
                             strerrordesc_np(errno));
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERROR_USAGE, "%s is not a folder", resolved);
    if (create && state_check_private(resolved, err) != 0)
        return -1;
    *ret = STEAL(resolved);
    return 0;
}
