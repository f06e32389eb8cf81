// SPDX-License-Identifier: MIT
/*
 * cleanup.h: scope-bound release.
 *
 *     CLEANUP_FREE char *p = NULL;
 *     ...
 *     return STEAL(p);
 *
 * Use it once a function has two exits; goto only forward and only to a
 * cleanup label. Releases preserve errno.
 */
#ifndef PREPFS_CLEANUP_H
#define PREPFS_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer_to_pointer)
{
    void *p = *(void **)pointer_to_pointer;
    int saved = errno;

    free(p);
    errno = saved;
}

static inline void cleanup_fd(const int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        (void)close(*fd);
    errno = saved;
}

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define CLEANUP_FREE CLEANUP(cleanup_free)
#define CLEANUP_FD CLEANUP(cleanup_fd)

/* Hands the pointer over and leaves NULL behind. */
#define STEAL(p)                                                              \
    (__extension__({                                                          \
        __typeof__(p) steal_value_ = (p);                                     \
        (p) = NULL;                                                           \
        steal_value_;                                                         \
    }))

/* Hands the descriptor over and leaves -1 behind. */
static inline int cleanup_steal_fd(int *fd)
{
    int value = *fd;

    *fd = -1;
    return value;
}

#endif
