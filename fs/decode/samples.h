// SPDX-License-Identifier: MIT
/*
 * samples.h: from code words to values, the last step of every decoder.
 *
 * A code word is what a codec or the file holds for one sample: 1, 2 or 4
 * bytes. The value is cut out of it (shift, width) and sign-extended, then
 * stored in the sample type of the output image (PS3.5 8.1.1). Colour stays
 * as it is here; see colour.h.
 *
 * Threads: pure functions on the caller's memory.
 */
#ifndef DECODE_SAMPLES_H
#define DECODE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/image.h"

/* How a run of code words lies in memory and what it means. */
struct samples_format {
    unsigned word_bytes; /* 1, 2 or 4 */
    bool big_endian;
    size_t word_step; /* bytes from one code word to the next */
    size_t out_step;  /* samples from one output to the next */
    unsigned shift;   /* unused bits below the value */
    unsigned bits;    /* width of the value, 1..32 */
    bool is_signed;
};

/*
 * Converts `count` code words at `words` into samples of `type` at `out`.
 * Integer types only. `type` must be wide enough for `bits` (samples_fit);
 * neither pointer needs to be aligned for code words, `out` must be aligned
 * for its type.
 */
void samples_store(const struct samples_format *format, const uint8_t *words,
                   size_t count, enum sample_type type, uint8_t *out);

/* Can `type` hold every value of `bits` bits? */
bool samples_fit(enum sample_type type, unsigned bits, bool is_signed);

#endif
