// SPDX-License-Identifier: MIT
/*
 * test_render_values.c: the samples of whole leaves, from DICOM file to TIFF,
 * against arithmetic written down here once more, plainly and in f64.
 *
 * A case is a file, a view and a function that says what a sample must be. An
 * integer must be within `slack` of the function's value; where slack is 0 it
 * must be that very number.
 */
#undef NDEBUG
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/engine.h"
#include "support/leaf_file.h"

static struct engine engine;

static void setup(void)
{
    engine_init(&engine);
}

static void teardown(void)
{
    engine_deinit(&engine);
}

/* ---- arithmetic --------------------------------------------------------- */

typedef double (*expect_fn)(const struct image_file *f, uint32_t frame,
                            uint32_t x, uint32_t y, uint32_t c);

static double stored(const struct image_file *f, uint32_t frame, uint32_t x,
                     uint32_t y, uint32_t c)
{
    return image_file_stored(f, frame, x, y, c);
}

static double y_max(const struct image_file *f)
{
    return f->bits_alloc <= 8 ? 255 : 65535;
}

static double rescaled(const struct image_file *f, double v)
{
    double slope = f->slope ? atof(f->slope) : 1;
    double intercept = f->intercept ? atof(f->intercept) : 0;

    return slope * v + intercept;
}

static double modality(const struct image_file *f, uint32_t frame, uint32_t x,
                       uint32_t y, uint32_t c)
{
    return rescaled(f, stored(f, frame, x, y, c));
}

static double hu(const struct image_file *f, uint32_t frame, uint32_t x,
                 uint32_t y, uint32_t c)
{
    return (double)(float)modality(f, frame, x, y, c);
}

static double clamped(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* PS3.3 C.11.2.1.2.1, truncated. */
static double linear(const struct image_file *f, double m, double c, double w)
{
    double top = y_max(f);

    if (m <= c - 0.5 - (w - 1) / 2)
        return 0;
    if (m > c - 0.5 + (w - 1) / 2)
        return top;
    return trunc(((m - (c - 0.5)) / (w - 1) + 0.5) * top);
}

/* The window of the tests: centre 100, width 500. */
static double window_linear(const struct image_file *f, uint32_t frame,
                            uint32_t x, uint32_t y, uint32_t c)
{
    return linear(f, modality(f, frame, x, y, c), 100, 500);
}

static double window_exact(const struct image_file *f, uint32_t frame,
                           uint32_t x, uint32_t y, uint32_t c)
{
    double m = modality(f, frame, x, y, c);

    return trunc(clamped((m - 100) / 500 + 0.5, 0, 1) * y_max(f));
}

static double window_sigmoid(const struct image_file *f, uint32_t frame,
                             uint32_t x, uint32_t y, uint32_t c)
{
    double m = modality(f, frame, x, y, c);

    return trunc(y_max(f) / (1 + exp(-4 * (m - 100) / 500)));
}

static double inverted_window(const struct image_file *f, uint32_t frame,
                              uint32_t x, uint32_t y, uint32_t c)
{
    return y_max(f) - window_linear(f, frame, x, y, c);
}

static double raw_window(const struct image_file *f, uint32_t frame, uint32_t x,
                         uint32_t y, uint32_t c)
{
    return linear(f, stored(f, frame, x, y, c), 1000, 800);
}

static double inverted_raw_window(const struct image_file *f, uint32_t frame,
                                  uint32_t x, uint32_t y, uint32_t c)
{
    return y_max(f) - raw_window(f, frame, x, y, c);
}

static double stretched(const struct image_file *f, double v, double low,
                        double high)
{
    return high > low ? trunc((v - low) / (high - low) * y_max(f)) : 0;
}

static double min_max(const struct image_file *f, uint32_t frame, uint32_t x,
                      uint32_t y, uint32_t c)
{
    double low, high;

    image_file_extent(f, -1, &low, &high);
    return stretched(f, modality(f, frame, x, y, c), rescaled(f, low),
                     rescaled(f, high));
}

static double raw_min_max(const struct image_file *f, uint32_t frame,
                          uint32_t x, uint32_t y, uint32_t c)
{
    double low, high;

    image_file_extent(f, -1, &low, &high);
    return stretched(f, stored(f, frame, x, y, c), low, high);
}

/* prepfs-view(7), window-frame. */
static double frame_min_max(const struct image_file *f, uint32_t frame,
                            uint32_t x, uint32_t y, uint32_t c)
{
    double low, high, m = modality(f, frame, x, y, c);

    image_file_extent(f, (int)frame, &low, &high);
    low = rescaled(f, low);
    high = rescaled(f, high);
    if (m <= low || high <= low)
        return 0;
    if (m > high - 0.5)
        return y_max(f);
    return trunc((m - low + 0.5) / (high - low) * y_max(f));
}

/* range--200to300 */
static double range(const struct image_file *f, uint32_t frame, uint32_t x,
                    uint32_t y, uint32_t c)
{
    return (double)(float)clamped((modality(f, frame, x, y, c) + 200) / 500, 0,
                                  1);
}

static double range_u8(const struct image_file *f, uint32_t frame, uint32_t x,
                       uint32_t y, uint32_t c)
{
    return range(f, frame, x, y, c) * 255;
}

static double range_u16(const struct image_file *f, uint32_t frame, uint32_t x,
                        uint32_t y, uint32_t c)
{
    return range(f, frame, x, y, c) * 65535;
}

static double inverted_range(const struct image_file *f, uint32_t frame,
                             uint32_t x, uint32_t y, uint32_t c)
{
    return 1 - range(f, frame, x, y, c);
}

static double hu_i16(const struct image_file *f, uint32_t frame, uint32_t x,
                     uint32_t y, uint32_t c)
{
    return clamped(round(hu(f, frame, x, y, c)), -32768, 32767);
}

static double hu_u16(const struct image_file *f, uint32_t frame, uint32_t x,
                     uint32_t y, uint32_t c)
{
    return clamped(round(hu(f, frame, x, y, c)), 0, 65535);
}

static double hu_u8(const struct image_file *f, uint32_t frame, uint32_t x,
                    uint32_t y, uint32_t c)
{
    return clamped(round(hu(f, frame, x, y, c)), 0, 255);
}

static double raw_u8(const struct image_file *f, uint32_t frame, uint32_t x,
                     uint32_t y, uint32_t c)
{
    return clamped(stored(f, frame, x, y, c), 0, 255);
}

static double raw_i16(const struct image_file *f, uint32_t frame, uint32_t x,
                      uint32_t y, uint32_t c)
{
    return clamped(round(stored(f, frame, x, y, c)), -32768, 32767);
}

static double raw_f32(const struct image_file *f, uint32_t frame, uint32_t x,
                      uint32_t y, uint32_t c)
{
    return (double)(float)stored(f, frame, x, y, c);
}

static double window_u8(const struct image_file *f, uint32_t frame, uint32_t x,
                        uint32_t y, uint32_t c)
{
    double v = window_linear(f, frame, x, y, c);

    return floor((v * 255 + 32767) / 65535); /* pixels.md, dtype */
}

static double min_max_u16(const struct image_file *f, uint32_t frame,
                          uint32_t x, uint32_t y, uint32_t c)
{
    return 257 * min_max(f, frame, x, y, c);
}

static double window_f32(const struct image_file *f, uint32_t frame, uint32_t x,
                         uint32_t y, uint32_t c)
{
    return window_linear(f, frame, x, y, c) / y_max(f);
}

static double black_white(const struct image_file *f, uint32_t frame,
                          uint32_t x, uint32_t y, uint32_t c)
{
    return 255 * stored(f, frame, x, y, c);
}

/* PS3.3 C.7.6.3.1.2, from full-range YCbCr, chroma of the pair's first. */
static double rgb_of_ybr(double luma, double b, double r, uint32_t c)
{
    double v = c == 0   ? luma + 1.402 * (r - 128)
               : c == 1 ? luma - 0.344136286201022 * (b - 128) -
                              0.714136286201022 * (r - 128)
                        : luma + 1.772 * (b - 128);

    return clamped(floor(v + 0.5), 0, 255);
}

static double ybr(const struct image_file *f, uint32_t frame, uint32_t x,
                  uint32_t y, uint32_t c)
{
    return rgb_of_ybr(stored(f, frame, x, y, 0), stored(f, frame, x, y, 1),
                      stored(f, frame, x, y, 2), c);
}

/* REF 3.6, as a real number: what is stored is within a half of it. */
static double luma(const struct image_file *f, uint32_t frame, uint32_t x,
                   uint32_t y, uint32_t c)
{
    (void)c;
    return 0.21264784 * stored(f, frame, x, y, 0) +
           0.7151792 * stored(f, frame, x, y, 1) +
           0.07217304 * stored(f, frame, x, y, 2);
}

static double grey_window(const struct image_file *f, uint32_t frame,
                          uint32_t x, uint32_t y, uint32_t c)
{
    (void)c;
    return window_linear(f, frame, x, y, 0);
}

static double rgb_u16(const struct image_file *f, uint32_t frame, uint32_t x,
                      uint32_t y, uint32_t c)
{
    return 257 * stored(f, frame, x, y, c);
}

static double raw_rgb_u16(const struct image_file *f, uint32_t frame,
                          uint32_t x, uint32_t y, uint32_t c)
{
    return stored(f, frame, x, y, c);
}

/* ---- tables in the file ------------------------------------------------- */

/* 200 entries of 14 bits from -100 on: 80*i + 3. */
static double lut_entry(double v)
{
    return 80 * clamped(v + 100, 0, 199) + 3;
}

static void add_lut(struct build *b, uint32_t sequence, bool is_modality)
{
    uint16_t descriptor[3] = {200, (uint16_t)-100, 14};
    uint16_t data[200];

    for (int i = 0; i < 200; i++)
        data[i] = (uint16_t)(80 * i + 3);
    build_sequence(b, sequence, true);
    build_item(b, true);
    build_words(b, 0x00283002, "SS", descriptor, 3);
    if (is_modality)
        build_text(b, 0x00283004, "LO", "US");
    build_words(b, 0x00283006, "OW", data, 200);
    build_item_end(b);
    build_sequence_end(b);
}

static void add_modality_lut(const struct image_file *f, struct build *b)
{
    (void)f;
    add_lut(b, 0x00283000, true);
}

static void add_voi_lut(const struct image_file *f, struct build *b)
{
    (void)f;
    add_lut(b, 0x00283010, false);
}

static double modality_lut(const struct image_file *f, uint32_t frame,
                           uint32_t x, uint32_t y, uint32_t c)
{
    return lut_entry(stored(f, frame, x, y, c));
}

static double voi_lut(const struct image_file *f, uint32_t frame, uint32_t x,
                      uint32_t y, uint32_t c)
{
    double entry = lut_entry(round(modality(f, frame, x, y, c)));

    return trunc(entry * y_max(f) / 16383);
}

static double lut_window(const struct image_file *f, uint32_t frame, uint32_t x,
                         uint32_t y, uint32_t c)
{
    return linear(f, modality_lut(f, frame, x, y, c), 100, 500);
}

static double palette_entry(double index, uint32_t c)
{
    static const int factors[3] = {3, 5, 7};

    return fmod(factors[c] * clamped(index - 2, 0, 59) + 11 * c, 256);
}

/* 60 entries for values from 2 on, 8 significant bits in words. */
static void add_palette(const struct image_file *f, struct build *b)
{
    uint16_t descriptor[3] = {60, 2, 8};

    (void)f;
    for (uint32_t c = 0; c < 3; c++)
        build_words(b, 0x00281101 + c, "US", descriptor, 3);
    for (uint32_t c = 0; c < 3; c++) {
        uint8_t data[60];

        for (int i = 0; i < 60; i++)
            data[i] = (uint8_t)palette_entry(i + 2, c);
        build_bytes(b, 0x00281201 + c, "OW", data, sizeof data);
    }
}

/* The same of 16 bits: high byte as above, low byte 9. */
static void add_wide_palette(const struct image_file *f, struct build *b)
{
    uint16_t descriptor[3] = {60, 2, 16};

    (void)f;
    for (uint32_t c = 0; c < 3; c++)
        build_words(b, 0x00281101 + c, "US", descriptor, 3);
    for (uint32_t c = 0; c < 3; c++) {
        uint16_t data[60];

        for (int i = 0; i < 60; i++)
            data[i] = (uint16_t)(256 * palette_entry(i + 2, c) + 9);
        build_words(b, 0x00281201 + c, "OW", data, 60);
    }
}

static double palette(const struct image_file *f, uint32_t frame, uint32_t x,
                      uint32_t y, uint32_t c)
{
    return palette_entry(stored(f, frame, x, y, 0), c);
}

static double wide_palette_u8(const struct image_file *f, uint32_t frame,
                              uint32_t x, uint32_t y, uint32_t c)
{
    double v = 256 * palette_entry(stored(f, frame, x, y, 0), c) + 9;

    return floor((v * 255 + 32767) / 65535);
}

/* Frame k: slope k+1, intercept -10*k, centre 100, width 500. */
static void add_groups(const struct image_file *f, struct build *b)
{
    build_sequence(b, 0x52009230, true);
    for (uint32_t k = 0; k < f->frames; k++) {
        char slope[16], intercept[16];

        (void)snprintf(slope, sizeof slope, "%u", k + 1);
        (void)snprintf(intercept, sizeof intercept, "%d", -10 * (int)k);
        build_item(b, true);
        build_sequence(b, 0x00289132, true);
        build_item(b, true);
        build_text(b, 0x00281050, "DS", k % 2 ? "30" : "100");
        build_text(b, 0x00281051, "DS", k % 2 ? "90" : "500");
        build_item_end(b);
        build_sequence_end(b);
        build_sequence(b, 0x00289145, true);
        build_item(b, true);
        build_text(b, 0x00281052, "DS", intercept);
        build_text(b, 0x00281053, "DS", slope);
        build_item_end(b);
        build_sequence_end(b);
        build_item_end(b);
    }
    build_sequence_end(b);
}

static double groups_hu(const struct image_file *f, uint32_t frame, uint32_t x,
                        uint32_t y, uint32_t c)
{
    return (frame + 1.0) * stored(f, frame, x, y, c) - 10.0 * frame;
}

static double groups_display(const struct image_file *f, uint32_t frame,
                             uint32_t x, uint32_t y, uint32_t c)
{
    double m = groups_hu(f, frame, x, y, c);

    return frame % 2 ? linear(f, m, 30, 90) : linear(f, m, 100, 500);
}

/* ---- padding ------------------------------------------------------------ */

static void unpadded_extent(const struct image_file *f, double *ret_min,
                            double *ret_max)
{
    *ret_min = INFINITY;
    *ret_max = -INFINITY;
    for (uint32_t k = 0; k < f->frames; k++)
        for (uint32_t y = 0; y < f->rows; y++)
            for (uint32_t x = 0; x < f->cols; x++) {
                double v = stored(f, k, x, y, 0);

                if (v == atof(f->padding))
                    continue;
                *ret_min = fmin(*ret_min, rescaled(f, v));
                *ret_max = fmax(*ret_max, rescaled(f, v));
            }
}

static double padded(const struct image_file *f, uint32_t frame, uint32_t x,
                     uint32_t y, uint32_t c)
{
    double low, high;

    unpadded_extent(f, &low, &high);
    return clamped(stretched(f, modality(f, frame, x, y, c), low, high), 0,
                   y_max(f));
}

static bool is_padding(const struct image_file *f, uint32_t frame, uint32_t x,
                       uint32_t y)
{
    return stored(f, frame, x, y, 0) == atof(f->padding);
}

static double padval_min(const struct image_file *f, uint32_t frame, uint32_t x,
                         uint32_t y, uint32_t c)
{
    double low, high;

    unpadded_extent(f, &low, &high);
    return is_padding(f, frame, x, y) ? low : modality(f, frame, x, y, c);
}

static double padval_hu(const struct image_file *f, uint32_t frame, uint32_t x,
                        uint32_t y, uint32_t c)
{
    return is_padding(f, frame, x, y) ? 77.5 : modality(f, frame, x, y, c);
}

static double padval_window(const struct image_file *f, uint32_t frame,
                            uint32_t x, uint32_t y, uint32_t c)
{
    return linear(f, padval_hu(f, frame, x, y, c), 100, 500);
}

static double padval_raw(const struct image_file *f, uint32_t frame, uint32_t x,
                         uint32_t y, uint32_t c)
{
    return is_padding(f, frame, x, y) ? 78 : stored(f, frame, x, y, c);
}

/* ---- files -------------------------------------------------------------- */

static void plain(struct image_file *f)
{
    (void)f;
}

static void ct(struct image_file *f)
{
    f->slope = "2.5";
    f->intercept = "-1024";
}

static void ct_windowed(struct image_file *f)
{
    ct(f);
    f->center = "100\\40";
    f->width = "500\\80";
}

static void second_window(struct image_file *f)
{
    ct(f);
    f->center = "40\\100";
    f->width = "80\\500";
}

static void bad_first_window(struct image_file *f)
{
    ct(f);
    f->center = "40\\100";
    f->width = "0\\500";
}

static void exact(struct image_file *f)
{
    ct_windowed(f);
    f->function = "LINEAR_EXACT";
}

static void sigmoid(struct image_file *f)
{
    ct_windowed(f);
    f->function = "SIGMOID";
}

static void monochrome1(struct image_file *f)
{
    ct_windowed(f);
    f->photometric = "MONOCHROME1";
}

static void dirty(struct image_file *f)
{
    f->high_bit = 13;
    f->dirty = true;
    f->value = image_file_noise;
}

static void signed12(struct image_file *f)
{
    f->is_signed = true;
    f->dirty = true;
}

static void signed8(struct image_file *f)
{
    image_file_bits(f, 8, 8);
    f->is_signed = true;
}

static void byte(struct image_file *f)
{
    image_file_bits(f, 8, 8);
    f->value = image_file_noise;
}

static void bit(struct image_file *f)
{
    image_file_bits(f, 1, 1);
    f->cols = 5; /* frames begin inside of bytes */
    f->rows = 3;
    f->frames = 3;
    f->value = image_file_noise;
}

static void wide(struct image_file *f)
{
    image_file_bits(f, 32, 32);
    f->value = image_file_noise;
}

static void wide_signed(struct image_file *f)
{
    wide(f);
    f->is_signed = true;
}

static double thirds(const struct image_file *f, uint32_t frame, uint32_t x,
                     uint32_t y, uint32_t c)
{
    (void)f;
    return (frame * 100.0 + y * 10.0 + x + c - 20) / 3;
}

static void floats(struct image_file *f)
{
    f->bits_alloc = 32;
    f->element = DECODE_FLOAT;
    f->value = thirds;
    f->slope = "3";
}

static void doubles(struct image_file *f)
{
    floats(f);
    f->bits_alloc = 64;
    f->element = DECODE_DOUBLE;
}

static void big_endian(struct image_file *f)
{
    ct(f);
    f->codec = DECODE_NATIVE_BE;
}

static void rle(struct image_file *f)
{
    f->codec = DECODE_RLE;
    f->frames = 3;
    f->value = image_file_noise;
}

static void rle_colour(struct image_file *f)
{
    image_file_bits(f, 8, 8);
    f->codec = DECODE_RLE;
    f->samples = 3;
    f->photometric = "RGB";
    f->frames = 2;
    f->value = image_file_noise;
}

static void jpeg(struct image_file *f)
{
    f->codec = DECODE_JPEG;
    f->frames = 2;
}

static void jpegls(struct image_file *f)
{
    f->codec = DECODE_JPEGLS;
    f->frames = 3;
    f->is_signed = true;
}

static void j2k(struct image_file *f)
{
    f->codec = DECODE_J2K;
    f->frames = 2;
}

static void rgb(struct image_file *f)
{
    image_file_bits(f, 8, 8);
    f->samples = 3;
    f->photometric = "RGB";
    f->value = image_file_noise;
}

static void planar(struct image_file *f)
{
    rgb(f);
    f->planar = true;
    f->frames = 2;
}

static void rgb16(struct image_file *f)
{
    rgb(f);
    image_file_bits(f, 16, 16);
}

static void ybr_full(struct image_file *f)
{
    rgb(f);
    f->photometric = "YBR_FULL";
}

static void palette8(struct image_file *f)
{
    image_file_bits(f, 8, 8);
    f->photometric = "PALETTE COLOR";
    f->add_late = add_palette;
}

static void palette16(struct image_file *f)
{
    palette8(f);
    f->add_late = add_wide_palette;
}

static double index_ramp(const struct image_file *f, uint32_t frame, uint32_t x,
                         uint32_t y, uint32_t c)
{
    (void)f;
    return 20 * y + 4 * x + frame + c;
}

static void with_modality_lut(struct image_file *f)
{
    f->value = index_ramp;
    f->slope = "7"; /* the table comes first */
    f->add_late = add_modality_lut;
}

static void with_lut_and_window(struct image_file *f)
{
    with_modality_lut(f);
    f->slope = NULL;
    f->center = "100";
    f->width = "500";
}

static void with_voi_lut(struct image_file *f)
{
    f->value = index_ramp;
    f->intercept = "-60";
    f->center = "100"; /* the table comes first here too */
    f->width = "500";
    f->add_late = add_voi_lut;
}

static void grouped(struct image_file *f)
{
    f->sop_class = "1.2.840.10008.5.1.4.1.1.2.1";
    f->frames = 4;
    f->value = index_ramp;
    f->add_late = add_groups;
}

static void bordered(struct image_file *f)
{
    ct(f);
    f->cols = 20;
    f->rows = 15;
    f->frames = 2;
    f->padding = "0";
    f->value = image_file_box;
}

static void constant_frames(struct image_file *f)
{
    image_file_bits(f, 16, 1); /* 0 and 1 */
    f->value = image_file_noise;
    f->cols = f->rows = 1;
    f->frames = 2;
}

static void frames3(struct image_file *f)
{
    ct(f);
    f->frames = 3;
}

/* ---- cases -------------------------------------------------------------- */

struct value_case {
    void (*make)(struct image_file *f);
    const char *view;
    expect_fn expect;
    uint32_t channels;
    enum sample_type type;
    double slack;
};

static const struct value_case cases[] = {
    /* stored values in their own type */
    {plain, "raw", stored, 1, SAMPLE_U16, 0},
    {dirty, "raw", stored, 1, SAMPLE_U16, 0},
    {signed12, "raw", stored, 1, SAMPLE_I16, 0},
    {signed8, "raw", stored, 1, SAMPLE_I16, 0},
    {byte, "raw", stored, 1, SAMPLE_U8, 0},
    {bit, "raw", stored, 1, SAMPLE_U8, 0},
    {wide, "raw", stored, 1, SAMPLE_U32, 0},
    {wide_signed, "raw", stored, 1, SAMPLE_I32, 0},
    {floats, "raw", stored, 1, SAMPLE_F32, 0},
    {doubles, "raw", stored, 1, SAMPLE_F64, 0},
    {big_endian, "raw", stored, 1, SAMPLE_U16, 0},
    {rle, "raw", stored, 1, SAMPLE_U16, 0},
    {jpeg, "raw", stored, 1, SAMPLE_U16, 0},
    {jpegls, "raw", stored, 1, SAMPLE_I16, 0},
    {j2k, "raw", stored, 1, SAMPLE_U16, 0},
    {ct_windowed, "raw", stored, 1, SAMPLE_U16, 0},
    {monochrome1, "raw", stored, 1, SAMPLE_U16, 0},
    {plain, "raw_u8", raw_u8, 1, SAMPLE_U8, 0},
    {wide_signed, "raw_i16", raw_i16, 1, SAMPLE_I16, 0},
    {wide, "raw_f32", raw_f32, 1, SAMPLE_F32, 0},
    {doubles, "raw_i16", raw_i16, 1, SAMPLE_I16, 0},
    {bordered, "raw_padval-77.5", padval_raw, 1, SAMPLE_U16, 0},
    /* modality values */
    {ct, "hu", hu, 1, SAMPLE_F32, 0},
    {monochrome1, "hu", hu, 1, SAMPLE_F32, 0},
    {signed12, "hu", hu, 1, SAMPLE_F32, 0},
    {wide, "hu", hu, 1, SAMPLE_F32, 0},
    {floats, "hu", hu, 1, SAMPLE_F32, 0},
    {doubles, "hu", hu, 1, SAMPLE_F32, 0},
    {ct, "hu_i16", hu_i16, 1, SAMPLE_I16, 0},
    {ct, "hu_u8", hu_u8, 1, SAMPLE_U8, 0},
    {ct, "hu_u16", hu_u16, 1, SAMPLE_U16, 0},
    {wide_signed, "hu_i16", hu_i16, 1, SAMPLE_I16, 0},
    {with_modality_lut, "hu", modality_lut, 1, SAMPLE_F32, 0},
    {with_modality_lut, "raw", stored, 1, SAMPLE_U16, 0},
    {grouped, "hu", groups_hu, 1, SAMPLE_F32, 0},
    {bordered, "hu_padval-77.5", padval_hu, 1, SAMPLE_F32, 0},
    {bordered, "hu_padval-min", padval_min, 1, SAMPLE_F32, 0},
    /* windows */
    {ct, "window-c100-w500", window_linear, 1, SAMPLE_U16, 0},
    {ct, "window-c100-w500-exact", window_exact, 1, SAMPLE_U16, 0},
    {ct, "window-c100-w500-sigmoid", window_sigmoid, 1, SAMPLE_U16, 0},
    {ct_windowed, "full", window_linear, 1, SAMPLE_U16, 0},
    {exact, "full", window_exact, 1, SAMPLE_U16, 0},
    {sigmoid, "full", window_sigmoid, 1, SAMPLE_U16, 0},
    {exact, "window-c100-w500", window_linear, 1, SAMPLE_U16, 0},
    {second_window, "window-n2", window_linear, 1, SAMPLE_U16, 0},
    {bad_first_window, "full", window_linear, 1, SAMPLE_U16, 0},
    {bad_first_window, "window-n2", window_linear, 1, SAMPLE_U16, 0},
    {signed8, "window-c100-w500", window_linear, 1, SAMPLE_U8, 0},
    {wide, "window-c100-w500", window_linear, 1, SAMPLE_U16, 0},
    {doubles, "window-c100-w500", window_linear, 1, SAMPLE_U16, 0},
    {with_lut_and_window, "full", lut_window, 1, SAMPLE_U16, 0},
    {with_voi_lut, "full", voi_lut, 1, SAMPLE_U16, 0},
    {with_voi_lut, "window-c100-w500", window_linear, 1, SAMPLE_U16, 0},
    {grouped, "full", groups_display, 1, SAMPLE_U16, 0},
    {bordered, "window-c100-w500_padval-77.5", padval_window, 1, SAMPLE_U16, 0},
    /* windows on stored values */
    {ct, "raw_window-c1000-w800", raw_window, 1, SAMPLE_U16, 0},
    {with_modality_lut, "raw_window-c1000-w800", raw_window, 1, SAMPLE_U16, 0},
    {monochrome1, "raw_window-c1000-w800", inverted_raw_window, 1, SAMPLE_U16,
     0},
    {monochrome1, "raw_window-c1000-w800_noinvert", raw_window, 1, SAMPLE_U16,
     0},
    {ct, "raw_window-off", raw_min_max, 1, SAMPLE_U16, 0},
    /* no window */
    {ct, "full", min_max, 1, SAMPLE_U16, 0},
    {ct_windowed, "window-off", min_max, 1, SAMPLE_U16, 0},
    {frames3, "full", min_max, 1, SAMPLE_U16, 0},
    {frames3, "window-frame", frame_min_max, 1, SAMPLE_U16, 0},
    {constant_frames, "full", min_max, 1, SAMPLE_U16, 0},
    {constant_frames, "window-frame", frame_min_max, 1, SAMPLE_U16, 0},
    {byte, "full", min_max, 1, SAMPLE_U8, 0},
    {signed12, "full", min_max, 1, SAMPLE_U16, 0},
    {wide_signed, "full", min_max, 1, SAMPLE_U16, 0},
    {floats, "full", min_max, 1, SAMPLE_U16, 0},
    {bit, "full", black_white, 1, SAMPLE_U8, 0},
    {bit, "window-off", black_white, 1, SAMPLE_U8, 0},
    {bordered, "full", padded, 1, SAMPLE_U16, 0},
    /* black and white */
    {monochrome1, "full", inverted_window, 1, SAMPLE_U16, 0},
    {monochrome1, "noinvert", window_linear, 1, SAMPLE_U16, 0},
    {ct_windowed, "invert", inverted_window, 1, SAMPLE_U16, 0},
    {monochrome1, "invert", inverted_window, 1, SAMPLE_U16, 0},
    /* ranges */
    {ct, "range--200to300", range, 1, SAMPLE_F32, 1e-7},
    {monochrome1, "range--200to300", range, 1, SAMPLE_F32, 1e-7},
    {ct, "range--200to300_invert", inverted_range, 1, SAMPLE_F32, 1e-7},
    {ct, "range--200to300_u8", range_u8, 1, SAMPLE_U8, 0.5001},
    {ct, "range--200to300_u16", range_u16, 1, SAMPLE_U16, 0.51},
    /* types of display samples */
    {ct, "window-c100-w500_u8", window_u8, 1, SAMPLE_U8, 0},
    {ct, "window-c100-w500_u16", window_linear, 1, SAMPLE_U16, 0},
    {byte, "u16", min_max_u16, 1, SAMPLE_U16, 0},
    {byte, "u8", min_max, 1, SAMPLE_U8, 0},
    {ct, "window-c100-w500_f32", window_f32, 1, SAMPLE_F32, 1e-7},
    /* colour */
    {rgb, "full", stored, 3, SAMPLE_U8, 0},
    {rgb, "window-c100-w500", stored, 3, SAMPLE_U8, 0},
    {planar, "full", stored, 3, SAMPLE_U8, 0},
    {rle_colour, "full", stored, 3, SAMPLE_U8, 0},
    {rgb16, "full", stored, 3, SAMPLE_U16, 0},
    {rgb, "u16", rgb_u16, 3, SAMPLE_U16, 0},
    {rgb, "raw", stored, 3, SAMPLE_U8, 0},
    {rgb, "raw_u16", raw_rgb_u16, 3, SAMPLE_U16, 0},
    {rgb, "gray", luma, 1, SAMPLE_U8, 0.501},
    {rgb16, "gray", luma, 1, SAMPLE_U16, 0.53},
    {ybr_full, "full", ybr, 3, SAMPLE_U8, 0},
    {palette8, "full", palette, 3, SAMPLE_U8, 0},
    {palette8, "raw", palette, 3, SAMPLE_U8, 0},
    {palette16, "full", wide_palette_u8, 3, SAMPLE_U8, 0},
    {ct, "window-c100-w500_rgb", grey_window, 3, SAMPLE_U16, 0},
    {ct, "window-c100-w500_gray", grey_window, 1, SAMPLE_U16, 0},
    /* files */
    {rle, "raw_big", stored, 1, SAMPLE_U16, 0},
    {rle, "raw_pack-packbits", stored, 1, SAMPLE_U16, 0},
    {rle, "raw_pack-lzw", stored, 1, SAMPLE_U16, 0},
    {rle, "raw_pack-deflate", stored, 1, SAMPLE_U16, 0},
    {ct, "hu_pack-lzw", hu, 1, SAMPLE_F32, 0},
    {doubles, "raw_pack-deflate_big", stored, 1, SAMPLE_F64, 0},
    {rle_colour, "pack-packbits", stored, 3, SAMPLE_U8, 0},
};

static void check_samples(const struct image_file *f, const struct leaf_file *l,
                          const struct value_case *c)
{
    ck_assert_uint_eq(l->pages, f->frames);
    ck_assert_uint_eq(l->width, f->cols);
    ck_assert_uint_eq(l->height, f->rows);
    ck_assert_uint_eq(l->channels, c->channels);
    ck_assert_int_eq((int)l->type, (int)c->type);
    for (uint32_t k = 0; k < f->frames; k++)
        for (uint32_t y = 0; y < f->rows; y++)
            for (uint32_t x = 0; x < f->cols; x++)
                for (uint32_t i = 0; i < c->channels; i++) {
                    double is = leaf_file_at(l, k, x, y, i);
                    double must = c->expect(f, k, x, y, i);

                    ck_assert_msg(fabs(is - must) <= c->slack,
                                  "%s: page %u, %u,%u,%u (stored %g): is %.9g, "
                                  "must be %.9g",
                                  c->view, k, x, y, i, stored(f, k, x, y, 0),
                                  is, must);
                }
}

START_TEST(samples_are_what_the_manual_says)
{
    const struct value_case *c = &cases[_i];
    struct image_file f = IMAGE_FILE_INIT;
    struct leaf_file l;
    struct leaf leaf;
    uint8_t *data;
    size_t size;

    c->make(&f);
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, c->view, f.sop);
    data = engine_bytes(&engine, &leaf, &size);
    l = leaf_file_open(data, size);
    check_samples(&f, &l, c);
    ck_assert_int_eq(l.is_big, strstr(c->view, "big") != NULL);
    ck_assert_int_eq(l.packing > 1, strstr(c->view, "pack-") != NULL);
    leaf_file_free(&l);
    free(data);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("render_values");
    TCase *t = tcase_create("values");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, samples_are_what_the_manual_says, 0,
                        sizeof cases / sizeof cases[0]);
    suite_add_tcase(s, t);
    return check_main(s);
}
