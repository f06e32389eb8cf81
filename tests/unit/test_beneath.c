// SPDX-License-Identifier: MIT
/* beneath: nothing outside of the root is opened, whatever the path says. */
#undef NDEBUG
#include "beneath/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/scratch.h"

static char *dir;
static int root = -1;

static void setup(void)
{
    char *path;

    dir = scratch_new();
    scratch_write(dir, "secret", "outside", 0);
    scratch_write(dir, "root/a/file", "inside", 0);
    path = scratch_text("%s/root", dir);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(path);
    ck_assert_int_ge(root, 0);
    ck_assert_int_eq(symlinkat("a/file", root, "within"), 0);
    ck_assert_int_eq(symlinkat("../../secret", root, "a/up"), 0);
    path = scratch_text("%s/secret", dir);
    ck_assert_int_eq(symlinkat(path, root, "absolute"), 0);
    free(path);
    ck_assert_int_eq(symlinkat("..", root, "a/parent"), 0);
    ck_assert_int_eq(mkfifoat(root, "fifo", 0600), 0);
}

static void teardown(void)
{
    (void)close(root);
    scratch_free(dir);
}

struct row {
    const char *path;
    bool links;
    int error; /* 0: opens */
};

static const struct row rows[] = {
    {"a/file", true, 0},
    {"a/file", false, 0},
    {"within", true, 0},
    {"within", false, ELOOP},
    {"a/parent/within", true, 0},
    {"a/parent/a/file", false, ELOOP},
    {"../secret", true, EXDEV},
    {"a/../../secret", true, EXDEV},
    {"a/up", true, EXDEV},
    {"absolute", true, EXDEV},
    {"/etc/passwd", true, EXDEV},
    {"a/none", true, ENOENT},
    {"a/file/x", true, ENOTDIR},
    {"fifo", true, 0}, /* and no waiting for a writer */
};

START_TEST(a_path_stays_beneath_or_fails)
{
    const struct row *row = &rows[_i];
    int fd = beneath_open(root, row->path, 0, row->links);

    if (row->error) {
        ck_assert_int_eq(fd, -1);
        ck_assert_int_eq(errno, row->error);
        return;
    }
    ck_assert_msg(fd >= 0, "%s: %d", row->path, errno);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    (void)close(fd);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("beneath");
    TCase *t = tcase_create("paths");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_path_stays_beneath_or_fails, 0,
                        sizeof rows / sizeof rows[0]);
    suite_add_tcase(s, t);
    return check_main(s);
}
