// SPDX-License-Identifier: MIT
/*
 * leaf_json_impl.h: what the files leaf_json*.c share; internal.
 *
 *     leaf_json.c         problems, view, source, attributes
 *     leaf_json_window.c  which window the pages have
 *     leaf_json_output.c  samples, sizes, pages, geometry
 */
#ifndef RENDER_LEAF_JSON_IMPL_H
#define RENDER_LEAF_JSON_IMPL_H

#include "json/json_leaf.h"
#include "render/leaf_json.h"

enum { OPERATORS_MAX = 64, WARNINGS_MAX = 32, SIZES_MAX = 5 };

/* A document and what its members point to. */
struct document {
    const struct leaf_json *about;
    struct dicom_header header;
    struct json_leaf leaf;
    char engine[512];
    char view[VIEW_TEXT_SIZE];
    char version[33];
    char problem[ERROR_MSG_MAX];
    struct json_leaf_operator operators[OPERATORS_MAX];
    struct json_leaf_window window;
    struct json_leaf_size sizes[SIZES_MAX];
    struct json_leaf_page *pages;
    char **slices;
    const char *warnings[WARNINGS_MAX];
    struct json_leaf_attribute *attributes;
    struct json_leaf_value *values;
};

static inline bool document_has_slices(const struct document *d)
{
    return d->about->frames->slices.n > 0;
}

/* The number of picked frame `picked`: a stored frame, or a slice. */
static inline uint32_t document_number_of(const struct document *d,
                                          uint32_t picked)
{
    uint32_t k = plan_frame(d->about->plan, picked);

    return document_has_slices(d) ? k : d->about->frames->order.frames[k];
}

/* These three want a plan. -1 if a page has not the window that was asked
 * for. */
int document_put_window(struct document *d, struct error *err)
    __attribute__((warn_unused_result));
void document_put_output(struct document *d);
/* Which stored frame, or which slice, each page shows. */
int document_put_pages(struct document *d, struct error *err)
    __attribute__((warn_unused_result));

#endif
