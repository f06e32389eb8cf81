// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"

int cmd_errors(const struct ctl_args *args)
{
    struct error err = ERROR_INIT;
    struct manifest *m =
        ctl_open(args, args->positional[0], CTL_READ, NULL, &err);

    if (!m)
        return ctl_fail(args, &err);
    int rc = manifest_errors_write(m, stdout, &err);

    manifest_close(m);
    return rc == 0 ? ctl_finish_output(args) : ctl_fail(args, &err);
}
