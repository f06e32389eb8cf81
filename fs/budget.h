// SPDX-License-Identifier: MIT
/*
 * budget.h: one number for the memory of computed images, and its division.
 *
 *     total    7/8  blocks   the cache: stored blocks and all that goes with
 *                            them (cache_admin.c divides them further)
 *              1/8  frames   what the renderer keeps to use again: decoded
 *                            frames, rendered pages, plans of files
 *
 * The renderer's part is at most 512 MiB, since frames are wanted again soon
 * or never, and at least 32 MiB (or a quarter of a small total), so that the
 * frame of an ordinary image fits. What a thread of the pool holds while it
 * makes one image comes on top: it is gone when the image is made.
 *
 * Threads: pure but for reading /proc and /sys.
 */
#ifndef FS_BUDGET_H
#define FS_BUDGET_H

#include <stdint.h>

struct budget {
    uint64_t total;
    uint64_t blocks;
    uint64_t frames;
};

struct budget budget_split(uint64_t total);

/*
 * The default: a quarter of the memory that can be had, which is MemAvailable
 * or, in a cgroup with memory.max, what is left of that. `root` is put before
 * /proc and /sys (for tests; "" else). 64 MiB if nothing can be read.
 */
uint64_t budget_default(const char *root);

#endif
