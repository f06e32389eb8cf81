// SPDX-License-Identifier: MIT
/*
 * text.h: text of DICOM files on its way into a column.
 *
 * Python's sqlite3 raises on a TEXT that is not UTF-8, so no such thing goes
 * in; and no attribute is long enough to be worth more than TEXT_MAX bytes.
 * Private to fs/manifest. Threads: reentrant.
 */
#ifndef MANIFEST_TEXT_H
#define MANIFEST_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/ids.h"
#include "manifest/manifest_write.h"

#define TEXT_MAX 1024

bool text_is_utf8(const char *text);

/* Copies with each wrong byte replaced by "?", cut at TEXT_MAX between two
 * characters. malloc'd; NULL when memory is out. */
char *text_clean(const char *text);

/* A UID as it is stored (`uid` of a table) and shown (a folder or leaf). */
struct text_uid {
    char uid[264];
    char name[MANIFEST_NAME_MAX];
    bool hashed; /* name is not uid; `digest` says what it was made of */
    uint8_t digest[IDS_SHA256];
};

/*
 * A UID that may be a name is both. Any other text is hashed for the name and
 * stored as it is, if it is UTF-8, shorter than 256 bytes and does not look
 * like a hashed name, so that two texts are never stored as one. A missing
 * UID (NULL, "") is the hash of `content`. ERROR_INTERNAL if that is NULL too.
 */
int text_uid_make(const char *uid, const uint8_t *content, struct text_uid *ret,
                  struct error *err);

#endif
