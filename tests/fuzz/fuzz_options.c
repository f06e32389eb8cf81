// SPDX-License-Identifier: MIT
/*
 * fuzz_options.c: any lines as the arguments of prepfs: read, or refused in
 * words.
 */
#undef NDEBUG
#include "options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_options(const struct options *o)
{
    assert(o->help || o->version || (o->archive && o->mountpoint));
    assert(o->help || o->version || !(o->allow_other && o->allow_root));
    assert(o->foreground || !o->debug);
    assert(o->default_permissions || !o->allow_other);
    assert(o->uid >= -1 && o->gid >= -1 && o->umask <= 0777);
    assert(o->workers >= -1);
}

static void fuzz_arguments(int argc, char **argv)
{
    struct options o;
    struct error err = ERROR_INIT;

    if (options_parse(argc, argv, &o, &err) != 0) {
        assert(err.kind == ERROR_USAGE && err.msg[0] != '\0');
        return;
    }
    check_options(&o);
    options_deinit(&o);
}

static void fuzz_size(const char *text)
{
    struct error err = ERROR_INIT;
    uint64_t size;

    if (options_parse_size(text, &size, &err) != 0)
        assert(err.kind == ERROR_USAGE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *argv[ARGUMENTS_MAX + 1] = {"prepfs"};
    int argc = 1;
    char *at = text;

    assert(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    while (argc < ARGUMENTS_MAX && at) {
        char *end = strchr(at, '\n');

        if (end)
            *end++ = '\0';
        argv[argc++] = at;
        at = end;
    }
    fuzz_size(argv[1]);
    fuzz_arguments(argc, argv);
    free(text);
    return 0;
}
