// SPDX-License-Identifier: MIT
/*
 * fuzz_csv.c: any bytes as a table of findings: every record has the fields of
 * the header, and what csv_write writes of it reads back the same.
 */
#undef NDEBUG
#include "ctl/csv.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* csv_open of bytes. `path` is what the messages name: 64 bytes. */
static int open_bytes(const void *data, size_t size, char *path,
                      struct csv *ret, struct error *err)
{
    int fd = memfd_create("csv", MFD_CLOEXEC);
    int rc;

    assert(fd >= 0);
    assert(write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd);
    rc = csv_open(path, ret, err);
    (void)close(fd);
    return rc;
}

static void write_record(FILE *out, char *const *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        csv_write(out, fields[i], i == 0);
    (void)fputc('\n', out);
}

static void check_numbers(const struct csv *c)
{
    for (int i = 0; i < (int)c->n_columns; i++) {
        struct error err = ERROR_INIT;
        double value;

        if (csv_number(c, i, i % 2, &value, &err) != 0)
            assert(err.kind == ERROR_USAGE);
        else
            assert(!isnan(value) ||
                   (i % 2 && !c->fields[i][strspn(c->fields[i], " ")]));
    }
}

/* A record that is one empty field is an empty line: not told apart. */
static bool is_empty(char *const *fields, size_t n)
{
    return n == 1 && fields[0][0] == '\0';
}

/* A second mark is part of the name, and would be taken for the first. */
static bool has_mark(const char *name)
{
    return strncmp(name, "\xef\xbb\xbf", 3) == 0;
}

/* All records as csv_write has them; *ret_n of them. -1 if the text is none. */
static int rewrite(const void *data, size_t size, FILE *out, size_t *ret_n)
{
    struct error err = ERROR_INIT;
    char path[64];
    struct csv c;
    int rc = open_bytes(data, size, path, &c, &err);

    *ret_n = 0;
    if (rc == 0 && has_mark(c.columns[0])) {
        csv_close(&c);
        return -1;
    }
    if (rc == 0) {
        write_record(out, c.columns, c.n_columns);
        while ((rc = csv_read(&c, &err)) > 0) {
            check_numbers(&c);
            if (is_empty(c.fields, c.n_columns))
                continue;
            write_record(out, c.fields, c.n_columns);
            ++*ret_n;
        }
    }
    assert(rc == 0 || (err.kind == ERROR_USAGE && err.msg[0] != '\0'));
    csv_close(&c);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *first = NULL, *second = NULL;
    size_t first_size, second_size, n, again;
    FILE *out = open_memstream(&first, &first_size);
    int rc;

    assert(out);
    rc = rewrite(data, size, out, &n);
    assert(fclose(out) == 0);
    out = open_memstream(&second, &second_size);
    assert(out);
    if (rc == 0) {
        assert(rewrite(first, first_size, out, &again) == 0);
        assert(again == n);
    }
    assert(fclose(out) == 0);
    if (rc == 0)
        assert(first_size == second_size &&
               memcmp(first, second, first_size) == 0);
    free(first);
    free(second);
    return 0;
}
