// SPDX-License-Identifier: MIT
/*
 * Properties of random .tiff leaves: the size that is told beforehand is the
 * size of the bytes, any split of a read gives the same bytes, the parts do not
 * overlap, and libtiff reads every tag and sample back.
 *
 * PROP_SEED=n replays, PROP_RUNS=n sets the number of files.
 */
#undef NDEBUG
#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"
#include "support/tiff_file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t state;

static uint64_t next_random(void)
{
    uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* ---- properties --------------------------------------------------------- */

static int parts_are_in_order(const struct tiff_file *file, struct error *err)
{
    const struct tiff_layout *l = &file->layout;
    uint64_t at = l->data_offset;

    if (l->data_offset % TIFF_DATA_ALIGN != 0 ||
        l->data_offset < l->header_end ||
        l->data_offset - l->header_end >= TIFF_DATA_ALIGN)
        return error_set(err, ERROR_CORRUPT, "data_offset");
    for (uint64_t i = 0; i < l->strips.count; i++) {
        if (tiff_layout_strip_offset(l, i) != at)
            return error_set(err, ERROR_CORRUPT, "strip %ju", (uintmax_t)i);
        if (tiff_layout_strip_at(l, at) != i)
            return error_set(err, ERROR_CORRUPT, "strip at %ju", (uintmax_t)at);
        at += tiff_layout_strip_bytes(l, i);
    }
    return at == l->size ? 0 : error_set(err, ERROR_CORRUPT, "size");
}

/* The layout of a packed file must place all bytes that were packed. */
static int size_is_that_of_the_bytes(const struct tiff_file *file,
                                     struct error *err)
{
    const struct tiff_layout *l = &file->layout;
    uint64_t data = l->spec.pack == TIFF_PACK_NONE
                        ? l->strips.page_bytes * l->spec.pages
                        : file->packed.length;

    if (l->size != l->data_offset + data)
        return error_set(err, ERROR_CORRUPT, "size is not of the bytes");
    if (l->spec.pack == TIFF_PACK_NONE)
        return 0;
    for (uint64_t i = 0; i < l->strips.count; i++) {
        uint32_t rows = tiff_strip_rows(&l->strips, l->spec.height,
                                        (uint32_t)(i % l->strips.per_page));

        if (tiff_layout_strip_bytes(l, i) >
            tiff_pack_bound(l->spec.pack, l->strips.row_bytes, rows))
            return error_set(err, ERROR_CORRUPT,
                             "pack %d: %u rows of %ju bytes are %ju packed",
                             (int)l->spec.pack, rows,
                             (uintmax_t)l->strips.row_bytes,
                             (uintmax_t)tiff_layout_strip_bytes(l, i));
    }
    return 0;
}

static int any_split_is_the_same(const struct tiff_file *file,
                                 struct error *err)
{
    uint64_t end = file->layout.data_offset;
    CLEANUP_FREE uint8_t *whole = malloc(end);
    CLEANUP_FREE uint8_t *pieces = malloc(end);

    if (!whole || !pieces)
        return error_no_memory(err);
    tiff_layout_header_read(&file->layout, 0, end, whole);
    for (int round = 0; round < 4; round++) {
        uint64_t longest = 1 + next_random() % (round % 2 ? 20 : end);

        memset(pieces, 0x5a, end);
        for (uint64_t at = 0; at < end;) {
            uint64_t n = 1 + next_random() % longest;

            n = n < end - at ? n : end - at;
            tiff_layout_header_read(&file->layout, at, n, pieces + at);
            at += n;
        }
        if (memcmp(whole, pieces, end) != 0)
            return error_set(err, ERROR_CORRUPT, "a split read differs");
    }
    return 0;
}

/* Packing once more gives the same bytes. */
static int bytes_are_stable(const struct tiff_file *file, struct error *err)
{
    struct tiff_file again;
    int rc = tiff_file_init(&file->layout.spec, file->pattern, file->seed,
                            &again, err);

    if (rc == 0 &&
        (again.layout.size != file->layout.size ||
         again.packed.length != file->packed.length ||
         (again.packed.data && memcmp(again.packed.data, file->packed.data,
                                      again.packed.length) != 0)))
        rc = error_set(err, ERROR_CORRUPT, "packed bytes vary");
    tiff_file_deinit(&again);
    return rc;
}

typedef int (*property_fn)(const struct tiff_file *file, struct error *err);

static const struct {
    const char *name;
    property_fn holds;
} properties[] = {
    {"parts are in order", parts_are_in_order},
    {"size is that of the bytes", size_is_that_of_the_bytes},
    {"any split of a header read is the same", any_split_is_the_same},
    {"packed bytes are stable", bytes_are_stable},
    {"libtiff reads every tag and sample", tiff_file_check},
};

/* ---- runs --------------------------------------------------------------- */

static struct tiff_spec random_spec(enum tiff_pattern *ret_pattern)
{
    uint64_t words[10];
    struct tiff_spec spec;

    do {
        for (size_t i = 0; i < COUNT(words); i++)
            words[i] = next_random();
        spec = tiff_file_spec_of((const uint8_t *)words, sizeof words,
                                 ret_pattern);
    } while (spec.type == SAMPLE_F16 || !tiff_pack_is_available(spec.pack));
    return spec;
}

static int check_one(uint64_t seed, const char **ret_failed, struct error *err)
{
    enum tiff_pattern pattern;
    struct tiff_spec spec;
    struct tiff_file file;
    int rc;

    state = seed;
    spec = random_spec(&pattern);
    *ret_failed = "the file is laid out";
    rc = tiff_file_init(&spec, pattern, seed, &file, err);
    for (size_t i = 0; rc == 0 && i < COUNT(properties); i++) {
        *ret_failed = properties[i].name;
        rc = properties[i].holds(&file, err);
    }
    tiff_file_deinit(&file);
    return rc;
}

int main(void)
{
    uint64_t seed = from_environment("PROP_SEED", 20240601);
    uint64_t runs = from_environment("PROP_RUNS", 150);

    printf("1..1\n# PROP_SEED=%ju PROP_RUNS=%ju\n", (uintmax_t)seed,
           (uintmax_t)runs);
    for (uint64_t i = 0; i < runs; i++) {
        struct error err = ERROR_INIT;
        const char *failed;

        if (check_one(seed + i, &failed, &err) < 0) {
            printf("not ok 1 - %s\n# PROP_SEED=%ju PROP_RUNS=1: %s\n", failed,
                   (uintmax_t)(seed + i), err.msg);
            return EXIT_FAILURE;
        }
    }
    printf("ok 1 - %ju random files hold %zu properties\n", (uintmax_t)runs,
           COUNT(properties));
    return EXIT_SUCCESS;
}
