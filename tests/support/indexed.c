// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/indexed.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/rows.h"
#include "support/scratch.h"

struct indexed in;

void indexed_setup(void)
{
    in.dir = scratch_new();
    in.archive = scratch_text("%s/archive", in.dir);
    in.state = scratch_text("%s/state", in.dir);
    ck_assert_int_eq(mkdir(in.archive, 0700), 0);
    ck_assert_int_eq(mkdir(in.state, 0700), 0);
    in.m = manifest_open(in.state, MANIFEST_READ_WRITE, &in.err);
    ck_assert_msg(in.m != NULL, "%s", in.err.msg);
    in.warnings = scratch_text("%s", "");
}

void indexed_teardown(void)
{
    ck_assert_uint_eq(atomic_load(&in.fake.kept), 0);
    manifest_close(in.m);
    free(in.warnings);
    free(in.archive);
    free(in.state);
    scratch_free(in.dir);
}

void indexed_warn(void *opaque, const char *relpath, const char *message)
{
    char *longer = scratch_text("%s%s: %s\n", in.warnings, relpath, message);

    (void)opaque;
    free(in.warnings);
    in.warnings = longer;
}

int indexed_try(const struct index_config *more, struct index_result *ret)
{
    struct index_parser parser;
    struct index_config config = more ? *more : (struct index_config){0};

    fake_parser_init(&in.fake, &parser);
    config.manifest = in.m;
    config.archive = in.archive;
    config.parser = &parser;
    if (!config.warn)
        config.warn = indexed_warn;
    if (!config.settle_ms)
        config.settle_ms = 1;
    return index_run(&config, ret, &in.err);
}

struct index_result indexed_run(void)
{
    struct index_result result;

    ck_assert_msg(indexed_try(NULL, &result) == 0, "%s", in.err.msg);
    return result;
}

void indexed_put(const char *relpath, const char *study, const char *series,
                 const char *sop, double z)
{
    char *text = fake_file(study, series, sop, z, NULL);

    scratch_write(in.archive, relpath, text, 1000);
    free(text);
}

void indexed_put_series(int n)
{
    for (int i = 0; i < n; i++) {
        char *path = scratch_text("ct/%04d.dcm", i);
        char *sop = scratch_text("1.2.3.%d", i + 1);

        indexed_put(path, "1.2", "1.2.3", sop, (i * 7) % n);
        free(sop);
        free(path);
    }
}

void indexed_rename(const char *from, const char *to)
{
    char *a = scratch_text("%s/%s", in.archive, from);
    char *b = scratch_text("%s/%s", in.archive, to);

    ck_assert_int_eq(rename(a, b), 0);
    free(a);
    free(b);
}

void indexed_remove(const char *relpath)
{
    char *path = scratch_text("%s/%s", in.archive, relpath);

    ck_assert_int_eq(unlink(path), 0);
    free(path);
}

int64_t indexed_count(const char *sql)
{
    return rows_int(in.state, sql);
}
