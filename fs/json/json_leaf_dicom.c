// SPDX-License-Identifier: MIT
/*
 * {"00280010": {"vr": "US", "Value": [512]}}: the last gate before what an
 * archive says leaves it. Only tags of the list pass, and of those only values
 * that can be what their VR says: a number, a coded word, a short name. A
 * text put by mistake where a number belongs does not pass.
 */
#include "json/json_leaf_dicom.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_tags.h"

enum vr_kind { VR_NUMBER, VR_TEXT, VR_UID, VR_TAG };

/* The VRs of json_tags.c with the longest text of each, PS3.5 6.2. */
static const struct vr {
    char name[3];
    enum vr_kind kind;
    size_t length_max; /* characters */
} vrs[] = {
    {"AT", VR_TAG, 0},    {"CS", VR_TEXT, 16},  {"DS", VR_NUMBER, 0},
    {"FD", VR_NUMBER, 0}, {"FL", VR_NUMBER, 0}, {"IS", VR_NUMBER, 0},
    {"LO", VR_TEXT, 64},  {"SH", VR_TEXT, 16},  {"SL", VR_NUMBER, 0},
    {"SS", VR_NUMBER, 0}, {"UI", VR_UID, 0},    {"UL", VR_NUMBER, 0},
    {"US", VR_NUMBER, 0},
};

static const struct vr *vr_find(const char *name)
{
    for (size_t i = 0; i < sizeof vrs / sizeof vrs[0]; i++) {
        if (strcmp(vrs[i].name, name) == 0)
            return &vrs[i];
    }
    return NULL;
}

/* "US or SS" is all that a caller may decide. */
static const struct vr *vr_of(const struct json_tag *tag, const char given[3])
{
    bool is_signed = strncmp(given, "SS", 3) == 0;

    return vr_find(is_signed && strcmp(tag->vr, "US") == 0 ? "SS" : tag->vr);
}

static size_t characters(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80; /* UTF-8 */
    return n;
}

static void put_text(struct json *j, const char *text, size_t length_max)
{
    if (!text || !text[0] || characters(text) > length_max)
        json_null(j);
    else
        json_string(j, text);
}

void json_leaf_uid(struct json *j, const char *text)
{
    bool is_uid = text && text[strspn(text, "0123456789.")] == '\0';

    put_text(j, is_uid ? text : NULL, 64);
}

/* Eight hexadecimal digits, PS3.18 F.2.3. */
static void put_tag(struct json *j, double number)
{
    char text[12];

    if (!(number >= 0 && number <= UINT32_MAX)) {
        json_null(j);
        return;
    }
    (void)snprintf(text, sizeof text, "%08" PRIX32, (uint32_t)number);
    json_string(j, text);
}

static void put_value(struct json *j, const struct vr *vr,
                      const struct json_leaf_value *value)
{
    switch (vr->kind) {
    case VR_NUMBER:
        json_number(j, value->number);
        return;
    case VR_TAG:
        put_tag(j, value->number);
        return;
    case VR_TEXT:
        put_text(j, value->text, vr->length_max);
        return;
    case VR_UID:
        json_leaf_uid(j, value->text);
        return;
    }
}

static void put_attribute(struct json *j, const struct json_tag *tag,
                          const struct json_leaf_attribute *a)
{
    const struct vr *vr = vr_of(tag, a->vr);
    char key[12];

    if (!vr) /* no rule for its values: it does not pass */
        return;
    (void)snprintf(key, sizeof key, "%08" PRIX32, tag->tag);
    json_key(j, key);
    json_begin_object(j);
    json_key(j, "vr");
    json_string(j, vr->name);
    if (a->n_values > 0) { /* none: no Value, PS3.18 F.2.5 */
        json_key(j, "Value");
        json_begin_flat_array(j);
        for (uint32_t i = 0; i < a->n_values; i++)
            put_value(j, vr, &a->values[i]);
        json_end(j);
    }
    json_end(j);
}

void json_leaf_dicom(struct json *j,
                     const struct json_leaf_attribute *attributes, size_t n)
{
    size_t n_tags;
    const struct json_tag *tags = json_tags(&n_tags);

    json_begin_object(j);
    for (size_t t = 0; t < n_tags; t++) {
        for (size_t i = 0; i < n; i++) {
            if (attributes[i].tag == tags[t].tag) {
                put_attribute(j, &tags[t], &attributes[i]);
                break;
            }
        }
    }
    json_end(j);
}
