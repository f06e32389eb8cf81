// SPDX-License-Identifier: MIT
/*
 * json_tags.h: the attributes of a source that a .json leaf may show.
 *
 * An allow-list: what is not here is not shown, whatever it is. A leaf is made
 * to be copied to where the archive itself may not go, so a tag is here only
 * if a user of pixels needs it and it says nothing about who the patient is,
 * who made the image, where and when. By group:
 *
 *     KIND         what is shown: modality, body part, side, view, whether
 *                  text may be burned in. Coded words, no free text.
 *     DEVICE       maker and model, which explain differences between
 *                  scanners; not the serial number, station, institution or
 *                  software, which name one device.
 *     GEOMETRY     where the pixels are, in millimetres of an arbitrary
 *                  origin. The frame of reference is the one UID of an
 *                  instance here, since positions of two series compare only
 *                  within one; it identifies no more than the SOP instance
 *                  UID that names the leaf.
 *     ORDER        numbers of series, acquisition and image: small counters.
 *     TIME         frame rates and times between frames: durations, no dates.
 *     ACQUISITION  how the signal came about: tube, coils, sequence, kernel.
 *                  Names of filters and kernels are the maker's.
 *     PIXELS       what a stored number means.
 *
 * Left out on purpose, beyond the patient (group 0010, age, size and weight
 * too) and the clinical trial (0012): every date and time of day; all UIDs
 * but those of SOP class, and frame of reference; accession number and
 * every other identifier; names of people and places; text that people type
 * (study and series description, protocol name, comments, window
 * explanation), where patients' names turn up; private attributes, overlays,
 * curves and sequences (PS3.15 E.1).
 *
 * Threads: constant data.
 */
#ifndef JSON_JSON_TAGS_H
#define JSON_JSON_TAGS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum json_tag_group {
    JSON_TAG_KIND,
    JSON_TAG_DEVICE,
    JSON_TAG_GEOMETRY,
    JSON_TAG_ORDER,
    JSON_TAG_TIME,
    JSON_TAG_ACQUISITION,
    JSON_TAG_PIXELS
};

struct json_tag {
    uint32_t tag;   /* group << 16 | element */
    const char *vr; /* PS3.6; "US" where that says "US or SS" */
    const char *keyword;
    enum json_tag_group group;
};

/* The whole list, ascending by tag. */
const struct json_tag *json_tags(size_t *ret_n);

/* The entry of a tag; NULL if it is not allowed. O(log n). */
const struct json_tag *json_tag_find(uint32_t tag);

#ifdef __cplusplus
}
#endif

#endif
