// SPDX-License-Identifier: MIT
/* byte_image.c: see byte_image.h. */
#undef NDEBUG
#include "support/byte_image.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "manifest/manifest_roi.h"
#include "render/source.h"

static struct byte_image *current;

/* ---- header ------------------------------------------------------------- */

/* What a detector can be: bits allocated and stored, sign, samples. */
static const struct kind {
    uint8_t alloc, stored, is_signed, samples;
    enum decode_photometric photometric;
    enum decode_element element;
} kinds[] = {
    {16, 12, 0, 1, DECODE_MONOCHROME2, DECODE_INTEGER},
    {16, 16, 1, 1, DECODE_MONOCHROME2, DECODE_INTEGER},
    {8, 8, 0, 1, DECODE_MONOCHROME2, DECODE_INTEGER},
    {1, 1, 0, 1, DECODE_MONOCHROME2, DECODE_INTEGER},
    {8, 6, 1, 1, DECODE_MONOCHROME1, DECODE_INTEGER},
    {16, 10, 0, 1, DECODE_MONOCHROME1, DECODE_INTEGER},
    {32, 32, 0, 1, DECODE_MONOCHROME2, DECODE_INTEGER},
    {32, 20, 1, 1, DECODE_MONOCHROME2, DECODE_INTEGER},
    {32, 32, 0, 1, DECODE_MONOCHROME2, DECODE_FLOAT},
    {64, 64, 0, 1, DECODE_MONOCHROME2, DECODE_DOUBLE},
    {8, 8, 0, 3, DECODE_RGB, DECODE_INTEGER},
    {16, 16, 0, 3, DECODE_RGB, DECODE_INTEGER},
    {8, 8, 0, 3, DECODE_YBR_FULL, DECODE_INTEGER},
    {8, 8, 0, 1, DECODE_PALETTE, DECODE_INTEGER},
    {16, 16, 0, 1, DECODE_PALETTE, DECODE_INTEGER},
    {12, 12, 0, 1, DECODE_MONOCHROME2, DECODE_INTEGER},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

enum { /* bits of the flags */
       HAS_SPACING = 1,
       IS_TURNED = 2,
       HAS_PADDING = 4,
       HAS_MODALITY_LUT = 8,
       HAS_VOI_LUT = 16,
       HAS_PLACES = 32,
       FRAMES_DIFFER = 64,
       IS_EVEN = 128
};

static double number(uint8_t byte)
{
    static const double special[] = {0,     1,   -1,  0.5,  1e-30, 1e30,
                                     1e308, NAN, 255, 4095, 65535, -32768};
    size_t n = sizeof special / sizeof special[0];

    return byte < n ? special[byte] : (byte - 128.0) * 3.25;
}

static struct decode_desc desc_of(const uint8_t *p)
{
    const struct kind *k = &kinds[p[3] % KINDS];

    return (struct decode_desc){
        .codec = p[3] & 128 ? DECODE_NATIVE_BE : DECODE_NATIVE_LE,
        .photometric = k->photometric,
        .element = k->element,
        .rows = 1 + p[1] % 24u,
        .cols = 1 + p[2] % 24u,
        .samples = k->samples,
        .bits_alloc = k->alloc,
        .bits_stored = k->stored,
        .high_bit = k->stored - 1u,
        .is_signed = k->is_signed,
        .planar = p[3] & 64,
    };
}

static void put_windows(struct byte_image *b, const uint8_t *p)
{
    struct dicom_header *h = &b->header;

    h->n_windows = p[6] % (BYTE_IMAGE_WINDOWS + 1);
    h->windows = b->windows;
    for (uint32_t i = 0; i < h->n_windows; i++) {
        struct dicom_window *w = &b->windows[i];

        *w = (struct dicom_window){
            .center = number(p[7 + i]),
            .width = number(p[10 + i]),
            .function = (enum dicom_voi_function)(p[13] % 3),
        };
        w->valid = isfinite(w->center) && isfinite(w->width) && w->width > 0;
        if (!w->valid)
            w->center = w->width = 0;
    }
    h->shared.n_windows = h->n_windows;
}

static void put_lut(struct byte_image *b, const uint8_t *p)
{
    struct dicom_header *h = &b->header;
    struct dicom_lut *lut = &b->lut;

    *lut = (struct dicom_lut){
        .n = 1 + p[14] % BYTE_IMAGE_LUT,
        .first = (int32_t)p[15] * 16 - 1024,
        .bits = 1 + p[16] % 16u,
        .data = b->entries,
    };
    for (uint32_t i = 0; i < lut->n; i++) {
        b->entries[i] = (uint16_t)((p[17] + i * p[18]) * 37u);
        if (b->entries[i] > lut->max)
            lut->max = b->entries[i];
    }
    h->has_modality_lut = p[5] & HAS_MODALITY_LUT;
    h->modality_lut = *lut;
    if (p[5] & HAS_VOI_LUT) {
        h->voi_luts = lut;
        h->n_voi_luts = h->shared.n_voi_luts = 1;
    }
    if (h->desc.photometric != DECODE_PALETTE)
        return;
    h->palette.bits = p[16] & 1 ? 16 : 8;
    for (unsigned c = 0; c < 3; c++) {
        h->palette.n[c] = lut->n;
        h->palette.first[c] = p[15];
        h->palette.data[c] = b->entries;
    }
    if (h->palette.bits == 8)
        for (uint32_t i = 0; i < lut->n; i++)
            b->entries[i] &= 255;
}

static void put_frame(struct byte_image *b, const uint8_t *p, uint32_t i)
{
    struct dicom_frame *f = &b->per_frame[i];
    double step = p[5] & IS_EVEN ? 2.5 * i : number(p[20 + i % 8]);

    *f = b->header.shared;
    if (p[5] & HAS_PLACES) {
        f->orientation[0] = f->orientation[4] = 1;
        f->orientation[1] = f->orientation[2] = f->orientation[3] =
            f->orientation[5] = 0;
        f->position[0] = f->position[1] = p[19];
        f->position[2] = step;
    }
    if (p[5] & FRAMES_DIFFER) {
        f->slope = number(p[28]) + i;
        f->intercept = number(p[29]) * i;
        if (!isfinite(f->slope) || !isfinite(f->intercept)) {
            f->slope = 1; /* as the parser has it */
            f->intercept = 0;
        }
    }
}

static void put_values(struct byte_image *b, const uint8_t *p)
{
    struct dicom_header *h = &b->header;
    struct dicom_frame *f = &h->shared;

    *f = (struct dicom_frame){
        .slope = number(p[30]),
        .intercept = number(p[31]),
        .slice_location = NAN,
        .px_x = NAN,
        .px_y = NAN,
        .z_between = p[5] & IS_EVEN ? 2.5 : NAN,
        .z_thickness = NAN,
        .in_stack = DICOM_UNKNOWN,
        .temporal = DICOM_UNKNOWN,
    };
    if (!isfinite(f->slope) || !isfinite(f->intercept)) {
        f->slope = 1;
        f->intercept = 0;
    }
    for (unsigned i = 0; i < 3; i++)
        f->position[i] = NAN;
    for (unsigned i = 0; i < 6; i++)
        f->orientation[i] = NAN;
    if (p[5] & HAS_SPACING)
        h->spacing = (struct dicom_spacing){0.25 + p[4] % 8, 0.5 + p[4] / 32,
                                            2.5, DICOM_SPACING_PIXEL};
    if (p[5] & HAS_PADDING) {
        h->padding.kind = h->desc.element == DECODE_INTEGER
                              ? DICOM_PADDING_INTEGER
                              : DICOM_PADDING_FLOAT;
        h->padding.low = p[19] % 4 * 16;
        h->padding.high = h->padding.low + p[19] / 64;
    }
}

static void put_row(struct byte_image *b)
{
    static char path[] = "1.dcm";
    static uint64_t version; /* what is cached is of one image */
    const struct dicom_header *h = &b->header;

    b->row = (struct manifest_instance){
        .id = 1,
        .study_id = 1,
        .series_id = 1,
        .source_id = 1,
        .name = "1.2.3",
        .study_name = "1.2",
        .series_name = "1.2.4",
        .desc = h->desc,
        .frames = h->frames,
        .frames_known = true,
        .decodable = true,
        .px_x = h->spacing.x,
        .px_y = h->spacing.y,
        .turned = h->turned,
        .has_pixels = true,
        .relpath = path,
        .ino = ++version,
    };
    b->volume = b->row;
    b->volume.id = 2;
    b->volume.slices = h->frames;
    b->volume.z_mm = h->spacing.z;
}

bool byte_image_make(struct byte_image *ret, const uint8_t *header,
                     const uint8_t *pixels, size_t n_pixels)
{
    struct dicom_header *h = &ret->header;
    struct error err = ERROR_INIT;
    enum sample_type type;
    uint32_t channels;

    memset(ret, 0, sizeof *ret);
    h->kind = DICOM_IMAGE;
    h->desc = desc_of(header);
    h->frames = 1 + header[0] % BYTE_IMAGE_FRAMES;
    h->has_pixels = h->decodable = true;
    h->pixels = DICOM_PIXELS_NATIVE;
    h->turned = header[5] & IS_TURNED;
    h->instance_number = h->series_number = h->acquisition_number =
        DICOM_UNKNOWN;
    put_values(ret, header);
    put_windows(ret, header);
    put_lut(ret, header);
    for (uint32_t i = 0; i < h->frames; i++)
        put_frame(ret, header, i);
    if (header[5] & (HAS_PLACES | FRAMES_DIFFER)) {
        h->per_frame = ret->per_frame;
        h->n_per_frame = h->frames;
    }
    put_row(ret);
    ret->pixels = pixels;
    ret->n_pixels = n_pixels;
    current = ret;
    return decode_output(&h->desc, &channels, &type, &err) == 0;
}

/* ---- what fs/render asks the manifest ------------------------------------ */

static int copy_row(const struct manifest_instance *row,
                    struct manifest_instance *ret)
{
    *ret = *row;
    ret->relpath = strdup(row->relpath);
    assert(ret->relpath);
    return 1;
}

int __wrap_manifest_instance_by_id(struct manifest *m, int64_t id,
                                   struct manifest_instance *ret,
                                   struct error *err);
int __wrap_manifest_instance_by_id(struct manifest *m, int64_t id,
                                   struct manifest_instance *ret,
                                   struct error *err)
{
    (void)m;
    (void)err;
    (void)copy_row(&current->row, ret);
    ret->id = id;
    if (id >= 10)
        ret->frames = 1; /* a slice */
    return 1;
}

int __wrap_manifest_volume_by_id(struct manifest *m, int64_t id,
                                 struct manifest_instance *ret,
                                 struct error *err);
int __wrap_manifest_volume_by_id(struct manifest *m, int64_t id,
                                 struct manifest_instance *ret,
                                 struct error *err)
{
    (void)m;
    (void)id;
    (void)err;
    return copy_row(&current->volume, ret);
}

int __wrap_manifest_volume_get(struct manifest *m, int64_t id,
                               struct manifest_volume *ret, struct error *err);
int __wrap_manifest_volume_get(struct manifest *m, int64_t id,
                               struct manifest_volume *ret, struct error *err)
{
    (void)m;
    (void)err;
    *ret = (struct manifest_volume){
        .id = id,
        .series_id = 1,
        .n_slices = current->header.frames,
        .z_spacing = current->header.spacing.z,
        .uniform = true,
        .ok = true,
        .kind = VOLUME_REGULAR,
    };
    return 1;
}

int __wrap_manifest_volume_slices(struct manifest *m, int64_t id,
                                  struct manifest_slices *ret,
                                  struct error *err);
int __wrap_manifest_volume_slices(struct manifest *m, int64_t id,
                                  struct manifest_slices *ret,
                                  struct error *err)
{
    uint32_t n = current->header.frames;

    (void)m;
    (void)id;
    (void)err;
    *ret = (struct manifest_slices){.v = calloc(n, sizeof *ret->v), .n = n};
    assert(ret->v);
    ret->windowless = current->header.n_windows > 0 ? 0 : n;
    ret->one_window = true;
    for (uint32_t i = 0; i < n; i++) {
        ret->v[i].id = 10 + i;
        ret->v[i].number = i;
        ret->v[i].version = current->row.ino;
        memcpy(ret->v[i].position, current->per_frame[i].position,
               sizeof ret->v[i].position);
    }
    return 0;
}

int __wrap_manifest_fact_get(struct manifest *m, int64_t instance_id,
                             const char *prefix, uint64_t engine,
                             struct manifest_fact *ret, struct error *err);
int __wrap_manifest_fact_get(struct manifest *m, int64_t instance_id,
                             const char *prefix, uint64_t engine,
                             struct manifest_fact *ret, struct error *err)
{
    (void)m;
    (void)instance_id;
    (void)prefix;
    (void)engine;
    (void)ret;
    (void)err;
    return 0;
}

int __wrap_manifest_fact_put(struct manifest *m, int64_t instance_id,
                             const char *prefix, uint64_t engine,
                             const struct manifest_fact *fact,
                             struct error *err);
int __wrap_manifest_fact_put(struct manifest *m, int64_t instance_id,
                             const char *prefix, uint64_t engine,
                             const struct manifest_fact *fact,
                             struct error *err)
{
    (void)m;
    (void)instance_id;
    (void)engine;
    (void)err;
    assert(strlen(prefix) > 0);
    assert(fact->crop.width == 0 || fact->crop.height > 0);
    return 0;
}

int __wrap_manifest_output_get(struct manifest *m, uint16_t view_id,
                               int64_t object_id, uint32_t part, unsigned fmt,
                               uint64_t engine, struct manifest_output *ret,
                               struct error *err);
int __wrap_manifest_output_get(struct manifest *m, uint16_t view_id,
                               int64_t object_id, uint32_t part, unsigned fmt,
                               uint64_t engine, struct manifest_output *ret,
                               struct error *err)
{
    (void)m;
    (void)view_id;
    (void)object_id;
    (void)part;
    (void)fmt;
    (void)engine;
    (void)ret;
    (void)err;
    return 0;
}

int __wrap_manifest_output_any(struct manifest *m, uint16_t view_id,
                               int64_t object_id, uint64_t engine,
                               struct manifest_output *ret, struct error *err);
int __wrap_manifest_output_any(struct manifest *m, uint16_t view_id,
                               int64_t object_id, uint64_t engine,
                               struct manifest_output *ret, struct error *err)
{
    (void)m;
    (void)view_id;
    (void)object_id;
    (void)engine;
    (void)ret;
    (void)err;
    return 0;
}

int __wrap_manifest_output_put(struct manifest *m, uint16_t view_id,
                               int64_t object_id, uint32_t part, unsigned fmt,
                               uint64_t engine, const struct manifest_output *o,
                               struct error *err);
int __wrap_manifest_output_put(struct manifest *m, uint16_t view_id,
                               int64_t object_id, uint32_t part, unsigned fmt,
                               uint64_t engine, const struct manifest_output *o,
                               struct error *err)
{
    (void)m;
    (void)view_id;
    (void)object_id;
    (void)part;
    (void)fmt;
    (void)engine;
    (void)err;
    assert(o->bytes > 0);
    return 0;
}

/* As many findings as a byte says, here and there, in and outside. */
int __wrap_manifest_roi_count(struct manifest *m, const char *table,
                              const struct manifest_roi_object *object,
                              uint32_t *ret_n, struct error *err);
int __wrap_manifest_roi_count(struct manifest *m, const char *table,
                              const struct manifest_roi_object *object,
                              uint32_t *ret_n, struct error *err)
{
    (void)m;
    (void)table;
    (void)object;
    (void)err;
    *ret_n = current->lut.n % 4;
    return 0;
}

int __wrap_manifest_roi_get(struct manifest *m, const char *table,
                            const struct manifest_roi_object *object,
                            uint32_t k, struct manifest_roi *ret,
                            struct error *err);
int __wrap_manifest_roi_get(struct manifest *m, const char *table,
                            const struct manifest_roi_object *object,
                            uint32_t k, struct manifest_roi *ret,
                            struct error *err)
{
    (void)m;
    (void)table;
    (void)object;
    (void)err;
    memset(ret, 0, sizeof *ret);
    ret->n = k;
    for (unsigned a = 0; a < 3; a++) {
        ret->centre[a] = number((uint8_t)(current->entries[0] + k * a));
        ret->size[a] = number((uint8_t)(current->entries[0] >> 8));
        if (!isfinite(ret->centre[a]))
            ret->centre[a] = a;
    }
    return 1;
}

/* ---- and its sources ------------------------------------------------------
 */

int __wrap_source_get(struct sources *s,
                      const struct manifest_instance *instance,
                      struct flight_ref *ref, const struct source **ret,
                      struct error *err);
int __wrap_source_get(struct sources *s,
                      const struct manifest_instance *instance,
                      struct flight_ref *ref, const struct source **ret,
                      struct error *err)
{
    static struct source source;

    (void)s;
    (void)instance;
    (void)ref;
    (void)err;
    source.header = &current->header;
    *ret = &source;
    return 0;
}

void __wrap_source_put(struct sources *s, struct flight_ref *ref);
void __wrap_source_put(struct sources *s, struct flight_ref *ref)
{
    (void)s;
    (void)ref;
}

int __wrap_source_check(struct sources *s,
                        const struct manifest_instance *instance,
                        struct error *err);
int __wrap_source_check(struct sources *s,
                        const struct manifest_instance *instance,
                        struct error *err)
{
    (void)s;
    (void)instance;
    (void)err;
    return 0;
}

/* Nothing that is freed may belong to the header that stays. */
int __wrap_source_describe(struct sources *s,
                           const struct manifest_instance *instance,
                           const uint32_t *tags, size_t n_tags,
                           struct dicom_header *ret, struct error *err);
int __wrap_source_describe(struct sources *s,
                           const struct manifest_instance *instance,
                           const uint32_t *tags, size_t n_tags,
                           struct dicom_header *ret, struct error *err)
{
    (void)s;
    (void)instance;
    (void)tags;
    (void)n_tags;
    (void)err;
    *ret = current->header;
    return 0;
}

static void native_bytes(uint64_t offset, uint8_t *to, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++)
        to[i] = current->n_pixels
                    ? current->pixels[(offset + i) % current->n_pixels]
                    : 0;
}

int __wrap_frame_get(struct sources *s,
                     const struct manifest_instance *instance, uint32_t frame,
                     struct flight_ref *ref, const struct image **ret,
                     struct error *err);
int __wrap_frame_get(struct sources *s,
                     const struct manifest_instance *instance, uint32_t frame,
                     struct flight_ref *ref, const struct image **ret,
                     struct error *err)
{
    const struct decode_desc *d = &current->header.desc;
    struct image *image = calloc(1, sizeof *image);
    uint64_t offset, length;
    enum sample_type type;
    uint32_t channels;
    uint8_t *bytes;
    unsigned bit;

    (void)s;
    if (instance->id >= 10)
        frame = (uint32_t)(instance->id - 10);
    assert(image && frame < current->header.frames);
    current->frames_read++;
    assert(decode_output(d, &channels, &type, err) == 0);
    assert(decode_native_span(d, frame, &offset, &length, &bit, err) == 0);
    bytes = malloc(length);
    assert(bytes);
    native_bytes(offset, bytes, length);
    assert(image_alloc(d->cols, d->rows, channels, type, image, err) == 0);
    assert(decode_frame(d, bytes, length, bit, image, err) == 0);
    free(bytes);
    ref->value = image;
    *ret = image;
    return 0;
}

void __wrap_frame_put(struct sources *s, struct flight_ref *ref);
void __wrap_frame_put(struct sources *s, struct flight_ref *ref)
{
    struct image *image = ref->value;

    (void)s;
    if (!image)
        return;
    image_free(image);
    free(image);
    ref->value = NULL;
}

void __wrap_frames_forget(struct sources *s,
                          const struct manifest_instance *instance);
void __wrap_frames_forget(struct sources *s,
                          const struct manifest_instance *instance)
{
    (void)s;
    (void)instance;
}
