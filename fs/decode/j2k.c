// SPDX-License-Identifier: MIT
/* j2k.c: see j2k.h. The only includer of OpenJPEG. */
#include "decode/j2k.h"

#include <openjpeg.h>
#include <string.h>

#include "decode/colour.h"
#include "decode/j2k_header.h"
#include "decode/samples.h"
#include "prepfs/cleanup.h"

/* Our bytes are in memory: a small copy buffer inside the codec will do. */
#define STREAM_BUFFER ((OPJ_SIZE_T)64 * 1024)

struct memory {
    const uint8_t *bytes;
    size_t length;
    size_t position;
};

static OPJ_SIZE_T memory_read(void *buffer, OPJ_SIZE_T size, void *user_data)
{
    struct memory *m = user_data;
    size_t left = m->length - m->position;

    if (!left)
        return (OPJ_SIZE_T)-1; /* how OpenJPEG spells the end */
    if (size > left)
        size = left;
    memcpy(buffer, m->bytes + m->position, size);
    m->position += size;
    return size;
}

static OPJ_OFF_T memory_skip(OPJ_OFF_T size, void *user_data)
{
    struct memory *m = user_data;
    size_t left = m->length - m->position;

    if (size < 0 || !left)
        return -1;
    if ((uint64_t)size > left)
        size = (OPJ_OFF_T)left;
    m->position += (size_t)size;
    return size;
}

static OPJ_BOOL memory_seek(OPJ_OFF_T position, void *user_data)
{
    struct memory *m = user_data;

    if (position < 0 || (uint64_t)position > m->length)
        return OPJ_FALSE;
    m->position = (size_t)position;
    return OPJ_TRUE;
}

static void cleanup_stream(opj_stream_t **stream)
{
    if (*stream)
        opj_stream_destroy(*stream);
}

static void cleanup_codec(opj_codec_t **codec)
{
    if (*codec)
        opj_destroy_codec(*codec);
}

static void cleanup_image(opj_image_t **image)
{
    if (*image)
        opj_image_destroy(*image);
}

/* Keeps the first complaint, without its line end: the cause. */
static void on_error(const char *text, void *user_data)
{
    struct error *err = user_data;

    if (err->kind != ERROR_NONE)
        return;
    (void)error_set(err, ERROR_CORRUPT, "JPEG 2000: %.*s",
                    (int)strcspn(text, "\n"), text);
}

static void on_message(const char *text, void *user_data)
{
    (void)text;
    (void)user_data;
}

static int give_up(const struct error *cause, struct error *err)
{
    if (cause->kind == ERROR_NONE)
        return error_set(err, ERROR_CORRUPT,
                         "the JPEG 2000 codestream cannot be decoded");
    return error_set(err, cause->kind, "%s", cause->msg);
}

static opj_stream_t *open_stream(struct memory *m)
{
    opj_stream_t *stream = opj_stream_create(STREAM_BUFFER, OPJ_TRUE);

    if (!stream)
        return NULL;
    opj_stream_set_user_data(stream, m, NULL);
    opj_stream_set_user_data_length(stream, m->length);
    opj_stream_set_read_function(stream, memory_read);
    opj_stream_set_skip_function(stream, memory_skip);
    opj_stream_set_seek_function(stream, memory_seek);
    return stream;
}

static opj_codec_t *open_codec(struct error *cause)
{
    opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_dparameters_t parameters;

    if (!codec)
        return NULL;
    (void)opj_set_info_handler(codec, on_message, NULL);
    (void)opj_set_warning_handler(codec, on_message, NULL);
    (void)opj_set_error_handler(codec, on_error, cause);
    opj_set_default_decoder_parameters(&parameters);
    if (!opj_setup_decoder(codec, &parameters) ||
        !opj_decoder_set_strict_mode(codec, OPJ_TRUE)) {
        opj_destroy_codec(codec);
        return NULL;
    }
    return codec;
}

/* What OpenJPEG made must be what our reading of the header promised. */
static int check_image(const opj_image_t *image, const struct j2k_header *h,
                       struct error *err)
{
    if (image->x1 - image->x0 != h->width ||
        image->y1 - image->y0 != h->height || image->numcomps != h->components)
        return error_set(err, ERROR_CORRUPT, "JPEG 2000 sizes disagree");
    for (unsigned c = 0; c < h->components; c++) {
        const opj_image_comp_t *comp = &image->comps[c];

        if (!comp->data || !comp->w || !comp->h || !comp->dx || !comp->dy ||
            comp->prec != h->precision)
            return error_set(err, ERROR_CORRUPT,
                             "JPEG 2000 component %u is not decoded", c);
    }
    return 0;
}

/* Index of the component sample that covers `x` of the reference grid; a
 * subsampled component is replicated. T.800 B-2: the first one is at
 * ceil(origin / step). */
static size_t covering(uint32_t x, uint32_t origin, uint32_t step,
                       uint32_t count)
{
    uint64_t first = ((uint64_t)origin + step - 1) / step;
    uint64_t index = ((uint64_t)origin + x) / step;

    index = index < first ? 0 : index - first;
    return (size_t)(index < count ? index : count - 1);
}

static void store_row(const opj_image_t *image, const opj_image_comp_t *comp,
                      const struct samples_format *f, uint32_t y,
                      enum sample_type type, uint8_t *out)
{
    const OPJ_INT32 *row =
        comp->data + covering(y, image->y0, comp->dy, comp->h) * comp->w;
    uint32_t width = image->x1 - image->x0;
    size_t step = sample_bytes(type) * f->out_step;

    if (comp->dx == 1 && comp->w >= width) {
        samples_store(f, (const uint8_t *)row, width, type, out);
        return;
    }
    for (uint32_t x = 0; x < width; x++)
        samples_store(
            f,
            (const uint8_t *)(row + covering(x, image->x0, comp->dx, comp->w)),
            1, type, out + x * step);
}

static void store(const opj_image_t *image, const struct j2k_header *h,
                  bool is_signed, const struct image *out)
{
    const struct samples_format f = {
        .word_bytes = 4,
        .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
        .word_step = 4,
        .out_step = h->components,
        .bits = h->precision,
        .is_signed = is_signed,
    };

    for (uint32_t y = 0; y < h->height; y++)
        for (unsigned c = 0; c < h->components; c++)
            store_row(image, &image->comps[c], &f, y, out->type,
                      out->data + y * out->stride_bytes +
                          c * sample_bytes(out->type));
}

/* A component transform in the codestream has been undone by the codec and
 * gave RGB, whatever the tag says; without one the tag decides. */
static enum colour_model colour_of(const struct j2k_header *h,
                                   const struct decode_desc *desc)
{
    if (h->components != 3 || h->has_transform ||
        desc->photometric == DECODE_RGB)
        return COLOUR_RGB;
    return desc->photometric == DECODE_YBR_RCT ? COLOUR_YBR_RCT
                                               : COLOUR_YBR_ICT;
}

static int check_header(const struct j2k_header *h,
                        const struct decode_desc *desc, enum sample_type type,
                        struct error *err)
{
    if (h->width != desc->cols || h->height != desc->rows)
        return error_set(err, ERROR_CORRUPT,
                         "the codestream is %u x %u, the tags say %u x %u",
                         h->width, h->height, desc->cols, desc->rows);
    if (h->components != desc->samples)
        return error_set(err, ERROR_CORRUPT,
                         "the codestream has %u components, the tags say %u",
                         h->components, desc->samples);
    if (h->precision > 31)
        return error_set(err, ERROR_UNSUPPORTED, "a precision of %u bits",
                         h->precision);
    if (!samples_fit(type, h->precision, desc->is_signed && desc->samples == 1))
        return error_set(err, ERROR_CORRUPT,
                         "the codestream has %u bits, BitsAllocated is %u",
                         h->precision, desc->bits_alloc);
    return 0;
}

static int decode(struct memory *m, const struct j2k_header *h,
                  const struct decode_desc *desc, const struct image *out,
                  struct error *err)
{
    struct error cause = ERROR_INIT;
    CLEANUP(cleanup_stream) opj_stream_t *stream = open_stream(m);
    CLEANUP(cleanup_codec) opj_codec_t *codec = open_codec(&cause);
    CLEANUP(cleanup_image) opj_image_t *image = NULL;

    if (!stream || !codec)
        return error_no_memory(err);
    if (!opj_read_header(stream, codec, &image) ||
        !opj_decode(codec, stream, image))
        return give_up(&cause, err);
    if (check_image(image, h, err))
        return -1;
    store(image, h, desc->is_signed && desc->samples == 1, out);
    colour_to_rgb(out, colour_of(h, desc), h->precision);
    return 0;
}

bool j2k_is(const uint8_t *bytes, size_t length)
{
    const uint8_t *stream;
    size_t stream_length;

    return j2k_find(bytes, length, &stream, &stream_length);
}

int j2k_decode(const struct decode_desc *desc, const uint8_t *bytes,
               size_t length, const struct image *out, struct error *err)
{
    struct memory m = {NULL, 0, 0};
    struct j2k_header h;

    if (!j2k_find(bytes, length, &m.bytes, &m.length))
        return error_set(err, ERROR_CORRUPT,
                         "not a JPEG 2000 codestream or JP2 file");
    if (j2k_header_read(m.bytes, m.length, &h, err) ||
        check_header(&h, desc, out->type, err))
        return -1;
    return decode(&m, &h, desc, out, err);
}

const char *j2k_version(void)
{
    return opj_version();
}
