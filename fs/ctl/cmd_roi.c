// SPDX-License-Identifier: MIT
/*
 * Findings, the boxes and points of table `roi`: from CSV and to CSV.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/csv.h"
#include "ctl/ctl.h"
#include "manifest/manifest_roi.h"
#include "prepfs/cleanup.h"

/* ---- import ---- */

/* What columns may be called: ours first, then those of well-known lists. */
static const char *const uid_names[] = {
    "series_uid",       "uid", "sop_uid", "series_instance_uid", "seriesuid",
    "sop_instance_uid", NULL};
static const char *const n_names[] = {"n", NULL};
static const char *const label_names[] = {"label", "class", NULL};
static const char *const table_names[] = {"table_name", NULL};
static const char *const size_names[] = {"diameter_mm", "diameter", NULL};
static const char *const centre_names[3][4] = {
    {"x", "coordx", "center_x", NULL},
    {"y", "coordy", "center_y", NULL},
    {"z", "coordz", "center_z", NULL}};
static const char *const side_names[3][2] = {
    {"dx", NULL}, {"dy", NULL}, {"dz", NULL}};

struct columns {
    int uid, n, label, table, diameter;
    int centre[3], side[3];
};

struct rows {
    struct manifest_roi_row *v; /* texts owned */
    unsigned long *lines;
    size_t n, capacity;
};

static void rows_free(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free((char *)(uintptr_t)r->v[i].uid);
        free((char *)(uintptr_t)r->v[i].roi.label);
    }
    free(r->v);
    free(r->lines);
}

static int find_columns(const struct csv *c, struct columns *ret,
                        struct error *err)
{
    ret->uid = csv_column(c, uid_names);
    ret->n = csv_column(c, n_names);
    ret->label = csv_column(c, label_names);
    ret->table = csv_column(c, table_names);
    ret->diameter = csv_column(c, size_names);
    for (int a = 0; a < 3; a++) {
        ret->centre[a] = csv_column(c, centre_names[a]);
        ret->side[a] = csv_column(c, side_names[a]);
    }
    if (ret->uid < 0 || ret->centre[0] < 0 || ret->centre[1] < 0)
        return error_set(err, ERROR_USAGE,
                         "%s: the header must name series_uid, x and y (and "
                         "may n, z, dx, dy, dz, diameter_mm, label)",
                         c->name);
    return 0;
}

/* The column, or NaN if there is none. */
static int number(const struct csv *c, int column, bool may_be_empty,
                  double *ret, struct error *err)
{
    *ret = NAN;
    return column < 0 ? 0 : csv_number(c, column, may_be_empty, ret, err);
}

static int read_row(const struct csv *c, const struct columns *at,
                    struct manifest_roi_row *ret, struct error *err)
{
    struct manifest_roi *roi = &ret->roi;
    double n;

    if (number(c, at->n, true, &n, err) != 0)
        return -1;
    if (!isnan(n) && (n != floor(n) || n < 1 || n > 1e15))
        return error_set(err, ERROR_USAGE,
                         "%s:%lu: n is a whole number from 1, not \"%.60s\"",
                         c->name, c->line, c->fields[at->n]);
    roi->n = isnan(n) ? 0 : (int64_t)n;
    for (int a = 0; a < 3; a++) {
        int side = at->side[a] >= 0 ? at->side[a] : at->diameter;

        if (number(c, at->centre[a], a == 2, &roi->centre[a], err) != 0 ||
            number(c, side, true, &roi->size[a], err) != 0)
            return -1;
        if (roi->size[a] < 0.0)
            return error_set(err, ERROR_USAGE,
                             "%s:%lu: a side is not less than 0, as \"%.60s\"",
                             c->name, c->line, c->fields[side]);
    }
    if (!c->fields[at->uid][0])
        return error_set(err, ERROR_USAGE, "%s:%lu: %s is empty", c->name,
                         c->line, c->columns[at->uid]);
    return 0;
}

static int push_row(struct rows *rows, const struct csv *c,
                    const struct columns *at,
                    const struct manifest_roi_row *row, struct error *err)
{
    if (rows->n == rows->capacity) {
        size_t capacity = rows->capacity ? 2 * rows->capacity : 256;
        struct manifest_roi_row *v = reallocarray(rows->v, capacity, sizeof *v);
        unsigned long *lines;

        if (!v)
            return error_no_memory(err);
        rows->v = v;
        lines = reallocarray(rows->lines, capacity, sizeof *lines);
        if (!lines)
            return error_no_memory(err);
        rows->lines = lines;
        rows->capacity = capacity;
    }
    struct manifest_roi_row *to = &rows->v[rows->n];

    *to = *row;
    to->uid = strdup(c->fields[at->uid]);
    to->roi.label = at->label >= 0 && c->fields[at->label][0]
                        ? strdup(c->fields[at->label])
                        : NULL;
    rows->lines[rows->n++] = c->line;
    return to->uid ? 0 : error_no_memory(err);
}

/* Rows of other tables are passed over, if the file has a column for that. */
static int read_rows(struct csv *c, const char *table, struct rows *rows,
                     struct error *err)
{
    struct columns at;
    int rc;

    if (find_columns(c, &at, err) != 0)
        return -1;
    while ((rc = csv_read(c, err)) > 0) {
        struct manifest_roi_row row = {.uid = NULL};

        if (at.table >= 0 && strcmp(c->fields[at.table], table) != 0)
            continue;
        if (read_row(c, &at, &row, err) != 0 ||
            push_row(rows, c, &at, &row, err) != 0)
            return -1;
    }
    return rc;
}

static bool is_table(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");

    return n > 0 && n <= 32 && name[n] == '\0' && name[0] >= 'a';
}

static int import(const struct ctl_args *args, const char *table,
                  const char *path, const char *archive, struct error *err)
{
    CLEANUP(rows_free) struct rows rows = {.v = NULL};
    CLEANUP(csv_close) struct csv c = {.in = NULL};
    struct manifest *m;
    int rc;

    if (!is_table(table))
        return error_set(err, ERROR_USAGE,
                         "the name of a table is up to 32 small letters and "
                         "digits, not \"%.60s\"",
                         table);
    if (csv_open(path, &c, err) != 0 || read_rows(&c, table, &rows, err) != 0)
        return -1;
    m = ctl_open(args, archive, CTL_WRITE, NULL, err);
    if (!m)
        return -1;
    rc = manifest_roi_put(m, table,
                          args->values[CTL_REPLACE] ? MANIFEST_ROI_REPLACE
                                                    : MANIFEST_ROI_ADD,
                          rows.v, rows.n, err);
    manifest_close(m);
    if (rc == 0)
        (void)printf("%zu findings in %s\n", rows.n, table);
    return rc;
}

/* ---- export ---- */

static int print_row(void *opaque, const char *table, const char *uid,
                     const struct manifest_roi *roi)
{
    (void)opaque;
    csv_write(stdout, table, 1);
    csv_write(stdout, uid, 0);
    (void)printf(",%" PRId64, roi->n);
    for (int a = 0; a < 3; a++)
        csv_write_number(stdout, roi->centre[a], 0);
    for (int a = 0; a < 3; a++)
        csv_write_number(stdout, roi->size[a], 0);
    csv_write(stdout, roi->label ? roi->label : "", 0);
    (void)putchar('\n');
    return 0;
}

static int export(const struct ctl_args *args, const char *archive,
                  const char *table, struct error *err)
{
    struct manifest *m = ctl_open(args, archive, CTL_READ, NULL, err);
    int rc;

    if (!m)
        return -1;
    (void)puts("table_name,series_uid,n,x,y,z,dx,dy,dz,label");
    rc = manifest_roi_each(m, table, print_row, NULL, err);
    manifest_close(m);
    return rc;
}

int cmd_roi(const struct ctl_args *args)
{
    const char *word = args->positional[0];
    struct error err = ERROR_INIT;
    int n = args->n_positional;
    int rc;

    if (strcmp(word, "import") == 0 && n == 4)
        rc = import(args, args->positional[1], args->positional[2],
                    args->positional[3], &err);
    else if (strcmp(word, "export") == 0 && (n == 2 || n == 3))
        rc = export(args, args->positional[1],
                    n == 3 ? args->positional[2] : NULL, &err);
    else
        rc = error_set(&err, ERROR_USAGE,
                       "roi import NAME CSV ARCHIVE, or roi export ARCHIVE "
                       "[NAME]");
    return rc == 0 ? ctl_finish_output(args) : ctl_fail(args, &err);
}
