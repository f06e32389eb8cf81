// SPDX-License-Identifier: MIT
/*
 * leaf_json.h: what is known of a leaf -> the document of its .json.
 *
 * The document is made of header data and of what was measured for the view
 * (crop box, padding, extent); nothing is decoded for it. It depends on the
 * version of the source, the view and the engine, so that its size can be
 * remembered; but where a limit forbids the pixels, on that limit.
 *
 * Threads: reentrant.
 */
#ifndef RENDER_LEAF_JSON_H
#define RENDER_LEAF_JSON_H

#include "image/values.h"
#include "render/frames.h"
#include "render/plan.h"
#include "render/source.h"

/* Everything borrowed for the call. */
struct leaf_json {
    struct manifest *manifest;
    struct sources *sources;
    const struct manifest_instance *row; /* of an instance, or a volume */
    const struct view *view;
    const uint64_t *digest; /* two numbers that name the version */
    uint32_t part;          /* 0: all of the object */

    /* A complete plan; or NULL, and the reason why there are no pixels. */
    const struct plan *plan;
    const char *problem;
    const struct frames *frames; /* with a plan, these two */
    const struct values_extent *extent;
};

/* Caller owns *ret_text (free). ERROR_STALE, ERROR_IO, ERROR_NO_MEMORY: the
 * source cannot be read just now. */
int leaf_json_make(const struct leaf_json *about, char **ret_text,
                   size_t *ret_length, struct error *err)
    __attribute__((warn_unused_result));

/*
 * The words of an error that will be the same next time, for `problem`, into
 * `ret`; false if it may pass (I/O, memory, a source that changed). Errors
 * that name the file, or may, are put in other words: a document has no path.
 */
bool leaf_json_problem(struct manifest *m, const struct error *why,
                       const struct manifest_instance *row,
                       char ret[ERROR_MSG_MAX]);

#endif
