// SPDX-License-Identifier: MIT
/* test_csv.c: records, quotes, and what is wrong on which line. */
#undef NDEBUG
#include "ctl/csv.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/scratch.h"

static char *dir;
static char *path;
static struct csv csv;
static struct error err;

static void setup(void)
{
    dir = scratch_new();
    path = scratch_text("%s/a.csv", dir);
}

static void teardown(void)
{
    csv_close(&csv);
    free(path);
    scratch_free(dir);
}

static int open_text(const char *text)
{
    scratch_write(dir, "a.csv", text, 0);
    return csv_open(path, &csv, &err);
}

static int open_bytes(const char *bytes, size_t n)
{
    FILE *f = fopen(path, "we");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    return csv_open(path, &csv, &err);
}

START_TEST(records_have_fields)
{
    ck_assert_int_eq(
        open_text("\xef\xbb\xbfname,x\r\na,1\r\n\n\"b,\"\"c\"\"\nd\",-2.5\n"
                  "e,"),
        0);
    ck_assert_str_eq(csv.columns[0], "name");
    ck_assert_int_eq(csv_read(&csv, &err), 1);
    ck_assert_str_eq(csv.fields[0], "a");
    ck_assert_str_eq(csv.fields[1], "1");
    ck_assert_uint_eq(csv.line, 2);
    ck_assert_int_eq(csv_read(&csv, &err), 1);
    ck_assert_str_eq(csv.fields[0], "b,\"c\"\nd");
    ck_assert_str_eq(csv.fields[1], "-2.5");
    ck_assert_uint_eq(csv.line, 4);
    ck_assert_int_eq(csv_read(&csv, &err), 1);
    ck_assert_str_eq(csv.fields[0], "e");
    ck_assert_str_eq(csv.fields[1], "");
    ck_assert_uint_eq(csv.line, 6);
    ck_assert_int_eq(csv_read(&csv, &err), 0);
    ck_assert_int_eq(csv_read(&csv, &err), 0);
}
END_TEST

/* Spreadsheets put the mark before a quote. */
START_TEST(mark_is_passed_over)
{
    ck_assert_int_eq(open_text("\xef\xbb\xbf\"a,b\",c\n1,2\n"), 0);
    ck_assert_uint_eq(csv.n_columns, 2);
    ck_assert_str_eq(csv.columns[0], "a,b");
    csv_close(&csv);
    ck_assert_int_eq(open_text("\xef\xbb,c\n1,2\n"), 0);
    ck_assert_str_eq(csv.columns[0], "\xef\xbb");
    ck_assert_int_eq(csv_read(&csv, &err), 1);
}
END_TEST

START_TEST(long_records_are_whole)
{
    char *text = scratch_text("a,b\n%01000d,%02000d\n", 1, 2);

    ck_assert_int_eq(open_text(text), 0);
    ck_assert_int_eq(csv_read(&csv, &err), 1);
    ck_assert_uint_eq(strlen(csv.fields[0]), 1000);
    ck_assert_uint_eq(strlen(csv.fields[1]), 2000);
    free(text);
}
END_TEST

START_TEST(columns_are_found_by_any_name)
{
    static const char *const names[] = {"nothing", "coordx", NULL};
    static const char *const none[] = {"y", NULL};

    ck_assert_int_eq(open_text("seriesuid,coordX\n"), 0);
    ck_assert_int_eq(csv_column(&csv, names), 1);
    ck_assert_int_eq(csv_column(&csv, none), -1);
}
END_TEST

START_TEST(numbers_are_numbers)
{
    double v;

    ck_assert_int_eq(open_text("a,b,c,d\n 1.5e1 ,,x,1 2\n"), 0);
    ck_assert_int_eq(csv_read(&csv, &err), 1);
    ck_assert_int_eq(csv_number(&csv, 0, 0, &v, &err), 0);
    ck_assert(v == 15.0);
    ck_assert_int_eq(csv_number(&csv, 1, 1, &v, &err), 0);
    ck_assert(isnan(v));
    ck_assert_int_eq(csv_number(&csv, 1, 0, &v, &err), -1);
    ck_assert_int_eq(csv_number(&csv, 2, 1, &v, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "a.csv:2: c is a number"));
    ck_assert_int_eq(csv_number(&csv, 3, 1, &v, &err), -1);
}
END_TEST

START_TEST(mistakes_have_lines)
{
    ck_assert_int_eq(open_text("a,b\n1,2\n3\n"), 0);
    ck_assert_int_eq(csv_read(&csv, &err), 1);
    ck_assert_int_eq(csv_read(&csv, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "a.csv:3: there are 1 fields"));
    csv_close(&csv);
    ck_assert_int_eq(open_text("a\n\"b\n"), 0);
    ck_assert_int_eq(csv_read(&csv, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "a.csv:2: a quote is not closed"));
    csv_close(&csv);
    ck_assert_int_eq(open_bytes("a,b\n1,2\n3\0,4\n", 13), 0);
    ck_assert_int_eq(csv_read(&csv, &err), 1);
    ck_assert_int_eq(csv_read(&csv, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "a.csv:3: byte 0"));
    csv_close(&csv);
    ck_assert_int_eq(open_text("\xef\xbb\xbf\n"), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "no header"));
    csv_close(&csv);
    ck_assert_int_eq(open_text(""), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "no header"));
    csv_close(&csv);
    ck_assert_int_eq(csv_open("/nowhere/a.csv", &csv, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_IO);
}
END_TEST

START_TEST(what_is_written_can_be_read)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    csv_write(out, "plain", 1);
    csv_write(out, "a \"b\", c\r\n", 0);
    csv_write(out, "", 0);
    csv_write_number(out, 0.1, 0);
    csv_write_number(out, 1e21 / 3, 0);
    csv_write_number(out, NAN, 0);
    csv_write_number(out, -0.5, 1);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_str_eq(text, "plain,\"a \"\"b\"\", c\r\n\",,0.1,"
                           "3.333333333333333e+20,-0.5");
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("csv");
    TCase *t = tcase_create("csv");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, records_have_fields);
    tcase_add_test(t, mark_is_passed_over);
    tcase_add_test(t, long_records_are_whole);
    tcase_add_test(t, columns_are_found_by_any_name);
    tcase_add_test(t, numbers_are_numbers);
    tcase_add_test(t, mistakes_have_lines);
    tcase_add_test(t, what_is_written_can_be_read);
    suite_add_tcase(s, t);
    return check_main(s);
}
