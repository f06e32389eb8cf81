// SPDX-License-Identifier: MIT
/*
 * dcmtk_shim.h: DCMTK's data set parser behind a plain C face.
 *
 * Values come out as bytes in little-endian order with their VR; what they
 * mean is decided in fs/dicom. Nothing of DCMTK, and no exception, gets out.
 *
 * Threads: call dcmtk_global_init once before any other call. A data set
 * belongs to one thread at a time; distinct data sets are independent.
 */
#ifndef DCMTK_DCMTK_SHIM_H
#define DCMTK_DCMTK_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Silences DCMTK's logger and makes its parser tolerant. Idempotent. */
void dcmtk_global_init(void);

/* True if DCMTK found its data dictionary: without it nothing in implicit VR
 * can be read. */
bool dcmtk_has_dictionary(void);

/* Reads the data dictionary and opens converters for the character sets of
 * DICOM, which it keeps: for a process that can open no file from now on, and
 * has one thread. */
void dcmtk_prepare(void);

enum dcmtk_encoding {
    DCMTK_IMPLICIT_LE,
    DCMTK_EXPLICIT_LE,
    DCMTK_EXPLICIT_BE,
    DCMTK_IMPLICIT_BE /* never legal, seen in the wild */
};

/*
 * What to parse. `read` fills `data` with bytes [offset, offset + length),
 * which lie below `end`, and returns 0, or -1 with *err filled; it is called
 * during dcmtk_parse and, for large values, during dcmtk_value, so `opaque`
 * must outlive the data set.
 */
struct dcmtk_input {
    int (*read)(const void *opaque, uint64_t offset, void *data, size_t length,
                struct error *err);
    const void *opaque;
    uint64_t start; /* offset of the first element */
    uint64_t end;
    enum dcmtk_encoding encoding;
    uint32_t stop_tag;  /* stop before this top-level tag or a higher one */
    uint64_t max_bytes; /* to parse, large values excluded */
    uint32_t max_cpu_seconds;
};

enum dcmtk_outcome {
    DCMTK_COMPLETE,  /* all parsed, up to the stop tag or the end */
    DCMTK_TRUNCATED, /* the input ended inside an element */
    DCMTK_MALFORMED  /* not parsable; see the text */
};

struct dcmtk_dataset;

/* One data set or sequence item, borrowed from the data set. */
struct dcmtk_item;

/*
 * Parses. NULL with *err only if nothing could be done (memory, read error,
 * a limit: ERROR_TOO_BIG); otherwise *ret_outcome says how it went, *ret_text
 * (at least 160 bytes) why, *ret_stop the offset of the stop element (or the
 * end), and what was parsed before trouble can be read. Caller owns the
 * result. Deep nesting (over 512 KiB of stack) is ERROR_TOO_BIG.
 */
struct dcmtk_dataset *dcmtk_parse(const struct dcmtk_input *input,
                                  enum dcmtk_outcome *ret_outcome,
                                  char ret_text[160], uint64_t *ret_stop,
                                  struct error *err);
void dcmtk_dataset_free(struct dcmtk_dataset *dataset); /* may be NULL */

/* Large values are read when they are asked for. -1 if any could not be, for
 * want of memory or by a read error: what was made of it must be dropped. */
int dcmtk_check(const struct dcmtk_dataset *dataset, struct error *err)
    __attribute__((warn_unused_result));

/* The data set itself. */
const struct dcmtk_item *dcmtk_root(const struct dcmtk_dataset *dataset);

bool dcmtk_is_empty(const struct dcmtk_item *item);

/* Item `index` of the sequence `tag` in `item`; NULL if there is none. */
const struct dcmtk_item *dcmtk_sequence(const struct dcmtk_item *item,
                                        uint32_t tag, uint32_t index);

/* An element's value as it lies in the source. */
struct dcmtk_element {
    char vr[2];      /* as stated, or from the dictionary in implicit VR */
    uint32_t length; /* bytes; 0 for sequences */
};

/* 1 found, 0 absent. */
int dcmtk_find(const struct dcmtk_item *item, uint32_t tag,
               struct dcmtk_element *ret);

/* Copies the first `length` (at most the element's) bytes of the value in
 * little-endian order. 0, or -1 (ERROR_CORRUPT if absent or shorter). */
int dcmtk_value(const struct dcmtk_item *item, uint32_t tag, void *data,
                uint32_t length, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Converts text from the character sets of (0008,0005) to UTF-8. Returns 0
 * with *ret malloc'd and terminated (caller owns), 1 if the character set is
 * unknown or the bytes are not of it, -1 (ERROR_NO_MEMORY).
 */
int dcmtk_to_utf8(const char *charset, const char *text, size_t length,
                  char **ret, struct error *err);

/* The whole text is one decimal number ("1.5", "+2e-3"): independent of the
 * locale and correctly rounded. Infinities and NaN are not numbers. */
bool dcmtk_number(const char *text, size_t length, double *ret);

#ifdef __cplusplus
}
#endif

#endif
