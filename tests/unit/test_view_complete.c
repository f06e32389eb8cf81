// SPDX-License-Identifier: MIT
/* test_view_complete.c: every operator can be reached key by key, and what is
 * offered is right. */
#undef NDEBUG
#include "view/view_ops.h"

#include <string.h>

#include "support/check_main.h"

enum { MOST = 256 };

struct offers {
    size_t n;
    char names[MOST][VIEW_NAME_MAX + 1];
};

static void take(void *opaque, const char *name, const char *doc)
{
    struct offers *o = opaque;

    ck_assert_uint_lt(o->n, MOST);
    ck_assert_msg(*doc != '\0', "%s: no word about it", name);
    ck_assert_uint_lt(strlen(name), sizeof o->names[0]);
    strcpy(o->names[o->n++], name);
}

static struct offers *complete(const char *text)
{
    static struct offers o;

    o.n = 0;
    view_complete(text, NULL, take, &o);
    for (size_t i = 0; i < o.n; i++)
        ck_assert_msg(strncmp(o.names[i], text, strlen(text)) == 0,
                      "%s does not begin with %s", o.names[i], text);
    return &o;
}

static bool offers(const char *text, const char *name)
{
    const struct offers *o = complete(text);

    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->names[i], name) == 0)
            return true;
    return false;
}

/* As if somebody pressed the key after every letter of `name`: as soon as it
 * begins with a candidate that is longer than what was typed, take it. */
static bool is_reached(const char *name)
{
    size_t typed = 0;

    while (typed < strlen(name)) {
        char text[VIEW_NAME_MAX + 1];
        const struct offers *o;
        size_t best = typed;

        (void)snprintf(text, sizeof text, "%.*s", (int)typed, name);
        o = complete(text);
        for (size_t i = 0; i < o->n; i++) {
            size_t n = strlen(o->names[i]);

            if (n > best && strncmp(name, o->names[i], n) == 0)
                best = n;
        }
        if (typed == 0 && best == 0)
            return false;
        typed = best > typed ? best : typed + 1;
    }
    return true;
}

START_TEST(every_operator_is_offered)
{
    for (size_t i = 0; i < view_forms_count(); i++) {
        const struct view_form *form = view_form_at(i);

        if (form->built == BUILT_YES && !form->is_default)
            ck_assert_msg(is_reached(form->example), "%s", form->example);
    }
    ck_assert(offers("", "full"));
    ck_assert(offers("ful", "full"));
    ck_assert(offers("crop_mi", "crop_mip"));
    ck_assert(!offers("crop_fu", "crop_full"));
}
END_TEST

START_TEST(what_is_offered_goes_with_what_is_there)
{
    ck_assert(offers("size-64_pa", "size-64_pad-center"));
    ck_assert(!offers("spacing-1x1_pa", "spacing-1x1_pad-center"));
    ck_assert(!offers("size-64_spac", "size-64_spacing-"));
    ck_assert(!offers("u8_", "u8_u16"));
    ck_assert(!offers("u8_", "u8_u8"));
    ck_assert(offers("hu_", "hu_i16"));
    ck_assert_uint_eq(complete("nothing_")->n, 0);
    ck_assert_uint_eq(complete("full_")->n, 0);
    ck_assert_uint_eq(complete("xyz")->n, 0);
}
END_TEST

START_TEST(defaults_are_not_offered)
{
    ck_assert(!offers("order-", "order-geom"));
    ck_assert(offers("order-", "order-inst"));
}
END_TEST

START_TEST(arguments_are_offered_once)
{
    ck_assert(offers("window-", "window-c"));
    ck_assert(offers("window-c-600-", "window-c-600-w"));
    ck_assert(!offers("window-c-600-", "window-c-600-n"));
    ck_assert(!offers("window-c-600-", "window-c-600-c"));
    ck_assert(!offers("window-c-600-", "window-c-600-exact"));
    ck_assert(offers("window-c-600-w1500-", "window-c-600-w1500-exact"));
    ck_assert(!offers("window-c-600-w1500-", "window-c-600-w1500-w"));
    ck_assert(offers("crop-", "crop-b"));
    ck_assert(offers("crop-max-", "crop-max-nocomp"));
    ck_assert(!offers("crop-max-", "crop-max-max"));
    ck_assert(offers("u8_crop-max-n", "u8_crop-max-nocomp"));
    ck_assert(offers("vol-lapmip-w2-", "vol-lapmip-w2-skip"));
    ck_assert(!offers("vol-lapmip-skip2-", "vol-lapmip-skip2-skip"));
    ck_assert(offers("norm-z-", "norm-z-frame"));
    ck_assert(!offers("norm-z-", "norm-z-m"));
    ck_assert_uint_eq(complete("size-64x64-stretch-")->n, 0);
}
END_TEST

START_TEST(presets_are_offered)
{
    struct error err = ERROR_INIT;
    struct view_presets *presets = NULL;
    struct offers o = {.n = 0};

    ck_assert_msg(view_presets_parse("x",
                                     "[views]\nLung = window-c-600-w1500\n"
                                     "Small = size-64\n",
                                     &presets, &err) == 0,
                  "%s", err.msg);
    view_complete("L", presets, take, &o);
    ck_assert_uint_eq(o.n, 1);
    ck_assert_str_eq(o.names[0], "Lung");
    view_complete("Lung_Sm", presets, take, &o);
    ck_assert_uint_eq(o.n, 2);
    ck_assert_str_eq(o.names[1], "Lung_Small");
    view_presets_free(presets);
}
END_TEST

START_TEST(long_names_are_left_alone)
{
    char text[400];

    for (size_t n = 200; n < sizeof text; n++) {
        memset(text, 'u', n);
        text[n] = '\0';
        (void)complete(text);
        memcpy(text, "crop_size-64x64_", 16);
        memset(text + 16, '-', n - 16);
        (void)complete(text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("view_complete");
    TCase *t = tcase_create("view_complete.c");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_operator_is_offered);
    tcase_add_test(t, what_is_offered_goes_with_what_is_there);
    tcase_add_test(t, defaults_are_not_offered);
    tcase_add_test(t, arguments_are_offered_once);
    tcase_add_test(t, presets_are_offered);
    tcase_add_test(t, long_names_are_left_alone);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
