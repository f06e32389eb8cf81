// SPDX-License-Identifier: MIT
/*
 * view_parse.c: a name -> struct view.
 *
 *     name = "full" | [ "v1_" ] token { "_" token }
 *
 * Operators that are typed out are applied as they come; those of a preset
 * are only noted, because an operator that is typed out replaces the
 * preset's one in the same slot, wherever it stands. What is left of the
 * presets is applied at the end, then the whole is checked.
 */
#include "view/view_ops.h"

#include <string.h>

static bool equals(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

int view_blame(struct view_parser *p, enum view_problem_kind kind,
               size_t offset, size_t length, const char *fmt, ...)
{
    char msg[ERROR_MSG_MAX];
    va_list ap;

    p->problem.kind = kind;
    p->problem.offset = offset;
    p->problem.length = length;
    p->problem.nearest[0] = '\0';
    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return error_set(
        p->err, kind == VIEW_PROBLEM_UNKNOWN ? ERROR_NOT_FOUND : ERROR_BAD_VIEW,
        "view, byte %zu: %s", offset, msg);
}

/* The forms of a name, through its alias. NULL if there are none. */
static const struct view_form *find_operator(const char *name, size_t length,
                                             const char **ret_word)
{
    *ret_word = NULL;
    for (size_t i = 0; i < view_aliases_count; i++)
        if (equals(name, length, view_aliases[i].name)) {
            *ret_word = view_aliases[i].word;
            name = view_aliases[i].target;
            length = strlen(name);
            break;
        }
    for (size_t i = 0; i < view_forms_count(); i++)
        if (equals(name, length, view_form_at(i)->name))
            return view_form_at(i);
    return NULL;
}

static void suggest(struct view_parser *p, const char *name, size_t length)
{
    const char *other = view_other_word(name, length);
    struct view_nearest n;

    if (!p->wants_nearest)
        return;
    if (other) {
        strcpy(p->problem.nearest, other);
        return;
    }
    view_nearest_init(&n, name, length);
    view_nearest_try(&n, "full");
    for (size_t i = 0; i < view_forms_count(); i++)
        view_nearest_try(&n, view_form_at(i)->name);
    for (size_t i = 0; i < view_aliases_count; i++)
        view_nearest_try(&n, view_aliases[i].name);
    for (size_t i = 0; i < view_presets_count(p->presets); i++)
        view_nearest_try(&n, view_presets_name(p->presets, i));
    strcpy(p->problem.nearest, view_nearest_get(&n));
}

/* A token and where it stands: in the name itself, or in a preset's text
 * while the name says the preset's name. */
struct place {
    enum view_origin origin;
    const char *text;
    size_t length;
    size_t offset;
    size_t shown;
};

static size_t name_length(const char *text, size_t length)
{
    const char *dash = memchr(text, '-', length);

    return dash ? (size_t)(dash - text) : length;
}

/* Window and range replace a preset's hu and raw, and the reverse: they are
 * one question, although hu may be said before a window. */
static bool is_values(enum view_slot slot)
{
    return slot == SLOT_VALUES || slot == SLOT_MAPPING;
}

/* Takes the slot, or says why not. 1: the token has been overruled. */
static int claim(struct view_parser *p, enum view_slot slot,
                 const struct place *at)
{
    struct view_use *use = &p->use[slot];

    if (use->origin != ORIGIN_NONE && use->origin == at->origin)
        return view_blame(p, VIEW_PROBLEM_CONFLICT, at->offset, at->shown,
                          "'%.*s' and '%.*s' exclude each other",
                          (int)(use->text_length < 80 ? use->text_length : 80),
                          use->text, (int)(at->length < 80 ? at->length : 80),
                          at->text);
    if (use->origin == ORIGIN_LITERAL)
        return 1;
    *use = (struct view_use){.origin = at->origin,
                             .text = at->text,
                             .text_length = at->length,
                             .offset = at->offset,
                             .length = at->shown};
    return 0;
}

static int apply(struct view_parser *p, struct view_use *use)
{
    size_t name = name_length(use->text, use->text_length);
    const char *word;
    const struct view_form *form = find_operator(use->text, name, &word);

    return view_args_apply(p, form->name, word, use, name);
}

static int parse_operator(struct view_parser *p, const struct place *at)
{
    size_t length = name_length(at->text, at->length);
    const char *word;
    const struct view_form *form = find_operator(at->text, length, &word);
    int rc;

    if (!form) {
        size_t shown = length > 0 ? length : 1;

        (void)view_blame(
            p, at->offset == 0 ? VIEW_PROBLEM_UNKNOWN : VIEW_PROBLEM_WORD,
            at->offset, shown, "'%.*s' is no operator and no preset",
            (int)(length < 80 ? length : 80), at->text);
        suggest(p, at->text, length);
        return -1;
    }
    rc = claim(p, form->slot, at);
    if (rc)
        return rc < 0 ? -1 : 0;
    return at->origin == ORIGIN_LITERAL ? apply(p, &p->use[form->slot]) : 0;
}

static int parse_tokens(struct view_parser *p, const char *text, size_t length,
                        enum view_origin origin, size_t offset, size_t shown);

static int parse_token(struct view_parser *p, const struct place *at)
{
    size_t name = name_length(at->text, at->length);
    const char *preset = NULL;

    if (at->length == 0)
        return view_blame(
            p, at->offset == 0 ? VIEW_PROBLEM_UNKNOWN : VIEW_PROBLEM_SYNTAX,
            at->offset, 1, "an operator is missing here");
    if (equals(at->text, name, "full"))
        return view_blame(p, VIEW_PROBLEM_CONFLICT, at->offset, at->shown,
                          "'full' stands alone");
    if (at->origin == ORIGIN_LITERAL)
        preset = view_presets_find(p->presets, at->text, name);
    if (!preset)
        return parse_operator(p, at);
    if (name < at->length)
        return view_blame(p, VIEW_PROBLEM_SYNTAX, at->offset + name,
                          at->length - name, "a preset takes no argument");
    if (strcmp(preset, "full") == 0)
        return 0;
    return parse_tokens(p, preset, strlen(preset), ORIGIN_PRESET, at->offset,
                        at->length);
}

/* The version is behind it. 0 if there is none, -1 if it is not ours. */
static int parse_version(struct view_parser *p, const char *text, size_t length,
                         size_t *ret_skip)
{
    size_t n = 1;

    *ret_skip = 0;
    if (length < 2 || text[0] != 'v' || text[1] < '1' || text[1] > '9')
        return 0;
    while (n < length && text[n] >= '0' && text[n] <= '9')
        n++;
    if (n < length && text[n] != '_')
        return 0;
    if (n > 2 || text[1] != '1')
        return view_blame(p, VIEW_PROBLEM_UNKNOWN, 0, n,
                          "this version of the grammar is unknown; v1 is the "
                          "only one");
    if (n == length)
        return view_blame(p, VIEW_PROBLEM_SYNTAX, 0, n,
                          "an operator must follow the version");
    *ret_skip = n + 1;
    return 0;
}

/* The tokens of a name (origin literal) or of a preset's text. */
static int parse_tokens(struct view_parser *p, const char *text, size_t length,
                        enum view_origin origin, size_t offset, size_t shown)
{
    size_t from;

    if (parse_version(p, text, length, &from))
        return -1;
    for (;;) {
        const char *start = text + from;
        const char *stop = memchr(start, '_', length - from);
        size_t n = stop ? (size_t)(stop - start) : length - from;
        bool literal = origin == ORIGIN_LITERAL;
        struct place at = {origin, start, n, literal ? offset + from : offset,
                           literal ? n : shown};

        if (parse_token(p, &at))
            return -1;
        if (!stop)
            return 0;
        from += n + 1;
    }
}

/* The preset's operators that nothing typed out replaces. */
static int apply_presets(struct view_parser *p)
{
    bool typed = p->use[SLOT_VALUES].origin == ORIGIN_LITERAL ||
                 p->use[SLOT_MAPPING].origin == ORIGIN_LITERAL;

    for (enum view_slot slot = 0; slot < SLOT_COUNT; slot++) {
        struct view_use *use = &p->use[slot];

        if (use->origin != ORIGIN_PRESET)
            continue;
        if (typed && is_values(slot)) {
            *use = (struct view_use){.origin = ORIGIN_NONE};
            continue;
        }
        if (apply(p, use))
            return -1;
    }
    return 0;
}

static int parse(struct view_parser *p)
{
    if (equals(p->text, p->length, "full"))
        return 0;
    if (parse_tokens(p, p->text, p->length, ORIGIN_LITERAL, 0, 0) ||
        apply_presets(p))
        return -1;
    return view_check(p);
}

static int parse_text(const char *text, size_t length,
                      const struct view_presets *presets, struct view *ret,
                      struct view_problem *ret_problem, struct error *err)
{
    struct view_parser p = {.text = text,
                            .length = length,
                            .presets = presets,
                            .view = ret,
                            .wants_nearest = ret_problem != NULL,
                            .err = err};
    int rc;

    memset(ret, 0, sizeof *ret);
    rc = parse(&p);
    if (rc)
        memset(ret, 0, sizeof *ret);
    if (ret_problem)
        *ret_problem = p.problem;
    return rc;
}

int view_parse(const char *text, const struct view_presets *presets,
               struct view *ret, struct view_problem *ret_problem,
               struct error *err)
{
    size_t length = strnlen(text, VIEW_NAME_MAX + 1);

    if (length <= VIEW_NAME_MAX)
        return parse_text(text, length, presets, ret, ret_problem, err);
    memset(ret, 0, sizeof *ret);
    if (ret_problem)
        *ret_problem = (struct view_problem){.kind = VIEW_PROBLEM_TOO_LONG,
                                             .offset = VIEW_NAME_MAX,
                                             .length = 1};
    return error_set(err, ERROR_BAD_VIEW, "view: a name has at most %d bytes",
                     VIEW_NAME_MAX);
}

int view_parse_stored(const char *text, struct view *ret, struct error *err)
{
    size_t length = strnlen(text, VIEW_TEXT_SIZE);

    if (length < VIEW_TEXT_SIZE)
        return parse_text(text, length, NULL, ret, NULL, err);
    memset(ret, 0, sizeof *ret);
    return error_set(err, ERROR_BAD_VIEW,
                     "view: a stored text has less than %d bytes",
                     VIEW_TEXT_SIZE);
}
