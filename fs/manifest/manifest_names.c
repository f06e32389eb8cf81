// SPDX-License-Identifier: MIT
/*
 * Names for objects that share study and SOP UID.
 *
 * A name is a number in its group: 1 is the UID itself, N is UID.dN. A number
 * that an object has had belongs to it for good. When that object is gone,
 * only its own successor may have it: the new file at the same path
 * (choose_name in manifest_batch.c), a known copy of it, the same file under
 * another name (a program that copies often gives the name last, when the file
 * has already been seen), or one of the same size and mtime (a copy made
 * meanwhile). So a link to UID.d2 never shows
 * another picture.
 *
 * Within one index run files come in inode order, but names are given in path
 * order, so that the same archive gets the same names on every host: objects
 * that are newer than the last complete run are (re)named together.
 */
#include "manifest/manifest_write_impl.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS_PER_PAGE 64

struct group {
    int64_t study_id;
    char *uid;
};

struct member {
    int64_t id;
    int64_t source_id;
    int64_t series_id;
    char *base;      /* fname without .dN, NULL if the UID is the name */
    uint32_t number; /* as stored */
    int64_t dup_of;  /* 0: none */
    bool gone;
    bool unresolved;
    char *relpath;
    uint64_t dev, ino, size;
    int64_t mtime_ns;
    bool has_sha;
    bool sha_failed;
    bool sha_is_new;
    uint8_t sha[IDS_SHA256];
    /* the outcome */
    bool holds;      /* has a name: number counts */
    bool todo;       /* gets a name or becomes a copy */
    bool is_settled; /* decided in this run */
};

struct members {
    struct member *v;
    size_t n;
    size_t capacity;
};

struct resolver {
    struct manifest *m;
    manifest_digest_fn digest;
    void *opaque;
    int64_t final_id; /* names of instances up to this one are final */
    uint64_t renamed;
    uint64_t copies;
};

static void members_deinit(struct members *g)
{
    for (size_t i = 0; i < g->n; i++) {
        free(g->v[i].base);
        free(g->v[i].relpath);
    }
    free(g->v);
    *g = (struct members){0};
}

/* ---- reading a group ---- */

/* "x0123456789abcdef.d12" -> base and 12. */
static int parse_name(const char *fname, struct member *ret, struct error *err)
{
    const char *dot = strrchr(fname, '.');

    ret->number = 1;
    ret->base = strdup(fname);
    if (!ret->base)
        return error_no_memory(err);
    if (!dot || dot[1] != 'd' || !dot[2] ||
        dot[2 + strspn(dot + 2, "0123456789")] != '\0')
        return 0;
    ret->number = (uint32_t)strtoul(dot + 2, NULL, 10);
    ret->base[dot - fname] = '\0';
    return 0;
}

static int load_member(sqlite3_stmt *st, struct member *ret, struct error *err)
{
    *ret = (struct member){
        .id = db_column_int(st, 0, 0),
        .source_id = db_column_int(st, 1, 0),
        .series_id = db_column_int(st, 2, 0),
        .number = 1,
        .dup_of = db_column_int(st, 4, 0),
        .gone = db_column_int(st, 5, 0) != 0,
        .unresolved = db_column_int(st, 6, 0) != 0,
        .dev = db_column_u64(st, 8),
        .ino = db_column_u64(st, 9),
        .size = db_column_u64(st, 10),
        .mtime_ns = db_column_int(st, 11, 0),
    };
    const void *sha = sqlite3_column_blob(st, 12);

    if (sha && sqlite3_column_bytes(st, 12) == IDS_SHA256) {
        (void)memcpy(ret->sha, sha, IDS_SHA256);
        ret->has_sha = true;
    }
    ret->relpath = strdup(db_column_text(st, 7));
    if (!ret->relpath)
        return error_no_memory(err);
    if (sqlite3_column_type(st, 3) == SQLITE_NULL)
        return 0;
    return parse_name(db_column_text(st, 3), ret, err);
}

struct group_query {
    const struct group *group;
    struct members *ret;
};

static int query_members(struct db *db, sqlite3_stmt *st, void *opaque,
                         struct error *err)
{
    const struct group_query *q = opaque;
    struct members *g = q->ret;
    int rc;

    db_bind_int(st, 1, q->group->study_id);
    db_bind_text(st, 2, q->group->uid);
    while ((rc = db_step(db, st, err)) > 0) {
        if (g->n == g->capacity) {
            size_t capacity = g->capacity ? g->capacity * 2 : 8;
            struct member *grown = reallocarray(g->v, capacity, sizeof *grown);

            if (!grown)
                return error_no_memory(err);
            g->v = grown;
            g->capacity = capacity;
        }
        g->v[g->n] = (struct member){0};
        g->n++;
        if (load_member(st, &g->v[g->n - 1], err) != 0)
            return -1;
    }
    return rc;
}

/* ---- deciding ---- */

/* UID.dN are base + ".dN"; a text may only stand for the UID's own base. */
static bool had_name(const struct resolver *r, const struct member *m)
{
    /* Newer than the last complete run and never settled: provisional. */
    return m->dup_of == 0 && (m->id <= r->final_id || m->number > 1);
}

/* The successor of a changed file inherited its name when it was written. */
static bool is_heir(const struct members *g, const struct member *m)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].gone && g->v[i].source_id == m->source_id &&
            g->v[i].dup_of == 0 && g->v[i].number == m->number)
            return true;
    return false;
}

static void classify(const struct resolver *r, struct members *g)
{
    for (size_t i = 0; i < g->n; i++) {
        struct member *m = &g->v[i];
        bool is_new = m->id > r->final_id && !is_heir(g, m);

        if (m->gone)
            m->holds = m->dup_of == 0;
        else if (m->unresolved || (is_new && m->dup_of == 0))
            m->todo = true;
        else
            m->holds = m->dup_of == 0;
    }
}

static int by_path(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;

    return strcmp(a->relpath, b->relpath);
}

/* Hashes a member once; a file that cannot be read is like no other. */
static bool ensure_sha(struct resolver *r, struct member *m)
{
    struct error ignored = ERROR_INIT;

    if (m->has_sha || m->sha_failed)
        return m->has_sha;
    if (!r->digest || r->digest(r->opaque, m->relpath, m->sha, &ignored) != 0) {
        m->sha_failed = true;
        return false;
    }
    m->has_sha = true;
    m->sha_is_new = true;
    return true;
}

static bool same_bytes(struct resolver *r, struct member *a, struct member *b)
{
    if (a->dev == b->dev && a->ino == b->ino)
        return true; /* two names of one file */
    return a->size == b->size && ensure_sha(r, a) && ensure_sha(r, b) &&
           memcmp(a->sha, b->sha, IDS_SHA256) == 0;
}

static bool number_is_free(const struct members *g, uint32_t number)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].holds && !g->v[i].gone && g->v[i].number == number)
            return false;
    return true;
}

/* The number that `m` has a right to; 0 if none. */
static uint32_t inherited_number(const struct resolver *r,
                                 const struct members *g,
                                 const struct member *m)
{
    if (had_name(r, m) && number_is_free(g, m->number))
        return m->number; /* its file is back */
    for (size_t i = 0; i < g->n; i++) {
        const struct member *old = &g->v[i];

        if (old->gone && old->holds && number_is_free(g, old->number) &&
            (old->id == m->dup_of ||
             (old->dev == m->dev && old->ino == m->ino) ||
             (old->size == m->size && old->mtime_ns == m->mtime_ns)))
            return old->number;
    }
    return 0;
}

/* One more than any number that was ever given, 1 in a new group. */
static uint32_t next_number(const struct resolver *r, const struct members *g)
{
    uint32_t last = 0;

    for (size_t i = 0; i < g->n; i++)
        if ((g->v[i].holds || (g->v[i].todo && had_name(r, &g->v[i]))) &&
            g->v[i].number > last)
            last = g->v[i].number;
    return last + 1;
}

static void settle(struct resolver *r, struct members *g, struct member *m)
{
    m->is_settled = true;
    for (size_t i = 0; i < g->n; i++) {
        struct member *other = &g->v[i];

        if (other == m || other->gone || !other->holds ||
            !same_bytes(r, other, m))
            continue;
        m->dup_of = other->id;
        r->copies++;
        return;
    }
    uint32_t number = inherited_number(r, g, m);

    /* After the inheritance, which looks at what it was. */
    m->dup_of = 0;
    m->number = number ? number : next_number(r, g);
    m->holds = true;
    r->renamed += m->number > 1;
}

/* ---- writing ---- */

static int write_member(struct write *w, const struct group *group,
                        const struct member *m, struct error *err)
{
    STATEMENT *name = db_get(w->db, SQL_INSTANCE_NAME, err);
    STATEMENT *sha = db_get(w->db, SQL_SOURCE_SHA256, err);
    char fname[2 * MANIFEST_NAME_MAX];
    bool is_uid = !m->base || strcmp(m->base, group->uid) == 0;
    const char *base = is_uid ? group->uid : m->base;

    if (!name || !sha)
        return -1;
    if (m->sha_is_new) {
        db_bind_int(sha, 1, m->source_id);
        (void)sqlite3_bind_blob(sha, 2, m->sha, IDS_SHA256, SQLITE_STATIC);
        if (db_run(w->db, sha, err) != 0)
            return -1;
    }
    if (!m->is_settled)
        return 0;
    db_bind_int(name, 1, m->id);
    if (m->holds && m->number > 1) {
        (void)sqlite3_snprintf(sizeof fname, fname, "%s.d%u", base, m->number);
        db_bind_text(name, 2, fname);
    } else {
        db_bind_text(name, 2, is_uid ? NULL : base);
    }
    if (m->dup_of)
        db_bind_int(name, 3, m->dup_of);
    if (db_run(w->db, name, err) != 0)
        return -1;
    return write_touch(w, group->study_id, m->series_id, err);
}

static int resolve_group(struct resolver *r, const struct group *group,
                         struct error *err)
{
    CLEANUP(members_deinit) struct members g = {0};
    struct group_query q = {group, &g};
    struct write w;
    int rc = 0;

    if (manifest_query(r->m, SQL_GROUP_MEMBERS, query_members, &q, err) < 0)
        return -1;
    qsort(g.v, g.n, sizeof *g.v, by_path);
    classify(r, &g);
    for (size_t i = 0; i < g.n; i++)
        if (g.v[i].todo)
            settle(r, &g, &g.v[i]);
    if (write_begin(r->m, &w, err) != 0)
        return -1;
    for (size_t i = 0; i < g.n && rc == 0; i++)
        rc = write_member(&w, group, &g.v[i], err);
    return write_end(&w, rc, err);
}

/* ---- all groups ---- */

struct groups_query {
    int64_t study_id; /* the last one seen */
    const char *uid;
    struct group *ret;
    size_t n;
};

static int query_groups(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    struct groups_query *q = opaque;
    int rc;

    db_bind_int(st, 1, q->study_id);
    db_bind_text(st, 2, q->uid);
    db_bind_int(st, 3, GROUPS_PER_PAGE);
    while ((rc = db_step(db, st, err)) > 0) {
        q->ret[q->n].study_id = db_column_int(st, 0, 0);
        q->ret[q->n].uid = strdup(db_column_text(st, 1));
        if (!q->ret[q->n].uid)
            return error_no_memory(err);
        q->n++;
    }
    return rc;
}

static void free_groups(struct group *groups, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(groups[i].uid);
}

/* Resolves the page of groups after (*study_id, *uid) and moves that on:
 * 1 if there may be more. */
static int resolve_page(struct resolver *r, const atomic_bool *cancel,
                        int64_t *study_id, char **uid, struct error *err)
{
    struct group groups[GROUPS_PER_PAGE];
    struct groups_query q = {
        .study_id = *study_id, .uid = *uid ? *uid : "", .ret = groups};
    int rc = manifest_query(r->m, SQL_GROUPS, query_groups, &q, err);

    for (size_t i = 0; i < q.n && rc == 0; i++) {
        if (cancel && atomic_load(cancel))
            rc = error_set(err, ERROR_INTERRUPTED, "interrupted");
        else
            rc = resolve_group(r, &groups[i], err);
    }
    if (rc == 0 && q.n > 0) {
        free(*uid);
        *study_id = groups[q.n - 1].study_id;
        *uid = STEAL(groups[q.n - 1].uid);
        rc = 1;
    }
    free_groups(groups, q.n);
    return rc;
}

static int query_final(struct db *db, sqlite3_stmt *st, void *opaque,
                       struct error *err)
{
    int64_t *ret = opaque;
    int rc = db_step(db, st, err);

    *ret = rc > 0 ? db_column_int(st, 0, 0) : 0;
    return rc < 0 ? -1 : 0;
}

int manifest_write_names(struct manifest *m, manifest_digest_fn digest,
                         void *opaque, const atomic_bool *cancel,
                         uint64_t *ret_renamed, uint64_t *ret_copies,
                         struct error *err)
{
    struct resolver r = {.m = m, .digest = digest, .opaque = opaque};
    CLEANUP_FREE char *uid = NULL;
    int64_t study_id = 0;
    int rc = 1;

    if (manifest_query(m, SQL_NAMES_FINAL, query_final, &r.final_id, err) < 0)
        return -1;
    while (rc > 0)
        rc = resolve_page(&r, cancel, &study_id, &uid, err);
    *ret_renamed = r.renamed;
    *ret_copies = r.copies;
    return rc;
}
