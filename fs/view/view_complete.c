// SPDX-License-Identifier: MIT
/*
 * view_complete.c: what may follow a name that is not finished, from the
 * table. Whether two operators go together the parser says.
 */
#include "view/view_ops.h"

#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyz"

struct completion {
    const struct view_presets *presets;
    view_candidate_fn each;
    void *opaque;
    size_t head_length; /* the tokens before the one in the making, with "_" */
    char text[VIEW_NAME_MAX + 1]; /* the name so far */
};

/* The tokens before with another one behind them. */
static void put_behind(const struct completion *c, const char *token,
                       struct view_out *ret)
{
    char head[VIEW_NAME_MAX + 1];

    memcpy(head, c->text, c->head_length);
    head[c->head_length] = '\0';
    view_out_text(ret, head);
    view_out_text(ret, token);
    ret->buf[ret->length] = '\0';
}

/* Does the name with this token mean something, alone or with an operator that
 * the token needs? */
static bool goes(const struct completion *c, const char *token,
                 const char *needs)
{
    char name[VIEW_TEXT_SIZE];
    struct view_out out = {name, sizeof name, 0};
    struct view view;

    put_behind(c, token, &out);
    if (view_parse(name, c->presets, &view, NULL, NULL) == 0)
        return true;
    while (*needs) {
        size_t length = strcspn(needs, " ");

        (void)snprintf(name + out.length, sizeof name - out.length, "_%.*s",
                       (int)length, needs);
        if (view_parse(name, c->presets, &view, NULL, NULL) == 0)
            return true;
        needs += length;
        needs += strspn(needs, " ");
    }
    return false;
}

static void offer(const struct completion *c, const char *token,
                  const char *doc)
{
    char name[VIEW_TEXT_SIZE];
    struct view_out out = {name, sizeof name, 0};

    put_behind(c, token, &out);
    c->each(c->opaque, name, doc);
}

/* ---- operators ---- */

/* As much of a form as can be written without knowing a value:
 * "vol-mip", "size-", "window-c". */
static void print_stub(const struct view_form *form, char ret[VIEW_TEXT_SIZE])
{
    struct view_out out = {ret, VIEW_TEXT_SIZE, 0};

    view_out_text(&out, form->name);
    if (form->word) {
        view_out_text(&out, "-");
        view_out_text(&out, form->word);
    }
    if (form->args[0].kind != ARG_END && form->args[0].required) {
        view_out_text(&out, "-");
        view_out_text(&out, form->args[0].key ? form->args[0].key : "");
    }
    ret[out.length] = '\0';
}

static void offer_form(const struct completion *c, const struct view_form *form,
                       const char *stub)
{
    char doc[VIEW_TEXT_SIZE];
    struct view_out out = {doc, sizeof doc, 0};

    view_print_syntax(&out, form);
    view_out_text(&out, ": ");
    view_out_text(&out, form->doc);
    doc[out.length] = '\0';
    offer(c, stub, doc);
}

/* A value that an argument takes, for asking the parser. */
static const char *sample(const struct view_arg *arg)
{
    switch (arg->kind) {
    case ARG_DIMS:
    case ARG_SQUARE:
    case ARG_SPACING:
        return "1x1";
    case ARG_RANGE:
        return "0to1";
    case ARG_BOX:
        return "1x1at0x0";
    case ARG_FLIP:
        return "h";
    case ARG_NAME:
        return "a";
    case ARG_END:
    case ARG_WORD:
        return "";
    case ARG_NUM:
        return arg->lo <= 1 && 1 <= arg->hi ? "1" : "0.1";
    case ARG_INT:
    case ARG_SEED:
    case ARG_PICK:
    case ARG_SKIP:
        return "1";
    }
    return "";
}

/* Is the argument among those of token[0..length)? A key is followed by a
 * number, a word by nothing. */
static bool is_given(const char *token, size_t length,
                     const struct view_arg *arg)
{
    size_t n = strlen(arg->key);

    for (const char *at = memchr(token, '-', length); at;
         at = memchr(at, '-', length - (size_t)(at - token))) {
        size_t left = length - (size_t)(++at - token);
        size_t size = strcspn(at, "-");

        size = size < left ? size : left;
        if (size >= n && memcmp(at, arg->key, n) == 0 &&
            (arg->kind == ARG_WORD ? size == n : !strchr(LETTERS, at[n])))
            return true;
    }
    return false;
}

/* Could the argument stand behind token[0..length)? One that is missing will
 * come; everything else the parser knows. */
static bool may_follow(const struct completion *c, const struct view_form *form,
                       const char *token, size_t length,
                       const struct view_arg *arg)
{
    char longer[VIEW_TEXT_SIZE];

    if (is_given(token, length, arg))
        return false;
    (void)snprintf(longer, sizeof longer, "%.*s-%s%s", (int)length, token,
                   arg->key, sample(arg));
    return arg->required || goes(c, longer, form->needs);
}

/* The token is past the form's name: its further arguments, of which the last
 * may be begun: "crop-max-no". */
static void complete_arguments(const struct completion *c,
                               const struct view_form *form, const char *token)
{
    const char *begun = strrchr(token, '-') + 1;
    size_t length = (size_t)(begun - token) - 1;

    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++) {
        char longer[VIEW_TEXT_SIZE];

        if (!arg->key || strncmp(arg->key, begun, strlen(begun)) != 0 ||
            !may_follow(c, form, token, length, arg))
            continue;
        (void)snprintf(longer, sizeof longer, "%.*s-%s", (int)length, token,
                       arg->key);
        offer(c, longer, arg->doc);
    }
}

static void complete_form(const struct completion *c,
                          const struct view_form *form, const char *token)
{
    char stub[VIEW_TEXT_SIZE];
    size_t begun = strlen(token);

    print_stub(form, stub);
    if (form->built != BUILT_YES || form->is_default ||
        !goes(c, form->example, form->needs))
        return;
    if (strncmp(stub, token, begun) == 0)
        offer_form(c, form, stub);
    else if (strncmp(token, stub, strlen(stub)) == 0 &&
             strchr(token + strlen(stub), '-'))
        complete_arguments(c, form, token);
}

/* ---- everything else that a token can be ---- */

static void complete_alias(const struct completion *c,
                           const struct view_alias *alias, const char *token)
{
    char doc[64];

    (void)snprintf(doc, sizeof doc, "%s-%s", alias->target, alias->word);
    if (strncmp(alias->name, token, strlen(token)) == 0 && *token &&
        goes(c, doc, ""))
        offer(c, alias->name, doc);
}

static void complete_presets(const struct completion *c, const char *token)
{
    for (size_t i = 0; i < view_presets_count(c->presets); i++) {
        const char *name = view_presets_name(c->presets, i);

        if (strncmp(name, token, strlen(token)) == 0 && goes(c, name, ""))
            offer(c, name, view_presets_text(c->presets, i));
    }
}

void view_complete(const char *text, const struct view_presets *presets,
                   view_candidate_fn each, void *opaque)
{
    struct completion c = {presets, each, opaque, 0, ""};
    const char *last = strrchr(text, '_');
    const char *token;

    if (strlen(text) > VIEW_NAME_MAX)
        return;
    (void)snprintf(c.text, sizeof c.text, "%s", text);
    c.head_length = last ? (size_t)(last + 1 - text) : 0;
    token = c.text + c.head_length;
    complete_presets(&c, token);
    if (c.head_length == 0 && strncmp("full", token, strlen(token)) == 0)
        offer(&c, "full", "the image as DICOM says it is to be shown");
    for (size_t i = 0; i < view_forms_count(); i++)
        complete_form(&c, view_form_at(i), token);
    for (size_t i = 0; i < view_aliases_count; i++)
        complete_alias(&c, &view_aliases[i], token);
}
