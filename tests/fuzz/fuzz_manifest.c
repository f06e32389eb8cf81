// SPDX-License-Identifier: MIT
/*
 * fuzz_manifest.c: a database that is damaged, or in which somebody has written
 * anything: it is opened, or refused in words, and every question has an answer
 * that its caller can use, or an error.
 *
 * The first byte says how it is opened and what the others are:
 *
 *     bytes   records of 3 bytes of place, one of length, and that many bytes,
 *             written over the file; a length of 255 cuts it off there
 *     rows    records of a column of a table, a type and a value, which all
 *             rows of that table then have
 *
 * The database lies in memory (/dev/shm) where there is such a place.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/manifest.h"
#include "manifest/manifest_roi.h"
#include "render/render.h"
#include "support/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { /* of the first byte */
       IS_ROWS = 1,
       IS_WRITABLE = 2
};

static char state[64];
static char path[80];
static int file; /* of the database, kept open to repair it */
static uint8_t *base;
static size_t base_size;
static FILE *nowhere;
static struct view views[6];

#define VIEWS (sizeof views / sizeof views[0])

/* ---- the sound database ---------------------------------------------------
 */

static void write_rows(struct manifest *m)
{
    static const struct row rows[] = {
        {.path = "a/1.dcm",
         .study = "1.2.1",
         .series = "1.2.1.1",
         .sop = "1.2.1.1.1",
         .ino = 11,
         .z = 0,
         .number = 1},
        {.path = "a/2.dcm",
         .study = "1.2.1",
         .series = "1.2.1.1",
         .sop = "1.2.1.1.2",
         .ino = 12,
         .z = 2,
         .number = 2},
        {.path = "a/3.dcm",
         .study = "1.2.1",
         .series = "1.2.1.2",
         .sop = "1.2.1.2.1",
         .ino = 13,
         .z = 4,
         .number = 3},
        {.path = "b/1.dcm",
         .study = "1.2.2",
         .series = "1.2.2.1",
         .sop = "1.2.2.1.1",
         .ino = 14,
         .z = 0,
         .number = 1,
         .no_pixels = true},
    };

    enum { N = sizeof rows / sizeof rows[0] };
    struct manifest_header headers[N];
    struct manifest_entry entries[N];
    struct manifest_written written = {0};
    struct error err = ERROR_INIT;
    uint64_t renamed, copies;

    for (size_t i = 0; i < N; i++)
        row_entry(&rows[i], &headers[i], &entries[i]);
    assert(manifest_write_batch(m, entries, N, &written, &err) == 0);
    assert(manifest_write_names(m, NULL, NULL, NULL, &renamed, &copies, &err) ==
           0);
    assert(manifest_write_volumes(m, NULL, &err) == 0);
    assert(manifest_write_end(m, "/archive", "test 1", true, &err) == 0);
}

static void write_findings(struct manifest *m, uint16_t view)
{
    static const struct manifest_extent extents[] = {{100, 8}, {108, 90}};
    static const struct manifest_roi_row finding = {
        "1.2.1.1", {1, {1, 2, 3}, {4, 5, 6}, "node"}};
    const struct manifest_fact fact = {{1, 2, 3, 4}, 0, 9};
    uint64_t strips[] = {10, 20};
    struct manifest_output o = {.width = 8,
                                .height = 8,
                                .channels = 1,
                                .num_frames = 1,
                                .bytes = 512,
                                .crop = {0, 0, 8, 8},
                                .scale_x = 1,
                                .scale_y = 1,
                                .strips = strips,
                                .n_strips = 2,
                                .has_stats = true,
                                .vmax = 1};
    struct error err = ERROR_INIT;

    assert(manifest_fact_put(m, 1, "crop", 7, &fact, &err) == 0);
    assert(manifest_output_put(m, view, 1, 0, 0, 7, &o, &err) == 0);
    assert(manifest_frames_put(m, 1, extents, 2, &err) == 0);
    assert(manifest_error_put(m, 1, view, "decode", EIO, "broken", &err) == 0);
    assert(manifest_roi_put(m, "nodes", MANIFEST_ROI_ADD, &finding, 1, &err) ==
           0);
}

static void read_base(void)
{
    struct stat st;

    file = open(path, O_RDWR | O_CLOEXEC);
    assert(file >= 0 && fstat(file, &st) == 0);
    base_size = (size_t)st.st_size;
    base = malloc(base_size);
    assert(base && pread(file, base, base_size, 0) == (ssize_t)base_size);
}

/* The database and what is beside it; what it does not depend on if `all`. */
static void remove_files(bool all)
{
    static const char *const names[] = {"manifest.db",
                                        "manifest.db-wal",
                                        "manifest.db-shm",
                                        "suspect",
                                        "ids",
                                        "lock",
                                        "salt"};
    char name[128];

    for (size_t i = 0; i < (all ? 7 : 5); i++) {
        (void)snprintf(name, sizeof name, "%s/%s", state, names[i]);
        (void)unlink(name);
    }
}

static void remove_state(void)
{
    (void)close(file);
    remove_files(true);
    (void)rmdir(state);
}

/* A sound database, and no file beside it. Its descriptor is closed while no
 * connection is open, as POSIX locks want it. */
static void repair(void)
{
    (void)close(file);
    remove_files(false);
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert(file >= 0);
    assert(pwrite(file, base, base_size, 0) == (ssize_t)base_size);
}

static void init(void)
{
    static const char *const names[VIEWS] = {"full",
                                             "crop_size-64x64",
                                             "hu_vol-mip",
                                             "series_pack-lzw",
                                             "frames_norm-unit",
                                             "grid-8x8_list-png"};
    struct error err = ERROR_INIT;
    uint16_t view;

    assert(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK);
    (void)snprintf(state, sizeof state, "%s/prepfs-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert(mkdtemp(state));
    (void)snprintf(path, sizeof path, "%s/manifest.db", state);
    struct manifest *m = manifest_open(state, MANIFEST_READ_WRITE, &err);

    assert(m);
    write_rows(m);
    for (size_t i = 0; i < VIEWS; i++) {
        assert(view_parse(names[i], NULL, &views[i], NULL, &err) == 0);
        assert(manifest_view_intern(m, names[i], 0, &view, &err) == 0);
    }
    write_findings(m, view);
    manifest_close(m);
    read_base();
    nowhere = fopen("/dev/null", "we");
    assert(nowhere);
    assert(atexit(remove_state) == 0);
}

/* ---- damage ---------------------------------------------------------------
 */

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static void write_bytes(struct input *in)
{
    while (in->left > 4) {
        off_t place = next(in) | next(in) << 8 | next(in) << 16;
        size_t n = next(in);

        place %= (off_t)base_size;
        if (n == 255) {
            assert(ftruncate(file, place) == 0);
            return;
        }
        n = 1 + n % 16;
        n = n < in->left ? n : in->left;
        assert(pwrite(file, in->at, n, place) == (ssize_t)n);
        in->at += n;
        in->left -= n;
    }
}

static const char *const columns[][2] = {
    {"source", "relpath"},
    {"source", "dev"},
    {"source", "size"},
    {"source", "mtime_ns"},
    {"study", "uid"},
    {"study", "dirname"},
    {"study", "mtime_s"},
    {"study", "epoch"},
    {"series", "uid"},
    {"series", "dirname"},
    {"series", "study_id"},
    {"series", "n_instances"},
    {"series", "z_spacing"},
    {"series", "volume_ok"},
    {"series", "volume_id"},
    {"series", "volume_kind"},
    {"series", "volume_first"},
    {"series", "volume_note"},
    {"instance", "uid"},
    {"instance", "fname"},
    {"instance", "study_id"},
    {"instance", "series_id"},
    {"instance", "source_id"},
    {"instance", "rows"},
    {"instance", "cols"},
    {"instance", "frames"},
    {"instance", "samples"},
    {"instance", "photometric"},
    {"instance", "bits_alloc"},
    {"instance", "bits_stored"},
    {"instance", "px_x"},
    {"instance", "px_y"},
    {"instance", "ipp_z"},
    {"instance", "iop"},
    {"instance", "slice_pos"},
    {"instance", "has_pixels"},
    {"instance", "dup_of"},
    {"instance", "ord"},
    {"instance", "decodable"},
    {"instance", "codec"},
    {"instance", "element"},
    {"instance", "high_bit"},
    {"instance", "pixel_off"},
    {"instance", "pixel_len"},
    {"instance", "gone"},
    {"instance", "n_windows"},
    {"frame_index", "frame"},
    {"frame_index", "off"},
    {"frame_index", "len"},
    {"view", "canonical"},
    {"view", "dirname"},
    {"output", "width"},
    {"output", "num_frames"},
    {"output", "dtype"},
    {"output", "bytes"},
    {"output", "crop_w"},
    {"output", "pad_l"},
    {"output", "strips"},
    {"output", "vmin"},
    {"output", "part"},
    {"output", "fmt"},
    {"fact", "crop_w"},
    {"fact", "vmin"},
    {"error", "message"},
    {"error", "errno"},
    {"roi", "x"},
    {"roi", "n"},
    {"roi", "series_uid"},
    {"meta", "v"},
};

#define COLUMNS (sizeof columns / sizeof columns[0])

static void bind_value(sqlite3_stmt *st, struct input *in)
{
    static const int64_t integers[] = {
        0,         1,          -1,        2,         65535,   65536,
        INT32_MAX, UINT32_MAX, INT64_MAX, INT64_MIN, 1 << 25, 4096};
    static const double reals[] = {0, 1e308, -1e308, INFINITY, 1e-300, 0.5};
    uint8_t type = next(in), n = next(in);

    switch (type % 6) {
    case 0:
        (void)sqlite3_bind_int64(st, 1, integers[n % 12]);
        break;
    case 1:
        (void)sqlite3_bind_int64(st, 1, (int8_t)n * (int64_t)next(in));
        break;
    case 2:
        (void)sqlite3_bind_double(st, 1, reals[n % 6]);
        break;
    case 3:
        (void)sqlite3_bind_null(st, 1);
        break;
    default:
        n = n < in->left ? n : (uint8_t)in->left;
        if (type % 6 == 4)
            (void)sqlite3_bind_text(st, 1, (const char *)in->at, n,
                                    SQLITE_TRANSIENT);
        else
            (void)sqlite3_bind_blob(st, 1, in->at, n, SQLITE_TRANSIENT);
        in->at += n;
        in->left -= n;
    }
}

static void write_columns(struct input *in)
{
    char sql[128];
    sqlite3 *db;

    assert(sqlite3_open(path, &db) == SQLITE_OK);
    assert(sqlite3_exec(db,
                        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=OFF;"
                        "PRAGMA journal_mode=OFF; BEGIN",
                        NULL, NULL, NULL) == SQLITE_OK);
    while (in->left > 2) {
        const char *const *c = columns[next(in) % COLUMNS];
        sqlite3_stmt *st;

        (void)snprintf(sql, sizeof sql, "UPDATE OR IGNORE %s SET %s=?", c[0],
                       c[1]);
        assert(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
        bind_value(st, in);
        (void)sqlite3_step(st); /* a constraint may forbid it */
        (void)sqlite3_finalize(st);
    }
    assert(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    assert(sqlite3_close(db) == SQLITE_OK);
}

/* ---- questions ------------------------------------------------------------
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

/* Some of the questions, since each prepares statements of its own. */
static void ask(struct manifest *m, unsigned which)
{
    static void (*const asks[])(struct manifest *) = {
        ask_instances, ask_folders, ask_volumes,
        ask_outputs,   ask_others,  ask_csv,
    };

    (void)manifest_epoch(m, &err);
    err = (struct error)ERROR_INIT;
    asks[which % (sizeof asks / sizeof asks[0])](m);
}

/* ---- the input ------------------------------------------------------------
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct manifest *m;
    uint8_t how;

    if (!base)
        init();
    how = next(&in);
    if (how & IS_ROWS)
        write_columns(&in);
    else
        write_bytes(&in);
    err = (struct error)ERROR_INIT;
    m = manifest_open(
        state, how & IS_WRITABLE ? MANIFEST_READ_WRITE : MANIFEST_READ_ONLY,
        &err);
    if (m) {
        const char *aside = manifest_set_aside(m);

        if (aside)
            (void)unlink(aside);
        err = (struct error)ERROR_INIT;
        ask(m, how >> 2);
    } else {
        assert(err.kind != ERROR_NONE && err.kind != ERROR_INTERNAL);
    }
    manifest_close(m);
    repair();
    return 0;
}
