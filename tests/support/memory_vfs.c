// SPDX-License-Identifier: MIT
/* memory_vfs.c: see memory_vfs.h. */
#undef NDEBUG
#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory_pool.h"
#include "support/memory_vfs.h"

enum {
    FILES_MAX = 16,
    NAME_MAX_BYTES = 160,
    HANDLES_MAX = 32,
    SIZE_MOST = 16 << 20, /* a damaged file may ask for anything */
    REGION = 32 << 10,    /* of shared memory */
    REGIONS_MAX = 4
};

struct bytes {
    uint8_t *data;
    size_t size, room;
};

struct node {
    char name[NAME_MAX_BYTES]; /* "": free */
    struct bytes bytes;
    uint8_t *shm[REGIONS_MAX];
    int n_shm;
    bool is_removed; /* gone when the last handle is */
    unsigned n_handles;
};

struct handle {
    sqlite3_file base;
    struct node *node;
    int level; /* SQLITE_LOCK_NONE and so on */
    bool deletes;
    unsigned shared, exclusive; /* locks of shared memory, as bits */
};

static struct node nodes[FILES_MAX];
static struct handle *handles[HANDLES_MAX];
static sqlite3_vfs *real;

/* ---- files ---------------------------------------------------------------
 */

static struct node *find(const char *name)
{
    for (size_t i = 0; i < FILES_MAX; i++)
        if (name[0] && !nodes[i].is_removed && strcmp(nodes[i].name, name) == 0)
            return &nodes[i];
    return NULL;
}

static struct node *make(const char *name)
{
    static unsigned unnamed;

    for (size_t i = 0; i < FILES_MAX; i++) {
        if (nodes[i].name[0])
            continue;
        assert(!name || strlen(name) < NAME_MAX_BYTES);
        if (name)
            (void)snprintf(nodes[i].name, NAME_MAX_BYTES, "%s", name);
        else
            (void)snprintf(nodes[i].name, NAME_MAX_BYTES, "temporary %u",
                           ++unnamed);
        return &nodes[i];
    }
    (void)fputs("too many files\n", stderr);
    abort();
}

static void forget_shm(struct node *n)
{
    for (int i = 0; i < n->n_shm; i++)
        free(n->shm[i]);
    n->n_shm = 0;
}

/* The memory of the bytes is kept for the next file in this place. */
static void drop(struct node *n)
{
    n->is_removed = true;
    if (n->n_handles > 0)
        return;
    forget_shm(n);
    n->name[0] = '\0';
    n->is_removed = false;
    n->bytes.size = 0;
}

static bool grow(struct bytes *b, size_t size)
{
    size_t room = b->room ? b->room : 4096;
    uint8_t *data;

    if (size > SIZE_MOST)
        return false;
    if (size > b->room) {
        while (room < size)
            room *= 2;
        data = realloc(b->data, room);
        assert(data);
        b->data = data;
        b->room = room;
    }
    if (size > b->size)
        memset(b->data + b->size, 0, size - b->size);
    b->size = size;
    return true;
}

static void set(struct bytes *b, const uint8_t *data, size_t size)
{
    assert(grow(b, size));
    b->size = size;
    if (size > 0)
        memcpy(b->data, data, size);
}

/* ---- methods of a file ---------------------------------------------------
 */

static struct handle *handle_of(sqlite3_file *file)
{
    return (struct handle *)(void *)file;
}

static int file_close(sqlite3_file *file)
{
    struct handle *h = handle_of(file);

    h->node->n_handles--;
    if (h->deletes || h->node->is_removed)
        drop(h->node);
    for (size_t i = 0; i < HANDLES_MAX; i++)
        if (handles[i] == h)
            handles[i] = NULL;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at)
{
    const struct bytes *b = &handle_of(file)->node->bytes;
    size_t here = at < (sqlite3_int64)b->size ? b->size - (size_t)at : 0;

    if (here >= (size_t)n) {
        memcpy(to, b->data + at, (size_t)n);
        return SQLITE_OK;
    }
    if (here > 0)
        memcpy(to, b->data + at, here);
    memset((uint8_t *)to + here, 0, (size_t)n - here);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *from, int n,
                      sqlite3_int64 at)
{
    struct bytes *b = &handle_of(file)->node->bytes;

    if (at > SIZE_MOST - n)
        return SQLITE_FULL;
    if ((size_t)(at + n) > b->size && !grow(b, (size_t)(at + n)))
        return SQLITE_FULL;
    memcpy(b->data + at, from, (size_t)n);
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct bytes *b = &handle_of(file)->node->bytes;

    if (size > SIZE_MOST || !grow(b, (size_t)size))
        return SQLITE_FULL;
    return SQLITE_OK;
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)handle_of(file)->node->bytes.size;
    return SQLITE_OK;
}

/* The highest level that another connection has. */
static int others(const struct handle *h)
{
    int most = SQLITE_LOCK_NONE;

    for (size_t i = 0; i < HANDLES_MAX; i++)
        if (handles[i] && handles[i] != h && handles[i]->node == h->node &&
            handles[i]->level > most)
            most = handles[i]->level;
    return most;
}

static int file_lock(sqlite3_file *file, int level)
{
    struct handle *h = handle_of(file);
    int most = others(h);
    int allowed = level == SQLITE_LOCK_SHARED     ? SQLITE_LOCK_RESERVED
                  : level == SQLITE_LOCK_RESERVED ? SQLITE_LOCK_SHARED
                                                  : SQLITE_LOCK_NONE;

    if (level <= h->level)
        return SQLITE_OK;
    if (most > allowed)
        return SQLITE_BUSY;
    h->level = level;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *file, int level)
{
    struct handle *h = handle_of(file);

    if (level < h->level)
        h->level = level;
    return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *file, int *ret)
{
    const struct handle *h = handle_of(file);

    *ret =
        h->level >= SQLITE_LOCK_RESERVED || others(h) >= SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
    (void)file;
    (void)op;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

static int file_traits(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* ---- shared memory -------------------------------------------------------
 */

static int shm_map(sqlite3_file *file, int region, int size, int extend,
                   void volatile **ret)
{
    struct node *n = handle_of(file)->node;

    assert(size == REGION && region < REGIONS_MAX);
    *ret = NULL;
    while (extend && n->n_shm <= region) {
        n->shm[n->n_shm] = calloc(1, REGION);
        assert(n->shm[n->n_shm]);
        n->n_shm++;
    }
    if (region < n->n_shm)
        *ret = n->shm[region];
    return SQLITE_OK;
}

static int shm_lock(sqlite3_file *file, int first, int n, int flags)
{
    struct handle *h = handle_of(file);
    unsigned bits = ((1u << n) - 1) << first;

    if (flags & SQLITE_SHM_UNLOCK) {
        h->shared &= ~bits;
        h->exclusive &= ~bits;
        return SQLITE_OK;
    }
    for (size_t i = 0; i < HANDLES_MAX; i++) {
        const struct handle *other = handles[i];

        if (!other || other == h || other->node != h->node)
            continue;
        if ((other->exclusive & bits) ||
            ((flags & SQLITE_SHM_EXCLUSIVE) && (other->shared & bits)))
            return SQLITE_BUSY;
    }
    if (flags & SQLITE_SHM_EXCLUSIVE)
        h->exclusive |= bits;
    else
        h->shared |= bits;
    return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *file)
{
    (void)file;
}

static int shm_unmap(sqlite3_file *file, int deletes)
{
    struct handle *h = handle_of(file);

    h->shared = h->exclusive = 0;
    if (deletes)
        forget_shm(h->node);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* ---- methods of the VFS --------------------------------------------------
 */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
                    int flags, int *ret_flags)
{
    struct handle *h = handle_of(file);
    struct node *n = name ? find(name) : NULL;

    (void)vfs;
    memset(h, 0, sizeof *h);
    if (!n && !(flags & SQLITE_OPEN_CREATE))
        return SQLITE_CANTOPEN;
    h->node = n ? n : make(name);
    h->node->n_handles++;
    h->deletes = flags & SQLITE_OPEN_DELETEONCLOSE;
    h->base.pMethods = &methods;
    for (size_t i = 0; i < HANDLES_MAX; i++)
        if (!handles[i]) {
            handles[i] = h;
            break;
        }
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct node *n = find(name);

    (void)vfs;
    (void)sync;
    if (!n)
        return SQLITE_IOERR_DELETE_NOENT;
    drop(n);
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    const struct node *n = find(name);

    (void)vfs;
    *ret = n && (flags != SQLITE_ACCESS_EXISTS || n->bytes.size > 0);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int room,
                         char *ret)
{
    (void)vfs;
    return snprintf(ret, (size_t)room, "%s", name) < room ? SQLITE_OK
                                                          : SQLITE_CANTOPEN;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

void memory_vfs_install(void)
{
    static sqlite3_vfs vfs;

    memory_pool_install();
    real = sqlite3_vfs_find(NULL);
    assert(real);
    vfs = *real; /* randomness and time are those of the system */
    vfs.zName = "memory of prepfs' tests";
    vfs.szOsFile = sizeof(struct handle);
    vfs.mxPathname = NAME_MAX_BYTES - 16;
    vfs.pNext = NULL;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.xAccess = vfs_access;
    vfs.xFullPathname = vfs_full_path;
    vfs.xSleep = vfs_sleep;
    assert(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

/* ---- from outside --------------------------------------------------------
 */

uint8_t *memory_vfs_data(const char *path, size_t *ret_size)
{
    struct node *n = find(path);

    *ret_size = n ? n->bytes.size : 0;
    return n ? n->bytes.data : NULL;
}

void memory_vfs_clean(const char *path)
{
    size_t length = strlen(path);

    for (size_t i = 0; i < FILES_MAX; i++)
        if (strncmp(nodes[i].name, path, length) == 0 &&
            nodes[i].name[length]) {
            assert(nodes[i].n_handles == 0);
            drop(&nodes[i]);
        }
}

void memory_vfs_write(const char *path, const uint8_t *data, size_t size)
{
    struct node *n = find(path);

    memory_vfs_clean(path);
    if (!n)
        n = make(path);
    assert(n->n_handles == 0);
    forget_shm(n);
    set(&n->bytes, data, size);
}

void memory_vfs_truncate(const char *path, size_t size)
{
    struct node *n = find(path);

    assert(n && n->n_handles == 0 && size <= n->bytes.size);
    n->bytes.size = size;
}

bool memory_vfs_rename(const char *from, const char *to)
{
    struct node *n = find(from), *other = find(to);

    if (!n)
        return false;
    if (other)
        drop(other);
    assert(strlen(to) < NAME_MAX_BYTES);
    (void)snprintf(n->name, NAME_MAX_BYTES, "%s", to);
    return true;
}

/* ---- a state -------------------------------------------------------------
 */

struct memory_vfs_state {
    struct node *db, *log;
    struct bytes db_bytes, log_bytes;
    uint8_t shm[REGION];
};

struct memory_vfs_state *memory_vfs_save(const char *path)
{
    struct memory_vfs_state *s = calloc(1, sizeof *s);
    char log[NAME_MAX_BYTES + 8];

    assert(s);
    (void)snprintf(log, sizeof log, "%s-wal", path);
    s->db = find(path);
    s->log = find(log);
    assert(s->db && s->log && s->db->n_shm == 1);
    set(&s->db_bytes, s->db->bytes.data, s->db->bytes.size);
    set(&s->log_bytes, s->log->bytes.data, s->log->bytes.size);
    memcpy(s->shm, s->db->shm[0], REGION);
    return s;
}

void memory_vfs_restore(const struct memory_vfs_state *s)
{
    assert(s->db->n_shm == 1);
    set(&s->db->bytes, s->db_bytes.data, s->db_bytes.size);
    set(&s->log->bytes, s->log_bytes.data, s->log_bytes.size);
    memcpy(s->db->shm[0], s->shm, REGION);
}

void memory_vfs_state_free(struct memory_vfs_state *s)
{
    if (!s)
        return;
    free(s->db_bytes.data);
    free(s->log_bytes.data);
    free(s);
}

size_t memory_vfs_blocks(void)
{
    return memory_pool_blocks();
}
