// SPDX-License-Identifier: MIT
/*
 * jpeg_markers.h: the marker segments of JPEG (ITU-T T.81 Annex B) and
 * JPEG-LS (T.87 Annex C) codestreams.
 *
 * Reads headers before any codec sees the bytes: sizes from here are compared
 * with the tags first, and only then is anything allocated.
 *
 * Threads: pure functions.
 */
#ifndef DECODE_JPEG_MARKERS_H
#define DECODE_JPEG_MARKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/decode.h"

enum jpeg_marker {
    JPEG_SOF0 = 0xc0, /* baseline */
    JPEG_SOF1 = 0xc1, /* extended sequential */
    JPEG_SOF2 = 0xc2, /* progressive */
    JPEG_SOF3 = 0xc3, /* lossless */
    JPEG_DHT = 0xc4,
    JPEG_DAC = 0xcc,
    JPEG_SOI = 0xd8,
    JPEG_EOI = 0xd9,
    JPEG_SOS = 0xda,
    JPEG_DQT = 0xdb,
    JPEG_DNL = 0xdc,
    JPEG_DRI = 0xdd,
    JPEG_APP0 = 0xe0,
    JPEG_APP8 = 0xe8,
    JPEG_APP14 = 0xee,
    JPEG_APP15 = 0xef,
    JPEG_SOF55 = 0xf7, /* JPEG-LS */
    JPEG_LSE = 0xf8,
    JPEG_COM = 0xfe
};

#define JPEG_COMPONENTS_MAX 4

struct jpeg_component {
    uint8_t id;
    uint8_t h; /* sampling factors */
    uint8_t v;
};

struct jpeg_frame {
    unsigned marker; /* which SOF */
    unsigned precision;
    uint32_t rows;
    uint32_t cols;
    unsigned components;
    struct jpeg_component component[JPEG_COMPONENTS_MAX];
};

/* One marker segment; a SOS includes the coded data that follow it. */
struct jpeg_segment {
    unsigned marker;
    const uint8_t *start;   /* the 0xff */
    const uint8_t *payload; /* after the length */
    size_t payload_size;
    const uint8_t *data; /* SOS: coded data; else NULL */
    size_t data_size;
};

struct jpeg_reader {
    const uint8_t *next;
    const uint8_t *end;
    bool is_ls; /* JPEG-LS stuffs a bit, JPEG a byte, after 0xff */
};

/* Starts behind SOI. ERROR_CORRUPT if there is none. */
int jpeg_reader_init(struct jpeg_reader *reader, const uint8_t *bytes,
                     size_t length, bool is_ls, struct error *err);

/* 1 with *ret filled; 0 at EOI (*ret is it) or, with ret->marker 0, where the
 * bytes end without one; -1. */
int jpeg_reader_next(struct jpeg_reader *reader, struct jpeg_segment *ret,
                     struct error *err);

/* The contents of a SOF segment. */
int jpeg_frame_parse(const struct jpeg_segment *segment, struct jpeg_frame *ret,
                     struct error *err);

/* Compares with the tags: size and number of components must be equal, and
 * the samples must fit in `type`. */
int jpeg_frame_check(const struct jpeg_frame *frame,
                     const struct decode_desc *desc, enum sample_type type,
                     struct error *err);

/* Is this SOI followed, behind APPn and the like, by a JPEG-LS frame? */
bool jpeg_is_ls(const uint8_t *bytes, size_t length);

#endif
