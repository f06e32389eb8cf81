// SPDX-License-Identifier: MIT
/*
 * jpegls_scan.c: see jpegls_scan.h. The names are those of T.87 Annex A:
 *
 *     Rc Rb Rd      the row above (edges: T.87 A.2.1)
 *     Ra Ix         Ix is next
 *
 * Rows are held with one sample of margin on either side. Data that end early
 * are noticed at the end of the row (bits.h). Every value that comes
 * from the stream is bounded before it is used
 * (`golomb`), so that damaged data can neither overflow nor write outside.
 */
#include "decode/jpegls_scan.h"

#include <stdlib.h>
#include <string.h>

#include "decode/bits.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

#define CONTEXTS 365
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* T.87 table A.8: log2 of the run lengths. */
static const uint8_t run_bits[32] = {0, 0, 0, 0, 1,  1,  1,  1,  2,  2, 2,
                                     2, 3, 3, 3, 3,  4,  4,  5,  5,  6, 6,
                                     7, 7, 8, 9, 10, 11, 12, 13, 14, 15};

struct context {
    uint32_t a;
    int32_t b;
    int32_t c;
    uint32_t n;
};

struct run_context {
    uint32_t a;
    uint32_t n;
    uint32_t nn;
};

struct state {
    const struct jpegls_scan *scan;
    struct bits bits;
    int32_t range;
    int32_t step; /* 2 * NEAR + 1 */
    int qbpp;
    int limit;
    bool is_damaged;
    struct context context[CONTEXTS];
    struct run_context run[2];
    unsigned run_index[JPEGLS_COMPONENTS_MAX];
    int8_t *quantized; /* by gradient, -MAXVAL .. MAXVAL */
};

static int32_t clamp_threshold(int32_t value, int32_t low, int32_t maxval)
{
    return value > maxval || value < low ? low : value;
}

static int32_t max32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t min32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* T.87 C.2.4.1.1.1. */
static void default_thresholds(const struct jpegls_scan *s, int32_t ret[3])
{
    int32_t near = s->near;

    if (s->maxval >= 128) {
        int32_t factor = (min32(s->maxval, 4095) + 128) / 256;

        ret[0] = factor * (3 - 2) + 2 + 3 * near;
        ret[1] = factor * (7 - 3) + 3 + 5 * near;
        ret[2] = factor * (21 - 4) + 4 + 7 * near;
    } else {
        int32_t factor = 256 / (s->maxval + 1);

        ret[0] = max32(2, 3 / factor + 3 * near);
        ret[1] = max32(3, 7 / factor + 5 * near);
        ret[2] = max32(4, 21 / factor + 7 * near);
    }
    ret[0] = clamp_threshold(ret[0], near + 1, s->maxval);
    ret[1] = clamp_threshold(ret[1], ret[0], s->maxval);
    ret[2] = clamp_threshold(ret[2], ret[1], s->maxval);
}

int jpegls_scan_check(struct jpegls_scan *scan, struct error *err)
{
    int32_t defaults[3];
    const int32_t *t = scan->threshold;

    if (scan->maxval < 1 || scan->maxval > 65535 || scan->near < 0 ||
        scan->near > min32(255, scan->maxval / 2))
        return error_set(err, ERROR_CORRUPT, "JPEG-LS MAXVAL %d, NEAR %d",
                         scan->maxval, scan->near);
    default_thresholds(scan, defaults);
    for (int i = 0; i < 3; i++)
        if (!scan->threshold[i])
            scan->threshold[i] = defaults[i];
    if (!scan->reset)
        scan->reset = 64;
    if (t[0] <= scan->near || t[1] < t[0] || t[2] < t[1] ||
        t[2] > scan->maxval || scan->reset < 3 ||
        scan->reset > max32(255, scan->maxval))
        return error_set(err, ERROR_CORRUPT,
                         "JPEG-LS thresholds %d %d %d, RESET %d", t[0], t[1],
                         t[2], scan->reset);
    return 0;
}

/*
 * A.5.3: a limited-length Golomb code: `k` low bits behind the unary rest, or
 * from limit - qbpp - 1 zeros on, the value less 1 as it is. Legal values
 * stay below 2 * RANGE; anything else marks the scan as damaged.
 */
static ALWAYS_INLINE int32_t golomb(struct state *s, unsigned k, int limit)
{
    struct bits *b = &s->bits;
    int escape = limit - s->qbpp - 1;
    int zeros;
    uint32_t value;

    if (b->count < 32)
        bits_refill(b);
    zeros = b->cache ? __builtin_clzll(b->cache) : 64;
    if (zeros >= b->count) {
        bits_refill(b);
        zeros = b->cache ? __builtin_clzll(b->cache) : 64;
    }
    if (zeros < escape) {
        b->cache <<= zeros + 1;
        b->count -= zeros + 1;
        value = (uint32_t)zeros << k | bits_get(b, k);
    } else {
        if (zeros > escape) {
            s->is_damaged = true;
            return 0;
        }
        b->cache <<= zeros + 1;
        b->count -= zeros + 1;
        value = bits_get(b, (unsigned)s->qbpp) + 1;
    }
    if (value > 2 * (uint32_t)s->range) {
        s->is_damaged = true;
        return 0;
    }
    return (int32_t)value;
}

/* A.5.1: the smallest k with N << k >= A. */
static ALWAYS_INLINE unsigned golomb_k(uint32_t n, uint32_t a)
{
    int k = __builtin_clz(n) - __builtin_clz(a | 1);

    if (k < 0)
        return 0;
    return (unsigned)k + ((uint64_t)n << k < a);
}

/* A.4.4, A.8: adds the dequantized error to the prediction, modulo RANGE. */
static ALWAYS_INLINE int32_t reconstruct(const struct state *s, int32_t px,
                                         int32_t error)
{
    int32_t maxval = s->scan->maxval;
    int32_t near = s->scan->near;
    int32_t x = px + error * s->step;

    if (x < -near)
        x += s->range * s->step;
    else if (x > maxval + near)
        x -= s->range * s->step;
    return x < 0 ? 0 : x > maxval ? maxval : x;
}

/* A.6: accumulators, and the bias of the prediction. */
static ALWAYS_INLINE void update(const struct state *s, struct context *c,
                                 int32_t error)
{
    int32_t n;

    c->b += error * s->step;
    c->a += (uint32_t)(error < 0 ? -error : error);
    if (c->n == (uint32_t)s->scan->reset) {
        c->a >>= 1;
        c->b >>= 1;
        c->n >>= 1;
    }
    n = (int32_t)++c->n;
    if (c->b <= -n) {
        c->b = max32(c->b + n, 1 - n);
        if (c->c > -128)
            c->c--;
    } else if (c->b > 0) {
        c->b = min32(c->b - n, 0);
        if (c->c < 127)
            c->c++;
    }
}

static ALWAYS_INLINE int32_t predict(int32_t ra, int32_t rb, int32_t rc)
{
    int32_t low = min32(ra, rb), high = max32(ra, rb);

    if (rc >= high)
        return low;
    if (rc <= low)
        return high;
    return ra + rb - rc;
}

/* A.3: 0 exactly where all gradients are within NEAR; the sign of the number
 * is the SIGN of A.3.4. */
static ALWAYS_INLINE int context_of(const struct state *s, int32_t ra,
                                    int32_t rb, int32_t rc, int32_t rd)
{
    const int8_t *q = s->quantized + s->scan->maxval;

    return 81 * q[rd - rb] + 9 * q[rb - rc] + q[rc - ra];
}

static ALWAYS_INLINE int32_t regular(struct state *s, int number, int32_t ra,
                                     int32_t rb, int32_t rc)
{
    int32_t sign = number < 0 ? -1 : 1;
    struct context *c = &s->context[number * sign];
    unsigned k = golomb_k(c->n, c->a);
    int32_t px = predict(ra, rb, rc) + sign * c->c;
    int32_t mapped = golomb(s, k, s->limit);
    int32_t error = mapped & 1 ? -((mapped + 1) >> 1) : mapped >> 1;

    px = px < 0 ? 0 : min32(px, s->scan->maxval);
    if (!k && !s->scan->near && 2 * c->b <= -(int32_t)c->n)
        error = -error - 1; /* A.5.2: the mapping is mirrored */
    update(s, c, error);
    return reconstruct(s, px, sign * error);
}

/* A.7.2: the sample that ended a run. `type` is RItype. */
static int32_t interruption_error(struct state *s, unsigned type,
                                  unsigned run_index)
{
    struct run_context *c = &s->run[type];
    unsigned k = golomb_k(c->n, c->a + (type ? c->n >> 1 : 0));
    int32_t em = golomb(s, k, s->limit - run_bits[run_index] - 1);
    int32_t t = em + (int32_t)type;
    bool map = t & 1;
    int32_t error = (t + map) / 2;

    if ((k != 0 || 2 * c->nn >= c->n) == map)
        error = -error;
    if (error < 0)
        c->nn++;
    c->a += (uint32_t)(em + 1 - (int32_t)type) >> 1;
    if (c->n == (uint32_t)s->scan->reset) {
        c->a >>= 1;
        c->n >>= 1;
        c->nn >>= 1;
    }
    c->n++;
    return error;
}

static int32_t sign_of(int32_t value)
{
    return value < 0 ? -1 : 1;
}

/* A.7.1: length of the run in pixels, at most `left`. *ret_ended is false if
 * it goes to the end of the row. */
static uint32_t run_length(struct state *s, unsigned *run_index, uint32_t left,
                           bool *ret_ended)
{
    uint32_t length = 0;

    *ret_ended = false;
    while (bits_get(&s->bits, 1)) {
        uint32_t part = 1u << run_bits[*run_index];

        if (part > left - length)
            return left;
        length += part;
        if (*run_index < 31)
            (*run_index)++;
        if (length == left)
            return length;
    }
    length += bits_get(&s->bits, run_bits[*run_index]);
    if (length >= left) {
        s->is_damaged = true;
        return left;
    }
    *ret_ended = true;
    return length;
}

/* A run from `x` on in a row of one component; the next position. */
static uint32_t run_one(struct state *s, const int32_t *above, int32_t *row,
                        uint32_t x, unsigned *run_index)
{
    int32_t ra = row[(ptrdiff_t)x - 1], rb, error;
    bool has_ended;
    uint32_t length = run_length(s, run_index, s->scan->cols - x, &has_ended);

    for (uint32_t i = 0; i < length; i++)
        row[x + i] = ra;
    x += length;
    if (!has_ended)
        return x;
    rb = above[x];
    if (ra - rb <= s->scan->near && rb - ra <= s->scan->near) {
        error = interruption_error(s, 1, *run_index);
        row[x] = reconstruct(s, ra, error);
    } else {
        error = interruption_error(s, 0, *run_index);
        row[x] = reconstruct(s, rb, error * sign_of(rb - ra));
    }
    if (*run_index > 0)
        (*run_index)--;
    return x + 1;
}

static void row_of_one(struct state *s, const int32_t *above, int32_t *row,
                       unsigned *run_index)
{
    uint32_t cols = s->scan->cols;
    uint32_t x = 0;

    while (x < cols && !s->is_damaged) {
        int32_t ra = row[(ptrdiff_t)x - 1], rb = above[x];
        int32_t rc = above[(ptrdiff_t)x - 1], rd = above[x + 1];
        int number = context_of(s, ra, rb, rc, rd);

        if (number)
            row[x++] = regular(s, number, ra, rb, rc);
        else
            x = run_one(s, above, row, x, run_index);
    }
}

/* The same for pixels of `n` interleaved samples: one run for all of them,
 * interrupted by all of them, always with RItype 0. */
static uint32_t run_pixels(struct state *s, unsigned n, const int32_t *above,
                           int32_t *row, uint32_t x, unsigned *run_index)
{
    bool has_ended;
    uint32_t length = run_length(s, run_index, s->scan->cols - x, &has_ended);
    int32_t *p = row + (size_t)x * n;
    const int32_t *up = above + (size_t)x * n;
    const int32_t *left = p - n;

    for (size_t i = 0; i < (size_t)length * n; i++)
        p[i] = p[(ptrdiff_t)i - (ptrdiff_t)n];
    x += length;
    if (!has_ended)
        return x;
    p += (size_t)length * n;
    up += (size_t)length * n;
    for (unsigned c = 0; c < n; c++) {
        int32_t error = interruption_error(s, 0, *run_index);

        p[c] = reconstruct(s, up[c], error * sign_of(up[c] - left[c]));
    }
    if (*run_index > 0)
        (*run_index)--;
    return x + 1;
}

static void row_of_pixels(struct state *s, unsigned n, const int32_t *above,
                          int32_t *row, unsigned *run_index)
{
    uint32_t cols = s->scan->cols;
    uint32_t x = 0;

    while (x < cols && !s->is_damaged) {
        int32_t *p = row + (size_t)x * n;
        const int32_t *up = above + (size_t)x * n;
        int number[JPEGLS_COMPONENTS_MAX];
        int any = 0;

        for (unsigned c = 0; c < n; c++) {
            ptrdiff_t i = (ptrdiff_t)c, d = (ptrdiff_t)n;

            number[c] = context_of(s, p[i - d], up[i], up[i - d], up[i + d]);
            any |= number[c];
        }
        if (!any) {
            x = run_pixels(s, n, above, row, x, run_index);
            continue;
        }
        for (unsigned c = 0; c < n; c++) {
            ptrdiff_t i = (ptrdiff_t)c, d = (ptrdiff_t)n;

            p[i] = regular(s, number[c], p[i - d], up[i], up[i - d]);
        }
        x++;
    }
}

static void reset(struct state *s)
{
    uint32_t a = (uint32_t)max32(2, (s->range + 32) / 64);

    for (int i = 0; i < CONTEXTS; i++)
        s->context[i] = (struct context){a, 0, 0, 1};
    for (int i = 0; i < 2; i++)
        s->run[i] = (struct run_context){a, 1, 0};
    memset(s->run_index, 0, sizeof s->run_index);
}

static int8_t quantize(const struct jpegls_scan *scan, int32_t d)
{
    const int32_t *t = scan->threshold;
    int32_t size = d < 0 ? -d : d;
    int level = size <= scan->near ? 0
                : size < t[0]      ? 1
                : size < t[1]      ? 2
                : size < t[2]      ? 3
                                   : 4;

    return (int8_t)(d < 0 ? -level : level);
}

static int ceil_log2(int32_t value)
{
    return value <= 1 ? 0 : 32 - __builtin_clz((unsigned)value - 1);
}

static int state_init(struct state *s, const struct jpegls_scan *scan,
                      struct error *err)
{
    int bpp = (int)max32(2, ceil_log2(scan->maxval + 1));

    s->scan = scan;
    s->step = 2 * scan->near + 1;
    s->range = (scan->maxval + 2 * scan->near) / s->step + 1;
    s->qbpp = ceil_log2(s->range);
    s->limit = 2 * (bpp + (int)max32(8, bpp));
    s->is_damaged = false;
    s->quantized = malloc(2 * (size_t)scan->maxval + 1);
    if (!s->quantized)
        return error_no_memory(err);
    for (int32_t d = -scan->maxval; d <= scan->maxval; d++)
        s->quantized[d + scan->maxval] = quantize(scan, d);
    reset(s);
    return 0;
}

static void state_deinit(struct state *s)
{
    free(s->quantized);
}

/* Behind a restart interval: RSTm, then everything starts anew. The bits
 * before it are padding. */
static int restart(struct state *s, const uint8_t *end, unsigned number,
                   struct error *err)
{
    const uint8_t *p = s->bits.next; /* at the marker or before it */

    while (end - p >= 2 && !(p[0] == 0xff && p[1] == 0xd0 + number))
        p++;
    if (end - p < 2)
        return error_set(err, ERROR_CORRUPT,
                         "JPEG-LS restart marker %u is missing", number);
    bits_init(&s->bits, p + 2, end);
    reset(s);
    return 0;
}

struct rows {
    int32_t *above; /* first sample of the first component */
    int32_t *row;
    size_t stride; /* from component to component, by line and by plane */
};

/* A.2.1: left of the row stands the sample above it, right of the row above
 * its last sample again. `n` interleaved samples. */
static void set_edges(int32_t *above, int32_t *row, uint32_t cols, unsigned n)
{
    for (unsigned c = 0; c < n; c++) {
        row[(ptrdiff_t)c - (ptrdiff_t)n] = above[c];
        above[(size_t)cols * n + c] = above[((size_t)cols - 1) * n + c];
    }
}

static void decode_row(struct state *s, const struct rows *r)
{
    unsigned n = s->scan->components;

    if (s->scan->interleave == JPEGLS_BY_SAMPLE) {
        set_edges(r->above, r->row, s->scan->cols, n);
        row_of_pixels(s, n, r->above, r->row, &s->run_index[0]);
        return;
    }
    for (unsigned c = 0; c < n && !s->is_damaged; c++) {
        int32_t *above = r->above + c * r->stride;
        int32_t *row = r->row + c * r->stride;

        set_edges(above, row, s->scan->cols, 1);
        row_of_one(s, above, row, &s->run_index[c]);
    }
}

static void give_row(const struct jpegls_scan *scan, const struct rows *r,
                     uint32_t y, jpegls_row_fn give, void *opaque)
{
    for (unsigned c = 0; c < scan->components; c++)
        if (scan->interleave == JPEGLS_BY_SAMPLE)
            give(opaque, c, y, r->row + c, scan->components);
        else
            give(opaque, c, y, r->row + c * r->stride, 1);
}

static int decode_rows(struct state *s, struct rows *r, size_t row_size,
                       int32_t *memory, const uint8_t *end, jpegls_row_fn give,
                       void *opaque, struct error *err)
{
    const struct jpegls_scan *scan = s->scan;
    unsigned restarts = 0;

    for (uint32_t y = 0; y < scan->rows; y++) {
        int32_t *swap;

        if (scan->restart_rows && y && y % scan->restart_rows == 0) {
            if (restart(s, end, restarts++ % 8, err))
                return -1;
            memset(memory, 0, 2 * row_size * sizeof *memory);
        }
        decode_row(s, r);
        if (s->is_damaged || bits_took_invented(&s->bits))
            return error_set(err, ERROR_CORRUPT,
                             "JPEG-LS data are damaged or end in row %u of %u",
                             y, scan->rows);
        give_row(scan, r, y, give, opaque);
        swap = r->above;
        r->above = r->row;
        r->row = swap;
    }
    return 0;
}

int jpegls_scan_decode(const struct jpegls_scan *scan, const uint8_t *bytes,
                       size_t length, jpegls_row_fn give, void *opaque,
                       struct error *err)
{
    CLEANUP_FREE int32_t *memory = NULL;
    CLEANUP_FREE struct state *s = calloc(1, sizeof *s);
    struct rows r;
    size_t row_size;
    int rc;

    /* One sample or pixel of margin on both sides. */
    r.stride = (size_t)scan->cols + 2;
    if (!checked_mul_size(r.stride, scan->components, &row_size))
        return error_set(err, ERROR_CORRUPT, "the row's size overflows");
    memory = calloc(2 * row_size, sizeof *memory);
    if (!s || !memory || state_init(s, scan, err))
        return error_no_memory(err);
    bits_init(&s->bits, bytes, bytes + length);
    r.above = memory + scan->components;
    r.row = r.above + row_size;
    if (scan->interleave != JPEGLS_BY_SAMPLE) {
        r.above = memory + 1;
        r.row = r.above + row_size;
    }
    rc =
        decode_rows(s, &r, row_size, memory, bytes + length, give, opaque, err);
    state_deinit(s);
    return rc;
}
