// SPDX-License-Identifier: MIT
/*
 * dicom_parsed.h: all that is found out of a file, and the same as one run of
 * bytes that goes to another process.
 *
 *     the process that parses           the process that asked
 *     dicom_parse, dicom_flatten ─────► dicom_unflatten
 *
 * The process that asked believes nothing: whoever got the better of the
 * parser writes these bytes, and may go on to write while they are read. Each
 * byte is copied once and then looked at; counts are held against what is
 * left, numbers, text and references against what dicom.h promises of them. So
 * what comes out is a header that some file could have, and no more is said
 * than that: it may be a lie.
 *
 * The bytes are of this machine and this build, and are not kept anywhere.
 *
 * Threads: reentrant.
 */
#ifndef DICOM_DICOM_PARSED_H
#define DICOM_DICOM_PARSED_H

#include "dicom/dicom.h"

enum { /* what is wanted besides the header */
       /* A source to read frames from, and the extent of a single frame. */
       DICOM_WANT_SOURCE = 1,
       /* The extents of all frames; an error if they cannot be had. */
       DICOM_WANT_EXTENTS = 2
};

struct dicom_parsed {
    struct dicom_header header;
    bool is_inflated; /* see dicom_source_is_inflated */
    /* NULL if it was not wanted. It reads bytes and frames; where it went to
     * another process it has forgotten how to read a header. */
    struct dicom_source *source;
    /* Of header.frames frames of encapsulated data; NULL if not known. */
    struct dicom_extent *extents;
};

#define DICOM_PARSED_INIT                                                      \
    {                                                                          \
        .source = NULL                                                         \
    }

/*
 * Opens and reads what `fd` holds, a regular file of `size` bytes; the
 * descriptor is borrowed, as long as there is a source. On success *ret is
 * filled; release it with dicom_parsed_deinit. Errors as of dicom_source_open,
 * dicom_header_read and dicom_frames_index.
 */
int dicom_parse(int fd, uint64_t size, const struct dicom_limits *limits,
                unsigned want, struct dicom_parsed *ret, struct error *err)
    __attribute__((warn_unused_result));
void dicom_parsed_deinit(struct dicom_parsed *parsed);

/* Writes it to `room` bytes at `to`. Returns how many bytes it takes: if these
 * are more than `room`, what was written is of no use. */
size_t dicom_flatten(const struct dicom_parsed *parsed, uint8_t *to,
                     size_t room);

/*
 * Reads it from `length` bytes. `fd`, `size` and `limits` (its counts) are
 * those of dicom_parse. ERROR_CORRUPT: these are not the bytes of any header.
 * ERROR_NO_MEMORY; no more is taken than some times `length`.
 */
int dicom_unflatten(const uint8_t *bytes, size_t length, int fd, uint64_t size,
                    const struct dicom_limits *limits, unsigned want,
                    struct dicom_parsed *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Reads what is looked up in files while parsing (the data dictionary,
 * converters of text): for a process that cannot open any from now on. With
 * one thread, and for such a process only. */
void dicom_prepare(void);

#endif
