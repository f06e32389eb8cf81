// SPDX-License-Identifier: MIT
/*
 * codestream.h: generated pictures and encoders, for the tests of fs/decode.
 *
 * JPEG with DCT and one JPEG-LS encoder are DCMTK's, JPEG 2000 is OpenJPEG's:
 * independent of what is tested. The lossless JPEG and the other JPEG-LS
 * encoder are written from the standards, for what those cannot make: every
 * precision, restart intervals, odd parameters.
 */
#ifndef TESTS_CODESTREAM_H
#define TESTS_CODESTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Interleaved code words: unsigned, each below 2^bits. */
struct picture {
    uint32_t width;
    uint32_t height;
    unsigned channels;
    unsigned bits;
    uint32_t *samples;
};

struct codestream {
    uint8_t *data;
    size_t size;
};

/* A gradient with flat areas, edges, both extremes and some noise. Aborts
 * when out of memory, like everything here. Free with picture_free. */
struct picture picture_new(uint32_t width, uint32_t height, unsigned channels,
                           unsigned bits, uint32_t seed);
void picture_free(struct picture *p);
size_t picture_count(const struct picture *p);

void codestream_free(struct codestream *c);
void codestream_put(struct codestream *c, const void *bytes, size_t size);
void codestream_byte(struct codestream *c, unsigned byte);
void codestream_be16(struct codestream *c, unsigned value);

/* RLE Lossless frame; words of `word_bytes` (PS3.5 Annex G). */
struct codestream encode_rle(const struct picture *p, unsigned word_bytes);

struct lossless_jpeg {
    unsigned predictor;    /* 1..7 */
    unsigned restart_rows; /* 0: none */
    bool by_component;     /* a scan for each */
    bool wraps; /* differences are coded modulo 2^bits the other way round */
};
struct codestream encode_lossless_jpeg(const struct picture *p,
                                       const struct lossless_jpeg *how);

struct jls {
    unsigned near;
    unsigned interleave; /* 0 plane, 1 line, 2 sample */
    unsigned restart_rows;
    unsigned maxval;       /* 0: default, no LSE */
    unsigned threshold[3]; /* written if maxval is given; 0: default */
    unsigned reset;
};
struct codestream encode_jls(const struct picture *p, const struct jls *how);

struct j2k {
    bool irreversible;
    bool transform;       /* component transform */
    bool is_signed;       /* as the SIZ marker says */
    unsigned tile;        /* 0: one tile */
    unsigned subsampling; /* of the 2nd and 3rd component; 0 or 1: none */
    unsigned origin;      /* of the image on the reference grid */
    bool jp2;
};
struct codestream encode_j2k(const struct picture *p, const struct j2k *how);

enum dct_kind { DCT_BASELINE, DCT_EXTENDED_12, DCT_PROGRESSIVE };
struct dct {
    enum dct_kind kind;
    unsigned quality;
    bool as_rgb;     /* no transform: Adobe marker */
    bool subsampled; /* 4:2:2 */
};
/* `p` is RGB or grey, of 8 bits (12 for DCT_EXTENDED_12). */
struct codestream encode_dct(const struct picture *p, const struct dct *how);

/* JPEG-LS by DCMTK: 8..16 bits, interleave 1 or 2 (grey: either). Not
 * reentrant. */
struct codestream encode_jls_dcmtk(const struct picture *p, unsigned near,
                                   unsigned interleave);

#ifdef __cplusplus
}
#endif

#endif
