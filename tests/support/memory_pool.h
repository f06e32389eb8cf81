// SPDX-License-Identifier: MIT
/*
 * memory_pool.h: the memory of SQLite in a fuzz target; see memory_vfs.h.
 *
 * Threads: one.
 */
#ifndef SUPPORT_MEMORY_POOL_H
#define SUPPORT_MEMORY_POOL_H

#include <stddef.h>

/* Before SQLite is initialised. */
void memory_pool_install(void);

/* Blocks in use. */
size_t memory_pool_blocks(void);

#endif
