// SPDX-License-Identifier: MIT
/*
 * test_render_oom.c: the k-th allocation fails, for every k.
 *
 * The linker sends the allocations of our own libraries through here; those of
 * SQLite and the codecs are their own affair. A leaf is read cold with one
 * allocation failing, until none is reached any more: it is then either right
 * or refused with ERROR_NO_MEMORY, and right the next time.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "support/check_main.h"
#include "support/engine.h"
#include "support/places.h"
#include "support/rows.h"

/* 0: the next one fails; below 0: none. Of the thread that reads alone: the
 * cache may have threads of its own. */
static _Thread_local long until_failure = -1;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t count, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *text);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd,
                  off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t count, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__wrap_strdup(const char *text);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd,
                  off_t offset);
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd,
                    off_t offset);

static bool fails(void)
{
    return until_failure >= 0 && until_failure-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t count, size_t size)
{
    return fails() ? NULL : __real_reallocarray(p, count, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(align, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd,
                  off_t offset)
{
    if (fails()) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mmap(at, size, prot, flags, fd, offset);
}

void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd,
                    off_t offset)
{
    return __wrap_mmap(at, size, prot, flags, fd, offset);
}

/* ---- the sweep ---------------------------------------------------------- */

static struct engine engine;

static void setup(void)
{
    engine_init(&engine);
}

static void teardown(void)
{
    engine_deinit(&engine);
}

/* A renderer and a cache that know nothing, over the same manifest. */
static void renew(bool forget)
{
    struct cache_config config = {.budget_bytes = 1 << 20, .shards = 1};
    struct error err = ERROR_INIT;

    render_free(engine.render);
    cache_free(engine.cache);
    if (forget)
        rows_exec(engine.state, "DELETE FROM output; DELETE FROM fact; "
                                "DELETE FROM frame_index;");
    engine.cache = cache_new(&config, &err);
    ck_assert_msg(engine.cache != NULL, "%s", err.msg);
    engine.config.cache = engine.cache;
    engine.render = render_new(&engine.config, &err);
    ck_assert_msg(engine.render != NULL, "%s", err.msg);
}

/* Size and all bytes; compares what comes with `whole`. Check allocates in its
 * assertions, so these are of libc. */
static int read_all(const struct leaf *leaf, const uint8_t *whole, size_t size,
                    struct error *err)
{
    struct leaf_attr attr = {0};
    uint64_t at = 0;

    if (render_attr(engine.render, leaf, NULL, true, &attr, err) != 0)
        return -1;
    assert(attr.size == size);
    while (at < size) {
        struct render_bytes bytes;

        if (render_read(engine.render, leaf, at, 300000, true, &bytes, err) !=
            0)
            return -1;
        assert(bytes.length > 0);
        for (int i = 0; i < bytes.iov_count; i++) {
            assert(memcmp(bytes.iov[i].iov_base, whole + at,
                          bytes.iov[i].iov_len) == 0);
            at += bytes.iov[i].iov_len;
        }
        render_release(engine.render, &bytes);
    }
    assert(at == size);
    return 0;
}

struct sweep {
    enum decode_codec codec;
    uint32_t side, frames;
    const char *view;
    bool forget; /* what earlier rounds have measured */
};

static const struct sweep sweeps[] = {
    {DECODE_NATIVE_LE, 64, 3, "full", true},
    {DECODE_RLE, 64, 3, "crop_size-90x70", true},
    {DECODE_RLE, 64, 3, "crop_size-90x70", false},
    {DECODE_JPEGLS, 64, 2, "hu_crop_pack-lzw", true},
    {DECODE_J2K, 48, 2, "rot-90_window-off_size-200x200_u8_rgb", true},
    {DECODE_JPEG, 40, 2, "raw_spacing-0.2x0.2_filter-lanczos3_pack-deflate",
     true},
    {DECODE_RLE, 40, 5, "vol-lapmip-skip0_crop_size-30x30_pad-center", true},
    {DECODE_RLE, 40, 5,
     "slab-mean-d3_crop_size-40x30_fill-reflect_canvas-50x50_norm-z", true},
    {DECODE_JPEGLS, 40, 5, "hu_rot-30_vol-interp-3_fill-edge_canvas-50x50x4",
     true},
    {DECODE_RLE, 40, 3, "size-30x30x5-stretch_norm-unit-frame-fg_pack-lzw",
     true},
    {DECODE_NATIVE_BE, 20, 60, "window-frame_f32", true}, /* small pages */
    {DECODE_RLE, 46, 60, "raw", true}, /* more pieces than a reply holds */
    {DECODE_RLE, 40, 5, "crop_fill-edge_rand-50x20x3-n1-seed3_norm-z", true},
    {DECODE_RLE, 20, 5, "plane-cor_crop_slab-max-d2", true},
};

static void add_places(const struct image_file *f, struct build *b)
{
    static const struct places axial = {
        {1, 0, 0}, {0, 1, 0}, {0, 0, 0}, {0, 0, 1}};

    places_add(b, &axial, f->frames);
}

START_TEST(a_leaf_is_right_or_there_is_no_memory)
{
    const struct sweep *c = &sweeps[_i];
    struct image_file f = IMAGE_FILE_INIT;
    struct error err = ERROR_INIT;
    struct leaf leaf;
    uint8_t *whole;
    size_t size;
    long k = 0, failures = 0;
    bool reached = true;

    f.codec = c->codec;
    f.cols = f.rows = c->side;
    f.frames = c->frames;
    f.spacing = "0.5\\0.7";
    f.value = image_file_box;
    f.padding = "1";
    f.add_late = add_places;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, c->view, f.sop);
    leaf.part = strstr(c->view, "rand-") != NULL;
    whole = engine_bytes(&engine, &leaf, &size);
    for (; reached; k += c->frames > 10 && k > 100 ? 7 : 1) {
        int rc;

        renew(c->forget);
        err = (struct error)ERROR_INIT;
        until_failure = k;
        rc = read_all(&leaf, whole, size, &err);
        reached = until_failure < 0;
        until_failure = -1;
        if (rc != 0) {
            failures++;
            ck_assert_msg(err.kind == ERROR_NO_MEMORY,
                          "%s: allocation %ld: %d %s", c->view, k,
                          (int)err.kind, err.msg);
        }
        ck_assert_msg(read_all(&leaf, whole, size, &err) == 0,
                      "%s: after allocation %ld: %s", c->view, k, err.msg);
    }
    printf("# %s: %ld allocations, %ld refusals\n", c->view, k, failures);
    ck_assert_int_gt(failures, 10);
    free(whole);
}
END_TEST

START_TEST(a_renderer_is_made_or_not)
{
    struct error err = ERROR_INIT;
    struct render *r = NULL;
    long k = 0;

    engine_start(&engine);
    for (; !r; k++) {
        err = (struct error)ERROR_INIT;
        until_failure = k;
        r = render_new(&engine.config, &err);
        until_failure = -1;
        ck_assert(r || err.kind == ERROR_NO_MEMORY);
        ck_assert_int_lt(k, 100);
    }
    ck_assert_int_gt(k, 5);
    render_free(r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("render_oom");
    TCase *t = tcase_create("memory");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 0);
    tcase_add_test(t, a_renderer_is_made_or_not);
    tcase_add_loop_test(t, a_leaf_is_right_or_there_is_no_memory, 0,
                        (int)(sizeof sweeps / sizeof sweeps[0]));
    suite_add_tcase(s, t);
    return check_main(s);
}
