// SPDX-License-Identifier: MIT
/*
 * The header of NIfTI-1 (nifti1.h of the NIfTI Data Format Working Group),
 * byte by byte: the fields have their offsets as names, since the struct of
 * the standard is a matter of one machine's alignment.
 */
#include "nii/nii.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define HEADER_BYTES 348

enum field {
    FIELD_SIZEOF_HDR = 0,
    FIELD_REGULAR = 38,
    FIELD_DIM = 40,      /* int16[8]; [0] is how many */
    FIELD_DATATYPE = 70, /* int16 */
    FIELD_BITPIX = 72,   /* int16, of a voxel */
    FIELD_PIXDIM = 76,   /* float[8]; [0] is qfac */
    FIELD_VOX_OFFSET = 108,
    FIELD_SCL_SLOPE = 112,
    FIELD_XYZT_UNITS = 123,
    FIELD_DESCRIP = 148, /* char[80] */
    FIELD_QFORM_CODE = 252,
    FIELD_SFORM_CODE = 254,
    FIELD_QUATERN = 256, /* float[3]: b, c, d */
    FIELD_QOFFSET = 268, /* float[3] */
    FIELD_SROW = 280,    /* float[3][4] */
    FIELD_MAGIC = 344
};

enum {
    XFORM_SCANNER_ANAT = 1,
    UNITS_MM = 2,
    UNITS_SEC = 8,
    DESCRIP_BYTES = 80
};

/* 0: NIfTI-1 has none */
static int16_t datatype(const struct nii_spec *spec)
{
    if (spec->channels == 3)
        return spec->type == SAMPLE_U8 ? 128 : 0; /* RGB24 */
    switch (spec->type) {
    case SAMPLE_U8:
        return 2;
    case SAMPLE_I16:
        return 4;
    case SAMPLE_I32:
        return 8;
    case SAMPLE_F32:
        return 16;
    case SAMPLE_F64:
        return 64;
    case SAMPLE_U16:
        return 512;
    case SAMPLE_U32:
        return 768;
    case SAMPLE_F16:
        return 0;
    }
    return 0;
}

static int check_spec(const struct nii_spec *spec, struct error *err)
{
    if (spec->pages == 0 || spec->width == 0 || spec->height == 0)
        return error_set(err, ERROR_INTERNAL, "empty NIfTI: %u pages of %ux%u",
                         spec->pages, spec->width, spec->height);
    if (spec->channels != 1 && spec->channels != 3)
        return error_set(err, ERROR_INTERNAL, "NIfTI of %u channels",
                         spec->channels);
    if (sample_bytes(spec->type) == 0)
        return error_set(err, ERROR_INTERNAL, "unknown sample type %d",
                         (int)spec->type);
    if (spec->type == SAMPLE_F16)
        return error_set(err, ERROR_UNSUPPORTED,
                         "NIfTI-1 has no f16; use .npy");
    if (datatype(spec) == 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "NIfTI-1 has colour of 8 bits only; add u8 or gray");
    if (spec->pages > NII_SIDE_MAX || spec->width > NII_SIDE_MAX ||
        spec->height > NII_SIDE_MAX)
        return error_set(err, ERROR_UNSUPPORTED,
                         "NIfTI-1 counts to %d in a dimension, this has %u "
                         "pages of %ux%u",
                         NII_SIDE_MAX, spec->pages, spec->width, spec->height);
    return 0;
}

/* Floats must hold it, and no axis may vanish. */
static bool is_usable(const struct affine *affine)
{
    double spacing[3];

    affine_spacing(affine, spacing);
    for (size_t i = 0; i < 12; i++) {
        if (!isfinite((float)affine->m[i / 4][i % 4]))
            return false;
    }
    return (float)spacing[0] > 0 && (float)spacing[1] > 0 &&
           (float)spacing[2] > 0;
}

int nii_layout_init(const struct nii_spec *spec, struct nii_layout *ret,
                    struct error *err)
{
    *ret = (struct nii_layout){.spec = *spec};
    if (check_spec(spec, err) != 0)
        return -1;
    ret->spec.has_affine = spec->has_affine && is_usable(&spec->affine);
    /* below 2^15 * 2^15 * 2^15 * 8: nothing here can overflow */
    ret->row_bytes =
        (uint64_t)spec->width * spec->channels * sample_bytes(spec->type);
    ret->page_bytes = ret->row_bytes * spec->height;
    ret->data_offset = NII_DATA_OFFSET;
    ret->size = ret->data_offset + ret->page_bytes * spec->pages;
    return 0;
}

/* ---- header ------------------------------------------------------------- */

static void put16(uint8_t *header, size_t at, int16_t value)
{
    header[at] = (uint8_t)((uint16_t)value & 0xff);
    header[at + 1] = (uint8_t)((uint16_t)value >> 8);
}

static void put32(uint8_t *header, size_t at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        header[at + i] = (uint8_t)(value >> 8 * i);
}

static void put_float(uint8_t *header, size_t at, double value)
{
    float number = (float)value;
    uint32_t bits;

    memcpy(&bits, &number, sizeof bits);
    put32(header, at, bits);
}

static void put_dim(const struct nii_spec *spec, uint8_t *header)
{
    bool time = spec->axis == NII_PAGES_TIME;
    int16_t dim[8] = {3, 1, 1, 1, 1, 1, 1, 1};

    dim[0] = time ? 4 : 3;
    dim[1] = (int16_t)spec->width;
    dim[2] = (int16_t)spec->height;
    dim[dim[0]] = (int16_t)spec->pages;
    for (size_t i = 0; i < 8; i++)
        put16(header, FIELD_DIM + 2 * i, dim[i]);
    put16(header, FIELD_DATATYPE, datatype(spec));
    put16(header, FIELD_BITPIX,
          (int16_t)(8 * sample_bytes(spec->type) * spec->channels));
}

static bool is_length(double value)
{
    return isfinite((float)value) && (float)value > 0;
}

/* pixdim[1..3]; true if they are millimetres. */
static bool spacing_of(const struct nii_spec *spec, double ret[3])
{
    bool known = is_length(spec->spacing[0]) && is_length(spec->spacing[1]);

    if (spec->has_affine) {
        affine_spacing(&spec->affine, ret);
        return true;
    }
    for (unsigned i = 0; i < 3; i++)
        ret[i] = known && is_length(spec->spacing[i]) ? spec->spacing[i] : 1;
    return known;
}

static void put_sizes(const struct nii_spec *spec, uint8_t *header)
{
    double spacing[3];
    int units = spacing_of(spec, spacing) ? UNITS_MM : 0;

    for (size_t i = 0; i < 3; i++)
        put_float(header, FIELD_PIXDIM + 4 * (i + 1), spacing[i]);
    if (spec->axis == NII_PAGES_TIME && is_length(spec->seconds)) {
        put_float(header, FIELD_PIXDIM + 4 * 4, spec->seconds);
        units |= UNITS_SEC;
    }
    header[FIELD_XYZT_UNITS] = (uint8_t)units;
}

static void put_qform(const struct affine *affine, uint8_t *header)
{
    double quaternion[4];
    double qfac;

    affine_quaternion(affine, quaternion, &qfac);
    put16(header, FIELD_QFORM_CODE, XFORM_SCANNER_ANAT);
    put_float(header, FIELD_PIXDIM, qfac);
    for (size_t i = 0; i < 3; i++) {
        put_float(header, FIELD_QUATERN + 4 * i, quaternion[i + 1]);
        put_float(header, FIELD_QOFFSET + 4 * i, affine->m[i][3]);
    }
}

static void put_geometry(const struct nii_spec *spec, uint8_t *header)
{
    const struct affine *affine = &spec->affine;

    put_float(header, FIELD_PIXDIM, 1);
    if (!spec->has_affine)
        return;
    put16(header, FIELD_SFORM_CODE, XFORM_SCANNER_ANAT);
    for (size_t i = 0; i < 12; i++)
        put_float(header, FIELD_SROW + 4 * i, affine->m[i / 4][i % 4]);
    if (affine_is_orthogonal(affine))
        put_qform(affine, header);
}

static void put_header(const struct nii_layout *layout,
                       uint8_t header[HEADER_BYTES])
{
    const struct nii_spec *spec = &layout->spec;

    memset(header, 0, HEADER_BYTES);
    put32(header, FIELD_SIZEOF_HDR, HEADER_BYTES);
    header[FIELD_REGULAR] = 'r';
    put_dim(spec, header);
    put_sizes(spec, header);
    put_geometry(spec, header);
    put_float(header, FIELD_VOX_OFFSET, NII_DATA_OFFSET);
    put_float(header, FIELD_SCL_SLOPE, 1);
    if (spec->software)
        memcpy(header + FIELD_DESCRIP, spec->software,
               strnlen(spec->software, DESCRIP_BYTES - 1));
    memcpy(header + FIELD_MAGIC, "n+1", 4);
}

void nii_layout_header_read(const struct nii_layout *layout, uint64_t offset,
                            size_t length, uint8_t *dst)
{
    uint8_t header[HEADER_BYTES];
    size_t n;

    assert(offset <= NII_DATA_OFFSET);
    assert(length <= NII_DATA_OFFSET - offset);
    memset(dst, 0, length);
    if (offset >= HEADER_BYTES)
        return;
    put_header(layout, header);
    n = HEADER_BYTES - (size_t)offset;
    memcpy(dst, header + offset, n < length ? n : length);
}
