// SPDX-License-Identifier: MIT
/*
 * orient.h: mirror images and quarter turns, for samples of any type.
 *
 * Threads: reentrant.
 */
#ifndef IMAGE_ORIENT_H
#define IMAGE_ORIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "prepfs/image.h"

/* Mirror first, then turn clockwise. Zero-initialised it changes nothing. */
struct orient {
    bool flip_h;    /* left <-> right */
    bool flip_v;    /* top <-> bottom */
    unsigned turns; /* quarter turns clockwise, 0..3 */
};

bool orient_is_identity(const struct orient *o);

/* First `a`, then `b`, as one orientation. */
struct orient orient_then(const struct orient *a, const struct orient *b);

/* Size of the result. */
void orient_size(const struct orient *o, uint32_t width, uint32_t height,
                 uint32_t *ret_width, uint32_t *ret_height);

/* `dst` has the size of orient_size and the type and channels of `src`. */
void orient_apply(const struct orient *o, const struct image *src,
                  const struct image *dst);

/*
 * Was this breast tomosynthesis object stored upside down (REF 2.3)? Then it
 * is to be turned by two quarter turns before anything else and gets tag
 * 65000. Strings are attribute values as stored, `\` between several values;
 * NULL means absent. `laterality` is ImageLaterality (0020,0062), else
 * Laterality (0020,0060).
 */
bool orient_is_turned_dbt(const char *sop_class, const char *laterality,
                          const char *view_position,
                          const char *patient_orientation);

#endif
