// SPDX-License-Identifier: MIT
/* test_decode_jpeg.c: JPEG frames, DCT and lossless. */
#undef NDEBUG
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/decode_check.h"

static void lossless_round_trip(const struct picture *p,
                                const struct lossless_jpeg *how, bool is_signed)
{
    struct codestream c = encode_lossless_jpeg(p, how);
    struct decode_desc d = check_desc(p, DECODE_JPEG);
    struct image image;

    d.is_signed = is_signed;
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_difference(&image, p, is_signed), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
}

START_TEST(every_lossless_precision_is_exact)
{
    for (unsigned bits = 2; bits <= 16; bits++) {
        struct picture p = picture_new(67, 45, 1, bits, bits);
        struct lossless_jpeg how = {.predictor = 1};

        lossless_round_trip(&p, &how, false);
        lossless_round_trip(&p, &how, true);
        picture_free(&p);
    }
}
END_TEST

START_TEST(every_lossless_predictor_is_exact)
{
    for (unsigned predictor = 1; predictor <= 7; predictor++)
        for (unsigned bits = 8; bits <= 16; bits += 4)
            for (unsigned channels = 1; channels <= 3; channels += 2) {
                struct picture p = picture_new(40, 31, channels, bits, 3);
                struct lossless_jpeg how = {.predictor = predictor};

                lossless_round_trip(&p, &how, false);
                picture_free(&p);
            }
}
END_TEST

/* Behind a restart the first sample is predicted from 2^(P-1), and the first
 * row from the left (T.81 H.1.2.1): others got that wrong, and silently. */
START_TEST(lossless_restart_intervals_are_exact)
{
    static const unsigned rows[] = {1, 3, 16};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned predictor = 1; predictor <= 7; predictor++) {
            struct picture p = picture_new(40, 47, 1, 14, 3);
            struct lossless_jpeg how = {.predictor = predictor,
                                        .restart_rows = rows[i]};

            lossless_round_trip(&p, &how, false);
            picture_free(&p);
        }
}
END_TEST

/* 52 -> 128 may be coded as -180 (T.81 H.1.2.1: modulo 2^16): ultrasound
 * encoders do that, and decoders that clamp make such images white. */
START_TEST(lossless_differences_wrap)
{
    for (unsigned bits = 8; bits <= 14; bits++)
        for (unsigned predictor = 1; predictor <= 4; predictor++) {
            struct picture p = picture_new(40, 47, 1, bits, 3);
            struct lossless_jpeg how = {.predictor = predictor, .wraps = true};

            lossless_round_trip(&p, &how, false);
            lossless_round_trip(&p, &how, true);
            picture_free(&p);
        }
}
END_TEST

START_TEST(lossless_scan_for_each_component_is_exact)
{
    struct picture p = picture_new(40, 47, 3, 8, 3);
    struct lossless_jpeg how = {.predictor = 1, .by_component = true};

    lossless_round_trip(&p, &how, false);
    picture_free(&p);
}
END_TEST

/* A smooth picture, on which DCT coding at high quality is nearly exact. */
static struct picture smooth(unsigned channels, unsigned bits)
{
    struct picture p = picture_new(80, 56, channels, bits, 1);
    uint32_t max = (1u << bits) - 1;

    for (uint32_t y = 0; y < p.height; y++)
        for (uint32_t x = 0; x < p.width; x++)
            for (unsigned c = 0; c < channels; c++)
                p.samples[((size_t)y * p.width + x) * channels + c] =
                    (c == 1   ? x * max / p.width
                     : c == 2 ? y * max / p.height
                              : (x + y) * max / (p.width + p.height));
    return p;
}

static int64_t dct_difference(const struct picture *p, const struct dct *how,
                              enum decode_photometric photometric)
{
    struct codestream c = encode_dct(p, how);
    struct decode_desc d = check_desc(p, DECODE_JPEG);
    struct image image;
    int64_t worst;

    d.photometric = photometric;
    image = check_decode(&d, &c);
    worst = check_difference(&image, p, false);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    return worst;
}

START_TEST(grey_dct_is_close)
{
    struct picture p = smooth(1, 8), q = smooth(1, 12);
    struct dct baseline = {DCT_BASELINE, 98, false, false};
    struct dct progressive = {DCT_PROGRESSIVE, 98, false, false};
    struct dct extended = {DCT_EXTENDED_12, 98, false, false};

    ck_assert_int_le(dct_difference(&p, &baseline, DECODE_MONOCHROME2), 2);
    ck_assert_int_le(dct_difference(&p, &progressive, DECODE_MONOCHROME2), 2);
    ck_assert_int_le(dct_difference(&q, &extended, DECODE_MONOCHROME2), 24);
    picture_free(&p);
    picture_free(&q);
}
END_TEST

/* JFIF says YCbCr, Adobe 0 says RGB, whatever the tag says. */
START_TEST(colour_marks_come_before_the_tag)
{
    static const enum decode_photometric tags[] = {DECODE_RGB, DECODE_YBR_FULL,
                                                   DECODE_YBR_FULL_422};
    struct picture p = smooth(3, 8);

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        for (int as_rgb = 0; as_rgb <= 1; as_rgb++)
            for (int progressive = 0; progressive <= 1; progressive++) {
                struct dct how = {progressive ? DCT_PROGRESSIVE : DCT_BASELINE,
                                  98, as_rgb, false};

                ck_assert_int_le(dct_difference(&p, &how, tags[i]), 5);
            }
    picture_free(&p);
}
END_TEST

START_TEST(subsampled_colour_is_close)
{
    struct picture p = smooth(3, 8);
    struct dct how = {DCT_BASELINE, 98, false, true};

    ck_assert_int_le(dct_difference(&p, &how, DECODE_YBR_FULL_422), 8);
    picture_free(&p);
}
END_TEST

/* Removes every marker segment `marker`. */
static void strip(struct codestream *c, unsigned marker)
{
    size_t at = 2;

    while (at + 4 < c->size && c->data[at] == 0xff && c->data[at + 1] != 0xda) {
        size_t size = 2 + ((size_t)c->data[at + 2] << 8 | c->data[at + 3]);

        if (c->data[at + 1] == marker) {
            memmove(c->data + at, c->data + at + size, c->size - at - size);
            c->size -= size;
        } else {
            at += size;
        }
    }
}

/* Without a mark: the tag; but subsampled colour is never RGB. */
START_TEST(without_marks_the_tag_decides)
{
    struct picture p = smooth(3, 8);
    struct dct how = {DCT_BASELINE, 98, false, false};
    struct codestream c = encode_dct(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    struct image image;

    strip(&c, 0xe0);
    image = check_decode(&d, &c);
    ck_assert_int_gt(check_difference(&image, &p, false), 60); /* still YCbCr */
    check_image_free(&image, 0xa5);
    d.photometric = DECODE_YBR_FULL;
    image = check_decode(&d, &c);
    ck_assert_int_le(check_difference(&image, &p, false), 5);
    check_image_free(&image, 0xa5);
    codestream_free(&c);

    how.subsampled = true;
    c = encode_dct(&p, &how);
    strip(&c, 0xe0);
    d.photometric = DECODE_RGB;
    image = check_decode(&d, &c);
    ck_assert_int_le(check_difference(&image, &p, false), 8);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(component_ids_rgb_mean_rgb)
{
    struct picture p = smooth(3, 8);
    struct dct how = {DCT_BASELINE, 98, true, false};
    struct codestream c = encode_dct(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    struct image image;

    strip(&c, 0xee); /* the encoder also writes the ids R, G, B */
    d.photometric = DECODE_YBR_FULL;
    image = check_decode(&d, &c);
    ck_assert_int_le(check_difference(&image, &p, false), 5);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(lossless_colour_follows_the_tag)
{
    struct picture p = picture_new(4, 4, 3, 8, 1);
    struct lossless_jpeg how = {.predictor = 1};
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    struct codestream c;
    struct image image;

    for (size_t i = 0; i < picture_count(&p); i++) /* Y 76, Cb 85, Cr 255 */
        p.samples[i] = i % 3 == 0 ? 76 : i % 3 == 1 ? 85 : 255;
    c = encode_lossless_jpeg(&p, &how);
    d.photometric = DECODE_YBR_FULL;
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_sample(&image, 1, 1, 0), 254);
    ck_assert_int_eq(check_sample(&image, 1, 1, 1), 0);
    ck_assert_int_eq(check_sample(&image, 1, 1, 2), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(eight_bits_in_words_of_sixteen_keep_their_value)
{
    struct picture p = picture_new(30, 20, 1, 8, 1);
    struct lossless_jpeg how = {.predictor = 1};
    struct codestream c = encode_lossless_jpeg(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    struct image image;

    d.bits_alloc = d.bits_stored = 16;
    d.high_bit = 15;
    image = check_decode(&d, &c);
    ck_assert_int_eq(image.type, SAMPLE_U16);
    ck_assert_int_eq(check_difference(&image, &p, false), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(missing_eoi_behind_complete_data_is_accepted)
{
    struct picture p = picture_new(64, 48, 1, 12, 1);
    struct lossless_jpeg how = {.predictor = 1};
    struct codestream c = encode_lossless_jpeg(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    struct image image;

    c.size -= 2;
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_difference(&image, &p, false), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(surplus_bytes_before_eoi_are_ignored)
{
    struct picture p = picture_new(64, 48, 1, 12, 1);
    struct lossless_jpeg how = {.predictor = 1};
    struct codestream c = encode_lossless_jpeg(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    struct image image;

    c.size -= 2;
    codestream_put(&c, "\0\0\0\xff\xd9\0", 6);
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_difference(&image, &p, false), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

/* Exists in the wild: Ss..Se 0..0 where a sequential scan has 0..63. */
START_TEST(sequential_scan_without_spectral_selection_decodes)
{
    struct picture p = smooth(1, 12);
    struct dct how = {DCT_EXTENDED_12, 98, false, false};
    struct codestream c = encode_dct(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    struct image image;
    size_t i = 2;

    while (!(c.data[i] == 0xff && c.data[i + 1] == 0xda))
        i++;
    ck_assert_int_eq(c.data[i + 8], 63);
    c.data[i + 8] = 0;
    image = check_decode(&d, &c);
    ck_assert_int_le(check_difference(&image, &p, false), 24);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(contradictions_with_the_tags_are_corrupt)
{
    struct picture p = picture_new(30, 20, 1, 12, 1);
    struct lossless_jpeg how = {.predictor = 1};
    struct codestream c = encode_lossless_jpeg(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEG), e;

    e = d;
    e.rows = 19;
    ck_assert_int_eq(check_decode_kind(&e, c.data, c.size, NULL),
                     ERROR_CORRUPT);
    e = d;
    e.cols = 31;
    ck_assert_int_eq(check_decode_kind(&e, c.data, c.size, NULL),
                     ERROR_CORRUPT);
    e = d;
    e.samples = 3;
    e.photometric = DECODE_YBR_FULL;
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

START_TEST(other_processes_are_unsupported)
{
    struct picture p = picture_new(30, 20, 1, 8, 1);
    struct lossless_jpeg how = {.predictor = 1};
    struct codestream c = encode_lossless_jpeg(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    char text[ERROR_MSG_MAX];

    ck_assert_int_eq(c.data[3], 0xc3);
    c.data[3] = 0xcb; /* lossless, arithmetic coding */
    ck_assert_int_eq(check_decode_kind(&d, c.data, c.size, text),
                     ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(text, "SOF11"));
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(truncated_lossless_streams_are_corrupt)
{
    for (unsigned channels = 1; channels <= 3; channels += 2)
        for (unsigned bits = 8; bits <= 16; bits += 4)
            for (unsigned restart_rows = 0; restart_rows <= 8;
                 restart_rows += 8) {
                struct picture p = picture_new(64, 64, channels, bits, 7);
                struct lossless_jpeg how = {.predictor = 1,
                                            .restart_rows = restart_rows};
                struct codestream c = encode_lossless_jpeg(&p, &how);
                struct decode_desc d = check_desc(&p, DECODE_JPEG);

                check_truncations(&d, &c, 2);
                codestream_free(&c);
                picture_free(&p);
            }
}
END_TEST

START_TEST(truncated_dct_streams_are_corrupt)
{
    static const enum dct_kind kinds[] = {DCT_BASELINE, DCT_EXTENDED_12,
                                          DCT_PROGRESSIVE};

    for (size_t i = 0; i < 3; i++)
        for (unsigned channels = 1; channels <= 3; channels += 2) {
            unsigned bits = kinds[i] == DCT_EXTENDED_12 ? 12 : 8;
            struct picture p = picture_new(64, 64, channels, bits, 7);
            struct dct how = {kinds[i], 90, false, channels == 3};
            struct codestream c = encode_dct(&p, &how);
            struct decode_desc d = check_desc(&p, DECODE_JPEG);
            size_t tail = 2;

            while (c.data[c.size - tail] != 0xff) /* a pad byte */
                tail++;
            while (c.data[c.size - tail - 1] == 0xff) /* all-ones padding */
                tail++;
            check_truncations(&d, &c, tail);
            codestream_free(&c);
            picture_free(&p);
        }
}
END_TEST

/* A truncated stream that was given its EOI back: nothing but a warning of
 * the library tells. */
START_TEST(truncation_before_an_eoi_is_corrupt)
{
    struct picture p = picture_new(64, 64, 1, 8, 7);
    struct dct dct = {DCT_BASELINE, 90, false, false};
    struct lossless_jpeg lossless = {.predictor = 1};
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    struct codestream streams[2] = {encode_dct(&p, &dct),
                                    encode_lossless_jpeg(&p, &lossless)};

    for (int i = 0; i < 2; i++) {
        struct codestream *c = &streams[i];

        for (size_t cut = 4; cut < 8; cut++) {
            struct codestream part = {NULL, 0};

            codestream_put(&part, c->data, c->size * cut / 8);
            codestream_put(&part, "\xff\xd9", 2);
            ck_assert_int_eq(check_decode_kind(&d, part.data, part.size, NULL),
                             ERROR_CORRUPT);
            codestream_free(&part);
        }
        codestream_free(c);
    }
    picture_free(&p);
}
END_TEST

START_TEST(missing_component_scan_is_corrupt)
{
    struct picture p = picture_new(32, 32, 3, 8, 7);
    struct lossless_jpeg how = {.predictor = 1, .by_component = true};
    struct codestream c = encode_lossless_jpeg(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_JPEG);
    size_t last = c.size - 2;

    while (!(c.data[last] == 0xff && c.data[last + 1] == 0xda))
        last--;
    c.size = last;
    codestream_put(&c, "\xff\xd9", 2);
    ck_assert_int_eq(check_decode_kind(&d, c.data, c.size, NULL),
                     ERROR_CORRUPT);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

/* A grey stream whose frame header promises two components more: the library
 * would make them grey without a word. */
START_TEST(component_without_a_scan_is_corrupt)
{
    static const uint8_t frame[] = {0xff, 0xc0, 0, 17, 8,    0, 32, 0,    32, 3,
                                    1,    0x11, 0, 2,  0x11, 0, 3,  0x11, 0};
    struct picture p = picture_new(32, 32, 1, 8, 7);
    struct picture rgb = {32, 32, 3, 8, NULL};
    struct dct how = {DCT_BASELINE, 90, false, false};
    struct codestream c = encode_dct(&p, &how), grown = {NULL, 0};
    struct decode_desc d = check_desc(&rgb, DECODE_JPEG);
    size_t at = 2;

    while (c.data[at + 1] != 0xc0)
        at += 2 + ((size_t)c.data[at + 2] << 8 | c.data[at + 3]);
    codestream_put(&grown, c.data, at);
    codestream_put(&grown, frame, sizeof frame);
    codestream_put(&grown, c.data + at + 13, c.size - at - 13);
    ck_assert_int_eq(check_decode_kind(&d, grown.data, grown.size, NULL),
                     ERROR_CORRUPT);
    codestream_free(&grown);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(damaged_streams_do_no_harm)
{
    struct picture p = picture_new(48, 40, 3, 8, 7);
    struct picture q = picture_new(48, 40, 1, 12, 7);
    struct picture r = picture_new(48, 40, 1, 16, 7);
    struct decode_desc dp = check_desc(&p, DECODE_JPEG);
    struct decode_desc dq = check_desc(&q, DECODE_JPEG);
    struct decode_desc dr = check_desc(&r, DECODE_JPEG);
    struct dct baseline = {DCT_BASELINE, 90, false, true};
    struct dct progressive = {DCT_PROGRESSIVE, 90, false, false};
    struct dct extended = {DCT_EXTENDED_12, 90, false, false};
    struct lossless_jpeg lossless = {.predictor = 4, .restart_rows = 8};
    struct codestream c;

    c = encode_dct(&p, &baseline);
    check_bit_flips(&dp, &c, 1000);
    codestream_free(&c);
    c = encode_dct(&p, &progressive);
    check_bit_flips(&dp, &c, 1000);
    codestream_free(&c);
    c = encode_dct(&q, &extended);
    check_bit_flips(&dq, &c, 1000);
    codestream_free(&c);
    c = encode_lossless_jpeg(&q, &lossless);
    check_bit_flips(&dq, &c, 1000);
    codestream_free(&c);
    c = encode_lossless_jpeg(&r, &lossless);
    check_bit_flips(&dr, &c, 1000);
    codestream_free(&c);
    picture_free(&p);
    picture_free(&q);
    picture_free(&r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("decode_jpeg");
    TCase *t = tcase_create("jpeg");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_lossless_precision_is_exact);
    tcase_add_test(t, every_lossless_predictor_is_exact);
    tcase_add_test(t, lossless_restart_intervals_are_exact);
    tcase_add_test(t, lossless_differences_wrap);
    tcase_add_test(t, lossless_scan_for_each_component_is_exact);
    tcase_add_test(t, grey_dct_is_close);
    tcase_add_test(t, colour_marks_come_before_the_tag);
    tcase_add_test(t, subsampled_colour_is_close);
    tcase_add_test(t, without_marks_the_tag_decides);
    tcase_add_test(t, component_ids_rgb_mean_rgb);
    tcase_add_test(t, lossless_colour_follows_the_tag);
    tcase_add_test(t, eight_bits_in_words_of_sixteen_keep_their_value);
    tcase_add_test(t, missing_eoi_behind_complete_data_is_accepted);
    tcase_add_test(t, surplus_bytes_before_eoi_are_ignored);
    tcase_add_test(t, sequential_scan_without_spectral_selection_decodes);
    tcase_add_test(t, contradictions_with_the_tags_are_corrupt);
    tcase_add_test(t, other_processes_are_unsupported);
    tcase_add_test(t, truncated_lossless_streams_are_corrupt);
    tcase_add_test(t, truncated_dct_streams_are_corrupt);
    tcase_add_test(t, truncation_before_an_eoi_is_corrupt);
    tcase_add_test(t, missing_component_scan_is_corrupt);
    tcase_add_test(t, component_without_a_scan_is_corrupt);
    tcase_add_test(t, damaged_streams_do_no_harm);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
