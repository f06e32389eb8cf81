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
    ck_assert_int_eq(symlinkat("circle", root, "circle"), 0);
    ck_assert_int_eq(symlinkat("/proc/self/root/etc/passwd", root, "magic"), 0);
    ck_assert_int_eq(mkfifoat(root, "fifo", 0600), 0);
}

static void teardown(void)
{
    (void)close(root);
    scratch_free(dir);
}

struct row {
    const char *path;
    enum beneath_links links;
    int error; /* 0: opens */
};

static const struct row rows[] = {
    {"a/file", BENEATH_LINKS, 0},
    {"a/file", BENEATH_NO_LINKS, 0},
    {"within", BENEATH_LINKS, 0},
    {"within", BENEATH_NO_LINKS, ELOOP},
    {"a/parent/within", BENEATH_LINKS, 0},
    {"a/parent/a/file", BENEATH_NO_LINKS, ELOOP},
    {"../secret", BENEATH_LINKS, EXDEV},
    {"a/../../secret", BENEATH_LINKS, EXDEV},
    {"a/up", BENEATH_LINKS, EXDEV},
    {"absolute", BENEATH_LINKS, EXDEV},
    {"/etc/passwd", BENEATH_LINKS, EXDEV},
    {"a/none", BENEATH_LINKS, ENOENT},
    {"a/file/x", BENEATH_LINKS, ENOTDIR},
    {"fifo", BENEATH_LINKS, 0}, /* and no waiting for a writer */
    {"a/file", BENEATH_ANY_LINKS, 0},
    {"a/up", BENEATH_ANY_LINKS, 0}, /* where the link says */
    {"absolute", BENEATH_ANY_LINKS, 0},
    {"a/parent/absolute", BENEATH_ANY_LINKS, 0},
    {"../secret", BENEATH_ANY_LINKS, EXDEV}, /* the path does not */
    {"a/../../secret", BENEATH_ANY_LINKS, EXDEV},
    {"a//../../secret", BENEATH_ANY_LINKS, EXDEV},
    {"..", BENEATH_ANY_LINKS, EXDEV},
    {"/etc/passwd", BENEATH_ANY_LINKS, EXDEV},
    {"circle", BENEATH_ANY_LINKS, ELOOP},
    {"magic", BENEATH_ANY_LINKS, ELOOP},
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
