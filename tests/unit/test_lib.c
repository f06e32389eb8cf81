// SPDX-License-Identifier: MIT
/* test_lib.c: prepfs.h keeps its word, on an archive of two images. */
#undef NDEBUG
#include <prepfs/prepfs.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/dicom_build.h"
#include "support/scratch.h"

enum { SIDE = 300, FRAMES = 3, PIXELS = SIDE * SIDE };

static char *dir, *archive, *state;

static uint16_t pixel(unsigned image, size_t i)
{
    return (uint16_t)((i * 7 + image * 1000) % 4096);
}

static void write_image(unsigned number)
{
    char *path = scratch_text("%s/%u.dcm", archive, number);
    char *uid = scratch_text("1.2.3.1.%u", number);
    uint16_t *pixels = calloc(PIXELS * FRAMES, sizeof *pixels);
    struct build b;
    FILE *out;

    for (size_t i = 0; i < PIXELS * FRAMES; i++)
        pixels[i] = pixel(number, i);
    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.1");
    build_text(&b, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7");
    build_text(&b, 0x00080018, "UI", uid);
    build_text(&b, 0x0020000D, "UI", "1.2.3.2");
    build_text(&b, 0x0020000E, "UI", "1.2.3.3");
    build_text(&b, 0x00280008, "IS", "3");
    build_grey(&b, SIDE, SIDE, 16, 12, 0);
    build_words(&b, 0x7FE00010, "OW", pixels, PIXELS * FRAMES);
    out = fopen(path, "we");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(b.bytes, 1, b.length, out), b.length);
    ck_assert_int_eq(fclose(out), 0);
    build_deinit(&b);
    free(pixels);
    free(uid);
    free(path);
}

static void setup(void)
{
    dir = scratch_new();
    archive = scratch_text("%s/archive", dir);
    state = scratch_text("%s/state", dir);
    ck_assert_int_eq(mkdir(archive, 0700), 0);
    write_image(1);
    write_image(2);
}

static void teardown(void)
{
    free(archive);
    free(state);
    scratch_free(dir);
}

static struct prepfs *open_archive(void)
{
    struct prepfs_options options = PREPFS_OPTIONS_INIT;
    struct error err = ERROR_INIT;
    struct prepfs *p;

    options.state = state;
    options.cache_bytes = 64 << 20;
    p = prepfs_open(archive, &options, &err);
    ck_assert_msg(p != NULL, "%s", err.msg);
    return p;
}

static struct prepfs_file *open_file(struct prepfs *p, const char *path)
{
    struct error err = ERROR_INIT;
    struct prepfs_file *f = prepfs_file_open(p, path, &err);

    ck_assert_msg(f != NULL, "%s: %s", path, err.msg);
    return f;
}

static enum error_kind open_fails(struct prepfs *p, const char *path)
{
    struct error err = ERROR_INIT;

    ck_assert_ptr_null(prepfs_file_open(p, path, &err));
    ck_assert_msg(err.msg[0] != '\0', "%s fails without a word", path);
    ck_assert_ptr_null(prepfs_file_open(p, path, NULL));
    return err.kind;
}

/* ---- views ---- */

START_TEST(a_view_has_one_name)
{
    char name[PREPFS_VIEW_SIZE];
    struct error err = ERROR_INIT;

    ck_assert_int_eq(prepfs_view_name("u8_size-64_crop", name, &err), 0);
    ck_assert_str_eq(name, "crop_size-64x64_u8");
    ck_assert_int_eq(prepfs_view_name("nothing", name, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_int_eq(prepfs_view_name("crop_nothing", name, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_BAD_VIEW);
    ck_assert_int_eq(prepfs_view_name("crop_nothing", name, NULL), -1);
}
END_TEST

START_TEST(a_view_is_explained)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    ck_assert_int_eq(prepfs_view_explain("crop_size-64", out), 0);
    ck_assert_int_ne(prepfs_view_explain("crop_sice-64", out), 0);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_ptr_nonnull(strstr(text, "crop_size-64x64"));
    ck_assert_ptr_nonnull(strstr(text, "size"));
    free(text);
}
END_TEST

/* ---- listing ---- */

struct seen {
    unsigned count, most;
    char paths[4][256];
};

static int see(void *opaque, const char *path)
{
    struct seen *s = opaque;

    (void)snprintf(s->paths[s->count], sizeof s->paths[0], "%s", path);
    return ++s->count == s->most ? 17 : 0;
}

START_TEST(a_listing_gives_paths_that_open)
{
    struct seen seen = {0, 0, {""}}, one = {0, 1, {""}};
    struct prepfs *p = open_archive();
    struct error err = ERROR_INIT;
    unsigned first;

    ck_assert_int_eq(prepfs_list(p, "u8_crop", see, &seen, &err), 0);
    ck_assert_uint_eq(seen.count, 2);
    /* in the order of the inodes, whatever those are */
    first = strstr(seen.paths[0], ".1.tiff") ? 0 : 1;
    ck_assert_str_eq(seen.paths[first], "crop_u8/1.2.3.2/1.2.3.1.1.tiff");
    ck_assert_str_eq(seen.paths[1 - first], "crop_u8/1.2.3.2/1.2.3.1.2.tiff");
    prepfs_file_close(open_file(p, seen.paths[0]));
    ck_assert_int_eq(prepfs_list(p, "full", see, &one, &err), 17);
    ck_assert_uint_eq(one.count, 1);
    ck_assert_int_eq(prepfs_list(p, "nothing", see, &one, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    prepfs_close(p);
}
END_TEST

/* ---- files ---- */

START_TEST(samples_are_where_it_says)
{
    struct prepfs_samples s = PREPFS_SAMPLES_INIT;
    struct error err = ERROR_INIT;
    struct prepfs *p = open_archive();
    struct prepfs_file *f = open_file(p, "raw/1.2.3.2/1.2.3.3/1.2.3.1.2.npy");
    uint16_t *page = calloc(PIXELS, sizeof *page);

    ck_assert_int_eq(prepfs_file_samples(f, &s, &err), 0);
    ck_assert_uint_eq(s.width, SIDE);
    ck_assert_uint_eq(s.height, SIDE);
    ck_assert_uint_eq(s.channels, 1);
    ck_assert_uint_eq(s.pages, FRAMES);
    ck_assert_str_eq(s.dtype, "<u2");
    ck_assert_uint_eq(s.page_bytes, PIXELS * 2);
    ck_assert_uint_eq(s.offset + FRAMES * s.page_bytes, prepfs_file_size(f));
    for (size_t n = 0; n < FRAMES; n++) {
        ck_assert_int_eq(prepfs_file_read(f, s.offset + n * s.page_bytes, page,
                                          s.page_bytes, &err),
                         0);
        for (size_t i = 0; i < PIXELS; i++)
            ck_assert_uint_eq(page[i], pixel(2, n * PIXELS + i));
    }
    free(page);
    prepfs_file_close(f);
    prepfs_close(p);
}
END_TEST

START_TEST(packed_samples_have_no_place)
{
    static const char *const packed[] = {
        "vol-mip_u8/1.2.3.2/1.2.3.1.1.png",
        "vol-mip_u8_pack-deflate/1.2.3.2/1.2.3.1.1.tiff",
    };
    struct prepfs *p = open_archive();
    struct error err = ERROR_INIT;
    struct prepfs_file *f;

    for (size_t i = 0; i < 2; i++) {
        struct prepfs_samples s = PREPFS_SAMPLES_INIT;

        f = open_file(p, packed[i]);
        ck_assert_int_eq(prepfs_file_samples(f, &s, &err), 0);
        ck_assert_str_eq(s.dtype, "|u1");
        ck_assert_uint_eq(s.width, SIDE);
        ck_assert_uint_eq(s.offset + s.page_bytes, 0);
        prepfs_file_close(f);
    }
    f = open_file(p, "full/1.2.3.2/1.2.3.1.1.json");
    struct prepfs_samples s = PREPFS_SAMPLES_INIT;

    ck_assert_int_eq(prepfs_file_samples(f, &s, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_UNSUPPORTED);
    prepfs_file_close(f);
    prepfs_close(p);
}
END_TEST

START_TEST(pieces_make_the_whole)
{
    struct prepfs *p = open_archive();
    struct prepfs_file *f = open_file(p, "hu/1.2.3.2/1.2.3.1.1.tiff");
    size_t size = prepfs_file_size(f);
    uint8_t *whole = malloc(size), *pieces = malloc(size);
    struct error err = ERROR_INIT;

    ck_assert_uint_gt(size, 1 << 20);
    ck_assert_int_eq(prepfs_file_read(f, 0, whole, size, &err), 0);
    for (size_t at = 0, n; at < size; at += n) {
        n = size - at < 77777 ? size - at : 77777;
        ck_assert_int_eq(prepfs_file_read(f, at, pieces + at, n, &err), 0);
    }
    ck_assert_mem_eq(whole, pieces, size);
    ck_assert_mem_eq(whole, "II*", 4);
    ck_assert_int_eq(prepfs_file_read(f, size, whole, 0, &err), 0);
    ck_assert_int_eq(prepfs_file_read(f, size, whole, 1, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_int_eq(prepfs_file_read(f, UINT64_MAX, whole, 2, &err), -1);
    free(whole);
    free(pieces);
    prepfs_file_close(f);
    prepfs_close(p);
}
END_TEST

START_TEST(paths_that_lead_nowhere)
{
    struct prepfs *p = open_archive();
    char *longer = scratch_text("full/%0300d", 0);
    char *longest = scratch_text("%0300d/1", 0);

    ck_assert_int_eq(open_fails(p, ""), ERROR_NOT_FOUND);
    ck_assert_int_eq(open_fails(p, "/"), ERROR_NOT_FOUND);
    ck_assert_int_eq(open_fails(p, "nothing/1.2.3.2/1.2.3.1.1.tiff"),
                     ERROR_NOT_FOUND);
    ck_assert_int_eq(open_fails(p, "size-0/1.2.3.2/1.2.3.1.1.tiff"),
                     ERROR_BAD_VIEW);
    ck_assert_int_eq(open_fails(p, "full/1.2.3.2/9.tiff"), ERROR_NOT_FOUND);
    ck_assert_int_eq(open_fails(p, "full/1.2.3.2"), ERROR_USAGE);
    ck_assert_int_eq(open_fails(p, "full"), ERROR_USAGE);
    ck_assert_int_eq(open_fails(p, "full/../full"), ERROR_USAGE);
    ck_assert_int_eq(open_fails(p, ".prepfs/stats.json"), ERROR_NOT_FOUND);
    ck_assert_int_eq(open_fails(p, "manifest.db"), ERROR_NOT_FOUND);
    ck_assert_int_eq(open_fails(p, "full/1.2.3.2/1.2.3.1.1.tiff/x"),
                     ERROR_NOT_FOUND);
    ck_assert_int_eq(open_fails(p, longer), ERROR_NOT_FOUND);
    ck_assert_int_eq(open_fails(p, longest), ERROR_BAD_VIEW);
    free(longer);
    free(longest);
    prepfs_close(p);
}
END_TEST

/* ---- archives ---- */

START_TEST(changes_are_found_when_asked)
{
    struct seen before = {0, 0, {""}}, after = {0, 0, {""}};
    struct prepfs *p = open_archive();
    struct error err = ERROR_INIT;

    write_image(3);
    ck_assert_int_eq(prepfs_list(p, "full", see, &before, &err), 0);
    ck_assert_uint_eq(before.count, 2);
    ck_assert_int_eq(prepfs_refresh(p, &err), 0);
    ck_assert_int_eq(prepfs_list(p, "full", see, &after, &err), 0);
    ck_assert_uint_eq(after.count, 3);
    prepfs_close(p);
}
END_TEST

START_TEST(a_second_open_knows_the_archive)
{
    struct seen seen = {0, 0, {""}};
    struct error err = ERROR_INIT;
    struct prepfs *p = open_archive();
    char *path = scratch_text("%s/snapshot.db", state);

    ck_assert_int_eq(access(path, R_OK), 0);
    free(path);
    prepfs_close(p);
    write_image(3);
    p = open_archive();
    ck_assert_int_eq(prepfs_list(p, "full", see, &seen, &err), 0);
    ck_assert_uint_eq(seen.count, 2);
    prepfs_close(p);
}
END_TEST

START_TEST(archives_that_cannot_be_had)
{
    struct prepfs_options options = PREPFS_OPTIONS_INIT;
    struct error err = ERROR_INIT;
    char *inside = scratch_text("%s/state", archive);
    char *missing = scratch_text("%s/missing", dir);

    options.state = state;
    ck_assert_ptr_null(prepfs_open(missing, &options, &err));
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_ptr_null(prepfs_open(missing, &options, NULL));
    options.state = inside;
    ck_assert_ptr_null(prepfs_open(archive, &options, &err));
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    options.state = state;
    options.workers = 100000;
    ck_assert_ptr_null(prepfs_open(archive, &options, &err));
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    prepfs_close(NULL);
    prepfs_file_close(NULL);
    free(inside);
    free(missing);
}
END_TEST

START_TEST(links_out_of_the_archive_are_followed_if_asked)
{
    struct prepfs_options options = PREPFS_OPTIONS_INIT;
    struct error err = ERROR_INIT;
    char *inside = scratch_text("%s/2.dcm", archive);
    char *outside = scratch_text("%s/2.dcm", dir);

    ck_assert_int_eq(rename(inside, outside), 0);
    ck_assert_int_eq(symlink(outside, inside), 0);
    for (int follow = 0; follow < 2; follow++) {
        struct seen seen = {0, 0, {""}};
        char *place = scratch_text("%s/state%d", dir, follow);
        struct prepfs *p;

        options.state = place;
        options.follow = follow;
        p = prepfs_open(archive, &options, &err);
        ck_assert_msg(p != NULL, "%s", err.msg);
        ck_assert_int_eq(prepfs_list(p, "u8", see, &seen, &err), 0);
        ck_assert_uint_eq(seen.count, follow ? 2 : 1);
        for (unsigned i = 0; i < seen.count; i++) {
            struct prepfs_file *f = open_file(p, seen.paths[i]);
            uint8_t byte;

            ck_assert_msg(prepfs_file_read(f, 5000, &byte, 1, &err) == 0, "%s",
                          err.msg);
            prepfs_file_close(f);
        }
        prepfs_close(p);
        free(place);
    }
    free(inside);
    free(outside);
}
END_TEST

/* A program built when the struct ended behind `state`, and one that knows
 * more fields than we do. */
START_TEST(options_of_other_versions)
{
    struct {
        struct prepfs_options known;
        char more[64];
    } newer = {PREPFS_OPTIONS_INIT, "x"};
    struct prepfs_options older = PREPFS_OPTIONS_INIT;
    struct error err = ERROR_INIT;
    struct prepfs *p;

    older.size = offsetof(struct prepfs_options, cache_bytes);
    older.state = state;
    older.workers = 100000; /* beyond its end */
    p = prepfs_open(archive, &older, &err);
    ck_assert_msg(p != NULL, "%s", err.msg);
    prepfs_close(p);
    newer.known.size = sizeof newer;
    newer.known.state = state;
    newer.known.cache_bytes = 64 << 20;
    p = prepfs_open(archive, &newer.known, &err);
    ck_assert_msg(p != NULL, "%s", err.msg);
    prepfs_close(p);
}
END_TEST

/* ---- threads ---- */

static void *read_all(void *opaque)
{
    struct prepfs *p = opaque;
    struct error err = ERROR_INIT;
    uint8_t byte;

    for (unsigned n = 1; n <= 2; n++) {
        char *path = scratch_text("crop_size-64x64/1.2.3.2/1.2.3.1.%u.tiff", n);
        struct prepfs_file *f = prepfs_file_open(p, path, &err);
        int rc = f ? 0 : -1;

        for (uint64_t at = 0; rc == 0 && at < prepfs_file_size(f); at += 1000)
            rc = prepfs_file_read(f, at, &byte, 1, &err);
        prepfs_file_close(f);
        free(path);
        if (rc != 0)
            return opaque;
    }
    return NULL;
}

START_TEST(threads_read_at_once)
{
    struct prepfs *p = open_archive();
    pthread_t threads[8];
    void *failed;

    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_all, p), 0);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    prepfs_close(p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lib");
    TCase *t = tcase_create("prepfs.h");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_view_has_one_name);
    tcase_add_test(t, a_view_is_explained);
    tcase_add_test(t, a_listing_gives_paths_that_open);
    tcase_add_test(t, samples_are_where_it_says);
    tcase_add_test(t, packed_samples_have_no_place);
    tcase_add_test(t, pieces_make_the_whole);
    tcase_add_test(t, paths_that_lead_nowhere);
    tcase_add_test(t, changes_are_found_when_asked);
    tcase_add_test(t, a_second_open_knows_the_archive);
    tcase_add_test(t, archives_that_cannot_be_had);
    tcase_add_test(t, links_out_of_the_archive_are_followed_if_asked);
    tcase_add_test(t, options_of_other_versions);
    tcase_add_test(t, threads_read_at_once);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
