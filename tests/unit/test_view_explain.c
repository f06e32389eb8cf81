// SPDX-License-Identifier: MIT
/*
 * test_view_explain.c: the words for people, and that they miss nothing.
 */
#undef NDEBUG
#include "view/view_ops.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* What `view_explain` writes; the caller frees it. */
static char *explained(const char *name, int want)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(view_explain(name, NULL, out), want);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static void ck_has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no '%.60s' in:\n%.900s", part,
                  text);
}

struct words {
    char text[512];
    int calls;
};

static int collect(void *opaque, const char *op, const char *does)
{
    struct words *w = opaque;
    size_t n = strlen(w->text);

    (void)snprintf(w->text + n, sizeof w->text - n, "[%s] %s\n", op, does);
    return ++w->calls == 3 ? 7 : 0;
}

START_TEST(operators_are_told_one_by_one)
{
    struct words w = {"", 0};
    struct view v;

    ck_assert_int_eq(view_parse("u8_crop-b0.05", NULL, &v, NULL, NULL), 0);
    ck_assert_int_eq(view_operator_words(&v, collect, &w), 0);
    ck_assert_int_eq(w.calls, 2);
    ck_has(w.text, "[crop-b0.05] the box around the image content, measured; "
                   "b0.05: ");
    ck_has(w.text, "\n[u8] 8-bit samples\n");

    w = (struct words){"", 0};
    ck_assert_int_eq(view_parse("full", NULL, &v, NULL, NULL), 0);
    ck_assert_int_eq(view_operator_words(&v, collect, &w), 0);
    ck_assert_int_eq(w.calls, 0);

    ck_assert_int_eq(
        view_parse("hu_crop_size-9x9_u8_tree", NULL, &v, NULL, NULL), 0);
    ck_assert_int_eq(view_operator_words(&v, collect, &w), 7);
    ck_assert_int_eq(w.calls, 3); /* stopped */
}
END_TEST

START_TEST(a_view_is_put_in_words)
{
    char *text = explained("size-64_hu_crop-max_u8", 0);

    ck_has(text, "canonical   hu_crop-max_size-64x64_u8\n");
    ck_has(text, "link        size-64_hu_crop-max_u8 -> ");
    ck_has(text, "class S");
    ck_has(text, "becomes 64x64, 4096 bytes");
    ck_has(text, "built       yes\n");
    ck_has(text, "measured    crop-max ");
    ck_has(text, "example     hu_crop-max_size-64x64_u8/STUDY/INSTANCE.tiff");
    ck_has(text, "max: saturated pixels");
    free(text);

    text = explained("series_plane-cor_pack-lzw_list-npy_tree", 0);
    ck_has(text, "class I");
    ck_has(text, "built       yes\n");
    ck_has(text, "/STUDY/SERIES.npy\n");
    ck_assert_ptr_null(strstr(text, "link "));
    free(text);

    text = explained("full", 0);
    ck_has(text, "none: every default");
    free(text);

    text = explained("crop_grid-8x8_tree", 0);
    ck_has(text, "number of patches depends on the pixels");
    ck_has(text, "/STUDY/SERIES/INSTANCE.p00001.tiff\n");
    free(text);
}
END_TEST

START_TEST(a_window_on_stored_values_says_so)
{
    char *text = explained("window-c40-w400_raw_crop", 0);

    ck_has(text, "canonical   raw_window-c40-w400_crop\n");
    ck_has(text, "values      display, the window on stored values");
    ck_has(text, "samples     u8 for sources of up to 8 bits, else u16\n");
    ck_has(text, "measured    raw_window-c40-w400_crop ");
    free(text);
}
END_TEST

START_TEST(a_mistake_has_its_caret)
{
    char *text = explained("crop_sise-64", -1);

    ck_has(text, "  crop_sise-64\n"
                 "       ^~~~\n"
                 "EINVAL: ");
    ck_has(text, "nearest: size\n");
    free(text);

    text = explained("cropp", -1);
    ck_has(text, "  ^~~~~\nENOENT: ");
    free(text);

    text = explained("crop_a\n\x1b[2J", -1);
    ck_has(text, "  crop_a??[2J\n       ^");
    ck_assert_ptr_null(strchr(text, '\x1b'));
    free(text);
}
END_TEST

START_TEST(a_mistake_shows_what_is_written_instead)
{
    char *text = explained("crop_window-40-400", -1);

    ck_has(text, "window is written:\n"
                 "  window-cC-wW[-linear|-exact|-sigmoid]   as in "
                 "window-c-600-w1500\n"
                 "  window-nK   as in window-n2\n"
                 "  window-off\n"
                 "  window-frame\n");
    free(text);

    text = explained("size_512x512", -1);
    ck_has(text, "size is written:\n  size-WxH");
    free(text);

    text = explained("mip-skip_u8", -1); /* an alias */
    ck_has(text, "vol is written:\n");
    free(text);

    text = explained("size-512x512-crop", -1);
    ck_has(text, "operators are joined by '_': _crop\n");
    free(text);

    text = explained("full_u8", -1);
    ck_has(text, "leave it out\n");
    ck_assert_ptr_null(strstr(text, "is written"));
    free(text);

    text = explained("hu_u8_i16", -1); /* each of them is well written */
    ck_assert_ptr_null(strstr(text, "is written"));
    free(text);

    text = explained("crop_", -1);
    ck_assert_ptr_null(strstr(text, "is written"));
    free(text);
}
END_TEST

/* What is advised must be of use. */
START_TEST(words_of_other_programs_lead_to_operators)
{
    static const char *const words[] = {
        "resize",  "resample",  "clip",   "wl",      "rotate",
        "mirror",  "normalize", "volume", "patches", "random",
        "coronal", "mean",      "uint8",  "float32", "grey",
        "numpy",   "nifti",     "png",    "deflate"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *ours = view_other_word(words[i], strlen(words[i]));
        bool found = false;

        ck_assert_msg(ours != NULL, "%s", words[i]);
        for (size_t k = 0; k < view_forms_count(); k++)
            found |=
                strcspn(ours, "-") == strlen(view_form_at(k)->name) &&
                strncmp(ours, view_form_at(k)->name, strcspn(ours, "-")) == 0;
        ck_assert_msg(found, "%s: %s", words[i], ours);
    }
    for (size_t k = 0; k < view_forms_count(); k++)
        ck_assert_ptr_null(view_other_word(view_form_at(k)->name,
                                           strlen(view_form_at(k)->name)));
    ck_assert_ptr_null(view_other_word("resiz", 5));
}
END_TEST

START_TEST(a_long_name_is_explained)
{
    char name[300];
    char *text;

    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    text = explained(name, -1);
    ck_has(text, "ENAMETOOLONG: ");
    free(text);
}
END_TEST

START_TEST(lines_fit_a_terminal)
{
    for (size_t i = 0; i < view_forms_count(); i++) {
        char name[VIEW_TEXT_SIZE];
        size_t need = strcspn(view_form_at(i)->needs, " ");
        char *text;
        char *save = NULL;

        (void)snprintf(name, sizeof name, "%s%s%.*s", view_form_at(i)->example,
                       need ? "_" : "", (int)need, view_form_at(i)->needs);
        text = explained(name, 0);
        for (char *line = strtok_r(text, "\n", &save); line;
             line = strtok_r(NULL, "\n", &save))
            ck_assert_msg(strlen(line) <= 90, "%s", line);
        free(text);
    }
}
END_TEST

static char *grammar(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    view_grammar(out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

START_TEST(the_grammar_has_every_operator)
{
    char *text = grammar();

    for (size_t i = 0; i < view_forms_count(); i++) {
        char syntax[VIEW_TEXT_SIZE] = "";
        struct view_out out = {syntax, sizeof syntax, 0};

        view_out_text(&out, "\n  ");
        view_print_syntax(&out, view_form_at(i));
        ck_has(text, syntax);
        ck_has(text, view_form_at(i)->doc);
        if (!view_form_at(i)->is_default)
            ck_has(text, view_form_at(i)->label); /* in the matrix */
    }
    for (size_t i = 0; i < view_aliases_count; i++)
        ck_has(text, view_aliases[i].name);
    ck_has(text, "[-linear|-exact|-sigmoid]");
    free(text);
}
END_TEST

/* The mark of two labels in the matrix. */
static char mark(const char *text, const char *a, const char *b)
{
    long row[2] = {0, 0};
    const char *const labels[2] = {a, b};
    const char *line;
    char want[48];

    text = strstr(text, "which go together");
    for (int i = 0; i < 2; i++) {
        (void)snprintf(want, sizeof want, " %s", labels[i]);
        line = strstr(text, want);
        ck_assert_ptr_nonnull(line);
        while (line[-1] != '\n')
            line--;
        row[i] = strtol(line, NULL, 10);
    }
    (void)snprintf(want, sizeof want, "\n%3ld ",
                   row[0] > row[1] ? row[0] : row[1]);
    line = strstr(text, want);
    ck_assert_ptr_nonnull(line);
    return line[4 + (row[0] > row[1] ? row[1] : row[0])];
}

START_TEST(the_matrix_says_what_the_parser_does)
{
    char *text = grammar();

    ck_assert_int_eq(mark(text, "size", "spacing"), 'x');
    ck_assert_int_eq(mark(text, "hu", "i16"), '.');
    ck_assert_int_eq(mark(text, "window-c-w", "i16"), 'x');
    ck_assert_int_eq(mark(text, "spacing", "pad-topleft"), 'x');
    ck_assert_int_eq(mark(text, "spacing", "fill-N"), '.');
    ck_assert_int_eq(mark(text, "series", "frames"), 'x');
    ck_assert_int_eq(mark(text, "raw", "window-c-w"), '.');
    ck_assert_int_eq(mark(text, "raw", "range"), 'x');
    ck_assert_int_eq(mark(text, "hu", "window-c-w"), '.');
    ck_assert_int_eq(mark(text, "vol-lapmip", "size"), '.');
    ck_assert_int_eq(mark(text, "vol-lapmip", "hu"), 'x');
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("view_explain");
    TCase *t = tcase_create("words");
    SRunner *r;
    int failed;

    tcase_add_test(t, a_view_is_put_in_words);
    tcase_add_test(t, operators_are_told_one_by_one);
    tcase_add_test(t, a_window_on_stored_values_says_so);
    tcase_add_test(t, a_mistake_has_its_caret);
    tcase_add_test(t, a_mistake_shows_what_is_written_instead);
    tcase_add_test(t, words_of_other_programs_lead_to_operators);
    tcase_add_test(t, a_long_name_is_explained);
    tcase_add_test(t, lines_fit_a_terminal);
    tcase_add_test(t, the_grammar_has_every_operator);
    tcase_add_test(t, the_matrix_says_what_the_parser_does);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
