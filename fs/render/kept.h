// SPDX-License-Identifier: MIT
/*
 * kept.h: images that several pages are made of.
 *
 * Patches of one object are cut from the same whole pages, and a pass over
 * the frames of a resliced volume gives many of its planes at a time. Such
 * images are made once, shared, and kept for a while in a table of their own
 * (flight.h).
 *
 * Threads: reentrant; a kept value is immutable once it is in the table.
 */
#ifndef RENDER_KEPT_H
#define RENDER_KEPT_H

#include "prepfs/image.h"
#include "render/flight.h"
#include "view/view.h"

struct kept {
    double outside; /* of a whole page: what a patch has beyond it */
    uint32_t count;
    struct image *masks; /* NULL, or one for each: an empty one has none */
    struct image images[];
};

/* `count` empty images; caller owns the result (kept_free). */
struct kept *kept_new(uint32_t count, struct error *err);
void kept_free(void *value); /* struct kept; may be NULL */

/* What keeping it costs. */
size_t kept_bytes(const struct kept *kept);

/* The key of number `n` of what is made of a source (two numbers that name
 * its version) by these operators. */
enum kept_kind { KEPT_WHOLE, KEPT_PLANES };
struct flight_key kept_key(const uint64_t digest[2], const struct view *view,
                           enum kept_kind kind, uint64_t n);

#endif
