// SPDX-License-Identifier: MIT
/*
 * test_conf_manual.c: the configuration files in prepfs.conf(5) are good ones,
 * and its links lead where it says. argv[1] is the page's source.
 */
#undef NDEBUG
#include "view/view.h"

#include <assert.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

static char *page; /* with "\-" as "-" */

static void load(const char *path)
{
    FILE *file = fopen(path, "re");
    size_t n;

    page = calloc(1, 1 << 16);
    assert(file && page);
    n = fread(page, 1, (1 << 16) - 1, file);
    assert(n > 1000 && n < (1 << 16) - 1 && fclose(file) == 0);
    for (char *p; (p = strstr(page, "\\-")) != NULL;)
        memmove(p, p + 1, strlen(p));
}

/* The literal text that begins at or after `p` and contains `word`, copied;
 * *end is behind it. NULL if there is none. */
static char *block_with(const char *word, const char *p, const char **end)
{
    while ((p = strstr(p, "\n.Bd -literal")) != NULL) {
        const char *stop = strstr(p, "\n.Ed");
        char *text;

        ck_assert_ptr_nonnull(stop);
        p = strchr(p + 1, '\n') + 1;
        text = strndup(p, (size_t)(stop + 1 - p));
        assert(text);
        *end = p = stop;
        if (strstr(text, word))
            return text;
        free(text);
    }
    return NULL;
}

static struct view_presets *presets_of(char *text)
{
    struct view_presets *presets;
    struct error err = ERROR_INIT;

    ck_assert_msg(view_presets_parse("prepfs.conf(5)", text, &presets, &err) ==
                      0,
                  "%s", err.msg);
    free(text);
    return presets;
}

START_TEST(every_example_is_a_good_file)
{
    const char *p = page;
    unsigned files = 0;
    size_t names = 0;
    char *text;

    while ((text = block_with("[views]", p, &p)) != NULL) {
        struct view_presets *presets = presets_of(text);

        names += view_presets_count(presets);
        files++;
        view_presets_free(presets);
    }
    ck_assert_uint_ge(files, 2);
    ck_assert_uint_ge(names, 8);
}
END_TEST

/* "$ readlink NAME" and the line below it, under the first file's names. */
START_TEST(links_lead_where_the_page_says)
{
    const char *p = page;
    struct view_presets *presets = presets_of(block_with("[views]", p, &p));
    unsigned links = 0;
    char *text;

    while ((text = block_with("$ readlink ", p, &p)) != NULL) {
        char name[64];
        char want[256];
        char got[VIEW_TEXT_SIZE];
        struct view view;
        struct error err = ERROR_INIT;

        ck_assert_int_eq(sscanf(text, "$ readlink %63s %255s", name, want), 2);
        ck_assert_msg(view_parse(name, presets, &view, NULL, &err) == 0,
                      "%s: %s", name, err.msg);
        (void)view_print(&view, got, sizeof got);
        ck_assert_str_eq(got, want);
        links++;
        free(text);
    }
    ck_assert_uint_ge(links, 2);
    view_presets_free(presets);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("conf_manual");
    TCase *t = tcase_create("prepfs.conf(5)");
    SRunner *r;
    int failed;

    if (argc != 2)
        return EXIT_FAILURE;
    load(argv[1]);
    tcase_add_test(t, every_example_is_a_good_file);
    tcase_add_test(t, links_lead_where_the_page_says);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    free(page);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
