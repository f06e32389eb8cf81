// SPDX-License-Identifier: MIT
/* kept.c: see kept.h. */
#include "render/kept.h"

#include <stdlib.h>
#include <xxhash.h>

#include "image/image.h"

struct kept *kept_new(uint32_t count, struct error *err)
{
    struct kept *kept =
        calloc(1, sizeof *kept + (size_t)count * sizeof kept->images[0]);

    if (!kept) {
        (void)error_no_memory(err);
        return NULL;
    }
    kept->count = count;
    return kept;
}

void kept_free(void *value)
{
    struct kept *kept = value;

    if (!kept)
        return;
    for (uint32_t i = 0; i < kept->count; i++) {
        image_free(&kept->images[i]);
        if (kept->masks)
            image_free(&kept->masks[i]);
    }
    free(kept->masks);
    free(kept);
}

size_t kept_bytes(const struct kept *kept)
{
    size_t bytes = sizeof *kept;

    for (uint32_t i = 0; i < kept->count; i++) {
        bytes += sizeof kept->images[i] +
                 kept->images[i].stride_bytes * kept->images[i].height;
        if (kept->masks)
            bytes += sizeof kept->masks[i] +
                     kept->masks[i].stride_bytes * kept->masks[i].height;
    }
    return bytes;
}

struct flight_key kept_key(const uint64_t digest[2], const struct view *view,
                           enum kept_kind kind, uint64_t n)
{
    struct {
        uint64_t numbers[4];
        char view[VIEW_TEXT_SIZE];
    } what = {{digest[0], digest[1], kind, n}, ""};
    size_t length = view_print(view, what.view, sizeof what.view);
    XXH128_hash_t h = XXH3_128bits(&what, sizeof what.numbers + length);

    return (struct flight_key){h.high64, h.low64};
}
