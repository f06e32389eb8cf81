// SPDX-License-Identifier: MIT
#include "support/json_syntax.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct reader {
    const char *at;
    const char *end;
};

static void skip_space(struct reader *r)
{
    while (r->at < r->end && memchr(" \t\n\r", *r->at, 4))
        r->at++;
}

static bool take(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool take_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

static bool digits(struct reader *r)
{
    const char *first = r->at;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > first;
}

static bool number(struct reader *r)
{
    (void)take(r, '-');
    if (!take(r, '0') && !digits(r))
        return false;
    if (take(r, '.') && !digits(r))
        return false;
    if (take(r, 'e') || take(r, 'E')) {
        if (!take(r, '+'))
            (void)take(r, '-');
        return digits(r);
    }
    return true;
}

static bool escape(struct reader *r)
{
    if (r->at == r->end)
        return false;
    if (memchr("\"\\/bfnrt", *r->at, 8)) {
        r->at++;
        return true;
    }
    if (!take(r, 'u') || r->end - r->at < 4)
        return false;
    for (int i = 0; i < 4; i++, r->at++) {
        if (!memchr("0123456789abcdefABCDEF", *r->at, 22))
            return false;
    }
    return true;
}

/* One character, decoded: no long forms, surrogates or beyond the last. */
static bool utf8(struct reader *r)
{
    unsigned char c = (unsigned char)*r->at++;
    unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    uint32_t code = more == 0 ? c : c & (0x3fU >> more);

    if (c < 0x20 || (c >= 0x80 && c < 0xc0) || c > 0xf7)
        return false;
    for (unsigned i = 0; i < more; i++) {
        if (r->at == r->end || ((unsigned char)*r->at & 0xc0) != 0x80)
            return false;
        code = code << 6 | ((unsigned char)*r->at++ & 0x3f);
    }
    return code >= least[more] && code <= 0x10ffff &&
           (code < 0xd800 || code > 0xdfff);
}

static bool string(struct reader *r)
{
    if (!take(r, '"'))
        return false;
    while (r->at < r->end) {
        if (take(r, '"'))
            return true;
        if (take(r, '\\')) {
            if (!escape(r))
                return false;
        } else if (!utf8(r)) {
            return false;
        }
    }
    return false;
}

static bool value(struct reader *r, unsigned depth);

static bool members(struct reader *r, bool keys, char close, unsigned depth)
{
    skip_space(r);
    if (take(r, close))
        return true;
    do {
        skip_space(r);
        if (keys) {
            if (!string(r))
                return false;
            skip_space(r);
            if (!take(r, ':'))
                return false;
        }
        if (!value(r, depth))
            return false;
        skip_space(r);
    } while (take(r, ','));
    return take(r, close);
}

static bool value(struct reader *r, unsigned depth)
{
    skip_space(r);
    if (r->at == r->end || depth > 64)
        return false;
    if (take(r, '{'))
        return members(r, true, '}', depth + 1);
    if (take(r, '['))
        return members(r, false, ']', depth + 1);
    if (*r->at == '"')
        return string(r);
    return take_word(r, "null") || take_word(r, "true") ||
           take_word(r, "false") || number(r);
}

const char *json_syntax_error(const char *text, size_t length)
{
    struct reader r = {text, text + length};

    if (!value(&r, 0))
        return r.at;
    skip_space(&r);
    return r.at == r.end ? NULL : r.at;
}
