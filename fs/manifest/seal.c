// SPDX-License-Identifier: MIT
/* seal.c: see seal.h. */
#include "manifest/seal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>

#include "prepfs/cleanup.h"

enum { PIECE = 1 << 20 };

int seal_new(uint8_t ret[SEAL_SIZE], struct error *err)
{
    memset(ret, 0, SEAL_SIZE);
    if (getrandom(ret, SEAL_MARK, 0) != SEAL_MARK)
        return error_set_sys(err, errno, "no random numbers: %s",
                             strerrordesc_np(errno));
    return 0;
}

/* As much as there is, up to `size`: the count, or -1. */
static ssize_t read_at(int fd, uint8_t *data, size_t size, off_t offset,
                       struct error *err)
{
    size_t length = 0;

    while (length < size) {
        ssize_t n =
            pread(fd, data + length, size - length, offset + (off_t)length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_sys(err, errno, "cannot read the manifest: %s",
                                 strerrordesc_np(errno));
        if (n == 0)
            break;
        length += (size_t)n;
    }
    return (ssize_t)length;
}

/* Pieces overlap, so that a seal on their border is found too. */
static int find(int fd, const uint8_t seal[SEAL_SIZE], off_t *ret,
                struct error *err)
{
    CLEANUP_FREE uint8_t *piece = malloc(PIECE);
    ssize_t n;

    if (!piece)
        return error_no_memory(err);
    for (off_t at = 0; (n = read_at(fd, piece, PIECE, at, err)) >= SEAL_SIZE;
         at += PIECE - SEAL_SIZE + 1) {
        const uint8_t *found = memmem(piece, (size_t)n, seal, SEAL_SIZE);

        if (found) {
            *ret = at + (found - piece);
            return 0;
        }
    }
    return n < 0 ? -1 : error_set(err, ERROR_CORRUPT, "its seal is missing");
}

/* Zeros where the digest is, as far as it is in this piece. */
static void blank(uint8_t *piece, ssize_t n, off_t at, off_t digest)
{
    for (off_t i = digest; i < digest + SEAL_SIZE - SEAL_MARK; i++)
        if (i >= at && i < at + n)
            piece[i - at] = 0;
}

static int digest_of(int fd, off_t seal_at, uint8_t ret[SEAL_SIZE - SEAL_MARK],
                     struct error *err)
{
    CLEANUP_FREE uint8_t *piece = malloc(PIECE);
    XXH3_state_t *state = XXH3_createState();
    XXH128_canonical_t digest;
    ssize_t n = -1;

    if (piece && state && XXH3_128bits_reset(state) == XXH_OK) {
        for (off_t at = 0; (n = read_at(fd, piece, PIECE, at, err)) > 0;
             at += n) {
            blank(piece, n, at, seal_at + SEAL_MARK);
            (void)XXH3_128bits_update(state, piece, (size_t)n);
        }
        XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(state));
        memcpy(ret, digest.digest, sizeof digest.digest);
    } else {
        (void)error_no_memory(err);
    }
    (void)XXH3_freeState(state);
    return n < 0 ? -1 : 0;
}

int seal_close(const char *path, uint8_t seal[SEAL_SIZE], struct error *err)
{
    CLEANUP_FD int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t digest[SEAL_SIZE - SEAL_MARK];
    off_t at = 0;

    if (fd < 0)
        return error_set_sys(err, errno, "cannot open %s: %s", path,
                             strerrordesc_np(errno));
    if (find(fd, seal, &at, err) != 0 || digest_of(fd, at, digest, err) != 0)
        return -1;
    if (pwrite(fd, digest, sizeof digest, at + SEAL_MARK) !=
        (ssize_t)sizeof digest)
        return error_set_sys(err, errno ? errno : EIO, "cannot seal %s: %s",
                             path, strerrordesc_np(errno));
    memcpy(seal + SEAL_MARK, digest, sizeof digest);
    return 0;
}

int seal_check(int fd, const uint8_t seal[SEAL_SIZE], struct error *err)
{
    uint8_t digest[SEAL_SIZE - SEAL_MARK];
    off_t at = 0;

    if (find(fd, seal, &at, err) != 0 || digest_of(fd, at, digest, err) != 0)
        return -1;
    if (memcmp(digest, seal + SEAL_MARK, sizeof digest) == 0)
        return 0;
    return error_set(err, ERROR_CORRUPT,
                     "its bytes are not those that were published");
}
