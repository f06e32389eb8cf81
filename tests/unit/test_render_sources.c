// SPDX-License-Identifier: MIT
/*
 * test_render_sources.c: sources that change, sources that are broken, limits,
 * and a manifest that cannot remember or was edited.
 */
#undef NDEBUG
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/cine.h"
#include "support/rows.h"
#include "support/scratch.h"

static struct engine engine;
static struct error err;

static void setup(void)
{
    engine_init(&engine);
}

static void teardown(void)
{
    engine_deinit(&engine);
}

static struct leaf start(const struct image_file *f, const char *view)
{
    engine_put(&engine, f);
    engine_start(&engine);
    return engine_leaf(&engine, view, f->sop);
}

static enum error_kind read_page(const struct leaf *leaf, uint32_t n,
                                 uint32_t k, uint8_t **ret)
{
    return cine_read(&engine, leaf, n, k, ret, &err);
}

/* ---- sources that change ------------------------------------------------ */

static char *path_of(const struct image_file *f)
{
    return scratch_text("%s/%s.dcm", engine.archive, f->sop);
}

static void touch(struct image_file *f, const char *path)
{
    (void)f;
    ck_assert_int_eq(utimensat(AT_FDCWD, path, NULL, 0), 0);
}

static void truncate_it(struct image_file *f, const char *path)
{
    (void)f;
    ck_assert_int_eq(truncate(path, 1000), 0);
}

static void replace(struct image_file *f, const char *path)
{
    char *other = scratch_text("%s/new", engine.archive);

    f->value = image_file_noise;
    image_file_write(f, engine.archive, "new", 0);
    ck_assert_int_eq(rename(other, path), 0);
    free(other);
}

/* Another inode, of the same size and times. */
static void disguise(struct image_file *f, const char *path)
{
    struct stat st;
    struct timespec times[2];

    ck_assert_int_eq(stat(path, &st), 0);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    replace(f, path);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void overwrite(struct image_file *f, const char *path)
{
    (void)path;
    f->value = image_file_noise;
    engine_put(&engine, f);
    touch(f, path); /* not within the tick of the first version */
}

static void delete (struct image_file *f, const char *path)
{
    (void)f;
    ck_assert_int_eq(unlink(path), 0);
}

static void to_folder(struct image_file *f, const char *path)
{
    delete (f, path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

/* The same bytes behind a link that leads out of the archive. */
static void to_link(struct image_file *f, const char *path)
{
    char *away = scratch_text("%s/away", engine.dir);

    (void)f;
    ck_assert_int_eq(rename(path, away), 0);
    ck_assert_int_eq(symlink(away, path), 0);
    free(away);
}

struct change {
    void (*make)(struct image_file *f, const char *path);
    bool is_image; /* afterwards there is an image again */
    enum error_kind kind;
};

static const struct change changes[] = {
    {touch, true, ERROR_STALE},      {truncate_it, false, ERROR_STALE},
    {replace, true, ERROR_STALE},    {overwrite, true, ERROR_STALE},
    {disguise, true, ERROR_STALE},   {delete, false, ERROR_STALE},
    {to_folder, false, ERROR_STALE}, {to_link, false, ERROR_NONE},
};

START_TEST(a_changed_source_is_stale)
{
    const struct change *c = &changes[_i / 2];
    bool is_warm = _i % 2;
    struct image_file f = cine_new(DECODE_NATIVE_LE, 4);
    struct image_file old = f;
    struct leaf leaf = start(&f, "raw");
    char *path = path_of(&f);
    uint8_t *page;

    if (is_warm) { /* the file is open, page 0 is in the cache */
        ck_assert_int_eq(read_page(&leaf, 4, 0, &page), ERROR_NONE);
        free(page);
    }
    c->make(&f, path);
    free(path);
    if (c->kind != ERROR_NONE)
        ck_assert_int_eq(read_page(&leaf, 4, 2, NULL), c->kind);
    else /* whatever it is, it is no bytes from outside */
        ck_assert(is_warm || read_page(&leaf, 4, 2, NULL) != ERROR_NONE);
    if (is_warm) { /* what was read is still what it was */
        ck_assert_int_eq(read_page(&leaf, 4, 0, &page), ERROR_NONE);
        cine_check_raw(&old, 0, page);
        free(page);
    }
    (void)engine_index(&engine);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_STALE);
    if (c->is_image) {
        struct leaf next = engine_leaf(&engine, "raw", f.sop);

        ck_assert_int_ne(next.object_id, leaf.object_id);
        ck_assert_int_eq(read_page(&next, 4, 2, &page), ERROR_NONE);
        cine_check_raw(&f, 2, page);
        free(page);
    }
    /* and for ever */
    engine_restart(&engine);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_STALE);
}
END_TEST

/* Same inode, size and times, another shape: nothing tells but the header. */
START_TEST(a_forged_source_is_stale)
{
    struct image_file f = cine_new(DECODE_NATIVE_LE, 2);
    struct leaf leaf = start(&f, _i ? "crop" : "raw");
    char *path = path_of(&f);
    struct stat st;
    struct timespec times[2];

    ck_assert_int_eq(stat(path, &st), 0);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    f.cols = 48;
    f.rows = 192;
    engine_put(&engine, &f);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_STALE);
    free(path);
}
END_TEST

START_TEST(a_rescan_without_changes_changes_nothing)
{
    struct image_file f = cine_new(DECODE_RLE, 4);
    struct leaf leaf = start(&f, "crop");
    struct leaf again;
    uint8_t *before, *after;
    size_t n, m;

    before = engine_bytes(&engine, &leaf, &n);
    (void)engine_index(&engine);
    again = engine_leaf(&engine, "crop", f.sop);
    ck_assert_int_eq(again.object_id, leaf.object_id);
    after = engine_bytes(&engine, &again, &m);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(before, after, n);
    free(before);
    free(after);
}
END_TEST

/* ---- sources that are broken -------------------------------------------- */

static const uint32_t broken_sides[] = {128, 50, 9};

START_TEST(a_broken_frame_takes_no_other_along)
{
    struct image_file f = cine_new(DECODE_RLE, 5);
    struct leaf leaf;
    uint8_t *page;
    uint64_t size;

    f.cols = f.rows = broken_sides[_i];
    f.corrupt_frame = 2;
    leaf = start(&f, "raw");
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
    for (uint32_t k = 0; k < 5; k++) {
        enum error_kind kind = read_page(&leaf, 5, k, &page);

        ck_assert_int_eq(kind, k == 2 ? ERROR_CORRUPT : ERROR_NONE);
        if (kind != ERROR_NONE)
            continue;
        cine_check_raw(&f, k, page);
        free(page);
    }
    ck_assert_uint_eq(engine_decoded(&engine), 5);
    ck_assert_int_eq(read_page(&leaf, 5, 2, NULL), ERROR_CORRUPT);
    ck_assert_uint_eq(engine_decoded(&engine), 0); /* it is known */
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_CORRUPT);
}
END_TEST

START_TEST(a_broken_frame_has_no_size_that_needs_it)
{
    static const char *const views[] = {"crop", "raw_pack-lzw"};
    struct image_file f = cine_new(DECODE_RLE, 3);
    struct leaf leaf;
    uint64_t size;

    f.corrupt_frame = 1;
    leaf = start(&f, views[_i]);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_CORRUPT);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_CORRUPT);
}
END_TEST

START_TEST(short_data_gives_the_frames_there_are)
{
    struct image_file f = cine_new(DECODE_NATIVE_LE, 3);
    struct leaf leaf;
    uint8_t *page;
    uint64_t size;

    f.missing_bytes = 10;
    leaf = start(&f, "raw");
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
    ck_assert_uint_eq(size, 4096 + 3 * 96 * 96 * 2);
    for (uint32_t k = 0; k < 2; k++) {
        ck_assert_int_eq(read_page(&leaf, 3, k, &page), ERROR_NONE);
        cine_check_raw(&f, k, page);
        free(page);
    }
    ck_assert_int_eq(read_page(&leaf, 3, 2, NULL), ERROR_CORRUPT);
}
END_TEST

struct refusal {
    const char *view;
    enum error_kind size;
    enum error_kind read;
};

/* None of them needs a decode to be refused. */
static const struct refusal refusals[] = {
    {"window-n2", ERROR_NONE, ERROR_UNSUPPORTED},
    {"window-n2_crop", ERROR_UNSUPPORTED, ERROR_UNSUPPORTED},
    {"spacing-1x1", ERROR_UNSUPPORTED, ERROR_UNSUPPORTED},
    {"box-5x5at96x0", ERROR_UNSUPPORTED, ERROR_UNSUPPORTED},
    {"pick-4", ERROR_NOT_FOUND, ERROR_NOT_FOUND},
    {"rgb_f32", ERROR_NONE, ERROR_UNSUPPORTED},
    {"hu_rgb", ERROR_NONE, ERROR_UNSUPPORTED},
    {"raw_rgb_i16", ERROR_NONE, ERROR_UNSUPPORTED},
};

START_TEST(what_cannot_be_had_is_refused_without_a_decode)
{
    const struct refusal *r = &refusals[_i];
    struct image_file f = cine_new(DECODE_RLE, 3);
    struct leaf leaf;
    uint64_t size;

    f.center = "40"; /* one window, so no extent is measured */
    f.width = "400";
    leaf = start(&f, r->view);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), r->size);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), r->read);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), r->read);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
}
END_TEST

START_TEST(colour_has_no_modality_values)
{
    static const char *const views[] = {"hu", "range-0to1", "hu_gray",
                                        "hu_crop", "hu_pack-lzw"};
    struct image_file f = cine_new(DECODE_RLE, 1);
    struct leaf leaf;
    uint64_t size;

    image_file_bits(&f, 8, 8);
    f.samples = 3;
    f.photometric = "RGB";
    leaf = start(&f, views[_i]);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err),
                     _i < 3 ? ERROR_NONE : ERROR_UNSUPPORTED);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
}
END_TEST

START_TEST(an_unknown_codec_has_sizes)
{
    struct image_file f = cine_new(DECODE_UNSUPPORTED, 1);
    struct leaf leaf = start(&f, "raw");
    uint64_t size;

    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
    ck_assert_uint_eq(size, 4096 + 96 * 96 * 2);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
    leaf = engine_leaf(&engine, "crop", f.sop);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err),
                     ERROR_UNSUPPORTED);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
}
END_TEST

START_TEST(numbers_that_name_no_leaf_are_refused)
{
    struct image_file f = cine_new(DECODE_NATIVE_LE, 1);
    struct leaf leaf = start(&f, "raw");
    struct leaf other = leaf;

    other.object_id = 999;
    ck_assert_int_eq(engine_try(&engine, &other, &err), ERROR_STALE);
    other = leaf;
    other.view_id = 999;
    ck_assert_int_eq(engine_try(&engine, &other, &err), ERROR_NOT_FOUND);
    other = leaf;
    other.part = 1;
    ck_assert_int_eq(engine_try(&engine, &other, &err), ERROR_NOT_FOUND);
    other = leaf;
    other.kind = (enum leaf_kind)(LEAF_JSON + 1);
    ck_assert_int_eq(engine_try(&engine, &other, &err), ERROR_UNSUPPORTED);
    /* a number from a manifest that some other prepfs has written */
    rows_exec(engine.state,
              "UPDATE view SET canonical = 'raw_plane-cor' WHERE canonical = "
              "'raw'");
    engine_restart(&engine);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
}
END_TEST

/* ---- small frames -------------------------------------------------------- */

/* A process has 65530 mappings, and a frame is one, however small it is. */
START_TEST(tiny_frames_do_not_use_all_mappings_up)
{
    struct image_file f = IMAGE_FILE_INIT;
    char line[512];
    struct leaf leaf;
    int shared = 0;
    size_t size;
    FILE *maps;

    f.frames = 30000;
    leaf = start(&f, "raw");
    free(engine_bytes(&engine, &leaf, &size));
    maps = fopen("/proc/self/maps", "re");
    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof line, maps))
        shared += strstr(line, "/dev/zero") != NULL;
    (void)fclose(maps);
    ck_assert_int_gt(shared, 100); /* that is what they look like */
    ck_assert_int_lt(shared, 17000);
}
END_TEST

/* ---- limits ------------------------------------------------------------- */

START_TEST(max_pixels_is_kept)
{
    struct image_file f = cine_new(DECODE_RLE, 2);
    struct leaf leaf;
    uint64_t size;

    engine.config.max_pixels = 96 * 96 - 1;
    leaf = start(&f, "size-32x32");
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_TOO_BIG);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    engine.config.max_pixels = 96 * 96;
    engine_restart(&engine);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_NONE);
}
END_TEST

/* A page is made as a whole, also where only a patch of it is shown. */
static const char *const large_pages[] = {
    "size-97x96",
    "crop_size-97x96",
    "size-97x96_pack-lzw",
    "canvas-96x97",
    "canvas-97x97_rand-8x8-n1-seed1",
    "size-97x97_canvas-8x8",
    "list-png_size-97x96",
    "spacing-0.9x0.9",
};

START_TEST(max_pixels_is_that_of_pages_too)
{
    struct image_file f = cine_new(DECODE_RLE, 1);
    struct leaf leaf;
    uint64_t size;

    f.spacing = "1\\1";
    engine.config.max_pixels = 96 * 96;
    leaf = start(&f, large_pages[_i]);
    leaf.part = strstr(large_pages[_i], "rand") ? 1 : 0;
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_TOO_BIG);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_TOO_BIG);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    engine.config.max_pixels = 0;
    engine_restart(&engine);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_NONE);
}
END_TEST

/* Limits of two mounts, one after the other. */
struct remount {
    const char *view;
    uint64_t pixels[2], bytes[2];
};

static const struct remount remounts[] = {
    {"size-97x96", {96 * 96, 0}, {0, 0}},
    {"size-97x96", {0, 96 * 96}, {0, 0}},
    {"size-97x96", {0, 0}, {2 * 97 * 96 - 1, 0}},
    {"size-97x96", {0, 0}, {0, 2 * 97 * 96 - 1}},
    {"crop", {96 * 80, 0}, {0, 0}},
    {"crop", {0, 96 * 80}, {0, 0}},
    {"crop_canvas-8x8", {0, 96 * 80}, {0, 0}},
    {"canvas-97x97", {0, 96 * 96}, {0, 0}},
};

/* A document says so where a limit forbids the pixels: its size is never the
 * one that it had under other limits. */
START_TEST(a_document_has_the_size_of_these_limits)
{
    const struct remount *r = &remounts[_i];
    struct image_file f = cine_new(DECODE_NATIVE_LE, 1);
    struct leaf leaf;
    size_t size;

    f.value = image_file_noise; /* no margin to crop */
    engine.config.max_pixels = r->pixels[0];
    engine.config.max_bytes_per_file = r->bytes[0];
    leaf = start(&f, r->view);
    for (int mount = 0; mount < 2; mount++) {
        bool is_limited = r->pixels[mount] || r->bytes[mount];
        char *text;

        leaf.kind = LEAF_JSON;
        text = (char *)engine_bytes(&engine, &leaf, &size);
        text[size] = '\0';
        ck_assert_msg(!strstr(text, "\"problem\": null") == is_limited, "%s",
                      text);
        free(text);
        engine.config.max_pixels = r->pixels[1];
        engine.config.max_bytes_per_file = r->bytes[1];
        engine_restart(&engine);
    }
}
END_TEST

struct limit {
    const char *view;
    uint64_t limit;
    enum error_kind kind;
};

static const struct limit limits[] = {
    {"raw", 4096 + 2 * 18432, ERROR_NONE},
    {"raw", 4096 + 2 * 18432 - 1, ERROR_TOO_BIG},
    {"size-999999x999999", UINT64_C(64) << 30, ERROR_TOO_BIG},
    {"size-999999x999999_pack-lzw", UINT64_C(64) << 30, ERROR_TOO_BIG},
    {"crop_size-999999x999999_nopad", UINT64_C(64) << 30, ERROR_TOO_BIG},
    {"spacing-0.00001x0.00001", UINT64_C(64) << 30, ERROR_TOO_BIG},
    {"spacing-0.000000000001x0.000000000001", UINT64_C(64) << 30,
     ERROR_TOO_BIG},
};

START_TEST(max_bytes_per_file_is_kept)
{
    const struct limit *l = &limits[_i];
    struct image_file f = cine_new(DECODE_RLE, 2);
    struct leaf leaf;
    uint64_t size;

    f.spacing = "1\\1";
    engine.config.max_bytes_per_file = l->limit;
    leaf = start(&f, l->view);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), l->kind);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), l->kind);
}
END_TEST

START_TEST(odd_spacings_are_not_known)
{
    static const char *const spacings[] = {"0\\0", "1e-300\\1",    "-1\\1",
                                           "1",    "1e300\\1e300", "x\\y"};
    struct image_file f = cine_new(DECODE_RLE, 1);
    struct leaf leaf;
    uint64_t size;

    f.spacing = spacings[_i];
    leaf = start(&f, "spacing-1x1");
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err),
                     ERROR_UNSUPPORTED);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
    leaf = engine_leaf(&engine, "size-20x20", f.sop);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_NONE);
}
END_TEST

/* ---- the memory of the manifest ----------------------------------------- */

START_TEST(a_full_disk_only_costs_time)
{
    struct image_file f = cine_new(DECODE_RLE, 3);
    struct leaf leaf = start(&f, "crop_pack-lzw");
    uint8_t *before, *after;
    size_t n, m;

    before = engine_bytes(&engine, &leaf, &n);
    rows_exec(engine.state,
              "DELETE FROM output; DELETE FROM fact; DELETE FROM frame_index;"
              "CREATE TRIGGER a BEFORE INSERT ON output BEGIN "
              "SELECT RAISE(ABORT, 'full'); END;"
              "CREATE TRIGGER b BEFORE INSERT ON fact BEGIN "
              "SELECT RAISE(ABORT, 'full'); END;"
              "CREATE TRIGGER c BEFORE INSERT ON frame_index BEGIN "
              "SELECT RAISE(ABORT, 'full'); END;");
    engine_restart(&engine);
    after = engine_bytes(&engine, &leaf, &m);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(before, after, n);
    ck_assert_int_eq(rows_int(engine.state, "SELECT count(*) FROM fact"), 0);
    free(before);
    free(after);
}
END_TEST

static const char *const edits[] = {
    "UPDATE output SET crop_w = 99999",
    "UPDATE output SET crop_x = 4294967295",
    "UPDATE output SET crop_h = 0",
    "UPDATE output SET pad_l = pad_l + 7",
    "UPDATE output SET pad_b = 4294967295",
    "UPDATE output SET width = 0, height = 0",
    "UPDATE output SET engine = engine + 1",
    "DELETE FROM output; UPDATE fact SET crop_w = 99999",
    "DELETE FROM output; UPDATE fact SET crop_x = 4294967295",
    "DELETE FROM output; UPDATE fact SET engine = 1",
    "UPDATE frame_index SET off = 0",
};

/* Nobody should edit it, and nothing of it is trusted with memory. */
START_TEST(edited_rows_do_no_harm)
{
    struct image_file f = cine_new(DECODE_RLE, 3);
    struct leaf leaf = start(&f, "crop_size-70x90");
    uint8_t *before, *after;
    size_t n, m;

    before = engine_bytes(&engine, &leaf, &n);
    rows_exec(engine.state, edits[_i]);
    engine_restart(&engine);
    if (strstr(edits[_i], "frame_index")) { /* and is believed otherwise */
        ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_CORRUPT);
    } else {
        after = engine_bytes(&engine, &leaf, &m);
        ck_assert_uint_eq(n, m);
        ck_assert_mem_eq(before, after, n);
        free(after);
    }
    free(before);
}
END_TEST

/* Strips that were measured by a libtiff that packed otherwise. */
START_TEST(a_packed_leaf_of_another_size_is_measured_again)
{
    struct image_file f = cine_new(DECODE_RLE, 3);
    struct image_file g = f;
    struct leaf leaf, other;
    uint8_t *before, *after;
    size_t n, m;

    g.sop = "1.2.3.2";
    g.value = image_file_noise;
    engine_put(&engine, &g);
    leaf = start(&f, "raw_pack-lzw");
    other = engine_leaf(&engine, "raw_pack-lzw", g.sop);
    before = engine_bytes(&engine, &leaf, &n);
    free(engine_bytes(&engine, &other, &m));
    ck_assert_uint_ne(n, m);
    rows_exec(engine.state,
              "UPDATE output SET (strips, bytes) = (SELECT strips, bytes FROM "
              "output ORDER BY bytes DESC LIMIT 1)");
    engine_restart(&engine);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_STALE);
    after = engine_bytes(&engine, &leaf, &m);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(before, after, n);
    free(before);
    free(after);
}
END_TEST

#define LOOP(t, test, table)                                                   \
    tcase_add_loop_test(t, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *s = suite_create("render_sources");
    TCase *t = tcase_create("contract");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, a_changed_source_is_stale, 0,
                        2 * (int)(sizeof changes / sizeof changes[0]));
    tcase_add_loop_test(t, a_forged_source_is_stale, 0, 2);
    tcase_add_test(t, a_rescan_without_changes_changes_nothing);
    LOOP(t, a_broken_frame_takes_no_other_along, broken_sides);
    tcase_add_loop_test(t, a_broken_frame_has_no_size_that_needs_it, 0, 2);
    tcase_add_test(t, short_data_gives_the_frames_there_are);
    LOOP(t, what_cannot_be_had_is_refused_without_a_decode, refusals);
    tcase_add_loop_test(t, colour_has_no_modality_values, 0, 5);
    tcase_add_test(t, an_unknown_codec_has_sizes);
    tcase_add_test(t, numbers_that_name_no_leaf_are_refused);
    tcase_add_test(t, tiny_frames_do_not_use_all_mappings_up);
    tcase_add_test(t, max_pixels_is_kept);
    LOOP(t, max_pixels_is_that_of_pages_too, large_pages);
    LOOP(t, a_document_has_the_size_of_these_limits, remounts);
    LOOP(t, max_bytes_per_file_is_kept, limits);
    tcase_add_loop_test(t, odd_spacings_are_not_known, 0, 6);
    tcase_add_test(t, a_full_disk_only_costs_time);
    LOOP(t, edited_rows_do_no_harm, edits);
    tcase_add_test(t, a_packed_leaf_of_another_size_is_measured_again);
    suite_add_tcase(s, t);
    return check_main(s);
}
