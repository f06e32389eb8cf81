// SPDX-License-Identifier: MIT
/* arena.c: see arena.h. */
#include "worker/arena.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int map(struct arena *a, size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);

    if (p == MAP_FAILED)
        return -1;
    a->data = p;
    a->size = size;
    return 0;
}

int arena_init(struct arena *a, size_t size, struct error *err)
{
    *a = (struct arena)ARENA_INIT;
    a->fd = memfd_create("prepfs-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (a->fd < 0)
        return error_set_sys(err, errno, "memfd_create: %s",
                             strerrordesc_np(errno));
    if (ftruncate(a->fd, (off_t)size) < 0 ||
        fcntl(a->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
            0 ||
        map(a, size) < 0) {
        (void)error_set_sys(err, errno, "no shared memory of %zu bytes: %s",
                            size, strerrordesc_np(errno));
        arena_deinit(a);
        return -1;
    }
    return 0;
}

int arena_attach(struct arena *a, int fd, size_t size)
{
    int rc;

    *a = (struct arena){fd, NULL, 0};
    rc = map(a, size);
    (void)close(fd);
    a->fd = -1;
    return rc;
}

void arena_trim(struct arena *a, size_t keep)
{
    if (a->size > keep)
        (void)fallocate(a->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        (off_t)keep, (off_t)(a->size - keep));
}

void arena_deinit(struct arena *a)
{
    if (a->data)
        (void)munmap(a->data, a->size);
    if (a->fd >= 0)
        (void)close(a->fd);
    *a = (struct arena)ARENA_INIT;
}
