// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>

#include "image/orient.h"

static struct image oriented(const struct orient *o, const struct image *src)
{
    struct image dst;
    uint32_t w;
    uint32_t h;

    orient_size(o, src->width, src->height, &w, &h);
    dst = image_test_new(w, h, src->channels, src->type, 1);
    orient_apply(o, src, &dst);
    return dst;
}

/* 3x2: 1 2 3 / 4 5 6 */
static uint8_t six[] = {1, 2, 3, 4, 5, 6};

START_TEST(mirrors_and_turns)
{
    static const struct {
        struct orient o;
        uint32_t w;
        uint8_t want[6];
    } rows[] = {
        {{false, false, 0}, 3, {1, 2, 3, 4, 5, 6}},
        {{true, false, 0}, 3, {3, 2, 1, 6, 5, 4}},
        {{false, true, 0}, 3, {4, 5, 6, 1, 2, 3}},
        {{true, true, 0}, 3, {6, 5, 4, 3, 2, 1}},
        {{false, false, 1}, 2, {4, 1, 5, 2, 6, 3}},
        {{false, false, 2}, 3, {6, 5, 4, 3, 2, 1}},
        {{false, false, 3}, 2, {3, 6, 2, 5, 1, 4}},
        {{true, false, 1}, 2, {6, 3, 5, 2, 4, 1}}, /* mirror, then turn */
        {{false, true, 1}, 2, {1, 4, 2, 5, 3, 6}},
        {{true, true, 1}, 2, {3, 6, 2, 5, 1, 4}},
        {{true, false, 3}, 2, {1, 4, 2, 5, 3, 6}},
        {{true, true, 2}, 3, {1, 2, 3, 4, 5, 6}},
    };
    struct image src = image_view(six, 3, 2, 1, SAMPLE_U8);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct image got = oriented(&rows[i].o, &src);
        uint32_t n = 0;

        ck_assert_uint_eq(got.width, rows[i].w);
        ck_assert_uint_eq(got.height, 6 / rows[i].w);
        for (uint32_t y = 0; y < got.height; y++) {
            for (uint32_t x = 0; x < got.width; x++)
                ck_assert_double_eq(image_test_get(&got, x, y),
                                    rows[i].want[n++]);
        }
        image_free(&got);
    }
}
END_TEST

START_TEST(identities_are_known)
{
    struct orient none = {false, false, 0};
    struct orient twice = {true, true, 2};
    struct orient half = {true, true, 0};
    struct orient full = {false, false, 4};

    ck_assert(orient_is_identity(&none));
    ck_assert(orient_is_identity(&twice));
    ck_assert(!orient_is_identity(&half));
    ck_assert(orient_is_identity(&full));
}
END_TEST

START_TEST(one_orientation_stands_for_two)
{
    struct image src = image_view(six, 3, 2, 1, SAMPLE_U8);

    for (unsigned i = 0; i < 16 * 16; i++) {
        struct orient a = {(i & 1) != 0, (i & 2) != 0, i >> 2 & 3};
        struct orient b = {(i & 16) != 0, (i & 32) != 0, i >> 6 & 3};
        struct orient both = orient_then(&a, &b);
        struct image first = oriented(&a, &src);
        struct image second = oriented(&b, &first);
        struct image once = oriented(&both, &src);

        ck_assert(image_test_equal(&second, &once));
        image_free(&first);
        image_free(&second);
        image_free(&once);
    }
}
END_TEST

START_TEST(every_pixel_size_moves_whole)
{
    uint64_t seed = 10;

    for (size_t t = 0; t < 2 * IMAGE_TEST_TYPES; t++) {
        struct image src =
            image_test_new(41, 67, t & 1 ? 3 : 1, image_test_types[t / 2], 2);
        struct orient o = {true, false, 1};
        struct image got;

        image_test_noise(&src, &seed);
        got = oriented(&o, &src);
        for (uint32_t y = 0; y < src.height; y++) {
            for (uint32_t x = 0; x < src.width; x++) {
                /* mirrored: 40-x; turned: column 66-y, row 40-x */
                size_t pixel = src.channels * sample_bytes(src.type);

                ck_assert_mem_eq(image_row(&src, y) + x * pixel,
                                 image_row(&got, 40 - x) + (66 - y) * pixel,
                                 pixel);
            }
        }
        image_free(&src);
        image_free(&got);
    }
}
END_TEST

#define DBT "1.2.840.10008.5.1.4.1.1.13.1.3"

START_TEST(tomosynthesis_is_turned_only_if_upside_down)
{
    static const struct {
        const char *uid;
        const char *side;
        const char *view;
        const char *orientation;
        bool turned;
    } rows[] = {
        {DBT, "L", "CC", "P\\L", true},
        {DBT, "R", "CC", "P\\R", true},
        {DBT, "L", "MLO", "P\\HL", true},
        {DBT, "R", "MLO", "P\\HR", true},
        {DBT, "R", "CC", "A\\L", false},
        {DBT, "L", "CC", "A\\R", false},
        {DBT, "L", "CC", "P\\R", false}, /* rows only */
        {DBT, "L", "CC", "A\\L", false}, /* columns only */
        {DBT, "L", "MLO", "P\\LH", false},
        {DBT, " l ", "cc ", " p \\\\ l ", true},
        {DBT " ", "L", "CC", "P\\L", true},
        {DBT, "L", "CC", "P\\L\\F", false},
        {DBT, "L", "CC", "P", false},
        {DBT, "L", "CC", "", false},
        {DBT, "L", "ML", "P\\L", false},
        {DBT, "B", "CC", "P\\L", false},
        {DBT, NULL, "CC", "P\\L", false},
        {DBT, "L", NULL, "P\\L", false},
        {DBT, "L", "CC", NULL, false},
        {NULL, "L", "CC", "P\\L", false},
        {"1.2.840.10008.5.1.4.1.1.1.2", "L", "CC", "P\\L", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(orient_is_turned_dbt(rows[i].uid, rows[i].side,
                                           rows[i].view, rows[i].orientation) ==
                          rows[i].turned,
                      "row %zu", i);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("image_orient");
    TCase *t = tcase_create("orient");
    SRunner *r;

    tcase_add_test(t, mirrors_and_turns);
    tcase_add_test(t, identities_are_known);
    tcase_add_test(t, one_orientation_stands_for_two);
    tcase_add_test(t, every_pixel_size_moves_whole);
    tcase_add_test(t, tomosynthesis_is_turned_only_if_upside_down);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
