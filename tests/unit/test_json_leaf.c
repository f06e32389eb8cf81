// SPDX-License-Identifier: MIT
/* fs/json: the .json leaf, and what it never says. */
#undef NDEBUG
#include <assert.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_leaf.h"
#include "json/json_tags.h"
#include "support/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

static long fail_at = -1;

void *__wrap_realloc(void *p, size_t size)
{
    if (fail_at >= 0 && fail_at-- == 0)
        return NULL;
    return __real_realloc(p, size);
}

static char *written(const struct json_leaf *leaf)
{
    struct error err = ERROR_INIT;
    size_t length;
    char *text;

    ck_assert_int_eq(json_leaf_write(leaf, &text, &length, &err), 0);
    ck_assert_uint_eq(strlen(text), length);
    return text;
}

static void expect_in(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no %s in\n%s", part, text);
}

/* ---- documents ---------------------------------------------------------- */

static const struct json_leaf_operator operators[] = {
    {"crop", "crops to what is not background"},
    {"size-512x512", "fits into 512x512"},
};
static const struct json_leaf_size sizes[] = {{"tiff", 528384}, {"png", 0}};
static const struct json_leaf_window window = {
    .kind = "window",
    .number = 1,
    .center = -600,
    .width = 1500,
    .function = "LINEAR",
    .minimum = NAN,
    .maximum = NAN,
};
static const struct json_leaf_page pages[] = {{0, 4, 4}, {1, 0, 0}};
static const char *const instances[] = {"1.2.3", "1.2.4"};
static const char *const warnings[] = {"PixelSpacing skipped"};
static const struct json_leaf_value rows_value[] = {{"512", 512}};
static const struct json_leaf_value spacing_values[] = {{"0.70", 0.7},
                                                        {"0.8", 0.8}};
static const struct json_leaf_attribute attributes[] = {
    {0x00280030, "", 2, spacing_values},
    {0x00280010, "", 1, rows_value},
};

static struct json_leaf full_leaf(void)
{
    return (struct json_leaf){
        .engine = "prepfs engine 1",
        .view = "crop_size-512x512",
        .operators = operators,
        .n_operators = COUNT(operators),
        .object = "series",
        .study = "1.2",
        .series = "1.2.0",
        .name = "1.2.0",
        .part = "patch",
        .number = 3,
        .version = "0123456789abcdef",
        .sop_class = "1.2.840.10008.5.1.4.1.1.2",
        .transfer_syntax = "1.2.840.10008.1.2.1",
        .stored = {600, 500, 6},
        .stored_channels = 1,
        .stored_type = SAMPLE_I16,
        .overlays = 1,
        .stored_spacing = {0.7, 0.8, 0},
        .spacing_from = "PixelSpacing",
        .has_output = true,
        .pages = 2,
        .width = 512,
        .height = 256,
        .channels = 3,
        .type = SAMPLE_U16,
        .values = "display",
        .low = 0,
        .high = 65535,
        .size_is_known = true,
        .sizes = sizes,
        .n_sizes = COUNT(sizes),
        .window = &window,
        .n_axes = 2,
        .oriented = {600, 500, 6},
        .turned = true,
        .has_crop = true,
        .crop_corner = {10, 20, 0},
        .crop_size = {300, 400, 6},
        .has_scale = true,
        .scale = {1.28, 1.28, 1},
        .resized = {384, 512, 6},
        .has_pad = true,
        .pad_before = {128, 0, 0},
        .pad_after = {0, 1, 0},
        .has_canvas = true,
        .canvas_corner = {0, -4, 0},
        .canvas_size = {500, 520, 6},
        .has_patch = true,
        .patch_corner = {-16, 256, -1},
        .patch_size = {512, 256, 2},
        .spacing = {0.546875, 0.625, NAN},
        .has_affine = true,
        .affine = {{-1, 0, 0, 12.5}, {0, -1, 0, 13}, {0, 0, 2, 14}},
        .page_map = pages,
        .n_pages = COUNT(pages),
        .instances = instances,
        .n_instances = COUNT(instances),
        .warnings = warnings,
        .n_warnings = COUNT(warnings),
        .attributes = attributes,
        .n_attributes = COUNT(attributes),
    };
}

static const char full_text[] =
    "{\n"
    "  \"prepfs\": {\n"
    "    \"format\": 2,\n"
    "    \"engine\": \"prepfs engine 1\"\n"
    "  },\n"
    "  \"view\": \"crop_size-512x512\",\n"
    "  \"operators\": [\n"
    "    {\n"
    "      \"operator\": \"crop\",\n"
    "      \"does\": \"crops to what is not background\"\n"
    "    },\n"
    "    {\n"
    "      \"operator\": \"size-512x512\",\n"
    "      \"does\": \"fits into 512x512\"\n"
    "    }\n"
    "  ],\n"
    "  \"leaf\": {\n"
    "    \"object\": \"series\",\n"
    "    \"study\": \"1.2\",\n"
    "    \"series\": \"1.2.0\",\n"
    "    \"name\": \"1.2.0\",\n"
    "    \"part\": \"patch\",\n"
    "    \"number\": 3,\n"
    "    \"version\": \"0123456789abcdef\"\n"
    "  },\n"
    "  \"source\": {\n"
    "    \"sop_class\": \"1.2.840.10008.5.1.4.1.1.2\",\n"
    "    \"transfer_syntax\": \"1.2.840.10008.1.2.1\",\n"
    "    \"shape\": [6, 500, 600],\n"
    "    \"axes\": [\"page\", \"row\", \"column\"],\n"
    "    \"dtype\": \"int16\",\n"
    "    \"overlays\": 1,\n"
    "    \"spacing\": [0.7, 0.8, null],\n"
    "    \"spacing_from\": \"PixelSpacing\"\n"
    "  },\n"
    "  \"problem\": null,\n"
    "  \"output\": {\n"
    "    \"shape\": [2, 256, 512, 3],\n"
    "    \"axes\": [\"page\", \"row\", \"column\", \"channel\"],\n"
    "    \"dtype\": \"uint16\",\n"
    "    \"values\": \"display\",\n"
    "    \"unit\": null,\n"
    "    \"range\": [0, 65535],\n"
    "    \"size_class\": \"S\",\n"
    "    \"bytes\": {\n"
    "      \"tiff\": 528384,\n"
    "      \"png\": null\n"
    "    }\n"
    "  },\n"
    "  \"window\": {\n"
    "    \"kind\": \"window\",\n"
    "    \"number\": 1,\n"
    "    \"center\": -600,\n"
    "    \"width\": 1500,\n"
    "    \"function\": \"LINEAR\",\n"
    "    \"minimum\": null,\n"
    "    \"maximum\": null,\n"
    "    \"per_frame\": false\n"
    "  },\n"
    "  \"geometry\": {\n"
    "    \"oriented\": [600, 500],\n"
    "    \"turned\": true,\n"
    "    \"crop\": {\n"
    "      \"corner\": [10, 20],\n"
    "      \"size\": [300, 400]\n"
    "    },\n"
    "    \"scale\": [1.28, 1.28],\n"
    "    \"resized\": [384, 512],\n"
    "    \"cut\": null,\n"
    "    \"pad\": {\n"
    "      \"before\": [128, 0],\n"
    "      \"after\": [0, 1]\n"
    "    },\n"
    "    \"canvas\": {\n"
    "      \"corner\": [0, -4, 0],\n"
    "      \"size\": [500, 520, 6]\n"
    "    },\n"
    "    \"patch\": {\n"
    "      \"corner\": [-16, 256, -1],\n"
    "      \"size\": [512, 256, 2]\n"
    "    },\n"
    "    \"spacing\": [0.546875, 0.625, null],\n"
    "    \"affine_ras\": [\n"
    "      [-1, 0, 0, 12.5],\n"
    "      [0, -1, 0, 13],\n"
    "      [0, 0, 2, 14],\n"
    "      [0, 0, 0, 1]\n"
    "    ]\n"
    "  },\n"
    "  \"frames\": {\n"
    "    \"first\": [5, 1],\n"
    "    \"last\": null,\n"
    "    \"instance\": [\"1.2.3\", \"1.2.4\"]\n"
    "  },\n"
    "  \"warnings\": [\n"
    "    \"PixelSpacing skipped\"\n"
    "  ],\n"
    "  \"dicom\": {\n"
    "    \"00280010\": {\n"
    "      \"vr\": \"US\",\n"
    "      \"Value\": [512]\n"
    "    },\n"
    "    \"00280030\": {\n"
    "      \"vr\": \"DS\",\n"
    "      \"Value\": [0.7, 0.8]\n"
    "    }\n"
    "  }\n"
    "}\n";

START_TEST(whole_document)
{
    struct json_leaf leaf = full_leaf();
    char *text = written(&leaf);

    ck_assert_str_eq(text, full_text);
    free(text);
}
END_TEST

START_TEST(without_pixels_the_members_are_null)
{
    struct json_leaf leaf = {
        .view = "full", .name = "1.2.3", .problem = "no decoder for JPEG XL"};
    char *text = written(&leaf);

    expect_in(text, "\"problem\": \"no decoder for JPEG XL\"");
    expect_in(text, "\"shape\": null");
    expect_in(text, "\"output\": null,\n  \"window\": null,\n"
                    "  \"geometry\": null,\n  \"frames\": null");
    expect_in(text, "\"operators\": [],");
    expect_in(text, "\"warnings\": [],");
    expect_in(text, "\"dicom\": {}\n");
    expect_in(text, "\"number\": null");
    free(text);
}
END_TEST

START_TEST(three_axes_and_projections)
{
    static const struct json_leaf_page slabs[] = {{0, 0, 7}, {0, 4, 11}};
    struct json_leaf leaf = full_leaf();
    char *text;

    leaf.n_axes = 3;
    leaf.pages = 1;
    leaf.channels = 1;
    leaf.axes = JSON_LEAF_VOLUME;
    leaf.size_is_known = false;
    leaf.page_map = slabs;
    leaf.instances = NULL;
    leaf.window = NULL;
    leaf.has_affine = false;
    leaf.has_cut = true;
    leaf.cut_size[0] = 7;
    text = written(&leaf);
    expect_in(text, "\"oriented\": [600, 500, 6]");
    expect_in(text, "\"size\": [300, 400, 6]");
    expect_in(text, "\"corner\": [0, 0, 0],\n      \"size\": [7, 0, 0]");
    expect_in(text, "\"shape\": [1, 256, 512]");
    expect_in(text, "\"size_class\": \"I\"");
    expect_in(text, "\"first\": [1, 5],\n    \"last\": [8, 12],\n"
                    "    \"instance\": null");
    expect_in(text, "\"window\": null");
    expect_in(text, "\"affine_ras\": null");
    free(text);
    leaf.axes = JSON_LEAF_IMAGE;
    text = written(&leaf);
    expect_in(text, "\"shape\": [256, 512]");
    free(text);
}
END_TEST

START_TEST(every_dtype_has_its_numpy_name)
{
    static const char *const names[] = {
        [SAMPLE_U8] = "uint8",    [SAMPLE_U16] = "uint16",
        [SAMPLE_I16] = "int16",   [SAMPLE_U32] = "uint32",
        [SAMPLE_I32] = "int32",   [SAMPLE_F32] = "float32",
        [SAMPLE_F64] = "float64", [SAMPLE_F16] = "float16"};
    struct json_leaf leaf = full_leaf();
    char part[40];
    char *text;

    leaf.type = (enum sample_type)_i;
    (void)snprintf(part, sizeof part, "\"dtype\": \"%s\",\n    \"values\"",
                   names[_i]);
    text = written(&leaf);
    expect_in(text, part);
    free(text);
}
END_TEST

START_TEST(an_instance_out_of_range_is_null)
{
    struct json_leaf leaf = full_leaf();
    char *text;

    leaf.n_instances = 1;
    text = written(&leaf);
    expect_in(text, "\"instance\": [\"1.2.3\", null]");
    free(text);
}
END_TEST

/* ---- attributes --------------------------------------------------------- */

static char *with_attribute(uint32_t tag, const char *vr,
                            const struct json_leaf_value *values, uint32_t n)
{
    struct json_leaf_attribute a = {tag, "", n, values};
    struct json_leaf leaf = {.attributes = &a, .n_attributes = 1};

    memcpy(a.vr, vr, strlen(vr) + 1);
    return written(&leaf);
}

static const struct {
    uint32_t tag;
    const char *vr;
    struct json_leaf_value value;
    const char *part;
} values[] = {
    {0x00080060, "", {"CT", NAN}, "\"vr\": \"CS\",\n      \"Value\": [\"CT\"]"},
    {0x00181210, "", {"B30f\\\"", NAN}, "[\"B30f\\\\\\\"\"]"},
    {0x00180060, "", {"120.0", 120}, "[120]"},
    {0x00180060, "", {NULL, 0.1}, "[0.1]"},
    {0x00280009, "", {NULL, 0x00181063}, "[\"00181063\"]"},
    {0x00280009, "", {NULL, NAN}, "[null]"},
    {0x00280009, "", {NULL, -1}, "[null]"},
    {0x00280009, "", {NULL, 4294967295.0}, "[\"FFFFFFFF\"]"},
    {0x00280009, "", {NULL, 4294967296.0}, "[null]"},
    {0x00280120, "", {NULL, 63536}, "\"vr\": \"US\""},
    {0x00280120,
     "SS",
     {NULL, -2000},
     "\"vr\": \"SS\",\n      \"Value\": [-2000]"},
    {0x00280010, "SS", {NULL, 5}, "\"vr\": \"SS\""}, /* of the list's "US" */
    {0x00280010, "PN", {NULL, 5}, "\"vr\": \"US\""},
    {0x00180060, "LT", {"120", 120}, "\"vr\": \"DS\""},
    {0x00180060, "SS", {"120", 120}, "\"vr\": \"DS\""},
    {0x00200052, "", {"1.2.3", NAN}, "[\"1.2.3\"]"},
    /* what is not of its VR does not pass */
    {0x00180060, "", {"Miller^Anna", NAN}, "[null]"},
    {0x00080060, "", {"a word of more than sixteen", NAN}, "[null]"},
    {0x00080060, "", {"", NAN}, "[null]"},
    {0x00080060, "", {NULL, 7}, "[null]"},
    {0x00080060, "", {"sixteen letters!", NAN}, "[\"sixteen letters!\"]"},
    {0x00080060, "", {"sixteen letters!!", NAN}, "[null]"},
    {0x00200052, "", {"Miller", NAN}, "[null]"},
    {0x00200052,
     "",
     {"1.2345678901234567890123456789012345678901234567890123456789012345",
      NAN},
     "[null]"},
};

START_TEST(values_are_what_their_vr_says)
{
    char *text =
        with_attribute(values[_i].tag, values[_i].vr, &values[_i].value, 1);

    expect_in(text, values[_i].part);
    free(text);
}
END_TEST

START_TEST(no_value_is_no_member)
{
    char *text = with_attribute(0x00280010, "", NULL, 0);

    expect_in(text, "\"00280010\": {\n      \"vr\": \"US\"\n    }");
    ck_assert_ptr_null(strstr(text, "Value"));
    free(text);
}
END_TEST

START_TEST(of_two_the_first_is_shown)
{
    static const struct json_leaf_value two[] = {{NULL, 1}, {NULL, 2}};
    const struct json_leaf_attribute twice[] = {{0x00280010, "", 1, &two[0]},
                                                {0x00280010, "", 1, &two[1]}};
    struct json_leaf leaf = {.attributes = twice, .n_attributes = 2};
    char *text = written(&leaf);

    expect_in(text, "\"Value\": [1]");
    ck_assert_ptr_null(strstr(text, "[2]"));
    free(text);
}
END_TEST

/* ---- privacy ------------------------------------------------------------ */

/* Attributes that PS3.15 table E.1-1 removes, empties or replaces, and others
 * that say who, where or when: of every module that an image may have. */
static const uint32_t forbidden[] = {
    0x00080012, 0x00080013, 0x00080014, 0x00080015, 0x00080018, 0x00080020,
    0x00080021, 0x00080022, 0x00080023, 0x00080024, 0x00080025, 0x0008002A,
    0x00080030, 0x00080031, 0x00080032, 0x00080033, 0x00080034, 0x00080035,
    0x00080050, 0x00080051, 0x00080054, 0x00080080, 0x00080081, 0x00080082,
    0x00080090, 0x00080092, 0x00080094, 0x00080096, 0x0008009C, 0x00080201,
    0x00081010, 0x00081030, 0x0008103E, 0x00081040, 0x00081048, 0x00081049,
    0x00081050, 0x00081052, 0x00081060, 0x00081070, 0x00081072, 0x00081080,
    0x00081084, 0x00081110, 0x00081111, 0x00081115, 0x00081120, 0x00081140,
    0x00081195, 0x00081199, 0x00082111, 0x00083010, 0x00084000, 0x00089123,
    0x00100010, 0x00100020, 0x00100021, 0x00100022, 0x00100024, 0x00100030,
    0x00100032, 0x00100033, 0x00100034, 0x00100035, 0x00100040, 0x00100050,
    0x00100101, 0x00100102, 0x00100200, 0x00100201, 0x00100202, 0x00100212,
    0x00100213, 0x00100214, 0x00100215, 0x00100216, 0x00100217, 0x00100218,
    0x00100219, 0x00100221, 0x00101000, 0x00101001, 0x00101002, 0x00101005,
    0x00101010, 0x00101020, 0x00101021, 0x00101030, 0x00101040, 0x00101050,
    0x00101060, 0x00101080, 0x00101081, 0x00101090, 0x00101100, 0x00102000,
    0x00102110, 0x00102150, 0x00102152, 0x00102154, 0x00102155, 0x00102160,
    0x00102180, 0x001021A0, 0x001021B0, 0x001021C0, 0x001021D0, 0x001021F0,
    0x00102201, 0x00102202, 0x00102203, 0x00102292, 0x00102293, 0x00102294,
    0x00102295, 0x00102296, 0x00102297, 0x00102298, 0x00102299, 0x00104000,
    0x00120010, 0x00120020, 0x00120021, 0x00120030, 0x00120031, 0x00120040,
    0x00120042, 0x00120050, 0x00120051, 0x00120060, 0x00120062, 0x00120063,
    0x00120064, 0x00120071, 0x00120072, 0x00180010, 0x00181000, 0x00181002,
    0x00181004, 0x00181005, 0x00181007, 0x00181008, 0x0018100A, 0x00181012,
    0x00181014, 0x00181016, 0x00181018, 0x00181019, 0x00181020, 0x00181030,
    0x00181078, 0x00181079, 0x00181200, 0x00181201, 0x00181400, 0x00181800,
    0x00184000, 0x0018700A, 0x0018700C, 0x0018700E, 0x00189074, 0x00189151,
    0x00189185, 0x00189424, 0x00189516, 0x00189517, 0x0018A003, 0x0020000D,
    0x0020000E, 0x00200010, 0x00200200, 0x00203401, 0x00203404, 0x00203406,
    0x00204000, 0x00209158, 0x00209161, 0x00209164, 0x00281055, 0x00281199,
    0x00281214, 0x00284000, 0x00287FE0, 0x00320012, 0x00321020, 0x00321030,
    0x00321032, 0x00321033, 0x00321060, 0x00321064, 0x00321070, 0x00324000,
    0x00380004, 0x00380010, 0x00380020, 0x00380021, 0x00380300, 0x00380400,
    0x00380500, 0x00384000, 0x00400001, 0x00400002, 0x00400003, 0x00400006,
    0x00400007, 0x00400009, 0x00400010, 0x00400241, 0x00400242, 0x00400243,
    0x00400244, 0x00400245, 0x00400253, 0x00400254, 0x00400275, 0x00400280,
    0x00400555, 0x00401001, 0x00401010, 0x00402016, 0x00402017, 0x00402400,
    0x00403001, 0x0040A123, 0x0040A124, 0x0040A730, 0x0040DB0C, 0x00540016,
    0x00700084, 0x00880140, 0x00880200, 0x00880904, 0x00880906, 0x00880910,
    0x00880912, 0x04000100, 0x04000561, 0x20300020, 0x30060024, 0x300600C2,
    0x300A0013, 0x40000010, 0x40004000, 0x40080040, 0x40080042, 0x40080102,
    0x4008010A, 0x4008010B, 0x4008010C, 0x40080111, 0x40080114, 0x40080115,
    0x40080118, 0x40080119, 0x4008011A, 0x40080202, 0x40080300, 0x40084000,
    0x50003000, 0x60003000, 0x60004000, 0x7FE00010, 0xFFFAFFFA, 0xFFFCFFFC,
};

START_TEST(list_is_ascending_and_finds_its_own)
{
    size_t n;
    const struct json_tag *tags = json_tags(&n);

    ck_assert_uint_gt(n, 100);
    for (size_t i = 0; i < n; i++) {
        ck_assert(i == 0 || tags[i - 1].tag < tags[i].tag);
        ck_assert_ptr_eq(json_tag_find(tags[i].tag), &tags[i]);
    }
    ck_assert_ptr_null(json_tag_find(0));
    ck_assert_ptr_null(json_tag_find(UINT32_MAX));
}
END_TEST

/* By group, by VR and by name: nothing of the patient, no person, no time, no
 * free text, no sequence, nothing private. */
START_TEST(list_has_no_kind_of_identity)
{
    static const char *const vrs[] = {"AT", "CS", "DS", "FD", "IS", "LO",
                                      "SH", "SS", "UI", "UL", "US"};
    static const uint32_t groups[] = {0x0008, 0x0018, 0x0020,
                                      0x0028, 0x0054, 0x2050};
    static const uint32_t names[] = {/* LO */
                                     0x00080070, 0x00081090, 0x00281054,
                                     /* UI */
                                     0x00080016, 0x00200052};
    size_t n;
    const struct json_tag *tags = json_tags(&n);

    for (size_t i = 0; i < n; i++) {
        bool known_vr = false;
        bool known_group = false;
        bool known_name =
            strcmp(tags[i].vr, "LO") != 0 && strcmp(tags[i].vr, "UI") != 0;

        for (size_t k = 0; k < COUNT(vrs); k++)
            known_vr = known_vr || strcmp(vrs[k], tags[i].vr) == 0;
        for (size_t k = 0; k < COUNT(groups); k++)
            known_group = known_group || groups[k] == tags[i].tag >> 16;
        for (size_t k = 0; k < COUNT(names); k++)
            known_name = known_name || names[k] == tags[i].tag;
        ck_assert_msg(known_vr && known_group && known_name, "%08x %s",
                      tags[i].tag, tags[i].keyword);
    }
}
END_TEST

START_TEST(forbidden_tags_are_not_in_the_list)
{
    for (size_t i = 0; i < COUNT(forbidden); i++)
        ck_assert_msg(json_tag_find(forbidden[i]) == NULL, "%08x",
                      forbidden[i]);
    for (uint32_t tag = 0x00100000; tag <= 0x0012FFFF; tag++)
        ck_assert_msg(json_tag_find(tag) == NULL, "%08x", tag);
}
END_TEST

/* Whatever the caller brings: the gate is in the writer. */
START_TEST(forbidden_tags_are_not_written)
{
    static const struct json_leaf_value value = {"SECRET", 424242};

    for (size_t i = 0; i < COUNT(forbidden); i++) {
        char *text = with_attribute(forbidden[i], "LO", &value, 1);

        ck_assert_ptr_null(strstr(text, "SECRET"));
        ck_assert_ptr_null(strstr(text, "424242"));
        expect_in(text, "\"dicom\": {}");
        free(text);
    }
}
END_TEST

START_TEST(a_uid_that_is_none_is_not_written)
{
    struct json_leaf leaf = {.sop_class = "Miller^Anna",
                             .transfer_syntax = "1.2\n"};
    char *text = written(&leaf);

    expect_in(text, "\"sop_class\": null,\n    \"transfer_syntax\": null");
    free(text);
}
END_TEST

START_TEST(want_of_memory_is_told)
{
    struct json_leaf leaf = full_leaf();
    int rc = -1;
    long k = 0;

    for (; rc != 0; k++) {
        struct error err = ERROR_INIT;
        size_t length;
        char *text = NULL;

        ck_assert_int_lt(k, 20);
        fail_at = k;
        rc = json_leaf_write(&leaf, &text, &length, &err);
        if (rc != 0)
            ck_assert_int_eq(err.kind, ERROR_NO_MEMORY);
        else
            ck_assert_str_eq(text, full_text);
        free(text);
    }
    fail_at = -1;
    ck_assert_int_gt(k, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_leaf");
    TCase *document = tcase_create("document");
    TCase *attribute = tcase_create("attribute");
    TCase *privacy = tcase_create("privacy");

    tcase_add_test(document, whole_document);
    tcase_add_test(document, without_pixels_the_members_are_null);
    tcase_add_test(document, three_axes_and_projections);
    tcase_add_loop_test(document, every_dtype_has_its_numpy_name, SAMPLE_U8,
                        SAMPLE_F16 + 1);
    tcase_add_test(document, an_instance_out_of_range_is_null);
    tcase_add_test(document, want_of_memory_is_told);
    tcase_add_loop_test(attribute, values_are_what_their_vr_says, 0,
                        (int)COUNT(values));
    tcase_add_test(attribute, no_value_is_no_member);
    tcase_add_test(attribute, of_two_the_first_is_shown);
    tcase_add_test(privacy, list_is_ascending_and_finds_its_own);
    tcase_add_test(privacy, list_has_no_kind_of_identity);
    tcase_add_test(privacy, forbidden_tags_are_not_in_the_list);
    tcase_add_test(privacy, forbidden_tags_are_not_written);
    tcase_add_test(privacy, a_uid_that_is_none_is_not_written);
    suite_add_tcase(suite, document);
    suite_add_tcase(suite, attribute);
    suite_add_tcase(suite, privacy);
    return check_main(suite);
}
