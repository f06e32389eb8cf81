// SPDX-License-Identifier: MIT
/* Properties of .png. */
#include <stdlib.h>
#include <string.h>

#include "png/png_leaf.h"
#include "prepfs/cleanup.h"
#include "support/format_checks.h"
#include "support/png_read.h"

/* Of a few thousand pixels, with rows that may be longer than they need. */
static int random_image(struct format_stream *s, struct image *ret)
{
    uint64_t x = format_next(s);
    unsigned kind = x / 4 % 4;
    size_t row;

    ret->channels = x % 2 ? 3 : 1;
    ret->type = x / 2 % 2 ? SAMPLE_U16 : SAMPLE_U8;
    ret->width = 1 + (uint32_t)(x / 16 % 80);
    ret->height = 1 + (uint32_t)(x / 4096 % 80);
    if (x / (1 << 20) % 8 == 0)
        ret->width *= 100;
    row = ret->width * ret->channels * sample_bytes(ret->type);
    ret->stride_bytes = row + x / (1 << 24) % 3 * sample_bytes(ret->type);
    ret->data = malloc(ret->height * ret->stride_bytes);
    if (!ret->data)
        return -1;
    for (size_t i = 0; i < ret->height * ret->stride_bytes; i++) {
        uint64_t word = kind == 0 ? format_next(s) : 0;

        ret->data[i] = kind == 0   ? (uint8_t)(word >> 17)
                       : kind == 1 ? (uint8_t)(i / 7)
                       : kind == 2 ? (uint8_t)(i * i >> 9)
                                   : 0;
    }
    return 0;
}

static int compare(const struct image *have, const struct image *want,
                   struct error *err)
{
    size_t row = want->width * want->channels * sample_bytes(want->type);

    if (have->width != want->width || have->height != want->height ||
        have->channels != want->channels || have->type != want->type)
        return error_set(err, ERROR_CORRUPT, "another shape");
    for (uint32_t y = 0; y < want->height; y++) {
        if (memcmp(have->data + y * have->stride_bytes,
                   want->data + y * want->stride_bytes, row) != 0)
            return error_set(err, ERROR_CORRUPT, "row %u differs", y);
    }
    return 0;
}

static int check_image(const struct image *image,
                       const struct png_leaf_about *about, struct error *err)
{
    CLEANUP_FREE uint8_t *bytes = NULL;
    CLEANUP_FREE uint8_t *again = NULL;
    size_t length;
    size_t again_length;
    struct png_read read;
    int rc;

    if (png_leaf_pack(image, about, &bytes, &length, err) != 0 ||
        png_leaf_pack(image, about, &again, &again_length, err) != 0)
        return -1;
    if (length != again_length || memcmp(bytes, again, length) != 0)
        return error_set(err, ERROR_CORRUPT, "bytes vary");
    if (length > png_leaf_bound(image->width, image->height, image->channels,
                                image->type))
        return error_set(err, ERROR_CORRUPT, "%zu bytes", length);
    rc = png_read(bytes, length, &read, err);
    if (rc == 0)
        rc = compare(&read.image, image, err);
    png_read_deinit(&read);
    return rc;
}

int format_check_png(struct format_stream *s, struct error *err)
{
    struct image image;
    struct png_leaf_about about = {.software = "prepfs"};
    uint64_t bits = format_next(s);
    int rc;

    memcpy(&about.px_per_cm_x, &bits, sizeof bits);
    about.px_per_cm_y = (double)(format_next(s) % 1000);
    if (random_image(s, &image) != 0)
        return error_no_memory(err);
    rc = check_image(&image, &about, err);
    free(image.data);
    return rc;
}
