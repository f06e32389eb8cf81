// SPDX-License-Identifier: MIT
/* test_decode_rle.c: RLE Lossless frames. */
#undef NDEBUG
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/decode_check.h"

static void round_trip(const struct picture *p, bool is_signed)
{
    struct decode_desc d = check_desc(p, DECODE_RLE);
    struct codestream c = encode_rle(p, d.bits_alloc / 8);
    struct image image;

    d.is_signed = is_signed;
    d.planar = true; /* says nothing about RLE */
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_difference(&image, p, is_signed), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
}

START_TEST(every_width_is_exact)
{
    for (unsigned bits = 1; bits <= 32; bits++) {
        struct picture p = picture_new(67, 45, 1, bits, bits);
        struct picture q = picture_new(31, 20, 3, bits, bits);

        round_trip(&p, false);
        round_trip(&p, true);
        round_trip(&q, false);
        picture_free(&p);
        picture_free(&q);
    }
}
END_TEST

/* PS3.5 Annex G by hand: 16 bits, the high bytes first. */
START_TEST(known_frame_decodes)
{
    uint8_t bytes[64 + 12] = {2, 0, 0, 0, 64, 0, 0, 0, 70, 0, 0, 0};
    static const uint8_t data[12] = {0xfe, 0x12, 0x00, 0x34, 0x80, 0x00,
                                     0x03, 1,    2,    3,    4,    0x00};
    struct decode_desc d = {.codec = DECODE_RLE,
                            .photometric = DECODE_MONOCHROME2,
                            .rows = 2,
                            .cols = 2,
                            .samples = 1,
                            .bits_alloc = 16,
                            .bits_stored = 16,
                            .high_bit = 15};
    struct codestream c = {bytes, sizeof bytes};
    struct image image;

    memcpy(bytes + 64, data, sizeof data);
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_sample(&image, 0, 0, 0), 0x1201);
    ck_assert_int_eq(check_sample(&image, 1, 0, 0), 0x1202);
    ck_assert_int_eq(check_sample(&image, 0, 1, 0), 0x1203);
    ck_assert_int_eq(check_sample(&image, 1, 1, 0), 0x3404);
    check_image_free(&image, 0xa5);
}
END_TEST

START_TEST(bits_are_packed_in_the_segment)
{
    uint8_t bytes[64 + 4] = {1, 0, 0, 0, 64, 0, 0, 0};
    struct decode_desc d = {.codec = DECODE_RLE,
                            .photometric = DECODE_MONOCHROME2,
                            .rows = 2,
                            .cols = 5,
                            .samples = 1,
                            .bits_alloc = 1,
                            .bits_stored = 1};
    struct codestream c = {bytes, sizeof bytes};
    struct image image;

    memcpy(bytes + 64, "\x01\x65\x02", 3);
    image = check_decode(&d, &c);
    for (uint32_t i = 0; i < 10; i++)
        ck_assert_int_eq(check_sample(&image, i % 5, i / 5, 0), 0x265 >> i & 1);
    check_image_free(&image, 0xa5);
}
END_TEST

START_TEST(ybr_becomes_rgb)
{
    struct picture p = picture_new(4, 4, 3, 8, 1);
    struct decode_desc d = check_desc(&p, DECODE_RLE);
    struct codestream c;
    struct image image;

    for (size_t i = 0; i < picture_count(&p); i++)
        p.samples[i] = i % 3 == 0 ? 76 : i % 3 == 1 ? 85 : 255;
    c = encode_rle(&p, 1);
    d.photometric = DECODE_YBR_FULL;
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_sample(&image, 2, 2, 0), 254);
    ck_assert_int_eq(check_sample(&image, 2, 2, 1), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(run_beyond_the_last_sample_is_cut)
{
    uint8_t bytes[64 + 2] = {1, 0, 0, 0, 64, 0, 0, 0};
    struct decode_desc d = {.codec = DECODE_RLE,
                            .photometric = DECODE_MONOCHROME2,
                            .rows = 1,
                            .cols = 3,
                            .samples = 1,
                            .bits_alloc = 8,
                            .bits_stored = 8,
                            .high_bit = 7};
    struct codestream c = {bytes, sizeof bytes};
    struct image image;

    bytes[64] = 0x81; /* 128 times */
    bytes[65] = 9;
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_sample(&image, 2, 0, 0), 9);
    check_image_free(&image, 0xa5);
}
END_TEST

START_TEST(bad_headers_are_corrupt)
{
    static const struct {
        unsigned at;
        uint32_t value;
    } cases[] = {
        {0, 1},          /* one segment for two bytes */
        {0, 3},          /* three */
        {0, 0x02000000}, /* big-endian */
        {4, 63},         /* into the header */
        {4, 100000},     /* behind the end */
        {8, 64 - 1},     /* second before first */
        {8, 0xffffffff},
    };
    struct picture p = picture_new(20, 20, 1, 16, 3);
    struct decode_desc d = check_desc(&p, DECODE_RLE);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct codestream c = encode_rle(&p, 2);

        for (unsigned k = 0; k < 4; k++)
            c.data[cases[i].at + k] = (uint8_t)(cases[i].value >> 8 * k);
        ck_assert_int_eq(check_decode_kind(&d, c.data, c.size, NULL),
                         ERROR_CORRUPT);
        codestream_free(&c);
    }
    picture_free(&p);
}
END_TEST

START_TEST(truncated_frames_are_corrupt)
{
    for (unsigned bits = 8; bits <= 32; bits *= 2) {
        struct picture p = picture_new(64, 63, 3, bits, 7);
        struct decode_desc d = check_desc(&p, DECODE_RLE);
        struct codestream c = encode_rle(&p, bits / 8);

        check_truncations(&d, &c, 1); /* perhaps a pad byte */
        check_bit_flips(&d, &c, 1000);
        codestream_free(&c);
        picture_free(&p);
    }
}
END_TEST

/* A header that promises gigabytes costs nothing. */
START_TEST(implausible_size_is_corrupt_before_allocation)
{
    uint8_t bytes[64 + 64] = {1, 0, 0, 0, 64, 0, 0, 0};
    struct decode_desc d = {.codec = DECODE_RLE,
                            .photometric = DECODE_MONOCHROME2,
                            .rows = 60000,
                            .cols = 60000,
                            .samples = 1,
                            .bits_alloc = 8,
                            .bits_stored = 8,
                            .high_bit = 7};
    uint8_t pixel[1];
    struct image image = {60000, 60000, 1, SAMPLE_U8, 60000, pixel};
    struct error err = ERROR_INIT;

    ck_assert_int_eq(decode_frame(&d, bytes, sizeof bytes, 0, &image, &err),
                     -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("decode_rle");
    TCase *t = tcase_create("rle");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_width_is_exact);
    tcase_add_test(t, known_frame_decodes);
    tcase_add_test(t, bits_are_packed_in_the_segment);
    tcase_add_test(t, ybr_becomes_rgb);
    tcase_add_test(t, run_beyond_the_last_sample_is_cut);
    tcase_add_test(t, bad_headers_are_corrupt);
    tcase_add_test(t, truncated_frames_are_corrupt);
    tcase_add_test(t, implausible_size_is_corrupt_before_allocation);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
