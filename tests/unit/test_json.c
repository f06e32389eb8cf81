// SPDX-License-Identifier: MIT
/* fs/json: the writer's layout, escapes and numbers; want of memory. */
#undef NDEBUG
#include <assert.h>
#include <check.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "prepfs/cleanup.h"
#include "support/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

static long fail_at = -1;

void *__wrap_realloc(void *p, size_t size)
{
    if (fail_at >= 0 && fail_at-- == 0)
        return NULL;
    return __real_realloc(p, size);
}

static char *finished(struct json *j)
{
    struct error err = ERROR_INIT;
    size_t length;
    char *text;

    ck_assert_int_eq(json_finish(j, &text, &length, &err), 0);
    ck_assert_uint_eq(strlen(text), length);
    return text;
}

/* ---- layout ------------------------------------------------------------- */

START_TEST(members_stand_in_order_one_to_a_line)
{
    struct json j = {0};
    char *text;

    json_begin_object(&j);
    json_key(&j, "shape");
    json_begin_flat_array(&j);
    json_unsigned(&j, 512);
    json_integer(&j, -3);
    json_end(&j);
    json_key(&j, "empty");
    json_begin_array(&j);
    json_end(&j);
    json_key(&j, "none");
    json_begin_object(&j);
    json_end(&j);
    json_key(&j, "list");
    json_begin_array(&j);
    json_boolean(&j, true);
    json_begin_object(&j);
    json_key(&j, "a");
    json_null(&j);
    json_key(&j, "b");
    json_boolean(&j, false);
    json_end(&j);
    json_begin_flat_array(&j);
    json_end(&j);
    json_end(&j);
    json_end(&j);
    text = finished(&j);
    ck_assert_str_eq(text, "{\n"
                           "  \"shape\": [512, -3],\n"
                           "  \"empty\": [],\n"
                           "  \"none\": {},\n"
                           "  \"list\": [\n"
                           "    true,\n"
                           "    {\n"
                           "      \"a\": null,\n"
                           "      \"b\": false\n"
                           "    },\n"
                           "    []\n"
                           "  ]\n"
                           "}\n");
    free(text);
}
END_TEST

START_TEST(a_value_alone_is_a_document)
{
    struct json j = {0};
    char *text;

    json_unsigned(&j, UINT64_MAX);
    text = finished(&j);
    ck_assert_str_eq(text, "18446744073709551615\n");
    free(text);
    json_integer(&j, INT64_MIN);
    text = finished(&j);
    ck_assert_str_eq(text, "-9223372036854775808\n");
    free(text);
    json_string(&j, NULL);
    text = finished(&j);
    ck_assert_str_eq(text, "null\n");
    free(text);
}
END_TEST

static void misuse(struct json *j, int which)
{
    switch (which) {
    case 0: /* a member without a key */
        json_begin_object(j);
        json_null(j);
        break;
    case 1: /* a key in an array */
        json_begin_array(j);
        json_key(j, "a");
        break;
    case 2: /* an end too many */
        json_end(j);
        break;
    case 3: /* two values */
        json_null(j);
        json_null(j);
        break;
    case 4: /* an array in a flat one */
        json_begin_flat_array(j);
        json_begin_array(j);
        break;
    case 5: /* a key without a value */
        json_begin_object(j);
        json_key(j, "a");
        json_end(j);
        break;
    case 6: /* two keys */
        json_begin_object(j);
        json_key(j, "a");
        json_key(j, "b");
        break;
    case 7: /* too deep */
        for (int i = 0; i <= JSON_DEPTH_MAX; i++)
            json_begin_array(j);
        for (int i = 0; i <= JSON_DEPTH_MAX; i++)
            json_end(j);
        break;
    case 8: /* not ended */
        json_begin_array(j);
        break;
    default: /* nothing at all */
        break;
    }
}

START_TEST(wrong_order_of_calls_is_told_in_the_end)
{
    struct json j = {0};
    struct error err = ERROR_INIT;
    size_t length;
    char *text;

    misuse(&j, _i);
    ck_assert_int_eq(json_finish(&j, &text, &length, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
    ck_assert_ptr_null(j.data);
}
END_TEST

/* ---- text --------------------------------------------------------------- */

static const struct {
    const char *bytes;
    size_t length;
    const char *text;
} texts[] = {
    {"", 0, "\"\""},
    {"a \"b\" \\ /", 9, "\"a \\\"b\\\" \\\\ /\""},
    {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
    {"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\""},
    {"M\xc3\xbcller", 7, "\"M\xc3\xbcller\""},
    {"\xe6\x97\xa5\xf0\x9f\x98\x80", 7, "\"\xe6\x97\xa5\xf0\x9f\x98\x80\""},
    /* not UTF-8: Latin-1, a lone continuation, one cut short */
    {"M\xfcll", 4, "\"M\xef\xbf\xbdll\""},
    {"\x80", 1, "\"\xef\xbf\xbd\""},
    {"a\xe6\x97", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xe6\x97x", 3, "\"\xef\xbf\xbd\xef\xbf\xbdx\""},
    /* too long forms, a surrogate, beyond U+10FFFF */
    {"\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xc1\xbf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xe0\x9f\xbf", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xf0\x8f\xbf\xbf", 4,
     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xf4\x90\x80\x80", 4,
     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xff", 1, "\"\xef\xbf\xbd\""},
    /* the edges of what is right */
    {"\xc2\x80\xdf\xbf", 4, "\"\xc2\x80\xdf\xbf\""},
    {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80", 9,
     "\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\""},
    {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8,
     "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""},
};

START_TEST(text_is_escaped_utf8)
{
    struct json j = {0};
    char *text;

    json_string_of(&j, texts[_i].bytes, texts[_i].length);
    text = finished(&j);
    text[strlen(text) - 1] = '\0';
    ck_assert_str_eq(text, texts[_i].text);
    free(text);
}
END_TEST

START_TEST(keys_are_escaped_too)
{
    struct json j = {0};
    char *text;

    json_begin_object(&j);
    json_key(&j, "a\"b\n");
    json_null(&j);
    json_end(&j);
    text = finished(&j);
    ck_assert_str_eq(text, "{\n  \"a\\\"b\\n\": null\n}\n");
    free(text);
}
END_TEST

/* ---- numbers ------------------------------------------------------------ */

/* Results of ECMAScript's String(x), the rarer ones from RFC 8785. */
static const struct {
    double value;
    const char *text;
} numbers[] = {
    {0.0, "0"},
    {-0.0, "0"},
    {1.0, "1"},
    {-1.0, "-1"},
    {10.0, "10"},
    {100.0, "100"},
    {512.0, "512"},
    {0.5, "0.5"},
    {0.1, "0.1"},
    {0.3, "0.3"},
    {1.0 / 3.0, "0.3333333333333333"},
    {2.0 / 3.0, "0.6666666666666666"},
    {0.4511719, "0.4511719"},
    {-600.25, "-600.25"},
    {65535.0, "65535"},
    {1e20, "100000000000000000000"},
    {1e21, "1e+21"},
    {1.5e21, "1.5e+21"},
    {123456789012345680000.0, "123456789012345680000"},
    {1e-6, "0.000001"},
    {1.25e-6, "0.00000125"},
    {1e-7, "1e-7"},
    {9.5367431640625e-07, "9.5367431640625e-7"},
    {5e-324, "5e-324"},
    {DBL_MIN, "2.2250738585072014e-308"},
    {2.225073858507201e-308, "2.225073858507201e-308"},
    {DBL_MAX, "1.7976931348623157e+308"},
    {9007199254740991.0, "9007199254740991"},
    {9007199254740992.0, "9007199254740992"},
    {9007199254740994.0, "9007199254740994"},
    {4294967296.0, "4294967296"},
    {333333333.3333332, "333333333.3333332"},
    {333333333.33333325, "333333333.33333325"},
    {333333333.3333333, "333333333.3333333"},
    {333333333.3333334, "333333333.3333334"},
    {333333333.33333343, "333333333.33333343"},
    {-0.0000033333333333333333, "-0.0000033333333333333333"},
    {1424953923781206.2, "1424953923781206.2"},
    {295147905179352830000.0, "295147905179352830000"},
    {999999999999999700000.0, "999999999999999700000"},
    {1.7976931348623155e+308, "1.7976931348623155e+308"},
    {9.109383632e-31, "9.109383632e-31"},
    {2e-44, "2e-44"},
    {9.5e-7, "9.5e-7"},
    {0x1p-1022, "2.2250738585072014e-308"},
    {0x1p1023, "8.98846567431158e+307"},
    {0x1p-44, "5.684341886080802e-14"},
    {1e23, "1e+23"},
};

START_TEST(numbers_are_those_of_ecmascript)
{
    char text[JSON_NUMBER_SIZE];

    ck_assert_uint_eq(json_print_number(numbers[_i].value, text),
                      strlen(numbers[_i].text));
    ck_assert_str_eq(text, numbers[_i].text);
}
END_TEST

/* Does a decimal of `digits` digits read back as the value? printf gives the
 * nearest of that length. */
static bool suffices(double value, int digits)
{
    char text[64];

    (void)snprintf(text, sizeof text, "%.*e", digits - 1, value);
    return strtod(text, NULL) == value;
}

static int digits_of(const char *text)
{
    const char *end = text + strcspn(text, "e");
    int n = 0;
    int zeros = 0; /* at the end of a whole number they only keep the place */

    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || (n == 0 && *text == '0'))
            continue;
        n++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return n - zeros;
}

static void expect_shortest(double value)
{
    char text[JSON_NUMBER_SIZE];
    size_t length = json_print_number(value, text);
    int digits;

    ck_assert_uint_lt(length, JSON_NUMBER_SIZE);
    ck_assert_uint_eq(length, strlen(text));
    digits = digits_of(text);
    ck_assert_msg(strtod(text, NULL) == value, "%a is %s", value, text);
    ck_assert_msg(digits >= 1 && digits <= 17, "%a is %s", value, text);
    ck_assert_msg(digits == 1 || !suffices(value, digits - 1), "%a is %s",
                  value, text);
}

START_TEST(numbers_read_back_and_are_shortest)
{
    uint64_t x = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(_i + 1);

    for (int i = 0; i < 20000; i++) {
        double value;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(&value, &x, sizeof value);
        if (isfinite(value) && value != 0)
            expect_shortest(value);
        expect_shortest((double)(x >> 40) / 1024);
        expect_shortest((double)(int32_t)(x >> 32) / 1000);
    }
}
END_TEST

START_TEST(powers_and_their_neighbours_read_back)
{
    for (int e = -1074; e < 1024; e++) {
        double power = ldexp(1, e);

        expect_shortest(power);
        expect_shortest(nextafter(power, INFINITY));
        if (e > -1074)
            expect_shortest(nextafter(power, 0));
    }
    for (int e = -323; e < 309; e++) {
        char text[16];
        double power;

        (void)snprintf(text, sizeof text, "1e%d", e);
        power = strtod(text, NULL);
        expect_shortest(power);
        expect_shortest(nextafter(power, INFINITY));
        expect_shortest(nextafter(power, 0));
    }
}
END_TEST

START_TEST(what_json_has_no_number_for_is_null)
{
    static const double values[] = {NAN, INFINITY, -INFINITY};

    for (size_t i = 0; i < COUNT(values); i++) {
        struct json j = {0};
        char *text;

        json_number(&j, values[i]);
        text = finished(&j);
        ck_assert_str_eq(text, "null\n");
        free(text);
    }
}
END_TEST

START_TEST(the_locale_is_not_asked)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8",
                                        "de_DE.utf8", "C.UTF-8"};
    char text[JSON_NUMBER_SIZE];

    for (size_t i = 0; i < COUNT(names); i++) {
        if (!setlocale(LC_ALL, names[i]))
            continue;
        (void)json_print_number(-600.25, text);
        ck_assert_str_eq(text, "-600.25");
    }
    (void)setlocale(LC_ALL, "C");
}
END_TEST

/* ---- memory ------------------------------------------------------------- */

START_TEST(want_of_memory_is_told_in_the_end)
{
    int rc = -1;
    long k = 0;

    for (; rc != 0; k++) {
        struct json j = {0};
        struct error err = ERROR_INIT;
        size_t length;
        char *text = NULL;

        ck_assert_int_lt(k, 100);
        fail_at = k;
        json_begin_array(&j);
        for (unsigned i = 0; i < 2000; i++)
            json_string(&j, "some text");
        json_end(&j);
        rc = json_finish(&j, &text, &length, &err);
        if (rc != 0)
            ck_assert_int_eq(err.kind, ERROR_NO_MEMORY);
        else
            ck_assert_uint_eq(length, 2000 * 15 - 1 + 4);
        ck_assert_ptr_null(j.data);
        free(text);
    }
    fail_at = -1;
    ck_assert_int_gt(k, 3);
}
END_TEST

START_TEST(deinit_takes_anything)
{
    struct json j = {0};

    json_deinit(NULL);
    json_deinit(&j);
    json_begin_array(&j);
    json_deinit(&j);
    ck_assert_ptr_null(j.data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *layout = tcase_create("layout");
    TCase *text = tcase_create("text");
    TCase *number = tcase_create("number");
    TCase *memory = tcase_create("memory");

    tcase_add_test(layout, members_stand_in_order_one_to_a_line);
    tcase_add_test(layout, a_value_alone_is_a_document);
    tcase_add_loop_test(layout, wrong_order_of_calls_is_told_in_the_end, 0, 10);
    tcase_add_loop_test(text, text_is_escaped_utf8, 0, (int)COUNT(texts));
    tcase_add_test(text, keys_are_escaped_too);
    tcase_set_timeout(number, 60);
    tcase_add_loop_test(number, numbers_are_those_of_ecmascript, 0,
                        (int)COUNT(numbers));
    tcase_add_loop_test(number, numbers_read_back_and_are_shortest, 0, 4);
    tcase_add_test(number, powers_and_their_neighbours_read_back);
    tcase_add_test(number, what_json_has_no_number_for_is_null);
    tcase_add_test(number, the_locale_is_not_asked);
    tcase_add_test(memory, want_of_memory_is_told_in_the_end);
    tcase_add_test(memory, deinit_takes_anything);
    suite_add_tcase(suite, layout);
    suite_add_tcase(suite, text);
    suite_add_tcase(suite, number);
    suite_add_tcase(suite, memory);
    return check_main(suite);
}
