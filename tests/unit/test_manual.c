// SPDX-License-Identifier: MIT
/*
 * test_manual.c: prepfs(1) says what the program does, no more and no less.
 *
 * argv[1] is the page's source. Options come from the options table, keys
 * from the report, errno from reply.c, files from a control folder.
 */
#undef NDEBUG
#include "options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "reply.h"
#include "report.h"
#include "support/front.h"

static const char *path;
static char *page; /* "\-" undone */

static void load(void)
{
    char *to;

    page = scratch_read(path, NULL);
    ck_assert_msg(page != NULL, "%s", path);
    to = page;
    for (const char *from = page; *from; from++) {
        if (from[0] == '\\' && from[1] == '-')
            from++;
        *to++ = *from;
    }
    *to = '\0';
}

/* What a function prints, malloc'd. */
static char *printed(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    print(out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '*' || c == '-';
}

/* Is `word` in `text`, on its own? */
static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = text; (p = strstr(p, word)) != NULL; p++) {
        if ((p == text || !is_name(p[-1])) && !is_name(p[n]))
            return true;
    }
    return false;
}

/* A section, malloc'd. */
static char *section(const char *title)
{
    char head[64];
    const char *from, *to;

    (void)snprintf(head, sizeof head, "\n.Sh %s\n", title);
    from = strstr(page, head);
    ck_assert_msg(from != NULL, "no section %s", title);
    from += strlen(head);
    to = strstr(from, "\n.Sh ");
    return strndup(from, to ? (size_t)(to - from) : strlen(from));
}

/* The items of a section: their head lines, one per line, malloc'd. */
static char *items(const char *text)
{
    char *ret = NULL;
    size_t size;
    FILE *out = open_memstream(&ret, &size);

    for (const char *p = text; (p = strstr(p, ".It ")) != NULL; p++) {
        const char *end = strchrnul(p, '\n');

        while (end[-1] == '\\' && *end)
            end = strchrnul(end + 1, '\n');
        fprintf(out, "%.*s\n", (int)(end - p), p);
    }
    ck_assert_int_eq(fclose(out), 0);
    return ret;
}

static void list_real(FILE *out)
{
    options_list(out, false);
}

static void list_ignored(FILE *out)
{
    options_list(out, true);
}

START_TEST(every_option_is_in_the_manual)
{
    char *text = section("OPTIONS"), *heads = items(text), *save = NULL;
    char *real = printed(list_real), *ignored = printed(list_ignored);
    const char *rest = strstr(text, "is accepted and has no effect");
    char dashed[64];

    for (char *w = strtok_r(real, "\n", &save); w;
         w = strtok_r(NULL, "\n", &save)) {
        (void)snprintf(dashed, sizeof dashed, "-%s", w);
        ck_assert_msg(has_word(heads, w) || has_word(heads, dashed),
                      "option %s", w);
    }
    ck_assert_ptr_nonnull(rest);
    for (char *w = strtok_r(ignored, "\n", &save); w;
         w = strtok_r(NULL, "\n", &save)) {
        if (w[strlen(w) - 1] == '*')
            w[strlen(w) - 1] = '\0';
        ck_assert_msg(has_word(rest, w), "ignored option %s", w);
    }
    free(text);
    free(heads);
    free(real);
    free(ignored);
}
END_TEST

/* Is `word` taken by -o, in some form? */
static bool is_option(const char *word)
{
    static const char *const values[] = {
        "",     "=7",     "=70M",  "=background",
        "=off", "=allow", "=info", ",presets=f"};
    char program[] = "p", letter[] = "-o", a[] = "a", m[] = "m", list[128];
    char *argv[] = {program, a, m, letter, list, NULL};
    struct options o;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        (void)snprintf(list, sizeof list, "%s%s", word, values[i]);
        if (options_parse(5, argv, &o, NULL) == 0) {
            options_deinit(&o);
            return true;
        }
    }
    return false;
}

START_TEST(the_manual_has_no_other_options)
{
    char *text = section("OPTIONS"), *heads = items(text), *save = NULL;
    bool is_value = false; /* of an option: the word after Ar */
    int n = 0;

    ck_assert(!is_option("no_such_option"));
    for (char *w = strtok_r(heads, " \n,\\", &save); w;
         w = strtok_r(NULL, " \n,\\", &save)) {
        bool skip = is_value;

        is_value = strcmp(w, "Ar") == 0;
        /* macros have capitals */
        if (skip || !islower((unsigned char)*w) || strlen(w) == 1)
            continue;
        ck_assert_msg(is_option(w), "the manual has %s", w);
        n++;
    }
    ck_assert_int_gt(n, 20);
    free(text);
    free(heads);
}
END_TEST

START_TEST(help_and_manual_agree_on_values)
{
    char *help = printed(options_help), *save = NULL, wanted[128];
    int n = 0;

    for (char *w = strtok_r(help, " \n,", &save); w;
         w = strtok_r(NULL, " \n,", &save)) {
        char *value = strchr(w, '=');

        if (!value || !islower((unsigned char)*w))
            continue;
        *value++ = '\0';
        (void)snprintf(wanted, sizeof wanted, "Cm %s Ns = Ns Ar %s", w, value);
        ck_assert_msg(strstr(page, wanted), "%s", wanted);
        n++;
    }
    ck_assert_int_ge(n, 12);
    free(help);
}
END_TEST

START_TEST(every_key_of_the_statistics_is_explained)
{
    char *text = section("STATISTICS"), *heads = items(text), *save = NULL;
    char *keys = printed(report_keys), wanted[256];
    int n_keys = 0, n_items = 0;

    for (char *key = strtok_r(keys, "\n", &save); key;
         key = strtok_r(NULL, "\n", &save)) {
        char *help = strchr(key, '\t');

        if (!help) { /* a member of one of the items below */
            ck_assert_ptr_nonnull(strchr(key, '.'));
            ck_assert_msg(has_word(text, strchr(key, '.') + 1), "%s", key);
            continue;
        }
        *help++ = '\0';
        (void)snprintf(wanted, sizeof wanted, ".It Cm %s\n%s\n", key, help);
        ck_assert_msg(strstr(text, wanted), "%s", wanted);
        n_keys++;
    }
    for (const char *p = heads; *p; p++)
        n_items += *p == '\n';
    /* `requests` and `shared_by_server` */
    ck_assert_int_eq(n_items, n_keys + 2);
    free(text);
    free(heads);
    free(keys);
}
END_TEST

START_TEST(every_errno_is_explained)
{
    char *text = section("ERRORS"), wanted[64];
    struct error err = ERROR_INIT;

    for (int kind = 0; kind <= ERROR_INTERNAL; kind++) {
        err.kind = (enum error_kind)kind;
        (void)snprintf(wanted, sizeof wanted, ".It Er %s\n",
                       strerrorname_np(reply_errno(&err)));
        ck_assert_msg(strstr(text, wanted), "%s", wanted);
    }
    ck_assert_ptr_nonnull(strstr(text, ".It Er EROFS\n"));
    ck_assert_ptr_nonnull(strstr(text, ".It Er ENAMETOOLONG\n"));
    free(text);
}
END_TEST

START_TEST(every_control_file_is_explained)
{
    char *text = section("FILES"), wanted[300], name[256];
    enum inode_folder folder;
    struct front f;

    front_open(&f, "leaves 1\n", NULL);
    for (uint64_t i = 0;
         control_list(f.parts.fs.control, INODE_FOLDER_TOP, i, name, &folder);
         i++) {
        (void)snprintf(wanted, sizeof wanted, ".prepfs/%s%s", name,
                       folder ? "/VIEW" : "");
        ck_assert_msg(strstr(text, wanted), "%s", wanted);
    }
    front_close(&f);
    free(text);
}
END_TEST

/* The item of a file in FILES, malloc'd. */
static char *file_item(const char *text, const char *name)
{
    char head[300];
    const char *from, *to;

    (void)snprintf(head, sizeof head, ".It Pa MOUNTPOINT/%s", name);
    from = strstr(text, head);
    ck_assert_msg(from != NULL, "%s", head);
    to = strstr(from + 1, "\n.It ");
    return strndup(from, to ? (size_t)(to - from) : strlen(from));
}

START_TEST(the_manual_has_no_other_control_files)
{
    char *text = section("FILES");
    struct front f;
    int n = 0;

    front_open(&f, "leaves 1\n", NULL);
    for (const char *p = text; (p = strstr(p, "MOUNTPOINT/.prepfs/")); n++) {
        char name[64], listed[256];
        enum inode_folder folder;
        bool found = false;

        p += strlen("MOUNTPOINT/.prepfs/");
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(p, " /\n"), p);
        for (uint64_t i = 0; control_list(f.parts.fs.control, INODE_FOLDER_TOP,
                                          i, listed, &folder);
             i++)
            found |= strcmp(name, listed) == 0;
        /* one is there with an option only */
        ck_assert_msg(found || strcmp(name, "disk") == 0, "%s", name);
    }
    ck_assert_int_ge(n, 9);
    front_close(&f);
    free(text);
}
END_TEST

START_TEST(every_column_of_top_is_explained)
{
    char *text = section("FILES"), *item = file_item(text, ".prepfs/top.tsv");
    struct error err = ERROR_INIT;
    struct control_bytes bytes;
    struct control_file file;
    char head[512], *save = NULL;
    struct control *c;
    struct front f;

    front_open(&f, "leaves 1\n", NULL);
    c = f.parts.fs.control;
    ck_assert_int_eq(
        control_lookup(c, INODE_FOLDER_TOP, "top.tsv", true, &file, &err), 0);
    ck_assert_int_eq(control_read(c, file.number, 0, 500, &bytes, &err), 0);
    (void)snprintf(head, sizeof head, "%.*s", (int)bytes.length,
                   (const char *)bytes.data);
    control_release(
        c, &(struct control_bytes){.node = bytes.node, .buffer = bytes.buffer});
    head[strcspn(head, "\n")] = '\0';
    ck_assert_ptr_nonnull(strchr(head, '\t'));
    for (char *w = strtok_r(head, "\t", &save); w;
         w = strtok_r(NULL, "\t", &save))
        ck_assert_msg(has_word(item, w), "column %s", w);
    front_close(&f);
    free(item);
    free(text);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manual");
    TCase *t = tcase_create("prepfs(1)");

    tcase_add_checked_fixture(t, load, NULL);
    tcase_add_test(t, every_option_is_in_the_manual);
    tcase_add_test(t, the_manual_has_no_other_options);
    tcase_add_test(t, help_and_manual_agree_on_values);
    tcase_add_test(t, every_key_of_the_statistics_is_explained);
    tcase_add_test(t, every_errno_is_explained);
    tcase_add_test(t, every_control_file_is_explained);
    tcase_add_test(t, the_manual_has_no_other_control_files);
    tcase_add_test(t, every_column_of_top_is_explained);
    suite_add_tcase(s, t);
    return s;
}

int main(int argc, char **argv)
{
    path = argc == 2 ? argv[1] : "prepfs.1";
    return check_main(suite());
}
