// SPDX-License-Identifier: MIT
/*
 * seal.h: a digest of a database, within that database.
 *
 * The seal is a value of table `meta`: 16 random bytes by which it is found in
 * the file, and 16 bytes of XXH3 over the whole file with zeros in their
 * place. Whatever changes a byte afterwards, a disk, a copy that stopped or a
 * program that wrote to it, breaks it. It is no signature.
 *
 * Private to fs/manifest. Threads: reentrant.
 */
#ifndef MANIFEST_SEAL_H
#define MANIFEST_SEAL_H

#include <stdint.h>

#include "prepfs/error.h"

#define SEAL_SIZE 32
#define SEAL_MARK 16 /* its first bytes */

/* A new seal without its digest: what is to be stored. */
int seal_new(uint8_t ret[SEAL_SIZE], struct error *err);

/* Puts the digest into the file, in which `seal` was stored, and into `seal`.
 * No database may have it open. */
int seal_close(const char *path, uint8_t seal[SEAL_SIZE], struct error *err);

/* Is the file what it was when it was sealed? ERROR_CORRUPT. */
int seal_check(int fd, const uint8_t seal[SEAL_SIZE], struct error *err);

#endif
