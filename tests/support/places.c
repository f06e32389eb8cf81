// SPDX-License-Identifier: MIT
/* places.c: see places.h. */
#include "support/places.h"

#include <stdio.h>
#include <string.h>

static void put_vector(struct build *b, uint32_t tag, const double *v,
                       unsigned n)
{
    char text[128];
    size_t at = 0;

    for (unsigned i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.9g",
                               i ? "\\" : "", v[i]);
    build_text(b, tag, "DS", text);
}

/* A group of one attribute, in an item of groups. */
static void put_inner(struct build *b, uint32_t group, uint32_t tag,
                      const double *v, unsigned n)
{
    build_sequence(b, group, true);
    build_item(b, true);
    put_vector(b, tag, v, n);
    build_item_end(b);
    build_sequence_end(b);
}

/* That item, of one group. */
static void put_group(struct build *b, uint32_t group, uint32_t tag,
                      const double *v, unsigned n)
{
    build_item(b, true);
    put_inner(b, group, tag, v, n);
    build_item_end(b);
}

void places_add(struct build *b, const struct places *p, uint32_t frames)
{
    double six[6], at[3];

    memcpy(six, p->row, sizeof p->row);
    memcpy(six + 3, p->column, sizeof p->column);
    build_sequence(b, 0x52009229, true); /* shared: orientation */
    put_group(b, 0x00209116, 0x00200037, six, 6);
    build_sequence_end(b);
    build_sequence(b, 0x52009230, true); /* of each: position */
    for (uint32_t k = 0; k < frames; k++) {
        for (unsigned i = 0; i < 3; i++)
            at[i] = p->first[i] + k * p->step[i];
        put_group(b, 0x00209113, 0x00200032, at, 3);
    }
    build_sequence_end(b);
}

void places_add_axial(struct build *b, double x, double y, const double *z,
                      uint32_t n)
{
    static const double axial[] = {1, 0, 0, 0, 1, 0};

    build_sequence(b, 0x52009230, true);
    for (uint32_t k = 0; k < n; k++) {
        const double at[] = {x, y, z[k]};

        build_item(b, true);
        put_inner(b, 0x00209113, 0x00200032, at, 3);
        put_inner(b, 0x00209116, 0x00200037, axial, 6);
        build_item_end(b);
    }
    build_sequence_end(b);
}
