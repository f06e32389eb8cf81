// SPDX-License-Identifier: MIT
#include "support/format_checks.h"

#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"

const struct format_check format_checks[] = {
    {".npy: size, text and ranges of the header", format_check_npy},
    {"half floats are the nearest", format_check_half},
    {".nii: size, fields and ranges of the header", format_check_nii},
    {"steps of a view leave the patient in place", format_check_affine},
    {".png reads back, is stable and within its bound", format_check_png},
    {"JSON is JSON, or a wrong call is told", format_check_json},
    {".json leaf is JSON and shows allowed tags only", format_check_json_leaf},
    {NULL, NULL},
};

uint64_t format_next(struct format_stream *s)
{
    uint64_t word = 0;
    size_t n = s->size < 8 ? s->size : 8;

    if (n > 0) {
        memcpy(&word, s->bytes, n);
        s->bytes += n;
        s->size -= n;
        return word;
    }
    word = s->seed += UINT64_C(0x9e3779b97f4a7c15);
    word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
    return word ^ word >> 31;
}

uint32_t format_below(struct format_stream *stream, uint32_t n)
{
    return (uint32_t)(format_next(stream) % n);
}

uint32_t format_side(struct format_stream *stream)
{
    uint64_t x = format_next(stream);
    uint32_t side = (uint32_t)(x >> 32);

    switch (x % 16) {
    case 0:
        return side; /* anything */
    case 1:
        return side % 70000;
    case 2:
        return UINT32_C(1) << side % 32;
    case 3:
        return 32760 + side % 16;
    case 4:
        return side % 3;
    default:
        return 1 + side % 600;
    }
}

int format_any_split(struct format_stream *stream, const void *layout,
                     format_read_fn read, size_t end, struct error *err)
{
    CLEANUP_FREE uint8_t *whole = malloc(end + 1);
    CLEANUP_FREE uint8_t *pieces = malloc(end + 1);
    size_t longest = 1 + format_next(stream) % (end < 512 ? end : 512);

    if (!whole || !pieces)
        return error_no_memory(err);
    read(layout, 0, end, whole);
    memset(pieces, 0x5a, end + 1);
    for (size_t at = 0; at < end;) {
        size_t n = 1 + format_next(stream) % longest;

        n = n < end - at ? n : end - at;
        read(layout, at, n, pieces + at);
        if (pieces[at + n] != 0x5a)
            return error_set(err, ERROR_CORRUPT, "a read writes beyond %zu",
                             at + n);
        at += n;
    }
    if (memcmp(whole, pieces, end) != 0)
        return error_set(err, ERROR_CORRUPT, "a split read differs");
    return 0;
}
