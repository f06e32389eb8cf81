// SPDX-License-Identifier: MIT
/* test_decode_jpegls.c: JPEG-LS frames. */
#undef NDEBUG
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/decode_check.h"

static void round_trip(const struct picture *p, const struct jls *how,
                       bool is_signed)
{
    struct codestream c = encode_jls(p, how);
    struct decode_desc d = check_desc(p, DECODE_JPEGLS);
    struct image image;

    d.is_signed = is_signed;
    image = check_decode(&d, &c);
    ck_assert_int_le(check_difference(&image, p, is_signed), how->near);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
}

START_TEST(every_precision_is_lossless)
{
    for (unsigned bits = 2; bits <= 16; bits++) {
        struct picture p = picture_new(67, 45, 1, bits, bits);
        struct jls how = {0};

        round_trip(&p, &how, false);
        round_trip(&p, &how, true);
        picture_free(&p);
    }
}
END_TEST

START_TEST(every_interleave_mode_is_lossless)
{
    for (unsigned bits = 3; bits <= 16; bits++)
        for (unsigned interleave = 0; interleave <= 2; interleave++) {
            struct picture p = picture_new(50, 33, 3, bits, bits);
            struct jls how = {.interleave = interleave};

            round_trip(&p, &how, false);
            picture_free(&p);
        }
}
END_TEST

START_TEST(dcmtk_codestreams_are_lossless)
{
    for (unsigned bits = 8; bits <= 16; bits++)
        for (unsigned channels = 1; channels <= 3; channels += 2)
            for (unsigned interleave = 1; interleave <= 2; interleave++) {
                struct picture p = picture_new(91, 53, channels, bits, bits);
                struct codestream c = encode_jls_dcmtk(&p, 0, interleave);
                struct decode_desc d = check_desc(&p, DECODE_JPEGLS);
                struct image image = check_decode(&d, &c);

                ck_assert_int_eq(check_difference(&image, &p, false), 0);
                check_image_free(&image, 0xa5);
                codestream_free(&c);
                picture_free(&p);
            }
}
END_TEST

START_TEST(near_lossless_stays_within_near)
{
    static const unsigned nears[] = {1, 2, 3, 7, 20, 60, 127};

    for (size_t i = 0; i < sizeof nears / sizeof *nears; i++)
        for (unsigned interleave = 0; interleave <= 2; interleave++) {
            struct picture p = picture_new(70, 40, 3, 8, 5);
            struct picture q = picture_new(70, 40, 3, 13, 6);
            struct jls how = {.near = nears[i], .interleave = interleave};

            round_trip(&p, &how, false);
            round_trip(&q, &how, false);
            picture_free(&p);
            picture_free(&q);
        }
}
END_TEST

START_TEST(dcmtk_near_lossless_stays_within_near)
{
    for (unsigned near = 1; near <= 40; near += 13) {
        struct picture p = picture_new(80, 60, 1, 12, near);
        struct codestream c = encode_jls_dcmtk(&p, near, 1);
        struct decode_desc d = check_desc(&p, DECODE_JPEGLS);
        struct image image = check_decode(&d, &c);

        ck_assert_int_le(check_difference(&image, &p, false), near);
        check_image_free(&image, 0xa5);
        codestream_free(&c);
        picture_free(&p);
    }
}
END_TEST

START_TEST(restart_intervals_are_followed)
{
    static const unsigned rows[] = {1, 2, 7, 10, 64};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned interleave = 0; interleave <= 2; interleave++) {
            struct picture p = picture_new(33, 41, 3, 8, 9);
            struct jls how = {.interleave = interleave,
                              .restart_rows = rows[i]};

            round_trip(&p, &how, false);
            picture_free(&p);
        }
}
END_TEST

START_TEST(preset_parameters_are_used)
{
    static const struct jls cases[] = {
        {.maxval = 4000, .reset = 0},
        {.maxval = 4095, .threshold = {5, 30, 100}, .reset = 31},
        {.maxval = 4095, .threshold = {2, 2, 2}, .reset = 3},
        {.maxval = 4095, .threshold = {4000, 4000, 4095}, .reset = 4095},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture p = picture_new(61, 37, 1, 12, 3);

        for (size_t k = 0; k < picture_count(&p); k++)
            p.samples[k] %= cases[i].maxval + 1;
        round_trip(&p, &cases[i], false);
        picture_free(&p);
    }
}
END_TEST

START_TEST(small_and_thin_images_decode)
{
    static const uint32_t sizes[][2] = {{1, 1}, {1, 50}, {50, 1},  {2, 2},
                                        {3, 1}, {1, 3},  {500, 2}, {2, 500}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned interleave = 0; interleave <= 2; interleave++) {
            struct picture p = picture_new(sizes[i][0], sizes[i][1], 3, 8, 11);
            struct jls how = {.interleave = interleave};

            round_trip(&p, &how, false);
            picture_free(&p);
        }
}
END_TEST

START_TEST(flat_image_is_one_long_run)
{
    struct picture p = picture_new(3000, 20, 1, 16, 1);
    struct jls how = {0};

    for (size_t k = 0; k < picture_count(&p); k++)
        p.samples[k] = 777;
    round_trip(&p, &how, true);
    picture_free(&p);
}
END_TEST

/* NEMA's MR1 sample has one; other decoders refuse it. */
START_TEST(surplus_bytes_before_eoi_are_ignored)
{
    struct picture p = picture_new(40, 40, 1, 12, 2);
    struct jls how = {0};
    struct codestream c = encode_jls(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEGLS);
    struct image image;

    c.size -= 2;
    codestream_put(&c, "\0\0\xff\xd9", 4);
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_difference(&image, &p, false), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

/* Inserts a marker segment behind SOI. */
static void insert(struct codestream *c, const void *segment, size_t size)
{
    struct codestream grown = {NULL, 0};

    codestream_put(&grown, c->data, 2);
    codestream_put(&grown, segment, size);
    codestream_put(&grown, c->data + 2, c->size - 2);
    codestream_free(c);
    *c = grown;
}

static uint32_t wrap(int32_t v, unsigned bits)
{
    return (uint32_t)v & ((1u << bits) - 1);
}

/* The forward transforms, as the HP reference encoder defines them. */
static void transform(struct picture *p, unsigned number)
{
    int32_t half = 1 << (p->bits - 1);

    for (size_t i = 0; i < picture_count(p); i += 3) {
        uint32_t *v = p->samples + i;
        int32_t r = (int32_t)v[0], g = (int32_t)v[1], b = (int32_t)v[2];

        if (number == 1) {
            v[0] = wrap(r - g + half, p->bits);
            v[2] = wrap(b - g + half, p->bits);
        } else if (number == 2) {
            v[0] = wrap(r - g + half, p->bits);
            v[2] = wrap(b - ((r + g) >> 1) + half, p->bits);
        } else {
            v[1] = wrap(b - g + half, p->bits);
            v[2] = wrap(r - g + half, p->bits);
            v[0] = wrap(g + (((int32_t)v[1] + (int32_t)v[2]) >> 2) - half / 2,
                        p->bits);
        }
    }
}

START_TEST(hp_colour_transforms_are_undone)
{
    for (unsigned number = 1; number <= 3; number++)
        for (unsigned bits = 8; bits <= 16; bits += 8) {
            struct picture p = picture_new(30, 20, 3, bits, number);
            struct picture q = picture_new(30, 20, 3, bits, number);
            struct jls how = {.interleave = 2};
            struct decode_desc d = check_desc(&p, DECODE_JPEGLS);
            uint8_t app8[] = {0xff, 0xe8, 0, 7, 'm', 'r', 'f', 'x', 0};
            struct codestream c;
            struct image image;

            transform(&q, number);
            c = encode_jls(&q, &how);
            app8[8] = (uint8_t)number;
            insert(&c, app8, sizeof app8);
            image = check_decode(&d, &c);
            ck_assert_int_eq(check_difference(&image, &p, false), 0);
            check_image_free(&image, 0xa5);
            codestream_free(&c);
            picture_free(&p);
            picture_free(&q);
        }
}
END_TEST

/* 8 bits in words of 16: the output follows the tags. */
START_TEST(precision_below_the_tags_is_kept)
{
    struct picture p = picture_new(20, 20, 1, 8, 4);
    struct jls how = {0};
    struct codestream c = encode_jls(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEGLS);
    struct image image;

    d.bits_alloc = 16;
    d.bits_stored = 12;
    d.high_bit = 11;
    image = check_decode(&d, &c);
    ck_assert_int_eq(image.type, SAMPLE_U16);
    ck_assert_int_eq(check_difference(&image, &p, false), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(contradictions_with_the_tags_are_corrupt)
{
    struct picture p = picture_new(20, 24, 1, 12, 4);
    struct jls how = {0};
    struct codestream c = encode_jls(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEGLS), e;

    e = d;
    e.rows++;
    ck_assert_int_eq(check_decode_kind(&e, c.data, c.size, NULL),
                     ERROR_CORRUPT);
    e = d;
    e.cols--;
    ck_assert_int_eq(check_decode_kind(&e, c.data, c.size, NULL),
                     ERROR_CORRUPT);
    e = d;
    e.samples = 3;
    e.photometric = DECODE_RGB;
    ck_assert_int_eq(check_decode_kind(&e, c.data, c.size, NULL),
                     ERROR_CORRUPT);
    e = d;
    e.bits_alloc = e.bits_stored = 8;
    ck_assert_int_eq(check_decode_kind(&e, c.data, c.size, NULL),
                     ERROR_CORRUPT);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(truncated_streams_are_corrupt)
{
    for (unsigned interleave = 0; interleave <= 2; interleave++) {
        struct picture p = picture_new(64, 64, 3, 8, 7);
        struct jls how = {.interleave = interleave,
                          .restart_rows = interleave == 1 ? 9 : 0};
        struct codestream c = encode_jls(&p, &how);
        struct decode_desc d = check_desc(&p, DECODE_JPEGLS);

        check_truncations(&d, &c, 2);
        codestream_free(&c);
        picture_free(&p);
    }
}
END_TEST

/* Noise has many low bits behind each code: those of the last sample are
 * missed too, though zeros in their place would be legal. */
START_TEST(truncation_inside_the_last_sample_is_corrupt)
{
    for (uint32_t width = 20; width < 40; width++) {
        struct picture p = picture_new(width, 20, 1, 16, 7);
        struct jls how = {0};
        struct decode_desc d = check_desc(&p, DECODE_JPEGLS);
        struct codestream c;

        for (size_t i = 0; i < picture_count(&p); i++)
            p.samples[i] = (uint32_t)(i * 2654435761u >> 13) & 0xffff;
        c = encode_jls(&p, &how);
        ck_assert_int_eq(check_decode_kind(&d, c.data, c.size - 3, NULL),
                         ERROR_CORRUPT);
        codestream_free(&c);
        picture_free(&p);
    }
}
END_TEST

START_TEST(damaged_streams_do_no_harm)
{
    for (unsigned interleave = 0; interleave <= 2; interleave++)
        for (unsigned bits = 8; bits <= 16; bits += 4) {
            struct picture p = picture_new(64, 48, 3, bits, 7);
            struct jls how = {.interleave = interleave,
                              .near = interleave,
                              .maxval = (1u << bits) - 1,
                              .restart_rows = bits == 12 ? 5 : 0};
            struct codestream c = encode_jls(&p, &how);
            struct decode_desc d = check_desc(&p, DECODE_JPEGLS);

            check_bit_flips(&d, &c, 300);
            codestream_free(&c);
            picture_free(&p);
        }
}
END_TEST

START_TEST(what_dicom_does_not_use_is_unsupported)
{
    static const uint8_t mapping[] = {0xff, 0xf8, 0, 5, 2, 1, 1};
    struct picture p = picture_new(20, 20, 1, 8, 4);
    struct jls how = {0};
    struct codestream c = encode_jls(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEGLS);

    insert(&c, mapping, sizeof mapping);
    ck_assert_int_eq(check_decode_kind(&d, c.data, c.size, NULL),
                     ERROR_UNSUPPORTED);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(codec_is_read_from_the_codestream)
{
    struct picture p = picture_new(20, 20, 1, 8, 4);
    struct jls how = {0};
    struct codestream c = encode_jls(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    struct image image = check_decode(&d, &c);

    ck_assert_int_eq(check_difference(&image, &p, false), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("decode_jpegls");
    TCase *t = tcase_create("jpegls");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_precision_is_lossless);
    tcase_add_test(t, every_interleave_mode_is_lossless);
    tcase_add_test(t, dcmtk_codestreams_are_lossless);
    tcase_add_test(t, near_lossless_stays_within_near);
    tcase_add_test(t, dcmtk_near_lossless_stays_within_near);
    tcase_add_test(t, restart_intervals_are_followed);
    tcase_add_test(t, preset_parameters_are_used);
    tcase_add_test(t, small_and_thin_images_decode);
    tcase_add_test(t, flat_image_is_one_long_run);
    tcase_add_test(t, surplus_bytes_before_eoi_are_ignored);
    tcase_add_test(t, hp_colour_transforms_are_undone);
    tcase_add_test(t, precision_below_the_tags_is_kept);
    tcase_add_test(t, contradictions_with_the_tags_are_corrupt);
    tcase_add_test(t, truncated_streams_are_corrupt);
    tcase_add_test(t, truncation_inside_the_last_sample_is_corrupt);
    tcase_add_test(t, damaged_streams_do_no_harm);
    tcase_add_test(t, what_dicom_does_not_use_is_unsupported);
    tcase_add_test(t, codec_is_read_from_the_codestream);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
