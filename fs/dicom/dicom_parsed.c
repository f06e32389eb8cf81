// SPDX-License-Identifier: MIT
/* dicom_parsed.c: see dicom_parsed.h. */
#include "dicom/dicom_parsed.h"

#include <stdlib.h>

#include "dicom/dicom_impl.h"

/* A single frame is nearly always read when its header is. */
static int find_extents(unsigned want, struct dicom_parsed *p,
                        struct error *err)
{
    struct error ignored = ERROR_INIT;
    bool must = want & DICOM_WANT_EXTENTS;
    uint64_t n;

    if (p->header.pixels != DICOM_PIXELS_ENCAPSULATED)
        return must ? error_set(err, ERROR_INTERNAL,
                                "pixel data is not encapsulated")
                    : 0;
    if (!must && (!(want & DICOM_WANT_SOURCE) || p->header.frames != 1))
        return 0;
    if (dicom_frames_index(p->source, &p->header, &p->extents, &n,
                           must ? err : &ignored) == 0)
        return 0;
    p->extents = NULL; /* who asks for them is told why */
    return must ? -1 : 0;
}

int dicom_parse(int fd, uint64_t size, const struct dicom_limits *limits,
                unsigned want, struct dicom_parsed *ret, struct error *err)
{
    *ret = (struct dicom_parsed)DICOM_PARSED_INIT;
    ret->source = dicom_source_open_sized(fd, size, limits, err);
    if (!ret->source ||
        dicom_header_read(ret->source, &ret->header, err) != 0 ||
        find_extents(want, ret, err) != 0) {
        dicom_parsed_deinit(ret);
        return -1;
    }
    ret->is_inflated = dicom_source_is_inflated(ret->source);
    if (!(want & DICOM_WANT_SOURCE)) {
        dicom_source_close(ret->source);
        ret->source = NULL;
    }
    return 0;
}

void dicom_parsed_deinit(struct dicom_parsed *parsed)
{
    dicom_header_deinit(&parsed->header);
    dicom_source_close(parsed->source);
    free(parsed->extents);
    *parsed = (struct dicom_parsed)DICOM_PARSED_INIT;
}
