// SPDX-License-Identifier: MIT
/*
 * The files of a view as CSV. Where the size of a leaf follows from header
 * data it is also entered in table `output`, so that SQL on the manifest sees
 * a view that nobody has read yet.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "decode/decode.h"
#include "prepfs/cleanup.h"
#include "render/render.h"
#include "view/view.h"

struct shaping {
    struct manifest *manifest;
    const struct view *view;
};

static int shape(void *opaque, const struct manifest_instance *row,
                 struct manifest_output *ret, struct error *err)
{
    const struct shaping *s = opaque;

    (void)err;
    return render_shape_of_leaves(s->manifest, s->view, row, ret);
}

static int print_csv(struct manifest *m, const struct view *view,
                     bool gaps_allowed, struct error *err)
{
    CLEANUP_FREE char *canonical = malloc(VIEW_TEXT_SIZE);
    struct shaping shaping = {m, view};
    struct manifest_leaves leaves;
    uint64_t filled;
    uint16_t id;

    if (!canonical)
        return error_no_memory(err);
    (void)view_print(view, canonical, VIEW_TEXT_SIZE);
    if (manifest_view_intern(m, canonical, 0, &id, err) != 0)
        return -1;
    leaves = render_leaves(view, id, gaps_allowed);
    if (manifest_outputs_fill(m, &leaves, shape, &shaping, &filled, err) != 0)
        return -1;
    return manifest_csv(m, &leaves, shape, &shaping, stdout, err);
}

int cmd_manifest(const struct ctl_args *args)
{
    struct error err = ERROR_INIT;
    struct view view;
    bool gaps_allowed;

    if (ctl_gaps(args, &gaps_allowed, &err) != 0 ||
        ctl_view(args, args->positional[1], &view, &err) != 0)
        return ctl_fail(args, &err);
    struct manifest *m =
        ctl_open(args, args->positional[0], CTL_WRITE, NULL, &err);

    if (!m)
        return ctl_fail(args, &err);
    int rc = ctl_where(args, m, &err);

    if (rc == 0)
        rc = print_csv(m, &view, gaps_allowed, &err);

    manifest_close(m);
    return rc == 0 ? ctl_finish_output(args) : ctl_fail(args, &err);
}
