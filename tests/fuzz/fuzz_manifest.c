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
 * A file with other bytes is opened by each input. Rows change, in most inputs,
 * below a manifest that stays open and has its statements prepared, as they do
 * when another process writes; once they are back, it must answer as before.
 *
 * The database lies in support/memory_vfs.h; what manifest_open does besides
 * SQLite's files it does to a folder in /dev/shm where there is such a place.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/manifest.h"
#include "manifest/manifest_roi.h"
#include "support/manifest_asks.h"
#include "support/memory_vfs.h"
#include "support/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

enum { /* of the first byte */
       IS_ROWS = 1,
       IS_WRITABLE = 2,
       ASKS = 4,      /* and above: which questions */
       OPENS = 4 * 48 /* rows too are opened anew */
};

/* A state folder, and the database of it. */
struct place {
    char state[64];
    char path[80];
};

static struct place damaged, lasting;
static uint8_t *base;
static size_t base_size;

/* Of `lasting`: open all the time, and how it was. */
static struct manifest *readers, *writers;
static sqlite3 *editor;
static struct memory_vfs_state *before;

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

/* Files of the state folder, and what it does not depend on if `all`. The
 * database itself is only a name there. */
static void remove_files(const struct place *p, bool all)
{
    static const char *const names[] = {"suspect", "ids", "manifest.db", "lock",
                                        "salt"};
    char name[128];

    for (size_t i = 0; i < (all ? 5 : 2); i++) {
        (void)snprintf(name, sizeof name, "%s/%s", p->state, names[i]);
        (void)unlink(name);
    }
}

static void place_init(struct place *p)
{
    (void)snprintf(p->state, sizeof p->state, "%s/prepfs-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert(mkdtemp(p->state));
    (void)snprintf(p->path, sizeof p->path, "%s/manifest.db", p->state);
}

static struct manifest *open_place(const struct place *p,
                                   enum manifest_mode mode)
{
    struct error err = ERROR_INIT;
    struct manifest *m = manifest_open(p->state, mode, &err);

    if (!m)
        (void)fprintf(stderr, "%s: %s\n", p->state, err.msg);
    assert(m);
    return m;
}

static void make_base(void)
{
    struct manifest *m = open_place(&damaged, MANIFEST_READ_WRITE);
    const uint8_t *data;

    write_rows(m);
    manifest_asks_init(m);
    write_findings(m, MANIFEST_ASKS_VIEWS);
    manifest_close(m);
    data = memory_vfs_data(damaged.path, &base_size);
    base = malloc(base_size);
    assert(data && base && base_size > 0);
    memcpy(base, data, base_size);
}

static void open_lasting(void)
{
    memory_vfs_write(lasting.path, base, base_size);
    writers = open_place(&lasting, MANIFEST_READ_WRITE);
    readers = open_place(&lasting, MANIFEST_READ_ONLY);
    assert(sqlite3_open(lasting.path, &editor) == SQLITE_OK);
    assert(sqlite3_exec(editor, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL,
                        NULL) == SQLITE_OK);
    before = memory_vfs_save(lasting.path);
}

static void remove_all(void)
{
    remove_files(&damaged, true);
    remove_files(&lasting, true);
    (void)rmdir(damaged.state);
    (void)rmdir(lasting.state);
}

static void init(void)
{
    memory_vfs_install();
    place_init(&damaged);
    place_init(&lasting);
    assert(atexit(remove_all) == 0);
    make_base();
    open_lasting();
}

/* Files that SQLite has are renamed where it has them. */
int __wrap_rename(const char *from, const char *to)
{
    return memory_vfs_rename(from, to) ? 0 : __real_rename(from, to);
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
    size_t size;
    uint8_t *file = memory_vfs_data(damaged.path, &size);

    while (in->left > 4) {
        size_t place = next(in);
        size_t n;

        place |= (size_t)next(in) << 8;
        place |= (size_t)next(in) << 16;
        place %= size;
        n = next(in);
        if (n == 255) {
            memory_vfs_truncate(damaged.path, place);
            return;
        }
        n = 1 + n % 16;
        n = n < in->left ? n : in->left;
        n = n < size - place ? n : size - place;
        memcpy(file + place, in->at, n);
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

/* A statement that sets a column of all rows, prepared once. */
static sqlite3_stmt *update_of(size_t column)
{
    static sqlite3_stmt *known[COLUMNS];
    const char *const *c = columns[column];
    char sql[128];

    if (known[column])
        return known[column];
    (void)snprintf(sql, sizeof sql, "UPDATE OR IGNORE %s SET %s=?", c[0], c[1]);
    assert(sqlite3_prepare_v2(editor, sql, -1, &known[column], NULL) ==
           SQLITE_OK);
    return known[column];
}

static void write_columns(struct input *in)
{
    assert(sqlite3_exec(editor, "BEGIN IMMEDIATE", NULL, NULL, NULL) ==
           SQLITE_OK);
    while (in->left > 2) {
        sqlite3_stmt *st = update_of(next(in) % COLUMNS);

        bind_value(st, in);
        (void)sqlite3_step(st); /* a constraint may forbid it */
        (void)sqlite3_reset(st);
        (void)sqlite3_clear_bindings(st);
    }
    assert(sqlite3_exec(editor, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
}

/* ---- the input ------------------------------------------------------------
 */

static enum manifest_mode mode_of(uint8_t how)
{
    return how & IS_WRITABLE ? MANIFEST_READ_WRITE : MANIFEST_READ_ONLY;
}

static void check_refusal(const struct error *err)
{
    bool is_good = err->kind != ERROR_NONE && err->kind != ERROR_INTERNAL &&
                   err->msg[0] != '\0';

    if (!is_good)
        (void)fprintf(stderr, "refused: kind %d, \"%s\"\n", err->kind,
                      err->msg);
    assert(is_good);
}

static void ask_opened(const struct place *p, uint8_t how)
{
    struct error err = ERROR_INIT;
    struct manifest *m = manifest_open(p->state, mode_of(how), &err);

    if (m)
        manifest_asks(m, how / ASKS);
    else
        check_refusal(&err);
    manifest_close(m);
    remove_files(p, false);
}

/* Damage leaves nothing behind in a manifest that is open. */
static void check_sound(struct manifest *m)
{
    struct manifest_instance row;
    struct error err = ERROR_INIT;

    assert(manifest_instance_by_id(m, 1, &row, &err) == 1);
    assert(strcmp(row.relpath, "a/1.dcm") == 0);
    manifest_instance_deinit(&row);
}

static void ask_lasting(uint8_t how)
{
    struct manifest *m = how & IS_WRITABLE ? writers : readers;

    manifest_asks(m, how / ASKS);
    memory_vfs_restore(before);
    check_sound(m);
}

static void try_rows(uint8_t how, struct input *in)
{
    write_columns(in);
    if (how < OPENS) {
        ask_lasting(how);
        return;
    }
    ask_opened(&lasting, how);
    memory_vfs_restore(before);
    check_sound(readers);
}

/* No statement and no connection is forgotten. */
static void try_bytes(uint8_t how, struct input *in)
{
    size_t blocks = memory_vfs_blocks();

    memory_vfs_write(damaged.path, base, base_size);
    write_bytes(in);
    ask_opened(&damaged, how);
    memory_vfs_clean(damaged.path);
    assert(memory_vfs_blocks() == blocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t how;

    if (!base)
        init();
    how = next(&in);
    if (how & IS_ROWS)
        try_rows(how, &in);
    else
        try_bytes(how, &in);
    return 0;
}
