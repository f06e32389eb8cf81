// SPDX-License-Identifier: MIT
/*
 * test_index_meanwhile.c: files, readers and other runs that go on meanwhile;
 * runs that end early.
 */
#undef NDEBUG
#include "index/index.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/fake_parser.h"
#include "support/indexed.h"
#include "support/rows.h"
#include "support/scratch.h"

/* ---- files that are being written ---- */

struct writer {
    pthread_t thread;
    atomic_bool stop;
};

static void *write_on_and_on(void *opaque)
{
    struct writer *w = opaque;

    for (int i = 0; !atomic_load(&w->stop); i++) {
        char *text = fake_file("1.2", "1.2.3", "1.2.3.1", i, NULL);

        scratch_write(in.archive, "hot", text, 0);
        free(text);
        (void)usleep(1000);
    }
    return NULL;
}

START_TEST(what_was_just_written_is_waited_for)
{
    struct index_config config = {.settle_ms = 300};
    struct index_result r;
    struct stat st;

    indexed_put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    ck_assert_int_eq(indexed_try(&config, &r), 0);
    ck_assert_uint_eq(r.added, 1);
    ck_assert_uint_eq(r.unsettled, 0);
    char *path = scratch_text("%s/a", in.archive);
    struct timespec now;

    ck_assert_int_eq(stat(path, &st), 0);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    ck_assert_int_ge((now.tv_sec - st.st_ctim.tv_sec) * 1000 +
                         (now.tv_nsec - st.st_ctim.tv_nsec) / 1000000,
                     300);
    free(path);
}
END_TEST

START_TEST(what_is_written_on_and_on_stays_as_it_was)
{
    struct index_config config = {.settle_ms = 100};
    struct writer w = {.stop = false};
    struct index_result r;

    indexed_put("hot", "1.2", "1.2.3", "1.2.3.1", 0);
    indexed_put("b", "1.2", "1.2.3", "1.2.3.2", 1);
    (void)indexed_run();
    int64_t before =
        indexed_count("SELECT id FROM cohort WHERE rel LIKE '%3.1.tiff'");

    ck_assert_int_eq(pthread_create(&w.thread, NULL, write_on_and_on, &w), 0);
    indexed_put("c", "1.2", "1.2.3", "1.2.3.3", 2);
    indexed_remove("b");
    (void)usleep(20000);
    ck_assert_int_eq(indexed_try(&config, &r), 0);
    atomic_store(&w.stop, true);
    ck_assert_int_eq(pthread_join(w.thread, NULL), 0);
    ck_assert_uint_eq(r.unsettled, 1);
    ck_assert_uint_eq(r.added, 1);
    ck_assert_uint_eq(r.vanished, 1);
    ck_assert_int_eq(
        indexed_count("SELECT id FROM cohort WHERE rel LIKE '%3.1.tiff'"),
        before);
    ck_assert_int_eq(indexed_try(&config, &r), 0);
    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_uint_eq(r.unsettled, 0);
}
END_TEST

START_TEST(a_file_that_is_renamed_when_it_is_whole_has_its_name)
{
    struct manifest_instance i;

    indexed_put("other", "1.2", "1.2.3", "1.2.3.2", 1);
    indexed_put(".a.Xy12Zz", "1.2", "1.2.3", "1.2.3.1", 0);
    ck_assert_uint_eq(indexed_run().added, 2);
    indexed_put(".a.Xy12Zz", "1.2", "1.2.3", "1.2.3.1",
                123456); /* it goes on */
    indexed_rename(".a.Xy12Zz", "a");
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.parsed, 1);
    ck_assert_uint_eq(r.renamed, 0);
    ck_assert_int_eq(manifest_instance_by_name(in.m, 1, "1.2.3.1", &i, &in.err),
                     1);
    ck_assert_int_eq(indexed_count("SELECT ipp_z FROM cohort WHERE id>2"),
                     123456);
    manifest_instance_deinit(&i);
}
END_TEST

/* ---- interrupting ---- */

struct canceller {
    atomic_bool flag;
    uint64_t at;
};

static void cancel_at(void *opaque, const struct index_progress *p)
{
    struct canceller *c = opaque;

    if (p->phase == INDEX_PARSING && p->done >= c->at)
        atomic_store(&c->flag, true);
}

START_TEST(an_interrupted_run_is_completed_by_the_next)
{
    struct canceller c = {.at = 256};
    struct index_config config = {
        .cancel = &c.flag, .progress = cancel_at, .opaque = &c};
    struct index_result r;

    indexed_put_series(2000);
    in.fake.delay_us = 300;
    ck_assert_int_eq(indexed_try(&config, &r), -1);
    ck_assert_int_eq(in.err.kind, ERROR_INTERRUPTED);
    int64_t kept = indexed_count("SELECT count(*) FROM instance");

    ck_assert_int_ge(kept, 256);
    ck_assert_int_lt(kept, 2000);
    in.fake.delay_us = 0;
    r = indexed_run();
    ck_assert_uint_eq(r.unchanged, (uint64_t)kept);
    ck_assert_uint_eq(r.parsed, 2000 - (uint64_t)kept);
    ck_assert_int_eq(indexed_count("SELECT volume_ok FROM series"), 1);
}
END_TEST

/* Kills an indexing child at a random moment; *ret is false if it was done. */
static bool kill_a_run(unsigned delay_us)
{
    pid_t child = fork();
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct index_result r;

        in.m = manifest_open(in.state, MANIFEST_READ_WRITE, NULL);
        _exit(in.m && indexed_try(NULL, &r) == 0 ? 0 : 1);
    }
    (void)usleep(delay_us);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
}

START_TEST(a_killed_run_leaves_a_sound_manifest)
{
    unsigned killed = 0;

    indexed_put_series(1500);
    for (int i = 0; i < 200; i++) { /* and duplicates to be settled */
        char *path = scratch_text("dup/%03d", i);
        char *sop = scratch_text("1.2.3.%d", i + 1);

        indexed_put(path, "1.2", "1.2.3", sop, 5000 + i);
        free(sop);
        free(path);
    }
    manifest_close(in.m);
    in.fake.delay_us = 100;
    srand(20240607);
    for (int i = 0; i < 20; i++) {
        killed += kill_a_run(1000u * (unsigned)(rand() % 60));
        char *check = rows_query(in.state, "PRAGMA integrity_check");

        ck_assert_str_eq(check, "ok");
        free(check);
    }
    ck_assert_uint_ge(killed, 3);
    in.fake.delay_us = 0;
    in.m = manifest_open(in.state, MANIFEST_READ_WRITE, &in.err);
    ck_assert_msg(in.m != NULL, "%s", in.err.msg);
    ck_assert_ptr_null(manifest_set_aside(in.m));
    (void)indexed_run();
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 1700);
    ck_assert_int_eq(indexed_count("SELECT count(DISTINCT coalesce(fname,uid))"
                                   " FROM cohort"),
                     1700);
    ck_assert_int_eq(
        indexed_count("SELECT count(*) FROM instance i JOIN source s"
                      " ON s.id=i.source_id WHERE i.fname IS NULL"
                      " AND s.relpath LIKE 'dup/%'"),
        0); /* "ct" comes before "dup" */
    ck_assert_int_eq(indexed_count("SELECT sum(dirty) FROM series"), 0);
    ck_assert_uint_eq(indexed_run().parsed, 0);
}
END_TEST

START_TEST(one_run_at_a_time)
{
    struct index_result r;
    int lock = manifest_index_lock(in.m, &in.err);

    indexed_put_series(1);
    ck_assert_int_ge(lock, 0);
    ck_assert_int_eq(indexed_try(NULL, &r), -1);
    ck_assert_int_eq(in.err.sys_errno, EWOULDBLOCK);
    (void)close(lock);
    ck_assert_int_eq(indexed_try(NULL, &r), 0);
}
END_TEST

/* ---- progress ---- */

struct watcher {
    struct index_progress last;
    unsigned calls;
    bool went_back;
};

static void watch(void *opaque, const struct index_progress *p)
{
    struct watcher *w = opaque;

    w->went_back = w->went_back || p->phase < w->last.phase ||
                   p->done < w->last.done || p->found < w->last.found;
    w->last = *p;
    w->calls++;
}

START_TEST(progress_is_told)
{
    struct watcher w = {0};
    struct index_config config = {
        .progress = watch, .opaque = &w, .threads = 1};
    struct index_result r;

    indexed_put_series(700);
    in.fake.delay_us = 1000;
    ck_assert_int_eq(indexed_try(&config, &r), 0);
    ck_assert_uint_ge(w.calls, 3);
    ck_assert(!w.went_back);
    ck_assert_int_eq(w.last.phase, INDEX_FINISHING);
    ck_assert_uint_eq(w.last.total, 700);
    ck_assert_uint_eq(w.last.done, 700);
    ck_assert(r.seconds > 0);
}
END_TEST

/* ---- readers meanwhile ---- */

static atomic_bool stop_reading;

static void *read_all_the_time(void *opaque)
{
    struct error e = ERROR_INIT;
    struct manifest_instance page[16];
    uint64_t *rounds = opaque;

    while (!atomic_load(&stop_reading)) {
        int64_t after = 0;
        struct manifest_totals totals;
        int n;

        while ((n = manifest_list_instances(in.m, 1, 0, after, 16, page, &e)) >
               0)
            for (int i = 0; i < n; i++) {
                struct manifest_instance again;

                after = page[i].id;
                if (manifest_instance_by_id(in.m, page[i].id, &again, &e) != 1)
                    return NULL;
                manifest_instance_deinit(&again);
                manifest_instance_deinit(&page[i]);
            }
        if (n < 0 || manifest_totals(in.m, &totals, &e) != 0)
            return NULL;
        ++*rounds;
    }
    return opaque;
}

START_TEST(readers_are_not_disturbed_by_the_writer)
{
    enum { READERS = 16 }; /* more than there are connections */
    pthread_t threads[READERS];
    uint64_t rounds[READERS] = {0};
    struct manifest_fact fact = {.vmin = 1};

    indexed_put_series(1200);
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, read_all_the_time, &rounds[i]),
            0);
    (void)indexed_run();
    ck_assert_int_eq(manifest_fact_put(in.m, 1, "crop", 1, &fact, &in.err), 0);
    (void)usleep(200000);
    atomic_store(&stop_reading, true);
    for (int i = 0; i < READERS; i++) {
        void *ret;

        ck_assert_int_eq(pthread_join(threads[i], &ret), 0);
        ck_assert_ptr_nonnull(ret);
        ck_assert_uint_gt(rounds[i], 0);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("index_meanwhile");
    TCase *t = tcase_create("index_meanwhile");

    tcase_add_checked_fixture(t, indexed_setup, indexed_teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, what_was_just_written_is_waited_for);
    tcase_add_test(t, what_is_written_on_and_on_stays_as_it_was);
    tcase_add_test(t, a_file_that_is_renamed_when_it_is_whole_has_its_name);
    tcase_add_test(t, an_interrupted_run_is_completed_by_the_next);
    tcase_add_test(t, a_killed_run_leaves_a_sound_manifest);
    tcase_add_test(t, one_run_at_a_time);
    tcase_add_test(t, progress_is_told);
    tcase_add_test(t, readers_are_not_disturbed_by_the_writer);
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
