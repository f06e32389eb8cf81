// SPDX-License-Identifier: MIT
/*
 * scale_probe.c: what a user of a mount feels.
 *
 *     scale_probe lookup ROOT    lstat of each path on stdin, beneath ROOT:
 *                                "n p50 p99 max failed", in microseconds
 *     scale_probe list FOLDER    reads it, then goes back to 500 of its places
 *                                in random order: "n seconds first_ms wrong",
 *                                wrong: places that were not the same again
 *     scale_probe walk ROOT      readdir and lstat of all beneath: "n seconds"
 */
#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "prepfs/cleanup.h"

static double now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/* ---- lookup ---- */

static int look_up(const char *root)
{
    enum { MAX = 1 << 20 };
    CLEANUP_FREE double *times = calloc(MAX, sizeof *times);
    CLEANUP_FD int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char path[4096];
    size_t n = 0;
    size_t failed = 0;

    check(times && fd >= 0, root);
    while (n < MAX && fgets(path, sizeof path, stdin)) {
        struct stat st;

        path[strcspn(path, "\n")] = '\0';
        double started = now_s();

        failed += fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0;
        times[n++] = (now_s() - started) * 1e6;
    }
    check(n > 0, "no paths");
    qsort(times, n, sizeof *times, by_value);
    (void)printf("%zu %.1f %.1f %.1f %zu\n", n, times[n / 2],
                 times[n * 99 / 100], times[n - 1], failed);
    return 0;
}

/* ---- list ---- */

enum { PLACES = 500 };

struct place {
    long at; /* before the entry */
    char name[256];
};

/* One of the entries read so far at each place, all with the same chance. */
static void keep(struct place *places, size_t n, long at, const char *name)
{
    size_t k = n < PLACES ? n : (size_t)random() % (n + 1);

    if (k >= PLACES)
        return;
    places[k].at = at;
    (void)snprintf(places[k].name, sizeof places[k].name, "%s", name);
}

static size_t count_wrong(DIR *dir, const struct place *places, size_t n)
{
    size_t wrong = 0;

    for (size_t k = 0; k < n; k++) {
        seekdir(dir, places[k].at);
        const struct dirent *d = readdir(dir);

        wrong += !d || strcmp(d->d_name, places[k].name) != 0;
    }
    return wrong;
}

static int list(const char *folder)
{
    CLEANUP_FREE struct place *places = calloc(PLACES, sizeof *places);
    double started = now_s();
    double first = 0;
    size_t n = 0;
    DIR *dir = opendir(folder);

    check(places && dir, folder);
    for (;;) {
        long at = telldir(dir);
        const struct dirent *d = readdir(dir);

        if (!d)
            break;
        if (n == 0)
            first = now_s() - started;
        keep(places, n++, at, d->d_name);
    }
    double seconds = now_s() - started;
    size_t wrong = count_wrong(dir, places, n < PLACES ? n : PLACES);

    (void)closedir(dir);
    (void)printf("%zu %.4f %.2f %zu\n", n, seconds, first * 1e3, wrong);
    return 0;
}

/* ---- walk ---- */

static int walk(char *root)
{
    char *roots[] = {root, NULL};
    double started = now_s();
    uint64_t n = 0;
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

    check(fts != NULL, root);
    for (const FTSENT *e; (e = fts_read(fts));)
        n += e->fts_info == FTS_F;
    (void)fts_close(fts);
    (void)printf("%" PRIu64 " %.4f\n", n, now_s() - started);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "lookup") == 0)
        return look_up(argv[2]);
    if (argc == 3 && strcmp(argv[1], "list") == 0)
        return list(argv[2]);
    if (argc == 3 && strcmp(argv[1], "walk") == 0)
        return walk(argv[2]);
    (void)fprintf(stderr, "usage: see the head of scale_probe.c\n");
    return 2;
}
