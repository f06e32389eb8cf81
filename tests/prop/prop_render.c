// SPDX-License-Identifier: MIT
/*
 * prop_render: laws of leaves, for random views over a zoo of images of every
 * depth, codec and colour model.
 *
 *     st_size is the number of bytes that can be read; libtiff reads them
 *     a size that needs no pixels decodes none
 *     any split of a read is one read; threads, memory and what was measured
 *     before make no difference
 *     what cannot be had is an error of a kind that says so
 *
 * PROP_RUNS rounds from PROP_SEED; both are printed.
 */
#undef NDEBUG
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/engine.h"
#include "support/leaf_file.h"
#include "support/places.h"
#include "support/random_view.h"
#include "support/rows.h"
#include "support/scratch.h"

static struct engine engine;
static uint64_t state;
static char text[VIEW_TEXT_SIZE];

/* ---- the zoo ------------------------------------------------------------ */

static void grey(struct image_file *f, uint32_t alloc, uint32_t stored,
                 bool is_signed)
{
    image_file_bits(f, alloc, stored);
    f->is_signed = is_signed;
}

static void colour(struct image_file *f, const char *photometric)
{
    image_file_bits(f, 8, 8);
    f->samples = 3;
    f->photometric = photometric;
}

static void codec(struct image_file *f, enum decode_codec c, uint32_t frames)
{
    f->codec = c;
    f->frames = frames;
}

static double fraction(const struct image_file *f, uint32_t frame, uint32_t x,
                       uint32_t y, uint32_t c)
{
    return image_file_noise(f, frame, x, y, c) / 7 - 100;
}

static void add_palette(const struct image_file *f, struct build *b)
{
    uint16_t descriptor[3] = {200, 3, 16};

    (void)f;
    for (uint32_t c = 0; c < 3; c++)
        build_words(b, 0x00281101 + c, "US", descriptor, 3);
    for (uint32_t c = 0; c < 3; c++) {
        uint16_t data[200];

        for (uint32_t i = 0; i < 200; i++)
            data[i] = (uint16_t)(i * 321 * (c + 1));
        build_words(b, 0x00281201 + c, "OW", data, 200);
    }
}

static void add_places(const struct image_file *f, struct build *b)
{
    static const struct places oblique = {
        {0.96, 0.28, 0}, {-0.28, 0.96, 0}, {1, 2, 3}, {0, 0.1, -2}};

    places_add(b, &oblique, f->frames);
}

#define ZOO 22

static void animal(uint32_t k, struct image_file *f)
{
    *f = (struct image_file)IMAGE_FILE_INIT;
    f->cols = 37;
    f->rows = 29;
    f->value = k % 2 ? image_file_box : image_file_noise;
    f->seed = k;
    f->spacing = k % 3 ? "0.5\\0.7" : NULL;
    if (k % 4 == 1) {
        f->center = "100\\200";
        f->width = "300\\1";
    }
    if (k % 5 == 2) {
        f->slope = "1.5";
        f->intercept = "-20";
    }
    switch (k) {
    case 0:
        return;
    case 1:
        grey(f, 8, 8, false);
        break;
    case 2:
        grey(f, 16, 12, true);
        f->dirty = true;
        break;
    case 3:
        grey(f, 16, 16, false);
        codec(f, DECODE_RLE, 6);
        break;
    case 4:
        grey(f, 32, 20, true);
        break;
    case 5:
        grey(f, 8, 7, true);
        codec(f, DECODE_NATIVE_BE, 2);
        break;
    case 6:
        grey(f, 1, 1, false);
        f->frames = 3;
        break;
    case 7:
        f->bits_alloc = 32;
        f->element = DECODE_FLOAT;
        f->value = fraction;
        break;
    case 8:
        f->bits_alloc = 64;
        f->element = DECODE_DOUBLE;
        f->value = fraction;
        f->frames = 2;
        break;
    case 9:
        colour(f, "RGB");
        f->planar = true;
        break;
    case 10:
        colour(f, "RGB");
        codec(f, DECODE_RLE, 3);
        break;
    case 11:
        colour(f, "YBR_FULL");
        break;
    case 12:
        colour(f, "RGB");
        grey(f, 16, 16, false);
        break;
    case 13:
        grey(f, 8, 8, false);
        f->photometric = "PALETTE COLOR";
        f->add_late = add_palette;
        break;
    case 14:
        f->photometric = "MONOCHROME1";
        codec(f, DECODE_JPEGLS, 5);
        break;
    case 15:
        codec(f, DECODE_J2K, 2);
        f->padding = "0";
        f->value = image_file_box;
        break;
    case 16:
        f->cols = f->rows = 1;
        break;
    case 17:
        f->cols = 1;
        f->rows = 300;
        f->frames = 5;
        break;
    case 18: /* one frame cannot be had */
        codec(f, DECODE_RLE, 4);
        f->corrupt_frame = 3;
        break;
    case 19: /* volumes that can be cut */
        f->frames = 7;
        f->add_late = add_places;
        break;
    case 20:
        colour(f, "RGB");
        f->frames = 4;
        f->add_late = add_places;
        break;
    default: /* pages of some size */
        codec(f, DECODE_JPEG, 4);
        f->cols = 200;
        f->rows = 190;
        break;
    }
}

static const char *name_of(uint32_t k)
{
    static char name[32];

    (void)snprintf(name, sizeof name, "1.2.3.%u", k + 1);
    return name;
}

static void make_zoo(void)
{
    engine_init(&engine);
    for (uint32_t k = 0; k < ZOO; k++) {
        struct image_file f;

        animal(k, &f);
        f.sop = name_of(k);
        engine_put(&engine, &f);
    }
    engine.cache_bytes = 4 << 20;
    engine.config.frame_bytes = 1 << 20;
    engine_start(&engine);
}

/* ---- laws --------------------------------------------------------------- */

static bool is_honest(enum error_kind kind, uint32_t k)
{
    return kind == ERROR_UNSUPPORTED || kind == ERROR_NOT_FOUND ||
           (kind == ERROR_CORRUPT && k == 18);
}

static void check_splits(const struct leaf *leaf, const uint8_t *whole,
                         size_t size)
{
    uint8_t *part = malloc(size);

    ck_assert_ptr_nonnull(part);
    for (int i = 0; i < 3; i++) {
        size_t at = random_below(&state, (uint32_t)size);
        size_t length = 1 + random_below(&state, (uint32_t)(size - at));
        size_t step = 1 + random_below(&state, (uint32_t)length);
        size_t n;

        if (step < length / 50)
            step = length / 50;
        ck_assert_int_eq(
            engine_read(&engine, leaf, at, length, step, part, &n, NULL),
            ERROR_NONE);
        ck_assert_uint_eq(n, length);
        ck_assert_msg(memcmp(part, whole + at, n) == 0,
                      "%s: [%zu, +%zu) by %zu", text, at, length, step);
    }
    free(part);
}

struct reader {
    pthread_t thread;
    struct leaf leaf;
    const uint8_t *whole;
    size_t size;
    size_t from;
    bool is_wrong;
};

static void *read_from(void *opaque)
{
    struct reader *r = opaque;

    for (size_t at = r->from; at < r->size;) {
        struct render_bytes bytes;

        if (render_read(engine.render, &r->leaf, at, 50000, true, &bytes,
                        NULL) != 0 ||
            bytes.length == 0) {
            r->is_wrong = true;
            return NULL;
        }
        for (int i = 0; i < bytes.iov_count; i++) {
            size_t n = bytes.iov[i].iov_len;

            r->is_wrong |= memcmp(bytes.iov[i].iov_base, r->whole + at, n) != 0;
            at += n;
        }
        render_release(engine.render, &bytes);
    }
    return NULL;
}

static void check_threads(const struct leaf *leaf, const uint8_t *whole,
                          size_t size)
{
    struct reader readers[4];

    for (unsigned i = 0; i < 4; i++) {
        readers[i] = (struct reader){
            .leaf = *leaf, .whole = whole, .size = size, .from = size * i / 7};
        ck_assert_int_eq(
            pthread_create(&readers[i].thread, NULL, read_from, &readers[i]),
            0);
    }
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(readers[i].thread, NULL), 0);
        ck_assert_msg(!readers[i].is_wrong, "%s", text);
    }
}

/* The same leaf again after a restart: with what was measured or without,
 * with little memory or none for frames. */
static void check_again(uint32_t k, uint32_t part, const uint8_t *whole,
                        size_t size)
{
    struct leaf leaf;
    uint64_t again = 0;

    if (random_below(&state, 2))
        rows_exec(engine.state, "DELETE FROM output; DELETE FROM fact;");
    engine_resize(&engine, 1 << 18, random_below(&state, 2) << 14);
    leaf = engine_leaf(&engine, text, name_of(k));
    leaf.part = part;
    if (random_below(&state, 2)) {
        ck_assert_int_eq(engine_size(&engine, &leaf, &again, NULL), ERROR_NONE);
        ck_assert_uint_eq(again, size);
    }
    check_threads(&leaf, whole, size);
    engine_resize(&engine, 4 << 20, 1 << 20);
}

static void check_shape(uint32_t k, const struct leaf *leaf,
                        const struct view *view, const uint8_t *data,
                        size_t size)
{
    struct manifest_instance i = engine_instance(&engine, name_of(k));
    struct manifest_output shape = {0};
    struct leaf_file f = leaf_file_open(data, size);

    (void)leaf;
    ck_assert_int_eq(f.is_big, view->big);
    ck_assert_int_eq(f.packing > 1, view->pack != VIEW_PACK_NONE);
    if (render_shape(view, &i, &shape) == 1) {
        ck_assert_uint_eq(shape.width, f.width);
        ck_assert_uint_eq(shape.height, f.height);
        ck_assert_uint_eq(shape.channels, f.channels);
        ck_assert_uint_eq(shape.num_frames, f.pages);
        ck_assert_int_eq((int)shape.dtype, (int)f.type);
        ck_assert_uint_eq(shape.bytes, size);
    }
    leaf_file_free(&f);
    manifest_instance_deinit(&i);
}

/* Any part, if the view makes some of this image, or the one behind the last;
 * it has no name then. */
static uint32_t any_part(const struct view *view, const struct leaf *leaf,
                         uint32_t k, bool *ret_is_there)
{
    struct manifest_instance i = engine_instance(&engine, name_of(k));
    uint32_t count = 0;
    int rc = 0;

    *ret_is_there = true;
    if (view_parts_of(view) != VIEW_PART_NONE)
        rc = render_parts(engine.render, leaf->view_id, &i, true, &count, NULL);
    manifest_instance_deinit(&i);
    if (view_parts_of(view) == VIEW_PART_NONE)
        return 0;
    ck_assert(rc != 1);
    if (rc == 0 && random_below(&state, 8) > 0)
        return 1 + random_below(&state, count);
    *ret_is_there = false;
    return rc == 0 ? count + 1 : 1;
}

static bool round_of(void)
{
    uint32_t k = random_below(&state, ZOO);
    struct view view = random_view(
        &state, random_below(&state, 2) ? RANDOM_DEEP : RANDOM_FLAT, text);
    struct leaf leaf = engine_leaf(&engine, text, name_of(k));
    struct error err = ERROR_INIT;
    enum error_kind kind;
    uint64_t size;
    uint8_t *whole;
    size_t n;
    bool is_there;

    leaf.part = any_part(&view, &leaf, k, &is_there);
    (void)engine_decoded(&engine);
    kind = engine_size(&engine, &leaf, &size, &err);
    ck_assert_msg(kind == ERROR_NONE || is_honest(kind, k), "%s of %u: %d %s",
                  text, k, (int)kind, err.msg);
    ck_assert_msg(kind != ERROR_NONE || is_there, "%s of %u", text, k);
    if ((view_size_is_known(&view) && view_parts_are_known(&view)) ||
        kind == ERROR_UNSUPPORTED)
        ck_assert_msg(engine_decoded(&engine) == 0, "%s of %u", text, k);
    if (kind == ERROR_NONE)
        kind = engine_try(&engine, &leaf, &err);
    ck_assert_msg(kind == ERROR_NONE || is_honest(kind, k), "%s of %u: %d %s",
                  text, k, (int)kind, err.msg);
    if (kind != ERROR_NONE)
        return false;
    whole = engine_bytes(&engine, &leaf, &n);
    check_shape(k, &leaf, &view, whole, n);
    check_splits(&leaf, whole, n);
    if (random_below(&state, 4) == 0)
        check_again(k, leaf.part, whole, n);
    free(whole);
    return true;
}

START_TEST(leaves_keep_their_laws)
{
    const char *seed_text = getenv("PROP_SEED");
    const char *runs_text = getenv("PROP_RUNS");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    uint64_t runs = runs_text ? strtoull(runs_text, NULL, 10) : 400;
    uint64_t good = 0;

    printf("# PROP_SEED=%" PRIu64 " PROP_RUNS=%" PRIu64 "\n", seed, runs);
    (void)fflush(stdout);
    state = seed * 0x9E3779B97F4A7C15u + 1;
    make_zoo();
    for (uint64_t i = 0; i < runs; i++)
        good += round_of();
    printf("# %" PRIu64 " leaves of %" PRIu64 "\n", good, runs);
    ck_assert(runs < 100 || good > runs / 3);
    engine_deinit(&engine);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prop_render");
    TCase *t = tcase_create("laws");

    tcase_set_timeout(t, 0);
    tcase_add_test(t, leaves_keep_their_laws);
    suite_add_tcase(s, t);
    return check_main(s);
}
