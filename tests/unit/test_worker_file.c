// SPDX-License-Identifier: MIT
/* Headers parsed in workers, and what becomes of files that are hostile. */
#undef NDEBUG
#include <assert.h>
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/dicom_parsed.h"
#include "support/check_main.h"
#include "support/dicom_build.h"
#include "support/dicom_same.h"
#include "support/fault_cases.h"
#include "worker/confine.h"
#include "worker/worker.h"

enum { FILES = 40 };

static struct workers *start_with(unsigned count, unsigned seconds,
                                  uint64_t memory)
{
    struct workers_config config = {
        .count = count, .seconds = seconds, .memory_bytes = memory};
    struct error err = ERROR_INIT;
    struct workers *w;

    dicom_global_init();
    w = workers_start(&config, &err);
    ck_assert_msg(w != NULL, "%s", err.msg);
    return w;
}

static struct workers *start(unsigned count)
{
    return start_with(count, 0, 0);
}

static uint64_t lost(struct workers *w)
{
    struct workers_stats stats;

    workers_stats_get(w, &stats);
    return stats.lost;
}

static unsigned descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

/* ---- files ---- */

static void begin(struct build *b, const char *syntax)
{
    build_init(b, BUILD_EXPLICIT_LE);
    build_meta(b, syntax);
    build_common(b, "1.2.840.10008.5.1.4.1.1.7");
}

static int finish(struct build *b)
{
    int fd = build_fd(b);

    ck_assert_int_ge(fd, 0);
    build_deinit(b);
    return fd;
}

static const uint8_t pixels[600];

static int make_plain(unsigned number)
{
    struct build b;
    char text[16];

    begin(&b, "1.2.840.10008.1.2.1");
    (void)snprintf(text, sizeof text, "%u", number);
    build_text(&b, 0x00200013, "IS", text);
    build_grey(&b, 20, 30, 8, 8, 0);
    build_bytes(&b, 0x7FE00010, "OB", pixels, sizeof pixels);
    return finish(&b);
}

static int make_fault(enum fault fault)
{
    struct build b;

    begin(&b, "1.2.840.10008.1.2.1");
    build_grey(&b, 20, 30, 8, 8, 0);
    fault_mark(b.bytes, fault);
    return finish(&b);
}

static int make_deflated(void)
{
    struct build b;

    begin(&b, "1.2.840.10008.1.2.1.99");
    build_grey(&b, 20, 30, 8, 8, 0);
    build_bytes(&b, 0x7FE00010, "OB", pixels, sizeof pixels);
    build_deflate(&b, false);
    return finish(&b);
}

static int make_encapsulated(void)
{
    struct build b;

    begin(&b, "1.2.840.10008.1.2.4.50");
    build_grey(&b, 20, 30, 8, 8, 0);
    build_encapsulated(&b, NULL, 0);
    build_fragment(&b, pixels, 16);
    build_encapsulated_end(&b);
    return finish(&b);
}

/* Its header takes about 170 bytes a frame. */
static int make_groups(unsigned frames)
{
    struct build b;
    char text[16];

    begin(&b, "1.2.840.10008.1.2.1");
    (void)snprintf(text, sizeof text, "%u", frames);
    build_text(&b, 0x00280008, "IS", text);
    build_grey(&b, 1, 1, 8, 8, 0);
    build_sequence(&b, 0x52009230, false);
    for (unsigned i = 0; i < frames; i++) {
        build_item(&b, true);
        build_sequence(&b, 0x00209113, true);
        build_item(&b, true);
        (void)snprintf(text, sizeof text, "1\\2\\%u", i);
        build_text(&b, 0x00200032, "DS", text);
        build_item_end(&b);
        build_sequence_end(&b);
        build_item_end(&b);
    }
    build_sequence_end(&b);
    build_header(&b, 0x7FE00010, "OB", frames + frames % 2);
    for (unsigned i = 0; i < frames + frames % 2; i++)
        build_raw(&b, pixels, 1);
    return finish(&b);
}

static int make_text(const char *charset, const char *text)
{
    struct build b;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.1");
    build_text(&b, 0x00080005, "CS", charset);
    build_text(&b, 0x00081030, "LO", text);
    build_text(&b, 0x0020000D, "UI", "1.2.3");
    build_grey(&b, 20, 30, 8, 8, 0);
    return finish(&b);
}

static uint64_t size_of(int fd)
{
    return (uint64_t)lseek(fd, 0, SEEK_END);
}

static struct workers_file file_of(int fd)
{
    return (struct workers_file){.fd = fd, .size = size_of(fd)};
}

/* Closes the file. */
static void check_same(struct workers *w, int fd,
                       const struct dicom_limits *limits, unsigned want)
{
    struct dicom_parsed here, there;
    struct error err = ERROR_INIT;
    const char *name;

    ck_assert_msg(dicom_parse(fd, size_of(fd), limits, want, &here, &err) == 0,
                  "%s", err.msg);
    ck_assert_msg(
        workers_parse(w, fd, size_of(fd), limits, want, &there, &err) == 0,
        "%s", err.msg);
    name = dicom_difference(&here, &there);
    ck_assert_msg(!name, "%s is not the same", name ? name : "");
    dicom_parsed_deinit(&here);
    dicom_parsed_deinit(&there);
    (void)close(fd);
}

START_TEST(a_worker_finds_what_this_process_would)
{
    static const uint32_t tags[] = {0x00080016, 0x00280010};
    struct dicom_limits limits = {.extra_tags = tags, .n_extra_tags = 2};
    struct workers *w = start(1);
    unsigned before = descriptors();

    for (unsigned want = 0; want <= DICOM_WANT_SOURCE; want++) {
        check_same(w, make_plain(1), NULL, want);
        check_same(w, make_plain(2), &limits, want);
        check_same(w, make_deflated(), NULL, want);
        check_same(w, make_encapsulated(), &limits, want);
        check_same(w, make_groups(5), NULL, want);
    }
    check_same(w, make_encapsulated(), NULL, DICOM_WANT_EXTENTS);
    check_same(NULL, make_plain(3), NULL, DICOM_WANT_SOURCE);
    ck_assert_uint_eq(lost(w), 0);
    ck_assert_uint_eq(descriptors(), before);
    workers_free(w);
}
END_TEST

/* Converters of text are loaded from files by most C libraries. */
START_TEST(text_is_converted_without_opening_files)
{
    static const struct {
        const char *charset, *text;
    } texts[] = {
        {"ISO_IR 100", "Buc^J\xe9r\xf4me"},
        {"ISO_IR 101", "Wa\xb3\xea"
                       "sa"},
        {"ISO_IR 109", "\xa6\xe6"},
        {"ISO_IR 110", "\xb3\xe0"},
        {"ISO_IR 144", "\xbb\xee\xda"
                       "ce\xdc\xd1yp\xd3"},
        {"ISO_IR 127", "\xe2\xc8\xc7\xe6\xea"},
        {"ISO_IR 126", "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2"},
        {"ISO_IR 138", "\xf9\xf8\xe5\xef"},
        {"ISO_IR 148", "\xc7\xd0\xfe"},
        {"ISO_IR 13", "\xd4\xcf\xc0\xde"},
        {"ISO_IR 166", "\xb9\xd2\xc2"},
        {"ISO_IR 192", "\xe7\x8e\x8b"},
        {"GB18030", "\xcd\xf5\xd0\xa1\xb6\xab"},
        {"GBK", "\xcd\xf5"},
        {"\\ISO 2022 IR 149", "\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf"},
        {"\\ISO 2022 IR 58", "\x1b$)A\xcd\xf5"},
        {"\\ISO 2022 IR 87", "\x1b$B;3ED\x1b(B"},
        {"ISO 2022 IR 13\\ISO 2022 IR 87", "\xd4\xcf\xc0\xde=\x1b$B;3ED\x1b(J"},
        {"ISO 2022 IR 100\\ISO 2022 IR 144", "abc\x1b-L\xbb\xee"},
        {"ISO_IR 6789", "\xe9"},
    };
    struct workers *w = start(1);

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_same(w, make_text(texts[i].charset, texts[i].text), NULL, 0);
    workers_free(w);
}
END_TEST

/* 1 MiB is what a file has of the arena beside 15 others, 16 MiB what there is
 * at first. */
START_TEST(a_header_larger_than_its_area_gets_a_larger_one)
{
    struct workers_file files[16];
    struct workers *w = start(1);

    check_same(w, make_groups(110000), NULL, 0);
    check_same(w, make_plain(1), NULL, 0);
    for (unsigned i = 0; i < 16; i++)
        files[i] = file_of(i == 5 ? make_groups(8000) : make_plain(i));
    workers_parse_all(w, NULL, 0, files, 16);
    for (unsigned i = 0; i < 16; i++) {
        const struct dicom_header *h = &files[i].parsed.header;

        ck_assert_msg(files[i].rc == 0, "%s", files[i].err.msg);
        if (i == 5)
            ck_assert_uint_eq(h->n_per_frame, 8000);
        else
            ck_assert_int_eq(h->instance_number, i);
        dicom_parsed_deinit(&files[i].parsed);
        (void)close(files[i].fd);
    }
    ck_assert_uint_eq(lost(w), 0);
    workers_free(w);
}
END_TEST

START_TEST(a_header_larger_than_a_quarter_of_the_memory_is_refused)
{
    struct workers *w = start_with(1, 0, (uint64_t)64 << 20);
    int fd = make_groups(110000);
    struct dicom_parsed p;
    struct error err = ERROR_INIT;

    ck_assert_int_eq(workers_parse(w, fd, size_of(fd), NULL, 0, &p, &err), -1);
    /* where memory is not limited it may come as far as to be told its size */
    ck_assert_msg(strstr(err.msg, "decode_memory") != NULL, "%s", err.msg);
    (void)close(fd);
    check_same(w, make_plain(1), NULL, 0);
    workers_free(w);
}
END_TEST

START_TEST(what_the_parser_says_is_passed_on)
{
    static const char *const texts[] = {"no DICOM at all", "not deflated"};
    struct workers *w = start(1);

    for (size_t i = 0; i < 2; i++) {
        struct error here = ERROR_INIT, there = ERROR_INIT;
        struct dicom_parsed p;
        struct build b;
        int fd;

        build_init(&b, BUILD_EXPLICIT_LE);
        if (i == 1)
            build_meta(&b, "1.2.840.10008.1.2.1.99");
        build_raw(&b, texts[i], strlen(texts[i]));
        build_raw(&b, pixels, 200);
        fd = finish(&b);
        ck_assert_int_eq(dicom_parse(fd, size_of(fd), NULL, 0, &p, &here), -1);
        ck_assert_int_eq(workers_parse(w, fd, size_of(fd), NULL, 0, &p, &there),
                         -1);
        ck_assert_int_eq(here.kind, there.kind);
        ck_assert_str_eq(here.msg, there.msg);
        (void)close(fd);
    }
    ck_assert_uint_eq(lost(w), 0);
    workers_free(w);
}
END_TEST

/* ---- faults ---- */

static struct workers *start_for(const struct fault_case *c)
{
    return start_with(1, fault_case_seconds(c), 0);
}

START_TEST(a_fault_costs_one_file_and_says_what_it_was)
{
    const struct fault_case *c = &fault_cases[_i];
    struct error err = ERROR_INIT;
    struct dicom_parsed p;
    struct workers *w;
    unsigned before;
    int fd;

    if (c->wants_limits && confine_is_off())
        return;
    w = start_for(c);
    before = descriptors();
    fd = make_fault(c->fault);
    ck_assert_int_eq(workers_parse(w, fd, size_of(fd), NULL, 0, &p, &err), -1);
    fault_case_check(c, &err);
    printf("# %s: %s\n", c->name, err.msg);
    (void)fflush(stdout);
    (void)close(fd);
    check_same(w, make_plain(1), NULL, DICOM_WANT_SOURCE);
    ck_assert_uint_eq(lost(w), c->is_lost);
    ck_assert_uint_eq(descriptors(), before);
    workers_free(w);
}
END_TEST

static void check_one_of_many(struct workers *w, const struct fault_case *c,
                              unsigned at)
{
    struct workers_file files[FILES];

    for (unsigned i = 0; i < FILES; i++)
        files[i] =
            file_of(i == at ? make_fault(c->fault) : make_plain(1000 + i));
    workers_parse_all(w, NULL, 0, files, FILES);
    for (unsigned i = 0; i < FILES; i++) {
        (void)close(files[i].fd);
        if (i == at) {
            ck_assert_int_eq(files[i].rc, -1);
            fault_case_check(c, &files[i].err);
            continue;
        }
        ck_assert_msg(files[i].rc == 0, "%s at %u, file %u: %s", c->name, at, i,
                      files[i].err.msg);
        ck_assert_int_eq(files[i].parsed.header.instance_number, 1000 + i);
        dicom_parsed_deinit(&files[i].parsed);
    }
}

START_TEST(of_many_files_the_right_one_is_to_blame)
{
    static const unsigned places[] = {1, 0, WORKERS_BATCH - 1, WORKERS_BATCH,
                                      FILES - 1};
    const struct fault_case *c = &fault_cases[_i];
    unsigned n = c->fault == FAULT_LOOP || c->fault == FAULT_MEMORY ? 1 : 5;
    struct workers *w;

    /* that takes 8 seconds, and is as the loop to everyone else */
    if (c->fault == FAULT_SLEEP || (c->wants_limits && confine_is_off()))
        return;
    w = start_for(c);
    for (unsigned i = 0; i < n; i++)
        check_one_of_many(w, c, places[i]);
    ck_assert_uint_eq(lost(w), c->is_lost ? n : 0);
    workers_free(w);
}
END_TEST

START_TEST(every_file_may_be_hostile)
{
    struct workers_file files[FILES];
    struct workers *w = start(2);

    for (unsigned i = 0; i < FILES; i++)
        files[i] = file_of(make_fault(i % 2 ? FAULT_ABORT : FAULT_EXIT));
    workers_parse_all(w, NULL, 0, files, FILES);
    for (unsigned i = 0; i < FILES; i++) {
        (void)close(files[i].fd);
        ck_assert_int_eq(files[i].rc, -1);
        ck_assert_ptr_nonnull(
            strstr(files[i].err.msg, i % 2 ? "signal 6" : "status 7"));
    }
    ck_assert_uint_eq(lost(w), FILES);
    check_same(w, make_plain(1), NULL, 0);
    workers_free(w);
}
END_TEST

START_TEST(a_parser_can_do_nothing_but_parse)
{
    struct workers *w = start(1);
    struct error err = ERROR_INIT;
    struct dicom_parsed p;
    int fd = make_fault(FAULT_PROBE);

    ck_assert_int_eq(workers_parse(w, fd, size_of(fd), NULL, 0, &p, &err), -1);
    /* where it is not shut in it executes another program */
    if (workers_confinement(w) & WORKERS_NO_SYSCALLS)
        ck_assert_msg(err.kind == ERROR_UNSUPPORTED &&
                          strspn(err.msg, "0") == 2 * (size_t)PROBES,
                      "%s", err.msg);
    (void)close(fd);
    workers_free(w);
}
END_TEST

START_TEST(without_the_zygote_all_files_fail_with_the_reason)
{
    struct workers *w = start(1);
    int fds[] = {make_fault(FAULT_EXIT), make_plain(1), make_plain(2)};
    struct workers_file files[3];
    char text[64];
    FILE *f;
    int zygote = 0;

    (void)snprintf(text, sizeof text, "/proc/self/task/%d/children",
                   (int)getpid());
    f = fopen(text, "r");
    if (!f || fscanf(f, "%d", &zygote) != 1)
        zygote = 0; /* no such file in this kernel */
    if (f)
        (void)fclose(f);
    for (int i = 0; i < 3; i++)
        files[i] = file_of(fds[i]);
    if (zygote > 0) {
        ck_assert_int_eq(kill(zygote, SIGKILL), 0);
        workers_parse_all(w, NULL, 0, files, 3);
    }
    for (int i = 0; zygote > 0 && i < 3; i++) {
        ck_assert_int_eq(files[i].rc, -1);
        ck_assert_int_eq(files[i].err.kind, ERROR_IO);
    }
    for (int i = 0; i < 3; i++)
        (void)close(fds[i]);
    workers_free(w);
}
END_TEST

/* ---- many callers ---- */

struct caller {
    struct workers *w;
    unsigned id;
};

static void *call(void *opaque)
{
    const struct caller *c = opaque;

    for (unsigned i = 0; i < 4; i++)
        check_one_of_many(c->w, &fault_cases[1], (c->id * 7 + i * 11) % FILES);
    return NULL;
}

START_TEST(callers_do_not_see_each_others_faults)
{
    enum { CALLERS = 4 };
    struct workers *w = start(2);
    struct caller callers[CALLERS];
    pthread_t threads[CALLERS];

    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){w, i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call, &callers[i]),
                         0);
    }
    for (unsigned i = 0; i < CALLERS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(lost(w), 4 * CALLERS);
    workers_free(w);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("worker_file");
    TCase *t = tcase_create("worker_file");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_worker_finds_what_this_process_would);
    tcase_add_test(t, text_is_converted_without_opening_files);
    tcase_add_test(t, a_header_larger_than_its_area_gets_a_larger_one);
    tcase_add_test(t, a_header_larger_than_a_quarter_of_the_memory_is_refused);
    tcase_add_test(t, what_the_parser_says_is_passed_on);
    tcase_add_loop_test(t, a_fault_costs_one_file_and_says_what_it_was, 0,
                        FAULT_CASES);
    tcase_add_loop_test(t, of_many_files_the_right_one_is_to_blame, 0,
                        FAULT_CASES);
    tcase_add_test(t, every_file_may_be_hostile);
    tcase_add_test(t, a_parser_can_do_nothing_but_parse);
    tcase_add_test(t, without_the_zygote_all_files_fail_with_the_reason);
    tcase_add_test(t, callers_do_not_see_each_others_faults);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
