// SPDX-License-Identifier: MIT
/* dicom_build.c: see dicom_build.h. */
#include "support/dicom_build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

static void must(bool good)
{
    if (!good)
        abort();
}

void build_init(struct build *b, enum build_encoding encoding)
{
    *b = (struct build){.encoding = encoding};
}

void build_deinit(struct build *b)
{
    free(b->bytes);
    *b = (struct build){.encoding = b->encoding};
}

void build_raw(struct build *b, const void *data, size_t length)
{
    if (b->length + length > b->size) {
        b->size = 2 * (b->length + length) + 256;
        b->bytes = realloc(b->bytes, b->size);
        must(b->bytes != NULL);
    }
    if (length)
        memcpy(b->bytes + b->length, data, length);
    b->length += length;
}

static void put_number(struct build *b, uint64_t value, unsigned bytes)
{
    uint8_t out[8];

    for (unsigned i = 0; i < bytes; i++) {
        unsigned at = b->encoding == BUILD_EXPLICIT_BE ? bytes - 1 - i : i;

        out[at] = (uint8_t)(value >> (8 * i));
    }
    build_raw(b, out, bytes);
}

void build_raw16(struct build *b, unsigned value)
{
    put_number(b, value, 2);
}

void build_raw32(struct build *b, uint32_t value)
{
    put_number(b, value, 4);
}

static bool is_long_vr(const char *vr)
{
    return strstr("OB OD OF OL OV OW SQ SV UC UN UR UT UV", vr) != NULL;
}

void build_header(struct build *b, uint32_t tag, const char *vr,
                  uint32_t length)
{
    build_raw16(b, tag >> 16);
    build_raw16(b, tag & 0xffff);
    if (b->encoding == BUILD_IMPLICIT_LE || tag >> 16 == 0xFFFE) {
        build_raw32(b, length);
        return;
    }
    build_raw(b, vr, 2);
    if (is_long_vr(vr)) {
        build_raw16(b, 0);
        build_raw32(b, length);
    } else {
        build_raw16(b, length);
    }
}

void build_bytes(struct build *b, uint32_t tag, const char *vr,
                 const void *data, size_t length)
{
    build_header(b, tag, vr, (uint32_t)(length + length % 2));
    build_raw(b, data, length);
    if (length % 2)
        build_raw(b, "", 1);
}

void build_text(struct build *b, uint32_t tag, const char *vr, const char *text)
{
    size_t length = strlen(text);

    build_header(b, tag, vr, (uint32_t)(length + length % 2));
    build_raw(b, text, length);
    if (length % 2)
        build_raw(b, strcmp(vr, "UI") == 0 ? "" : " ", 1);
}

static void put_element(struct build *b, uint32_t tag, const char *vr,
                        uint64_t value, unsigned bytes)
{
    build_header(b, tag, vr, bytes);
    put_number(b, value, bytes);
}

void build_u16(struct build *b, uint32_t tag, unsigned value)
{
    put_element(b, tag, "US", value, 2);
}

void build_s16(struct build *b, uint32_t tag, int value)
{
    put_element(b, tag, "SS", (uint16_t)value, 2);
}

void build_u32(struct build *b, uint32_t tag, uint32_t value)
{
    put_element(b, tag, "UL", value, 4);
}

void build_f32(struct build *b, uint32_t tag, float value)
{
    uint32_t raw;

    memcpy(&raw, &value, sizeof raw);
    put_element(b, tag, "FL", raw, 4);
}

void build_f64(struct build *b, uint32_t tag, double value)
{
    uint64_t raw;

    memcpy(&raw, &value, sizeof raw);
    put_element(b, tag, "FD", raw, 8);
}

void build_tag(struct build *b, uint32_t tag, uint32_t value)
{
    build_header(b, tag, "AT", 4);
    build_raw16(b, value >> 16);
    build_raw16(b, value & 0xffff);
}

void build_words(struct build *b, uint32_t tag, const char *vr,
                 const uint16_t *words, size_t n)
{
    build_header(b, tag, vr, (uint32_t)(2 * n));
    for (size_t i = 0; i < n; i++)
        build_raw16(b, words[i]);
}

/* ---- sequences ------------------------------------------------------------
 */

static void open_value(struct build *b, uint32_t tag, const char *vr,
                       bool defined)
{
    must(b->depth < BUILD_DEPTH_MAX);
    build_header(b, tag, vr, defined ? 0 : BUILD_UNDEFINED);
    b->open[b->depth++] = defined ? b->length : 0;
}

static void close_value(struct build *b, uint32_t delimiter)
{
    size_t at, end = b->length;

    must(b->depth > 0);
    at = b->open[--b->depth];
    if (at == 0) {
        build_header(b, delimiter, "", 0);
        return;
    }
    /* The length lies in the four bytes before the content. */
    b->length = at - 4;
    build_raw32(b, (uint32_t)(end - at));
    b->length = end;
}

void build_sequence(struct build *b, uint32_t tag, bool defined)
{
    open_value(b, tag, "SQ", defined);
}

void build_item(struct build *b, bool defined)
{
    open_value(b, 0xFFFEE000, "", defined);
}

void build_item_end(struct build *b)
{
    close_value(b, 0xFFFEE00D);
}

void build_sequence_end(struct build *b)
{
    close_value(b, 0xFFFEE0DD);
}

/* ---- parts of files
 * ----------------------------------------------------------- */

void build_meta(struct build *b, const char *transfer_syntax)
{
    enum build_encoding encoding = b->encoding;
    uint8_t preamble[128] = {0};
    size_t at, end;

    b->encoding = BUILD_EXPLICIT_LE;
    build_raw(b, preamble, sizeof preamble);
    build_raw(b, "DICM", 4);
    build_u32(b, 0x00020000, 0);
    at = b->length;
    build_bytes(b, 0x00020001, "OB", "\0\1", 2);
    if (transfer_syntax)
        build_text(b, 0x00020010, "UI", transfer_syntax);
    end = b->length;
    b->length = at - 4;
    build_raw32(b, (uint32_t)(end - at));
    b->length = end;
    b->data_start = end;
    b->encoding = encoding;
}

void build_common(struct build *b, const char *sop_class)
{
    build_text(b, 0x00080016, "UI", sop_class);
    build_text(b, 0x00080018, "UI", "1.2.3.3");
    build_text(b, 0x00080060, "CS", "OT");
    build_text(b, 0x0020000D, "UI", "1.2.3.1");
    build_text(b, 0x0020000E, "UI", "1.2.3.2");
}

void build_grey(struct build *b, unsigned cols, unsigned rows,
                unsigned bits_alloc, unsigned bits_stored, unsigned is_signed)
{
    build_u16(b, 0x00280002, 1);
    build_text(b, 0x00280004, "CS", "MONOCHROME2");
    build_u16(b, 0x00280010, rows);
    build_u16(b, 0x00280011, cols);
    build_u16(b, 0x00280100, bits_alloc);
    build_u16(b, 0x00280101, bits_stored);
    build_u16(b, 0x00280102, bits_stored - 1);
    build_u16(b, 0x00280103, is_signed);
}

void build_encapsulated(struct build *b, const uint32_t *offsets, size_t n)
{
    build_header(b, 0x7FE00010, "OB", BUILD_UNDEFINED);
    build_header(b, 0xFFFEE000, "", (uint32_t)(4 * n));
    for (size_t i = 0; i < n; i++)
        build_raw32(b, offsets[i]);
}

void build_fragment(struct build *b, const void *data, uint32_t length)
{
    build_header(b, 0xFFFEE000, "", length);
    build_raw(b, data, length);
}

void build_encapsulated_end(struct build *b)
{
    build_header(b, 0xFFFEE0DD, "", 0);
}

void build_deflate(struct build *b, bool wrapped)
{
    size_t length = b->length - b->data_start;
    size_t room = compressBound(length) + 64;
    uint8_t *out = malloc(room);
    z_stream z = {0};

    must(out != NULL);
    must(deflateInit2(&z, 6, Z_DEFLATED, wrapped ? 15 : -15, 8,
                      Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = b->bytes + b->data_start;
    z.avail_in = (uInt)length;
    z.next_out = out;
    z.avail_out = (uInt)room;
    must(deflate(&z, Z_FINISH) == Z_STREAM_END);
    b->length = b->data_start;
    build_raw(b, out, z.total_out);
    (void)deflateEnd(&z);
    free(out);
}

int build_fd(const struct build *b)
{
    int fd = memfd_create("dicom_build", MFD_CLOEXEC);
    size_t done = 0;

    while (fd >= 0 && done < b->length) {
        ssize_t n = write(fd, b->bytes + done, b->length - done);

        if (n <= 0) {
            (void)close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    return fd;
}
