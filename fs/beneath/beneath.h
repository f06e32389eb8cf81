// SPDX-License-Identifier: MIT
/*
 * beneath.h: opening files of the archive, and nothing else.
 *
 * A path that leads out of the root (.., absolute links, links of /proc)
 * fails with EXDEV or ELOOP, whoever changes the tree meanwhile: the kernel
 * resolves it with openat2(RESOLVE_BENEATH). On kernels before 5.6 every
 * component is opened without following links at all. Threads: reentrant.
 */
#ifndef BENEATH_BENEATH_H
#define BENEATH_BENEATH_H

#include <stdbool.h>

/* Opens read-only, never blocking on a fifo. -1 with errno. `links`: follow
 * symbolic links as long as they stay beneath. */
int beneath_open(int root_fd, const char *relpath, int flags, bool links);

#endif
