// SPDX-License-Identifier: MIT
/*
 * view_grammar.c: the language and the compatibility matrix, from the table.
 */
#include "view/view_ops.h"

#include <stdlib.h>
#include <string.h>

static const char intro[] =
    "prepfs view grammar, version 1\n"
    "\n"
    "    MOUNT/VIEW/STUDY[/SERIES]/STEM[.f00001|.p00001].EXT\n"
    "\n"
    "VIEW is `full`, or operators joined by `_`, arguments joined by `-`:\n"
    "\n"
    "    window-c-600-w1500_crop-max_size-512x512_u16\n"
    "\n"
    "view     = \"full\" | [ \"v1_\" ] , token , { \"_\" , token } ;\n"
    "token    = preset | op ;\n"
    "preset   = upper , { upper | lower | digit } ;\n"
    "op       = opname , { \"-\" , arg } ;\n"
    "arg      = word | num | key , num | key , range | key , dims\n"
    "         | dims | range | box ;\n"
    "dims     = num , [ \"x\" , num , [ \"x\" , num ] ] ;\n"
    "range    = num , \"to\" , num , [ \"by\" , num ] ;\n"
    "box      = dims , \"at\" , num , \"x\" , num , [ \"x\" , num ] ;\n"
    "num      = [ \"-\" ] , digits , [ \".\" , digits ] ;\n"
    "\n"
    "A dash right after a dash, a key or `to` is a sign: window-c-600,\n"
    "range--1000to400. A number has up to 15 significant digits and 12\n"
    "decimals.\n"
    "\n"
    "Operators may be written in any order; what happens is always in the\n"
    "order of this page (norm acts before padding). The canonical name has\n"
    "them in this order, without defaults, numbers as short as can be. Other\n"
    "spellings and presets are symlinks to it; above 200 bytes it is `x` and\n"
    "16 hex digits.\n"
    "\n"
    "A preset is a name from the configuration file. An operator that is\n"
    "typed out replaces the preset's one under the same heading below; hu,\n"
    "raw, window and range replace each other.\n"
    "\n"
    "An unknown first word is ENOENT; anything wrong further on is EINVAL;\n"
    "an operator that is not built yet is EOPNOTSUPP. .prepfs/explain/NAME\n"
    "says what is wrong, or what a name means.\n";

static void write_form(FILE *out, const struct view_form *form)
{
    char syntax[VIEW_TEXT_SIZE] = "";
    struct view_out text = {syntax, sizeof syntax, 0};

    view_print_syntax(&text, form);
    syntax[text.length] = '\0';
    (void)fprintf(out, "  %s%s%s\n", syntax,
                  form->is_default ? "  (default)" : "",
                  form->built == BUILT_YES ? "" : "  [not built yet]");
    (void)fprintf(out, "      %s\n", form->doc);
    for (const struct view_arg *arg = form->args; arg->kind != ARG_END; arg++)
        (void)fprintf(out, "      %s%s: %s\n", arg->key ? arg->key : "",
                      arg->meta ? arg->meta : "", arg->doc);
    if (strcmp(form->example, syntax) != 0)
        (void)fprintf(out, "      example: %s\n", form->example);
    if (*form->needs)
        (void)fprintf(out, "      only with one of: %s\n", form->needs);
}

void view_grammar(FILE *out)
{
    enum view_slot slot = SLOT_COUNT;

    (void)fputs(intro, out);
    for (size_t i = 0; i < view_forms_count(); i++) {
        const struct view_form *form = view_form_at(i);

        if (form->slot != slot)
            (void)fprintf(out, "\n%s\n", view_slot_titles[form->slot]);
        slot = form->slot;
        write_form(out, form);
    }
    (void)fputs("\nother spellings\n", out);
    for (size_t i = 0; i < view_aliases_count; i++)
        (void)fprintf(out, "  %s = %s-%s\n", view_aliases[i].name,
                      view_aliases[i].target, view_aliases[i].word);
    (void)fputc('\n', out);
    view_matrix(out);
}

/* ---- the matrix ---- */

#define FORMS_MAX 128

static enum view_slot slot_of(const char *token, size_t length)
{
    const char *dash = memchr(token, '-', length);
    size_t n = dash ? (size_t)(dash - token) : length;

    for (size_t i = 0; i < view_forms_count(); i++)
        if (strlen(view_form_at(i)->name) == n &&
            memcmp(view_form_at(i)->name, token, n) == 0)
            return view_form_at(i)->slot;
    return SLOT_COUNT;
}

/* The k-th of the tokens in `needs`; false behind the last. */
static bool needed(const char *needs, unsigned k, const char **ret,
                   size_t *ret_length)
{
    *ret_length = strcspn(needs, " ");
    while (k-- > 0 && *ret_length > 0) {
        needs += *ret_length;
        needs += strspn(needs, " ");
        *ret_length = strcspn(needs, " ");
    }
    *ret = needs;
    return *ret_length > 0;
}

/* Do two forms go together, given one of what each of them needs? A needed
 * operator is only added where neither says something in its slot. */
static bool try_pair(const struct view_form *a, const struct view_form *b,
                     const char *need_a, size_t need_a_length,
                     const char *need_b, size_t need_b_length)
{
    char text[VIEW_TEXT_SIZE];
    struct view view;
    int n = snprintf(text, sizeof text, "%s_%s", a->example, b->example);
    enum view_slot slot_a = slot_of(need_a, need_a_length);
    enum view_slot slot_b = slot_of(need_b, need_b_length);

    if (slot_a != SLOT_COUNT && slot_a != b->slot && slot_a != a->slot)
        n += snprintf(text + n, sizeof text - (size_t)n, "_%.*s",
                      (int)need_a_length, need_a);
    if (slot_b != SLOT_COUNT && slot_b != b->slot && slot_b != a->slot &&
        slot_b != slot_a)
        n += snprintf(text + n, sizeof text - (size_t)n, "_%.*s",
                      (int)need_b_length, need_b);
    return view_parse(text, NULL, &view, NULL, NULL) == 0;
}

static bool go_together(const struct view_form *a, const struct view_form *b)
{
    const char *need_a, *need_b;
    size_t length_a, length_b;

    for (unsigned i = 0; needed(a->needs, i, &need_a, &length_a) || i == 0; i++)
        for (unsigned k = 0; needed(b->needs, k, &need_b, &length_b) || k == 0;
             k++)
            if (try_pair(a, b, need_a, length_a, need_b, length_b))
                return true;
    return false;
}

struct matrix {
    const struct view_form *forms[FORMS_MAX];
    size_t count;
    bool fits[FORMS_MAX][FORMS_MAX];
};

static void fill(struct matrix *m)
{
    for (size_t i = 0; i < view_forms_count() && m->count < FORMS_MAX; i++)
        if (!view_form_at(i)->is_default)
            m->forms[m->count++] = view_form_at(i);
    for (size_t i = 0; i < m->count; i++)
        for (size_t k = 0; k <= i; k++)
            m->fits[i][k] = m->fits[k][i] =
                i != k && go_together(m->forms[i], m->forms[k]);
}

/* The first form of the same slot whose row says the same. */
static size_t twin(const struct matrix *m, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (m->forms[k]->slot == m->forms[i]->slot &&
            memcmp(m->fits[k], m->fits[i], sizeof m->fits[i]) == 0)
            return k;
    return i;
}

static void write_row(FILE *out, const struct matrix *m, const size_t *rows,
                      size_t row)
{
    size_t i = rows[row];

    (void)fprintf(out, "%3zu ", row + 1);
    for (size_t k = 0; k <= row; k++) {
        char mark = m->fits[i][rows[k]] ? '.' : 'x';

        (void)fputc(k == row ? '\\' : mark, out);
    }
    (void)fprintf(out, " %s", m->forms[i]->label);
    for (size_t k = i + 1; k < m->count; k++)
        if (twin(m, k) == i)
            (void)fprintf(out, ", %s", m->forms[k]->label);
    (void)fputc('\n', out);
}

void view_matrix(FILE *out)
{
    struct matrix *m = calloc(1, sizeof *m);
    size_t rows[FORMS_MAX];
    size_t count = 0;

    (void)fputs("which go together (. yes, x no; column n is row n; operators\n"
                "that behave alike share a row)\n\n",
                out);
    if (!m)
        return;
    fill(m);
    for (size_t i = 0; i < m->count; i++)
        if (twin(m, i) == i)
            rows[count++] = i;
    for (size_t row = 0; row < count; row++)
        write_row(out, m, rows, row);
    free(m);
}
