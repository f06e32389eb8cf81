// SPDX-License-Identifier: MIT
/*
 * Writes .tiff files and their samples (.raw, little endian) into a folder, for
 * readers that are not libtiff. Prints a line for each:
 *
 *     name pages height width channels dtype packing
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"
#include "support/tiff_file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const dtypes[] = {"u1", "u2", "i2", "u4", "i4", "f4", "f8"};
static const char *const packings[] = {"none", "packbits", "lzw", "deflate",
                                       "zstd"};

static int write_file(const char *folder, const char *name, const char *suffix,
                      const uint8_t *data, size_t size)
{
    char path[4096];
    FILE *f;
    bool ok;

    (void)snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
    f = fopen(path, "wb");
    if (!f) {
        perror(path);
        return -1;
    }
    ok = fwrite(data, 1, size, f) == size;
    ok = fclose(f) == 0 && ok;
    return ok ? 0 : -1;
}

static int write_raw(const char *folder, const char *name,
                     const struct tiff_file *file)
{
    uint64_t page_bytes = file->layout.strips.page_bytes;
    uint32_t pages = file->layout.spec.pages;
    CLEANUP_FREE uint8_t *raw = malloc(pages * page_bytes);

    if (!raw)
        return -1;
    for (uint32_t p = 0; p < pages; p++) {
        for (uint64_t i = 0; i < page_bytes; i++)
            raw[p * page_bytes + i] = tiff_file_sample_byte(file, p, i);
    }
    return write_file(folder, name, "raw", raw, pages * page_bytes);
}

static int write_sample(const char *folder, const struct tiff_spec *spec)
{
    struct tiff_file file;
    struct error err;
    char name[64];
    int rc = -1;

    (void)snprintf(name, sizeof name, "%s-%u-%s-%u%s", dtypes[spec->type],
                   spec->channels, packings[spec->pack], spec->pages,
                   spec->big ? "-big" : "");
    if (tiff_file_init(spec, PATTERN_GRADIENT, 1, &file, &err) == 0) {
        CLEANUP_FREE uint8_t *bytes = malloc(file.layout.size);

        tiff_file_read(&file, 0, file.layout.size, bytes);
        rc = write_file(folder, name, "tiff", bytes, file.layout.size);
        if (rc == 0)
            rc = write_raw(folder, name, &file);
        printf("%s %u %u %u %u %s %s\n", name, spec->pages, spec->height,
               spec->width, spec->channels, dtypes[spec->type],
               packings[spec->pack]);
    } else {
        fprintf(stderr, "%s: %s\n", name, err.msg);
    }
    tiff_file_deinit(&file);
    return rc;
}

static struct tiff_spec sample(enum sample_type type, uint32_t channels,
                               enum tiff_pack pack, uint32_t pages)
{
    return (struct tiff_spec){.pages = pages,
                              .width = 37,
                              .height = 23,
                              .channels = channels,
                              .type = type,
                              .pack = pack,
                              .px_per_cm_x = 15.117888,
                              .px_per_cm_y = 15.117888,
                              .has_scale = true,
                              .scale = {0.5F, 0.25F},
                              .has_crop = true,
                              .crop = {10, 20, 31, 41},
                              .has_pad = true,
                              .pad = {1, 2, 3, 4},
                              .software = "prepfs 1"};
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    for (int type = SAMPLE_U8; type <= SAMPLE_F64; type++) {
        for (unsigned bits = 0; bits < 8; bits++) {
            struct tiff_spec spec =
                sample((enum sample_type)type, bits & 1 ? 3 : 1, TIFF_PACK_NONE,
                       bits & 2 ? 5 : 1);

            spec.big = bits & 4;
            if (write_sample(argv[1], &spec) < 0)
                return EXIT_FAILURE;
        }
    }
    for (int pack = TIFF_PACK_PACKBITS; pack <= TIFF_PACK_ZSTD; pack++) {
        struct tiff_spec spec = sample(SAMPLE_U16, 1, (enum tiff_pack)pack, 3);

        if (tiff_pack_is_available(spec.pack) &&
            write_sample(argv[1], &spec) < 0)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
