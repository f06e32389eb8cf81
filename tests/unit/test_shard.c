// SPDX-License-Identifier: MIT
/* test_shard.c: parts of a listing: whole, disjoint, balanced, in order. */
#undef NDEBUG
#include "ctl/shard.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"
#include "support/check_main.h"

static uint64_t chance_state = 88172645463325252u;

static uint64_t chance(uint64_t below)
{
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return chance_state % below;
}

/* Objects of 1 to `most` leaves each: the object of each leaf. */
static uint64_t *listing(size_t n, uint64_t most)
{
    uint64_t *objects = calloc(n + 1, sizeof *objects);
    uint64_t object = 0;

    ck_assert_ptr_nonnull(objects);
    for (size_t i = 0; i < n;) {
        size_t leaves = 1 + (size_t)chance(most);

        object += 1 + chance(3);
        while (leaves-- > 0 && i < n)
            objects[i++] = object;
    }
    return objects;
}

/* Who takes each leaf: 0 nobody. */
static unsigned *take(const uint64_t *objects, size_t n, unsigned shards)
{
    unsigned *owner = calloc(n + 1, sizeof *owner);

    ck_assert_ptr_nonnull(owner);
    for (unsigned i = 1; i <= shards; i++) {
        struct shard s = {.i = i, .n = shards, .total = n};

        for (size_t k = 0; k < n; k++)
            if (shard_take(&s, objects[k])) {
                if (owner[k] != 0) /* an assertion for each is slow */
                    ck_abort_msg("leaf %zu of %zu in %u and %u", k, n, owner[k],
                                 i);
                owner[k] = i;
            }
    }
    return owner;
}

static void check_parts(size_t n, uint64_t most, unsigned shards)
{
    CLEANUP_FREE uint64_t *objects = listing(n, most);
    CLEANUP_FREE unsigned *owner = take(objects, n, shards);
    CLEANUP_FREE size_t *counts = calloc(shards + 1, sizeof *counts);

    ck_assert_ptr_nonnull(counts);
    for (size_t k = 0; k < n; k++) {
        if (owner[k] == 0)
            ck_abort_msg("leaf %zu of %zu is nobody's", k, n);
        counts[owner[k]]++;
        if (k > 0 && owner[k] < owner[k - 1])
            ck_abort_msg("leaf %zu of %zu is out of order", k, n);
        if (k > 0 && objects[k] == objects[k - 1] && owner[k] != owner[k - 1])
            ck_abort_msg("leaf %zu of %zu: its object is cut", k, n);
    }
    /* An object more at one end and one less at the other. */
    for (unsigned i = 1; i <= shards; i++) {
        ck_assert_msg(counts[i] <= n / shards + most,
                      "%zu of %zu leaves in %u/%u", counts[i], n, i, shards);
        ck_assert_msg(counts[i] + most >= n / shards,
                      "%zu of %zu leaves in %u/%u", counts[i], n, i, shards);
    }
}

START_TEST(parts_have_every_leaf_once)
{
    static const unsigned shards[] = {1, 2, 3, 4, 5, 7, 8, 16, 17, 64, 1000};

    for (size_t s = 0; s < sizeof shards / sizeof *shards; s++)
        for (size_t n = 0; n < 40; n++)
            check_parts(n, 1, shards[s]);
    for (int round = 0; round < 200; round++)
        check_parts((size_t)chance(3000), 1 + chance(60),
                    1 + (unsigned)chance(40));
}
END_TEST

START_TEST(without_a_shard_all_is_taken)
{
    struct shard s = {.n = 0};

    for (uint64_t object = 1; object < 10; object++)
        ck_assert(shard_take(&s, object));
}
END_TEST

START_TEST(images_of_one_file_are_cut_evenly)
{
    struct shard s = {.i = 2, .n = 3, .total = 9};
    char taken[10] = "";

    for (uint64_t object = 1; object <= 9; object++)
        taken[object - 1] = shard_take(&s, object) ? 'x' : '-';
    ck_assert_str_eq(taken, "---xxx---");
}
END_TEST

/* More were listed than were counted: an index went on meanwhile. */
START_TEST(what_came_meanwhile_is_in_the_last)
{
    for (unsigned i = 1; i <= 3; i++) {
        struct shard s = {.i = i, .n = 3, .total = 3};

        for (uint64_t object = 1; object <= 3; object++)
            ck_assert(shard_take(&s, object) == (object == i));
        ck_assert(shard_take(&s, 4) == (i == 3));
    }
    struct shard none = {.i = 1, .n = 2, .total = 0};

    ck_assert(!shard_take(&none, 1));
}
END_TEST

START_TEST(only_parts_that_there_are_can_be_named)
{
    static const char *const wrong[] = {"",
                                        "/",
                                        "1",
                                        "1/",
                                        "/2",
                                        "1/2/3",
                                        "1/2 ",
                                        " 1/2",
                                        "a/b",
                                        "-1/2",
                                        "+1/2",
                                        "1/-2",
                                        "1/2x",
                                        "0x1/2",
                                        "1.0/2",
                                        "1/65537",
                                        "99999999999999999999/2",
                                        "1/99999999999999999999"};
    static const char *const outside[] = {"0/1", "0/0", "2/1", "9/8", "1/0"};
    struct error err = ERROR_INIT;
    struct shard s;

    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        ck_assert_msg(shard_parse(wrong[k], &s, &err) == -1, "%s", wrong[k]);
        ck_assert_int_eq(err.kind, ERROR_USAGE);
        ck_assert_ptr_nonnull(strstr(err.msg, "I/N"));
    }
    for (size_t k = 0; k < sizeof outside / sizeof *outside; k++) {
        ck_assert_msg(shard_parse(outside[k], &s, &err) == -1, "%s",
                      outside[k]);
        ck_assert_int_eq(err.kind, ERROR_USAGE);
    }
    ck_assert_int_eq(shard_parse("7/65536", &s, &err), 0);
    ck_assert(s.i == 7 && s.n == 65536 && s.total == 0 && s.at == 0);
    ck_assert_int_eq(shard_parse("01/1", &s, &err), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("shard");
    TCase *t = tcase_create("shard");

    tcase_add_test(t, parts_have_every_leaf_once);
    tcase_add_test(t, without_a_shard_all_is_taken);
    tcase_add_test(t, images_of_one_file_are_cut_evenly);
    tcase_add_test(t, what_came_meanwhile_is_in_the_last);
    tcase_add_test(t, only_parts_that_there_are_can_be_named);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
