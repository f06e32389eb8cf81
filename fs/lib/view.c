// SPDX-License-Identifier: MIT
/* view.c: prepfs.h, views. */
#include <string.h>

#include "lib/lib.h"

_Static_assert(PREPFS_VIEW_SIZE == VIEW_DIRNAME_MAX + 1, "part of the ABI");

const char *prepfs_version(void)
{
    return PREPFS_VERSION;
}

int prepfs_view_name(const char *view, char ret[PREPFS_VIEW_SIZE],
                     struct error *err)
{
    const char *op = NULL;
    struct view parsed;

    if (view_parse(view, NULL, &parsed, NULL, err) != 0)
        return -1;
    if (!view_is_built(&parsed, &op))
        return error_set(err, ERROR_UNSUPPORTED, "%s is not built in yet", op);
    view_canonical_name(&parsed, ret);
    return 0;
}

int prepfs_view_explain(const char *view, FILE *out)
{
    return view_explain(view, NULL, out);
}

int lib_view(struct prepfs *p, const char *name, size_t length, uint16_t *ret,
             char ret_dirname[VIEW_DIRNAME_MAX + 1], struct error *err)
{
    char text[VIEW_NAME_MAX + 1];
    struct views_found found;

    if (length > VIEW_NAME_MAX)
        return error_set(err, ERROR_BAD_VIEW, "a name has up to %d bytes",
                         VIEW_NAME_MAX);
    memcpy(text, name, length);
    text[length] = '\0';
    if (views_find(p->engine.views, text, true, &found, err) != 0)
        return -1;
    *ret = found.id;
    if (ret_dirname)
        memcpy(ret_dirname, found.dirname, sizeof found.dirname);
    return 0;
}
