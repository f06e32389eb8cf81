// SPDX-License-Identifier: MIT
/*
 * test_map.c: where pixels go, and that they come back.
 */
#undef NDEBUG
#include "ctl/map.h"

#include <check.h>
#include <math.h>

#include "support/check_main.h"

static struct render_mapping plain(uint32_t w, uint32_t h)
{
    return (struct render_mapping){
        .stored_width = w,
        .stored_height = h,
        .oriented_width = w,
        .oriented_height = h,
        .region_width = w,
        .region_height = h,
        .scale_x = 1.0,
        .scale_y = 1.0,
        .tag_x = 1.0F,
        .tag_y = 1.0F,
        .width = w,
        .height = h,
    };
}

static void check(struct map_point got, double x, double y)
{
    ck_assert_msg(fabs(got.x - x) < 1e-9 && fabs(got.y - y) < 1e-9,
                  "%g,%g and not %g,%g", got.x, got.y, x, y);
}

/* The chain of dicom-traces: mirrored, cropped, doubled, padded. */
START_TEST(the_chain_of_the_reference)
{
    struct render_mapping m = plain(100, 80);

    m.flip_h = true;
    m.region_x = 70;
    m.region_y = 20;
    m.region_width = m.region_height = 20;
    m.scale_x = m.scale_y = 2.0;
    m.tag_x = m.tag_y = 2.0F;
    m.shift_x = 5;
    m.shift_y = 7;
    m.width = m.height = 60;
    check(map_forward(&m, MAP_PIXELS, (struct map_point){10, 30}), 43, 27);
    check(map_back(&m, MAP_PIXELS, (struct map_point){43, 27}), 10, 30);
}
END_TEST

START_TEST(pixels_as_the_reference_has_them)
{
    struct render_mapping m = plain(100, 80);

    m.flip_h = m.flip_v = true;
    check(map_forward(&m, MAP_PIXELS, (struct map_point){10, 30}), 89, 49);
    m = plain(5, 5);
    m.region_x = m.region_y = 1;
    m.region_width = m.region_height = m.width = m.height = 2;
    check(map_forward(&m, MAP_PIXELS, (struct map_point){0, 0}), 0, 0);
    check(map_forward(&m, MAP_PIXELS, (struct map_point){4, 4}), 1, 1);
    m = plain(20, 20);
    m.tag_x = m.tag_y = 0.5F;
    m.scale_x = m.scale_y = 0.5;
    m.width = m.height = 10;
    check(map_forward(&m, MAP_PIXELS, (struct map_point){10, 10}), 5, 5);
    m.tag_x = m.tag_y = 1.5F;
    m.width = m.height = 30;
    check(map_forward(&m, MAP_PIXELS, (struct map_point){4, 6}), 6, 9);
}
END_TEST

START_TEST(a_quarter_turn_is_clockwise)
{
    struct render_mapping m = plain(4, 3);

    m.turns = 1;
    m.oriented_width = m.region_width = m.width = 3;
    m.oriented_height = m.region_height = m.height = 4;
    /* the left upper corner goes to the right upper one */
    check(map_forward(&m, MAP_PIXELS, (struct map_point){0, 0}), 2, 0);
    check(map_forward(&m, MAP_PIXELS, (struct map_point){3, 0}), 2, 3);
    check(map_forward(&m, MAP_EDGES, (struct map_point){0, 0}), 3, 0);
    check(map_forward(&m, MAP_EDGES, (struct map_point){4, 3}), 0, 4);
}
END_TEST

/* Everything at once, from a number. */
static struct render_mapping mixed(unsigned seed)
{
    struct render_mapping m = plain(60 + seed % 7, 40 + seed % 11);

    m.flip_h = seed & 1;
    m.flip_v = seed & 2;
    m.turns = seed % 4;
    m.angle = seed % 5 == 0 ? 17.0 * (seed % 3) : 0.0;
    if (m.turns % 2) {
        m.oriented_width = m.stored_height;
        m.oriented_height = m.stored_width;
    }
    m.region_x = seed % 4;
    m.region_y = seed % 3;
    m.region_width = m.oriented_width - m.region_x - seed % 5;
    m.region_height = m.oriented_height - m.region_y - seed % 2;
    m.width = 2 * m.region_width + 10;
    m.height = 2 * m.region_height + 12;
    m.scale_x = m.scale_y = 2.0;
    m.tag_x = m.tag_y = 2.0F;
    m.shift_x = seed % 9;
    m.shift_y = seed % 10;
    return m;
}

START_TEST(there_and_back_is_the_same_place)
{
    struct render_mapping m = mixed((unsigned)_i);

    for (double x = 0; x < m.stored_width; x += 3.25)
        for (double y = 0; y < m.stored_height; y += 2.75) {
            struct map_point p =
                map_forward(&m, MAP_EDGES, (struct map_point){x, y});

            check(map_back(&m, MAP_EDGES, p), x, y);
        }
}
END_TEST

/* What is inside of the region comes back to the very pixel. */
START_TEST(pixels_come_back)
{
    struct render_mapping m = mixed((unsigned)_i);

    m.angle = 0.0;
    for (uint32_t x = 0; x < m.width; x++) {
        struct map_point at = {x, m.height / 2};
        struct map_point source = map_back(&m, MAP_PIXELS, at);
        struct map_point again = map_forward(&m, MAP_PIXELS, source);

        ck_assert(source.x >= 0 && source.x < m.stored_width);
        ck_assert(source.y >= 0 && source.y < m.stored_height);
        if (at.x >= m.shift_x && at.x < m.shift_x + 2 * m.region_width)
            ck_assert_msg(again.x <= at.x && at.x - again.x < 2,
                          "%g comes back as %g", at.x, again.x);
    }
}
END_TEST

START_TEST(boxes_keep_their_order_and_stay_inside)
{
    struct render_mapping m = plain(100, 80);
    struct map_box box = {{10, 30}, {20, 50}};
    struct map_box ret;

    m.flip_h = true;
    ck_assert(map_box(&m, MAP_PIXELS, false, &box, &ret));
    check(ret.min, 79, 30);
    check(ret.max, 89, 50);
    ck_assert(map_box(&m, MAP_EDGES, false, &box, &ret));
    check(ret.min, 80, 30);
    check(ret.max, 90, 50);
    ck_assert(map_box(&m, MAP_EDGES, true, &ret, &box));
    check(box.min, 10, 30);
    check(box.max, 20, 50);
    box = (struct map_box){{-5, -5}, {200, 200}};
    ck_assert(map_box(&m, MAP_EDGES, false, &box, &ret));
    check(ret.min, 0, 0);
    check(ret.max, 100, 80);
    ck_assert(map_box(&m, MAP_PIXELS, false, &box, &ret));
    check(ret.max, 99, 79);
    box = (struct map_box){{120, 5}, {130, 8}};
    ck_assert(!map_box(&m, MAP_EDGES, false, &box, &ret));
    ck_assert(!map_box(&m, MAP_PIXELS, false, &box, &ret));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("map");
    TCase *t = tcase_create("map");

    tcase_add_test(t, the_chain_of_the_reference);
    tcase_add_test(t, pixels_as_the_reference_has_them);
    tcase_add_test(t, a_quarter_turn_is_clockwise);
    tcase_add_loop_test(t, there_and_back_is_the_same_place, 0, 60);
    tcase_add_loop_test(t, pixels_come_back, 0, 60);
    tcase_add_test(t, boxes_keep_their_order_and_stay_inside);
    suite_add_tcase(s, t);
    return check_main(s);
}
