// SPDX-License-Identifier: MIT
/* dicom_uid.c: UIDs and what transfer syntaxes mean (PS3.5 A, PS3.6 A). */
#include "dicom/dicom_impl.h"

#include <string.h>

bool dicom_uid_is_name(const char *text)
{
    size_t length = 0;
    bool digit = false; /* the previous byte was one */

    if (!text)
        return false;
    for (const char *p = text; *p; p++) {
        if (++length > 64)
            return false;
        if (*p == '.') {
            if (!digit)
                return false;
            digit = false;
        } else if (*p >= '0' && *p <= '9') {
            digit = true;
        } else {
            return false;
        }
    }
    return digit;
}

struct row {
    const char *uid; /* after "1.2.840.10008.1.2" */
    enum dcmtk_encoding encoding;
    enum decode_codec codec;
    bool deflated;
    const char *name;
};

static const struct row rows[] = {
    {"", DCMTK_IMPLICIT_LE, DECODE_NATIVE_LE, false, "Implicit LE"},
    {".1", DCMTK_EXPLICIT_LE, DECODE_NATIVE_LE, false, "Explicit LE"},
    {".1.98", DCMTK_EXPLICIT_LE, DECODE_NATIVE_LE, false,
     "Encapsulated Uncompressed"},
    {".1.99", DCMTK_EXPLICIT_LE, DECODE_NATIVE_LE, true, "Deflated"},
    {".2", DCMTK_EXPLICIT_BE, DECODE_NATIVE_BE, false, "Explicit BE"},
    {".5", DCMTK_EXPLICIT_LE, DECODE_RLE, false, "RLE"},
    {".4.50", DCMTK_EXPLICIT_LE, DECODE_JPEG, false, "JPEG Baseline"},
    {".4.51", DCMTK_EXPLICIT_LE, DECODE_JPEG, false, "JPEG Extended"},
    {".4.52", DCMTK_EXPLICIT_LE, DECODE_JPEG, false, "JPEG process 3,5"},
    {".4.53", DCMTK_EXPLICIT_LE, DECODE_JPEG, false, "JPEG process 6,8"},
    {".4.54", DCMTK_EXPLICIT_LE, DECODE_JPEG, false, "JPEG process 7,9"},
    {".4.55", DCMTK_EXPLICIT_LE, DECODE_JPEG, false, "JPEG process 10,12"},
    {".4.56", DCMTK_EXPLICIT_LE, DECODE_JPEG, false, "JPEG process 11,13"},
    {".4.57", DCMTK_EXPLICIT_LE, DECODE_JPEG, false, "JPEG Lossless"},
    {".4.58", DCMTK_EXPLICIT_LE, DECODE_JPEG, false, "JPEG process 15"},
    {".4.70", DCMTK_EXPLICIT_LE, DECODE_JPEG, false, "JPEG Lossless SV1"},
    {".4.80", DCMTK_EXPLICIT_LE, DECODE_JPEGLS, false, "JPEG-LS Lossless"},
    {".4.81", DCMTK_EXPLICIT_LE, DECODE_JPEGLS, false, "JPEG-LS"},
    {".4.90", DCMTK_EXPLICIT_LE, DECODE_J2K, false, "JPEG 2000 Lossless"},
    {".4.91", DCMTK_EXPLICIT_LE, DECODE_J2K, false, "JPEG 2000"},
    {".4.92", DCMTK_EXPLICIT_LE, DECODE_J2K, false, "JPEG 2000 Part 2"},
    {".4.93", DCMTK_EXPLICIT_LE, DECODE_J2K, false, "JPEG 2000 Part 2"},
    {".4.201", DCMTK_EXPLICIT_LE, DECODE_J2K, false, "HTJ2K Lossless"},
    {".4.202", DCMTK_EXPLICIT_LE, DECODE_J2K, false, "HTJ2K Lossless RPCL"},
    {".4.203", DCMTK_EXPLICIT_LE, DECODE_J2K, false, "HTJ2K"},
    {".4.94", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "JPIP"},
    {".4.95", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, true, "JPIP Deflate"},
    {".4.100", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "MPEG-2"},
    {".4.101", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "MPEG-2"},
    {".4.102", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "MPEG-4"},
    {".4.103", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "MPEG-4"},
    {".4.104", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "MPEG-4"},
    {".4.105", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "MPEG-4"},
    {".4.106", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "MPEG-4"},
    {".4.107", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "HEVC"},
    {".4.108", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "HEVC"},
    {".4.110", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "JPEG XL"},
    {".4.111", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "JPEG XL"},
    {".4.112", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "JPEG XL"},
    {".4.204", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false, "JPIP HTJ2K"},
    {".4.205", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, true,
     "JPIP HTJ2K Deflate"},
    {".8.1", DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false,
     "Deflated Image Frames"},
};

static struct dicom_syntax from_row(const struct row *row)
{
    return (struct dicom_syntax){row->encoding, row->codec, row->deflated, true,
                                 row->name};
}

struct dicom_syntax dicom_syntax_of(const char *uid)
{
    static const char root[] = "1.2.840.10008.1.2";

    if (!uid)
        return from_row(&rows[0]);
    /* Private GE syntax: little endian except for the pixels (PS3.5 knows
     * none such; GDCM and DCMTK do). */
    if (strcmp(uid, "1.2.840.113619.5.2") == 0)
        return (struct dicom_syntax){DCMTK_IMPLICIT_LE, DECODE_NATIVE_BE, false,
                                     true, "GE private"};
    if (strncmp(uid, root, sizeof root - 1) == 0) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            if (strcmp(uid + sizeof root - 1, rows[i].uid) == 0)
                return from_row(&rows[i]);
    }
    /* PS3.5 A.4: what is not native is explicit little endian. */
    return (struct dicom_syntax){DCMTK_EXPLICIT_LE, DECODE_UNSUPPORTED, false,
                                 false, "unknown"};
}
