// SPDX-License-Identifier: MIT
/*
 * test_cache_disk_files.c: segments that are cut, damaged, foreign, full,
 * unreadable.
 */
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_format.h"
#include "support/check_main.h"
#include "support/disk_rig.h"

/* ------------------------------------------------------------------- files */

struct image {
    uint8_t *data;
    size_t size;
    char path[400];
};

/* The only segment there is. */
static struct image read_segment(void)
{
    struct image image = {0};
    char pattern[300];
    struct stat st;
    glob_t files;
    int fd;

    (void)snprintf(pattern, sizeof pattern, "%s/*.seg", rig.dir);
    ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
    ck_assert_uint_eq(files.gl_pathc, 1);
    (void)snprintf(image.path, sizeof image.path, "%s", files.gl_pathv[0]);
    globfree(&files);
    fd = open(image.path, O_RDONLY);
    ck_assert_int_eq(fstat(fd, &st), 0);
    image.size = (size_t)st.st_size;
    image.data = malloc(image.size);
    ck_assert_int_eq(read(fd, image.data, image.size), st.st_size);
    close(fd);
    return image;
}

static void write_segment(const struct image *image, size_t size)
{
    int fd = open(image->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, image->data, size), (ssize_t)size);
    close(fd);
}

enum { RECORDS = 9 };

/* Small records of all remainders by 8. */
static size_t small_size(uint64_t i)
{
    return 20 + (size_t)i * 5;
}

static struct image small_segment(bool finished)
{
    for (uint64_t i = 0; i < RECORDS; i++)
        rig_offer(i, small_size(i));
    rig_settle();
    if (finished)
        rig_close();
    else
        rig_lose();
    return read_segment();
}

static unsigned small_found(void)
{
    unsigned count = 0;

    for (uint64_t i = 0; i < RECORDS; i++)
        count += rig_get(i, small_size(i));
    return count;
}

/* Records that lie in the first `size` bytes. */
static unsigned small_within(size_t size)
{
    size_t end = sizeof(struct segment_head);
    unsigned count = 0;

    for (uint64_t i = 0; i < RECORDS; i++) {
        end += (size_t)record_bytes((uint32_t)small_size(i));
        count += end <= size;
    }
    return count;
}

START_TEST(every_truncation_keeps_what_is_whole)
{
    struct image image = small_segment(_i == 1);

    for (size_t size = 0; size <= image.size; size++) {
        write_segment(&image, size);
        rig_open();
        ck_assert_msg(small_found() == small_within(size), "%zu of %zu bytes",
                      size, image.size);
        rig_lose();
    }
    free(image.data);
}
END_TEST

START_TEST(flipped_bits_cost_one_record_at_most)
{
    struct image image = small_segment(_i == 1);
    unsigned sum = 0, flips = 0;

    for (size_t bit = 0; bit < image.size * 8; bit += 3) {
        unsigned count;

        image.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        write_segment(&image, image.size);
        rig_open();
        count = small_found();
        ck_assert(count == 0 || count >= RECORDS - 1);
        ck_assert(count > 0 || bit < sizeof(struct segment_head) * 8);
        sum += count;
        flips++;
        rig_lose();
        image.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ck_assert_uint_lt(sum, flips * RECORDS); /* they do matter */
    free(image.data);
}
END_TEST

/* The same while it is mounted: what was found at the start is read later. */
START_TEST(damage_below_an_open_disk_is_noticed)
{
    struct image image = small_segment(true);
    uint64_t z = 1;

    rig_open();
    for (int i = 0; i < 3000; i++) {
        uint8_t *at;

        z = z * 6364136223846793005u + 1442695040888963407u;
        at = &image.data[(z >> 33) % image.size];
        *at ^= (uint8_t)(1u << (z >> 61));
        if (i % 10 == 0)
            write_segment(&image, image.size);
        (void)small_found(); /* asserts that what is found is right */
    }
    ck_assert_uint_eq(small_found(), 0);
    ck_assert_uint_eq(rig_stats().damaged, RECORDS);
    ck_assert_int_eq(rig.lines, 0);
    free(image.data);
}
END_TEST

static unsigned small_together(bool *ret)
{
    static const uint64_t all[RECORDS] = {0, 1, 2, 3, 4, 5, 6, 7, 8};

    return rig_get_all(all, RECORDS, small_size, ret);
}

/* They are read as one run. */
START_TEST(a_damaged_record_costs_its_neighbours_nothing)
{
    struct image image = small_segment(true);
    size_t at = sizeof(struct segment_head);
    bool there[RECORDS];

    for (uint64_t i = 0; i < RECORDS; i++) {
        size_t bytes = (size_t)record_bytes((uint32_t)small_size(i));

        write_segment(&image, image.size);
        rig_open();
        image.data[at + bytes / 2] ^= 1;
        write_segment(&image, image.size);
        ck_assert_uint_eq(small_together(there), RECORDS - 1);
        ck_assert(!there[i]);
        ck_assert_uint_eq(rig_stats().damaged, 1);
        ck_assert_uint_eq(small_together(there), RECORDS - 1);
        rig_lose();
        image.data[at + bytes / 2] ^= 1;
        at += bytes;
    }
    free(image.data);
}
END_TEST

START_TEST(of_a_run_that_is_cut_the_beginning_is_found)
{
    struct image image = small_segment(true);
    bool there[RECORDS];

    for (size_t size = 0; size <= image.size; size += 7) {
        write_segment(&image, image.size);
        rig_open();
        write_segment(&image, size);
        /* Padding may be missing; all else may not. */
        ck_assert_uint_ge(small_together(there), small_within(size));
        ck_assert_uint_le(small_together(there), small_within(size + 7));
        rig_lose();
    }
    free(image.data);
}
END_TEST

START_TEST(a_record_of_another_segment_is_foreign)
{
    struct image image = small_segment(false);
    struct segment_head head;

    memcpy(&head, image.data, sizeof head);
    segment_head_make(&head, head.sequence, head.seed + 1, head.created);
    memcpy(image.data, &head, sizeof head);
    write_segment(&image, image.size);
    rig_open();
    ck_assert_uint_eq(small_found(), 0);
    free(image.data);
}
END_TEST

/* As if an older build had left it. */
START_TEST(another_format_is_foreign)
{
    struct image image = small_segment(true);

    image.data[offsetof(struct segment_head, format)]++;
    write_segment(&image, image.size);
    rig_open();
    ck_assert_uint_eq(small_found(), 0);
    ck_assert_uint_eq(rig_bytes_on_disk(), 0); /* and removed */
    free(image.data);
}
END_TEST

/* ------------------------------------------------------------------ faults */

START_TEST(a_full_disk_is_read_on)
{
    for (uint64_t i = 0; i < 20; i++)
        rig_offer(i, 10000);
    rig_settle();
    atomic_store(&rig.write_room, 25000);
    atomic_store(&rig.write_fault, ENOSPC);
    for (uint64_t i = 20; i < 40; i++)
        rig_offer(i, 10000);
    rig_settle();
    ck_assert_uint_eq(rig_stats().state, CACHE_DISK_READ_ONLY);
    ck_assert_uint_eq(rig_stats().write_errors, 1);
    rig_offer(50, 10000);
    rig_settle();
    ck_assert_int_eq(rig.lines, 1);
    ck_assert_ptr_nonnull(strstr(rig.last_line, "No space left"));
    ck_assert_uint_eq(rig_found(0, 20, 10000), 20);
    ck_assert_uint_eq(rig_found(20, 51, 10000), 0);
    ck_assert_uint_eq(rig_stats().skipped, 1);
    ck_assert(rig.tier.ops->appetite(rig.tier.self, false) >
              0); /* nothing waits */
    rig_close();
    atomic_store(&rig.write_fault, 0);
    rig_open();
    ck_assert_uint_eq(rig_found(0, 20, 10000), 20);
    ck_assert_uint_eq(rig_found(20, 51, 10000), 0);
}
END_TEST

START_TEST(a_full_disk_at_a_new_segment_is_read_on)
{
    atomic_store(&rig.write_room, 0);
    atomic_store(&rig.write_fault, ENOSPC);
    rig_offer(1, 1000);
    rig_settle();
    ck_assert_uint_eq(rig_stats().state, CACHE_DISK_READ_ONLY);
    ck_assert_int_eq(rig.lines, 1);
    ck_assert(!rig_get(1, 1000));
}
END_TEST

START_TEST(a_disk_that_cannot_be_read_is_left_alone)
{
    for (uint64_t i = 0; i < 30; i++)
        rig_offer(i, 1000);
    rig_settle();
    atomic_store(&rig.read_fault, EIO);
    ck_assert(!rig_get(0, 1000));
    ck_assert_uint_eq(rig_stats().read_errors, 1);
    ck_assert_uint_eq(rig_stats().state, CACHE_DISK_ON);
    ck_assert_uint_eq(rig_found(1, 30, 1000), 0);
    ck_assert_uint_eq(rig_stats().state, CACHE_DISK_OFF);
    ck_assert_uint_eq(rig_stats().read_errors, 16);
    ck_assert_int_eq(rig.lines, 1);
    atomic_store(&rig.read_fault, 0);
    ck_assert_uint_eq(rig_found(0, 30, 1000), 0); /* nobody asks it again */
}
END_TEST

START_TEST(a_removed_folder_is_noticed)
{
    char command[400];

    for (uint64_t i = 0; i < 30; i++)
        rig_offer(i, 1000);
    rig_settle();
    (void)snprintf(command, sizeof command, "rm -rf %s", rig.dir);
    ck_assert_int_eq(system(command), 0);
    ck_assert_uint_eq(rig_found(0, 30, 1000), 30); /* it is open still */
    for (uint64_t i = 30; i < 12000; i++)
        rig_offer(i, 1000);
    usleep(600000);
    rig_settle();
    ck_assert_uint_eq(rig_stats().state, CACHE_DISK_READ_ONLY);
    ck_assert_int_eq(rig.lines, 1);
    (void)rig_found(0, 12000, 1000);
}
END_TEST

START_TEST(removed_segments_are_not_there)
{
    char command[400];

    for (uint64_t i = 0; i < 30; i++)
        rig_offer(i, 1000);
    rig_close();
    rig_open();
    (void)snprintf(command, sizeof command, "rm -f %s/*.seg", rig.dir);
    ck_assert_int_eq(system(command), 0);
    (void)rig_found(0, 30, 1000);
    rig_offer(100, 1000);
    rig_settle();
    ck_assert(rig_get(100, 1000));
    ck_assert_uint_eq(rig_stats().state, CACHE_DISK_ON);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_disk_files");
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, rig_set_up, rig_tear_down);
    tcase_add_loop_test(t, every_truncation_keeps_what_is_whole, 0, 2);
    tcase_add_loop_test(t, flipped_bits_cost_one_record_at_most, 0, 2);
    tcase_add_test(t, damage_below_an_open_disk_is_noticed);
    tcase_add_test(t, a_damaged_record_costs_its_neighbours_nothing);
    tcase_add_test(t, of_a_run_that_is_cut_the_beginning_is_found);
    tcase_add_test(t, a_record_of_another_segment_is_foreign);
    tcase_add_test(t, another_format_is_foreign);
    tcase_add_test(t, a_full_disk_is_read_on);
    tcase_add_test(t, a_full_disk_at_a_new_segment_is_read_on);
    tcase_add_test(t, a_disk_that_cannot_be_read_is_left_alone);
    tcase_add_test(t, a_removed_folder_is_noticed);
    tcase_add_test(t, removed_segments_are_not_there);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
