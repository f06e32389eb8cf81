// SPDX-License-Identifier: MIT
/* test_tree.c: names, numbers and listings of the virtual tree. */
#undef NDEBUG
#include "tree.h"

#include <inttypes.h>

#include "support/front.h"

static struct front f;
static struct tree *t;

static const char conf[] = "studies 4\nseries 2\nleaves 10\nbytes 1000\n"
                           "step 1\nframes 3\nerror 3 corrupt attr\n";
static const char presets[] =
    "[views]\n"
    "Auto = crop\n"
    "Lung = window-c-600-w1500_u8\n"
    "Thorax = window-c-600-w1500_u8\n"
    "Long = order-stored_window-c-600.123456789-w1500.987654321-sigmoid_"
    "invert_padval--123456.7890123_flip-hv_rot-90_box-512345x512345at123456x"
    "123456_size-512345x512345_noup_filter-catmullrom_pad-bottomright_fill-"
    "65535.123456789_u16_rgb_pack-deflate_big_tree\n";

static void setup(void)
{
    front_open(&f, conf, presets);
    t = f.parts.fs.tree;
}

static void teardown(void)
{
    front_close(&f);
}

/* Looks a path up, following no links; false with the error's kind. */
static bool walk(const char *path, struct tree_entry *ret,
                 enum error_kind *ret_kind)
{
    char copy[512], *save = NULL;
    struct error err = ERROR_INIT;
    uint64_t number = INODE_ROOT;

    (void)snprintf(copy, sizeof copy, "%s", path);
    for (char *name = strtok_r(copy, "/", &save); name;
         name = strtok_r(NULL, "/", &save)) {
        if (tree_lookup(t, number, name, true, ret, &err) != 0) {
            *ret_kind = err.kind;
            return false;
        }
        number = ret->attr.st_ino;
    }
    return true;
}

static struct stat must_find(const char *path)
{
    enum error_kind kind;
    struct tree_entry found;

    ck_assert_msg(walk(path, &found, &kind), "%s: kind %d", path, (int)kind);
    return found.attr;
}

START_TEST(three_paths_are_one_leaf)
{
    struct stat a = must_find("full/1.2.2/1.2.2.1.1.tiff");
    static const char *const others[] = {
        "full/1.2.2/1.2.2.1.1.tif", "full/1.2.2/1.2.2.1/1.2.2.1.1.tiff",
        "full/1.2.2/1.2.2.1/1.2.2.1.1.tif", "full/1.2.2/1.2.2.1.1.TIFF"};

    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(must_find(others[i]).st_ino, a.st_ino);
    ck_assert_uint_eq(a.st_ino, UINT64_C(1) << 46 | 11 << 21);
    ck_assert_int_eq(a.st_size, 1000);
    ck_assert_int_eq(a.st_blocks, 2);
    ck_assert_uint_eq(a.st_nlink, 1);
    ck_assert_int_eq(a.st_blksize, 131072);
    ck_assert_uint_eq(a.st_mode, S_IFREG | 0400);
    ck_assert_uint_ne(must_find("full/1.2.2/1.2.2.1.1.npy").st_ino, a.st_ino);
    ck_assert_uint_ne(must_find("crop/1.2.2/1.2.2.1.1.tiff").st_ino, a.st_ino);
}
END_TEST

START_TEST(spellings_of_a_view_share_one_link)
{
    struct stat lung = must_find("Lung"), other;
    char target[VIEW_DIRNAME_MAX + 1];
    struct error err = ERROR_INIT;

    ck_assert_uint_eq(lung.st_mode, S_IFLNK | 0777);
    other = must_find("u8_window-c-600.0-w1500");
    ck_assert_uint_eq(other.st_ino, lung.st_ino);
    ck_assert_uint_eq(must_find("Thorax").st_ino, lung.st_ino);
    ck_assert_int_eq(tree_readlink(t, lung.st_ino, target, &err), 0);
    ck_assert_str_eq(target, "window-c-600-w1500_u8");
    ck_assert_int_eq(lung.st_size, (off_t)strlen(target));
    ck_assert_uint_eq(must_find(target).st_mode, S_IFDIR | 0500);
    ck_assert_uint_ne(must_find(target).st_ino, lung.st_ino);
}
END_TEST

START_TEST(long_views_have_short_names)
{
    struct stat link = must_find("Long");
    char target[VIEW_DIRNAME_MAX + 1];
    struct error err = ERROR_INIT;

    ck_assert_int_eq(tree_readlink(t, link.st_ino, target, &err), 0);
    ck_assert_msg(view_name_is_hashed(target), "%s", target);
    ck_assert_uint_eq(must_find(target).st_mode, S_IFDIR | 0500);
}
END_TEST

static const struct {
    const char *path;
    enum error_kind kind;
} leaf_paths[] = {
    {"nonsense", ERROR_NOT_FOUND},
    {".git", ERROR_NOT_FOUND},
    {"x0123456789abcdef", ERROR_NOT_FOUND},
    {"crop_crop", ERROR_BAD_VIEW},
    {"size-0x10", ERROR_BAD_VIEW},
    {"crop/1.2.9", ERROR_NOT_FOUND},
    {"crop/1.2.1/nothing", ERROR_NOT_FOUND},
    {"crop/1.2.1/1.2.1.1.99.tiff", ERROR_NOT_FOUND},
    {"crop/1.2.1/1.2.1.1.1.jpeg", ERROR_NOT_FOUND},
    {"crop/1.2.1/1.2.1.1.1", ERROR_NOT_FOUND},
    {"full/1.2.1/1.2.1.1.1.f00001.tiff", ERROR_NOT_FOUND},
    {"full/1.2.1/1.2.1.1.1.p00001.tiff", ERROR_NOT_FOUND},
    {"full/1.2.1/1.2.1.1.1.f00001.json", ERROR_NOT_FOUND},
    {"series/1.2.1/1.2.1.1.tiff", ERROR_NONE},
    {"series/1.2.1/1.2.1.1.nii", ERROR_NONE},
    {"series/1.2.1/1.2.1.1.1.tiff", ERROR_NOT_FOUND}, /* an image */
    {"series/1.2.1/1.2.1.9.tiff", ERROR_NOT_FOUND},
    {"series/1.2.1/1.2.1.2/1.2.1.1.tiff", ERROR_NOT_FOUND},
    {"full/1.2.1/1.2.1.1.tiff", ERROR_NOT_FOUND}, /* a series */
    {"frames/1.2.1/1.2.1.1.1.f00001.tiff", ERROR_NONE},
    {"frames/1.2.1/1.2.1.1.1.f00003.npy", ERROR_NONE},
    {"frames/1.2.1/1.2.1.1/1.2.1.1.1.f00002.json", ERROR_NONE},
    {"frames/1.2.1/1.2.1.1.1.json", ERROR_NONE},
    {"frames/1.2.1/1.2.1.1.1.tiff", ERROR_NOT_FOUND},
    {"frames/1.2.1/1.2.1.1.1.f00004.tiff", ERROR_NOT_FOUND},
    {"frames/1.2.1/1.2.1.1.1.p00001.tiff", ERROR_NOT_FOUND},
    {"full/1.2.1/1.2.1.2/1.2.1.1.1.tiff", ERROR_NOT_FOUND}, /* other series */
    {"full/1.2.1/1.2.1.2.4.tiff", ERROR_CORRUPT},
    {".prepfs/nothing", ERROR_NOT_FOUND},
    {"manifest.db", ERROR_NOT_FOUND},
    {"manifest.db-journal", ERROR_NOT_FOUND},
};

START_TEST(names_are_found_or_fail_as_they_should)
{
    enum error_kind kind = ERROR_NONE;
    struct tree_entry found;

    ck_assert(walk(leaf_paths[_i].path, &found, &kind) ==
              (leaf_paths[_i].kind == ERROR_NONE));
    ck_assert_msg(kind == leaf_paths[_i].kind, "%s: %d", leaf_paths[_i].path,
                  (int)kind);
}
END_TEST

START_TEST(a_quota_of_views_is_kept)
{
    struct error err = ERROR_INIT;
    struct tree_entry found;
    char name[32];
    int rc = 0;

    for (int i = 1; i < 200 && rc == 0; i++) {
        (void)snprintf(name, sizeof name, "size-%dx8", i);
        rc = tree_lookup(t, INODE_ROOT, name, true, &found, &err);
    }
    ck_assert_int_lt(rc, 0);
    ck_assert_int_eq(err.kind, ERROR_QUOTA);
    (void)must_find("size-1x8"); /* those that have a number stay */
}
END_TEST

START_TEST(what_takes_work_says_so)
{
    struct stat study = must_find("crop/1.2.1");
    struct error err = ERROR_INIT;
    struct tree_entry found;
    struct stat attr;

    ck_assert_int_eq(
        tree_lookup(t, INODE_ROOT, "size-9x9", false, &found, &err), 1);
    ck_assert_int_eq(tree_lookup(t, INODE_ROOT, "crop", false, &found, &err),
                     0);
    ck_assert_int_eq(
        tree_lookup(t, study.st_ino, "1.2.1.1.1.tiff", false, &found, &err), 1);
    ck_assert_int_eq(
        tree_lookup(t, study.st_ino, "1.2.1.1.1.tiff", true, &found, &err), 0);
    ck_assert_int_eq(tree_getattr(t, found.attr.st_ino, false, &attr, &err), 0);
    ck_assert_int_eq(
        tree_getattr(t, found.attr.st_ino + (4 << 21), false, &attr, &err), 1);
}
END_TEST

START_TEST(attributes_by_number_are_those_by_name)
{
    static const char *const paths[] = {"full",
                                        "full/1.2.3",
                                        "full/1.2.3/1.2.3.2",
                                        "Lung",
                                        ".prepfs",
                                        ".prepfs/explain",
                                        "full/1.2.3/1.2.3.2.2.tiff",
                                        ".prepfs/stats.json"};
    struct error err = ERROR_INIT;
    struct stat named, numbered;

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        named = must_find(paths[i]);
        ck_assert_int_eq(tree_getattr(t, named.st_ino, true, &numbered, &err),
                         0);
        ck_assert_msg(memcmp(&named, &numbered, sizeof named) == 0, "%s",
                      paths[i]);
    }
}
END_TEST

START_TEST(the_way_up_is_the_way_down)
{
    static const char *const paths[] = {"full", "full/1.2.3",
                                        "full/1.2.3/1.2.3.2", ".prepfs",
                                        ".prepfs/explain"};
    struct error err = ERROR_INIT;
    struct tree_entry up, self;
    char above[64];

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct stat here = must_find(paths[i]);
        char *slash;

        (void)snprintf(above, sizeof above, "%s", paths[i]);
        slash = strrchr(above, '/');
        if (slash)
            *slash = '\0';
        ck_assert_int_eq(tree_lookup(t, here.st_ino, "..", true, &up, &err), 0);
        ck_assert_uint_eq(up.attr.st_ino,
                          slash ? must_find(above).st_ino : INODE_ROOT);
        ck_assert_int_eq(tree_lookup(t, here.st_ino, ".", true, &self, &err),
                         0);
        ck_assert_uint_eq(self.attr.st_ino, here.st_ino);
    }
}
END_TEST

START_TEST(numbers_that_are_no_more_are_stale)
{
    struct stat leaf = must_find("full/1.2.1/1.2.1.1.1.tiff");
    struct error err = ERROR_INIT;
    struct stat attr, again;

    scratch_write(f.archive, "pattern.conf",
                  "studies 2\nleaves 10\nbytes 1000\ngeneration 1\n", 0);
    ck_assert_int_eq(pattern_reload(f.parts.fs.manifest, true, &err), 0);
    ck_assert_int_lt(tree_getattr(t, leaf.st_ino, true, &attr, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_STALE);
    again = must_find("full/1.2.1/1.2.1.1.1.tiff");
    ck_assert_uint_ne(again.st_ino, leaf.st_ino);
    /* a study, a view that never were */
    ck_assert_int_lt(
        tree_getattr(t, UINT64_C(1) << 46 | 99 << 21 | 8, true, &attr, &err),
        0);
    ck_assert_int_eq(err.kind, ERROR_STALE);
    ck_assert_int_lt(
        tree_getattr(t, UINT64_C(77) << 46 | 10, true, &attr, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_STALE);
}
END_TEST

/* ---- listings ---- */

struct page {
    int room;
    int n;
    uint64_t next;
    char names[256][96];
    uint64_t numbers[256];
    int with_attr;
};

static bool take(void *opaque, const struct tree_item *item)
{
    struct page *p = opaque;

    if (p->room == 0)
        return false;
    p->room--;
    ck_assert_uint_gt(item->next, p->next);
    (void)snprintf(p->names[p->n], sizeof p->names[0], "%s", item->name);
    p->numbers[p->n++] = item->number;
    p->next = item->next;
    p->with_attr += item->attr != NULL;
    return true;
}

/* Lists a folder, `room` entries at a time. */
static void list(uint64_t folder, int room, bool with_attr, struct page *ret)
{
    struct tree_range range = {
        .expected = (unsigned)room, .with_attr = with_attr, .may_work = true};
    struct error err = ERROR_INIT;
    int before;

    memset(ret, 0, sizeof *ret);
    do {
        before = ret->n;
        ret->room = room;
        ck_assert_msg(tree_list(t, folder, &range, take, ret, &err) == 0, "%s",
                      err.msg);
        range.after = ret->next;
    } while (ret->n > before);
}

static const char *const folders[] = {
    "",
    "full",
    "full/1.2.1",
    "full/1.2.1/1.2.1.2",
    "tree/1.2.1",
    "crop/1.2.2",
    ".prepfs",
    ".prepfs/explain",
    "frames/1.2.1",
    "frames_list-npy/1.2.1/1.2.1.2",
    "frames_spacing-1x1x1/1.2.1",
    "series/1.2.1",
    "series_tree/1.2.1/1.2.1.2",
};
enum { N_FOLDERS = sizeof folders / sizeof folders[0] };

static struct page one_by_one, at_once;

START_TEST(every_page_size_gives_the_same_listing)
{
    static const int rooms[] = {1, 2, 3, 7, 64, 200};
    uint64_t number = *folders[_i] ? must_find(folders[_i]).st_ino : INODE_ROOT;

    list(number, 255, false, &at_once);
    ck_assert_int_gt(at_once.n, 2);
    ck_assert_str_eq(at_once.names[0], ".");
    ck_assert_str_eq(at_once.names[1], "..");
    for (size_t r = 0; r < 6; r++) {
        list(number, rooms[r], false, &one_by_one);
        ck_assert_int_eq(one_by_one.n, at_once.n);
        for (int i = 0; i < at_once.n; i++)
            ck_assert_str_eq(one_by_one.names[i], at_once.names[i]);
    }
}
END_TEST

START_TEST(listed_numbers_are_those_of_lookup)
{
    uint64_t number = *folders[_i] ? must_find(folders[_i]).st_ino : INODE_ROOT;
    struct error err = ERROR_INIT;
    struct tree_entry found;

    list(number, 255, false, &at_once);
    for (int i = 0; i < at_once.n; i++) {
        if (at_once.numbers[i] == TREE_UNKNOWN)
            continue;
        if (tree_lookup(t, number, at_once.names[i], true, &found, &err) < 0)
            ck_assert_int_eq(err.kind, ERROR_CORRUPT); /* image 4 */
        else
            ck_assert_msg(found.attr.st_ino == at_once.numbers[i], "%s/%s",
                          folders[_i], at_once.names[i]);
    }
}
END_TEST

START_TEST(only_cheap_attributes_are_listed)
{
    list(must_find("full/1.2.1").st_ino, 255, true, &at_once);
    ck_assert_int_eq(at_once.n, 12);
    ck_assert_int_eq(at_once.with_attr, 9); /* one is corrupt */
    list(must_find("crop/1.2.1").st_ino, 255, true, &at_once);
    ck_assert_int_eq(at_once.n, 12);
    ck_assert_int_eq(at_once.with_attr, 0); /* sizes need pixels */
    list(must_find("full").st_ino, 255, true, &at_once);
    ck_assert_int_eq(at_once.with_attr, 4);
}
END_TEST

START_TEST(parts_are_listed_one_by_one)
{
    list(must_find("frames/1.2.1").st_ino, 255, true, &at_once);
    ck_assert_int_eq(at_once.n, 2 + 10 * 3);
    ck_assert_int_eq(at_once.with_attr, 9 * 3); /* one image is corrupt */
    ck_assert_str_eq(at_once.names[2], "1.2.1.1.1.f00001.tiff");
    ck_assert_str_eq(at_once.names[4], "1.2.1.1.1.f00003.tiff");
    ck_assert_str_eq(at_once.names[5], "1.2.1.2.2.f00001.tiff");
    list(must_find("frames_list-json/1.2.1/1.2.1.2").st_ino, 255, true,
         &at_once);
    ck_assert_int_eq(at_once.n, 2 + 5 * 3);
    ck_assert_str_eq(at_once.names[4], "1.2.1.2.2.f00003.json");
}
END_TEST

START_TEST(parts_that_must_be_counted_first_say_so)
{
    uint64_t folder = must_find("frames_spacing-1x1x1/1.2.1").st_ino;
    struct tree_range range = {.expected = 100, .with_attr = true};
    struct error err = ERROR_INIT;
    struct tree_entry found;

    memset(&at_once, 0, sizeof at_once);
    at_once.room = 100;
    ck_assert_int_eq(tree_list(t, folder, &range, take, &at_once, &err), 1);
    ck_assert_int_eq(at_once.n, 2); /* . and .. */
    range.after = at_once.next;
    range.may_work = true;
    ck_assert_int_eq(tree_list(t, folder, &range, take, &at_once, &err), 0);
    ck_assert_int_eq(at_once.n, 2 + 10 * 3);
    ck_assert_int_eq(at_once.with_attr, 0);
    /* their names are not expired by a rescan, so they do not last */
    ck_assert_int_eq(
        tree_lookup(t, folder, at_once.names[2], true, &found, &err), 0);
    ck_assert_int_eq(found.life, TREE_BRIEFLY);
    folder = must_find("frames/1.2.1").st_ino;
    ck_assert_int_eq(
        tree_lookup(t, folder, at_once.names[2], true, &found, &err), 0);
    ck_assert_int_eq(found.life, TREE_FOR_EVER);
}
END_TEST

START_TEST(series_are_listed_as_files)
{
    struct stat leaf = must_find("series/1.2.1/1.2.1.2.tiff");

    list(must_find("series/1.2.1").st_ino, 255, true, &at_once);
    ck_assert_int_eq(at_once.n, 4);
    ck_assert_str_eq(at_once.names[2], "1.2.1.1.tiff");
    ck_assert_str_eq(at_once.names[3], "1.2.1.2.tiff");
    ck_assert_uint_eq(at_once.numbers[3], leaf.st_ino);
    ck_assert_int_eq(at_once.with_attr, 2);
    list(must_find("series_tree/1.2.1").st_ino, 255, false, &at_once);
    ck_assert_int_eq(at_once.n, 4);
    ck_assert_str_eq(at_once.names[2], "1.2.1.1.tiff");
    list(must_find("series/1.2.1/1.2.1.2").st_ino, 255, false, &at_once);
    ck_assert_int_eq(at_once.n, 3);
    ck_assert_uint_eq(at_once.numbers[2], leaf.st_ino);
    ck_assert_uint_eq(must_find("series/1.2.1/1.2.1.2/1.2.1.2.tif").st_ino,
                      leaf.st_ino);
}
END_TEST

START_TEST(the_view_says_what_is_listed)
{
    list(must_find("tree/1.2.1").st_ino, 255, false, &at_once);
    ck_assert_int_eq(at_once.n, 4);
    ck_assert_str_eq(at_once.names[2], "1.2.1.1");
    list(INODE_ROOT, 255, false, &at_once);
    ck_assert_int_eq(at_once.n, 8); /* . .. full .prepfs and 4 presets */
    ck_assert_str_eq(at_once.names[2], "full");
    ck_assert_str_eq(at_once.names[3], ".prepfs");
    ck_assert_str_eq(at_once.names[4], "Auto");
}
END_TEST

START_TEST(small_listings_may_be_kept)
{
    ck_assert(tree_listing_is_cacheable(t, must_find("full/1.2.1").st_ino));
    ck_assert(tree_listing_is_cacheable(t, must_find("full").st_ino));
    ck_assert(!tree_listing_is_cacheable(t, INODE_ROOT));
    ck_assert(!tree_listing_is_cacheable(t, must_find(".prepfs").st_ino));
    ck_assert(tree_listing_is_cacheable(t, must_find("frames").st_ino));
    ck_assert(!tree_listing_is_cacheable(t, must_find("frames/1.2.1").st_ino));
}
END_TEST

START_TEST(a_big_listing_may_not)
{
    struct error err = ERROR_INIT;

    scratch_write(f.archive, "pattern.conf", "studies 1\nleaves 5000\n", 0);
    ck_assert_int_eq(pattern_reload(f.parts.fs.manifest, true, &err), 0);
    ck_assert(!tree_listing_is_cacheable(t, must_find("full/1.2.1").st_ino));
}
END_TEST

/* ---- presets as folders ---- */

static void setup_dirs(void)
{
    setup();
    parts_close(&f.parts);
    f.options.preset_dirs = true;
    ck_assert_int_eq(
        parts_open(&f.parts, &f.options, &f.paths, NULL, &f.log, NULL, NULL),
        0);
    t = f.parts.fs.tree;
}

START_TEST(preset_folders_differ_and_their_images_do_not)
{
    struct stat lung = must_find("Lung"), thorax = must_find("Thorax");
    struct stat canonical = must_find("window-c-600-w1500_u8");

    ck_assert_uint_eq(lung.st_mode, S_IFDIR | 0500);
    ck_assert_uint_ne(lung.st_ino, thorax.st_ino);
    ck_assert_uint_ne(lung.st_ino, canonical.st_ino);
    ck_assert_uint_ne(must_find("Lung/1.2.1").st_ino,
                      must_find("Thorax/1.2.1").st_ino);
    ck_assert_uint_ne(must_find("Lung/1.2.1/1.2.1.1").st_ino,
                      must_find("Thorax/1.2.1/1.2.1.1").st_ino);
    ck_assert_uint_eq(
        must_find("Lung/1.2.1/1.2.1.1.1.tiff").st_ino,
        must_find("window-c-600-w1500_u8/1.2.1/1.2.1.1.1.tiff").st_ino);
    /* other spellings are links as ever */
    ck_assert_uint_eq(must_find("u8_window-c-600-w1500").st_mode,
                      S_IFLNK | 0777);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("tree");
    TCase *names = tcase_create("names"), *lists = tcase_create("listings");
    TCase *dirs = tcase_create("preset_dirs");

    tcase_add_checked_fixture(names, setup, teardown);
    tcase_add_test(names, three_paths_are_one_leaf);
    tcase_add_test(names, spellings_of_a_view_share_one_link);
    tcase_add_test(names, long_views_have_short_names);
    tcase_add_loop_test(names, names_are_found_or_fail_as_they_should, 0,
                        (int)(sizeof leaf_paths / sizeof leaf_paths[0]));
    tcase_add_test(names, a_quota_of_views_is_kept);
    tcase_add_test(names, what_takes_work_says_so);
    tcase_add_test(names, attributes_by_number_are_those_by_name);
    tcase_add_test(names, the_way_up_is_the_way_down);
    tcase_add_test(names, numbers_that_are_no_more_are_stale);
    suite_add_tcase(s, names);
    tcase_add_checked_fixture(lists, setup, teardown);
    tcase_add_loop_test(lists, every_page_size_gives_the_same_listing, 0,
                        N_FOLDERS);
    tcase_add_loop_test(lists, listed_numbers_are_those_of_lookup, 0,
                        N_FOLDERS);
    tcase_add_test(lists, only_cheap_attributes_are_listed);
    tcase_add_test(lists, parts_are_listed_one_by_one);
    tcase_add_test(lists, parts_that_must_be_counted_first_say_so);
    tcase_add_test(lists, series_are_listed_as_files);
    tcase_add_test(lists, the_view_says_what_is_listed);
    tcase_add_test(lists, small_listings_may_be_kept);
    tcase_add_test(lists, a_big_listing_may_not);
    suite_add_tcase(s, lists);
    tcase_add_checked_fixture(dirs, setup_dirs, teardown);
    tcase_add_test(dirs, preset_folders_differ_and_their_images_do_not);
    suite_add_tcase(s, dirs);
    return s;
}

int main(void)
{
    return check_main(suite());
}
