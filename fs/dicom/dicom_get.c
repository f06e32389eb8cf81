// SPDX-License-Identifier: MIT
/*
 * dicom_get.c: top-level attributes out of DCMTK's data set, and text as
 * UTF-8 (PS3.5 6.1: Specific Character Set, escapes included).
 */
#include "dicom/dicom_impl.h"
#include "dicom/dicom_parsed.h"
#include "prepfs/cleanup.h"

#include <iconv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* No identification attribute is longer (PS3.5 6.2); the rest is cut. */
enum { TEXT_MAX = 4096 };

bool dicom_get(const struct dcmtk_item *item, uint32_t tag,
               struct dicom_buffer *buffer, struct dicom_value *ret)
{
    struct dcmtk_element e;

    if (!item || !dcmtk_find(item, tag, &e) || e.length == 0 ||
        e.length > sizeof buffer->bytes)
        return false;
    if (dcmtk_value(item, tag, buffer->bytes, e.length, NULL) != 0)
        return false;
    ret->vr[0] = (uint8_t)e.vr[0];
    ret->vr[1] = (uint8_t)e.vr[1];
    ret->length = e.length;
    ret->bytes = buffer->bytes;
    return true;
}

double dicom_get_number(const struct dcmtk_item *item, uint32_t tag,
                        const char expected[3])
{
    struct dicom_buffer buffer;
    struct dicom_value value;
    double number = NAN;

    if (dicom_get(item, tag, &buffer, &value) &&
        !dicom_value_number(&value, expected, 0, &number))
        number = NAN;
    return number;
}

int64_t dicom_get_integer(const struct dcmtk_item *item, uint32_t tag,
                          const char expected[3])
{
    struct dicom_buffer buffer;
    struct dicom_value value;
    int64_t number = DICOM_UNKNOWN;

    if (dicom_get(item, tag, &buffer, &value) &&
        !dicom_value_integer(&value, expected, 0, &number))
        number = DICOM_UNKNOWN;
    return number;
}

static bool is_plain_ascii(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0x80 || text[i] == 0x1b)
            return false;
    return true;
}

static size_t utf8_bytes(const uint8_t *p, size_t left)
{
    static const uint8_t lowest[] = {0, 0, 0xa0, 0x90};
    size_t n = p[0] < 0x80                    ? 1
               : p[0] >= 0xc2 && p[0] < 0xe0  ? 2
               : p[0] >= 0xe0 && p[0] < 0xf0  ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : 0;

    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    /* No overlong forms, surrogates, or code points above 10FFFF. */
    if ((p[0] == 0xe0 || p[0] == 0xf0) && p[1] < lowest[n - 1])
        return 0;
    if ((p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf4 && p[1] >= 0x90))
        return 0;
    return n;
}

bool dicom_is_utf8(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t n = utf8_bytes((const uint8_t *)text + i, length - i);

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

/* Every byte means something in Latin-1, so this cannot fail. */
static char *from_latin1(const char *text, size_t length)
{
    char *out = malloc(2 * length + 1);
    size_t n = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x80) {
            out[n++] = (char)(0xc0 | c >> 6);
            out[n++] = (char)(0x80 | (c & 0x3f));
        } else {
            out[n++] = text[i];
        }
    }
    out[n] = '\0';
    return out;
}

/* Everything without the escape sequence `escape`. */
static size_t strip(char *text, size_t length, const char *escape)
{
    size_t n = strlen(escape), to = 0;

    for (size_t i = 0; i < length;) {
        if (length - i >= n && memcmp(text + i, escape, n) == 0)
            i += n;
        else
            text[to++] = text[i++];
    }
    return to;
}

static char *run_iconv(const char *from, char *text, size_t length)
{
    size_t room = 4 * length + 4, left = room;
    char *out = malloc(room + 1), *to = out;
    iconv_t cd = iconv_open("UTF-8", from);
    bool good = out && cd != (iconv_t)-1 &&
                iconv(cd, &text, &length, &to, &left) != (size_t)-1 &&
                iconv(cd, NULL, NULL, &to, &left) != (size_t)-1;

    if (cd != (iconv_t)-1)
        (void)iconv_close(cd);
    if (!good) {
        free(out);
        return NULL;
    }
    *to = '\0';
    return out;
}

static const struct {
    const char *escape, *charset;
} escaped_sets[] = {{"\x1b$)C", "EUC-KR"}, {"\x1b$)A", "GB18030"}};
static const char other_escapes[] = "ISO-2022-JP-2";

void dicom_prepare(void)
{
    dcmtk_prepare();
    /* never closed: libc keeps what it has loaded for them */
    (void)iconv_open("UTF-8", other_escapes);
    for (size_t i = 0; i < sizeof escaped_sets / sizeof escaped_sets[0]; i++)
        (void)iconv_open("UTF-8", escaped_sets[i].charset);
}

/* Escapes (PS3.5 6.1.2.5.3) that DCMTK cannot convert everywhere: it needs an
 * iconv that knows each set alone, libc's knows them with their escapes. */
static char *from_escapes(const char *text, size_t length)
{
    char *copy, *out = NULL;

    if (!memchr(text, 0x1b, length))
        return NULL;
    for (size_t i = 0; i < 2 && !out; i++) {
        if (!memmem(text, length, escaped_sets[i].escape,
                    strlen(escaped_sets[i].escape)))
            continue;
        copy = malloc(length);
        if (!copy)
            return NULL;
        memcpy(copy, text, length);
        out = run_iconv(escaped_sets[i].charset, copy,
                        strip(copy, length, escaped_sets[i].escape));
        free(copy);
    }
    copy = out ? NULL : strndup(text, length);
    if (copy)
        out = run_iconv(other_escapes, copy, strlen(copy));
    free(copy);
    return out;
}

static char *to_utf8(struct dicom_build *build, const char *text, size_t length)
{
    char *out = NULL;

    int rc = build->charset
                 ? dcmtk_to_utf8(build->charset, text, length, &out, NULL)
                 : 1;

    if (rc < 0)
        return NULL;
    if (rc == 0 && dicom_is_utf8(out, strlen(out)))
        return out;
    free(out);
    out = from_escapes(text, length);
    if (out)
        return out;
    build->header->warnings |= DICOM_WARN_CHARSET;
    if (dicom_is_utf8(text, length))
        return strndup(text, length);
    return from_latin1(text, length);
}

const char *dicom_get_text(struct dicom_build *build, uint32_t tag, bool *oom)
{
    struct dicom_buffer buffer;
    struct dicom_value value;
    const char *text = NULL, *result = NULL;
    size_t length = 0;

    if (dicom_get(build->root, tag, &buffer, &value)) {
        text = (const char *)value.bytes;
        length =
            strnlen(text, value.length < TEXT_MAX ? value.length : TEXT_MAX);
        dicom_text_trim(&text, &length);
    }
    if (length > 0) {
        result =
            is_plain_ascii(text, length)
                ? dicom_arena_text(build->arena, text, length)
                : dicom_arena_take(build->arena, to_utf8(build, text, length));
        *oom = *oom || !result;
    }
    return result;
}
