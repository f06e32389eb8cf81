// SPDX-License-Identifier: MIT
/*
 * Is this file known? Asked of every file of an archive, so that it is a
 * statement on a connection of its own: taking one out of the pool and
 * beginning to read take longer than the answer.
 */
#include <stdlib.h>

#include "manifest/manifest_impl.h"
#include "manifest/manifest_write.h"

/* A log cannot be emptied while somebody reads in it. */
#define LOOKS_AT_A_TIME 16384

struct manifest_known {
    struct manifest *m;
    struct db db;
    unsigned looks; /* left in this transaction; 0: there is none */
};

struct manifest_known *manifest_known_open(struct manifest *m,
                                           struct error *err)
{
    struct manifest_known *k = calloc(1, sizeof *k);

    if (!k) {
        (void)error_no_memory(err);
        return NULL;
    }
    k->m = m;
    if (manifest_open_reader(m, &k->db, err) == 0)
        return k;
    free(k);
    return NULL;
}

void manifest_known_close(struct manifest_known *k)
{
    if (!k)
        return;
    db_close(&k->db);
    free(k);
}

/* Whatever is asked is asked between these two. */
static int begin(struct manifest_known *k, struct error *err)
{
    if (k->looks == 0 && db_exec(&k->db, "BEGIN", err) != 0)
        return -1;
    if (k->looks == 0)
        k->looks = LOOKS_AT_A_TIME;
    return 0;
}

static int end(struct manifest_known *k, int rc, struct error *err)
{
    if (k->looks > 0 && --k->looks == 0 && db_exec(&k->db, "COMMIT", err) != 0)
        rc = -1;
    return rc < 0 ? manifest_failed(k->m, err) : rc;
}

static int look(struct manifest_known *k, const char *relpath,
                struct manifest_source *ret, struct error *err)
{
    STATEMENT *st = db_get(&k->db, SQL_SOURCE_BY_PATH, err);

    if (!st || begin(k, err) != 0)
        return -1;
    return manifest_source_read(&k->db, st, relpath, ret, err);
}

int manifest_known_find(struct manifest_known *k, const char *relpath,
                        struct manifest_source *ret, struct error *err)
{
    return end(k, look(k, relpath, ret, err), err);
}

static int look_at(struct manifest_known *k, int64_t id,
                   struct manifest_source *ret, struct error *err)
{
    STATEMENT *st = db_get(&k->db, SQL_SOURCE_BY_ID, err);

    if (!st || begin(k, err) != 0)
        return -1;
    return manifest_source_read_id(&k->db, st, id, ret, err);
}

int manifest_known_by_id(struct manifest_known *k, int64_t id,
                         struct manifest_source *ret, struct error *err)
{
    return end(k, look_at(k, id, ret, err), err);
}

static int query_last(struct db *db, sqlite3_stmt *st, void *opaque,
                      struct error *err)
{
    int64_t *ret = opaque;
    int rc = db_step(db, st, err);

    *ret = rc > 0 ? db_column_int(st, 0, 0) : 0;
    return rc < 0 ? -1 : 0;
}

int manifest_source_last(struct manifest *m, int64_t *ret, struct error *err)
{
    return manifest_query(m, SQL_SOURCE_LAST, query_last, ret, err);
}
