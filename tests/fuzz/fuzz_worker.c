// SPDX-License-Identifier: MIT
/*
 * fuzz_worker.c: a worker that was taken over does anything (support/
 * hostile_worker.h): every frame and every header has a result or an error in
 * words, nothing is written beside where it belongs, a header keeps what
 * dicom.h promises, no descriptor stays open, and the next worker works.
 *
 * The first byte says what the workers are asked to do; the rest is what they
 * do about it.
 */
#undef NDEBUG
#include <assert.h>
#include <ctype.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/dicom_build.h"
#include "support/dicom_promises.h"
#include "support/hostile_worker.h"
#include "worker/worker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIDE = 16, GUARD = 64, FILES_MAX = 3 };

/* ---- files, and what an honest worker finds in them ---- */

struct sample {
    int fd;
    uint64_t size;
    unsigned want;
    uint8_t *flat;
    size_t flat_length;
};

static struct sample samples[4];

#define SAMPLES (sizeof samples / sizeof samples[0])

static const struct dicom_limits limits = {.header_bytes = 1 << 20,
                                           .inflated_bytes = 1 << 20,
                                           .frames = 1000,
                                           .cpu_seconds = 5};

static void put_pixels(struct build *b, bool encapsulated)
{
    static const uint32_t offsets[] = {0, 12, 24};

    if (!encapsulated) {
        build_bytes(b, 0x7FE00010, "OW", "abcdefghijkl", 12);
        return;
    }
    build_encapsulated(b, offsets, 3);
    for (int i = 0; i < 3; i++)
        build_fragment(b, "\xff\xd8\xff\xd9", 4);
    build_encapsulated_end(b);
}

static void put_lut(struct build *b)
{
    build_sequence(b, 0x00283010, false);
    build_item(b, true);
    build_words(b, 0x00283002, "US", (const uint16_t[]){3, 0, 16}, 3);
    build_words(b, 0x00283006, "OW", (const uint16_t[]){1, 2, 3}, 3);
    build_item_end(b);
    build_sequence_end(b);
}

/* Positions of frames, so that there are records and an order. */
static void put_groups(struct build *b)
{
    build_sequence(b, 0x52009230, false);
    for (unsigned i = 0; i < 3; i++) {
        build_item(b, false);
        build_sequence(b, 0x00209113, false);
        build_item(b, false);
        build_text(b, 0x00200032, "DS", i ? "0\\0\\4" : "0\\0\\2");
        build_item_end(b);
        build_sequence_end(b);
        build_item_end(b);
    }
    build_sequence_end(b);
}

static void build_file(struct build *b, const char *syntax, bool encapsulated)
{
    build_init(b, BUILD_EXPLICIT_LE);
    build_meta(b, syntax);
    build_common(b, "1.2.840.10008.5.1.4.1.1.13.1.3");
    build_text(b, 0x00081030, "LO", "a study");
    build_text(b, 0x00280008, "IS", "3");
    build_grey(b, 2, 2, 8, 8, 0);
    build_text(b, 0x00281050, "DS", "40\\1");
    build_text(b, 0x00281051, "DS", "400\\2");
    put_lut(b);
    put_groups(b);
    put_pixels(b, encapsulated);
}

static void make_sample(struct sample *s, const char *syntax, bool encapsulated,
                        unsigned want)
{
    struct dicom_parsed p;
    struct error err = ERROR_INIT;
    struct build b;

    build_file(&b, syntax, encapsulated);
    if (strstr(syntax, ".99"))
        build_deflate(&b, false);
    s->fd = build_fd(&b);
    s->size = b.length;
    s->want = want;
    build_deinit(&b);
    if (dicom_parse(s->fd, s->size, &limits, want, &p, &err) != 0) {
        (void)fprintf(stderr, "%s: %s\n", syntax, err.msg);
        abort();
    }
    s->flat_length = dicom_flatten(&p, NULL, 0);
    s->flat = malloc(s->flat_length);
    assert(s->flat);
    assert(dicom_flatten(&p, s->flat, s->flat_length) == s->flat_length);
    dicom_parsed_deinit(&p);
}

static void init(void)
{
    dicom_global_init();
    make_sample(&samples[0], "1.2.840.10008.1.2.1", false, DICOM_WANT_SOURCE);
    make_sample(&samples[1], "1.2.840.10008.1.2.4.50", true,
                DICOM_WANT_SOURCE | DICOM_WANT_EXTENTS);
    make_sample(&samples[2], "1.2.840.10008.1.2.1.99", false,
                DICOM_WANT_SOURCE);
    make_sample(&samples[3], "1.2.840.10008.1.2.1", false, 0);
}

/* ---- what may come back ---- */

static void check_error(const struct error *err)
{
    size_t length = strnlen(err->msg, ERROR_MSG_MAX);

    assert(length > 0 && length < ERROR_MSG_MAX);
    for (size_t i = 0; i < length; i++)
        assert(isascii((unsigned char)err->msg[i]) &&
               isprint((unsigned char)err->msg[i]));
    if (err->kind == ERROR_IO) { /* of reading a file, nothing else */
        assert(err->sys_errno > 0 && err->sys_errno < 134);
        assert(err->sys_errno != ENOSPC && err->sys_errno != EAGAIN &&
               err->sys_errno != EINTR && err->sys_errno != ENOMEM);
        return;
    }
    assert(err->sys_errno == 0);
    assert(err->kind == ERROR_CORRUPT || err->kind == ERROR_UNSUPPORTED ||
           err->kind == ERROR_TOO_BIG || err->kind == ERROR_INTERNAL);
}

/* ---- frames ---- */

static const struct decode_desc desc = {
    .codec = DECODE_RLE,
    .photometric = DECODE_MONOCHROME2,
    .rows = SIDE,
    .cols = SIDE,
    .samples = 1,
    .bits_alloc = 8,
    .bits_stored = 8,
    .high_bit = 7,
};

/* Rows with a gap between them, and all around what nobody may write to. */
static int decode(struct workers *w, size_t gap, bool is_honest)
{
    static uint8_t room[GUARD + SIDE * (SIDE + GUARD) + GUARD];
    static const uint8_t bytes[SIDE] = {1};
    struct image image = {SIDE, SIDE, 1, SAMPLE_U8, SIDE + gap, room + GUARD};
    struct error err = ERROR_INIT;
    int rc;

    memset(room, 0xA5, sizeof room);
    rc = workers_decode(w, &desc, bytes, sizeof bytes, 0, 1, &image, &err);
    assert(rc == 0 || rc == -1);
    if (rc != 0)
        check_error(&err);
    for (size_t i = 0; i < sizeof room; i++) {
        size_t at = i - GUARD; /* wraps around before the image */
        bool inside =
            i >= GUARD && at / (SIDE + gap) < SIDE && at % (SIDE + gap) < SIDE;

        assert(inside || room[i] == 0xA5);
        assert(!inside || !is_honest || room[i] == hostile_worker_sample());
    }
    return rc;
}

/* ---- headers ---- */

static void use_header(const struct workers_file *f)
{
    const struct dicom_parsed *p = &f->parsed;
    const struct dicom_header *h = &p->header;

    promises_of_values(h);
    promises_of_order(h);
    assert(dicom_flatten(p, NULL, 0) > 0);
    if (!p->source || !h->has_pixels)
        return;
    if (h->pixels != DICOM_PIXELS_ENCAPSULATED || p->extents)
        promises_of_frames(p->source, h, p->extents);
    if (h->pixels == DICOM_PIXELS_ENCAPSULATED) {
        struct dicom_extent *extents;
        uint64_t n;

        if (dicom_frames_index(p->source, h, &extents, &n, NULL) == 0) {
            assert(n == h->frames);
            promises_of_frames(p->source, h, extents);
            free(extents);
        }
    }
}

static void parse(struct workers *w, const struct sample *s, size_t n)
{
    struct workers_file files[FILES_MAX] = {0};

    hostile_worker_header(s->flat, s->flat_length);
    for (size_t i = 0; i < n; i++) {
        files[i].fd = s->fd;
        files[i].size = s->size;
    }
    workers_parse_all(w, &limits, s->want, files, n);
    for (size_t i = 0; i < n; i++) {
        assert(files[i].rc == 0 || files[i].rc == -1);
        if (files[i].rc != 0) {
            check_error(&files[i].err);
            continue;
        }
        use_header(&files[i]);
        dicom_parsed_deinit(&files[i].parsed);
    }
}

/* ---- the input ---- */

static void ask(struct workers *w, uint8_t what)
{
    const struct sample *s = &samples[what / 4 % SAMPLES];
    size_t n = 1 + what / 16 % FILES_MAX;

    if (what % 4 != 1)
        parse(w, s, n);
    if (what % 4 != 0)
        for (size_t i = 0; i < n; i++)
            (void)decode(w, what / 4 % GUARD, false);
}

/* Whatever it was left to, the next worker is a sound one. */
static void check_recovery(struct workers *w)
{
    const struct sample *s = &samples[0];
    struct workers_file f = {.fd = s->fd, .size = s->size};

    hostile_worker_play(NULL, 0);
    assert(decode(w, 0, true) == 0);
    hostile_worker_header(s->flat, s->flat_length);
    workers_parse_all(w, &limits, s->want, &f, 1);
    assert(f.rc == 0 && f.parsed.header.frames == 3);
    dicom_parsed_deinit(&f.parsed);
}

/* Those that are open, as bits. */
static uint64_t descriptors(void)
{
    struct pollfd fds[64];
    uint64_t open = 0;

    for (int i = 0; i < 64; i++)
        fds[i] = (struct pollfd){.fd = i};
    assert(poll(fds, 64, 0) >= 0);
    for (int i = 0; i < 64; i++)
        open |= (uint64_t) !(fds[i].revents & POLLNVAL) << i;
    return open;
}

static void check_stats(struct workers *w)
{
    struct workers_stats stats;

    workers_stats_get(w, &stats);
    assert(stats.count == 1 && stats.started >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct workers_config config = {
        .count = 1, .memory_bytes = 16 << 20, .seconds = 1};
    struct error err = ERROR_INIT;
    struct workers *w;
    uint64_t before;

    if (!samples[0].flat)
        init();
    if (size == 0)
        return 0;
    before = descriptors();
    hostile_worker_play(data + 1, size - 1);
    w = workers_start(&config, &err);
    if (w) {
        ask(w, data[0]);
        check_recovery(w);
        check_stats(w);
    } else {
        check_error(&err);
    }
    workers_free(w);
    assert(descriptors() == before);
    return 0;
}
