// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/scratch.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *scratch_text(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    ck_assert_int_ge(vasprintf(&text, fmt, ap), 0);
    va_end(ap);
    return text;
}

static char **names;
static size_t n_names;

const char *scratch_name(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    ck_assert_int_ge(vasprintf(&text, fmt, ap), 0);
    va_end(ap);
    names = reallocarray(names, n_names + 1, sizeof *names);
    ck_assert_ptr_nonnull(names);
    names[n_names++] = text;
    return text;
}

char *scratch_new(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = scratch_text("%s/prepfs-test-XXXXXX", base ? base : "/tmp");

    ck_assert_ptr_nonnull(mkdtemp(dir));
    return dir;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

void scratch_free(char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(dir);
    while (n_names > 0)
        free(names[--n_names]);
    free(names);
    names = NULL;
}

static void make_folders(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
        *p = '/';
    }
}

void scratch_write(const char *dir, const char *relpath, const char *content,
                   int64_t mtime_s)
{
    char *path = scratch_text("%s/%s", dir, relpath);
    size_t length = strlen(content);

    make_folders(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, length), (ssize_t)length);
    if (mtime_s) {
        struct timespec times[2] = {{mtime_s, 0}, {mtime_s, 0}};

        ck_assert_int_eq(futimens(fd, times), 0);
    }
    ck_assert_int_eq(close(fd), 0);
    free(path);
}

char *scratch_read(const char *path, size_t *ret_length)
{
    FILE *f = fopen(path, "rb");
    char *data = NULL;
    size_t length = 0;

    if (!f)
        return NULL;
    for (;;) {
        data = realloc(data, length + 65537);
        ck_assert_ptr_nonnull(data);
        size_t n = fread(data + length, 1, 65536, f);

        length += n;
        if (n == 0)
            break;
    }
    data[length] = '\0';
    (void)fclose(f);
    if (ret_length)
        *ret_length = length;
    return data;
}
