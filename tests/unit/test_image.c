// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>

static struct error err;

START_TEST(allocated_rows_are_tight_and_aligned)
{
    for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
        struct image image = {0};

        ck_assert_int_eq(
            image_alloc(7, 5, 3, image_test_types[t], &image, &err), 0);
        ck_assert_uint_eq(image.stride_bytes, image_row_bytes(&image));
        ck_assert_uint_eq((uintptr_t)image.data % IMAGE_ALIGN, 0);
        memset(image.data, 1, image.stride_bytes * 5);
        image_free(&image);
        ck_assert_ptr_null(image.data);
    }
}
END_TEST

START_TEST(impossible_images_are_refused)
{
    static const struct {
        uint32_t width;
        uint32_t height;
        uint32_t channels;
        enum sample_type type;
        enum error_kind kind;
    } rows[] = {
        {0, 1, 1, SAMPLE_U8, ERROR_INTERNAL},
        {1, 0, 1, SAMPLE_U8, ERROR_INTERNAL},
        {1, 1, 0, SAMPLE_U8, ERROR_INTERNAL},
        {1, 1, 2, SAMPLE_U8, ERROR_INTERNAL},
        {1, 1, 4, SAMPLE_U8, ERROR_INTERNAL},
        {1, 1, 1, SAMPLE_F16, ERROR_INTERNAL},
        {UINT32_MAX, UINT32_MAX, 3, SAMPLE_F64, ERROR_TOO_BIG},
        {UINT32_MAX, UINT32_MAX, 1, SAMPLE_U16, ERROR_TOO_BIG},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct image image = {0};

        ck_assert_int_eq(image_alloc(rows[i].width, rows[i].height,
                                     rows[i].channels, rows[i].type, &image,
                                     &err),
                         -1);
        ck_assert_int_eq(err.kind, rows[i].kind);
    }
}
END_TEST

START_TEST(freeing_an_empty_image_is_harmless)
{
    struct image image = {0};

    image_free(&image);
    ck_assert_uint_eq(image.width, 0);
}
END_TEST

START_TEST(a_part_shares_the_pixels)
{
    struct image image = image_test_new(6, 5, 3, SAMPLE_U16, 2);
    struct image_box box = {2, 1, 3, 4};
    struct image part = image_sub(&image, &box);

    image_test_fill(&image, 7);
    sample_set(image_row(&image, 4), SAMPLE_U16, 4 * 3, 9);
    ck_assert_uint_eq(part.width, 3);
    ck_assert_uint_eq(part.height, 4);
    ck_assert_double_eq(image_test_get(&part, 2, 3), 9);
    ck_assert_double_eq(image_test_get(&part, 0, 0), 7);
    image_free(&image);
}
END_TEST

START_TEST(a_copy_has_the_pixels_whatever_the_strides)
{
    uint64_t seed = 1;

    for (size_t gaps = 0; gaps < 4; gaps++) {
        struct image a = image_test_new(5, 3, 3, SAMPLE_I16, gaps & 1);
        struct image b = image_test_new(5, 3, 3, SAMPLE_I16, gaps & 2);

        image_test_noise(&a, &seed);
        image_copy(&a, &b);
        ck_assert(image_test_equal(&a, &b));
        image_free(&a);
        image_free(&b);
    }
}
END_TEST

START_TEST(boxes_inside_and_outside)
{
    static const struct {
        struct image_box box;
        bool is_inside;
    } rows[] = {
        {{0, 0, 10, 8}, true},          {{9, 7, 1, 1}, true},
        {{0, 0, 11, 8}, false},         {{0, 0, 10, 9}, false},
        {{10, 0, 1, 1}, false},         {{0, 8, 1, 1}, false},
        {{0, 0, 0, 1}, false},          {{0, 0, 1, 0}, false},
        {{9, 0, UINT32_MAX, 1}, false}, {{UINT32_MAX, 0, 2, 1}, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert(image_box_is_inside(&rows[i].box, 10, 8) ==
                  rows[i].is_inside);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("image");
    TCase *t = tcase_create("image");
    SRunner *r;

    tcase_add_test(t, allocated_rows_are_tight_and_aligned);
    tcase_add_test(t, impossible_images_are_refused);
    tcase_add_test(t, freeing_an_empty_image_is_harmless);
    tcase_add_test(t, a_part_shares_the_pixels);
    tcase_add_test(t, a_copy_has_the_pixels_whatever_the_strides);
    tcase_add_test(t, boxes_inside_and_outside);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
