// SPDX-License-Identifier: MIT
/*
 * dicom_unflatten.c: see dicom_parsed.h; the order is that of dicom_flatten.c.
 *
 * Every byte is read once, into memory that nobody else can write to, and
 * checked there.
 */
#include "dicom/dicom_flat.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WARNINGS_ALL = (DICOM_WARN_PALETTE << 1) - 1,
    DIMENSIONS_MOST = 32,
    LUT_ENTRIES_MAX = 65536
};

struct in {
    const uint8_t *bytes;
    size_t left;
    struct dicom_arena *arena;
    uint32_t frames_most;
    bool bad; /* from then on everything reads as zero */
    bool no_memory;
};

/* ---- bytes ---- */

static void demand(struct in *in, bool good)
{
    in->bad = in->bad || !good;
}

static void take(struct in *in, void *to, size_t length)
{
    demand(in, length <= in->left);
    if (in->bad) {
        memset(to, 0, length);
        return;
    }
    memcpy(to, in->bytes, length);
    in->bytes += length;
    in->left -= length;
}

static uint32_t take_u32(struct in *in)
{
    uint32_t v;

    take(in, &v, sizeof v);
    return v;
}

static uint64_t take_u64(struct in *in)
{
    uint64_t v;

    take(in, &v, sizeof v);
    return v;
}

/* A number that is one of 0 .. most. */
static uint32_t take_below(struct in *in, uint32_t most)
{
    uint32_t v = take_u32(in);

    demand(in, v <= most);
    return in->bad ? 0 : v;
}

/* Takes memory only for what is there to fill it. */
static void *take_array(struct in *in, size_t n, size_t size)
{
    size_t bytes;
    void *to;

    demand(in, checked_mul_size(n, size, &bytes) && bytes <= in->left);
    if (in->bad || n == 0)
        return NULL;
    to = dicom_arena_alloc(in->arena, n, size);
    if (!to) {
        in->no_memory = in->bad = true;
        return NULL;
    }
    take(in, to, bytes);
    return to;
}

static char *take_text(struct in *in)
{
    uint32_t length = take_u32(in);
    char *text;

    if (length == 0)
        return NULL;
    length--;
    demand(in, length <= in->left);
    text = in->bad ? NULL : dicom_arena_alloc(in->arena, (size_t)length + 1, 1);
    if (!text) {
        in->no_memory = in->no_memory || !in->bad;
        in->bad = true;
        return NULL;
    }
    take(in, text, length);
    demand(in, strlen(text) == length);
    return text;
}

/* ---- what numbers may be ---- */

static bool is_number_or_nan(double v)
{
    return !isinf(v);
}

static bool are_numbers_or_nan(const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_number_or_nan(v[i]))
            return false;
    return true;
}

/* A bool that holds anything else must not be read as one. */
static bool is_bool(const void *at)
{
    return *(const uint8_t *)at <= 1;
}

static bool is_enum(const void *at, uint32_t most)
{
    uint32_t v;

    memcpy(&v, at, sizeof v);
    return v <= most;
}

/* ---- fields ---- */

_Static_assert(sizeof(enum dicom_kind) == sizeof(uint32_t) &&
                   sizeof(enum decode_codec) == sizeof(uint32_t) &&
                   sizeof(bool) == 1,
               "members are copied as these");

static void take_uid(struct in *in, struct dicom_uid *uid)
{
    uid->text = take_text(in);
    uid->is_name = uid->text && dicom_uid_is_name(uid->text);
}

static void take_field(struct in *in, const struct dicom_flat_field *f,
                       struct dicom_header *h)
{
    void *at = (uint8_t *)h + f->offset;
    char *text;
    uint8_t byte;
    uint32_t word;
    double number;

    switch ((enum dicom_flat_kind)f->kind) {
    case FLAT_TEXT:
    case FLAT_BYTES:
        text = take_text(in);
        if (f->kind == FLAT_BYTES)
            dicom_make_printable(text);
        else
            demand(in, !text || dicom_is_utf8(text, strlen(text)));
        *(const char **)at = text;
        break;
    case FLAT_UID:
        take_uid(in, at);
        break;
    case FLAT_BOOL:
        take(in, &byte, sizeof byte);
        demand(in, byte <= 1);
        *(bool *)at = byte == 1;
        break;
    case FLAT_ENUM:
        word = take_below(in, f->most);
        memcpy(at, &word, sizeof word);
        break;
    case FLAT_U32:
        take(in, at, sizeof(uint32_t));
        break;
    case FLAT_U64:
    case FLAT_I64:
        take(in, at, sizeof(uint64_t));
        break;
    case FLAT_F64:
        take(in, &number, sizeof number);
        demand(in, is_number_or_nan(number));
        memcpy(at, &number, sizeof number);
        break;
    }
}

/* ---- values ---- */

static void check_desc(struct in *in, struct decode_desc *d)
{
    demand(in, is_enum(&d->codec, DECODE_UNSUPPORTED) &&
                   is_enum(&d->photometric, DECODE_PHOTOMETRIC_OTHER) &&
                   is_enum(&d->element, DECODE_DOUBLE) &&
                   is_bool(&d->is_signed) && is_bool(&d->planar) &&
                   d->bits_stored <= d->bits_alloc &&
                   d->high_bit < (d->bits_alloc ? d->bits_alloc : 1));
    if (in->bad)
        *d = (struct decode_desc){.rows = 0};
}

static bool is_in_pool(uint32_t first, uint32_t n, uint32_t pool)
{
    return n == 0 || (first <= pool && n <= pool - first);
}

static bool is_frame(const struct dicom_frame *f, const struct dicom_header *h)
{
    const double numbers[] = {f->slice_location, f->px_x, f->px_y, f->z_between,
                              f->z_thickness};

    return is_bool(&f->sampled) && isfinite(f->slope) && f->slope != 0 &&
           isfinite(f->intercept) &&
           is_in_pool(f->window_first, f->n_windows, h->n_windows) &&
           is_in_pool(f->voi_lut_first, f->n_voi_luts, h->n_voi_luts) &&
           are_numbers_or_nan(f->position, 3) &&
           are_numbers_or_nan(f->orientation, 6) &&
           are_numbers_or_nan(numbers, sizeof numbers / sizeof numbers[0]);
}

static void check_padding(struct in *in, struct dicom_padding *p)
{
    /* one of integers is made an int64_t */
    double most = p->kind == DICOM_PADDING_INTEGER ? 0x1p63 : DBL_MAX;

    demand(in, is_enum(&p->kind, DICOM_PADDING_FLOAT) && isfinite(p->low) &&
                   isfinite(p->high) && p->low <= p->high && p->low >= -most &&
                   (p->high < most || p->kind == DICOM_PADDING_FLOAT));
    if (in->bad)
        *p = (struct dicom_padding){.kind = DICOM_PADDING_NONE};
}

static void check_spacing(struct in *in, struct dicom_spacing *s)
{
    demand(in, is_enum(&s->source, DICOM_SPACING_GROUPS) && isfinite(s->x) &&
                   isfinite(s->y) && isfinite(s->z) && s->x >= 0 && s->y >= 0 &&
                   s->z >= 0);
    if (in->bad)
        *s = (struct dicom_spacing){.source = DICOM_SPACING_NONE};
}

static bool is_window(const struct dicom_window *w)
{
    return is_bool(&w->valid) && is_enum(&w->function, DICOM_SIGMOID) &&
           isfinite(w->center) && isfinite(w->width) &&
           (!w->valid || w->width > 0);
}

static void take_windows(struct in *in, struct dicom_header *h)
{
    uint32_t n = take_u32(in);
    const struct dicom_window *windows = take_array(in, n, sizeof *windows);

    for (uint32_t i = 0; windows && i < n; i++)
        demand(in, is_window(&windows[i]));
    h->windows = windows;
    h->n_windows = windows ? n : 0;
}

static uint32_t largest(const uint16_t *data, uint32_t n)
{
    uint32_t max = 0;

    for (uint32_t i = 0; i < n; i++)
        max = data[i] > max ? data[i] : max;
    return max;
}

static int32_t take_first(struct in *in)
{
    int32_t first;

    take(in, &first, sizeof first);
    demand(in, first >= INT16_MIN && first <= UINT16_MAX);
    return first;
}

static void take_lut(struct in *in, struct dicom_lut *lut)
{
    lut->n = take_below(in, LUT_ENTRIES_MAX);
    lut->first = take_first(in);
    lut->bits = take_below(in, 16);
    lut->max = take_u32(in);
    lut->data = take_array(in, lut->n, sizeof *lut->data);
    demand(in, lut->n >= 1 && lut->bits >= 1 && lut->data &&
                   lut->max == largest(lut->data, lut->n));
}

static void take_voi_luts(struct in *in, struct dicom_header *h)
{
    uint32_t n = take_u32(in);
    struct dicom_lut *luts;

    /* each has bytes of its own */
    demand(in, n <= in->left / sizeof *luts);
    if (in->bad || n == 0)
        return;
    luts = dicom_arena_alloc(in->arena, n, sizeof *luts);
    in->no_memory = in->no_memory || !luts;
    in->bad = in->bad || !luts;
    for (uint32_t i = 0; i < n && !in->bad; i++)
        take_lut(in, &luts[i]);
    h->voi_luts = luts;
    h->n_voi_luts = luts ? n : 0;
}

static void take_palette(struct in *in, struct dicom_palette *p)
{
    uint32_t max = 0;

    p->bits = take_u32(in);
    for (int i = 0; i < 3; i++) {
        p->n[i] = take_below(in, LUT_ENTRIES_MAX);
        p->first[i] = take_first(in);
        p->data[i] = take_array(in, p->n[i], sizeof *p->data[i]);
        if (p->data[i] && largest(p->data[i], p->n[i]) > max)
            max = largest(p->data[i], p->n[i]);
    }
    demand(in,
           (p->n[0] > 0) == (p->n[1] > 0) && (p->n[0] > 0) == (p->n[2] > 0) &&
               (p->n[0] == 0 || p->bits == 16 || (p->bits == 8 && max < 256)));
}

static void take_values(struct in *in, struct dicom_header *h)
{
    take(in, &h->desc, sizeof h->desc);
    check_desc(in, &h->desc);
    take(in, &h->shared, sizeof h->shared);
    take(in, &h->padding, sizeof h->padding);
    check_padding(in, &h->padding);
    take(in, &h->spacing, sizeof h->spacing);
    check_spacing(in, &h->spacing);
    take_windows(in, h);
    take_voi_luts(in, h);
    if (h->has_modality_lut)
        take_lut(in, &h->modality_lut);
    take_palette(in, &h->palette);
    demand(in, is_frame(&h->shared, h));
}

/* ---- frames ---- */

static void take_per_frame(struct in *in, struct dicom_header *h)
{
    uint32_t n = take_below(in, h->frames);
    const struct dicom_frame *frames = take_array(in, n, sizeof *frames);

    for (uint32_t i = 0; frames && i < n && !in->bad; i++)
        demand(in, is_frame(&frames[i], h));
    h->per_frame = frames;
    h->n_per_frame = frames ? n : 0;
}

static void take_dimensions(struct in *in, struct dicom_header *h)
{
    h->n_dimensions = take_below(in, DIMENSIONS_MOST);
    h->dimension_pointers =
        take_array(in, h->n_dimensions, sizeof *h->dimension_pointers);
    if (take_below(in, 1))
        h->index_values = take_array(in, (size_t)h->frames * h->n_dimensions,
                                     sizeof *h->index_values);
}

static void take_vector(struct in *in, struct dicom_header *h)
{
    if (take_below(in, 1))
        h->frame_vector = take_array(in, h->frames, sizeof *h->frame_vector);
    if (h->frame_vector)
        demand(in, are_numbers_or_nan(h->frame_vector, h->frames));
}

static void take_extra(struct in *in, struct dicom_header *h)
{
    uint32_t n = take_u32(in);
    struct dicom_attr *extra;

    demand(in, n <= in->left / sizeof(uint64_t));
    if (in->bad || n == 0)
        return;
    extra = dicom_arena_alloc(in->arena, n, sizeof *extra);
    in->no_memory = in->no_memory || !extra;
    in->bad = in->bad || !extra;
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        extra[i].tag = take_u32(in);
        extra[i].index = take_u32(in);
        take(in, &extra[i].number, sizeof extra[i].number);
        extra[i].text = take_text(in);
        demand(in, is_number_or_nan(extra[i].number) &&
                       (!extra[i].text ||
                        dicom_is_utf8(extra[i].text, strlen(extra[i].text))));
    }
    h->extra = extra;
    h->n_extra = in->bad ? 0 : n;
}

/* ---- what belongs together ---- */

static bool is_decodable(const struct decode_desc *d)
{
    enum sample_type type;
    uint32_t channels;

    return d->codec != DECODE_UNSUPPORTED && d->rows && d->cols &&
           d->bits_alloc && decode_output(d, &channels, &type, NULL) == 0;
}

static void check_header(struct in *in, const struct dicom_header *h)
{
    demand(in, (h->warnings & ~(uint32_t)WARNINGS_ALL) == 0);
    demand(in, h->has_pixels == (h->pixels != DICOM_PIXELS_NONE));
    demand(in,
           h->frames <= in->frames_most && h->has_pixels == (h->frames > 0));
    demand(in, !h->decodable || h->has_pixels);
    demand(in, (h->why_not != NULL) == (h->has_pixels && !h->decodable));
    demand(in, !h->decodable || is_decodable(&h->desc));
}

/* ---- the source ---- */

static struct dicom_source *source_new(struct in *in, int fd, uint64_t size)
{
    struct dicom_source *s = calloc(1, sizeof *s);

    if (!s) {
        in->no_memory = in->bad = true;
        return NULL;
    }
    s->fd = fd;
    s->size = size;
    return s;
}

static void take_inflated(struct in *in, struct dicom_source *s)
{
    uint64_t start = take_u64(in), n = take_u64(in);

    demand(in, start <= s->size && n > 0 && n <= in->left);
    if (in->bad)
        return;
    s->inflated = malloc((size_t)n);
    if (!s->inflated) {
        in->no_memory = in->bad = true;
        return;
    }
    take(in, s->inflated, (size_t)n);
    s->data_start = start;
    s->size = start + n;
}

static void take_source(struct in *in, int fd, uint64_t size, unsigned want,
                        struct dicom_parsed *ret)
{
    bool has_source;

    ret->is_inflated = take_below(in, 1);
    has_source = take_below(in, 1);
    demand(in, has_source == ((want & DICOM_WANT_SOURCE) != 0));
    if (in->bad || !has_source)
        return;
    ret->source = source_new(in, fd, size);
    if (ret->source && ret->is_inflated)
        take_inflated(in, ret->source);
}

static void check_pixels(struct in *in, const struct dicom_parsed *p,
                         uint64_t size)
{
    const struct dicom_header *h = &p->header;

    if (p->source)
        size = p->source->size;
    else if (p->is_inflated)
        size = UINT64_MAX; /* it was not wanted: nobody can read them */
    demand(in, h->pixel_offset <= size &&
                   h->pixel_length <= size - h->pixel_offset);
}

static void take_extents(struct in *in, unsigned want, struct dicom_parsed *ret)
{
    uint64_t n = ret->header.frames;
    bool has = take_below(in, 1);
    size_t bytes = 0;

    demand(in, has || !(want & DICOM_WANT_EXTENTS));
    demand(in,
           !has || (ret->header.pixels == DICOM_PIXELS_ENCAPSULATED &&
                    checked_mul_size((size_t)n, sizeof *ret->extents, &bytes) &&
                    bytes <= in->left));
    if (in->bad || !has)
        return;
    ret->extents = malloc(bytes);
    if (!ret->extents) {
        in->no_memory = in->bad = true;
        return;
    }
    take(in, ret->extents, bytes);
}

/* ---- all together ---- */

static void take_all(struct in *in, int fd, uint64_t size, unsigned want,
                     struct dicom_parsed *ret)
{
    struct dicom_header *h = &ret->header;

    demand(in, take_u32(in) == DICOM_FLAT_MAGIC);
    for (size_t i = 0; i < dicom_flat_n_fields; i++)
        take_field(in, &dicom_flat_fields[i], h);
    take_values(in, h);
    check_header(in, h);
    take_per_frame(in, h);
    take_dimensions(in, h);
    take_vector(in, h);
    take_extra(in, h);
    take_source(in, fd, size, want, ret);
    check_pixels(in, ret, size);
    take_extents(in, want, ret);
    demand(in, in->left == 0);
}

int dicom_unflatten(const uint8_t *bytes, size_t length, int fd, uint64_t size,
                    const struct dicom_limits *limits, unsigned want,
                    struct dicom_parsed *ret, struct error *err)
{
    struct dicom_limits full = dicom_limits_full(limits);
    struct in in = {.bytes = bytes, .left = length, .frames_most = full.frames};

    *ret = (struct dicom_parsed)DICOM_PARSED_INIT;
    in.arena = ret->header.arena = dicom_arena_new();
    if (!in.arena)
        return error_no_memory(err);
    take_all(&in, fd, size, want, ret);
    if (!in.bad) {
        if (ret->source)
            ret->source->limits = full;
        return 0;
    }
    dicom_parsed_deinit(ret);
    if (in.no_memory)
        return error_no_memory(err);
    return error_set(err, ERROR_CORRUPT, "not the bytes of a header");
}
