// SPDX-License-Identifier: MIT
/* fs/png: what libpng reads back, chunks, bounds, threads, want of memory. */
#undef NDEBUG
#include <assert.h>
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "png/png_leaf.h"
#include "prepfs/cleanup.h"
#include "support/check_main.h"
#include "support/png_read.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- allocations that fail ---------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static long fail_at = -1; /* counts down; the one at 0 fails */

static bool fails(void)
{
    return fail_at >= 0 && fail_at-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

/* ---- images ------------------------------------------------------------- */

enum pattern { SMOOTH, NOISE, FLAT, PATTERNS };

/* Rows have `slack` bytes more than they need. Caller frees data. */
static struct image image_of(uint32_t width, uint32_t height, uint32_t channels,
                             enum sample_type type, size_t slack,
                             enum pattern pattern)
{
    struct image image = {width, height, channels, type, 0, NULL};
    size_t row_bytes = (size_t)width * channels * sample_bytes(type);
    uint64_t x = 88172645463325252U;

    image.stride_bytes = row_bytes + slack;
    image.data = malloc(image.stride_bytes * height);
    ck_assert_ptr_nonnull(image.data);
    memset(image.data, 0xee, image.stride_bytes * height);
    for (uint32_t y = 0; y < height; y++) {
        for (size_t i = 0; i < row_bytes; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            image.data[y * image.stride_bytes + i] =
                pattern == NOISE    ? (uint8_t)(x >> 32)
                : pattern == SMOOTH ? (uint8_t)(y + i / 4)
                                    : 7;
        }
    }
    return image;
}

static void expect_equal(const struct image *have, const struct image *want)
{
    size_t row =
        (size_t)want->width * want->channels * sample_bytes(want->type);

    ck_assert_uint_eq(have->width, want->width);
    ck_assert_uint_eq(have->height, want->height);
    ck_assert_uint_eq(have->channels, want->channels);
    ck_assert_int_eq(have->type, want->type);
    for (uint32_t y = 0; y < want->height; y++)
        ck_assert_mem_eq(have->data + y * have->stride_bytes,
                         want->data + y * want->stride_bytes, row);
}

static uint8_t *packed(const struct image *image,
                       const struct png_leaf_about *about, size_t *ret_length)
{
    struct error err = ERROR_INIT;
    uint8_t *bytes;

    ck_assert_msg(png_leaf_pack(image, about, &bytes, ret_length, &err) == 0,
                  "%s", err.msg);
    return bytes;
}

static struct png_read read_back(const uint8_t *bytes, size_t length)
{
    struct png_read read;
    struct error err = ERROR_INIT;

    ck_assert_msg(png_read(bytes, length, &read, &err) == 0, "%s", err.msg);
    return read;
}

/* ---- cases -------------------------------------------------------------- */

static const struct {
    uint32_t width, height, channels;
    enum sample_type type;
    size_t slack;
} shapes[] = {
    {1, 1, 1, SAMPLE_U8, 0},      {1, 1, 3, SAMPLE_U16, 0},
    {37, 23, 1, SAMPLE_U8, 0},    {37, 23, 1, SAMPLE_U16, 6},
    {37, 23, 3, SAMPLE_U8, 5},    {37, 23, 3, SAMPLE_U16, 0},
    {1, 300, 1, SAMPLE_U16, 2},   {300, 1, 3, SAMPLE_U8, 0},
    {640, 400, 1, SAMPLE_U16, 0}, {70000, 2, 1, SAMPLE_U8, 0},
    {2, 70000, 1, SAMPLE_U16, 0}, {1100000, 1, 1, SAMPLE_U8, 0},
};

START_TEST(samples_come_back_and_fit_the_bound)
{
    static const struct png_leaf_about about = {.software = "prepfs engine 1"};

    for (int pattern = 0; pattern < PATTERNS; pattern++) {
        struct image image =
            image_of(shapes[_i].width, shapes[_i].height, shapes[_i].channels,
                     shapes[_i].type, shapes[_i].slack, (enum pattern)pattern);
        size_t length;
        CLEANUP_FREE uint8_t *bytes = packed(&image, &about, &length);
        struct png_read read = read_back(bytes, length);

        expect_equal(&read.image, &image);
        ck_assert_uint_le(length, png_leaf_bound(image.width, image.height,
                                                 image.channels, image.type));
        png_read_deinit(&read);
        free(image.data);
    }
}
END_TEST

START_TEST(the_same_samples_are_the_same_bytes)
{
    struct image image = image_of(300, 200, 1, SAMPLE_U16, 0, SMOOTH);
    struct image wide = image_of(300, 200, 1, SAMPLE_U16, 34, SMOOTH);
    static const struct png_leaf_about about = {15.1, 15.2, "x"};
    size_t length;
    size_t again_length;
    CLEANUP_FREE uint8_t *bytes = packed(&image, &about, &length);
    CLEANUP_FREE uint8_t *again = packed(&wide, &about, &again_length);

    ck_assert_uint_eq(length, again_length);
    ck_assert_mem_eq(bytes, again, length);
    free(image.data);
    free(wide.data);
}
END_TEST

/* All rows are filtered "up", whatever libpng would think of them. */
START_TEST(smooth_samples_shrink)
{
    struct image image = image_of(512, 512, 1, SAMPLE_U8, 0, SMOOTH);
    static const struct png_leaf_about about = {0, 0, NULL};
    size_t length;
    CLEANUP_FREE uint8_t *bytes = packed(&image, &about, &length);

    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_lt(length, 4096);
    free(image.data);
}
END_TEST

static const struct {
    struct png_leaf_about about;
    const char *chunks;
    uint32_t x, y;
    const char *software;
} abouts[] = {
    {{0, 0, NULL}, "IHDR IDAT IEND", 0, 0, ""},
    {{0, 0, ""}, "IHDR IDAT IEND", 0, 0, ""},
    {{20, 10.004, NULL}, "IHDR pHYs IDAT IEND", 2000, 1000, ""},
    {{15.117888, 7.25, "prepfs engine 1"},
     "IHDR pHYs tEXt IDAT IEND",
     1512,
     725,
     "prepfs engine 1"},
    {{20, 0, "x"}, "IHDR tEXt IDAT IEND", 0, 0, "x"},
    {{20, -1, NULL}, "IHDR IDAT IEND", 0, 0, ""},
    {{NAN, 20, NULL}, "IHDR IDAT IEND", 0, 0, ""},
    {{INFINITY, 20, NULL}, "IHDR IDAT IEND", 0, 0, ""},
    {{1e300, 20, NULL}, "IHDR IDAT IEND", 0, 0, ""},
    {{0.001, 20, NULL}, "IHDR IDAT IEND", 0, 0, ""},
};

START_TEST(chunks_say_what_is_known_and_no_more)
{
    struct image image = image_of(8, 8, 1, SAMPLE_U8, 0, SMOOTH);
    size_t length;
    CLEANUP_FREE uint8_t *bytes = packed(&image, &abouts[_i].about, &length);
    struct png_read read = read_back(bytes, length);

    ck_assert_str_eq(read.chunks, abouts[_i].chunks);
    ck_assert_uint_eq(read.per_metre_x, abouts[_i].x);
    ck_assert_uint_eq(read.per_metre_y, abouts[_i].y);
    ck_assert_str_eq(read.software, abouts[_i].software);
    png_read_deinit(&read);
    free(image.data);
}
END_TEST

START_TEST(long_software_is_cut)
{
    struct image image = image_of(8, 8, 1, SAMPLE_U8, 0, NOISE);
    char text[300];
    struct png_leaf_about about = {.software = text};
    size_t length;
    uint8_t *bytes;
    struct png_read read;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    bytes = packed(&image, &about, &length);
    ck_assert_uint_le(length, png_leaf_bound(8, 8, 1, SAMPLE_U8));
    read = read_back(bytes, length);
    ck_assert_uint_eq(strlen(read.software), PNG_LEAF_SOFTWARE_MAX);
    png_read_deinit(&read);
    free(bytes);
    free(image.data);
}
END_TEST

START_TEST(data_chunks_hold_64_kib)
{
    struct image image = image_of(512, 300, 1, SAMPLE_U8, 0, NOISE);
    static const struct png_leaf_about about = {0, 0, NULL};
    size_t length;
    CLEANUP_FREE uint8_t *bytes = packed(&image, &about, &length);
    struct png_read read = read_back(bytes, length);

    ck_assert_uint_eq(read.n_idat, 3); /* of 153,900 bytes of noise */
    png_read_deinit(&read);
    free(image.data);
}
END_TEST

static const struct {
    struct image image;
    enum error_kind kind;
} refused[] = {
    {{0, 1, 1, SAMPLE_U8, 1, NULL}, ERROR_INTERNAL},
    {{1, 0, 1, SAMPLE_U8, 1, NULL}, ERROR_INTERNAL},
    {{1, 1, 2, SAMPLE_U8, 2, NULL}, ERROR_UNSUPPORTED},
    {{1, 1, 4, SAMPLE_U8, 4, NULL}, ERROR_UNSUPPORTED},
    {{1, 1, 1, SAMPLE_I16, 2, NULL}, ERROR_UNSUPPORTED},
    {{1, 1, 1, SAMPLE_U32, 4, NULL}, ERROR_UNSUPPORTED},
    {{1, 1, 1, SAMPLE_I32, 4, NULL}, ERROR_UNSUPPORTED},
    {{1, 1, 1, SAMPLE_F32, 4, NULL}, ERROR_UNSUPPORTED},
    {{1, 1, 1, SAMPLE_F64, 8, NULL}, ERROR_UNSUPPORTED},
    {{1, 1, 1, SAMPLE_F16, 2, NULL}, ERROR_UNSUPPORTED},
    {{0x80000000U, 1, 1, SAMPLE_U8, 0x80000000U, NULL}, ERROR_UNSUPPORTED},
    {{1, 0x80000000U, 1, SAMPLE_U8, 1, NULL}, ERROR_UNSUPPORTED},
};

START_TEST(what_a_png_cannot_hold_is_refused)
{
    static const struct png_leaf_about about = {0, 0, NULL};
    const struct image *image = &refused[_i].image;
    struct error err = ERROR_INIT;
    uint8_t *bytes;
    size_t length;

    ck_assert_int_eq(png_leaf_pack(image, &about, &bytes, &length, &err), -1);
    ck_assert_int_eq(err.kind, refused[_i].kind);
    ck_assert_uint_gt(strlen(err.msg), 0);
}
END_TEST

START_TEST(bound_tells_overflow)
{
    ck_assert_uint_eq(png_leaf_bound(1, 1, 1, SAMPLE_F32), 0);
    ck_assert_uint_eq(png_leaf_bound(1, 1, 2, SAMPLE_U8), 0);
    ck_assert_uint_eq(png_leaf_bound(UINT32_MAX, UINT32_MAX, 3, SAMPLE_U16), 0);
    ck_assert_uint_gt(png_leaf_bound(0x7fffffff, 0x7fffffff, 1, SAMPLE_U8),
                      UINT64_C(0x7fffffff) * 0x7fffffff);
}
END_TEST

/* The k-th allocation fails, k = 0, 1, ...: never a crash, never a leak
 * (under ASan), always ERROR_NO_MEMORY, and in the end the usual bytes. */
START_TEST(want_of_memory_is_told)
{
    struct image image = image_of(256, 300, 3, SAMPLE_U16, 0, NOISE);
    static const struct png_leaf_about about = {20, 20, "prepfs"};
    size_t want_length;
    CLEANUP_FREE uint8_t *want = packed(&image, &about, &want_length);
    int rc = -1;
    long k = 0;

    for (; rc != 0; k++) {
        struct error err = ERROR_INIT;
        uint8_t *bytes = NULL;
        size_t length = 0;

        ck_assert_int_lt(k, 200);
        fail_at = k;
        rc = png_leaf_pack(&image, &about, &bytes, &length, &err);
        if (rc != 0) {
            ck_assert_msg(err.kind == ERROR_NO_MEMORY, "%ld: %s", k, err.msg);
            continue;
        }
        /* the last one shrinks the result, which may fail unharmed */
        ck_assert_uint_eq(length, want_length);
        ck_assert_mem_eq(bytes, want, length);
        free(bytes);
    }
    fail_at = -1;
    ck_assert_int_gt(k, 8);
    free(image.data);
}
END_TEST

struct job {
    const struct image *image;
    const uint8_t *want;
    size_t length;
    bool ok;
};

static void *pack_often(void *opaque)
{
    struct job *job = opaque;
    static const struct png_leaf_about about = {20, 20, "prepfs"};
    struct error err = ERROR_INIT;

    job->ok = true;
    for (int i = 0; i < 20 && job->ok; i++) {
        uint8_t *bytes = NULL;
        size_t length = 0;

        job->ok =
            png_leaf_pack(job->image, &about, &bytes, &length, &err) == 0 &&
            length == job->length && memcmp(bytes, job->want, length) == 0;
        free(bytes);
    }
    return NULL;
}

START_TEST(threads_do_not_meet)
{
    struct image image = image_of(128, 128, 1, SAMPLE_U16, 0, NOISE);
    static const struct png_leaf_about about = {20, 20, "prepfs"};
    size_t length;
    CLEANUP_FREE uint8_t *want = packed(&image, &about, &length);
    struct job jobs[4];
    pthread_t threads[4];

    for (size_t i = 0; i < COUNT(jobs); i++) {
        jobs[i] = (struct job){&image, want, length, false};
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, pack_often, &jobs[i]), 0);
    }
    for (size_t i = 0; i < COUNT(jobs); i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(jobs[i].ok);
    }
    free(image.data);
}
END_TEST

START_TEST(engine_names_both_libraries)
{
    char text[80];
    char cut[4];

    png_leaf_engine(text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "libpng-1."));
    ck_assert_ptr_nonnull(strstr(text, " zlib-1."));
    png_leaf_engine(cut, sizeof cut);
    ck_assert_str_eq(cut, "lib");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("png_leaf");
    TCase *tcase = tcase_create("png_leaf");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, samples_come_back_and_fit_the_bound, 0,
                        (int)COUNT(shapes));
    tcase_add_test(tcase, the_same_samples_are_the_same_bytes);
    tcase_add_test(tcase, smooth_samples_shrink);
    tcase_add_loop_test(tcase, chunks_say_what_is_known_and_no_more, 0,
                        (int)COUNT(abouts));
    tcase_add_test(tcase, long_software_is_cut);
    tcase_add_test(tcase, data_chunks_hold_64_kib);
    tcase_add_loop_test(tcase, what_a_png_cannot_hold_is_refused, 0,
                        (int)COUNT(refused));
    tcase_add_test(tcase, bound_tells_overflow);
    tcase_add_test(tcase, want_of_memory_is_told);
    tcase_add_test(tcase, threads_do_not_meet);
    tcase_add_test(tcase, engine_names_both_libraries);
    suite_add_tcase(suite, tcase);
    return check_main(suite);
}
