// SPDX-License-Identifier: MIT
/*
 * dicom_sniff.c: is it DICOM, and in which encoding.
 *
 * The first element of a data set is in a low group (0008 nearly always), so
 * one byte of it is zero and tells the byte order; explicit VR shows two
 * letters of PS3.5 6.2 where implicit VR has a length.
 */
#include "dicom/dicom_impl.h"

#include <string.h>
#include <strings.h>

static const char short_vrs[] = "AEASATCSDADSDTFLFDISLOLTPNSHSLSSSTTMUIULUS";
static const char long_vrs[] = "OBODOFOLOVOWSQSVUCUNURUTUV";

static bool in_list(const uint8_t vr[2], const char *list)
{
    for (; *list; list += 2)
        if (vr[0] == (uint8_t)list[0] && vr[1] == (uint8_t)list[1])
            return true;
    return false;
}

bool dicom_vr_is_known(const uint8_t vr[2])
{
    return in_list(vr, short_vrs) || in_list(vr, long_vrs);
}

bool dicom_vr_is_long(const uint8_t vr[2])
{
    return in_list(vr, long_vrs);
}

bool dicom_encoding_is_explicit(enum dcmtk_encoding encoding)
{
    return encoding == DCMTK_EXPLICIT_LE || encoding == DCMTK_EXPLICIT_BE;
}

bool dicom_encoding_is_big(enum dcmtk_encoding encoding)
{
    return encoding == DCMTK_EXPLICIT_BE || encoding == DCMTK_IMPLICIT_BE;
}

static bool in_range(unsigned group, uint16_t low, uint16_t high)
{
    return group >= low && group <= high;
}

/* The first value of a group is short text or a group length. */
static bool plausible_length(uint32_t length)
{
    return length <= 0xffff || length == DICOM_UNDEFINED_LENGTH;
}

bool dicom_encoding_guess(const uint8_t *b, size_t length, uint16_t low,
                          uint16_t high, enum dcmtk_encoding *ret)
{
    unsigned little, big;
    uint32_t value_le, value_be;

    if (length < 8)
        return false;
    little = b[0] | (unsigned)b[1] << 8;
    big = b[1] | (unsigned)b[0] << 8;
    if (dicom_vr_is_known(b + 4)) {
        if (in_range(little, low, high) && little <= big)
            *ret = DCMTK_EXPLICIT_LE;
        else if (in_range(big, low, high))
            *ret = DCMTK_EXPLICIT_BE;
        else
            return false;
        return true;
    }
    value_le = (uint32_t)b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16 |
               (uint32_t)b[7] << 24;
    value_be = (uint32_t)b[7] | (uint32_t)b[6] << 8 | (uint32_t)b[5] << 16 |
               (uint32_t)b[4] << 24;
    if (in_range(little, low, high) && plausible_length(value_le))
        *ret = DCMTK_IMPLICIT_LE;
    else if (in_range(big, low, high) && plausible_length(value_be))
        *ret = DCMTK_IMPLICIT_BE;
    else
        return false;
    return true;
}

/* Only names that DICOM files really have: any other file may well begin
 * with bytes that look like an element. */
static bool name_may_be_dicom(const char *name)
{
    const char *dot = strrchr(name, '.');

    if (!dot || strcasecmp(dot, ".dcm") == 0 || strcasecmp(dot, ".ima") == 0 ||
        strcasecmp(dot, ".dicom") == 0)
        return true;
    dot++;
    return *dot && strspn(dot, "0123456789") == strlen(dot);
}

/* Elements of one group follow each other; a second header behind the first
 * makes chance hits rare. */
static bool second_element_fits(const uint8_t *b, size_t length,
                                enum dcmtk_encoding encoding)
{
    bool big = dicom_encoding_is_big(encoding);
    uint32_t value_length;
    size_t at = 8;
    unsigned group, next;

    if (!dicom_encoding_is_explicit(encoding)) {
        value_length = big ? (uint32_t)b[7] | (uint32_t)b[6] << 8
                           : (uint32_t)b[4] | (uint32_t)b[5] << 8;
    } else if (dicom_vr_is_long(b + 4)) {
        return true;
    } else {
        value_length = big ? (uint32_t)b[7] | (uint32_t)b[6] << 8
                           : (uint32_t)b[6] | (uint32_t)b[7] << 8;
    }
    at += value_length;
    if (at + 8 > length)
        return at < 4096;
    group = big ? b[1] | (unsigned)b[0] << 8 : b[0] | (unsigned)b[1] << 8;
    next = big ? b[at + 1] | (unsigned)b[at] << 8
               : b[at] | (unsigned)b[at + 1] << 8;
    return next >= group && next <= 0x0040;
}

bool dicom_sniff(const uint8_t *bytes, size_t length, const char *name,
                 bool any_name)
{
    enum dcmtk_encoding encoding;

    if (length >= 132 && memcmp(bytes + 128, "DICM", 4) == 0)
        return true;
    if (!any_name && !name_may_be_dicom(name))
        return false;
    if (length >= 4 && memcmp(bytes, "DICM", 4) == 0)
        return true;
    if (!dicom_encoding_guess(bytes, length, 0x0002, 0x0008, &encoding))
        return false;
    return second_element_fits(bytes, length, encoding);
}
