// SPDX-License-Identifier: MIT
/*
 * json_leaf_dicom.h: attributes in the DICOM JSON model (PS3.18 F.2). Internal
 * to fs/json.
 */
#ifndef JSON_JSON_LEAF_DICOM_H
#define JSON_JSON_LEAF_DICOM_H

#include <stddef.h>

#include "json/json.h"
#include "json/json_leaf.h"

/* Writes one object with those of the attributes that json_tags.h allows,
 * ascending by tag; of one that is given twice, the first. */
void json_leaf_dicom(struct json *j,
                     const struct json_leaf_attribute *attributes, size_t n);

/* Writes a UID, or null if it is none (PS3.5 9.1, leading zeros let pass). */
void json_leaf_uid(struct json *j, const char *text);

#endif
