// SPDX-License-Identifier: MIT
/*
 * dicom_promises.h: does a header keep what dicom.h promises of every one?
 *
 * Whatever a file says, and whatever a worker says of a file. A promise that
 * is broken fails an assert. Threads: reentrant.
 */
#ifndef TESTS_SUPPORT_DICOM_PROMISES_H
#define TESTS_SUPPORT_DICOM_PROMISES_H

#include "dicom/dicom_parsed.h"

/* Counts, pools, numbers and texts. */
void promises_of_values(const struct dicom_header *h);

/* Both orders are permutations of the frames. */
void promises_of_order(const struct dicom_header *h);

/* The first frames are read, or refused in words. `extents` may be NULL. */
void promises_of_frames(const struct dicom_source *s,
                        const struct dicom_header *h,
                        const struct dicom_extent *extents);

#endif
