// SPDX-License-Identifier: MIT
/* test_watch.c: rates are differences by seconds. */
#undef NDEBUG
#include "ctl/watch.h"

#include <string.h>

#include "support/check_main.h"

#define JSON(uptime, read, bytes, hits, misses)                                \
    "{\n  \"frames_decoded\": 30,\n  \"decode_ns\": 60000000,\n"               \
    "  \"ghost_hits_b1\": 9,\n  \"hits\": " #hits ",\n  \"misses\": " #misses  \
    ",\n  \"budget_bytes\": 1048576,\n  \"bytes_used\": 524288,\n"             \
    "  \"bytes_logical\": 30,\n  \"bytes_compressed\": 10,\n"                  \
    "  \"pool_threads\": 4,\n  \"uptime_s\": " #uptime ",\n"                   \
    "  \"requests\": {\"lookup\": 5, \"read\": " #read                         \
    ", \"bytes_sent\": " #bytes "}\n}\n"

static struct watch_sample sample(double at, const char *json, const char *top)
{
    struct error err = ERROR_INIT;
    struct watch_sample s;

    ck_assert_msg(watch_parse(json, top, &s, &err) == 0, "%s", err.msg);
    s.at = at;
    return s;
}

static char *line_of(const struct watch_sample *a, const struct watch_sample *b)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    watch_line(out, a, b);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

START_TEST(values_are_found_by_their_whole_name)
{
    ck_assert_double_eq(watch_value("{\"xhits\": 1, \"hits\": 2.5}", "hits"),
                        2.5);
    ck_assert_double_eq(watch_value("{\"hits_b\": 1}", "hits"), 0);
}
END_TEST

START_TEST(a_line_tells_what_happened)
{
    struct watch_sample a =
        sample(100, JSON(60, 1000, 1000000, 100, 100), "bytes\treads\tview\n");
    struct watch_sample b = sample(102, JSON(62, 1010, 3000000, 190, 110),
                                   "bytes\treads\tview\n7\t1\tfull\n");
    char *text = line_of(&a, &b);

    ck_assert_str_eq(text,
                     "62\t5.0\t1000000\t90.0\t0.0\t0.00\t0\t50.0\tfull\n");
    free(text);
}
END_TEST

START_TEST(a_mount_made_anew_begins_from_nothing)
{
    struct watch_sample a =
        sample(100, JSON(60, 1000, 1000000, 100, 100), "x\n");
    struct watch_sample b = sample(110, JSON(5, 20, 500, 0, 0), "x\n");
    char *text = line_of(&a, &b);

    ck_assert_str_eq(text, "5\t2.0\t50\t0.0\t3.0\t2.00\t0\t50.0\t-\n");
    free(text);
}
END_TEST

START_TEST(a_drawing_has_as_many_lines_as_it_says)
{
    const char *top = "bytes\treads\tview\n4096\t4\tfull\n2048\t2\tu8\n"
                      "3\t1\ta\n2\t1\tb\n2\t1\tc\n1\t1\td\n";
    struct watch_sample a = sample(1, JSON(1, 0, 0, 0, 0), "x\n");
    struct watch_sample b = sample(2, JSON(7500, 9, 99, 1, 0), top);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int said = watch_draw(out, &a, &b), counted = 0;

    ck_assert_int_eq(fclose(out), 0);
    for (const char *p = text; *p; p++)
        counted += *p == '\n';
    ck_assert_int_eq(said, counted);
    ck_assert_int_eq(said, 5 + WATCH_VIEWS);
    ck_assert_ptr_nonnull(strstr(text, "up       2 h 5 min\n"));
    ck_assert_ptr_nonnull(strstr(text, "hits     100.0 %, since"));
    ck_assert_ptr_nonnull(strstr(text, "512 KiB of 1.0 MiB (50.0 %), 3.0 : 1"));
    ck_assert_ptr_nonnull(strstr(text, "4.0 KiB  full\n"));
    ck_assert_ptr_null(strstr(text, "  d\n"));
    free(text);
}
END_TEST

START_TEST(other_files_are_refused)
{
    struct error err = ERROR_INIT;
    struct watch_sample s;

    ck_assert_int_eq(watch_parse("", "", &s, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
    ck_assert_int_eq(watch_parse(JSON(1, 1, 1, 1, 1), "a\nb\nc", &s, &err), 0);
    ck_assert_uint_eq(s.n_views, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *t = tcase_create("watch.c");

    tcase_add_test(t, values_are_found_by_their_whole_name);
    tcase_add_test(t, a_line_tells_what_happened);
    tcase_add_test(t, a_mount_made_anew_begins_from_nothing);
    tcase_add_test(t, a_drawing_has_as_many_lines_as_it_says);
    tcase_add_test(t, other_files_are_refused);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
