// SPDX-License-Identifier: MIT
/*
 * scale_fill.c: what tests/bench/scale measures on.
 *
 *     scale_fill manifest STATE TOTAL LARGE FROM TO
 *         writes images [FROM, TO) of an archive of TOTAL, LARGE of which are
 *         one study (support/many.h), as the indexer writes them
 *     scale_fill end STATE
 *         ends that run: names, slice order, statistics
 *     scale_fill names TOTAL LARGE N
 *         N leaves, spread at random over all but the large study
 *     scale_fill study TOTAL LARGE ct|large
 *         the folder of a normal or of the large study
 *     scale_fill files STATE ARCHIVE TOTAL
 *         the files themselves, without content, and a manifest that knows
 *         them in this version: nothing is left to be parsed
 *     scale_fill dicom ARCHIVE TOTAL
 *         real files: headers of some 80 elements, images of 64 by 64
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "prepfs/cleanup.h"
#include "support/dicom_build.h"
#include "support/many.h"

static double now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "scale_fill: %s\n", what);
    exit(1);
}

static void check_rc(int rc, const struct error *err)
{
    check(rc == 0, err->msg);
}

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

static struct manifest *open_state(const char *state)
{
    struct error err = ERROR_INIT;
    struct manifest *m = manifest_open(state, MANIFEST_READ_WRITE, &err);

    check(m != NULL, err.msg);
    return m;
}

static void report(const char *what, uint64_t n, double started)
{
    struct rusage usage;
    double seconds = now_s() - started;

    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("%s %" PRIu64 " %.2f s %.0f /s rss %ld kB\n", what, n, seconds,
                 (double)n / seconds, usage.ru_maxrss);
}

/* ---- manifests ---- */

static int fill_manifest(char **args)
{
    struct many a = {number(args[1]), number(args[2])};
    uint64_t from = number(args[3]);
    uint64_t to = number(args[4]);
    struct manifest *m = open_state(args[0]);
    struct error err = ERROR_INIT;
    double started = now_s();

    check_rc(many_write(m, &a, from, to, &err), &err);
    report("written", to - from, started);
    manifest_close(m);
    return 0;
}

static int end_manifest(char **args)
{
    struct manifest *m = open_state(args[0]);
    struct manifest_totals totals;
    struct error err = ERROR_INIT;
    double started = now_s();

    check_rc(many_end(m, &err), &err);
    check_rc(manifest_totals(m, &totals, &err), &err);
    report("ended", totals.images, started);
    manifest_close(m);
    return 0;
}

/* ---- names ---- */

static int print_names(char **args)
{
    struct many a = {number(args[0]), number(args[1])};
    uint64_t n = number(args[2]);
    uint64_t state = 1;

    check(a.total > a.large, "no study but the large one");
    for (uint64_t k = 0; k < n; k++) {
        struct many_texts t;
        struct manifest_header h;
        struct manifest_entry e;

        /* PCG's generator; its upper bits are good. */
        state = state * UINT64_C(6364136223846793005) + 1;
        many_entry(&a, (state >> 20) % (a.total - a.large), &t, &h, &e);
        (void)printf("%s/%s.tiff\n", t.study, t.sop);
    }
    return 0;
}

static int print_study(char **args)
{
    struct many a = {number(args[0]), number(args[1])};
    bool large = strcmp(args[2], "large") == 0;
    struct many_texts t;
    struct manifest_header h;
    struct manifest_entry e;

    many_entry(&a,
               large ? a.total - 1
                     : (a.total - a.large) / 2 / MANY_BLOCK * MANY_BLOCK,
               &t, &h, &e);
    (void)printf("%s\n", t.study);
    return 0;
}

/* ---- files ---- */

/* The folders of a path that are missing. */
static void make_folders(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        check(mkdir(path, 0700) == 0 || errno == EEXIST, path);
        *p = '/';
    }
}

static int create(const char *archive, const char *relpath, bool first)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s", archive, relpath);
    if (first)
        make_folders(path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    check(fd >= 0, path);
    return fd;
}

struct batch {
    struct many_texts texts[256];
    struct manifest_header headers[256];
    struct manifest_entry entries[256];
};

static void make_file(const char *archive, const struct many *a, uint64_t i,
                      struct batch *b, size_t k)
{
    struct manifest_entry *e = &b->entries[k];
    struct many_place at;
    struct stat st;

    many_place(a, i, &at);
    many_entry(a, i, &b->texts[k], &b->headers[k], e);
    CLEANUP_FD int fd = create(archive, b->texts[k].path, at.number == 0);

    check(ftruncate(fd, (off_t)e->source.size) == 0 && fstat(fd, &st) == 0,
          b->texts[k].path);
    e->source.dev = (uint64_t)st.st_dev;
    e->source.ino = (uint64_t)st.st_ino;
    e->source.mtime_ns =
        (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static int make_files(char **args)
{
    static struct batch b;
    struct many a = {number(args[2]), 0};
    struct manifest *m = open_state(args[0]);
    struct manifest_written written = {0};
    struct error err = ERROR_INIT;
    double started = now_s();

    for (uint64_t i = 0; i < a.total; i += 256) {
        size_t n = a.total - i < 256 ? (size_t)(a.total - i) : 256;

        for (size_t k = 0; k < n; k++)
            make_file(args[1], &a, i + k, &b, k);
        check_rc(manifest_write_batch(m, b.entries, n, &written, &err), &err);
    }
    check_rc(many_end(m, &err), &err);
    report("files", a.total, started);
    manifest_close(m);
    return 0;
}

/* ---- real files ---- */

static void add_number(struct build *b, uint32_t tag, double value)
{
    char text[17];

    (void)snprintf(text, sizeof text, "%.10g", value);
    build_text(b, tag, "DS", text);
}

static void add_fillers(struct build *b, uint32_t first, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        build_text(b, first + i, "LO", "AS SCANNERS WRITE THEM");
}

static void add_patient(struct build *b, const struct manifest_header *h)
{
    build_text(b, 0x00080005, "CS", "ISO_IR 100");
    build_text(b, 0x00080008, "CS", h->image_type);
    build_text(b, 0x00080016, "UI", h->sop_class);
    build_text(b, 0x00080018, "UI", h->sop_uid);
    build_text(b, 0x00080020, "DA", h->study_date);
    build_text(b, 0x00080021, "DA", h->study_date);
    build_text(b, 0x00080022, "DA", h->study_date);
    build_text(b, 0x00080030, "TM", "120000");
    build_text(b, 0x00080050, "SH", "A1");
    build_text(b, 0x00080060, "CS", h->modality);
    build_text(b, 0x00080070, "LO", h->manufacturer);
    build_text(b, 0x00081030, "LO", h->study_description);
    build_text(b, 0x0008103E, "LO", h->series_description);
    build_text(b, 0x00081090, "LO", h->model);
    build_sequence(b, 0x00081140, false);
    for (int i = 0; i < 2; i++) {
        build_item(b, false);
        build_text(b, 0x00081150, "UI", h->sop_class);
        build_text(b, 0x00081155, "UI", h->sop_uid);
        build_item_end(b);
    }
    build_sequence_end(b);
    build_text(b, 0x00100010, "PN", "MADE^UP");
    build_text(b, 0x00100020, "LO", h->patient_id);
    build_text(b, 0x00100030, "DA", "19500101");
    build_text(b, 0x00100040, "CS", "F");
}

static void add_geometry(struct build *b, const struct manifest_header *h)
{
    char position[64];
    char text[16];

    build_text(b, 0x00180015, "CS", h->body_part);
    add_number(b, 0x00180050, h->slice_thickness);
    add_number(b, 0x00180060, h->kvp);
    add_fillers(b, 0x00181000, 20);
    build_text(b, 0x00181210, "SH", h->kernel);
    build_text(b, 0x0020000D, "UI", h->study_uid);
    build_text(b, 0x0020000E, "UI", h->series_uid);
    (void)snprintf(text, sizeof text, "%d", (int)h->series_number);
    build_text(b, 0x00200011, "IS", text);
    (void)snprintf(text, sizeof text, "%d", (int)h->instance_number);
    build_text(b, 0x00200013, "IS", text);
    (void)snprintf(position, sizeof position, "%g\\%g\\%g", h->ipp[0],
                   h->ipp[1], h->ipp[2]);
    build_text(b, 0x00200032, "DS", position);
    build_text(b, 0x00200037, "DS", "1\\0\\0\\0\\1\\0");
    build_text(b, 0x00200052, "UI", h->frame_of_ref);
}

static void add_image(struct build *b, const struct manifest_header *h,
                      uint64_t i)
{
    enum { SIDE = 64 };
    static uint16_t pixels[SIDE * SIDE];

    build_u16(b, 0x00280002, 1);
    build_text(b, 0x00280004, "CS", "MONOCHROME2");
    build_u16(b, 0x00280010, SIDE);
    build_u16(b, 0x00280011, SIDE);
    build_text(b, 0x00280030, "DS", "0.703125\\0.703125");
    build_u16(b, 0x00280100, 16);
    build_u16(b, 0x00280101, 12);
    build_u16(b, 0x00280102, 11);
    build_u16(b, 0x00280103, 0);
    add_number(b, 0x00281050, h->wc);
    add_number(b, 0x00281051, h->ww);
    add_number(b, 0x00281052, h->intercept);
    add_number(b, 0x00281053, h->slope);
    build_text(b, 0x00281054, "LO", h->rescale_type);
    add_fillers(b, 0x00290010, 1);
    add_fillers(b, 0x00291010, 15);
    for (size_t k = 0; k < SIDE * SIDE; k++)
        pixels[k] = (uint16_t)((k * 31 + i) & 0xfff);
    build_words(b, 0x7FE00010, "OW", pixels, SIDE * SIDE);
}

static void write_dicom(const char *archive, const struct many *a, uint64_t i)
{
    struct manifest_header h;
    struct manifest_entry e;
    struct many_place at;
    struct many_texts t;
    struct build b;

    many_place(a, i, &at);
    many_entry(a, i, &t, &h, &e);
    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, h.transfer_syntax);
    add_patient(&b, &h);
    add_geometry(&b, &h);
    add_image(&b, &h, i);
    CLEANUP_FD int fd = create(archive, t.path, at.number == 0);

    check(write(fd, b.bytes, b.length) == (ssize_t)b.length, t.path);
    build_deinit(&b);
}

static int make_dicom(char **args)
{
    struct many a = {number(args[1]), 0};
    double started = now_s();

    for (uint64_t i = 0; i < a.total; i++)
        write_dicom(args[0], &a, i);
    report("dicom", a.total, started);
    return 0;
}

static const struct {
    const char *name;
    int n_args;
    int (*run)(char **args);
} commands[] = {
    {"manifest", 5, fill_manifest}, {"end", 1, end_manifest},
    {"names", 3, print_names},      {"study", 3, print_study},
    {"files", 3, make_files},       {"dicom", 2, make_dicom},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (argc > 1 && strcmp(argv[1], commands[i].name) == 0 &&
            argc == 2 + commands[i].n_args)
            return commands[i].run(argv + 2);
    (void)fprintf(stderr, "usage: see the head of scale_fill.c\n");
    return 2;
}
