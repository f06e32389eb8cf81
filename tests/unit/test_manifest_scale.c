// SPDX-License-Identifier: MIT
/*
 * test_manifest_scale.c: what a request costs does not grow with the archive.
 *
 * Fills a manifest as the indexer does and counts, for each kind of request,
 * how many statements it runs, how many steps SQLite's machine takes for them,
 * and that none of them scans a table or sorts. Steps are the same on every
 * machine; time is for tests/bench/scale.
 *
 * usage: test_manifest_scale [IMAGES]    or PREPFS_SCALE=IMAGES in the
 *        environment; 100,000 without
 */
#undef NDEBUG
#include "support/many.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/manifest_impl.h"
#include "support/rows.h"
#include "support/scratch.h"

enum { PAGE = 128, SAMPLES = 500 };

static struct many archive = {.total = 100000};
static char *state;
static struct manifest *m;
static struct error err;

/* Once for all tests; none of them shares a connection with another. */
static void fill(void)
{
    state = scratch_new();
    archive.large = archive.total / 10 / 10 * 10;
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    ck_assert_msg(many_write(m, &archive, 0, archive.total, &err) == 0, "%s",
                  err.msg);
    ck_assert_msg(many_end(m, &err) == 0, "%s", err.msg);
    manifest_close(m);
}

static void drop(void)
{
    scratch_free(state);
}

static void setup(void)
{
    m = manifest_open(state, MANIFEST_READ_ONLY, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
}

static void teardown(void)
{
    manifest_close(m);
}

/* Any image but those of the large study. */
static uint64_t any(int k)
{
    return (uint64_t)k * UINT64_C(2654435761) % (archive.total - archive.large);
}

struct made {
    struct many_texts texts;
    struct manifest_header header;
    struct manifest_entry entry;
};

static struct many_texts *make(uint64_t i, struct made *ret)
{
    many_entry(&archive, i, &ret->texts, &ret->header, &ret->entry);
    return &ret->texts;
}

/* ---- what statements have done ---- */

struct cost {
    int runs, steps;
};

/* Sums up and resets what all connections have done. Scans by an index that
 * was made for it, and by primary key, are no full scans for SQLite. */
static struct cost take_cost(void)
{
    struct cost ret = {0, 0};

    for (unsigned i = 0; i < m->n_idle; i++)
        for (enum sql which = 0; which < SQL_COUNT; which++) {
            sqlite3_stmt *st = m->idle[i]->statements[which];

            if (!st)
                continue;
            ret.runs += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_RUN, 1);
            ret.steps += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 1);
            ck_assert_msg(
                sqlite3_stmt_status(st, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1) ==
                        0 &&
                    sqlite3_stmt_status(st, SQLITE_STMTSTATUS_SORT, 1) == 0 &&
                    sqlite3_stmt_status(st, SQLITE_STMTSTATUS_AUTOINDEX, 1) ==
                        0,
                "scans or sorts: %s", sql_text(which));
        }
    return ret;
}

/* `n` requests took at most so many statements and steps each. */
static void costs_at_most(int n, int runs, int steps)
{
    struct cost c = take_cost();

    ck_assert_int_le(c.runs, n * runs);
    ck_assert_msg(c.steps <= n * steps, "%d steps each, not %d", c.steps / n,
                  steps);
    ck_assert_int_gt(c.steps, 0);
}

/* ---- tests ---- */

START_TEST(everything_is_counted)
{
    struct manifest_totals t;

    ck_assert_int_eq(manifest_totals(m, &t, &err), 0);
    ck_assert_uint_eq(t.images, archive.total);
    ck_assert_uint_eq(t.instances, archive.total);
    ck_assert_uint_eq(t.sources, archive.total);
    ck_assert_uint_eq(t.studies, many_studies(&archive));
    ck_assert_uint_eq(t.series, many_series(&archive));
    /* The first statfs of a mount is answered by what the index has left. */
    costs_at_most(1, 3, 60);
    ck_assert_int_eq(
        rows_int(state, "SELECT count(*) FROM series WHERE volume_ok=1"),
        (int64_t)many_series(&archive));
}
END_TEST

START_TEST(a_lookup_finds_its_rows_by_key)
{
    struct manifest_instance found;
    struct manifest_folder study;
    struct made i;

    for (int k = 0; k < SAMPLES; k++) {
        const struct many_texts *t = make(any(k), &i);

        ck_assert_int_eq(manifest_study_by_name(m, t->study, &study, &err), 1);
        ck_assert_int_eq(
            manifest_instance_by_name(m, study.id, t->sop, &found, &err), 1);
        ck_assert_str_eq(found.relpath, t->path);
        ck_assert_str_eq(found.series_name, t->series);
        manifest_instance_deinit(&found);
    }
    costs_at_most(SAMPLES, 2, 120);
}
END_TEST

START_TEST(names_that_are_not_there_cost_no_more)
{
    struct manifest_instance found;
    struct manifest_folder folder;
    struct made i;

    for (int k = 0; k < SAMPLES; k++) {
        const struct many_texts *t = make(any(k), &i);

        ck_assert_int_eq(manifest_study_by_name(m, t->sop, &folder, &err), 0);
        ck_assert_int_eq(
            manifest_instance_by_name(m, 1, t->study, &found, &err), 0);
        ck_assert_int_eq(manifest_series_by_name(m, 1, t->sop, &folder, &err),
                         0);
    }
    costs_at_most(SAMPLES, 4, 80);
}
END_TEST

START_TEST(a_number_finds_its_row)
{
    struct manifest_instance found;
    struct manifest_folder folder;

    for (int k = 0; k < SAMPLES; k++) {
        ck_assert_int_eq(
            manifest_instance_by_id(m, (int64_t)any(k) + 1, &found, &err), 1);
        ck_assert_int_eq(manifest_study_by_id(m, found.study_id, &folder, &err),
                         1);
        manifest_instance_deinit(&found);
    }
    costs_at_most(SAMPLES, 2, 100);
}
END_TEST

/* Lists the study of image `i` in pages; returns how many there were. */
static uint64_t list_study(uint64_t i, int *ret_pages)
{
    static struct manifest_instance page[PAGE];
    struct manifest_folder study;
    struct made first;
    uint64_t seen = 0;
    int64_t after = 0;
    int n;

    ck_assert_int_eq(
        manifest_study_by_name(m, make(i, &first)->study, &study, &err), 1);
    *ret_pages = 1;
    while ((n = manifest_list_instances(m, study.id, 0, after, PAGE, page,
                                        &err)) > 0) {
        for (int k = 0; k < n; k++) {
            ck_assert_int_gt(page[k].id, after);
            after = page[k].id;
            manifest_instance_deinit(&page[k]);
        }
        seen += (uint64_t)n;
        (*ret_pages)++;
    }
    ck_assert_int_eq(n, 0);
    return seen;
}

START_TEST(a_page_of_a_listing_costs_what_the_first_did)
{
    enum { FEW = 600 };
    int pages;

    ck_assert_uint_eq(list_study(0, &pages), FEW);
    struct cost few = take_cost();

    ck_assert_int_eq(few.runs, pages + 1);
    ck_assert_int_lt(few.steps, FEW * 80);
    ck_assert_uint_eq(list_study(archive.total - 1, &pages), archive.large);
    struct cost many = take_cost();

    ck_assert_int_eq(many.runs, pages + 1);
    ck_assert_int_lt(many.steps / (int)archive.large, few.steps / FEW * 6 / 5);
}
END_TEST

START_TEST(a_listing_of_any_length_takes_little_memory)
{
    int pages;

    (void)list_study(0, &pages);
    (void)sqlite3_memory_highwater(1);
    ck_assert_uint_eq(list_study(archive.total - 1, &pages), archive.large);
    ck_assert_int_lt(sqlite3_memory_highwater(0), 8 << 20);
}
END_TEST

START_TEST(all_studies_are_listed_in_pages)
{
    static struct manifest_folder page[PAGE];
    uint64_t seen = 0;
    int64_t after = 0;
    int pages = 1;
    int n;

    while ((n = manifest_list_studies(m, after, PAGE, page, &err)) > 0) {
        ck_assert_int_gt(page[0].id, after);
        after = page[n - 1].id;
        seen += (uint64_t)n;
        pages++;
    }
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(seen, many_studies(&archive));
    costs_at_most(pages, 1, PAGE * 40);
}
END_TEST

START_TEST(counting_a_folder_stops_at_the_limit)
{
    struct manifest_folder study;
    struct made i;

    ck_assert_int_eq(manifest_study_by_name(
                         m, make(archive.total - 1, &i)->study, &study, &err),
                     1);
    (void)take_cost();
    ck_assert_int_eq(manifest_count_entries(m, study.id, 0, 100, &err), 100);
    costs_at_most(1, 1, 100 * 16);
}
END_TEST

START_TEST(a_known_file_is_found_without_a_scan)
{
    struct manifest_source s;
    struct made i;
    int64_t last;

    for (int k = 0; k < SAMPLES; k++) {
        ck_assert_int_eq(
            manifest_source_find(m, make(any(k), &i)->path, &s, &err), 1);
        ck_assert_uint_eq(s.ino, any(k) + 1);
    }
    costs_at_most(SAMPLES, 1, 40);
    ck_assert_int_eq(manifest_source_last(m, &last, &err), 0);
    ck_assert_int_eq(last, (int64_t)archive.total);
    costs_at_most(1, 1, 20);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest-scale");
    TCase *t = tcase_create("scale");

    tcase_add_unchecked_fixture(t, fill, drop);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, everything_is_counted);
    tcase_add_test(t, a_lookup_finds_its_rows_by_key);
    tcase_add_test(t, names_that_are_not_there_cost_no_more);
    tcase_add_test(t, a_number_finds_its_row);
    tcase_add_test(t, a_page_of_a_listing_costs_what_the_first_did);
    tcase_add_test(t, a_listing_of_any_length_takes_little_memory);
    tcase_add_test(t, all_studies_are_listed_in_pages);
    tcase_add_test(t, counting_a_folder_stops_at_the_limit);
    tcase_add_test(t, a_known_file_is_found_without_a_scan);
    suite_add_tcase(s, t);
    return s;
}

int main(int argc, char **argv)
{
    const char *wanted = getenv("PREPFS_SCALE");
    SRunner *r;
    int failed;

    if (!wanted && argc > 1)
        wanted = argv[1];
    if (wanted)
        archive.total = strtoull(wanted, NULL, 10);
    if (archive.total < 2 * MANY_BLOCK)
        archive.total = 2 * MANY_BLOCK;
    r = srunner_create(suite());
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
