// SPDX-License-Identifier: MIT
/*
 * view_args.c: the arguments of one operator -> fields of struct view.
 *
 * A token is split at its dashes first, because a dash after a dash, a key or
 * `to` is a sign (window-c-600, range--1000to-400). Then the form is chosen,
 * by its word or by the first argument that fits, and each argument finds its
 * row in the form. Arguments behind that word may come in any order.
 */
#include "view/view_ops.h"

#include <string.h>

#define ARGS_MAX 12

/* One argument, and where it is. */
struct piece {
    const char *text;
    size_t length;
    const struct view_arg *arg; /* its row, once found */
};

struct token {
    struct view_parser *p;
    struct view_use *use;
    const char *name;
    const char *word; /* implied by an alias, or NULL */
    struct piece pieces[ARGS_MAX];
    unsigned count;
};

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool equals(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* Blames a part of the token; in a preset there is only the preset's name. */
static int blame(struct token *t, enum view_problem_kind kind, const char *text,
                 size_t length, const char *msg)
{
    const struct view_use *use = t->use;
    int shown = (int)(length < 80 ? length : 80);

    if (use->origin == ORIGIN_PRESET)
        return view_blame(t->p, kind, use->offset, use->length,
                          "in the preset, '%.*s': %s", shown, text, msg);
    return view_blame(t->p, kind, use->offset + (size_t)(text - use->text),
                      length, "'%.*s': %s", shown, text, msg);
}

static bool is_key_of(const char *name, const char *text, size_t length)
{
    for (size_t i = 0; i < view_forms_count(); i++) {
        if (strcmp(view_form_at(i)->name, name) != 0)
            continue;
        for (const struct view_arg *arg = view_form_at(i)->args;
             arg->kind != ARG_END; arg++)
            if (arg->kind != ARG_WORD && arg->key &&
                equals(text, length, arg->key))
                return true;
    }
    return false;
}

/* Is the dash at `dash` a sign, in the argument that begins at `start`? */
static bool is_sign(const struct token *t, const char *start, const char *dash,
                    const char *end)
{
    const char *run = dash;

    if (dash + 1 >= end || !is_digit(dash[1]))
        return false;
    if (dash == start)
        return true;
    while (run > start && is_lower(run[-1]))
        run--;
    if (run == dash)
        return false;
    if (run == start)
        return is_key_of(t->name, run, (size_t)(dash - run));
    return !is_lower(*start) && equals(run, (size_t)(dash - run), "to");
}

/* Cuts the text behind the name, which begins with a dash, into pieces. */
static int split(struct token *t, const char *text, const char *end)
{
    while (text < end) {
        const char *start = text + 1;
        const char *stop = start;

        while (stop < end && (*stop != '-' || is_sign(t, start, stop, end)))
            stop++;
        if (stop == start)
            return blame(t, VIEW_PROBLEM_SYNTAX, text, 1,
                         "an argument must follow the dash");
        if (t->count == ARGS_MAX)
            return blame(t, VIEW_PROBLEM_SYNTAX, start, (size_t)(end - start),
                         "too many arguments");
        t->pieces[t->count++] =
            (struct piece){start, (size_t)(stop - start), NULL};
        text = stop;
    }
    return 0;
}

/* Could this piece be this argument, by its first characters? */
static bool fits(const struct view_arg *arg, const struct piece *piece)
{
    size_t key = arg->key ? strlen(arg->key) : 0;

    if (arg->kind == ARG_WORD)
        return equals(piece->text, piece->length, arg->key);
    if (key > 0)
        return piece->length > key && memcmp(piece->text, arg->key, key) == 0 &&
               !is_lower(piece->text[key]);
    if (arg->kind == ARG_FLIP || arg->kind == ARG_NAME)
        return is_lower(piece->text[0]);
    return !is_lower(piece->text[0]);
}

/* The word that selects a form comes first: the `central` of
 * vol-lapmip-central is an argument, that of vol-central selects. */
static bool has_word(const struct token *t, const char *word)
{
    if (t->word)
        return strcmp(t->word, word) == 0;
    return t->count > 0 && equals(t->pieces[0].text, t->pieces[0].length, word);
}

static bool form_fits(const struct token *t, const struct view_form *form)
{
    if (form->word)
        return has_word(t, form->word);
    if (t->word)
        return false;
    if (t->count == 0)
        return !form->args[0].required;
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++)
        if (fits(arg, &t->pieces[0]))
            return true;
    return false;
}

/* The nearest word that could stand where `piece` stands. */
static void suggest(struct token *t, const struct piece *piece)
{
    struct view_nearest n;

    if (!t->p->wants_nearest)
        return;
    view_nearest_init(&n, piece->text, piece->length);
    for (size_t i = 0; i < view_forms_count(); i++) {
        const struct view_form *form = view_form_at(i);

        if (strcmp(form->name, t->name) != 0)
            continue;
        if (form->word && !t->word)
            view_nearest_try(&n, form->word);
        for (const struct view_arg *arg = form->args; arg->kind != ARG_END;
             arg++)
            if (arg->kind == ARG_WORD)
                view_nearest_try(&n, arg->key);
    }
    strcpy(t->p->problem.nearest, view_nearest_get(&n));
}

static int no_form(struct token *t)
{
    const char *end = t->use->text + t->use->text_length;
    bool takes_any = false;

    for (size_t i = 0; i < view_forms_count(); i++)
        if (strcmp(view_form_at(i)->name, t->name) == 0)
            takes_any |= view_form_at(i)->word ||
                         view_form_at(i)->args[0].kind != ARG_END;
    if (t->count == 0)
        return blame(t, VIEW_PROBLEM_SYNTAX, t->use->text,
                     (size_t)(end - t->use->text), "an argument is missing");
    (void)blame(t, takes_any ? VIEW_PROBLEM_WORD : VIEW_PROBLEM_SYNTAX,
                t->pieces[0].text, t->pieces[0].length,
                takes_any ? "no argument of this operator"
                          : "this operator takes no argument");
    suggest(t, &t->pieces[0]);
    return -1;
}

static const struct view_form *choose_form(struct token *t)
{
    const struct view_form *bare = NULL;

    for (size_t i = 0; i < view_forms_count(); i++) {
        const struct view_form *form = view_form_at(i);

        if (strcmp(form->name, t->name) != 0 || !form_fits(t, form))
            continue;
        if (form->word)
            return form;
        if (!bare)
            bare = form;
    }
    /* an operator that takes nothing at all says so about what follows */
    if (bare && bare->args[0].kind == ARG_END && t->count > 0)
        return NULL;
    return bare;
}

static const struct view_arg *find_arg(const struct view_form *form,
                                       const struct piece *piece)
{
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++)
        if (fits(arg, piece))
            return arg;
    return NULL;
}

/* ---- one token ---- */

static void store_defaults(struct view *view, const struct view_form *form)
{
    view_store_choice(view, form->store, form->offset, form->value);
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++) {
        uint32_t whole[2] = {(uint32_t)arg->def, (uint32_t)arg->def};

        if (arg->kind == ARG_NUM)
            memcpy((char *)view + arg->offset, &arg->def, sizeof arg->def);
        if (arg->kind == ARG_INT)
            memcpy((char *)view + arg->offset, whole, sizeof whole[0]);
        if (arg->kind == ARG_SKIP)
            memcpy((char *)view + arg->offset, whole, sizeof whole);
    }
}

/* Words for one field exclude one another: -exact-sigmoid. */
static bool is_repeated(const struct token *t, unsigned i)
{
    const struct view_arg *arg = t->pieces[i].arg;

    for (unsigned k = 0; k < i; k++)
        if (t->pieces[k].arg &&
            (t->pieces[k].arg == arg ||
             (t->pieces[k].arg->kind == ARG_WORD && arg->kind == ARG_WORD &&
              t->pieces[k].arg->offset == arg->offset)))
            return true;
    return false;
}

static int apply_piece(struct token *t, const struct view_form *form,
                       unsigned i)
{
    struct piece *piece = &t->pieces[i];
    struct view_reader r = {.view = t->p->view,
                            .text = piece->text,
                            .at = piece->text,
                            .end = piece->text + piece->length};

    piece->arg = find_arg(form, piece);
    if (!piece->arg) {
        (void)blame(t, VIEW_PROBLEM_WORD, piece->text, piece->length,
                    form->args[0].kind == ARG_END
                        ? "this operator takes no more arguments"
                        : "no argument of this operator");
        suggest(t, piece);
        return -1;
    }
    if (is_repeated(t, i))
        return blame(t, VIEW_PROBLEM_SYNTAX, piece->text, piece->length,
                     "said twice");
    if (piece->arg->kind != ARG_WORD && piece->arg->key)
        r.at += strlen(piece->arg->key);
    if (view_value_read(&r, piece->arg))
        return blame(t, r.fault_kind, r.fault, r.fault_length, r.msg);
    if (r.at != r.end)
        return blame(t, VIEW_PROBLEM_SYNTAX, r.at, (size_t)(r.end - r.at),
                     "not understood");
    return 0;
}

static int check_required(struct token *t, const struct view_form *form)
{
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++) {
        bool found = !arg->required;

        for (unsigned i = 0; i < t->count; i++)
            found |= t->pieces[i].arg == arg;
        if (!found)
            return view_blame(
                t->p, VIEW_PROBLEM_SYNTAX, t->use->offset, t->use->length,
                "'%.*s': %s%s is missing",
                (int)(t->use->text_length < 80 ? t->use->text_length : 80),
                t->use->text, arg->key ? arg->key : "",
                arg->meta ? arg->meta : "");
    }
    return 0;
}

int view_args_apply(struct view_parser *p, const char *name,
                    const char *implied_word, struct view_use *use,
                    size_t args_from)
{
    struct token t = {.p = p, .use = use, .name = name, .word = implied_word};
    const struct view_form *form;

    if (split(&t, use->text + args_from, use->text + use->text_length))
        return -1;
    form = choose_form(&t);
    if (!form)
        return no_form(&t);
    use->form = form;
    store_defaults(p->view, form);
    for (unsigned i = form->word && !implied_word; i < t.count; i++)
        if (apply_piece(&t, form, i))
            return -1;
    return check_required(&t, form);
}
