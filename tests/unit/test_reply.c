// SPDX-License-Identifier: MIT
/* test_reply.c: every kind of error has one errno. */
#undef NDEBUG
#include "reply.h"

#include "support/check_main.h"

static const struct {
    enum error_kind kind;
    int code;
    bool is_failure;
} table[] = {
    {ERROR_NONE, EIO, true},
    {ERROR_NOT_FOUND, ENOENT, false},
    {ERROR_BAD_VIEW, EINVAL, false},
    {ERROR_USAGE, EINVAL, false},
    {ERROR_UNSUPPORTED, EOPNOTSUPP, true},
    {ERROR_CORRUPT, EIO, true},
    {ERROR_STALE, ESTALE, true},
    {ERROR_TOO_BIG, EFBIG, true},
    {ERROR_QUOTA, EDQUOT, true},
    {ERROR_NO_IDS, ENOSPC, true},
    {ERROR_IO, EIO, true},
    {ERROR_NO_MEMORY, ENOMEM, true},
    {ERROR_INTERRUPTED, EINTR, false},
    {ERROR_INTERNAL, EIO, true},
};

START_TEST(each_kind_has_its_errno)
{
    struct error err = ERROR_INIT;

    err.kind = table[_i].kind;
    err.sys_errno = EPERM; /* never what the kernel is told */
    ck_assert_int_eq(reply_errno(&err), table[_i].code);
    ck_assert_int_eq(reply_is_failure(&err), table[_i].is_failure);
}
END_TEST

START_TEST(the_table_of_this_test_is_complete)
{
    for (unsigned kind = 0; kind <= ERROR_INTERNAL; kind++) {
        bool found = false;

        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
            found = found || table[i].kind == kind;
        ck_assert_msg(found, "kind %u", kind);
    }
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    struct error err = ERROR_INIT;

    (void)error_set_sys(&err, ENOSPC, "no room for a new view");
    ck_assert_int_eq(reply_errno(&err), ENOSPC);
    ck_assert(reply_is_failure(&err));
}
END_TEST

START_TEST(a_kind_that_is_none_is_an_io_error)
{
    struct error err = ERROR_INIT;

    err.kind = (enum error_kind)99;
    ck_assert_int_eq(reply_errno(&err), EIO);
    ck_assert(reply_is_failure(&err));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("reply");
    TCase *t = tcase_create("reply");

    tcase_add_loop_test(t, each_kind_has_its_errno, 0,
                        (int)(sizeof table / sizeof table[0]));
    tcase_add_test(t, the_table_of_this_test_is_complete);
    tcase_add_test(t, a_full_disk_is_told);
    tcase_add_test(t, a_kind_that_is_none_is_an_io_error);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
