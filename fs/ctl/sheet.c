// SPDX-License-Identifier: MIT
/* sheet.c: see sheet.h. */
#include "ctl/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/font.h"
#include "prepfs/checked.h"

enum {
    MARGIN = 10,
    GAP = 4, /* between a tile and its caption */
    LINES = 3,
    BACKGROUND = 24,
    EDGE = 48, /* of an empty tile */
    SIDE_MAX = 32768
};

static const uint8_t ink[] = {205, 215, 225};

struct place {
    uint32_t x, y;
};

static uint32_t cell_height(const struct sheet *s)
{
    return s->tile + GAP + LINES * FONT_HEIGHT + MARGIN;
}

static struct place place_of(const struct sheet *s, uint32_t n)
{
    return (struct place){MARGIN + n % s->columns * (s->tile + MARGIN),
                          MARGIN + n / s->columns * cell_height(s)};
}

static uint8_t *pixel_at(const struct sheet *s, uint32_t x, uint32_t y)
{
    return s->image.data + y * s->image.stride_bytes + 3 * (size_t)x;
}

int sheet_init(struct sheet *s, uint32_t columns, uint32_t rows, uint32_t tile,
               struct error *err)
{
    *s = (struct sheet){.columns = columns, .rows = rows, .tile = tile};
    uint64_t width = MARGIN + (uint64_t)columns * (tile + MARGIN);
    uint64_t height = MARGIN + (uint64_t)rows * cell_height(s);

    if (width > SIDE_MAX || height > SIDE_MAX)
        return error_set(err, ERROR_TOO_BIG,
                         "a sheet of %llu x %llu pixels; %d a side is the most",
                         (unsigned long long)width, (unsigned long long)height,
                         SIDE_MAX);
    s->image = (struct image){.width = (uint32_t)width,
                              .height = (uint32_t)height,
                              .channels = 3,
                              .type = SAMPLE_U8,
                              .stride_bytes = 3 * (size_t)width};
    s->image.data = malloc(s->image.stride_bytes * height);
    if (!s->image.data)
        return error_no_memory(err);
    memset(s->image.data, BACKGROUND, s->image.stride_bytes * height);
    return 0;
}

void sheet_deinit(struct sheet *s)
{
    free(s->image.data);
    s->image.data = NULL;
}

/* ---- text ---- */

static void put_letter(struct sheet *s, struct place at, char letter)
{
    for (uint32_t y = 0; y < FONT_DOTS_Y; y++)
        for (uint32_t x = 0; x < FONT_DOTS_X; x++)
            if (font_dot(letter, (int)x, (int)y))
                memcpy(pixel_at(s, at.x + x, at.y + y), ink, sizeof ink);
}

/* How much of the text is in the first line: up to and with a "_" or a blank
 * if there is one in its second half. */
static size_t first_line(const char *text, size_t most)
{
    size_t length = strlen(text);

    if (length <= most)
        return length;
    for (size_t n = most; n > most / 2; n--)
        if (text[n - 1] == '_' || text[n - 1] == ' ')
            return n;
    return most;
}

static void put_text(struct sheet *s, struct place at, uint32_t lines,
                     const char *text)
{
    size_t most = s->tile / FONT_WIDTH;

    for (uint32_t line = 0; line < lines && *text; line++) {
        size_t n = first_line(text, most);

        for (size_t i = 0; i < n; i++)
            put_letter(s,
                       (struct place){at.x + FONT_WIDTH * (uint32_t)i,
                                      at.y + FONT_HEIGHT * line},
                       text[i]);
        text += n;
    }
}

void sheet_caption(struct sheet *s, uint32_t n, const char *text)
{
    struct place at = place_of(s, n);

    at.y += s->tile + GAP;
    put_text(s, at, LINES, text);
}

void sheet_complain(struct sheet *s, uint32_t n, const char *text)
{
    struct place at = place_of(s, n);

    for (uint32_t y = 0; y < s->tile; y++)
        memset(pixel_at(s, at.x, at.y + y), EDGE, 3 * (size_t)s->tile);
    put_text(s, at, s->tile / FONT_HEIGHT, text);
}

/* ---- pictures ---- */

static double sample_at(const struct image *p, uint32_t x, uint32_t y,
                        uint32_t channel)
{
    const uint8_t *row = p->data + y * p->stride_bytes;
    size_t i = (size_t)x * p->channels + channel;
    uint16_t u16;
    int16_t i16;
    uint32_t u32;
    int32_t i32;
    float f32;
    double f64;

    row += i * sample_bytes(p->type);
    switch (p->type) {
    case SAMPLE_U8:
        return *row;
    case SAMPLE_U16:
        return memcpy(&u16, row, sizeof u16), u16;
    case SAMPLE_I16:
        return memcpy(&i16, row, sizeof i16), i16;
    case SAMPLE_U32:
        return memcpy(&u32, row, sizeof u32), u32;
    case SAMPLE_I32:
        return memcpy(&i32, row, sizeof i32), i32;
    case SAMPLE_F32:
        return memcpy(&f32, row, sizeof f32), (double)f32;
    case SAMPLE_F64:
        return memcpy(&f64, row, sizeof f64), f64;
    case SAMPLE_F16:
        break; /* never in an image */
    }
    return 0;
}

struct range {
    double low, high;
};

static struct range range_of(const struct image *p)
{
    struct range r = {INFINITY, -INFINITY};

    if (p->type == SAMPLE_U8)
        return (struct range){0, UINT8_MAX};
    if (p->type == SAMPLE_U16)
        return (struct range){0, UINT16_MAX};
    for (uint32_t y = 0; y < p->height; y++)
        for (uint32_t x = 0; x < p->width; x++)
            for (uint32_t c = 0; c < p->channels; c++) {
                double v = sample_at(p, x, y, c);

                if (isfinite(v)) {
                    r.low = fmin(r.low, v);
                    r.high = fmax(r.high, v);
                }
            }
    return r;
}

/* The mean of factor x factor pixels, as a byte. */
static uint8_t mean_at(const struct image *p, const struct range *range,
                       uint32_t factor, struct place at, uint32_t channel)
{
    double sum = 0, unit;

    for (uint32_t y = 0; y < factor; y++)
        for (uint32_t x = 0; x < factor; x++)
            sum += sample_at(p, at.x * factor + x, at.y * factor + y, channel);
    unit = (sum / ((double)factor * factor) - range->low) /
           (range->high - range->low);
    return unit > 0 ? (uint8_t)lround(fmin(unit, 1) * UINT8_MAX) : 0;
}

void sheet_put(struct sheet *s, uint32_t n, const struct image *picture)
{
    struct range range = range_of(picture);
    uint32_t side =
        picture->width > picture->height ? picture->width : picture->height;
    uint32_t factor = side / s->tile + (side % s->tile > 0);
    uint32_t width = picture->width / factor, height = picture->height / factor;
    struct place at = place_of(s, n);

    at.x += (s->tile - width) / 2;
    at.y += (s->tile - height) / 2;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                pixel_at(s, at.x + x, at.y + y)[c] =
                    mean_at(picture, &range, factor, (struct place){x, y},
                            picture->channels == 1 ? 0 : c);
}
