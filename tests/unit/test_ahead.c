// SPDX-License-Identifier: MIT
/* test_ahead.c: readers in order are recognised, others are not. */
#undef NDEBUG
#include "ahead.h"

#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"

/* Study s has images s * 1000 + 1 .. s * 1000 + n, named in the opposite
 * order; the orders are told when they are asked for. */
enum { STUDY = 1000 };

static struct ahead *ahead;
static unsigned n_images, n_studies;
static unsigned depth;
static unsigned asked; /* for orders */
static struct ahead_plan plan;

/* Proposals since the last forget_proposals. */
static struct ahead_target proposed[100000];
static unsigned n_proposed;

static void start(unsigned images, unsigned studies, unsigned max_depth)
{
    n_images = images;
    n_studies = studies;
    depth = max_depth;
    asked = n_proposed = 0;
    ahead = ahead_new(max_depth, NULL);
    ck_assert_ptr_nonnull(ahead);
}

static void stop(void)
{
    ahead_free(ahead);
    ahead = NULL;
}

static void learn(int64_t study)
{
    int64_t *ids = calloc(n_images, sizeof *ids);
    int64_t *named = calloc(n_images, sizeof *named);

    for (unsigned i = 0; i < n_images; i++) {
        ids[i] = study * STUDY + 1 + i;
        named[n_images - 1 - i] = ids[i];
    }
    ahead_learn(ahead, study, ids, named, n_images,
                study < n_studies ? study + 1 : 0);
    asked++;
    free(ids);
    free(named);
}

static unsigned note(int64_t leaf, uint32_t unit, uint32_t units, bool ready)
{
    struct ahead_read read = {.view = 1,
                              .study = leaf / STUDY,
                              .leaf = leaf,
                              .unit = unit,
                              .units = units,
                              .ready = ready};

    (void)ahead_note(ahead, &read, depth, &plan);
    for (unsigned i = 0; i < plan.n; i++)
        proposed[n_proposed++] = plan.targets[i];
    for (unsigned i = 0; i < plan.n_unknown; i++)
        learn(plan.unknown[i]);
    return plan.n;
}

static bool was_proposed(int64_t leaf, uint32_t unit)
{
    for (unsigned i = 0; i < n_proposed; i++)
        if (proposed[i].leaf == leaf && proposed[i].unit == unit)
            return true;
    return false;
}

/* A read as the mount would note it: ready if it was proposed. */
static unsigned read_one(int64_t leaf, uint32_t unit, uint32_t units)
{
    return note(leaf, unit, units, was_proposed(leaf, unit));
}

START_TEST(units_in_order_are_proposed_once_each)
{
    unsigned n = 0;

    start(1, 1, 4);
    for (uint32_t unit = 0; unit < 60; unit++) {
        if (unit > 4)
            ck_assert_msg(was_proposed(1001, unit), "unit %u", unit);
        n += read_one(1001, unit, 60);
    }
    ck_assert_uint_eq(n, 55); /* all but 0 to 4, none beyond the end */
    for (unsigned i = 0; i < n_proposed; i++)
        ck_assert_uint_eq(proposed[i].unit, i + 5);
    stop();
}
END_TEST

START_TEST(the_depth_grows_with_success)
{
    static const unsigned more[] = {0, 0, 0, 0, 1, 2, 3, 5, 1, 1};

    start(1, 1, 8);
    for (uint32_t unit = 0; unit < 10; unit++)
        ck_assert_msg(read_one(1001, unit, 1000) == more[unit], "unit %u: %u",
                      unit, plan.n);
    stop();
}
END_TEST

START_TEST(a_limit_is_kept)
{
    struct ahead_read read = {.view = 1, .study = 1, .leaf = 1001, .units = 99};
    unsigned n = 0;

    start(1, 1, 8);
    for (read.unit = 0; read.unit < 50; read.unit++) {
        (void)ahead_note(ahead, &read, read.unit < 25 ? 0 : 2, &plan);
        ck_assert_uint_le(plan.n, read.unit < 25 ? 0 : 2);
        n += plan.n;
    }
    ck_assert_uint_eq(n, 26); /* from 26 to 51 */
    stop();
}
END_TEST

START_TEST(requests_may_arrive_out_of_order)
{
    static const uint32_t units[] = {0, 2, 1, 3, 5, 4, 6, 7, 9, 8, 10, 11};
    unsigned n = 0;

    start(1, 1, 4);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        n += read_one(1001, units[i], 60);
    ck_assert_uint_ge(n, 6);
    stop();
}
END_TEST

START_TEST(images_in_listed_order_are_proposed)
{
    unsigned missing = 0;

    start(50, 3, 4);
    for (int64_t study = 1; study <= 3; study++)
        for (int64_t i = 1; i <= 50; i++) {
            missing += !was_proposed(study * STUDY + i, 0);
            (void)read_one(study * STUDY + i, 0, 1);
        }
    /* the first few; at the end of a study the next is asked for */
    ck_assert_uint_le(missing, 8);
    ck_assert_uint_eq(n_proposed, 150 - missing);
    ck_assert_uint_le(asked, 3);
    stop();
}
END_TEST

START_TEST(images_by_name_are_proposed)
{
    unsigned missing = 0;

    start(50, 3, 4);
    for (int64_t study = 1; study <= 3; study++)
        for (int64_t i = 50; i >= 1; i--) {
            missing += !was_proposed(study * STUDY + i, 0);
            (void)read_one(study * STUDY + i, 0, 1);
        }
    ck_assert_uint_le(missing, 8);
    ck_assert_uint_eq(n_proposed, 150 - missing);
    stop();
}
END_TEST

/* Who tells orders goes on to the studies behind small ones. */
static void learn_some(int64_t study)
{
    for (int i = 0; i < 16 && study + i <= 100; i++)
        ahead_learn(ahead, study + i, (int64_t[]){study + i},
                    (int64_t[]){study + i}, 1,
                    study + i < 100 ? study + i + 1 : 0);
}

START_TEST(studies_of_one_image_are_walked)
{
    unsigned missing = 0;

    start(1, 100, 4);
    for (int64_t i = 1; i <= 100; i++) {
        struct ahead_read read = {.view = 1, .study = i, .leaf = i, .units = 1};

        for (unsigned k = 0; k < n_proposed; k++)
            read.ready = read.ready || proposed[k].leaf == i;
        missing += !read.ready;
        (void)ahead_note(ahead, &read, depth, &plan);
        for (unsigned k = 0; k < plan.n; k++)
            proposed[n_proposed++] = plan.targets[k];
        for (unsigned k = 0; k < plan.n_unknown; k++)
            learn_some(plan.unknown[k]);
    }
    ck_assert_msg(missing <= 10, "%u", missing);
    stop();
}
END_TEST

START_TEST(several_workers_may_share_a_list)
{
    unsigned seed = 1, missing = 0;

    start(400, 1, 8);
    for (int64_t i = 1; i + 3 <= 400; i += 4) { /* four take the next four */
        int64_t four[4] = {i, i + 1, i + 2, i + 3};

        for (int k = 3; k > 0; k--) {
            int j = rand_r(&seed) % (k + 1);
            int64_t other = four[k];

            four[k] = four[j];
            four[j] = other;
        }
        for (int k = 0; k < 4; k++) {
            missing += !was_proposed(STUDY + four[k], 0);
            (void)read_one(STUDY + four[k], 0, 1);
        }
    }
    ck_assert_msg(missing < 60, "%u", missing);
    stop();
}
END_TEST

START_TEST(workers_in_different_places_do_not_disturb)
{
    unsigned missing = 0;

    start(400, 1, 4);
    for (int64_t i = 0; i < 100; i++)
        for (int64_t worker = 0; worker < 4; worker++) {
            int64_t leaf = STUDY + 1 + worker * 100 + i;

            missing += !was_proposed(leaf, 0);
            (void)read_one(leaf, 0, 1);
        }
    ck_assert_msg(missing <= 24, "%u", missing);
    stop();
}
END_TEST

START_TEST(a_reader_goes_on_from_image_to_image)
{
    unsigned missing = 0;

    start(12, 1, 4);
    for (int64_t i = 1; i <= 12; i++)
        for (uint32_t unit = 0; unit < 10; unit++) {
            missing += !was_proposed(STUDY + i, unit);
            (void)read_one(STUDY + i, unit, 10);
        }
    /* 5 units each of the first two, whose order was not asked for before;
     * the first units of three more */
    ck_assert_msg(missing <= 13, "%u", missing);
    stop();
}
END_TEST

/* ---- others -------------------------------------------------------------- */

static void shuffle(int64_t *a, unsigned n, unsigned *seed)
{
    for (unsigned i = n - 1; i > 0; i--) {
        unsigned j = (unsigned)rand_r(seed) % (i + 1);
        int64_t other = a[i];

        a[i] = a[j];
        a[j] = other;
    }
}

static const struct {
    unsigned images, studies;
    double most; /* proposals per read */
} sets[] = {
    {4, 500, 0.001}, {30, 60, 0.01}, {300, 10, 0.01},
    {900, 1, 0.01},  {30, 1, 0.05},
};

START_TEST(images_in_random_order_cause_almost_nothing)
{
    unsigned n = sets[_i].images * sets[_i].studies, seed = 7;
    int64_t *leaves = calloc(n, sizeof *leaves);
    double reads = 0;

    start(sets[_i].images, sets[_i].studies, 4);
    for (unsigned i = 0; i < n; i++)
        leaves[i] = (int64_t)(1 + i / n_images) * STUDY + 1 + i % n_images;
    for (unsigned epoch = 0; reads < 20000; epoch++, reads += n) {
        shuffle(leaves, n, &seed);
        for (unsigned i = 0; i < n; i++)
            (void)note(leaves[i], 0, 1, false);
    }
    ck_assert_msg(n_proposed <= sets[_i].most * reads, "%u for %g reads",
                  n_proposed, reads);
    free(leaves);
    stop();
}
END_TEST

/* As the kernel reads: a page, and the beginning of the next. */
START_TEST(pages_in_random_order_cause_almost_nothing)
{
    int64_t pages[60];
    unsigned seed = 3, reads = 0;

    start(5, 1, 4);
    for (unsigned i = 0; i < 60; i++)
        pages[i] = i;
    while (reads < 20000) {
        int64_t leaf = STUDY + 1 + rand_r(&seed) % 5;

        shuffle(pages, 60, &seed);
        for (unsigned i = 0; i < 60; i++, reads++) {
            (void)note(leaf, (uint32_t)pages[i], 60, false);
            if (pages[i] < 59)
                (void)note(leaf, (uint32_t)pages[i] + 1, 60, false);
        }
    }
    ck_assert_msg(n_proposed < reads / 50, "%u for %u reads", n_proposed,
                  reads);
    stop();
}
END_TEST

START_TEST(what_is_there_is_not_proposed_for_ever)
{
    unsigned n = 0;

    start(1, 1, 4);
    for (uint32_t unit = 0; unit < 1000; unit++) {
        n += note(1001, unit, 2000, unit >= 4);
        for (unsigned i = 0; i < plan.n; i++)
            ahead_done(ahead, &plan.stream, false);
    }
    ck_assert_uint_le(n, AHEAD_IDLE + 4);
    n_proposed = 0; /* until something is missing again */
    for (uint32_t unit = 1000; unit < 1010; unit++)
        (void)note(1001, unit, 2000, false);
    ck_assert_uint_gt(n_proposed, 5);
    stop();
}
END_TEST

START_TEST(proposals_that_were_overtaken_are_not_wanted)
{
    struct ahead_stream_ref stream;
    struct ahead_target target;

    start(50, 1, 4);
    for (uint32_t unit = 0; unit < 6; unit++)
        (void)note(1001, unit, 60, false);
    ck_assert_uint_gt(plan.n, 0);
    stream = plan.stream;
    target = plan.targets[0];
    ck_assert(ahead_is_wanted(ahead, &stream, &target));
    for (uint32_t unit = 6; unit < 11; unit++)
        (void)note(1001, unit, 60, false);
    ck_assert(!ahead_is_wanted(ahead, &stream, &target));

    for (int64_t leaf = 1010; leaf < 1016; leaf++)
        (void)note(leaf, 0, 1, false);
    stream = plan.stream;
    target = plan.targets[0];
    ck_assert_int_gt(target.leaf, 1015);
    ck_assert(ahead_is_wanted(ahead, &stream, &target));
    for (int64_t leaf = 1016; leaf < 1022; leaf++)
        (void)note(leaf, 0, 1, false);
    ck_assert(!ahead_is_wanted(ahead, &stream, &target));
    ahead_forget(ahead);
    ck_assert(!ahead_is_wanted(ahead, &stream, &target));
    ahead_done(ahead, &stream, true);
    stop();
}
END_TEST

START_TEST(views_are_told_apart)
{
    struct ahead_read read = {.study = 1, .leaf = 1001, .units = 60};

    start(1, 1, 4);
    for (read.unit = 0; read.unit < 40; read.unit++) {
        read.view = read.unit % 4;
        (void)ahead_note(ahead, &read, depth, &plan);
        ck_assert_uint_eq(plan.n, 0);
    }
    stop();
}
END_TEST

START_TEST(very_large_studies_end_where_memory_does)
{
    enum { N = AHEAD_STUDY + 100 };
    int64_t *ids = calloc(N, sizeof *ids);
    struct ahead_read read = {.view = 1, .study = 1, .units = 1};

    start(1, 1, 4);
    for (int64_t i = 0; i < N; i++)
        ids[i] = i + 1;
    ahead_learn(ahead, 1, ids, ids, N, 2);
    for (int64_t i = AHEAD_STUDY - 20; i < N; i++) {
        read.leaf = i + 1;
        (void)ahead_note(ahead, &read, depth, &plan);
        for (unsigned k = 0; k < plan.n; k++)
            ck_assert_int_le(plan.targets[k].leaf, AHEAD_STUDY);
    }
    free(ids);
    stop();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("ahead");
    TCase *t = tcase_create("ahead");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, units_in_order_are_proposed_once_each);
    tcase_add_test(t, the_depth_grows_with_success);
    tcase_add_test(t, a_limit_is_kept);
    tcase_add_test(t, requests_may_arrive_out_of_order);
    tcase_add_test(t, images_in_listed_order_are_proposed);
    tcase_add_test(t, images_by_name_are_proposed);
    tcase_add_test(t, studies_of_one_image_are_walked);
    tcase_add_test(t, several_workers_may_share_a_list);
    tcase_add_test(t, workers_in_different_places_do_not_disturb);
    tcase_add_test(t, a_reader_goes_on_from_image_to_image);
    tcase_add_loop_test(t, images_in_random_order_cause_almost_nothing, 0,
                        (int)(sizeof sets / sizeof sets[0]));
    tcase_add_test(t, pages_in_random_order_cause_almost_nothing);
    tcase_add_test(t, what_is_there_is_not_proposed_for_ever);
    tcase_add_test(t, proposals_that_were_overtaken_are_not_wanted);
    tcase_add_test(t, views_are_told_apart);
    tcase_add_test(t, very_large_studies_end_where_memory_does);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
