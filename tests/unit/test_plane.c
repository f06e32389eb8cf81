// SPDX-License-Identifier: MIT
/*
 * test_plane: volumes of 5 columns, 4 rows and 3 frames in every orientation.
 *
 * The sample of a voxel is a function of its place in the patient, so that
 * the right page can be written down without knowing how it was scanned.
 */
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>
#include <math.h>

#include "image/plane.h"
#include "support/check_main.h"

static struct error err;
static const struct plane_size volume = {{5, 4, 3}};

/* Three different axes of the patient with signs: 6 orders x 8 signs. */
static void directions_of(unsigned which, struct plane_vectors *ret)
{
    static const int orders[6][3] = {
        {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0},
    };

    memset(ret, 0, sizeof *ret);
    for (unsigned i = 0; i < 3; i++)
        ret->v[i][orders[which / 8][i]] = which >> i & 1 ? -1 : 1;
}

/* Coordinates of a voxel in the patient, from its numbers along the axes. */
static void place(const struct plane_vectors *directions, const uint32_t at[3],
                  int ret[3])
{
    for (int axis = 0; axis < 3; axis++) {
        double v = 0;

        for (int i = 0; i < 3; i++)
            v += directions->v[i][axis] * at[i];
        ret[axis] = (int)v;
    }
}

static uint16_t sample_of(const int p[3])
{
    return (uint16_t)((p[0] + 8) * 400 + (p[1] + 8) * 20 + (p[2] + 8));
}

static struct image frame_of(const struct plane_vectors *directions, uint32_t f)
{
    struct image frame =
        image_test_new(volume.n[0], volume.n[1], 1, SAMPLE_U16, 3);

    for (uint32_t y = 0; y < frame.height; y++) {
        for (uint32_t x = 0; x < frame.width; x++) {
            uint32_t at[3] = {x, y, f};
            int p[3];

            place(directions, at, p);
            sample_set(image_row(&frame, y), SAMPLE_U16, x, sample_of(p));
        }
    }
    return frame;
}

/* Pages as the header of plane.h draws them. */
static void check_page(enum plane_kind kind,
                       const struct plane_vectors *directions, uint32_t page,
                       const struct image *got)
{
    int low[3] = {99, 99, 99};
    int high[3] = {-99, -99, -99};

    for (uint32_t i = 0; i < 8; i++) {
        uint32_t at[3] = {i & 1 ? 4 : 0, i & 2 ? 3 : 0, i & 4 ? 2 : 0};
        int p[3];

        place(directions, at, p);
        for (int axis = 0; axis < 3; axis++) {
            low[axis] = p[axis] < low[axis] ? p[axis] : low[axis];
            high[axis] = p[axis] > high[axis] ? p[axis] : high[axis];
        }
    }
    for (uint32_t y = 0; y < got->height; y++) {
        for (uint32_t x = 0; x < got->width; x++) {
            bool is_coronal = kind == PLANE_CORONAL;
            int across = is_coronal ? 0 : 1;
            int p[3];

            p[across] = low[across] + (int)x;
            p[1 - across] = low[1 - across] + (int)page;
            p[2] = high[2] - (int)y;
            ck_assert_double_eq(image_test_get(got, x, y), sample_of(p));
        }
    }
}

static void check_volume(enum plane_kind kind,
                         const struct plane_vectors *directions)
{
    struct plane plane;
    struct plane_size size;
    struct image pages[5];
    uint32_t origin[3];
    int at[3];

    ck_assert_int_eq(plane_find(kind, directions, &plane, &err), 0);
    size = plane_size(&plane, &volume);
    for (uint32_t p = 0; p < size.n[2]; p++)
        pages[p] = image_test_new(size.n[0], size.n[1], 1, SAMPLE_U16, p % 3);
    for (uint32_t f = 0; f < volume.n[2]; f++) {
        struct image frame = frame_of(directions, f);

        /* in two goes, as a caller with little room does */
        plane_gather(&plane, &volume, &frame, f, 0, 1, pages);
        plane_gather(&plane, &volume, &frame, f, 1, size.n[2] - 1, pages + 1);
        image_free(&frame);
    }
    /* the first voxel says the same */
    plane_origin(&plane, &volume, origin);
    place(directions, origin, at);
    ck_assert_double_eq(image_test_get(&pages[0], 0, 0), sample_of(at));
    for (uint32_t p = 0; p < size.n[2]; p++) {
        check_page(kind, directions, p, &pages[p]);
        image_free(&pages[p]);
    }
}

START_TEST(pages_show_the_patient_upright)
{
    for (unsigned which = 0; which < 48; which++) {
        struct plane_vectors directions;

        directions_of(which, &directions);
        check_volume(PLANE_CORONAL, &directions);
        check_volume(PLANE_SAGITTAL, &directions);
    }
}
END_TEST

/* The case everybody has: axial, ascending. */
START_TEST(an_axial_stack_is_cut_along_rows_and_columns)
{
    static const struct plane_vectors axial = {
        {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    static const double spacing[3] = {0.5, 0.7, 3};
    struct plane plane;
    double mm[3];
    struct plane_vectors to;

    ck_assert_int_eq(plane_find(PLANE_CORONAL, &axial, &plane, &err), 0);
    ck_assert_int_eq(plane.across.source, PLANE_COLUMNS);
    ck_assert(!plane.across.reversed);
    ck_assert_int_eq(plane.down.source, PLANE_FRAMES);
    ck_assert(plane.down.reversed);
    ck_assert_int_eq(plane.pages.source, PLANE_ROWS);
    ck_assert(!plane.pages.reversed);
    plane_spacing(&plane, spacing, mm);
    ck_assert_double_eq(mm[0], 0.5);
    ck_assert_double_eq(mm[1], 3);
    ck_assert_double_eq(mm[2], 0.7);
    ck_assert_int_eq(plane_find(PLANE_SAGITTAL, &axial, &plane, &err), 0);
    ck_assert_int_eq(plane.across.source, PLANE_ROWS);
    ck_assert_int_eq(plane.pages.source, PLANE_COLUMNS);
    plane_directions(&plane, &axial, &to);
    ck_assert_double_eq(to.v[0][1], 1);
    ck_assert_double_eq(to.v[1][2], -1);
    ck_assert_double_eq(to.v[2][0], 1);
}
END_TEST

START_TEST(every_frame_is_needed_or_one)
{
    static const struct plane_vectors axial = {
        {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    static const struct plane_vectors coronal = {
        {{1, 0, 0}, {0, 0, -1}, {0, -1, 0}}};
    struct plane plane;
    struct vol_range range;

    ck_assert_int_eq(plane_find(PLANE_CORONAL, &axial, &plane, &err), 0);
    range = plane_range(&plane, &volume, 2);
    ck_assert_uint_eq(range.first, 0);
    ck_assert_uint_eq(range.count, 3);
    ck_assert_int_eq(plane_find(PLANE_CORONAL, &coronal, &plane, &err), 0);
    range = plane_range(&plane, &volume, 0);
    ck_assert_uint_eq(range.first, 2); /* frames run from back to front */
    ck_assert_uint_eq(range.count, 1);
}
END_TEST

START_TEST(oblique_volumes_keep_their_axes)
{
    struct plane_vectors tilted = {
        {{0.96, 0.28, 0}, {-0.28, 0.96, 0}, {0, 0, 4}}};
    struct plane plane;

    ck_assert_int_eq(plane_find(PLANE_CORONAL, &tilted, &plane, &err), 0);
    ck_assert_int_eq(plane.across.source, PLANE_COLUMNS);
    ck_assert_int_eq(plane.pages.source, PLANE_ROWS);
    /* one axis is nearest to y twice: the best of the six together */
    struct plane_vectors twisted = {
        {{0.6, 0.8, 0}, {-0.7, 0.7, 0.14}, {0.1, -0.1, 1}}};

    ck_assert_int_eq(plane_find(PLANE_SAGITTAL, &twisted, &plane, &err), 0);
    ck_assert_int_eq(plane.across.source, PLANE_COLUMNS);
    ck_assert_int_eq(plane.pages.source, PLANE_ROWS);
    ck_assert(plane.pages.reversed);
}
END_TEST

START_TEST(directions_that_are_not_three_are_refused)
{
    static const struct plane_vectors bad[] = {
        {{{0, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
        {{{1, 0, 0}, {1, 0, 0}, {0, 0, 1}}},
        {{{NAN, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
        {{{1, 0, 0}, {0, INFINITY, 0}, {0, 0, 1}}},
    };
    struct plane plane;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(plane_find(PLANE_CORONAL, &bad[i], &plane, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_UNSUPPORTED);
    }
}
END_TEST

START_TEST(pixels_of_any_size_are_copied)
{
    static const struct plane_vectors axial = {
        {{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    uint64_t seed = 1;

    for (size_t t = 0; t < IMAGE_TEST_TYPES * 2; t++) {
        enum sample_type type = image_test_types[t / 2];
        uint32_t channels = t & 1 ? 3 : 1;
        struct image frame = image_test_new(5, 4, channels, type, 1);
        struct image page[2];
        struct plane plane;
        size_t bytes = channels * sample_bytes(type);

        image_test_noise(&frame, &seed);
        page[0] = image_test_new(5, 3, channels, type, 0);
        page[1] = image_test_new(4, 3, channels, type, 2);
        ck_assert_int_eq(plane_find(PLANE_CORONAL, &axial, &plane, &err), 0);
        plane_gather(&plane, &volume, &frame, 1, 3, 1, &page[0]);
        ck_assert_int_eq(plane_find(PLANE_SAGITTAL, &axial, &plane, &err), 0);
        plane_gather(&plane, &volume, &frame, 2, 0, 1, &page[1]);
        for (uint32_t i = 0; i < 5; i++)
            ck_assert_mem_eq(image_row(&page[0], 1) + i * bytes,
                             image_row(&frame, 3) + (4 - i) * bytes, bytes);
        for (uint32_t i = 0; i < 4; i++)
            ck_assert_mem_eq(image_row(&page[1], 0) + i * bytes,
                             image_row(&frame, i) + 4 * bytes, bytes);
        image_free(&frame);
        image_free(&page[0]);
        image_free(&page[1]);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("plane");
    TCase *c = tcase_create("plane");

    tcase_add_test(c, pages_show_the_patient_upright);
    tcase_add_test(c, an_axial_stack_is_cut_along_rows_and_columns);
    tcase_add_test(c, every_frame_is_needed_or_one);
    tcase_add_test(c, oblique_volumes_keep_their_axes);
    tcase_add_test(c, directions_that_are_not_three_are_refused);
    tcase_add_test(c, pixels_of_any_size_are_copied);
    suite_add_tcase(s, c);
    return check_main(s);
}
