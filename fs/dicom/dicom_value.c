// SPDX-License-Identifier: MIT
/*
 * dicom_value.c: numbers out of values.
 *
 * A value is read by its stated VR; where that says nothing (implicit VR, UN,
 * OB) by the VR that the attribute should have. Text is trimmed at both ends,
 * which heals leading blanks and NULs alike.
 */
#include "dicom/dicom_impl.h"

#include <math.h>
#include <string.h>

enum form {
    FORM_TEXT,
    FORM_U16,
    FORM_S16,
    FORM_U32,
    FORM_S32,
    FORM_AT,
    FORM_U64,
    FORM_S64,
    FORM_F32,
    FORM_F64,
    FORM_NONE
};

static enum form form_of(const char vr[2])
{
    static const struct {
        char vr[3];
        enum form form;
    } forms[] = {
        {"US", FORM_U16},  {"OW", FORM_U16},  {"SS", FORM_S16},
        {"UL", FORM_U32},  {"OL", FORM_U32},  {"up", FORM_U32},
        {"SL", FORM_S32},  {"AT", FORM_AT},   {"UV", FORM_U64},
        {"OV", FORM_U64},  {"SV", FORM_S64},  {"FL", FORM_F32},
        {"OF", FORM_F32},  {"FD", FORM_F64},  {"OD", FORM_F64},
        {"DS", FORM_TEXT}, {"IS", FORM_TEXT}, {"LO", FORM_TEXT},
        {"SH", FORM_TEXT}, {"CS", FORM_TEXT}, {"ST", FORM_TEXT},
        {"LT", FORM_TEXT}, {"UT", FORM_TEXT}, {"AE", FORM_TEXT},
        {"AS", FORM_TEXT}, {"UC", FORM_TEXT}, {"DA", FORM_TEXT},
        {"TM", FORM_TEXT}, {"DT", FORM_TEXT}, {"UI", FORM_TEXT},
    };

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (memcmp(vr, forms[i].vr, 2) == 0)
            return forms[i].form;
    return FORM_NONE;
}

static enum form value_form(const struct dicom_value *value,
                            const char expected[3])
{
    char vr[2] = {(char)value->vr[0], (char)value->vr[1]};
    enum form form = form_of(vr);

    /* OW is what implicit VR makes of "US or OW". */
    if (form == FORM_NONE || memcmp(vr, "OW", 2) == 0)
        form = form_of(expected);
    return form;
}

static size_t form_bytes(enum form form)
{
    switch (form) {
    case FORM_U16:
    case FORM_S16:
        return 2;
    case FORM_U32:
    case FORM_S32:
    case FORM_AT:
    case FORM_F32:
        return 4;
    case FORM_U64:
    case FORM_S64:
    case FORM_F64:
        return 8;
    case FORM_TEXT:
    case FORM_NONE:
        return 0;
    }
    return 0;
}

static uint64_t little(const uint8_t *b, size_t bytes)
{
    uint64_t v = 0;

    for (size_t i = bytes; i-- > 0;)
        v = v << 8 | b[i];
    return v;
}

static bool is_pad(char c)
{
    return c == ' ' || c == '\0' || c == '\t' || c == '\r' || c == '\n';
}

void dicom_text_trim(const char **text, size_t *length)
{
    while (*length > 0 && is_pad((*text)[*length - 1]))
        --*length;
    while (*length > 0 && is_pad((*text)[0])) {
        ++*text;
        --*length;
    }
}

bool dicom_text_part(const char *text, size_t length, uint32_t index,
                     const char **ret, size_t *ret_length)
{
    const char *end = text + length;

    for (;; index--) {
        const char *stop = memchr(text, '\\', (size_t)(end - text));

        if (!stop)
            stop = end;
        if (index == 0) {
            *ret = text;
            *ret_length = (size_t)(stop - text);
            dicom_text_trim(ret, ret_length);
            return true;
        }
        if (stop == end)
            return false;
        text = stop + 1;
    }
}

uint32_t dicom_value_count(const struct dicom_value *value,
                           const char expected[3])
{
    enum form form = value_form(value, expected);
    uint32_t n = 1;

    if (value->length == 0 || form == FORM_NONE)
        return 0;
    if (form != FORM_TEXT)
        return value->length / (uint32_t)form_bytes(form);
    for (uint32_t i = 0; i < value->length; i++)
        n += value->bytes[i] == '\\';
    return n;
}

bool dicom_value_is_text(const struct dicom_value *value)
{
    return value_form(value, "??") == FORM_TEXT;
}

static bool text_number(const struct dicom_value *value, uint32_t index,
                        double *ret)
{
    const char *part;
    size_t length;

    if (!dicom_text_part((const char *)value->bytes, value->length, index,
                         &part, &length))
        return false;
    return length > 0 && dcmtk_number(part, length, ret);
}

bool dicom_value_number(const struct dicom_value *value, const char expected[3],
                        uint32_t index, double *ret)
{
    enum form form = value_form(value, expected);
    size_t bytes = form_bytes(form);
    uint64_t raw;
    float f32;

    if (form == FORM_TEXT)
        return text_number(value, index, ret);
    if (form == FORM_NONE || index >= value->length / bytes)
        return false;
    raw = little(value->bytes + index * bytes, bytes);
    switch (form) {
    case FORM_S16:
        *ret = (int16_t)raw;
        return true;
    case FORM_S32:
        *ret = (int32_t)raw;
        return true;
    case FORM_S64:
        *ret = (double)(int64_t)raw;
        return true;
    case FORM_AT:
        *ret = (double)((raw & 0xffff) << 16 | raw >> 16);
        return true;
    case FORM_F32:
        memcpy(&f32, &(uint32_t){(uint32_t)raw}, sizeof f32);
        *ret = (double)f32;
        return isfinite(*ret);
    case FORM_F64:
        memcpy(ret, &raw, sizeof *ret);
        return isfinite(*ret);
    case FORM_U16:
    case FORM_U32:
    case FORM_U64:
    case FORM_TEXT:
    case FORM_NONE:
        break;
    }
    *ret = (double)raw;
    return true;
}

bool dicom_value_integer(const struct dicom_value *value,
                         const char expected[3], uint32_t index, int64_t *ret)
{
    double number;

    if (!dicom_value_number(value, expected, index, &number))
        return false;
    if (number != floor(number) || fabs(number) > 9007199254740992.0)
        return false;
    *ret = (int64_t)number;
    return true;
}

void dicom_make_printable(char *text)
{
    for (; text && *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}
