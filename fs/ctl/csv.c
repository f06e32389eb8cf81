// SPDX-License-Identifier: MIT
/* csv.c: see csv.h. */
#include "ctl/csv.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- records ---- */

static int put_char(struct csv *c, int ch, struct error *err)
{
    if (c->length == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 256;
        char *grown = realloc(c->text, capacity);

        if (!grown)
            return error_no_memory(err);
        c->text = grown;
        c->capacity = capacity;
    }
    c->text[c->length++] = (char)ch;
    return 0;
}

/* A field ends with NUL, so it cannot hold one. */
static int put_text(struct csv *c, int ch, struct error *err)
{
    if (ch == '\0')
        return error_set(err, ERROR_USAGE, "%s:%lu: byte 0 is no text", c->name,
                         c->line);
    return put_char(c, ch, err);
}

/* Fields are offsets until the record is complete: `text` may move. */
static int begin_field(struct csv *c, struct error *err)
{
    if (c->n_fields == c->fields_capacity) {
        size_t capacity = c->fields_capacity ? 2 * c->fields_capacity : 16;
        char **grown = reallocarray(c->fields, capacity, sizeof *grown);

        if (!grown)
            return error_no_memory(err);
        c->fields = grown;
        c->fields_capacity = capacity;
    }
    c->fields[c->n_fields++] = (char *)(uintptr_t)c->length;
    return 0;
}

/* The next character; CRLF is LF. */
static int next_char(struct csv *c)
{
    int ch = getc(c->in);

    if (ch == '\r') {
        ch = getc(c->in);
        if (ch != '\n') {
            (void)ungetc(ch, c->in);
            ch = '\r';
        }
    }
    if (ch == '\n')
        c->lines++;
    return ch;
}

/* What follows the opening quote, byte for byte, with the closing one. */
static int read_quoted(struct csv *c, struct error *err)
{
    for (;;) {
        int ch = getc(c->in);

        if (ch == '\n')
            c->lines++;
        if (ch == EOF)
            return error_set(err, ERROR_USAGE, "%s:%lu: a quote is not closed",
                             c->name, c->line);
        if (ch == '"') {
            ch = getc(c->in);
            if (ch != '"') {
                (void)ungetc(ch, c->in);
                return 0;
            }
        }
        if (put_text(c, ch, err) != 0)
            return -1;
    }
}

/* A field; *ret_end is what ended it: a comma, LF or EOF. */
static int read_field(struct csv *c, int *ret_end, struct error *err)
{
    int ch = next_char(c);

    if (begin_field(c, err) != 0)
        return -1;
    if (ch == '"') {
        if (read_quoted(c, err) != 0)
            return -1;
        ch = next_char(c);
    }
    for (; ch != ',' && ch != '\n' && ch != EOF; ch = next_char(c))
        if (put_text(c, ch, err) != 0)
            return -1;
    *ret_end = ch;
    return put_char(c, '\0', err);
}

/* 1, or 0 at the end. */
static int read_record(struct csv *c, struct error *err)
{
    int end;

    do {
        c->length = c->n_fields = 0;
        c->line = c->lines + 1;
        do {
            if (read_field(c, &end, err) != 0)
                return -1;
        } while (end == ',');
        if (ferror(c->in))
            return error_set_sys(err, EIO, "%s: cannot be read", c->name);
    } while (end != EOF && c->n_fields == 1 && c->length == 1);
    for (size_t i = 0; i < c->n_fields; i++)
        c->fields[i] = c->text + (uintptr_t)c->fields[i];
    return c->n_fields > 1 || c->length > 1;
}

int csv_read(struct csv *c, struct error *err)
{
    int rc = read_record(c, err);

    if (rc <= 0 || c->n_fields == c->n_columns)
        return rc;
    return error_set(err, ERROR_USAGE,
                     "%s:%lu: there are %zu fields, the header names %zu",
                     c->name, c->line, c->n_fields, c->n_columns);
}

/* ---- files ---- */

/* Before the first field, which may begin with a quote. */
static void pass_over_mark(FILE *in)
{
    static const unsigned char mark[] = {0xef, 0xbb, 0xbf};
    int n = 0, ch;

    do
        ch = getc(in);
    while (n < 3 && ch == mark[n] && ++n < 3);
    if (n == 3)
        return;
    (void)ungetc(ch, in); /* of glibc, which takes back several */
    while (n > 0)
        (void)ungetc(mark[--n], in);
}

static int read_header(struct csv *c, struct error *err)
{
    int rc;

    pass_over_mark(c->in);
    rc = read_record(c, err);

    if (rc < 0)
        return -1;
    if (rc == 0)
        return error_set(err, ERROR_USAGE, "%s: there is no header line",
                         c->name);
    c->columns = calloc(c->n_fields, sizeof *c->columns);
    if (!c->columns)
        return error_no_memory(err);
    for (size_t i = 0; i < c->n_fields; i++) {
        c->columns[i] = strdup(c->fields[i]);
        if (!c->columns[i])
            return error_no_memory(err);
        c->n_columns++;
    }
    return 0;
}

int csv_open(const char *path, struct csv *ret, struct error *err)
{
    bool is_input = strcmp(path, "-") == 0;

    *ret = (struct csv){.name = is_input ? "standard input" : path};
    ret->in = is_input ? stdin : fopen(path, "re");
    if (!ret->in)
        return error_set_sys(err, errno, "%s: %s", path,
                             strerrordesc_np(errno));
    return read_header(ret, err);
}

void csv_close(struct csv *c)
{
    if (c->in && c->in != stdin)
        (void)fclose(c->in);
    for (size_t i = 0; i < c->n_columns; i++)
        free(c->columns[i]);
    free(c->columns);
    free(c->fields);
    free(c->text);
    *c = (struct csv){.in = NULL};
}

int csv_column(const struct csv *c, const char *const *names)
{
    for (; *names; names++)
        for (size_t i = 0; i < c->n_columns; i++)
            if (strcasecmp(c->columns[i], *names) == 0)
                return (int)i;
    return -1;
}

int csv_number(const struct csv *c, int column, int may_be_empty, double *ret,
               struct error *err)
{
    const char *text = c->fields[column];
    char *end;

    text += strspn(text, " ");
    *ret = NAN;
    if (!*text && may_be_empty)
        return 0;
    *ret = strtod(text, &end);
    if (end != text && end[strspn(end, " ")] == '\0' && isfinite(*ret))
        return 0;
    return error_set(err, ERROR_USAGE, "%s:%lu: %s is a number, not \"%.60s\"",
                     c->name, c->line, c->columns[column], c->fields[column]);
}

void csv_write(FILE *out, const char *field, int first)
{
    if (!first)
        (void)fputc(',', out);
    if (!field[strcspn(field, ",\"\r\n")]) {
        (void)fputs(field, out);
        return;
    }
    (void)fputc('"', out);
    for (; *field; field++) {
        if (*field == '"')
            (void)fputc('"', out);
        (void)fputc(*field, out);
    }
    (void)fputc('"', out);
}

void csv_write_number(FILE *out, double value, int first)
{
    char text[40] = "";

    for (int digits = 6; digits <= 17 && !isnan(value); digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    csv_write(out, text, first);
}
