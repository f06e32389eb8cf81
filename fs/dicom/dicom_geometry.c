// SPDX-License-Identifier: MIT
/*
 * dicom_geometry.c: position, spacing and the side that is up
 * (PS3.3 C.7.6.2, 10.7.1.3; REF 2.3 and 6).
 */
#include "dicom/dicom_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool dicom_normal(const double o[6], double ret[3])
{
    double n[3] = {o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5],
                   o[0] * o[4] - o[1] * o[3]};
    double length = sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);

    if (!isfinite(length) || length < 1e-6)
        return false;
    for (int i = 0; i < 3; i++)
        ret[i] = n[i] / length;
    return true;
}

/* `n` numbers, all or none. */
bool dicom_parse_numbers(const struct dicom_value *value, const char vr[3],
                         uint32_t n, double *ret)
{
    double found[6];

    for (uint32_t i = 0; i < n; i++)
        if (!dicom_value_number(value, vr, i, &found[i]))
            return false;
    memcpy(ret, found, n * sizeof *ret);
    return true;
}

/* Two numbers above zero, rows first (PS3.3 10.7.1.3): x is the second. */
bool dicom_parse_spacing(const struct dicom_value *value, double *ret_x,
                         double *ret_y)
{
    double n[2];

    if (!dicom_parse_numbers(value, "DS", 2, n) || n[0] <= 0 || n[1] <= 0)
        return false;
    *ret_x = n[1];
    *ret_y = n[0];
    return true;
}

static bool get_numbers(const struct dcmtk_item *root, uint32_t tag, uint32_t n,
                        double *ret)
{
    struct dicom_buffer buffer;
    struct dicom_value value;
    bool good = dicom_get(root, tag, &buffer, &value) &&
                dicom_parse_numbers(&value, "DS", n, ret);

    return good;
}

void dicom_read_geometry(struct dicom_build *build)
{
    struct dicom_frame *f = &build->header->shared;
    const struct dcmtk_item *root = build->root;

    for (int i = 0; i < 3; i++)
        f->position[i] = NAN;
    for (int i = 0; i < 6; i++)
        f->orientation[i] = NAN;
    (void)get_numbers(root, TAG_POSITION, 3, f->position);
    (void)get_numbers(root, TAG_ORIENTATION, 6, f->orientation);
    f->slice_location = dicom_get_number(root, TAG_SLICE_LOCATION, "DS");
    f->z_between = dicom_get_number(root, TAG_SPACING_BETWEEN, "DS");
    f->z_thickness = dicom_get_number(root, TAG_SLICE_THICKNESS, "DS");
    f->px_x = f->px_y = NAN;
    f->in_stack = dicom_get_integer(root, TAG_IN_STACK, "UL");
    f->temporal = DICOM_UNKNOWN;
    build->header->slice_thickness = f->z_thickness;
}

/* ---- spacing --------------------------------------------------------------
 */

static bool get_spacing(const struct dcmtk_item *root, uint32_t tag,
                        struct dicom_spacing *s, bool *ret_said)
{
    struct dicom_buffer buffer;
    struct dicom_value value;
    struct dcmtk_element e;
    bool good = dicom_get(root, tag, &buffer, &value) &&
                dicom_parse_spacing(&value, &s->x, &s->y);

    *ret_said = dcmtk_find(root, tag, &e) && e.length > 0;
    return good;
}

static double positive_or_zero(double a, double b)
{
    if (isfinite(a) && a > 0)
        return a;
    return isfinite(b) && b > 0 ? b : 0;
}

/* PixelSpacing, else the detector's, else the functional groups'. */
void dicom_read_spacing(struct dicom_build *build)
{
    struct dicom_header *h = build->header;
    const struct dicom_frame *f = dicom_frame_at(h, 0);
    struct dicom_spacing *s = &h->spacing;
    bool said, imager_said;

    s->z = positive_or_zero(f->z_between, f->z_thickness);
    if (get_spacing(build->root, TAG_PIXEL_SPACING, s, &said)) {
        s->source = DICOM_SPACING_PIXEL;
        return;
    }
    if (said)
        h->warnings |= DICOM_WARN_SPACING_INVALID;
    if (get_spacing(build->root, TAG_IMAGER_SPACING, s, &imager_said)) {
        s->source = DICOM_SPACING_IMAGER;
        h->warnings |= DICOM_WARN_SPACING_IMAGER;
        return;
    }
    if (f->px_x > 0 && f->px_y > 0) {
        s->source = DICOM_SPACING_GROUPS;
        s->x = f->px_x;
        s->y = f->px_y;
    }
}

/* ---- tomosynthesis stored upside down, REF 2.3 ------------------------------
 */

enum { ORIENTATION_MAX = 16 };

/* Values joined by a backslash, trimmed, upper case, empty ones dropped. */
static void normalise(const char *text, char ret[ORIENTATION_MAX])
{
    size_t n = 0, length = text ? strlen(text) : 0;
    const char *part;
    size_t part_length;

    ret[0] = '\0';
    for (uint32_t i = 0;
         text && dicom_text_part(text, length, i, &part, &part_length); i++) {
        if (part_length == 0)
            continue;
        if (n + part_length + 2 > ORIENTATION_MAX) {
            ret[0] = '\0';
            return;
        }
        if (n > 0)
            ret[n++] = '\\';
        for (size_t k = 0; k < part_length; k++) {
            char c = part[k];

            ret[n++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        }
        ret[n] = '\0';
    }
}

static bool is_upside_down(const char *laterality, const char *view,
                           const char *orientation)
{
    /* What is expected, each letter replaced by its opposite. */
    static const struct {
        const char *laterality, *view, *opposite;
    } rows[] = {
        {"L", "CC", "P\\L"},
        {"R", "CC", "P\\R"},
        {"L", "MLO", "P\\HL"},
        {"R", "MLO", "P\\HR"},
    };
    char l[ORIENTATION_MAX], v[ORIENTATION_MAX], o[ORIENTATION_MAX];

    normalise(laterality, l);
    normalise(view, v);
    normalise(orientation, o);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(l, rows[i].laterality) == 0 &&
            strcmp(v, rows[i].view) == 0 && strcmp(o, rows[i].opposite) == 0)
            return true;
    return false;
}

int dicom_read_turned(struct dicom_build *build, struct error *err)
{
    static const char tomosynthesis[] = "1.2.840.10008.5.1.4.1.1.13.1.3";
    struct dicom_header *h = build->header;
    bool oom = false;
    const char *orientation;

    if (!h->sop_class.text || strcmp(h->sop_class.text, tomosynthesis) != 0)
        return 0;
    orientation = dicom_get_text(build, TAG_PATIENT_ORIENTATION, &oom);
    if (oom)
        return error_no_memory(err);
    h->turned = is_upside_down(h->laterality, h->view_position, orientation);
    return 0;
}
