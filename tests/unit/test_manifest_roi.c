// SPDX-License-Identifier: MIT
/*
 * test_manifest_roi.c: findings: whose they are, their numbers, and who is
 * told of a change.
 */
#undef NDEBUG
#include "manifest/manifest_roi.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/rows.h"
#include "support/scratch.h"

static char *state;
static struct manifest *m;
static struct error err;

enum { FIRST = 1, SECOND = 2, OTHER = 3 }; /* instances */
enum { SERIES = 1, OTHER_SERIES = 2 };

static const struct row three[] = {
    {.path = "a/1",
     .study = "1.1",
     .series = "1.1.1",
     .sop = "1.1.1.1",
     .ino = 1},
    {.path = "a/2",
     .study = "1.1",
     .series = "1.1.1",
     .sop = "1.1.1.2",
     .ino = 2,
     .z = 1},
    {.path = "b/3",
     .study = "1.2",
     .series = "1.2.1",
     .sop = "1.2.1.1",
     .ino = 3},
};

static void setup(void)
{
    err = (struct error)ERROR_INIT;
    state = scratch_new();
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    rows_write(m, three, 3);
    rows_end(m, NULL, NULL);
}

static void teardown(void)
{
    manifest_close(m);
    scratch_free(state);
}

static struct manifest_roi_row row_at(const char *uid, double x)
{
    return (struct manifest_roi_row){
        uid, {0, {x, x + 1, x + 2}, {3, 4, 5}, "a finding"}};
}

static void put(const char *table, enum manifest_roi_put how,
                const struct manifest_roi_row *rows, size_t n)
{
    ck_assert_msg(manifest_roi_put(m, table, how, rows, n, &err) == 0, "%s",
                  err.msg);
}

static struct manifest_roi_object object_of(bool is_series, int64_t id)
{
    return (struct manifest_roi_object){is_series, id};
}

static uint32_t count(const char *table, bool is_series, int64_t id)
{
    struct manifest_roi_object o = object_of(is_series, id);
    uint32_t n = 77;

    ck_assert_msg(manifest_roi_count(m, table, &o, &n, &err) == 0, "%s",
                  err.msg);
    return n;
}

/* x of number k; NaN if there is none. */
static double x_of(const char *table, bool is_series, int64_t id, uint32_t k)
{
    struct manifest_roi_object o = object_of(is_series, id);
    struct manifest_roi roi;
    int rc = manifest_roi_get(m, table, &o, k, &roi, &err);

    ck_assert_msg(rc >= 0, "%s", err.msg);
    return rc ? roi.centre[0] : (double)NAN;
}

static uint64_t digest(const char *table)
{
    uint64_t ret = 0;

    ck_assert_msg(manifest_roi_digest(m, table, &ret, &err) == 0, "%s",
                  err.msg);
    return ret;
}

START_TEST(rows_come_back_as_they_were_put)
{
    struct manifest_roi_object o = object_of(true, SERIES);
    struct manifest_roi_row row = {
        "1.1.1", {0, {-1.5, 2.25, 3}, {4, 5, (double)NAN}, NULL}};
    struct manifest_roi got;

    put("nodules", MANIFEST_ROI_ADD, &row, 1);
    ck_assert_int_eq(manifest_roi_get(m, "nodules", &o, 1, &got, &err), 1);
    ck_assert_int_eq(got.n, 1);
    ck_assert_double_eq(got.centre[0], -1.5);
    ck_assert_double_eq(got.centre[1], 2.25);
    ck_assert_double_eq(got.centre[2], 3);
    ck_assert_double_eq(got.size[0], 4);
    ck_assert_double_eq(got.size[1], 5);
    ck_assert(isnan(got.size[2]));
    ck_assert_int_eq(manifest_roi_get(m, "nodules", &o, 0, &got, &err), 0);
    ck_assert_int_eq(manifest_roi_get(m, "nodules", &o, 2, &got, &err), 0);
    ck_assert_int_eq(manifest_roi_get(m, "nodules", &o, UINT32_MAX, &got, &err),
                     0);
    ck_assert_int_eq(manifest_roi_get(m, "other", &o, 1, &got, &err), 0);
}
END_TEST

START_TEST(an_image_has_the_rows_of_its_series_unless_it_has_its_own)
{
    struct manifest_roi_row rows[] = {row_at("1.1.1", 10), row_at("1.1.1", 20),
                                      row_at("1.1.1.2", 30)};

    put("a", MANIFEST_ROI_ADD, rows, 3);
    ck_assert_uint_eq(count("a", true, SERIES), 2);
    ck_assert_uint_eq(count("a", false, FIRST), 2);
    ck_assert_uint_eq(count("a", false, SECOND), 1);
    ck_assert_uint_eq(count("a", false, OTHER), 0);
    ck_assert_uint_eq(count("a", true, OTHER_SERIES), 0);
    ck_assert_uint_eq(count("a", true, 999), 0);
    ck_assert_uint_eq(count("b", true, SERIES), 0);
    ck_assert_double_eq(x_of("a", false, FIRST, 2), 20);
    ck_assert_double_eq(x_of("a", false, SECOND, 1), 30);
    ck_assert(isnan(x_of("a", false, SECOND, 2)));
    ck_assert_double_eq(x_of("a", true, SERIES, 1), 10);
}
END_TEST

START_TEST(numbers_go_on_and_a_given_one_replaces)
{
    struct manifest_roi_row rows[] = {row_at("1.1.1", 1), row_at("1.2.1", 2),
                                      row_at("1.1.1", 3), row_at("1.1.1", 4)};

    rows[3].roi.n = 10;
    put("a", MANIFEST_ROI_ADD, rows, 4);
    ck_assert_int_eq(rows_int(state, "SELECT group_concat(n) FROM roi WHERE "
                                     "series_uid='1.2.1'"),
                     1);
    put("a", MANIFEST_ROI_ADD, rows, 1); /* after the 10 */
    rows[0].roi.n = 2;
    rows[0].roi.centre[0] = 5;
    put("a", MANIFEST_ROI_ADD, rows, 1); /* in place of the second */
    ck_assert_uint_eq(count("a", true, SERIES), 4);
    ck_assert_double_eq(x_of("a", true, SERIES, 1), 1);
    ck_assert_double_eq(x_of("a", true, SERIES, 2), 5);
    ck_assert_double_eq(x_of("a", true, SERIES, 3), 4);
    ck_assert_double_eq(x_of("a", true, SERIES, 4), 1);
    ck_assert_int_eq(rows_int(state, "SELECT max(n) FROM roi"), 11);
}
END_TEST

START_TEST(a_replace_leaves_these_rows_and_other_tables)
{
    struct manifest_roi_row rows[] = {row_at("1.1.1", 1), row_at("1.2.1", 2)};

    put("a", MANIFEST_ROI_ADD, rows, 2);
    put("b", MANIFEST_ROI_ADD, rows, 2);
    put("a", MANIFEST_ROI_REPLACE, rows + 1, 1);
    ck_assert_uint_eq(count("a", true, SERIES), 0);
    ck_assert_uint_eq(count("a", true, OTHER_SERIES), 1);
    ck_assert_uint_eq(count("b", true, SERIES), 1);
    put("b", MANIFEST_ROI_REPLACE, NULL, 0);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM roi"), 1);
}
END_TEST

START_TEST(a_wrong_row_is_named_and_nothing_is_put)
{
    static const struct {
        struct manifest_roi_row row;
        const char *words;
    } wrong[] = {
        {{"", {0, {0, 0, 0}, {0, 0, 0}, NULL}}, "row 2 has no UID"},
        {{NULL, {0, {0, 0, 0}, {0, 0, 0}, NULL}}, "row 2 has no UID"},
        {{"1.1.1", {0, {NAN, 0, 0}, {0, 0, 0}, NULL}}, "row 2 has no position"},
        {{"1.1.1", {0, {0, INFINITY, 0}, {0, 0, 0}, NULL}},
         "row 2 has no position"},
        {{"1.1.1", {0, {0, 0, -INFINITY}, {0, 0, 0}, NULL}},
         "row 2 has no position"},
        {{"1.1.1", {0, {0, 0, 0}, {0, -1, 0}, NULL}}, "no length"},
        {{"1.1.1", {0, {0, 0, 0}, {0, 0, INFINITY}, NULL}}, "no length"},
    };
    struct manifest_roi_row good = row_at("1.1.1", 1);

    put("a", MANIFEST_ROI_ADD, &good, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct manifest_roi_row rows[] = {good, wrong[i].row};

        ck_assert_int_eq(
            manifest_roi_put(m, "a", MANIFEST_ROI_REPLACE, rows, 2, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_USAGE);
        ck_assert_msg(strstr(err.msg, wrong[i].words), "%s", err.msg);
        ck_assert_uint_eq(count("a", true, SERIES), 1);
    }
    ck_assert_int_eq(manifest_roi_put(m, "", MANIFEST_ROI_ADD, &good, 1, &err),
                     -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
}
END_TEST

START_TEST(an_object_has_as_many_rows_as_an_inode_has_parts)
{
    size_t n = (size_t)MANIFEST_ROIS_MAX + 1;
    struct manifest_roi_row *rows = calloc(n, sizeof *rows);

    ck_assert_ptr_nonnull(rows);
    for (size_t i = 0; i < n; i++)
        rows[i] = row_at("1.1.1", (double)i);
    ck_assert_int_eq(manifest_roi_put(m, "a", MANIFEST_ROI_ADD, rows, n, &err),
                     -1);
    ck_assert_msg(strstr(err.msg, "row 131072 "), "%s", err.msg);
    put("a", MANIFEST_ROI_ADD, rows, n - 1);
    ck_assert_uint_eq(count("a", true, SERIES), MANIFEST_ROIS_MAX);
    ck_assert_double_eq(x_of("a", true, SERIES, MANIFEST_ROIS_MAX),
                        MANIFEST_ROIS_MAX - 1);
    /* another program may put more: they have no number */
    rows_exec(state, "INSERT INTO roi(table_name,series_uid,n,x,y) "
                     "VALUES('a','1.1.1',999999,0,0)");
    ck_assert_uint_eq(count("a", true, SERIES), MANIFEST_ROIS_MAX);
    free(rows);
}
END_TEST

START_TEST(what_others_wrote_is_read_as_far_as_it_is_numbers)
{
    struct manifest_roi_object o = object_of(true, SERIES);
    struct manifest_roi got;

    rows_exec(state, "INSERT INTO roi(table_name,series_uid,n,x,y,z,dx) "
                     "VALUES('a','1.1.1',-3,7,'north',NULL,'4.5')");
    ck_assert_int_eq(manifest_roi_get(m, "a", &o, 1, &got, &err), 1);
    ck_assert_int_eq(got.n, -3);
    ck_assert_double_eq(got.centre[0], 7);
    ck_assert(isnan(got.centre[1]));
    ck_assert(isnan(got.centre[2]));
    ck_assert_double_eq(got.size[0], 4.5); /* the column's affinity */
    ck_assert(isnan(got.size[1]));
}
END_TEST

START_TEST(the_digest_tells_tables_apart_by_their_rows)
{
    static const char *const changes[] = {
        "UPDATE roi SET x=x+1e-9 WHERE table_name='a'",
        "UPDATE roi SET dz=6 WHERE table_name='a'",
        "UPDATE roi SET z=NULL WHERE table_name='a'",
        "UPDATE roi SET label='another' WHERE table_name='a'",
        "UPDATE roi SET label=NULL WHERE table_name='a'",
        "UPDATE roi SET series_uid='1.2.1' WHERE table_name='a'",
        "UPDATE roi SET n=9 WHERE table_name='a'",
        "DELETE FROM roi WHERE table_name='a'",
    };
    struct manifest_roi_row row = row_at("1.1.1", 1);
    uint64_t before;

    put("a", MANIFEST_ROI_ADD, &row, 1);
    put("b", MANIFEST_ROI_ADD, &row, 1);
    before = digest("a");
    ck_assert_uint_eq(before, digest("b"));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        uint64_t last = digest("a");

        rows_exec(state, changes[i]);
        ck_assert_msg(digest("a") != last, "%s", changes[i]);
    }
    put("a", MANIFEST_ROI_REPLACE, &row, 1);
    ck_assert_uint_eq(digest("a"), before);
}
END_TEST

struct listing {
    char text[400];
    int stop_at;
};

static int note(void *opaque, const char *table, const char *uid,
                const struct manifest_roi *roi)
{
    struct listing *l = opaque;
    size_t used = strlen(l->text);

    (void)snprintf(l->text + used, sizeof l->text - used, "%s %s %d %g %s;",
                   table, uid, (int)roi->n, roi->centre[0],
                   roi->label ? roi->label : "-");
    return --l->stop_at == 0 ? 42 : 0;
}

START_TEST(each_row_is_shown_in_order_until_told_to_stop)
{
    struct manifest_roi_row rows[] = {row_at("1.2.1", 1), row_at("1.1.1", 2)};
    struct listing l = {.stop_at = 0};

    rows[0].roi.label = NULL;
    put("b", MANIFEST_ROI_ADD, rows, 2);
    put("a", MANIFEST_ROI_ADD, rows, 1);
    ck_assert_int_eq(manifest_roi_each(m, NULL, note, &l, &err), 0);
    ck_assert_str_eq(l.text,
                     "a 1.2.1 1 1 -;b 1.1.1 1 2 a finding;b 1.2.1 1 1 -;");
    l = (struct listing){.stop_at = 1};
    ck_assert_int_eq(manifest_roi_each(m, "b", note, &l, &err), 42);
    ck_assert_str_eq(l.text, "b 1.1.1 1 2 a finding;");
}
END_TEST

/* The studies that changed after `epoch`, as a bit each. */
static unsigned changed_after(int64_t epoch)
{
    struct manifest_folder studies[4];
    unsigned ret = 0;
    int n = manifest_list_changed(m, epoch, 0, 4, studies, &err);

    ck_assert_int_ge(n, 0);
    for (int i = 0; i < n; i++)
        ret |= 1u << studies[i].id;
    return ret;
}

START_TEST(studies_with_rows_new_or_old_have_changed)
{
    struct manifest_roi_row series = row_at("1.1.1", 1);
    struct manifest_roi_row image = row_at("1.2.1.1", 1);
    struct manifest_roi_row unknown = row_at("1.9.9", 1);
    int64_t epoch = manifest_epoch(m, &err);

    put("a", MANIFEST_ROI_ADD, &unknown, 1);
    ck_assert_int_gt(manifest_epoch(m, &err), epoch);
    ck_assert_uint_eq(changed_after(epoch), 0);
    put("a", MANIFEST_ROI_ADD, &series, 1);
    ck_assert_uint_eq(changed_after(epoch), 1u << 1);
    epoch = manifest_epoch(m, &err);
    put("a", MANIFEST_ROI_REPLACE, &image, 1);
    ck_assert_uint_eq(changed_after(epoch), 1u << 1 | 1u << 2);
    epoch = manifest_epoch(m, &err);
    put("a", MANIFEST_ROI_REPLACE, NULL, 0);
    ck_assert_uint_eq(changed_after(epoch), 1u << 2);
    /* Nothing that is counted has changed. */
    ck_assert_int_eq(
        rows_int(state, "SELECT t.v LIKE 'epoch '||e.v||' %' FROM meta t,meta e"
                        " WHERE t.k='totals' AND e.k='epoch'"),
        1);
}
END_TEST

START_TEST(findings_outlive_an_index_and_are_in_the_snapshot)
{
    struct manifest_roi_row row = row_at("1.1.1", 1);
    char *path = scratch_text("%s/copy.db", state);

    put("a", MANIFEST_ROI_ADD, &row, 1);
    rows_write(m, three, 1); /* its file has changed */
    rows_end(m, NULL, NULL);
    ck_assert_uint_eq(count("a", true, SERIES), 1);
    ck_assert_int_eq(manifest_snapshot(m, path, &err), 0);
    ck_assert_int_eq(rows_int(path, "SELECT count(*) FROM roi"), 1);
    free(path);
}
END_TEST

START_TEST(a_read_only_manifest_takes_none)
{
    struct manifest_roi_row row = row_at("1.1.1", 1);

    put("a", MANIFEST_ROI_ADD, &row, 1);
    manifest_close(m);
    m = manifest_open(state, MANIFEST_READ_ONLY, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    ck_assert_int_eq(manifest_roi_put(m, "a", MANIFEST_ROI_ADD, &row, 1, &err),
                     -1);
    ck_assert_int_eq(err.sys_errno, EROFS);
    ck_assert_uint_eq(count("a", true, SERIES), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest-roi");
    TCase *t = tcase_create("roi");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, rows_come_back_as_they_were_put);
    tcase_add_test(t,
                   an_image_has_the_rows_of_its_series_unless_it_has_its_own);
    tcase_add_test(t, numbers_go_on_and_a_given_one_replaces);
    tcase_add_test(t, a_replace_leaves_these_rows_and_other_tables);
    tcase_add_test(t, a_wrong_row_is_named_and_nothing_is_put);
    tcase_add_test(t, an_object_has_as_many_rows_as_an_inode_has_parts);
    tcase_add_test(t, what_others_wrote_is_read_as_far_as_it_is_numbers);
    tcase_add_test(t, the_digest_tells_tables_apart_by_their_rows);
    tcase_add_test(t, each_row_is_shown_in_order_until_told_to_stop);
    tcase_add_test(t, studies_with_rows_new_or_old_have_changed);
    tcase_add_test(t, findings_outlive_an_index_and_are_in_the_snapshot);
    tcase_add_test(t, a_read_only_manifest_takes_none);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    int failed;

    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
