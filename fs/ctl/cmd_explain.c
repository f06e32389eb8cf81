// SPDX-License-Identifier: MIT
#include "ctl/ctl.h"
#include "view/view.h"

int cmd_explain(const struct ctl_args *args)
{
    struct view_presets *presets = NULL;
    const char *file = args->values[CTL_PRESETS];
    struct error err = ERROR_INIT;

    if (file && view_presets_load(file, &presets, &err) != 0)
        return ctl_fail(args, &err);
    int rc = view_explain(args->positional[0], presets, stdout);

    view_presets_free(presets);
    if (ctl_finish_output(args) != CTL_OK)
        return CTL_FAILED;
    return rc == 0 ? CTL_OK : CTL_FAILED;
}
