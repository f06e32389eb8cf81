// SPDX-License-Identifier: MIT
/* test_inode.c: numbers, and what they can never be. */
#undef NDEBUG
#include "inode.h"

#include <inttypes.h>

#include "support/check_main.h"

static uint64_t pack(enum inode_kind kind, uint16_t view, int64_t object,
                     uint32_t part)
{
    struct inode i = {
        .kind = kind, .view = view, .object = object, .part = part};
    struct error err = ERROR_INIT;
    uint64_t number = 0;

    ck_assert_msg(inode_pack(&i, &number, &err) == 0, "%s", err.msg);
    return number;
}

START_TEST(a_leafs_number_is_the_formula_of_the_manifest)
{
    uint64_t n = pack(INODE_TIFF, 3, 77, 5);

    ck_assert_uint_eq(n, UINT64_C(3) << 46 | 77 << 21 | 5 << 4);
    ck_assert_uint_eq(pack(INODE_JSON, 1, 1, 0),
                      UINT64_C(1) << 46 | 1 << 21 | 4);
}
END_TEST

static const enum inode_kind row_kinds[] = {
    INODE_TIFF, INODE_NPY,   INODE_NII,   INODE_PNG,
    INODE_JSON, INODE_STUDY, INODE_SERIES};

enum { N_ROW_KINDS = sizeof row_kinds / sizeof row_kinds[0] };

START_TEST(a_number_says_what_it_was_made_from)
{
    static const uint16_t views[] = {1, 2, 255, 256, 65535};
    static const int64_t objects[] = {1, 2, 65537, INODE_OBJECT_MAX};
    static const uint32_t parts[] = {0, 1, 99999, INODE_PART_MAX};
    enum inode_kind kind = row_kinds[_i];
    struct inode back;

    for (size_t v = 0; v < 5; v++) {
        for (size_t o = 0; o < 4; o++) {
            for (size_t p = 0; p < 4; p++) {
                uint64_t n = pack(kind, views[v], objects[o], parts[p]);

                ck_assert_uint_gt(n, INODE_ROOT);
                ck_assert_uint_lt(n, UINT64_C(1) << 62);
                ck_assert_int_eq(inode_unpack(n, &back, NULL), 0);
                ck_assert_int_eq(back.kind, kind);
                ck_assert_uint_eq(back.view, views[v]);
                ck_assert_int_eq(back.object, objects[o]);
                ck_assert_uint_eq(back.part, parts[p]);
            }
        }
    }
}
END_TEST

START_TEST(every_number_is_refused_or_packs_to_itself)
{
    uint64_t x = UINT64_C(88172645463325252), n, again;
    struct inode i;
    int good = 0;

    for (int k = 0; k < 1000000; k++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        n = x >> (k % 64);
        if (inode_unpack(n, &i, NULL) < 0)
            continue;
        good++;
        ck_assert_int_eq(inode_pack(&i, &again, NULL), 0);
        ck_assert_uint_eq(again, n);
    }
    ck_assert_int_gt(good, 1000);
}
END_TEST

static const uint64_t strange[] = {
    0,                     /* FUSE's "no entry" */
    1,                     /* the root is no struct inode */
    UINT64_C(1) << 46,     /* a leaf without an object */
    1 << 21,               /* a leaf without a view */
    UINT64_C(1) << 46 | 5, /* kinds that do not exist */
    UINT64_C(1) << 46 | 1 << 21 | 7,
    UINT64_C(1) << 46 | 1 << 21 | 10, /* a view folder with an object */
    UINT64_C(1) << 46 | 1 << 4 | 11,  /* a link with a part */
    UINT64_C(1) << 46 | 1 << 21 | 12, /* a control file in a view */
    12,                               /* serial 0 */
    14,                               /* no such folder */
    4 << 21 | 14,
    1 << 21 | 15,
    UINT64_C(1) << 62 | UINT64_C(1) << 46 | 1 << 21,
    UINT64_MAX,
};

START_TEST(numbers_that_were_never_made_are_stale)
{
    struct error err = ERROR_INIT;
    struct inode i;

    ck_assert_msg(inode_unpack(strange[_i], &i, &err) < 0, "%" PRIu64,
                  strange[_i]);
    ck_assert_int_eq(err.kind, ERROR_STALE);
}
END_TEST

START_TEST(ids_that_do_not_fit_are_refused)
{
    struct inode i = {
        .kind = INODE_TIFF, .view = 1, .object = INODE_OBJECT_MAX + 1};
    struct error err = ERROR_INIT;
    uint64_t n;

    ck_assert_int_lt(inode_pack(&i, &n, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_NO_IDS);
    i.object = 1;
    i.part = INODE_PART_MAX + 1;
    ck_assert_int_lt(inode_pack(&i, &n, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_NO_IDS);
    i.part = 0;
    i.view = 0;
    ck_assert_int_lt(inode_pack(&i, &n, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
}
END_TEST

START_TEST(serials_use_all_their_bits)
{
    static const uint64_t serials[] = {1, 2, 1 << 17, UINT64_C(1) << 41,
                                       INODE_SERIAL_MAX};
    struct inode i;

    for (size_t k = 0; k < 5; k++) {
        uint64_t n = inode_from_serial(INODE_CONTROL, serials[k]);

        ck_assert_int_eq(inode_unpack(n, &i, NULL), 0);
        ck_assert_int_eq(i.kind, INODE_CONTROL);
        ck_assert_uint_eq(inode_serial(&i), serials[k]);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("inode");
    TCase *t = tcase_create("inode");

    tcase_add_test(t, a_leafs_number_is_the_formula_of_the_manifest);
    tcase_add_loop_test(t, a_number_says_what_it_was_made_from, 0, N_ROW_KINDS);
    tcase_add_test(t, every_number_is_refused_or_packs_to_itself);
    tcase_add_loop_test(t, numbers_that_were_never_made_are_stale, 0,
                        (int)(sizeof strange / sizeof strange[0]));
    tcase_add_test(t, ids_that_do_not_fit_are_refused);
    tcase_add_test(t, serials_use_all_their_bits);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
