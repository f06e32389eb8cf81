// SPDX-License-Identifier: MIT
/* test_options.c: the command line, and what is said about a wrong one. */
#undef NDEBUG
#include "options_impl.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"

enum { ARGS_MAX = 24 };

static int parse(const char *line, struct options *o, struct error *err)
{
    static char copy[512];
    static char name[] = "prepfs";
    char *argv[ARGS_MAX] = {name}, *save = NULL;
    int argc = 1;

    (void)snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok_r(copy, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        ck_assert_int_lt(argc, ARGS_MAX - 1);
        argv[argc++] = word;
    }
    return options_parse(argc, argv, o, err);
}

static void must_parse(const char *line, struct options *o)
{
    struct error err = ERROR_INIT;

    ck_assert_msg(parse(line, o, &err) == 0, "%s: %s", line, err.msg);
}

START_TEST(paths_and_letters_are_taken)
{
    struct options o;

    must_parse("a m", &o);
    ck_assert_str_eq(o.archive, "a");
    ck_assert_str_eq(o.mountpoint, "m");
    ck_assert(!o.foreground && !o.debug && !o.xattr && !o.allow_other);
    ck_assert_uint_eq(o.max_views, 65535);
    ck_assert_int_eq(o.uid, -1);
    ck_assert(o.epochs && o.pressure);
    ck_assert_uint_eq(o.prefetch, 4);
    options_deinit(&o);

    must_parse("-d a -f m", &o);
    ck_assert(o.debug && o.foreground);
    options_deinit(&o);

    must_parse("-fo xattr -- -a m", &o);
    ck_assert(o.foreground && o.xattr && !o.debug);
    ck_assert_str_eq(o.archive, "-a");
    options_deinit(&o);

    must_parse("-d a m", &o);
    ck_assert_msg(o.foreground, "-d stays in the foreground");
    options_deinit(&o);

    must_parse("-h", &o);
    ck_assert(o.help);
    options_deinit(&o);
    must_parse("--version", &o);
    ck_assert(o.version);
    options_deinit(&o);
}
END_TEST

START_TEST(values_reach_their_fields)
{
    struct options o;

    must_parse("a m -o state=/s\\,t,cache=2G,threads=3,presets=p.ini "
               "-opreset_dirs,index=background,gaps=allow,xattr,max_views=7 "
               "--max_pixels=4M -o max_bytes_per_file=1T,uid=1000,gid=0 "
               "-o umask=027,allow_other,read_ahead_kb=1024,fsname=x "
               "-o workers=5,decode_time=9,decode_memory=2G",
               &o);
    ck_assert_str_eq(o.state_dir, "/s,t");
    ck_assert_uint_eq(o.cache_bytes, UINT64_C(2) << 30);
    ck_assert_uint_eq(o.threads, 3);
    ck_assert_str_eq(o.presets, "p.ini");
    ck_assert(o.preset_dirs && o.index_background && o.xattr);
    ck_assert(o.gaps_allowed);
    ck_assert_uint_eq(o.max_views, 7);
    ck_assert_uint_eq(o.max_pixels, 4 << 20);
    ck_assert_uint_eq(o.max_bytes_per_file, UINT64_C(1) << 40);
    ck_assert_int_eq(o.uid, 1000);
    ck_assert_int_eq(o.gid, 0);
    ck_assert_uint_eq(o.umask, 027);
    ck_assert(o.allow_other);
    ck_assert_msg(o.default_permissions, "allow_other brings modes to life");
    ck_assert_uint_eq(o.read_ahead_kb, 1024);
    ck_assert_str_eq(o.fsname, "x");
    ck_assert_int_eq(o.workers, 5);
    ck_assert_uint_eq(o.decode_time, 9);
    ck_assert_uint_eq(o.decode_memory, UINT64_C(2) << 30);
    options_deinit(&o);
}
END_TEST

START_TEST(workers_can_be_none_and_are_one_per_thread)
{
    struct options o;

    must_parse("a m", &o);
    ck_assert_int_eq(o.workers, -1);
    ck_assert_uint_eq(o.decode_time, 60);
    ck_assert_uint_eq(o.decode_memory, UINT64_C(1) << 30);
    options_deinit(&o);
    must_parse("a m -o workers=0", &o);
    ck_assert_int_eq(o.workers, 0);
    options_deinit(&o);
}
END_TEST

START_TEST(a_disk_has_a_size_and_limits)
{
    struct options o;

    must_parse("a m", &o);
    ck_assert_ptr_null(o.disk);
    ck_assert_uint_eq(o.disk_bytes, 0);
    ck_assert_uint_eq(o.disk_rate, 0);
    ck_assert_uint_eq(o.disk_day, 0);
    options_deinit(&o);
    must_parse("a m -o disk=/d,disk_size=2T,disk_rate=64M,disk_day=off", &o);
    ck_assert_str_eq(o.disk, "/d");
    ck_assert_uint_eq(o.disk_bytes, UINT64_C(2) << 40);
    ck_assert_uint_eq(o.disk_rate, UINT64_C(64) << 20);
    ck_assert_uint_eq(o.disk_day, UINT64_MAX);
    options_deinit(&o);
}
END_TEST

START_TEST(switches_have_two_words)
{
    struct options o;

    must_parse("a m -o epochs=off,pressure=off,prefetch=off", &o);
    ck_assert(!o.epochs && !o.pressure);
    ck_assert_uint_eq(o.prefetch, 0);
    options_deinit(&o);

    must_parse("a m -o epochs=off,pressure=off,prefetch=off "
               "-o epochs=auto,pressure=auto,prefetch=64",
               &o);
    ck_assert(o.epochs && o.pressure);
    ck_assert_uint_eq(o.prefetch, 64);
    options_deinit(&o);
}
END_TEST

START_TEST(a_later_value_replaces_an_earlier_one)
{
    struct options o;

    must_parse("a m -o cache=1G,state=/x -o cache=2G,state=/y", &o);
    ck_assert_uint_eq(o.cache_bytes, UINT64_C(2) << 30);
    ck_assert_str_eq(o.state_dir, "/y");
    options_deinit(&o);
}
END_TEST

START_TEST(what_fstab_says_is_ignored)
{
    struct options o;

    must_parse("a m -o rw,nofail,_netdev,defaults,relatime,noatime,dev,suid,"
               "x-systemd.requires=/data,x-gvfs-hide,users,noauto,exec,"
               "comment=hello,subtype=x,ro,nosuid",
               &o);
    ck_assert_ptr_null(o.kernel);
    options_deinit(&o);
}
END_TEST

START_TEST(the_kernels_own_are_passed_on)
{
    struct options o;

    must_parse("a m -o context=u:r:t:c1\\,c2,xattr,rootcontext=z", &o);
    ck_assert_str_eq(o.kernel, "context=u:r:t:c1\\,c2,rootcontext=z");
    options_deinit(&o);
}
END_TEST

static const struct {
    const char *line;
    const char *says;
} wrong[] = {
    {"", "ARCHIVE is missing"},
    {"a", "MOUNTPOINT is missing"},
    {"a m x", "one argument too many"},
    {"a m -x", "unknown option -x"},
    {"a m -o", "-o needs a list"},
    {"a m -o cach=1G", "did you mean 'cache'?"},
    {"a m -o cahce=1G", "did you mean 'cache'?"},
    {"a m -o presets_dirs", "did you mean 'preset_dirs'?"},
    {"a m -o alow_other", "did you mean 'allow_other'?"},
    {"a m --treads=2", "did you mean 'threads'?"},
    {"a m -o bogus_word_here", "prepfs --help"},
    {"a m -o kernel_cache", "unknown option 'kernel_cache'"},
    {"a m -o cache", "needs a value: cache=SIZE"},
    {"a m -o cache=", "needs a value"},
    {"a m -o cache=12X", "'X' is not K, M, G or T"},
    {"a m -o cache=x", "is no size"},
    {"a m -o cache=1", "cache=1: must be at least 1M"},
    {"a m -o cache=99999999999T", "more than 64 bits"},
    {"a m -o threads=0", "must be from 1 to 256"},
    {"a m -o threads=2x", "not a whole number"},
    {"a m -o threads=-1", "not a whole number"},
    {"a m -o only_presets", "needs presets="},
    {"a m -o max_views=65536", "must be from 1 to 65535"},
    {"a m -o umask=8", "not an octal number"},
    {"a m -o umask=01000", "must be from 0 to 511"},
    {"a m -o uid=root", "not a whole number"},
    {"a m -o index=foreground", "only index=background exists"},
    {"a m -o gaps=forbid", "only gaps=allow exists"},
    {"a m -o disk_size=1M", "must be at least 16M"},
    {"a m -o disk_day=never", "is no size"},
    {"a m -o disk_day=off5", "is no size"},
    {"a m -o epochs=on", "only auto and off exist"},
    {"a m -o epochs", "needs a value: epochs=auto|off"},
    {"a m -o pressure=1", "only auto and off exist"},
    {"a m -o prefetch=0", "must be from 1 to 64"},
    {"a m -o prefetch=on", "not a whole number"},
    {"a m -o prefetch", "needs a value: prefetch=N|off"},
    {"a m -o xattr=1", "takes no value"},
    {"a m -o allow_other,allow_root", "exclude each other"},
};

START_TEST(mistakes_are_explained)
{
    struct error err = ERROR_INIT;
    struct options o;

    ck_assert_int_eq(parse(wrong[_i].line, &o, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_msg(strstr(err.msg, wrong[_i].says), "'%s' says: %s",
                  wrong[_i].line, err.msg);
}
END_TEST

static const struct {
    const char *text;
    uint64_t bytes;
} sizes[] = {
    {"0", 0},
    {"1000", 1000},
    {"1k", 1024},
    {"512K", 512 * 1024},
    {"3M", 3 << 20},
    {"3MiB", 3 << 20},
    {"2G", UINT64_C(2) << 30},
    {"1T", UINT64_C(1) << 40},
};

START_TEST(sizes_have_units_of_1024)
{
    struct error err = ERROR_INIT;
    uint64_t bytes;

    ck_assert_int_eq(options_parse_size(sizes[_i].text, &bytes, &err), 0);
    ck_assert_uint_eq(bytes, sizes[_i].bytes);
}
END_TEST

/* What a function prints, to be freed. */
static char *help_text(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    options_help(out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

START_TEST(help_knows_every_word)
{
    char *help = help_text(), *words = NULL, *save = NULL;
    size_t size;
    FILE *out = open_memstream(&words, &size);
    int n = 0;

    options_list(out, false);
    options_list(out, true);
    ck_assert_int_eq(fclose(out), 0);
    for (char *word = strtok_r(words, "\n", &save); word;
         word = strtok_r(NULL, "\n", &save), n++)
        ck_assert_msg(strstr(help, word), "--help is silent on %s", word);
    ck_assert_int_gt(n, 40);
    free(help);
    free(words);
}
END_TEST

/* "(default: 256M)" in the help of an option of type uint64_t; false if it is
 * said in words or not at all. */
static bool default_of_help(const struct option *option, uint64_t *ret)
{
    const char *at = option->help ? strstr(option->help, "(default: ") : NULL;
    char *end;

    if (!at || at[10] < '0' || at[10] > '9')
        return false;
    *ret = strtoull(at + 10, &end, 10);
    if (*end == 'M' || *end == 'G')
        *ret <<= *end++ == 'G' ? 30 : 20;
    return *end == ')' && option->type != OPTION_ID;
}

START_TEST(help_tells_the_defaults)
{
    struct options o;
    int n = 0;

    must_parse("/a /m", &o);
    for (const struct option *option = options_table; option->name; option++) {
        uint64_t said, is;

        if (!default_of_help(option, &said))
            continue;
        memcpy(&is, (const char *)&o + option->offset, sizeof is);
        if (option->type == OPTION_LIMIT && is == 0)
            continue; /* chosen later */
        ck_assert_msg(said == is, "%s: %ju, help says %ju", option->name,
                      (uintmax_t)is, (uintmax_t)said);
        n++;
    }
    ck_assert_int_ge(n, 5);
    options_deinit(&o);
}
END_TEST

START_TEST(help_fits_a_terminal)
{
    char *help = help_text(), *save = NULL;

    for (char *line = strtok_r(help, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save))
        ck_assert_msg(strlen(line) < 100, "too long: %s", line);
    free(help);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("options");
    TCase *t = tcase_create("options");

    tcase_add_test(t, paths_and_letters_are_taken);
    tcase_add_test(t, values_reach_their_fields);
    tcase_add_test(t, workers_can_be_none_and_are_one_per_thread);
    tcase_add_test(t, a_disk_has_a_size_and_limits);
    tcase_add_test(t, switches_have_two_words);
    tcase_add_test(t, a_later_value_replaces_an_earlier_one);
    tcase_add_test(t, what_fstab_says_is_ignored);
    tcase_add_test(t, the_kernels_own_are_passed_on);
    tcase_add_loop_test(t, mistakes_are_explained, 0,
                        (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_loop_test(t, sizes_have_units_of_1024, 0,
                        (int)(sizeof sizes / sizeof sizes[0]));
    tcase_add_test(t, help_knows_every_word);
    tcase_add_test(t, help_tells_the_defaults);
    tcase_add_test(t, help_fits_a_terminal);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
