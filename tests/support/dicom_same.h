// SPDX-License-Identifier: MIT
/* dicom_same.h: are two headers, and what belongs to them, the same? */
#ifndef TESTS_SUPPORT_DICOM_SAME_H
#define TESTS_SUPPORT_DICOM_SAME_H

#include "dicom/dicom_parsed.h"

/* NULL, or the name of a member that differs. NaN is like NaN. Where one has
 * no elements it does not matter whether there is a pointer to them. */
const char *dicom_difference(const struct dicom_parsed *a,
                             const struct dicom_parsed *b);

#endif
