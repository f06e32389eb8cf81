// SPDX-License-Identifier: MIT
/*
 * tiff.h: where every byte of a .tiff leaf is, and what it says.
 *
 *     0            file header
 *     8 or 16      IFD of page 0 with its values, IFD of page 1, ...
 *     header_end   zeros up to the next multiple of 4096
 *     data_offset  strips: page after page, top to bottom, without a gap
 *     size         end of file
 *
 * All IFDs stand first so that walking them, `ls -l`, `file` and a memory map
 * of the pixels need no decode. Every IFD of a file has the same length, so
 * the header bytes of any range are made on their own, whatever the number of
 * pages. An unpacked layout is a pure function of the spec (size before
 * pixels); a packed one (pack != TIFF_PACK_NONE) of the spec and the byte
 * count of every strip.
 *
 * The IFD writer is ours because libtiff refuses the types that
 * DefaultScale, DefaultCropOrigin and DefaultCropSize must have here (FLOAT
 * and LONG, as dicom-preprocess writes them). libtiff packs strips.
 *
 * Everything is little endian ("II"). The pixel bytes of an unpacked leaf are
 * the samples of its rows, little endian, interleaved, without padding.
 *
 * Threads: all types are plain data owned by the caller; every function may
 * be called from any thread, and a const layout may be shared.
 */
#ifndef TIFF_TIFF_H
#define TIFF_TIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Pixel data starts at a multiple of this, so that it can be mapped. */
#define TIFF_DATA_ALIGN 4096

/* No unpacked strip is longer, except one row that is; readers such as libvips
 * hold a whole strip in memory. */
#define TIFF_STRIP_BYTES_MAX ((uint64_t)64 * 1024 * 1024)

/* Packed strips hold about this much before packing: two cache blocks. */
#define TIFF_PACK_STRIP_BYTES ((uint64_t)256 * 1024)

enum tiff_pack {
    TIFF_PACK_NONE,
    TIFF_PACK_PACKBITS,
    TIFF_PACK_LZW,
    TIFF_PACK_DEFLATE, /* zlib streams ("Adobe" deflate, 8), level 6 */
    TIFF_PACK_ZSTD     /* 50000, level 3; only where libtiff has it */
};

/* What a file shows. Plain data; zero-initialise, then fill. */
struct tiff_spec {
    uint32_t pages; /* at least 1 */
    uint32_t width;
    uint32_t height;
    uint32_t channels;     /* 1: MinIsBlack, 3: RGB, interleaved */
    enum sample_type type; /* any but SAMPLE_F16 */
    enum tiff_pack pack;
    bool big; /* BigTIFF even if the file is small */

    /* Pixels per centimetre along a row (x) and a column (y). Anything that
     * is not a positive finite number in either means "not known". */
    double px_per_cm_x;
    double px_per_cm_y;

    bool has_scale; /* DefaultScale: a resize was asked for */
    float scale[2]; /* x, y */

    bool has_crop; /* DefaultCropOrigin (the centre!), DefaultCropSize */
    struct image_box crop;

    bool has_pad;    /* ActiveArea */
    uint32_t pad[4]; /* amounts: left, top, right, bottom */

    bool has_turned; /* 65000: DBT turned by 180 degrees, frame size before
                      * the crop */
    uint32_t turned_width;
    uint32_t turned_height;

    /* Software tag, 7-bit ASCII; NULL or "": no tag. Borrowed as long as a
     * layout made from this spec is used. */
    const char *software;
};

/* How the rows of a page are cut into strips. The last strip of a page holds
 * the rows that are left. */
struct tiff_strips {
    uint64_t row_bytes; /* one row before packing */
    uint64_t page_bytes;
    uint32_t rows_per_strip;
    uint32_t per_page;
    uint64_t count; /* pages * per_page */
};

/*
 * Cuts the pages of `spec`. ERROR_UNSUPPORTED if no TIFF of that kind is
 * written (SAMPLE_F16, or a packing that this libtiff lacks), ERROR_TOO_BIG on
 * overflow, ERROR_INTERNAL if a dimension is 0 or channels not 1 or 3.
 */
int tiff_strips_init(const struct tiff_spec *spec, struct tiff_strips *ret,
                     struct error *err) __attribute__((warn_unused_result));

/* Rows of strip `strip` (0 .. per_page-1) of a page of `height` rows. */
uint32_t tiff_strip_rows(const struct tiff_strips *strips, uint32_t height,
                         uint32_t strip);

/* Immutable after init. */
struct tiff_layout {
    struct tiff_spec spec;
    struct tiff_strips strips;
    bool big;
    uint32_t resolution[2][2]; /* x, y: numerator, denominator; 0: none */
    uint32_t tag_count;        /* entries of each IFD */
    uint64_t ifd_bytes;        /* an IFD with its values, a multiple of 8 */
    uint64_t header_end;       /* end of the last IFD */
    uint64_t data_offset;      /* a multiple of TIFF_DATA_ALIGN */
    uint64_t size;             /* of the file */
    uint64_t *strip_offset;    /* packed only: strips.count + 1 entries, else
                                * NULL; owned */
};

/*
 * Lays the file out. `strip_bytes` has strips.count entries, the packed size of
 * each strip in file order, and is only read during the call; it is NULL if
 * and only if spec->pack is TIFF_PACK_NONE. Classic TIFF while the file is
 * below 4 GiB, BigTIFF above or if spec->big.
 *
 * Errors as tiff_strips_init, and ERROR_NO_MEMORY (packed only). Cost: O(1)
 * unpacked, O(strips) packed. The result is released with tiff_layout_deinit,
 * which may be omitted for an unpacked layout.
 */
int tiff_layout_init(const struct tiff_spec *spec, const uint64_t *strip_bytes,
                     struct tiff_layout *ret, struct error *err)
    __attribute__((warn_unused_result));
void tiff_layout_deinit(struct tiff_layout *layout); /* may be NULL */

/*
 * Writes bytes [offset, offset + length) of the header at `dst`: file header,
 * IFDs, and zeros up to data_offset. The range must end at or before
 * data_offset. Cost: the IFDs that it touches, O(length).
 */
void tiff_layout_header_read(const struct tiff_layout *layout, uint64_t offset,
                             size_t length, uint8_t *dst);

/* Where strip `index` (page * per_page + strip) starts, and its bytes in the
 * file. O(1). */
uint64_t tiff_layout_strip_offset(const struct tiff_layout *layout,
                                  uint64_t index);
uint64_t tiff_layout_strip_bytes(const struct tiff_layout *layout,
                                 uint64_t index);

/* Index of the strip that holds byte `offset` of the file, which must be in
 * [data_offset, size). O(1) unpacked, O(log strips) packed. */
uint64_t tiff_layout_strip_at(const struct tiff_layout *layout,
                              uint64_t offset);

/* ---- packing ---------------------------------------------------------- */

/* Is this packing built into the libtiff at hand? */
bool tiff_pack_is_available(enum tiff_pack pack);

/* "LZW", "Deflate", ... for messages. */
const char *tiff_pack_name(enum tiff_pack pack);

/*
 * No strip of `rows` rows of `row_bytes` bytes packs to more than this,
 * whatever its samples. 0 on overflow.
 */
uint64_t tiff_pack_bound(enum tiff_pack pack, uint64_t row_bytes,
                         uint32_t rows);

/* Growing bytes. Zero-initialised it is empty; `data` is freed by
 * tiff_buffer_deinit, or taken over with STEAL. */
struct tiff_buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
};

void tiff_buffer_deinit(struct tiff_buffer *buffer); /* may be NULL */

/*
 * Packs rows [first_row, first_row + rows) of `image` (which is not changed)
 * as one strip and appends it to `buffer`; its packed size is the growth of
 * buffer->length. The bytes depend on the samples, the packing and the version
 * of libtiff and its codecs alone. On -1 the buffer's content is unchanged;
 * ERROR_UNSUPPORTED, ERROR_NO_MEMORY or ERROR_INTERNAL with libtiff's words.
 * TIFF_PACK_NONE appends the samples as they are in an unpacked leaf.
 */
int tiff_pack_strip(enum tiff_pack pack, const struct image *image,
                    uint32_t first_row, uint32_t rows,
                    struct tiff_buffer *buffer, struct error *err)
    __attribute__((warn_unused_result));

/* Writes the running libtiff's name and version and that of the libzstd beside
 * it, such as "libtiff-4.5.0+zstd-1.5.4" or "...+zstd-none", for the engine
 * key; cut if `size` is too small. */
void tiff_engine(char *ret, size_t size);

#ifdef __cplusplus
}
#endif

#endif
