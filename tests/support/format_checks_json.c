// SPDX-License-Identifier: MIT
/* Properties of the JSON writer and of the .json leaf. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/json_leaf.h"
#include "json/json_tags.h"
#include "prepfs/cleanup.h"
#include "support/format_checks.h"
#include "support/json_syntax.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static double any_double(struct format_stream *s)
{
    uint64_t bits = format_next(s);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Up to 31 bytes of anything; a NUL may be among them. */
static size_t any_bytes(struct format_stream *s, char ret[32])
{
    size_t n = format_below(s, 32);

    for (size_t at = 0; at < 32; at += 8) {
        uint64_t word = format_next(s);

        memcpy(ret + at, &word, 8);
    }
    ret[n] = '\0';
    return n;
}

static int check_syntax(const char *text, size_t length, struct error *err)
{
    const char *at = json_syntax_error(text, length);

    if (strlen(text) != length || text[length - 1] != '\n')
        return error_set(err, ERROR_CORRUPT, "length or end");
    if (at)
        return error_set(err, ERROR_CORRUPT, "no JSON at %td: %.60s", at - text,
                         at);
    return 0;
}

static int check_number(double value, struct error *err)
{
    char text[JSON_NUMBER_SIZE];
    size_t length;

    if (!isfinite(value))
        return 0;
    length = json_print_number(value, text);
    if (length != strlen(text) || strtod(text, NULL) != value ||
        json_syntax_error(text, length))
        return error_set(err, ERROR_CORRUPT, "%a is %s", value, text);
    return 0;
}

/* ---- the writer --------------------------------------------------------- */

static void any_call(struct format_stream *s, struct json *j)
{
    char text[32];

    switch (format_below(s, 16)) {
    case 0:
        json_begin_object(j);
        break;
    case 1:
        json_begin_array(j);
        break;
    case 2:
        json_begin_flat_array(j);
        break;
    case 3:
    case 4:
        json_end(j);
        break;
    case 5:
    case 6:
    case 7:
        (void)any_bytes(s, text);
        json_key(j, text);
        break;
    case 8:
        json_null(j);
        break;
    case 9:
        json_boolean(j, format_below(s, 2));
        break;
    case 10:
        json_integer(j, (int64_t)format_next(s));
        break;
    case 11:
        json_unsigned(j, format_next(s));
        break;
    case 12:
    case 13:
        json_number(j, any_double(s));
        break;
    default:
        json_string_of(j, text, any_bytes(s, text));
        break;
    }
}

/* Calls in no order at all: a document, or ERROR_INTERNAL. A wish for ends,
 * so that it is a document at times. */
int format_check_json(struct format_stream *s, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    struct json j = {.data = NULL};
    struct error got = ERROR_INIT;
    unsigned calls = format_below(s, 40);
    size_t length;

    if (check_number(any_double(s), err) != 0 ||
        check_number((double)(int64_t)format_next(s) / 1000, err) != 0)
        return -1;
    for (unsigned i = 0; i < calls; i++) {
        struct json before = j;
        bool skip;

        any_call(s, &j);
        /* mostly undo what was wrong, to get further; the text that stays is
         * cut by the length of before */
        skip = j.failed == ERROR_INTERNAL && format_below(s, 16) != 0;
        if (skip) {
            before.data = j.data;
            before.capacity = j.capacity;
            j = before;
        }
    }
    while (j.depth > 0 && !j.failed) {
        if (j.has_key)
            json_null(&j);
        json_end(&j);
    }
    if (json_finish(&j, &text, &length, &got) == 0)
        return check_syntax(text, length, err);
    return got.kind == ERROR_INTERNAL
               ? 0
               : error_set(err, ERROR_CORRUPT, "%s", got.msg);
}

/* ---- the leaf ----------------------------------------------------------- */

struct material {
    char texts[12][32];
    struct json_leaf_value values[8];
    struct json_leaf_attribute attributes[6];
    struct json_leaf_page pages[5];
    const char *list[4];
    struct json_leaf_operator operators[2];
    struct json_leaf_size sizes[2];
    struct json_leaf_window window;
};

static uint32_t any_tag(struct format_stream *s)
{
    uint64_t x = format_next(s);
    size_t n;
    const struct json_tag *tags = json_tags(&n);

    return x % 2 ? tags[x / 2 % n].tag : (uint32_t)(x >> 32);
}

static void fill(struct format_stream *s, struct material *m)
{
    for (size_t i = 0; i < COUNT(m->texts); i++)
        (void)any_bytes(s, m->texts[i]);
    for (size_t i = 0; i < COUNT(m->values); i++)
        m->values[i] = (struct json_leaf_value){
            format_below(s, 4) ? m->texts[i] : NULL, any_double(s)};
    for (size_t i = 0; i < COUNT(m->attributes); i++) {
        m->attributes[i] = (struct json_leaf_attribute){
            .tag = any_tag(s),
            .n_values = format_below(s, COUNT(m->values)),
            .values = m->values};
        memcpy(m->attributes[i].vr, m->texts[i], 3);
    }
    for (size_t i = 0; i < COUNT(m->pages); i++) {
        uint64_t x = format_next(s);

        m->pages[i] = (struct json_leaf_page){
            (uint32_t)(x % 6), (uint32_t)(x >> 32), (uint32_t)(x >> 16)};
    }
    for (size_t i = 0; i < COUNT(m->list); i++)
        m->list[i] = format_below(s, 4) ? m->texts[i] : NULL;
    for (size_t i = 0; i < 2; i++) {
        m->operators[i] = (struct json_leaf_operator){m->texts[i], m->list[i]};
        m->sizes[i] =
            (struct json_leaf_size){i ? "npy" : "tiff", format_below(s, 3)};
    }
    m->window = (struct json_leaf_window){.kind = m->list[1],
                                          .number = format_below(s, 2),
                                          .center = any_double(s),
                                          .width = any_double(s),
                                          .minimum = any_double(s)};
}

static struct json_leaf leaf_of(struct format_stream *s,
                                const struct material *m)
{
    struct json_leaf leaf = {
        .engine = m->texts[0],
        .view = m->texts[1],
        .operators = m->operators,
        .n_operators = format_below(s, 3),
        .object = m->list[0],
        .name = m->texts[2],
        .part = m->list[2],
        .version = m->list[3],
        .sop_class = m->texts[4],
        .stored = {format_side(s), format_side(s), format_side(s)},
        .stored_type = (enum sample_type)format_below(s, 9),
        .stored_spacing = {any_double(s), any_double(s), 0},
        .problem = m->list[1],
        .has_output = format_below(s, 4) != 0,
        .pages = format_side(s),
        .channels = format_below(s, 4),
        .type = (enum sample_type)format_below(s, 9),
        .low = any_double(s),
        .high = any_double(s),
        .sizes = m->sizes,
        .n_sizes = format_below(s, 3),
        .window = format_below(s, 2) ? &m->window : NULL,
        .n_axes = format_below(s, 5),
        .has_crop = format_below(s, 2),
        .has_scale = format_below(s, 2),
        .has_affine = format_below(s, 2),
        .scale = {any_double(s), any_double(s), any_double(s)},
        .spacing = {any_double(s), any_double(s), any_double(s)},
        .page_map = m->pages,
        .n_pages = format_below(s, 6),
        .instances = format_below(s, 2) ? m->list : NULL,
        .n_instances = COUNT(m->list),
        .warnings = m->list,
        .n_warnings = format_below(s, 5),
        .attributes = m->attributes,
        .n_attributes = COUNT(m->attributes),
    };

    for (unsigned i = 0; i < 12; i++)
        leaf.affine[i / 4][i % 4] = any_double(s);
    return leaf;
}

static int check_tags(const struct material *m, const char *text,
                      struct error *err)
{
    const char *dicom = strstr(text, "\n  \"dicom\": {");

    if (!dicom)
        return error_set(err, ERROR_CORRUPT, "no dicom");
    for (size_t i = 0; i < COUNT(m->attributes); i++) {
        uint32_t tag = m->attributes[i].tag;
        char key[24];
        bool shown;

        (void)snprintf(key, sizeof key, "\n    \"%08X\": {", tag);
        shown = strstr(dicom, key) != NULL;
        if (shown != (json_tag_find(tag) != NULL))
            return error_set(err, ERROR_CORRUPT, "%08X is%s shown", tag,
                             shown ? "" : " not");
    }
    return 0;
}

int format_check_json_leaf(struct format_stream *s, struct error *err)
{
    struct material m;
    struct json_leaf leaf;
    CLEANUP_FREE char *text = NULL;
    size_t length;

    fill(s, &m);
    leaf = leaf_of(s, &m);
    if (json_leaf_write(&leaf, &text, &length, err) != 0)
        return -1;
    if (check_syntax(text, length, err) != 0)
        return -1;
    return check_tags(&m, text, err);
}
