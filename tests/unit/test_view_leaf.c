// SPDX-License-Identifier: MIT
/*
 * test_view_leaf.c: the names of files.
 */
#undef NDEBUG
#include "view/view.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct name {
    const char *text;
    const char *stem;
    enum view_part_kind kind;
    uint32_t part;
    uint32_t duplicate;
    enum view_ext ext;
    bool is_alias;
};

#define UID "1.2.840.113619.2.55.3.604688119.868.1259120.1"
#define NONE VIEW_PART_NONE, 0, 0

static const struct name names[] = {
    {UID ".tiff", UID, NONE, VIEW_EXT_TIFF, false},
    {UID ".tif", UID, NONE, VIEW_EXT_TIFF, true},
    {UID ".TIFF", UID, NONE, VIEW_EXT_TIFF, true},
    {UID ".TIF", UID, NONE, VIEW_EXT_TIFF, true},
    {UID ".npy", UID, NONE, VIEW_EXT_NPY, false},
    {UID ".nii", UID, NONE, VIEW_EXT_NII, false},
    {UID ".png", UID, NONE, VIEW_EXT_PNG, false},
    {UID ".json", UID, NONE, VIEW_EXT_JSON, false},
    {"1.tiff", "1", NONE, VIEW_EXT_TIFF, false},
    {"x0123456789abcdef.tiff", "x0123456789abcdef", NONE, VIEW_EXT_TIFF, false},
    {UID ".f00001.tiff", UID, VIEW_PART_FRAME, 1, 0, VIEW_EXT_TIFF, false},
    {UID ".f00012.png", UID, VIEW_PART_FRAME, 12, 0, VIEW_EXT_PNG, false},
    {UID ".p131071.npy", UID, VIEW_PART_PATCH, 131071, 0, VIEW_EXT_NPY, false},
    {UID ".d2.tiff", UID ".d2", VIEW_PART_NONE, 0, 2, VIEW_EXT_TIFF, false},
    {UID ".d13.f00003.tif", UID ".d13", VIEW_PART_FRAME, 3, 13, VIEW_EXT_TIFF,
     true},
    /* a part has one spelling; what is none belongs to the stem */
    {UID ".f1.tiff", UID ".f1", NONE, VIEW_EXT_TIFF, false},
    {UID ".f000001.tiff", UID ".f000001", NONE, VIEW_EXT_TIFF, false},
    {UID ".f00000.tiff", UID ".f00000", NONE, VIEW_EXT_TIFF, false},
    {UID ".p131072.tiff", UID ".p131072", NONE, VIEW_EXT_TIFF, false},
    {UID ".q00001.tiff", UID ".q00001", NONE, VIEW_EXT_TIFF, false},
    {UID ".d02.tiff", UID ".d02", NONE, VIEW_EXT_TIFF, false},
};

START_TEST(a_name_has_parts)
{
    const struct name *n = &names[_i];
    struct view_leaf leaf;
    struct error err = ERROR_INIT;
    char text[VIEW_LEAF_SIZE];

    ck_assert_int_eq(view_leaf_parse(n->text, &leaf, &err), 0);
    ck_assert_str_eq(leaf.stem, n->stem);
    ck_assert_int_eq(leaf.kind, n->kind);
    ck_assert_uint_eq(leaf.part, n->part);
    ck_assert_uint_eq(leaf.duplicate, n->duplicate);
    ck_assert_int_eq(leaf.ext, n->ext);
    ck_assert_int_eq(leaf.is_alias, n->is_alias);
    ck_assert_uint_eq(view_leaf_print(&leaf, text, sizeof text), strlen(text));
    if (!n->is_alias)
        ck_assert_str_eq(text, n->text);
    ck_assert_int_eq(strcmp(strrchr(text, '.') + 1, view_ext_name(n->ext)), 0);
}
END_TEST

#define STEM_79                                                                \
    "1.23456789012345678901234567890123456789"                                 \
    "012345678901234567890123456789012345678"
_Static_assert(sizeof STEM_79 == VIEW_STEM_SIZE, "79 bytes");

static const char *const no_names[] = {"",
                                       "tiff",
                                       ".tiff",
                                       "1.2.3",
                                       "1.2.tifff",
                                       "1.2.Tiff",
                                       "1.2.NPY",
                                       "1.2.dcm",
                                       "1.2..tiff",
                                       ".hidden.tiff",
                                       "1 2.tiff",
                                       "1/2.tiff",
                                       "1.2.tiff~",
                                       "-1.tiff",
                                       "1.2.tiff.part",
                                       "Thumbs.db",
                                       ".f00001.tiff",
                                       "1.f00001",
                                       STEM_79 "0.tiff",
                                       "1\n2.tiff",
                                       STEM_79 STEM_79 ".tiff",
                                       "\xc3\xa4.tiff"};

START_TEST(what_is_no_name_is_not_found)
{
    struct view_leaf leaf;
    struct error err = ERROR_INIT;

    ck_assert_msg(view_leaf_parse(no_names[_i], &leaf, &err) == -1, "%s",
                  no_names[_i]);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
}
END_TEST

START_TEST(the_longest_stem_fits)
{
    struct view_leaf leaf;
    struct error err = ERROR_INIT;
    char text[VIEW_LEAF_SIZE];

    ck_assert_int_eq(view_leaf_parse(STEM_79 ".p131071.json", &leaf, &err), 0);
    ck_assert_str_eq(leaf.stem, STEM_79);
    ck_assert_uint_lt(view_leaf_print(&leaf, text, sizeof text), sizeof text);
    ck_assert_uint_eq(view_leaf_print(&leaf, text, 4), 79 + 8 + 5);
    ck_assert_str_eq(text, "1.2");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("view_leaf");
    TCase *t = tcase_create("leaves");
    SRunner *r;
    int failed;

    tcase_add_loop_test(t, a_name_has_parts, 0,
                        (int)(sizeof names / sizeof names[0]));
    tcase_add_loop_test(t, what_is_no_name_is_not_found, 0,
                        (int)(sizeof no_names / sizeof no_names[0]));
    tcase_add_test(t, the_longest_stem_fits);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
