// SPDX-License-Identifier: MIT
/*
 * view_mistake.c: a name that is no view, put so that it can be mended: the
 * place, the reason, the word that was meant, what the operator takes.
 */
#include "view/view_ops.h"

#include <string.h>

static const char *errno_word(enum view_problem_kind kind)
{
    if (kind == VIEW_PROBLEM_TOO_LONG)
        return "ENAMETOOLONG";
    return kind == VIEW_PROBLEM_UNKNOWN ? "ENOENT" : "EINVAL";
}

/* What cannot be shown would move the caret. */
static void write_shown(FILE *out, const char *text)
{
    for (; *text; text++)
        (void)fputc(*text >= ' ' && *text <= '~' ? *text : '?', out);
}

static bool equals(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* The operator whose name or alias this is, as the table spells it, or NULL. */
static const char *operator_of(const char *text, size_t length)
{
    for (size_t i = 0; i < view_aliases_count; i++)
        if (equals(text, length, view_aliases[i].name))
            return view_aliases[i].target;
    for (size_t i = 0; i < view_forms_count(); i++)
        if (equals(text, length, view_form_at(i)->name))
            return view_form_at(i)->name;
    return NULL;
}

/* The operator in which a mistake was made. */
static const char *blamed_operator(const char *name, size_t offset)
{
    const char *from = name + offset;

    while (from > name && from[-1] != '_')
        from--;
    return operator_of(from, strcspn(from, "-_"));
}

static void write_forms(FILE *out, const char *op)
{
    (void)fprintf(out, "%s is written:\n", op);
    for (size_t i = 0; i < view_forms_count(); i++) {
        const struct view_form *form = view_form_at(i);
        char syntax[VIEW_TEXT_SIZE] = "";
        struct view_out text = {syntax, sizeof syntax, 0};

        if (strcmp(form->name, op) != 0)
            continue;
        view_print_syntax(&text, form);
        syntax[text.length] = '\0';
        (void)fprintf(out, "  %s", syntax);
        if (strcmp(form->example, syntax) != 0)
            (void)fprintf(out, "   as in %s", form->example);
        (void)fputc('\n', out);
    }
}

static void write_advice(FILE *out, const char *name,
                         const struct view_problem *problem)
{
    const char *at = name + problem->offset;
    const char *op = blamed_operator(name, problem->offset);
    bool of_argument = problem->kind == VIEW_PROBLEM_WORD ||
                       problem->kind == VIEW_PROBLEM_SYNTAX ||
                       problem->kind == VIEW_PROBLEM_RANGE;

    if (problem->kind == VIEW_PROBLEM_CONFLICT &&
        equals(at, problem->length, "full"))
        (void)fputs("full is the view without operators: leave it out\n", out);
    if (!of_argument || !op)
        return;
    if (problem->offset > 0 && at[-1] == '-' &&
        operator_of(at, problem->length))
        (void)fprintf(out, "operators are joined by '_': _%.*s\n",
                      (int)problem->length, at);
    write_forms(out, op);
}

void view_mistake(FILE *out, const char *name,
                  const struct view_problem *problem, const struct error *err)
{
    (void)fputs("  ", out);
    write_shown(out, name);
    (void)fprintf(out, "\n  %*s^", (int)problem->offset, "");
    for (size_t i = 1; i < problem->length; i++)
        (void)fputc('~', out);
    (void)fputs("\n", out);
    (void)fprintf(out, "%s: ", errno_word(problem->kind));
    write_shown(out, err->msg);
    (void)fputc('\n', out);
    if (problem->nearest[0])
        (void)fprintf(out, "nearest: %s\n", problem->nearest);
    if (problem->kind != VIEW_PROBLEM_TOO_LONG)
        write_advice(out, name, problem);
    (void)fputs("the language: .prepfs/grammar.txt, prepfs-view(7)\n", out);
}
