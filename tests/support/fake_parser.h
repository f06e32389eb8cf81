// SPDX-License-Identifier: MIT
/*
 * fake_parser.h: a parser for text files, so that the indexer is tested
 * without DICOM.
 *
 *     FAKE            or DIRECTORY, or DAMAGED; anything else is not DICOM
 *     study 1.2.3
 *     series 1.2.3.4
 *     sop 1.2.3.4.5
 *     z 12.5          position along the normal
 *     number 3
 *     patient P1
 *     pixels 0        an object without pixels
 *     problem TEXT    why they cannot be decoded
 */
#ifndef SUPPORT_FAKE_PARSER_H
#define SUPPORT_FAKE_PARSER_H

#include <stdatomic.h>

#include "index/index.h"

struct fake_parser {
    atomic_uint calls;
    atomic_uint kept;     /* parsed and not yet released */
    unsigned delay_us;    /* per file */
    const char *revision; /* NULL: "fake 1" */
};

void fake_parser_init(struct fake_parser *state, struct index_parser *ret);

/* A file for it, malloc'd. NULL leaves a line out. */
char *fake_file(const char *study, const char *series, const char *sop,
                double z, const char *more);

#endif
