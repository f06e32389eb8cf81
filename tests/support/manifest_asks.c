// SPDX-License-Identifier: MIT
/* manifest_asks.c: see manifest_asks.h. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/manifest_roi.h"
#include "render/render.h"
#include "support/manifest_asks.h"

#define VIEWS MANIFEST_ASKS_VIEWS

static FILE *nowhere;
static struct view views[VIEWS];

void manifest_asks_init(struct manifest *m)
{
    static const char *const names[VIEWS] = {"full",
                                             "crop_size-64x64",
                                             "hu_vol-mip",
                                             "series_pack-lzw",
                                             "frames_norm-unit",
                                             "grid-8x8_list-png"};
    struct error err = ERROR_INIT;
    uint16_t view;

    for (size_t i = 0; i < VIEWS; i++) {
        assert(view_parse(names[i], NULL, &views[i], NULL, &err) == 0);
        assert(manifest_view_intern(m, names[i], 0, &view, &err) == 0);
        assert(view == i + 1);
    }
    nowhere = fopen("/dev/null", "we");
    assert(nowhere);
}

/* ---- answers --------------------------------------------------------------
 */

static struct error err;

/* What an answer of 0 or more may be, and what an error must be. */
static int answer(int rc, int most)
{
    assert(rc >= -1 && rc <= most);
    assert((rc == -1) == (err.kind != ERROR_NONE));
    assert(rc != -1 || (err.msg[0] && err.kind != ERROR_INTERNAL &&
                        err.kind != ERROR_NO_MEMORY));
    err = (struct error)ERROR_INIT;
    return rc;
}

static void check_name(const char *name)
{
    assert(strnlen(name, MANIFEST_NAME_MAX) < MANIFEST_NAME_MAX);
}

static void check_instance(struct manifest *m, struct manifest_instance *i)
{
    struct manifest_output shape;

    check_name(i->name);
    check_name(i->study_name);
    check_name(i->series_name);
    assert(i->relpath);
    for (size_t v = 0; v < VIEWS; v++) {
        memset(&shape, 0, sizeof shape);
        assert(render_shape(&views[v], i, &shape) >= 0);
        memset(&shape, 0, sizeof shape);
        assert(render_shape_of_leaves(m, &views[v], i, &shape) >= 0);
    }
    manifest_instance_deinit(i);
}

/* ---- questions ------------------------------------------------------------
 */

static void ask_instances(struct manifest *m)
{
    struct manifest_instance list[8];
    int64_t id;
    int n;

    for (int64_t k = 0; k < 6; k++) {
        if (answer(manifest_instance_by_id(m, k, &list[0], &err), 1) == 1)
            check_instance(m, &list[0]);
        if (answer(manifest_volume_by_id(m, k, &list[0], &err), 1) == 1)
            check_instance(m, &list[0]);
        n = answer(manifest_list_instances(m, k, 0, 0, 8, list, &err), 8);
        for (int i = 0; i < n; i++)
            check_instance(m, &list[i]);
        n = answer(manifest_list_volumes(m, k, 0, 0, 8, list, &err), 8);
        for (int i = 0; i < n; i++)
            check_instance(m, &list[i]);
    }
    if (answer(manifest_instance_by_name(m, 1, "1.2.1.1.1", &list[0], &err),
               1) == 1)
        check_instance(m, &list[0]);
    if (answer(manifest_volume_by_name(m, 1, "1.2.1.1", &list[0], &err), 1) ==
        1)
        check_instance(m, &list[0]);
    n = answer(manifest_list_gone(m, 1, 0, 8, list, &err), 8);
    for (int i = 0; i < n; i++)
        check_instance(m, &list[i]);
    (void)answer(manifest_instance_by_uid(m, "1.2.1.1.2", &id, &err), 1);
}

static void ask_folders(struct manifest *m)
{
    struct manifest_folder list[8];
    struct manifest_totals totals;
    int64_t *ids, *named, study;
    uint32_t n;
    int count;

    count = answer(manifest_list_studies(m, 0, 8, list, &err), 8);
    for (int i = 0; i < count; i++)
        check_name(list[i].name);
    (void)answer(manifest_list_changed(m, -1, 0, 8, list, &err), 8);
    (void)answer(manifest_totals(m, &totals, &err), 0);
    (void)answer(manifest_study_by_name(m, "1.2.1", list, &err), 1);
    for (int64_t k = 0; k < 4; k++) {
        (void)answer(manifest_study_by_id(m, k, list, &err), 1);
        (void)answer(manifest_series_by_id(m, k, list, &study, &err), 1);
        count = answer(manifest_list_series(m, k, 0, 8, list, &err), 8);
        for (int i = 0; i < count; i++)
            check_name(list[i].name);
        (void)answer(manifest_count_entries(m, k, 0, 100, &err), 100);
        if (answer(manifest_study_order(m, k, 100, &ids, &named, &n, &err),
                   0) == 0) {
            assert(n <= 100);
            free(ids);
            free(named);
        }
    }
}

static void ask_volumes(struct manifest *m)
{
    for (int64_t k = 0; k < 12; k++) {
        struct manifest_volume v;
        struct manifest_slices s = {0};

        if (answer(manifest_volume_get(m, k, &v, &err), 1) == 1) {
            assert(strnlen(v.note, MANIFEST_NOTE_MAX) < MANIFEST_NOTE_MAX);
            assert(v.kind <= VOLUME_NO_STACK);
        }
        (void)answer(manifest_volume_slices(m, k, &s, &err), 0);
        manifest_slices_deinit(&s);
    }
}

static void ask_outputs(struct manifest *m)
{
    for (uint16_t view = 1; view <= VIEWS; view++) {
        struct manifest_output o = {0};
        char *text = NULL;

        (void)answer(manifest_output_get(m, view, 1, 0, 0, 7, &o, &err), 1);
        assert(o.n_strips == 0 || o.strips);
        assert(o.dtype <= SAMPLE_F16);
        manifest_output_deinit(&o);
        o = (struct manifest_output){0};
        (void)answer(manifest_output_any(m, view, 1, 7, &o, &err), 1);
        manifest_output_deinit(&o);
        if (answer(manifest_view_by_id(m, view, &text, &err), 1) == 1)
            free(text);
        if (answer(manifest_error_get(m, 1, view, &text, &err), 1) == 1)
            free(text);
    }
}

static void ask_others(struct manifest *m)
{
    const struct manifest_roi_object series = {true, 1}, image = {false, 1};
    struct manifest_extent *extents = NULL;
    struct manifest_roi roi;
    struct manifest_fact fact;
    char *text = NULL;
    uint64_t n;
    uint32_t count;
    uint16_t view;

    if (answer(manifest_frames_get(m, 1, &extents, &n, &err), 1) == 1)
        free(extents);
    (void)answer(manifest_fact_get(m, 1, "crop", 7, &fact, &err), 1);
    (void)answer(manifest_roi_count(m, "nodes", &series, &count, &err), 0);
    (void)answer(manifest_roi_get(m, "nodes", &image, 1, &roi, &err), 1);
    (void)answer(manifest_roi_digest(m, "nodes", &n, &err), 0);
    if (answer(manifest_view_by_dirname(m, "full", &view, &text, &err), 1) == 1)
        free(text);
    (void)answer(manifest_view_intern(m, "raw", 0, &view, &err), 0);
    (void)answer(manifest_errors_write(m, nowhere, &err), 0);
    (void)answer(manifest_views_write(m, nowhere, &err), 0);
}

static int shape(void *opaque, const struct manifest_instance *row,
                 struct manifest_output *ret, struct error *why)
{
    (void)why;
    return render_shape(opaque, row, ret);
}

static void ask_csv(struct manifest *m)
{
    struct manifest_leaves leaves = render_leaves(&views[1], 1, false);
    uint64_t n;

    (void)answer(manifest_csv(m, &leaves, shape, &views[1], nowhere, &err), 0);
    (void)answer(manifest_outputs_fill(m, &leaves, shape, &views[1], &n, &err),
                 0);
}

void manifest_asks(struct manifest *m, unsigned which)
{
    static void (*const asks[])(struct manifest *) = {
        ask_instances, ask_folders, ask_volumes,
        ask_outputs,   ask_others,  ask_csv,
    };

    err = (struct error)ERROR_INIT;
    (void)manifest_epoch(m, &err);
    err = (struct error)ERROR_INIT;
    asks[which % (sizeof asks / sizeof asks[0])](m);
}
