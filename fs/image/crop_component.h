// SPDX-License-Identifier: MIT
/* crop_component.h: the largest component of a small picture; internal. */
#ifndef IMAGE_CROP_COMPONENT_H
#define IMAGE_CROP_COMPONENT_H

#include <stdbool.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

/*
 * Box of the 4-connected component of ones with the most pixels; of equal
 * ones, the one whose first pixel in raster order is last. `pixels` are
 * width x height bytes of 0 or 1, tight. *ret_found false: all are 0.
 */
int crop_component(const uint8_t *pixels, uint32_t width, uint32_t height,
                   struct image_box *ret, bool *ret_found, struct error *err)
    __attribute__((warn_unused_result));

#endif
