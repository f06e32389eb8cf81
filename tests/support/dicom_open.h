// SPDX-License-Identifier: MIT
/* dicom_open.h: from a struct build to a source and its header. */
#ifndef TESTS_SUPPORT_DICOM_OPEN_H
#define TESTS_SUPPORT_DICOM_OPEN_H

#include "dicom/dicom.h"
#include "support/dicom_build.h"

#include <stdio.h>
#include <unistd.h>

struct opened {
    int fd;
    struct dicom_source *source; /* NULL: could not be opened */
    struct dicom_header header;
    bool good; /* the header was read */
    struct error err;
};

/* Opens and parses what was built; the build is released. */
static inline struct opened open_build(struct build *b,
                                       const struct dicom_limits *limits)
{
    struct opened o = {.err = ERROR_INIT, .header = DICOM_HEADER_INIT};

    dicom_global_init();
    o.fd = build_fd(b);
    build_deinit(b);
    o.source = dicom_source_open(o.fd, limits, &o.err);
    if (o.source)
        o.good = dicom_header_read(o.source, &o.header, &o.err) == 0;
    if (!o.good)
        printf("# not read: %s\n", o.err.msg);
    return o;
}

static inline void opened_close(struct opened *o)
{
    dicom_header_deinit(&o->header);
    dicom_source_close(o->source);
    if (o->fd >= 0)
        (void)close(o->fd);
}

#endif
