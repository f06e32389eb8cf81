// SPDX-License-Identifier: MIT
/*
 * csv.h: comma separated values (RFC 4180), record by record, with a header
 * line that names the columns. LF or CRLF; a UTF-8 byte order mark and empty
 * lines are passed over.
 *
 * Threads: one at a time.
 */
#ifndef CTL_CSV_H
#define CTL_CSV_H

#include <stddef.h>
#include <stdio.h>

#include "prepfs/error.h"

struct csv {
    FILE *in;
    const char *name;    /* for messages */
    unsigned long line;  /* on which the record at hand begins */
    unsigned long lines; /* read so far */
    char **columns;      /* of the header */
    size_t n_columns;
    char **fields; /* of the record, n_columns of them */
    char *text;    /* what the fields point into */
    size_t n_fields, fields_capacity;
    size_t length, capacity;
};

/* Opens a file, "-" for standard input, and reads its header. ERROR_IO,
 * ERROR_USAGE. Release with csv_close, also after a failure. */
int csv_open(const char *path, struct csv *ret, struct error *err)
    __attribute__((warn_unused_result));
void csv_close(struct csv *c);

/* The number of the first column that has one of these names (a list that
 * ends with NULL), regardless of case; -1. */
int csv_column(const struct csv *c, const char *const *names);

/* The next record: 1 with c->fields, 0 at the end, -1: ERROR_USAGE with the
 * line, if it has another number of fields than the header. */
int csv_read(struct csv *c, struct error *err)
    __attribute__((warn_unused_result));

/* A field as a number. ERROR_USAGE with line and column; an empty one is NaN
 * if `may_be_empty`. */
int csv_number(const struct csv *c, int column, int may_be_empty, double *ret,
               struct error *err) __attribute__((warn_unused_result));

/* Writes a field, quoted if need be; `first`: no comma before it. */
void csv_write(FILE *out, const char *field, int first);
/* A number in as few digits as read back the same, from six on; NaN: empty. */
void csv_write_number(FILE *out, double value, int first);

#endif
