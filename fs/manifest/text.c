// SPDX-License-Identifier: MIT
#include "manifest/text.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of the well-formed character at `p` (RFC 3629), 0 if there is none. */
static size_t utf8_length(const unsigned char *p)
{
    static const unsigned char first_low[] = {0xa0, 0x90};

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    size_t n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if (p[0] == 0xe0 && p[1] < first_low[0])
        return 0; /* overlong */
    if (p[0] == 0xf0 && p[1] < first_low[1])
        return 0;
    if (p[0] == 0xed && p[1] > 0x9f)
        return 0; /* surrogate */
    if (p[0] == 0xf4 && p[1] > 0x8f)
        return 0; /* beyond U+10FFFF */
    return n;
}

bool text_is_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    while (*p) {
        size_t n = utf8_length(p);

        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

char *text_clean(const char *text)
{
    size_t length = strnlen(text, TEXT_MAX);
    char *copy = malloc(length + 1);
    char *out = copy;
    const char *p = text;

    if (!copy)
        return NULL;
    while (*p) {
        size_t n = utf8_length((const unsigned char *)p);

        if ((size_t)(p - text) + (n ? n : 1) > TEXT_MAX)
            break;
        if (n == 0) {
            *out++ = '?';
            p++;
            continue;
        }
        (void)memcpy(out, p, n);
        out += n;
        p += n;
    }
    *out = '\0';
    return copy;
}

static bool looks_hashed(const char *text)
{
    return strlen(text) == 17 && text[0] == 'x' &&
           strspn(text + 1, "0123456789abcdef") == 16;
}

int text_uid_make(const char *uid, const uint8_t *content, struct text_uid *ret,
                  struct error *err)
{
    *ret = (struct text_uid){0};
    if (uid && ids_uid_is_name(uid)) {
        (void)strcpy(ret->uid, uid);
        (void)strcpy(ret->name, uid);
        return 0;
    }
    ret->hashed = true;
    if (uid && uid[0])
        ids_sha256(uid, strlen(uid), ret->digest);
    else if (content)
        (void)memcpy(ret->digest, content, IDS_SHA256);
    else
        return error_set(err, ERROR_INTERNAL,
                         "a UID is missing and the content has no digest");
    ids_hashed_name(ret->digest, 0, ret->name);
    if (uid && uid[0] && strlen(uid) < 256 && text_is_utf8(uid) &&
        !looks_hashed(uid))
        (void)strcpy(ret->uid, uid);
    else
        (void)strcpy(ret->uid, ret->name);
    return 0;
}
