// SPDX-License-Identifier: MIT
/*
 * dicom_source.c: bytes by offset.
 *
 *     0          132            data_start                      size
 *     | preamble | meta group   | data set                      |
 *                               ^ inflated copy starts here, if there is one
 *
 * A deflated data set (PS3.5 A.5) cannot be read at random, so it is inflated
 * once, here; all offsets then count inflated bytes.
 */
#include "dicom/dicom_impl.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    PREAMBLE_BYTES = 128,
    META_VALUE_MAX = 1024, /* longest meta value that is looked at */
    META_ELEMENTS_MAX = 256
};

static uint64_t limit_or(uint64_t given, uint64_t otherwise)
{
    return given ? given : otherwise;
}

struct dicom_limits dicom_limits_full(const struct dicom_limits *given)
{
    struct dicom_limits l = {0};

    if (given)
        l = *given;
    l.header_bytes = limit_or(l.header_bytes, (uint64_t)64 << 20);
    l.inflated_bytes = limit_or(l.inflated_bytes, (uint64_t)1 << 30);
    l.lut_bytes = limit_or(l.lut_bytes, (uint64_t)64 << 20);
    l.frames = (uint32_t)limit_or(l.frames, (uint32_t)4 << 20);
    l.cpu_seconds = (uint32_t)limit_or(l.cpu_seconds, 30);
    return l;
}

uint64_t dicom_source_size(const struct dicom_source *source)
{
    return source->size;
}

bool dicom_source_is_inflated(const struct dicom_source *source)
{
    return source->inflated != NULL;
}

static int read_file(int fd, uint64_t offset, uint8_t *data, size_t length,
                     struct error *err)
{
    size_t done = 0;

    while (done < length) {
        ssize_t n =
            pread(fd, data + done, length - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_sys(err, errno, "read: %s",
                                 strerrordesc_np(errno));
        if (n == 0)
            return error_set(err, ERROR_CORRUPT,
                             "source shrank: %zu of %zu bytes at %llu", done,
                             length, (unsigned long long)offset);
        done += (size_t)n;
    }
    return 0;
}

int dicom_source_read(const struct dicom_source *source, uint64_t offset,
                      void *data, size_t length, struct error *err)
{
    uint8_t *to = data;
    size_t head = length;

    if (offset > source->size || length > source->size - offset)
        return error_set(err, ERROR_CORRUPT,
                         "source ends at %llu: no %zu bytes at %llu",
                         (unsigned long long)source->size, length,
                         (unsigned long long)offset);
    if (length <= source->head_length &&
        offset <= source->head_length - length) {
        memcpy(to, source->head + offset, length);
        return 0;
    }
    if (!source->inflated)
        return read_file(source->fd, offset, to, length, err);
    if (offset >= source->data_start)
        head = 0;
    else if (head > source->data_start - offset)
        head = (size_t)(source->data_start - offset);
    if (head && read_file(source->fd, offset, to, head, err) != 0)
        return -1;
    if (length > head)
        memcpy(to + head,
               source->inflated + (offset + head - source->data_start),
               length - head);
    return 0;
}

/* ---- file meta group, PS3.10 7.1 ---------------------------------------- */

static int keep_meta_text(char **to, const uint8_t *bytes, size_t length,
                          struct error *err)
{
    const char *text = (const char *)bytes;

    dicom_text_trim(&text, &length);
    if (!length || *to)
        return 0;
    *to = strndup(text, length);
    return *to ? 0 : error_no_memory(err);
}

static int keep_meta(struct dicom_source *s, struct dicom_cursor *c,
                     const struct dicom_element *e, struct error *err)
{
    uint8_t bytes[META_VALUE_MAX];
    char **to;
    int n;

    switch (e->tag) {
    case TAG_TRANSFER_SYNTAX:
        to = &s->transfer_syntax;
        break;
    case TAG_META_SOP_CLASS:
        to = &s->meta_sop_class;
        break;
    case TAG_META_SOP_INSTANCE:
        to = &s->meta_sop_instance;
        break;
    default:
        return 0;
    }
    n = dicom_cursor_value(c, e, bytes, sizeof bytes, err);
    if (n < 0)
        return -1;
    return keep_meta_text(to, bytes, (size_t)n, err);
}

/*
 * The group ends where another group begins. Its stated length is not
 * believed: it is absent or wrong often enough. Explicit VR is law here, but
 * implicit VR occurs.
 */
static int read_meta(struct dicom_source *s, uint64_t at, struct error *err)
{
    struct dicom_cursor c;
    struct dicom_element e;
    bool truncated = false;

    for (unsigned i = 0; i < META_ELEMENTS_MAX; i++) {
        uint8_t head[8];
        enum dcmtk_encoding encoding;
        int rc;

        s->data_start = at;
        if (s->size - at < sizeof head)
            return 0;
        if (dicom_source_read(s, at, head, sizeof head, err) != 0)
            return -1;
        if (head[0] != 0x02 || head[1] != 0x00)
            return 0;
        encoding =
            dicom_vr_is_known(head + 4) ? DCMTK_EXPLICIT_LE : DCMTK_IMPLICIT_LE;
        dicom_cursor_init(&c, s, encoding, at);
        rc = dicom_cursor_next(&c, s->size, &e, &truncated, err);
        if (rc < 0 || keep_meta(s, &c, &e, err) != 0)
            return -1;
        if (rc == 0 || dicom_cursor_skip(&c, &e, err) != 1)
            return error_set(err, ERROR_CORRUPT,
                             "file meta group ends inside an element");
        at = c.at;
    }
    return error_set(err, ERROR_CORRUPT, "file meta group does not end");
}

/* Where the meta group, or else the data set, begins. */
static int find_start(struct dicom_source *s, uint64_t *ret, struct error *err)
{
    uint8_t b[PREAMBLE_BYTES + 12] = {0};
    size_t n = s->size < sizeof b ? (size_t)s->size : sizeof b;
    enum dcmtk_encoding encoding;

    if (dicom_source_read(s, 0, b, n, err) != 0)
        return -1;
    if (n >= PREAMBLE_BYTES + 4 && memcmp(b + PREAMBLE_BYTES, "DICM", 4) == 0) {
        *ret = PREAMBLE_BYTES + 4;
        return 0;
    }
    s->warnings |= DICOM_WARN_NO_PREAMBLE;
    if (n >= 4 && memcmp(b, "DICM", 4) == 0) {
        *ret = 4;
        return 0;
    }
    *ret = 0;
    if (dicom_encoding_guess(b, n, 0x0002, 0x0008, &encoding))
        return 0;
    *ret = PREAMBLE_BYTES;
    if (n > PREAMBLE_BYTES &&
        dicom_encoding_guess(b + PREAMBLE_BYTES, n - PREAMBLE_BYTES, 0x0002,
                             0x0008, &encoding))
        return 0;
    return error_set(err, ERROR_UNSUPPORTED, "not a DICOM file");
}

/* ---- deflated data sets -------------------------------------------------- */

static int grow(uint8_t **data, size_t *size, size_t wanted, struct error *err)
{
    uint8_t *p = realloc(*data, wanted);

    if (!p)
        return error_no_memory(err);
    *data = p;
    *size = wanted;
    return 0;
}

/* One pass; 1: the stream has this wrapping, 0: it has not, -1: error. */
static int inflate_as(struct dicom_source *s, int window_bits, uint64_t end,
                      struct error *err)
{
    enum { STEP = 64 * 1024 };
    CLEANUP_FREE uint8_t *in = malloc(STEP);
    uint8_t *out = NULL;
    size_t size = 0;
    uint64_t at = s->data_start;
    z_stream z = {0};
    int rc = Z_OK, result = -1;

    if (!in)
        return error_no_memory(err);
    if (inflateInit2(&z, window_bits) != Z_OK)
        return error_no_memory(err);
    while (rc == Z_OK || rc == Z_BUF_ERROR) {
        if (z.avail_in == 0) {
            size_t n = end - at < STEP ? (size_t)(end - at) : STEP;

            if (n == 0)
                break;
            if (dicom_source_read(s, at, in, n, err) != 0)
                goto out;
            at += n;
            z.next_in = in;
            z.avail_in = (uInt)n;
        }
        if (z.total_out >= s->limits.inflated_bytes) {
            (void)error_set(err, ERROR_TOO_BIG,
                            "deflated data set is over %llu bytes inflated",
                            (unsigned long long)s->limits.inflated_bytes);
            goto out;
        }
        if (z.total_out == size &&
            grow(&out, &size, size ? size * 2 : 4 * STEP, err) != 0)
            goto out;
        z.next_out = out + z.total_out;
        z.avail_out =
            (uInt)(size - z.total_out < (1u << 30) ? size - z.total_out
                                                   : (1u << 30));
        rc = inflate(&z, Z_NO_FLUSH);
    }
    result = 0;
    if (z.total_out == 0)
        goto out;
    if (rc != Z_STREAM_END)
        s->warnings |= DICOM_WARN_TRUNCATED;
    s->inflated = out;
    s->head_length = 0;
    out = NULL;
    s->size = s->data_start + z.total_out;
    result = 1;
out:
    (void)inflateEnd(&z);
    free(out);
    return result;
}

/* Raw deflate is the law; zlib's wrapping has been seen. A data set that was
 * not deflated at all is left alone. */
static int inflate_data(struct dicom_source *s, struct error *err)
{
    uint8_t head[8] = {0};
    uint64_t end = s->size;
    enum dcmtk_encoding encoding;
    int rc;

    if (end - s->data_start < sizeof head)
        return 0;
    if (dicom_source_read(s, s->data_start, head, sizeof head, err) != 0)
        return -1;
    if (dicom_encoding_guess(head, sizeof head, 0x0008, 0x0008, &encoding)) {
        s->warnings |= DICOM_WARN_SYNTAX_WRONG;
        return 0;
    }
    rc = inflate_as(s, -MAX_WBITS, end, err);
    if (rc == 0)
        rc = inflate_as(s, MAX_WBITS, end, err);
    if (rc == 0)
        return error_set(err, ERROR_CORRUPT, "deflated data is malformed");
    return rc < 0 ? -1 : 0;
}

/* ---- encoding of the data set -------------------------------------------- */

/* The first element shows how the data set is encoded, whatever is stated. */
static int find_encoding(struct dicom_source *s,
                         const struct dicom_syntax *syntax, struct error *err)
{
    uint8_t head[8] = {0};
    uint64_t rest = s->size - s->data_start;
    size_t n = rest < sizeof head ? (size_t)rest : sizeof head;
    enum dcmtk_encoding seen;

    s->encoding = syntax->encoding;
    if (dicom_source_read(s, s->data_start, head, n, err) != 0)
        return -1;
    if (!dicom_encoding_guess(head, n, 0x0002, 0x0080, &seen))
        return 0;
    if (!s->transfer_syntax || !syntax->known)
        s->warnings |= DICOM_WARN_SYNTAX_GUESSED;
    else if (seen != syntax->encoding)
        s->warnings |= DICOM_WARN_SYNTAX_WRONG;
    s->encoding = seen;
    return 0;
}

static int open_source(struct dicom_source *s, struct error *err)
{
    struct dicom_syntax syntax;
    uint64_t at;
    size_t n;

    if (s->size < 8)
        return error_set(err, ERROR_UNSUPPORTED, "not a DICOM file");
    n = s->size < sizeof s->head ? (size_t)s->size : sizeof s->head;
    if (dicom_source_read(s, 0, s->head, n, err) != 0)
        return -1;
    s->head_length = n;
    if (find_start(s, &at, err) != 0 || read_meta(s, at, err) != 0)
        return -1;
    if (s->data_start == at)
        s->warnings |= DICOM_WARN_NO_META;
    if (!s->transfer_syntax)
        s->warnings |= DICOM_WARN_SYNTAX_GUESSED;
    syntax = dicom_syntax_of(s->transfer_syntax);
    if (syntax.deflated && inflate_data(s, err) != 0)
        return -1;
    return find_encoding(s, &syntax, err);
}

struct dicom_source *dicom_source_open_sized(int fd, uint64_t size,
                                             const struct dicom_limits *limits,
                                             struct error *err)
{
    struct dicom_source *s = calloc(1, sizeof *s);

    if (!s) {
        (void)error_no_memory(err);
        return NULL;
    }
    s->fd = fd;
    s->size = size;
    s->limits = dicom_limits_full(limits);
    if (open_source(s, err) != 0) {
        dicom_source_close(s);
        return NULL;
    }
    return s;
}

struct dicom_source *
dicom_source_open(int fd, const struct dicom_limits *limits, struct error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        (void)error_set_sys(err, errno, "stat: %s", strerrordesc_np(errno));
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        (void)error_set(err, ERROR_UNSUPPORTED, "not a DICOM file");
        return NULL;
    }
    return dicom_source_open_sized(fd, (uint64_t)st.st_size, limits, err);
}

void dicom_source_close(struct dicom_source *source)
{
    if (!source)
        return;
    free(source->inflated);
    free(source->transfer_syntax);
    free(source->meta_sop_class);
    free(source->meta_sop_instance);
    free(source);
}
