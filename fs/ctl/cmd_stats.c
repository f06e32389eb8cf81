// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "prepfs/cleanup.h"

static int copy_file(const char *path, struct error *err)
{
    char piece[8192];
    FILE *in = fopen(path, "re");
    size_t n;

    if (!in)
        return errno == ENOENT || errno == ENOTDIR
                   ? error_set(err, ERROR_NOT_FOUND,
                               "%s is not there: is prepfs mounted?", path)
                   : error_set_sys(err, errno, "%s: %s", path,
                                   strerrordesc_np(errno));
    while ((n = fread(piece, 1, sizeof piece, in)) > 0)
        (void)fwrite(piece, 1, n, stdout);
    int failed = ferror(in);

    (void)fclose(in);
    return failed ? error_set_sys(err, EIO, "%s: cannot be read", path) : 0;
}

int cmd_stats(const struct ctl_args *args)
{
    CLEANUP_FREE char *path = NULL;
    struct error err = ERROR_INIT;

    if (asprintf(&path, "%s/.prepfs/stats.json", args->positional[0]) < 0) {
        path = NULL;
        (void)error_no_memory(&err);
        return ctl_fail(args, &err);
    }
    if (copy_file(path, &err) != 0)
        return ctl_fail(args, &err);
    return ctl_finish_output(args);
}
