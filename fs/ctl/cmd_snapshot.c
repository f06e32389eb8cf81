// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "ctl/ctl.h"
#include "manifest/manifest_publish.h"
#include "prepfs/cleanup.h"

int cmd_snapshot(const struct ctl_args *args)
{
    CLEANUP_FREE char *state = NULL;
    CLEANUP_FREE char *own = NULL;
    struct error err = ERROR_INIT;
    struct manifest *m =
        ctl_open(args, args->positional[0], CTL_READ, &state, &err);

    if (!m)
        return ctl_fail(args, &err);
    const char *path = args->positional[1];
    int rc = 0;

    if (!path && asprintf(&own, "%s/" MANIFEST_SNAPSHOT, state) < 0) {
        own = NULL;
        rc = error_no_memory(&err);
    }
    if (rc == 0)
        rc = path ? manifest_publish(m, path, &err)
                  : manifest_snapshot(m, own, &err);
    manifest_close(m);
    if (rc != 0)
        return ctl_fail(args, &err);
    (void)puts(path ? path : own);
    return ctl_finish_output(args);
}
