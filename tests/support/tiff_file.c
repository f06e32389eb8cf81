// SPDX-License-Identifier: MIT
/*
 * A file for libtiff to read, and what it must find there. The expectations
 * are written down again here, from the TIFF page of the design, and not
 * taken from the code under test.
 */
#include "support/tiff_file.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "prepfs/cleanup.h"

/* ---- a file of any bytes ------------------------------------------------ */

struct byte_source {
    const uint8_t *bytes;
    size_t left;
};

static uint32_t take(struct byte_source *s, unsigned bytes)
{
    uint32_t value = 0;

    while (bytes-- > 0 && s->left > 0) {
        value = value << 8 | *s->bytes++;
        s->left--;
    }
    return value;
}

static double take_resolution(struct byte_source *s)
{
    uint64_t bits = (uint64_t)take(s, 4) << 32 | take(s, 4);
    double value;

    memcpy(&value, &bits, sizeof value); /* NaN, infinities, denormals too */
    return value;
}

/* Fields whose presence changes the length of an IFD. */
static void take_optional(struct byte_source *s, struct tiff_spec *spec)
{
    static const char *const software[] = {
        NULL,
        "",
        "a",
        "abc",
        "abcdefg",
        "prepfs 1",
        "a text that is longer than any slot of any kind of TIFF"};
    uint32_t flags = take(s, 1);

    spec->has_scale = flags & 1;
    spec->has_crop = flags & 2;
    spec->has_pad = flags & 4;
    spec->has_turned = flags & 8;
    spec->big = flags & 16;
    spec->software =
        software[take(s, 1) % (sizeof software / sizeof *software)];
    spec->scale[0] = (float)take(s, 2) / 256.0F;
    spec->scale[1] = (float)take(s, 2) / 256.0F;
    /* below 2^24: libtiff hands them out as floats */
    spec->crop =
        (struct image_box){take(s, 2), take(s, 2), take(s, 2), take(s, 2)};
    for (int i = 0; i < 4; i++)
        spec->pad[i] = take(s, 4);
    spec->turned_width = take(s, 4);
    spec->turned_height = take(s, 4);
    if (flags & 32) {
        spec->px_per_cm_x = take_resolution(s);
        spec->px_per_cm_y = take_resolution(s);
    } else {
        spec->px_per_cm_x = (double)take(s, 3) / 997.0;
        spec->px_per_cm_y = (double)take(s, 3) / 991.0;
    }
}

struct tiff_spec tiff_file_spec_of(const uint8_t *bytes, size_t size,
                                   enum tiff_pattern *ret_pattern)
{
    struct byte_source s = {bytes, size};
    struct tiff_spec spec = {0};

    spec.pages = 1 + take(&s, 1) % 4;
    spec.width = 1 + take(&s, 2) % 400;
    spec.height = 1 + take(&s, 2) % 400;
    spec.channels = take(&s, 1) % 2 ? 3 : 1;
    spec.type = (enum sample_type)(take(&s, 1) % (SAMPLE_F16 + 1));
    spec.pack = (enum tiff_pack)(take(&s, 1) % (TIFF_PACK_ZSTD + 1));
    *ret_pattern = (enum tiff_pattern)(take(&s, 1) % PATTERN_COUNT);
    take_optional(&s, &spec);
    return spec;
}

/* ---- making the file ---------------------------------------------------- */

static int pack_page(struct tiff_file *file, const struct tiff_strips *strips,
                     const struct tiff_spec *spec, uint32_t page,
                     uint64_t *strip_bytes, struct error *err)
{
    struct image image = {spec->width, spec->height, spec->channels, spec->type,
                          0,           NULL};
    CLEANUP_FREE uint8_t *data = NULL;
    /* an odd gap behind each row in half of the pages */
    size_t gap = page % 2 ? 3 * sample_bytes(spec->type) : 0;

    image.stride_bytes = strips->row_bytes + gap;
    data = malloc(image.stride_bytes * spec->height);
    if (!data)
        return error_no_memory(err);
    image.data = data;
    memset(data, 0xa5, image.stride_bytes * spec->height);
    for (uint32_t y = 0; y < spec->height; y++)
        tiff_file_samples(file, page, y * strips->row_bytes, strips->row_bytes,
                          data + y * image.stride_bytes);
    for (uint32_t s = 0; s < strips->per_page; s++) {
        size_t before = file->packed.length;

        if (tiff_pack_strip(spec->pack, &image, s * strips->rows_per_strip,
                            tiff_strip_rows(strips, spec->height, s),
                            &file->packed, err) < 0)
            return -1;
        strip_bytes[s] = file->packed.length - before;
    }
    return 0;
}

int tiff_file_init(const struct tiff_spec *spec, enum tiff_pattern pattern,
                   uint64_t seed, struct tiff_file *ret, struct error *err)
{
    CLEANUP_FREE uint64_t *strip_bytes = NULL;
    struct tiff_strips strips;

    *ret = (struct tiff_file){.pattern = pattern, .seed = seed};
    if (spec->pack == TIFF_PACK_NONE)
        return tiff_layout_init(spec, NULL, &ret->layout, err);
    if (tiff_strips_init(spec, &strips, err) < 0)
        return -1;
    strip_bytes = calloc(strips.count, sizeof *strip_bytes);
    if (!strip_bytes)
        return error_no_memory(err);
    for (uint32_t page = 0; page < spec->pages; page++) {
        if (pack_page(ret, &strips, spec, page,
                      strip_bytes + (uint64_t)page * strips.per_page, err) < 0)
            return -1;
    }
    return tiff_layout_init(spec, strip_bytes, &ret->layout, err);
}

void tiff_file_deinit(struct tiff_file *file)
{
    tiff_layout_deinit(&file->layout);
    tiff_buffer_deinit(&file->packed);
}

static void data_read(const struct tiff_file *file, uint64_t from,
                      size_t length, uint8_t *dst)
{
    uint64_t page_bytes = file->layout.strips.page_bytes;

    if (file->packed.data) {
        memcpy(dst, file->packed.data + from, length);
        return;
    }
    while (length > 0) {
        uint64_t in_page = from % page_bytes;
        size_t n = length;

        if (n > page_bytes - in_page)
            n = page_bytes - in_page;
        tiff_file_samples(file, (uint32_t)(from / page_bytes), in_page, n, dst);
        from += n;
        dst += n;
        length -= n;
    }
}

void tiff_file_read(const struct tiff_file *file, uint64_t offset,
                    size_t length, uint8_t *dst)
{
    uint64_t data_offset = file->layout.data_offset;

    if (offset < data_offset) {
        size_t n = length;

        if (n > data_offset - offset)
            n = data_offset - offset;
        tiff_layout_header_read(&file->layout, offset, n, dst);
        offset += n;
        dst += n;
        length -= n;
    }
    if (length > 0)
        data_read(file, offset - data_offset, length, dst);
}

/* ---- libtiff reads it --------------------------------------------------- */

struct reader {
    const struct tiff_file *file;
    uint64_t at;
    struct error *err;
};

static tmsize_t reader_read(thandle_t handle, void *data, tmsize_t size)
{
    struct reader *r = handle;
    uint64_t end = r->file->layout.size;
    size_t n = (size_t)size;

    if (r->at >= end)
        return 0;
    if (n > end - r->at)
        n = end - r->at;
    tiff_file_read(r->file, r->at, n, data);
    r->at += n;
    return (tmsize_t)n;
}

static tmsize_t reader_write(thandle_t handle, void *data, tmsize_t size)
{
    (void)handle;
    (void)data;
    (void)size;
    return -1;
}

static toff_t reader_seek(thandle_t handle, toff_t offset, int whence)
{
    struct reader *r = handle;

    if (whence == SEEK_CUR)
        offset += r->at;
    else if (whence == SEEK_END)
        offset += r->file->layout.size;
    r->at = offset;
    return offset;
}

static toff_t reader_size(thandle_t handle)
{
    return ((struct reader *)handle)->file->layout.size;
}

static int reader_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

/* libtiff's text is kept as the error, unless it only says that it does not
 * know tag 65000. */
__attribute__((format(printf, 4, 0))) static int
reader_message(TIFF *tif, void *opaque, const char *module, const char *format,
               va_list ap)
{
    struct reader *r = opaque;
    char text[200];

    (void)tif;
    (void)module;
    (void)vsnprintf(text, sizeof text, format, ap);
    if (!strstr(text, "Unknown field with tag 65000") &&
        r->err->kind == ERROR_NONE)
        (void)error_set(r->err, ERROR_CORRUPT, "libtiff says: %s", text);
    return 1;
}

/* "c": libtiff shall not chop long strips into short ones of its own. */
static TIFF *reader_open(struct reader *r)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    TIFF *tif;

    TIFFOpenOptionsSetErrorHandlerExtR(options, reader_message, r);
    TIFFOpenOptionsSetWarningHandlerExtR(options, reader_message, r);
    tif = TIFFClientOpenExt("leaf", "rmc", r, reader_read, reader_write,
                            reader_seek, reader_close, reader_size, NULL, NULL,
                            options);
    TIFFOpenOptionsFree(options);
    return tif;
}

/* ---- tags --------------------------------------------------------------- */

struct expected {
    ttag_t tag;
    uint32_t value;
};

static uint32_t expected_compression(enum tiff_pack pack)
{
    static const uint32_t codes[] = {COMPRESSION_NONE, COMPRESSION_PACKBITS,
                                     COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                                     COMPRESSION_ZSTD};

    return codes[pack];
}

static uint32_t expected_format(enum sample_type type)
{
    static const uint32_t formats[] = {SAMPLEFORMAT_UINT,  SAMPLEFORMAT_UINT,
                                       SAMPLEFORMAT_INT,   SAMPLEFORMAT_UINT,
                                       SAMPLEFORMAT_INT,   SAMPLEFORMAT_IEEEFP,
                                       SAMPLEFORMAT_IEEEFP};

    return formats[type];
}

static int check_short(TIFF *tif, ttag_t tag, uint32_t want, struct error *err)
{
    uint16_t have = 0;

    if (TIFFGetField(tif, tag, &have) != 1)
        return error_set(err, ERROR_CORRUPT, "tag %u is missing", tag);
    if (have != want)
        return error_set(err, ERROR_CORRUPT, "tag %u is %u, not %u", tag, have,
                         want);
    return 0;
}

static int check_long(TIFF *tif, ttag_t tag, uint32_t want, struct error *err)
{
    uint32_t have = 0;

    if (TIFFGetField(tif, tag, &have) != 1)
        return error_set(err, ERROR_CORRUPT, "tag %u is missing", tag);
    if (have != want)
        return error_set(err, ERROR_CORRUPT, "tag %u is %u, not %u", tag, have,
                         want);
    return 0;
}

static int check_shorts(TIFF *tif, const struct tiff_file *file,
                        struct error *err)
{
    const struct tiff_spec *spec = &file->layout.spec;
    const struct expected table[] = {
        {TIFFTAG_BITSPERSAMPLE, (uint32_t)sample_bytes(spec->type) * 8},
        {TIFFTAG_COMPRESSION, expected_compression(spec->pack)},
        {TIFFTAG_PHOTOMETRIC,
         spec->channels == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK},
        {TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT},
        {TIFFTAG_SAMPLESPERPIXEL, spec->channels},
        {TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG},
        {TIFFTAG_SAMPLEFORMAT, expected_format(spec->type)},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (check_short(tif, table[i].tag, table[i].value, err) < 0)
            return -1;
    }
    return 0;
}

static int check_longs(TIFF *tif, const struct tiff_file *file,
                       struct error *err)
{
    const struct tiff_spec *spec = &file->layout.spec;
    const struct expected table[] = {
        {TIFFTAG_SUBFILETYPE, spec->pages > 1 ? FILETYPE_PAGE : 0},
        {TIFFTAG_IMAGEWIDTH, spec->width},
        {TIFFTAG_IMAGELENGTH, spec->height},
        {TIFFTAG_ROWSPERSTRIP, file->layout.strips.rows_per_strip},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (check_long(tif, table[i].tag, table[i].value, err) < 0)
            return -1;
    }
    return 0;
}

static bool is_known(double px)
{
    return isfinite(px) && px > 0;
}

/* The ends of the range, and else the number itself, near to 32-bit ends by
 * half a unit at most. */
/* libtiff rounds a fraction to float that was rounded once before: near the
 * ends of the range, where fractions are coarse, the last bit may differ. */
static bool is_near(float resolution, double px_per_cm)
{
    double want = px_per_cm;

    if (px_per_cm > UINT32_MAX)
        want = UINT32_MAX;
    if (px_per_cm < 1.0 / UINT32_MAX)
        want = 1.0 / UINT32_MAX;
    return fabs((double)resolution - want) <= want * (double)FLT_EPSILON;
}

static int check_resolution(TIFF *tif, const struct tiff_spec *spec,
                            struct error *err)
{
    bool known = is_known(spec->px_per_cm_x) && is_known(spec->px_per_cm_y);
    float x = 0;
    float y = 0;

    if (TIFFGetField(tif, TIFFTAG_XRESOLUTION, &x) != 1 ||
        TIFFGetField(tif, TIFFTAG_YRESOLUTION, &y) != 1)
        return error_set(err, ERROR_CORRUPT, "no resolution");
    if (!is_near(x, known ? spec->px_per_cm_x : 1) ||
        !is_near(y, known ? spec->px_per_cm_y : 1))
        return error_set(err, ERROR_CORRUPT, "resolution is %g, %g", (double)x,
                         (double)y);
    return check_short(tif, TIFFTAG_RESOLUTIONUNIT,
                       known ? RESUNIT_CENTIMETER : RESUNIT_NONE, err);
}

static int check_page_number(TIFF *tif, const struct tiff_spec *spec,
                             uint32_t page, struct error *err)
{
    uint16_t number = 0;
    uint16_t total = 0;
    int found = TIFFGetField(tif, TIFFTAG_PAGENUMBER, &number, &total);

    if (found != (spec->pages < 65536))
        return error_set(err, ERROR_CORRUPT, "PageNumber %s",
                         found ? "is there" : "is missing");
    if (found && (number != page || total != spec->pages))
        return error_set(err, ERROR_CORRUPT, "PageNumber is %u of %u", number,
                         total);
    return 0;
}

static int check_software(TIFF *tif, const struct tiff_spec *spec,
                          struct error *err)
{
    const char *have = NULL;
    bool wanted = spec->software && spec->software[0];

    if (TIFFGetField(tif, TIFFTAG_SOFTWARE, &have) != wanted)
        return error_set(err, ERROR_CORRUPT, "Software tag: %s",
                         have ? have : "missing");
    if (wanted && strcmp(have, spec->software) != 0)
        return error_set(err, ERROR_CORRUPT, "Software is \"%s\"", have);
    return 0;
}

/* The DNG tags: libtiff hands 50718..50720 out as floats, 50829 as LONGs. */
static int check_floats(TIFF *tif, ttag_t tag, bool wanted, float a, float b,
                        struct error *err)
{
    const float *have = NULL;

    if (TIFFGetField(tif, tag, &have) != wanted)
        return error_set(err, ERROR_CORRUPT, "tag %u is %s", tag,
                         wanted ? "missing" : "there");
    if (wanted && (have[0] != a || have[1] != b))
        return error_set(err, ERROR_CORRUPT, "tag %u is %g, %g", tag,
                         (double)have[0], (double)have[1]);
    return 0;
}

static int check_private(TIFF *tif, const struct tiff_spec *spec,
                         struct error *err)
{
    const struct image_box *box = &spec->crop;
    const uint32_t turned[4] = {spec->turned_width, spec->turned_height, 1, 1};
    const uint32_t *area = NULL;
    const uint32_t *flip = NULL;
    uint16_t count = 0;

    if (check_floats(tif, TIFFTAG_DEFAULTSCALE, spec->has_scale, spec->scale[0],
                     spec->scale[1], err) < 0 ||
        check_floats(tif, TIFFTAG_DEFAULTCROPORIGIN, spec->has_crop,
                     (float)(box->x + box->width / 2),
                     (float)(box->y + box->height / 2), err) < 0 ||
        check_floats(tif, TIFFTAG_DEFAULTCROPSIZE, spec->has_crop,
                     (float)box->width, (float)box->height, err) < 0)
        return -1;
    if (TIFFGetField(tif, TIFFTAG_ACTIVEAREA, &area) != spec->has_pad)
        return error_set(err, ERROR_CORRUPT, "ActiveArea");
    if (area && memcmp(area, spec->pad, sizeof spec->pad) != 0)
        return error_set(err, ERROR_CORRUPT, "ActiveArea is %u, ...", area[0]);
    if (TIFFGetField(tif, 65000, &count, &flip) != spec->has_turned)
        return error_set(err, ERROR_CORRUPT, "tag 65000");
    if (flip && (count != 4 || memcmp(flip, turned, sizeof turned) != 0))
        return error_set(err, ERROR_CORRUPT, "tag 65000 is %u, ...", flip[0]);
    return 0;
}

static int check_tags(TIFF *tif, const struct tiff_file *file, uint32_t page,
                      struct error *err)
{
    const struct tiff_spec *spec = &file->layout.spec;

    if (TIFFIsBigTIFF(tif) != file->layout.big)
        return error_set(err, ERROR_CORRUPT, "wrong kind of header");
    if (TIFFNumberOfStrips(tif) != file->layout.strips.per_page)
        return error_set(err, ERROR_CORRUPT, "%u strips",
                         TIFFNumberOfStrips(tif));
    if (check_shorts(tif, file, err) < 0 || check_longs(tif, file, err) < 0)
        return -1;
    if (check_resolution(tif, spec, err) < 0 ||
        check_page_number(tif, spec, page, err) < 0 ||
        check_software(tif, spec, err) < 0)
        return -1;
    return check_private(tif, spec, err);
}

/* ---- pixels ------------------------------------------------------------- */

static int check_strip(TIFF *tif, const struct tiff_file *file, uint32_t page,
                       uint32_t strip, uint8_t *samples, struct error *err)
{
    const struct tiff_strips *s = &file->layout.strips;
    uint64_t first = (uint64_t)strip * s->rows_per_strip * s->row_bytes;
    uint8_t expected[4096];
    tmsize_t want =
        (tmsize_t)(s->row_bytes *
                   tiff_strip_rows(s, file->layout.spec.height, strip));

    if (TIFFReadEncodedStrip(tif, strip, samples, -1) != want)
        return error_set(err, ERROR_CORRUPT, "page %u: strip %u is short", page,
                         strip);
    for (tmsize_t i = 0; i < want; i += (tmsize_t)sizeof expected) {
        size_t n = (size_t)(want - i);

        n = n < sizeof expected ? n : sizeof expected;
        tiff_file_samples(file, page, first + (uint64_t)i, n, expected);
        if (memcmp(samples + i, expected, n) != 0)
            return error_set(err, ERROR_CORRUPT,
                             "page %u, strip %u: bytes %jd to %jd differ", page,
                             strip, (intmax_t)i, (intmax_t)(i + (tmsize_t)n));
    }
    return 0;
}

static int check_pixels(TIFF *tif, const struct tiff_file *file, uint32_t page,
                        struct error *err)
{
    CLEANUP_FREE uint8_t *samples = malloc((size_t)TIFFStripSize(tif));

    if (!samples)
        return error_no_memory(err);
    for (uint32_t s = 0; s < file->layout.strips.per_page; s++) {
        if (check_strip(tif, file, page, s, samples, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- pages -------------------------------------------------------------- */

static int check_open_page(TIFF *tif, const struct tiff_file *file,
                           uint32_t page, bool with_pixels, struct error *err)
{
    if (check_tags(tif, file, page, err) < 0)
        return -1;
    if (with_pixels && check_pixels(tif, file, page, err) < 0)
        return -1;
    return err->kind == ERROR_NONE ? 0 : -1; /* a warning */
}

int tiff_file_check_page(const struct tiff_file *file, uint32_t page,
                         bool with_pixels, struct error *err)
{
    struct reader r = {file, 0, err};
    uint64_t first_ifd = file->layout.big ? 16 : 8;
    TIFF *tif;
    int rc;

    *err = (struct error)ERROR_INIT;
    tif = reader_open(&r);
    if (!tif)
        return err->kind == ERROR_NONE
                   ? error_set(err, ERROR_CORRUPT, "libtiff does not open it")
                   : -1;
    if (TIFFSetSubDirectory(tif, first_ifd + page * file->layout.ifd_bytes))
        rc = check_open_page(tif, file, page, with_pixels, err);
    else
        rc = error_set(err, ERROR_CORRUPT, "page %u: no directory", page);
    TIFFClose(tif);
    return rc;
}

static int check_all(TIFF *tif, const struct tiff_file *file, struct error *err)
{
    uint32_t page = 0;

    do {
        if (page == file->layout.spec.pages)
            return error_set(err, ERROR_CORRUPT, "more than %u pages", page);
        if (check_open_page(tif, file, page, true, err) < 0)
            return -1;
        page++;
    } while (TIFFReadDirectory(tif));
    if (err->kind != ERROR_NONE)
        return -1;
    if (page != file->layout.spec.pages)
        return error_set(err, ERROR_CORRUPT, "%u pages, not %u", page,
                         file->layout.spec.pages);
    return 0;
}

int tiff_file_check(const struct tiff_file *file, struct error *err)
{
    struct reader r = {file, 0, err};
    TIFF *tif;
    int rc;

    *err = (struct error)ERROR_INIT;
    tif = reader_open(&r);
    if (!tif)
        return err->kind == ERROR_NONE
                   ? error_set(err, ERROR_CORRUPT, "libtiff does not open it")
                   : -1;
    rc = check_all(tif, file, err);
    TIFFClose(tif);
    return rc;
}
