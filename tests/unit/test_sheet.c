// SPDX-License-Identifier: MIT
/* test_sheet.c: pictures are where they belong, and are not changed more than
 * they must be. */
#undef NDEBUG
#include "ctl/sheet.h"

#include <math.h>
#include <string.h>

#include "ctl/font.h"
#include "support/check_main.h"

enum { TILE = 64 };

static struct sheet sut;

static void setup(void)
{
    struct error err = ERROR_INIT;

    ck_assert_int_eq(sheet_init(&sut, 2, 2, TILE, &err), 0);
}

static void teardown(void)
{
    sheet_deinit(&sut);
}

static const uint8_t *at(uint32_t x, uint32_t y)
{
    return sut.image.data + y * sut.image.stride_bytes + 3 * (size_t)x;
}

/* The corner of the tile of a cell. */
static void tile_of(unsigned n, uint32_t *x, uint32_t *y)
{
    *x = 10 + n % 2 * (TILE + 10);
    *y = 10 + n / 2 * (TILE + 4 + 3 * FONT_HEIGHT + 10);
}

static unsigned count_ink(void)
{
    unsigned n = 0;

    for (uint32_t y = 0; y < sut.image.height; y++)
        for (uint32_t x = 0; x < sut.image.width; x++)
            n += at(x, y)[2] == 225;
    return n;
}

START_TEST(bytes_are_shown_as_they_are)
{
    uint8_t samples[16 * 8];
    struct image p = {16, 8, 1, SAMPLE_U8, 16, samples};
    uint32_t left, top;

    for (unsigned i = 0; i < sizeof samples; i++)
        samples[i] = (uint8_t)(i * 2);
    for (unsigned cell = 0; cell < 4; cell++) {
        sheet_put(&sut, cell, &p);
        tile_of(cell, &left, &top);
        for (uint32_t y = 0; y < 8; y++)
            for (uint32_t x = 0; x < 16; x++)
                for (unsigned c = 0; c < 3; c++)
                    ck_assert_uint_eq(at(left + 24 + x, top + 28 + y)[c],
                                      samples[y * 16 + x]);
    }
}
END_TEST

START_TEST(larger_pictures_are_averaged)
{
    static uint16_t samples[130 * 100 * 3]; /* by 3: 43 x 33 */
    struct image p = {
        130, 100, 3, SAMPLE_U16, sizeof samples / 100, (uint8_t *)samples};

    for (size_t i = 0; i < sizeof samples / 2; i++)
        samples[i] = i % 3 == 1 ? 0 : (uint16_t)(i / 3 % 130 / 3 * 1285);
    sheet_put(&sut, 1, &p);
    for (uint32_t x = 0; x < 43; x++) {
        const uint8_t *pixel = at(84 + (TILE - 43) / 2 + x, 10 + 32);

        ck_assert_uint_eq(pixel[0], x * 5);
        ck_assert_uint_eq(pixel[1], 0);
        ck_assert_uint_eq(pixel[2], x * 5);
    }
}
END_TEST

START_TEST(other_values_go_from_black_to_white)
{
    float values[4] = {-1000, 400, NAN, -300};
    struct image p = {4, 1, 1, SAMPLE_F32, sizeof values, (uint8_t *)values};

    sheet_put(&sut, 0, &p);
    ck_assert_uint_eq(at(10 + 30, 10 + 31)[0], 0);
    ck_assert_uint_eq(at(10 + 31, 10 + 31)[0], 255);
    ck_assert_uint_eq(at(10 + 32, 10 + 31)[0], 0);
    ck_assert_uint_eq(at(10 + 33, 10 + 31)[0], 128);
    values[0] = values[1] = values[3] = 7;
    sheet_put(&sut, 0, &p);
    ck_assert_uint_eq(at(10 + 31, 10 + 31)[0], 0);
}
END_TEST

START_TEST(captions_are_written_and_cut)
{
    char text[1000];
    unsigned one;

    sheet_caption(&sut, 0, "");
    ck_assert_uint_eq(count_ink(), 0);
    sheet_caption(&sut, 0, "u8");
    one = count_ink();
    ck_assert_uint_gt(one, 10);
    sheet_caption(&sut, 3, "u8");
    ck_assert_uint_eq(count_ink(), 2 * one);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (unsigned cell = 0; cell < 4; cell++) {
        sheet_caption(&sut, cell, text);
        sheet_complain(&sut, cell, text);
    }
    sheet_caption(&sut, 3, "\xff\x01\t");
}
END_TEST

START_TEST(sheets_have_an_end)
{
    struct error err = ERROR_INIT;
    struct sheet s;

    ck_assert_int_eq(sheet_init(&s, 64, 64, 4096, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_TOO_BIG);
    sheet_deinit(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sheet");
    TCase *t = tcase_create("sheet.c");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, bytes_are_shown_as_they_are);
    tcase_add_test(t, larger_pictures_are_averaged);
    tcase_add_test(t, other_values_go_from_black_to_white);
    tcase_add_test(t, captions_are_written_and_cut);
    tcase_add_test(t, sheets_have_an_end);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
