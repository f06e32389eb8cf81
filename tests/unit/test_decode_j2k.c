// SPDX-License-Identifier: MIT
/* test_decode_j2k.c: JPEG 2000 frames. */
#undef NDEBUG
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/decode_check.h"

static void round_trip(const struct picture *p, const struct j2k *how,
                       bool is_signed)
{
    struct codestream c = encode_j2k(p, how);
    struct decode_desc d = check_desc(p, DECODE_J2K);
    struct image image;

    d.is_signed = is_signed;
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_difference(&image, p, is_signed), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
}

/* The sign is the tag's, whatever the codestream says. */
START_TEST(every_precision_and_sign_is_exact)
{
    for (unsigned bits = 2; bits <= 16; bits++)
        for (int coded = 0; coded <= 1; coded++)
            for (int tagged = 0; tagged <= 1; tagged++) {
                struct picture p = picture_new(67, 45, 1, bits, bits);
                struct j2k how = {.is_signed = coded};

                round_trip(&p, &how, tagged);
                picture_free(&p);
            }
}
END_TEST

/* A 16-bit codestream under BitsStored 12: its own width wins. */
START_TEST(precision_of_the_codestream_wins)
{
    struct picture p = picture_new(40, 40, 1, 16, 2);
    struct j2k how = {.is_signed = true};
    struct codestream c = encode_j2k(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_J2K);
    struct image image;

    d.bits_stored = 12;
    d.high_bit = 11;
    d.is_signed = true;
    image = check_decode(&d, &c);
    ck_assert_int_eq(image.type, SAMPLE_I16);
    ck_assert_int_eq(check_difference(&image, &p, true), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(wide_precision_is_exact)
{
    struct picture p = picture_new(40, 40, 1, 24, 2);
    struct j2k how = {.is_signed = false};

    round_trip(&p, &how, false);
    round_trip(&p, &how, true);
    picture_free(&p);
}
END_TEST

START_TEST(tiles_and_offsets_are_exact)
{
    static const struct j2k cases[] = {
        {.tile = 16}, {.tile = 24}, {.origin = 5}, {.tile = 20, .origin = 7}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture p = picture_new(70, 61, 1, 12, 2);

        round_trip(&p, &cases[i], false);
        picture_free(&p);
    }
}
END_TEST

START_TEST(component_transform_gives_rgb_whatever_the_tag_says)
{
    static const enum decode_photometric tags[] = {
        DECODE_RGB, DECODE_YBR_FULL, DECODE_YBR_ICT, DECODE_YBR_RCT};
    struct picture p = picture_new(50, 40, 3, 8, 2);

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct j2k how = {.transform = true};
        struct codestream c = encode_j2k(&p, &how);
        struct decode_desc d = check_desc(&p, DECODE_J2K);
        struct image image;

        d.photometric = tags[i];
        image = check_decode(&d, &c);
        ck_assert_int_eq(check_difference(&image, &p, false), 0);
        check_image_free(&image, 0xa5);
        codestream_free(&c);
    }
    picture_free(&p);
}
END_TEST

START_TEST(without_a_component_transform_the_tag_decides)
{
    struct picture p = picture_new(8, 8, 3, 8, 2);
    struct j2k how = {.transform = false};
    struct decode_desc d = check_desc(&p, DECODE_J2K);
    struct codestream c;
    struct image image;

    for (size_t i = 0; i < picture_count(&p); i++)
        p.samples[i] = i % 3 == 0 ? 76 : i % 3 == 1 ? 85 : 255;
    round_trip(&p, &how, false); /* RGB: as it is */
    c = encode_j2k(&p, &how);
    d.photometric = DECODE_YBR_FULL;
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_sample(&image, 3, 3, 0), 254);
    ck_assert_int_eq(check_sample(&image, 3, 3, 1), 0);
    ck_assert_int_eq(check_sample(&image, 3, 3, 2), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(irreversible_colour_is_close)
{
    struct picture p = picture_new(64, 64, 3, 8, 2);
    struct j2k how = {.irreversible = true, .transform = true};
    struct codestream c;
    struct decode_desc d = check_desc(&p, DECODE_J2K);
    struct image image;

    for (uint32_t i = 0; i < picture_count(&p); i++)
        p.samples[i] = (i / 3 % 64 + i / 192) * 2 % 256;
    c = encode_j2k(&p, &how);
    d.photometric = DECODE_YBR_ICT;
    image = check_decode(&d, &c);
    ck_assert_int_le(check_difference(&image, &p, false), 12);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(subsampled_components_are_replicated)
{
    for (unsigned step = 2; step <= 3; step++) {
        struct picture p = picture_new(33, 27, 3, 8, 4);
        struct j2k how = {.subsampling = step};
        struct codestream c = encode_j2k(&p, &how);
        struct decode_desc d = check_desc(&p, DECODE_J2K);
        struct image image = check_decode(&d, &c);

        for (uint32_t y = 0; y < p.height; y++)
            for (uint32_t x = 0; x < p.width; x++)
                for (unsigned k = 0; k < 3; k++) {
                    uint32_t sx = k ? x / step * step : x;
                    uint32_t sy = k ? y / step * step : y;

                    ck_assert_int_eq(
                        check_sample(&image, x, y, k),
                        p.samples[((size_t)sy * p.width + sx) * 3 + k]);
                }
        check_image_free(&image, 0xa5);
        codestream_free(&c);
        picture_free(&p);
    }
}
END_TEST

START_TEST(jp2_wrapper_is_taken_off)
{
    struct picture p = picture_new(33, 27, 3, 8, 4);
    struct j2k how = {.jp2 = true, .transform = true};

    round_trip(&p, &how, false);
    picture_free(&p);
}
END_TEST

START_TEST(contradictions_with_the_tags_are_corrupt)
{
    struct picture p = picture_new(30, 20, 1, 12, 1);
    struct j2k how = {0};
    struct codestream c = encode_j2k(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_J2K), e;

    e = d;
    e.rows = 19;
    ck_assert_int_eq(check_decode_kind(&e, c.data, c.size, NULL),
                     ERROR_CORRUPT);
    e = d;
    e.samples = 3;
    e.photometric = DECODE_YBR_RCT;
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

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* 65,025 tiles of one pixel would cost hundreds of megabytes. */
START_TEST(absurdly_many_tiles_are_refused)
{
    struct picture p = picture_new(255, 255, 1, 8, 1);
    struct j2k how = {0};
    struct codestream c = encode_j2k(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_J2K);

    put32(c.data + 24, 1); /* XTsiz, YTsiz */
    put32(c.data + 28, 1);
    ck_assert_int_eq(check_decode_kind(&d, c.data, c.size, NULL),
                     ERROR_UNSUPPORTED);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

/* The codestream with precincts of 2^exponent in its coding style. */
static struct codestream with_precincts(const struct codestream *c,
                                        unsigned exponent)
{
    struct codestream grown = {NULL, 0};
    size_t cod = 2, size;

    while (c->data[cod + 1] != 0x52)
        cod += 2 + ((size_t)c->data[cod + 2] << 8 | c->data[cod + 3]);
    size = (size_t)c->data[cod + 2] << 8 | c->data[cod + 3];
    codestream_put(&grown, c->data, cod + 2);
    codestream_be16(&grown, (unsigned)size + c->data[cod + 9] + 1);
    codestream_byte(&grown, c->data[cod + 4] | 1u);
    codestream_put(&grown, c->data + cod + 5, size - 3);
    for (unsigned level = 0; level <= c->data[cod + 9]; level++)
        codestream_byte(&grown, exponent << 4 | exponent);
    codestream_put(&grown, c->data + cod + 2 + size, c->size - cod - 2 - size);
    return grown;
}

/* One per sample in a header of a few bytes: 400 bytes of memory each. */
START_TEST(absurdly_many_precincts_are_refused)
{
    struct picture p = picture_new(512, 512, 1, 8, 1);
    struct j2k how = {0};
    struct codestream c = encode_j2k(&p, &how);
    struct codestream usual = with_precincts(&c, 15);
    struct codestream absurd = with_precincts(&c, 1);
    struct decode_desc d = check_desc(&p, DECODE_J2K);
    struct image image = check_decode(&d, &usual);

    ck_assert_int_eq(check_difference(&image, &p, false), 0);
    check_image_free(&image, 0xa5);
    ck_assert_int_eq(check_decode_kind(&d, absurd.data, absurd.size, NULL),
                     ERROR_UNSUPPORTED);
    codestream_free(&absurd);
    codestream_free(&usual);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(truncated_streams_are_corrupt)
{
    static const struct j2k cases[] = {{.tile = 0},
                                       {.tile = 16},
                                       {.transform = true, .tile = 32},
                                       {.irreversible = true},
                                       {.jp2 = true}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture p =
            picture_new(64, 64, cases[i].transform ? 3 : 1, 8, 7);
        struct codestream c = encode_j2k(&p, &cases[i]);
        struct decode_desc d = check_desc(&p, DECODE_J2K);

        check_truncations(&d, &c, 2);
        codestream_free(&c);
        picture_free(&p);
    }
}
END_TEST

/* Psot 0 means "to the end": then only the packets tell that bytes miss. */
START_TEST(truncation_of_an_open_tile_part_is_corrupt)
{
    struct picture p = picture_new(64, 64, 1, 12, 7);
    struct j2k how = {0};
    struct codestream c = encode_j2k(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_J2K);
    struct image image;
    size_t sot = 2;

    while (!(c.data[sot] == 0xff && c.data[sot + 1] == 0x90))
        sot++;
    put32(c.data + sot + 6, 0);
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_difference(&image, &p, false), 0);
    check_image_free(&image, 0xa5);
    for (size_t size = sot + 20; size < c.size - 2; size += (c.size - sot) / 16)
        ck_assert_int_eq(check_decode_kind(&d, c.data, size, NULL),
                         ERROR_CORRUPT);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(missing_tile_is_corrupt)
{
    struct picture p = picture_new(64, 64, 1, 8, 7);
    struct j2k how = {.tile = 32};
    struct codestream c = encode_j2k(&p, &how);
    struct decode_desc d = check_desc(&p, DECODE_J2K);
    size_t sot = c.size - 14;

    while (!(c.data[sot] == 0xff && c.data[sot + 1] == 0x90))
        sot--;
    c.size = sot; /* the last tile away, EOC kept */
    codestream_put(&c, "\xff\xd9", 2);
    ck_assert_int_eq(check_decode_kind(&d, c.data, c.size, NULL),
                     ERROR_CORRUPT);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(damaged_streams_do_no_harm)
{
    static const struct j2k cases[] = {{.tile = 0},
                                       {.tile = 16},
                                       {.transform = true},
                                       {.irreversible = true},
                                       {.jp2 = true}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct picture p =
            picture_new(40, 36, cases[i].transform ? 3 : 1, 12, 7);
        struct codestream c = encode_j2k(&p, &cases[i]);
        struct decode_desc d = check_desc(&p, DECODE_J2K);

        check_bit_flips(&d, &c, 500);
        codestream_free(&c);
        picture_free(&p);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("decode_j2k");
    TCase *t = tcase_create("j2k");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_precision_and_sign_is_exact);
    tcase_add_test(t, precision_of_the_codestream_wins);
    tcase_add_test(t, wide_precision_is_exact);
    tcase_add_test(t, tiles_and_offsets_are_exact);
    tcase_add_test(t, component_transform_gives_rgb_whatever_the_tag_says);
    tcase_add_test(t, without_a_component_transform_the_tag_decides);
    tcase_add_test(t, irreversible_colour_is_close);
    tcase_add_test(t, subsampled_components_are_replicated);
    tcase_add_test(t, jp2_wrapper_is_taken_off);
    tcase_add_test(t, contradictions_with_the_tags_are_corrupt);
    tcase_add_test(t, absurdly_many_tiles_are_refused);
    tcase_add_test(t, absurdly_many_precincts_are_refused);
    tcase_add_test(t, truncated_streams_are_corrupt);
    tcase_add_test(t, truncation_of_an_open_tile_part_is_corrupt);
    tcase_add_test(t, missing_tile_is_corrupt);
    tcase_add_test(t, damaged_streams_do_no_harm);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
