// SPDX-License-Identifier: MIT
/*
 * beneath.h: opening files of the archive, and nothing else.
 *
 * A path that leads out of the root (.., absolute links, links of /proc)
 * fails with EXDEV or ELOOP, whoever changes the tree meanwhile: the kernel
 * resolves it with openat2(RESOLVE_BENEATH). On kernels before 5.6 every
 * component is opened without following links at all. Threads: reentrant.
 *
 * BENEATH_ANY_LINKS is for users who say that the links of their archive are
 * to be trusted: what a link names may be anywhere, what the path itself names
 * still not. The links of /proc, which lead to what a process has open, are
 * not followed, and of those that go round in circles the kernel has enough
 * after 40 (ELOOP).
 */
#ifndef BENEATH_BENEATH_H
#define BENEATH_BENEATH_H

enum beneath_links {
    BENEATH_NO_LINKS, /* none, not even in the middle of the path */
    BENEATH_LINKS,    /* as long as they stay beneath */
    BENEATH_ANY_LINKS
};

/* Opens read-only, never blocking on a fifo. -1 with errno. */
int beneath_open(int root_fd, const char *relpath, int flags,
                 enum beneath_links links);

#endif
