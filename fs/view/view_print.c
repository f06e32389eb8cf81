// SPDX-License-Identifier: MIT
/*
 * view_print.c: struct view -> the canonical text, by walking the table.
 */
#include "view/view_ops.h"

#include <sha2.h>
#include <string.h>

static const void *field(const struct view *view, size_t offset)
{
    return (const char *)view + offset;
}

static uint32_t get_u32(const struct view *view, size_t offset)
{
    uint32_t value;

    memcpy(&value, field(view, offset), sizeof value);
    return value;
}

static double get_double(const struct view *view, size_t offset)
{
    double value;

    memcpy(&value, field(view, offset), sizeof value);
    return value;
}

static struct view_dims get_dims(const struct view *view, size_t offset)
{
    struct view_dims dims;

    memcpy(&dims, field(view, offset), sizeof dims);
    return dims;
}

static uint64_t get_seed(const struct view *view, size_t offset)
{
    uint64_t seed;

    memcpy(&seed, field(view, offset), sizeof seed);
    return seed;
}

/* Does the view hold what this form or word sets? */
static bool is_stored(const struct view *view, enum view_store store,
                      size_t offset, uint32_t value)
{
    _Static_assert(sizeof(enum view_select) == sizeof(uint32_t),
                   "enums are stored as 32 bits");

    switch (store) {
    case STORE_NONE:
        return true;
    case STORE_ENUM:
        return get_u32(view, offset) == value;
    case STORE_BOOL:
        return *(const bool *)field(view, offset) == (value != 0);
    }
    return false;
}

static bool stride_is_patch(const struct view *view)
{
    return memcmp(&view->patch_stride, &view->patch_size,
                  sizeof view->patch_size) == 0;
}

bool view_arg_is_default(const struct view *view, const struct view_arg *arg)
{
    switch (arg->kind) {
    case ARG_WORD: /* the word for 0 is never written */
        return arg->value == 0 ||
               !is_stored(view, arg->store, arg->offset, arg->value);
    case ARG_NUM:
        return get_double(view, arg->offset) == arg->def;
    case ARG_INT:
        return (double)get_u32(view, arg->offset) == arg->def;
    case ARG_SEED:
        return false;
    case ARG_DIMS:
    case ARG_SQUARE:
    case ARG_BOX:
        if (arg->offset == offsetof(struct view, patch_stride))
            return stride_is_patch(view);
        return get_dims(view, arg->offset).width == 0;
    case ARG_SPACING:
    case ARG_RANGE:
        return get_double(view, arg->offset) == 0 &&
               get_double(view, arg->offset + sizeof(double)) == 0;
    case ARG_SKIP:
        return (double)get_u32(view, arg->offset) == arg->def &&
               (double)get_u32(view, arg->offset + 4) == arg->def;
    case ARG_PICK:
    case ARG_FLIP:
        return get_u32(view, arg->offset) == 0;
    case ARG_NAME:
        return *(const char *)field(view, arg->offset) == '\0';
    case ARG_END:
        break;
    }
    return true;
}

/* A form without an enum of its own is there when an argument is. */
static bool form_is_in(const struct view *view, const struct view_form *form)
{
    if (!is_stored(view, form->store, form->offset, form->value))
        return false;
    if (form->store != STORE_NONE && form->value != 0)
        return true;
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++)
        if (!view_arg_is_default(view, arg))
            return true;
    return false;
}

const struct view_form *view_form_in(const struct view *view,
                                     enum view_slot slot)
{
    size_t n;
    const struct view_form *forms = view_forms_near(slot, &n);

    for (size_t i = 0; i < n; i++)
        if (forms[i].slot == slot && form_is_in(view, &forms[i]))
            return &forms[i];
    return NULL;
}

static void print_dims(struct view_out *out, const struct view_dims *dims)
{
    view_out_uint(out, dims->width);
    view_out_text(out, "x");
    view_out_uint(out, dims->height);
    if (dims->depth == 0)
        return;
    view_out_text(out, "x");
    view_out_uint(out, dims->depth);
}

static void print_box(struct view_out *out, const struct view *view)
{
    print_dims(out, &view->region_size);
    view_out_text(out, "at");
    view_out_uint(out, view->region_x);
    view_out_text(out, "x");
    view_out_uint(out, view->region_y);
    if (view->region_size.depth == 0)
        return;
    view_out_text(out, "x");
    view_out_uint(out, view->region_z);
}

static void print_doubles(struct view_out *out, const struct view *view,
                          size_t offset, unsigned count, const char *between)
{
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            view_out_text(out, between);
        view_out_number(out, get_double(view, offset + i * sizeof(double)));
    }
}

static void print_pair(struct view_out *out, uint32_t a, uint32_t b)
{
    view_out_uint(out, a);
    if (a == b)
        return;
    view_out_text(out, "to");
    view_out_uint(out, b);
}

static void print_pick(struct view_out *out, const struct view *view)
{
    print_pair(out, view->pick_first, view->pick_last);
    if (view->pick_step <= 1)
        return;
    view_out_text(out, "by");
    view_out_uint(out, view->pick_step);
}

static void print_flip(struct view_out *out, uint32_t flip)
{
    if (flip & VIEW_FLIP_H)
        view_out_text(out, "h");
    if (flip & VIEW_FLIP_V)
        view_out_text(out, "v");
    if (flip & VIEW_FLIP_Z)
        view_out_text(out, "z");
}

static void print_value(struct view_out *out, const struct view *view,
                        const struct view_arg *arg)
{
    struct view_dims dims;

    switch (arg->kind) {
    case ARG_END:
    case ARG_WORD:
        break;
    case ARG_NUM:
        view_out_number(out, get_double(view, arg->offset));
        break;
    case ARG_INT:
        view_out_uint(out, get_u32(view, arg->offset));
        break;
    case ARG_SEED:
        view_out_uint(out, get_seed(view, arg->offset));
        break;
    case ARG_DIMS:
    case ARG_SQUARE:
        dims = get_dims(view, arg->offset);
        print_dims(out, &dims);
        break;
    case ARG_SPACING:
        print_doubles(out, view, arg->offset, view->spacing_z > 0 ? 3 : 2, "x");
        break;
    case ARG_RANGE:
        print_doubles(out, view, arg->offset, 2, "to");
        break;
    case ARG_BOX:
        print_box(out, view);
        break;
    case ARG_PICK:
        print_pick(out, view);
        break;
    case ARG_SKIP:
        print_pair(out, get_u32(view, arg->offset),
                   get_u32(view, arg->offset + 4));
        break;
    case ARG_FLIP:
        print_flip(out, get_u32(view, arg->offset));
        break;
    case ARG_NAME:
        view_out_text(out, field(view, arg->offset));
        break;
    }
}

void view_print_arg(struct view_out *out, const struct view *view,
                    const struct view_arg *arg)
{
    if (arg->key)
        view_out_text(out, arg->key);
    print_value(out, view, arg);
}

void view_print_form(struct view_out *out, const struct view *view,
                     const struct view_form *form)
{
    view_out_text(out, form->name);
    if (form->word) {
        view_out_text(out, "-");
        view_out_text(out, form->word);
    }
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++) {
        if (!arg->required && view_arg_is_default(view, arg))
            continue;
        view_out_text(out, "-");
        view_print_arg(out, view, arg);
    }
}

/* Words that exclude one another share brackets: [-cover|-stretch]. */
static bool shares_brackets(const struct view_arg *a, const struct view_arg *b)
{
    return a->kind == ARG_WORD && b->kind == ARG_WORD &&
           a->store == STORE_ENUM && b->store == STORE_ENUM &&
           a->offset == b->offset;
}

void view_print_syntax(struct view_out *out, const struct view_form *form)
{
    view_out_text(out, form->name);
    if (form->word) {
        view_out_text(out, "-");
        view_out_text(out, form->word);
    }
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++) {
        bool joins = arg > form->args && shares_brackets(arg - 1, arg);

        if (!arg->required)
            view_out_text(out, joins ? "|-" : "[-");
        else
            view_out_text(out, "-");
        if (arg->key)
            view_out_text(out, arg->key);
        if (arg->meta)
            view_out_text(out, arg->meta);
        if (!arg->required && !shares_brackets(arg, arg + 1))
            view_out_text(out, "]");
    }
}

size_t view_print(const struct view *view, char *buf, size_t size)
{
    struct view_out out = {buf, size, 0};

    for (enum view_slot slot = 0; slot < SLOT_COUNT; slot++) {
        const struct view_form *form = view_form_in(view, slot);

        if (!form)
            continue;
        if (out.length > 0)
            view_out_text(&out, "_");
        view_print_form(&out, view, form);
    }
    if (out.length == 0)
        view_out_text(&out, "full");
    if (size > 0)
        buf[out.length < size ? out.length : size - 1] = '\0';
    return out.length;
}

void view_canonical_name(const struct view *view,
                         char ret[VIEW_DIRNAME_MAX + 1])
{
    static const char hex[] = "0123456789abcdef";
    char text[VIEW_TEXT_SIZE];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX sha;
    size_t length = view_print(view, text, sizeof text);

    if (length <= VIEW_DIRNAME_MAX) {
        memcpy(ret, text, length + 1);
        return;
    }
    SHA256Init(&sha);
    SHA256Update(&sha, (const uint8_t *)text, length);
    SHA256Final(digest, &sha);
    ret[0] = 'x';
    for (unsigned i = 0; i < 8; i++) {
        ret[1 + 2 * i] = hex[digest[i] >> 4];
        ret[2 + 2 * i] = hex[digest[i] & 15];
    }
    ret[17] = '\0';
}

bool view_name_is_hashed(const char *name)
{
    if (name[0] != 'x' || strlen(name) != 17)
        return false;
    return strspn(name + 1, "0123456789abcdef") == 16;
}

bool view_equal(const struct view *a, const struct view *b)
{
    char text_a[VIEW_TEXT_SIZE];
    char text_b[VIEW_TEXT_SIZE];

    (void)view_print(a, text_a, sizeof text_a);
    (void)view_print(b, text_b, sizeof text_b);
    return strcmp(text_a, text_b) == 0;
}
