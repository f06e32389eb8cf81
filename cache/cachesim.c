// SPDX-License-Identifier: MIT
/*
 * cachesim.c: runs the cache's own policy over a text trace on stdin.
 *
 *     key            one request per line; a key is any text without a comma
 *     key,size       the size counts with --bytes, else every block is 1
 *
 * Keys that are decimal numbers are compared by value, all others as they
 * stand; blanks around a field and a carriage return are ignored. A missing
 * size is 1. A line that is neither form stops the run with exit status 2.
 */
#include "guard.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_OBJECTS 1000
#define CAPACITY_BYTES (64 << 20)
#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

struct sim_entry {
    struct arc_node node;
    struct sim_entry *next;
    uint64_t hash;
    size_t len;
    char key[];
};

struct sim {
    struct guard guard;
    struct sim_entry **buckets;
    size_t mask;
    size_t count;
    bool bytes;
    uint64_t requests;
    uint64_t hits;
    uint64_t hit_bytes;
    uint64_t fnv;
};

/* A part of the line buffer. */
struct span {
    char *at;
    size_t len;
};

static void *must(void *p)
{
    if (!p) {
        fprintf(stderr, "cachesim: out of memory\n");
        exit(1);
    }
    return p;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' ||
           c == '\f';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct span trimmed(char *at, size_t len)
{
    while (len > 0 && is_blank(at[0])) {
        at++;
        len--;
    }
    while (len > 0 && is_blank(at[len - 1]))
        len--;
    return (struct span){at, len};
}

static bool all_digits(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_digit(at[i]))
            return false;
    return len > 0;
}

/* Numbers are equal by value: 007, +7 and 7 are one key. */
static struct span canonical_key(struct span key)
{
    bool sign = key.len > 1 && (key.at[0] == '+' || key.at[0] == '-');
    bool minus = sign && key.at[0] == '-';
    char *digits = key.at + sign;
    size_t len = key.len - sign;

    if (!all_digits(digits, len))
        return key;
    while (len > 1 && digits[0] == '0') {
        digits++;
        len--;
    }
    if (minus && digits[0] != '0') {
        *--digits = '-';
        len++;
    }
    return (struct span){digits, len};
}

static uint64_t hash_span(struct span s)
{
    uint64_t h = FNV_OFFSET;

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.at[i]) * FNV_PRIME;
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

static void grow(struct sim *sim)
{
    size_t size = (sim->mask + 1) * 2;
    struct sim_entry **buckets = must(calloc(size, sizeof *buckets));

    for (size_t i = 0; i <= sim->mask; i++) {
        struct sim_entry *e = sim->buckets[i];

        while (e) {
            struct sim_entry *next = e->next;

            e->next = buckets[e->hash & (size - 1)];
            buckets[e->hash & (size - 1)] = e;
            e = next;
        }
    }
    free(sim->buckets);
    sim->buckets = buckets;
    sim->mask = size - 1;
}

static struct sim_entry *entry_of(struct sim *sim, struct span key)
{
    uint64_t hash = hash_span(key);
    struct sim_entry *e;

    for (e = sim->buckets[hash & sim->mask]; e; e = e->next)
        if (e->hash == hash && e->len == key.len &&
            memcmp(e->key, key.at, key.len) == 0)
            return e;
    if (sim->count++ > sim->mask)
        grow(sim);
    e = must(calloc(1, sizeof *e + key.len));
    e->hash = hash;
    e->len = key.len;
    memcpy(e->key, key.at, key.len);
    e->next = sim->buckets[hash & sim->mask];
    sim->buckets[hash & sim->mask] = e;
    return e;
}

static void request(struct sim *sim, struct span key, uint64_t size)
{
    struct sim_entry *e = entry_of(sim, key);
    bool hit = guard_access(&sim->guard, &e->node, e->hash, size);

    sim->requests++;
    sim->hits += hit;
    sim->hit_bytes += hit ? size : 0;
    sim->fnv = (sim->fnv ^ (hit ? 1 : 0)) * FNV_PRIME;
}

/* True if all of `s` is a number of at most ARC_CAPACITY_MAX. */
static bool parse_u64(struct span s, uint64_t *ret)
{
    uint64_t value = 0;

    if (s.len > 1 && s.at[0] == '+') {
        s.at++;
        s.len--;
    }
    if (!all_digits(s.at, s.len))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        value = value * 10 + (uint64_t)(s.at[i] - '0');
        if (value > ARC_CAPACITY_MAX)
            return false;
    }
    *ret = value;
    return true;
}

static int malformed(uint64_t line, const char *why, struct span s)
{
    int shown = s.len > 60 ? 60 : (int)s.len;

    fprintf(stderr, "cachesim: line %" PRIu64 ": %s: '%.*s'\n", line, why,
            shown, s.at);
    return 2;
}

static int run_line(struct sim *sim, char *text, size_t len, uint64_t line)
{
    char *comma = memchr(text, ',', len);
    size_t key_len = comma ? (size_t)(comma - text) : len;
    struct span key = trimmed(text, key_len);
    struct span rest = {NULL, 0};
    uint64_t size = 1;

    if (memchr(text, '\0', len))
        return malformed(line, "NUL byte in line", trimmed(text, len));
    if (key.len == 0)
        return malformed(line, "no key (want key or key,size)",
                         trimmed(text, len));
    if (comma)
        rest = trimmed(comma + 1, len - key_len - 1);
    if (rest.len > 0 && !parse_u64(rest, &size))
        return malformed(line, "size is not a number from 0 to 2^62", rest);
    request(sim, canonical_key(key), sim->bytes ? size : 1);
    return 0;
}

static int run(struct sim *sim, FILE *in)
{
    char *text = NULL;
    size_t room = 0;
    uint64_t line = 0;
    ssize_t len;
    int rc = 0;

    while (rc == 0 && (len = getline(&text, &room, in)) >= 0)
        rc = run_line(sim, text, (size_t)len, ++line);
    free(text);
    if (rc == 0 && ferror(in)) {
        fprintf(stderr, "cachesim: cannot read the trace\n");
        return 1;
    }
    return rc;
}

static void print(const struct sim *sim)
{
    const struct arc *arc = &sim->guard.gate.arc;

    printf("requests=%" PRIu64 " hits=%" PRIu64 " hit_fnv1a=%016" PRIx64
           " b1_hits=%" PRIu64 " b2_hits=%" PRIu64 " t1=%" PRIu64 " t2=%" PRIu64
           " b1=%" PRIu64 " b2=%" PRIu64 " p=%.17g hit_bytes=%" PRIu64 "\n",
           sim->requests, sim->hits, sim->fnv, arc->b1_hits, arc->b2_hits,
           arc->list[ARC_T1].bytes, arc->list[ARC_T2].bytes,
           arc->list[ARC_B1].bytes, arc->list[ARC_B2].bytes, arc->p,
           sim->hit_bytes);
}

static void sim_deinit(struct sim *sim)
{
    guard_deinit(&sim->guard);
    for (size_t i = 0; i <= sim->mask; i++) {
        while (sim->buckets[i]) {
            struct sim_entry *e = sim->buckets[i];

            sim->buckets[i] = e->next;
            free(e);
        }
    }
    free(sim->buckets);
}

static void usage(FILE *out)
{
    fprintf(out,
            "Usage: cachesim [--capacity N] [--bytes] [--guard on|off] "
            "< trace\n"
            "Runs prepfs's cache policy over lines of 'key' or 'key,size'.\n"
            "  --capacity N   blocks (default %d), or bytes with --bytes\n"
            "                 (default %d)\n"
            "  --bytes        use the sizes; without it every block is 1\n"
            "  --guard on|off epoch guard (default off: plain ARC)\n",
            CAPACITY_OBJECTS, CAPACITY_BYTES);
}

static int bad_option(const char *what, const char *value)
{
    fprintf(stderr, "cachesim: %s: '%s'\n", what, value);
    usage(stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"capacity", required_argument, NULL, 'c'},
        {"bytes", no_argument, NULL, 'b'},
        {"guard", required_argument, NULL, 'g'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct sim sim = {.fnv = FNV_OFFSET, .mask = 4095};
    uint64_t capacity = 0;
    bool has_capacity = false;
    bool guard = false;
    int opt, rc;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case 'c':
            has_capacity = true;
            if (!parse_u64((struct span){optarg, strlen(optarg)}, &capacity))
                return bad_option("capacity is not a number up to 2^62",
                                  optarg);
            break;
        case 'b':
            sim.bytes = true;
            break;
        case 'g':
            guard = strcmp(optarg, "on") == 0;
            if (!guard && strcmp(optarg, "off") != 0)
                return bad_option("--guard wants on or off", optarg);
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (optind < argc)
        return bad_option("unexpected argument", argv[optind]);
    if (!has_capacity)
        capacity = sim.bytes ? CAPACITY_BYTES : CAPACITY_OBJECTS;
    guard_init(&sim.guard, capacity, guard, 0, NULL);
    sim.buckets = must(calloc(sim.mask + 1, sizeof(struct sim_entry *)));
    rc = run(&sim, stdin);
    if (rc == 0)
        print(&sim);
    sim_deinit(&sim);
    return rc;
}
