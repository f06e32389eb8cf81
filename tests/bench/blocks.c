// SPDX-License-Identifier: MIT
/*
 * blocks.c: the stored form of real pixels, against plain LZ4.
 *
 *     blocks LABEL FILE.npy... [-- LABEL FILE.npy...]
 *
 * Cuts each .npy file into blocks as the cache would and prints, pooled per
 * label, ratio and MB/s (of raw bytes, CPU time of one thread) for plain
 * LZ4 and for block_encode/block_decode. Every block is compared after its
 * round trip. Files come from a mount (raw/...npy) or from numpy.save.
 */
#undef NDEBUG
#include "block.h"

#include <lz4.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PASSES 5

struct sum {
    double raw, lz4, ours;
    double lz4_in, lz4_out, ours_in, ours_out; /* seconds */
    unsigned kinds[256];
};

static double now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void run_lz4(struct sum *sum, const uint8_t *src, size_t size)
{
    static char packed[LZ4_COMPRESSBOUND(CACHE_BLOCK_MAX)];
    static uint8_t back[CACHE_BLOCK_MAX];
    double t0 = now();
    int n = LZ4_compress_default((const char *)src, packed, (int)size,
                                 (int)sizeof packed);
    double t1 = now();

    sum->lz4_in += t1 - t0;
    for (int i = 0; i < PASSES; i++)
        LZ4_decompress_safe(packed, (char *)back, n, (int)size);
    sum->lz4_out += (now() - t1) / PASSES;
    assert(memcmp(src, back, size) == 0);
    sum->lz4 += (size_t)n < size ? n : (double)size;
}

static void run_ours(struct sum *sum, const uint8_t *src, size_t size,
                     const struct cache_hint *hint)
{
    static uint8_t stored[BLOCK_STORED_MAX(CACHE_BLOCK_MAX)];
    static uint8_t back[CACHE_BLOCK_MAX];
    static uint64_t work[BLOCK_WORK_BYTES / 8];
    double t0 = now();
    size_t n = block_encode(src, size, hint, stored, work);
    double t1 = now();

    sum->ours_in += t1 - t0;
    for (int i = 0; i < PASSES; i++)
        assert(block_decode(stored, n, back, size, work));
    sum->ours_out += (now() - t1) / PASSES;
    assert(memcmp(src, back, size) == 0);
    sum->ours += (double)n;
    sum->kinds[stored[0]]++;
}

/* Fills the hint from a .npy header; returns the offset of the data. */
static size_t parse_npy(const char *head, struct cache_hint *hint)
{
    const char *descr = strstr(head + 10, "'descr': '");
    const char *shape = strstr(head + 10, "'shape': (");
    unsigned long dims[4] = {0};
    int n = 0;

    assert(memcmp(head, "\x93NUMPY", 6) == 0 && descr && shape);
    hint->is_float = descr[11] == 'f';
    hint->sample_bytes = (uint8_t)atoi(descr + 12);
    for (const char *p = shape + 10; *p != ')' && n < 4; n++) {
        char *end;

        dims[n] = strtoul(p, &end, 10);
        p = end + strspn(end, ", ");
    }
    hint->channels = n > 1 && dims[n - 1] <= 4 ? (uint8_t)dims[n - 1] : 1;
    if (n > 1)
        hint->row_bytes =
            (uint32_t)(hint->sample_bytes * dims[n - 1] *
                       (hint->channels > 1 && n > 2 ? dims[n - 2] : 1));
    return 10 + (unsigned char)head[8] + 256u * (unsigned char)head[9];
}

static void run_file(struct sum *sum, const char *path)
{
    static char bytes[CACHE_BLOCK_MAX + 1];
    FILE *file = fopen(path, "rb");
    struct cache_hint hint = {0};
    size_t n, offset = 0;

    if (!file) {
        perror(path);
        exit(1);
    }
    while ((n = fread(bytes, 1, CACHE_BLOCK_MAX, file)) > 0) {
        const uint8_t *src = (const uint8_t *)bytes;

        bytes[n] = 0;
        hint.samples_from = 0;
        if (offset == 0)
            hint.samples_from = (uint32_t)parse_npy(bytes, &hint);
        run_lz4(sum, src, n);
        run_ours(sum, src, n, &hint);
        sum->raw += (double)n;
        offset += n;
    }
    (void)fclose(file);
}

static void print(const char *label, const struct sum *s)
{
    double mb = s->raw / 1e6;

    printf("%-10s %8.1f | %6.2f %7.0f %7.0f | %6.2f %7.0f %7.0f | x%.2f  ",
           label, mb, s->raw / s->lz4, mb / s->lz4_in, mb / s->lz4_out,
           s->raw / s->ours, mb / s->ours_in, mb / s->ours_out,
           s->lz4 / s->ours);
    for (int k = 0; k < 256; k++)
        if (s->kinds[k])
            printf(" %c=%u", k, s->kinds[k]);
    printf("\n");
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr,
                "Usage: blocks LABEL FILE.npy... [-- LABEL FILE.npy...]\n");
        return 2;
    }
    printf("label          MB   | LZ4 ratio  in out MB/s | ours ratio  in out "
           "MB/s\n");
    for (int i = 1; i < argc; i++) {
        const char *label = argv[i++];
        struct sum sum = {0};

        for (; i < argc && strcmp(argv[i], "--") != 0; i++)
            run_file(&sum, argv[i]);
        print(label, &sum);
    }
    return 0;
}
