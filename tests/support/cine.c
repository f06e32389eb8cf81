// SPDX-License-Identifier: MIT
/* cine.c: see cine.h. */
#undef NDEBUG
#include "support/cine.h"

#include <check.h>
#include <stdlib.h>

struct image_file cine_new(enum decode_codec codec, uint32_t frames)
{
    struct image_file f = IMAGE_FILE_INIT;

    f.cols = f.rows = 96;
    f.frames = frames;
    f.codec = codec;
    f.value = image_file_box;
    return f;
}

/* The data begins at the multiple of 4096 that leaves n equal pages. */
static uint64_t page_at(struct engine *e, const struct leaf *leaf, uint32_t n,
                        uint32_t k, size_t *ret_bytes, struct error *err)
{
    uint64_t data = 4096;
    uint64_t size;

    ck_assert_int_eq(engine_size(e, leaf, &size, err), ERROR_NONE);
    while ((size - data) % n != 0) {
        data += 4096;
        ck_assert_uint_lt(data, size);
    }
    *ret_bytes = (size_t)((size - data) / n);
    return data + k * *ret_bytes;
}

enum error_kind cine_read(struct engine *e, const struct leaf *leaf, uint32_t n,
                          uint32_t k, uint8_t **ret, struct error *err)
{
    size_t bytes, done;
    uint64_t at = page_at(e, leaf, n, k, &bytes, err);
    uint8_t *data = malloc(bytes);
    enum error_kind kind;

    ck_assert_ptr_nonnull(data);
    kind = engine_read(e, leaf, at, bytes, bytes, data, &done, err);
    ck_assert(kind != ERROR_NONE || done == bytes);
    if (ret && kind == ERROR_NONE)
        *ret = data;
    else
        free(data);
    return kind;
}

void cine_check_raw(const struct image_file *f, uint32_t frame,
                    const uint8_t *page)
{
    const uint16_t *samples = (const uint16_t *)(const void *)page;

    for (uint32_t y = 0; y < f->rows; y++)
        for (uint32_t x = 0; x < f->cols; x++)
            ck_assert_uint_eq(samples[y * f->cols + x],
                              (unsigned)image_file_stored(f, frame, x, y, 0));
}
