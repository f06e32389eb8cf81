// SPDX-License-Identifier: MIT
/*
 * error.h: how a function says what went wrong.
 *
 * A fallible function returns 0 or -1 and takes `struct error *err` last. The
 * struct lives on the caller's stack and never allocates, so running out of
 * memory can be reported too. It is filled once, where the cause is known:
 *
 *     return error_set(err, ERROR_CORRUPT, "Rows is %u", rows);
 *
 * and callers just `return -1`. Kinds say what is wrong, not what to reply:
 * the errno of a FUSE reply is chosen in fs/reply.c and nowhere else.
 * Expected outcomes (miss, end of list, absent tag) are return values.
 *
 * Threads: a struct error belongs to one thread at a time; copy it freely.
 */
#ifndef PREPFS_ERROR_H
#define PREPFS_ERROR_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum error_kind {
    ERROR_NONE = 0,
    ERROR_NOT_FOUND,   /* no such view, study, leaf or row */
    ERROR_BAD_VIEW,    /* a view that starts well but is malformed */
    ERROR_USAGE,       /* an option or argument is wrong */
    ERROR_UNSUPPORTED, /* legal, but not built in or not decodable here */
    ERROR_CORRUPT,     /* the source contradicts itself or is truncated */
    ERROR_STALE,       /* the source changed since it was indexed */
    ERROR_TOO_BIG,     /* over a named limit (max_pixels, ...) */
    ERROR_QUOTA,       /* over max_views */
    ERROR_NO_IDS,      /* an identifier space is exhausted */
    ERROR_IO,          /* the system refused; sys_errno says how */
    ERROR_NO_MEMORY,   /* an allocation failed */
    ERROR_INTERRUPTED, /* the waiter was cancelled */
    ERROR_INTERNAL     /* a bug in prepfs */
};

#define ERROR_MSG_MAX 240

struct error {
    enum error_kind kind;
    int sys_errno; /* 0, or the errno behind ERROR_IO */
    char msg[ERROR_MSG_MAX];
};

#define ERROR_INIT                                                            \
    {                                                                         \
        ERROR_NONE, 0, ""                                                     \
    }

/* Fills *err (may be NULL) and returns -1. A longer text is cut. */
__attribute__((format(printf, 3, 4))) static inline int
error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return -1;
    err->kind = kind;
    err->sys_errno = 0;
    va_start(ap, fmt);
    (void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return -1;
}

/* Like error_set with ERROR_IO; `sys_errno` is kept and should be named in
 * the text by the caller (use "%s" with strerrordesc_np or strerror_r). */
__attribute__((format(printf, 3, 4))) static inline int
error_set_sys(struct error *err, int sys_errno, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return -1;
    err->kind = sys_errno == ENOMEM ? ERROR_NO_MEMORY : ERROR_IO;
    err->sys_errno = sys_errno;
    va_start(ap, fmt);
    (void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return -1;
}

static inline int error_no_memory(struct error *err)
{
    return error_set(err, ERROR_NO_MEMORY, "out of memory");
}

#ifdef __cplusplus
}
#endif

#endif
