// SPDX-License-Identifier: MIT
/* test_log.c: one line per event, and not a million of them. */
#undef NDEBUG
#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "stats.h"
#include "support/check_main.h"

static char *text;
static size_t text_size;
static FILE *out;
static struct log sut;

static void setup(void)
{
    out = open_memstream(&text, &text_size);
    log_init(&sut, out, LOG_LEVEL_INFO);
}

static void teardown(void)
{
    log_deinit(&sut);
    (void)fclose(out);
    free(text);
}

static int lines(void)
{
    int n = 0;

    (void)fflush(out);
    for (const char *p = text; *p; p++)
        n += *p == '\n';
    return n;
}

START_TEST(a_line_has_a_level_and_no_surprises)
{
    log_line(&sut, LOG_LEVEL_DEBUG, "too much");
    ck_assert_int_eq(lines(), 0);
    log_line(&sut, LOG_LEVEL_WARNING, "a%sb\nsecond line", "\033[31m");
    ck_assert_int_eq(lines(), 1);
    ck_assert_str_eq(text, "prepfs: a?[31mb\n");
}
END_TEST

/* Where standard error is the journal, the level is said in front. */
START_TEST(the_journal_is_told_the_level)
{
    FILE *file = tmpfile();
    char stream[64], line[64] = "";
    struct stat st;
    struct log log;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fstat(fileno(file), &st), 0);
    (void)snprintf(stream, sizeof stream, "%llu:%llu",
                   (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
    log_init(&log, file, LOG_LEVEL_INFO);
    log_line(&log, LOG_LEVEL_WARNING, "low");
    log_line(&log, LOG_LEVEL_ERROR, "no");
    log_deinit(&log);
    (void)snprintf(stream, sizeof stream, "%llu:%llu",
                   (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino + 1);
    ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
    log_init(&log, file, LOG_LEVEL_INFO);
    log_line(&log, LOG_LEVEL_INFO, "another");
    log_deinit(&log);
    rewind(file);
    ck_assert_uint_gt(fread(line, 1, sizeof line - 1, file), 0);
    ck_assert_str_eq(line, "<4>low\n<3>no\nprepfs: another\n");
    (void)fclose(file);
    log_init(&log, out, LOG_LEVEL_INFO); /* inherited, but another file */
    log_line(&log, LOG_LEVEL_INFO, "hello");
    log_deinit(&log);
    (void)fflush(out);
    ck_assert_str_eq(text, "prepfs: hello\n");
}
END_TEST

START_TEST(the_same_failure_is_said_once_a_minute)
{
    ck_assert(log_failure(&sut, 1000, "x is broken"));
    ck_assert(!log_failure(&sut, 1001, "x is broken"));
    ck_assert(!log_failure(&sut, 60999, "x is broken"));
    ck_assert(log_failure(&sut, 61001, "x is broken"));
    ck_assert_int_eq(lines(), 2);
    ck_assert_ptr_nonnull(strstr(text, "and 2 lines like this left out"));
}
END_TEST

START_TEST(many_failures_are_written_slowly)
{
    char line[32];
    int written = 0;

    for (int i = 0; i < 1000; i++) {
        (void)snprintf(line, sizeof line, "image %d", i);
        written += log_failure(&sut, 5000, line);
    }
    ck_assert_int_eq(written, LOG_BURST);
    written = 0;
    for (int i = 1000; i < 2000; i++) {
        (void)snprintf(line, sizeof line, "image %d", i);
        written += log_failure(&sut, 7000, line);
    }
    ck_assert_int_eq(written, 2 * LOG_PER_SECOND);
    ck_assert_int_eq(lines(), LOG_BURST + 2 * LOG_PER_SECOND);
}
END_TEST

START_TEST(the_first_failure_is_never_lost)
{
    ck_assert(log_failure(&sut, 0, "x"));
    ck_assert_int_eq(lines(), 1);
}
END_TEST

static struct stats stats;

static void *count(void *opaque)
{
    (void)opaque;
    for (int i = 0; i < 10000; i++) {
        stats_add(&stats, STATS_LOOKUP, 1);
        stats_add(&stats, STATS_BYTES_SENT, 3);
    }
    return NULL;
}

START_TEST(counters_of_all_threads_are_summed)
{
    pthread_t threads[20];
    uint64_t sum[STATS_COUNTERS];

    stats_init(&stats);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count, NULL), 0);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    stats_sum(&stats, sum);
    ck_assert_uint_eq(sum[STATS_LOOKUP], 200000);
    ck_assert_uint_eq(sum[STATS_BYTES_SENT], 600000);
    ck_assert_uint_eq(sum[STATS_READ], 0);
    for (int i = 0; i < STATS_COUNTERS; i++)
        ck_assert_ptr_nonnull(stats_name((enum stats_counter)i));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("log");
    TCase *t = tcase_create("log");
    TCase *c = tcase_create("stats");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_line_has_a_level_and_no_surprises);
    tcase_add_test(t, the_journal_is_told_the_level);
    tcase_add_test(t, the_same_failure_is_said_once_a_minute);
    tcase_add_test(t, many_failures_are_written_slowly);
    tcase_add_test(t, the_first_failure_is_never_lost);
    suite_add_tcase(s, t);
    tcase_add_test(c, counters_of_all_threads_are_summed);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return check_main(suite());
}
