// SPDX-License-Identifier: MIT
/*
 * bench_decode.c: decoded MB per second of CPU time, per codec, on generated
 * images.
 *
 *     bench_decode [SECONDS_PER_CASE]
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/decode_check.h"

static double seconds = 0.3;

/* CPU time: other work on the machine does not count. */
static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void run(const char *name, const struct decode_desc *d,
                const struct codestream *c)
{
    struct image image = check_image_new(d, 0);
    struct error err = ERROR_INIT;
    double start = now(), end;
    double bytes = (double)d->rows * d->cols * image.channels *
                   (double)sample_bytes(image.type);
    unsigned rounds = 0;

    do {
        if (decode_frame(d, c->data, c->size, 0, &image, &err)) {
            (void)fprintf(stderr, "%s: %s\n", name, err.msg);
            exit(EXIT_FAILURE);
        }
        rounds++;
        end = now();
    } while (end - start < seconds);
    printf("%-24s %8.1f MB/s  %7.2f ms/frame  ratio %5.2f\n", name,
           bytes * rounds / (end - start) / 1e6, (end - start) * 1e3 / rounds,
           bytes / (double)c->size);
    check_image_free(&image, 0);
}

static void run_and_free(const char *name, const struct decode_desc *d,
                         struct codestream c)
{
    run(name, d, &c);
    codestream_free(&c);
}

/* A soft picture with the noise of a scanner in its low bits. */
static struct picture scan(unsigned channels, unsigned bits)
{
    struct picture p = picture_new(1024, 1024, channels, bits, 1);
    uint32_t state = 1, max = (1u << bits) - 1;

    for (uint32_t i = 0; i < picture_count(&p); i++) {
        uint32_t x = i / channels % p.width, y = i / channels / p.width;

        state = state * 1664525u + 1013904223u;
        p.samples[i] = (x * y / 64 % (max - 32) + (state >> 27)) & max;
    }
    return p;
}

static void native(const struct picture *p)
{
    struct decode_desc d = check_desc(p, DECODE_NATIVE_LE);
    struct codestream c = {calloc(picture_count(p), 4), picture_count(p) * 4};

    assert(c.data);
    run("native 16 bit", &d, &c);
    d.is_signed = true;
    run("native 16 bit signed", &d, &c);
    d.codec = DECODE_NATIVE_BE;
    run("native 16 bit swapped", &d, &c);
    d.codec = DECODE_NATIVE_LE;
    d.is_signed = false;
    d.bits_alloc = d.bits_stored = 1;
    d.high_bit = 0;
    run("native 1 bit", &d, &c);
    d.bits_alloc = d.bits_stored = 8;
    d.high_bit = 7;
    d.samples = 3;
    d.photometric = DECODE_RGB;
    run("native RGB", &d, &c);
    d.planar = true;
    run("native RGB planar", &d, &c);
    d.planar = false;
    d.photometric = DECODE_YBR_FULL;
    run("native YBR_FULL", &d, &c);
    codestream_free(&c);
}

static void coded(const struct picture *grey, const struct picture *rgb)
{
    struct lossless_jpeg lossless = {.predictor = 1};
    struct jls jls = {0}, near = {.near = 2}, pixels = {.interleave = 2};
    struct dct baseline = {DCT_BASELINE, 90, false, true};
    struct dct extended = {DCT_EXTENDED_12, 90, false, false};
    struct j2k j2k = {0}, transform = {.transform = true};
    struct j2k lossy = {.irreversible = true};
    struct decode_desc g = check_desc(grey, DECODE_RLE);
    struct decode_desc c = check_desc(rgb, DECODE_RLE);

    run_and_free("RLE 16 bit", &g, encode_rle(grey, 2));
    run_and_free("RLE RGB", &c, encode_rle(rgb, 1));
    g.codec = c.codec = DECODE_JPEG;
    run_and_free("JPEG lossless 12 bit", &g,
                 encode_lossless_jpeg(grey, &lossless));
    run_and_free("JPEG extended 12 bit", &g, encode_dct(grey, &extended));
    run_and_free("JPEG baseline 4:2:2", &c, encode_dct(rgb, &baseline));
    run_and_free("JPEG-LS 12 bit", &g, encode_jls(grey, &jls));
    run_and_free("JPEG-LS near 12 bit", &g, encode_jls(grey, &near));
    run_and_free("JPEG-LS RGB", &c, encode_jls(rgb, &pixels));
    run_and_free("J2K lossless 12 bit", &g, encode_j2k(grey, &j2k));
    run_and_free("J2K lossy 12 bit", &g, encode_j2k(grey, &lossy));
    run_and_free("J2K lossless RGB", &c, encode_j2k(rgb, &transform));
}

int main(int argc, char **argv)
{
    struct picture grey = scan(1, 12), rgb = scan(3, 8);

    if (argc > 1)
        seconds = atof(argv[1]);
    printf("%s, 1024 x 1024\n", decode_versions());
    native(&grey);
    coded(&grey, &rgb);
    picture_free(&grey);
    picture_free(&rgb);
    return EXIT_SUCCESS;
}
