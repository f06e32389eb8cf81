// SPDX-License-Identifier: MIT
/*
 * ids.h: names and numbers that must never mean something else.
 *
 * Folder and leaf names: a UID if it may be one, else "x" and 16 hex digits.
 * Numbers: ids of studies, series and instances are part of inode numbers, so
 * they are not reused even after the database was lost; a small file in the
 * state folder remembers how far they may have gone.
 *
 * Private to fs/manifest and fs/index. Threads: reentrant.
 */
#ifndef MANIFEST_IDS_H
#define MANIFEST_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/manifest.h"
#include "prepfs/error.h"

struct db;

#define IDS_SHA256 32

/* [0-9]+(\.[0-9]+)*, at most 64 bytes (PS3.5 9.1, leading zeros allowed). */
bool ids_uid_is_name(const char *uid);

/* "x" and 8 bytes of a digest, from byte 8 * `turn`; turn 0 is the name,
 * the others are for the case that somebody else has it. */
void ids_hashed_name(const uint8_t digest[IDS_SHA256], unsigned turn,
                     char ret[MANIFEST_NAME_MAX]);
#define IDS_TURNS 4

void ids_sha256(const void *data, size_t length, uint8_t ret[IDS_SHA256]);

/* SHA-256 of a whole file, read from its start with pread. */
int ids_sha256_fd(int fd, uint8_t ret[IDS_SHA256], struct error *err);

/* RFC 2104 over SHA-256. */
void ids_hmac(const uint8_t *key, size_t key_length, const void *data,
              size_t length, uint8_t ret[IDS_SHA256]);

/* `n` bytes as lower-case hex and NUL. */
void ids_hex(const uint8_t *bytes, size_t n, char *ret);

/* The state's random key, made at first use if `create`; without it and
 * without a file, all zero (nothing is hashed by who only reads). */
int ids_salt(const char *state_dir, bool create, uint8_t ret[32],
             struct error *err);

/* Before a commit: makes sure that `ids` of the state covers the greatest
 * ids of the transaction. ERROR_NO_IDS if one is beyond MANIFEST_OBJECT_MAX. */
int ids_reserve(struct db *db, const char *state_dir, struct error *err);

/* In an empty manifest: lets ids begin where the file says. */
int ids_restore(struct db *db, const char *state_dir, struct error *err);

#endif
