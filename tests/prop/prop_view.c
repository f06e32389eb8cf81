// SPDX-License-Identifier: MIT
/*
 * prop_view.c: laws of names, on random names made from the operator table.
 *
 *   parse(print(v)) = v, and printing again changes nothing
 *   the order of operators, of arguments, and the spelling of numbers do not
 *   matter
 *   a preset is as good as what it stands for
 *   view_measure and view_pixels are idempotent, and name views
 *   a refused name is blamed within the name, and without the blamed
 *   operator it is refused for another reason or not at all
 *   random damage never does harm
 *
 * PROP_SEED and PROP_RUNS replay a run.
 */
#undef NDEBUG
#include "view/view_ops.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

static uint64_t next(void) /* SplitMix64 */
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(next() % n);
}

static bool chance(uint32_t percent)
{
    return below(100) < percent;
}

#define TOKEN_SIZE 256
#define PIECES_MAX 12

/* A token: its name, then arguments that may be shuffled. */
struct token {
    const struct view_form *form;
    char head[40];
    char pieces[PIECES_MAX][80];
    unsigned count;
};

static uint64_t runs;
static const char *current = "";

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            printf("not ok 1 - %s, line %d, run %" PRIu64 ": %s\n",            \
                   #condition, __LINE__, runs, current);                       \
            exit(EXIT_FAILURE);                                                \
        }                                                                      \
    } while (0)

/* A whole number in [lo, hi], small ones more often, at times with zeros in
 * front. */
static int whole(char *out, size_t size, double lo, double hi)
{
    double span = chance(70) && hi - lo > 50 ? 50 : hi - lo;
    uint64_t value = (uint64_t)lo + next() % ((uint64_t)span + 1);

    if (chance(5))
        value = (uint64_t)(chance(50) ? lo : hi);
    return snprintf(out, size, "%s%" PRIu64, chance(10) ? "00" : "", value);
}

static int number(char *out, size_t size, double lo, double hi)
{
    uint64_t mantissa = next() % 1000000;
    unsigned decimals = below(7);
    double value;
    char text[32];

    for (;;) {
        uint64_t unit = 1;

        for (unsigned i = 0; i < decimals; i++)
            unit *= 10;
        (void)snprintf(text, sizeof text, "%s%" PRIu64 ".%0*" PRIu64,
                       lo < 0 && chance(40) ? "-" : "", mantissa / unit,
                       (int)(decimals > 0 ? decimals : 1), mantissa % unit);
        value = strtod(text, NULL);
        if (value >= lo && value <= hi)
            break;
        mantissa = next() % 1000;
        decimals = below(7);
    }
    if (decimals == 0 && chance(80))
        *strchr(text, '.') = '\0';
    return snprintf(out, size, "%s%s", text,
                    strchr(text, '.') && chance(20) ? "00" : "");
}

static int dims(char *out, size_t size, const struct view_arg *arg,
                bool with_depth)
{
    int n = whole(out, size, arg->lo, arg->hi);

    if (arg->kind == ARG_SQUARE && chance(20))
        return n;
    n += snprintf(out + n, size - (size_t)n, "x");
    n += whole(out + n, size - (size_t)n, arg->lo, arg->hi);
    if (!with_depth)
        return n;
    n += snprintf(out + n, size - (size_t)n, "x");
    return n + whole(out + n, size - (size_t)n, arg->lo, arg->hi);
}

static int box(char *out, size_t size, const struct view_arg *arg,
               bool with_depth)
{
    int n = dims(out, size, arg, with_depth);

    n += snprintf(out + n, size - (size_t)n, "at");
    n += whole(out + n, size - (size_t)n, 0, arg->hi);
    n += snprintf(out + n, size - (size_t)n, "x");
    n += whole(out + n, size - (size_t)n, 0, arg->hi);
    if (!with_depth)
        return n;
    n += snprintf(out + n, size - (size_t)n, "x");
    return n + whole(out + n, size - (size_t)n, 0, arg->hi);
}

static int spacing(char *out, size_t size, const struct view_arg *arg,
                   bool with_depth)
{
    int n = number(out, size, arg->lo, arg->hi);

    n += snprintf(out + n, size - (size_t)n, "x");
    n += number(out + n, size - (size_t)n, arg->lo, arg->hi);
    if (!with_depth)
        return n;
    n += snprintf(out + n, size - (size_t)n, "x");
    return n + number(out + n, size - (size_t)n, arg->lo, arg->hi);
}

static void pick(char *out, size_t size)
{
    unsigned first = 1 + below(100);
    unsigned last = first + below(100);

    switch (below(3)) {
    case 0:
        (void)snprintf(out, size, "%u", first);
        break;
    case 1:
        (void)snprintf(out, size, "%uto%u", first, last);
        break;
    default:
        (void)snprintf(out, size, "%uto%uby%u", first, last, 1 + below(9));
        break;
    }
}

static void letters(char *out)
{
    static const char *const some[] = {"h",  "v",  "z",   "hv",  "vh", "zv",
                                       "hz", "zh", "hvz", "zhv", "vzh"};

    strcpy(out, some[below(sizeof some / sizeof some[0])]);
}

static void value(char *out, size_t size, const struct view_arg *arg,
                  bool with_depth)
{
    switch (arg->kind) {
    case ARG_NUM:
        (void)number(out, size, arg->lo, arg->hi);
        break;
    case ARG_INT:
        (void)whole(out, size, arg->lo, arg->hi);
        break;
    case ARG_SEED:
        (void)whole(out, size, 0, 999999999999999.0);
        break;
    case ARG_DIMS:
    case ARG_SQUARE:
        (void)dims(out, size, arg, with_depth);
        break;
    case ARG_SPACING:
        (void)spacing(out, size, arg, with_depth);
        break;
    case ARG_RANGE: {
        int a = (int)below(2000) - 1000;

        (void)snprintf(out, size, "%dto%d.50", a, a + (int)below(3000));
        break;
    }
    case ARG_BOX:
        (void)box(out, size, arg, with_depth);
        break;
    case ARG_PICK:
        pick(out, size);
        break;
    case ARG_SKIP:
        if (chance(50))
            (void)snprintf(out, size, "%uto%u", below(9), below(9));
        else
            (void)snprintf(out, size, "%u", below(9));
        break;
    case ARG_FLIP:
        letters(out);
        break;
    case ARG_NAME:
        (void)snprintf(out, size, "a%ub", below(1000));
        break;
    case ARG_WORD:
    case ARG_END:
        break;
    }
}

static bool word_taken(const struct token *t, const struct view_arg *arg)
{
    for (const struct view_arg *a = t->form->args; a->kind != ARG_END; a++)
        if (a != arg && a->kind == ARG_WORD && a->store == STORE_ENUM &&
            a->offset == arg->offset)
            for (unsigned i = 0; i < t->count; i++)
                if (strcmp(t->pieces[i], a->key) == 0)
                    return true;
    return false;
}

static void make_token(struct token *t, const struct view_form *form)
{
    bool with_depth = chance(30);

    t->form = form;
    t->count = 0;
    (void)snprintf(t->head, sizeof t->head, "%s%s%s", form->name,
                   form->word ? "-" : "", form->word ? form->word : "");
    for (size_t i = 0; i < view_aliases_count; i++)
        if (form->word && chance(50) &&
            strcmp(view_aliases[i].target, form->name) == 0 &&
            strcmp(view_aliases[i].word, form->word) == 0)
            strcpy(t->head, view_aliases[i].name);
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++) {
        char *piece = t->pieces[t->count];
        size_t key = arg->key ? strlen(arg->key) : 0;

        if (!arg->required && chance(50))
            continue;
        if (arg->kind == ARG_WORD && word_taken(t, arg))
            continue;
        if (key > 0)
            memcpy(piece, arg->key, key);
        piece[key] = '\0';
        value(piece + key, sizeof t->pieces[0] - key, arg, with_depth);
        t->count++;
    }
}

static void write_token(const struct token *t, char *out, size_t size,
                        bool shuffled)
{
    unsigned order[PIECES_MAX];
    int n = snprintf(out, size, "%s", t->head);

    for (unsigned i = 0; i < t->count; i++)
        order[i] = i;
    for (unsigned i = t->count; shuffled && i > 1; i--) {
        unsigned k = below(i);
        unsigned swap = order[i - 1];

        order[i - 1] = order[k];
        order[k] = swap;
    }
    for (unsigned i = 0; i < t->count; i++)
        n += snprintf(out + n, size - (size_t)n, "-%s", t->pieces[order[i]]);
}

/* ---- names ---- */

struct name {
    struct token tokens[SLOT_COUNT];
    unsigned count;
};

static void make_name(struct name *name)
{
    unsigned want = 1 + below(chance(20) ? 20 : 6);

    name->count = 0;
    while (name->count < want && name->count < SLOT_COUNT) {
        const struct view_form *form =
            view_form_at(below((uint32_t)view_forms_count()));
        bool taken = false;

        for (unsigned i = 0; i < name->count; i++)
            taken |= name->tokens[i].form->slot == form->slot;
        if (taken) {
            want--;
            continue;
        }
        make_token(&name->tokens[name->count++], form);
    }
}

/* Shuffles the tokens; writes the name. */
static size_t write_name(struct name *name, char *out, size_t size,
                         bool shuffled)
{
    size_t n = 0;

    for (unsigned i = name->count; shuffled && i > 1; i--) {
        unsigned k = below(i);
        struct token swap = name->tokens[i - 1];

        name->tokens[i - 1] = name->tokens[k];
        name->tokens[k] = swap;
    }
    out[0] = '\0';
    for (unsigned i = 0; i < name->count; i++) {
        char token[TOKEN_SIZE];

        write_token(&name->tokens[i], token, sizeof token, shuffled);
        n += (size_t)snprintf(out + n, size - n, "%s%s", i > 0 ? "_" : "",
                              token);
    }
    return n;
}

/* Which token of the text as written holds the byte? */
static unsigned token_at(const char *text, size_t offset)
{
    unsigned i = 0;

    for (size_t k = 0; k < offset; k++)
        i += text[k] == '_';
    return i;
}

static uint64_t refused[VIEW_PROBLEM_IDLE + 1];

/* Takes the blamed operators out until the rest is understood. False if
 * nothing is left or the name is too long. */
static bool repair(struct name *name, char *text, size_t size, struct view *ret)
{
    while (name->count > 0) {
        struct view_problem problem;
        struct error err = ERROR_INIT;
        size_t length = write_name(name, text, size, false);
        unsigned guilty;

        current = text;
        if (length > VIEW_NAME_MAX)
            return false;
        if (view_parse(text, NULL, ret, &problem, &err) == 0) {
            CHECK(problem.kind == VIEW_PROBLEM_NONE);
            return true;
        }
        CHECK(problem.kind != VIEW_PROBLEM_NONE);
        CHECK(problem.length > 0);
        CHECK(problem.offset + problem.length <= length);
        CHECK(err.kind == ERROR_BAD_VIEW);
        refused[problem.kind]++;
        /* the words and values are right, only combinations are wrong */
        CHECK(problem.kind == VIEW_PROBLEM_CONFLICT ||
              problem.kind == VIEW_PROBLEM_IDLE ||
              problem.kind == VIEW_PROBLEM_RANGE ||
              (problem.kind == VIEW_PROBLEM_SYNTAX && strstr(text, "grid-")));
        guilty = token_at(text, problem.offset);
        CHECK(guilty < name->count);
        name->tokens[guilty] = name->tokens[--name->count];
    }
    return false;
}

static void check_round_trip(const struct view *view, char *canonical)
{
    char text[VIEW_TEXT_SIZE];
    struct view again;
    struct error err = ERROR_INIT;

    CHECK(view_print(view, canonical, VIEW_TEXT_SIZE) < VIEW_TEXT_SIZE);
    CHECK(view_parse_stored(canonical, &again, &err) == 0);
    CHECK(memcmp(view, &again, sizeof again) == 0);
    CHECK(view_equal(view, &again));
    (void)view_print(&again, text, sizeof text);
    CHECK(strcmp(text, canonical) == 0);
}

static void check_spellings(struct name *name, const char *canonical)
{
    char text[VIEW_TEXT_SIZE];
    char other[VIEW_TEXT_SIZE + 8];
    struct view view;

    for (int i = 0; i < 3; i++) {
        (void)write_name(name, text, sizeof text, true);
        CHECK(view_parse(text, NULL, &view, NULL, NULL) == 0);
        (void)view_print(&view, other, sizeof other);
        CHECK(strcmp(other, canonical) == 0);
    }
    (void)snprintf(other, sizeof other, "v1_%s", text);
    CHECK(view_parse_stored(other, &view, NULL) == 0);
    (void)view_print(&view, other, sizeof other);
    CHECK(strcmp(other, canonical) == 0);
}

static void check_preset(const char *canonical)
{
    char config[VIEW_TEXT_SIZE + 32];
    char text[VIEW_TEXT_SIZE];
    struct view_presets *presets;
    struct view view;

    (void)snprintf(config, sizeof config, "[views]\nA = %s\n", canonical);
    CHECK(view_presets_parse("prop", config, &presets, NULL) == 0);
    CHECK(view_parse("A", presets, &view, NULL, NULL) == 0);
    (void)view_print(&view, text, sizeof text);
    CHECK(strcmp(text, canonical) == 0);
    view_presets_free(presets);
}

/* Does the source, not the manifest, say how many frames there are? */
static bool is_depth_measured(const struct view *view)
{
    return view->select != VIEW_SELECT_SERIES &&
           view->resize == VIEW_RESIZE_SPACING && view->spacing_z > 0 &&
           view->canvas.depth == 0;
}

static void check_derived(const struct view *view)
{
    struct view once, twice;
    char text[VIEW_TEXT_SIZE];

    view_measure(view, &once);
    check_round_trip(&once, text);
    view_measure(&once, &twice);
    CHECK(memcmp(&once, &twice, sizeof once) == 0);
    CHECK(view_is_windowed(&once));
    CHECK(once.region == VIEW_REGION_NONE || once.region == VIEW_REGION_CROP);
    view_measure_values(view, &once);
    check_round_trip(&once, text);
    view_pixels(view, &once);
    check_round_trip(&once, text);
    view_pixels(&once, &twice);
    CHECK(memcmp(&once, &twice, sizeof once) == 0);
    view_planes(view, &once);
    check_round_trip(&once, text);
    view_planes(&once, &twice);
    CHECK(memcmp(&once, &twice, sizeof once) == 0);
    CHECK(once.plane == view->plane && once.values == view->values);
    if (view->plane != VIEW_PLANE_STORED) {
        CHECK(!view_leaf_size_is_known(view, VIEW_EXT_NPY));
        CHECK(view_parts_are_known(view) ==
              (view->select != VIEW_SELECT_FRAMES &&
               view->patches != VIEW_PATCHES_GRID));
    } else if (view->region != VIEW_REGION_CROP) {
        CHECK(view_leaf_size_is_known(view, VIEW_EXT_NPY) ==
              (!is_depth_measured(view) || view->patch_size.depth > 0));
        CHECK(view_parts_are_known(view) ==
              (view->select == VIEW_SELECT_FRAMES
                   ? !is_depth_measured(view)
                   : view->patches != VIEW_PATCHES_GRID ||
                         view->patch_size.depth == 0 ||
                         !is_depth_measured(view)));
    }
}

/* Bytes replaced, removed or doubled: any answer will do that keeps the
 * promises, under a sanitizer too. */
static void check_damage(const char *name)
{
    char text[VIEW_TEXT_SIZE * 4];
    char canonical[VIEW_TEXT_SIZE];
    size_t length = strlen(name);
    struct view view;
    struct view_problem problem;

    strcpy(text, name);
    for (unsigned i = 1 + below(3); i > 0 && length > 0; i--) {
        uint32_t at = below((uint32_t)length);

        if (chance(50)) {
            text[at] = "_-.x0123456789abtoCZ\xff "[below(22)];
        } else {
            memmove(text + at, text + at + 1, length - at);
            length--;
        }
    }
    if (view_parse(text, NULL, &view, &problem, NULL) == 0)
        check_round_trip(&view, canonical);
    else
        CHECK(problem.offset <= strlen(text) &&
              problem.kind != VIEW_PROBLEM_NONE);
}

int main(void)
{
    const char *seed = getenv("PROP_SEED");
    const char *count = getenv("PROP_RUNS");
    uint64_t want = count ? strtoull(count, NULL, 10) : 100000;
    uint64_t understood = 0;

    state = seed ? strtoull(seed, NULL, 10) : 20240607;
    printf("# PROP_SEED=%" PRIu64 " PROP_RUNS=%" PRIu64 "\n", state, want);
    for (runs = 0; understood < want; runs++) {
        struct name name;
        char text[VIEW_TEXT_SIZE * 4];
        char canonical[VIEW_TEXT_SIZE];
        struct view view;

        make_name(&name);
        if (!repair(&name, text, sizeof text, &view))
            continue;
        understood++;
        check_round_trip(&view, canonical);
        check_spellings(&name, canonical);
        if (chance(5))
            check_preset(canonical);
        check_derived(&view);
        check_damage(text);
    }
    printf("# %" PRIu64 " names for %" PRIu64 " views; refused: %" PRIu64
           " conflicts, %" PRIu64 " idle, %" PRIu64 " range\n",
           runs, understood, refused[VIEW_PROBLEM_CONFLICT],
           refused[VIEW_PROBLEM_IDLE], refused[VIEW_PROBLEM_RANGE]);
    /* a generator that stops making contradictions would prove little */
    if (want >= 1000)
        CHECK(refused[VIEW_PROBLEM_CONFLICT] > want / 100 &&
              refused[VIEW_PROBLEM_IDLE] > want / 100);
    printf("ok 1 - names keep their laws\n1..1\n");
    return 0;
}
