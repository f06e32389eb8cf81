// SPDX-License-Identifier: MIT
/* wire.c: see wire.h. */
#include "wire.h"

#include <ctype.h>
#include <string.h>

/* ------------------------------------------------------------- questions */

size_t wire_get(char ret[WIRE_GET_MAX],
                void (*name)(void *opaque, size_t i, char ret[VALUE_NAME]),
                void *opaque, size_t n)
{
    char *at = ret;

    memcpy(at, "get", 3);
    at += 3;
    for (size_t i = 0; i < n; i++) {
        *at++ = ' ';
        name(opaque, i, at);
        at += VALUE_NAME;
    }
    memcpy(at, "\r\n", 2);
    return (size_t)(at + 2 - ret);
}

size_t wire_set(char ret[WIRE_SET_MAX], const char name[VALUE_NAME],
                size_t size)
{
    return (size_t)snprintf(ret, WIRE_SET_MAX, "set %.*s 0 0 %zu\r\n",
                            VALUE_NAME, name, size);
}

size_t wire_delete(char ret[WIRE_DELETE_MAX], const char name[VALUE_NAME])
{
    return (size_t)snprintf(ret, WIRE_DELETE_MAX, "delete %.*s\r\n", VALUE_NAME,
                            name);
}

/* ------------------------------------------------------------------ lines */

enum wire_state wire_line_feed(struct wire_line *line, const uint8_t *data,
                               size_t n, size_t *ret_taken)
{
    const uint8_t *end = memchr(data, '\n', n);
    size_t length = end ? (size_t)(end - data) : n;

    *ret_taken = end ? length + 1 : n;
    if (length >= sizeof line->text - line->n)
        return WIRE_WRONG;
    memcpy(line->text + line->n, data, length);
    line->n += length;
    if (!end)
        return WIRE_MORE;
    if (line->n == 0 || line->text[line->n - 1] != '\r')
        return WIRE_WRONG;
    line->text[line->n - 1] = '\0';
    line->n = 0;
    return WIRE_DONE;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* ----------------------------------------------------------------- values */

/* Digits and nothing else; at most nine of them. */
static bool parse_digits(const char *from, const char *to, size_t *ret)
{
    *ret = 0;
    if (from == to || to - from > 9)
        return false;
    for (; from < to; from++) {
        if (!isdigit((unsigned char)*from))
            return false;
        *ret = 10 * *ret + (size_t)(*from - '0');
    }
    return true;
}

/* "VALUE NAME FLAGS SIZE" */
static bool parse_value(const char *line, const char **ret_name,
                        size_t *ret_size)
{
    const char *name, *flags, *size;
    size_t unused;

    if (!begins(line, "VALUE "))
        return false;
    name = line + strlen("VALUE ");
    flags = strchr(name, ' ');
    size = flags ? strchr(flags + 1, ' ') : NULL;
    if (!size || flags - name != VALUE_NAME)
        return false;
    *ret_name = name;
    return parse_digits(flags + 1, size, &unused) &&
           parse_digits(size + 1, strchr(size, '\0'), ret_size);
}

static enum wire_state begin_value(struct wire_values *v)
{
    const char *name;
    size_t size;

    if (strcmp(v->line.text, "END") == 0)
        return --v->ends == 0 ? WIRE_DONE : WIRE_MORE;
    if (!parse_value(v->line.text, &name, &size) ||
        !v->sink.begin(v->sink.opaque, name, size))
        return WIRE_WRONG;
    v->size = size + 2;
    v->at = 0;
    return WIRE_MORE;
}

/* Bytes of a value, and of the "\r\n" behind it. */
static enum wire_state take_value(struct wire_values *v, const uint8_t *data,
                                  size_t n, size_t *ret_taken)
{
    size_t size = v->size - 2, taken = 0;

    if (v->at < size) {
        taken = n < size - v->at ? n : size - v->at;
        v->sink.take(v->sink.opaque, v->at, data, taken);
        v->at += taken;
    }
    for (; taken < n && v->at < v->size; taken++, v->at++) {
        if (data[taken] != "\r\n"[v->at - size])
            return WIRE_WRONG;
    }
    *ret_taken = taken;
    if (v->at == v->size) {
        v->size = 0;
        v->sink.end(v->sink.opaque);
    }
    return WIRE_MORE;
}

enum wire_state wire_values_feed(struct wire_values *v, const uint8_t *data,
                                 size_t n)
{
    enum wire_state state = WIRE_MORE;
    size_t taken;

    for (; n > 0 && state == WIRE_MORE; data += taken, n -= taken) {
        if (v->size > 0) {
            state = take_value(v, data, n, &taken);
            if (state != WIRE_MORE)
                break;
            continue;
        }
        state = wire_line_feed(&v->line, data, n, &taken);
        if (state == WIRE_DONE)
            state = begin_value(v);
    }
    return n > 0 ? WIRE_WRONG : state; /* nothing may follow the last END */
}

/* ---------------------------------------------------------------- replies */

/* One line for each command, but garbage is answered once per garbled line:
 * so they are not counted against each other. */
static enum wire_state take_reply(struct wire_replies *r)
{
    const char *line = r->line.text;

    if (strcmp(line, "STORED") == 0 || strcmp(line, "DELETED") == 0 ||
        strcmp(line, "NOT_FOUND") == 0)
        r->stored++;
    else if (begins(line, "SERVER_ERROR") || begins(line, "NOT_STORED"))
        r->refused++;
    else
        return begins(line, "VERSION ") ? WIRE_DONE : WIRE_WRONG;
    return WIRE_MORE;
}

enum wire_state wire_replies_feed(struct wire_replies *r, const uint8_t *data,
                                  size_t n)
{
    enum wire_state state = WIRE_MORE;
    size_t taken;

    for (; n > 0 && state == WIRE_MORE; data += taken, n -= taken) {
        state = wire_line_feed(&r->line, data, n, &taken);
        if (state == WIRE_DONE)
            state = take_reply(r);
    }
    return n > 0 ? WIRE_WRONG : state;
}
