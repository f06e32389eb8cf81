// SPDX-License-Identifier: MIT
/*
 * random_view.h: views of what is built, at random: any operators that go
 * together, with sizes of a few dozen pixels.
 */
#ifndef TESTS_SUPPORT_RANDOM_VIEW_H
#define TESTS_SUPPORT_RANDOM_VIEW_H

#include "view/view.h"

/* Advances *state. */
uint32_t random_below(uint64_t *state, uint32_t n);

enum random_kind {
    RANDOM_FLAT, /* a page is a frame */
    RANDOM_DEEP  /* with operators on several frames, canvas, norm, fill; and
                  * parts (view_parts_of) */
};

/* Writes the canonical text to `text` (VIEW_TEXT_SIZE). */
struct view random_view(uint64_t *state, enum random_kind kind, char *text);

#endif
