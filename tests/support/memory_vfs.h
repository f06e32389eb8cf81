// SPDX-License-Identifier: MIT
/*
 * memory_vfs.h: files of SQLite that exist in memory only, so that a database
 * is damaged, opened and made good again without a system call.
 *
 * It is the default VFS from memory_vfs_install on. All that SQLite promises
 * itself of files and locks holds between connections of this process: WAL
 * mode works, a hot journal would be found, the last one out checkpoints.
 * Nothing blocks and nobody sleeps: who would wait is refused at once.
 *
 * Memory of SQLite comes from a pool of its own, which is faster than a
 * sanitizer's and keeps what matters of it: what is beyond a block, or freed,
 * is poisoned under ASan, and what was freed rests before it is used again.
 *
 * Threads: one.
 */
#ifndef SUPPORT_MEMORY_VFS_H
#define SUPPORT_MEMORY_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before anything else of SQLite is called. */
void memory_vfs_install(void);

/* Blocks of SQLite that are in use. */
size_t memory_vfs_blocks(void);

/* What stands in a file; NULL if there is none. Good until it grows. */
uint8_t *memory_vfs_data(const char *path, size_t *ret_size);

/* Makes or replaces a file; its log, journal and shared memory are gone. No
 * connection may be open. */
void memory_vfs_write(const char *path, const uint8_t *data, size_t size);

/* Cuts a file off; no connection may be open. */
void memory_vfs_truncate(const char *path, size_t size);

/* As rename(2); false if there is no such file. */
bool memory_vfs_rename(const char *from, const char *to);

/* Removes every file whose path begins so, but `path` itself. */
void memory_vfs_clean(const char *path);

/*
 * A database with its log and shared memory as it is now, between
 * transactions; and back to that, under the feet of open connections: they see
 * from the header of the log that it is not what they know.
 */
struct memory_vfs_state;
struct memory_vfs_state *memory_vfs_save(const char *path);
void memory_vfs_restore(const struct memory_vfs_state *state);
void memory_vfs_state_free(struct memory_vfs_state *state);

#endif
