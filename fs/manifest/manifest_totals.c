// SPDX-License-Identifier: MIT
/*
 * How many of everything there are, for statfs and stats.json.
 *
 * Counting ten million rows takes seconds, and the first thing that happens to
 * a mount is a statfs. So an index run counts at its end and leaves the result
 * with its epoch in `meta`. While entries come batch by batch the result is of
 * no epoch: then it is counted here, but no more often than is worth it.
 */
#include "manifest/manifest_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
    NOTABLE_MS = 100, /* counting that takes less is done every time */
    PART = 20         /* else the part of the time that it may take */
};

/* Of this thread, which a busy machine does not lengthen. */
static int64_t cpu_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int query_totals(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    struct manifest_totals *ret = opaque;
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    ret->sources = db_column_u64(st, 0);
    ret->source_bytes = db_column_u64(st, 1);
    ret->instances = db_column_u64(st, 2);
    ret->images = db_column_u64(st, 3);
    ret->studies = db_column_u64(st, 4);
    ret->series = db_column_u64(st, 5);
    return 0;
}

/* ---- what the last run has left ---- */

struct stored {
    int64_t epoch;
    struct manifest_totals totals;
};

static int query_stored(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    struct stored *ret = opaque;
    struct manifest_totals *t = &ret->totals;
    int rc = db_step(db, st, err);

    *ret = (struct stored){.epoch = -1};
    if (rc <= 0)
        return rc;
    if (sscanf(db_column_text(st, 0),
               "epoch %" SCNd64 " sources %" SCNu64 " bytes %" SCNu64
               " instances %" SCNu64 " images %" SCNu64 " studies %" SCNu64
               " series %" SCNu64,
               &ret->epoch, &t->sources, &t->source_bytes, &t->instances,
               &t->images, &t->studies, &t->series) != 7)
        *ret = (struct stored){.epoch = -1};
    return 0;
}

static int put_stored(struct db *db, const struct stored *s, struct error *err)
{
    STATEMENT *st = db_get(db, SQL_META_PUT, err);
    const struct manifest_totals *t = &s->totals;
    char text[256];

    if (!st)
        return -1;
    (void)snprintf(text, sizeof text,
                   "epoch %" PRId64 " sources %" PRIu64 " bytes %" PRIu64
                   " instances %" PRIu64 " images %" PRIu64 " studies %" PRIu64
                   " series %" PRIu64,
                   s->epoch, t->sources, t->source_bytes, t->instances,
                   t->images, t->studies, t->series);
    db_bind_text(st, 1, "totals");
    db_bind_text(st, 2, text);
    return db_run(db, st, err);
}

static int read_epoch(struct db *db, int64_t *ret, struct error *err)
{
    STATEMENT *st = db_get(db, SQL_EPOCH, err);
    int rc = st ? db_step(db, st, err) : -1;

    *ret = rc > 0 ? db_column_int(st, 0, 0) : 0;
    return rc < 0 ? -1 : 0;
}

int manifest_totals_store(struct db *db, struct error *err)
{
    STATEMENT *get = db_get(db, SQL_TOTALS_STORED, err);
    STATEMENT *count = db_get(db, SQL_TOTALS_ALL, err);
    struct stored stored;
    int64_t epoch;

    if (!get || !count || read_epoch(db, &epoch, err) != 0 ||
        query_stored(db, get, &stored, err) != 0)
        return -1;
    if (stored.epoch == epoch)
        return 0;
    stored = (struct stored){.epoch = epoch};
    if (query_totals(db, count, &stored.totals, err) != 0)
        return -1;
    return put_stored(db, &stored, err);
}

int manifest_totals_keep(struct db *db, int64_t from, int64_t to,
                         struct error *err)
{
    STATEMENT *get = db_get(db, SQL_TOTALS_STORED, err);
    struct stored stored;

    if (!get || query_stored(db, get, &stored, err) != 0)
        return -1;
    if (stored.epoch != from)
        return 0;
    stored.epoch = to;
    return put_stored(db, &stored, err);
}

/* ---- asking ---- */

static int query_errors(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    uint64_t *ret = opaque;
    int rc = db_step(db, st, err);

    *ret = rc > 0 ? db_column_u64(st, 0) : 0;
    return rc < 0 ? -1 : 0;
}

static void remember(struct manifest *m, const struct stored *s,
                     int64_t recount_ms)
{
    lock_acquire(&m->lock);
    m->totals = s->totals;
    m->totals_epoch = s->epoch;
    m->recount_ms = recount_ms;
    lock_release(&m->lock);
}

/* What was stored is of the whole archive. */
static int find_out(struct manifest *m, int64_t epoch, struct stored *ret,
                    struct error *err)
{
    bool is_cohort = manifest_is_cohort(m);
    int64_t started = cpu_ms();

    ret->epoch = -1;
    if (!is_cohort &&
        manifest_query(m, SQL_TOTALS_STORED, query_stored, ret, err) < 0)
        return -1;
    if (ret->epoch == epoch) {
        remember(m, ret, 0);
        return 0;
    }
    *ret = (struct stored){.epoch = epoch};
    if (manifest_query(m, is_cohort ? SQL_TOTALS : SQL_TOTALS_ALL, query_totals,
                       &ret->totals, err) < 0)
        return -1;
    int64_t took = cpu_ms() - started;

    remember(m, ret, took < NOTABLE_MS ? 0 : now_ms() + took * PART);
    return 0;
}

int manifest_totals(struct manifest *m, struct manifest_totals *ret,
                    struct error *err)
{
    int64_t epoch = manifest_epoch(m, err);
    struct stored stored;
    uint64_t errors;
    bool good;

    if (epoch < 0 ||
        manifest_query(m, SQL_COUNT_ERRORS, query_errors, &errors, err) < 0)
        return -1;
    lock_acquire(&m->lock);
    stored = (struct stored){m->totals_epoch, m->totals};
    good = stored.epoch == epoch ||
           (stored.epoch >= 0 && m->recount_ms > 0 && now_ms() < m->recount_ms);
    lock_release(&m->lock);
    if (!good && find_out(m, epoch, &stored, err) != 0)
        return -1;
    *ret = stored.totals;
    ret->errors = errors;
    return 0;
}
