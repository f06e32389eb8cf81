// SPDX-License-Identifier: MIT
/*
 * readall: reads every file named on standard input, one after another, and
 * says how long a pass took.
 *
 *     find DIR -name '*.tiff' | readall [PASSES] [THREADS]
 *
 * One line a pass: files/s and MB/s of open, read to the end, close, and how
 * long that took for the median file and for one in a hundred.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

static char **paths;
static double *took; /* seconds, per path */
static size_t n_paths;
static _Atomic size_t next_path;
static _Atomic unsigned long long total_bytes;
static _Atomic int failures;

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void read_paths(void)
{
    size_t room = 0, size = 0;
    char *line = NULL;
    ssize_t n;

    while ((n = getline(&line, &size, stdin)) > 0) {
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        if (n_paths == room) {
            room = room ? 2 * room : 1024;
            paths = realloc(paths, room * sizeof *paths);
            if (!paths)
                exit(2);
        }
        paths[n_paths++] = strdup(line);
    }
    free(line);
}

static void read_file(const char *path, char *buffer)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;

    if (fd >= 0) {
        while ((n = read(fd, buffer, CHUNK)) > 0)
            total_bytes += (unsigned long long)n;
        (void)close(fd);
    }
    if (n < 0)
        failures++;
}

static void *reader(void *arg)
{
    char *buffer = malloc(CHUNK);
    size_t i;

    (void)arg;
    while (buffer && (i = next_path++) < n_paths) {
        took[i] = -now();
        read_file(paths[i], buffer);
        took[i] += now();
    }
    free(buffer);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double percentile(unsigned percent)
{
    return n_paths ? 1e3 * took[(n_paths - 1) * percent / 100] : 0;
}

static void pass(int number, int n_threads)
{
    pthread_t threads[64];
    double start = now(), seconds;

    next_path = 0;
    total_bytes = 0;
    failures = 0;
    for (int i = 0; i < n_threads; i++)
        (void)pthread_create(&threads[i], NULL, reader, NULL);
    for (int i = 0; i < n_threads; i++)
        (void)pthread_join(threads[i], NULL);
    seconds = now() - start;
    qsort(took, n_paths, sizeof *took, by_value);
    printf("pass %d: %zu files, %.1f files/s, %.1f MB/s, %d failed, "
           "p50 %.2f ms, p99 %.2f ms\n",
           number, n_paths, (double)n_paths / seconds,
           (double)total_bytes / seconds / 1e6, failures, percentile(50),
           percentile(99));
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    int passes = argc > 1 ? atoi(argv[1]) : 1;
    int threads = argc > 2 ? atoi(argv[2]) : 1;

    if (passes < 1 || threads < 1 || threads > 64) {
        fprintf(stderr, "usage: readall [PASSES] [THREADS] < paths\n");
        return 2;
    }
    read_paths();
    took = calloc(n_paths + 1, sizeof *took);
    if (!took)
        return 2;
    for (int i = 1; i <= passes; i++)
        pass(i, threads);
    return 0;
}
