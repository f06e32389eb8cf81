// SPDX-License-Identifier: MIT
/*
 * The table of subcommands and options, and the command line against it.
 */
#include "ctl/command.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "near_word.h"

#define BIT(option) CTL_BIT(option)

/* Of all that look at pixels. */
#define PIXELS                                                                 \
    (BIT(CTL_STATE) | BIT(CTL_PRESETS) | BIT(CTL_WORKERS) | BIT(CTL_GAPS) |    \
     BIT(CTL_FOLLOW) | BIT(CTL_QUIET))

/* Options that dicom-preprocess has. */
#define TRANSLATED                                                             \
    (BIT(CTL_CROP) | BIT(CTL_CROP_MAX) | BIT(CTL_NO_COMPONENTS) |              \
     BIT(CTL_BORDER_FRAC) | BIT(CTL_SIZE) | BIT(CTL_SPACING) |                 \
     BIT(CTL_FILTER) | BIT(CTL_PADDING) | BIT(CTL_NO_PADDING) |                \
     BIT(CTL_COMPRESSOR) | BIT(CTL_VOLUME_HANDLER) | BIT(CTL_TARGET_FRAMES) |  \
     BIT(CTL_MIP_WEIGHT) | BIT(CTL_SKIP_FRAMES) | BIT(CTL_PROJECTION_MODE) |   \
     BIT(CTL_WINDOW))

const struct ctl_command ctl_commands[] = {
    {"index", "ARCHIVE", 1, 1,
     BIT(CTL_STATE) | BIT(CTL_JOBS) | BIT(CTL_WORKERS) | BIT(CTL_TAGS) |
         BIT(CTL_SNIFF) | BIT(CTL_ALLOW_EMPTY) | BIT(CTL_FOLLOW) |
         BIT(CTL_QUIET),
     "look for new and changed files and read their headers", cmd_index},
    {"rescan", "MOUNTPOINT", 1, 1, BIT(CTL_QUIET),
     "have a mount look for new and changed files now", cmd_rescan},
    {"snapshot", "ARCHIVE [FILE]", 1, 2, BIT(CTL_STATE),
     "write a copy of the manifest that any sqlite3 opens; FILE: publish it",
     cmd_snapshot},
    {"manifest", "ARCHIVE VIEW", 2, 2,
     BIT(CTL_STATE) | BIT(CTL_PRESETS) | BIT(CTL_GAPS) | BIT(CTL_WHERE),
     "print the files of a view as CSV", cmd_manifest},
    {"render", "[VIEW] SOURCE... OUT", 1, INT_MAX,
     BIT(CTL_OUT) | BIT(CTL_FORMAT) | BIT(CTL_LAYOUT) | BIT(CTL_WITH) |
         BIT(CTL_FORCE) | BIT(CTL_STRICT) | BIT(CTL_DRY_RUN) | BIT(CTL_JOBS) |
         BIT(CTL_SNIFF) | BIT(CTL_TIMES) | BIT(CTL_WHERE) | PIXELS | TRANSLATED,
     "write the files of a view to a folder, without a mount", cmd_render},
    {"measure", "VIEW ARCHIVE", 2, 2,
     BIT(CTL_JOBS) | BIT(CTL_STRICT) | BIT(CTL_WHERE) | PIXELS,
     "mean and standard deviation of a data set, per channel", cmd_measure},
    {"map", "VIEW ARCHIVE [CSV]", 2, 3,
     BIT(CTL_INVERSE) | BIT(CTL_EDGES) | PIXELS,
     "points and boxes from the sources to a view, or back", cmd_map},
    {"roi", "import NAME CSV ARCHIVE", 2, 4, BIT(CTL_STATE) | BIT(CTL_REPLACE),
     "put findings into the manifest, or export ARCHIVE [NAME]", cmd_roi},
    {"warm", "VIEW MOUNTPOINT|ARCHIVE", 2, 2,
     BIT(CTL_SHARD) | BIT(CTL_JOBS) | BIT(CTL_STRICT) | BIT(CTL_WHERE) | PIXELS,
     "read a view of a mount, or find out its sizes", cmd_warm},
    {"check", "ARCHIVE [VIEW]", 1, 2,
     BIT(CTL_JOBS) | BIT(CTL_STRICT) | BIT(CTL_WHERE) | PIXELS,
     "decode every image, and say which cannot be", cmd_check},
    {"explain", "VIEW", 1, 1, BIT(CTL_PRESETS),
     "say what a view means, or what is wrong with it", cmd_explain},
    {"errors", "ARCHIVE", 1, 1, BIT(CTL_STATE),
     "print what could not be read or decoded", cmd_errors},
    {"sheet", "VIEW... SOURCE", 2, INT_MAX,
     BIT(CTL_OUT) | BIT(CTL_ROWS) | BIT(CTL_COLUMNS) | BIT(CTL_TILE) |
         BIT(CTL_SNIFF) | BIT(CTL_JOBS) | BIT(CTL_WHERE) | PIXELS,
     "draw an image under several views into a PNG, with captions", cmd_sheet},
    {"stats", "MOUNTPOINT", 1, 1, BIT(CTL_WATCH) | BIT(CTL_EVERY),
     "print the counters of a mount, or watch it work", cmd_stats},
    {"complete", "-- WORD...", 1, INT_MAX, BIT(CTL_PRESETS),
     "say what may follow an unfinished command line, for shells",
     cmd_complete},
    {"purge", "DIR|MOUNTPOINT", 1, 1, 0,
     "remove all images from the folder of -o disk", cmd_purge},
    {0},
};

static const struct ctl_option_info options[CTL_OPTIONS] = {
    [CTL_STATE] = {"state", 0, "DIR",
                   "where the manifest is kept (default:\n"
                   "$XDG_STATE_HOME/prepfs/ID, root: /var/lib/prepfs/ID;\n"
                   "of render: nowhere)"},
    [CTL_JOBS] = {"jobs", 'j', "N", "threads (default: by processors)"},
    [CTL_WORKERS] = {"workers", 0, "N",
                     "processes that parse and decode (default: as many as\n"
                     "threads; 0: none, all in this one)"},
    [CTL_GAPS] = {"gaps", 0, "allow",
                  "stack series that are not evenly spaced too"},
    [CTL_WHERE] = {"where", 0, "SQL",
                   "only images that this is true of: an expression over\n"
                   "the view cohort of the manifest"},
    [CTL_FOLLOW] = {"follow", 0, NULL,
                    "follow symbolic links that leave the archive"},
    [CTL_TAGS] = {"tags", 0, "LIST",
                  "further attributes for table attr: 0018,0015;0018,1030"},
    [CTL_SNIFF] = {"sniff", 0, "all",
                   "look into every file, whatever its name"},
    [CTL_ALLOW_EMPTY] = {"allow-empty", 0, NULL,
                         "believe an archive without any file"},
    [CTL_PRESETS] = {"presets", 0, "FILE", "names for views"},
    [CTL_QUIET] = {"quiet", 'q', NULL, "no progress and no summary"},
    [CTL_OUT] = {"out", 0, "OUT",
                 "also -o OUT: the folder to write to; of sheet: the PNG"},
    [CTL_FORMAT] = {"format", 0, "EXT,...",
                    "tiff, npy, nii, png, json (default: the view's)"},
    [CTL_LAYOUT] = {"layout", 0, "WORD",
                    "flat: STUDY/IMAGE, tree: STUDY/SERIES/IMAGE"},
    [CTL_WITH] = {"with", 0, "VIEW", "further operators, as in u8_list-npy"},
    [CTL_FORCE] = {"force", 0, NULL, "make what is there already once more"},
    [CTL_STRICT] = {"strict", 0, NULL, "stop at the first failure"},
    [CTL_DRY_RUN] = {"dry-run", 0, NULL, "print the view and the files only"},
    [CTL_TIMES] = {"times", 0, NULL, "print where the time went"},
    [CTL_REPLACE] = {"replace", 0, NULL, "findings that were there before go"},
    [CTL_INVERSE] = {"inverse", 0, NULL, "from the view to the source"},
    [CTL_EDGES] = {"edges", 0, NULL,
                   "exact lengths from the corner, not pixel numbers"},
    [CTL_ROWS] = {"rows", 0, "N", "images to draw, a row each (default: 1)"},
    [CTL_COLUMNS] = {"columns", 0, "N", "pictures side by side"},
    [CTL_TILE] = {"tile", 0, "N", "pixels of a picture's side (default: 384)"},
    [CTL_SHARD] = {"shard", 0, "I/N",
                   "only the I-th of N parts that have all files between them"},
    [CTL_WATCH] = {"watch", 0, NULL, "again and again, as rates"},
    [CTL_EVERY] = {"every", 0, "SECONDS",
                   "with --watch: how often (default: 1)"},
    [CTL_CROP] = {"crop", 'c', NULL, "cut off black borders"},
    [CTL_CROP_MAX] = {"crop-max", 'm', NULL,
                      "with -c: saturated pixels are border too"},
    [CTL_NO_COMPONENTS] = {"no-components", 'n', NULL,
                           "with -c: keep everything, not only the largest"},
    [CTL_BORDER_FRAC] = {"border-frac", 'b', "F",
                         "with -c: part of each side not looked at"},
    [CTL_SIZE] = {"size", 's', "W,H", "fit into W x H pixels"},
    [CTL_SPACING] = {"spacing", 0, "X,Y[,Z]",
                     "millimetres from pixel to pixel"},
    [CTL_FILTER] = {"filter", 'f', "WORD",
                    "triangle, nearest, catmull-rom, gaussian, lanczos3,\n"
                    "max-pool"},
    [CTL_PADDING] = {"padding", 'p', "WORD",
                     "with -s: zero, top-left, bottom-right, center"},
    [CTL_NO_PADDING] = {"no-padding", 0, NULL, "with -s: no padding"},
    [CTL_COMPRESSOR] = {"compressor", 'z', "WORD",
                        "uncompressed (default), packbits, lzw"},
    [CTL_VOLUME_HANDLER] = {"volume-handler", 'v', "WORD",
                            "keep, central-slice, max-intensity,\n"
                            "interpolate, laplacian-mip"},
    [CTL_TARGET_FRAMES] = {"target-frames", 't', "N",
                           "of interpolate (default 32)"},
    [CTL_MIP_WEIGHT] = {"mip-weight", 0, "W", "of laplacian-mip (default 1.5)"},
    [CTL_SKIP_FRAMES] = {"skip-frames", 0, "N",
                         "of laplacian-mip, at both ends (default 5)"},
    [CTL_PROJECTION_MODE] = {"projection-mode", 0, "WORD",
                             "of laplacian-mip: parallel-beam, central-slice"},
    [CTL_WINDOW] = {"window", 'w', "C,W", "centre and width"},
};

struct ctl_option_info ctl_option_info(enum ctl_option option)
{
    return options[option];
}

const char *ctl_option_name(enum ctl_option option)
{
    return options[option].name;
}

/* ---- help ---- */

static void print_option(FILE *out, const struct ctl_option_info *o)
{
    char head[48];
    char letter[8] = "";
    const char *help = o->help;

    if (o->letter)
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    (void)snprintf(head, sizeof head, "%s--%s%s%s", letter, o->name,
                   o->value ? " " : "", o->value ? o->value : "");
    for (;;) {
        int length = (int)strcspn(help, "\n");

        (void)fprintf(out, "    %-24s %.*s\n", head, length, help);
        head[0] = '\0';
        if (!help[length])
            return;
        help += length + 1;
    }
}

static void print_options(FILE *out, uint64_t mask)
{
    for (int i = 0; i < CTL_OPTIONS; i++)
        if (mask & BIT(i))
            print_option(out, &options[i]);
}

void command_help(FILE *out, const char *program)
{
    uint64_t mask = 0;

    (void)fprintf(out, "usage: %s SUBCOMMAND ARGUMENTS [OPTIONS]\n\n", program);
    for (const struct ctl_command *c = ctl_commands; c->name; c++) {
        (void)fprintf(out, "    %s %-*s %s\n", c->name,
                      28 - (int)strlen(c->name), c->arguments, c->help);
        mask |= c->options;
    }
    (void)fputs("\noptions:\n", out);
    print_options(out, mask);
    (void)fprintf(out,
                  "    %-24s the same, as in the options of prepfs\n"
                  "    %-24s this, or the same of one subcommand\n"
                  "    %-24s print the version\n",
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

const char *command_nearest(const char *word)
{
    struct near_word n = near_word(word);

    for (const struct ctl_command *c = ctl_commands; c->name; c++)
        near_word_try(&n, c->name);
    return n.best;
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

static int no_option(const struct ctl_command *c, const char *given,
                     struct error *err)
{
    char name[NEAR_WORD_MAX + 1];
    const char *from = given + strspn(given, "-");
    struct near_word n;

    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(from, "="), from);
    n = near_word(name);
    for (int i = 0; i < CTL_OPTIONS; i++)
        if (c->options & BIT(i) && name[1])
            near_word_try(&n, options[i].name);
    return error_set(err, ERROR_USAGE, "%s has no option %s%s%s%s", c->name,
                     given, n.best ? "; did you mean --" : "",
                     n.best ? n.best : "", n.best ? "?" : "");
}

/* `value` may be NULL. */
static int set_option(const struct ctl_command *c, int which, const char *given,
                      const char *value, struct ctl_args *args,
                      struct error *err)
{
    if (which < 0 || !(c->options & BIT(which)))
        return no_option(c, given, err);
    const struct ctl_option_info *o = &options[which];

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

/* Is this what -o takes besides a folder: NAME=VALUE? */
static bool is_list(const char *text)
{
    size_t length = strcspn(text, "=,");

    return text[length] == '=' && find_option(text, length) >= 0;
}

/* "-o TEXT" and "-oTEXT". */
static int parse_o(const struct ctl_command *c, char **argv, int *i,
                   struct ctl_args *args, struct error *err)
{
    char *value = argv[*i][2] ? argv[*i] + 2 : argv[++*i];

    if (c->options & BIT(CTL_OUT)) {
        if (!value)
            return error_set(err, ERROR_USAGE, "-o needs a folder");
        if (!is_list(value))
            return set_option(c, CTL_OUT, "-o", value, args, err);
    }
    if (!value)
        return error_set(err, ERROR_USAGE, "-o needs NAME=VALUE");
    return set_list(c, value, args, err);
}

static int parse_long(const struct ctl_command *c, char **argv, int *i,
                      struct ctl_args *args, struct error *err)
{
    char *given = argv[*i];
    size_t length = strcspn(given + 2, "=");
    int which = find_option(given + 2, length);
    char *value = given[2 + length] ? given + 3 + length : NULL;

    if (which >= 0 && options[which].value && !value && argv[*i + 1])
        value = argv[++*i];
    return set_option(c, which, given, value, args, err);
}

/* "-j 4", "-j4", and flags in one word: "-cmn". */
static int parse_letters(const struct ctl_command *c, char **argv, int *i,
                         struct ctl_args *args, struct error *err)
{
    for (char *at = argv[*i] + 1; *at; at++) {
        const char given[] = {'-', *at, '\0'};
        int which = find_letter(*at);
        char *value = NULL;

        if (which >= 0 && options[which].value) {
            value = at[1] == '=' ? at + 2 : at[1] ? at + 1 : argv[++*i];
            return set_option(c, which, given, value, args, err);
        }
        if (set_option(c, which, given, NULL, args, err) != 0)
            return -1;
    }
    return 0;
}

/* An argument that begins with "-"; may take the next one, *i moves on. */
static int parse_option(const struct ctl_command *c, char **argv, int *i,
                        struct ctl_args *args, struct error *err)
{
    if (strncmp(argv[*i], "-o", 2) == 0)
        return parse_o(c, argv, i, args, err);
    if (argv[*i][1] == '-')
        return parse_long(c, argv, i, args, err);
    return parse_letters(c, argv, i, args, err);
}

int command_parse(const struct ctl_command *c, char **argv,
                  struct ctl_args *args, bool *ret_help, struct error *err)
{
    bool only_names = false;

    *ret_help = false;
    args->positional = argv;
    for (int i = 0; argv[i]; i++) {
        char *a = argv[i];

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
        argv[args->n_positional++] = a; /* never beyond i */
    }
    argv[args->n_positional] = NULL;
    if (args->n_positional < c->least)
        return error_set(err, ERROR_USAGE, "%s needs %s", c->name,
                         c->arguments);
    return 0;
}
