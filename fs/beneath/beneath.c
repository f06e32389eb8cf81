// SPDX-License-Identifier: MIT
#include "beneath/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "prepfs/cleanup.h"

/* openat2 refuses O_PATH together with flags that mean nothing to it. */
static int with_usual(int flags)
{
    if (flags & O_PATH)
        return flags | O_CLOEXEC;
    return flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
}

/* Component by component, no link followed. */
static int open_by_steps(int root_fd, const char *relpath, int flags)
{
    CLEANUP_FD int dir = -1;
    CLEANUP_FREE char *path = strdup(relpath);
    char *rest = path;

    if (!path) {
        errno = ENOMEM;
        return -1;
    }
    for (;;) {
        char *slash = strchr(rest, '/');

        if (slash)
            *slash = '\0';
        if (strcmp(rest, "..") == 0) {
            errno = EXDEV;
            return -1;
        }
        int fd = openat(
            dir >= 0 ? dir : root_fd, rest,
            (slash ? O_PATH | O_DIRECTORY | O_CLOEXEC : with_usual(flags)) |
                O_NOFOLLOW);

        if (fd < 0 || !slash)
            return fd;
        if (dir >= 0)
            (void)close(dir);
        dir = fd;
        rest = slash + 1;
    }
}

/* Does a path, read as text, stay beneath? */
static bool is_plain(const char *relpath)
{
    if (relpath[0] == '/')
        return false;
    for (const char *p = relpath; *p; p += strspn(p, "/")) {
        size_t n = strcspn(p, "/");

        if (n == 2 && p[0] == '.' && p[1] == '.')
            return false;
        p += n;
    }
    return true;
}

static __u64 resolution(enum beneath_links links)
{
    static const __u64 flags[] = {
        [BENEATH_NO_LINKS] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
        [BENEATH_LINKS] = RESOLVE_BENEATH,
        [BENEATH_ANY_LINKS] = 0,
    };

    return flags[links] | RESOLVE_NO_MAGICLINKS;
}

int beneath_open(int root_fd, const char *relpath, int flags,
                 enum beneath_links links)
{
    struct open_how how = {
        .flags = (__u64)with_usual(flags),
        .resolve = resolution(links),
    };
    long fd;

    if (links == BENEATH_ANY_LINKS && !is_plain(relpath)) {
        errno = EXDEV;
        return -1;
    }

    /* EAGAIN: a rename raced with the check; the kernel asks to try again. */
    do
        fd = syscall(SYS_openat2, root_fd, relpath, &how, sizeof how);
    while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        return open_by_steps(root_fd, relpath, flags);
    return (int)fd;
}
