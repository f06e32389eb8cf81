// SPDX-License-Identifier: MIT
/* test_record.c: failures become rows, once. */
#undef NDEBUG
#include "record.h"

#include "inode.h"
#include "support/front.h"

static struct front f;
static uint64_t leaf;

static void setup(void)
{
    struct inode i = {.kind = INODE_TIFF, .view = 1, .object = 2};

    front_open(&f, "studies 2\nleaves 3\n", NULL);
    ck_assert_int_eq(inode_pack(&i, &leaf, NULL), 0);
}

static void teardown(void)
{
    front_close(&f);
}

/* errors.tsv, after the pool has come to rest. */
static char *rows(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    pool_drain(f.parts.fs.pool);
    ck_assert_int_eq(manifest_errors_write(f.parts.fs.manifest, out, NULL), 0);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static int count(const char *text, const char *word)
{
    int n = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        n++;
    return n;
}

static void broke(uint64_t number, const char *stage, enum error_kind kind)
{
    struct error err = ERROR_INIT;

    (void)error_set(&err, kind, "kind %d", (int)kind);
    record_failure(f.parts.fs.recorder, number, stage, EIO, &err);
}

START_TEST(a_failure_is_a_row)
{
    char *text;

    broke(leaf, "read", ERROR_CORRUPT);
    text = rows();
    ck_assert_msg(strstr(text, "2\tfull\tread\t5\tkind 5"), "%s", text);
    free(text);
}
END_TEST

START_TEST(the_same_failure_is_written_once)
{
    struct pool_stats stats;

    for (int i = 0; i < 100; i++)
        broke(leaf, "read", ERROR_CORRUPT);
    broke(leaf, "size", ERROR_CORRUPT);
    pool_drain(f.parts.fs.pool);
    pool_stats_get(f.parts.fs.pool, &stats);
    ck_assert_uint_eq(stats.done, 2);
}
END_TEST

START_TEST(only_leaves_that_are_at_fault_are_recorded)
{
    char *text;

    broke(leaf, "read", ERROR_INTERRUPTED);
    broke(leaf, "read", ERROR_NO_MEMORY);
    broke(leaf, "read", ERROR_NOT_FOUND);
    broke(INODE_ROOT, "read", ERROR_CORRUPT);
    broke(0, "read", ERROR_CORRUPT);
    broke(UINT64_C(1) << 46 | 10, "size", ERROR_CORRUPT); /* a folder */
    broke(leaf + (77 << 21), "read", ERROR_CORRUPT);      /* no such row */
    text = rows();
    ck_assert_int_eq(count(text, "kind"), 0);
    free(text);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("record");
    TCase *t = tcase_create("record");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_failure_is_a_row);
    tcase_add_test(t, the_same_failure_is_written_once);
    tcase_add_test(t, only_leaves_that_are_at_fault_are_recorded);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
