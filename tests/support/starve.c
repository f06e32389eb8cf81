// SPDX-License-Identifier: MIT
/*
 * starve.c: system calls and allocations that fail on purpose, for prepfs and
 * prepfsctl as they are: see tests/e2e/faults.py.
 *
 *     PREPFS_STARVE=memory:17     the 17th allocation fails (ENOMEM)
 *     PREPFS_STARVE=read:3        the 3rd read or pread fails (EIO),
 *     PREPFS_STARVE=short:3       or gives half of what was asked for,
 *     PREPFS_STARVE=open:3        ... open (EMFILE),
 *     PREPFS_STARVE=write:3       ... write (ENOSPC),
 *     PREPFS_STARVE=sync:3        ... fsync (EIO),
 *     PREPFS_STARVE=map:3         ... mmap (ENOMEM),
 *     PREPFS_STARVE=sql-read:3    ... and SQLite's own: sql-write (ENOSPC),
 *                                 sql-sync (EIO)
 *     PREPFS_STARVE=slow:800:PART no call fails, but reads of a file with PART
 *                                 in its path take 800 ms
 *
 * "memory:17+" fails that call and all that follow. PREPFS_STARVE_COUNT names
 * a file in which the process writes at its end how many calls there were.
 *
 * The linker sends the calls of our own libraries through here (--wrap), so
 * that sanitizers can be used; those of other libraries are their own affair.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum kind {
    MEMORY,
    READ,
    SHORT,
    OPEN,
    WRITE,
    SYNC,
    MAP,
    SQL_READ,
    SQL_WRITE,
    SQL_SYNC,
    SLOW,
    KINDS
};

static const char *const names[KINDS] = {
    "memory", "read",     "short",     "open",     "write", "sync",
    "map",    "sql-read", "sql-write", "sql-sync", "slow"};

static enum kind wanted = KINDS; /* KINDS: nothing fails */
static long number;
static bool all_after;
static const char *slow_part;
static atomic_long calls;
static pid_t owner;

/* Is this the call that fails? */
static bool fails(enum kind kind)
{
    long n;

    if (kind != wanted)
        return false;
    n = atomic_fetch_add(&calls, 1) + 1;
    return n == number || (all_after && n > number);
}

static bool fails_with(enum kind kind, int code)
{
    if (!fails(kind))
        return false;
    errno = code;
    return true;
}

/* ---- allocations ----------------------------------------------------------
 */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
int __wrap_asprintf(char **ret, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void *__wrap_malloc(size_t size)
{
    return fails_with(MEMORY, ENOMEM) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_with(MEMORY, ENOMEM) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails_with(MEMORY, ENOMEM) ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return fails_with(MEMORY, ENOMEM) ? NULL : __real_reallocarray(p, n, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return fails_with(MEMORY, ENOMEM) ? NULL
                                      : __real_aligned_alloc(align, size);
}

char *__wrap_strdup(const char *text)
{
    return fails_with(MEMORY, ENOMEM) ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
    return fails_with(MEMORY, ENOMEM) ? NULL : __real_strndup(text, n);
}

/* On failure *ret is undefined, and so it is here. */
int __wrap_asprintf(char **ret, const char *format, ...)
{
    va_list args;
    int n;

    if (fails_with(MEMORY, ENOMEM)) {
        memset(ret, 0x5a, sizeof *ret);
        return -1;
    }
    va_start(args, format);
    n = vasprintf(ret, format, args);
    va_end(args);
    return n;
}

/* ---- files -----------------------------------------------------------------
 */

ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __real_pread64(int fd, void *data, size_t size, off_t at);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __real_pwrite64(int fd, const void *data, size_t size, off_t at);
int __real_open64(const char *path, int flags, ...);
int __real_openat64(int dir, const char *path, int flags, ...);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
void *__real_mmap64(void *at, size_t size, int prot, int flags, int fd,
                    off_t offset);
ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t at);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t at);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd,
                    off_t offset);

static void be_slow(int fd)
{
    struct timespec pause = {number / 1000, number % 1000 * 1000000};
    char link[64], path[4096];
    ssize_t n;

    if (wanted != SLOW)
        return;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return;
    path[n] = '\0';
    if (strstr(path, slow_part))
        (void)nanosleep(&pause, NULL);
}

static size_t cut(size_t size)
{
    return size > 1 && fails(SHORT) ? size / 2 : size;
}

ssize_t __wrap_read(int fd, void *data, size_t size)
{
    if (fails_with(READ, EIO))
        return -1;
    return __real_read(fd, data, cut(size));
}

ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t at)
{
    be_slow(fd);
    if (fails_with(READ, EIO))
        return -1;
    return __real_pread64(fd, data, cut(size), at);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    if (fd > STDERR_FILENO && fails_with(WRITE, ENOSPC))
        return -1;
    return __real_write(fd, data, size);
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t at)
{
    if (fails_with(WRITE, ENOSPC))
        return -1;
    return __real_pwrite64(fd, data, size, at);
}

int __wrap_open64(const char *path, int flags, ...)
{
    va_list args;
    unsigned mode;

    va_start(args, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, unsigned) : 0;
    va_end(args);
    return fails_with(OPEN, EMFILE) ? -1 : __real_open64(path, flags, mode);
}

int __wrap_openat64(int dir, const char *path, int flags, ...)
{
    va_list args;
    unsigned mode;

    va_start(args, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, unsigned) : 0;
    va_end(args);
    return fails_with(OPEN, EMFILE) ? -1
                                    : __real_openat64(dir, path, flags, mode);
}

int __wrap_fsync(int fd)
{
    return fails_with(SYNC, EIO) ? -1 : __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
    return fails_with(SYNC, EIO) ? -1 : __real_fdatasync(fd);
}

void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd,
                    off_t offset)
{
    if (fails_with(MAP, ENOMEM))
        return MAP_FAILED;
    return __real_mmap64(at, size, prot, flags, fd, offset);
}

/* ---- SQLite: by the door that it has for this -------------------------------
 */

static ssize_t sql_pread(int fd, void *data, size_t size, off_t at)
{
    return fails_with(SQL_READ, EIO) ? -1 : pread(fd, data, size, at);
}

static ssize_t sql_pwrite(int fd, const void *data, size_t size, off_t at)
{
    return fails_with(SQL_WRITE, ENOSPC) ? -1 : pwrite(fd, data, size, at);
}

static int sql_sync(int fd)
{
    return fails_with(SQL_SYNC, EIO) ? -1 : fsync(fd);
}

static void replace(sqlite3_vfs *vfs, const char *call, void (*by)(void))
{
    (void)vfs->xSetSystemCall(vfs, call, by);
}

static void replace_calls_of_sqlite(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    if (!vfs || vfs->iVersion < 3)
        return;
    replace(vfs, "pread", (void (*)(void))sql_pread);
    replace(vfs, "pread64", (void (*)(void))sql_pread);
    replace(vfs, "pwrite", (void (*)(void))sql_pwrite);
    replace(vfs, "pwrite64", (void (*)(void))sql_pwrite);
    replace(vfs, "fsync", (void (*)(void))sql_sync);
}

/* ---- start and end
 * ----------------------------------------------------------- */

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("PREPFS_STARVE");
    char *end;

    if (!text)
        return;
    replace_calls_of_sqlite();
    for (int k = 0; k < KINDS; k++) {
        size_t n = strlen(names[k]);

        if (strncmp(text, names[k], n) != 0 || text[n] != ':')
            continue;
        number = strtol(text + n + 1, &end, 10);
        all_after = *end == '+';
        slow_part = *end ? end + 1 : end;
        owner = getpid();
        wanted = (enum kind)k;
        return;
    }
    (void)fprintf(stderr, "PREPFS_STARVE=%s is not understood\n", text);
    abort();
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("PREPFS_STARVE_COUNT");
    FILE *out;

    if (!path || getpid() != owner)
        return;
    wanted = KINDS;
    out = fopen(path, "we");
    if (!out)
        return;
    (void)fprintf(out, "%ld\n", atomic_load(&calls));
    (void)fclose(out);
}
