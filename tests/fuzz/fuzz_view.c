// SPDX-License-Identifier: MIT
/*
 * fuzz_view.c: any bytes as the name of a view, of a leaf, and as a
 * configuration file.
 *
 * The first line of the input is a name, the rest a configuration. What is
 * understood must print and read back; what is not must be blamed within the
 * name.
 */
#undef NDEBUG
#include "view/view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Words about a name, and the nearest right word, take ten times as long as the
 * name itself: some names get them. */
static bool gets_words(const char *name)
{
    return strlen(name) % 8 == 0;
}

static void explain(const char *name, const struct view_presets *presets)
{
    static FILE *nowhere;

    if (!nowhere)
        nowhere = fopen("/dev/null", "we");
    assert(nowhere);
    (void)view_explain(name, presets, nowhere);
}

static void check_problem(const char *name, const struct view_problem *problem,
                          const struct error *err)
{
    assert(problem->kind != VIEW_PROBLEM_NONE);
    assert(problem->offset <= strlen(name));
    assert(problem->kind == VIEW_PROBLEM_TOO_LONG ||
           problem->offset + problem->length <= strlen(name) + 1);
    assert(err->kind == (problem->kind == VIEW_PROBLEM_UNKNOWN
                             ? ERROR_NOT_FOUND
                             : ERROR_BAD_VIEW));
}

static void fuzz_name(const char *name, const struct view_presets *presets)
{
    struct view view, again;
    struct view_problem problem;
    struct error err = ERROR_INIT;
    bool words = gets_words(name);
    char text[VIEW_TEXT_SIZE];
    char folder[VIEW_DIRNAME_MAX + 1];

    if (view_parse(name, presets, &view, words ? &problem : NULL, &err)) {
        if (words)
            check_problem(name, &problem, &err);
    } else {
        assert(view_print(&view, text, sizeof text) < sizeof text);
        assert(view_parse_stored(text, &again, &err) == 0);
        assert(view_equal(&view, &again));
        view_canonical_name(&view, folder);
        assert(strlen(folder) <= VIEW_DIRNAME_MAX);
    }
    if (words)
        explain(name, presets);
}

static void fuzz_leaf(const char *name)
{
    struct view_leaf leaf, again;
    struct error err = ERROR_INIT;
    char text[VIEW_LEAF_SIZE];

    if (view_leaf_parse(name, &leaf, &err)) {
        assert(err.kind == ERROR_NOT_FOUND);
        return;
    }
    assert(view_leaf_print(&leaf, text, sizeof text) < sizeof text);
    assert(leaf.is_alias || strcmp(text, name) == 0);
    assert(view_leaf_parse(text, &again, &err) == 0);
    assert(strcmp(leaf.stem, again.stem) == 0 && leaf.part == again.part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct view_presets *presets = NULL;
    struct error err = ERROR_INIT;
    char *config;

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    config = strchr(text, '\n');
    if (config) {
        *config++ = '\0';
        if (view_presets_parse("fuzz", config, &presets, &err))
            assert(err.kind == ERROR_USAGE && !presets);
    }
    fuzz_name(text, presets);
    fuzz_leaf(text);
    view_presets_free(presets);
    free(text);
    return 0;
}
