// SPDX-License-Identifier: MIT
/*
 * view_leaf.c: STEM[.f00001|.p00001].EXT <-> its parts.
 *
 * Read from the right, because the stem is a UID and full of dots. A number
 * has one spelling (five digits, more only when needed), so that a file has
 * one name per extension.
 */
#include "view/view.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const ext_names[] = {
    [VIEW_EXT_TIFF] = "tiff", [VIEW_EXT_NPY] = "npy",   [VIEW_EXT_NII] = "nii",
    [VIEW_EXT_PNG] = "png",   [VIEW_EXT_JSON] = "json",
};

const char *view_ext_name(enum view_ext ext)
{
    return ext_names[ext];
}

static bool parse_ext(const char *text, struct view_leaf *ret)
{
    for (size_t i = 0; i < sizeof ext_names / sizeof ext_names[0]; i++)
        if (strcmp(text, ext_names[i]) == 0) {
            ret->ext = (enum view_ext)i;
            return true;
        }
    ret->ext = VIEW_EXT_TIFF;
    ret->is_alias = true;
    return strcmp(text, "tif") == 0 || strcmp(text, "TIF") == 0 ||
           strcmp(text, "TIFF") == 0;
}

/* All digits, a value from 1 to `max`, at least `width` of them and no zero
 * in front of more. 0 if it is not. */
static uint32_t parse_part(const char *text, size_t length, size_t width,
                           uint32_t max)
{
    uint32_t value = 0;

    if (length < width || length > 9 || (length > width && text[0] == '0'))
        return 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    return value <= max ? value : 0;
}

/* The last dot in text[0..length), or NULL. */
static const char *last_dot(const char *text, size_t length)
{
    while (length > 0)
        if (text[--length] == '.')
            return text + length;
    return NULL;
}

/* Takes a part off the end of text[0..length); the length that is left. */
static size_t take_part(const char *text, size_t length, struct view_leaf *ret)
{
    const char *dot = last_dot(text, length);
    const char *end = text + length;

    if (!dot || end - dot < 3 || (dot[1] != 'f' && dot[1] != 'p'))
        return length;
    ret->part = parse_part(dot + 2, (size_t)(end - dot - 2), 5, VIEW_PARTS_MAX);
    if (ret->part == 0)
        return length;
    ret->kind = dot[1] == 'f' ? VIEW_PART_FRAME : VIEW_PART_PATCH;
    return (size_t)(dot - text);
}

static void note_duplicate(const char *text, size_t length,
                           struct view_leaf *ret)
{
    const char *dot = last_dot(text, length);
    const char *end = text + length;

    if (dot && end - dot >= 3 && dot[1] == 'd')
        ret->duplicate =
            parse_part(dot + 2, (size_t)(end - dot - 2), 1, 999999999);
}

/* UIDs, UIDs with .dN, and x + hex: nothing that is no portable file name. */
static bool is_stem(const char *text, size_t length)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";

    return length > 0 && length < VIEW_STEM_SIZE && text[0] != '.' &&
           text[0] != '-' && text[length - 1] != '.' &&
           strspn(text, allowed) >= length;
}

int view_leaf_parse(const char *name, struct view_leaf *ret, struct error *err)
{
    size_t length = strnlen(name, VIEW_LEAF_SIZE);
    const char *dot;

    memset(ret, 0, sizeof *ret);
    dot = last_dot(name, length);
    if (length == VIEW_LEAF_SIZE || !dot || !parse_ext(dot + 1, ret))
        return error_set(err, ERROR_NOT_FOUND, "no leaf has such a name");
    length = take_part(name, (size_t)(dot - name), ret);
    if (!is_stem(name, length)) {
        memset(ret, 0, sizeof *ret);
        return error_set(err, ERROR_NOT_FOUND, "no leaf has such a stem");
    }
    note_duplicate(name, length, ret);
    memcpy(ret->stem, name, length);
    return 0;
}

size_t view_leaf_print(const struct view_leaf *leaf, char *buf, size_t size)
{
    const char *ext = ext_names[leaf->ext];
    int n;

    if (leaf->kind == VIEW_PART_NONE)
        n = snprintf(buf, size, "%s.%s", leaf->stem, ext);
    else
        n = snprintf(buf, size, "%s.%c%05u.%s", leaf->stem,
                     leaf->kind == VIEW_PART_FRAME ? 'f' : 'p', leaf->part,
                     ext);
    return n < 0 ? 0 : (size_t)n;
}
