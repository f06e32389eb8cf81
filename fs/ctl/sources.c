// SPDX-License-Identifier: MIT
/* sources.c: see sources.h. */
#include "ctl/sources.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "prepfs/cleanup.h"

struct gathering {
    struct source_set *set;
    source_fail_fn fail;
    void *opaque;
};

/* Takes `path` over. */
static int push_path(struct source_set *s, char *path, bool is_folder,
                     struct error *err)
{
    if (s->n_paths == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 64;
        struct source_path *grown =
            reallocarray(s->paths, capacity, sizeof *grown);

        if (!grown) {
            free(path);
            return error_no_memory(err);
        }
        s->paths = grown;
        s->capacity = capacity;
    }
    s->paths[s->n_paths++] = (struct source_path){path, is_folder};
    s->has_folder = s->has_folder || is_folder;
    return 0;
}

static int tell(const struct gathering *g, const char *path, int code,
                struct error *err)
{
    struct error why = ERROR_INIT;

    if (code == ENOMEM)
        return error_no_memory(err);
    (void)error_set_sys(&why, code, "%s", strerrordesc_np(code));
    return g->fail(g->opaque, path, &why, err);
}

/* A file or a folder. */
static int add_path(const struct gathering *g, const char *path,
                    struct error *err)
{
    char *real = realpath(path, NULL);
    struct stat st;

    if (!real)
        return tell(g, path, errno, err);
    if (stat(real, &st) != 0) {
        int code = errno;

        free(real);
        return tell(g, path, code, err);
    }
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
        free(real);
        return tell(g, path, EINVAL, err);
    }
    return push_path(g->set, real, S_ISDIR(st.st_mode), err);
}

/* ---- lists ---- */

static int add_line(const struct gathering *g, const char *list,
                    unsigned long number, char *line, struct error *err)
{
    CLEANUP_FREE char *name = NULL;
    struct stat st;

    line[strcspn(line, "\r\n")] = '\0';
    if (!line[0])
        return 0;
    if (stat(line, &st) == 0)
        return add_path(g, line, err);
    int code = errno;

    if (asprintf(&name, "%s:%lu: %s", list, number, line) < 0) {
        name = NULL;
        return error_no_memory(err);
    }
    return tell(g, name, code, err);
}

static int add_lines(const struct gathering *g, const char *list, FILE *in,
                     struct error *err)
{
    CLEANUP_FREE char *line = NULL;
    size_t size = 0;

    for (unsigned long number = 1;; number++) {
        errno = 0;
        if (getline(&line, &size, in) < 0)
            return ferror(in) || errno == ENOMEM
                       ? tell(g, list, errno ? errno : EIO, err)
                       : 0;
        if (add_line(g, list, number, line, err) != 0)
            return -1;
    }
}

static int add_list(const struct gathering *g, const char *list,
                    struct error *err)
{
    FILE *in = fopen(list, "re");

    if (!in)
        return tell(g, list, errno, err);
    int rc = add_lines(g, list, in, err);

    (void)fclose(in);
    return rc;
}

static bool is_list(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    struct stat st;

    return dot && strcmp(dot, ".txt") == 0 && stat(path, &st) == 0 &&
           S_ISREG(st.st_mode);
}

/* ---- one root ---- */

static int by_path(const void *left, const void *right)
{
    const struct source_path *a = left;
    const struct source_path *b = right;

    return strcmp(a->path, b->path);
}

static bool is_beneath(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    if (strcmp(folder, "/") == 0)
        return true;
    return strncmp(path, folder, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

/* Cuts `root` to what `path` has in common with it, at a slash. */
static void keep_common(char *root, const char *path)
{
    while (!is_beneath(path, root)) {
        char *slash = strrchr(root, '/');

        if (slash == root)
            slash++; /* "/" is the last that is left */
        *slash = '\0';
    }
}

static int find_root(struct source_set *s, struct error *err)
{
    s->root = strdup(s->paths[0].path);
    if (!s->root)
        return error_no_memory(err);
    for (size_t i = 1; i < s->n_paths; i++)
        keep_common(s->root, s->paths[i].path);
    /* one file, perhaps named twice, is its own common path */
    if (!s->paths[0].is_folder && strcmp(s->root, s->paths[0].path) == 0) {
        char *slash = strrchr(s->root, '/');

        slash[slash == s->root] = '\0';
    }
    return 0;
}

static char *relative(const struct source_set *s, const char *path)
{
    size_t length = strlen(s->root);

    path += length;
    while (*path == '/')
        path++;
    return strdup(path);
}

/* `paths` is sorted: a folder comes before what is in it, but not directly
 * before, since "a-b" stands between "a" and "a/b". */
static bool is_covered(const struct source_set *s, size_t i)
{
    const char *path = s->paths[i].path;
    CLEANUP_FREE char *above = NULL;

    if (i > 0 && strcmp(s->paths[i - 1].path, path) == 0)
        return true;
    if (!s->has_folder)
        return false;
    above = strdup(path);
    for (char *slash = above ? strrchr(above, '/') : NULL; slash;
         slash = strrchr(above, '/')) {
        struct source_path key = {above, true};
        const struct source_path *found;

        slash[slash == above] = '\0';
        found = bsearch(&key, s->paths, s->n_paths, sizeof key, by_path);
        if (found && found->is_folder && strcmp(found->path, path) != 0)
            return true;
        if (above[1] == '\0')
            return false;
    }
    return false;
}

static int take_paths(struct source_set *s, struct error *err)
{
    s->only = calloc(s->n_paths, sizeof *s->only);
    s->named = calloc(s->n_paths, sizeof *s->named);
    if (!s->only || !s->named)
        return error_no_memory(err);
    for (size_t i = 0; i < s->n_paths; i++) {
        const struct source_path *p = &s->paths[i];
        bool twice = i > 0 && strcmp(s->paths[i - 1].path, p->path) == 0;

        if (!p->is_folder && !twice) {
            s->named[s->n_named] = relative(s, p->path);
            if (!s->named[s->n_named++])
                return error_no_memory(err);
        }
        if (strcmp(p->path, s->root) == 0 || is_covered(s, i))
            continue;
        s->only[s->n_only] = relative(s, p->path);
        if (!s->only[s->n_only++])
            return error_no_memory(err);
    }
    return 0;
}

int source_set_init(char *const *args, size_t n, source_fail_fn fail,
                    void *opaque, struct source_set *ret, struct error *err)
{
    struct gathering g = {ret, fail, opaque};

    *ret = (struct source_set){0};
    for (size_t i = 0; i < n; i++)
        if ((is_list(args[i]) ? add_list : add_path)(&g, args[i], err) != 0)
            return -1;
    if (ret->n_paths == 0)
        return error_set(err, ERROR_NOT_FOUND, "there is nothing to read");
    qsort(ret->paths, ret->n_paths, sizeof *ret->paths, by_path);
    if (find_root(ret, err) != 0)
        return -1;
    return take_paths(ret, err);
}

void source_set_deinit(struct source_set *s)
{
    for (size_t i = 0; i < s->n_only; i++)
        free(s->only[i]);
    for (size_t i = 0; i < s->n_named; i++)
        free(s->named[i]);
    for (size_t i = 0; i < s->n_paths; i++)
        free(s->paths[i].path);
    free(s->only);
    free(s->named);
    free(s->paths);
    free(s->root);
    *s = (struct source_set){0};
}
