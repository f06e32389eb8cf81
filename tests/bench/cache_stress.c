// SPDX-License-Identifier: MIT
/*
 * cache_stress.c: many threads, random blocks, failing fills, interrupts.
 *
 *     cache_stress [--gets N] [--threads N] [--budget MIB] [--no-rss]
 *
 * The working set is four times the budget. Blocks are 4 to 128 KiB of
 * samples with noise; every byte of every block that is returned is checked
 * against its checksum. One fill in 200 fails, one get in 50 carries a
 * token that another thread may fire at any time, some blocks are read
 * ahead or published. Prints counters, time per hit, waits for shard locks
 * as time per hit under load, and the highest resident size; fails if that
 * exceeds budget + 3 % + 32 MiB, or if any content was wrong.
 */
#undef NDEBUG
#include "prepfs/cache.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define THREADS_MAX 64

struct stress {
    struct cache *cache;
    uint64_t budget;
    uint64_t keys;
    uint64_t *digests; /* of every block */
    uint64_t gets_each;
    unsigned threads;
    bool rss;
    atomic_uint_fast64_t failed;
    atomic_uint_fast64_t interrupted;
    atomic_uint_fast64_t wrong;
    atomic_uint_fast64_t checked_bytes;
    atomic_bool done;
    _Atomic(struct cache_cancel *) tokens[THREADS_MAX];
    pthread_mutex_t token_locks[THREADS_MAX];
};

struct worker {
    struct stress *stress;
    pthread_t thread;
    unsigned index;
    uint64_t rng;
    uint64_t hit_ns;
    uint64_t hits;
};

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t next_random(uint64_t *state)
{
    return mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec ts;

    (void)clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* 4 to 128 KiB, not always whole samples. */
static size_t size_of(uint64_t id)
{
    return 4096 + mix(id ^ 77) % (CACHE_BLOCK_MAX - 4096 + 1);
}

static uint16_t sample_of(uint64_t id, size_t i)
{
    uint64_t noise = mix(id * 4099 + i / 4) >> (16 * (i % 4));

    return (uint16_t)(1000 + id % 500 + i / 64 % 100 + (noise & 63));
}

static void paint(uint64_t id, uint8_t *data, size_t size)
{
    uint16_t x;

    for (size_t i = 0; i < size / 2; i++) {
        x = sample_of(id, i);
        memcpy(data + 2 * i, &x, 2);
    }
    if (size % 2)
        data[size - 1] = (uint8_t)id;
    if (id % 16 == 0)
        memset(data, (int)(id / 16), size); /* constant */
    if (id % 16 == 1)
        for (size_t i = 0; i + 8 <= size; i += 8) {
            uint64_t r = mix(id + i);

            memcpy(data + i, &r, 8); /* incompressible */
        }
}

/* FNV over words: what paint makes, checked in place. */
static uint64_t digest(const uint8_t *data, size_t size)
{
    uint64_t h = size, w;
    size_t i = 0;

    for (; i + 8 <= size; i += 8) {
        memcpy(&w, data + i, 8);
        h = (h ^ w) * UINT64_C(0x100000001b3);
        h ^= h >> 29;
    }
    for (; i < size; i++)
        h = (h ^ data[i]) * UINT64_C(0x100000001b3);
    return h;
}

struct fill_context {
    struct worker *worker;
    struct cache_cancel *cancel;
    bool filled;
};

static int fill(void *opaque, const struct cache_key *key, uint8_t *data,
                size_t size, struct cache_hint *hint, struct error *err)
{
    struct fill_context *context = opaque;
    struct worker *worker = context->worker;

    context->filled = true;
    if (next_random(&worker->rng) % 200 == 0)
        return error_set(err, ERROR_IO, "made to fail");
    if (context->cancel && !cache_cancel_wanted(context->cancel))
        return error_set(err, ERROR_INTERRUPTED, "not wanted any more");
    paint(key->block, data, size);
    hint->sample_bytes = 2;
    hint->channels = 1;
    hint->row_bytes = 1024;
    return 0;
}

static struct cache_key key_of(uint64_t id)
{
    return (struct cache_key){{id / 64, 0x1234}, id};
}

static void check(struct stress *s, uint64_t id, const struct cache_pin *pin)
{
    if (pin->size != size_of(id) ||
        digest(pin->data, pin->size) != s->digests[id])
        atomic_fetch_add(&s->wrong, 1);
    atomic_fetch_add(&s->checked_bytes, pin->size);
}

static void publish_token(struct worker *w, struct cache_cancel *cancel)
{
    struct stress *s = w->stress;

    pthread_mutex_lock(&s->token_locks[w->index]);
    atomic_store(&s->tokens[w->index], cancel);
    pthread_mutex_unlock(&s->token_locks[w->index]);
}

static void get_one(struct worker *w, uint64_t id)
{
    struct stress *s = w->stress;
    struct cache_cancel cancel = {0};
    bool cancels = next_random(&w->rng) % 50 == 0;
    struct cache_get_options options = {.cancel = cancels ? &cancel : NULL};
    struct fill_context context = {w, options.cancel, false};
    struct cache_key key = key_of(id);
    struct error err = ERROR_INIT;
    struct cache_pin pin;
    uint64_t start;
    int rc;

    if (cancels)
        publish_token(w, &cancel);
    start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    rc = cache_get_with(s->cache, &key, size_of(id), fill, &context, &options,
                        &pin, &err);
    if (rc == 0 && !context.filled) {
        w->hit_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
        w->hits++;
    }
    if (cancels)
        publish_token(w, NULL);
    if (rc == 0) {
        check(s, id, &pin);
        cache_unpin(s->cache, &pin);
    } else if (err.kind == ERROR_INTERRUPTED) {
        atomic_fetch_add(&s->interrupted, 1);
    } else {
        assert(err.kind == ERROR_IO);
        atomic_fetch_add(&s->failed, 1);
    }
}

static void step(struct worker *w, uint8_t *scratch)
{
    struct stress *s = w->stress;
    uint64_t id = next_random(&w->rng) % s->keys;
    uint64_t other = next_random(&w->rng) % s->keys;
    struct cache_key key = key_of(other);
    struct fill_context context = {w, NULL, false};

    /* Half of the gets go to an eighth of the keys. */
    if (next_random(&w->rng) % 2)
        id %= s->keys / 8;
    switch (next_random(&w->rng) % 64) {
    case 0:
        (void)!cache_prefetch(s->cache, &key, size_of(other), fill, &context,
                              NULL);
        break;
    case 1:
        paint(other, scratch, size_of(other));
        cache_publish(s->cache, &key, scratch, size_of(other), NULL);
        break;
    default:
        break;
    }
    get_one(w, id);
}

static void *work(void *opaque)
{
    struct worker *w = opaque;
    uint8_t *scratch = malloc(CACHE_BLOCK_MAX);

    assert(scratch);
    for (uint64_t i = 0; i < w->stress->gets_each; i++)
        step(w, scratch);
    free(scratch);
    return NULL;
}

static void *fire(void *opaque)
{
    struct stress *s = opaque;
    uint64_t rng = 99;

    while (!atomic_load(&s->done)) {
        unsigned i = (unsigned)(next_random(&rng) % s->threads);
        struct cache_cancel *cancel;

        pthread_mutex_lock(&s->token_locks[i]);
        cancel = atomic_load(&s->tokens[i]);
        if (cancel)
            cache_cancel_fire(cancel);
        pthread_mutex_unlock(&s->token_locks[i]);
        usleep(20);
    }
    return NULL;
}

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long size = 0, resident = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    (void)fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t watch_rss(struct stress *s, struct worker *workers)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < s->threads; i++) {
        for (;;) {
            struct timespec until;
            uint64_t now = resident_bytes();

            most = now > most ? now : most;
            (void)clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += 5000000;
            until.tv_sec += until.tv_nsec / 1000000000;
            until.tv_nsec %= 1000000000;
            if (pthread_timedjoin_np(workers[i].thread, NULL, &until) == 0)
                break;
        }
    }
    return most;
}

static int report(struct stress *s, const struct worker *workers, uint64_t most,
                  double seconds)
{
    uint64_t limit = s->budget + s->budget * 3 / 100 + 32 * MIB;
    uint64_t hits = 0, hit_ns = 0, waits = 0;
    struct cache_stats stats;
    bool over = s->rss && most > limit;

    for (unsigned i = 0; i < s->threads; i++) {
        hits += workers[i].hits;
        hit_ns += workers[i].hit_ns;
    }
    cache_stats_get(s->cache, &stats);
    for (int i = 0; i < CACHE_WAIT_BUCKETS; i++)
        waits += stats.wait_us[i];
    printf("gets %" PRIu64 " in %.1f s, %.0f MB checked, wrong %" PRIu64 "\n",
           s->gets_each * s->threads, seconds,
           (double)atomic_load(&s->checked_bytes) / 1e6,
           (uint64_t)atomic_load(&s->wrong));
    printf("hits %" PRIu64 " misses %" PRIu64 " waits %" PRIu64
           " failed %" PRIu64 " interrupted %" PRIu64 " uncached %" PRIu64
           " evictions %" PRIu64 "\n",
           stats.hits, stats.misses, stats.waits,
           (uint64_t)atomic_load(&s->failed),
           (uint64_t)atomic_load(&s->interrupted), stats.uncached,
           stats.evictions);
    printf("prefetched %" PRIu64 " used %" PRIu64 " wasted %" PRIu64
           " published %" PRIu64 " used %" PRIu64 "\n",
           stats.prefetched, stats.prefetch_used, stats.prefetch_wasted,
           stats.published, stats.published_used);
    printf(
        "per hit %.1f us of CPU; per wait for a fill %.1f us; per shard lock "
        "%.3f us (%" PRIu64 " contended)\n",
        hits ? (double)hit_ns / 1e3 / (double)hits : 0,
        waits ? (double)stats.wait_us_sum / (double)waits : 0,
        stats.lock_takes
            ? (double)stats.lock_wait_ns / 1e3 / (double)stats.lock_takes
            : 0,
        stats.lock_waits);
    printf("ratio %.2f, used %.1f of %.1f MiB, resident at most %.1f MiB "
           "(limit %.1f)%s\n",
           stats.bytes_compressed
               ? (double)stats.bytes_logical / (double)stats.bytes_compressed
               : 0,
           (double)stats.bytes_used / (double)MIB,
           (double)stats.budget_bytes / (double)MIB, (double)most / (double)MIB,
           (double)limit / (double)MIB, over ? " EXCEEDED" : "");
    if (stats.bytes_used > stats.budget_bytes)
        printf("note: over budget at the end\n");
    return over || atomic_load(&s->wrong) != 0 || stats.hits == 0 ||
           stats.evictions == 0 || atomic_load(&s->failed) == 0;
}

static void digest_all(struct stress *s)
{
    uint8_t *scratch = malloc(CACHE_BLOCK_MAX);

    s->digests = calloc(s->keys, sizeof *s->digests);
    assert(scratch && s->digests);
    for (uint64_t id = 0; id < s->keys; id++) {
        paint(id, scratch, size_of(id));
        s->digests[id] = digest(scratch, size_of(id));
    }
    free(scratch);
}

static int run(struct stress *s)
{
    struct cache_config config = {.budget_bytes = s->budget,
                                  .epoch_guard = true};
    static struct worker workers[THREADS_MAX];
    struct error err = ERROR_INIT;
    uint64_t start, most;
    pthread_t firing;
    int rc;

    s->cache = cache_new(&config, &err);
    assert(s->cache);
    /* Mean block: 66 KiB, about 2.3 times smaller when stored. */
    s->keys = 4 * s->budget / (66 * 1024) * 23 / 10 + 64;
    digest_all(s);
    start = clock_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < s->threads; i++) {
        assert(pthread_mutex_init(&s->token_locks[i], NULL) == 0);
        workers[i] = (struct worker){.stress = s, .index = i, .rng = i + 1};
    }
    for (unsigned i = 0; i < s->threads; i++)
        assert(pthread_create(&workers[i].thread, NULL, work, &workers[i]) ==
               0);
    assert(pthread_create(&firing, NULL, fire, s) == 0);
    most = watch_rss(s, workers);
    atomic_store(&s->done, true);
    assert(pthread_join(firing, NULL) == 0);
    rc = report(s, workers, most,
                (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9);
    cache_free(s->cache);
    free(s->digests);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"gets", required_argument, NULL, 'g'},
        {"threads", required_argument, NULL, 't'},
        {"budget", required_argument, NULL, 'b'},
        {"no-rss", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    static struct stress stress = {
        .budget = 64 * MIB, .threads = 8, .rss = true};
    uint64_t gets = 10000000;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case 'g':
            gets = strtoull(optarg, NULL, 10);
            break;
        case 't':
            stress.threads = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'b':
            stress.budget = (uint64_t)strtoull(optarg, NULL, 10) * MIB;
            break;
        case 'n':
            stress.rss = false;
            break;
        default:
            return 2;
        }
    }
    if (stress.threads < 1 || stress.threads > THREADS_MAX)
        return 2;
    stress.gets_each = gets / stress.threads;
    return run(&stress);
}
