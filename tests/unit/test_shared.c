// SPDX-License-Identifier: MIT
/*
 * test_shared.c: servers as a tier: what is kept is found, and whatever is
 * wrong with a server costs a block and a bounded time, never more.
 *
 * The servers are those of support/fake_memcached.h. The name server is
 * getaddrinfo(), which is wrapped. Times are compared only with what would be
 * an eternity; that nothing waits is seen from counters.
 */
#undef NDEBUG
#include "shared/link.h"
#include "shared/shared.h"

#include "support/check_main.h"
#include "support/fake_memcached.h"
#include "support/scratch.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ETERNITY_MS = 60000, /* a machine under load may need long for anything */
    SIZE = 5000
};

/* ------------------------------------------------------------ name server */

static atomic_bool names_stall, names_unknown;

int __real_getaddrinfo(const char *node, const char *service,
                       const struct addrinfo *hints, struct addrinfo **ret);
int __wrap_getaddrinfo(const char *node, const char *service,
                       const struct addrinfo *hints, struct addrinfo **ret);

int __wrap_getaddrinfo(const char *node, const char *service,
                       const struct addrinfo *hints, struct addrinfo **ret)
{
    while (!(hints->ai_flags & AI_NUMERICHOST) && atomic_load(&names_stall))
        usleep(1000);
    if (!(hints->ai_flags & AI_NUMERICHOST) && atomic_load(&names_unknown))
        return EAI_NONAME;
    if (!(hints->ai_flags & AI_NUMERICHOST) && strcmp(node, "here.test") == 0)
        node = "127.0.0.1";
    return __real_getaddrinfo(node, service, hints, ret);
}

/* ----------------------------------------------------------------- a tier */

static struct fake_memcached *fakes[3];
static struct shared *shared;
static struct cache_tier tier;
static unsigned pause_ms;
static atomic_int lines;
static char last_line[400];
static pthread_mutex_t line_mutex = PTHREAD_MUTEX_INITIALIZER;

static void keep_line(void *opaque, const char *line)
{
    (void)opaque;
    pthread_mutex_lock(&line_mutex);
    (void)snprintf(last_line, sizeof last_line, "%s", line);
    pthread_mutex_unlock(&line_mutex);
    atomic_fetch_add(&lines, 1);
}

static void open_at(const char *servers, unsigned time_ms, const char *auth)
{
    struct error err = ERROR_INIT;
    struct addresses addresses;
    struct shared_config config = {.servers = &addresses,
                                   .time_ms = time_ms,
                                   .names_ms = 100,
                                   .pause_ms = pause_ms,
                                   .auth = auth,
                                   .log = keep_line};

    ck_assert_msg(addresses_parse(servers, &addresses, &err) == 0, "%s",
                  err.msg);
    shared = shared_open(&config, &err);
    ck_assert_msg(shared != NULL, "%s", err.msg);
    tier = shared_tier(shared);
}

/* Over the first n fakes, patient unless it says otherwise. */
static void open_shared(unsigned n, unsigned time_ms, const char *auth)
{
    char servers[200] = "";

    for (unsigned i = 0; i < n; i++) {
        if (!fakes[i])
            fakes[i] = fake_memcached_new(auth);
        (void)snprintf(servers + strlen(servers),
                       sizeof servers - strlen(servers), "%s127.0.0.1:%u",
                       i ? "+" : "", (unsigned)fake_memcached_port(fakes[i]));
    }
    open_at(servers, time_ms ? time_ms : 10000, auth);
}

static void close_shared(void)
{
    shared_close(shared);
    shared = NULL;
}

static void set_up(void)
{
    atomic_store(&lines, 0);
    pause_ms = 40; /* a second would be most of what this takes */
    atomic_store(&names_stall, false);
    atomic_store(&names_unknown, false);
}

static void tear_down(void)
{
    atomic_store(&names_stall, false);
    close_shared();
    for (size_t i = 0; i < 3; i++) {
        if (fakes[i])
            fake_memcached_free(fakes[i]);
        fakes[i] = NULL;
    }
}

static struct cache_key key_of(uint64_t n)
{
    return (struct cache_key){{n * 3, ~n}, n};
}

static void bytes_of(uint64_t n, uint8_t *data, size_t size)
{
    uint64_t z = n * 0x9E3779B97F4A7C15u + 1;

    for (size_t i = 0; i < size; i++) {
        z = z * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(z >> 56);
    }
}

static void offer(uint64_t n, size_t size)
{
    static uint8_t data[CACHE_STORED_MAX(CACHE_BLOCK_MAX)];
    struct cache_stored block = {key_of(n), (uint32_t)size, (uint32_t)size,
                                 data};

    bytes_of(n, data, size);
    tier.ops->offer(tier.self, &block);
}

static void settle(void)
{
    tier.ops->settle(tier.self, true);
}

/* Is it there? If so it must be right. */
static bool get(uint64_t n, size_t size)
{
    static _Thread_local uint8_t room[CACHE_STORED_MAX(CACHE_BLOCK_MAX)];
    static _Thread_local uint8_t data[CACHE_BLOCK_MAX];
    struct cache_want want = {key_of(n), (uint32_t)size, 0, room};

    tier.ops->get(tier.self, &want, 1);
    if (want.stored_size == 0)
        return false;
    bytes_of(n, data, size);
    ck_assert_uint_eq(want.stored_size, size);
    ck_assert_int_eq(memcmp(room, data, size), 0);
    return true;
}

static unsigned found(uint64_t from, uint64_t to)
{
    unsigned count = 0;

    for (; from < to; from++)
        count += get(from, SIZE);
    return count;
}

static void fill(uint64_t from, uint64_t to)
{
    for (; from < to; from++)
        offer(from, SIZE);
    settle();
}

static struct shared_stats stats_of(unsigned number)
{
    char name[ADDRESS_TEXT_SIZE];
    struct shared_stats stats;

    shared_stats_get(shared, number, name, &stats);
    return stats;
}

static struct shared_stats stats_now(void)
{
    return stats_of(ADDRESSES_MAX);
}

/* Until servers that were left alone are asked again. */
static void wait_until_asked(void)
{
    uint64_t end = link_now_ms() + ETERNITY_MS;

    while (stats_now().open > 0 && link_now_ms() < end)
        usleep(10000);
    ck_assert_uint_eq(stats_now().open, 0);
}

/* ------------------------------------------------------------------- well */

START_TEST(what_is_kept_is_found)
{
    struct shared_stats stats;

    open_shared(1, 0, NULL);
    for (uint64_t i = 0; i < 100; i++)
        offer(i, 100 + 1000 * (size_t)i);
    offer(100, CACHE_BLOCK_MAX);
    settle();
    for (uint64_t i = 0; i < 100; i++)
        ck_assert(get(i, 100 + 1000 * (size_t)i));
    ck_assert(get(100, CACHE_BLOCK_MAX));
    ck_assert(!get(101, SIZE));
    stats = stats_now();
    ck_assert_uint_eq(stats.hits, 101);
    ck_assert_uint_eq(stats.misses, 1);
    ck_assert_uint_eq(stats.written, 101);
    ck_assert_uint_eq(stats.refused + stats.dropped + stats.rejected, 0);
    ck_assert_uint_eq(stats.timeouts + stats.errors + stats.skipped, 0);
    ck_assert_uint_gt(stats.bytes_read, 100 * 50000);
    ck_assert_uint_gt(stats.bytes_written, 100 * 50000);
    ck_assert_uint_le(stats.connections, 2); /* a reader's and the sender's */
}
END_TEST

START_TEST(what_was_kept_outlives_a_mount)
{
    open_shared(1, 0, NULL);
    fill(0, 10);
    close_shared();
    open_shared(1, 0, NULL);
    ck_assert_uint_eq(found(0, 10), 10);
}
END_TEST

START_TEST(blocks_are_spread_over_servers)
{
    char name[ADDRESS_TEXT_SIZE], wanted[ADDRESS_TEXT_SIZE];
    struct shared_stats stats;
    size_t sum = 0;

    open_shared(3, 0, NULL);
    fill(0, 300);
    for (unsigned i = 0; i < 3; i++) {
        size_t n = fake_memcached_count(fakes[i]);

        ck_assert_uint_gt(n, 30);
        sum += n;
        shared_stats_get(shared, i, name, &stats);
        (void)snprintf(wanted, sizeof wanted, "127.0.0.1:%u",
                       (unsigned)fake_memcached_port(fakes[i]));
        ck_assert_str_eq(name, wanted);
        ck_assert_uint_eq(stats.written, n);
    }
    ck_assert_uint_eq(sum, 300);
    ck_assert_uint_eq(found(0, 300), 300);
}
END_TEST

/* More than fit into one question, to three servers, every second there. */
START_TEST(many_wants_are_answered_together)
{
    enum { N = 75 };
    static uint8_t data[SIZE];
    struct cache_want wants[N];

    open_shared(3, 0, NULL);
    for (uint64_t i = 0; i < N; i += 2)
        offer(i, SIZE);
    settle();
    for (uint64_t i = 0; i < N; i++)
        wants[i] = (struct cache_want){key_of(i), SIZE, 0,
                                       malloc(CACHE_STORED_MAX(SIZE))};
    tier.ops->get(tier.self, wants, N);
    for (uint64_t i = 0; i < N; i++) {
        ck_assert_uint_eq(wants[i].stored_size, i % 2 ? 0 : SIZE);
        bytes_of(i, data, SIZE);
        ck_assert(i % 2 || memcmp(wants[i].room, data, SIZE) == 0);
        free(wants[i].room);
    }
    ck_assert_uint_eq(stats_now().hits, (N + 1) / 2);
    ck_assert_uint_eq(stats_now().misses, N / 2);
}
END_TEST

/* It was stored with another size, say by another version: not this block. */
START_TEST(another_size_is_another_block)
{
    open_shared(1, 0, NULL);
    fill(0, 1);
    ck_assert(!get(0, SIZE - 1));
    ck_assert_uint_eq(stats_now().rejected, 1);
    settle();
    ck_assert_uint_eq(fake_memcached_count(fakes[0]), 0); /* and it is gone */
    fill(0, 1);
    ck_assert(get(0, SIZE));
}
END_TEST

START_TEST(rejected_blocks_are_gone)
{
    struct cache_key key = key_of(1);

    open_shared(1, 0, NULL);
    fill(0, 3);
    tier.ops->reject(tier.self, &key);
    settle();
    ck_assert(!get(1, SIZE));
    ck_assert(get(0, SIZE) && get(2, SIZE));
    ck_assert_uint_eq(stats_now().rejected, 1);
}
END_TEST

START_TEST(lost_connections_are_made_again)
{
    open_shared(1, 0, NULL);
    fill(0, 10);
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq(found(0, 10), 10);
        fake_memcached_disconnect(fakes[0]);
    }
    fill(10, 20);
    ck_assert_uint_eq(found(0, 20), 20);
    ck_assert_uint_eq(stats_now().errors, 0);
    ck_assert_uint_eq(stats_now().dropped, 0);
}
END_TEST

/* ------------------------------------------------------------------ badly */

/* In any mood: blocks are right or not there, and when it is over the server
 * is used as before. */
START_TEST(a_bad_server_costs_no_more_than_blocks)
{
    enum fake_mood mood = (enum fake_mood)_i;
    unsigned n;

    open_shared(1, mood == FAKE_MUTE || mood == FAKE_DRIP ? 1000 : 0, NULL);
    fill(0, 20);
    ck_assert_uint_eq(fake_memcached_count(fakes[0]), 20);
    fake_memcached_set(fakes[0], mood);
    n = found(0, 20);
    if (mood == FAKE_GOOD || mood == FAKE_FULL || mood == FAKE_NONSENSE)
        ck_assert_uint_eq(n, 20);
    else if (mood == FAKE_OTHER) /* in the end there is no other */
        ck_assert_uint_le(n, 1);
    else if (mood != FAKE_TWICE) /* the first of which is right */
        ck_assert_uint_eq(n, 0);
    offer(30, SIZE);
    settle();
    fake_memcached_set(fakes[0], FAKE_GOOD);
    wait_until_asked();
    fill(0, 20); /* what was found damaged is not there any more */
    ck_assert_uint_eq(found(0, 20), 20);
}
END_TEST

static uint64_t failures(void)
{
    struct shared_stats s = stats_now();

    return s.timeouts + s.errors;
}

/* Three readers' worth of time, and then none. */
START_TEST(a_server_that_stalls_is_left_alone)
{
    uint64_t start;

    open_shared(1, 1000, NULL);
    fill(0, 10);
    fake_memcached_set(fakes[0], FAKE_MUTE);
    start = link_now_ms();
    for (int i = 0; i < 3; i++)
        ck_assert(!get(0, SIZE));
    ck_assert_uint_ge(link_now_ms() - start, 3 * 1000);
    ck_assert_uint_eq(stats_now().timeouts, 3);
    ck_assert_uint_eq(stats_now().open, 1);
    ck_assert_uint_eq(stats_now().skipped, 0);
    for (int i = 0; i < 10000; i++)
        ck_assert(!get(0, SIZE));
    ck_assert_uint_lt(link_now_ms() - start, ETERNITY_MS);
    ck_assert_uint_eq(stats_now().skipped, 10000);
    ck_assert_uint_eq(stats_now().timeouts, 3); /* probes are not counted */
    ck_assert_int_eq(atomic_load(&lines), 1);
    pthread_mutex_lock(&line_mutex);
    ck_assert_msg(strstr(last_line, "left alone") != NULL, "%s", last_line);
    pthread_mutex_unlock(&line_mutex);
    fake_memcached_set(fakes[0], FAKE_GOOD);
    wait_until_asked();
    ck_assert_uint_eq(found(0, 10), 10);
    ck_assert_int_eq(atomic_load(&lines), 2);
}
END_TEST

/* Two that are well go on as if nothing had happened. */
START_TEST(one_server_of_three_stalls)
{
    unsigned lost;

    open_shared(3, 2000, NULL);
    fill(0, 300);
    lost = (unsigned)fake_memcached_count(fakes[1]);
    fake_memcached_set(fakes[1], FAKE_MUTE);
    ck_assert_uint_eq(found(0, 300), 300 - lost);
    ck_assert_uint_eq(failures(), 3);
    ck_assert_uint_eq(stats_of(1).open, 1);
    ck_assert_uint_eq(stats_of(0).open + stats_of(2).open, 0);
}
END_TEST

/* One byte every 5 ms, so that every wait of its own is short. */
START_TEST(a_server_that_drips_is_late)
{
    open_shared(1, 100, NULL);
    fill(0, 1);
    fake_memcached_set(fakes[0], FAKE_DRIP);
    ck_assert(!get(0, SIZE));
    ck_assert_uint_eq(stats_now().timeouts, 1);
}
END_TEST

START_TEST(nobody_is_there)
{
    char servers[64];

    open_shared(1, 100, NULL);
    (void)snprintf(servers, sizeof servers, "127.0.0.1:%u",
                   (unsigned)fake_memcached_port(fakes[0]));
    close_shared();
    fake_memcached_free(fakes[0]);
    fakes[0] = NULL;
    open_at(servers, 10000, NULL);
    ck_assert_uint_eq(found(0, 100), 0);
    ck_assert_uint_eq(stats_now().errors, 3);
    ck_assert_uint_eq(stats_now().skipped, 100);
    fill(0, 10);
    ck_assert_uint_eq(stats_now().dropped, 10);
}
END_TEST

START_TEST(a_full_server_says_so)
{
    open_shared(1, 0, NULL);
    fake_memcached_set(fakes[0], FAKE_FULL);
    fill(0, 100);
    ck_assert_uint_eq(stats_now().refused, 100);
    ck_assert_uint_eq(stats_now().written, 0);
    ck_assert_uint_eq(stats_now().open, 0);
    ck_assert_uint_eq(found(0, 100), 0);
    fake_memcached_set(fakes[0], FAKE_GOOD);
    fill(0, 100);
    ck_assert_uint_eq(found(0, 100), 100);
}
END_TEST

/* The writer never holds up who offers, beyond what fits into memory. */
START_TEST(offers_to_a_server_that_stalls_are_dropped)
{
    open_shared(1, 50, NULL);
    fake_memcached_set(fakes[0], FAKE_MUTE);
    for (uint64_t i = 0; i < 400; i++) {
        offer(i, 100000);
        ck_assert_uint_lt(tier.ops->memory(tier.self), 12 << 20);
    }
    ck_assert_uint_gt(stats_now().dropped, 100);
    ck_assert_uint_eq(stats_now().written, 0);
}
END_TEST

/* ------------------------------------------------------------------ names */

START_TEST(a_name_server_that_stalls_holds_up_nobody)
{
    uint64_t start = link_now_ms();
    char servers[64];

    fakes[0] = fake_memcached_new(NULL);
    (void)snprintf(servers, sizeof servers, "here.test:%u",
                   (unsigned)fake_memcached_port(fakes[0]));
    atomic_store(&names_stall, true);
    open_at(servers, 10000, NULL);
    ck_assert_uint_eq(found(0, 1000), 0);
    ck_assert_uint_eq(stats_now().skipped, 1000);
    ck_assert_uint_eq(stats_now().open, 0);
    close_shared(); /* its thread goes on, and ends when the answer comes */
    open_at(servers, 10000, NULL);
    ck_assert_uint_lt(link_now_ms() - start, ETERNITY_MS);
    atomic_store(&names_stall, false);
    for (int i = 0; i < ETERNITY_MS / 10 && stats_now().written == 0; i++) {
        fill(0, 10);
        usleep(10000);
    }
    ck_assert_uint_eq(found(0, 10), 10);
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_asked_for_again)
{
    uint64_t end = link_now_ms() + ETERNITY_MS;
    char servers[64];

    fakes[0] = fake_memcached_new(NULL);
    (void)snprintf(servers, sizeof servers, "here.test:%u",
                   (unsigned)fake_memcached_port(fakes[0]));
    atomic_store(&names_unknown, true);
    open_at(servers, 10000, NULL);
    while (stats_now().open == 0 && link_now_ms() < end)
        usleep(1000);
    ck_assert_uint_eq(stats_now().open, 1);
    ck_assert_uint_eq(found(0, 10), 0);
    ck_assert_uint_eq(stats_now().skipped, 10);
    atomic_store(&names_unknown, false);
    wait_until_asked();
    fill(0, 10);
    ck_assert_uint_eq(found(0, 10), 10);
}
END_TEST

/* -------------------------------------------------------------- passwords */

START_TEST(servers_are_told_who_we_are)
{
    open_shared(1, 0, "who knows it");
    fill(0, 10);
    ck_assert_uint_eq(found(0, 10), 10);
    close_shared();
    open_at("127.0.0.1:1", 1000, "who else");
    close_shared();
    {
        char servers[64];

        (void)snprintf(servers, sizeof servers, "127.0.0.1:%u",
                       (unsigned)fake_memcached_port(fakes[0]));
        open_at(servers, 10000, "who guesses");
    }
    ck_assert_uint_eq(found(0, 10), 0);
    ck_assert_uint_eq(stats_now().errors, 3);
    ck_assert_uint_eq(stats_now().open, 1);
    pthread_mutex_lock(&line_mutex);
    ck_assert_msg(strstr(last_line, "Permission denied") != NULL, "%s",
                  last_line);
    ck_assert_ptr_null(strstr(last_line, "guesses"));
    pthread_mutex_unlock(&line_mutex);
}
END_TEST

static const struct {
    const char *content;
    mode_t mode;
    const char *wanted; /* NULL: refused */
} files[] = {
    {"prepfs:secret\n", 0600, "prepfs secret"},
    {"prepfs:se:cr et\r\nother:x\n", 0400, "prepfs se:cr et"},
    {"prepfs:secret", 0600, "prepfs secret"},
    {"prepfs:secret\n", 0640, NULL},
    {"prepfs:secret\n", 0604, NULL},
    {"prepfs:\n", 0600, NULL},
    {":secret\n", 0600, NULL},
    {"pre pfs:secret\n", 0600, NULL},
    {"prepfs\n", 0600, NULL},
    {"prepfs:se\033cret\n", 0600, NULL},
    {"\n", 0600, NULL},
    {"", 0600, NULL},
};

START_TEST(passwords_are_read_from_private_files)
{
    char *dir = scratch_new(), text[SHARED_AUTH_SIZE], path[300];
    struct error err = ERROR_INIT;

    (void)snprintf(path, sizeof path, "%s/auth", dir);
    scratch_write(dir, "auth", files[_i].content, 0);
    ck_assert_int_eq(chmod(path, files[_i].mode), 0);
    if (files[_i].wanted) {
        ck_assert_msg(shared_auth_read(path, text, &err) == 0, "%s", err.msg);
        ck_assert_str_eq(text, files[_i].wanted);
    } else {
        ck_assert_int_eq(shared_auth_read(path, text, &err), -1);
        ck_assert_ptr_nonnull(strstr(err.msg, path));
        ck_assert_ptr_null(strstr(err.msg, "secret"));
    }
    ck_assert_int_eq(shared_auth_read(dir, text, &err), -1);
    scratch_free(dir);
}
END_TEST

/* ---------------------------------------------------------------- threads */

static atomic_bool over;

static void *read_on(void *opaque)
{
    atomic_uint *hits = opaque;

    for (uint64_t i = 0; !atomic_load(&over); i++)
        atomic_fetch_add(hits, get(i % 50, SIZE));
    return NULL;
}

START_TEST(readers_go_on_whatever_servers_do)
{
    enum { READERS = 8 };
    pthread_t threads[READERS];
    atomic_uint hits = 0;

    open_shared(2, 200, NULL);
    fill(0, 50);
    atomic_store(&over, false);
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, &hits), 0);
    while (atomic_load(&hits) < 1000)
        usleep(1000);
    for (int mood = FAKE_GOOD; mood < FAKE_MOODS; mood++) {
        fake_memcached_set(fakes[mood % 2], (enum fake_mood)mood);
        fill(0, 50);
        usleep(20000);
        fake_memcached_set(fakes[mood % 2], FAKE_GOOD);
        fake_memcached_disconnect(fakes[1 - mood % 2]);
        usleep(20000);
    }
    atomic_store(&over, true);
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_le(stats_now().connections, 2 * 16 + 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shared");
    TCase *t = tcase_create("servers");

    tcase_set_timeout(t, 240);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, what_is_kept_is_found);
    tcase_add_test(t, what_was_kept_outlives_a_mount);
    tcase_add_test(t, blocks_are_spread_over_servers);
    tcase_add_test(t, many_wants_are_answered_together);
    tcase_add_test(t, another_size_is_another_block);
    tcase_add_test(t, rejected_blocks_are_gone);
    tcase_add_test(t, lost_connections_are_made_again);
    tcase_add_loop_test(t, a_bad_server_costs_no_more_than_blocks, 0,
                        FAKE_MOODS);
    tcase_add_test(t, a_server_that_stalls_is_left_alone);
    tcase_add_test(t, one_server_of_three_stalls);
    tcase_add_test(t, a_server_that_drips_is_late);
    tcase_add_test(t, nobody_is_there);
    tcase_add_test(t, a_full_server_says_so);
    tcase_add_test(t, offers_to_a_server_that_stalls_are_dropped);
    tcase_add_test(t, a_name_server_that_stalls_holds_up_nobody);
    tcase_add_test(t, a_name_that_does_not_exist_is_asked_for_again);
    tcase_add_test(t, servers_are_told_who_we_are);
    tcase_add_loop_test(t, passwords_are_read_from_private_files, 0,
                        (int)(sizeof files / sizeof files[0]));
    tcase_add_test(t, readers_go_on_whatever_servers_do);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
