// SPDX-License-Identifier: MIT
/*
 * test_render_reuse.c: what is made once is not made twice: frames between
 * views, edges between blocks, units between a guess and its reader.
 */
#undef NDEBUG
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dicom/dicom.h"
#include "index/index.h"
#include "render/render.h"
#include "support/check_main.h"
#include "support/dicom_build.h"
#include "support/scratch.h"

#define MIB ((uint64_t)1 << 20)

/* A renderer on an archive of one native image. */
struct rig {
    char *dir, *archive, *state;
    struct manifest *manifest;
    struct cache *cache;
    struct render *render;
};

/* Blocks of it hardly shrink. */
static uint16_t noise(uint64_t i)
{
    i = (i ^ i >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    i = (i ^ i >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint16_t)(i >> 40);
}

static void write_image(const char *archive, unsigned side, unsigned frames)
{
    size_t n = (size_t)side * side * frames;
    uint16_t *pixels = calloc(n + 2, sizeof *pixels);
    char *path = scratch_text("%s/a.dcm", archive);
    char count[16];
    struct build b;
    FILE *out;

    for (size_t i = 0; i < n; i++)
        pixels[i] = noise(i) & 0xfff;
    (void)snprintf(count, sizeof count, "%u", frames);
    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.1");
    build_common(&b, "1.2.840.10008.5.1.4.1.1.7");
    build_text(&b, 0x00280008, "IS", count);
    build_grey(&b, side, side, 16, 12, 0);
    build_words(&b, 0x7FE00010, "OW", pixels, n);
    out = fopen(path, "we");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(b.bytes, 1, b.length, out), b.length);
    ck_assert_int_eq(fclose(out), 0);
    build_deinit(&b);
    free(pixels);
    free(path);
}

static void index_archive(struct rig *r)
{
    struct error err = ERROR_INIT;
    struct index_parser parser;
    struct index_result result;
    struct index_config config = {.manifest = r->manifest,
                                  .archive = r->archive,
                                  .parser = &parser,
                                  .threads = 1};

    index_dicom_parser(&(struct index_dicom_config){0}, &parser);
    ck_assert_msg(index_run(&config, &result, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(result.added, 1);
}

static void rig_open(struct rig *r, unsigned side, unsigned frames,
                     uint64_t cache_bytes, uint64_t frame_bytes)
{
    struct cache_config cache = {.budget_bytes = cache_bytes};
    struct render_config config = {.frame_bytes = frame_bytes};
    struct error err = ERROR_INIT;

    dicom_global_init();
    r->dir = scratch_new();
    r->archive = scratch_text("%s/archive", r->dir);
    r->state = scratch_text("%s/state", r->dir);
    ck_assert_int_eq(mkdir(r->archive, 0700), 0);
    ck_assert_int_eq(mkdir(r->state, 0700), 0);
    write_image(r->archive, side, frames);
    r->manifest = manifest_open(r->state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(r->manifest != NULL, "%s", err.msg);
    index_archive(r);
    r->cache = cache_new(&cache, &err);
    ck_assert_msg(r->cache != NULL, "%s", err.msg);
    config.manifest = r->manifest;
    config.cache = r->cache;
    config.archive = r->archive;
    r->render = render_new(&config, &err);
    ck_assert_msg(r->render != NULL, "%s", err.msg);
}

static void rig_close(struct rig *r)
{
    render_free(r->render);
    cache_free(r->cache);
    manifest_close(r->manifest);
    free(r->archive);
    free(r->state);
    scratch_free(r->dir);
}

static struct leaf leaf_of(struct rig *r, const char *name)
{
    struct error err = ERROR_INIT;
    struct view view;
    uint16_t id;

    ck_assert_msg(view_parse(name, NULL, &view, NULL, &err) == 0 &&
                      render_view(r->render, &view, 0, &id, &err) == 0,
                  "%s: %s", name, err.msg);
    return (struct leaf){.view_id = id, .object_id = 1, .kind = LEAF_TIFF};
}

static uint64_t size_of(struct rig *r, const struct leaf *leaf)
{
    struct error err = ERROR_INIT;
    struct leaf_attr attr;

    ck_assert_msg(render_attr(r->render, leaf, NULL, true, &attr, &err) == 0,
                  "%s", err.msg);
    return attr.size;
}

/* Reads as the kernel does, 128 KiB at a time, [from, to) or to the end. */
static void read_range(struct rig *r, const struct leaf *leaf, uint64_t from,
                       uint64_t to, uint8_t *ret)
{
    struct error err = ERROR_INIT;
    struct render_bytes bytes;

    while (from < to) {
        size_t want = to - from < CACHE_BLOCK_MAX ? to - from : CACHE_BLOCK_MAX;

        ck_assert_msg(
            render_read(r->render, leaf, from, want, true, &bytes, &err) == 0,
            "%s", err.msg);
        if (bytes.length == 0)
            return;
        for (int i = 0; i < bytes.iov_count && ret; i++) {
            memcpy(ret, bytes.iov[i].iov_base, bytes.iov[i].iov_len);
            ret += bytes.iov[i].iov_len;
        }
        from += bytes.length;
        render_release(r->render, &bytes);
    }
}

static void read_all(struct rig *r, const struct leaf *leaf)
{
    read_range(r, leaf, 0, UINT64_MAX, NULL);
}

static struct render_stats stats_of(struct rig *r)
{
    struct render_stats stats;

    render_stats_get(r->render, &stats);
    return stats;
}

static struct cache_stats cached(struct rig *r)
{
    struct cache_stats stats;

    cache_stats_get(r->cache, &stats);
    return stats;
}

/* ---- frames -------------------------------------------------------------- */

START_TEST(views_read_one_after_another_share_a_decode)
{
    struct leaf leaf;
    struct rig r;

    rig_open(&r, 256, 1, 16 * MIB, 16 * MIB);
    leaf = leaf_of(&r, "full");
    read_all(&r, &leaf);
    leaf = leaf_of(&r, "raw");
    read_all(&r, &leaf);
    leaf = leaf_of(&r, "size-64x64_u8");
    read_all(&r, &leaf);
    ck_assert_uint_eq(stats_of(&r).frames_decoded, 1);
    ck_assert_uint_ge(stats_of(&r).frames_reused, 2);
    rig_close(&r);
}
END_TEST

START_TEST(without_memory_for_frames_each_view_decodes)
{
    struct leaf leaf;
    struct rig r;

    rig_open(&r, 256, 1, 16 * MIB, 0);
    leaf = leaf_of(&r, "full");
    read_all(&r, &leaf);
    leaf = leaf_of(&r, "raw");
    read_all(&r, &leaf);
    ck_assert_uint_ge(stats_of(&r).frames_decoded, 2);
    ck_assert_uint_eq(stats_of(&r).kept_bytes, 0);
    rig_close(&r);
}
END_TEST

/* ---- sources ------------------------------------------------------------- */

/* A new run: what is in the cache stays, what the renderer kept does not. */
static void start_again(struct rig *r)
{
    struct render_config config = {.manifest = r->manifest,
                                   .cache = r->cache,
                                   .archive = r->archive,
                                   .frame_bytes = MIB};
    struct error err = ERROR_INIT;

    render_free(r->render);
    r->render = render_new(&config, &err);
    ck_assert_msg(r->render != NULL, "%s", err.msg);
}

static void forget_blocks(struct rig *r)
{
    render_free(r->render);
    r->render = NULL;
    cache_free(r->cache);
    r->cache =
        cache_new(&(struct cache_config){.budget_bytes = 16 * MIB}, NULL);
    ck_assert_ptr_nonnull(r->cache);
    start_again(r);
}

/* Zeros instead of a header, in a file that looks as it did; or, `touched`,
 * the same with another time. */
static void spoil_source(struct rig *r, bool touched)
{
    char *path = scratch_text("%s/a.dcm", r->archive);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    static const uint8_t zeros[512];
    struct timespec times[2];
    struct stat st;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_int_eq(pwrite(fd, zeros, sizeof zeros, 0), (int)sizeof zeros);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    times[1].tv_sec -= touched;
    ck_assert_int_eq(futimens(fd, times), 0);
    ck_assert_int_eq(close(fd), 0);
    free(path);
}

static void check_fails(struct rig *r, const struct leaf *leaf,
                        enum error_kind kind)
{
    struct error err = ERROR_INIT;
    struct render_bytes bytes;

    ck_assert_int_eq(render_read(r->render, leaf, 0, 1, true, &bytes, &err),
                     -1);
    ck_assert_msg(err.kind == kind, "%d, %s", (int)err.kind, err.msg);
}

static const char *const kept_views[] = {"full", "raw", "crop",
                                         "crop_size-64x64_u8", "norm-z"};
#define KEPT_VIEWS ((int)(sizeof kept_views / sizeof kept_views[0]))

/* The image has no window, so what `full` maps to black and white is the
 * least and the greatest of it: known to the manifest, not to this run. */
START_TEST(a_leaf_that_is_in_the_cache_opens_no_source)
{
    uint8_t *first, *second;
    struct leaf leaf;
    uint64_t size;
    struct rig r;

    rig_open(&r, 512, 1, 16 * MIB, MIB);
    leaf = leaf_of(&r, kept_views[_i]);
    size = size_of(&r, &leaf);
    first = malloc(size);
    second = malloc(size);
    read_range(&r, &leaf, 0, UINT64_MAX, first);
    start_again(&r);
    spoil_source(&r, false);
    ck_assert_uint_eq(size_of(&r, &leaf), size);
    read_range(&r, &leaf, 0, UINT64_MAX, second);
    ck_assert_int_eq(memcmp(first, second, size), 0);
    ck_assert_uint_eq(stats_of(&r).frames_decoded, 0);
    forget_blocks(&r);
    check_fails(&r, &leaf, ERROR_UNSUPPORTED);
    free(first);
    free(second);
    rig_close(&r);
}
END_TEST

START_TEST(nor_is_one_served_whose_source_has_changed)
{
    struct leaf leaf;
    struct rig r;

    rig_open(&r, 256, 1, 16 * MIB, MIB);
    leaf = leaf_of(&r, kept_views[_i]);
    read_all(&r, &leaf);
    start_again(&r);
    spoil_source(&r, true);
    check_fails(&r, &leaf, ERROR_STALE);
    rig_close(&r);
}
END_TEST

/* What is measured only when a page is wanted is what it was. */
START_TEST(a_page_made_in_a_later_run_is_the_same)
{
    uint8_t *first, *second;
    struct leaf leaf;
    uint64_t size;
    struct rig r;

    rig_open(&r, 256, 3, 16 * MIB, MIB);
    leaf = leaf_of(&r, kept_views[_i]);
    size = size_of(&r, &leaf);
    first = malloc(size);
    second = malloc(size);
    read_range(&r, &leaf, 0, UINT64_MAX, first);
    forget_blocks(&r);
    read_range(&r, &leaf, 0, UINT64_MAX, second);
    ck_assert_int_eq(memcmp(first, second, size), 0);
    free(first);
    free(second);
    rig_close(&r);
}
END_TEST

enum { READERS = 8 };

struct reader {
    struct rig *rig;
    struct leaf leaf;
    pthread_barrier_t *start;
};

static void *read_at_once(void *opaque)
{
    struct reader *reader = opaque;

    (void)pthread_barrier_wait(reader->start);
    read_all(reader->rig, &reader->leaf);
    return NULL;
}

START_TEST(views_read_at_once_share_a_decode)
{
    static const char *const names[READERS] = {
        "full",       "raw",        "size-64x64", "size-64x64_u8",
        "size-65x64", "size-66x64", "full",       "raw"};
    struct reader readers[READERS];
    pthread_t threads[READERS];
    pthread_barrier_t start;
    struct rig r;

    rig_open(&r, 1024, 1, 32 * MIB, 16 * MIB);
    ck_assert_int_eq(pthread_barrier_init(&start, NULL, READERS), 0);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){&r, leaf_of(&r, names[i]), &start};
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, read_at_once, &readers[i]), 0);
    }
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(stats_of(&r).frames_decoded, 1);
    ck_assert_uint_eq(cached(&r).fill_errors, 0);
    (void)pthread_barrier_destroy(&start);
    rig_close(&r);
}
END_TEST

/* A frame of SIDE x SIDE is larger than all there is to keep frames or pages
 * in, but the edges of a page fit. */
enum { SIDE = 1060, PAGE_BYTES = SIDE * SIDE * 2 };
#define TIGHT ((uint64_t)4300000)

START_TEST(a_page_that_is_gone_is_not_made_again_for_its_edge)
{
    struct leaf leaf;
    struct rig r;

    rig_open(&r, SIDE, 4, 64 * MIB, TIGHT);
    leaf = leaf_of(&r, "raw");
    read_all(&r, &leaf);
    ck_assert_uint_eq(stats_of(&r).frames_decoded, 4);
    ck_assert_uint_eq(stats_of(&r).frames_reused, 0);
    ck_assert_uint_le(stats_of(&r).kept_bytes, TIGHT / 4);
    rig_close(&r);
}
END_TEST

/* Its pieces do not all fit, and it is not kept itself: who reads it in order
 * has it made as often as needed, not once for every block. */
START_TEST(a_page_larger_than_the_cache_is_made_a_few_times)
{
    struct leaf leaf;
    struct rig r;

    rig_open(&r, 2 * SIDE, 1, 4 * MIB, 0);
    leaf = leaf_of(&r, "raw");
    read_all(&r, &leaf);
    ck_assert_uint_le(stats_of(&r).frames_decoded, 6);
    rig_close(&r);
}
END_TEST

START_TEST(what_is_kept_stays_within_its_budget)
{
    static const char *const names[] = {"full", "raw", "size-800x800",
                                        "pack-lzw", "f32"};
    struct rig r;

    rig_open(&r, 512, 8, 8 * MIB, 4 * MIB);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct leaf leaf = leaf_of(&r, names[i]);

        read_all(&r, &leaf);
        ck_assert_uint_le(stats_of(&r).kept_bytes, 4 * MIB);
        ck_assert_uint_le(cached(&r).bytes_used, 8 * MIB);
    }
    ck_assert_uint_gt(stats_of(&r).kept_bytes, MIB);
    rig_close(&r);
}
END_TEST

/* ---- reading ahead ------------------------------------------------------- */

/* A thirty-second of it holds every leaf below. */
#define AMPLE (512 * MIB)

static bool prefetch(struct rig *r, const struct leaf *leaf, uint32_t unit)
{
    struct error err = ERROR_INIT;
    bool made;

    ck_assert_msg(
        render_prefetch(r->render, leaf, unit, UINT64_MAX, &made, &err) == 0,
        "%s", err.msg);
    return made;
}

static struct render_place place_at(struct rig *r, const struct leaf *leaf,
                                    uint64_t offset)
{
    struct error err = ERROR_INIT;
    struct render_bytes bytes;

    ck_assert_msg(render_read(r->render, leaf, offset, 1, true, &bytes, &err) ==
                      0,
                  "%s", err.msg);
    render_release(r->render, &bytes);
    return bytes.place;
}

static const struct {
    const char *view;
    unsigned side, frames;
    uint32_t units;
} shapes[] = {
    {"raw", 512, 1, 1}, /* one page: one unit, however large */
    {"raw", 64, 1, 1},       {"raw", SIDE, 3, 3},
    {"raw", 64, 100, 7}, /* small pages: blocks of 16 */
    {"pack-lzw", 600, 3, 3},
};

START_TEST(a_prefetched_leaf_is_read_without_a_decode)
{
    uint64_t size, decoded;
    uint8_t *ahead, *behind;
    struct leaf leaf;
    struct rig r;

    rig_open(&r, shapes[_i].side, shapes[_i].frames, AMPLE, 16 * MIB);
    leaf = leaf_of(&r, shapes[_i].view);
    size = size_of(&r, &leaf);
    ahead = malloc(size);
    behind = malloc(size);
    for (uint32_t unit = 0; unit < shapes[_i].units; unit++)
        ck_assert_msg(prefetch(&r, &leaf, unit), "unit %u", unit);
    for (uint32_t unit = 0; unit < shapes[_i].units + 2; unit++)
        ck_assert_msg(!prefetch(&r, &leaf, unit), "unit %u again", unit);
    decoded = stats_of(&r).frames_decoded;
    ck_assert_uint_eq(cached(&r).hits + cached(&r).misses, 0);
    read_range(&r, &leaf, 0, UINT64_MAX, ahead);
    ck_assert_uint_eq(stats_of(&r).frames_decoded, decoded);
    ck_assert_uint_eq(cached(&r).misses, 0);
    ck_assert_uint_eq(cached(&r).prefetch_used, cached(&r).prefetched);
    ck_assert_uint_gt(cached(&r).prefetched, 0);
    ck_assert_uint_eq(place_at(&r, &leaf, 0).units, shapes[_i].units);
    ck_assert_uint_eq(place_at(&r, &leaf, size - 1).unit, shapes[_i].units - 1);

    /* the same bytes as without */
    render_free(r.render);
    cache_free(r.cache);
    r.cache = cache_new(&(struct cache_config){.budget_bytes = AMPLE}, NULL);
    r.render = render_new(&(struct render_config){.manifest = r.manifest,
                                                  .cache = r.cache,
                                                  .archive = r.archive},
                          NULL);
    read_range(&r, &leaf, 0, UINT64_MAX, behind);
    ck_assert_int_eq(memcmp(ahead, behind, size), 0);
    free(ahead);
    free(behind);
    rig_close(&r);
}
END_TEST

START_TEST(units_made_out_of_order_leave_no_gap)
{
    struct leaf leaf;
    struct rig r;

    rig_open(&r, SIDE, 4, AMPLE, 16 * MIB);
    leaf = leaf_of(&r, "raw");
    ck_assert(prefetch(&r, &leaf, 2));
    ck_assert(prefetch(&r, &leaf, 0));
    ck_assert(prefetch(&r, &leaf, 3));
    ck_assert(prefetch(&r, &leaf, 1));
    ck_assert_uint_eq(stats_of(&r).frames_decoded, 4);
    read_all(&r, &leaf);
    ck_assert_uint_eq(cached(&r).misses, 0);
    rig_close(&r);
}
END_TEST

START_TEST(a_unit_without_room_is_not_prefetched)
{
    struct error err = ERROR_INIT;
    struct leaf leaf;
    struct rig r;
    bool made;

    rig_open(&r, SIDE, 2, 16 * MIB, 16 * MIB);
    leaf = leaf_of(&r, "raw");
    ck_assert_int_eq(
        render_prefetch(r.render, &leaf, 1, PAGE_BYTES - 1, &made, &err), 0);
    ck_assert(!made);
    ck_assert_uint_eq(stats_of(&r).frames_decoded, 0);
    ck_assert_int_eq(
        render_prefetch(r.render, &leaf, 1, PAGE_BYTES, &made, &err), 0);
    ck_assert(made);
    rig_close(&r);
}
END_TEST

/* Neither the page nor its pieces find room. */
START_TEST(a_unit_is_made_once_whatever_is_kept_of_it)
{
    struct leaf leaf;
    struct rig r;

    rig_open(&r, SIDE, 1, MIB, 0);
    leaf = leaf_of(&r, "raw");
    ck_assert(prefetch(&r, &leaf, 0));
    ck_assert_uint_eq(stats_of(&r).frames_decoded, 1);
    ck_assert_uint_gt(cached(&r).prefetch_wasted, 0);
    rig_close(&r);
}
END_TEST

START_TEST(a_place_names_the_pieces_that_were_read)
{
    uint64_t size;
    struct leaf leaf;
    struct rig r;

    rig_open(&r, shapes[_i].side, shapes[_i].frames, AMPLE, 16 * MIB);
    leaf = leaf_of(&r, shapes[_i].view);
    size = size_of(&r, &leaf);
    for (uint64_t at = 0; at < size; at += 50000) {
        struct render_place place = place_at(&r, &leaf, at);
        struct cache_key key = {{place.digest[0], place.digest[1]},
                                place.first_piece};

        ck_assert_uint_eq(place.first_piece, place.last_piece);
        ck_assert(cache_has(r.cache, &key));
        ck_assert_uint_le(place.piece_bytes, CACHE_BLOCK_MAX);
        ck_assert_uint_ge(place.piece_bytes, 4096);
    }
    rig_close(&r);
}
END_TEST

START_TEST(prefetch_of_what_cannot_be_made_fails)
{
    struct error err = ERROR_INIT;
    struct leaf leaf;
    struct rig r;
    bool made;
    char *path;

    rig_open(&r, 64, 2, 16 * MIB, 16 * MIB);
    leaf = leaf_of(&r, "raw");
    path = scratch_text("%s/a.dcm", r.archive);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_int_eq(
        render_prefetch(r.render, &leaf, 0, UINT64_MAX, &made, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_STALE);
    ck_assert(!made);
    ck_assert_uint_eq(cached(&r).blocks, 0);
    free(path);
    rig_close(&r);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("render_reuse");
    TCase *t = tcase_create("render_reuse");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, views_read_one_after_another_share_a_decode);
    tcase_add_test(t, without_memory_for_frames_each_view_decodes);
    tcase_add_test(t, views_read_at_once_share_a_decode);
    tcase_add_test(t, a_page_that_is_gone_is_not_made_again_for_its_edge);
    tcase_add_test(t, a_page_larger_than_the_cache_is_made_a_few_times);
    tcase_add_test(t, what_is_kept_stays_within_its_budget);
    tcase_add_loop_test(t, a_leaf_that_is_in_the_cache_opens_no_source, 0,
                        KEPT_VIEWS);
    tcase_add_loop_test(t, nor_is_one_served_whose_source_has_changed, 0,
                        KEPT_VIEWS);
    tcase_add_loop_test(t, a_page_made_in_a_later_run_is_the_same, 0,
                        KEPT_VIEWS);
    tcase_add_loop_test(t, a_prefetched_leaf_is_read_without_a_decode, 0,
                        (int)(sizeof shapes / sizeof shapes[0]));
    tcase_add_test(t, units_made_out_of_order_leave_no_gap);
    tcase_add_test(t, a_unit_without_room_is_not_prefetched);
    tcase_add_test(t, a_unit_is_made_once_whatever_is_kept_of_it);
    tcase_add_loop_test(t, a_place_names_the_pieces_that_were_read, 0,
                        (int)(sizeof shapes / sizeof shapes[0]));
    tcase_add_test(t, prefetch_of_what_cannot_be_made_fails);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
