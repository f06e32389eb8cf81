// SPDX-License-Identifier: MIT
/*
 * test_view_golden.c: every view that the expected pixels name is understood,
 * keeps its operators, and has a canonical name in the table's order.
 *
 * argv[1] is the shared folder; PREPFS_SHARED overrides it. Skipped (77)
 * when it is not there.
 */
#undef NDEBUG
#include "view/view.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of "view" in a line of JSON; names need no escapes. */
static bool view_of(char *line, char **ret)
{
    static const char key[] = "\"view\":\"";
    char *start = strstr(line, key);
    char *end;

    if (!start)
        return false;
    start += sizeof key - 1;
    end = strchr(start, '"');
    assert(end);
    *end = '\0';
    *ret = start;
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The operators of a name, sorted, as one text. */
static void sorted_tokens(const char *name, char *ret, size_t size)
{
    char copy[VIEW_TEXT_SIZE];
    char *tokens[64];
    size_t n = 0;
    char *save = NULL;

    (void)snprintf(copy, sizeof copy, "%s", name);
    for (char *t = strtok_r(copy, "_", &save); t;
         t = strtok_r(NULL, "_", &save))
        tokens[n++] = t;
    qsort(tokens, n, sizeof tokens[0], compare);
    ret[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        strncat(ret, tokens[i], size - strlen(ret) - 1);
        strncat(ret, "_", size - strlen(ret) - 1);
    }
}

/* Golden names spell out what is not default: sorted, they are equal, but
 * for a skip of 5, which lapmip has anyway, and a skip of 0 of mip. */
static void check(const char *name)
{
    struct view view;
    struct error err = ERROR_INIT;
    char canonical[VIEW_TEXT_SIZE];
    char a[VIEW_TEXT_SIZE];
    char b[VIEW_TEXT_SIZE];
    const char *volume;

    if (view_parse(name, NULL, &view, NULL, &err)) {
        printf("# %s: %s\n", name, err.msg);
        abort();
    }
    (void)view_print(&view, canonical, sizeof canonical);
    sorted_tokens(name, a, sizeof a);
    sorted_tokens(canonical, b, sizeof b);
    if (!strstr(name, "-w1.5") && !strstr(name, "skip5") && strcmp(a, b) != 0) {
        printf("# %s became %s\n", name, canonical);
        abort();
    }
    volume = strstr(canonical, "vol-");
    if (volume && strstr(canonical, "window-"))
        assert(volume > strstr(canonical, "window-"));
    if (volume && strstr(canonical, "crop"))
        assert(volume < strstr(canonical, "crop"));
}

int main(int argc, char **argv)
{
    const char *shared = getenv("PREPFS_SHARED");
    char path[4096];
    char *line = NULL;
    size_t room = 0;
    unsigned count = 0;
    FILE *file;

    if (!shared && argc > 1)
        shared = argv[1];
    (void)snprintf(path, sizeof path, "%s/golden/golden.jsonl",
                   shared ? shared : "../shared");
    file = fopen(path, "re");
    if (!file) {
        printf("1..0 # SKIP no %s\n", path);
        return 77;
    }
    while (getline(&line, &room, file) >= 0) {
        char *name;

        if (!view_of(line, &name))
            continue;
        check(name);
        count++;
    }
    free(line);
    (void)fclose(file);
    assert(count > 100);
    printf("# %u views\nok 1 - golden views are understood\n1..1\n", count);
    return 0;
}
