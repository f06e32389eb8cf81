// SPDX-License-Identifier: MIT
/*
 * test_view_manual.c: prepfs-view(7) says what the operator table says.
 *
 * Every form has its own item with the table's syntax, description,
 * arguments, formula and example, says whether it is built, and no item is
 * about something else. argv[1] is the page's source.
 */
#undef NDEBUG
#include "view/view_ops.h"

#include <assert.h>
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static char *page; /* escapes undone, white space collapsed */

struct escape {
    const char *roff;
    const char *text;
};

static const struct escape escapes[] = {
    {"\\-", "-"},   {"\\(ha", "^"}, {"\\(ti", "~"}, {"\\(aq", "'"},
    {"\\(ga", "`"}, {"\\e", "\\"},  {"\\&", ""},
};

static const struct escape *escape_at(const char *text)
{
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
        if (strncmp(text, escapes[i].roff, strlen(escapes[i].roff)) == 0)
            return &escapes[i];
    return NULL;
}

/* Undoes escapes; a line break becomes a blank unless the next line is a
 * macro, so that text reads on and macros stay visible. */
static void normalise(const char *from, char *to)
{
    while (*from) {
        const struct escape *escape = escape_at(from);

        if (escape) {
            from += strlen(escape->roff);
            to = stpcpy(to, escape->text);
        } else if (*from == '\n' && from[1] != '.') {
            *to++ = ' ';
            from++;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

static void load(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, 1 << 20);

    assert(file);
    assert(text);
    assert(fread(text, 1, (1 << 20) - 1, file) < (1 << 20) - 1);
    (void)fclose(file);
    page = calloc(1, 1 << 20);
    assert(page);
    normalise(text, page);
    free(text);
}

/* The item of a form: from its .It to the next one's. Caller frees. */
static char *item(const struct view_form *form)
{
    char head[VIEW_TEXT_SIZE] = "";
    struct view_out out = {head, sizeof head, 0};
    const char *start, *end, *section;

    view_out_text(&out, "\n.It Cm ");
    view_print_syntax(&out, form);
    for (start = strstr(page, head); start; start = strstr(start + 1, head))
        if (start[out.length] == ' ' || start[out.length] == '\n')
            break;
    ck_assert_msg(start != NULL, "no item%s", head + 1);
    start += out.length;
    end = strstr(start, "\n.It Cm ");
    section = strstr(start, "\n.Ss ");
    ck_assert_ptr_nonnull(section);
    if (!end || section < end)
        end = section;
    return strndup(start, (size_t)(end - start));
}

/* The page may begin a sentence with a capital. */
static void ck_says(const char *text, const char *part, const char *label)
{
    ck_assert_msg(strcasestr(text, part) != NULL, "%s: not said: %.300s", label,
                  part);
}

static const char *built_words(enum view_built built)
{
    switch (built) {
    case BUILT_NO:
        return "Not built yet.";
    case BUILT_YES:
        break;
    }
    return NULL;
}

START_TEST(an_operator_has_its_item)
{
    const struct view_form *form = view_form_at((size_t)_i);
    char *text = item(form);
    const char *built = built_words(form->built);
    char example[VIEW_TEXT_SIZE];

    ck_says(text, form->doc, form->label);
    ck_says(text, form->formula, form->label);
    if (form->rule)
        ck_says(page, form->rule, form->label);
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++)
        ck_says(text, arg->doc, form->label);
    (void)snprintf(example, sizeof example, "Example:\n.Ql %s", form->example);
    ck_says(text, example, form->label);
    if (built)
        ck_says(text, built, form->label);
    else
        ck_assert_msg(strstr(text, "not built yet") == NULL &&
                          strstr(text, "Not built yet") == NULL,
                      "%s is built", form->label);
    ck_assert_int_eq(strstr(text, "This is the default.") != NULL,
                     form->is_default);
    if (*form->needs)
        ck_says(text, form->needs, form->label);
    free(text);
}
END_TEST

START_TEST(no_item_is_about_something_else)
{
    const char *p = strstr(page, "\n.Sh OPERATORS");
    const char *end = strstr(page, "\n.Ss Other spellings");
    size_t items = 0;

    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_nonnull(end);
    while ((p = strstr(p + 1, "\n.It Cm ")) != NULL && p < end)
        items++;
    ck_assert_uint_eq(items, view_forms_count());
}
END_TEST

/* "Under the same heading" is a rule of the language: they must be right. */
START_TEST(headings_are_those_of_the_grammar)
{
    const char *p = strstr(page, "\n.Sh OPERATORS");

    for (enum view_slot slot = 0; slot < SLOT_COUNT; slot++) {
        char head[80];

        (void)snprintf(head, sizeof head, "\n.Ss %s\n", view_slot_titles[slot]);
        head[5] = (char)toupper((unsigned char)head[5]);
        p = strstr(p, head);
        ck_assert_msg(p != NULL, "no heading, in this order: %s", head + 1);
    }
}
END_TEST

START_TEST(other_spellings_are_named)
{
    const char *p = strstr(page, "\n.Ss Other spellings");

    for (size_t i = 0; i < view_aliases_count; i++)
        ck_says(p, view_aliases[i].name, view_aliases[i].name);
}
END_TEST

/* Names in the page's lists of examples are names. */
START_TEST(the_examples_are_canonical)
{
    const char *p = strstr(page, "\n.Sh EXAMPLES");
    unsigned count = 0;

    ck_assert_ptr_nonnull(p);
    while ((p = strstr(p, "\n.It Cm ")) != NULL) {
        char name[VIEW_TEXT_SIZE];
        char text[VIEW_TEXT_SIZE];
        size_t n;
        struct view view;
        struct error err = ERROR_INIT;

        p += strlen("\n.It Cm ");
        n = strcspn(p, " \n");
        (void)snprintf(name, sizeof name, "%.*s", (int)n, p);
        ck_assert_msg(view_parse(name, NULL, &view, NULL, &err) == 0, "%s: %s",
                      name, err.msg);
        (void)view_print(&view, text, sizeof text);
        ck_assert_str_eq(text, name);
        count++;
    }
    ck_assert_uint_ge(count, 5);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("view_manual");
    TCase *t = tcase_create("prepfs-view(7)");
    SRunner *r;
    int failed;

    if (argc != 2)
        return EXIT_FAILURE;
    load(argv[1]);
    tcase_add_loop_test(t, an_operator_has_its_item, 0,
                        (int)view_forms_count());
    tcase_add_test(t, no_item_is_about_something_else);
    tcase_add_test(t, headings_are_those_of_the_grammar);
    tcase_add_test(t, other_spellings_are_named);
    tcase_add_test(t, the_examples_are_canonical);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    free(page);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
