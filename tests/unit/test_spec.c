// SPDX-License-Identifier: MIT
/*
 * test_spec.c: which window, table or stretch counts (pixels.md, Values), and
 * what must be measured before.
 */
#undef NDEBUG
#include "render/spec.h"

#include <math.h>
#include <string.h>

#include "support/check_main.h"

/* ---- a header by hand --------------------------------------------------- */

static struct dicom_header header;
static struct dicom_window windows[4];
static struct dicom_lut luts[2];
static struct dicom_frame frames[3];
static const uint16_t entries[2] = {7, 9};
static struct manifest_instance instance;

static void setup(void)
{
    instance = (struct manifest_instance){
        .frames = 1,
        .has_pixels = true,
        .desc = {.codec = DECODE_NATIVE_LE,
                 .photometric = DECODE_MONOCHROME2,
                 .rows = 4,
                 .cols = 4,
                 .samples = 1,
                 .bits_alloc = 16,
                 .bits_stored = 16,
                 .high_bit = 15},
    };
    windows[0] = (struct dicom_window){40, 400, DICOM_LINEAR, true};
    windows[1] = (struct dicom_window){600, 1600, DICOM_SIGMOID, true};
    windows[2] = (struct dicom_window){0, 0, DICOM_LINEAR, false};
    windows[3] = (struct dicom_window){50, 60, DICOM_LINEAR_EXACT, true};
    luts[0] = (struct dicom_lut){2, 5, 12, 9, entries};
    luts[1] = (struct dicom_lut){2, 6, 13, 9, entries};
    header = (struct dicom_header){.has_pixels = true, .frames = 1};
    header.windows = windows;
    header.n_windows = 4;
    header.voi_luts = luts;
    header.n_voi_luts = 2;
    header.shared.slope = 2;
    header.shared.intercept = -3;
    memset(frames, 0, sizeof frames);
}

/* The frame has windows[first ...]. */
static void use_windows(struct dicom_frame *f, uint32_t first, uint32_t n)
{
    f->window_first = first;
    f->n_windows = n;
}

static struct plan planned(const char *text)
{
    struct error err = ERROR_INIT;
    struct view view;
    struct plan p;

    ck_assert_msg(view_parse(text, NULL, &view, NULL, &err) == 0, "%s: %s",
                  text, err.msg);
    ck_assert_msg(plan_init(&view, &instance, &p, &err) == 0, "%s", err.msg);
    return p;
}

static struct values_spec spec(const char *text, uint32_t frame)
{
    struct plan p = planned(text);
    struct values_extent extent = {-7, 1000, 1};
    struct error err = ERROR_INIT;
    struct values_spec s;

    ck_assert_msg(spec_init(&p, &header, frame, &extent, &s, &err) == 0, "%s",
                  err.msg);
    return s;
}

static bool needs_extent(const char *text)
{
    struct plan p = planned(text);

    return spec_needs_extent(&p, &header);
}

static enum error_kind refused(const char *text)
{
    struct plan p = planned(text);
    struct error err = ERROR_INIT;
    struct values_spec s;

    return spec_init(&p, &header, 0, NULL, &s, &err) == 0 ? ERROR_NONE
                                                          : err.kind;
}

/* ---- which VOI ---------------------------------------------------------- */

START_TEST(the_first_window_counts)
{
    struct values_spec s;

    use_windows(&header.shared, 0, 2);
    s = spec("full", 0);
    ck_assert_int_eq(s.voi, VALUES_VOI_WINDOW);
    ck_assert(s.center == 40 && s.width == 400);
    ck_assert_int_eq(s.function, VALUES_LINEAR);
    ck_assert_int_eq(s.output, VALUES_DISPLAY);
    ck_assert_uint_eq(s.y_max, 65535);
    ck_assert(s.slope == 2 && s.intercept == -3);
    ck_assert(!needs_extent("full"));
    use_windows(&header.shared, 3, 1);
    s = spec("full", 0);
    ck_assert(s.center == 50 && s.function == VALUES_LINEAR_EXACT);
}
END_TEST

START_TEST(an_invalid_window_is_passed_over)
{
    struct values_spec s;

    use_windows(&header.shared, 2, 2);
    s = spec("full", 0);
    ck_assert_int_eq(s.voi, VALUES_VOI_WINDOW);
    ck_assert(s.center == 50);
    ck_assert(!needs_extent("full"));
    use_windows(&header.shared, 2, 1); /* and nothing is left */
    s = spec("full", 0);
    ck_assert_int_eq(s.voi, VALUES_VOI_MINMAX);
    ck_assert(s.minimum == -7 && s.maximum == 1000);
    ck_assert(needs_extent("full"));
}
END_TEST

START_TEST(a_table_comes_before_windows)
{
    struct values_spec s;

    use_windows(&header.shared, 0, 2);
    header.shared.voi_lut_first = 1;
    header.shared.n_voi_luts = 1;
    s = spec("full", 0);
    ck_assert_int_eq(s.voi, VALUES_VOI_LUT);
    ck_assert(s.voi_lut.first == 6 && s.voi_lut.bits == 13 &&
              s.voi_lut.count == 2 && s.voi_lut.entries == entries);
    ck_assert(!needs_extent("full"));
    s = spec("window-n2", 0); /* unless a window is asked for */
    ck_assert(s.voi == VALUES_VOI_WINDOW && s.center == 600 &&
              s.function == VALUES_SIGMOID);
}
END_TEST

START_TEST(the_kth_window_is_that_or_none)
{
    use_windows(&header.shared, 0, 3);
    ck_assert(spec("window-n2", 0).center == 600);
    ck_assert_int_eq(refused("window-n3"), ERROR_UNSUPPORTED); /* invalid */
    ck_assert_int_eq(refused("window-n4"), ERROR_UNSUPPORTED);
    ck_assert_int_eq(refused("window-n999"), ERROR_UNSUPPORTED);
    use_windows(&header.shared, 0, 0);
    ck_assert_int_eq(refused("window-n2"), ERROR_UNSUPPORTED);
    ck_assert_int_eq(refused("window-c1-w2"), ERROR_NONE);
    ck_assert(!needs_extent("window-n2"));
}
END_TEST

START_TEST(windows_that_are_asked_for)
{
    struct values_spec s = spec("window-c-600-w1500", 0);

    ck_assert(s.voi == VALUES_VOI_WINDOW && s.center == -600 &&
              s.width == 1500 && s.function == VALUES_LINEAR);
    ck_assert_int_eq(spec("window-c1-w2-exact", 0).function,
                     VALUES_LINEAR_EXACT);
    ck_assert_int_eq(spec("window-c1-w2-sigmoid", 0).function, VALUES_SIGMOID);
    s = spec("window-off", 0);
    ck_assert(s.voi == VALUES_VOI_MINMAX && s.minimum == -7 &&
              s.maximum == 1000);
    ck_assert_int_eq(spec("window-frame", 0).voi, VALUES_VOI_FRAME);
    ck_assert(needs_extent("window-off") && !needs_extent("window-frame") &&
              !needs_extent("window-c1-w2"));
}
END_TEST

START_TEST(a_window_on_stored_values_has_no_rescale)
{
    struct values_spec s;

    header.has_modality_lut = true;
    header.modality_lut = luts[0];
    s = spec("raw_window-c1-w2", 0);
    ck_assert(s.slope == 1 && s.intercept == 0 && s.modality_lut.count == 0);
    ck_assert(s.output == VALUES_DISPLAY && s.voi == VALUES_VOI_WINDOW);
    ck_assert(needs_extent("raw_window-off"));
    s = spec("window-c1-w2", 0);
    ck_assert(s.slope == 2 && s.modality_lut.count == 2 &&
              s.modality_lut.first == 5);
}
END_TEST

START_TEST(hu_raw_and_range_have_no_voi)
{
    struct values_spec s;

    use_windows(&header.shared, 0, 2);
    s = spec("hu", 0);
    ck_assert(s.output == VALUES_HU && s.voi == VALUES_VOI_NONE &&
              s.slope == 2);
    s = spec("raw", 0);
    ck_assert(s.output == VALUES_RAW && s.slope == 1);
    s = spec("range--5to5", 0);
    ck_assert(s.output == VALUES_RANGE && s.range_low == -5 &&
              s.range_high == 5 && s.y_max == 0);
    use_windows(&header.shared, 0, 0);
    ck_assert(!needs_extent("hu") && !needs_extent("raw") &&
              !needs_extent("range-0to1"));
}
END_TEST

/* ---- frames ------------------------------------------------------------- */

START_TEST(each_frame_has_its_own)
{
    instance.frames = header.frames = 4;
    header.per_frame = frames;
    header.n_per_frame = 3;
    for (int k = 0; k < 3; k++) {
        frames[k] = header.shared;
        frames[k].slope = k + 10;
        use_windows(&frames[k], (uint32_t)k, 1); /* the third is invalid */
    }
    use_windows(&header.shared, 3, 1); /* of the fourth, which has no record */
    ck_assert(spec("full", 0).center == 40 && spec("full", 0).slope == 10);
    ck_assert(spec("full", 1).center == 600 && spec("full", 1).slope == 11);
    ck_assert_int_eq(spec("full", 2).voi, VALUES_VOI_MINMAX);
    ck_assert(spec("full", 3).center == 50 && spec("full", 3).slope == 2);
    ck_assert(needs_extent("full")); /* for one of them */
    use_windows(&frames[2], 0, 1);
    ck_assert(!needs_extent("full"));
    ck_assert(spec("hu", 1).slope == 11);
}
END_TEST

/* ---- black and white ---------------------------------------------------- */

struct inversion {
    const char *view;
    bool of_monochrome1, of_monochrome2;
};

static const struct inversion inversions[] = {
    {"full", true, false},
    {"invert", true, true},
    {"noinvert", false, false},
    {"window-off", true, false},
    {"hu", false, false},
    {"raw", false, false},
    {"range-0to1", false, false},
    {"range-0to1_invert", true, true},
    {"raw_window-off", true, false},
    {"raw_window-off_noinvert", false, false},
};

START_TEST(monochrome1_is_inverted_for_display)
{
    const struct inversion *i = &inversions[_i];

    ck_assert_int_eq(spec(i->view, 0).inverted, i->of_monochrome2);
    instance.desc.photometric = DECODE_MONOCHROME1;
    ck_assert_int_eq(spec(i->view, 0).inverted, i->of_monochrome1);
}
END_TEST

/* ---- padding ------------------------------------------------------------ */

START_TEST(padding_is_known_and_replaced_if_asked)
{
    struct values_spec s = spec("padval-5", 0);

    ck_assert(!s.has_padding && !s.replace_padding);
    header.padding =
        (struct dicom_padding){DICOM_PADDING_INTEGER, -2000, -1990};
    s = spec("full", 0);
    ck_assert(s.has_padding && !s.replace_padding);
    ck_assert(s.padding_first == -2000 && s.padding_last == -1990);
    s = spec("hu_padval-5", 0);
    ck_assert(s.replace_padding && s.padding_value == 5);
    s = spec("hu_padval-min", 0);
    ck_assert(s.replace_padding && s.padding_value == -7);
    ck_assert(needs_extent("hu_padval-min") && needs_extent("raw_padval-min") &&
              !needs_extent("hu_padval-5"));
}
END_TEST

/* ---- kinds of pixels ---------------------------------------------------- */

START_TEST(one_bit_is_black_and_white)
{
    struct values_spec s;

    instance.desc.bits_alloc = instance.desc.bits_stored = 1;
    instance.desc.high_bit = 0;
    s = spec("full", 0);
    ck_assert(s.voi == VALUES_VOI_MINMAX && s.minimum == 0 && s.maximum == 1);
    ck_assert_uint_eq(s.y_max, 255);
    s = spec("window-off", 0);
    ck_assert(s.minimum == 0 && s.maximum == 1);
    ck_assert(!needs_extent("full") && !needs_extent("window-off"));
}
END_TEST

START_TEST(colour_has_no_window)
{
    instance.desc.photometric = DECODE_RGB;
    instance.desc.samples = 3;
    instance.desc.bits_alloc = instance.desc.bits_stored = 8;
    instance.desc.high_bit = 7;
    ck_assert_int_eq(spec("full", 0).voi, VALUES_VOI_NONE);
    ck_assert_int_eq(refused("window-n2"), ERROR_NONE);
    ck_assert(!needs_extent("window-off") && !needs_extent("padval-min"));
}
END_TEST

START_TEST(without_values_the_extent_is_zero)
{
    struct values_extent none = {5, 6, 0};
    struct plan p = planned("full");
    struct error err = ERROR_INIT;
    struct values_spec s;

    header.padding = (struct dicom_padding){DICOM_PADDING_INTEGER, 1, 1};
    ck_assert_int_eq(spec_init(&p, &header, 0, &none, &s, &err), 0);
    ck_assert(s.minimum == 0 && s.maximum == 0);
    p = planned("hu_padval-min");
    ck_assert_int_eq(spec_init(&p, &header, 0, &none, &s, &err), 0);
    ck_assert(s.replace_padding && s.padding_value == 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("spec");
    TCase *t = tcase_create("values");

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, the_first_window_counts);
    tcase_add_test(t, an_invalid_window_is_passed_over);
    tcase_add_test(t, a_table_comes_before_windows);
    tcase_add_test(t, the_kth_window_is_that_or_none);
    tcase_add_test(t, windows_that_are_asked_for);
    tcase_add_test(t, a_window_on_stored_values_has_no_rescale);
    tcase_add_test(t, hu_raw_and_range_have_no_voi);
    tcase_add_test(t, each_frame_has_its_own);
    tcase_add_loop_test(t, monochrome1_is_inverted_for_display, 0,
                        (int)(sizeof inversions / sizeof inversions[0]));
    tcase_add_test(t, padding_is_known_and_replaced_if_asked);
    tcase_add_test(t, one_bit_is_black_and_white);
    tcase_add_test(t, colour_has_no_window);
    tcase_add_test(t, without_values_the_extent_is_zero);
    suite_add_tcase(s, t);
    return check_main(s);
}
