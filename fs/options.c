// SPDX-License-Identifier: MIT
/* options.c: see options.h. */
#include "options_impl.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "near_word.h"

/* ---- the nearest word ---- */

/* The closest name worth showing for a wrong word, or NULL. */
static const char *nearest(const char *word)
{
    struct near_word n = near_word(word);

    for (const struct option *o = options_table; o->name; o++)
        near_word_try(&n, o->name);
    return n.best;
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

/* The least is said as one would type it. */
static int too_little(const struct option *option, const char *value,
                      struct error *err)
{
    bool in_mega = option->low > 0 && option->low % (1 << 20) == 0;

    return error_set(
        err, ERROR_USAGE, "%s=%s: must be at least %" PRIu64 "%s", option->name,
        value, in_mega ? option->low >> 20 : option->low, in_mega ? "M" : "");
}

static int parse_number(const struct option *option, const char *value,
                        uint64_t *ret, struct error *err)
{
    const char *rest = "";
    int base = option->type == OPTION_OCTAL ? 8 : 10;

    if (option->type == OPTION_SIZE || option->type == OPTION_LIMIT) {
        if (options_parse_size(value, ret, err) < 0)
            return -1;
    } else if (parse_unsigned(value, base, ret, &rest) < 0 || *rest) {
        return error_set(err, ERROR_USAGE, "%s=%s: not %s number", option->name,
                         value, base == 8 ? "an octal" : "a whole");
    }
    if (option->high && (*ret < option->low || *ret > option->high))
        return error_set(err, ERROR_USAGE,
                         "%s=%s: must be from %" PRIu64 " to %" PRIu64,
                         option->name, value, option->low, option->high);
    if (*ret < option->low)
        return too_little(option, value, err);
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

static int set_chosen(const struct option *option, const char *value,
                      uint64_t *field, struct error *err)
{
    bool is_auto;

    if (set_switch(option, value, &is_auto, err) < 0)
        return -1;
    *field = is_auto ? OPTION_AUTO : OPTION_OFF;
    return 0;
}

/* The number of the word among those of `metavar`. */
static int set_level(const struct option *option, const char *value,
                     uint64_t *field, struct error *err)
{
    size_t n = strlen(value);
    uint64_t level = 0;

    for (const char *word = option->metavar; *word; level++) {
        size_t length = strcspn(word, "|");

        if (length == n && memcmp(word, value, n) == 0) {
            *field = level;
            return 0;
        }
        word += length + (word[length] == '|');
    }
    return error_set(err, ERROR_USAGE, "%s=%s: it is one of %s", option->name,
                     value, option->metavar);
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
    case OPTION_LIMIT:
        if (strcmp(value, "off") != 0)
            return parse_number(option, value, (uint64_t *)(void *)field, err);
        *(uint64_t *)(void *)field = UINT64_MAX;
        return 0;
    case OPTION_SWITCH:
        return set_switch(option, value, (bool *)field, err);
    case OPTION_CHOSEN:
        return set_chosen(option, value, (uint64_t *)(void *)field, err);
    case OPTION_LEVEL:
        return set_level(option, value, (uint64_t *)(void *)field, err);
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
    for (const struct option *o = options_table; o->name; o++) {
        if (names(o, word, n))
            return o;
    }
    return NULL;
}

static const struct option *find_letter(char letter)
{
    for (const struct option *o = options_table; o->name; o++) {
        if (o->letter && o->letter == letter)
            return o;
    }
    return NULL;
}

static int unknown(const char *word, size_t n, struct error *err)
{
    char name[NEAR_WORD_MAX + 1];
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

/* Who follows a manifest neither indexes nor watches. */
static int check_manifest(const struct options *o, struct error *err)
{
    const char *word = o->watch_said == OPTION_AUTO ? "watch=auto"
                       : o->index_background        ? "index=background"
                                                    : NULL;

    if (!o->manifest || !word)
        return 0;
    return error_set(err, ERROR_USAGE,
                     "%s and manifest exclude each other: the archive is "
                     "indexed where the manifest was published",
                     word);
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
        return error_set(err, ERROR_USAGE,
                         "%s is missing: prepfs ARCHIVE MOUNTPOINT "
                         "[-o OPTION,...]; prepfs --help lists the options",
                         o->archive ? "MOUNTPOINT" : "ARCHIVE");
    if (o->only_presets && !o->presets)
        return error_set(err, ERROR_USAGE,
                         "only_presets needs presets=FILE: there would be no "
                         "view at all");
    if (o->allow_other && o->allow_root)
        return error_set(err, ERROR_USAGE,
                         "allow_other and allow_root exclude each other");
    return check_manifest(o, err);
}

int options_parse(int argc, char *const argv[], struct options *ret,
                  struct error *err)
{
    struct options o = {
        .rescan = -1,
        .log_level = LOG_LEVEL_INFO,
        .epochs = true,
        .pressure = true,
        .prefetch = 4,
        .shared_time = 50,
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
    o.watch = o.watch_said != OPTION_OFF && !o.manifest;
    if (o.manifest && o.rescan < 0)
        o.rescan = 0;
    o.log_level = o.debug ? LOG_LEVEL_DEBUG : o.log_level;
    o.default_permissions = o.default_permissions || o.allow_other;
    *ret = o;
    return 0;
}

void options_deinit(struct options *o)
{
    free(o->archive);
    free(o->mountpoint);
    free(o->state_dir);
    free(o->manifest);
    free(o->presets);
    free(o->where);
    free(o->disk);
    free(o->shared);
    free(o->shared_auth);
    free(o->fsname);
    free(o->kernel);
    memset(o, 0, sizeof *o);
}
