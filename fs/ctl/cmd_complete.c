// SPDX-License-Identifier: MIT
/*
 * What a shell offers for a command line that is not finished. The scripts in
 * fs/dist hand all words over and print what comes back, so that they know
 * nothing that could be out of date.
 */
#include <ctype.h>
#include <string.h>

#include "ctl/command.h"
#include "options.h"
#include "prepfs/cleanup.h"

/* Words in the making: words[0..n), of which the last one is completed. */
struct line {
    char *const *words;
    int n;
    const char *last;
    const struct view_presets *presets;
};

/* A candidate, and what it is. A line that begins with ":" tells the shell to
 * offer what it knows better: files, folders. */
static void print(const char *word, const char *help)
{
    (void)printf("%s\t%.*s\n", word, (int)strcspn(help, "\n"), help);
}

static void print_if(const struct line *l, const char *word, const char *help)
{
    if (strncmp(word, l->last, strlen(l->last)) == 0)
        print(word, help);
}

static void print_view(void *opaque, const char *text, const char *doc)
{
    (void)opaque;
    print(text, doc);
}

/* ---- what stands where ---- */

/* A word of the synopsis, as VIEW, "MOUNTPOINT|ARCHIVE", import. */
static void complete_kind(const struct line *l, const char *kind, size_t length)
{
    char word[48];

    (void)snprintf(word, sizeof word, "%.*s", (int)length, kind);
    if (islower((unsigned char)word[0])) {
        print_if(l, word, "");
    } else if (strcmp(word, "VIEW") == 0) {
        view_complete(l->last, l->presets, print_view, NULL);
        (void)puts(":nospace");
    } else if (strcmp(word, "FILE") == 0 || strcmp(word, "CSV") == 0 ||
               strcmp(word, "SOURCE") == 0 || strcmp(word, "OUT.png") == 0) {
        (void)puts(":files");
    } else if (strcmp(word, "ARCHIVE") == 0 || strcmp(word, "OUT") == 0 ||
               strcmp(word, "DIR") == 0 || strstr(word, "MOUNTPOINT")) {
        (void)puts(":folders");
    }
}

/* Positional argument number `at` of "[VIEW] SOURCE... OUT": what may be left
 * out or repeated may be any of several things. */
static void complete_argument(const struct line *l, const char *synopsis,
                              int at)
{
    bool more = true;

    for (int i = 0; *synopsis && more; i++) {
        size_t length = strcspn(synopsis, " ");
        bool optional = *synopsis == '[';
        const char *kind = synopsis + optional;
        size_t n = length - 2 * optional;
        bool repeats = n > 3 && strncmp(kind + n - 3, "...", 3) == 0;

        if (i >= at || repeats)
            complete_kind(l, kind, repeats ? n - 3 : n);
        more = i < at || optional || repeats;
        synopsis += length;
        synopsis += strspn(synopsis, " ");
    }
}

/* ---- prepfsctl ---- */

static void complete_value(const struct line *l,
                           const struct ctl_option_info *o)
{
    complete_kind(l, o->value, strcspn(o->value, ",["));
}

/* The option of the word before, if what is completed is its value. */
static bool awaits_value(const struct ctl_command *c, const char *word,
                         struct ctl_option_info *ret)
{
    for (int i = 0; i < CTL_OPTIONS; i++) {
        const char letter[] = {'-', ctl_option_info(i).letter, '\0'};

        *ret = ctl_option_info(i);
        if ((c->options & CTL_BIT(i)) && ret->value &&
            ((strncmp(word, "--", 2) == 0 &&
              strcmp(word + 2, ret->name) == 0) ||
             (ret->letter && strcmp(word, letter) == 0) ||
             (i == CTL_OUT && strcmp(word, "-o") == 0)))
            return true;
    }
    return false;
}

static void complete_options(const struct line *l, const struct ctl_command *c)
{
    for (int i = 0; i < CTL_OPTIONS; i++) {
        char word[48];

        if (!(c->options & CTL_BIT(i)))
            continue;
        (void)snprintf(word, sizeof word, "--%s", ctl_option_info(i).name);
        print_if(l, word, ctl_option_info(i).help);
    }
    print_if(l, "--help", "the options of this subcommand");
}

static void complete_subcommand(const struct line *l)
{
    for (const struct ctl_command *c = ctl_commands; c->name; c++)
        print_if(l, c->name, c->help);
    if (l->last[0] == '-') {
        print_if(l, "--help", "all subcommands and options");
        print_if(l, "--version", "the version");
    }
}

static void complete_ctl(const struct line *l)
{
    const struct ctl_command *c;
    struct ctl_option_info option;
    int positional = 0;

    if (l->n == 2) {
        complete_subcommand(l);
        return;
    }
    c = command_find(l->words[1]);
    if (!c)
        return;
    for (int i = 2; i < l->n - 1; i++)
        positional += l->words[i][0] != '-' &&
                      (i == 2 || !awaits_value(c, l->words[i - 1], &option));
    if (l->n > 3 && awaits_value(c, l->words[l->n - 2], &option))
        complete_value(l, &option);
    else if (l->last[0] == '-')
        complete_options(l, c);
    else
        complete_argument(l, c->arguments, positional);
}

/* ---- prepfs ---- */

struct mount_options {
    const struct line *line;
    const char *prefix; /* the options before, with their comma; or "--" */
    size_t prefix_length;
};

static void print_mount_option(void *opaque, const struct option_info *o)
{
    const struct mount_options *m = opaque;
    char word[1024];

    if (!o->help || (o->letter && m->prefix[0] != '-'))
        return;
    (void)snprintf(word, sizeof word, "%.*s%s%s", (int)m->prefix_length,
                   m->prefix, o->name, o->metavar ? "=" : "");
    print_if(m->line, word, o->help);
}

static void complete_mount(const struct line *l)
{
    const char *before = l->n > 2 ? l->words[l->n - 2] : "";
    const char *comma = strrchr(l->last, ',');
    struct mount_options m = {l, l->last,
                              comma ? (size_t)(comma + 1 - l->last) : 0};

    if (strcmp(before, "-o") == 0) {
        options_each(print_mount_option, &m);
        (void)puts(":nospace");
    } else if (l->last[0] == '-') {
        m.prefix = "--";
        m.prefix_length = 2;
        options_each(print_mount_option, &m);
        print_if(l, "-o", "options");
        (void)puts(":nospace");
    } else {
        (void)puts(":folders");
    }
}

/* ---- the subcommand ---- */

int cmd_complete(const struct ctl_args *args)
{
    const char *file = args->values[CTL_PRESETS];
    struct view_presets *presets = NULL;
    struct line line = {.words = args->positional,
                        .n = args->n_positional,
                        .last = args->positional[args->n_positional - 1]};
    struct error err = ERROR_INIT;
    const char *program = strrchr(line.words[0], '/');

    if (file && view_presets_load(file, &presets, &err) != 0)
        return ctl_fail(args, &err);
    line.presets = presets;
    program = program ? program + 1 : line.words[0];
    if (strcmp(program, "prepfsctl") == 0)
        complete_ctl(&line);
    else
        complete_mount(&line);
    view_presets_free(presets);
    return ctl_finish_output(args);
}
