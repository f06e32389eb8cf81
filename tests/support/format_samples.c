// SPDX-License-Identifier: MIT
/*
 * Writes .npy, .nii, .png and .json files, and their samples (.raw, little
 * endian), into a folder, for the libraries that people read them with. Prints
 * a line for each:
 *
 *     npy NAME PAGES HEIGHT WIDTH CHANNELS DTYPE AXES
 *     half NAME PAGES HEIGHT WIDTH CHANNELS DTYPE AXES   (.raw is of floats)
 *     nii NAME PAGES HEIGHT WIDTH CHANNELS DTYPE AXIS GEOMETRY
 *     png NAME PAGES HEIGHT WIDTH CHANNELS DTYPE
 *     json NAME
 *     tag TAG VR KEYWORD                                 (of the allow-list)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_leaf.h"
#include "json/json_tags.h"
#include "nii/nii.h"
#include "npy/npy.h"
#include "png/png_leaf.h"
#include "prepfs/cleanup.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { WIDTH = 37, HEIGHT = 23 };

static const char *const dtypes[] = {"u1", "u2", "i2", "u4",
                                     "i4", "f4", "f8", "f2"};

static const char *folder;

/* `head` may be NULL. */
static void write_file(const char *name, const char *suffix, const void *head,
                       size_t head_size, const void *data, size_t size)
{
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
    f = fopen(path, "wb");
    if (!f || (head && fwrite(head, 1, head_size, f) != head_size) ||
        fwrite(data, 1, size, f) != size || fclose(f) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

static void fail(const char *name, const struct error *err)
{
    fprintf(stderr, "%s: %s\n", name, err->msg);
    exit(EXIT_FAILURE);
}

/* Numbers of every size that the type has, none of them NaN. */
static uint8_t *samples_of(enum sample_type type, size_t n)
{
    uint8_t *data = malloc(n * 8);

    if (!data)
        exit(EXIT_FAILURE);
    for (size_t i = 0; i < n; i++) {
        uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        float f = (float)(int32_t)x / (float)(1 << x % 31);
        double d = (double)(int64_t)x / (double)(1 << x % 31);

        if (type == SAMPLE_F32)
            memcpy(data + 4 * i, &f, 4);
        else if (type == SAMPLE_F64)
            memcpy(data + 8 * i, &d, 8);
        else
            memcpy(data + sample_bytes(type) * i, &x, sample_bytes(type));
    }
    return data;
}

/* ---- .npy --------------------------------------------------------------- */

static void write_npy(enum sample_type type, uint32_t channels, uint32_t pages,
                      enum npy_axes axes)
{
    struct npy_spec spec = {pages, WIDTH, HEIGHT, channels, type, axes};
    struct npy_layout layout;
    struct error err = ERROR_INIT;
    char name[64];
    uint8_t head[NPY_DATA_OFFSET];
    size_t n = (size_t)pages * WIDTH * HEIGHT * channels;
    bool is_half = type == SAMPLE_F16;
    CLEANUP_FREE uint8_t *raw = samples_of(is_half ? SAMPLE_F32 : type, n);
    CLEANUP_FREE uint8_t *halves = malloc(2 * n);

    (void)snprintf(name, sizeof name, "npy-%s-%u-%u-%d", dtypes[type], channels,
                   pages, (int)axes);
    if (!halves || npy_layout_init(&spec, &layout, &err) != 0)
        fail(name, &err);
    npy_layout_header_read(&layout, 0, sizeof head, head);
    if (is_half) {
        struct image image = {WIDTH * channels,
                              HEIGHT * pages,
                              1,
                              SAMPLE_F32,
                              WIDTH * (size_t)channels * 4,
                              raw};

        if (npy_half_page(&image, halves, &err) != 0)
            fail(name, &err);
    }
    write_file(name, "npy", head, sizeof head, is_half ? halves : raw,
               layout.size - NPY_DATA_OFFSET);
    write_file(name, "raw", NULL, 0, raw,
               n * sample_bytes(is_half ? SAMPLE_F32 : type));
    printf("%s %s %u %d %d %u %s %s\n", is_half ? "half" : "npy", name, pages,
           HEIGHT, WIDTH, channels, dtypes[type],
           axes == NPY_AXES_VOLUME ? "volume" : "image");
}

static void write_npys(void)
{
    for (int type = SAMPLE_U8; type <= SAMPLE_F16; type++) {
        for (unsigned bits = 0; bits < 8; bits++)
            write_npy((enum sample_type)type, bits & 1 ? 3 : 1,
                      bits & 2 ? 4 : 1,
                      bits & 4 ? NPY_AXES_VOLUME : NPY_AXES_IMAGE);
    }
}

/* ---- .nii --------------------------------------------------------------- */

static const struct affine_source oblique = {
    .orientation = {0.8, 0.6, 0, -0.48, 0.64, 0.6},
    .position = {10, 20, 30},
    .spacing = {0.7, 0.9, 2.5},
};

/* geometry 0: none at all, 1: spacing alone, 2: all of it */
static void write_nii(enum sample_type type, uint32_t channels, uint32_t pages,
                      enum nii_pages axis, int geometry)
{
    struct nii_spec spec = {.pages = pages,
                            .width = WIDTH,
                            .height = HEIGHT,
                            .channels = channels,
                            .type = type,
                            .axis = axis,
                            .seconds = axis == NII_PAGES_TIME ? 0.04 : 0,
                            .software = "prepfs engine 1"};
    struct nii_layout layout;
    struct error err = ERROR_INIT;
    char name[64];
    uint8_t head[NII_DATA_OFFSET];
    size_t n = (size_t)pages * WIDTH * HEIGHT * channels;
    CLEANUP_FREE uint8_t *raw = samples_of(type, n);

    (void)snprintf(name, sizeof name, "nii-%s-%u-%u-%d-%d", dtypes[type],
                   channels, pages, (int)axis, geometry);
    for (unsigned i = 0; geometry > 0 && i < 3; i++)
        spec.spacing[i] = oblique.spacing[i];
    if (geometry > 1)
        spec.has_affine = affine_init(&oblique, &spec.affine);
    if (nii_layout_init(&spec, &layout, &err) != 0)
        fail(name, &err);
    nii_layout_header_read(&layout, 0, sizeof head, head);
    write_file(name, "nii", head, sizeof head, raw,
               layout.size - NII_DATA_OFFSET);
    write_file(name, "raw", NULL, 0, raw, n * sample_bytes(type));
    printf("nii %s %u %d %d %u %s %s %d\n", name, pages, HEIGHT, WIDTH,
           channels, dtypes[type], axis == NII_PAGES_TIME ? "time" : "space",
           geometry);
}

static void write_niis(void)
{
    for (int type = SAMPLE_U8; type <= SAMPLE_F64; type++) {
        for (int geometry = 0; geometry < 3; geometry++) {
            write_nii((enum sample_type)type, 1, 4, NII_PAGES_SPACE, geometry);
            write_nii((enum sample_type)type, 1, 1, NII_PAGES_SPACE, geometry);
            write_nii((enum sample_type)type, 1, 4, NII_PAGES_TIME, geometry);
        }
    }
    write_nii(SAMPLE_U8, 3, 4, NII_PAGES_SPACE, 2);
    write_nii(SAMPLE_U8, 3, 1, NII_PAGES_SPACE, 0);
}

/* ---- .png --------------------------------------------------------------- */

static void write_pngs(void)
{
    static const struct png_leaf_about about = {20, 10, "prepfs engine 1"};

    for (unsigned bits = 0; bits < 4; bits++) {
        enum sample_type type = bits & 1 ? SAMPLE_U16 : SAMPLE_U8;
        uint32_t channels = bits & 2 ? 3 : 1;
        size_t row = WIDTH * channels * sample_bytes(type);
        CLEANUP_FREE uint8_t *raw = samples_of(type, WIDTH * HEIGHT * channels);
        struct image image = {WIDTH, HEIGHT, channels, type, row, raw};
        CLEANUP_FREE uint8_t *bytes = NULL;
        struct error err = ERROR_INIT;
        char name[64];
        size_t length;

        (void)snprintf(name, sizeof name, "png-%s-%u", dtypes[type], channels);
        if (png_leaf_pack(&image, &about, &bytes, &length, &err) != 0)
            fail(name, &err);
        write_file(name, "png", NULL, 0, bytes, length);
        write_file(name, "raw", NULL, 0, raw, row * HEIGHT);
        printf("png %s 1 %d %d %u %s\n", name, HEIGHT, WIDTH, channels,
               dtypes[type]);
    }
}

/* ---- .json -------------------------------------------------------------- */

/* A value for every tag of the list; text where its VR asks for it. */
static void write_json(void)
{
    size_t n;
    const struct json_tag *tags = json_tags(&n);
    static const struct json_leaf_value number[] = {{"7", 7}, {NULL, 12}};
    static const struct json_leaf_value text[] = {{"A B", 0}};
    static const struct json_leaf_value uid[] = {{"1.2.840.10008.1.2", 0}};
    struct json_leaf_attribute attributes[256];
    struct json_leaf leaf = {
        .engine = "prepfs \"engine\" 1\n",
        .view = "full",
        .name = "1.2.3",
        .has_output = true,
        .pages = 2,
        .width = 37,
        .height = 23,
        .channels = 1,
        .type = SAMPLE_F16,
        .n_axes = 2,
        .low = 5e-324,
        .high = 1.7976931348623157e308,
        .spacing = {0.1, 1.0 / 3.0, 1e23},
        .attributes = attributes,
        .n_attributes = n,
    };
    CLEANUP_FREE char *document = NULL;
    struct error err = ERROR_INIT;
    size_t length;

    if (n > COUNT(attributes))
        exit(EXIT_FAILURE);
    for (size_t i = 0; i < n; i++) {
        bool is_text = strstr("CS LO SH", tags[i].vr) != NULL;
        bool is_uid = strcmp(tags[i].vr, "UI") == 0;

        attributes[i] = (struct json_leaf_attribute){tags[i].tag, "",
                                                     is_text || is_uid ? 1 : 2,
                                                     is_text  ? text
                                                     : is_uid ? uid
                                                              : number};
        printf("tag %08X %s %s\n", tags[i].tag, tags[i].vr, tags[i].keyword);
    }
    if (json_leaf_write(&leaf, &document, &length, &err) != 0)
        fail("json", &err);
    write_file("leaf", "json", NULL, 0, document, length);
    printf("json leaf\n");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    folder = argv[1];
    write_npys();
    write_niis();
    write_pngs();
    write_json();
    return EXIT_SUCCESS;
}
