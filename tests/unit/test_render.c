// SPDX-License-Identifier: MIT
/*
 * test_render.c: what render.h promises: no decode too many, sizes before
 * pixels, any split of a read, changed and broken sources, limits.
 */
#undef NDEBUG
#include "render/render.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/engine.h"
#include "support/leaf_file.h"
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

/* `frames` frames whose pages have 18 KiB, cropped 6.6. */
static struct image_file cine(enum decode_codec codec, uint32_t frames)
{
    struct image_file f = IMAGE_FILE_INIT;

    f.cols = f.rows = 96;
    f.frames = frames;
    f.codec = codec;
    f.value = image_file_box;
    return f;
}

static struct leaf start(const struct image_file *f, const char *view)
{
    engine_put(&engine, f);
    engine_start(&engine);
    return engine_leaf(&engine, view, f->sop);
}

/* Page k of an unpacked leaf of n pages: where it is. */
static uint64_t page_at(const struct leaf *leaf, uint32_t n, uint32_t k,
                        size_t *ret_bytes)
{
    uint64_t size;
    uint64_t data;

    ck_assert_int_eq(engine_size(&engine, leaf, &size, &err), ERROR_NONE);
    data = 4096;
    while ((size - data) % n != 0 || (size - data) / n > size)
        data += 4096;
    *ret_bytes = (size_t)((size - data) / n);
    return data + k * *ret_bytes;
}

static enum error_kind read_page(const struct leaf *leaf, uint32_t n,
                                 uint32_t k, uint8_t **ret)
{
    size_t bytes, done;
    uint64_t at = page_at(leaf, n, k, &bytes);
    uint8_t *data = malloc(bytes);
    enum error_kind kind;

    ck_assert_ptr_nonnull(data);
    kind = engine_read(&engine, leaf, at, bytes, bytes, data, &done, &err);
    ck_assert(kind != ERROR_NONE || done == bytes);
    if (ret && kind == ERROR_NONE)
        *ret = data;
    else
        free(data);
    return kind;
}

/* raw u16: is this page that frame? */
static void check_raw(const struct image_file *f, uint32_t frame,
                      const uint8_t *page)
{
    const uint16_t *samples = (const uint16_t *)(const void *)page;

    for (uint32_t y = 0; y < f->rows; y++)
        for (uint32_t x = 0; x < f->cols; x++)
            ck_assert_uint_eq(samples[y * f->cols + x],
                              (unsigned)image_file_stored(f, frame, x, y, 0));
}

/* ---- decodes ----------------------------------------------------------------
 */

static const enum decode_codec codecs[] = {DECODE_NATIVE_LE, DECODE_NATIVE_BE,
                                           DECODE_RLE,       DECODE_JPEG,
                                           DECODE_JPEGLS,    DECODE_J2K};
#define CODECS (sizeof codecs / sizeof codecs[0])

START_TEST(a_page_costs_its_frame)
{
    struct image_file f = cine(codecs[_i], 60);
    struct leaf leaf = start(&f, "raw");
    uint8_t header[4096];
    uint8_t *page;
    size_t n;

    ck_assert_int_eq(engine_read(&engine, &leaf, 0, sizeof header,
                                 sizeof header, header, &n, &err),
                     ERROR_NONE);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    for (uint32_t k = 59; k > 40; k -= 7) {
        ck_assert_int_eq(read_page(&leaf, 60, k, &page), ERROR_NONE);
        check_raw(&f, k, page);
        ck_assert_uint_eq(engine_decoded(&engine), 1);
        free(page);
        ck_assert_int_eq(read_page(&leaf, 60, k, NULL), ERROR_NONE);
        ck_assert_uint_eq(engine_decoded(&engine), 0);
    }
}
END_TEST

START_TEST(a_whole_leaf_costs_each_frame_once)
{
    struct image_file f = cine(codecs[_i], 7);
    struct leaf leaf = start(&f, "hu_size-50x50_i16");
    size_t size;

    free(engine_bytes(&engine, &leaf, &size));
    ck_assert_uint_eq(engine_decoded(&engine), 7);
    ck_assert_uint_gt(engine_stats(&engine).bytes_read, 0);
}
END_TEST

struct measured {
    const char *view;
    unsigned decodes; /* of the first look; 60 frames */
};

/* What is measured over the volume, and so remembered. */
static const struct measured measured[] = {
    {"crop", 60},           {"crop_size-64x96", 60},
    {"hu_crop", 60},        {"window-off", 60},
    {"full", 60},           {"hu_padval-min", 60},
    {"raw_pack-lzw", 60},   {"crop_pack-packbits", 60},
    {"raw_window-off", 60}, {"raw_size-64x96_pad-zero", 60},
};

START_TEST(what_was_measured_outlives_the_run)
{
    const struct measured *m = &measured[_i];
    struct image_file f = cine(DECODE_RLE, 60);
    struct leaf leaf;
    uint8_t *before, *after;
    uint64_t size;
    size_t n, again;

    if (strcmp(m->view, "raw_pack-lzw") == 0)
        f.value =
            image_file_noise; /* or a page would pack to next to nothing */
    leaf = start(&f, m->view);

    before = engine_bytes(&engine, &leaf, &n);
    ck_assert_uint_eq(engine_decoded(&engine), m->decodes);
    engine_restart(&engine);
    leaf = engine_leaf(&engine, m->view, f.sop);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
    ck_assert_uint_eq(size, n);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    after = malloc(n);
    ck_assert_ptr_nonnull(after);
    /* the last byte: of the last page */
    ck_assert_int_eq(
        engine_read(&engine, &leaf, n - 1, 1, 1, after, &again, &err),
        ERROR_NONE);
    ck_assert_uint_eq(engine_decoded(&engine), 1);
    ck_assert_int_eq(engine_read(&engine, &leaf, 0, n, n, after, &again, &err),
                     ERROR_NONE);
    ck_assert_uint_eq(again, n);
    ck_assert_mem_eq(before, after, n);
    ck_assert_uint_eq(engine_decoded(&engine), 59);
    free(before);
    free(after);
}
END_TEST

START_TEST(views_share_what_was_measured)
{
    static const char *const views[] = {"hu_crop", "crop_size-64x64",
                                        "crop_size-64x90-cover_u8"};
    struct image_file f = cine(DECODE_RLE, 20);
    struct leaf leaf = start(&f, "crop");
    uint64_t size;

    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        engine_restart(&engine);
        leaf = engine_leaf(&engine, views[i], f.sop);
        ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
        ck_assert_uint_eq(engine_decoded(&engine), 0);
        ck_assert_int_eq(read_page(&leaf, 20, 19, NULL), ERROR_NONE);
        /* the padding is judged on the first frame of each size */
        ck_assert_uint_le(engine_decoded(&engine), i == 1 ? 2 : 1);
    }
}
END_TEST

/* Sizes that the headers give: no decode, whatever the source. */
START_TEST(a_size_from_the_header_costs_nothing)
{
    static const char *const views[] = {
        "full",
        "raw",
        "hu_f32",
        "window-off_u8",
        "size-512x512",
        "crop_size-384x512",
        "spacing-0.3x0.4",
        "mid-20x20_rot-90",
    };
    struct image_file f = cine(DECODE_J2K, 5);
    struct leaf leaf;
    uint64_t size;

    f.spacing = "0.5\\0.6";
    (void)start(&f, "raw");
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        struct leaf_attr attr = {0};

        leaf = engine_leaf(&engine, views[i], f.sop);
        ck_assert_int_eq(
            render_attr(engine.render, &leaf, NULL, false, &attr, &err), 0);
        ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
        ck_assert_uint_eq(attr.size, size);
    }
    ck_assert_uint_eq(engine_decoded(&engine), 0);
}
END_TEST

START_TEST(work_is_refused_where_it_is_not_allowed)
{
    struct image_file f = cine(DECODE_RLE, 3);
    struct leaf leaf = start(&f, "crop");
    struct render_bytes bytes;
    struct leaf_attr attr = {0};
    size_t n;

    ck_assert_int_eq(
        render_attr(engine.render, &leaf, NULL, false, &attr, &err), 1);
    ck_assert_int_eq(
        render_read(engine.render, &leaf, 0, 10, false, &bytes, &err), 1);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    free(engine_bytes(&engine, &leaf, &n));
    ck_assert_int_eq(
        render_attr(engine.render, &leaf, NULL, false, &attr, &err), 0);
    ck_assert_uint_eq(attr.size, n);
    ck_assert_int_eq(
        render_read(engine.render, &leaf, 0, n, false, &bytes, &err), 0);
    ck_assert_uint_eq(bytes.length, n);
    render_release(engine.render, &bytes);
}
END_TEST

/* ---- reads
 * ------------------------------------------------------------------- */

/* Pages of 4 KiB and more are pieces of their own, smaller ones share. */
static const uint32_t sides[][2] = {{64, 64}, {64, 32}, {7, 5}, {257, 129}};

START_TEST(any_split_of_a_read_is_one_read)
{
    struct image_file f = cine(DECODE_NATIVE_LE, 90);
    struct leaf leaf;
    uint8_t *whole, *part;
    size_t size, n;
    uint64_t seed = 88172645463325252u;

    f.cols = sides[_i][0];
    f.rows = sides[_i][1];
    f.value = image_file_noise;
    engine_put(&engine, &f);
    engine.cache_bytes = 2 << 20;
    engine.config.frame_bytes = 1 << 18;
    engine_start(&engine);
    leaf = engine_leaf(&engine, "hu", f.sop);
    whole = engine_bytes(&engine, &leaf, &size);
    part = malloc(size);
    ck_assert_ptr_nonnull(part);
    for (int i = 0; i < 200; i++) {
        uint64_t at, length, step;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        at = seed % size;
        length = 1 + (seed >> 20) % (i % 4 ? 20000 : size);
        step = 1 + (seed >> 40) % (i % 3 ? 5000 : size);
        if (length > 30 * step)
            length = 30 * step;
        ck_assert_int_eq(engine_read(&engine, &leaf, at, (size_t)length,
                                     (size_t)step, part, &n, &err),
                         ERROR_NONE);
        ck_assert_uint_eq(n, length < size - at ? length : size - at);
        ck_assert_mem_eq(part, whole + at, n);
    }
    /* all of it in one call, and beyond the end */
    ck_assert_int_eq(engine_read(&engine, &leaf, 0, size, size, part, &n, &err),
                     ERROR_NONE);
    ck_assert_mem_eq(part, whole, size);
    ck_assert_int_eq(engine_read(&engine, &leaf, size, 1, 1, part, &n, &err),
                     ERROR_NONE);
    ck_assert_uint_eq(n, 0);
    ck_assert_int_eq(
        engine_read(&engine, &leaf, UINT64_MAX - 5, 100, 100, part, &n, &err),
        ERROR_NONE);
    ck_assert_uint_eq(n, 0);
    free(whole);
    free(part);
}
END_TEST

struct reader {
    pthread_t thread;
    struct leaf leaf;
    const uint8_t *whole;
    size_t size;
    uint64_t seed;
    bool is_wrong;
};

static void *read_some(void *opaque)
{
    struct reader *r = opaque;
    uint8_t *part = malloc(70000);

    for (int i = 0; part && i < 40; i++) {
        struct error own = ERROR_INIT;
        struct render_bytes bytes;
        uint64_t at;
        size_t done = 0;

        r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
        at = (r->seed >> 11) % r->size;
        if (render_read(engine.render, &r->leaf, at, 70000, true, &bytes,
                        &own) != 0) {
            r->is_wrong = true;
            break;
        }
        for (int k = 0; k < bytes.iov_count; k++) {
            memcpy(part + done, bytes.iov[k].iov_base, bytes.iov[k].iov_len);
            done += bytes.iov[k].iov_len;
        }
        render_release(engine.render, &bytes);
        if (memcmp(part, r->whole + at, done) != 0)
            r->is_wrong = true;
    }
    free(part);
    return NULL;
}

/* Cold, cropped and packed: threads race to measure, decode, pack. */
static const char *const thread_views[] = {"raw", "crop", "hu_crop_pack-lzw",
                                           "size-100x80"};

START_TEST(many_threads_read_what_one_reads)
{
    struct image_file f = cine(DECODE_RLE, 12);
    struct leaf leaf = start(&f, thread_views[_i]);
    struct reader readers[8];
    uint8_t *whole;
    size_t size;

    whole = engine_bytes(&engine, &leaf, &size);
    rows_exec(engine.state, "DELETE FROM output; DELETE FROM fact;");
    engine_resize(&engine, 1 << 20, 1 << 16);
    for (unsigned i = 0; i < 8; i++) {
        readers[i] = (struct reader){
            .leaf = leaf, .whole = whole, .size = size, .seed = i};
        ck_assert_int_eq(
            pthread_create(&readers[i].thread, NULL, read_some, &readers[i]),
            0);
    }
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(readers[i].thread, NULL), 0);
        ck_assert(!readers[i].is_wrong);
    }
    free(whole);
}
END_TEST

static void *read_first(void *opaque)
{
    struct reader *r = opaque;
    struct render_bytes bytes;

    r->is_wrong =
        render_read(engine.render, &r->leaf, 4096, 1, true, &bytes, NULL) != 0;
    if (!r->is_wrong)
        render_release(engine.render, &bytes);
    return NULL;
}

START_TEST(threads_that_want_one_frame_decode_it_once)
{
    struct image_file f = cine(DECODE_J2K, 1);
    struct leaf leaf = start(&f, "raw");
    struct reader readers[8];

    for (unsigned i = 0; i < 8; i++) {
        readers[i] = (struct reader){.leaf = leaf};
        ck_assert_int_eq(
            pthread_create(&readers[i].thread, NULL, read_first, &readers[i]),
            0);
    }
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(readers[i].thread, NULL), 0);
        ck_assert(!readers[i].is_wrong);
    }
    ck_assert_uint_eq(engine_decoded(&engine), 1);
}
END_TEST

START_TEST(bytes_do_not_depend_on_memory)
{
    static const char *const views[] = {"crop_size-70x90_pad-zero", "hu_crop",
                                        "window-off_pack-deflate"};

    for (size_t v = 0; v < sizeof views / sizeof views[0]; v++) {
        struct image_file f = cine(DECODE_RLE, 9);
        struct leaf leaf;
        uint8_t *large, *small;
        size_t n, again;

        if (v == 0) {
            engine_put(&engine, &f);
            engine_start(&engine);
        }
        engine_resize(&engine, 64 << 20, 64 << 20);
        leaf = engine_leaf(&engine, views[v], f.sop);
        large = engine_bytes(&engine, &leaf, &n);
        rows_exec(engine.state, "DELETE FROM output; DELETE FROM fact;");
        engine_resize(&engine, 1 << 16, 0);
        leaf = engine_leaf(&engine, views[v], f.sop);
        small = engine_bytes(&engine, &leaf, &again);
        ck_assert_uint_eq(n, again);
        ck_assert_mem_eq(large, small, n);
        free(large);
        free(small);
    }
}
END_TEST

/* ---- sources that change
 * ------------------------------------------------------- */

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
    {touch, true, ERROR_STALE},   {truncate_it, false, ERROR_STALE},
    {replace, true, ERROR_STALE}, {overwrite, true, ERROR_STALE},
    {delete, false, ERROR_STALE}, {to_folder, false, ERROR_STALE},
    {to_link, false, ERROR_NONE},
};

START_TEST(a_changed_source_is_stale)
{
    const struct change *c = &changes[_i / 2];
    bool is_warm = _i % 2;
    struct image_file f = cine(DECODE_RLE, 4);
    struct image_file old = f;
    struct leaf leaf = start(&f, "raw");
    char *path = path_of(&f);
    uint8_t *page;
    size_t n;

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
        check_raw(&old, 0, page);
        free(page);
    }
    (void)engine_index(&engine);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_STALE);
    if (c->is_image) {
        struct leaf next = engine_leaf(&engine, "raw", f.sop);

        ck_assert_int_ne(next.object_id, leaf.object_id);
        ck_assert_int_eq(read_page(&next, 4, 2, &page), ERROR_NONE);
        check_raw(&f, 2, page);
        free(page);
    }
    /* and for ever */
    engine_restart(&engine);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_STALE);
    (void)n;
}
END_TEST

/* Same inode, size and times, another shape: nothing tells but the header. */
START_TEST(a_forged_source_is_stale)
{
    struct image_file f = cine(DECODE_NATIVE_LE, 2);
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
    struct image_file f = cine(DECODE_RLE, 4);
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

/* ---- sources that are broken
 * ---------------------------------------------------- */

static const uint32_t broken_sides[] = {128, 50, 9};

START_TEST(a_broken_frame_takes_no_other_along)
{
    struct image_file f = cine(DECODE_RLE, 5);
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
        check_raw(&f, k, page);
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
    struct image_file f = cine(DECODE_RLE, 3);
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
    struct image_file f = cine(DECODE_NATIVE_LE, 3);
    struct leaf leaf;
    uint8_t *page;
    uint64_t size;

    f.missing_bytes = 10;
    leaf = start(&f, "raw");
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
    ck_assert_uint_eq(size, 4096 + 3 * 96 * 96 * 2);
    for (uint32_t k = 0; k < 2; k++) {
        ck_assert_int_eq(read_page(&leaf, 3, k, &page), ERROR_NONE);
        check_raw(&f, k, page);
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
    struct image_file f = cine(DECODE_RLE, 3);
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
    struct image_file f = cine(DECODE_RLE, 1);
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
    struct image_file f = cine(DECODE_UNSUPPORTED, 1);
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
    struct image_file f = cine(DECODE_NATIVE_LE, 1);
    struct leaf leaf = start(&f, "raw");
    struct leaf other = leaf;

    other.object_id = 999;
    ck_assert_int_eq(engine_try(&engine, &other, &err), ERROR_STALE);
    other = leaf;
    other.view_id = 999;
    ck_assert_int_eq(engine_try(&engine, &other, &err), ERROR_NOT_FOUND);
    other = leaf;
    other.part = 1;
    ck_assert_int_eq(engine_try(&engine, &other, &err), ERROR_UNSUPPORTED);
    other = leaf;
    other.kind = (enum leaf_kind)(LEAF_JSON + 1);
    ck_assert_int_eq(engine_try(&engine, &other, &err), ERROR_UNSUPPORTED);
    /* a number from a manifest that some other prepfs has written */
    rows_exec(engine.state,
              "UPDATE view SET canonical = 'raw_series' WHERE canonical = "
              "'raw'");
    engine_restart(&engine);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
}
END_TEST

/* ---- limits
 * ------------------------------------------------------------------------ */

START_TEST(max_pixels_is_kept)
{
    struct image_file f = cine(DECODE_RLE, 2);
    struct leaf leaf;
    uint64_t size;

    engine.config.max_pixels = 96 * 96 - 1;
    leaf = start(&f, "raw");
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_TOO_BIG);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    engine.config.max_pixels = 96 * 96;
    engine_restart(&engine);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_NONE);
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
    struct image_file f = cine(DECODE_RLE, 2);
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
    struct image_file f = cine(DECODE_RLE, 1);
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

/* ---- the memory of the manifest
 * ------------------------------------------------------ */

START_TEST(a_full_disk_only_costs_time)
{
    struct image_file f = cine(DECODE_RLE, 3);
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
    struct image_file f = cine(DECODE_RLE, 3);
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
    struct image_file f = cine(DECODE_RLE, 3);
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
    Suite *s = suite_create("render");
    TCase *t = tcase_create("contract");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    LOOP(t, a_page_costs_its_frame, codecs);
    LOOP(t, a_whole_leaf_costs_each_frame_once, codecs);
    LOOP(t, what_was_measured_outlives_the_run, measured);
    tcase_add_test(t, views_share_what_was_measured);
    tcase_add_test(t, a_size_from_the_header_costs_nothing);
    tcase_add_test(t, work_is_refused_where_it_is_not_allowed);
    LOOP(t, any_split_of_a_read_is_one_read, sides);
    LOOP(t, many_threads_read_what_one_reads, thread_views);
    tcase_add_test(t, threads_that_want_one_frame_decode_it_once);
    tcase_add_test(t, bytes_do_not_depend_on_memory);
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
    tcase_add_test(t, max_pixels_is_kept);
    LOOP(t, max_bytes_per_file_is_kept, limits);
    tcase_add_loop_test(t, odd_spacings_are_not_known, 0, 6);
    tcase_add_test(t, a_full_disk_only_costs_time);
    LOOP(t, edited_rows_do_no_harm, edits);
    tcase_add_test(t, a_packed_leaf_of_another_size_is_measured_again);
    suite_add_tcase(s, t);
    return check_main(s);
}
