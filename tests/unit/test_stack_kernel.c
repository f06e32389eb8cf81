// SPDX-License-Identifier: MIT
/* test_stack_kernel: the sets of kernels give the same bits. */
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>
#include <math.h>

#include "image/stack_kernel.h"
#include "support/check_main.h"

#define SAMPLES 300

static const struct stack_kernels *sets[2];
static uint64_t seed = 7;

static void find_sets(void)
{
    sets[0] = stack_kernels_vector();
    sets[1] = stack_kernels_avx2();
}

/* A row of noise in a block that ends with it; some samples of a float row
 * are no numbers. */
static void *noise(enum sample_type type, size_t n)
{
    struct image row = image_test_new((uint32_t)(n > 0 ? n : 1), 1, 1, type, 0);

    image_test_noise(&row, &seed);
    for (size_t i = 0; i < n; i += 1 + image_test_random(&seed) % 9) {
        static const double odd[] = {0, 1, 255, NAN, INFINITY};
        uint64_t which = image_test_random(&seed) % 5;

        sample_set(row.data, type, i,
                   type == SAMPLE_F32 || type == SAMPLE_F64 || which < 3
                       ? odd[which]
                       : 3);
    }
    return row.data;
}

static void *copy(const void *from, size_t bytes)
{
    void *to = malloc(bytes > 0 ? bytes : 1);

    assert(to);
    memcpy(to, from, bytes);
    return to;
}

/* The same bits, except that any NaN is as good as another. */
static void check_same(enum sample_type type, const void *got, const void *want,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double a = sample_get(got, type, i);
        double b = sample_get(want, type, i);

        if (isnan(a) && isnan(b))
            continue;
        ck_assert_mem_eq((const char *)got + i * sample_bytes(type),
                         (const char *)want + i * sample_bytes(type),
                         sample_bytes(type));
    }
}

/* Runs `work` with both kinds of kernels on copies of `out`. */
#define SAME(set, type, out, n, work)                                          \
    do {                                                                       \
        const struct stack_kernels *kernels = stack_kernels_scalar();          \
        void *ret = copy(out, (n)*sample_bytes(type));                         \
        void *want;                                                            \
                                                                               \
        work;                                                                  \
        want = ret;                                                            \
        kernels = (set);                                                       \
        ret = copy(out, (n)*sample_bytes(type));                               \
        work;                                                                  \
        check_same(type, ret, want, n);                                        \
        free(want);                                                            \
        free(ret);                                                             \
    } while (0)

static void compare_accumulators(const struct stack_kernels *set,
                                 enum sample_type type, size_t n)
{
    void *src = noise(type, n);
    void *acc = noise(type, n);

    SAME(set, type, acc, n, kernels->max(type, src, n, ret));
    SAME(set, type, acc, n, kernels->min(type, src, n, ret));
    free(src);
    free(acc);
}

static void compare_sums(const struct stack_kernels *set, enum sample_type type,
                         size_t n)
{
    enum sample_type sum =
        stack_sums_are_integers(type) ? SAMPLE_U32 : SAMPLE_F64;
    void *src = noise(type, n);
    void *acc = noise(sum, n);
    void *units = noise(SAMPLE_F32, n);

    for (size_t i = 0; sum == SAMPLE_U32 && i < n; i++)
        ((uint32_t *)acc)[i] >>= 2; /* as signed ones no overflow */
    SAME(set, sum, acc, n, kernels->add(type, src, n, ret));
    if (type == SAMPLE_U16)
        SAME(set, SAMPLE_F32, units, n, kernels->add_unit(src, n, ret));
    free(src);
    free(acc);
    free(units);
}

static void compare_blends(const struct stack_kernels *set,
                           enum sample_type type, size_t n)
{
    static const float weights[] = {0, 0.5F, 0.3F, 1, 0x1p-20F, 0.99999994F};
    void *x = noise(type, n);
    void *y = noise(type, n);

    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++)
        SAME(set, type, x, n, kernels->blend(type, x, y, weights[i], n, ret));
    free(x);
    free(y);
}

START_TEST(samples_are_combined_alike)
{
    find_sets();
    for (size_t s = 0; s < 2 && sets[s]; s++) {
        for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
            for (size_t n = 0; n < SAMPLES; n += n < 70 ? 1 : 37) {
                compare_accumulators(sets[s], image_test_types[t], n);
                compare_sums(sets[s], image_test_types[t], n);
                compare_blends(sets[s], image_test_types[t], n);
            }
        }
    }
}
END_TEST

START_TEST(medians_are_alike)
{
    find_sets();
    for (size_t s = 0; s < 2 && sets[s]; s++) {
        for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
            enum sample_type type = image_test_types[t];

            for (uint32_t count = 1; count < 40; count++) {
                size_t bytes = STACK_BLOCK * sample_bytes(type);
                void *tile = noise(type, (size_t)count * STACK_BLOCK);
                void *again = copy(tile, bytes * count);
                double want[STACK_BLOCK] = {0};
                double got[STACK_BLOCK] = {0};

                stack_kernels_scalar()->median(type, tile, count, want);
                sets[s]->median(type, again, count, got);
                check_same(type, got, want, STACK_BLOCK);
                free(tile);
                free(again);
            }
        }
    }
}
END_TEST

/* Zeroes, ramps and noise from none to all of the range. */
static float value(uint32_t kind, size_t i)
{
    float r = (float)(image_test_random(&seed) % 65536) / 65535.0F;

    if (kind == 0)
        return 0;
    if (kind == 1)
        return (float)i / 1000.0F;
    return 0.5F + (r - 0.5F) * (float)kind / 10.0F;
}

START_TEST(the_bilateral_filter_is_alike)
{
    struct bilateral *b = malloc(sizeof *b);

    assert(b);
    bilateral_init(b);
    find_sets();
    for (uint32_t kind = 0; kind <= 10; kind++) {
        for (size_t n = 1; n < 60; n++) {
            float *rows[BILATERAL_SIDE];
            const float *in[BILATERAL_SIDE];
            float out[60] = {0};

            for (size_t y = 0; y < BILATERAL_SIDE; y++) {
                size_t all = n + BILATERAL_SIDE - 1;

                rows[y] = malloc(all * sizeof(float));
                assert(rows[y]);
                for (size_t i = 0; i < all; i++)
                    rows[y][i] = value(kind, i);
                in[y] = rows[y];
            }
            for (size_t s = 0; s < 2 && sets[s]; s++)
                SAME(sets[s], SAMPLE_F32, out, n,
                     kernels->bilateral(b, in, n, ret));
            for (size_t y = 0; y < BILATERAL_SIDE; y++)
                free(rows[y]);
        }
    }
    free(b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack_kernel");
    TCase *c = tcase_create("twins");

    tcase_add_test(c, samples_are_combined_alike);
    tcase_add_test(c, medians_are_alike);
    tcase_add_test(c, the_bilateral_filter_is_alike);
    suite_add_tcase(s, c);
    return check_main(s);
}
