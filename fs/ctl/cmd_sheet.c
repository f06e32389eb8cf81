// SPDX-License-Identifier: MIT
/*
 * One image under several views, side by side in a PNG.
 *
 * Row r is the r-th image (under `series`: the r-th series) of the sources; of
 * several pages or parts the middle one is shown. A view that cannot be had of
 * an image is a cell with the reason in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/collect.h"
#include "ctl/ctl.h"
#include "ctl/sheet.h"
#include "ctl/signals.h"
#include "decode/decode.h"
#include "dicom/dicom.h"
#include "engine/engine.h"
#include "png/png_leaf.h"
#include "prepfs/cleanup.h"
#include "render/about.h"

enum { ROWS_MAX = 64, TILE = 384, TILE_LEAST = 32, TILE_MOST = 4096 };

struct drawing {
    const struct ctl_args *args;
    char *const *names; /* of views */
    unsigned n_views;
    unsigned rows;  /* images */
    unsigned cells; /* of an image: it begins a new line */
    struct progress progress;
    struct collection inputs;
    struct cache *cache;
    struct engine engine;
    struct sheet sheet;
    int64_t objects[ROWS_MAX]; /* the images that are shown; 0: any */
    unsigned failures;
};

/* ---- which leaf ---- */

struct search {
    struct drawing *d;
    bool is_series;
    unsigned row;
    int64_t object; /* the one of the row; 0: the row-th that comes */
    unsigned seen;  /* objects */
    int64_t last;
    struct leaf found;
    uint32_t parts;
};

/* Parts of an object come one after another. */
static bool look(void *opaque, const struct engine_leaf *leaf)
{
    struct search *s = opaque;

    if (leaf->leaf.object_id != s->last) {
        if (s->parts > 0)
            return false;
        s->last = leaf->leaf.object_id;
        s->seen++;
    }
    if (s->object ? s->last == s->object : s->seen == s->row + 1) {
        s->found = leaf->leaf;
        s->parts++;
    }
    return true;
}

static int find_leaf(struct drawing *d, uint16_t view_id, bool is_series,
                     unsigned row, struct leaf *ret, struct error *err)
{
    struct search s = {.d = d, .row = row, .last = -1};

    s.object = is_series ? 0 : d->objects[row];
    if (engine_list(&d->engine, view_id, look, &s, err) != 0)
        return -1;
    if (s.parts == 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no such file");
    if (!is_series)
        d->objects[row] = s.found.object_id;
    *ret = s.found;
    if (ret->part > 0)
        ret->part -= s.parts / 2;
    return 0;
}

/* ---- its pixels ---- */

static int read_page(struct drawing *d, const struct leaf *leaf,
                     const struct render_samples *samples, uint8_t *to,
                     struct error *err)
{
    uint64_t at = samples->offset + samples->pages / 2 * samples->page_bytes;
    uint64_t left = samples->page_bytes;

    while (left > 0) {
        struct render_bytes bytes = {.iov_count = 0};
        size_t n = left < 1 << 20 ? (size_t)left : 1 << 20;

        if (render_read(d->engine.render, leaf, at, n, true, &bytes, err) != 0)
            return -1;
        for (int i = 0; i < bytes.iov_count; i++) {
            memcpy(to, bytes.iov[i].iov_base, bytes.iov[i].iov_len);
            to += bytes.iov[i].iov_len;
        }
        n = bytes.length;
        render_release(d->engine.render, &bytes);
        if (n == 0)
            return error_set(err, ERROR_INTERNAL, "a file ends too early");
        at += n;
        left -= n;
    }
    return 0;
}

static int draw_leaf(struct drawing *d, const struct leaf *leaf, uint32_t cell,
                     struct error *err)
{
    struct render_samples samples;
    CLEANUP_FREE uint8_t *bytes = NULL;

    if (render_samples(d->engine.render, leaf, &samples, err) != 0)
        return -1;
    bytes = malloc((size_t)samples.page_bytes);
    if (!bytes)
        return error_no_memory(err);
    if (read_page(d, leaf, &samples, bytes, err) != 0)
        return -1;
    struct image image = {
        .width = samples.width,
        .height = samples.height,
        .channels = samples.channels,
        .type = samples.type,
        .stride_bytes = (size_t)(samples.page_bytes / samples.height),
        .data = bytes,
    };

    sheet_put(&d->sheet, cell, &image);
    return 0;
}

/* A view as it is shown: as .npy, which any samples can be, and not of half
 * floats, which no image has. */
static int intern(struct drawing *d, const char *name, uint16_t *ret,
                  bool *ret_series, struct error *err)
{
    struct view view;

    if (ctl_view(d->args, name, &view, err) != 0)
        return -1;
    view.list = VIEW_EXT_NPY;
    view.pack = VIEW_PACK_NONE;
    view.big = false;
    if (view.dtype == VIEW_DTYPE_F16)
        view.dtype = VIEW_DTYPE_F32;
    *ret_series = view.select == VIEW_SELECT_SERIES;
    return render_view(d->engine.render, &view, 0, ret, err);
}

static int draw_cell(struct drawing *d, unsigned row, unsigned column,
                     struct error *err)
{
    struct error why = ERROR_INIT;
    uint32_t cell = row * d->cells + column;
    bool is_series;
    struct leaf leaf;
    uint16_t id;

    if (atomic_load(&signals_cancelled))
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    if (intern(d, d->names[column], &id, &is_series, err) != 0)
        return -1;
    sheet_caption(&d->sheet, cell, d->names[column]);
    if (find_leaf(d, id, is_series, row, &leaf, &why) == 0 &&
        draw_leaf(d, &leaf, cell, &why) == 0)
        return 0;
    sheet_complain(&d->sheet, cell, why.msg);
    progress_message(&d->progress, "%s: %s", d->names[column], why.msg);
    d->failures++;
    return 0;
}

/* ---- the sheet ---- */

static int write_png(struct drawing *d, const char *path, struct error *err)
{
    const struct png_leaf_about about = {.software = NULL};
    CLEANUP_FREE uint8_t *bytes = NULL;
    size_t length, written;
    FILE *out;

    if (png_leaf_pack(&d->sheet.image, &about, &bytes, &length, err) != 0)
        return -1;
    out = fopen(path, "we");
    if (!out)
        return error_set_sys(err, errno, "%.150s: %s", path,
                             strerrordesc_np(errno));
    written = fwrite(bytes, 1, length, out);
    if (fclose(out) != 0 || written != length)
        return error_set_sys(err, errno, "%.150s: %s", path,
                             strerrordesc_np(errno));
    return 0;
}

static int on_bad_source(void *opaque, const char *path,
                         const struct error *why, struct error *err)
{
    struct drawing *d = opaque;

    (void)err;
    progress_message(&d->progress, "%s: %s", path, why->msg);
    d->failures++;
    return 0;
}

static int open_inputs(struct drawing *d, struct error *err)
{
    struct cache_config cache = {.budget_bytes = 64 << 20};
    struct collect_config config = {
        .args = d->args,
        .sources = d->args->positional + d->n_views,
        .n_sources = 1,
        .progress = &d->progress,
        .fail = on_bad_source,
        .opaque = d,
    };
    struct engine_config engine = {
        .follow = d->args->values[CTL_FOLLOW] != NULL,
    };
    unsigned workers = 1;

    if (d->args->values[CTL_WORKERS] &&
        ctl_number(d->args, CTL_WORKERS, 0, WORKERS_MAX, &workers, err) != 0)
        return -1;
    if (engine_start(&d->engine, workers, err) != 0)
        return -1;
    config.workers = d->engine.workers;
    if (ctl_gaps(d->args, &engine.gaps_allowed, err) != 0 ||
        collect(&config, &d->inputs, err) != 0 ||
        ctl_where(d->args, d->inputs.manifest, err) != 0)
        return -1;
    d->cache = cache_new(&cache, err);
    if (!d->cache)
        return -1;
    engine.archive = d->inputs.set.root;
    engine.manifest = d->inputs.manifest;
    engine.cache = d->cache;
    return engine_open(&d->engine, &engine, err);
}

static int number(const struct drawing *d, enum ctl_option option,
                  unsigned least, unsigned most, unsigned *ret,
                  struct error *err)
{
    if (!d->args->values[option])
        return 0;
    return ctl_number(d->args, option, least, most, ret, err);
}

static int draw(struct drawing *d, struct error *err)
{
    unsigned tile = TILE;
    unsigned columns;

    d->rows = 1;
    d->n_views = (unsigned)d->args->n_positional - 1;
    d->names = d->args->positional;
    if (!d->args->values[CTL_OUT])
        return error_set(err, ERROR_USAGE, "-o OUT.png is missing");
    if (number(d, CTL_ROWS, 1, ROWS_MAX, &d->rows, err) != 0 ||
        number(d, CTL_TILE, TILE_LEAST, TILE_MOST, &tile, err) != 0)
        return -1;
    columns = d->rows > 1 || d->n_views < 3 ? d->n_views : 3;
    if (number(d, CTL_COLUMNS, 1, 64, &columns, err) != 0)
        return -1;
    d->cells = (d->n_views + columns - 1) / columns * columns;
    if (open_inputs(d, err) != 0 ||
        sheet_init(&d->sheet, columns, d->rows * d->cells / columns, tile,
                   err) != 0)
        return -1;
    for (unsigned row = 0; row < d->rows; row++)
        for (unsigned i = 0; i < d->n_views; i++)
            if (draw_cell(d, row, i, err) != 0)
                return -1;
    return write_png(d, d->args->values[CTL_OUT], err);
}

int cmd_sheet(const struct ctl_args *args)
{
    struct drawing d = {.args = args};
    struct error err = ERROR_INIT;
    int rc;

    dicom_global_init();
    progress_init(&d.progress, args->program, args->values[CTL_QUIET] != NULL);
    signals_catch();
    rc = draw(&d, &err);
    progress_clear(&d.progress);
    sheet_deinit(&d.sheet);
    engine_close(&d.engine);
    cache_free(d.cache);
    collection_deinit(&d.inputs);
    if (rc != 0)
        return ctl_fail(args, &err);
    return d.failures > 0 ? CTL_FAILED : CTL_OK;
}
