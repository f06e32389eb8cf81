// SPDX-License-Identifier: MIT
/*
 * test_render.c: what render.h promises: no decode too many, sizes before
 * pixels, any split of a read, threads, and memory of any size.
 */
#undef NDEBUG
#include "render/render.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/cine.h"
#include "support/rows.h"

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

/* ---- streams ------------------------------------------------------------ */

struct taken {
    uint8_t *data;
    size_t length;
    size_t capacity;
    size_t calls;
    size_t stop_after; /* calls; 0: never */
};

static int take(void *opaque, const uint8_t *bytes, size_t length,
                struct error *e)
{
    struct taken *t = opaque;

    if (++t->calls == t->stop_after)
        return error_set(e, ERROR_INTERRUPTED, "enough");
    ck_assert_uint_le(length, t->capacity - t->length);
    memcpy(t->data + t->length, bytes, length);
    t->length += length;
    return 0;
}

static const struct streamed {
    const char *view;
    enum leaf_kind kind;
} streamed[] = {
    {"full", LEAF_TIFF},
    {"crop_size-33x20", LEAF_TIFF},
    {"size-5x5", LEAF_TIFF}, /* many pages in one block */
    {"pack-packbits", LEAF_TIFF},
    {"pack-deflate_crop", LEAF_TIFF},
    {"hu", LEAF_NPY},
    {"norm-z_f16", LEAF_NPY},
    {"full", LEAF_NII},
    {"vol-mip", LEAF_PNG},
    {"crop", LEAF_JSON},
    {"big", LEAF_TIFF},
};
#define STREAMED (sizeof streamed / sizeof streamed[0])

START_TEST(a_stream_is_the_file)
{
    const struct streamed *s = &streamed[_i];
    struct image_file f = cine_new(DECODE_NATIVE_LE, 7);
    struct leaf leaf = start(&f, s->view);
    struct taken t = {.calls = 0};
    uint64_t decoded;
    size_t size;
    uint8_t *read;

    leaf.kind = s->kind;
    read = engine_bytes(&engine, &leaf, &size);
    t.capacity = size;
    t.data = malloc(size);
    ck_assert_ptr_nonnull(t.data);
    ck_assert_msg(render_stream(engine.render, &leaf, take, &t, &err) == 0,
                  "%s", err.msg);
    ck_assert_uint_eq(t.length, size);
    ck_assert_mem_eq(t.data, read, size);
    /* again, without a cache and with nothing kept: each page is made once */
    render_free(engine.render);
    engine.config.cache = NULL;
    engine.config.frame_bytes = 0;
    engine.render = render_new(&engine.config, &err);
    ck_assert_ptr_nonnull(engine.render);
    t.length = t.calls = 0;
    ck_assert_int_eq(render_stream(engine.render, &leaf, take, &t, &err), 0);
    ck_assert_uint_eq(t.length, size);
    ck_assert_mem_eq(t.data, read, size);
    decoded = engine_stats(&engine).frames_decoded;
    if (s->kind == LEAF_TIFF && strncmp(s->view, "pack", 4) != 0)
        ck_assert_uint_le(decoded, 7);
    /* and it ends when it is told to */
    t = (struct taken){t.data, 0, size, 0, 1};
    ck_assert_int_eq(render_stream(engine.render, &leaf, take, &t, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERRUPTED);
    ck_assert_uint_eq(t.calls, 1);
    free(t.data);
    free(read);
}
END_TEST

START_TEST(a_stream_fails_where_a_read_does)
{
    struct image_file f = cine_new(DECODE_NATIVE_LE, 3);
    struct leaf leaf = start(&f, "full");
    struct taken t = {.calls = 0};

    leaf.object_id += 100;
    ck_assert_int_eq(render_stream(engine.render, &leaf, take, &t, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_STALE);
    leaf.object_id -= 100;
    leaf.part = 1;
    ck_assert_int_eq(render_stream(engine.render, &leaf, take, &t, &err), -1);
    leaf.part = 0;
    leaf.kind = LEAF_PNG; /* of several pages */
    ck_assert_int_eq(render_stream(engine.render, &leaf, take, &t, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_UNSUPPORTED);
    ck_assert_uint_eq(t.calls, 0);
}
END_TEST

/* ---- decodes ------------------------------------------------------------ */

static const enum decode_codec codecs[] = {DECODE_NATIVE_LE, DECODE_NATIVE_BE,
                                           DECODE_RLE,       DECODE_JPEG,
                                           DECODE_JPEGLS,    DECODE_J2K};
#define CODECS (sizeof codecs / sizeof codecs[0])

START_TEST(a_page_costs_its_frame)
{
    struct image_file f = cine_new(codecs[_i], 60);
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
        cine_check_raw(&f, k, page);
        ck_assert_uint_eq(engine_decoded(&engine), 1);
        free(page);
        ck_assert_int_eq(read_page(&leaf, 60, k, NULL), ERROR_NONE);
        ck_assert_uint_eq(engine_decoded(&engine), 0);
    }
}
END_TEST

START_TEST(a_whole_leaf_costs_each_frame_once)
{
    struct image_file f = cine_new(codecs[_i], 7);
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
    {"crop", 60},
    {"crop_size-64x96", 60},
    {"hu_crop", 60},
    {"window-off", 60},
    {"full", 60},
    {"hu_padval-min", 60},
    {"raw_pack-lzw", 60},
    {"crop_pack-packbits", 60},
    {"raw_window-off", 60},
    {"raw_size-64x96_pad-zero", 60},
    {"raw_pack-deflate", 60},
    {"raw_pack-zstd", 60},
};

START_TEST(what_was_measured_outlives_the_run)
{
    const struct measured *m = &measured[_i];
    struct image_file f = cine_new(DECODE_RLE, 60);
    struct leaf leaf;
    uint8_t *before, *after;
    uint64_t size;
    size_t n, again;

    if (strncmp(m->view, "raw_pack-", 9) == 0)
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
    struct image_file f = cine_new(DECODE_RLE, 20);
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

/* Least and greatest of stored and of modality values are two facts. */
START_TEST(facts_are_of_the_values_they_name)
{
    static const char *const views[] = {"window-off", "raw_window-off"};
    struct image_file f = cine_new(DECODE_RLE, 2);
    uint8_t *page;

    f.slope = "2";
    f.intercept = "-1000";
    (void)start(&f, "full");
    for (int i = 0; i < 2; i++) {
        struct leaf leaf = engine_leaf(&engine, views[(i + _i) % 2], f.sop);
        const uint16_t *samples;
        unsigned max = 0;

        ck_assert_int_eq(read_page(&leaf, 2, 0, &page), ERROR_NONE);
        samples = (const uint16_t *)(const void *)page;
        for (size_t k = 0; k < (size_t)f.cols * f.rows; k++)
            max = samples[k] > max ? samples[k] : max;
        ck_assert_uint_eq(samples[0], 0);
        ck_assert_uint_eq(max, 65535);
        free(page);
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
    struct image_file f = cine_new(DECODE_J2K, 5);
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
    struct image_file f = cine_new(DECODE_RLE, 3);
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

/* ---- reads -------------------------------------------------------------- */

/* Pages of 4 KiB and more are pieces of their own, smaller ones share. */
static const uint32_t sides[][2] = {{64, 64}, {64, 32}, {7, 5}, {257, 129}};

START_TEST(any_split_of_a_read_is_one_read)
{
    struct image_file f = cine_new(DECODE_NATIVE_LE, 90);
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
    struct image_file f = cine_new(DECODE_RLE, 12);
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
    struct image_file f = cine_new(DECODE_J2K, 1);
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
        struct image_file f = cine_new(DECODE_RLE, 9);
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

#define LOOP(t, test, table)                                                   \
    tcase_add_loop_test(t, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *s = suite_create("render");
    TCase *t = tcase_create("contract");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    LOOP(t, a_stream_is_the_file, streamed);
    tcase_add_test(t, a_stream_fails_where_a_read_does);
    LOOP(t, a_page_costs_its_frame, codecs);
    LOOP(t, a_whole_leaf_costs_each_frame_once, codecs);
    LOOP(t, what_was_measured_outlives_the_run, measured);
    tcase_add_test(t, views_share_what_was_measured);
    tcase_add_loop_test(t, facts_are_of_the_values_they_name, 0, 2);
    tcase_add_test(t, a_size_from_the_header_costs_nothing);
    tcase_add_test(t, work_is_refused_where_it_is_not_allowed);
    LOOP(t, any_split_of_a_read_is_one_read, sides);
    LOOP(t, many_threads_read_what_one_reads, thread_views);
    tcase_add_test(t, threads_that_want_one_frame_decode_it_once);
    tcase_add_test(t, bytes_do_not_depend_on_memory);
    suite_add_tcase(s, t);
    return check_main(s);
}
