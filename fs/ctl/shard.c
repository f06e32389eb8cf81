// SPDX-License-Identifier: MIT
/* shard.c: see shard.h. */
#include "ctl/shard.h"

#include <stdlib.h>

/* A number without a sign, up to `end`. */
static bool number(const char *text, char end, unsigned *ret,
                   const char **ret_rest)
{
    char *rest;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long n = strtoul(text, &rest, 10);

    if (errno != 0 || n > SHARDS_MAX || *rest != end)
        return false;
    *ret = (unsigned)n;
    *ret_rest = rest;
    return true;
}

int shard_parse(const char *text, struct shard *ret, struct error *err)
{
    struct shard s = {.n = 0};
    const char *rest;

    if (!number(text, '/', &s.i, &rest) ||
        !number(rest + 1, '\0', &s.n, &rest) || s.n == 0)
        return error_set(err, ERROR_USAGE,
                         "--shard is I/N, the I-th of N parts, N up to %d, "
                         "not \"%s\"",
                         SHARDS_MAX, text);
    if (s.i < 1 || s.i > s.n)
        return error_set(err, ERROR_USAGE,
                         "--shard %s: the parts are 1/%u to %u/%u", text, s.n,
                         s.n, s.n);
    *ret = s;
    return 0;
}

bool shard_take(struct shard *s, uint64_t object)
{
    if (s->n == 0)
        return true;
    if (object != s->object) {
        s->object = object;
        /* A listing that has grown since it was counted ends in the last. */
        s->mine = s->at < s->total ? s->at * s->n / s->total + 1 == s->i
                                   : s->i == s->n;
    }
    s->at++;
    return s->mine;
}
