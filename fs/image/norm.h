// SPDX-License-Identifier: MIT
/*
 * norm.h: statistics of a volume, and samples made of them (f32).
 *
 *     z       (v - mean) / sd         population sd
 *     unit    (v - min) / (max - min)
 *     sym     2 * (v - min) / (max - min) - 1
 *     fixed   (u - m) / s             u = v / y_max for display and range,
 *                                     v for hu and raw
 *
 * A constant gives 0 everywhere. All in f64, rounded once to f32. What is left
 * out of the statistics (padding, with -fg the background) is mapped all the
 * same, and nothing is clipped.
 *
 * Frames are measured one by one, in any order and by any number of threads;
 * their moments are then merged in the order of the frames:
 *
 *     volume = {0};
 *     for each frame f, for each channel c:
 *         norm_measure(&frame[f], c, mask or NULL, &m);
 *         norm_merge(&volume, &m);
 *
 * so that the result does not depend on who did what. Colour has one mean for
 * all of its channels; per-channel statistics of a data set are the same
 * without merging the channels.
 *
 * Threads: reentrant.
 */
#ifndef IMAGE_NORM_H
#define IMAGE_NORM_H

#include <stdint.h>

#include "prepfs/image.h"

/* All zero: nothing seen. */
struct norm_moments {
    uint64_t count;
    double mean;
    double m2; /* sum of the squared differences from the mean */
    double min;
    double max;
};

/*
 * The moments of one channel of a frame. Left out are samples that are not
 * finite and pixels whose `mask` (U8, one channel, the frame's size; may be
 * NULL) is not 0. Two passes: the mean, then the differences from it.
 */
void norm_measure(const struct image *frame, uint32_t channel,
                  const struct image *mask, struct norm_moments *ret);

/* Adds the moments of further samples (Chan, Golub, LeVeque 1979). */
void norm_merge(struct norm_moments *acc, const struct norm_moments *other);

/* Population standard deviation; 0 of a constant and of nothing. */
double norm_sd(const struct norm_moments *m);

/* Marks (as 1) the pixels of `mask` whose display sample is 0 in all
 * channels: the background. Display samples are those of the view's window,
 * else the default, as for the crop. */
void norm_mark_background(const struct image *display,
                          const struct image *mask);

/* result = ((v / unit - subtract) / divide) * multiply + add */
struct norm {
    double unit;
    double subtract;
    double divide; /* 0: everything becomes 0 */
    double multiply;
    double add;
};

/* The operators: z and fixed by mean and sd, unit and sym by min and max.
 * Numbers are in units of `y_max`, the sample that stands for 1: 255 or 65535
 * for display and range as integers, 1 for range as f32, hu and raw. */
struct norm norm_fixed(double mean, double sd, double y_max);
struct norm norm_unit(double min, double max, double y_max);
struct norm norm_sym(double min, double max, double y_max);

/* `dst` is F32 and has the size and channels of `src`. */
void norm_apply(const struct norm *norm, const struct image *src,
                const struct image *dst);

#endif
