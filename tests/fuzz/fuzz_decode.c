// SPDX-License-Identifier: MIT
/*
 * fuzz_decode.c: any description with any bytes.
 *
 * An input is 16 bytes of description (see `desc_of`) and then the frame.
 * Either it is refused with a reason, or the whole image is made: decoded
 * twice over different backgrounds, it must be the same.
 * tests/support/decode_seeds.c writes the corpus.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"

#define HEADER 16
#define PIXELS_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct decode_desc desc_of(const uint8_t *p)
{
    struct decode_desc d = {
        .codec = (enum decode_codec)(p[0] % 7),
        .photometric = (enum decode_photometric)(p[1] % 10),
        .element = (enum decode_element)(p[2] % 3),
        .samples = p[3],
        .bits_alloc = p[4],
        .bits_stored = p[5],
        .high_bit = p[6],
        .is_signed = p[7] & 1,
        .planar = p[7] & 2,
        .rows = (uint32_t)p[8] | (uint32_t)p[9] << 8,
        .cols = (uint32_t)p[10] | (uint32_t)p[11] << 8,
    };

    return d;
}

static int decode(const struct decode_desc *d, unsigned first_bit,
                  const uint8_t *bytes, size_t size, struct image *image,
                  uint8_t fill)
{
    struct error err = ERROR_INIT;
    size_t total = image->stride_bytes * image->height;
    int rc;

    image->data = malloc(total);
    assert(image->data);
    memset(image->data, fill, total);
    rc = decode_frame(d, bytes, size, first_bit, image, &err);
    assert(rc == 0 || rc == -1);
    assert((err.kind == ERROR_NONE) == (rc == 0));
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decode_desc d;
    struct image a = {0}, b;
    struct error err = ERROR_INIT;
    int rc;

    if (size < HEADER)
        return 0;
    d = desc_of(data);
    if ((uint64_t)d.rows * d.cols > PIXELS_MAX)
        return 0;
    if (decode_output(&d, &a.channels, &a.type, &err))
        return 0;
    a.width = d.cols;
    a.height = d.rows;
    a.stride_bytes = (size_t)a.width * a.channels * sample_bytes(a.type);
    b = a;
    data += HEADER;
    size -= HEADER;
    rc = decode(&d, data[-4], data, size, &a, 0x00);
    assert(decode(&d, data[-4], data, size, &b, 0xff) == rc);
    if (rc == 0)
        assert(!memcmp(a.data, b.data, a.stride_bytes * a.height));
    free(a.data);
    free(b.data);
    return 0;
}
