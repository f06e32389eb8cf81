// SPDX-License-Identifier: MIT
/*
 * dicom_header.c: the steps from a source to a struct dicom_header.
 */
#include "dicom/dicom_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void dicom_global_init(void)
{
    dcmtk_global_init();
}

const char *dicom_warning_text(enum dicom_warning warning)
{
    static const struct {
        enum dicom_warning warning;
        const char *text;
    } texts[] = {
        {DICOM_WARN_NO_PREAMBLE, "no preamble"},
        {DICOM_WARN_NO_META, "no file meta group"},
        {DICOM_WARN_SYNTAX_GUESSED, "transfer syntax not stated, guessed"},
        {DICOM_WARN_SYNTAX_WRONG, "not encoded as its transfer syntax says"},
        {DICOM_WARN_TRUNCATED, "ends before its pixel data does"},
        {DICOM_WARN_FRAMES_GUESSED, "NumberOfFrames unusable, counted"},
        {DICOM_WARN_FRAMES_SHORT, "pixel data for fewer frames than stated"},
        {DICOM_WARN_PIXELS_LONG, "pixel data for more frames than stated"},
        {DICOM_WARN_WINDOW_INVALID, "invalid window skipped"},
        {DICOM_WARN_LUT_INVALID, "invalid lookup table skipped"},
        {DICOM_WARN_SPACING_INVALID, "invalid PixelSpacing skipped"},
        {DICOM_WARN_SPACING_IMAGER, "spacing is ImagerPixelSpacing"},
        {DICOM_WARN_UID_MALFORMED, "malformed UID"},
        {DICOM_WARN_UID_MISSING, "study, series or SOP instance UID missing"},
        {DICOM_WARN_RESCALE_INVALID, "invalid rescale slope or intercept"},
        {DICOM_WARN_RESCALE_MR, "MR rescale may not be a modality LUT"},
        {DICOM_WARN_CHARSET, "text is not of its character set"},
        {DICOM_WARN_BITS, "BitsStored or HighBit repaired"},
        {DICOM_WARN_GROUPS,
         "per-frame functional groups are not NumberOfFrames"},
        {DICOM_WARN_PIXEL_LENGTH, "native pixel data of undefined length"},
        {DICOM_WARN_PALETTE, "palette descriptor contradicts its data"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].warning == warning)
            return texts[i].text;
    return "";
}

const struct dicom_frame *dicom_frame_at(const struct dicom_header *header,
                                         uint64_t frame)
{
    return frame < header->n_per_frame ? &header->per_frame[frame]
                                       : &header->shared;
}

/* ---- parsing ----------------------------------------------------------------
 */

static int source_read(const void *opaque, uint64_t offset, void *data,
                       size_t length, struct error *err)
{
    return dicom_source_read(opaque, offset, data, length, err);
}

static bool has_uid(const struct dcmtk_item *root, uint32_t tag)
{
    struct dicom_buffer buffer;
    struct dicom_value value;
    char text[65] = {0};
    const char *part;
    size_t length;
    bool good = dicom_get(root, tag, &buffer, &value) &&
                dicom_text_part((const char *)value.bytes, value.length, 0,
                                &part, &length) &&
                length < sizeof text;

    if (good)
        memcpy(text, part, length);
    return good && dicom_uid_is_name(text);
}

/* Is there anything in it that an object of DICOM has? Garbage can parse. */
static bool makes_sense(const struct dcmtk_item *root)
{
    static const uint32_t uids[] = {TAG_SOP_CLASS, TAG_SOP_INSTANCE, TAG_STUDY,
                                    TAG_SERIES};
    struct dcmtk_element e;

    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++)
        if (has_uid(root, uids[i]))
            return true;
    return dcmtk_find(root, TAG_ROWS, &e) && e.length == 2;
}

struct attempt {
    struct dcmtk_dataset *dataset;
    enum dcmtk_outcome outcome;
    bool good;
    uint64_t stop;
    char text[160];
};

static int parse_as(const struct dicom_source *s, enum dcmtk_encoding encoding,
                    struct attempt *ret, struct error *err)
{
    struct dcmtk_input input = {
        .read = source_read,
        .opaque = s,
        .start = s->data_start,
        .end = s->size,
        .encoding = encoding,
        .stop_tag = TAG_SHARED_GROUPS,
        .max_bytes = s->limits.header_bytes,
        .max_cpu_seconds = s->limits.cpu_seconds,
    };

    ret->dataset =
        dcmtk_parse(&input, &ret->outcome, ret->text, &ret->stop, err);
    if (!ret->dataset)
        return -1;
    ret->good =
        ret->outcome == DCMTK_COMPLETE
            ? !dcmtk_is_empty(dcmtk_root(ret->dataset)) || ret->stop < s->size
            : ret->outcome == DCMTK_TRUNCATED &&
                  makes_sense(dcmtk_root(ret->dataset));
    return 0;
}

/* As stated (or seen), then once as implicit little endian, by far the most
 * frequent truth behind a wrong statement. */
static int parse(struct dicom_build *build, struct dcmtk_dataset **ret,
                 struct error *err)
{
    const struct dicom_source *s = build->source;
    struct attempt a, b;

    build->encoding = s->encoding;
    if (parse_as(s, s->encoding, &a, err) != 0)
        return -1;
    if (!a.good && s->encoding != DCMTK_IMPLICIT_LE) {
        if (parse_as(s, DCMTK_IMPLICIT_LE, &b, err) != 0) {
            dcmtk_dataset_free(a.dataset);
            return -1;
        }
        if (b.good && makes_sense(dcmtk_root(b.dataset))) {
            dcmtk_dataset_free(a.dataset);
            a = b;
            build->encoding = DCMTK_IMPLICIT_LE;
            build->header->warnings |= DICOM_WARN_SYNTAX_WRONG;
        } else {
            dcmtk_dataset_free(b.dataset);
        }
    }
    if (!a.good) {
        dcmtk_dataset_free(a.dataset);
        return error_set(err, ERROR_CORRUPT, "not parsable: %s",
                         a.text[0] ? a.text : "no DICOM attributes");
    }
    if (a.outcome == DCMTK_TRUNCATED)
        build->header->warnings |= DICOM_WARN_TRUNCATED;
    build->tail = a.stop;
    *ret = a.dataset;
    return 0;
}

/* ---- identification
 * ------------------------------------------------------------ */

static int keep_uid(struct dicom_build *build, const char *text,
                    struct dicom_uid *ret, struct error *err)
{
    char *copy;

    if (!text)
        return 0;
    copy = dicom_arena_text(build->arena, text, strlen(text));
    if (!copy)
        return error_no_memory(err);
    ret->text = copy;
    ret->is_name = dicom_uid_is_name(copy);
    if (!ret->is_name)
        build->header->warnings |= DICOM_WARN_UID_MALFORMED;
    return 0;
}

/* From the data set, else from the meta group. */
static int read_uid(struct dicom_build *build, uint32_t tag,
                    const char *otherwise, struct dicom_uid *ret,
                    struct error *err)
{
    bool oom = false;
    const char *text = dicom_get_text(build, tag, &oom);

    if (oom)
        return error_no_memory(err);
    return keep_uid(build, text ? text : otherwise, ret, err);
}

static int read_uids(struct dicom_build *build, struct error *err)
{
    const struct dicom_source *s = build->source;
    struct dicom_header *h = build->header;

    if (keep_uid(build, s->transfer_syntax, &h->transfer_syntax, err) != 0 ||
        read_uid(build, TAG_SOP_CLASS, s->meta_sop_class, &h->sop_class, err) !=
            0 ||
        read_uid(build, TAG_SOP_INSTANCE, s->meta_sop_instance,
                 &h->sop_instance, err) != 0 ||
        read_uid(build, TAG_STUDY, NULL, &h->study, err) != 0 ||
        read_uid(build, TAG_SERIES, NULL, &h->series, err) != 0 ||
        read_uid(build, TAG_FRAME_OF_REFERENCE, NULL, &h->frame_of_reference,
                 err) != 0)
        return -1;
    if (!h->study.text || !h->series.text || !h->sop_instance.text)
        h->warnings |= DICOM_WARN_UID_MISSING;
    return 0;
}

static enum dicom_answer yes_or_no(const char *text, const char *yes,
                                   const char *no)
{
    if (text && strcasecmp(text, yes) == 0)
        return DICOM_YES;
    if (text && strcasecmp(text, no) == 0)
        return DICOM_NO;
    return DICOM_UNSAID;
}

/* AcquisitionDateTime, else date and time put together. */
static const char *acquisition_datetime(struct dicom_build *build, bool *oom)
{
    const char *text = dicom_get_text(build, TAG_ACQUISITION_DATETIME, oom);
    const char *date, *time;
    char *joined;

    if (text)
        return text;
    date = dicom_get_text(build, TAG_ACQUISITION_DATE, oom);
    time = dicom_get_text(build, TAG_ACQUISITION_TIME, oom);
    if (!date || !time)
        return date;
    joined =
        dicom_arena_alloc(build->arena, strlen(date) + strlen(time) + 1, 1);
    if (!joined) {
        *oom = true;
        return NULL;
    }
    return strcat(strcpy(joined, date), time);
}

static int read_texts(struct dicom_build *build, struct error *err)
{
    struct dicom_header *h = build->header;
    const struct {
        uint32_t tag;
        const char **to;
    } texts[] = {
        {TAG_PATIENT_ID, &h->patient_id},
        {TAG_PATIENT_ISSUER, &h->patient_issuer},
        {TAG_PATIENT_SEX, &h->patient_sex},
        {TAG_PATIENT_BIRTH_DATE, &h->patient_birth_date},
        {TAG_STUDY_DATE, &h->study_date},
        {TAG_STUDY_DESCRIPTION, &h->study_description},
        {TAG_ACCESSION, &h->accession},
        {TAG_MODALITY, &h->modality},
        {TAG_SERIES_DESCRIPTION, &h->series_description},
        {TAG_BODY_PART, &h->body_part},
        {TAG_IMAGE_LATERALITY, &h->laterality},
        {TAG_MANUFACTURER, &h->manufacturer},
        {TAG_MODEL, &h->model},
        {TAG_KERNEL, &h->kernel},
        {TAG_IMAGE_TYPE, &h->image_type},
        {TAG_VIEW_POSITION, &h->view_position},
        {TAG_RESCALE_TYPE, &h->rescale_type},
    };
    bool oom = false;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i].to = dicom_get_text(build, texts[i].tag, &oom);
    if (!h->laterality)
        h->laterality = dicom_get_text(build, TAG_LATERALITY, &oom);
    h->acquisition_datetime = acquisition_datetime(build, &oom);
    h->burned_in =
        yes_or_no(dicom_get_text(build, TAG_BURNED_IN, &oom), "YES", "NO");
    h->lossy = yes_or_no(dicom_get_text(build, TAG_LOSSY, &oom), "01", "00");
    return oom ? error_no_memory(err) : 0;
}

static int read_identity(struct dicom_build *build, struct error *err)
{
    static const char directory[] = "1.2.840.10008.1.3.10";
    struct dicom_header *h = build->header;
    const struct dcmtk_item *root = build->root;
    struct dcmtk_element e;
    bool oom = false;

    build->charset = dicom_get_text(build, TAG_CHARACTER_SET, &oom);
    if (oom)
        return error_no_memory(err);
    if (read_uids(build, err) != 0 || read_texts(build, err) != 0)
        return -1;
    h->series_number = dicom_get_integer(root, TAG_SERIES_NUMBER, "IS");
    h->instance_number = dicom_get_integer(root, TAG_INSTANCE_NUMBER, "IS");
    h->acquisition_number =
        dicom_get_integer(root, TAG_ACQUISITION_NUMBER, "IS");
    h->kvp = dicom_get_number(root, TAG_KVP, "DS");
    h->kind = DICOM_NOT_IMAGE;
    if ((h->sop_class.text && strcmp(h->sop_class.text, directory) == 0) ||
        dcmtk_find(root, 0x00041220, &e))
        h->kind = DICOM_DIRECTORY;
    return 0;
}

static int read_presentation(struct dicom_build *build, struct error *err)
{
    bool oom = false;
    const char *text = dicom_get_text(build, TAG_PRESENTATION_SHAPE, &oom);

    if (oom)
        return error_no_memory(err);
    if (text && strcasecmp(text, "INVERSE") == 0)
        build->header->presentation = DICOM_PRESENTATION_INVERSE;
    else if (text && strcasecmp(text, "IDENTITY") == 0)
        build->header->presentation = DICOM_PRESENTATION_IDENTITY;
    return 0;
}

/* ---- extra attributes
 * ------------------------------------------------------------ */

enum { EXTRA_VALUES_MAX = 64 };

static int keep_part(struct dicom_build *build, const char *text,
                     uint32_t index, struct dicom_attr *attr, struct error *err)
{
    const char *part;
    size_t length;
    char *copy;

    if (!dicom_text_part(text, strlen(text), index, &part, &length))
        return 0;
    copy = dicom_arena_text(build->arena, part, length);
    if (!copy)
        return error_no_memory(err);
    attr->text = copy;
    return 0;
}

static int read_attr(struct dicom_build *build, uint32_t tag,
                     struct dicom_attr *attrs, uint32_t *n, struct error *err)
{
    struct dicom_buffer buffer;
    struct dicom_value value;
    const char *text = NULL;
    bool oom = false;
    uint32_t count;
    int rc = 0;

    if (!dicom_get(build->root, tag, &buffer, &value))
        return 0;
    count = dicom_value_count(&value, "??");
    if (count > EXTRA_VALUES_MAX)
        count = EXTRA_VALUES_MAX;
    if (dicom_value_is_text(&value))
        text = dicom_get_text(build, tag, &oom);
    if (oom)
        rc = error_no_memory(err);
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        struct dicom_attr *a = &attrs[(*n)++];

        *a = (struct dicom_attr){.tag = tag, .index = i, .number = NAN};
        if (!dicom_value_number(&value, "??", i, &a->number))
            a->number = NAN;
        if (text)
            rc = keep_part(build, text, i, a, err);
    }
    return rc;
}

static int read_extra(struct dicom_build *build, struct error *err)
{
    const struct dicom_limits *limits = &build->source->limits;
    struct dicom_header *h = build->header;
    struct dicom_attr *attrs;

    if (limits->n_extra_tags == 0)
        return 0;
    attrs = dicom_arena_alloc(build->arena, limits->n_extra_tags,
                              EXTRA_VALUES_MAX * sizeof *attrs);
    if (!attrs)
        return error_no_memory(err);
    h->extra = attrs;
    for (size_t i = 0; i < limits->n_extra_tags; i++)
        if (read_attr(build, limits->extra_tags[i], attrs, &h->n_extra, err))
            return -1;
    return 0;
}

/* ---- all together
 * ------------------------------------------------------------------ */

/* The growing arrays go to the arena, whatever became of them. */
static int settle(struct dicom_build *build, struct error *err)
{
    struct dicom_header *h = build->header;
    uint32_t n = build->n_items;
    bool kept = true;

    free(build->stacks);
    build->stacks = NULL;
    if (build->windows) {
        h->windows = dicom_arena_take(build->arena, build->windows);
        kept = kept && h->windows;
    }
    if (build->luts) {
        h->voi_luts = dicom_arena_take(build->arena, build->luts);
        kept = kept && h->voi_luts;
    }
    if (build->per_frame) {
        h->per_frame = dicom_arena_take(build->arena, build->per_frame);
        kept = kept && h->per_frame;
    }
    if (build->index_values) {
        h->index_values = dicom_arena_take(build->arena, build->index_values);
        kept = kept && h->index_values;
    }
    if (!kept)
        return error_no_memory(err);
    h->n_per_frame = n < h->frames ? n : h->frames;
    if (n > 0 && n != h->frames && h->has_pixels)
        h->warnings |= DICOM_WARN_GROUPS;
    if (build->index_values_bad || n < h->frames)
        h->index_values = NULL;
    return 0;
}

static int read_root(struct dicom_build *build, struct error *err)
{
    struct dicom_header *h = build->header;

    if (read_identity(build, err) != 0 || dicom_read_desc(build, err) != 0)
        return -1;
    dicom_read_rescale(build);
    dicom_read_padding(build);
    dicom_read_geometry(build);
    if (read_presentation(build, err) != 0 ||
        dicom_read_modality_lut(build, err) != 0 ||
        dicom_read_voi_luts(build, err) != 0 ||
        dicom_read_windows(build, err) != 0 ||
        dicom_read_palette(build, err) != 0 ||
        dicom_read_dimensions(build, err) != 0 ||
        dicom_read_turned(build, err) != 0 || read_extra(build, err) != 0 ||
        dicom_read_tail(build, err) != 0 ||
        dicom_read_frames(build, err) != 0 ||
        dicom_read_vector(build, err) != 0)
        return -1;
    if (h->modality && strcmp(h->modality, "MR") == 0 &&
        (h->shared.slope != 1 || h->shared.intercept != 0))
        h->warnings |= DICOM_WARN_RESCALE_MR;
    return 0;
}

static int read_header(struct dicom_build *build, struct error *err)
{
    struct dcmtk_dataset *dataset = NULL;
    struct error *settle_err = err;
    int rc;

    if (parse(build, &dataset, err) != 0)
        return -1;
    build->root = dcmtk_root(dataset);
    rc = read_root(build, err);
    if (rc == 0)
        rc = dcmtk_check(dataset, err);
    if (rc != 0)
        settle_err = NULL; /* the first error is the one to tell */
    if (settle(build, settle_err) != 0)
        rc = -1;
    if (rc == 0)
        dicom_read_spacing(build);
    dcmtk_dataset_free(dataset);
    return rc;
}

int dicom_header_read(const struct dicom_source *source,
                      struct dicom_header *ret, struct error *err)
{
    struct dicom_build build = {
        .source = source,
        .header = ret,
        .lut_budget = source->limits.lut_bytes,
    };

    *ret = (struct dicom_header)DICOM_HEADER_INIT;
    build.arena = dicom_arena_new();
    if (!build.arena)
        return error_no_memory(err);
    ret->arena = build.arena;
    ret->warnings = source->warnings;
    if (read_header(&build, err) != 0) {
        dicom_header_deinit(ret);
        return -1;
    }
    return 0;
}

void dicom_header_deinit(struct dicom_header *header)
{
    dicom_arena_free(header->arena);
    *header = (struct dicom_header)DICOM_HEADER_INIT;
}
