// SPDX-License-Identifier: MIT
#include "image/palette.h"

#include "image/image.h"
#include "image/sample.h"

static uint32_t entry_of(const struct palette *palette, int64_t index)
{
    int64_t entry = index - palette->first;

    if (entry < 0)
        return 0;
    return entry < palette->count ? (uint32_t)entry : palette->count - 1;
}

static inline void expand_u8(const struct palette *palette, uint32_t entry,
                             uint8_t *out)
{
    out[0] = (uint8_t)palette->red[entry];
    out[1] = (uint8_t)palette->green[entry];
    out[2] = (uint8_t)palette->blue[entry];
}

static inline void expand_u16(const struct palette *palette, uint32_t entry,
                              uint16_t *out)
{
    out[0] = palette->red[entry];
    out[1] = palette->green[entry];
    out[2] = palette->blue[entry];
}

static void apply_row(const struct palette *palette, enum sample_type in_type,
                      const void *in, enum sample_type out_type, void *out,
                      uint32_t n)
{
    for (uint32_t x = 0; x < n; x++) {
        int64_t index = (int64_t)sample_get(in, in_type, x);
        uint32_t entry = entry_of(palette, index);

        if (out_type == SAMPLE_U8)
            expand_u8(palette, entry, (uint8_t *)out + (size_t)x * 3);
        else
            expand_u16(palette, entry, (uint16_t *)out + (size_t)x * 3);
    }
}

int palette_apply(const struct palette *palette, const struct image *index,
                  const struct image *ret, struct error *err)
{
    if (palette->count < 1 || palette->count > 65536 || palette->bits < 1 ||
        palette->bits > 16)
        return error_set(err, ERROR_CORRUPT,
                         "palette of %u entries with %u bits", palette->count,
                         palette->bits);
    if (!image_same_size(index, ret) || index->channels != 1 ||
        index->type == SAMPLE_F32 || index->type == SAMPLE_F64 ||
        ret->channels != 3 || ret->type != palette_type(palette))
        return error_set(err, ERROR_INTERNAL,
                         "palette: the images do not fit together");
    for (uint32_t y = 0; y < index->height; y++)
        apply_row(palette, index->type, image_row(index, y), ret->type,
                  image_row(ret, y), index->width);
    return 0;
}
