// SPDX-License-Identifier: MIT
#include "support/fake_parser.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kept {
    atomic_uint *count;
    char text[4096];
};

/* The value of a line, cut out of the text; NULL if there is none. */
static const char *value_of(char *text, const char *key)
{
    size_t length = strlen(key);

    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');

        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return line + length + 1;
        line = end ? end + 1 : NULL;
    }
    return NULL;
}

static double number_of(char *text, const char *key, double fallback)
{
    const char *value = value_of(text, key);

    return value ? strtod(value, NULL) : fallback;
}

static void fill(char *text, struct index_parsed *ret)
{
    struct manifest_header *h = &ret->header;
    static const char *const keys[] = {"study", "series", "sop", "patient"};
    const char **fields[] = {&h->study_uid, &h->series_uid, &h->sop_uid,
                             &h->patient_id};
    static const double axial[6] = {1, 0, 0, 0, 1, 0};

    h->has_pixels = number_of(text, "pixels", 1) != 0;
    h->instance_number = (int64_t)number_of(text, "number", 1);
    h->ipp[0] = h->ipp[1] = 0;
    h->ipp[2] = number_of(text, "z", 0);
    for (size_t i = 0; i < 4; i++)
        *fields[i] = value_of(text, keys[i]);
    ret->problem = value_of(text, "problem");
    ret->problem_errno = ret->problem ? EOPNOTSUPP : 0;
    for (char *p = text; *p; p++) /* now the lines can be cut */
        if (*p == '\n')
            *p = '\0';
    h->modality = "CT";
    h->decodable = true;
    h->frames = 1;
    h->frames_known = true;
    (void)memcpy(h->iop, axial, sizeof axial);
    h->px_x = h->px_y = 1;
    h->desc = (struct decode_desc){.codec = DECODE_NATIVE_LE,
                                   .photometric = DECODE_MONOCHROME2,
                                   .rows = 4,
                                   .cols = 4,
                                   .samples = 1,
                                   .bits_alloc = 16,
                                   .bits_stored = 16,
                                   .high_bit = 15};
}

static void release(void *opaque)
{
    struct kept *kept = opaque;

    atomic_fetch_sub(kept->count, 1);
    free(kept);
}

static int parse_one(struct fake_parser *state, int fd,
                     struct index_parsed *ret, struct error *err)
{
    struct kept *kept = calloc(1, sizeof *kept);

    if (!kept)
        return error_no_memory(err);
    atomic_fetch_add(&state->calls, 1);
    if (state->delay_us > 0)
        (void)usleep(state->delay_us);
    ssize_t n = pread(fd, kept->text, sizeof kept->text - 1, 0);
    int verdict = INDEX_NOT_DICOM;

    if (n < 0)
        verdict = error_set_sys(err, errno, "cannot read");
    else if (strncmp(kept->text, "DAMAGED", 7) == 0)
        verdict = error_set(err, ERROR_CORRUPT, "it is damaged");
    else if (strncmp(kept->text, "DIRECTORY", 9) == 0)
        verdict = INDEX_DIRECTORY;
    else if (strncmp(kept->text, "FAKE\n", 5) == 0)
        verdict = INDEX_DICOM;
    if (verdict != INDEX_DICOM) {
        free(kept);
        return verdict;
    }
    fill(kept->text, ret);
    kept->count = &state->kept;
    atomic_fetch_add(&state->kept, 1);
    ret->keep = kept;
    return verdict;
}

static void parse(void *opaque, struct index_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        jobs[i].verdict =
            parse_one(opaque, jobs[i].fd, jobs[i].ret, &jobs[i].err);
}

void fake_parser_init(struct fake_parser *state, struct index_parser *ret)
{
    *ret = (struct index_parser){
        .revision = state->revision ? state->revision : "fake 1",
        .opaque = state,
        .parse = parse,
        .release = release,
    };
}

char *fake_file(const char *study, const char *series, const char *sop,
                double z, const char *more)
{
    char *text = NULL;
    const struct {
        const char *key, *value;
    } lines[] = {{"study", study}, {"series", series}, {"sop", sop}};
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    (void)fputs("FAKE\n", out);
    for (size_t i = 0; i < 3; i++)
        if (lines[i].value)
            (void)fprintf(out, "%s %s\n", lines[i].key, lines[i].value);
    (void)fprintf(out, "z %g\n%s", z, more ? more : "");
    (void)fclose(out);
    return text;
}
