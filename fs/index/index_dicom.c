// SPDX-License-Identifier: MIT
/*
 * index_dicom.c: the parser that reads real DICOM headers: fs/dicom's words
 * into the manifest's.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/dicom_parsed.h"
#include "index/index.h"

_Static_assert((int)INDEX_JOBS_MAX <= (int)WORKERS_BATCH,
               "jobs go to one worker together");
_Static_assert(DICOM_UNKNOWN == MANIFEST_NONE,
               "missing integers are handed on as they are");

/* Raise it when a header is understood that was not before. */
#define INDEX_DICOM_REVISION "dicom 1"

/* Everything that the texts of a struct index_parsed point into. Not the
 * source: many files are kept at a time, and an inflated one is large. */
struct kept {
    struct dicom_header header;
    struct manifest_attr *attrs;
};

static void release(void *keep)
{
    struct kept *k = keep;

    if (!k)
        return;
    dicom_header_deinit(&k->header);
    free(k->attrs);
    free(k);
}

static int64_t answer(enum dicom_answer a)
{
    return a == DICOM_UNSAID ? MANIFEST_NONE : a == DICOM_YES;
}

static int64_t birth_year(const char *date)
{
    int64_t year = 0;

    if (!date || strlen(date) < 4)
        return MANIFEST_NONE;
    for (int i = 0; i < 4; i++) {
        if (date[i] < '0' || date[i] > '9')
            return MANIFEST_NONE;
        year = year * 10 + (date[i] - '0');
    }
    return year;
}

static void take_window(const struct dicom_header *h,
                        struct manifest_header *ret)
{
    static const char *const words[] = {
        [DICOM_LINEAR] = "LINEAR",
        [DICOM_LINEAR_EXACT] = "LINEAR_EXACT",
        [DICOM_SIGMOID] = "SIGMOID",
    };
    const struct dicom_frame *f = dicom_frame_at(h, 0);

    ret->n_windows = f->n_windows;
    for (uint32_t i = 0; i < f->n_windows; i++) {
        const struct dicom_window *w = &h->windows[f->window_first + i];

        if (!w->valid)
            continue;
        ret->wc = w->center;
        ret->ww = w->width;
        ret->voi_fn = words[w->function];
        return;
    }
}

static void take_identity(const struct dicom_header *h,
                          struct manifest_header *ret)
{
    ret->study_uid = h->study.text;
    ret->series_uid = h->series.text;
    ret->sop_uid = h->sop_instance.text;
    ret->sop_class = h->sop_class.text;
    ret->transfer_syntax = h->transfer_syntax.text;
    ret->frame_of_ref = h->frame_of_reference.text;
    ret->patient_id = h->patient_id;
    ret->patient_issuer = h->patient_issuer;
    ret->patient_sex = h->patient_sex;
    ret->birth_year = birth_year(h->patient_birth_date);
    ret->study_date = h->study_date;
    ret->study_description = h->study_description;
    ret->accession = h->accession;
}

static void take_series(const struct dicom_header *h,
                        struct manifest_header *ret)
{
    ret->modality = h->modality;
    ret->series_description = h->series_description;
    ret->series_number = h->series_number;
    ret->body_part = h->body_part;
    ret->laterality = h->laterality;
    ret->manufacturer = h->manufacturer;
    ret->model = h->model;
    ret->kvp = h->kvp;
    ret->kernel = h->kernel;
    ret->slice_thickness = h->slice_thickness;
}

static void take_instance(const struct dicom_header *h,
                          struct manifest_header *ret)
{
    const struct dicom_frame *f = dicom_frame_at(h, 0);

    ret->instance_number = h->instance_number;
    ret->acquisition_number = h->acquisition_number;
    ret->photometric = h->photometric;
    ret->image_type = h->image_type;
    ret->view_position = h->view_position;
    ret->acq_datetime = h->acquisition_datetime;
    ret->burned_in = answer(h->burned_in);
    ret->lossy = answer(h->lossy);
    ret->rescale_type = h->rescale_type;
    ret->slope = f->slope;
    ret->intercept = f->intercept;
    memcpy(ret->ipp, f->position, sizeof ret->ipp);
    memcpy(ret->iop, f->orientation, sizeof ret->iop);
    take_window(h, ret);
}

static void take_pixels(const struct dicom_header *h, bool inflated,
                        struct manifest_header *ret)
{
    ret->has_pixels = h->has_pixels;
    if (!h->has_pixels)
        return;
    ret->desc = h->desc;
    ret->decodable = h->decodable;
    ret->frames = h->frames;
    ret->frames_known = !(h->warnings & DICOM_WARN_FRAMES_GUESSED);
    if (h->spacing.source != DICOM_SPACING_NONE) {
        ret->px_x = h->spacing.x;
        ret->px_y = h->spacing.y;
    }
    ret->turned = h->turned;
    if (h->padding.kind == DICOM_PADDING_INTEGER)
        ret->pad_value = (int64_t)h->padding.low;
    if (inflated)
        return;
    ret->pixel_offset = h->pixel_offset;
    ret->pixel_length = h->pixel_length;
}

static int take_attrs(struct kept *k, struct manifest_header *ret,
                      struct error *err)
{
    const struct dicom_header *h = &k->header;

    if (h->n_extra == 0)
        return 0;
    k->attrs = calloc(h->n_extra, sizeof *k->attrs);
    if (!k->attrs)
        return error_no_memory(err);
    for (uint32_t i = 0; i < h->n_extra; i++)
        k->attrs[i] =
            (struct manifest_attr){h->extra[i].tag, h->extra[i].index,
                                   h->extra[i].number, h->extra[i].text};
    ret->attrs = k->attrs;
    ret->n_attrs = h->n_extra;
    return 0;
}

static int take(struct kept *k, bool inflated, struct index_parsed *ret,
                struct error *err)
{
    const struct dicom_header *h = &k->header;

    manifest_header_init(&ret->header);
    take_identity(h, &ret->header);
    take_series(h, &ret->header);
    take_instance(h, &ret->header);
    take_pixels(h, inflated, &ret->header);
    if (h->has_pixels && !h->decodable) {
        ret->problem = h->why_not;
        ret->problem_errno = EOPNOTSUPP;
    } else if (h->has_pixels && (h->warnings & DICOM_WARN_FRAMES_SHORT)) {
        ret->problem = dicom_warning_text(DICOM_WARN_FRAMES_SHORT);
        ret->problem_errno = EIO;
    } else if (h->warnings & DICOM_WARN_TRUNCATED) {
        ret->problem = dicom_warning_text(DICOM_WARN_TRUNCATED);
        ret->problem_errno = EIO;
    }
    return take_attrs(k, &ret->header, err);
}

/* Takes the header over. */
static int take_parsed(struct dicom_parsed *parsed, struct index_parsed *ret,
                       struct error *err)
{
    struct kept *k;

    if (parsed->header.kind == DICOM_DIRECTORY) {
        dicom_parsed_deinit(parsed);
        return INDEX_DIRECTORY;
    }
    k = calloc(1, sizeof *k);
    if (!k) {
        dicom_parsed_deinit(parsed);
        return error_no_memory(err);
    }
    k->header = parsed->header; /* without a source it is all there is */
    if (take(k, parsed->is_inflated, ret, err) != 0) {
        release(k);
        return -1;
    }
    ret->keep = k;
    return INDEX_DICOM;
}

/* Is it worth parsing? Else it has its verdict. */
static bool sniff(const struct index_dicom_config *config, struct index_job *j)
{
    uint8_t head[DICOM_SNIFF_BYTES];
    ssize_t n = pread(j->fd, head, sizeof head, 0);

    if (n < 0) {
        j->verdict = error_set_sys(&j->err, errno, "cannot be read: %s",
                                   strerrordesc_np(errno));
        return false;
    }
    j->verdict = INDEX_NOT_DICOM;
    return dicom_sniff(head, (size_t)n, j->name, config->any_name);
}

static void finish(struct index_job *j, struct workers_file *f)
{
    if (f->rc == 0) {
        j->verdict = take_parsed(&f->parsed, j->ret, &j->err);
        return;
    }
    /* Sniffing errs on the side of trying. */
    j->verdict = f->err.kind == ERROR_UNSUPPORTED ? (int)INDEX_NOT_DICOM : -1;
    j->err = f->err;
}

static void parse(void *opaque, struct index_job *jobs, size_t n)
{
    const struct index_dicom_config *config = opaque;
    struct dicom_limits limits = {.extra_tags = config->extra_tags,
                                  .n_extra_tags = config->n_extra_tags};
    struct workers_file files[INDEX_JOBS_MAX];
    struct index_job *of[INDEX_JOBS_MAX];
    size_t n_files = 0;

    for (size_t i = 0; i < n; i++) {
        if (!sniff(config, &jobs[i]))
            continue;
        of[n_files] = &jobs[i];
        files[n_files++] =
            (struct workers_file){.fd = jobs[i].fd, .size = jobs[i].size};
    }
    workers_parse_all(config->workers, &limits, 0, files, n_files);
    for (size_t i = 0; i < n_files; i++)
        finish(of[i], &files[i]);
}

void index_dicom_parser(const struct index_dicom_config *config,
                        struct index_parser *ret)
{
    *ret = (struct index_parser){
        .revision = INDEX_DICOM_REVISION,
        .opaque = (void *)(uintptr_t)config, /* parse only reads it */
        .parse = parse,
        .release = release,
    };
}
