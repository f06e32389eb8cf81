// SPDX-License-Identifier: MIT
/* reply.c: see reply.h. */
#include "reply.h"

#include <string.h>

static const struct {
    int code;
    bool is_failure;
} table[] = {
    [ERROR_NONE] = {EIO, true},
    [ERROR_NOT_FOUND] = {ENOENT, false},
    [ERROR_BAD_VIEW] = {EINVAL, false},
    [ERROR_USAGE] = {EINVAL, false},
    [ERROR_UNSUPPORTED] = {EOPNOTSUPP, true},
    [ERROR_CORRUPT] = {EIO, true},
    [ERROR_STALE] = {ESTALE, true},
    [ERROR_TOO_BIG] = {EFBIG, true},
    [ERROR_QUOTA] = {EDQUOT, true},
    [ERROR_NO_IDS] = {ENOSPC, true},
    [ERROR_IO] = {EIO, true},
    [ERROR_NO_MEMORY] = {ENOMEM, true},
    [ERROR_INTERRUPTED] = {EINTR, false},
    [ERROR_INTERNAL] = {EIO, true},
};

_Static_assert(sizeof table / sizeof table[0] == ERROR_INTERNAL + 1,
               "every error kind has an errno");

static bool is_kind(const struct error *err)
{
    return (unsigned)err->kind < sizeof table / sizeof table[0];
}

/* A full disk is always that of the state folder, and who reads can be told. */
static bool is_full_disk(const struct error *err)
{
    return err->kind == ERROR_IO && err->sys_errno == ENOSPC;
}

int reply_errno(const struct error *err)
{
    if (is_full_disk(err))
        return ENOSPC;
    return is_kind(err) ? table[err->kind].code : EIO;
}

bool reply_is_failure(const struct error *err)
{
    return !is_kind(err) || table[err->kind].is_failure;
}

static void log_it(struct fs *fs, uint64_t number, const char *name,
                   const struct error *err)
{
    char where[VIEW_DIRNAME_MAX + 64], line[ERROR_MSG_MAX + sizeof where + 300];

    tree_describe(fs->tree, number, where, sizeof where);
    (void)snprintf(line, sizeof line, "%s%s%s: %s (%s)", where,
                   name ? " / " : "", name ? name : "", err->msg,
                   strerrorname_np(reply_errno(err)));
    (void)log_failure(fs->log, log_now_ms(), line);
}

void reply_error(struct fs *fs, fuse_req_t req, uint64_t number,
                 const char *name, const struct error *err)
{
    if (reply_is_failure(err)) {
        stats_add(&fs->stats, STATS_REPLY_ERROR, 1);
        log_it(fs, number, name, err);
    }
    (void)fuse_reply_err(req, reply_errno(err));
}

void reply_code(fuse_req_t req, int code)
{
    /* An error here means that the request is gone: interrupted, aborted. */
    (void)fuse_reply_err(req, code);
}
