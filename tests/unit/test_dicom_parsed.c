// SPDX-License-Identifier: MIT
/*
 * Headers as runs of bytes: every member comes through, and bytes that are not
 * of a header are refused, or are those of another one, whatever they are.
 *
 * PREPFS_ROUNDS: how many times bytes are changed at random.
 */
#undef NDEBUG
#include <assert.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/dicom_parsed.h"
#include "support/check_main.h"
#include "support/dicom_build.h"
#include "support/dicom_same.h"

enum { FRAMES = 3, FILE_BYTES = 100000, ROUNDS = 30000 };

/* ---- a header in which no member is like another ---- */

static const uint16_t table_a[] = {1, 500, 3};
static const uint16_t table_b[] = {7, 0};
static const uint16_t red[] = {1, 2, 3}, green[] = {4, 5, 6}, blue[] = {255};
static const struct dicom_window windows[] = {
    {40, 400, DICOM_LINEAR, true},
    {0, 0, DICOM_SIGMOID, false},
    {-600, 1500, DICOM_LINEAR_EXACT, true}};
static const struct dicom_lut luts[] = {{3, -5, 9, 500, table_a},
                                        {2, 40000, 16, 7, table_b}};
static const uint32_t pointers[] = {0x00200032, 0x00209057};
static const uint32_t index_values[] = {1, 3, 1, 2, 2, 1};
static const double vector[] = {0, 2.5, NAN};
static const struct dicom_attr extra[] = {{0x00180015, 0, NAN, "CHEST"},
                                          {0x00180060, 1, 120.5, NULL}};
static const struct dicom_frame a_frame = {
    .slope = 2,
    .intercept = -1024,
    .window_first = 1,
    .n_windows = 2,
    .voi_lut_first = 1,
    .n_voi_luts = 1,
    .position = {1, 2, 3},
    .orientation = {1, 0, 0, 0, 1, 0},
    .slice_location = 4,
    .px_x = 0.5,
    .px_y = 0.25,
    .z_between = NAN,
    .z_thickness = 5,
    .in_stack = 6,
    .temporal = 7,
    .stack = 8,
    .sampled = true,
};
static struct dicom_frame per_frame[FRAMES];
static struct dicom_extent extents[FRAMES] = {{10, 20}, {30, 40}, {50, 0}};

static struct dicom_parsed full(void)
{
    struct dicom_parsed p = DICOM_PARSED_INIT;

    for (int i = 0; i < FRAMES; i++) {
        per_frame[i] = a_frame;
        per_frame[i].position[2] = i;
        per_frame[i].window_first = (uint32_t)i;
        per_frame[i].n_windows = i == 2;
        per_frame[i].n_voi_luts = 0;
    }
    p.header = (struct dicom_header){
        .kind = DICOM_IMAGE,
        .warnings = DICOM_WARN_PALETTE | DICOM_WARN_BITS,
        .transfer_syntax = {"1.2.840.10008.1.2.5", true},
        .sop_class = {"1.2.1", true},
        .sop_instance = {"1.2.2", true},
        .study = {"not a uid \xff", false},
        .series = {"1.2.4", true},
        .frame_of_reference = {"1.2.5", true},
        .patient_id = "id",
        .patient_issuer = "issuer",
        .patient_sex = "O",
        .patient_birth_date = "19700102",
        .study_date = "20200304",
        .study_description = "\xc3\x9c"
                             "bersicht",
        .accession = "acc",
        .modality = "MR",
        .series_description = "",
        .series_number = -5,
        .body_part = "CHEST",
        .laterality = "L",
        .manufacturer = "maker",
        .model = "model",
        .kernel = "B30f",
        .kvp = 120,
        .slice_thickness = NAN,
        .instance_number = DICOM_UNKNOWN,
        .acquisition_number = 9,
        .image_type = "ORIGINAL\\PRIMARY",
        .view_position = "AP",
        .acquisition_datetime = "20200304101112",
        .burned_in = DICOM_NO,
        .lossy = DICOM_YES,
        .photometric = "PALETTE COLOR",
        .rescale_type = "HU",
        .overlays = 2,
        .desc = {DECODE_RLE, DECODE_PALETTE, DECODE_INTEGER, 11, 12, 1, 16, 12,
                 11, true, true},
        .has_pixels = true,
        .decodable = false,
        .why_not = "why",
        .pixels = DICOM_PIXELS_ENCAPSULATED,
        .pixel_offset = 1000,
        .pixel_length = FILE_BYTES - 1000,
        .eot_offset = 21,
        .eot_length = 22,
        .eot_lengths_offset = 23,
        .eot_lengths_length = 24,
        .items_big_endian = true,
        .swapped_pairs = true,
        .frames = FRAMES,
        .has_modality_lut = true,
        .modality_lut = luts[0],
        .windows = windows,
        .n_windows = 3,
        .voi_luts = luts,
        .n_voi_luts = 2,
        .padding = {DICOM_PADDING_INTEGER, -2000, -1000},
        .presentation = DICOM_PRESENTATION_INVERSE,
        .palette = {{3, 3, 1}, {0, -1, 2}, 8, {red, green, blue}},
        .spacing = {0.5, 0.25, 5, DICOM_SPACING_GROUPS},
        .turned = true,
        .shared = a_frame,
        .per_frame = per_frame,
        .n_per_frame = FRAMES,
        .n_dimensions = 2,
        .dimension_pointers = pointers,
        .index_values = index_values,
        .temporal_3d = true,
        .frame_vector = vector,
        .vector_is_mm = true,
        .extra = extra,
        .n_extra = 2,
    };
    p.extents = extents;
    return p;
}

struct message {
    uint8_t *bytes;
    size_t length;
};

static struct message flatten(const struct dicom_parsed *p)
{
    struct message m = {NULL, dicom_flatten(p, NULL, 0)};

    m.bytes = malloc(m.length);
    assert(m.bytes && dicom_flatten(p, m.bytes, m.length) == m.length);
    return m;
}

/* Of exactly `length` bytes, so that a byte too far is seen. */
static int unflatten(const uint8_t *bytes, size_t length, unsigned want,
                     struct dicom_parsed *ret, struct error *err)
{
    uint8_t *exact = malloc(length ? length : 1);
    int rc;

    assert(exact);
    memcpy(exact, bytes, length);
    rc = dicom_unflatten(exact, length, -1, FILE_BYTES, NULL, want, ret, err);
    free(exact);
    return rc;
}

START_TEST(every_member_comes_through)
{
    struct dicom_parsed p = full(), q;
    struct message m = flatten(&p);
    struct error err = ERROR_INIT;
    const char *name;

    ck_assert_msg(unflatten(m.bytes, m.length, 0, &q, &err) == 0, "%s",
                  err.msg);
    name = dicom_difference(&p, &q);
    ck_assert_msg(!name, "%s is not the same", name ? name : "");
    dicom_parsed_deinit(&q);
    free(m.bytes);
}
END_TEST

START_TEST(nothing_comes_through_too)
{
    struct dicom_parsed p = DICOM_PARSED_INIT, q;
    struct message m;
    const char *name;

    p.header.shared.slope = 1;
    m = flatten(&p);
    ck_assert_int_eq(unflatten(m.bytes, m.length, 0, &q, NULL), 0);
    name = dicom_difference(&p, &q);
    ck_assert_msg(!name, "%s is not the same", name ? name : "");
    dicom_parsed_deinit(&q);
    free(m.bytes);
}
END_TEST

/* ---- files ---- */

static int deflated_file(void)
{
    static const uint8_t pixels[600];
    struct build b;
    int fd;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.1.99");
    build_common(&b, "1.2.840.10008.5.1.4.1.1.7");
    build_grey(&b, 20, 30, 8, 8, 0);
    build_bytes(&b, 0x7FE00010, "OB", pixels, sizeof pixels);
    build_deflate(&b, false);
    fd = build_fd(&b);
    build_deinit(&b);
    return fd;
}

static int encapsulated_file(unsigned frames)
{
    static const uint8_t fragment[16] = {0xff, 0xd8};
    struct build b;
    int fd;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.4.50");
    build_common(&b, "1.2.840.10008.5.1.4.1.1.7");
    if (frames == 2)
        build_text(&b, 0x00280008, "IS", "2");
    build_grey(&b, 20, 30, 8, 8, 0);
    build_encapsulated(&b, NULL, 0);
    for (unsigned i = 0; i < frames; i++)
        build_fragment(&b, fragment, sizeof fragment);
    build_encapsulated_end(&b);
    fd = build_fd(&b);
    build_deinit(&b);
    return fd;
}

static void check_file(int fd, unsigned want, struct dicom_parsed *ret)
{
    uint64_t size = (uint64_t)lseek(fd, 0, SEEK_END);
    struct error err = ERROR_INIT;
    struct dicom_parsed p;
    struct message m;
    const char *name;

    dicom_global_init();
    ck_assert_msg(dicom_parse(fd, size, NULL, want, &p, &err) == 0, "%s",
                  err.msg);
    m = flatten(&p);
    ck_assert_msg(dicom_unflatten(m.bytes, m.length, fd, size, NULL, want, ret,
                                  &err) == 0,
                  "%s", err.msg);
    name = dicom_difference(&p, ret);
    ck_assert_msg(!name, "%s is not the same", name ? name : "");
    dicom_parsed_deinit(&p);
    free(m.bytes);
}

START_TEST(the_bytes_of_an_inflated_source_come_along)
{
    int fd = deflated_file();
    struct dicom_parsed p;
    uint8_t *bytes;
    size_t length;
    unsigned bit;

    check_file(fd, DICOM_WANT_SOURCE, &p);
    ck_assert(p.is_inflated && dicom_source_is_inflated(p.source));
    ck_assert_int_eq(dicom_frame_read(p.source, &p.header, NULL, 0, &bytes,
                                      &length, &bit, NULL),
                     0);
    ck_assert_uint_eq(length, 600);
    free(bytes);
    dicom_parsed_deinit(&p);
    check_file(fd, 0, &p);
    ck_assert(p.is_inflated && !p.source);
    dicom_parsed_deinit(&p);
    (void)close(fd);
}
END_TEST

START_TEST(extents_come_along_for_one_frame_or_if_wanted)
{
    int one = encapsulated_file(1), two = encapsulated_file(2);
    struct dicom_parsed p;

    check_file(one, DICOM_WANT_SOURCE, &p);
    ck_assert_ptr_nonnull(p.extents);
    dicom_parsed_deinit(&p);
    check_file(one, 0, &p);
    ck_assert_ptr_null(p.extents);
    dicom_parsed_deinit(&p);
    check_file(two, DICOM_WANT_SOURCE, &p);
    ck_assert_ptr_null(p.extents);
    dicom_parsed_deinit(&p);
    check_file(two, DICOM_WANT_EXTENTS, &p);
    ck_assert_uint_eq(p.extents[1].offset - p.extents[0].offset, 24);
    ck_assert_uint_eq(p.extents[1].length, 24);
    dicom_parsed_deinit(&p);
    (void)close(one);
    (void)close(two);
}
END_TEST

/* ---- bytes that are not of a header ---- */

START_TEST(every_truncation_and_every_surplus_is_refused)
{
    struct dicom_parsed p = full(), q;
    struct message m = flatten(&p);
    uint8_t *more = calloc(1, m.length + 8);

    for (size_t n = 0; n < m.length; n++) {
        struct error err = ERROR_INIT;

        ck_assert_msg(unflatten(m.bytes, n, 0, &q, &err) == -1, "%zu bytes", n);
        ck_assert_int_eq(err.kind, ERROR_CORRUPT);
    }
    assert(more);
    memcpy(more, m.bytes, m.length);
    for (size_t n = 1; n <= 8; n++)
        ck_assert_int_eq(unflatten(more, m.length + n, 0, &q, NULL), -1);
    free(more);
    free(m.bytes);
}
END_TEST

static double sum; /* so that nothing is left out */

static void read_text(const char *text)
{
    sum += text ? (double)strlen(text) : 0;
}

static void read_lut(const struct dicom_lut *l)
{
    ck_assert(l->n >= 1 && l->n <= 65536 && l->bits >= 1 && l->bits <= 16);
    for (uint32_t i = 0; i < l->n; i++) {
        ck_assert_uint_le(l->data[i], l->max);
        sum += l->data[i];
    }
}

static void read_frame(const struct dicom_header *h,
                       const struct dicom_frame *f)
{
    ck_assert(isfinite(f->slope) && f->slope != 0 && isfinite(f->intercept));
    for (uint32_t i = 0; i < f->n_windows; i++)
        sum += h->windows[f->window_first + i].center;
    for (uint32_t i = 0; i < f->n_voi_luts; i++)
        read_lut(&h->voi_luts[f->voi_lut_first + i]);
    for (int i = 0; i < 3; i++)
        ck_assert(!isinf(f->position[i]));
}

/* Everything that a reader of headers may do. */
static void use(const struct dicom_parsed *p)
{
    const struct dicom_header *h = &p->header;
    const char *const texts[] = {
        h->transfer_syntax.text, h->sop_class.text,    h->sop_instance.text,
        h->study.text,           h->series.text,       h->patient_id,
        h->study_description,    h->modality,          h->series_description,
        h->image_type,           h->photometric,       h->why_not,
        h->rescale_type,         h->patient_birth_date};
    struct dicom_order order;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        read_text(texts[i]);
    for (uint32_t i = 0; i < h->n_extra; i++)
        read_text(h->extra[i].text);
    for (uint32_t i = 0; i <= h->n_per_frame; i++)
        read_frame(h, dicom_frame_at(h, i));
    if (h->has_modality_lut)
        read_lut(&h->modality_lut);
    for (int c = 0; c < 3; c++)
        for (uint32_t i = 0; i < h->palette.n[c]; i++)
            sum += h->palette.data[c][i];
    ck_assert_uint_le(h->desc.codec, DECODE_UNSUPPORTED);
    for (uint32_t i = 0; p->extents && i < h->frames; i++)
        sum += (double)p->extents[i].length;
    for (int want = DICOM_ORDER_GEOMETRY; want <= DICOM_ORDER_STORED; want++)
        if (dicom_order(h, (enum dicom_order_want)want, &order, NULL) == 0)
            dicom_order_deinit(&order);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void change(uint8_t *bytes, size_t length, uint32_t *state)
{
    static const uint32_t numbers[] = {
        0, 1, 2, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
    uint32_t number = numbers[next_random(state) % 9];
    size_t at = next_random(state) % (uint32_t)length;
    size_t n = next_random(state) % 2 ? 1 : sizeof number;

    if (next_random(state) % 3 == 0)
        number = next_random(state);
    memcpy(bytes + at, &number, n < length - at ? n : length - at);
}

static unsigned attack(const struct message *m, unsigned want, unsigned rounds)
{
    uint8_t *bytes = malloc(m->length);
    uint32_t state = 1;
    unsigned accepted = 0;

    assert(bytes);
    for (unsigned i = 0; i < rounds; i++) {
        struct dicom_parsed q;

        memcpy(bytes, m->bytes, m->length);
        for (uint32_t k = next_random(&state) % 3 + 1; k-- > 0;)
            change(bytes, m->length, &state);
        if (unflatten(bytes, m->length, want, &q, NULL) != 0)
            continue;
        use(&q);
        accepted++;
        dicom_parsed_deinit(&q);
    }
    free(bytes);
    return accepted;
}

static unsigned rounds(void)
{
    const char *text = getenv("PREPFS_ROUNDS");

    return text ? (unsigned)strtoul(text, NULL, 10) : ROUNDS;
}

START_TEST(changed_bytes_are_refused_or_harmless)
{
    struct dicom_parsed p = full();
    struct message m = flatten(&p);
    unsigned accepted = attack(&m, 0, rounds());

    /* texts and coordinates may be anything; counts and references not */
    ck_assert_uint_gt(accepted, rounds() / 100);
    ck_assert_uint_lt(accepted, rounds() / 2);
    free(m.bytes);
}
END_TEST

START_TEST(changed_bytes_of_an_inflated_source_are_too)
{
    int fd = deflated_file();
    uint64_t size = (uint64_t)lseek(fd, 0, SEEK_END);
    struct dicom_parsed p;
    struct message m;

    dicom_global_init();
    ck_assert_int_eq(dicom_parse(fd, size, NULL, DICOM_WANT_SOURCE, &p, NULL),
                     0);
    m = flatten(&p);
    (void)attack(&m, DICOM_WANT_SOURCE, rounds() / 10);
    dicom_parsed_deinit(&p);
    free(m.bytes);
    (void)close(fd);
}
END_TEST

/* ---- headers that no file has ---- */

static struct dicom_window bad_windows[3];
static struct dicom_lut bad_luts[2];
static double bad_vector[FRAMES];

static const struct dicom_attr no_text[] = {{1, 0, 0, "\xff"}, {2, 0, 0, NULL}};
static const struct dicom_attr no_number[] = {{1, 0, INFINITY, NULL},
                                              {2, 0, 0, NULL}};

static void set_byte(void *at, uint8_t value)
{
    memcpy(at, &value, 1);
}

/* clang-format off */
#define SPOILERS(X) \
    X(kind, h->kind = (enum dicom_kind)3) \
    X(warnings, h->warnings = 1u << 21) \
    X(burned_in, h->burned_in = (enum dicom_answer)3) \
    X(text, h->patient_id = "\xc3 ") \
    X(attr_text, h->extra = no_text) \
    X(attr_number, h->extra = no_number) \
    X(kvp, h->kvp = INFINITY) \
    X(codec, h->desc.codec = (enum decode_codec)(DECODE_UNSUPPORTED + 1)) \
    X(photometric, h->desc.photometric = (enum decode_photometric)77) \
    X(element, h->desc.element = (enum decode_element)3) \
    X(is_signed, set_byte(&h->desc.is_signed, 2)) \
    X(bits_stored, h->desc.bits_stored = 17) \
    X(high_bit, h->desc.high_bit = 16) \
    X(turned, set_byte(&h->turned, 255)) \
    X(no_pixels, h->has_pixels = false) \
    X(no_frames, h->frames = 0; h->n_per_frame = 0; p->extents = NULL) \
    X(many_frames, h->frames = (4 << 20) + 1; h->index_values = NULL; \
      h->frame_vector = NULL; p->extents = NULL) \
    X(no_reason, h->why_not = NULL) \
    X(not_decodable, h->why_not = NULL; h->decodable = true; \
      h->desc.bits_alloc = 0; h->desc.bits_stored = 0; h->desc.high_bit = 0) \
    X(offset, h->pixel_offset = FILE_BYTES + 1) \
    X(length, h->pixel_length = UINT64_MAX) \
    X(slope, h->shared.slope = 0) \
    X(intercept, h->shared.intercept = NAN) \
    X(window_first, h->shared.window_first = 2) \
    X(window_count, per_frame[2].n_windows = UINT32_MAX) \
    X(voi_lut_first, h->shared.voi_lut_first = UINT32_MAX) \
    X(position, per_frame[1].position[1] = -INFINITY) \
    X(sampled, set_byte(&per_frame[1].sampled, 2)) \
    X(window_function, bad_windows[1].function = (enum dicom_voi_function)3) \
    X(window_valid, set_byte(&bad_windows[0].valid, 2)) \
    X(window_width, bad_windows[0].width = 0) \
    X(window_center, bad_windows[0].center = NAN) \
    X(lut_max, bad_luts[0].max = 499) \
    X(lut_bits, bad_luts[1].bits = 17) \
    X(lut_no_bits, bad_luts[1].bits = 0) \
    X(lut_first, bad_luts[1].first = INT32_MAX) \
    X(lut_empty, bad_luts[1].n = 0) \
    X(modality_lut, h->modality_lut.max = 1) \
    X(palette_bits, h->palette.bits = 12) \
    X(palette_one, h->palette.n[1] = 0) \
    X(palette_wide, h->palette.data[0] = table_a) \
    X(padding_kind, h->padding.kind = (enum dicom_padding_kind)3) \
    X(padding_high, h->padding.high = 0x1p63) \
    X(padding_order, h->padding.low = 0) \
    X(padding_float, h->padding.kind = DICOM_PADDING_FLOAT; \
      h->padding.high = INFINITY) \
    X(spacing, h->spacing.x = -1) \
    X(spacing_nan, h->spacing.z = NAN) \
    X(spacing_source, h->spacing.source = (enum dicom_spacing_source)4) \
    X(presentation, h->presentation = (enum dicom_presentation)3) \
    X(vector_infinite, bad_vector[1] = INFINITY) \
    X(native_extents, h->pixels = DICOM_PIXELS_NATIVE)
/* clang-format on */

#define SPOILER_FUNCTION(name, ...)                                            \
    static void spoil_##name(struct dicom_parsed *p)                           \
    {                                                                          \
        struct dicom_header *h = &p->header;                                   \
                                                                               \
        (void)h;                                                               \
        __VA_ARGS__;                                                           \
    }
#define SPOILER_ROW(name, ...) {#name, spoil_##name},
SPOILERS(SPOILER_FUNCTION)

static const struct {
    const char *name;
    void (*spoil)(struct dicom_parsed *p);
} spoilers[] = {SPOILERS(SPOILER_ROW)};

enum { N_SPOILERS = sizeof spoilers / sizeof spoilers[0] };

START_TEST(what_no_file_could_say_is_refused)
{
    struct dicom_parsed p = full(), q;
    struct error err = ERROR_INIT;
    struct message m;

    memcpy(bad_windows, windows, sizeof windows);
    memcpy(bad_luts, luts, sizeof luts);
    memcpy(bad_vector, vector, sizeof vector);
    p.header.windows = bad_windows;
    p.header.voi_luts = bad_luts;
    p.header.frame_vector = bad_vector;
    spoilers[_i].spoil(&p);
    m = flatten(&p);
    ck_assert_msg(unflatten(m.bytes, m.length, 0, &q, &err) == -1, "%s",
                  spoilers[_i].name);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
    free(m.bytes);
}
END_TEST

START_TEST(words_about_pixels_are_made_printable)
{
    struct dicom_parsed p = full(), q;
    struct message m;

    p.header.why_not = "a\x1b[2Jb\xff";
    m = flatten(&p);
    ck_assert_int_eq(unflatten(m.bytes, m.length, 0, &q, NULL), 0);
    ck_assert_str_eq(q.header.why_not, "a?[2Jb?");
    dicom_parsed_deinit(&q);
    free(m.bytes);
}
END_TEST

START_TEST(what_was_not_wanted_or_is_missing_is_refused)
{
    struct dicom_parsed p = full(), q;
    struct message m = flatten(&p);

    ck_assert_int_eq(unflatten(m.bytes, m.length, DICOM_WANT_SOURCE, &q, NULL),
                     -1);
    free(m.bytes);
    p.extents = NULL;
    m = flatten(&p);
    ck_assert_int_eq(unflatten(m.bytes, m.length, 0, &q, NULL), 0);
    dicom_parsed_deinit(&q);
    ck_assert_int_eq(unflatten(m.bytes, m.length, DICOM_WANT_EXTENTS, &q, NULL),
                     -1);
    free(m.bytes);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("dicom_parsed");
    TCase *t = tcase_create("dicom_parsed");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_member_comes_through);
    tcase_add_test(t, nothing_comes_through_too);
    tcase_add_test(t, the_bytes_of_an_inflated_source_come_along);
    tcase_add_test(t, extents_come_along_for_one_frame_or_if_wanted);
    tcase_add_test(t, every_truncation_and_every_surplus_is_refused);
    tcase_add_test(t, changed_bytes_are_refused_or_harmless);
    tcase_add_test(t, changed_bytes_of_an_inflated_source_are_too);
    tcase_add_loop_test(t, what_no_file_could_say_is_refused, 0, N_SPOILERS);
    tcase_add_test(t, words_about_pixels_are_made_printable);
    tcase_add_test(t, what_was_not_wanted_or_is_missing_is_refused);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
