// SPDX-License-Identifier: MIT
/*
 * test_cache_oom.c: the k-th allocation fails, for every k.
 *
 * malloc, calloc and mmap are wrapped by the linker. A short life of a cache
 * is replayed with the first, the second, ... allocation failing, until one
 * run needs fewer. No run may crash, leak (ASan), return wrong bytes, report
 * anything but a lack of memory, or leave the cache unusable.
 */
#undef NDEBUG
#include "prepfs/cache.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd,
                  off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd,
                  off_t offset);

static long countdown; /* 0: off; 1: the next one fails */
static bool inside;    /* the cache; Check's own allocations do not count */
static bool failed_once;

static bool fails(void)
{
    if (!inside || countdown == 0 || --countdown > 0)
        return false;
    failed_once = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd,
                  off_t offset)
{
    return fails() ? MAP_FAILED
                   : __real_mmap(at, size, prot, flags, fd, offset);
}

static uint8_t byte_of(uint64_t block, size_t i)
{
    return (uint8_t)(block * 13 + i * 7 + (i >> 6));
}

static int fill(void *opaque, const struct cache_key *key, uint8_t *data,
                size_t size, struct cache_hint *hint, struct error *err)
{
    (void)opaque;
    (void)err;
    for (size_t i = 0; i < size; i++)
        data[i] = byte_of(key->block, i);
    hint->sample_bytes = key->block % 2 ? 2 : 0;
    return 0;
}

static bool get_one(struct cache *cache, uint64_t block)
{
    struct cache_key key = {{1, 2}, block};
    struct error err = ERROR_INIT;
    struct cache_pin pin;
    int rc;

    inside = true;
    rc = cache_get(cache, &key, 20000 + block, fill, NULL, &pin, &err);
    inside = false;
    if (rc != 0) {
        ck_assert_int_eq(err.kind, ERROR_NO_MEMORY);
        ck_assert(failed_once);
        return false;
    }
    ck_assert_uint_eq(pin.size, 20000 + block);
    for (size_t i = 0; i < pin.size; i++)
        if (pin.data[i] != byte_of(block, i))
            ck_abort_msg("block %d is wrong at %zu", (int)block, i);
    cache_unpin(cache, &pin);
    return true;
}

/* Gets, hits, evictions, read-ahead, publishing, a smaller budget. */
static void live(struct cache *cache)
{
    static uint8_t data[3000];
    struct cache_key key = {{7, 7}, 1};
    struct error err = ERROR_INIT;
    int rc;

    for (uint64_t i = 0; i < 150; i++) {
        (void)get_one(cache, i);
        (void)get_one(cache, i / 2);
    }
    inside = true;
    rc = cache_prefetch(cache, &key, 5000, fill, NULL, &err);
    key.block = 2;
    cache_publish(cache, &key, data, sizeof data, NULL);
    cache_set_budget(cache, 2 << 20);
    inside = false;
    ck_assert(rc == 0 || err.kind == ERROR_NO_MEMORY);
    for (uint64_t i = 0; i < 40; i++)
        (void)get_one(cache, i);
}

START_TEST(every_failed_allocation_is_survived)
{
    struct cache_config config = {
        .budget_bytes = 4 << 20, .shards = 2, .epoch_guard = true};
    long k;

    for (k = 1; k < 100000; k++) {
        struct error err = ERROR_INIT;
        struct cache *cache;

        failed_once = false;
        countdown = k;
        inside = true;
        cache = cache_new(&config, &err);
        inside = false;
        if (!cache) {
            ck_assert_int_eq(err.kind, ERROR_NO_MEMORY);
            ck_assert(failed_once);
            continue;
        }
        live(cache);
        countdown = 0;
        /* Whatever failed, everything works again. */
        for (uint64_t i = 0; i < 10; i++)
            ck_assert(get_one(cache, i));
        cache_free(cache);
        if (!failed_once)
            break;
        /* The tail repeats itself: look at every seventh. */
        if (k > 200)
            k += 6;
    }
    ck_assert_int_gt(k, 300);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_oom");
    TCase *tcase = tcase_create("cache_oom");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, every_failed_allocation_is_survived);
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
