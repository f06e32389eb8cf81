// SPDX-License-Identifier: MIT
/*
 * test_cache_memory.c: pages, pieces, buffers, and giving memory back.
 */
#undef NDEBUG
#include "memory.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void paint(uint8_t *data, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)((i * 31 + seed * 17) >> (i % 5));
}

static bool holds(struct memory *m, const struct payload *payload,
                  uint64_t seed)
{
    static uint8_t scratch[1 << 18], want[1 << 18];

    paint(want, payload->size, seed);
    return memcmp(payload_bytes(m, payload, scratch), want, payload->size) == 0;
}

START_TEST(every_size_comes_back)
{
    struct memory *m = memory_new(4 * MIB, 0);
    static uint8_t data[140000];

    for (size_t size = 1; size < sizeof data; size += 1 + size / 7) {
        struct payload *payload;

        paint(data, size, size);
        payload = payload_new(m, data, size);
        ck_assert_ptr_nonnull(payload);
        ck_assert(holds(m, payload, size));
        ck_assert_uint_le(memory_bytes(m), payload_charge(size) + 4096);
        ck_assert_uint_ge(payload_charge(size), size);
        ck_assert_uint_le(payload_charge(size), size + 512 + 100);
        payload_unref(m, payload);
        ck_assert_uint_eq(memory_bytes(m), 0);
    }
    memory_free(m);
}
END_TEST

/* Random sizes and lifetimes against a list of what must be there. */
START_TEST(churn_neither_loses_nor_fragments)
{
    enum { SLOTS = 300 };
    struct memory *m = memory_new(16 * MIB, 0);
    struct payload *slots[SLOTS] = {0};
    uint64_t seeds[SLOTS] = {0}, rng = (uint64_t)_i + 1, live = 0;
    unsigned refused = 0;
    static uint8_t data[140000];

    for (int step = 0; step < 6000; step++) {
        unsigned i = (unsigned)(next_random(&rng) % SLOTS);
        size_t size = 1 + next_random(&rng) % 120000;

        if (step % 64 == 0)
            size = 1 + size % 20;
        if (slots[i]) {
            ck_assert(holds(m, slots[i], seeds[i]));
            live -= payload_charge(slots[i]->size);
            payload_unref(m, slots[i]);
        }
        seeds[i] = next_random(&rng);
        paint(data, size, seeds[i]);
        slots[i] = payload_new(m, data, size);
        refused += !slots[i];
        live += slots[i] ? payload_charge(size) : 0;
        /* Nothing is wasted but gaps in shared pages, which are known. */
        ck_assert_uint_le(memory_bytes(m), live + memory_overhead(m));
        ck_assert_uint_le(memory_overhead(m), MIB);
    }
    ck_assert_uint_gt(refused, 0);
    /* Refusals begin only when it is really full. */
    ck_assert_uint_gt(memory_bytes(m), 15 * MIB);
    for (int i = 0; i < SLOTS; i++)
        payload_unref(m, slots[i]);
    ck_assert_uint_eq(memory_bytes(m), 0);
    memory_free(m);
}
END_TEST

static uint64_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long size = 0, pages = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lu %lu", &size, &pages), 2);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

START_TEST(a_lower_limit_returns_memory_to_the_system)
{
    enum { N = 600 };
    struct memory *m = memory_new(64 * MIB, 4 * MIB);
    struct payload *payloads[N];
    static uint8_t data[140000];
    uint64_t before = resident(), full;

    paint(data, sizeof data, 1);
    for (int i = 0; i < N; i++) {
        payloads[i] = payload_new(m, data, 100000);
        ck_assert_ptr_nonnull(payloads[i]);
    }
    full = resident();
    ck_assert_uint_gt(full, before + 50 * MIB);
    for (int i = 0; i < N; i++)
        if (i % 4 != 0) {
            payload_unref(m, payloads[i]);
            payloads[i] = NULL;
        }
    memory_set_payload_limit(m, 16 * MIB);
    /* Under ASan freed heap is kept for a while; pages are not heap. */
    ck_assert_uint_lt(resident(), full - 35 * MIB);
    for (int i = 0; i < N; i += 4)
        ck_assert(holds(m, payloads[i], 1));
    for (int i = 0; i < 40; i++) {
        struct payload *more = payload_new(m, data, sizeof data);

        /* 150 payloads of 100 kB are about 14.7 MiB. */
        if (!more)
            break;
        ck_assert_int_lt(i, 39);
        payloads[4 * i + 2] = more;
    }
    memory_set_payload_limit(m, 64 * MIB);
    for (int i = 1; i < N; i += 4) {
        payloads[i] = payload_new(m, data, 100000);
        ck_assert_ptr_nonnull(payloads[i]);
    }
    for (int i = 0; i < N; i++) {
        ck_assert(!payloads[i] || holds(m, payloads[i], 1));
        payload_unref(m, payloads[i]);
    }
    memory_free(m);
}
END_TEST

START_TEST(buffers_beyond_the_region_come_from_malloc)
{
    enum { N = 40 };
    struct memory *m = memory_new(MIB, 2 * MIB);
    struct buffer *buffers[N];

    for (int i = 0; i < N; i++) {
        buffers[i] = buffer_new(m, 131072 - (size_t)i);
        ck_assert_ptr_nonnull(buffers[i]);
        memset(buffers[i]->data, i, buffers[i]->size);
    }
    ck_assert_uint_ge(memory_overhead(m), (N - 16) * 131072);
    for (int i = 0; i < N; i++) {
        for (size_t k = 0; k < buffers[i]->size; k++)
            if (buffers[i]->data[k] != i)
                ck_abort_msg("buffer %d is overwritten", i);
        buffer_unref(m, buffers[i]);
    }
    ck_assert_uint_eq(memory_bytes(m), 0);
    ck_assert_uint_eq(memory_overhead(m), 0);
    memory_free(m);
}
END_TEST

START_TEST(small_buffers_share_slabs)
{
    enum { N = 512 };
    struct memory *m = memory_new(MIB, 2 * MIB);
    struct buffer *buffers[N];
    uint64_t rng = 3;

    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < N; i++) {
            buffers[i] = buffer_new(m, 4096);
            ck_assert_ptr_nonnull(buffers[i]);
            buffers[i]->data[0] = (uint8_t)i;
            buffers[i]->data[4095] = (uint8_t)i;
        }
        ck_assert_uint_eq(memory_overhead(m), 0);
        for (int i = N - 1; i > 0; i--) {
            int j = (int)(next_random(&rng) % (uint64_t)(i + 1));
            struct buffer *t = buffers[i];

            buffers[i] = buffers[j];
            buffers[j] = t;
        }
        for (int i = 0; i < N; i++) {
            if (buffers[i]->data[0] != buffers[i]->data[4095])
                ck_abort_msg("buffer %d is overwritten", i);
            buffer_unref(m, buffers[i]);
        }
    }
    memory_free(m);
}
END_TEST

START_TEST(work_areas_are_kept)
{
    struct memory *m = memory_new(MIB, 0);
    void *a = work_get(m, 10000), *b = work_get(m, 10000);

    ck_assert(a && b && a != b);
    ck_assert_uint_eq(memory_overhead(m), 20000);
    work_put(m, a, 10000);
    ck_assert_ptr_eq(work_get(m, 10000), a);
    work_put(m, a, 10000);
    work_put(m, b, 10000);
    memory_free(m);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_memory");
    TCase *tcase = tcase_create("cache_memory");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, every_size_comes_back);
    tcase_add_loop_test(tcase, churn_neither_loses_nor_fragments, 0, 3);
    tcase_add_test(tcase, a_lower_limit_returns_memory_to_the_system);
    tcase_add_test(tcase, buffers_beyond_the_region_come_from_malloc);
    tcase_add_test(tcase, small_buffers_share_slabs);
    tcase_add_test(tcase, work_areas_are_kept);
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
