// SPDX-License-Identifier: MIT
/*
 * Points and boxes from the sources to the files of a view, or back: CSV in,
 * CSV out.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/crew.h"
#include "ctl/csv.h"
#include "ctl/ctl.h"
#include "ctl/map.h"
#include "decode/decode.h"
#include "prepfs/cleanup.h"

static const char *const uid_names[] = {"sop_instance_uid", "sop_uid", "uid",
                                        NULL};
static const char *const part_names[] = {"part", "frame", "patch", NULL};
static const char *const place_names[6][2] = {{"x_min", NULL}, {"y_min", NULL},
                                              {"x_max", NULL}, {"y_max", NULL},
                                              {"x", NULL},     {"y", NULL}};

enum { X_MIN, Y_MIN, X_MAX, Y_MAX, X, Y, PLACES };

struct job {
    const struct ctl_args *args;
    struct engine engine;
    struct leaf leaf; /* of the view */
    bool has_parts;
    bool back;
    enum map_mode mode;
    struct csv csv;
    int uid, part;
    int place[PLACES];
    uint64_t failed, outside;
    /* the mapping of the line before is most often that of the next */
    char *known_uid;
    double known_part;
    struct render_mapping mapping;
};

static int find_columns(struct job *j, struct error *err)
{
    bool boxes, points;

    j->uid = csv_column(&j->csv, uid_names);
    j->part = csv_column(&j->csv, part_names);
    for (int i = 0; i < PLACES; i++)
        j->place[i] = csv_column(&j->csv, place_names[i]);
    boxes = j->place[X_MIN] >= 0 && j->place[Y_MIN] >= 0 &&
            j->place[X_MAX] >= 0 && j->place[Y_MAX] >= 0;
    points = j->place[X] >= 0 && j->place[Y] >= 0;
    if (j->uid >= 0 && boxes != points)
        return 0;
    return error_set(err, ERROR_USAGE,
                     "%s: the header must name sop_instance_uid and either "
                     "x_min, x_max, y_min, y_max or x, y",
                     j->csv.name);
}

/* 0 with job->mapping; 1 if this line cannot be mapped, for a reason that is
 * told; -1. */
static int find_mapping(struct job *j, struct error *err)
{
    const char *uid = j->csv.fields[j->uid];
    struct error why = ERROR_INIT;
    double part = 0.0;
    int found;

    if (j->has_parts && j->part >= 0 &&
        csv_number(&j->csv, j->part, false, &part, err) != 0)
        return -1;
    if (j->known_uid && strcmp(j->known_uid, uid) == 0 && j->known_part == part)
        return 0;
    free(j->known_uid);
    j->known_uid = NULL;
    found = manifest_instance_by_uid(j->engine.manifest, uid,
                                     &j->leaf.object_id, err);
    if (found < 0)
        return -1;
    if (found == 0)
        (void)error_set(&why, ERROR_NOT_FOUND, "no image has this UID");
    j->leaf.part = part >= 1.0 && part <= VIEW_PARTS_MAX ? (uint32_t)part : 0;
    if (found == 0 ||
        render_mapping(j->engine.render, &j->leaf, &j->mapping, &why) != 0) {
        (void)fprintf(stderr, "%s: %s:%lu: %s: %s\n", j->args->program,
                      j->csv.name, j->csv.line, uid, why.msg);
        return 1;
    }
    j->known_uid = strdup(uid);
    j->known_part = part;
    return j->known_uid ? 0 : error_no_memory(err);
}

static int read_places(const struct job *j, double ret[PLACES],
                       struct error *err)
{
    for (int i = 0; i < PLACES; i++) {
        ret[i] = 0.0;
        if (j->place[i] >= 0 &&
            csv_number(&j->csv, j->place[i], false, &ret[i], err) != 0)
            return -1;
    }
    return 0;
}

/* False if nothing of the box is in the image. */
static bool map_places(const struct job *j, double at[PLACES])
{
    struct map_box box = {{at[X_MIN], at[Y_MIN]}, {at[X_MAX], at[Y_MAX]}};
    struct map_point p = {at[X], at[Y]};

    if (j->place[X] >= 0) {
        p = (j->back ? map_back : map_forward)(&j->mapping, j->mode, p);
        at[X] = p.x;
        at[Y] = p.y;
        return true;
    }
    if (!map_box(&j->mapping, j->mode, j->back, &box, &box))
        return false;
    at[X_MIN] = box.min.x;
    at[Y_MIN] = box.min.y;
    at[X_MAX] = box.max.x;
    at[Y_MAX] = box.max.y;
    return true;
}

/* Which of the places column `k` is; PLACES if it is none. */
static int place_of(const struct job *j, size_t k)
{
    int i = 0;

    while (i < PLACES && j->place[i] != (int)k)
        i++;
    return i;
}

static void write_line(const struct job *j, const double at[PLACES])
{
    for (size_t k = 0; k < j->csv.n_columns; k++) {
        int place = place_of(j, k);

        if (place < PLACES)
            csv_write_number(stdout, at[place], k == 0);
        else
            csv_write(stdout, j->csv.fields[k], k == 0);
    }
    (void)putchar('\n');
}

static int map_lines(struct job *j, struct error *err)
{
    double at[PLACES];
    int rc;

    for (size_t k = 0; k < j->csv.n_columns; k++)
        csv_write(stdout, j->csv.columns[k], k == 0);
    (void)putchar('\n');
    while ((rc = csv_read(&j->csv, err)) > 0) {
        int known = find_mapping(j, err);

        if (known < 0 || read_places(j, at, err) != 0)
            return -1;
        if (known > 0)
            j->failed++;
        else if (map_places(j, at))
            write_line(j, at);
        else
            j->outside++;
    }
    return rc;
}

static int open_view(struct job *j, struct manifest *m, struct error *err)
{
    struct view view;

    if (ctl_view(j->args, j->args->positional[0], &view, err) != 0 ||
        ctl_engine_open(&j->engine, j->args, j->args->positional[1], m, err) !=
            0)
        return -1;
    view.list = VIEW_EXT_NPY; /* nothing is packed */
    j->leaf.kind = LEAF_NPY;
    j->has_parts = view_parts_of(&view) != VIEW_PART_NONE;
    return render_view(j->engine.render, &view, 0, &j->leaf.view_id, err);
}

static int run(struct job *j, struct manifest *m, struct error *err)
{
    const char *path = j->args->positional[2];

    if (csv_open(path ? path : "-", &j->csv, err) != 0 ||
        find_columns(j, err) != 0 || open_view(j, m, err) != 0 ||
        map_lines(j, err) != 0)
        return -1;
    if (j->outside > 0 && !j->args->values[CTL_QUIET])
        (void)fprintf(stderr, "%s: %" PRIu64 " boxes are outside\n",
                      j->args->program, j->outside);
    return 0;
}

int cmd_map(const struct ctl_args *args)
{
    struct job j = {.args = args,
                    .back = args->values[CTL_INVERSE] != NULL,
                    .mode = args->values[CTL_EDGES] ? MAP_EDGES : MAP_PIXELS};
    struct error err = ERROR_INIT;
    struct manifest *m =
        ctl_open(args, args->positional[1], CTL_WRITE, NULL, &err);
    int rc;

    if (!m)
        return ctl_fail(args, &err);
    rc = run(&j, m, &err);
    engine_close(&j.engine);
    csv_close(&j.csv);
    free(j.known_uid);
    manifest_close(m);
    if (rc != 0)
        return ctl_fail(args, &err);
    rc = ctl_finish_output(args);
    return rc == CTL_OK && j.failed > 0 ? CTL_FAILED : rc;
}
