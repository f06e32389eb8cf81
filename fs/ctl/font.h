// SPDX-License-Identifier: MIT
/*
 * font.h: a 5x7 dot font for captions: printable ASCII.
 *
 * Threads: immutable.
 */
#ifndef CTL_FONT_H
#define CTL_FONT_H

#include <stdbool.h>

/* Of a cell, with the gap to its neighbours. */
enum { FONT_WIDTH = 6, FONT_HEIGHT = 9, FONT_DOTS_X = 5, FONT_DOTS_Y = 7 };

/* Is there ink at column x, row y of the letter? What is no printable ASCII
 * is a box. */
bool font_dot(char letter, int x, int y);

#endif
