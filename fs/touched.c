// SPDX-License-Identifier: MIT
/*
 * touched.c: see touched.h.
 *
 * New paths are put behind the sorted ones and looked for only by the last
 * few (a copy touches the same file again and again). When as many are
 * unsorted as sorted, all are sorted and thinned out.
 */
#include "touched.h"

#include <stdlib.h>
#include <string.h>

enum { UNSORTED_MIN = 256, RECENT = 8 };

static void clear(struct touched *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->paths[i]);
    t->n = t->n_sorted = 0;
}

void touched_deinit(struct touched *t)
{
    clear(t);
    free(t->paths);
    *t = (struct touched){0};
}

static void take_everything(struct touched *t)
{
    clear(t);
    t->everything = true;
}

bool touched_is_empty(const struct touched *t)
{
    return t->n == 0 && !t->everything;
}

/* By components, so that what is beneath a folder follows it: the slash sorts
 * before all other characters. */
static int compare(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    int x = *a == '/' ? 1 : *a ? (unsigned char)*a + 1 : 0;
    int y = *b == '/' ? 1 : *b ? (unsigned char)*b + 1 : 0;

    return x - y;
}

static int by_path(const void *left, const void *right)
{
    return compare(*(char *const *)left, *(char *const *)right);
}

static bool is_beneath(const char *path, const char *folder, size_t length)
{
    return strncmp(path, folder, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) : 0;
}

/* Drops what is beneath another, or twice there. */
static void drop_covered(struct touched *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->n; i++) {
        const char *last = kept ? t->paths[kept - 1] : NULL;

        if (last && is_beneath(t->paths[i], last, strlen(last)))
            free(t->paths[i]);
        else
            t->paths[kept++] = t->paths[i];
    }
    t->n = kept;
}

/* Names of one folder stand together. */
static int by_folder(const void *left, const void *right)
{
    const char *a = *(char *const *)left;
    const char *b = *(char *const *)right;
    size_t n = folder_length(a);
    size_t m = folder_length(b);

    return n != m ? (n < m ? -1 : 1) : strncmp(a, b, n);
}

/* A folder with too many names stands for them. */
static void fold(struct touched *t)
{
    size_t kept = 0;
    size_t end;

    qsort(t->paths, t->n, sizeof *t->paths, by_folder);
    for (size_t first = 0; first < t->n; first = end) {
        size_t length = folder_length(t->paths[first]);

        for (end = first + 1; end < t->n; end++)
            if (by_folder(&t->paths[first], &t->paths[end]) != 0)
                break;
        bool is_folded = end - first > TOUCHED_IN_FOLDER;

        if (is_folded)
            t->paths[first][length] = '\0';
        t->everything = t->everything || (is_folded && length == 0);
        for (size_t i = first; i < end; i++) {
            if (is_folded && i > first)
                free(t->paths[i]);
            else
                t->paths[kept++] = t->paths[i];
        }
    }
    t->n = kept;
}

static void thin_out(struct touched *t)
{
    if (t->n > 0)
        qsort(t->paths, t->n, sizeof *t->paths, by_path);
    drop_covered(t);
}

void touched_settle(struct touched *t)
{
    if (t->n_sorted == t->n)
        return;
    thin_out(t);
    if (t->n > TOUCHED_IN_FOLDER) {
        fold(t);
        thin_out(t);
    }
    t->n_sorted = t->n;
    if (t->everything || t->n > TOUCHED_MAX)
        take_everything(t);
}

static bool is_recent(const struct touched *t, const char *relpath)
{
    for (size_t i = t->n; i-- > 0 && t->n - i <= RECENT;)
        if (is_beneath(relpath, t->paths[i], strlen(t->paths[i])))
            return true;
    return false;
}

static bool grow(struct touched *t)
{
    size_t capacity = t->capacity ? t->capacity * 2 : UNSORTED_MIN;
    char **grown = reallocarray(t->paths, capacity, sizeof *grown);

    if (!grown)
        return false;
    t->paths = grown;
    t->capacity = capacity;
    return true;
}

void touched_add(struct touched *t, const char *relpath)
{
    if (t->everything || is_recent(t, relpath))
        return;
    if (!*relpath || (t->n == t->capacity && !grow(t))) {
        take_everything(t);
        return;
    }
    t->paths[t->n] = strdup(relpath);
    if (!t->paths[t->n]) {
        take_everything(t);
        return;
    }
    t->n++;
    if (t->n - t->n_sorted > UNSORTED_MIN && t->n - t->n_sorted > t->n_sorted)
        touched_settle(t);
}
