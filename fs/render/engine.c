// SPDX-License-Identifier: MIT
/*
 * engine.c: which arithmetic made the bytes.
 *
 * Bytes that another codec version made are not ours to serve: the versions
 * of every library that decodes or packs are part of the engine, and so of
 * every key. TIFFs carry only our own revision (plan.h).
 */
#include <string.h>
#include <xxhash.h>

#include "json/json_leaf.h"
#include "png/png_leaf.h"
#include "render/plan.h"
#include "render/render.h"

void render_engine_text(char *buf, size_t size)
{
    char tiff[64];
    char png[64];

    tiff_engine(tiff, sizeof tiff);
    png_leaf_engine(png, sizeof png); /* and zlib, which libtiff has too */
    (void)snprintf(buf, size, "%s, %s, %s, %s, json %d", PLAN_SOFTWARE,
                   decode_versions(), tiff, png, JSON_LEAF_REVISION);
}

/* Only volumes can have gaps; 62 bits are left for it. */
uint64_t render_engine_of(const struct view *view, bool gaps_allowed)
{
    uint64_t gaps = UINT64_C(0x67617073);

    return render_engine() ^
           (gaps_allowed && view->select == VIEW_SELECT_SERIES ? gaps : 0);
}

/* 63 bits, so that SQLite's signed column holds it. */
uint64_t render_engine(void)
{
    char text[512];

    render_engine_text(text, sizeof text);
    return XXH3_64bits(text, strlen(text)) >> 1;
}
