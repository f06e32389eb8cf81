// SPDX-License-Identifier: MIT
/*
 * The table of subcommands and options, and the command line against it.
 */
#include "ctl/command.h"

#include <stdlib.h>
#include <string.h>

#define BIT(option) (1u << (option))

const struct ctl_command ctl_commands[] = {
    {"index", "ARCHIVE", 1, 1,
     BIT(CTL_STATE) | BIT(CTL_JOBS) | BIT(CTL_TAGS) | BIT(CTL_SNIFF) |
         BIT(CTL_ALLOW_EMPTY) | BIT(CTL_QUIET),
     "look for new and changed files and read their headers", cmd_index},
    {"snapshot", "ARCHIVE [FILE]", 1, 2, BIT(CTL_STATE),
     "write a copy of the manifest that any sqlite3 opens", cmd_snapshot},
    {"manifest", "ARCHIVE VIEW", 2, 2, BIT(CTL_STATE) | BIT(CTL_PRESETS),
     "print the files of a view as CSV", cmd_manifest},
    {"explain", "VIEW", 1, 1, BIT(CTL_PRESETS),
     "say what a view means, or what is wrong with it", cmd_explain},
    {"errors", "ARCHIVE", 1, 1, BIT(CTL_STATE),
     "print what could not be read or decoded", cmd_errors},
    {"stats", "MOUNTPOINT", 1, 1, 0, "print the counters of a mount",
     cmd_stats},
    {0},
};

struct option {
    const char *name;
    char letter;       /* or 0 */
    const char *value; /* what it takes; NULL for a flag */
    const char *help;
};

static const struct option options[CTL_OPTIONS] = {
    [CTL_STATE] = {"state", 0, "DIR",
                   "where the manifest is kept (default:\n"
                   "$XDG_STATE_HOME/prepfs/ID, root: /var/lib/prepfs/ID)"},
    [CTL_JOBS] = {"jobs", 'j', "N",
                  "threads that read headers (default: by processors)"},
    [CTL_TAGS] = {"tags", 0, "LIST",
                  "further attributes for table attr: 0018,0015;0018,1030"},
    [CTL_SNIFF] = {"sniff", 0, "all",
                   "look into every file, whatever its name"},
    [CTL_ALLOW_EMPTY] = {"allow-empty", 0, NULL,
                         "believe an archive without any file"},
    [CTL_PRESETS] = {"presets", 0, "FILE", "names for views"},
    [CTL_QUIET] = {"quiet", 'q', NULL, "no progress and no summary"},
};

/* ---- help ---- */

static void print_option(FILE *out, const struct option *o)
{
    char head[40];
    char letter[8] = "";
    const char *help = o->help;

    if (o->letter)
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    (void)snprintf(head, sizeof head, "%s--%s%s%s", letter, o->name,
                   o->value ? " " : "", o->value ? o->value : "");
    for (;;) {
        int length = (int)strcspn(help, "\n");

        (void)fprintf(out, "    %-20s %.*s\n", head, length, help);
        head[0] = '\0';
        if (!help[length])
            return;
        help += length + 1;
    }
}

static void print_options(FILE *out, unsigned mask)
{
    for (int i = 0; i < CTL_OPTIONS; i++)
        if (mask & BIT(i))
            print_option(out, &options[i]);
}

void command_help(FILE *out, const char *program)
{
    unsigned mask = 0;

    (void)fprintf(out, "usage: %s SUBCOMMAND ARGUMENTS [OPTIONS]\n\n", program);
    for (const struct ctl_command *c = ctl_commands; c->name; c++) {
        (void)fprintf(out, "    %s %-*s %s\n", c->name,
                      24 - (int)strlen(c->name), c->arguments, c->help);
        mask |= c->options;
    }
    (void)fputs("\noptions:\n", out);
    print_options(out, mask);
    (void)fprintf(out,
                  "    %-20s the same, as in the options of prepfs\n"
                  "    %-20s this, or the same of one subcommand\n"
                  "    %-20s print the version\n",
                  "-o NAME=VALUE,...", "-h, --help", "-V, --version");
}

void command_help_one(FILE *out, const char *program,
                      const struct ctl_command *c)
{
    (void)fprintf(out, "usage: %s %s %s%s\n\n%s.\n", program, c->name,
                  c->arguments, c->options ? " [OPTIONS]" : "", c->help);
    if (!c->options)
        return;
    (void)fputs("\noptions:\n", out);
    print_options(out, c->options);
}

/* ---- the command line ---- */

const struct ctl_command *command_find(const char *name)
{
    for (const struct ctl_command *c = ctl_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static int find_option(const char *name, size_t length)
{
    for (int i = 0; i < CTL_OPTIONS; i++)
        if (strlen(options[i].name) == length &&
            strncmp(options[i].name, name, length) == 0)
            return i;
    return -1;
}

static int find_letter(char letter)
{
    for (int i = 0; i < CTL_OPTIONS; i++)
        if (options[i].letter == letter)
            return i;
    return -1;
}

/* `value` may be NULL. */
static int set_option(const struct ctl_command *c, int which, const char *given,
                      const char *value, struct ctl_args *args,
                      struct error *err)
{
    if (which < 0 || !(c->options & BIT(which)))
        return error_set(err, ERROR_USAGE, "%s has no option %s", c->name,
                         given);
    const struct option *o = &options[which];

    if (o->value && !value)
        return error_set(err, ERROR_USAGE, "%s needs a value: %s", given,
                         o->value);
    if (!o->value && value)
        return error_set(err, ERROR_USAGE, "%s takes no value", given);
    args->values[which] = value ? value : "";
    return 0;
}

/* "state=DIR,allow-empty": cut at commas that an option's name follows, since
 * values may hold commas themselves. Cuts `list`. */
static int set_list(const struct ctl_command *c, char *list,
                    struct ctl_args *args, struct error *err)
{
    while (list) {
        char *next = NULL;

        for (char *comma = strchr(list, ','); comma && !next;
             comma = strchr(comma + 1, ',')) {
            size_t length = strcspn(comma + 1, "=,");

            if (find_option(comma + 1, length) >= 0) {
                *comma = '\0';
                next = comma + 1;
            }
        }
        char *value = strchr(list, '=');

        if (value)
            *value++ = '\0';
        if (set_option(c, find_option(list, strlen(list)), list, value, args,
                       err) != 0)
            return -1;
        list = next;
    }
    return 0;
}

/* An argument that begins with "-"; may take the next one, *i moves on. */
static int parse_option(const struct ctl_command *c, char **argv, int *i,
                        struct ctl_args *args, struct error *err)
{
    char *given = argv[*i];
    char *value = NULL;
    int which;

    if (strncmp(given, "-o", 2) == 0) {
        value = given[2] ? given + 2 : argv[++*i];
        if (!value)
            return error_set(err, ERROR_USAGE, "-o needs NAME=VALUE");
        return set_list(c, value, args, err);
    }
    if (given[1] == '-') {
        size_t length = strcspn(given + 2, "=");

        which = find_option(given + 2, length);
        if (given[2 + length])
            value = given + 3 + length;
    } else {
        which = find_letter(given[1]);
        if (given[2])
            value = given + 2;
    }
    if (which >= 0 && options[which].value && !value && argv[*i + 1])
        value = argv[++*i];
    return set_option(c, which, given, value, args, err);
}

int command_parse(const struct ctl_command *c, char **argv,
                  struct ctl_args *args, bool *ret_help, struct error *err)
{
    bool only_names = false;

    *ret_help = false;
    for (int i = 0; argv[i]; i++) {
        const char *a = argv[i];

        if (!only_names && strcmp(a, "--") == 0) {
            only_names = true;
            continue;
        }
        if (!only_names && (strcmp(a, "-h") == 0 || strcmp(a, "--help") == 0)) {
            *ret_help = true;
            return 0;
        }
        if (!only_names && a[0] == '-' && a[1]) {
            if (parse_option(c, argv, &i, args, err) != 0)
                return -1;
            continue;
        }
        if (args->n_positional == c->most)
            return error_set(err, ERROR_USAGE, "%s takes %s and not \"%s\"",
                             c->name, c->arguments, a);
        args->positional[args->n_positional++] = a;
    }
    if (args->n_positional < c->least)
        return error_set(err, ERROR_USAGE, "%s needs %s", c->name,
                         c->arguments);
    return 0;
}
