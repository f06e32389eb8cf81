// SPDX-License-Identifier: MIT
/* The writer: where commas, line feeds and escapes go. */
#include "json/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

/* ---- bytes -------------------------------------------------------------- */

static bool reserve(struct json *j, size_t extra)
{
    size_t need;
    char *data;

    if (j->failed)
        return false;
    if (!checked_add_size(j->length, extra, &need))
        need = SIZE_MAX; /* fails below */
    if (need <= j->capacity)
        return true;
    if (need < 1024)
        need = 1024;
    if (need < SIZE_MAX / 2 && need < 2 * j->capacity)
        need = 2 * j->capacity;
    data = realloc(j->data, need);
    if (!data) {
        j->failed = ERROR_NO_MEMORY;
        return false;
    }
    j->data = data;
    j->capacity = need;
    return true;
}

static void put(struct json *j, const char *bytes, size_t n)
{
    if (!reserve(j, n))
        return;
    memcpy(j->data + j->length, bytes, n);
    j->length += n;
}

static void put_text(struct json *j, const char *text)
{
    put(j, text, strlen(text));
}

static void put_indent(struct json *j)
{
    put_text(j, "\n");
    for (unsigned i = 0; i < j->depth; i++)
        put_text(j, "  ");
}

/* ---- structure ---------------------------------------------------------- */

static struct json_level *innermost(struct json *j)
{
    return j->depth ? &j->levels[j->depth - 1] : NULL;
}

/* Remembers a call in the wrong order. */
static bool require(struct json *j, bool condition)
{
    if (!condition && !j->failed)
        j->failed = ERROR_INTERNAL;
    return condition && !j->failed;
}

/* What stands before a member: a comma, and where it begins. */
static void separate(struct json *j)
{
    struct json_level *level = innermost(j);

    if (level->has_member)
        put_text(j, level->is_flat ? ", " : ",");
    level->has_member = true;
    if (!level->is_flat)
        put_indent(j);
}

static bool before_value(struct json *j)
{
    const struct json_level *level = innermost(j);
    bool is_member = level && level->is_object;

    if (!require(j, !j->is_complete && j->has_key == is_member))
        return false;
    j->has_key = false;
    if (level && !is_member)
        separate(j);
    j->is_complete = !level;
    return true;
}

static void begin(struct json *j, const char *bracket, bool is_object,
                  bool is_flat)
{
    const struct json_level *level = innermost(j);

    if (!require(j, j->depth < JSON_DEPTH_MAX && !(level && level->is_flat)) ||
        !before_value(j))
        return;
    j->is_complete = false;
    j->levels[j->depth++] = (struct json_level){is_object, is_flat, false};
    put_text(j, bracket);
}

void json_begin_object(struct json *j)
{
    begin(j, "{", true, false);
}

void json_begin_array(struct json *j)
{
    begin(j, "[", false, false);
}

void json_begin_flat_array(struct json *j)
{
    begin(j, "[", false, true);
}

void json_end(struct json *j)
{
    struct json_level level;

    if (!require(j, j->depth > 0 && !j->has_key))
        return;
    level = j->levels[--j->depth];
    if (level.has_member && !level.is_flat)
        put_indent(j);
    put_text(j, level.is_object ? "}" : "]");
    j->is_complete = j->depth == 0;
}

/* ---- text --------------------------------------------------------------- */

/* Bytes of the UTF-8 character at `p` (RFC 3629), 0 if it is none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t length;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (length > n)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0; /* else too long a form */
    if (p[0] == 0xed)
        high = 0x9f; /* else a surrogate */
    if (p[0] == 0xf0)
        low = 0x90;
    if (p[0] == 0xf4)
        high = 0x8f; /* else beyond U+10FFFF */
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    }
    return length;
}

static void put_escape(struct json *j, unsigned char c)
{
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(named, c) : NULL;
    char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    if (!at) {
        put(j, text, sizeof text);
        return;
    }
    text[1] = letters[at - named];
    put(j, text, 2);
}

static void put_quoted(struct json *j, const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;

    put_text(j, "\"");
    while (n > 0) {
        size_t length = utf8_length(p, n);

        if (length == 0)
            put_text(j, "\xef\xbf\xbd"); /* U+FFFD */
        else if (*p < 0x20 || *p == '"' || *p == '\\')
            put_escape(j, *p);
        else
            put(j, (const char *)p, length);
        length += length == 0;
        p += length;
        n -= length;
    }
    put_text(j, "\"");
}

void json_key(struct json *j, const char *key)
{
    if (!require(j, j->depth > 0 && innermost(j)->is_object && !j->has_key))
        return;
    separate(j);
    put_quoted(j, key, strlen(key));
    put_text(j, ": ");
    j->has_key = true;
}

/* ---- values ------------------------------------------------------------- */

static void put_value(struct json *j, const char *text)
{
    if (before_value(j))
        put_text(j, text);
}

void json_null(struct json *j)
{
    put_value(j, "null");
}

void json_boolean(struct json *j, bool value)
{
    put_value(j, value ? "true" : "false");
}

void json_integer(struct json *j, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, value);
    put_value(j, text);
}

void json_unsigned(struct json *j, uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    put_value(j, text);
}

void json_number(struct json *j, double value)
{
    char text[JSON_NUMBER_SIZE];

    if (!isfinite(value)) {
        json_null(j);
        return;
    }
    (void)json_print_number(value, text);
    put_value(j, text);
}

void json_string_of(struct json *j, const char *bytes, size_t length)
{
    if (before_value(j))
        put_quoted(j, bytes, length);
}

void json_string(struct json *j, const char *text)
{
    if (text)
        json_string_of(j, text, strlen(text));
    else
        json_null(j);
}

/* ---- end ---------------------------------------------------------------- */

void json_deinit(struct json *j)
{
    if (!j)
        return;
    free(j->data);
    *j = (struct json){.data = NULL};
}

int json_finish(struct json *j, char **ret_text, size_t *ret_length,
                struct error *err)
{
    enum error_kind failed;

    if (require(j, j->is_complete))
        put(j, "\n", 2); /* with its NUL */
    failed = j->failed;
    if (failed) {
        json_deinit(j);
        if (failed == ERROR_NO_MEMORY)
            return error_no_memory(err);
        return error_set(err, failed, "JSON written in a wrong order");
    }
    *ret_length = j->length - 1;
    *ret_text = STEAL(j->data);
    json_deinit(j);
    return 0;
}
