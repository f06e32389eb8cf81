// SPDX-License-Identifier: MIT
/*
 * translate.c: see translate.h. Every option becomes the token of an operator;
 * the tokens are joined and parsed like any other name, so that there is one
 * place that knows what goes with what.
 */
#include "ctl/translate.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct translation {
    const char *const *values;
    FILE *notes;
    char text[VIEW_TEXT_SIZE];
    size_t length;
    struct error *err;
};

static const char *given(const struct translation *t, enum ctl_option o)
{
    return t->values[o];
}

/* ---- tokens ---- */

__attribute__((format(printf, 2, 3))) static int put(struct translation *t,
                                                     const char *fmt, ...)
{
    size_t room = sizeof t->text - t->length;
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(t->text + t->length, room, fmt, ap);

    va_end(ap);
    if (n < 0 || (size_t)n >= room)
        return error_set(t->err, ERROR_USAGE,
                         "the options are more than a view can hold");
    t->length += (size_t)n;
    return 0;
}

/* The beginning of an operator. */
static int put_op(struct translation *t, const char *op)
{
    return put(t, "%s%s", t->length ? "_" : "", op);
}

static void note(const struct translation *t, const char *text)
{
    if (t->notes)
        (void)fprintf(t->notes, "%s\n", text);
}

/* ---- arguments ---- */

static int bad(const struct translation *t, const char *option,
               const char *wanted, const char *got)
{
    return error_set(t->err, ERROR_USAGE, "%s is %s, not \"%s\"", option,
                     wanted, got);
}

/* A number as a name can hold it, digits and a point: as short as it can be
 * and still be the same number. */
static int put_number(struct translation *t, double v)
{
    char text[400];

    for (int digits = 0; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*f", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return put(t, "%s", text);
}

/* `n` numbers with commas between them; how many there were, or -1. */
static int numbers(const char *text, int n, double *ret)
{
    for (int i = 0; i < n; i++) {
        char *end;

        size_t length = strspn(text, "+-.0123456789eE");

        /* strtod takes blanks, hexadecimal digits and words besides */
        ret[i] = strtod(text, &end);
        if (end == text || end != text + length || !isfinite(ret[i]))
            return -1;
        if (*end == '\0')
            return i + 1;
        if (*end != ',')
            return -1;
        text = end + 1;
    }
    return -1;
}

static bool is_whole(double v, double least, double most)
{
    return v == floor(v) && v >= least && v <= most;
}

/* ---- options ---- */

struct word {
    const char *theirs;
    const char *ours;
};

/* The word of an option in a list that ends with a NULL. */
static const struct word *find_word(const struct translation *t,
                                    enum ctl_option o, const char *option,
                                    const char *wanted,
                                    const struct word *words)
{
    for (const struct word *w = words; w->theirs; w++)
        if (strcmp(w->theirs, given(t, o)) == 0)
            return w;
    (void)bad(t, option, wanted, given(t, o));
    return NULL;
}

static int put_crop(struct translation *t)
{
    const char *border = given(t, CTL_BORDER_FRAC);
    double f = 0.0;

    if (border && (numbers(border, 1, &f) != 1 || f < 0.0 || f > 0.5))
        return bad(t, "--border-frac", "a number from 0 to 0.5", border);
    if (!given(t, CTL_CROP)) {
        if (border || given(t, CTL_CROP_MAX) || given(t, CTL_NO_COMPONENTS))
            note(t, "-m, -n and -b do nothing without -c");
        return 0;
    }
    if (put_op(t, "crop") != 0 ||
        (given(t, CTL_CROP_MAX) && put(t, "-max") != 0) ||
        (given(t, CTL_NO_COMPONENTS) && put(t, "-nocomp") != 0))
        return -1;
    if (f == 0.0)
        return 0;
    return put(t, "-b") != 0 ? -1 : put_number(t, f);
}

static int put_size(struct translation *t)
{
    const char *text = given(t, CTL_SIZE);
    double v[2];

    if (!text)
        return 0;
    if (numbers(text, 2, v) != 2 || !is_whole(v[0], 1, VIEW_PIXELS_MAX) ||
        !is_whole(v[1], 1, VIEW_PIXELS_MAX))
        return bad(t, "--size", "WIDTH,HEIGHT", text);
    return put_op(t, "size-") != 0 ? -1 : put(t, "%.0fx%.0f", v[0], v[1]);
}

static int put_spacing(struct translation *t)
{
    const char *text = given(t, CTL_SPACING);
    double v[3];

    if (!text)
        return 0;
    if (given(t, CTL_SIZE))
        return error_set(t->err, ERROR_USAGE,
                         "--size and --spacing exclude each other");
    int n = numbers(text, 3, v);
    bool good = n >= 2;

    for (int i = 0; i < n; i++)
        good = good && v[i] > 0.0;
    if (!good)
        return bad(t, "--spacing", "X,Y or X,Y,Z in millimetres", text);
    if (put_op(t, "spacing") != 0)
        return -1;
    for (int i = 0; i < n; i++)
        if (put(t, i ? "x" : "-") != 0 || put_number(t, v[i]) != 0)
            return -1;
    return 0;
}

static int put_filter(struct translation *t)
{
    static const struct word words[] = {
        {"triangle", NULL},
        {"nearest", "filter-nearest"},
        {"catmull-rom", "filter-catmullrom"},
        {"gaussian", "filter-gaussian"},
        {"lanczos3", "filter-lanczos3"},
        {"max-pool", "filter-maxpool"},
        {NULL, NULL},
    };
    const struct word *w;

    if (!given(t, CTL_FILTER))
        return 0;
    w = find_word(t, CTL_FILTER, "--filter",
                  "triangle, nearest, catmull-rom, gaussian, lanczos3 or "
                  "max-pool",
                  words);
    if (!w)
        return -1;
    if (!given(t, CTL_SIZE) && !given(t, CTL_SPACING)) {
        note(t, "-f does nothing without -s or --spacing");
        return 0;
    }
    return w->ours ? put_op(t, w->ours) : 0;
}

static int put_padding(struct translation *t)
{
    static const struct word words[] = {
        {"zero", NULL},
        {"top-left", "pad-topleft"},
        {"bottom-right", "pad-bottomright"},
        {"center", "pad-center"},
        {NULL, NULL},
    };
    const struct word *w = NULL;

    if (given(t, CTL_PADDING)) {
        w = find_word(t, CTL_PADDING, "--padding",
                      "zero, top-left, bottom-right or center", words);
        if (!w)
            return -1;
    }
    if (!given(t, CTL_SIZE)) {
        if (w || given(t, CTL_NO_PADDING))
            note(t, "-p and --no-padding do nothing without -s");
        return 0;
    }
    if (given(t, CTL_NO_PADDING))
        return put_op(t, "nopad");
    return w && w->ours ? put_op(t, w->ours) : 0;
}

static int put_compressor(struct translation *t)
{
    static const struct word words[] = {
        {"uncompressed", NULL},
        {"packbits", "pack-packbits"},
        {"lzw", "pack-lzw"},
        {NULL, NULL},
    };
    const struct word *w;

    if (!given(t, CTL_COMPRESSOR))
        return 0;
    w = find_word(t, CTL_COMPRESSOR, "--compressor",
                  "uncompressed, packbits or lzw", words);
    if (!w)
        return -1;
    return w->ours ? put_op(t, w->ours) : 0;
}

static int put_interp(struct translation *t)
{
    const char *text = given(t, CTL_TARGET_FRAMES);
    double n = 32.0;

    if (text && (numbers(text, 1, &n) != 1 || !is_whole(n, 1, VIEW_PARTS_MAX)))
        return bad(t, "--target-frames", "a number of frames", text);
    return put_op(t, "vol-interp-") != 0 ? -1 : put(t, "%.0f", n);
}

static int put_lapmip(struct translation *t)
{
    static const struct word modes[] = {
        {"parallel-beam", NULL},
        {"central-slice", "-central"},
        {NULL, NULL},
    };
    const char *weight = given(t, CTL_MIP_WEIGHT);
    const char *skip = given(t, CTL_SKIP_FRAMES);
    const struct word *mode = NULL;
    double v;

    if (put_op(t, "vol-lapmip") != 0)
        return -1;
    if (weight) {
        if (numbers(weight, 1, &v) != 1)
            return bad(t, "--mip-weight", "a number", weight);
        if (put(t, "-w") != 0 || put_number(t, v) != 0)
            return -1;
    }
    if (skip) {
        if (numbers(skip, 1, &v) != 1 || !is_whole(v, 0, VIEW_PARTS_MAX))
            return bad(t, "--skip-frames", "a number of frames", skip);
        if (put(t, "-skip%.0f", v) != 0)
            return -1;
    }
    if (given(t, CTL_PROJECTION_MODE)) {
        mode = find_word(t, CTL_PROJECTION_MODE, "--projection-mode",
                         "parallel-beam or central-slice", modes);
        if (!mode)
            return -1;
    }
    return mode && mode->ours ? put(t, "%s", mode->ours) : 0;
}

static int put_volume(struct translation *t)
{
    static const struct word words[] = {
        {"keep", NULL},
        {"central-slice", "vol-central"},
        {"max-intensity", "vol-mip"},
        {"interpolate", "vol-interp"},
        {"laplacian-mip", "vol-lapmip"},
        {NULL, NULL},
    };
    const char *handler = given(t, CTL_VOLUME_HANDLER);
    const struct word *w;

    if (given(t, CTL_TARGET_FRAMES) && !handler)
        return error_set(t->err, ERROR_USAGE,
                         "--target-frames needs --volume-handler");
    w = !handler ? &words[0]
                 : find_word(t, CTL_VOLUME_HANDLER, "--volume-handler",
                             "keep, central-slice, max-intensity, interpolate "
                             "or laplacian-mip",
                             words);
    if (!w)
        return -1;
    bool interp = w == &words[3];
    bool lapmip = w == &words[4];

    if (given(t, CTL_TARGET_FRAMES) && !interp)
        note(t, "-t does nothing without -v interpolate");
    if ((given(t, CTL_MIP_WEIGHT) || given(t, CTL_SKIP_FRAMES) ||
         given(t, CTL_PROJECTION_MODE)) &&
        !lapmip)
        note(t, "--mip-weight, --skip-frames and --projection-mode do nothing "
                "without -v laplacian-mip");
    if (interp)
        return put_interp(t);
    if (lapmip)
        return put_lapmip(t);
    return w->ours ? put_op(t, w->ours) : 0;
}

static int put_window(struct translation *t)
{
    const char *text = given(t, CTL_WINDOW);
    double v[2];

    if (!text)
        return 0;
    if (numbers(text, 2, v) != 2)
        return bad(t, "--window", "CENTRE,WIDTH", text);
    if (put_op(t, "window-c") != 0 || put_number(t, v[0]) != 0 ||
        put(t, "-w") != 0)
        return -1;
    return put_number(t, v[1]);
}

static int put_with(struct translation *t)
{
    const char *with = given(t, CTL_WITH);

    if (!with)
        return 0;
    return put_op(t, with);
}

bool translate_is_wanted(const char *const values[CTL_OPTIONS])
{
    for (int o = CTL_CROP; o <= CTL_WINDOW; o++)
        if (values[o])
            return true;
    return false;
}

int translate(const char *const values[CTL_OPTIONS],
              const struct view_presets *presets, FILE *notes, struct view *ret,
              struct error *err)
{
    static int (*const steps[])(struct translation *) = {
        put_window, put_volume,  put_crop,       put_size, put_spacing,
        put_filter, put_padding, put_compressor, put_with,
    };
    struct translation t = {.values = values, .notes = notes, .err = err};
    struct error own = ERROR_INIT;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i](&t) != 0)
            return -1;
    if (t.length == 0)
        (void)put(&t, "full");
    if (view_parse(t.text, presets, ret, NULL, &own) == 0)
        return 0;
    return error_set(err, ERROR_USAGE,
                     "these options are the view %.120s: %.*s", t.text, 100,
                     own.msg);
}
