// SPDX-License-Identifier: MIT
/* test_paths.c: archive, mount point and state keep out of each other's way. */
#undef NDEBUG
#include "paths.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/scratch.h"

static char *dir;

static const char *at(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, 256, "%s/%s", dir, name);
    return path;
}

static void setup(void)
{
    dir = scratch_new();
    ck_assert_int_eq(mkdir(at("archive"), 0700), 0);
    ck_assert_int_eq(mkdir(at("archive/sub"), 0700), 0);
    ck_assert_int_eq(mkdir(at("archive-2"), 0700), 0);
    ck_assert_int_eq(mkdir(at("mnt"), 0700), 0);
    ck_assert_int_eq(mkdir(at("mnt/data"), 0700), 0);
    ck_assert_int_eq(symlink("archive", at("link")), 0);
    ck_assert_int_eq(symlink("../archive/sub", at("mnt/in")), 0);
    scratch_write(dir, "file", "x", 0);
    scratch_write(dir, "presets.ini", "[views]\n", 0);
}

static void teardown(void)
{
    scratch_free(dir);
}

static int resolve(const char *archive, const char *mountpoint,
                   struct paths *ret, struct error *err)
{
    struct options o = {0};
    static char a[256], m[256];

    (void)snprintf(a, sizeof a, "%s", at(archive));
    (void)snprintf(m, sizeof m, "%s", at(mountpoint));
    o.archive = a;
    o.mountpoint = m;
    return paths_resolve(&o, ret, err);
}

START_TEST(paths_are_made_absolute)
{
    struct error err = ERROR_INIT;
    struct options o = {0};
    struct paths p;
    char archive[] = "link", mountpoint[] = "./mnt", state[] = "new/state";
    char presets[] = "presets.ini";

    ck_assert_int_eq(chdir(dir), 0);
    o.archive = archive;
    o.mountpoint = mountpoint;
    o.state_dir = state;
    o.presets = presets;
    ck_assert_msg(paths_resolve(&o, &p, &err) == 0, "%s", err.msg);
    ck_assert_str_eq(p.archive, at("archive"));
    ck_assert_str_eq(p.mountpoint, at("mnt"));
    ck_assert_str_eq(p.state_dir, at("new/state"));
    ck_assert_str_eq(p.presets, at("presets.ini"));
    ck_assert_int_gt(p.archive_mtime_s, 0);
    paths_deinit(&p);
}
END_TEST

static const struct {
    const char *archive, *mountpoint, *says;
} wrong[] = {
    {"none", "mnt", "No such file"},
    {"archive", "none", "No such file or directory; make it first: mkdir -p"},
    {"file", "mnt", "is not a folder"},
    {"archive", "file", "is not a folder"},
    {"archive", "archive", "lies in the archive"},
    {"archive", "archive/sub", "lies in the archive"},
    {"archive", "mnt/in", "lies in the archive"},
    {"link", "archive/sub", "lies in the archive"},
    {"mnt/data", "mnt", "would hide it"},
    {"archive-2", "archive", "the other way round?"},
};

START_TEST(bad_places_are_refused)
{
    struct error err = ERROR_INIT;
    struct paths p;

    ck_assert_int_lt(resolve(wrong[_i].archive, wrong[_i].mountpoint, &p, &err),
                     0);
    ck_assert_msg(strstr(err.msg, wrong[_i].says), "%s", err.msg);
}
END_TEST

START_TEST(a_common_prefix_is_not_nesting)
{
    struct error err = ERROR_INIT;
    struct paths p;

    ck_assert_msg(resolve("archive", "archive-2", &p, &err) == 0, "%s",
                  err.msg);
    ck_assert_int_lt(paths_check_state(&p, at("archive-2"), &err), 0);
    ck_assert_int_eq(paths_check_state(&p, at("mnt"), &err), 0);
    paths_deinit(&p);
}
END_TEST

/* An archive that is yet to be filled, and a mount point with a note in it. */
START_TEST(either_may_be_empty)
{
    struct error err = ERROR_INIT;
    struct paths p;

    ck_assert_msg(resolve("archive-2", "archive/sub", &p, &err) == 0, "%s",
                  err.msg);
    paths_deinit(&p);
    ck_assert_msg(resolve("archive", "mnt", &p, &err) == 0, "%s", err.msg);
    paths_deinit(&p);
}
END_TEST

static const char mountinfo[] =
    "22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n"
    "40 22 0:39 / /mnt/a\\040b rw,nosuid shared:7 master:1 - fuse.prepfs "
    "/data ro\n"
    "41 22 0:40 / /mnt/c rw - tmpfs tmpfs rw\n"
    "42 22 0:41 / /mnt/c rw - fuse.sshfs host: rw\n"
    "broken line\n";

START_TEST(mountinfo_says_what_is_mounted)
{
    struct error err = ERROR_INIT;
    char type[32];

    scratch_write(dir, "mountinfo", mountinfo, 0);
    ck_assert_int_eq(paths_mounted_type(at("mountinfo"), "/mnt/a b", type,
                                        sizeof type, &err),
                     1);
    ck_assert_str_eq(type, "fuse.prepfs");
    ck_assert_int_eq(
        paths_mounted_type(at("mountinfo"), "/mnt/c", type, sizeof type, &err),
        1);
    ck_assert_str_eq(type, "fuse.sshfs");
    ck_assert_int_eq(
        paths_mounted_type(at("mountinfo"), "/mnt", type, sizeof type, &err),
        0);
    ck_assert_int_lt(
        paths_mounted_type(at("nothing"), "/", type, sizeof type, &err), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("paths");
    TCase *t = tcase_create("paths");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, paths_are_made_absolute);
    tcase_add_loop_test(t, bad_places_are_refused, 0,
                        (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(t, a_common_prefix_is_not_nesting);
    tcase_add_test(t, either_may_be_empty);
    tcase_add_test(t, mountinfo_says_what_is_mounted);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
