// SPDX-License-Identifier: MIT
/*
 * decode_pipe.c: decodes frames for a script.
 *
 * Each line of stdin is
 *
 *     codec photometric element rows cols samples alloc stored high signed
 *     planar first_bit INPUT OUTPUT
 *
 * (numbers as in decode.h, paths without blanks). The file INPUT is one
 * frame; its samples go to OUTPUT, packed, in host byte order. Each line is
 * answered by "ok CHANNELS TYPE" or "error KIND TEXT".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"

struct bytes {
    uint8_t *data;
    size_t size;
};

static int read_file(const char *path, struct bytes *ret)
{
    FILE *f = fopen(path, "rb");
    long size;

    if (!f)
        return -1;
    (void)fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    ret->size = (size_t)size;
    ret->data = malloc(ret->size + 1);
    if (!ret->data || fread(ret->data, 1, ret->size, f) != ret->size) {
        (void)fclose(f);
        return -1;
    }
    return fclose(f);
}

static int write_file(const char *path, const uint8_t *data, size_t size)
{
    FILE *f = fopen(path, "wb");

    if (!f)
        return -1;
    if (fwrite(data, 1, size, f) != size) {
        (void)fclose(f);
        return -1;
    }
    return fclose(f);
}

static int decode(const struct decode_desc *desc, unsigned first_bit,
                  const char *input, const char *output, struct image *out,
                  struct error *err)
{
    struct bytes in = {NULL, 0};
    size_t size;
    int rc = -1;

    if (decode_output(desc, &out->channels, &out->type, err))
        return -1;
    out->width = desc->cols;
    out->height = desc->rows;
    out->stride_bytes =
        (size_t)out->width * out->channels * sample_bytes(out->type);
    size = out->stride_bytes * out->height;
    out->data = malloc(size);
    if (!out->data || read_file(input, &in))
        (void)error_set(err, ERROR_IO, "cannot read %s", input);
    else if (!decode_frame(desc, in.data, in.size, first_bit, out, err))
        rc = write_file(output, out->data, size);
    free(in.data);
    free(out->data);
    return rc;
}

int main(void)
{
    char line[4096], input[1024], output[1024];

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)printf("%s\n", decode_versions());
    while (fgets(line, sizeof line, stdin)) {
        struct decode_desc d = {0};
        struct error err = ERROR_INIT;
        struct image out = {0};
        unsigned codec, photometric, element, is_signed, planar, bit;

        if (sscanf(line, "%u %u %u %u %u %u %u %u %u %u %u %u %1023s %1023s",
                   &codec, &photometric, &element, &d.rows, &d.cols, &d.samples,
                   &d.bits_alloc, &d.bits_stored, &d.high_bit, &is_signed,
                   &planar, &bit, input, output) != 14) {
            (void)fprintf(stderr, "bad line: %s", line);
            return 2;
        }
        d.codec = (enum decode_codec)codec;
        d.photometric = (enum decode_photometric)photometric;
        d.element = (enum decode_element)element;
        d.is_signed = is_signed;
        d.planar = planar;
        if (decode(&d, bit, input, output, &out, &err))
            (void)printf("error %d %s\n", (int)err.kind, err.msg);
        else
            (void)printf("ok %u %d\n", out.channels, (int)out.type);
    }
    return 0;
}
