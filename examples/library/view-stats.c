// SPDX-License-Identifier: MIT
/*
 * view-stats.c: the files of a view, with shape, least, mean and greatest
 * sample: libprepfs reads them as a mount would show them, without one.
 *
 *     cc -o view-stats view-stats.c $(pkg-config --cflags --libs prepfs)
 *     ./view-stats hu_size-256x256 /data/archive
 *
 * Samples of .npy files are read straight from where prepfs_file_samples says
 * they are. One that cannot be had is told, and the others go on.
 */
#include <prepfs/prepfs.h>
#include <stdlib.h>
#include <string.h>

struct job {
    struct prepfs *archive;
    unsigned failures;
};

/* A sample of any of the types that prepfs makes; half floats are not asked
 * for here. */
static double sample(const unsigned char *at, const char *dtype)
{
    unsigned short u2;
    short i2;
    unsigned u4;
    int i4;
    float f4;
    double f8;

    if (strcmp(dtype, "|u1") == 0)
        return *at;
    if (strcmp(dtype, "<u2") == 0)
        return memcpy(&u2, at, sizeof u2), u2;
    if (strcmp(dtype, "<i2") == 0)
        return memcpy(&i2, at, sizeof i2), i2;
    if (strcmp(dtype, "<u4") == 0)
        return memcpy(&u4, at, sizeof u4), u4;
    if (strcmp(dtype, "<i4") == 0)
        return memcpy(&i4, at, sizeof i4), i4;
    if (strcmp(dtype, "<f4") == 0)
        return memcpy(&f4, at, sizeof f4), f4;
    return memcpy(&f8, at, sizeof f8), f8;
}

static void print_page(const char *path, unsigned page,
                       const struct prepfs_samples *s,
                       const unsigned char *bytes)
{
    size_t width = (size_t)(s->dtype[2] - '0');
    size_t count = (size_t)s->page_bytes / width;
    double low = sample(bytes, s->dtype), high = low, sum = 0;

    for (size_t i = 0; i < count; i++) {
        double v = sample(bytes + i * width, s->dtype);

        low = v < low ? v : low;
        high = v > high ? v : high;
        sum += v;
    }
    printf("%s\t%u\t%ux%ux%u\t%s\t%g\t%g\t%g\n", path, page, s->width,
           s->height, s->channels, s->dtype, low, sum / (double)count, high);
}

/* One page at a time, so that a long cine needs the memory of one frame. */
static int print_file(struct prepfs_file *f, const char *path,
                      struct error *err)
{
    struct prepfs_samples s = PREPFS_SAMPLES_INIT;
    unsigned char *bytes;
    int rc = 0;

    if (prepfs_file_samples(f, &s, err) != 0)
        return -1;
    bytes = (unsigned char *)malloc((size_t)s.page_bytes);
    if (!bytes)
        return error_no_memory(err);
    for (unsigned page = 0; page < s.pages && rc == 0; page++) {
        rc = prepfs_file_read(f, s.offset + page * s.page_bytes, bytes,
                              (size_t)s.page_bytes, err);
        if (rc == 0)
            print_page(path, page, &s, bytes);
    }
    free(bytes);
    return rc;
}

static int on_file(void *opaque, const char *path)
{
    struct job *job = (struct job *)opaque;
    struct error err = ERROR_INIT;
    struct prepfs_file *f = prepfs_file_open(job->archive, path, &err);

    if (!f || print_file(f, path, &err) != 0) {
        fprintf(stderr, "%s: %s\n", path, err.msg);
        job->failures++;
    }
    prepfs_file_close(f);
    return 0;
}

static int run(const char *view, const char *archive, const char *state)
{
    struct prepfs_options options = PREPFS_OPTIONS_INIT;
    struct error err = ERROR_INIT;
    struct job job = {NULL, 0};
    char name[512];

    options.state = state;
    options.workers = 2; /* there is one thread yet */
    snprintf(name, sizeof name, "%s_list-npy", view);
    job.archive = prepfs_open(archive, &options, &err);
    if (!job.archive ||
        prepfs_list(job.archive, name, on_file, &job, &err) != 0) {
        fprintf(stderr, "view-stats: %s\n", err.msg);
        job.failures++;
    }
    prepfs_close(job.archive);
    return job.failures > 0;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: view-stats VIEW ARCHIVE [STATE]\n");
        return 2;
    }
    return run(argv[1], argv[2], argc == 4 ? argv[3] : NULL);
}
