// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/manifested.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/scratch.h"

struct manifested db;

struct manifest *manifested_open(enum manifest_mode mode)
{
    db.err = (struct error)ERROR_INIT;
    struct manifest *opened = manifest_open(db.state, mode, &db.err);

    ck_assert_msg(opened != NULL, "%s", db.err.msg);
    return opened;
}

void manifested_setup(void)
{
    db.state = scratch_new();
    db.m = manifested_open(MANIFEST_READ_WRITE);
}

void manifested_teardown(void)
{
    manifest_close(db.m);
    scratch_free(db.state);
}

void manifested_reopen(enum manifest_mode mode)
{
    manifest_close(db.m);
    db.m = manifested_open(mode);
}

const struct row manifested_three[3] = {
    {.path = "a/1.dcm",
     .study = "1.2.1",
     .series = "1.2.1.1",
     .sop = "1.2.1.1.1",
     .ino = 11,
     .z = 0,
     .number = 1,
     .patient = "P1"},
    {.path = "a/2.dcm",
     .study = "1.2.1",
     .series = "1.2.1.1",
     .sop = "1.2.1.1.2",
     .ino = 12,
     .z = 5,
     .number = 2,
     .patient = "P1"},
    {.path = "b/3.dcm",
     .study = "1.2.0",
     .series = "1.2.0.1",
     .sop = "1.2.0.1.3",
     .ino = 13,
     .z = 5,
     .number = 3,
     .patient = "P2"},
};

void manifested_fill(void)
{
    rows_write(db.m, manifested_three, 3);
    rows_end(db.m, NULL, NULL);
}

struct row manifested_file(const char *path, const char *sop, uint64_t ino)
{
    return (struct row){.path = path,
                        .study = "1.1",
                        .series = "1.1.1",
                        .sop = sop,
                        .ino = ino,
                        .z = (double)ino,
                        .number = (int)ino};
}

int manifested_digest(void *opaque, const char *relpath, uint8_t ret[32],
                      struct error *e)
{
    (void)opaque;
    db.digests++;
    if (strstr(relpath, "unreadable"))
        return error_set(e, ERROR_IO, "unreadable");
    (void)memset(ret, 0, 32);
    (void)memcpy(ret, relpath, strcspn(relpath, "@") % 32);
    return 0;
}

void manifested_write(const struct row *rows, size_t n)
{
    rows_write(db.m, rows, n);
    rows_end(db.m, manifested_digest, NULL);
}

static char *names(void)
{
    char *all = rows_query(
        db.state,
        "SELECT group_concat(n,' ') FROM (SELECT coalesce(i.fname,i.uid)"
        "||'='||s.relpath n FROM instance i JOIN source s"
        " ON s.id=i.source_id WHERE i.gone=0 AND i.dup_of IS NULL"
        " ORDER BY s.relpath)");

    return all ? all : scratch_text("%s", "");
}

void manifested_assert_names(const char *expected)
{
    char *got = names();

    ck_assert_str_eq(got, expected);
    ck_assert_int_eq(
        rows_int(db.state, "SELECT count(*) FROM instance WHERE unresolved<>0"),
        0);
    free(got);
}

struct manifest_instance manifested_get(const char *name)
{
    struct manifest_instance i;
    int rc = manifest_instance_by_name(db.m, 1, name, &i, &db.err);

    ck_assert_msg(rc == 1, "%s: %d %s", name, rc, db.err.msg);
    manifest_instance_deinit(&i);
    return i;
}

bool manifested_is_gone(int64_t id)
{
    struct manifest_instance i;

    ck_assert_int_eq(manifest_instance_by_id(db.m, id, &i, &db.err), 1);
    manifest_instance_deinit(&i);
    return i.gone;
}

void manifested_vanish(const char *path)
{
    struct manifest_source s;

    ck_assert_int_eq(manifest_source_find(db.m, path, &s, &db.err), 1);
    ck_assert_int_eq(manifest_write_gone(db.m, &s.id, 1, &db.err), 0);
}
