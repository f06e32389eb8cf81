// SPDX-License-Identifier: MIT
/* shown.c: see shown.h. */
#include "manifest/shown.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct bits {
    uint64_t *v;
    size_t n; /* words */
};

struct shown {
    atomic_uint users;
    bool rest;
    struct bits bits[SHOWN_KINDS];
};

struct shown *shown_new(bool rest, struct error *err)
{
    struct shown *s = calloc(1, sizeof *s);

    if (!s) {
        (void)error_no_memory(err);
        return NULL;
    }
    atomic_init(&s->users, 1);
    s->rest = rest;
    return s;
}

struct shown *shown_ref(struct shown *s)
{
    if (s)
        (void)atomic_fetch_add(&s->users, 1);
    return s;
}

void shown_unref(struct shown *s)
{
    if (!s || atomic_fetch_sub(&s->users, 1) > 1)
        return;
    for (int i = 0; i < SHOWN_KINDS; i++)
        free(s->bits[i].v);
    free(s);
}

static int grow(struct bits *b, size_t word, struct error *err)
{
    size_t n = word + word / 2 + 1024;
    uint64_t *grown = reallocarray(b->v, n, sizeof *grown);

    if (!grown)
        return error_no_memory(err);
    memset(grown + b->n, 0, (n - b->n) * sizeof *grown);
    b->v = grown;
    b->n = n;
    return 0;
}

int shown_add(struct shown *s, enum shown_kind kind, int64_t id,
              struct error *err)
{
    /* Ids are bits of inodes (manifest.h), but a file can say anything. */
    const int64_t most = INT64_C(1) << 26;
    struct bits *b = &s->bits[kind];
    size_t word = (size_t)id / 64;

    if (id <= 0 || id >= most)
        return error_set(err, ERROR_CORRUPT, "manifest: %lld is no id",
                         (long long)id);
    if (word >= b->n && grow(b, word, err) != 0)
        return -1;
    b->v[word] |= UINT64_C(1) << (id % 64);
    return 0;
}

bool shown_has(const struct shown *s, enum shown_kind kind, int64_t id)
{
    const struct bits *b;

    if (!s)
        return kind != SHOWN_MOVED;
    b = &s->bits[kind];
    return id > 0 && (uint64_t)id / 64 < b->n &&
           (b->v[id / 64] >> (id % 64) & 1);
}

int64_t shown_next(const struct shown *s, const struct shown *other,
                   enum shown_kind kind, int64_t after)
{
    const struct bits *b = &s->bits[kind];

    for (uint64_t id = (uint64_t)after + 1; id / 64 < b->n; id++) {
        uint64_t word = b->v[id / 64];

        if (other && id / 64 < other->bits[kind].n)
            word &= ~other->bits[kind].v[id / 64];
        word >>= id % 64;
        if (word)
            return (int64_t)(id + (unsigned)__builtin_ctzll(word));
        id |= 63;
    }
    return 0;
}

/* ---- as SQL functions ---- */

static const struct shown *set_of(sqlite3_context *context)
{
    struct shown *const *current = sqlite3_user_data(context);

    return *current;
}

static void answer(sqlite3_context *context, sqlite3_value **values,
                   enum shown_kind kind)
{
    sqlite3_result_int(context, shown_has(set_of(context), kind,
                                          sqlite3_value_int64(values[0])));
}

static void sql_object(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    answer(context, values, SHOWN_OBJECT);
}

static void sql_study(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    answer(context, values, SHOWN_STUDY);
}

static void sql_series(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    answer(context, values, SHOWN_SERIES);
}

static void sql_moved(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    answer(context, values, SHOWN_MOVED);
}

static void sql_rest(sqlite3_context *context, int n, sqlite3_value **values)
{
    const struct shown *s = set_of(context);

    (void)n;
    (void)values;
    sqlite3_result_int(context, !s || s->rest);
}

static void sql_all(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    (void)values;
    sqlite3_result_int(context, set_of(context) == NULL);
}

int shown_functions(sqlite3 *handle, struct shown *const *current)
{
    static const struct {
        const char *name;
        int arguments;
        void (*call)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {
        {"shown", 1, sql_object},        {"shown_study", 1, sql_study},
        {"shown_series", 1, sql_series}, {"moved_study", 1, sql_moved},
        {"shown_rest", 0, sql_rest},     {"shown_all", 0, sql_all},
    };
    int rc = SQLITE_OK;

    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (rc == SQLITE_OK)
            rc = sqlite3_create_function_v2(
                handle, functions[i].name, functions[i].arguments,
                SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                (void *)(uintptr_t)current, functions[i].call, NULL, NULL,
                NULL);
    return rc;
}
