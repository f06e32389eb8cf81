// SPDX-License-Identifier: MIT
/*
 * Writes a .nii of the geometry given, its samples all zero, so that others can
 * say what its header means:
 *
 *     nii_file OUT PAGES WIDTH HEIGHT ORIENTATION(6) POSITION(3) SPACING(3)
 *              STEP(3)
 *
 * Exit 2 if the geometry is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "nii/nii.h"

static int write_file(const char *path, const struct nii_spec *spec)
{
    struct nii_layout layout;
    struct error err = ERROR_INIT;
    uint8_t header[NII_DATA_OFFSET];
    FILE *f;
    bool ok;

    if (nii_layout_init(spec, &layout, &err) != 0) {
        fprintf(stderr, "%s\n", err.msg);
        return -1;
    }
    nii_layout_header_read(&layout, 0, sizeof header, header);
    f = fopen(path, "wb");
    if (!f) {
        perror(path);
        return -1;
    }
    ok = fwrite(header, 1, sizeof header, f) == sizeof header &&
         fflush(f) == 0 && ftruncate(fileno(f), (off_t)layout.size) == 0;
    ok = fclose(f) == 0 && ok;
    return ok ? 0 : -1;
}

static void numbers(char **argv, double *ret, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ret[i] = strtod(argv[i], NULL);
}

int main(int argc, char **argv)
{
    struct affine_source source;
    struct nii_spec spec = {.channels = 1, .type = SAMPLE_U8};

    if (argc != 20) {
        fprintf(stderr,
                "usage: %s OUT PAGES WIDTH HEIGHT ORIENTATION(6) POSITION(3) "
                "SPACING(3) STEP(3)\n",
                argv[0]);
        return EXIT_FAILURE;
    }
    spec.pages = (uint32_t)strtoul(argv[2], NULL, 10);
    spec.width = (uint32_t)strtoul(argv[3], NULL, 10);
    spec.height = (uint32_t)strtoul(argv[4], NULL, 10);
    numbers(argv + 5, source.orientation, 6);
    numbers(argv + 11, source.position, 3);
    numbers(argv + 14, source.spacing, 3);
    numbers(argv + 17, source.step, 3);
    spec.has_affine = affine_init(&source, &spec.affine);
    if (!spec.has_affine)
        return 2;
    return write_file(argv[1], &spec) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
