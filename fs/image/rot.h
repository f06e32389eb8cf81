// SPDX-License-Identifier: MIT
/*
 * rot.h: turning by any angle, inside the same shape.
 *
 * Clockwise about the middle of the image, (w-1)/2, (h-1)/2, in pixels (not
 * in millimetres). Everything in f64: pixel (x, y) of the result is
 *
 *     dx = x - (w-1)/2               dy = y - (h-1)/2
 *     sx =  cos*dx + (sin*dy + (w-1)/2)
 *     sy = -sin*dx + (cos*dy + (h-1)/2)
 *
 * of the source, bilinear between the four pixels round it, first across,
 * then down, as a + (b - a)*f; integers are rounded half away from zero. A
 * pixel outside the source is what the fill says. Multiples of 90 degrees have
 * an exact sine and cosine; those that shall swap the sides are orient.h's.
 *
 * Threads: reentrant.
 */
#ifndef IMAGE_ROT_H
#define IMAGE_ROT_H

#include <stdbool.h>

#include "image/pad.h"
#include "prepfs/image.h"

/* Is this an angle for orient_apply? Then *ret_turns is how often to turn. */
bool rot_is_quarter(double degrees, unsigned *ret_turns);

/* `dst` has size, type and channels of `src`. `value` is in its samples. */
void rot_apply(double degrees, enum pad_fill fill, double value,
               const struct image *src, const struct image *dst);

/*
 * Turns a mask (U8, one channel, not 0: no part of the image) to the nearest
 * pixel; what comes from outside is no part of the image. `src` may be NULL
 * for a mask of zeroes.
 */
void rot_mask(double degrees, const struct image *src, const struct image *dst);

#endif
