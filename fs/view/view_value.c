// SPDX-License-Identifier: MIT
/*
 * view_value.c: the text of one argument -> its fields.
 *
 * A reader steps over the text; what it does not understand it leaves behind,
 * or notes as a fault: where, what kind, and why.
 */
#include "view/view_ops.h"

#include <string.h>

/* Notes a fault from `from` to where the reader is (to the end, if it has
 * not moved; all of the argument, if nothing is left). */
static int bad_value(struct view_reader *r, enum view_problem_kind kind,
                     const char *from, const char *msg)
{
    const char *end = r->at > from ? r->at : r->end;

    r->fault_kind = kind;
    r->fault = end == from ? r->text : from;
    r->fault_length = (size_t)(end - r->fault);
    r->msg = msg;
    return -1;
}

static void store(struct view_reader *r, size_t offset, const void *value,
                  size_t size)
{
    memcpy((char *)r->view + offset, value, size);
}

static void store_u32(struct view_reader *r, size_t offset, uint32_t value)
{
    store(r, offset, &value, sizeof value);
}

/* The text at r->at begins with `word`: step over it. */
static bool skip_word(struct view_reader *r, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    return true;
}

static int read_int(struct view_reader *r, double lo, double hi, uint32_t *ret)
{
    const char *from = r->at;
    uint64_t value;

    if (!view_digits(&r->at, r->end, &value))
        return bad_value(r, VIEW_PROBLEM_SYNTAX, from,
                         "a whole number is expected");
    if (r->at < r->end && *r->at == '.') {
        r->at = r->end;
        return bad_value(r, VIEW_PROBLEM_SYNTAX, from,
                         "a whole number is expected");
    }
    if ((double)value < lo || (double)value > hi)
        return bad_value(r, VIEW_PROBLEM_RANGE, from,
                         lo > 0 && value == 0 ? "must be at least 1"
                                              : "out of range");
    *ret = (uint32_t)value;
    return 0;
}

static int read_num(struct view_reader *r, double lo, double hi, double *ret)
{
    const char *from = r->at;

    switch (view_number(&r->at, r->end, ret)) {
    case NUMBER_OK:
        break;
    case NUMBER_NONE:
        return bad_value(r, VIEW_PROBLEM_SYNTAX, from, "a number is expected");
    case NUMBER_DIGITS:
        return bad_value(r, VIEW_PROBLEM_RANGE, from,
                         "more than 15 significant digits or 12 decimals");
    }
    if (*ret < lo && lo > 0)
        return bad_value(r, VIEW_PROBLEM_RANGE, from, "must be above 0");
    if (*ret < lo || *ret > hi)
        return bad_value(r, VIEW_PROBLEM_RANGE, from, "out of range");
    return 0;
}

static int read_dims(struct view_reader *r, const struct view_arg *arg,
                     struct view_dims *ret)
{
    *ret = (struct view_dims){0, 0, 0};
    if (read_int(r, arg->lo, arg->hi, &ret->width))
        return -1;
    if (arg->kind == ARG_SQUARE && r->at == r->end) {
        ret->height = ret->width;
        return 0;
    }
    if (!skip_word(r, "x"))
        return bad_value(r, VIEW_PROBLEM_SYNTAX, r->at,
                         "WIDTHxHEIGHT is expected");
    if (read_int(r, arg->lo, arg->hi, &ret->height))
        return -1;
    if (!skip_word(r, "x"))
        return 0;
    return read_int(r, arg->lo, arg->hi, &ret->depth);
}

static int read_box(struct view_reader *r, const struct view_arg *arg)
{
    struct view *view = r->view;

    if (read_dims(r, arg, &view->region_size))
        return -1;
    if (!skip_word(r, "at"))
        return bad_value(r, VIEW_PROBLEM_SYNTAX, r->at,
                         "'at' and a corner are expected");
    if (read_int(r, 0, arg->hi, &view->region_x))
        return -1;
    if (!skip_word(r, "x"))
        return bad_value(r, VIEW_PROBLEM_SYNTAX, r->at, "LEFTxTOP is expected");
    if (read_int(r, 0, arg->hi, &view->region_y))
        return -1;
    if (view->region_size.depth == 0)
        return 0;
    if (!skip_word(r, "x"))
        return bad_value(r, VIEW_PROBLEM_SYNTAX, r->at,
                         "LEFTxTOPxFIRST is expected with a depth");
    return read_int(r, 0, arg->hi, &view->region_z);
}

static int read_spacing(struct view_reader *r, const struct view_arg *arg)
{
    struct view *view = r->view;

    if (read_num(r, arg->lo, arg->hi, &view->spacing_x))
        return -1;
    if (!skip_word(r, "x"))
        return bad_value(r, VIEW_PROBLEM_SYNTAX, r->at, "XxY is expected");
    if (read_num(r, arg->lo, arg->hi, &view->spacing_y))
        return -1;
    if (!skip_word(r, "x"))
        return 0;
    return read_num(r, arg->lo, arg->hi, &view->spacing_z);
}

static int read_range(struct view_reader *r, const struct view_arg *arg)
{
    struct view *view = r->view;

    if (read_num(r, arg->lo, arg->hi, &view->range_lo))
        return -1;
    if (!skip_word(r, "to"))
        return bad_value(r, VIEW_PROBLEM_SYNTAX, r->at, "AtoB is expected");
    if (read_num(r, arg->lo, arg->hi, &view->range_hi))
        return -1;
    if (view->range_lo >= view->range_hi)
        return bad_value(r, VIEW_PROBLEM_RANGE, r->text,
                         "the first must be below the second");
    return 0;
}

static int read_pick(struct view_reader *r, const struct view_arg *arg)
{
    struct view *view = r->view;

    if (read_int(r, arg->lo, arg->hi, &view->pick_first))
        return -1;
    view->pick_last = view->pick_first;
    view->pick_step = 1;
    if (!skip_word(r, "to"))
        return 0;
    if (read_int(r, arg->lo, arg->hi, &view->pick_last))
        return -1;
    if (view->pick_last < view->pick_first)
        return bad_value(r, VIEW_PROBLEM_RANGE, r->text,
                         "the last comes before the first");
    if (skip_word(r, "by") && read_int(r, 1, arg->hi, &view->pick_step))
        return -1;
    if (view->pick_first == view->pick_last)
        view->pick_step = 1;
    return 0;
}

static int read_skip(struct view_reader *r, const struct view_arg *arg)
{
    struct view *view = r->view;

    if (read_int(r, arg->lo, arg->hi, &view->vol_skip_first))
        return -1;
    view->vol_skip_last = view->vol_skip_first;
    if (!skip_word(r, "to"))
        return 0;
    return read_int(r, arg->lo, arg->hi, &view->vol_skip_last);
}

static int read_seed(struct view_reader *r, const struct view_arg *arg)
{
    const char *from = r->at;
    uint64_t seed;

    if (!view_digits(&r->at, r->end, &seed))
        return bad_value(r, VIEW_PROBLEM_SYNTAX, from,
                         "a whole number is expected");
    if (seed > UINT64_C(999999999999999))
        return bad_value(r, VIEW_PROBLEM_RANGE, from, "more than 15 digits");
    store(r, arg->offset, &seed, sizeof seed);
    return 0;
}

static int bad_letter(struct view_reader *r, enum view_problem_kind kind,
                      const char *msg)
{
    const char *from = r->at++;

    return bad_value(r, kind, from, msg);
}

static int read_flip(struct view_reader *r, const struct view_arg *arg)
{
    static const char letters[] = "hvz";
    uint32_t bits = 0;

    for (; r->at < r->end; r->at++) {
        const char *letter = memchr(letters, *r->at, 3);

        if (!letter)
            return bad_letter(r, VIEW_PROBLEM_WORD,
                              "only h, v and z can be flipped");
        if (bits & (1u << (letter - letters)))
            return bad_letter(r, VIEW_PROBLEM_SYNTAX,
                              "the axis is named twice");
        bits |= 1u << (letter - letters);
    }
    store_u32(r, arg->offset, bits);
    return 0;
}

static int read_name(struct view_reader *r, const struct view_arg *arg)
{
    while (r->at < r->end && ((*r->at >= 'a' && *r->at <= 'z') ||
                              (*r->at >= '0' && *r->at <= '9')))
        r->at++;
    if ((size_t)(r->end - r->text) >= VIEW_ROI_NAME_SIZE)
        return bad_value(r, VIEW_PROBLEM_RANGE, r->text,
                         "a name has up to 32 letters");
    store(r, arg->offset, r->text, (size_t)(r->at - r->text));
    return 0;
}

static int read_number_to(struct view_reader *r, const struct view_arg *arg)
{
    double value;

    if (read_num(r, arg->lo, arg->hi, &value))
        return -1;
    store(r, arg->offset, &value, sizeof value);
    return 0;
}

static int read_dims_to(struct view_reader *r, const struct view_arg *arg)
{
    struct view_dims dims;

    if (read_dims(r, arg, &dims))
        return -1;
    store(r, arg->offset, &dims, sizeof dims);
    return 0;
}

static int read_int_to(struct view_reader *r, const struct view_arg *arg)
{
    uint32_t value;

    if (read_int(r, arg->lo, arg->hi, &value))
        return -1;
    store_u32(r, arg->offset, value);
    return 0;
}

void view_store_choice(struct view *view, enum view_store kind, size_t offset,
                       uint32_t value)
{
    bool flag = value != 0;

    if (kind == STORE_ENUM)
        memcpy((char *)view + offset, &value, sizeof value);
    if (kind == STORE_BOOL)
        memcpy((char *)view + offset, &flag, sizeof flag);
}

int view_value_read(struct view_reader *r, const struct view_arg *arg)
{
    switch (arg->kind) {
    case ARG_WORD:
        view_store_choice(r->view, arg->store, arg->offset, arg->value);
        r->at = r->end;
        return 0;
    case ARG_NUM:
        return read_number_to(r, arg);
    case ARG_INT:
        return read_int_to(r, arg);
    case ARG_SEED:
        return read_seed(r, arg);
    case ARG_DIMS:
    case ARG_SQUARE:
        return read_dims_to(r, arg);
    case ARG_SPACING:
        return read_spacing(r, arg);
    case ARG_RANGE:
        return read_range(r, arg);
    case ARG_BOX:
        return read_box(r, arg);
    case ARG_PICK:
        return read_pick(r, arg);
    case ARG_SKIP:
        return read_skip(r, arg);
    case ARG_FLIP:
        return read_flip(r, arg);
    case ARG_NAME:
        return read_name(r, arg);
    case ARG_END:
        break;
    }
    return 0;
}
