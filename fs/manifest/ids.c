// SPDX-License-Identifier: MIT
#include "manifest/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sha2.h>

#include "manifest/db.h"

#define UID_MAX 64

bool ids_uid_is_name(const char *uid)
{
    size_t length = strlen(uid);

    if (length == 0 || length > UID_MAX || uid[0] == '.' ||
        uid[length - 1] == '.')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (uid[i] == '.' && uid[i + 1] == '.')
            return false;
        if (uid[i] != '.' && (uid[i] < '0' || uid[i] > '9'))
            return false;
    }
    return true;
}

void ids_hex(const uint8_t *bytes, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        *ret++ = digits[bytes[i] >> 4];
        *ret++ = digits[bytes[i] & 15];
    }
    *ret = '\0';
}

void ids_hashed_name(const uint8_t digest[IDS_SHA256], unsigned turn,
                     char ret[MANIFEST_NAME_MAX])
{
    ret[0] = 'x';
    ids_hex(digest + 8 * (turn % IDS_TURNS), 8, ret + 1);
}

void ids_sha256(const void *data, size_t length, uint8_t ret[IDS_SHA256])
{
    SHA2_CTX context;

    SHA256Init(&context);
    SHA256Update(&context, data, length);
    SHA256Final(ret, &context);
}

int ids_sha256_fd(int fd, uint8_t ret[IDS_SHA256], struct error *err)
{
    enum { PIECE = 256 * 1024 };
    CLEANUP_FREE uint8_t *piece = malloc(PIECE);
    SHA2_CTX context;
    off_t offset = 0;

    if (!piece)
        return error_no_memory(err);
    SHA256Init(&context);
    for (;;) {
        ssize_t n = pread(fd, piece, PIECE, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_sys(err, errno, "cannot read: %s",
                                 strerrordesc_np(errno));
        if (n == 0)
            break;
        SHA256Update(&context, piece, (size_t)n);
        offset += n;
    }
    SHA256Final(ret, &context);
    return 0;
}

void ids_hmac(const uint8_t *key, size_t key_length, const void *data,
              size_t length, uint8_t ret[IDS_SHA256])
{
    uint8_t block[64] = {0};
    uint8_t pad[64];
    SHA2_CTX context;

    if (key_length > sizeof block)
        ids_sha256(key, key_length, block);
    else if (key_length > 0)
        (void)memcpy(block, key, key_length);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] = block[i] ^ 0x36;
    SHA256Init(&context);
    SHA256Update(&context, pad, sizeof pad);
    SHA256Update(&context, data, length);
    SHA256Final(ret, &context);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] = block[i] ^ 0x5c;
    SHA256Init(&context);
    SHA256Update(&context, pad, sizeof pad);
    SHA256Update(&context, ret, IDS_SHA256);
    SHA256Final(ret, &context);
}

/* ---- small files of the state folder ---- */

/* Reads up to `size` bytes: the count, or -1 with errno. A file system may give
 * less than there is (NFS, an interrupt), and a salt that seems cut short is
 * replaced. */
static ssize_t read_small(const char *path, void *data, size_t size)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n, length = 0;

    if (fd < 0)
        return -1;
    while ((size_t)length < size) {
        n = pread(fd, (char *)data + length, size - (size_t)length, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        length += n;
    }
    return length;
}

/* Replaces a file so that a crash leaves the old or the new content. */
static int write_small(const char *path, const void *data, size_t size,
                       struct error *err)
{
    CLEANUP_FREE char *temporary = NULL;

    if (asprintf(&temporary, "%s.%ld", path, (long)getpid()) < 0) {
        temporary = NULL;
        return error_no_memory(err);
    }
    CLEANUP_FD int fd =
        open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size || fsync(fd) != 0 ||
        rename(temporary, path) != 0) {
        int saved = errno ? errno : EIO;

        (void)unlink(temporary);
        return error_set_sys(err, saved, "cannot write %s: %s", path,
                             strerrordesc_np(saved));
    }
    return 0;
}

int ids_salt(const char *state_dir, bool create, uint8_t ret[32],
             struct error *err)
{
    CLEANUP_FREE char *path = NULL;

    if (asprintf(&path, "%s/salt", state_dir) < 0) {
        path = NULL;
        return error_no_memory(err);
    }
    ssize_t n = read_small(path, ret, 32);

    if (n == 32)
        return 0;
    (void)memset(ret, 0, 32);
    if (!create)
        return 0;
    /* Two processes may get here at once: the link decides who is first. */
    uint8_t salt[32];
    CLEANUP_FREE char *mine = NULL;

    if (getrandom(salt, sizeof salt, 0) != (ssize_t)sizeof salt)
        return error_set_sys(err, errno, "no random numbers: %s",
                             strerrordesc_np(errno));
    if (asprintf(&mine, "%s.mine-%ld", path, (long)getpid()) < 0) {
        mine = NULL;
        return error_no_memory(err);
    }
    if (write_small(mine, salt, sizeof salt, err) != 0)
        return -1;
    if (n >= 0) /* there, but cut short: keys of it are lost anyway */
        (void)unlink(path);
    if (link(mine, path) != 0 && errno != EEXIST) {
        int saved = errno;

        (void)unlink(mine);
        return error_set_sys(err, saved, "cannot make %s: %s", path,
                             strerrordesc_np(saved));
    }
    (void)unlink(mine);
    if (read_small(path, ret, 32) != 32)
        return error_set(err, ERROR_IO, "cannot read %s", path);
    return 0;
}

/* ---- how far the ids have gone ---- */

static const char *const spaces[] = {"study", "series", "instance"};
#define SPACES (sizeof spaces / sizeof *spaces)

/* So many ids are set aside at once: a lost database costs at most these. */
#define RESERVE 65536

static int read_bounds(const char *path, int64_t ret[SPACES])
{
    char text[128] = "";
    ssize_t n = read_small(path, text, sizeof text - 1);
    long long bounds[SPACES];

    (void)memset(ret, 0, SPACES * sizeof *ret);
    if (n < 0)
        return -1;
    text[n] = '\0';
    if (sscanf(text, "study %lld series %lld instance %lld", &bounds[0],
               &bounds[1], &bounds[2]) != 3)
        return -1;
    for (size_t i = 0; i < SPACES; i++)
        ret[i] = bounds[i];
    return 0;
}

static int write_bounds(const char *path, const int64_t bounds[SPACES],
                        struct error *err)
{
    char text[128];
    int n = snprintf(
        text, sizeof text, "study %lld series %lld instance %lld\n",
        (long long)bounds[0], (long long)bounds[1], (long long)bounds[2]);

    return write_small(path, text, (size_t)n, err);
}

static int last_id(struct db *db, const char *space, int64_t *ret,
                   struct error *err)
{
    char sql[96];

    (void)snprintf(sql, sizeof sql,
                   "SELECT seq FROM sqlite_sequence WHERE name='%s'", space);
    return db_int(db, sql, 0, ret, err);
}

int ids_reserve(struct db *db, const char *state_dir, struct error *err)
{
    CLEANUP_FREE char *path = NULL;
    int64_t bounds[SPACES];
    bool grown = false;

    if (asprintf(&path, "%s/ids", state_dir) < 0) {
        path = NULL;
        return error_no_memory(err);
    }
    (void)read_bounds(path, bounds);
    for (size_t i = 0; i < SPACES; i++) {
        int64_t last = 0;

        if (last_id(db, spaces[i], &last, err) != 0)
            return -1;
        if (last > MANIFEST_OBJECT_MAX)
            return error_set(err, ERROR_NO_IDS,
                             "all %lld numbers for a %s are used: start a new "
                             "state folder, or mount parts of the archive",
                             (long long)MANIFEST_OBJECT_MAX, spaces[i]);
        if (last > bounds[i]) {
            bounds[i] = last + RESERVE;
            grown = true;
        }
    }
    return grown ? write_bounds(path, bounds, err) : 0;
}

int ids_restore(struct db *db, const char *state_dir, struct error *err)
{
    CLEANUP_FREE char *path = NULL;
    int64_t bounds[SPACES];

    if (asprintf(&path, "%s/ids", state_dir) < 0) {
        path = NULL;
        return error_no_memory(err);
    }
    if (read_bounds(path, bounds) != 0)
        return 0; /* the first manifest of this state */
    for (size_t i = 0; i < SPACES; i++) {
        char sql[160];
        int64_t last = 0;

        if (last_id(db, spaces[i], &last, err) != 0)
            return -1;
        if (last >= bounds[i])
            continue;
        (void)snprintf(sql, sizeof sql,
                       "DELETE FROM sqlite_sequence WHERE name='%s';"
                       "INSERT INTO sqlite_sequence(name,seq)"
                       " VALUES('%s',%lld)",
                       spaces[i], spaces[i], (long long)bounds[i]);
        if (db_exec(db, sql, err) != 0)
            return -1;
    }
    return 0;
}
