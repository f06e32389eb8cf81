// SPDX-License-Identifier: MIT
/* test_dicom_groups.c: functional groups and the order of frames (REF 7.6,
 * REF 11.1). */
#undef NDEBUG
#include "support/dicom_open.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPLICIT "1.2.840.10008.1.2.1"
#define ENHANCED "1.2.840.10008.5.1.4.1.1.2.1"

#define IN_STACK 0x00209057
#define POSITION 0x00200032
#define TEMPORAL 0x00209128

/* What one frame says; a field that is NULL or below 0 is left out. */
struct frame_spec {
    int index[2]; /* dimension index values */
    int in_stack;
    int temporal;
    const char *stack;
    const char *position, *orientation;
    const char *slope, *intercept;
    const char *center, *width, *function;
    const char *sampled;
};

static const struct frame_spec nothing = {
    {-1, -1}, -1, -1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};

static void begin(struct build *b, unsigned frames)
{
    char text[16];

    build_init(b, BUILD_EXPLICIT_LE);
    build_meta(b, EXPLICIT);
    build_common(b, ENHANCED);
    (void)snprintf(text, sizeof text, "%u", frames);
    build_grey(b, 1, 1, 16, 12, 0);
    build_text(b, 0x00280008, "IS", text);
}

static void put_dimensions(struct build *b, const uint32_t *pointers, size_t n)
{
    build_sequence(b, 0x00209222, false);
    for (size_t i = 0; i < n; i++) {
        build_item(b, true);
        build_tag(b, 0x00209165, pointers[i]);
        build_item_end(b);
    }
    build_sequence_end(b);
}

static void put_text(struct build *b, uint32_t tag, const char *vr,
                     const char *text)
{
    if (text)
        build_text(b, tag, vr, text);
}

static void put_content(struct build *b, const struct frame_spec *f,
                        bool defined)
{
    build_sequence(b, 0x00209111, defined);
    build_item(b, defined);
    put_text(b, 0x00209056, "SH", f->stack);
    if (f->in_stack >= 0)
        build_u32(b, IN_STACK, (uint32_t)f->in_stack);
    if (f->temporal >= 0)
        build_u32(b, TEMPORAL, (uint32_t)f->temporal);
    if (f->index[0] >= 0) {
        build_header(b, 0x00209157, "UL", f->index[1] >= 0 ? 8 : 4);
        build_raw32(b, (uint32_t)f->index[0]);
        if (f->index[1] >= 0)
            build_raw32(b, (uint32_t)f->index[1]);
    }
    build_item_end(b);
    build_sequence_end(b);
}

static void put_one(struct build *b, uint32_t sequence, uint32_t tag,
                    const char *vr, const char *text, bool defined)
{
    if (!text)
        return;
    build_sequence(b, sequence, defined);
    build_item(b, defined);
    build_text(b, tag, vr, text);
    build_item_end(b);
    build_sequence_end(b);
}

static void put_groups(struct build *b, const struct frame_spec *f,
                       bool defined)
{
    build_item(b, defined);
    put_one(b, 0x00189329, 0x00089206, "CS", f->sampled, defined);
    put_content(b, f, defined);
    put_one(b, 0x00209113, POSITION, "DS", f->position, defined);
    put_one(b, 0x00209116, 0x00200037, "DS", f->orientation, defined);
    if (f->center || f->width || f->function) {
        build_sequence(b, 0x00289132, defined);
        build_item(b, defined);
        put_text(b, 0x00281050, "DS", f->center);
        put_text(b, 0x00281051, "DS", f->width);
        put_text(b, 0x00281056, "CS", f->function);
        build_item_end(b);
        build_sequence_end(b);
    }
    if (f->slope || f->intercept) {
        build_sequence(b, 0x00289145, defined);
        build_item(b, defined);
        put_text(b, 0x00281052, "DS", f->intercept);
        put_text(b, 0x00281053, "DS", f->slope);
        put_text(b, 0x00281054, "LO", "HU");
        build_item_end(b);
        build_sequence_end(b);
    }
    build_item_end(b);
}

static void put_frames(struct build *b, const struct frame_spec *frames,
                       size_t n, bool defined)
{
    build_sequence(b, 0x52009230, defined);
    for (size_t i = 0; i < n; i++)
        put_groups(b, &frames[i], defined);
    build_sequence_end(b);
}

static void put_shared(struct build *b, const struct frame_spec *shared)
{
    build_sequence(b, 0x52009229, false);
    put_groups(b, shared, false);
    build_sequence_end(b);
}

static struct opened finish(struct build *b, size_t frames)
{
    struct opened o;

    build_header(b, 0x7FE00010, "OW", (uint32_t)(2 * frames));
    for (size_t i = 0; i < frames; i++)
        build_raw16(b, 0);
    o = open_build(b, NULL);
    ck_assert_msg(o.good, "%s", o.err.msg);
    ck_assert_uint_eq(o.header.frames, frames);
    return o;
}

/* ---- records
 * ------------------------------------------------------------------- */

/* REF Q27: a frame without a group must not take the next frame's value. */
START_TEST(gap_falls_back_to_shared_and_shifts_nothing)
{
    for (int defined = 0; defined < 2; defined++) {
        struct frame_spec f[3] = {nothing, nothing, nothing};
        struct frame_spec shared = nothing;
        const struct dicom_frame *r;
        struct build b;
        struct opened o;

        f[0].slope = "2";
        f[0].intercept = "-10";
        f[2].slope = "4";
        f[2].intercept = "-30";
        f[2].center = "1\\2";
        f[2].width = "10\\20";
        shared.slope = "3";
        shared.intercept = "-20";
        shared.center = "50";
        shared.width = "350";
        shared.function = "SIGMOID";
        begin(&b, 3);
        put_shared(&b, &shared);
        put_frames(&b, f, 3, defined);
        o = finish(&b, 3);
        r = dicom_frame_at(&o.header, 0);
        ck_assert_double_eq(r->slope, 2);
        ck_assert_double_eq(r->intercept, -10);
        ck_assert_uint_eq(r->n_windows, 1);
        ck_assert_double_eq(o.header.windows[r->window_first].center, 50);
        ck_assert_int_eq(o.header.windows[r->window_first].function,
                         DICOM_SIGMOID);
        r = dicom_frame_at(&o.header, 1);
        ck_assert_double_eq(r->slope, 3);
        ck_assert_double_eq(r->intercept, -20);
        r = dicom_frame_at(&o.header, 2);
        ck_assert_double_eq(r->slope, 4);
        ck_assert_double_eq(r->intercept, -30);
        ck_assert_uint_eq(r->n_windows, 2);
        ck_assert_double_eq(o.header.windows[r->window_first + 1].width, 20);
        /* the function of the shared group holds for all */
        ck_assert_int_eq(o.header.windows[r->window_first].function,
                         DICOM_SIGMOID);
        ck_assert_str_eq(o.header.rescale_type, "HU");
        ck_assert_uint_eq(o.header.warnings, 0);
        opened_close(&o);
    }
}
END_TEST

START_TEST(top_level_wins_as_in_the_reference)
{
    struct frame_spec f[2] = {nothing, nothing};
    struct build b;
    struct opened o;

    f[0].slope = f[1].slope = "2";
    f[0].center = f[1].center = "9";
    f[0].width = f[1].width = "9";
    begin(&b, 2);
    build_text(&b, 0x00281050, "DS", "40");
    build_text(&b, 0x00281051, "DS", "400");
    build_text(&b, 0x00281052, "DS", "-1");
    build_text(&b, 0x00281053, "DS", "5");
    put_frames(&b, f, 2, true);
    o = finish(&b, 2);
    ck_assert_double_eq(dicom_frame_at(&o.header, 1)->slope, 5);
    ck_assert_double_eq(
        o.header.windows[dicom_frame_at(&o.header, 1)->window_first].center,
        40);
    ck_assert_uint_eq(o.header.n_windows, 1);
    opened_close(&o);
}
END_TEST

START_TEST(equal_windows_share_the_pool)
{
    enum { N = 100 };
    struct frame_spec f[N];
    struct build b;
    struct opened o;

    for (int i = 0; i < N; i++) {
        f[i] = nothing;
        f[i].center = i < 50 ? "40" : "41";
        f[i].width = "400";
    }
    begin(&b, N);
    put_frames(&b, f, N, true);
    o = finish(&b, N);
    ck_assert_uint_eq(o.header.n_windows, 2);
    ck_assert_double_eq(
        o.header.windows[dicom_frame_at(&o.header, 49)->window_first].center,
        40);
    ck_assert_double_eq(
        o.header.windows[dicom_frame_at(&o.header, 50)->window_first].center,
        41);
    opened_close(&o);
}
END_TEST

START_TEST(fewer_groups_than_frames_is_said)
{
    struct frame_spec f[2] = {nothing, nothing};
    struct build b;
    struct opened o;

    f[0].slope = f[1].slope = "2";
    f[0].index[0] = 1;
    f[1].index[0] = 2;
    begin(&b, 3);
    put_dimensions(&b, (const uint32_t[]){IN_STACK}, 1);
    put_frames(&b, f, 2, true);
    o = finish(&b, 3);
    ck_assert(o.header.warnings & DICOM_WARN_GROUPS);
    ck_assert_uint_eq(o.header.n_per_frame, 2);
    ck_assert_double_eq(dicom_frame_at(&o.header, 2)->slope, 1);
    ck_assert_ptr_null(o.header.index_values);
    opened_close(&o);
}
END_TEST

/* REF 11.1: shared measures 0.5\0.25 with gap 1.5. */
START_TEST(spacing_of_pixel_measures)
{
    static const struct {
        const char *top;
        double x, y;
        enum dicom_spacing_source source;
    } rows[] = {{NULL, 0.25, 0.5, DICOM_SPACING_GROUPS},
                {"0\\0", 0.25, 0.5, DICOM_SPACING_GROUPS},
                {"2\\3", 3, 2, DICOM_SPACING_PIXEL}};

    for (size_t i = 0; i < 3; i++) {
        struct build b;
        struct opened o;

        begin(&b, 2);
        put_text(&b, 0x00280030, "DS", rows[i].top);
        build_sequence(&b, 0x52009229, false);
        build_item(&b, false);
        build_sequence(&b, 0x00289110, true);
        build_item(&b, true);
        build_text(&b, 0x00180088, "DS", "1.5");
        build_text(&b, 0x00280030, "DS", "0.5\\0.25");
        build_item_end(&b);
        build_sequence_end(&b);
        build_item_end(&b);
        build_sequence_end(&b);
        o = finish(&b, 2);
        ck_assert_double_eq(o.header.spacing.x, rows[i].x);
        ck_assert_double_eq(o.header.spacing.y, rows[i].y);
        ck_assert_double_eq(o.header.spacing.z, 1.5);
        ck_assert_int_eq(o.header.spacing.source, rows[i].source);
        opened_close(&o);
    }
}
END_TEST

static void put_group_lut(struct build *b, uint16_t first, uint16_t value)
{
    build_sequence(b, 0x00289132, false);
    build_item(b, false);
    build_sequence(b, 0x00283010, true);
    build_item(b, false);
    build_words(b, 0x00283002, "US", (const uint16_t[]){2, first, 16}, 3);
    build_words(b, 0x00283006, "OW", (const uint16_t[]){value, value}, 2);
    build_item_end(b);
    build_sequence_end(b);
    build_item_end(b);
    build_sequence_end(b);
}

START_TEST(voi_table_of_a_frame_is_its_own)
{
    static const enum build_encoding encodings[] = {
        BUILD_IMPLICIT_LE, BUILD_EXPLICIT_LE, BUILD_EXPLICIT_BE};

    for (int e = 0; e < 3; e++) {
        const struct dicom_frame *r;
        struct build b;
        struct opened o;

        build_init(&b, encodings[e]);
        build_meta(&b, NULL);
        build_common(&b, ENHANCED);
        build_grey(&b, 1, 1, 16, 12, 0);
        build_text(&b, 0x00280008, "IS", "2");
        build_sequence(&b, 0x52009230, false);
        for (uint16_t i = 0; i < 2; i++) {
            build_item(&b, false);
            put_group_lut(&b, (uint16_t)(10 + i), (uint16_t)(300 + i));
            build_item_end(&b);
        }
        build_sequence_end(&b);
        o = finish(&b, 2);
        r = dicom_frame_at(&o.header, 1);
        ck_assert_uint_eq(o.header.n_voi_luts, 2);
        ck_assert_uint_eq(r->n_voi_luts, 1);
        ck_assert_int_eq(o.header.voi_luts[r->voi_lut_first].first, 11);
        ck_assert_uint_eq(o.header.voi_luts[r->voi_lut_first].data[1], 301);
        opened_close(&o);
    }
}
END_TEST

/* The same file in every encoding gives the same records. */
START_TEST(groups_read_alike_in_every_encoding)
{
    static const enum build_encoding encodings[] = {
        BUILD_IMPLICIT_LE, BUILD_EXPLICIT_LE, BUILD_EXPLICIT_BE};

    for (int e = 0; e < 3; e++) {
        struct frame_spec f[2] = {nothing, nothing};
        const struct dicom_frame *r;
        struct build b;
        struct opened o;

        f[1].position = "1\\2\\3.5";
        f[1].orientation = "1\\0\\0\\0\\1\\0";
        f[1].in_stack = 70000;
        f[1].temporal = 3;
        f[1].stack = "B";
        f[1].sampled = "SAMPLED";
        build_init(&b, encodings[e]);
        build_meta(&b, NULL);
        build_common(&b, ENHANCED);
        build_grey(&b, 1, 1, 16, 12, 0);
        build_text(&b, 0x00280008, "IS", "2");
        put_frames(&b, f, 2, false);
        o = finish(&b, 2);
        r = dicom_frame_at(&o.header, 1);
        ck_assert_double_eq(r->position[2], 3.5);
        ck_assert_double_eq(r->orientation[4], 1);
        ck_assert_int_eq(r->in_stack, 70000);
        ck_assert_int_eq(r->temporal, 3);
        ck_assert_uint_ne(r->stack, 0);
        ck_assert(r->sampled);
        r = dicom_frame_at(&o.header, 0);
        ck_assert(isnan(r->position[0]));
        ck_assert_int_eq(r->in_stack, DICOM_UNKNOWN);
        ck_assert_uint_eq(r->stack, 0);
        ck_assert(!r->sampled);
        opened_close(&o);
    }
}
END_TEST

/* ---- order
 * ----------------------------------------------------------------------- */

static void check_order(const struct opened *o, enum dicom_order_want want,
                        enum dicom_order_kind kind, double z,
                        const uint32_t *frames, bool mixed)
{
    struct dicom_order order;
    struct error err = ERROR_INIT;

    ck_assert_int_eq(dicom_order(&o->header, want, &order, &err), 0);
    ck_assert_uint_eq(order.n, o->header.frames);
    ck_assert_str_eq(dicom_order_kind_text(order.kind),
                     dicom_order_kind_text(kind));
    ck_assert_msg(fabs(order.z_spacing - z) < 1e-9, "z is %g", order.z_spacing);
    for (uint32_t i = 0; i < order.n; i++)
        ck_assert_msg(order.frames[i] == (frames ? frames[i] : i),
                      "place %u has frame %u", i, order.frames[i]);
    ck_assert_msg((order.why_mixed != NULL) == mixed, "%s",
                  order.why_mixed ? order.why_mixed : "one volume");
    dicom_order_deinit(&order);
}

static const uint32_t rotated[] = {1, 2, 0};
#define AXIAL "1\\0\\0\\0\\1\\0"

START_TEST(dimension_index_orders)
{
    struct frame_spec f[3] = {nothing, nothing, nothing};
    struct build b;
    struct opened o;

    for (int i = 0; i < 3; i++) {
        f[i].index[0] = 7; /* does not vary: may be anything */
        f[i].index[1] = (const int[]){3, 1, 2}[i];
    }
    begin(&b, 3);
    put_dimensions(&b, (const uint32_t[]){0x00209056, IN_STACK}, 2);
    put_frames(&b, f, 3, true);
    o = finish(&b, 3);
    check_order(&o, DICOM_ORDER_GEOMETRY, DICOM_BY_DIMENSION, 0, rotated,
                false);
    check_order(&o, DICOM_ORDER_STORED, DICOM_BY_STORAGE, 0, NULL, false);
    opened_close(&o);
}
END_TEST

START_TEST(varying_dimension_that_is_no_place_is_mixed)
{
    struct frame_spec f[4] = {nothing, nothing, nothing, nothing};
    struct build b;
    struct opened o;

    for (int i = 0; i < 4; i++) {
        f[i].index[0] = 1 + i / 2;
        f[i].index[1] = 1 + i % 2;
    }
    begin(&b, 4);
    put_dimensions(&b, (const uint32_t[]){0x00189087, POSITION}, 2);
    put_frames(&b, f, 4, true);
    o = finish(&b, 4);
    check_order(&o, DICOM_ORDER_GEOMETRY, DICOM_BY_STORAGE, 0, NULL, true);
    opened_close(&o);
}
END_TEST

START_TEST(in_stack_position_orders)
{
    struct frame_spec f[3] = {nothing, nothing, nothing};
    struct build b;
    struct opened o;

    for (int i = 0; i < 3; i++)
        f[i].in_stack = (const int[]){3, 1, 2}[i];
    begin(&b, 3);
    put_frames(&b, f, 3, false);
    o = finish(&b, 3);
    check_order(&o, DICOM_ORDER_GEOMETRY, DICOM_BY_STACK, 0, rotated, false);
    check_order(&o, DICOM_ORDER_INSTANCE, DICOM_BY_STACK, 0, rotated, false);
    opened_close(&o);
}
END_TEST

static struct opened open_positions(const char *const z[3], const char *sampled)
{
    struct frame_spec f[3] = {nothing, nothing, nothing};
    struct frame_spec shared = nothing;
    char text[3][32];
    struct build b;

    shared.orientation = AXIAL;
    shared.sampled = sampled;
    for (int i = 0; i < 3; i++) {
        (void)snprintf(text[i], sizeof text[i], "0\\0\\%s", z[i]);
        f[i].position = text[i];
    }
    begin(&b, 3);
    put_shared(&b, &shared);
    put_frames(&b, f, 3, true);
    return finish(&b, 3);
}

START_TEST(geometry_orders)
{
    static const struct {
        const char *z[3];
        const char *sampled;
        enum dicom_order_kind kind;
        double spacing;
        const uint32_t *frames;
        bool mixed;
    } rows[] = {
        {{"2", "0", "1"}, NULL, DICOM_BY_GEOMETRY, 1, rotated, false},
        {{"2", "1", "0"}, NULL, DICOM_BY_GEOMETRY, 1, NULL, false},
        {{"0", "1", "2"}, NULL, DICOM_BY_GEOMETRY, 1, NULL, false},
        {{"2", "0", "1"}, "VOLUME", DICOM_BY_GEOMETRY, 1, rotated, false},
        {{"2", "0", "1"}, "SAMPLED", DICOM_BY_STORAGE, 0, NULL, false},
        /* upper median of 1 and 9 */
        {{"0", "1", "10"}, NULL, DICOM_BY_GEOMETRY, 9, NULL, false},
        /* two at one place: something else varies */
        {{"0", "0", "1"}, NULL, DICOM_BY_STORAGE, 0, NULL, true},
        /* all at one place: a film */
        {{"5", "5", "5"}, NULL, DICOM_BY_STORAGE, 0, NULL, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct opened o = open_positions(rows[i].z, rows[i].sampled);

        printf("# row %zu\n", i);
        check_order(&o, DICOM_ORDER_GEOMETRY, rows[i].kind, rows[i].spacing,
                    rows[i].frames, rows[i].mixed);
        opened_close(&o);
    }
}
END_TEST

START_TEST(frames_that_are_not_parallel_are_no_volume)
{
    static const struct {
        const char *second;
        bool mixed;
    } rows[] = {{AXIAL, false},
                {"-1\\0\\0\\0\\1\\0", false}, /* turned over: parallel */
                {"1\\0\\0\\0\\0.9999\\0.0141", false},
                {"1\\0\\0\\0\\0.999\\0.0447", true},
                {"0\\1\\0\\0\\0\\1", true},
                {"0\\0\\0\\0\\0\\0", true}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct frame_spec f[2] = {nothing, nothing};
        struct dicom_order order;
        struct build b;
        struct opened o;

        f[0].position = "0\\0\\0";
        f[1].position = "0\\0\\4";
        f[0].orientation = AXIAL;
        f[1].orientation = rows[i].second;
        begin(&b, 2);
        put_frames(&b, f, 2, true);
        o = finish(&b, 2);
        ck_assert_int_eq(
            dicom_order(&o.header, DICOM_ORDER_GEOMETRY, &order, NULL), 0);
        ck_assert_msg((order.why_mixed != NULL) == rows[i].mixed, "row %zu", i);
        dicom_order_deinit(&order);
        opened_close(&o);
    }
}
END_TEST

START_TEST(several_times_or_stacks_are_mixed)
{
    for (int what = 0; what < 4; what++) {
        struct frame_spec f[2] = {nothing, nothing};
        struct build b;
        struct opened o;
        bool mixed = what < 3;

        for (int i = 0; i < 2; i++) {
            f[i].in_stack = 2 - i;
            f[i].stack = what == 1 && i ? "2" : "1";
            f[i].temporal = what == 0 ? i : 1;
        }
        begin(&b, 2);
        if (what == 2)
            build_text(&b, 0x00209311, "CS", "3D_TEMPORAL");
        put_frames(&b, f, 2, true);
        o = finish(&b, 2);
        check_order(&o, DICOM_ORDER_GEOMETRY,
                    mixed ? DICOM_BY_STORAGE : DICOM_BY_STACK, 0,
                    mixed ? NULL : (const uint32_t[]){1, 0}, mixed);
        opened_close(&o);
    }
}
END_TEST

START_TEST(increment_vector_orders)
{
    static const struct {
        uint32_t pointer;
        const char *values;
        enum dicom_order_kind kind;
        double z;
        const uint32_t *frames;
    } rows[] = {
        /* REF 11.1's order; its spacing came from times (Q20), ours not */
        {0x00181065, "10\\0\\5", DICOM_BY_VECTOR, 2.5, rotated},
        {0x3004000C, "10\\0\\5", DICOM_BY_VECTOR, 5, rotated},
        {0x3004000C, "0\\5\\10", DICOM_BY_VECTOR, 5, NULL},
        {0x3004000C, "0\\-5\\-10", DICOM_BY_VECTOR, 5, NULL},
        {0x3004000C, "0\\5", DICOM_BY_STORAGE, 2.5, NULL},
        {0x3004000C, "0\\5\\5", DICOM_BY_STORAGE, 2.5, NULL},
        {0x3004000C, "0\\5\\x", DICOM_BY_STORAGE, 2.5, NULL},
        /* increments, as the standard has it: no order at all */
        {0x00181065, "0\\40\\33", DICOM_BY_STORAGE, 2.5, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        struct opened o;

        printf("# row %zu\n", i);
        build_init(&b, BUILD_EXPLICIT_LE);
        build_meta(&b, EXPLICIT);
        build_common(&b, ENHANCED);
        build_text(&b, 0x00180050, "DS", "2.5");
        if (rows[i].pointer < 0x00280000)
            build_text(&b, rows[i].pointer, "DS", rows[i].values);
        build_grey(&b, 1, 1, 16, 12, 0);
        build_text(&b, 0x00280008, "IS", "3");
        build_tag(&b, 0x00280009, rows[i].pointer);
        if (rows[i].pointer > 0x00280000)
            build_text(&b, rows[i].pointer, "DS", rows[i].values);
        o = finish(&b, 3);
        check_order(&o, DICOM_ORDER_GEOMETRY, rows[i].kind, rows[i].z,
                    rows[i].frames, false);
        opened_close(&o);
    }
}
END_TEST

START_TEST(slice_location_orders)
{
    static const char *const places[] = {"10", "0", "5"};
    struct build b;
    struct opened o;

    begin(&b, 3);
    build_sequence(&b, 0x52009230, false);
    for (int i = 0; i < 3; i++) {
        build_item(&b, false);
        build_text(&b, 0x00201041, "DS", places[i]);
        build_item_end(&b);
    }
    build_sequence_end(&b);
    o = finish(&b, 3);
    check_order(&o, DICOM_ORDER_GEOMETRY, DICOM_BY_LOCATION, 5, rotated, false);
    opened_close(&o);
}
END_TEST

START_TEST(single_frame_is_itself)
{
    struct build b;
    struct opened o;

    begin(&b, 1);
    build_text(&b, 0x00209311, "CS", "3D_TEMPORAL");
    o = finish(&b, 1);
    check_order(&o, DICOM_ORDER_GEOMETRY, DICOM_BY_STORAGE, 0, NULL, false);
    opened_close(&o);
}
END_TEST

/* 126,280 frames is the largest slide reported; seconds would be too long. */
START_TEST(many_frames_are_no_burden)
{
    enum { N = 126280 };
    struct build b;
    struct opened o;
    struct dicom_order order;
    struct timespec from, to;
    double seconds;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, EXPLICIT);
    build_common(&b, ENHANCED);
    build_grey(&b, 1, 1, 16, 12, 0);
    build_text(&b, 0x00280008, "IS", "126280");
    put_dimensions(&b, (const uint32_t[]){IN_STACK}, 1);
    build_sequence(&b, 0x52009230, false);
    for (int i = 0; i < N; i++) {
        struct frame_spec f = nothing;

        f.index[0] = N - i;
        f.in_stack = N - i;
        f.position = "1\\2\\3";
        f.orientation = AXIAL;
        f.slope = "2";
        f.center = "3";
        f.width = "4";
        put_groups(&b, &f, false);
    }
    build_sequence_end(&b);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    o = finish(&b, N);
    ck_assert_int_eq(dicom_order(&o.header, DICOM_ORDER_GEOMETRY, &order, NULL),
                     0);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    seconds = (double)(to.tv_sec - from.tv_sec) +
              (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    printf("# %.3f s\n", seconds);
    ck_assert_uint_eq(o.header.n_per_frame, N);
    ck_assert_uint_eq(order.frames[0], N - 1);
    ck_assert_uint_eq(o.header.n_windows, 1);
    ck_assert_double_lt(seconds, 10);
    dicom_order_deinit(&order);
    opened_close(&o);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dicom_groups");
    TCase *t = tcase_create("groups");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, gap_falls_back_to_shared_and_shifts_nothing);
    tcase_add_test(t, top_level_wins_as_in_the_reference);
    tcase_add_test(t, equal_windows_share_the_pool);
    tcase_add_test(t, fewer_groups_than_frames_is_said);
    tcase_add_test(t, spacing_of_pixel_measures);
    tcase_add_test(t, voi_table_of_a_frame_is_its_own);
    tcase_add_test(t, groups_read_alike_in_every_encoding);
    tcase_add_test(t, dimension_index_orders);
    tcase_add_test(t, varying_dimension_that_is_no_place_is_mixed);
    tcase_add_test(t, in_stack_position_orders);
    tcase_add_test(t, geometry_orders);
    tcase_add_test(t, frames_that_are_not_parallel_are_no_volume);
    tcase_add_test(t, several_times_or_stacks_are_mixed);
    tcase_add_test(t, increment_vector_orders);
    tcase_add_test(t, slice_location_orders);
    tcase_add_test(t, single_frame_is_itself);
    tcase_add_test(t, many_frames_are_no_burden);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
