// SPDX-License-Identifier: MIT
/* image_file.c: see image_file.h. */
#undef NDEBUG
#include "support/image_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/codestream.h"

static const char *const syntaxes[] = {
    [DECODE_NATIVE_LE] = "1.2.840.10008.1.2.1",
    [DECODE_NATIVE_BE] = "1.2.840.10008.1.2.2",
    [DECODE_RLE] = "1.2.840.10008.1.2.5",
    [DECODE_JPEG] = "1.2.840.10008.1.2.4.70",
    [DECODE_JPEGLS] = "1.2.840.10008.1.2.4.80",
    [DECODE_J2K] = "1.2.840.10008.1.2.4.90",
    [DECODE_UNSUPPORTED] = "1.2.840.10008.1.2.4.110", /* JPEG XL */
};

void image_file_bits(struct image_file *f, uint32_t alloc, uint32_t stored)
{
    f->bits_alloc = alloc;
    f->bits_stored = stored;
    f->high_bit = stored - 1;
}

/* ---- values ------------------------------------------------------------- */

static double lowest(const struct image_file *f)
{
    return f->is_signed ? -ldexp(1, (int)f->bits_stored - 1) : 0;
}

static double range_of(const struct image_file *f)
{
    return ldexp(1, (int)f->bits_stored) - 1;
}

double image_file_ramp(const struct image_file *f, uint32_t frame, uint32_t x,
                       uint32_t y, uint32_t channel)
{
    uint64_t n = (uint64_t)f->cols * f->rows * f->frames * f->samples;
    uint64_t i =
        (((uint64_t)frame * f->rows + y) * f->cols + x) * f->samples + channel;

    return floor(lowest(f) +
                 range_of(f) * (n > 1 ? (double)i / (double)(n - 1) : 1));
}

double image_file_box(const struct image_file *f, uint32_t frame, uint32_t x,
                      uint32_t y, uint32_t channel)
{
    uint32_t left = f->cols / 5 + frame % 3;
    uint32_t top = f->rows / 5 + frame % 2;
    bool inside = x >= left && x < f->cols - f->cols / 5 && y >= top &&
                  y < f->rows - f->rows / 5;

    (void)channel;
    if (!inside)
        return lowest(f);
    return floor(lowest(f) +
                 range_of(f) * (0.5 + 0.4 * (x + y) / (f->cols + f->rows)));
}

double image_file_noise(const struct image_file *f, uint32_t frame, uint32_t x,
                        uint32_t y, uint32_t channel)
{
    uint64_t h = f->seed + 0x9E3779B97F4A7C15u;

    for (int i = 0; i < 4; i++) {
        h += (uint64_t[]){frame, x, y, channel}[i];
        h = (h ^ h >> 29) * 0xBF58476D1CE4E5B9u;
        h ^= h >> 32;
    }
    return lowest(f) + (double)(h & ((UINT64_C(1) << f->bits_stored) - 1));
}

static double value_of(const struct image_file *f, uint32_t frame, uint32_t x,
                       uint32_t y, uint32_t channel)
{
    return (f->value ? f->value : image_file_ramp)(f, frame, x, y, channel);
}

double image_file_stored(const struct image_file *f, uint32_t frame, uint32_t x,
                         uint32_t y, uint32_t channel)
{
    double v = value_of(f, frame, x, y, channel);
    double range = range_of(f) + 1;

    if (f->element == DECODE_FLOAT)
        return (double)(float)v;
    if (f->element == DECODE_DOUBLE)
        return v;
    v = floor(v);
    return v - range * floor((v - lowest(f)) / range);
}

void image_file_extent(const struct image_file *f, int frame, double *ret_min,
                       double *ret_max)
{
    *ret_min = INFINITY;
    *ret_max = -INFINITY;
    for (uint32_t i = 0; i < f->frames; i++)
        for (uint32_t y = 0; y < f->rows; y++)
            for (uint32_t x = 0; x < f->cols; x++) {
                double v = image_file_stored(f, i, x, y, 0);

                if (frame >= 0 && i != (uint32_t)frame)
                    continue;
                *ret_min = fmin(*ret_min, v);
                *ret_max = fmax(*ret_max, v);
            }
}

/* ---- words -------------------------------------------------------------- */

/* BitsStored bits of the value, not shifted. */
static uint64_t code_of(const struct image_file *f, uint32_t frame, uint32_t x,
                        uint32_t y, uint32_t channel)
{
    int64_t v = (int64_t)image_file_stored(f, frame, x, y, channel);

    return (uint64_t)v & ((UINT64_C(1) << f->bits_stored) - 1);
}

static uint64_t word_of(const struct image_file *f, uint32_t frame, uint32_t x,
                        uint32_t y, uint32_t channel)
{
    uint32_t shift = f->high_bit + 1 - f->bits_stored;
    uint64_t used = ((UINT64_C(1) << f->bits_stored) - 1) << shift;
    uint64_t all = (UINT64_C(1) << f->bits_alloc) - 1;
    uint64_t word = code_of(f, frame, x, y, channel) << shift;

    return f->dirty ? word | (all & ~used) : word;
}

static uint64_t float_bits(const struct image_file *f, uint32_t frame,
                           uint32_t x, uint32_t y)
{
    double d = value_of(f, frame, x, y, 0);
    float s = (float)d;
    uint64_t bits = 0;

    if (f->element == DECODE_FLOAT)
        memcpy(&bits, &s, sizeof s);
    else
        memcpy(&bits, &d, sizeof d);
    return bits;
}

struct bytes {
    uint8_t *data;
    size_t length;
    uint64_t bits; /* written, for packed data */
};

static void put_word(struct bytes *to, uint64_t word, unsigned bytes,
                     bool is_big)
{
    for (unsigned i = 0; i < bytes; i++)
        to->data[to->length++] =
            (uint8_t)(word >> 8 * (is_big ? bytes - 1 - i : i));
}

static void put_sample(const struct image_file *f, struct bytes *to,
                       uint32_t frame, uint32_t x, uint32_t y, uint32_t channel)
{
    bool is_big = f->codec == DECODE_NATIVE_BE;

    if (f->element != DECODE_INTEGER) {
        put_word(to, float_bits(f, frame, x, y), f->bits_alloc / 8, is_big);
    } else if (f->bits_alloc == 1) {
        uint64_t bit = to->bits++;

        to->length = (size_t)(bit / 8 + 1);
        to->data[bit / 8] |=
            (uint8_t)(code_of(f, frame, x, y, channel) << bit % 8);
    } else {
        put_word(to, word_of(f, frame, x, y, channel), f->bits_alloc / 8,
                 is_big);
    }
}

static void put_frame(const struct image_file *f, struct bytes *to,
                      uint32_t frame)
{
    uint32_t planes = f->planar ? f->samples : 1;
    uint32_t each = f->planar ? 1 : f->samples;

    for (uint32_t p = 0; p < planes; p++)
        for (uint32_t y = 0; y < f->rows; y++)
            for (uint32_t x = 0; x < f->cols; x++)
                for (uint32_t c = 0; c < each; c++)
                    put_sample(f, to, frame, x, y, p + c);
}

static void add_native(const struct image_file *f, struct build *b)
{
    static const uint32_t tags[] = {
        [DECODE_INTEGER] = 0x7FE00010,
        [DECODE_FLOAT] = 0x7FE00008,
        [DECODE_DOUBLE] = 0x7FE00009,
    };
    static const char *const vrs[] = {
        [DECODE_INTEGER] = "OW", [DECODE_FLOAT] = "OF", [DECODE_DOUBLE] = "OD"};
    size_t samples = (size_t)f->cols * f->rows * f->frames * f->samples;
    size_t length = samples * (f->bits_alloc < 8 ? 1 : f->bits_alloc / 8);
    struct bytes bytes = {calloc(1, length + 8), 0, 0};
    const char *vr = f->bits_alloc <= 8 ? "OB" : vrs[f->element];

    assert(bytes.data);
    for (uint32_t i = 0; i < f->frames; i++)
        put_frame(f, &bytes, i);
    assert(bytes.length >= f->missing_bytes);
    build_bytes(b, tags[f->element], vr, bytes.data,
                bytes.length - f->missing_bytes);
    free(bytes.data);
}

/* ---- codestreams -------------------------------------------------------- */

static struct picture picture_of(const struct image_file *f, uint32_t frame)
{
    bool is_rle = f->codec == DECODE_RLE;
    struct picture p = {f->cols, f->rows, f->samples,
                        is_rle ? f->bits_alloc : f->bits_stored, NULL};
    uint32_t *at;

    p.samples = at = malloc(picture_count(&p) * sizeof *p.samples);
    assert(p.samples);
    for (uint32_t y = 0; y < f->rows; y++)
        for (uint32_t x = 0; x < f->cols; x++)
            for (uint32_t c = 0; c < f->samples; c++)
                *at++ = (uint32_t)(is_rle ? word_of(f, frame, x, y, c)
                                          : code_of(f, frame, x, y, c));
    return p;
}

static struct codestream encode(const struct image_file *f,
                                const struct picture *p)
{
    struct jls jls = {.interleave = f->samples > 1 ? 1u : 0u};
    struct lossless_jpeg jpeg = {.predictor = 1};
    struct j2k j2k = {.is_signed = f->is_signed,
                      .transform = strcmp(f->photometric, "YBR_RCT") == 0};

    switch (f->codec) {
    case DECODE_RLE:
        return encode_rle(p, f->bits_alloc / 8);
    case DECODE_JPEG:
        return encode_lossless_jpeg(p, &jpeg);
    case DECODE_JPEGLS:
        return encode_jls(p, &jls);
    case DECODE_J2K:
        return encode_j2k(p, &j2k);
    case DECODE_UNSUPPORTED:
    case DECODE_NATIVE_LE:
    case DECODE_NATIVE_BE:
        break;
    }
    return (struct codestream){NULL, 0};
}

static void add_frame(const struct image_file *f, struct build *b,
                      uint32_t frame)
{
    struct picture p = picture_of(f, frame);
    struct codestream c = encode(f, &p);

    if ((int)frame == f->corrupt_frame) {
        codestream_free(&c);
        codestream_put(&c, "garbage!", 8);
    }
    if (f->codec == DECODE_UNSUPPORTED)
        codestream_put(&c, "\xff\x0a", 2);
    build_header(b, 0xFFFEE000, "", (uint32_t)(c.size + c.size % 2));
    build_raw(b, c.data, c.size);
    build_raw(b, "", c.size % 2);
    codestream_free(&c);
    picture_free(&p);
}

static void add_pixels(const struct image_file *f, struct build *b)
{
    if (f->codec == DECODE_NATIVE_LE || f->codec == DECODE_NATIVE_BE) {
        add_native(f, b);
        return;
    }
    build_encapsulated(b, NULL, 0);
    for (uint32_t i = 0; i < f->frames; i++)
        add_frame(f, b, i);
    build_encapsulated_end(b);
    b->length -= f->missing_bytes;
}

/* ---- the file ----------------------------------------------------------- */

static void add_text(struct build *b, uint32_t tag, const char *vr,
                     const char *text)
{
    if (text)
        build_text(b, tag, vr, text);
}

static void add_pixel_module(const struct image_file *f, struct build *b)
{
    char count[16];

    (void)snprintf(count, sizeof count, "%u", f->frames);
    build_u16(b, 0x00280002, f->samples);
    build_text(b, 0x00280004, "CS", f->photometric);
    if (f->samples > 1)
        build_u16(b, 0x00280006, f->planar);
    if (f->frames > 1 || f->frame_count)
        build_text(b, 0x00280008, "IS",
                   f->frame_count ? f->frame_count : count);
    build_u16(b, 0x00280010, f->rows);
    build_u16(b, 0x00280011, f->cols);
    add_text(b, 0x00280030, "DS", f->spacing);
    build_u16(b, 0x00280100, f->bits_alloc);
    if (f->element == DECODE_INTEGER) {
        build_u16(b, 0x00280101, f->bits_stored);
        build_u16(b, 0x00280102, f->high_bit);
        build_u16(b, 0x00280103, f->is_signed);
    }
    if (f->padding && f->is_signed)
        build_s16(b, 0x00280120, atoi(f->padding));
    else if (f->padding)
        build_u16(b, 0x00280120, (unsigned)atoi(f->padding));
    add_text(b, 0x00281050, "DS", f->center);
    add_text(b, 0x00281051, "DS", f->width);
    add_text(b, 0x00281052, "DS", f->intercept);
    add_text(b, 0x00281053, "DS", f->slope);
    add_text(b, 0x00281056, "CS", f->function);
}

static void make(const struct image_file *f, struct build *b)
{
    build_init(b, f->codec == DECODE_NATIVE_BE ? BUILD_EXPLICIT_BE
                                               : BUILD_EXPLICIT_LE);
    build_meta(b, syntaxes[f->codec]);
    build_text(b, 0x00080016, "UI", f->sop_class);
    build_text(b, 0x00080018, "UI", f->sop);
    build_text(b, 0x00080060, "CS", "OT");
    if (f->add_early)
        f->add_early(f, b);
    build_text(b, 0x0020000D, "UI", "1.2.1");
    build_text(b, 0x0020000E, "UI", "1.2.2");
    if (f->add_middle)
        f->add_middle(f, b);
    add_pixel_module(f, b);
    if (f->add_late)
        f->add_late(f, b);
    add_pixels(f, b);
}

static void make_folders(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        assert(mkdir(path, 0700) == 0 || errno == EEXIST);
        *p = '/';
    }
}

void image_file_write(const struct image_file *f, const char *folder,
                      const char *relpath, int64_t mtime_s)
{
    struct timespec times[2] = {{mtime_s, 0}, {mtime_s, 0}};
    char path[4096];
    struct build b;
    int fd;

    make(f, &b);
    assert(snprintf(path, sizeof path, "%s/%s", folder, relpath) <
           (int)sizeof path);
    make_folders(path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0);
    assert(write(fd, b.bytes, b.length) == (ssize_t)b.length);
    assert(mtime_s == 0 || futimens(fd, times) == 0);
    assert(close(fd) == 0);
    build_deinit(&b);
}

void image_file_add_cc(const struct image_file *f, struct build *b)
{
    (void)f;
    build_text(b, 0x00185101, "CS", "CC");
}

void image_file_add_turned(const struct image_file *f, struct build *b)
{
    (void)f;
    build_text(b, 0x00200020, "CS", "P\\L");
    build_text(b, 0x00200062, "CS", "L");
}
