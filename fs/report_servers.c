// SPDX-License-Identifier: MIT
/* report_servers.c: see report_servers.h. */
#include "report_servers.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#define AT(field) offsetof(struct shared_stats, field)

static const struct member {
    const char *key;
    size_t offset;
    bool is_gauge;
    const char *help;
} members[] = {
    {"open", AT(open), true, "1 if it is left alone, as it does not answer"},
    {"opened", AT(opened), false, "how often that began"},
    {"hits", AT(hits), false, "blocks it had"},
    {"misses", AT(misses), false, "blocks it had not"},
    {"skipped", AT(skipped), false, "blocks it could not be asked for"},
    {"rejected", AT(rejected), false,
     "values that were not the block they should be"},
    {"timeouts", AT(timeouts), false,
     "questions that took longer than shared_time"},
    {"errors", AT(errors), false,
     "connections refused or lost, and nonsense answered"},
    {"bytes_read", AT(bytes_read), false, "bytes of blocks that came from it"},
    {"bytes_written", AT(bytes_written), false, "bytes sent to it"},
    {"written", AT(written), false, "blocks it took"},
    {"refused", AT(refused), false, "blocks it would not take"},
    {"dropped", AT(dropped), false, "blocks not sent, as it did not answer"},
    {"connections", AT(connections), true, "connections to it"},
};

enum { N_MEMBERS = sizeof members / sizeof members[0] };

static uint64_t number_at(const struct shared_stats *stats, size_t offset)
{
    uint64_t value;

    memcpy(&value, (const char *)stats + offset, sizeof value);
    return value;
}

/* Names have no characters that either format would want to be escaped. */
static void json_server(const struct report *r, unsigned i, FILE *out)
{
    char name[ADDRESS_TEXT_SIZE];
    struct shared_stats stats;

    r->shared_stats(r->shared, i, name, &stats);
    fprintf(out, "%s\n    {\"server\": \"%s\"", i ? "," : "", name);
    for (size_t k = 0; k < N_MEMBERS; k++)
        fprintf(out, ", \"%s\": %" PRIu64, members[k].key,
                number_at(&stats, members[k].offset));
    fputc('}', out);
}

static unsigned count_of(const struct report *r)
{
    char unused[ADDRESS_TEXT_SIZE];
    struct shared_stats all = {0};

    if (r->shared)
        r->shared_stats(r->shared, UINT_MAX, unused, &all);
    return (unsigned)all.servers;
}

void report_servers_json(const struct report *r, FILE *out)
{
    unsigned n = count_of(r);

    fputs("  \"shared_by_server\": [", out);
    for (unsigned i = 0; i < n; i++)
        json_server(r, i, out);
    fputs(n ? "\n  ],\n" : "],\n", out);
}

/* All samples of a name stand together. */
void report_servers_prometheus(const struct report *r, FILE *out)
{
    unsigned n = count_of(r);
    char name[ADDRESS_TEXT_SIZE];
    struct shared_stats stats;

    for (size_t k = 0; n > 0 && k < N_MEMBERS; k++) {
        const struct member *m = &members[k];
        const char *suffix = m->is_gauge ? "" : "_total";

        fprintf(out,
                "# HELP prepfs_shared_server_%s%s %s\n"
                "# TYPE prepfs_shared_server_%s%s %s\n",
                m->key, suffix, m->help, m->key, suffix,
                m->is_gauge ? "gauge" : "counter");
        for (unsigned i = 0; i < n; i++) {
            r->shared_stats(r->shared, i, name, &stats);
            fprintf(out,
                    "prepfs_shared_server_%s%s{server=\"%s\"} %" PRIu64 "\n",
                    m->key, suffix, name, number_at(&stats, m->offset));
        }
    }
}

void report_servers_keys(FILE *out)
{
    fputs("shared_by_server.server\n", out);
    for (size_t k = 0; k < N_MEMBERS; k++)
        fprintf(out, "shared_by_server.%s\n", members[k].key);
}
