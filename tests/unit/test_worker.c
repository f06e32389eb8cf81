// SPDX-License-Identifier: MIT
/* Frames decoded in workers, and what becomes of workers that misbehave. */
#undef NDEBUG
#include <assert.h>
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/decode_check.h"
#include "support/fault_cases.h"
#include "worker/confine.h"
#include "worker/worker.h"

enum { SIDE = 16 };

static struct workers *start_with(unsigned count, unsigned seconds)
{
    struct workers_config config = {.count = count, .seconds = seconds};
    struct error err = ERROR_INIT;
    struct workers *w;

    w = workers_start(&config, &err);
    ck_assert_msg(w != NULL, "%s", err.msg);
    return w;
}

static struct workers *start(unsigned count)
{
    return start_with(count, 0);
}

static uint64_t lost(struct workers *w)
{
    struct workers_stats stats;

    workers_stats_get(w, &stats);
    return stats.lost;
}

/* ---- frames of 16 x 16 bytes, run-length encoded ---- */

static const struct decode_desc small = {
    .codec = DECODE_RLE,
    .photometric = DECODE_MONOCHROME2,
    .rows = SIDE,
    .cols = SIDE,
    .samples = 1,
    .bits_alloc = 8,
    .bits_stored = 8,
    .high_bit = 7,
};

struct small_frame {
    uint8_t bytes[2 * SIDE * SIDE];
    uint8_t samples[SIDE * SIDE];
};

static struct image image_of(struct small_frame *f)
{
    return (struct image){.width = SIDE,
                          .height = SIDE,
                          .channels = 1,
                          .type = SAMPLE_U8,
                          .stride_bytes = SIDE,
                          .data = f->samples};
}

static enum error_kind decode_small(struct workers *w, struct small_frame *f,
                                    struct error *err)
{
    struct image image = image_of(f);
    struct error own = ERROR_INIT;
    int rc = workers_decode(w, &small, f->bytes, sizeof f->bytes, 0, 3, &image,
                            &own);

    ck_assert_int_eq(rc == 0, own.kind == ERROR_NONE);
    if (err)
        *err = own;
    return own.kind;
}

/* Does a picture come out as it went in? */
static void check_small(struct workers *w, unsigned seed)
{
    struct picture p = picture_new(SIDE, SIDE, 1, 8, seed);
    struct codestream c = encode_rle(&p, 1);
    struct small_frame f = {{0}, {0}};
    struct error err;

    ck_assert_uint_le(c.size, sizeof f.bytes);
    memcpy(f.bytes, c.data, c.size);
    ck_assert_msg(decode_small(w, &f, &err) == ERROR_NONE, "%s", err.msg);
    for (size_t i = 0; i < sizeof f.samples; i++)
        ck_assert_uint_eq(f.samples[i], p.samples[i]);
    codestream_free(&c);
    picture_free(&p);
}

static enum error_kind commit(struct workers *w, enum fault fault,
                              struct error *err)
{
    struct small_frame f = {{0}, {0}};

    fault_mark(f.bytes, fault);
    return decode_small(w, &f, err);
}

static pid_t worker_pid(struct workers *w)
{
    struct small_frame f = {{0}, {0}};
    int32_t pid;

    fault_mark(f.bytes, FAULT_PID);
    ck_assert_int_eq(decode_small(w, &f, NULL), ERROR_NONE);
    memcpy(&pid, f.samples, sizeof pid);
    return pid;
}

/* ---- processes ---- */

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void nap(void)
{
    struct timespec t = {.tv_nsec = 10000000};

    (void)nanosleep(&t, NULL);
}

struct process {
    char state; /* 0: there is none */
    pid_t parent;
};

static struct process look_at(pid_t pid)
{
    struct process p = {0, 0};
    char path[64];
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return p;
    if (fscanf(f, "%*d (%*[^)]) %c %d", &p.state, &p.parent) != 2)
        p.state = 0;
    (void)fclose(f);
    return p;
}

/* Within 10 s. */
static bool goes_away(pid_t pid)
{
    double deadline = now() + 10;

    while (now() < deadline) {
        if (look_at(pid).state == 0)
            return true;
        nap();
    }
    return false;
}

static unsigned entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned n = 0;

    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

/* Children of `parent` in state Z. */
static unsigned zombies_of(pid_t parent)
{
    DIR *dir = opendir("/proc");
    struct dirent *d;
    unsigned n = 0;

    ck_assert_ptr_nonnull(dir);
    while ((d = readdir(dir)) != NULL) {
        struct process p = look_at((pid_t)atoi(d->d_name));

        n += p.state == 'Z' && p.parent == parent;
    }
    (void)closedir(dir);
    return n;
}

/* ---- frames come out right ---- */

static void check_same(struct workers *w, const struct decode_desc *d,
                       struct codestream c)
{
    struct image here = check_decode(d, &c), there = check_image_new(d, 0);
    struct error err = ERROR_INIT;
    size_t row =
        (size_t)here.width * here.channels * (size_t)sample_bytes(here.type);

    ck_assert_msg(workers_decode(w, d, c.data, c.size, 0, 1, &there, &err) == 0,
                  "%s", err.msg);
    for (uint32_t y = 0; y < here.height; y++)
        ck_assert_mem_eq(here.data + y * here.stride_bytes,
                         there.data + y * there.stride_bytes, row);
    check_image_free(&here, 0xa5);
    check_image_free(&there, 0);
    codestream_free(&c);
}

START_TEST(every_codec_gives_what_it_gives_in_process)
{
    struct workers *w = start(1);
    struct picture grey = picture_new(61, 47, 1, 12, 1);
    struct picture rgb = picture_new(61, 47, 3, 8, 2);
    struct lossless_jpeg lossless = {.predictor = 1};
    struct dct baseline = {DCT_BASELINE, 90, false, true};
    struct decode_desc g = check_desc(&grey, DECODE_RLE);
    struct decode_desc c = check_desc(&rgb, DECODE_RLE);

    check_same(w, &g, encode_rle(&grey, 2));
    check_same(w, &c, encode_rle(&rgb, 1));
    g.codec = c.codec = DECODE_JPEG;
    check_same(w, &g, encode_lossless_jpeg(&grey, &lossless));
    check_same(w, &c, encode_dct(&rgb, &baseline));
    check_same(w, &g, encode_jls(&grey, &(struct jls){0}));
    check_same(w, &g, encode_j2k(&grey, &(struct j2k){0}));
    check_same(w, &c, encode_j2k(&rgb, &(struct j2k){.transform = true}));
    ck_assert_uint_eq(lost(w), 0);
    workers_free(w);
    picture_free(&grey);
    picture_free(&rgb);
}
END_TEST

START_TEST(native_frames_are_unpacked_here)
{
    struct decode_desc d = small;
    struct workers *w = start(1);
    struct small_frame f = {{0}, {0}};
    struct image image = image_of(&f);
    struct error err = ERROR_INIT;
    int32_t pid;

    fault_mark(f.bytes, FAULT_PID);
    d.codec = DECODE_NATIVE_LE;
    ck_assert_int_eq(workers_decode(w, &d, f.bytes, 256, 0, 1, &image, &err),
                     0);
    memcpy(&pid, f.samples, sizeof pid);
    ck_assert_int_eq(pid, getpid());
    ck_assert_int_ne(worker_pid(w), pid);
    workers_free(w);
}
END_TEST

START_TEST(a_frame_larger_than_the_arena_gets_a_larger_one)
{
    struct workers *w = start(1);
    struct picture p = picture_new(3000, 4001, 1, 16, 1);
    struct decode_desc d = check_desc(&p, DECODE_RLE);

    check_small(w, 1);
    for (int round = 0; round < 2; round++) {
        check_same(w, &d, encode_rle(&p, 2));
        check_small(w, 2);
    }
    ck_assert_uint_eq(lost(w), 0);
    picture_free(&p);
    workers_free(w);
}
END_TEST

START_TEST(what_the_decoder_says_is_passed_on_with_the_frame)
{
    struct workers *w = start(1);
    struct small_frame f = {{0}, {0}};
    struct image image = image_of(&f);
    struct decode_desc d = small;
    struct error err = ERROR_INIT;

    ck_assert_int_eq(workers_decode(w, &small, f.bytes, 10, 0, 3, &image, &err),
                     -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
    ck_assert_msg(strncmp(err.msg, "frame 3: ", 9) == 0, "%s", err.msg);
    d.photometric = DECODE_PHOTOMETRIC_OTHER;
    ck_assert_int_eq(workers_decode(w, &d, f.bytes, 256, 0, 3, &image, &err),
                     -1);
    ck_assert_int_eq(err.kind, ERROR_UNSUPPORTED);
    ck_assert_msg(strncmp(err.msg, "frame 3: ", 9) == 0, "%s", err.msg);
    ck_assert_int_eq(workers_decode(NULL, &d, f.bytes, 256, 0, 3, &image, &err),
                     -1);
    ck_assert_int_eq(err.kind, ERROR_UNSUPPORTED);
    ck_assert_msg(strncmp(err.msg, "frame 3: ", 9) == 0, "%s", err.msg);
    ck_assert_uint_eq(lost(w), 0);
    check_small(w, 1);
    workers_free(w);
}
END_TEST

START_TEST(without_workers_frames_are_decoded_here)
{
    struct workers_stats stats;
    pid_t pid;

    check_small(NULL, 5);
    pid = worker_pid(NULL);
    ck_assert_int_eq(pid, getpid());
    workers_stats_get(NULL, &stats);
    ck_assert_uint_eq(stats.count + stats.started + stats.lost, 0);
    workers_free(NULL);
}
END_TEST

/* ---- faults ---- */

START_TEST(a_fault_costs_one_frame_and_says_what_it_was)
{
    const struct fault_case *c = &fault_cases[_i];
    struct workers *w;
    struct error err;
    double at, failed, recovered;

    if (c->wants_limits && confine_is_off())
        return;
    w = start_with(1, fault_case_seconds(c));
    check_small(w, 1);
    at = now();
    ck_assert_int_eq(commit(w, c->fault, &err), c->kind);
    failed = now();
    fault_case_check(c, &err);
    ck_assert_msg(strncmp(err.msg, "frame 3: ", 9) == 0, "%s", err.msg);
    check_small(w, 2);
    recovered = now();
    ck_assert_uint_eq(lost(w), c->is_lost);
    printf("# %-18s %6.0f ms until the error, %5.1f ms until the next frame: "
           "%s\n",
           c->name, 1e3 * (failed - at), 1e3 * (recovered - failed), err.msg);
    (void)fflush(stdout);
    workers_free(w);
}
END_TEST

START_TEST(a_worker_that_died_idle_is_replaced_without_an_error)
{
    struct workers *w = start(1);
    pid_t pid = worker_pid(w);

    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert(goes_away(pid)); /* reaped before anyone asks for it */
    check_small(w, 1);
    ck_assert_int_ne(worker_pid(w), pid);
    workers_free(w);
}
END_TEST

START_TEST(faults_leave_no_descriptor_and_no_zombie)
{
    struct workers *w = start(2);
    pid_t zygote = look_at(worker_pid(w)).parent;
    unsigned fds = entries("/proc/self/fd");
    unsigned maps = 0, maps_after;
    struct error err;

    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(commit(w, FAULT_ABORT, &err), ERROR_CORRUPT);
        if (i == 5)
            maps = entries("/proc/self/map_files");
    }
    maps_after = entries("/proc/self/map_files");
    check_small(w, 1);
    ck_assert_uint_eq(lost(w), 40);
    ck_assert_uint_le(entries("/proc/self/fd"), fds);
    ck_assert_uint_le(maps_after, maps + 1);
    ck_assert_uint_eq(zombies_of(zygote), 0);
    ck_assert_int_eq(look_at(zygote).parent, getpid());
    workers_free(w);
    ck_assert_int_eq(look_at(zygote).state, 0);
    ck_assert_uint_eq(zombies_of(getpid()), 0);
}
END_TEST

START_TEST(without_the_zygote_frames_fail_with_the_reason)
{
    struct workers *w = start(1);
    pid_t worker = worker_pid(w), zygote = look_at(worker).parent;
    struct error err;

    ck_assert_int_eq(kill(zygote, SIGKILL), 0);
    ck_assert(goes_away(worker)); /* with it */
    ck_assert_int_eq(commit(w, FAULT_PID, &err), ERROR_IO);
    ck_assert_msg(strstr(err.msg, "mount again") != NULL, "%s", err.msg);
    workers_free(w);
}
END_TEST

static pid_t start_and_tell(int to)
{
    pid_t pid = fork();
    int32_t worker;

    if (pid != 0)
        return pid;
    worker = worker_pid(start(3));
    assert(write(to, &worker, sizeof worker) == sizeof worker);
    for (;;)
        (void)pause();
}

START_TEST(no_worker_outlives_the_process_that_uses_it)
{
    int ends[2];
    int32_t worker = 0;
    pid_t user, zygote;

    ck_assert_int_eq(pipe(ends), 0);
    user = start_and_tell(ends[1]);
    ck_assert_int_eq(read(ends[0], &worker, sizeof worker), sizeof worker);
    zygote = look_at(worker).parent;
    ck_assert_int_gt(zygote, 1);
    ck_assert_int_eq(kill(user, SIGKILL), 0);
    ck_assert_int_eq(waitpid(user, NULL, 0), user);
    ck_assert(goes_away(worker));
    ck_assert(goes_away(zygote));
}
END_TEST

/* ---- walls ---- */

/* What this kernel, and whatever is around us, has to give. */
static unsigned confinement_at_hand(void)
{
    unsigned all = WORKERS_MEMORY_LIMIT;

    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) != 0 &&
        errno == EFAULT)
        all |= WORKERS_NO_SYSCALLS;
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 1)
        all |= WORKERS_NO_FILES;
    return all;
}

START_TEST(a_worker_can_do_nothing_but_decode)
{
    struct workers *w = start(1);
    struct small_frame f = {{0}, {0}};
    unsigned has = workers_confinement(w);

    if (!confine_is_off()) {
        ck_assert_uint_eq(has, confinement_at_hand());
        fault_mark(f.bytes, FAULT_PROBE);
        ck_assert_int_eq(decode_small(w, &f, NULL), ERROR_NONE);
        for (int i = 0; i < PROBES && has & WORKERS_NO_SYSCALLS; i++)
            ck_assert_msg(f.samples[i] == 0, "probe %d got through", i);
    }
    workers_free(w);
}
END_TEST

/* As in a container that has no seccomp and no Landlock to give: asking for
 * them is refused from now on. */
static bool refuse_confinement(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

START_TEST(what_is_refused_to_workers_is_told_and_they_work)
{
    struct workers *w;
    struct error err;

    if (confine_is_off() || !refuse_confinement())
        return;
    w = start_with(1, 1);
    ck_assert_uint_eq(workers_confinement(w), WORKERS_MEMORY_LIMIT);
    check_small(w, 1);
    ck_assert_int_eq(commit(w, FAULT_SEGV, &err), ERROR_CORRUPT);
    check_small(w, 2);
    workers_free(w);
}
END_TEST

static unsigned count_fds(pid_t pid)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    return entries(path);
}

START_TEST(a_worker_has_its_socket_and_no_other_descriptor)
{
    int open_here[8];
    struct workers *w;
    pid_t worker;
    unsigned n;

    for (size_t i = 0; i < 8; i++)
        open_here[i] = open("/dev/null", O_RDONLY); /* inherited on purpose */
    w = start(2);
    worker = worker_pid(w);
    n = count_fds(worker); /* only root may look */
    ck_assert_msg(n == 0 || n == 2 + 3 + 1, "%u entries", n);
    n = count_fds(look_at(worker).parent);
    ck_assert_msg(n == 0 || n == 2 + 3 + 2, "%u entries", n);
    workers_free(w);
    for (size_t i = 0; i < 8; i++)
        (void)close(open_here[i]);
}
END_TEST

START_TEST(signals_for_the_mount_do_not_end_workers)
{
    struct workers *w = start(1);
    pid_t worker = worker_pid(w), zygote = look_at(worker).parent;
    static const int sent[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE};

    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
        ck_assert_int_eq(kill(worker, sent[i]), 0);
        ck_assert_int_eq(kill(zygote, sent[i]), 0);
    }
    ck_assert_int_eq(worker_pid(w), worker);
    workers_free(w);
}
END_TEST

/* ---- many readers ---- */

enum { READERS = 8, ROUNDS = 60 };

struct reader {
    struct workers *w;
    unsigned id;
    unsigned faults;
};

static void *read_and_fail(void *opaque)
{
    struct reader *r = opaque;
    struct error err;

    for (unsigned i = 0; i < ROUNDS; i++) {
        if ((i + r->id) % 10 == 0) {
            ck_assert_int_eq(commit(r->w, FAULT_ABORT, &err), ERROR_CORRUPT);
            r->faults++;
        }
        check_small(r->w, r->id * 1000 + i);
    }
    return NULL;
}

START_TEST(a_crash_under_one_reader_is_not_seen_by_others)
{
    struct workers *w = start(3);
    struct reader readers[READERS];
    pthread_t threads[READERS];
    unsigned faults = 0;

    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct reader){w, i, 0};
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, read_and_fail, &readers[i]), 0);
    }
    for (unsigned i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        faults += readers[i].faults;
    }
    ck_assert_uint_eq(lost(w), faults);
    workers_free(w);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("worker");
    TCase *t = tcase_create("worker");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_codec_gives_what_it_gives_in_process);
    tcase_add_test(t, native_frames_are_unpacked_here);
    tcase_add_test(t, a_frame_larger_than_the_arena_gets_a_larger_one);
    tcase_add_test(t, what_the_decoder_says_is_passed_on_with_the_frame);
    tcase_add_test(t, without_workers_frames_are_decoded_here);
    tcase_add_loop_test(t, a_fault_costs_one_frame_and_says_what_it_was, 0,
                        FAULT_CASES_OF_FRAMES);
    tcase_add_test(t, a_worker_that_died_idle_is_replaced_without_an_error);
    tcase_add_test(t, faults_leave_no_descriptor_and_no_zombie);
    tcase_add_test(t, without_the_zygote_frames_fail_with_the_reason);
    tcase_add_test(t, no_worker_outlives_the_process_that_uses_it);
    tcase_add_test(t, a_worker_can_do_nothing_but_decode);
    tcase_add_test(t, what_is_refused_to_workers_is_told_and_they_work);
    tcase_add_test(t, a_worker_has_its_socket_and_no_other_descriptor);
    tcase_add_test(t, signals_for_the_mount_do_not_end_workers);
    tcase_add_test(t, a_crash_under_one_reader_is_not_seen_by_others);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
