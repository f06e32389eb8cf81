// SPDX-License-Identifier: MIT
/*
 * scratch.h: a private folder for a test, files in it, and their removal.
 *
 * Failures are failures of the test (ck_abort). One thread.
 */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes a folder; its absolute path, malloc'd. */
char *scratch_new(void);
/* Removes it with all that is in it, and frees the path. */
void scratch_free(char *dir);

/* printf into a malloc'd text. */
__attribute__((format(printf, 1, 2))) char *scratch_text(const char *fmt, ...);

/* The same, borrowed: freed by the next scratch_free. For tables of rows. */
__attribute__((format(printf, 1, 2))) const char *scratch_name(const char *fmt,
                                                               ...);

/* Writes a file (with its folders) relative to `dir`; mtime 0 leaves now. */
void scratch_write(const char *dir, const char *relpath, const char *content,
                   int64_t mtime_s);
/* A whole file, malloc'd, NUL-terminated; NULL if it cannot be read. */
char *scratch_read(const char *path, size_t *ret_length);

#endif
