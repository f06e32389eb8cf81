// SPDX-License-Identifier: MIT
/*
 * test_block.c: stored forms are exact, small where they can be, and safe.
 */
#undef NDEBUG
#include "block.h"
#include "filter.h"
#include "pack.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX CACHE_BLOCK_MAX

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Malloc'd to the byte, so that ASan sees any step outside. */
struct buffers {
    uint8_t *src;
    uint8_t *stored;
    uint8_t *back;
    void *work;
    size_t size;
};

static struct buffers buffers_new(size_t size)
{
    struct buffers b = {malloc(size), malloc(BLOCK_STORED_MAX(size)),
                        malloc(size), malloc(BLOCK_WORK_BYTES), size};

    ck_assert(b.src && b.stored && b.back && b.work);
    memset(b.work, 0xa5, BLOCK_WORK_BYTES);
    return b;
}

static void buffers_free(struct buffers *b)
{
    free(b->src);
    free(b->stored);
    free(b->back);
    free(b->work);
}

/* Returns the stored size after checking the way back. The stored form is
 * moved to memory of its own size first. */
static size_t round_trip(struct buffers *b, const struct cache_hint *hint)
{
    size_t n = block_encode(b->src, b->size, hint, b->stored, b->work);
    uint8_t *exact = malloc(n);
    bool ok;

    ck_assert(exact != NULL && n <= BLOCK_STORED_MAX(b->size));
    memcpy(exact, b->stored, n);
    memset(b->back, 0x5a, b->size);
    memset(b->work, 0x5a, BLOCK_WORK_BYTES);
    ok = block_decode(exact, n, b->back, b->size, b->work) &&
         memcmp(b->src, b->back, b->size) == 0;
    free(exact);
    ck_assert_msg(ok, "size %zu, %u bytes x %u, row %u, from %u, float %d",
                  b->size, hint->sample_bytes, hint->channels, hint->row_bytes,
                  hint->samples_from, hint->is_float);
    return n;
}

/* ------------------------------------------------------------- pictures */

enum picture {
    FLAT,
    RAMP,
    NOISE,
    SMOOTH,   /* a wave with noise of a few units, 12 bits */
    WINDOWED, /* the same stretched to the sample's range */
    TEXT,
    PICTURES
};

static double picture_at(enum picture picture, size_t i, size_t row,
                         uint64_t *rng)
{
    double x = (double)(i % row), y = (double)(i / row);
    double wave = 2000 + 900 * sin(x / 40) * cos(y / 30);

    switch (picture) {
    case RAMP:
        return x + y;
    case NOISE:
        return (double)(next_random(rng) >> 11);
    case SMOOTH:
        return floor(wave + (double)(next_random(rng) % 12));
    case WINDOWED:
        return floor(floor(wave + (double)(next_random(rng) % 12)) * 16.0037);
    case TEXT:
        return (double)("the same words again "[i % 21]);
    case FLAT:
    case PICTURES:
    default:
        return 7;
    }
}

static void put_sample(uint8_t *at, unsigned bytes, bool is_float, double v)
{
    uint64_t whole = (uint64_t)v;
    float f = (float)(v / 4095);

    if (is_float && bytes == 4)
        memcpy(at, &f, 4);
    else if (is_float && bytes == 8)
        memcpy(at, &v, 8);
    else
        memcpy(at, &whole, bytes);
}

static void paint(struct buffers *b, enum picture picture,
                  const struct cache_hint *hint)
{
    unsigned bytes = hint->sample_bytes ? hint->sample_bytes : 1;
    unsigned channels = hint->channels ? hint->channels : 1;
    size_t row = hint->row_bytes / bytes / channels;
    uint64_t rng = picture;
    size_t at = hint->samples_from;

    for (size_t i = 0; i < b->size; i++)
        b->src[i] = (uint8_t)(i * 7);
    for (size_t i = 0; at + bytes * channels <= b->size; i++)
        for (unsigned c = 0; c < channels; c++, at += bytes)
            put_sample(b->src + at, bytes, hint->is_float,
                       picture_at(picture, i, row ? row : 100, &rng) + c);
}

/* ---------------------------------------------------------------- cases */

static const struct cache_hint hints[] = {
    {0, 0, false, 0, 0},          {1, 1, false, 512, 0},
    {1, 1, false, 7, 0},          {1, 3, false, 1920, 0},
    {1, 3, false, 1920, 4096},    {1, 4, false, 400, 1},
    {1, 2, false, 400, 1},        {1, 9, false, 900, 0},
    {2, 1, false, 1024, 0},       {2, 1, false, 1024, 4096},
    {2, 1, false, 1022, 333},     {2, 1, false, 0, 0},
    {2, 1, false, 24, 0},         {2, 1, false, 6128, 0},
    {2, 3, false, 1536, 10},      {2, 1, false, 1000000, 0},
    {4, 1, true, 2048, 0},        {4, 1, true, 2048, 4096},
    {4, 1, false, 2044, 3},       {4, 3, true, 1200, 0},
    {8, 1, true, 4096, 0},        {8, 1, true, 4096, 5},
    {3, 1, false, 300, 0},        {255, 255, true, UINT32_MAX, UINT32_MAX},
    {2, 1, false, UINT32_MAX, 0},
};
#define HINTS ((int)(sizeof hints / sizeof *hints))

static const size_t sizes[] = {1,    2,     7,     8,      9,       63,
                               64,   65,    100,   1000,   4096,    4097,
                               8191, 20001, 65536, 100003, MAX - 1, MAX};

START_TEST(every_block_comes_back)
{
    const struct cache_hint *hint = &hints[_i];
    struct cache_hint painted = *hint;

    if (painted.samples_from > MAX || painted.channels > 16)
        memset(&painted, 0, sizeof painted);
    if (painted.sample_bytes == 3)
        painted.sample_bytes = 1;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct buffers b = buffers_new(sizes[s]);

        for (int p = 0; p < PICTURES; p++) {
            paint(&b, (enum picture)p, &painted);
            round_trip(&b, hint);
        }
        buffers_free(&b);
    }
}
END_TEST

START_TEST(a_wrong_hint_only_costs_space)
{
    for (int p = 0; p < PICTURES; p++) {
        struct buffers b = buffers_new(30011);

        for (int paintedby = 1; paintedby < 22; paintedby++) {
            paint(&b, (enum picture)p, &hints[paintedby]);
            round_trip(&b, &hints[(paintedby + 5 * _i) % HINTS]);
        }
        buffers_free(&b);
    }
}
END_TEST

START_TEST(constant_blocks_carry_no_payload)
{
    struct buffers b = buffers_new(MAX);
    struct cache_hint hint = {2, 1, false, 1024, 0};
    double one_third = 1.0 / 3;

    for (size_t i = 0; i < MAX; i += 8)
        memcpy(b.src + i, &one_third, 8);
    ck_assert_uint_le(round_trip(&b, &hint), 9);
    memset(b.src, 0, MAX);
    ck_assert_uint_le(round_trip(&b, &hint), 9);
    b.src[MAX - 1] = 1;
    ck_assert_uint_gt(round_trip(&b, &hint), 9);
    buffers_free(&b);
}
END_TEST

START_TEST(incompressible_blocks_are_raw)
{
    struct buffers b = buffers_new(MAX);
    uint64_t rng = 1;

    for (size_t i = 0; i < MAX; i++)
        b.src[i] = (uint8_t)next_random(&rng);
    for (int h = 0; h < HINTS; h++)
        ck_assert_uint_eq(round_trip(&b, &hints[h]), MAX + 1);
    buffers_free(&b);
}
END_TEST

/* 12 units of noise need log2(12) = 3.6 bits; LZ4 finds nothing in them. */
START_TEST(noisy_samples_take_little_more_than_their_noise)
{
    static const struct {
        enum picture picture;
        struct cache_hint hint;
        double ratio;
    } rows[] = {
        {SMOOTH, {2, 1, false, 1024, 0}, 2.7},
        {WINDOWED, {2, 1, false, 1024, 0}, 2.6},
        {SMOOTH, {4, 1, true, 1024, 0}, 5.0},
        {RAMP, {2, 1, false, 1024, 0}, 30},
        {TEXT, {1, 1, false, 1024, 0}, 100},
    };
    struct buffers b = buffers_new(MAX);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double ratio;

        paint(&b, rows[i].picture, &rows[i].hint);
        ratio = (double)MAX / (double)round_trip(&b, &rows[i].hint);
        ck_assert_msg(ratio > rows[i].ratio, "row %zu: %.2f", i, ratio);
    }
    buffers_free(&b);
}
END_TEST

/* Numbers whose size varies from group to group, up to all bits. */
static void fill_uneven(uint8_t *src, size_t size, unsigned bytes,
                        uint64_t *rng)
{
    for (size_t i = 0; i + bytes <= size; i += bytes) {
        unsigned bits = (unsigned)(i / bytes / 16 * 5 % (bytes * 8 + 1));
        uint64_t v = bits ? next_random(rng) >> (64 - bits) : 0;

        memcpy(src + i, &v, bytes);
    }
}

START_TEST(fast_and_scalar_unpacking_agree)
{
    static const unsigned widths[] = {1, 2, 4};
    static const size_t counts[] = {1, 15, 16, 17, 33, 512, 1000, 4099};
    static const size_t rows[] = {0, 15, 16, 17, 31, 64, 100, 511, 5000};
    uint64_t rng = 42;

    for (int w = 0; w < 3; w++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
                for (int p = 0; p < PREDICTORS; p++) {
                    struct plane plane = {counts[c], rows[r], widths[w],
                                          (enum predictor)p};
                    size_t size = plane.count * plane.bytes;
                    uint8_t *src = malloc(size);
                    uint8_t *fast = malloc(size), *slow = malloc(size);
                    uint8_t *codes = malloc(filter_codes(&plane));
                    uint8_t *bits = malloc(3 * size + 128);
                    const uint8_t *end;

                    ck_assert(src && fast && slow && codes && bits);
                    fill_uneven(src, size, plane.bytes, &rng);
                    if (filter_accepts(&plane)) {
                        end = filter_pack(&plane, src, codes, bits);
                        memset((uint8_t *)bits + (end - bits), 0xff,
                               PACK_SLACK);
                        if (filter_unpack(&plane, codes, bits, fast) != end ||
                            filter_unpack_scalar(&plane, codes, bits, slow) !=
                                end ||
                            memcmp(src, fast, size) != 0 ||
                            memcmp(src, slow, size) != 0)
                            ck_abort_msg("bytes %u count %zu row %zu pred %d",
                                         plane.bytes, plane.count, plane.row,
                                         p);
                    }
                    free(src);
                    free(fast);
                    free(slow);
                    free(codes);
                    free(bits);
                }
}
END_TEST

/* Mutated and cut stored forms: any answer, but no step outside (ASan). */
START_TEST(damaged_blocks_are_refused_or_wrong_but_safe)
{
    uint64_t rng = (uint64_t)_i + 1;
    struct buffers b = buffers_new(9001);
    unsigned refused = 0;

    for (int h = 0; h < 22; h++) {
        for (int p = RAMP; p < PICTURES; p++) {
            size_t n;

            paint(&b, (enum picture)p, &hints[h]);
            n = block_encode(b.src, b.size, &hints[h], b.stored, b.work);
            for (int m = 0; m < 40; m++) {
                size_t cut = m % 4 ? n : (size_t)(next_random(&rng) % n);
                uint8_t *bad = malloc(cut ? cut : 1);
                size_t size = m % 7 ? b.size : b.size - 1;

                ck_assert(bad != NULL);
                memcpy(bad, b.stored, cut);
                for (int k = 0; k < 1 + m % 5 && cut > 0; k++) {
                    size_t span = m % 3 ? cut : cut < 26 ? cut : 26;

                    bad[next_random(&rng) % span] ^=
                        (uint8_t)(1u << (next_random(&rng) % 8));
                }
                refused += !block_decode(bad, cut, b.back, size, b.work);
                free(bad);
            }
        }
    }
    ck_assert_uint_gt(refused, 100);
    buffers_free(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("block");
    TCase *tcase = tcase_create("block");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, every_block_comes_back, 0, HINTS);
    tcase_add_loop_test(tcase, a_wrong_hint_only_costs_space, 1, 4);
    tcase_add_test(tcase, constant_blocks_carry_no_payload);
    tcase_add_test(tcase, incompressible_blocks_are_raw);
    tcase_add_test(tcase, noisy_samples_take_little_more_than_their_noise);
    tcase_add_test(tcase, fast_and_scalar_unpacking_agree);
    tcase_add_loop_test(tcase, damaged_blocks_are_refused_or_wrong_but_safe, 0,
                        5);
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
