// SPDX-License-Identifier: MIT
/* test_pool.c: order, turns, cancelling and stopping. */
#undef NDEBUG
#include "pool.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "prepfs/lock.h"
#include "support/check_main.h"

/* What ran, in order; and a gate that jobs can be made to wait at. */
static struct lock lock = {PTHREAD_MUTEX_INITIALIZER};
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static int order[4096];
static int n_order;
static bool gate_open;
static int at_gate;
static int dropped;
static atomic_int inside[8]; /* jobs running, by key */
static atomic_int overlaps;

struct job {
    struct pool_job base;
    int id;
    bool waits;
    struct pool *tells; /* not NULL: it tells this pool that it waits */
};

static struct job *of(struct pool_job *base)
{
    return (struct job *)((char *)base - offsetof(struct job, base));
}

static void note(int id)
{
    lock_acquire(&lock);
    order[n_order++] = id;
    lock_check(pthread_cond_broadcast(&moved));
    lock_release(&lock);
}

static void run(struct pool_job *base)
{
    struct job *j = of(base);

    if (j->tells)
        pool_waits(j->tells, true);
    if (j->waits) {
        lock_acquire(&lock);
        at_gate++;
        lock_check(pthread_cond_broadcast(&moved));
        while (!gate_open)
            lock_wait(&lock, &moved);
        lock_release(&lock);
    }
    if (j->tells)
        pool_waits(j->tells, false);
    note(j->id);
}

static void drop(struct pool_job *base)
{
    (void)base;
    lock_acquire(&lock);
    dropped++;
    lock_release(&lock);
}

static struct job jobs[4096];
static int n_jobs;

static struct job *make(int id, uint64_t key, enum pool_class class)
{
    struct job *j = &jobs[n_jobs++];

    memset(j, 0, sizeof *j);
    j->id = id;
    j->base.run = run;
    j->base.drop = drop;
    j->base.key = key;
    j->base.class = class;
    return j;
}

static struct pool *new_pool_with(unsigned threads, unsigned spare)
{
    struct pool_config config = {.threads = threads,
                                 .spare = spare,
                                 .max_queued = 1000,
                                 .max_prefetch = 10};
    struct error err = ERROR_INIT;
    struct pool *p = pool_new(&config, &err);

    ck_assert_msg(p != NULL, "%s", err.msg);
    return p;
}

static struct pool *new_pool(unsigned threads)
{
    return new_pool_with(threads, 0);
}

static void submit(struct pool *p, struct job *j)
{
    struct error err = ERROR_INIT;

    ck_assert_msg(pool_submit(p, &j->base, &err) == 0, "%s", err.msg);
}

/* Occupies one thread until open_gate, and may tell so. */
static void block_thread_with(struct pool *p, uint64_t key, bool tells)
{
    struct job *j = make(-1, key, POOL_READER);
    int before;

    j->waits = true;
    j->tells = tells ? p : NULL;
    lock_acquire(&lock);
    before = at_gate;
    lock_release(&lock);
    submit(p, j);
    lock_acquire(&lock);
    while (at_gate == before)
        lock_wait(&lock, &moved);
    lock_release(&lock);
}

static void block_thread(struct pool *p, uint64_t key)
{
    block_thread_with(p, key, false);
}

static void open_gate(void)
{
    lock_acquire(&lock);
    gate_open = true;
    lock_check(pthread_cond_broadcast(&moved));
    lock_release(&lock);
}

static void wait_for(int n)
{
    lock_acquire(&lock);
    while (n_order < n)
        lock_wait(&lock, &moved);
    lock_release(&lock);
}

/* Of one thread and two spare ones. */
START_TEST(others_run_while_a_job_waits)
{
    struct pool *p = new_pool_with(1, 2);
    struct pool_stats stats;

    block_thread_with(p, 1, true);
    block_thread_with(p, 2, true);
    for (int i = 0; i < 50; i++)
        submit(p, make(i, (uint64_t)i + 3, POOL_READER));
    wait_for(50);
    for (int i = 0; i < 50; i++) /* one at a time, so in order */
        ck_assert_int_eq(order[i], i);
    pool_stats_get(p, &stats);
    ck_assert_uint_eq(stats.threads, 1);
    ck_assert_uint_eq(stats.running, 2);
    open_gate();
    pool_drain(p);
    ck_assert_int_eq(n_order, 52);
    pool_free(p);
}
END_TEST

START_TEST(spare_threads_are_for_that_alone)
{
    struct pool *p = new_pool_with(1, 2);
    struct pool_stats stats;

    block_thread_with(p, 1, true);
    block_thread_with(p, 2, false);
    submit(p, make(1, 3, POOL_READER));
    submit(p, make(2, 4, POOL_PREFETCH));
    usleep(50000);
    pool_stats_get(p, &stats);
    ck_assert_uint_eq(stats.running, 2);
    ck_assert_uint_eq(stats.queued, 1);
    open_gate();
    pool_drain(p);
    ck_assert_int_eq(n_order, 4);
    pool_free(p);
}
END_TEST

START_TEST(jobs_run)
{
    struct pool *p = new_pool(2);
    struct pool_stats stats;

    for (int i = 0; i < 100; i++)
        submit(p, make(i, (uint64_t)i, POOL_READER));
    pool_drain(p);
    ck_assert_int_eq(n_order, 100);
    pool_stats_get(p, &stats);
    ck_assert_uint_eq(stats.done, 100);
    ck_assert_uint_eq(stats.queued, 0);
    ck_assert_uint_eq(stats.running, 0);
    pool_free(p);
    ck_assert_int_eq(dropped, 0);
}
END_TEST

START_TEST(readers_come_before_prefetch)
{
    struct pool *p = new_pool(1);

    block_thread(p, 1);
    submit(p, make(10, 100, POOL_PREFETCH));
    submit(p, make(11, 101, POOL_PREFETCH));
    submit(p, make(20, 102, POOL_READER));
    submit(p, make(21, 103, POOL_READER));
    open_gate();
    pool_drain(p);
    ck_assert_int_eq(n_order, 5);
    ck_assert_int_eq(order[1], 20);
    ck_assert_int_eq(order[2], 21);
    ck_assert_int_eq(order[3], 10);
    ck_assert_int_eq(order[4], 11);
    pool_free(p);
}
END_TEST

START_TEST(a_reader_pulls_its_key_forward)
{
    struct pool *p = new_pool(1);

    block_thread(p, 1);
    submit(p, make(10, 100, POOL_PREFETCH));
    submit(p, make(11, 101, POOL_PREFETCH));
    submit(p, make(20, 101, POOL_READER));
    open_gate();
    pool_drain(p);
    ck_assert_int_eq(order[1], 20);
    ck_assert_int_eq(order[2], 10);
    ck_assert_int_eq(order[3], 11);
    pool_free(p);
}
END_TEST

START_TEST(keys_take_turns)
{
    struct pool *p = new_pool(1);
    int first_of_other = -1;

    block_thread(p, 1);
    for (int i = 0; i < 200; i++)
        submit(p, make(i, 7, POOL_READER));
    submit(p, make(1000, 8, POOL_READER));
    open_gate();
    pool_drain(p);
    for (int i = 0; i < n_order; i++) {
        if (order[i] == 1000)
            first_of_other = i;
    }
    ck_assert_int_gt(first_of_other, 0);
    ck_assert_int_lt(first_of_other, 30);
    pool_free(p);
}
END_TEST

static void run_alone(struct pool_job *base)
{
    struct job *j = of(base);
    struct timespec t = {.tv_nsec = 100000};

    if (atomic_fetch_add(&inside[base->key], 1) != 0)
        (void)atomic_fetch_add(&overlaps, 1);
    (void)nanosleep(&t, NULL);
    (void)atomic_fetch_sub(&inside[base->key], 1);
    note(j->id);
}

START_TEST(jobs_of_one_key_never_overlap_and_keep_their_order)
{
    struct pool *p = new_pool(4);
    int last[8];

    for (int i = 0; i < 800; i++) {
        struct job *j = make(i, (uint64_t)(i % 8), POOL_READER);

        j->base.run = run_alone;
        submit(p, j);
    }
    pool_drain(p);
    ck_assert_int_eq(atomic_load(&overlaps), 0);
    ck_assert_int_eq(n_order, 800);
    memset(last, -1, sizeof last);
    for (int i = 0; i < n_order; i++) {
        ck_assert_int_gt(order[i], last[order[i] % 8]);
        last[order[i] % 8] = order[i];
    }
    pool_free(p);
}
END_TEST

START_TEST(different_keys_run_in_parallel)
{
    struct pool *p = new_pool(3);

    block_thread(p, 1); /* would hang if one thread had to do all */
    block_thread(p, 2);
    block_thread(p, 3);
    ck_assert_int_eq(at_gate, 3);
    open_gate();
    pool_drain(p);
    pool_free(p);
}
END_TEST

START_TEST(a_job_that_waits_can_be_taken_back)
{
    struct pool *p = new_pool(1);
    struct job *j = make(5, 9, POOL_READER), *k = make(6, 9, POOL_READER);
    struct job *never = make(7, 9, POOL_READER);
    struct pool_stats stats;

    block_thread(p, 1);
    submit(p, j);
    submit(p, k);
    ck_assert(pool_cancel(p, &j->base));
    ck_assert(!pool_cancel(p, &j->base));
    ck_assert(!pool_cancel(p, &never->base));
    open_gate();
    pool_drain(p);
    ck_assert(!pool_cancel(p, &k->base));
    ck_assert_int_eq(n_order, 2);
    ck_assert_int_eq(order[1], 6);
    pool_stats_get(p, &stats);
    ck_assert_uint_eq(stats.cancelled, 1);
    pool_free(p);
    ck_assert_int_eq(dropped, 0);
}
END_TEST

START_TEST(a_job_that_runs_cannot)
{
    struct pool *p = new_pool(1);

    block_thread(p, 1);
    ck_assert(!pool_cancel(p, &jobs[0].base));
    open_gate();
    pool_free(p);
    ck_assert_int_eq(n_order, 1);
}
END_TEST

START_TEST(what_waits_when_the_pool_stops_is_dropped)
{
    struct pool *p = new_pool(1);

    for (int i = 0; i < 50; i++) {
        struct job *j = make(i, (uint64_t)(i % 5), POOL_READER);

        j->base.run = run_alone;
        submit(p, j);
    }
    pool_free(p);
    ck_assert_int_eq(n_order + dropped, 50);
    ck_assert_int_gt(dropped, 0);
}
END_TEST

START_TEST(a_full_queue_refuses_and_recovers)
{
    struct pool_config config = {
        .threads = 1, .max_queued = 3, .max_prefetch = 1};
    struct error err = ERROR_INIT;
    struct pool *p = pool_new(&config, &err);
    struct job *extra = make(9, 9, POOL_READER);
    struct job *guess = make(10, 10, POOL_PREFETCH);
    struct pool_stats stats;

    ck_assert_ptr_nonnull(p);
    block_thread(p, 1);
    for (int i = 0; i < 3; i++)
        submit(p, make(i, (uint64_t)i, POOL_READER));
    ck_assert_int_lt(pool_submit(p, &extra->base, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_NO_MEMORY);
    submit(p, make(8, 8, POOL_PREFETCH)); /* has a queue of its own */
    ck_assert_int_lt(pool_submit(p, &guess->base, &err), 0);
    open_gate();
    pool_drain(p);
    submit(p, extra);
    pool_drain(p);
    ck_assert_int_eq(n_order, 6);
    pool_stats_get(p, &stats);
    ck_assert_uint_eq(stats.refused, 2);
    ck_assert_uint_eq(stats.queued_peak, 3);
    pool_free(p);
}
END_TEST

/* ---- everything at once ---- */

static struct pool *shared;
static atomic_int ended; /* run, dropped or taken back */

static void end_run(struct pool_job *base)
{
    (void)atomic_fetch_add(&ended, 1);
    free(of(base));
}

static void *storm(void *opaque)
{
    unsigned seed = *(unsigned *)opaque;
    struct error err = ERROR_INIT;

    for (int i = 0; i < 2000; i++) {
        struct job *j = calloc(1, sizeof *j);

        seed = seed * 1103515245 + 12345;
        j->base.run = end_run;
        j->base.drop = end_run;
        j->base.key = seed >> 16 & 15;
        j->base.class = seed >> 20 & 1 ? POOL_READER : POOL_PREFETCH;
        if (pool_submit(shared, &j->base, &err) < 0)
            end_run(&j->base);
    }
    return NULL;
}

START_TEST(every_job_ends_exactly_once)
{
    pthread_t threads[4];
    unsigned seeds[4] = {1, 2, 3, 4};

    shared = new_pool(3);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, storm, &seeds[i]),
                         0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    pool_free(shared);
    ck_assert_int_eq(atomic_load(&ended), 8000);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pool");
    TCase *t = tcase_create("pool");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, jobs_run);
    tcase_add_test(t, readers_come_before_prefetch);
    tcase_add_test(t, a_reader_pulls_its_key_forward);
    tcase_add_test(t, keys_take_turns);
    tcase_add_test(t, jobs_of_one_key_never_overlap_and_keep_their_order);
    tcase_add_test(t, different_keys_run_in_parallel);
    tcase_add_test(t, a_job_that_waits_can_be_taken_back);
    tcase_add_test(t, others_run_while_a_job_waits);
    tcase_add_test(t, spare_threads_are_for_that_alone);
    tcase_add_test(t, a_job_that_runs_cannot);
    tcase_add_test(t, what_waits_when_the_pool_stops_is_dropped);
    tcase_add_test(t, a_full_queue_refuses_and_recovers);
    tcase_add_test(t, every_job_ends_exactly_once);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
