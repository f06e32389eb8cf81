// SPDX-License-Identifier: MIT
/*
 * decode_seeds.c: writes the fuzz corpus of fs/decode.
 *
 *     decode_seeds tests/fuzz/corpus/decode
 *
 * One small frame of every kind; see fuzz_decode.c for the layout.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/decode_check.h"

static const char *folder;

static void write_seed(const char *name, const struct decode_desc *d,
                       const struct codestream *c)
{
    const uint8_t header[16] = {
        (uint8_t)d->codec,      (uint8_t)d->photometric,
        (uint8_t)d->element,    (uint8_t)d->samples,
        (uint8_t)d->bits_alloc, (uint8_t)d->bits_stored,
        (uint8_t)d->high_bit,   (uint8_t)(d->is_signed | d->planar << 1),
        (uint8_t)d->rows,       (uint8_t)(d->rows >> 8),
        (uint8_t)d->cols,       (uint8_t)(d->cols >> 8)};
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    assert(f);
    assert(fwrite(header, 1, sizeof header, f) == sizeof header);
    assert(fwrite(c->data, 1, c->size, f) == c->size);
    assert(!fclose(f));
}

static void write_and_free(const char *name, const struct decode_desc *d,
                           struct codestream c)
{
    write_seed(name, d, &c);
    codestream_free(&c);
}

static void native_seeds(void)
{
    struct codestream zeros = {calloc(4096, 1), 4096};
    struct picture grey = {16, 12, 1, 12, NULL}, rgb = {16, 12, 3, 8, NULL};
    struct decode_desc d = check_desc(&grey, DECODE_NATIVE_LE);

    assert(zeros.data);
    for (size_t i = 0; i < zeros.size; i++)
        zeros.data[i] = (uint8_t)(i * 7);
    zeros.size = 16 * 12 * 2;
    write_seed("native-le16", &d, &zeros);
    d.codec = DECODE_NATIVE_BE;
    write_seed("native-be16", &d, &zeros);
    d.bits_alloc = d.bits_stored = 1;
    d.high_bit = 0;
    zeros.size = 24;
    write_seed("native-be1", &d, &zeros);
    d.bits_alloc = d.bits_stored = 12;
    d.high_bit = 11;
    d.codec = DECODE_NATIVE_LE;
    zeros.size = 16 * 12 * 3 / 2;
    write_seed("native-12", &d, &zeros);
    d.bits_alloc = 64;
    d.element = DECODE_DOUBLE;
    zeros.size = 16 * 12 * 8;
    write_seed("native-double", &d, &zeros);
    d = check_desc(&rgb, DECODE_NATIVE_BE);
    d.planar = true;
    zeros.size = 16 * 12 * 3;
    write_seed("native-planar", &d, &zeros);
    d = check_desc(&rgb, DECODE_NATIVE_LE);
    d.photometric = DECODE_YBR_FULL_422;
    zeros.size = 16 * 12 * 2;
    write_seed("native-422", &d, &zeros);
    codestream_free(&zeros);
}

static void rle_and_jpeg_seeds(void)
{
    struct picture grey = picture_new(16, 12, 1, 12, 1);
    struct picture rgb = picture_new(16, 12, 3, 8, 1);
    struct decode_desc dg = check_desc(&grey, DECODE_RLE);
    struct decode_desc dc = check_desc(&rgb, DECODE_RLE);
    struct lossless_jpeg lossless = {.predictor = 1};
    struct lossless_jpeg restarts = {.predictor = 7, .restart_rows = 4};
    struct lossless_jpeg scans = {.predictor = 4, .by_component = true};
    struct dct baseline = {DCT_BASELINE, 80, false, true};
    struct dct as_rgb = {DCT_BASELINE, 80, true, false};
    struct dct extended = {DCT_EXTENDED_12, 80, false, false};
    struct dct progressive = {DCT_PROGRESSIVE, 80, false, false};

    write_and_free("rle-16", &dg, encode_rle(&grey, 2));
    write_and_free("rle-rgb", &dc, encode_rle(&rgb, 1));
    dg.codec = dc.codec = DECODE_JPEG;
    write_and_free("jpeg-lossless", &dg,
                   encode_lossless_jpeg(&grey, &lossless));
    write_and_free("jpeg-restarts", &dg,
                   encode_lossless_jpeg(&grey, &restarts));
    write_and_free("jpeg-scans", &dc, encode_lossless_jpeg(&rgb, &scans));
    write_and_free("jpeg-baseline", &dc, encode_dct(&rgb, &baseline));
    write_and_free("jpeg-as-rgb", &dc, encode_dct(&rgb, &as_rgb));
    write_and_free("jpeg-extended", &dg, encode_dct(&grey, &extended));
    write_and_free("jpeg-progressive", &dc, encode_dct(&rgb, &progressive));
    picture_free(&grey);
    picture_free(&rgb);
}

static void jpegls_seeds(void)
{
    struct picture grey = picture_new(16, 12, 1, 12, 1);
    struct picture rgb = picture_new(16, 12, 3, 8, 1);
    struct decode_desc dg = check_desc(&grey, DECODE_JPEGLS);
    struct decode_desc dc = check_desc(&rgb, DECODE_JPEGLS);
    struct jls plain = {0};
    struct jls planes = {.restart_rows = 5};
    struct jls lines = {.interleave = 1, .near = 3};
    struct jls pixels = {
        .interleave = 2, .maxval = 255, .threshold = {4, 9, 30}, .reset = 20};

    write_and_free("jpegls-grey", &dg, encode_jls(&grey, &plain));
    write_and_free("jpegls-planes", &dc, encode_jls(&rgb, &planes));
    write_and_free("jpegls-lines", &dc, encode_jls(&rgb, &lines));
    write_and_free("jpegls-pixels", &dc, encode_jls(&rgb, &pixels));
    picture_free(&grey);
    picture_free(&rgb);
}

static void j2k_seeds(void)
{
    struct picture grey = picture_new(16, 12, 1, 12, 1);
    struct picture rgb = picture_new(16, 12, 3, 8, 1);
    struct decode_desc dg = check_desc(&grey, DECODE_J2K);
    struct decode_desc dc = check_desc(&rgb, DECODE_J2K);
    struct j2k plain = {.is_signed = true};
    struct j2k tiles = {.tile = 8, .origin = 3};
    struct j2k transform = {.transform = true, .jp2 = true};
    struct j2k lossy = {.irreversible = true, .transform = true};
    struct j2k subsampled = {.subsampling = 2};

    dg.is_signed = true;
    write_and_free("j2k-signed", &dg, encode_j2k(&grey, &plain));
    write_and_free("j2k-tiles", &dg, encode_j2k(&grey, &tiles));
    write_and_free("j2k-jp2", &dc, encode_j2k(&rgb, &transform));
    write_and_free("j2k-lossy", &dc, encode_j2k(&rgb, &lossy));
    dc.photometric = DECODE_YBR_FULL;
    write_and_free("j2k-subsampled", &dc, encode_j2k(&rgb, &subsampled));
    picture_free(&grey);
    picture_free(&rgb);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fputs("usage: decode_seeds FOLDER\n", stderr);
        return 2;
    }
    folder = argv[1];
    native_seeds();
    rle_and_jpeg_seeds();
    jpegls_seeds();
    j2k_seeds();
    return 0;
}
