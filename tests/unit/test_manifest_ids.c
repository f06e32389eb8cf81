// SPDX-License-Identifier: MIT
/*
 * test_manifest_ids.c: names that are safe, texts that are clean, digests.
 */
#undef NDEBUG
#include "manifest/ids.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/state.h"
#include "manifest/text.h"
#include "support/scratch.h"

static const struct {
    const char *uid;
    bool is_name;
} uids[] = {
    {"1.2.840.10008.1.2", true},
    {"1", true},
    {"1.02.3", true}, /* leading zeros are wrong but harmless */
    {"1234567890123456789012345678901234567890123456789012345678901234", true},
    {"12345678901234567890123456789012345678901234567890123456789012345",
     false},
    {"", false},
    {".", false},
    {"..", false},
    {"../../etc/passwd", false},
    {"1..2", false},
    {".1.2", false},
    {"1.2.", false},
    {"1.2.3 ", false},
    {"1.2/3", false},
    {"1.2\n3", false},
    {"1.2.a", false},
    {"1,2", false},
};

START_TEST(only_a_uid_may_be_a_name)
{
    ck_assert_msg(ids_uid_is_name(uids[_i].uid) == uids[_i].is_name, "%s",
                  uids[_i].uid);
}
END_TEST

START_TEST(a_made_name_is_safe_and_the_same_each_time)
{
    struct text_uid a;
    struct text_uid b;
    uint8_t content[32] = {1, 2, 3};

    ck_assert_int_eq(text_uid_make(uids[_i].uid, content, &a, NULL), 0);
    ck_assert_int_eq(text_uid_make(uids[_i].uid, content, &b, NULL), 0);
    ck_assert_str_eq(a.name, b.name);
    if (uids[_i].is_name) {
        ck_assert_str_eq(a.name, uids[_i].uid);
        ck_assert(!a.hashed);
        return;
    }
    ck_assert(a.hashed);
    ck_assert_uint_eq(strlen(a.name), 17);
    ck_assert(a.name[0] == 'x');
    ck_assert_uint_eq(strspn(a.name + 1, "0123456789abcdef"), 16);
}
END_TEST

START_TEST(two_texts_are_never_one_uid)
{
    static const char *const texts[] = {"../a", "..//a", "x0123456789abcdef",
                                        "\xff", "\xfe",  "1.2.3 ",
                                        "1.2.3"};
    struct text_uid made[sizeof texts / sizeof *texts];

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_int_eq(text_uid_make(texts[i], NULL, &made[i], NULL), 0);
        for (size_t k = 0; k < i; k++) {
            ck_assert_str_ne(made[i].uid, made[k].uid);
            ck_assert_str_ne(made[i].name, made[k].name);
        }
    }
    /* What looks like a hash is not taken for one. */
    ck_assert_str_ne(made[2].name, texts[2]);
    ck_assert_str_ne(made[2].uid, texts[2]);
}
END_TEST

START_TEST(a_missing_uid_needs_the_content)
{
    struct error err = ERROR_INIT;
    struct text_uid uid;

    ck_assert_int_eq(text_uid_make(NULL, NULL, &uid, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
}
END_TEST

START_TEST(the_name_is_the_start_of_the_sha256_of_the_text)
{
    struct text_uid uid;

    /* printf '../x' | sha256sum */
    ck_assert_int_eq(text_uid_make("../x", NULL, &uid, NULL), 0);
    ck_assert_str_eq(uid.name, "xd6b96a97d147daaa");
}
END_TEST

static const struct {
    const char *in, *out;
} texts[] = {
    {"CHEST", "CHEST"},
    {"M\xc3\xbcller", "M\xc3\xbcller"},
    {"M\xfcller", "M?ller"},      /* Latin-1 */
    {"\xc0\xaf", "??"},           /* overlong */
    {"\xed\xa0\x80", "???"},      /* surrogate */
    {"\xe2\x82", "??"},           /* cut */
    {"\xf4\x90\x80\x80", "????"}, /* beyond Unicode */
    {"\xf0\x9f\xa6\xb4", "\xf0\x9f\xa6\xb4"},
};

START_TEST(text_that_is_no_utf8_is_cleaned)
{
    char *clean = text_clean(texts[_i].in);

    ck_assert_str_eq(clean, texts[_i].out);
    ck_assert(text_is_utf8(clean));
    ck_assert(text_is_utf8(texts[_i].in) ==
              (strcmp(texts[_i].in, texts[_i].out) == 0));
    free(clean);
}
END_TEST

START_TEST(a_long_text_is_cut_between_characters)
{
    char long_text[3 * TEXT_MAX + 1];

    for (size_t i = 0; i < TEXT_MAX; i++)
        (void)memcpy(long_text + 3 * i, "\xe2\x82\xac", 4);
    char *clean = text_clean(long_text);

    ck_assert_uint_eq(strlen(clean), TEXT_MAX / 3 * 3);
    ck_assert(text_is_utf8(clean));
    free(clean);
}
END_TEST

/* RFC 4231, cases 1, 2 and 6 (a key longer than a block). */
START_TEST(hmac_agrees_with_rfc_4231)
{
    uint8_t key[131];
    uint8_t digest[IDS_SHA256];
    char hex[2 * IDS_SHA256 + 1];

    (void)memset(key, 0x0b, 20);
    ids_hmac(key, 20, "Hi There", 8, digest);
    ids_hex(digest, IDS_SHA256, hex);
    ck_assert_str_eq(hex, "b0344c61d8db38535ca8afceaf0bf12b"
                          "881dc200c9833da726e9376c2e32cff7");
    ids_hmac((const uint8_t *)"Jefe", 4, "what do ya want for nothing?", 28,
             digest);
    ids_hex(digest, IDS_SHA256, hex);
    ck_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c7"
                          "5a003f089d2739839dec58b964ec3843");
    (void)memset(key, 0xaa, sizeof key);
    ids_hmac(key, sizeof key,
             "Test Using Larger Than Block-Size Key - Hash Key First", 54,
             digest);
    ids_hex(digest, IDS_SHA256, hex);
    ck_assert_str_eq(hex, "60e431591ee0b67f0d8a26aacbf5b77f"
                          "8e0bc6213728c5140546040f0ee37f54");
}
END_TEST

START_TEST(the_salt_is_random_private_and_stays)
{
    char *a = scratch_new();
    char *b = scratch_new();
    char *path = scratch_text("%s/salt", a);
    uint8_t salt[3][32];
    struct stat st;

    ck_assert_int_eq(ids_salt(a, true, salt[0], NULL), 0);
    ck_assert_int_eq(ids_salt(a, true, salt[1], NULL), 0);
    ck_assert_int_eq(ids_salt(b, true, salt[2], NULL), 0);
    ck_assert_mem_eq(salt[0], salt[1], 32);
    ck_assert_mem_ne(salt[0], salt[2], 32);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    free(path);
    scratch_free(a);
    scratch_free(b);
}
END_TEST

START_TEST(the_state_is_private_and_outside_of_the_archive)
{
    char *dir = scratch_new();
    char *archive = scratch_text("%s/archive", dir);
    char *wanted = scratch_text("%s/state/deep", dir);
    char *inside = scratch_text("%s/archive/new/state", dir);
    char *made = NULL;
    struct error err = ERROR_INIT;
    struct stat st;

    ck_assert_int_eq(mkdir(archive, 0700), 0);
    ck_assert_int_eq(state_prepare(archive, wanted, false, &made, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_int_eq(state_prepare(archive, wanted, true, &made, &err), 0);
    ck_assert_str_eq(made, wanted);
    ck_assert_int_eq(stat(made, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    free(made);
    ck_assert_int_eq(state_prepare(archive, inside, true, &made, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_int_eq(state_prepare(archive, archive, true, &made, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    free(inside);
    inside = scratch_text("%s/archive/new", dir);
    ck_assert_int_ne(stat(inside, &st), 0); /* nothing was made there */
    free(inside);
    free(wanted);
    free(archive);
    scratch_free(dir);
}
END_TEST

START_TEST(the_default_state_is_named_after_the_real_path)
{
    char *dir = scratch_new();
    char *link = scratch_text("%s/link", dir);
    char a[STATE_ID_SIZE];
    char b[STATE_ID_SIZE];
    char *path = NULL;

    ck_assert_int_eq(symlink(dir, link), 0);
    ck_assert_int_eq(state_archive_id(dir, a, NULL), 0);
    ck_assert_int_eq(state_archive_id(link, b, NULL), 0);
    ck_assert_str_eq(a, b);
    ck_assert_uint_eq(strlen(a), 16);
    ck_assert_int_eq(setenv("XDG_STATE_HOME", "/xdg", 1), 0);
    ck_assert_int_eq(state_default(dir, &path, NULL), 0);
    char *expected = geteuid() == 0 ? scratch_text("/var/lib/prepfs/%s", a)
                                    : scratch_text("/xdg/prepfs/%s", a);

    ck_assert_str_eq(path, expected);
    free(expected);
    free(path);
    free(link);
    scratch_free(dir);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest-ids");
    TCase *t = tcase_create("ids");
    int n = (int)(sizeof uids / sizeof *uids);

    tcase_add_loop_test(t, only_a_uid_may_be_a_name, 0, n);
    tcase_add_loop_test(t, a_made_name_is_safe_and_the_same_each_time, 0, n);
    tcase_add_test(t, two_texts_are_never_one_uid);
    tcase_add_test(t, a_missing_uid_needs_the_content);
    tcase_add_test(t, the_name_is_the_start_of_the_sha256_of_the_text);
    tcase_add_loop_test(t, text_that_is_no_utf8_is_cleaned, 0,
                        (int)(sizeof texts / sizeof *texts));
    tcase_add_test(t, a_long_text_is_cut_between_characters);
    tcase_add_test(t, hmac_agrees_with_rfc_4231);
    tcase_add_test(t, the_salt_is_random_private_and_stays);
    tcase_add_test(t, the_state_is_private_and_outside_of_the_archive);
    tcase_add_test(t, the_default_state_is_named_after_the_real_path);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    int failed;

    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
