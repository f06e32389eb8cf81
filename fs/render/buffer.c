// SPDX-License-Identifier: MIT
/*
 * buffer.c: shared mappings. A frame is written whole: one system call for
 * its pages instead of a fault for each.
 */
#include "render/buffer.h"

#include <string.h>
#include <sys/mman.h>

int buffer_init(struct buffer *b, size_t size, bool populate, struct error *err)
{
    int flags = MAP_SHARED | MAP_ANONYMOUS | (populate ? MAP_POPULATE : 0);
    void *p = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE, flags, -1, 0);

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
