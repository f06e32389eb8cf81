// SPDX-License-Identifier: MIT
/*
 * test_view_preset.c: names from a configuration file.
 */
#undef NDEBUG
#include "view/view.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char config[] = "# a comment\n"
                             "[mount]\n"
                             "Crop = is of no concern here\n"
                             "\n"
                             "[views]\n"
                             "; another\n"
                             "Lung512 = window-c-600-w1500_size-512x512_u16\r\n"
                             "  Ct=hu_i16  \n"
                             "Raw1 = raw\n"
                             "Padded = size-64x64_pad-center\n"
                             "All = full\n"
                             "Old = v1_crop-max\n"
                             "Lung = window-c-600-w1500\n"
                             "[other]\n"
                             "nothing\n";

static struct view_presets *load(const char *text)
{
    struct view_presets *presets;
    struct error err = ERROR_INIT;

    ck_assert_msg(view_presets_parse("t.ini", text, &presets, &err) == 0, "%s",
                  err.msg);
    return presets;
}

START_TEST(presets_come_sorted_from_their_section)
{
    static const char *const names[] = {"All", "Ct",     "Lung", "Lung512",
                                        "Old", "Padded", "Raw1"};
    struct view_presets *presets = load(config);

    ck_assert_uint_eq(view_presets_count(presets), 7);
    for (size_t i = 0; i < 7; i++)
        ck_assert_str_eq(view_presets_name(presets, i), names[i]);
    ck_assert_str_eq(view_presets_text(presets, 1), "hu_i16");
    ck_assert_str_eq(view_presets_text(presets, 3),
                     "window-c-600-w1500_size-512x512_u16");
    view_presets_free(presets);
    view_presets_free(NULL);
    ck_assert_uint_eq(view_presets_count(NULL), 0);
}
END_TEST

struct use {
    const char *text;
    const char *canonical;       /* NULL: it is refused ... */
    enum view_problem_kind kind; /* ... so */
    size_t offset;
    size_t length;
};

static const struct use uses[] = {
    {"Lung512", "window-c-600-w1500_size-512x512_u16", 0, 0, 0},
    {"v1_Lung512", "window-c-600-w1500_size-512x512_u16", 0, 0, 0},
    {"All", "full", 0, 0, 0},
    {"All_crop", "crop", 0, 0, 0},
    {"Old", "crop-max", 0, 0, 0},
    {"Old_Lung", "window-c-600-w1500_crop-max", 0, 0, 0},
    /* typed out beats the preset, wherever it stands */
    {"Lung512_u8", "window-c-600-w1500_size-512x512_u8", 0, 0, 0},
    {"u8_Lung512", "window-c-600-w1500_size-512x512_u8", 0, 0, 0},
    {"Lung512_spacing-1x1", "window-c-600-w1500_spacing-1x1_u16", 0, 0, 0},
    {"Lung512_window-n2", "window-n2_size-512x512_u16", 0, 0, 0},
    {"Lung512_window-n1", "size-512x512_u16", 0, 0, 0},
    {"Lung512_range-0to1", "range-0to1_size-512x512_u16", 0, 0, 0},
    {"Lung512_hu", "hu_size-512x512_u16", 0, 0, 0},
    {"Lung512_raw", "raw_size-512x512_u16", 0, 0, 0},
    {"Raw1_window-n2", "window-n2", 0, 0, 0},
    {"Raw1_raw_window-n2", "raw_window-n2", 0, 0, 0},
    {"Lung512_raw_window-n2", "raw_window-n2_size-512x512_u16", 0, 0, 0},
    {"Ct_raw", "raw_i16", 0, 0, 0},
    {"Ct_range-0to1_u8", "range-0to1_u8", 0, 0, 0},
    {"Padded_pad-zero", "size-64x64", 0, 0, 0},
    {"Padded_fill-3", "size-64x64_pad-center_fill-3", 0, 0, 0},
    /* two presets, or what is left of one, may contradict */
    {"Lung512_Lung", NULL, VIEW_PROBLEM_CONFLICT, 8, 4},
    {"Lung_Lung", NULL, VIEW_PROBLEM_CONFLICT, 5, 4},
    {"Ct_Raw1", NULL, VIEW_PROBLEM_CONFLICT, 3, 4},
    {"Ct_window-n2", NULL, VIEW_PROBLEM_CONFLICT, 0, 2},
    {"Ct_Lung", NULL, VIEW_PROBLEM_CONFLICT, 0, 2},
    {"crop_Padded_spacing-1x1", NULL, VIEW_PROBLEM_IDLE, 5, 6},
    {"Lung512-3", NULL, VIEW_PROBLEM_SYNTAX, 7, 2},
    {"lung512", NULL, VIEW_PROBLEM_UNKNOWN, 0, 7},
    {"Lung51", NULL, VIEW_PROBLEM_UNKNOWN, 0, 6},
    {"Lung5122", NULL, VIEW_PROBLEM_UNKNOWN, 0, 8},
    {"Lung512.tiff", NULL, VIEW_PROBLEM_UNKNOWN, 0, 12},
    {"crop_Lun", NULL, VIEW_PROBLEM_WORD, 5, 3},
};

START_TEST(a_preset_is_used)
{
    const struct use *use = &uses[_i];
    struct view_presets *presets = load(config);
    struct view view;
    struct view_problem problem;
    char text[VIEW_TEXT_SIZE];
    struct error err = ERROR_INIT;
    int rc = view_parse(use->text, presets, &view, &problem, &err);

    if (use->canonical) {
        ck_assert_msg(rc == 0, "%s: %s", use->text, err.msg);
        (void)view_print(&view, text, sizeof text);
        ck_assert_str_eq(text, use->canonical);
    } else {
        ck_assert_int_eq(rc, -1);
        ck_assert_msg(problem.kind == use->kind, "%d: %s", problem.kind,
                      err.msg);
        ck_assert_uint_eq(problem.offset, use->offset);
        ck_assert_uint_eq(problem.length, use->length);
    }
    view_presets_free(presets);
}
END_TEST

START_TEST(the_nearest_word_may_be_a_preset)
{
    struct view_presets *presets = load(config);
    struct view view;
    struct view_problem problem;

    ck_assert_int_eq(view_parse("Lung521", presets, &view, &problem, NULL), -1);
    ck_assert_str_eq(problem.nearest, "Lung512");
    view_presets_free(presets);
}
END_TEST

struct refusal {
    const char *text;
    const char *msg; /* what the message begins with */
};

static const struct refusal refusals[] = {
    {"[views]\nlung = crop\n", "t.ini:2: preset 'lung' must begin with"},
    {"[views]\n\nLu-ng = crop\n", "t.ini:3: preset 'Lu-ng' may have"},
    {"[views]\nLu ng = crop\n", "t.ini:2: preset 'Lu ng' may have"},
    {"[views]\n= crop\n", "t.ini:2: preset '' must begin with"},
    {"[views]\nA23456789012345678901234567890123 = crop\n",
     "t.ini:2: preset 'A23456789012345678901234567890123' has a name of"},
    {"[views]\nA = crop\nB = crop\na = crop\n",
     "t.ini:4: preset 'a' must begin with"},
    {"[views]\nAb = crop\nB = crop\nAB = crop\n",
     "t.ini:4: preset 'AB' is line 2's 'Ab'"},
    {"[views]\nAb = crop\nAb = crop\n",
     "t.ini:3: preset 'Ab' is line 2's 'Ab'"},
    {"[views]\nCrop = crop\n", "t.ini:2: preset 'Crop' differs from a word"},
    {"[views]\nHu = crop\n", "t.ini:2: preset 'Hu' differs from a word"},
    {"[views]\nMip = crop\n", "t.ini:2: preset 'Mip' differs from a word"},
    {"[views]\nFull = crop\n", "t.ini:2: preset 'Full' differs from a word"},
    {"[views]\nV3 = crop\n", "t.ini:2: preset 'V3' differs from a word"},
    {"[views]\nX0123456789ABCDEF = crop\n",
     "t.ini:2: preset 'X0123456789ABCDEF' differs from a word"},
    {"[views]\nCon = crop\n", "t.ini:2: preset 'Con' is a device name"},
    {"[views]\nNUL = crop\n", "t.ini:2: preset 'NUL' is a device name"},
    {"[views]\nCom1 = crop\n", "t.ini:2: preset 'Com1' is a device name"},
    {"[views]\nLpt9 = crop\n", "t.ini:2: preset 'Lpt9' is a device name"},
    {"[views]\nLung =\n", "t.ini:2: preset 'Lung' is empty"},
    {"[views]\nLung\n", "t.ini:2: 'Name = operators' is expected"},
    {"[views\nLung = crop\n", "t.ini:1: a section ends with"},
    {"[views]\nLung = cropp\n", "t.ini:2: preset 'Lung': view, byte 0:"},
    {"[views]\nLung = crop_i16\n", "t.ini:2: preset 'Lung': view, byte 5:"},
    {"[views]\nA = crop\nB = A_u8\n",
     "t.ini:3: preset 'B': view, byte 0: 'A' is no operator"},
};

START_TEST(a_bad_configuration_is_refused_with_its_line)
{
    struct view_presets *presets;
    struct error err = ERROR_INIT;

    ck_assert_int_eq(
        view_presets_parse("t.ini", refusals[_i].text, &presets, &err), -1);
    ck_assert_ptr_null(presets);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_msg(
        strncmp(err.msg, refusals[_i].msg, strlen(refusals[_i].msg)) == 0, "%s",
        err.msg);
}
END_TEST

START_TEST(names_that_only_resemble_reserved_ones_are_fine)
{
    struct view_presets *presets =
        load("[views]\nCom = crop\nCom10 = crop\nConsole = crop\nV = crop\n"
             "Vol2 = crop\nA2345678901234567890123456789012 = crop\n"
             "X0123456789abcde = crop");

    ck_assert_uint_eq(view_presets_count(presets), 7);
    view_presets_free(presets);
}
END_TEST

START_TEST(many_presets_are_all_found)
{
    static char text[200 * 32 + 16];
    struct view_presets *presets;
    size_t n = (size_t)sprintf(text, "[views]\n");

    for (unsigned i = 0; i < 200; i++)
        n += (size_t)sprintf(text + n, "P%u = pick-%u\n", i, i + 1);
    presets = load(text);
    for (unsigned i = 0; i < 200; i++) {
        struct view view;
        char name[16];

        (void)sprintf(name, "P%u", i);
        ck_assert_int_eq(view_parse(name, presets, &view, NULL, NULL), 0);
        ck_assert_uint_eq(view.pick_first, i + 1);
    }
    view_presets_free(presets);
}
END_TEST

START_TEST(all_operators_at_once_fit_and_are_hashed)
{
    /* a preset may say more than a typed name can */
    char text[VIEW_TEXT_SIZE];
    char name[VIEW_DIRNAME_MAX + 1];
    struct view view, again;
    struct error err = ERROR_INIT;
    struct view_presets *presets = load(
        "[views]\nEverything = series_pick-100000to131071by131071_order-"
        "stored_window-c-123456789.012345-w123456789.012345-sigmoid_noinvert_"
        "padval--12345678.9012345_plane-cor_flip-hvz_rot-359.999999999999_"
        "vol-interp-131071_slab-median-d131071-s131070_box-999999x999999x"
        "999999at999999x999999x999999_size-999999x999999x999999-stretch_noup_"
        "filter-catmullrom_fill-reflect_canvas-999999x999999x999999_roi-"
        "abcdefghijklmnopqrstuvwxyz012345-999999x999999x999999_norm-m-"
        "123456789.012345-s123456789.012345_f32_rgb_pack-packbits_big_list-"
        "json_tree\n");

    ck_assert_msg(view_parse("Everything", presets, &view, NULL, &err) == 0,
                  "%s", err.msg);
    ck_assert_uint_lt(view_print(&view, text, sizeof text), sizeof text);
    ck_assert_uint_gt(strlen(text), 500);
    view_canonical_name(&view, name);
    ck_assert(view_name_is_hashed(name));
    ck_assert_int_eq(view_parse_stored(text, &again, &err), 0);
    ck_assert(view_equal(&view, &again));
    view_presets_free(presets);
}
END_TEST

START_TEST(a_file_is_read)
{
    char path[] = "/tmp/prepfs-test-XXXXXX";
    int fd = mkstemp(path);
    struct view_presets *presets;
    struct error err = ERROR_INIT;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, config, sizeof config - 1),
                     (ssize_t)sizeof config - 1);
    ck_assert_int_eq(view_presets_load(path, &presets, &err), 0);
    ck_assert_uint_eq(view_presets_count(presets), 7);
    view_presets_free(presets);

    ck_assert_int_eq(write(fd, "\0", 1), 1);
    ck_assert_int_eq(view_presets_load(path, &presets, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_int_eq(ftruncate(fd, (1 << 20) + 1), 0);
    ck_assert_int_eq(view_presets_load(path, &presets, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    (void)close(fd);
    (void)unlink(path);

    ck_assert_int_eq(view_presets_load(path, &presets, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_IO);
    ck_assert_int_eq(err.sys_errno, ENOENT);
    ck_assert_ptr_null(presets);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("view_preset");
    TCase *t = tcase_create("presets");
    SRunner *r;
    int failed;

    tcase_add_test(t, presets_come_sorted_from_their_section);
    tcase_add_loop_test(t, a_preset_is_used, 0,
                        (int)(sizeof uses / sizeof uses[0]));
    tcase_add_test(t, the_nearest_word_may_be_a_preset);
    tcase_add_loop_test(t, a_bad_configuration_is_refused_with_its_line, 0,
                        (int)(sizeof refusals / sizeof refusals[0]));
    tcase_add_test(t, names_that_only_resemble_reserved_ones_are_fine);
    tcase_add_test(t, many_presets_are_all_found);
    tcase_add_test(t, all_operators_at_once_fit_and_are_hashed);
    tcase_add_test(t, a_file_is_read);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
