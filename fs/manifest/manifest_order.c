// SPDX-License-Identifier: MIT
/* The images of a study in the two orders in which they are read. */
#include <stdlib.h>
#include <string.h>

#include "manifest/manifest_impl.h"
#include "prepfs/cleanup.h"

struct named_id {
    int64_t id;
    char *name;
};

struct order_query {
    int64_t study_id;
    unsigned limit;
    struct named_id *rows;
    uint32_t n;
};

static void rows_free(struct order_query *q)
{
    for (uint32_t i = 0; i < q->n; i++)
        free(q->rows[i].name);
    free(q->rows);
}

static int add_row(struct order_query *q, sqlite3_stmt *st, size_t *capacity)
{
    if (q->n == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 64;
        struct named_id *grown =
            reallocarray(q->rows, *capacity, sizeof *grown);

        if (!grown)
            return -1;
        q->rows = grown;
    }
    q->rows[q->n].id = db_column_int(st, 0, 0);
    q->rows[q->n].name = strdup(db_column_text(st, 1));
    return q->rows[q->n].name ? (void)q->n++, 0 : -1;
}

static int query_order(struct db *db, sqlite3_stmt *st, void *opaque,
                       struct error *err)
{
    struct order_query *q = opaque;
    size_t capacity = 0;
    int rc;

    db_bind_int(st, 1, q->study_id);
    db_bind_int(st, 2, q->limit);
    while ((rc = db_step(db, st, err)) > 0)
        if (add_row(q, st, &capacity) != 0)
            return error_no_memory(err);
    return rc;
}

/* Byte by byte, as SQLite sorts. */
static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named_id *)a)->name,
                  ((const struct named_id *)b)->name);
}

static int64_t *ids_of(const struct order_query *q)
{
    int64_t *ids = calloc((size_t)q->n + 1, sizeof *ids);

    for (uint32_t i = 0; ids && i < q->n; i++)
        ids[i] = q->rows[i].id;
    return ids;
}

int manifest_study_order(struct manifest *m, int64_t study_id, unsigned limit,
                         int64_t **ret_ids, int64_t **ret_named,
                         uint32_t *ret_n, struct error *err)
{
    CLEANUP(rows_free)
    struct order_query q = {.study_id = study_id, .limit = limit};
    CLEANUP_FREE int64_t *ids = NULL;
    int64_t *named;

    if (manifest_query(m, SQL_STUDY_NAMES, query_order, &q, err) != 0)
        return -1;
    ids = ids_of(&q);
    if (q.n > 0)
        qsort(q.rows, q.n, sizeof *q.rows, compare_names);
    named = ids ? ids_of(&q) : NULL;
    if (!named)
        return error_no_memory(err);
    *ret_ids = STEAL(ids);
    *ret_named = named;
    *ret_n = q.n;
    return 0;
}
