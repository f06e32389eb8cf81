// SPDX-License-Identifier: MIT
/*
 * dicom_dump.c: what fs/dicom finds in each file named, as a line of JSON.
 * Compared with an independent reader by tests/e2e/dicom_corpus.py.
 */
#include "dicom/dicom.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static void put_text(const char *key, const char *text)
{
    printf(", \"%s\": ", key);
    if (!text) {
        printf("null");
        return;
    }
    putchar('"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void put_value(double v)
{
    if (isnan(v))
        printf("null");
    else
        printf("%.17g", v);
}

static void put_number(const char *key, double v)
{
    printf(", \"%s\": ", key);
    put_value(v);
}

static void put_integer(const char *key, int64_t v)
{
    put_number(key, v == DICOM_UNKNOWN ? NAN : (double)v);
}

static void put_list(const char *key, const double *v, int n)
{
    printf(", \"%s\": [", key);
    for (int i = 0; i < n; i++) {
        printf("%s", i ? ", " : "");
        put_value(v[i]);
    }
    putchar(']');
}

static void put_windows(const struct dicom_header *h,
                        const struct dicom_frame *f)
{
    printf(", \"windows\": [");
    for (uint32_t i = 0; i < f->n_windows; i++) {
        const struct dicom_window *w = &h->windows[f->window_first + i];

        printf("%s[%.17g, %.17g]", i ? ", " : "", w->center, w->width);
    }
    putchar(']');
}

/* CRC-32 of the bytes of each frame; null for one that is not there. */
static void put_frames(const struct dicom_source *s,
                       const struct dicom_header *h)
{
    struct dicom_extent *extents = NULL;
    struct error err = ERROR_INIT;
    uint64_t n;
    bool indexed = h->pixels != DICOM_PIXELS_ENCAPSULATED ||
                   dicom_frames_index(s, h, &extents, &n, &err) == 0;

    printf(", \"crc\": [");
    for (uint64_t i = 0; indexed && i < h->frames; i++) {
        uint8_t *bytes;
        size_t length;
        unsigned bit;

        printf("%s", i ? ", " : "");
        if (dicom_frame_read(s, h, extents, i, &bytes, &length, &bit, &err)) {
            printf("null");
            continue;
        }
        printf("%lu", crc32(0, bytes, (uInt)length));
        free(bytes);
    }
    putchar(']');
    put_text("frames_error", err.kind ? err.msg : NULL);
    free(extents);
}

static void put_header(const struct dicom_source *s,
                       const struct dicom_header *h)
{
    const struct dicom_frame *f = dicom_frame_at(h, 0);

    put_integer("kind", (int64_t)h->kind);
    put_integer("warnings", h->warnings);
    put_text("TransferSyntaxUID", h->transfer_syntax.text);
    put_text("SOPClassUID", h->sop_class.text);
    put_text("SOPInstanceUID", h->sop_instance.text);
    put_text("StudyInstanceUID", h->study.text);
    put_text("SeriesInstanceUID", h->series.text);
    put_text("FrameOfReferenceUID", h->frame_of_reference.text);
    put_text("PatientID", h->patient_id);
    put_text("PatientSex", h->patient_sex);
    put_text("PatientBirthDate", h->patient_birth_date);
    put_text("StudyDate", h->study_date);
    put_text("StudyDescription", h->study_description);
    put_text("AccessionNumber", h->accession);
    put_text("Modality", h->modality);
    put_text("SeriesDescription", h->series_description);
    put_text("BodyPartExamined", h->body_part);
    put_text("Manufacturer", h->manufacturer);
    put_text("ManufacturerModelName", h->model);
    put_text("ConvolutionKernel", h->kernel);
    put_text("ViewPosition", h->view_position);
    put_text("PhotometricInterpretation", h->photometric);
    put_integer("SeriesNumber", h->series_number);
    put_integer("InstanceNumber", h->instance_number);
    put_integer("AcquisitionNumber", h->acquisition_number);
    put_number("KVP", h->kvp);
    put_number("SliceThickness", h->slice_thickness);
    put_integer("Rows", h->desc.rows);
    put_integer("Columns", h->desc.cols);
    put_integer("SamplesPerPixel", h->desc.samples);
    put_integer("BitsAllocated", h->desc.bits_alloc);
    put_integer("BitsStored", h->desc.bits_stored);
    put_integer("HighBit", h->desc.high_bit);
    put_integer("PixelRepresentation", h->desc.is_signed);
    put_integer("frames", h->frames);
    put_integer("has_pixels", h->has_pixels);
    put_integer("pixel_length", h->pixels == DICOM_PIXELS_NATIVE
                                    ? (int64_t)h->pixel_length
                                    : DICOM_UNKNOWN);
    put_number("slope", f->slope);
    put_number("intercept", f->intercept);
    put_windows(h, f);
    put_list("position", f->position, 3);
    put_list("orientation", f->orientation, 6);
    put_list("spacing", (const double[]){h->spacing.x, h->spacing.y}, 2);
    put_integer("spacing_source", (int64_t)h->spacing.source);
    if (h->has_pixels)
        put_frames(s, h);
}

static void dump(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct error err = ERROR_INIT;
    struct dicom_source *s;
    struct dicom_header h;
    uint8_t head[DICOM_SNIFF_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = pread(fd, head, sizeof head, 0);

    printf("{\"file\": \"%s\"", path);
    put_integer("sniff", dicom_sniff(head, n > 0 ? (size_t)n : 0,
                                     slash ? slash + 1 : path, false));
    s = dicom_source_open(fd, NULL, &err);
    if (s && dicom_header_read(s, &h, &err) == 0) {
        put_header(s, &h);
        dicom_header_deinit(&h);
    }
    put_integer("error", (int64_t)err.kind);
    put_text("message", err.msg);
    printf("}\n");
    dicom_source_close(s);
    if (fd >= 0)
        (void)close(fd);
}

int main(int argc, char **argv)
{
    dicom_global_init();
    for (int i = 1; i < argc; i++)
        dump(argv[i]);
    return 0;
}
