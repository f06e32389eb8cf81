// SPDX-License-Identifier: MIT
/*
 * fs/tiff: sizes, header bytes, tags and packed strips. The reader is libtiff
 * (support/tiff_file.c), the expected numbers are written out here.
 */
#undef NDEBUG
#include <assert.h>
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"
#include "support/tiff_file.h"
#include "tiff/tiff.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct tiff_spec plain(uint32_t pages, uint32_t width, uint32_t height)
{
    return (struct tiff_spec){.pages = pages,
                              .width = width,
                              .height = height,
                              .channels = 1,
                              .type = SAMPLE_U8,
                              .software = "prepfs 1"};
}

static struct tiff_spec with_everything(void)
{
    struct tiff_spec spec = plain(3, 21, 13);

    spec.px_per_cm_x = 15.117888;
    spec.px_per_cm_y = 7.25;
    spec.has_scale = true;
    spec.scale[0] = 0.5F;
    spec.scale[1] = 0.499F;
    spec.has_crop = true;
    spec.crop = (struct image_box){10, 20, 31, 41};
    spec.has_pad = true;
    memcpy(spec.pad, (uint32_t[4]){1, 2, 3, 4}, sizeof spec.pad);
    spec.has_turned = true;
    spec.turned_width = 2457;
    spec.turned_height = 1996;
    return spec;
}

static struct tiff_layout laid_out(const struct tiff_spec *spec)
{
    struct tiff_layout layout;
    struct error err = ERROR_INIT;

    ck_assert_msg(tiff_layout_init(spec, NULL, &layout, &err) == 0, "%s",
                  err.msg);
    return layout;
}

static void expect_readable(const struct tiff_spec *spec,
                            enum tiff_pattern pattern)
{
    struct tiff_file file;
    struct error err = ERROR_INIT;

    ck_assert_msg(tiff_file_init(spec, pattern, 7, &file, &err) == 0, "%s",
                  err.msg);
    ck_assert_msg(tiff_file_check(&file, &err) == 0,
                  "type %d, %u channels, pack %d, big %d: %s", (int)spec->type,
                  spec->channels, (int)spec->pack, spec->big, err.msg);
    tiff_file_deinit(&file);
}

/* ---- sizes -------------------------------------------------------------- */

/*
 * Classic: 8 + pages * round8(2 + 12 tags + 4, to a slot of 4, + values).
 * 18 tags, two RATIONALs (8 each) and 9 bytes of Software (12): 224 + 28 = 252
 * -> 256. RGB adds 8 for BitsPerSample and 8 for SampleFormat: 268 -> 272.
 * BigTIFF: 8 + 18 * 20 + 8 = 376, Software 16: 392. RATIONALs and three SHORTs
 * are inline.
 */
static const struct {
    uint32_t pages, width, height, channels;
    enum sample_type type;
    bool big;
    uint64_t header_end, data_offset, size;
} sizes[] = {
    {1, 10, 10, 1, SAMPLE_U8, false, 264, 4096, 4196},
    {1, 10, 10, 3, SAMPLE_U8, false, 280, 4096, 4396},
    {1, 10, 10, 1, SAMPLE_F64, false, 264, 4096, 4896},
    {14, 512, 512, 1, SAMPLE_U16, false, 3592, 4096, 7344128},
    {15, 512, 512, 1, SAMPLE_U16, false, 3848, 4096, 7868416},
    {16, 512, 512, 1, SAMPLE_U16, false, 4104, 8192, 8396800},
    {1, 10, 10, 1, SAMPLE_U8, true, 408, 4096, 4196},
    {2, 10, 10, 3, SAMPLE_U16, true, 800, 4096, 5296},
};

START_TEST(size_is_known_before_pixels)
{
    struct tiff_spec spec =
        plain(sizes[_i].pages, sizes[_i].width, sizes[_i].height);
    struct tiff_layout layout;

    spec.channels = sizes[_i].channels;
    spec.type = sizes[_i].type;
    spec.big = sizes[_i].big;
    layout = laid_out(&spec);
    ck_assert_uint_eq(layout.header_end, sizes[_i].header_end);
    ck_assert_uint_eq(layout.data_offset, sizes[_i].data_offset);
    ck_assert_uint_eq(layout.size, sizes[_i].size);
}
END_TEST

START_TEST(bigtiff_begins_where_classic_offsets_end)
{
    struct tiff_spec spec = plain(1, UINT32_MAX - 4096, 1);
    struct tiff_layout layout = laid_out(&spec);

    ck_assert_uint_eq(layout.size, UINT32_MAX);
    ck_assert(!layout.big);
    spec.width++;
    layout = laid_out(&spec);
    ck_assert_uint_eq(layout.size, UINT64_C(1) << 32);
    ck_assert(layout.big);
}
END_TEST

START_TEST(tomosynthesis_of_437_frames_is_bigtiff)
{
    struct tiff_spec spec = plain(436, 2457, 1996);

    spec.type = SAMPLE_U16;
    ck_assert(!laid_out(&spec).big);
    spec.pages = 438;
    ck_assert(laid_out(&spec).big);
}
END_TEST

START_TEST(strips_hold_at_most_64_mib)
{
    static const struct {
        uint32_t width, height;
        uint32_t rows, per_page, last;
    } table[] = {
        {1024, 1024, 1024, 1, 1024},    /* 1 MiB */
        {8192, 8192, 8192, 1, 8192},    /* exactly 64 MiB */
        {8192, 8193, 8192, 2, 1},       /* a row more */
        {40000, 40000, 1677, 24, 1429}, /* 1.6 GB */
        {100000000, 3, 1, 3, 1},        /* rows longer than the limit */
    };

    for (size_t i = 0; i < COUNT(table); i++) {
        struct tiff_spec spec = plain(1, table[i].width, table[i].height);
        struct tiff_layout layout = laid_out(&spec);
        const struct tiff_strips *s = &layout.strips;

        ck_assert_uint_eq(s->rows_per_strip, table[i].rows);
        ck_assert_uint_eq(s->per_page, table[i].per_page);
        ck_assert_uint_eq(tiff_strip_rows(s, spec.height, s->per_page - 1),
                          table[i].last);
    }
}
END_TEST

START_TEST(packed_strips_hold_about_256_kib)
{
    struct tiff_spec spec = plain(1, 512, 1000);
    struct tiff_strips strips;
    struct error err;

    spec.type = SAMPLE_U16;
    spec.pack = TIFF_PACK_DEFLATE;
    ck_assert_int_eq(tiff_strips_init(&spec, &strips, &err), 0);
    ck_assert_uint_eq(strips.rows_per_strip, 256);
    ck_assert_uint_eq(strips.per_page, 4);
    ck_assert_uint_eq(tiff_strip_rows(&strips, 1000, 3), 232);
}
END_TEST

START_TEST(strips_are_found_by_offset)
{
    static const uint64_t packed[] = {10, 1, 300, 7, 7, 7, 100000, 2};
    struct tiff_spec spec = plain(2, 512, 1000);
    struct tiff_layout layout;
    struct error err;

    spec.type = SAMPLE_U16;
    spec.pack = TIFF_PACK_LZW;
    ck_assert_int_eq(tiff_layout_init(&spec, packed, &layout, &err), 0);
    ck_assert_uint_eq(layout.size, 4096 + 100334);
    for (uint64_t i = 0; i < COUNT(packed); i++) {
        uint64_t at = tiff_layout_strip_offset(&layout, i);

        ck_assert_uint_eq(tiff_layout_strip_bytes(&layout, i), packed[i]);
        ck_assert_uint_eq(tiff_layout_strip_at(&layout, at), i);
        ck_assert_uint_eq(tiff_layout_strip_at(&layout, at + packed[i] - 1), i);
    }
    tiff_layout_deinit(&layout);

    spec = plain(3, 40000, 40000);
    layout = laid_out(&spec);
    for (uint64_t i = 0; i < layout.strips.count; i++) {
        uint64_t at = tiff_layout_strip_offset(&layout, i);

        ck_assert_uint_eq(tiff_layout_strip_at(&layout, at), i);
        at += tiff_layout_strip_bytes(&layout, i);
        ck_assert_uint_eq(tiff_layout_strip_at(&layout, at - 1), i);
        if (i + 1 < layout.strips.count)
            ck_assert_uint_eq(tiff_layout_strip_offset(&layout, i + 1), at);
        else
            ck_assert_uint_eq(layout.size, at);
    }
}
END_TEST

START_TEST(impossible_files_are_refused)
{
    static const struct {
        uint32_t pages, width, height, channels;
        enum sample_type type;
        enum error_kind kind;
    } table[] = {
        {0, 1, 1, 1, SAMPLE_U8, ERROR_INTERNAL},
        {1, 0, 1, 1, SAMPLE_U8, ERROR_INTERNAL},
        {1, 1, 0, 1, SAMPLE_U8, ERROR_INTERNAL},
        {1, 1, 1, 2, SAMPLE_U8, ERROR_INTERNAL},
        {1, 1, 1, 4, SAMPLE_U8, ERROR_INTERNAL},
        {1, 1, 1, 1, SAMPLE_F16, ERROR_UNSUPPORTED},
        {1, UINT32_MAX, UINT32_MAX, 1, SAMPLE_F64, ERROR_TOO_BIG},
        {UINT32_MAX, UINT32_MAX, 1, 1, SAMPLE_U8, ERROR_TOO_BIG},
        {UINT32_MAX, 65536, 65536, 3, SAMPLE_F32, ERROR_TOO_BIG},
    };

    for (size_t i = 0; i < COUNT(table); i++) {
        struct tiff_spec spec =
            plain(table[i].pages, table[i].width, table[i].height);
        struct tiff_layout layout;
        struct error err = ERROR_INIT;

        spec.channels = table[i].channels;
        spec.type = table[i].type;
        ck_assert_int_eq(tiff_layout_init(&spec, NULL, &layout, &err), -1);
        ck_assert_int_eq((int)err.kind, (int)table[i].kind);
        ck_assert_uint_ne(strlen(err.msg), 0);
    }
}
END_TEST

/* ---- header bytes ------------------------------------------------------- */

START_TEST(header_bytes_are_tiff)
{
    static const uint8_t classic[] = {
        'I', 'I', 42, 0, 8, 0, 0, 0,              /* header */
        18,  0,                                   /* entries */
        254, 0,   4,  0, 1, 0, 0, 0, 0,  0, 0, 0, /* NewSubfileType */
        0,   1,   4,  0, 1, 0, 0, 0, 10, 0, 0, 0, /* ImageWidth */
        1,   1,   4,  0, 1, 0, 0, 0, 20, 0, 0, 0, /* ImageLength */
        2,   1,   3,  0, 1, 0, 0, 0, 8,  0, 0, 0, /* BitsPerSample */
    };
    static const uint8_t big[] = {
        'I', 'I', 43, 0, 8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0,
        0,   0,   0,  0, /* entries */
        254, 0,   4,  0, 1, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0,
    };
    struct tiff_spec spec = plain(1, 10, 20);
    struct tiff_layout layout = laid_out(&spec);
    uint8_t bytes[64];

    tiff_layout_header_read(&layout, 0, sizeof bytes, bytes);
    ck_assert_mem_eq(bytes, classic, sizeof classic);
    spec.big = true;
    layout = laid_out(&spec);
    tiff_layout_header_read(&layout, 0, sizeof bytes, bytes);
    ck_assert_mem_eq(bytes, big, sizeof big);
}
END_TEST

/* Tags of the first IFD, ascending, with the types that readers of
 * dicom-preprocess expect; libtiff converts and would not tell. */
START_TEST(tags_ascend_and_have_their_types)
{
    static const struct {
        uint16_t tag, type, count;
    } want[] = {
        {254, 4, 1},   {256, 4, 1},   {257, 4, 1},    {258, 3, 3},
        {259, 3, 1},   {262, 3, 1},   {273, 4, 1},    {274, 3, 1},
        {277, 3, 1},   {278, 4, 1},   {279, 4, 1},    {282, 5, 1},
        {283, 5, 1},   {284, 3, 1},   {296, 3, 1},    {297, 3, 2},
        {305, 2, 9},   {339, 3, 3},   {50718, 11, 2}, {50719, 4, 2},
        {50720, 4, 2}, {50829, 4, 4}, {65000, 4, 4},
    };
    struct tiff_spec spec = with_everything();
    struct tiff_layout layout;
    uint8_t bytes[2 + 12 * COUNT(want)];

    spec.channels = 3;
    layout = laid_out(&spec);
    tiff_layout_header_read(&layout, 8 + layout.ifd_bytes, sizeof bytes, bytes);
    ck_assert_uint_eq(bytes[0], COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        const uint8_t *e = bytes + 2 + 12 * i;

        ck_assert_uint_eq(e[0] | e[1] << 8, want[i].tag);
        ck_assert_uint_eq(e[2] | e[3] << 8, want[i].type);
        ck_assert_uint_eq(e[4] | e[5] << 8, want[i].count);
    }
}
END_TEST

START_TEST(header_is_the_same_in_any_pieces)
{
    static const size_t pieces[] = {1, 2, 3, 7, 64, 255, 257, 4096, 65536};
    struct tiff_spec spec = with_everything();
    struct tiff_layout layout;
    CLEANUP_FREE uint8_t *whole = NULL;
    CLEANUP_FREE uint8_t *part = malloc(65536);

    spec.pages = 50;
    spec.channels = _i & 1 ? 3 : 1;
    spec.big = _i & 2;
    layout = laid_out(&spec);
    whole = malloc(layout.data_offset);
    tiff_layout_header_read(&layout, 0, layout.data_offset, whole);
    for (uint64_t i = layout.header_end; i < layout.data_offset; i++)
        ck_assert_uint_eq(whole[i], 0);
    for (size_t p = 0; p < COUNT(pieces); p++) {
        for (uint64_t at = 0; at < layout.data_offset; at += pieces[p]) {
            size_t n = pieces[p];

            if (n > layout.data_offset - at)
                n = layout.data_offset - at;
            memset(part, 0xee, n);
            tiff_layout_header_read(&layout, at, n, part);
            ck_assert_mem_eq(part, whole + at, n);
        }
    }
}
END_TEST

START_TEST(long_strip_tables_are_read_in_pieces)
{
    struct tiff_spec spec = plain(2, 100000000, 3000);
    struct tiff_layout layout = laid_out(&spec);
    CLEANUP_FREE uint8_t *whole = malloc(layout.data_offset);

    ck_assert(layout.big);
    ck_assert_uint_eq(layout.strips.per_page, 3000);
    tiff_layout_header_read(&layout, 0, layout.data_offset, whole);
    for (uint64_t at = 0; at < layout.data_offset; at += 999) {
        uint8_t part[999];
        size_t n =
            layout.data_offset - at < 999 ? layout.data_offset - at : 999;

        tiff_layout_header_read(&layout, at, n, part);
        ck_assert_mem_eq(part, whole + at, n);
    }
}
END_TEST

/* ---- libtiff reads them ------------------------------------------------- */

START_TEST(libtiff_reads_every_type)
{
    static const enum tiff_pack packs[] = {TIFF_PACK_NONE, TIFF_PACK_PACKBITS,
                                           TIFF_PACK_LZW, TIFF_PACK_DEFLATE,
                                           TIFF_PACK_ZSTD};
    enum sample_type type = (enum sample_type)_i;

    for (size_t i = 0; i < COUNT(packs); i++) {
        if (!tiff_pack_is_available(packs[i]))
            continue;
        for (unsigned bits = 0; bits < 8; bits++) {
            struct tiff_spec spec =
                bits & 1 ? with_everything() : plain(1, 33, 17);

            spec.channels = bits & 2 ? 3 : 1;
            spec.big = bits & 4;
            spec.type = type;
            spec.pack = packs[i];
            expect_readable(&spec, (enum tiff_pattern)(bits % PATTERN_COUNT));
        }
    }
}
END_TEST

START_TEST(pages_of_several_packed_strips_are_read)
{
    for (int pack = TIFF_PACK_PACKBITS; pack <= TIFF_PACK_ZSTD; pack++) {
        struct tiff_spec spec = plain(3, 700, 501);

        if (!tiff_pack_is_available((enum tiff_pack)pack))
            continue;
        spec.type = SAMPLE_U16;
        spec.pack = (enum tiff_pack)pack;
        expect_readable(&spec, PATTERN_NOISE);
        expect_readable(&spec, PATTERN_RUNS);
    }
}
END_TEST

START_TEST(one_pixel_is_a_file)
{
    struct tiff_spec spec = plain(1, 1, 1);

    expect_readable(&spec, PATTERN_NOISE);
    spec.software = NULL;
    expect_readable(&spec, PATTERN_NOISE);
    spec.pack = TIFF_PACK_LZW;
    expect_readable(&spec, PATTERN_NOISE);
}
END_TEST

START_TEST(page_number_ends_at_65535_pages)
{
    struct tiff_spec spec = plain(65535, 1, 1);
    uint32_t tags = laid_out(&spec).tag_count;

    expect_readable(&spec, PATTERN_GRADIENT);
    spec.pages++;
    ck_assert_uint_eq(laid_out(&spec).tag_count, tags - 1);
    expect_readable(&spec, PATTERN_GRADIENT);
}
END_TEST

/* A whole slide: its header is 30 MB, of which 128 KiB are asked for. */
START_TEST(page_of_126000_is_found)
{
    static const uint32_t pages[] = {0, 1, 65535, 65536, 125999};
    struct tiff_spec spec = plain(126000, 256, 256);
    struct tiff_file file;
    struct error err;
    uint8_t block[131072];
    uint64_t end;

    spec.channels = 3;
    ck_assert_int_eq(tiff_file_init(&spec, PATTERN_NOISE, 1, &file, &err), 0);
    ck_assert(file.layout.big);
    for (size_t i = 0; i < COUNT(pages); i++)
        ck_assert_msg(tiff_file_check_page(&file, pages[i], true, &err) == 0,
                      "%s", err.msg);
    end = file.layout.data_offset - sizeof block;
    for (int i = 0; i < 200; i++) /* 200 whole headers would take a minute */
        tiff_layout_header_read(&file.layout, end, sizeof block, block);
    tiff_file_deinit(&file);
}
END_TEST

START_TEST(pages_beyond_4_gib_are_read)
{
    static const uint32_t pages[] = {0, 400, 437};
    struct tiff_spec spec = plain(438, 2457, 1996);
    struct tiff_file file;
    struct error err;

    spec.type = SAMPLE_U16;
    ck_assert_int_eq(tiff_file_init(&spec, PATTERN_NOISE, 3, &file, &err), 0);
    for (size_t i = 0; i < COUNT(pages); i++)
        ck_assert_msg(tiff_file_check_page(&file, pages[i], i == 2, &err) == 0,
                      "%s", err.msg);
    tiff_file_deinit(&file);
}
END_TEST

/* ---- resolution --------------------------------------------------------- */

/* Fractions found with Python's fractions (limit_denominator of the value or,
 * above 1, of its inverse). */
static const struct {
    double px_per_cm;
    uint32_t num, den;
} resolutions[] = {
    {1, 1, 1},
    {0.5, 1, 2},
    {15, 15, 1},
    {1e9, 1000000000, 1},
    {1e-9, 1, 1000000000},
    {5e9, UINT32_MAX, 1},
    {1e-12, 1, UINT32_MAX},
    {2.2e-308, 1, UINT32_MAX},
    {1.7e308, UINT32_MAX, 1},
    {15.117888, 236217U, 15625U},
    {10 / 0.661468, 2500000U, 165367U},
    {10 / 0.7, 100U, 7U},
    {10 / 0.07, 1000U, 7U},
    {10 / 0.085, 2000U, 17U},
    {10 / 3.0, 10U, 3U},
    {10 / 0.1953125, 256U, 5U},
    {10 / 0.976562, 5000000U, 488281U},
    {100 * 3.141592653589793, 3773327038U, 12010873U},
    {0.1, 1U, 10U},
    {0.3, 3U, 10U},
    {2.718281828459045, 1032595833U, 379870778U},
    {14285.714285714286, 100000U, 7U},
    {4294967294.5, 4294967294U, 1U},
    {0.00001234567, 49129U, 3979451905U},
    {65535.99999, 4294967295U, 65536U},
    {1.0000000001, 1U, 1U},
    {0.9999999999, 1U, 1U},
};

START_TEST(resolution_is_the_nearest_fraction)
{
    struct tiff_spec spec = plain(1, 1, 1);
    struct tiff_layout layout;

    spec.px_per_cm_x = resolutions[_i].px_per_cm;
    spec.px_per_cm_y = 1;
    layout = laid_out(&spec);
    ck_assert_uint_eq(layout.resolution[0][0], resolutions[_i].num);
    ck_assert_uint_eq(layout.resolution[0][1], resolutions[_i].den);
    ck_assert_uint_eq(layout.resolution[1][0], 1);
}
END_TEST

START_TEST(unknown_resolution_is_one_without_unit)
{
    const double unknown[] = {0, -1, (double)NAN, (double)INFINITY,
                              -(double)INFINITY};

    for (size_t i = 0; i < COUNT(unknown); i++) {
        struct tiff_spec spec = plain(1, 2, 2);

        spec.px_per_cm_x = unknown[i];
        spec.px_per_cm_y = 5;
        expect_readable(&spec, PATTERN_NOISE);
        spec.px_per_cm_x = 5;
        spec.px_per_cm_y = unknown[i];
        expect_readable(&spec, PATTERN_NOISE);
    }
}
END_TEST

/* ---- packing ------------------------------------------------------------ */

static void fill(uint8_t *data, size_t size, enum tiff_pattern pattern,
                 uint64_t seed)
{
    const struct tiff_file file = {.pattern = pattern, .seed = seed};

    for (size_t i = 0; i < size; i++)
        data[i] = tiff_file_sample_byte(&file, 0, i);
}

START_TEST(no_strip_exceeds_its_bound)
{
    static const struct {
        uint32_t width, rows;
    } shapes[] = {{1, 1},    {2, 3},    {127, 5},   {128, 5},   {129, 5},
                  {255, 64}, {1, 5000}, {9999, 21}, {65536, 4}, {262144, 1}};
    enum tiff_pack pack = (enum tiff_pack)_i;

    if (!tiff_pack_is_available(pack))
        return;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        uint32_t width = shapes[i].width;
        uint32_t rows = shapes[i].rows;
        CLEANUP_FREE uint8_t *data = malloc((size_t)width * rows);
        struct image image = {width, rows, 1, SAMPLE_U8, width, data};

        for (int p = 0; p < PATTERN_COUNT; p++) {
            CLEANUP(tiff_buffer_deinit) struct tiff_buffer out = {0};
            struct error err;

            fill(data, (size_t)width * rows, (enum tiff_pattern)p, 5);
            ck_assert_int_eq(tiff_pack_strip(pack, &image, 0, rows, &out, &err),
                             0);
            ck_assert_uint_gt(out.length, 0);
            ck_assert_uint_le(out.length, tiff_pack_bound(pack, width, rows));
        }
    }
}
END_TEST

START_TEST(bound_overflow_is_0)
{
    for (int pack = TIFF_PACK_NONE; pack <= TIFF_PACK_ZSTD; pack++)
        ck_assert_uint_eq(
            tiff_pack_bound((enum tiff_pack)pack, UINT64_MAX / 2, 3), 0);
}
END_TEST

/* PackBits as TIFF 6.0 section 9 has it: 257 - n and a byte for a run, n - 1
 * and n bytes for a literal; rows are packed on their own. */
START_TEST(packbits_rows_are_packed_apart)
{
    uint8_t rows[2][6] = {{7, 7, 7, 7, 7, 7}, {7, 7, 7, 1, 2, 3}};
    static const uint8_t want[] = {251, 7, 254, 7, 2, 1, 2, 3};
    struct image image = {6, 2, 1, SAMPLE_U8, 6, rows[0]};
    CLEANUP(tiff_buffer_deinit) struct tiff_buffer out = {0};
    struct error err;

    ck_assert_int_eq(
        tiff_pack_strip(TIFF_PACK_PACKBITS, &image, 0, 2, &out, &err), 0);
    ck_assert_uint_eq(out.length, sizeof want);
    ck_assert_mem_eq(out.data, want, sizeof want);
}
END_TEST

START_TEST(unpacked_strip_is_the_samples_of_its_rows)
{
    uint8_t rows[3][8] = {{1, 2, 3, 4, 99, 99, 99, 99},
                          {5, 6, 7, 8, 99, 99, 99, 99},
                          {9, 10, 11, 12, 99, 99, 99, 99}};
    static const uint8_t want[] = {5, 6, 7, 8, 9, 10, 11, 12};
    struct image image = {4, 3, 1, SAMPLE_U8, 8, rows[0]};
    CLEANUP(tiff_buffer_deinit) struct tiff_buffer out = {0};
    struct error err;

    ck_assert_int_eq(tiff_pack_strip(TIFF_PACK_NONE, &image, 1, 2, &out, &err),
                     0);
    ck_assert_uint_eq(out.length, sizeof want);
    ck_assert_mem_eq(out.data, want, sizeof want);
}
END_TEST

static void pack_all(struct tiff_buffer *out)
{
    CLEANUP_FREE uint8_t *data = malloc(300 * 200 * 2);
    struct image image = {300, 200, 1, SAMPLE_U16, 600, data};
    struct error err;

    fill(data, 300 * 200 * 2, PATTERN_RUNS, 11);
    for (int pack = TIFF_PACK_PACKBITS; pack <= TIFF_PACK_ZSTD; pack++) {
        if (tiff_pack_is_available((enum tiff_pack)pack))
            assert(tiff_pack_strip((enum tiff_pack)pack, &image, 0, 200, out,
                                   &err) == 0);
    }
}

static void *pack_all_often(void *opaque)
{
    struct tiff_buffer *out = opaque;

    for (int i = 0; i < 10; i++) {
        out->length = 0;
        pack_all(out);
    }
    return NULL;
}

START_TEST(threads_pack_the_same_bytes)
{
    CLEANUP(tiff_buffer_deinit) struct tiff_buffer alone = {0};
    struct tiff_buffer out[4] = {{0}};
    pthread_t thread[4];

    pack_all(&alone);
    for (size_t i = 0; i < COUNT(thread); i++)
        ck_assert_int_eq(
            pthread_create(&thread[i], NULL, pack_all_often, &out[i]), 0);
    for (size_t i = 0; i < COUNT(thread); i++) {
        ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
        ck_assert_uint_eq(out[i].length, alone.length);
        ck_assert_mem_eq(out[i].data, alone.data, alone.length);
        tiff_buffer_deinit(&out[i]);
    }
}
END_TEST

START_TEST(engine_names_libtiff)
{
    char name[64];
    char cut[4];
    unsigned major = 0;

    tiff_engine(name, sizeof name);
    ck_assert_int_eq(sscanf(name, "libtiff-%u.", &major), 1);
    ck_assert_uint_ge(major, 4);
    ck_assert(!strpbrk(name, " \n"));
    ck_assert_ptr_nonnull(strstr(name, "+zstd-"));
    ck_assert_int_eq(strstr(name, "+zstd-none") == NULL,
                     tiff_pack_is_available(TIFF_PACK_ZSTD));
    tiff_engine(cut, sizeof cut);
    ck_assert_str_eq(cut, "lib");
}
END_TEST

/* ---- out of memory ------------------------------------------------------ */

static int allocations_left = -1; /* -1: no limit */

void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool allocation_fails(void)
{
    if (allocations_left < 0)
        return false;
    if (allocations_left == 0)
        return true;
    allocations_left--;
    return false;
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return allocation_fails() ? NULL : __real_realloc(p, size);
}

START_TEST(every_failed_allocation_is_reported)
{
    uint8_t data[64 * 16];
    struct image image = {60, 16, 1, SAMPLE_U8, 64, data};
    int failures = 0;
    int rc;

    fill(data, sizeof data, PATTERN_NOISE, 1);
    do {
        struct tiff_buffer out = {0};
        struct error err = ERROR_INIT;

        allocations_left = failures;
        rc = tiff_pack_strip(TIFF_PACK_LZW, &image, 0, 16, &out, &err);
        allocations_left = -1;
        if (rc < 0) {
            ck_assert_int_eq((int)err.kind, ERROR_NO_MEMORY);
            ck_assert_uint_eq(out.length, 0);
            failures++;
        }
        tiff_buffer_deinit(&out);
    } while (rc < 0);
    ck_assert_int_ge(failures, 2); /* the copy of the rows, the buffer */
}
END_TEST

START_TEST(layout_without_memory_is_an_error)
{
    static const uint64_t packed[] = {10};
    struct tiff_spec spec = plain(1, 8, 8);
    struct tiff_layout layout;
    struct error err = ERROR_INIT;
    int rc;

    spec.pack = TIFF_PACK_LZW;
    allocations_left = 0;
    rc = tiff_layout_init(&spec, packed, &layout, &err);
    allocations_left = -1;
    ck_assert_int_eq(rc, -1);
    ck_assert_int_eq((int)err.kind, ERROR_NO_MEMORY);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("tiff");
    TCase *layout = tcase_create("layout");
    TCase *readers = tcase_create("readers");
    TCase *packing = tcase_create("packing");

    tcase_add_loop_test(layout, size_is_known_before_pixels, 0,
                        (int)COUNT(sizes));
    tcase_add_test(layout, bigtiff_begins_where_classic_offsets_end);
    tcase_add_test(layout, tomosynthesis_of_437_frames_is_bigtiff);
    tcase_add_test(layout, strips_hold_at_most_64_mib);
    tcase_add_test(layout, packed_strips_hold_about_256_kib);
    tcase_add_test(layout, strips_are_found_by_offset);
    tcase_add_test(layout, impossible_files_are_refused);
    tcase_add_test(layout, header_bytes_are_tiff);
    tcase_add_test(layout, tags_ascend_and_have_their_types);
    tcase_add_loop_test(layout, header_is_the_same_in_any_pieces, 0, 4);
    tcase_add_test(layout, long_strip_tables_are_read_in_pieces);
    tcase_add_loop_test(layout, resolution_is_the_nearest_fraction, 0,
                        (int)COUNT(resolutions));
    tcase_add_loop_test(readers, libtiff_reads_every_type, SAMPLE_U8,
                        SAMPLE_F16);
    tcase_add_test(readers, pages_of_several_packed_strips_are_read);
    tcase_add_test(readers, one_pixel_is_a_file);
    tcase_add_test(readers, page_number_ends_at_65535_pages);
    tcase_add_test(readers, page_of_126000_is_found);
    tcase_add_test(readers, pages_beyond_4_gib_are_read);
    tcase_add_test(readers, unknown_resolution_is_one_without_unit);
    tcase_set_timeout(readers, 60);
    tcase_add_loop_test(packing, no_strip_exceeds_its_bound, TIFF_PACK_NONE,
                        TIFF_PACK_ZSTD + 1);
    tcase_add_test(packing, bound_overflow_is_0);
    tcase_add_test(packing, packbits_rows_are_packed_apart);
    tcase_add_test(packing, unpacked_strip_is_the_samples_of_its_rows);
    tcase_add_test(packing, threads_pack_the_same_bytes);
    tcase_add_test(packing, engine_names_libtiff);
    tcase_add_test(packing, every_failed_allocation_is_reported);
    tcase_add_test(packing, layout_without_memory_is_an_error);
    tcase_set_timeout(packing, 60);
    suite_add_tcase(s, layout);
    suite_add_tcase(s, readers);
    suite_add_tcase(s, packing);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    int failed;

    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
