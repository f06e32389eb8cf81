// SPDX-License-Identifier: MIT
/*
 * buffer.c: shared mappings, populated at once because a frame is written
 * whole (one system call instead of a fault per page).
 */
#include "render/buffer.h"

#include <string.h>
#include <sys/mman.h>

int buffer_init(struct buffer *b, size_t size, struct error *err)
{
    void *p = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (p == MAP_FAILED)
        return error_set_sys(err, errno, "no memory for a frame of %zu bytes",
                             size);
    b->data = p;
    b->size = size ? size : 1;
    return 0;
}

void buffer_deinit(struct buffer *b)
{
    if (b->data)
        (void)munmap(b->data, b->size);
    *b = (struct buffer){NULL, 0};
}
