// SPDX-License-Identifier: MIT
/* options.c: see options.h. */
#include "options.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum option_type {
    OPTION_FLAG,    /* bool */
    OPTION_TEXT,    /* char *, owned */
    OPTION_SIZE,    /* uint64_t with a suffix */
    OPTION_NUMBER,  /* uint64_t */
    OPTION_OCTAL,   /* uint64_t */
    OPTION_ID,      /* int64_t, not negative */
    OPTION_CHOICE,  /* bool, set by the one word in `metavar` */
    OPTION_SWITCH,  /* bool: "auto" or "off" */
    OPTION_COUNT,   /* uint64_t, or "off" for 0 */
    OPTION_KERNEL,  /* passed on to mount(2) */
    OPTION_IGNORED, /* accepted because fstab and mount(8) say it */
    OPTION_FORCED   /* accepted; prepfs always mounts like this */
};

struct option {
    const char *name; /* "x-*": any word that starts with x- */
    char letter;      /* or 0 */
    enum option_type type;
    size_t offset;       /* in struct options */
    uint64_t low, high;  /* of SIZE, NUMBER, OCTAL and ID; high 0: any */
    const char *metavar; /* of the value, or NULL */
    const char *help;    /* NULL: not shown in detail */
};

#define AT(field) offsetof(struct options, field)

static const struct option table[] = {
    {"help", 'h', OPTION_FLAG, AT(help), 0, 0, NULL, "print this and exit"},
    {"version", 'V', OPTION_FLAG, AT(version), 0, 0, NULL,
     "print the versions of prepfs and its libraries and exit"},
    {"foreground", 'f', OPTION_FLAG, AT(foreground), 0, 0, NULL,
     "stay in the foreground and log to the terminal"},
    {"debug", 'd', OPTION_FLAG, AT(debug), 0, 0, NULL,
     "like -f, and log every request"},

    {"state", 0, OPTION_TEXT, AT(state_dir), 0, 0, "DIR",
     "where the manifest is kept\n"
     "(default: $XDG_STATE_HOME/prepfs/ID, root: /var/lib/prepfs/ID)"},
    {"cache", 0, OPTION_SIZE, AT(cache_bytes), 1 << 20, 0, "SIZE",
     "memory for computed images (default: a quarter of what is free)"},
    {"epochs", 0, OPTION_SWITCH, AT(epochs), 0, 0, "auto|off",
     "keep part of a data set that is larger than the memory, instead of\n"
     "the latest of it (default: auto, when that gives more hits)"},
    {"pressure", 0, OPTION_SWITCH, AT(pressure), 0, 0, "auto|off",
     "give memory back while the system is short of it (default: auto)"},
    {"prefetch", 0, OPTION_COUNT, AT(prefetch), 1, 64, "N|off",
     "images or frames made ahead of a sequential reader (default: 4)"},
    {"threads", 0, OPTION_NUMBER, AT(threads), 1, 256, "N",
     "threads that decode (default: one per processor)"},
    {"workers", 0, OPTION_ID, AT(workers), 0, 256, "N",
     "processes that decoders run in, so that a file which makes one crash\n"
     "or hang harms nothing else; 0: none (default: one per thread)"},
    {"decode_time", 0, OPTION_NUMBER, AT(decode_time), 1, 86400, "SECONDS",
     "processor time for a frame in a worker (default: 60)"},
    {"decode_memory", 0, OPTION_SIZE, AT(decode_memory), 64 << 20, 0, "SIZE",
     "memory for a frame in a worker (default: 1G)"},
    {"presets", 0, OPTION_TEXT, AT(presets), 0, 0, "FILE",
     "names for views, as [views] Name = operators"},
    {"preset_dirs", 0, OPTION_FLAG, AT(preset_dirs), 0, 0, NULL,
     "show presets as folders instead of symbolic links"},
    {"index", 0, OPTION_CHOICE, AT(index_background), 0, 0, "background",
     "mount during the first index; files appear as they are found"},
    {"gaps", 0, OPTION_CHOICE, AT(gaps_allowed), 0, 0, "allow",
     "stack series whose slices are not evenly spaced, as if they were"},
    {"xattr", 0, OPTION_FLAG, AT(xattr), 0, 0, NULL,
     "extended attributes user.prepfs.* on images (costs two requests\n"
     "per file in ls -l)"},
    {"max_views", 0, OPTION_NUMBER, AT(max_views), 1, 65535, "N",
     "views that may be in use (default: 65535)"},
    {"max_pixels", 0, OPTION_SIZE, AT(max_pixels), 1, 0, "SIZE",
     "pixels a frame may have (default: 1G)"},
    {"max_bytes_per_file", 0, OPTION_SIZE, AT(max_bytes_per_file), 1, 0, "SIZE",
     "bytes a file may have (default: 64G)"},
    {"read_ahead_kb", 0, OPTION_NUMBER, AT(read_ahead_kb), 4, 1 << 20, "N",
     "read-ahead of the kernel for this mount (needs root)"},

    {"uid", 0, OPTION_ID, AT(uid), 0, UINT32_MAX - 1, "N",
     "owner of everything (default: who mounts)"},
    {"gid", 0, OPTION_ID, AT(gid), 0, UINT32_MAX - 1, "N",
     "group of everything (default: who mounts)"},
    {"umask", 0, OPTION_OCTAL, AT(umask), 0, 0777, "OCTAL",
     "permission bits to take away (default: 0)"},
    {"allow_other", 0, OPTION_FLAG, AT(allow_other), 0, 0, NULL,
     "let other users in, as far as the modes say"},
    {"allow_root", 0, OPTION_FLAG, AT(allow_root), 0, 0, NULL,
     "let root in as well"},
    {"default_permissions", 0, OPTION_FLAG, AT(default_permissions), 0, 0, NULL,
     "let the kernel check the modes (implied by allow_other)"},
    {"auto_unmount", 0, OPTION_FLAG, AT(auto_unmount), 0, 0, NULL,
     "unmount when prepfs dies"},
    {"fsname", 0, OPTION_TEXT, AT(fsname), 0, 0, "NAME",
     "source shown by mount and df (default: the archive)"},
    {"remount", 0, OPTION_FLAG, AT(remount), 0, 0, NULL,
     "given by mount(8): make a mount read-only again"},

    {"context", 0, OPTION_KERNEL, 0, 0, 0, "LABEL", NULL},
    {"fscontext", 0, OPTION_KERNEL, 0, 0, 0, "LABEL", NULL},
    {"defcontext", 0, OPTION_KERNEL, 0, 0, 0, "LABEL", NULL},
    {"rootcontext", 0, OPTION_KERNEL, 0, 0, 0, "LABEL", NULL},

    {"ro", 0, OPTION_FORCED, 0, 0, 0, NULL, NULL},
    {"nosuid", 0, OPTION_FORCED, 0, 0, 0, NULL, NULL},
    {"nodev", 0, OPTION_FORCED, 0, 0, 0, NULL, NULL},
    {"noexec", 0, OPTION_FORCED, 0, 0, 0, NULL, NULL},

    {"rw", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"suid", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"dev", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"exec", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"defaults", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"auto", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"noauto", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"nofail", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"_netdev", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"user", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"nouser", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"users", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"owner", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"group", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"atime", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"noatime", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"diratime", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"nodiratime", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"relatime", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"norelatime", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"strictatime", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"nostrictatime", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"lazytime", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"nolazytime", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"sync", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"async", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"dirsync", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"mand", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"nomand", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"silent", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"loud", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"nonempty", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
    {"subtype", 0, OPTION_IGNORED, 0, 0, 0, "NAME", NULL},
    {"comment", 0, OPTION_IGNORED, 0, 0, 0, "TEXT", NULL},
    {"x-*", 0, OPTION_IGNORED, 0, 0, 0, NULL, NULL},
};

enum { N_OPTIONS = sizeof table / sizeof table[0] };

/* ---- the nearest word ---- */

enum { WORD_MAX = 32 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* How many letters must be changed, added, dropped or swapped with their
 * neighbour; words above WORD_MAX are far from everything. */
static unsigned distance(const char *a, const char *b)
{
    unsigned d[WORD_MAX + 1][WORD_MAX + 1];
    size_t na = strlen(a), nb = strlen(b);

    if (na > WORD_MAX || nb > WORD_MAX)
        return WORD_MAX;
    for (unsigned i = 0; i <= na; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= nb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        for (size_t j = 1; j <= nb; j++) {
            d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
                           d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    }
    return d[na][nb];
}

/* The closest name worth showing for a wrong word, or NULL. */
static const char *nearest(const char *word)
{
    const char *best = NULL;
    unsigned limit = strlen(word) < 5 ? 1 : (unsigned)strlen(word) / 3;
    unsigned d;

    for (size_t i = 0; i < N_OPTIONS; i++) {
        d = distance(word, table[i].name);
        if (d <= limit) {
            best = table[i].name;
            limit = d - (d > 0);
        }
    }
    return best;
}

/* ---- values ---- */

static int parse_unsigned(const char *text, int base, uint64_t *ret,
                          const char **ret_rest)
{
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return -1;
    errno = 0;
    *ret = strtoull(text, &end, base);
    if (errno != 0)
        return -1;
    *ret_rest = end;
    return 0;
}

int options_parse_size(const char *text, uint64_t *ret, struct error *err)
{
    static const char units[] = "KMGT";
    const char *rest, *unit;
    uint64_t n;
    unsigned shift = 0;

    if (parse_unsigned(text, 10, &n, &rest) < 0)
        return error_set(err, ERROR_USAGE,
                         "'%s' is no size: a number, then K, M, G or T", text);
    unit = *rest ? strchr(units, toupper((unsigned char)*rest)) : NULL;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        rest += strncmp(rest + 1, "iB", 2) == 0 ? 3 : 1;
    }
    if (*rest)
        return error_set(err, ERROR_USAGE,
                         "'%s' is no size: '%s' is not K, M, G or T", text,
                         rest);
    if (n << shift >> shift != n)
        return error_set(err, ERROR_USAGE, "'%s' is more than 64 bits hold",
                         text);
    *ret = n << shift;
    return 0;
}

static int parse_number(const struct option *option, const char *value,
                        uint64_t *ret, struct error *err)
{
    const char *rest = "";
    int base = option->type == OPTION_OCTAL ? 8 : 10;

    if (option->type == OPTION_SIZE) {
        if (options_parse_size(value, ret, err) < 0)
            return -1;
    } else if (parse_unsigned(value, base, ret, &rest) < 0 || *rest) {
        return error_set(err, ERROR_USAGE, "%s=%s: not %s number", option->name,
                         value, base == 8 ? "an octal" : "a whole");
    }
    if (*ret < option->low || (option->high && *ret > option->high))
        return error_set(err, ERROR_USAGE,
                         "%s=%s: must be from %" PRIu64 " to %" PRIu64,
                         option->name, value, option->low,
                         option->high ? option->high : UINT64_MAX);
    return 0;
}

/* Puts name=value at the end of a comma-separated list, with backslashes
 * where whoever splits the list needs them. */
static int append(char **list, const char *name, const char *value,
                  struct error *err)
{
    char *longer = NULL;
    size_t size;
    FILE *out = open_memstream(&longer, &size);

    if (!out)
        return error_no_memory(err);
    fprintf(out, "%s%s%s=", *list ? *list : "", *list ? "," : "", name);
    for (; *value; value++)
        fprintf(out, "%s%c", strchr(",\\", *value) ? "\\" : "", *value);
    if (fclose(out) != 0) {
        free(longer);
        return error_no_memory(err);
    }
    free(*list);
    *list = longer;
    return 0;
}

static int set_text(char **field, const char *value, struct error *err)
{
    free(*field);
    *field = strdup(value);
    return *field ? 0 : error_no_memory(err);
}

static int set_choice(const struct option *option, const char *value,
                      bool *field, struct error *err)
{
    if (strcmp(value, option->metavar) != 0)
        return error_set(err, ERROR_USAGE, "%s=%s: only %s=%s exists",
                         option->name, value, option->name, option->metavar);
    *field = true;
    return 0;
}

static int set_switch(const struct option *option, const char *value,
                      bool *field, struct error *err)
{
    *field = strcmp(value, "auto") == 0;
    if (*field || strcmp(value, "off") == 0)
        return 0;
    return error_set(err, ERROR_USAGE, "%s=%s: only auto and off exist",
                     option->name, value);
}

static int set(struct options *o, const struct option *option,
               const char *value, struct error *err)
{
    char *field = (char *)o + option->offset;
    uint64_t n;

    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return 0;
    case OPTION_TEXT:
        return set_text((char **)(void *)field, value, err);
    case OPTION_SIZE:
    case OPTION_NUMBER:
    case OPTION_OCTAL:
        return parse_number(option, value, (uint64_t *)(void *)field, err);
    case OPTION_ID:
        if (parse_number(option, value, &n, err) < 0)
            return -1;
        *(int64_t *)(void *)field = (int64_t)n;
        return 0;
    case OPTION_COUNT:
        if (strcmp(value, "off") != 0)
            return parse_number(option, value, (uint64_t *)(void *)field, err);
        *(uint64_t *)(void *)field = 0;
        return 0;
    case OPTION_SWITCH:
        return set_switch(option, value, (bool *)field, err);
    case OPTION_CHOICE:
        return set_choice(option, value, (bool *)field, err);
    case OPTION_KERNEL:
        return append(&o->kernel, option->name, value, err);
    case OPTION_IGNORED:
    case OPTION_FORCED:
        return 0;
    }
    return error_set(err, ERROR_INTERNAL, "option of type %d",
                     (int)option->type);
}

/* ---- words ---- */

static bool names(const struct option *option, const char *word, size_t n)
{
    size_t len = strlen(option->name);

    if (option->name[len - 1] == '*')
        return n > len - 1 && strncmp(word, option->name, len - 1) == 0;
    return len == n && memcmp(option->name, word, n) == 0;
}

static const struct option *find(const char *word, size_t n)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (names(&table[i], word, n))
            return &table[i];
    }
    return NULL;
}

static const struct option *find_letter(char letter)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (table[i].letter && table[i].letter == letter)
            return &table[i];
    }
    return NULL;
}

static int unknown(const char *word, size_t n, struct error *err)
{
    char name[WORD_MAX + 1];
    const char *near_name;

    (void)snprintf(name, sizeof name, "%.*s", (int)n, word);
    near_name = nearest(name);
    if (near_name)
        return error_set(err, ERROR_USAGE,
                         "unknown option '%s'; did you mean '%s'?", name,
                         near_name);
    return error_set(err, ERROR_USAGE,
                     "unknown option '%s'; prepfs --help lists them", name);
}

/* "name" or "name=value", already unescaped. */
static int apply(struct options *o, const char *word, struct error *err)
{
    const char *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    const struct option *option = find(word, n);
    const char *value = equals ? equals + 1 : NULL;

    if (!option)
        return unknown(word, n, err);
    if (option->type == OPTION_IGNORED)
        return 0;
    if (option->metavar && (!value || !*value))
        return error_set(err, ERROR_USAGE, "option %s needs a value: %s=%s",
                         option->name, option->name, option->metavar);
    if (!option->metavar && value)
        return error_set(err, ERROR_USAGE, "option %s takes no value",
                         option->name);
    return set(o, option, value, err);
}

/* Copies the next word of a comma-separated list without its backslashes;
 * returns what follows, or NULL after the last. */
static const char *next_word(const char *list, char *word)
{
    while (*list && *list != ',') {
        if (*list == '\\' && list[1])
            list++;
        *word++ = *list++;
    }
    *word = '\0';
    return *list ? list + 1 : NULL;
}

static int apply_list(struct options *o, const char *list, struct error *err)
{
    char *word = malloc(strlen(list) + 1);
    int rc = 0;

    if (!word)
        return error_no_memory(err);
    while (list && rc == 0) {
        list = next_word(list, word);
        if (*word)
            rc = apply(o, word, err);
    }
    free(word);
    return rc;
}

/* ---- the command line ---- */

static int positional(struct options *o, const char *arg, struct error *err)
{
    if (!o->archive)
        return set_text(&o->archive, arg, err);
    if (!o->mountpoint)
        return set_text(&o->mountpoint, arg, err);
    return error_set(err, ERROR_USAGE,
                     "'%s' is one argument too many: ARCHIVE and MOUNTPOINT "
                     "are all",
                     arg);
}

/* -fdo LIST, as getopt would read it. Returns how many arguments it took. */
static int letters(struct options *o, char *const argv[], struct error *err)
{
    const struct option *option;

    for (const char *p = argv[0] + 1; *p; p++) {
        if (*p == 'o') {
            if (p[1])
                return apply_list(o, p + 1, err) < 0 ? -1 : 1;
            if (!argv[1])
                return error_set(err, ERROR_USAGE, "-o needs a list");
            return apply_list(o, argv[1], err) < 0 ? -1 : 2;
        }
        option = find_letter(*p);
        if (!option)
            return error_set(err, ERROR_USAGE,
                             "unknown option -%c; prepfs --help lists them",
                             *p);
        if (set(o, option, NULL, err) < 0)
            return -1;
    }
    return 1;
}

static int argument(struct options *o, char *const argv[], bool only_paths,
                    struct error *err)
{
    const char *arg = argv[0];

    if (only_paths || arg[0] != '-' || arg[1] == '\0')
        return positional(o, arg, err) < 0 ? -1 : 1;
    if (arg[1] == '-')
        return apply(o, arg + 2, err) < 0 ? -1 : 1;
    return letters(o, argv, err);
}

static int parse_all(int argc, char *const argv[], struct options *o,
                     struct error *err)
{
    bool only_paths = false;
    int taken;

    for (int i = 1; i < argc; i += taken) {
        taken = 1;
        if (!only_paths && strcmp(argv[i], "--") == 0) {
            only_paths = true;
            continue;
        }
        taken = argument(o, argv + i, only_paths, err);
        if (taken < 0)
            return -1;
    }
    if (o->help || o->version)
        return 0;
    if (!o->archive || !o->mountpoint)
        return error_set(err, ERROR_USAGE, "%s is missing",
                         o->archive ? "MOUNTPOINT" : "ARCHIVE");
    if (o->allow_other && o->allow_root)
        return error_set(err, ERROR_USAGE,
                         "allow_other and allow_root exclude each other");
    return 0;
}

int options_parse(int argc, char *const argv[], struct options *ret,
                  struct error *err)
{
    struct options o = {
        .epochs = true,
        .pressure = true,
        .prefetch = 4,
        .workers = -1,
        .decode_time = 60,
        .decode_memory = UINT64_C(1) << 30,
        .max_views = 65535,
        .max_pixels = UINT64_C(1) << 28,
        .max_bytes_per_file = UINT64_C(64) << 30,
        .uid = -1,
        .gid = -1,
    };

    if (parse_all(argc, argv, &o, err) < 0) {
        options_deinit(&o);
        return -1;
    }
    o.foreground = o.foreground || o.debug;
    o.default_permissions = o.default_permissions || o.allow_other;
    *ret = o;
    return 0;
}

void options_deinit(struct options *o)
{
    free(o->archive);
    free(o->mountpoint);
    free(o->state_dir);
    free(o->presets);
    free(o->fsname);
    free(o->kernel);
    memset(o, 0, sizeof *o);
}

/* ---- --help ---- */

enum { HELP_COLUMN = 30 };

static void print_help_text(FILE *out, int column, const char *text)
{
    const char *end;

    for (;; text = end + 1) {
        end = strchrnul(text, '\n');
        fprintf(out, "%*s%.*s\n",
                column < HELP_COLUMN ? HELP_COLUMN - column : 1, "",
                (int)(end - text), text);
        column = 0;
        if (!*end)
            return;
    }
}

static void print_option(FILE *out, const struct option *option)
{
    int n;

    if (option->letter)
        n = fprintf(out, "  -%c, --%s", option->letter, option->name);
    else
        n = fprintf(out, "  -o %s%s%s", option->name,
                    option->metavar ? "=" : "",
                    option->metavar ? option->metavar : "");
    print_help_text(out, n, option->help);
}

/* Names of one type, wrapped at 76 columns. */
static void print_names(FILE *out, enum option_type type)
{
    int column = 76;

    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (table[i].type != type)
            continue;
        if (column + (int)strlen(table[i].name) + 1 > 76)
            column = fprintf(out, "\n   ") - 1;
        column += fprintf(out, " %s", table[i].name);
    }
    fputc('\n', out);
}

void options_help(FILE *out)
{
    fputs("usage: prepfs ARCHIVE MOUNTPOINT [-f] [-d] "
          "[-o OPTION[,OPTION...]]\n\n"
          "Shows every DICOM image under ARCHIVE as a preprocessed TIFF:\n"
          "  MOUNTPOINT/VIEW/STUDY/IMAGE.tiff\n"
          "where VIEW says how (see prepfs-view(7); `full` is a start).\n\n",
          out);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (table[i].help)
            print_option(out, &table[i]);
    }
    fputs("\nAlways so:", out);
    print_names(out, OPTION_FORCED);
    fputs("\nPassed to the kernel, with a value:", out);
    print_names(out, OPTION_KERNEL);
    fputs("\nAccepted because fstab and mount(8) say them, without effect:",
          out);
    print_names(out, OPTION_IGNORED);
    fputs("\nSIZE is a number of bytes (or pixels), or one with K, M, G or T "
          "for 1024s.\n"
          "Options of -o may also be given as --OPTION[=VALUE].\n"
          "Unmount with: fusermount3 -u MOUNTPOINT\n",
          out);
}

void options_list(FILE *out, bool ignored)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if ((table[i].type == OPTION_IGNORED) == ignored)
            fprintf(out, "%s\n", table[i].name);
    }
}
