// SPDX-License-Identifier: MIT
/*
 * dicom_flat.h: which members of a header go into a run of bytes, for the one
 * who writes it and the one who reads it; private to fs/dicom.
 */
#ifndef DICOM_DICOM_FLAT_H
#define DICOM_DICOM_FLAT_H

#include "dicom/dicom_impl.h"
#include "dicom/dicom_parsed.h"

enum { DICOM_FLAT_MAGIC = 0x50464831 }; /* "PFH1" */

enum dicom_flat_kind {
    FLAT_TEXT,  /* const char *, UTF-8 */
    FLAT_BYTES, /* const char *, made printable */
    FLAT_UID,
    FLAT_BOOL,
    FLAT_ENUM, /* 0 .. most */
    FLAT_U32,
    FLAT_U64,
    FLAT_I64,
    FLAT_F64 /* a number or NaN */
};

struct dicom_flat_field {
    uint16_t offset;
    uint8_t kind;
    uint8_t most;
};

/* Everything but what is an array or a struct of its own. */
extern const struct dicom_flat_field dicom_flat_fields[];
extern const size_t dicom_flat_n_fields;

#endif
