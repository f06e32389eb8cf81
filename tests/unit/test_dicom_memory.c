// SPDX-License-Identifier: MIT
/*
 * test_dicom_memory.c: the k-th allocation fails, for every k; and reading
 * fails, at every read. A header is then refused with the reason, and never
 * comes out poorer than it is.
 *
 * Allocations of fs/dicom are wrapped by the linker; those of DCMTK are not.
 */
#undef NDEBUG
#include "support/dicom_open.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
/* With 64-bit offsets the compiler spells it pread64. */
ssize_t __real_pread64(int fd, void *data, size_t size, off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t offset);

static long memory_left = -1; /* allocations until one fails; -1: never */
static long reads_left = -1;

static bool runs_out(long *left)
{
    return *left >= 0 && (*left)-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return runs_out(&memory_left) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return runs_out(&memory_left) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return runs_out(&memory_left) ? NULL : __real_realloc(p, size);
}

ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t offset)
{
    if (runs_out(&reads_left)) {
        errno = EIO;
        return -1;
    }
    return __real_pread64(fd, data, size, offset);
}

ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
    return __wrap_pread64(fd, data, size, offset);
}

static void put_groups(struct build *b)
{
    build_sequence(b, 0x52009230, false);
    for (unsigned i = 0; i < 40; i++) {
        char text[16];

        (void)snprintf(text, sizeof text, "%u", 100 + i);
        build_item(b, false);
        build_sequence(b, 0x00209111, false);
        build_item(b, false);
        build_text(b, 0x00209056, "SH", "1");
        build_u32(b, 0x00209057, 40 - i);
        build_u32(b, 0x00209157, 40 - i);
        build_item_end(b);
        build_sequence_end(b);
        build_sequence(b, 0x00289132, false);
        build_item(b, false);
        build_text(b, 0x00281050, "DS", text);
        build_text(b, 0x00281051, "DS", "400");
        build_item_end(b);
        build_sequence_end(b);
        build_item_end(b);
    }
    build_sequence_end(b);
}

/* Uses every place that allocates or reads: a table on disk among them. */
static int build_everything(void)
{
    static uint16_t table[4096];
    struct build b;
    int fd;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.5");
    build_text(&b, 0x00080005, "CS", "ISO_IR 100");
    build_common(&b, "1.2.840.10008.5.1.4.1.1.4.1");
    build_text(&b, 0x00081030, "LO",
               "Sch\xe4"
               "del");
    build_sequence(&b, 0x00209222, true);
    build_item(&b, true);
    build_tag(&b, 0x00209165, 0x00209057);
    build_item_end(&b);
    build_sequence_end(&b);
    build_grey(&b, 2, 2, 8, 8, 0);
    build_text(&b, 0x00280008, "IS", "40");
    for (uint32_t i = 0; i < 4096; i++)
        table[i] = (uint16_t)i;
    build_sequence(&b, 0x00283010, false);
    build_item(&b, false);
    build_words(&b, 0x00283002, "US", (const uint16_t[]){4096, 0, 12}, 3);
    build_words(&b, 0x00283006, "OW", table, 4096);
    build_item_end(&b);
    build_sequence_end(&b);
    put_groups(&b);
    build_encapsulated(&b, NULL, 0);
    for (int i = 0; i < 40; i++)
        build_fragment(&b, "abcd", 4);
    build_encapsulated_end(&b);
    fd = build_fd(&b);
    build_deinit(&b);
    return fd;
}

static void check_whole(const struct dicom_header *h,
                        const struct dicom_order *order)
{
    ck_assert_str_eq(h->study_description, "Sch\xc3\xa4"
                                           "del");
    ck_assert_str_eq(h->study.text, "1.2.3.1");
    ck_assert_uint_eq(h->warnings, 0);
    ck_assert_uint_eq(h->n_per_frame, 40);
    ck_assert_uint_eq(h->n_windows, 40);
    ck_assert_uint_eq(h->n_voi_luts, 1);
    ck_assert_uint_eq(h->voi_luts[0].data[4095], 4095);
    ck_assert_double_eq(h->windows[dicom_frame_at(h, 39)->window_first].center,
                        139);
    ck_assert_uint_eq(order->frames[0], 39);
    ck_assert_int_eq(order->kind, DICOM_BY_DIMENSION);
}

/* Everything that can be asked of a source; 0 if all of it succeeded. */
static int ask_everything(int fd, struct error *err)
{
    struct dicom_source *s = dicom_source_open(fd, NULL, err);
    struct dicom_extent *extents = NULL;
    struct dicom_header h = DICOM_HEADER_INIT;
    struct dicom_order order = {0};
    uint8_t *bytes = NULL;
    size_t length;
    unsigned bit;
    uint64_t n;
    int rc = -1;

    if (s && dicom_header_read(s, &h, err) == 0 &&
        dicom_order(&h, DICOM_ORDER_GEOMETRY, &order, err) == 0 &&
        dicom_frames_index(s, &h, &extents, &n, err) == 0 &&
        dicom_frame_read(s, &h, extents, 39, &bytes, &length, &bit, err) == 0)
        rc = 0;
    memory_left = reads_left = -1;
    if (rc == 0)
        check_whole(&h, &order);
    free(bytes);
    free(extents);
    dicom_order_deinit(&order);
    dicom_header_deinit(&h);
    dicom_source_close(s);
    return rc;
}

static void sweep(long *left, enum error_kind kind, long at_least)
{
    int fd;
    long k;

    dicom_global_init();
    fd = build_everything();
    for (k = 0; k < 10000; k++) {
        struct error err = ERROR_INIT;

        *left = k;
        if (ask_everything(fd, &err) == 0)
            break;
        ck_assert_msg(err.kind == kind, "at %ld: %d %s", k, (int)err.kind,
                      err.msg);
    }
    printf("# %ld\n", k);
    ck_assert_int_gt(k, at_least);
    ck_assert_int_lt(k, 10000);
    (void)close(fd);
}

START_TEST(every_failed_allocation_is_reported)
{
    sweep(&memory_left, ERROR_NO_MEMORY, 15);
}
END_TEST

START_TEST(every_failed_read_is_reported)
{
    sweep(&reads_left, ERROR_IO, 3);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dicom_memory");
    TCase *t = tcase_create("memory");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 100);
    tcase_add_test(t, every_failed_allocation_is_reported);
    tcase_add_test(t, every_failed_read_is_reported);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
