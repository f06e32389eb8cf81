// SPDX-License-Identifier: MIT
/*
 * disk_faults.c: for LD_PRELOAD. Reads of segments fail with EIO while the
 * file named by DISK_FAULT_SWITCH exists. Only preadv is taken: nothing but
 * the disk tier reads with it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

typedef ssize_t (*preadv_fn)(int fd, const struct iovec *parts, int n,
                             off_t at);

/* The names by which a program may have been linked, whatever the headers
 * make of preadv here. */
ssize_t take(int fd, const struct iovec *parts, int n,
             off_t at) __asm__("preadv");
ssize_t take64(int fd, const struct iovec *parts, int n,
               off_t at) __asm__("preadv64");

ssize_t take64(int fd, const struct iovec *parts, int n, off_t at)
{
    const char *path = getenv("DISK_FAULT_SWITCH");
    preadv_fn next;

    if (path && access(path, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    *(void **)&next = dlsym(RTLD_NEXT, "preadv64");
    return next(fd, parts, n, at);
}

ssize_t take(int fd, const struct iovec *parts, int n, off_t at)
{
    return take64(fd, parts, n, at);
}
