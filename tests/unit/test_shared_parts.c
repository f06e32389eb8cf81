// SPDX-License-Identifier: MIT
/*
 * test_shared_parts.c: what the shared tier is made of, without a network:
 * addresses, names and values, the ring, the breaker, the protocol.
 */
#undef NDEBUG
#include "shared/breaker.h"
#include "shared/ring.h"
#include "shared/wire.h"

#include "support/check_main.h"

#include <string.h>

/* -------------------------------------------------------------- addresses */

static const struct {
    const char *text;
    const char *wanted; /* as printed, with + between; NULL: refused */
} lists[] = {
    {"cache", "cache:11211"},
    {"cache.example.org:12000", "cache.example.org:12000"},
    {"a+b:1+c", "a:11211+b:1+c:11211"},
    {"a,b:65535", "a:11211+b:65535"},
    {"10.0.0.1:11211", "10.0.0.1:11211"},
    {"[::1]", "[::1]:11211"},
    {"[fe80::1%eth0]:2+[::2]", "[fe80::1%eth0]:2+[::2]:11211"},
    {"/run/memcached.sock", "/run/memcached.sock"},
    {"/run/a:1+b", "/run/a:1+b:11211"},
    {"", NULL},
    {"+", NULL},
    {"a+", NULL},
    {"+a", NULL},
    {"a++b", NULL},
    {"a:", NULL},
    {"a:0", NULL},
    {"a:65536", NULL},
    {"a:99999999999999999999", NULL},
    {"a:1x", NULL},
    {"a:1:2", NULL},
    {"::1", NULL},
    {"[::1", NULL},
    {"[::1]x", NULL},
    {"[]", NULL},
    {"[a]", NULL},
    {"[a%b]", NULL},
    {":1", NULL},
    {"a b", NULL},
    {"a/b", NULL},
    {"a\nb", NULL},
    {"/", NULL},
    {"/run/\"x", NULL},
    {"/run/\\x", NULL},
    {"a+b+a", NULL},
    {"a+a:11211", NULL},
    {"/1234567890123456789012345678901234567890123456789012345678901234567890"
     "123456789012345678901234567890123456789",
     NULL},
};

START_TEST(servers_are_read_and_printed)
{
    char printed[600] = "", one[ADDRESS_TEXT_SIZE];
    struct error err = ERROR_INIT;
    struct addresses all;

    if (!lists[_i].wanted) {
        ck_assert_int_eq(addresses_parse(lists[_i].text, &all, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_USAGE);
        ck_assert_int_eq(strncmp(err.msg, "shared: ", 8), 0);
        return;
    }
    ck_assert_msg(addresses_parse(lists[_i].text, &all, &err) == 0, "%s",
                  err.msg);
    for (unsigned i = 0; i < all.n; i++) {
        address_print(&all.v[i], one);
        (void)strcat(strcat(printed, i ? "+" : ""), one);
    }
    ck_assert_str_eq(printed, lists[_i].wanted);
}
END_TEST

START_TEST(there_are_so_many_servers_and_no_more)
{
    char text[16 * (ADDRESSES_MAX + 1)] = "";
    struct error err = ERROR_INIT;
    struct addresses all;

    for (int i = 0; i <= ADDRESSES_MAX; i++) {
        ck_assert(i == 0 || addresses_parse(text, &all, &err) == 0);
        (void)snprintf(text + strlen(text), 16, "%sn%d", i ? "+" : "", i);
    }
    ck_assert_uint_eq(all.n, ADDRESSES_MAX);
    ck_assert_int_eq(addresses_parse(text, &all, &err), -1);
}
END_TEST

/* ----------------------------------------------------------------- values */

static struct cache_key key_of(uint64_t n)
{
    return (struct cache_key){{n * 3, ~n}, n};
}

/* Other names would be foreign to all that is on servers: another format. */
START_TEST(names_stay_what_they_are)
{
    struct cache_key key = {{1, 2}, 3};
    char name[VALUE_NAME], other[VALUE_NAME];

    value_name(&key, name);
    for (size_t i = 0; i < VALUE_NAME; i++)
        ck_assert_ptr_nonnull(strchr("0123456789abcdef", name[i]));
    for (size_t bit = 0; bit < 8 * sizeof key; bit++) {
        struct cache_key near_key = key;

        ((uint8_t *)&near_key)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        value_name(&near_key, other);
        ck_assert_int_ne(memcmp(name, other, VALUE_NAME), 0);
    }
    value_name(&key, other);
    ck_assert_int_eq(memcmp(name, other, VALUE_NAME), 0);
}
END_TEST

START_TEST(no_bit_of_a_value_may_change)
{
    enum { SIZE = 100, RAW = 300 };
    uint8_t stored[SIZE], *head;
    struct cache_key key = key_of(1), other = key_of(2);
    struct cache_stored block = {key, RAW, SIZE, stored};
    struct value_head h;

    memset(stored, 7, sizeof stored);
    value_head_make(&h, &block);
    ck_assert(value_is(&h, stored, SIZE, &key, RAW));
    ck_assert(!value_is(&h, stored, SIZE, &other, RAW));
    ck_assert(!value_is(&h, stored, SIZE, &key, RAW + 1));
    ck_assert(!value_is(&h, stored, SIZE - 1, &key, RAW));
    head = (uint8_t *)&h;
    for (size_t bit = 0; bit < 8 * sizeof h; bit++) {
        head[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert(!value_is(&h, stored, SIZE, &key, RAW));
        head[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof stored; bit++) {
        stored[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert(!value_is(&h, stored, SIZE, &key, RAW));
        stored[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert(value_is(&h, stored, SIZE, &key, RAW));
}
END_TEST

/* --------------------------------------------------------------- the ring */

enum { NAMES = 20000 };

/* The address of the server that each name belongs to. */
static void place_all(const char *servers, char (*ret)[ADDRESS_TEXT_SIZE])
{
    struct addresses all;
    struct ring *ring;
    char name[VALUE_NAME];

    ck_assert_int_eq(addresses_parse(servers, &all, NULL), 0);
    ring = ring_new(&all);
    ck_assert_ptr_nonnull(ring);
    for (uint64_t i = 0; i < NAMES; i++) {
        struct cache_key key = key_of(i);
        unsigned n;

        value_name(&key, name);
        n = ring_find(ring, name);
        ck_assert_uint_lt(n, all.n);
        address_print(&all.v[n], ret[i]);
    }
    ring_free(ring);
}

static unsigned differences(char (*a)[ADDRESS_TEXT_SIZE],
                            char (*b)[ADDRESS_TEXT_SIZE])
{
    unsigned n = 0;

    for (size_t i = 0; i < NAMES; i++)
        n += strcmp(a[i], b[i]) != 0;
    return n;
}

START_TEST(the_ring_moves_a_share_and_no_more)
{
    static char a[NAMES][ADDRESS_TEXT_SIZE], b[NAMES][ADDRESS_TEXT_SIZE];
    unsigned moved, share = 0;

    place_all("a+b+c+d:1+/e", a);
    place_all("/e+d:1+c+b+a", b);
    ck_assert_uint_eq(differences(a, b), 0); /* whatever the order */
    place_all("a+b+d:1+/e", b);
    moved = differences(a, b);
    for (size_t i = 0; i < NAMES; i++)
        share += strcmp(a[i], "c:11211") == 0;
    ck_assert_uint_eq(moved, share);
    ck_assert_uint_gt(share, NAMES / 10);
    ck_assert_uint_lt(share, NAMES / 3);
}
END_TEST

/* ------------------------------------------------------------ the breaker */

static void fail_often(struct breaker *b, unsigned n, uint64_t now)
{
    while (n-- > 0)
        (void)breaker_failed(b, now);
}

START_TEST(failures_in_a_row_open_it)
{
    struct breaker b = {0};

    for (int i = 0; i < 100; i++) {
        fail_often(&b, BREAKER_FAILURES - 1, 1000);
        breaker_answered(&b);
    }
    ck_assert(!b.open);
    fail_often(&b, BREAKER_FAILURES - 1, 1000);
    ck_assert(!b.open);
    ck_assert(breaker_failed(&b, 1000));
    ck_assert(b.open);
    ck_assert(!breaker_failed(&b, 1000)); /* it is already */
    ck_assert_uint_eq(b.opened, 1);
    ck_assert(!breaker_is_due(&b, 1000 + BREAKER_FIRST_MS / 2));
    ck_assert(breaker_is_due(&b, 1000 + 2 * BREAKER_FIRST_MS));
}
END_TEST

START_TEST(pauses_grow_until_it_is_trusted)
{
    struct breaker b = {0};
    uint64_t now = 1, pause = 0;

    fail_often(&b, BREAKER_FAILURES, now);
    for (int i = 0; i < 20; i++) {
        ck_assert_uint_ge(b.until_ms - now, pause / 4 * 3);
        pause = b.until_ms - now;
        ck_assert_uint_le(pause, BREAKER_LONGEST_MS / 8 * 9);
        now = b.until_ms;
        ck_assert(breaker_is_due(&b, now));
        breaker_probed(&b, i % 2 == 0, now);
        ck_assert_int_eq(b.open, i % 2);
        if (!b.open) /* it answers probes, and nothing else */
            ck_assert(breaker_failed(&b, now));
    }
    ck_assert_uint_ge(pause, BREAKER_LONGEST_MS / 8 * 7);
    breaker_probed(&b, true, now);
    for (int i = 0; i < BREAKER_TRUSTED; i++)
        breaker_answered(&b);
    fail_often(&b, BREAKER_FAILURES - 1, now);
    ck_assert(!b.open);
    fail_often(&b, 1, now);
    ck_assert_uint_le(b.until_ms - now, BREAKER_FIRST_MS / 8 * 9);
}
END_TEST

/* ----------------------------------------------------------- the protocol */

#define NAME_A "0123456789abcdef0123456789abcdef"
#define NAME_B "ffffffffffffffffffffffffffffffff"

static void name_a_or_b(void *opaque, size_t i, char ret[VALUE_NAME])
{
    (void)opaque;
    memcpy(ret, i % 2 ? NAME_B : NAME_A, VALUE_NAME);
}

START_TEST(questions_are_what_memcached_reads)
{
    char get[WIRE_GET_MAX], set[WIRE_SET_MAX], del[WIRE_DELETE_MAX];
    size_t n = wire_get(get, name_a_or_b, NULL, 2);

    ck_assert_uint_eq(n, strlen("get " NAME_A " " NAME_B "\r\n"));
    ck_assert_int_eq(memcmp(get, "get " NAME_A " " NAME_B "\r\n", n), 0);
    ck_assert_uint_eq(wire_get(get, name_a_or_b, NULL, WIRE_NAMES),
                      5 + 33 * WIRE_NAMES);
    n = wire_set(set, NAME_A, VALUE_MAX);
    ck_assert_uint_eq(n, strlen(set));
    ck_assert_str_eq(set, "set " NAME_A " 0 0 131144\r\n");
    n = wire_delete(del, NAME_B);
    ck_assert_uint_eq(n, strlen(del));
    ck_assert_str_eq(del, "delete " NAME_B "\r\n");
}
END_TEST

/* What came: names, sizes and bytes, one after another. */
struct seen {
    char text[400];
    size_t at;
};

static bool see_begin(void *opaque, const char name[VALUE_NAME], size_t size)
{
    struct seen *seen = opaque;

    seen->at +=
        (size_t)snprintf(seen->text + seen->at, 64, "[%.4s %zu ", name, size);
    return size < 100 && memcmp(name, "ffffee", 6) != 0;
}

static void see_take(void *opaque, size_t at, const uint8_t *data, size_t n)
{
    struct seen *seen = opaque;

    (void)at;
    memcpy(seen->text + seen->at, data, n);
    seen->at += n;
}

static void see_end(void *opaque)
{
    struct seen *seen = opaque;

    seen->text[seen->at++] = ']';
}

static const struct {
    const char *said;
    unsigned ends;
    enum wire_state wanted;
    const char *seen;
} answers[] = {
    {"END\r\n", 1, WIRE_DONE, ""},
    {"END\r\nEND\r\n", 2, WIRE_DONE, ""},
    {"END\r\n", 2, WIRE_MORE, ""},
    {"END\r\nEND\r\n", 1, WIRE_WRONG, ""},
    {"VALUE " NAME_A " 0 3\r\nabc\r\nEND\r\n", 1, WIRE_DONE, "[0123 3 abc]"},
    {"VALUE " NAME_A " 0 3\r\n\r\n\r\r\nVALUE " NAME_B " 123 1\r\nx\r\nEND\r\n",
     1, WIRE_DONE, "[0123 3 \r\n\r][ffff 1 x]"},
    {"VALUE " NAME_A " 0 0\r\n\r\nEND\r\n", 1, WIRE_DONE, "[0123 0 ]"},
    {"VALUE " NAME_A " 0 3\r\nab", 1, WIRE_MORE, "[0123 3 ab"},
    {"VALUE " NAME_A " 0 3\r\nabcd\r\nEND\r\n", 1, WIRE_WRONG, "[0123 3 abc"},
    {"VALUE " NAME_A " 0 3\r\nab\r\nEND\r\n", 1, WIRE_WRONG, "[0123 3 ab\r"},
    {"VALUE " NAME_A " 0 300\r\n", 1, WIRE_WRONG, "[0123 300 "},
    {"VALUE ffffeeffffffffffffffffffffffffff 0 3\r\nabc\r\nEND\r\n", 1,
     WIRE_WRONG, "[ffff 3 "},
    {"VALUE " NAME_A " 0 18446744073709551614\r\n", 1, WIRE_WRONG, ""},
    {"VALUE " NAME_A " 0 -3\r\nabc\r\n", 1, WIRE_WRONG, ""},
    {"VALUE " NAME_A " 0 0x3\r\nabc\r\n", 1, WIRE_WRONG, ""},
    {"VALUE " NAME_A " 0 3 17\r\nabc\r\n", 1, WIRE_WRONG, ""},
    {"VALUE " NAME_A " 0  3\r\nabc\r\n", 1, WIRE_WRONG, ""},
    {"VALUE " NAME_A "  3\r\nabc\r\n", 1, WIRE_WRONG, ""},
    {"VALUE " NAME_A " 0\r\n", 1, WIRE_WRONG, ""},
    {"VALUE " NAME_A "0 0 3\r\nabc\r\n", 1, WIRE_WRONG, ""},
    {"VALUE 0123 0 3\r\nabc\r\n", 1, WIRE_WRONG, ""},
    {"VALUE\r\n", 1, WIRE_WRONG, ""},
    {"VERSION\r\n", 1, WIRE_WRONG, ""},
    {"SERVER_ERROR busy\r\n", 1, WIRE_WRONG, ""},
    {"ERROR\r\n", 1, WIRE_WRONG, ""},
    {"END\n", 1, WIRE_WRONG, ""},
    {"\n", 1, WIRE_WRONG, ""},
    {"\r\n", 1, WIRE_WRONG, ""},
    {"END ", 1, WIRE_MORE, ""},
};

/* In pieces of `piece` bytes. */
static enum wire_state feed_values(const char *said, size_t piece,
                                   struct wire_values *v)
{
    enum wire_state state = WIRE_MORE;
    size_t n = strlen(said);

    while (n > 0 && state == WIRE_MORE) {
        size_t part = n < piece ? n : piece;

        state = wire_values_feed(v, (const uint8_t *)said, part);
        said += part;
        n -= part;
    }
    return n > 0 ? WIRE_WRONG : state;
}

START_TEST(answers_are_understood_in_any_pieces)
{
    for (size_t piece = 1; piece <= strlen(answers[_i].said); piece++) {
        struct seen seen = {.at = 0};
        struct wire_values v = {.sink = {see_begin, see_take, see_end, &seen},
                                .ends = answers[_i].ends};

        ck_assert_int_eq(feed_values(answers[_i].said, piece, &v),
                         answers[_i].wanted);
        seen.text[seen.at] = '\0';
        ck_assert_str_eq(seen.text, answers[_i].seen);
    }
}
END_TEST

/* One without an end is not kept for ever. */
START_TEST(a_line_has_an_end)
{
    struct seen seen = {.at = 0};
    struct wire_values v = {.sink = {see_begin, see_take, see_end, &seen},
                            .ends = 1};
    struct wire_replies r = {0};
    uint8_t x = 'x';
    unsigned n = 0;

    while (wire_values_feed(&v, &x, 1) == WIRE_MORE)
        ck_assert_uint_lt(++n, WIRE_LINE_MAX);
    while (wire_replies_feed(&r, &x, 1) == WIRE_MORE)
        ck_assert_uint_lt(++n, 2 * WIRE_LINE_MAX);
}
END_TEST

static const struct {
    const char *said;
    enum wire_state wanted;
    uint64_t stored, refused;
} replies[] = {
    {"VERSION 1.6.18\r\n", WIRE_DONE, 0, 0},
    {"STORED\r\nDELETED\r\nNOT_FOUND\r\nVERSION 1\r\n", WIRE_DONE, 3, 0},
    {"STORED\r\nSERVER_ERROR object too large for cache\r\nNOT_STORED\r\n"
     "VERSION 1\r\n",
     WIRE_DONE, 1, 2},
    {"STORED\r\n", WIRE_MORE, 1, 0},
    {"STORED\r\nVERSION 1\r\nSTORED\r\n", WIRE_WRONG, 1, 0},
    {"STORED\r\nVERSION\r\n", WIRE_WRONG, 1, 0},
    {"STORD\r\n", WIRE_WRONG, 0, 0},
    {"CLIENT_ERROR bad data chunk\r\n", WIRE_WRONG, 0, 0},
    {"ERROR\r\n", WIRE_WRONG, 0, 0},
    {"END\r\n", WIRE_WRONG, 0, 0},
};

START_TEST(replies_are_understood_in_any_pieces)
{
    const char *said = replies[_i].said;

    for (size_t piece = 1; piece <= strlen(said); piece++) {
        struct wire_replies r = {0};
        enum wire_state state = WIRE_MORE;
        size_t at = 0;

        while (at < strlen(said) && state == WIRE_MORE) {
            size_t left = strlen(said) - at;
            size_t part = left < piece ? left : piece;

            state = wire_replies_feed(&r, (const uint8_t *)said + at, part);
            at += part;
        }
        if (state == WIRE_DONE && at < strlen(said))
            state = WIRE_WRONG;
        ck_assert_int_eq(state, replies[_i].wanted);
        ck_assert_uint_eq(r.stored, replies[_i].stored);
        ck_assert_uint_eq(r.refused, replies[_i].refused);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
    Suite *suite = suite_create("shared_parts");
    TCase *t = tcase_create("parts");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, servers_are_read_and_printed, 0, COUNT(lists));
    tcase_add_test(t, there_are_so_many_servers_and_no_more);
    tcase_add_test(t, names_stay_what_they_are);
    tcase_add_test(t, no_bit_of_a_value_may_change);
    tcase_add_test(t, the_ring_moves_a_share_and_no_more);
    tcase_add_test(t, failures_in_a_row_open_it);
    tcase_add_test(t, pauses_grow_until_it_is_trusted);
    tcase_add_test(t, questions_are_what_memcached_reads);
    tcase_add_loop_test(t, answers_are_understood_in_any_pieces, 0,
                        COUNT(answers));
    tcase_add_test(t, a_line_has_an_end);
    tcase_add_loop_test(t, replies_are_understood_in_any_pieces, 0,
                        COUNT(replies));
    suite_add_tcase(suite, t);
    return check_main(suite);
}
