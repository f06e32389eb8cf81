// SPDX-License-Identifier: MIT
/* codestream_j2k.c: JPEG 2000 through OpenJPEG's encoder. */
#undef NDEBUG
#include "support/codestream.h"

#include <assert.h>
#include <openjpeg.h>
#include <stdlib.h>
#include <string.h>

struct sink {
    struct codestream c;
    size_t position;
};

static OPJ_SIZE_T sink_write(void *buffer, OPJ_SIZE_T size, void *user)
{
    struct sink *s = user;

    if (s->position + size > s->c.size) {
        s->c.data = realloc(s->c.data, s->position + size);
        assert(s->c.data);
        s->c.size = s->position + size;
    }
    memcpy(s->c.data + s->position, buffer, size);
    s->position += size;
    return size;
}

static OPJ_OFF_T sink_skip(OPJ_OFF_T size, void *user)
{
    struct sink *s = user;

    s->position += (size_t)size;
    return size;
}

static OPJ_BOOL sink_seek(OPJ_OFF_T position, void *user)
{
    struct sink *s = user;

    s->position = (size_t)position;
    return OPJ_TRUE;
}

static void complain(const char *text, void *user)
{
    (void)text;
    (void)user;
}

/* Code words become the samples that SIZ promises: two's complement of
 * `bits` if signed. */
static OPJ_INT32 sample_of(uint32_t word, unsigned bits, bool is_signed)
{
    uint32_t sign = is_signed ? 1u << (bits - 1) : 0;

    return (OPJ_INT32)((word ^ sign) - sign);
}

static opj_image_t *image_of(const struct picture *p, const struct j2k *how)
{
    opj_image_cmptparm_t parameters[4];
    opj_image_t *image;

    memset(parameters, 0, sizeof parameters);
    for (unsigned c = 0; c < p->channels; c++) {
        unsigned step = c && how->subsampling ? how->subsampling : 1;

        parameters[c].dx = parameters[c].dy = step;
        parameters[c].w = (p->width + step - 1) / step;
        parameters[c].h = (p->height + step - 1) / step;
        parameters[c].x0 = parameters[c].y0 = how->origin;
        parameters[c].prec = p->bits;
        parameters[c].sgnd = how->is_signed;
    }
    image =
        opj_image_create(p->channels, parameters,
                         p->channels == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
    assert(image);
    image->x0 = image->y0 = how->origin;
    image->x1 = how->origin + p->width;
    image->y1 = how->origin + p->height;
    for (unsigned c = 0; c < p->channels; c++) {
        const opj_image_comp_t *comp = &image->comps[c];

        for (uint32_t y = 0; y < comp->h; y++)
            for (uint32_t x = 0; x < comp->w; x++) {
                size_t from =
                    ((size_t)y * comp->dy * p->width + (size_t)x * comp->dx) *
                        p->channels +
                    c;

                comp->data[(size_t)y * comp->w + x] =
                    sample_of(p->samples[from], p->bits, how->is_signed);
            }
    }
    return image;
}

struct codestream encode_j2k(const struct picture *p, const struct j2k *how)
{
    struct sink sink = {{NULL, 0}, 0};
    opj_cparameters_t parameters;
    opj_image_t *image = image_of(p, how);
    opj_codec_t *codec =
        opj_create_compress(how->jp2 ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_default_create(OPJ_FALSE);
    uint32_t side = p->width < p->height ? p->width : p->height;

    assert(codec && stream);
    opj_set_default_encoder_parameters(&parameters);
    parameters.tcp_numlayers = 1;
    parameters.cp_disto_alloc = 1;
    parameters.tcp_rates[0] = how->irreversible ? 4 : 0;
    parameters.irreversible = how->irreversible;
    parameters.tcp_mct = how->transform;
    parameters.image_offset_x0 = parameters.image_offset_y0 = (int)how->origin;
    if (how->tile) {
        parameters.tile_size_on = OPJ_TRUE;
        parameters.cp_tdx = parameters.cp_tdy = (int)how->tile;
        side = side < how->tile ? side : how->tile;
    }
    while (parameters.numresolution > 1 &&
           side < 1u << (parameters.numresolution - 1))
        parameters.numresolution--;
    (void)opj_set_info_handler(codec, complain, NULL);
    (void)opj_set_warning_handler(codec, complain, NULL);
    assert(opj_setup_encoder(codec, &parameters, image));
    opj_stream_set_user_data(stream, &sink, NULL);
    opj_stream_set_write_function(stream, sink_write);
    opj_stream_set_skip_function(stream, sink_skip);
    opj_stream_set_seek_function(stream, sink_seek);
    assert(opj_start_compress(codec, image, stream));
    assert(opj_encode(codec, stream));
    assert(opj_end_compress(codec, stream));
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
    return sink.c;
}
