// SPDX-License-Identifier: MIT
/*
 * j2k_header.c: see j2k_header.h.
 *
 *     SOC SIZ COD QCD ...   SOT SOD data   SOT SOD data ...   EOC
 *     main header           tile-part      tile-part
 *
 * The walk over the tile-parts is what makes "no partial images" true: the
 * codec leaves a tile that has no tile-part at zero without a word.
 */
#include "decode/j2k_header.h"

#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"

enum {
    SOC = 0xff4f,
    SIZ = 0xff51,
    COD = 0xff52,
    COC = 0xff53,
    SOT = 0xff90,
    SOD = 0xff93,
};

/* Tiles smaller than this on average are an attack: each costs kilobytes. */
#define TILE_PIXELS_MIN 64
#define TILES_ALWAYS 1024

/* A precinct costs the codec about 500 bytes, and a header of a few bytes can
 * ask for one per pixel. Encoders use 64 x 64 samples and more. */
#define PRECINCT_PIXELS_MIN 32
#define PRECINCTS_ALWAYS 4096

#define SOT_BYTES 12 /* marker, length, Isot, Psot, TPsot, TNsot */

struct tiles {
    uint64_t across;
    uint64_t down;
    uint64_t width; /* of one tile */
    uint64_t height;
};

static uint32_t load_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t load_be32(const uint8_t *p)
{
    return load_be16(p) << 16 | load_be16(p + 2);
}

static bool is_codestream(const uint8_t *p, size_t length)
{
    return length >= 4 && load_be16(p) == SOC && load_be16(p + 2) == SIZ;
}

/* T.800 I.4: boxes of length, type, contents; length 0 is "to the end", 1 is
 * "64 bits follow". */
bool j2k_find(const uint8_t *bytes, size_t length, const uint8_t **ret,
              size_t *ret_length)
{
    static const uint8_t signature[8] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};

    *ret = bytes;
    *ret_length = length;
    if (is_codestream(bytes, length))
        return true;
    if (length < 12 || memcmp(bytes, signature, 8) != 0)
        return false;
    while (length >= 8) {
        uint64_t box = load_be32(bytes);
        size_t head = 8;

        if (box == 1 && length >= 16) {
            box = (uint64_t)load_be32(bytes + 8) << 32 | load_be32(bytes + 12);
            head = 16;
        } else if (box == 0) {
            box = length;
        }
        if (box < head)
            return false;
        if (box > length) /* the codestream knows better where it ends */
            box = length;
        if (!memcmp(bytes + 4, "jp2c", 4)) {
            *ret = bytes + head;
            *ret_length = (size_t)box - head;
            return is_codestream(*ret, *ret_length);
        }
        bytes += box;
        length -= (size_t)box;
    }
    return false;
}

static int read_components(const uint8_t *p, struct j2k_header *ret,
                           struct error *err)
{
    for (unsigned i = 0; i < ret->components; i++) {
        unsigned precision = (p[3 * i] & 0x7f) + 1u;

        if (!p[3 * i + 1] || !p[3 * i + 2])
            return error_set(err, ERROR_CORRUPT, "component %u has no size", i);
        if (i && precision != ret->precision)
            return error_set(err, ERROR_UNSUPPORTED,
                             "components of %u and %u bits", ret->precision,
                             precision);
        ret->precision = precision;
    }
    return 0;
}

/* T.800 A.5.1: Rsiz, then the reference grid: image, its offset, tile, its
 * offset; then the components. */
static int read_siz(const uint8_t *p, size_t size, struct j2k_header *ret,
                    struct tiles *ret_tiles, struct error *err)
{
    uint32_t grid[8], components;
    uint64_t tiles;

    if (size < 36)
        return error_set(err, ERROR_CORRUPT, "the SIZ marker is cut");
    for (size_t i = 0; i < 8; i++)
        grid[i] = load_be32(p + 2 + 4 * i);
    components = load_be16(p + 34);
    if (grid[2] >= grid[0] || grid[3] >= grid[1] || !grid[4] || !grid[5] ||
        grid[6] > grid[2] || grid[7] > grid[3])
        return error_set(err, ERROR_CORRUPT, "the SIZ marker makes no sense");
    if (!components || components > J2K_COMPONENTS_MAX ||
        size < 36 + (size_t)3 * components)
        return error_set(err, ERROR_CORRUPT, "%u JPEG 2000 components",
                         components);
    ret->width = grid[0] - grid[2];
    ret->height = grid[1] - grid[3];
    ret->components = components;
    ret_tiles->across = ((uint64_t)grid[0] - grid[6] + grid[4] - 1) / grid[4];
    ret_tiles->down = ((uint64_t)grid[1] - grid[7] + grid[5] - 1) / grid[5];
    ret_tiles->width = grid[4] < ret->width ? grid[4] : ret->width;
    ret_tiles->height = grid[5] < ret->height ? grid[5] : ret->height;
    if (ret_tiles->across > 65535 || ret_tiles->down > 65535)
        return error_set(err, ERROR_CORRUPT, "too many JPEG 2000 tiles");
    tiles = ret_tiles->across * ret_tiles->down;
    if (tiles > 65535 || tiles > TILES_ALWAYS + (uint64_t)ret->width *
                                                    ret->height /
                                                    TILE_PIXELS_MIN)
        return error_set(err, ERROR_UNSUPPORTED,
                         "%llu tiles for %u x %u pixels",
                         (unsigned long long)tiles, ret->width, ret->height);
    return read_components(p + 36, ret, err);
}

static uint64_t ceil_shift(uint64_t value, unsigned shift)
{
    return (value + ((uint64_t)1 << shift) - 1) >> shift;
}

/* T.800 A.6.1: `p` is SPcod or SPcoc: levels, four bytes on code-blocks, and
 * a precinct size per resolution, smallest first. */
static int check_precincts(const uint8_t *p, size_t size,
                           const struct j2k_header *h,
                           const struct tiles *tiles, struct error *err)
{
    uint64_t count = 0;
    unsigned levels = size ? p[0] : 0;

    if (levels > 32 || size < 5 + (size_t)levels + 1)
        return error_set(err, ERROR_CORRUPT,
                         "the JPEG 2000 coding style is cut");
    for (unsigned r = 0; r <= levels; r++) {
        uint64_t width = ceil_shift(tiles->width, levels - r);
        uint64_t height = ceil_shift(tiles->height, levels - r);

        count += ceil_shift(width, p[5 + r] & 0xf) *
                 ceil_shift(height, p[5 + r] >> 4);
    }
    count *= tiles->across * tiles->down * h->components;
    if (count > PRECINCTS_ALWAYS + (uint64_t)h->width * h->height *
                                       h->components / PRECINCT_PIXELS_MIN)
        return error_set(err, ERROR_UNSUPPORTED,
                         "%llu JPEG 2000 precincts for %u x %u pixels",
                         (unsigned long long)count, h->width, h->height);
    return 0;
}

/* A marker segment of the main or of a tile-part header: `p` is behind its
 * length. */
static int check_style(uint32_t marker, const uint8_t *p, size_t size,
                       const struct j2k_header *h, const struct tiles *tiles,
                       struct error *err)
{
    size_t before = marker == COD ? 5 : 2; /* Scod SGcod; Ccoc Scoc */
    size_t style = marker == COD ? 0 : 1;

    if ((marker != COD && marker != COC) || !tiles->across)
        return 0;
    if (size < before)
        return error_set(err, ERROR_CORRUPT,
                         "the JPEG 2000 coding style is cut");
    if (!(p[style] & 1)) /* precincts of 2^15: one per resolution */
        return 0;
    return check_precincts(p + before, size - before, h, tiles, err);
}

/* From SOC to the first SOT, whose position is returned in *ret_position. */
static int read_main(const uint8_t *bytes, size_t length,
                     struct j2k_header *ret, struct tiles *ret_tiles,
                     size_t *ret_position, struct error *err)
{
    size_t at = 2;
    bool has_cod = false;

    while (length - at >= 4 && load_be16(bytes + at) != SOT) {
        uint32_t marker = load_be16(bytes + at);
        size_t size = load_be16(bytes + at + 2);

        if (marker < 0xff00 || size < 2 || size > length - at - 2)
            return error_set(err, ERROR_CORRUPT,
                             "marker %04x in the JPEG 2000 header", marker);
        if (marker == SIZ &&
            read_siz(bytes + at + 4, size - 2, ret, ret_tiles, err))
            return -1;
        if (marker == COD && size >= 7) {
            has_cod = true;
            ret->has_transform = bytes[at + 8] != 0;
        }
        if (check_style(marker, bytes + at + 4, size - 2, ret, ret_tiles, err))
            return -1;
        at += 2 + size;
    }
    if (length - at < SOT_BYTES || !has_cod)
        return error_set(err, ERROR_CORRUPT,
                         "the JPEG 2000 codestream has no image data");
    *ret_position = at;
    return 0;
}

static int check_all_seen(const uint8_t *seen, size_t tiles, struct error *err)
{
    for (size_t i = 0; i < tiles; i++)
        if (!seen[i])
            return error_set(err, ERROR_CORRUPT,
                             "JPEG 2000 tile %zu of %zu is missing", i + 1,
                             tiles);
    return 0;
}

/* The markers between SOT and SOD: a tile may have a style of its own. */
static int check_tile_header(const uint8_t *p, size_t size,
                             const struct j2k_header *h,
                             const struct tiles *tiles, struct error *err)
{
    while (size >= 4 && load_be16(p) != SOD) {
        size_t segment = load_be16(p + 2);

        if (segment < 2 || segment > size - 2)
            return error_set(err, ERROR_CORRUPT,
                             "marker %04x in a JPEG 2000 tile-part",
                             load_be16(p));
        if (check_style(load_be16(p), p + 4, segment - 2, h, tiles, err))
            return -1;
        p += 2 + segment;
        size -= 2 + segment;
    }
    return 0;
}

/* T.800 A.4.2: Psot counts from its SOT; 0 means "to the end", and is only
 * legal in the last tile-part. */
static int walk_tile_parts(const uint8_t *bytes, size_t length, size_t at,
                           const struct j2k_header *h,
                           const struct tiles *tiles, uint8_t *seen,
                           struct error *err)
{
    uint64_t count = tiles->across * tiles->down;

    while (length - at >= SOT_BYTES && load_be16(bytes + at) == SOT) {
        uint32_t tile = load_be16(bytes + at + 4);
        size_t size = load_be32(bytes + at + 6);

        if (tile >= count)
            return error_set(err, ERROR_CORRUPT,
                             "a part of JPEG 2000 tile %u of %llu", tile,
                             (unsigned long long)count);
        seen[tile] = 1;
        if (!size)
            size = length - at;
        if (size < SOT_BYTES || size > length - at)
            return error_set(err, ERROR_CORRUPT,
                             "a JPEG 2000 tile-part of %zu bytes, %zu are left",
                             size, length - at);
        if (check_tile_header(bytes + at + SOT_BYTES, size - SOT_BYTES, h,
                              tiles, err))
            return -1;
        at += size;
    }
    return 0;
}

int j2k_header_read(const uint8_t *bytes, size_t length, struct j2k_header *ret,
                    struct error *err)
{
    CLEANUP_FREE uint8_t *seen = NULL;
    struct tiles tiles = {0};
    size_t at = 0, count;

    memset(ret, 0, sizeof *ret);
    if (read_main(bytes, length, ret, &tiles, &at, err))
        return -1;
    count = (size_t)(tiles.across * tiles.down);
    seen = calloc(count, 1);
    if (!seen)
        return error_no_memory(err);
    if (walk_tile_parts(bytes, length, at, ret, &tiles, seen, err))
        return -1;
    return check_all_seen(seen, count, err);
}
