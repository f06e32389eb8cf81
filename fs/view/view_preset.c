// SPDX-License-Identifier: MIT
/*
 * view_preset.c: the names that a configuration file gives to views.
 *
 *     [views]
 *     Lung512 = window-c-600-w1500_size-512x512_u16
 *
 * Lines that begin with # or ; are comments; other sections belong to others.
 * A preset is a symlink to the canonical view, so redefining one can never
 * serve what was cached under the old meaning. Names must survive file
 * systems that do not tell upper from lower case (SMB) and the device names
 * of Windows, hence the rules.
 */
#include "view/view_ops.h"

#include "prepfs/cleanup.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct preset {
    char name[VIEW_PRESET_NAME_MAX + 1];
    unsigned line;
    const char *text; /* into `copy` */
};

struct view_presets {
    struct preset *list; /* by name, as strcmp orders */
    size_t count;
    size_t room;
    char *copy; /* the file, cut into strings */
};

void view_presets_free(struct view_presets *presets)
{
    if (!presets)
        return;
    free(presets->list);
    free(presets->copy);
    free(presets);
}

static void cleanup_presets(struct view_presets **presets)
{
    view_presets_free(*presets);
}

size_t view_presets_count(const struct view_presets *presets)
{
    return presets ? presets->count : 0;
}

const char *view_presets_name(const struct view_presets *presets, size_t i)
{
    return presets->list[i].name;
}

const char *view_presets_text(const struct view_presets *presets, size_t i)
{
    return presets->list[i].text;
}

const char *view_presets_find(const struct view_presets *presets,
                              const char *name, size_t length)
{
    size_t low = 0;
    size_t high = view_presets_count(presets);

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct preset *preset = &presets->list[mid];
        int order = strncmp(preset->name, name, length);

        if (order == 0 && preset->name[length] == '\0')
            return preset->text;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* ---- reading ---- */

struct ini {
    const char *path;
    unsigned line;
    struct view_presets *presets;
    struct error *err;
};

static int fail(const struct ini *ini, const char *name, const char *why)
{
    return error_set(ini->err, ERROR_USAGE, "%s:%u: preset '%.40s' %s",
                     ini->path, ini->line, name, why);
}

static bool is_device_name(const char *name)
{
    static const char *const names[] = {"con", "prn", "aux", "nul"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return strlen(name) == 4 &&
           (strncasecmp(name, "com", 3) == 0 ||
            strncasecmp(name, "lpt", 3) == 0) &&
           name[3] >= '0' && name[3] <= '9';
}

/* Would the name be one of the language's, were case ignored? */
static bool is_taken(const char *name)
{
    char folded[VIEW_PRESET_NAME_MAX + 1];
    size_t length = strlen(name);

    for (size_t i = 0; i <= length; i++)
        folded[i] = name[i] >= 'A' && name[i] <= 'Z'
                        ? (char)(name[i] - 'A' + 'a')
                        : name[i];
    if (strcmp(folded, "full") == 0 || view_name_is_hashed(folded))
        return true;
    if (folded[0] == 'v' && length > 1 &&
        strspn(folded + 1, "0123456789") == length - 1)
        return true; /* a version */
    for (size_t i = 0; i < view_forms_count(); i++)
        if (strcmp(folded, view_form_at(i)->name) == 0)
            return true;
    for (size_t i = 0; i < view_aliases_count; i++)
        if (strcmp(folded, view_aliases[i].name) == 0)
            return true;
    return false;
}

static bool is_alnum(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9');
}

static int check_name(const struct ini *ini, const char *name)
{
    if (strlen(name) > VIEW_PRESET_NAME_MAX)
        return fail(ini, name, "has a name of more than 32 bytes");
    if (name[0] < 'A' || name[0] > 'Z')
        return fail(ini, name,
                    "must begin with an upper-case letter (operators have "
                    "the lower-case ones)");
    for (const char *p = name; *p; p++)
        if (!is_alnum(*p))
            return fail(ini, name, "may have letters and digits only");
    if (is_device_name(name))
        return fail(ini, name, "is a device name of Windows");
    if (is_taken(name))
        return fail(ini, name,
                    "differs from a word of the grammar by case only");
    for (size_t i = 0; i < ini->presets->count; i++) {
        const struct preset *other = &ini->presets->list[i];

        if (strcasecmp(name, other->name) == 0)
            return error_set(ini->err, ERROR_USAGE,
                             "%s:%u: preset '%s' is line %u's '%s', but for "
                             "case",
                             ini->path, ini->line, name, other->line,
                             other->name);
    }
    return 0;
}

static int check_text(const struct ini *ini, const char *name, const char *text)
{
    struct view view;
    struct error inner = ERROR_INIT;

    if (*text == '\0')
        return fail(ini, name, "is empty");
    if (view_parse_stored(text, &view, &inner) == 0)
        return 0;
    return error_set(ini->err, ERROR_USAGE, "%s:%u: preset '%s': %s", ini->path,
                     ini->line, name, inner.msg);
}

static int add(struct ini *ini, const char *name, const char *text)
{
    struct view_presets *presets = ini->presets;
    struct preset *preset;

    if (check_name(ini, name) || check_text(ini, name, text))
        return -1;
    if (presets->count == presets->room) {
        size_t room = presets->room ? presets->room * 2 : 16;
        struct preset *list = reallocarray(presets->list, room, sizeof list[0]);

        if (!list)
            return error_no_memory(ini->err);
        presets->list = list;
        presets->room = room;
    }
    preset = &presets->list[presets->count++];
    memcpy(preset->name, name, strlen(name) + 1);
    preset->line = ini->line;
    preset->text = text;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
    char *end;

    while (is_blank(*text))
        text++;
    end = text + strlen(text);
    while (end > text && is_blank(end[-1]))
        *--end = '\0';
    return text;
}

static int read_line(struct ini *ini, char *line, bool *in_views)
{
    char *equal;

    line = trim(line);
    if (*line == '\0' || *line == '#' || *line == ';')
        return 0;
    if (*line == '[') {
        if (line[strlen(line) - 1] != ']')
            return error_set(ini->err, ERROR_USAGE,
                             "%s:%u: a section ends with ']'", ini->path,
                             ini->line);
        *in_views = strcmp(line, "[views]") == 0;
        return 0;
    }
    if (!*in_views)
        return 0;
    equal = strchr(line, '=');
    if (!equal)
        return error_set(ini->err, ERROR_USAGE,
                         "%s:%u: 'Name = operators' is expected", ini->path,
                         ini->line);
    *equal = '\0';
    return add(ini, trim(line), trim(equal + 1));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct preset *)a)->name,
                  ((const struct preset *)b)->name);
}

int view_presets_parse(const char *path, const char *text,
                       struct view_presets **ret, struct error *err)
{
    CLEANUP(cleanup_presets)
    struct view_presets *presets = calloc(1, sizeof *presets);
    struct ini ini = {path, 0, presets, err};
    bool in_views = false;
    char *rest;

    *ret = NULL;
    if (!presets)
        return error_no_memory(err);
    presets->copy = strdup(text);
    if (!presets->copy)
        return error_no_memory(err);
    rest = presets->copy;
    while (rest) {
        char *line = strsep(&rest, "\n");

        ini.line++;
        if (read_line(&ini, line, &in_views))
            return -1;
    }
    if (presets->count > 0)
        qsort(presets->list, presets->count, sizeof presets->list[0], by_name);
    *ret = STEAL(presets);
    return 0;
}

/* ---- a file ---- */

#define FILE_BYTES_MAX ((size_t)1 << 20)

static void cleanup_file(FILE **file)
{
    if (*file)
        (void)fclose(*file);
}

static int fail_sys(const char *path, struct error *err)
{
    int sys_errno = errno;

    return error_set_sys(err, sys_errno, "%s: %s", path,
                         strerrordesc_np(sys_errno));
}

int view_presets_load(const char *path, struct view_presets **ret,
                      struct error *err)
{
    CLEANUP(cleanup_file) FILE *file = fopen(path, "re");
    CLEANUP_FREE char *text = NULL;
    size_t length;

    *ret = NULL;
    if (!file)
        return fail_sys(path, err);
    text = malloc(FILE_BYTES_MAX + 1);
    if (!text)
        return error_no_memory(err);
    length = fread(text, 1, FILE_BYTES_MAX, file);
    if (ferror(file))
        return fail_sys(path, err);
    if (length == FILE_BYTES_MAX)
        return error_set(err, ERROR_USAGE, "%s: larger than 1 MiB", path);
    if (memchr(text, '\0', length))
        return error_set(err, ERROR_USAGE, "%s: is not a text", path);
    text[length] = '\0';
    return view_presets_parse(path, text, ret, err);
}
