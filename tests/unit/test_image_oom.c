// SPDX-License-Identifier: MIT
/*
 * test_image_oom: the k-th allocation fails, for every k.
 *
 * The linker sends the allocations of fs/image through here (--wrap). Each
 * job is run with one allocation failing until none is reached any more; in
 * between it must say ERROR_NO_MEMORY and leak nothing (seen by LeakSanitizer
 * and by the count of live blocks).
 */
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>

#include "image/crop.h"
#include "image/resize.h"
#include "image/values.h"
#include "image/vol.h"

static long until_failure = -1; /* 0: the next one fails; below 0: none */
static long live;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void __wrap_free(void *p);

static bool fails(void)
{
    return until_failure >= 0 && until_failure-- == 0;
}

static void *counted(void *p)
{
    live += p != NULL;
    return p;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    void *q = fails() ? NULL : __real_realloc(p, size);

    live += q && !p;
    return q;
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return fails() ? NULL : counted(__real_aligned_alloc(align, size));
}

void __wrap_free(void *p)
{
    live -= p != NULL;
    __real_free(p);
}

static struct error err;
static struct image frame;

static int allocate(void)
{
    struct image image = {0};
    int rc = image_alloc(10, 10, 1, SAMPLE_U16, &image, &err);

    image_free(&image);
    return rc;
}

static int crop(void)
{
    struct crop_params params = {false, false, 0};
    struct image_box box;
    bool blank;

    return crop_measure(&frame, &params, NULL, &box, &blank, &err);
}

static int resize_as(enum sample_type type)
{
    struct resize_target t = resize_size(RESIZE_FIT, 40, 40, 9, 9, false);
    struct resize_plan *plan = NULL;
    struct image src = frame;
    uint8_t out[9 * 9 * 8];
    struct image dst = image_view(out, 9, 9, 1, type);
    int rc = resize_plan_new(40, 40, &t, RESIZE_TRIANGLE, &plan, &err);

    src.type = type;
    if (rc == 0)
        rc = resize_apply(plan, &src, &dst, NULL, &err);
    resize_plan_free(plan);
    return rc;
}

static int resize(void)
{
    return resize_as(SAMPLE_U16);
}

static int resize_wide(void)
{
    return resize_as(SAMPLE_F64);
}

static int values(void)
{
    static const uint16_t entries[] = {1, 2};
    struct values_spec spec = VALUES_SPEC_INIT;
    struct values_table *table = values_table_new(&err);
    struct image dst;
    int rc = -1;

    spec.output = VALUES_HU;
    spec.modality_lut = (struct values_lut){entries, 2, 0, 16};
    if (table && image_alloc(40, 40, 1, SAMPLE_F32, &dst, &err) == 0) {
        rc = values_apply(&spec, table, &frame, &dst, &err);
        image_free(&dst);
    }
    values_table_free(table);
    return rc;
}

static int combine(enum vol_op op)
{
    struct vol_spec spec = {op, 1.5F, false};
    uint16_t out[40 * 40];
    struct image dst = image_view(out, 40, 40, 1, SAMPLE_U16);
    struct vol *vol = NULL;
    int rc = vol_begin(&spec, 2, &vol, &err);

    for (int i = 0; rc == 0 && i < 2; i++)
        rc = vol_add(vol, &frame, &err);
    if (rc == 0)
        rc = vol_finish(vol, &dst, &err);
    vol_free(vol);
    return rc;
}

static int combine_max(void)
{
    return combine(VOL_MAX);
}

static int combine_mean(void)
{
    return combine(VOL_MEAN);
}

static int combine_median(void)
{
    return combine(VOL_MEDIAN);
}

static int combine_lapmip(void)
{
    return combine(VOL_LAPMIP);
}

START_TEST(every_failing_allocation_is_an_error)
{
    static int (*const jobs[])(void) = {
        allocate,    crop,         resize,         resize_wide,    values,
        combine_max, combine_mean, combine_median, combine_lapmip,
    };
    static const long at_least[] = {1, 3, 6, 7, 3, 2, 2, 3, 13};

    frame = image_test_new(40, 40, 1, SAMPLE_F64, 0); /* serves both types */
    frame.type = SAMPLE_U16;
    image_test_fill(&frame, 40000);
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        long k = 0;
        int rc;

        for (;; k++) {
            long before = live;

            err.kind = ERROR_NONE;
            until_failure = k;
            rc = jobs[i]();
            if (until_failure >= 0)
                break; /* it needs no more than k */
            ck_assert_int_eq(live, before);
            ck_assert_int_eq(rc, -1);
            ck_assert_int_eq(err.kind, ERROR_NO_MEMORY);
        }
        until_failure = -1;
        ck_assert_int_eq(rc, 0);
        ck_assert_int_ge(k, at_least[i]);
    }
    image_free(&frame);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("image_oom");
    TCase *t = tcase_create("oom");
    SRunner *r;

    tcase_add_test(t, every_failing_allocation_is_an_error);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
