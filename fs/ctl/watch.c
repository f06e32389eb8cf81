// SPDX-License-Identifier: MIT
/* watch.c: see watch.h. */
#include "ctl/watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

double watch_value(const char *json, const char *key)
{
    char quoted[64];
    const char *at;

    (void)snprintf(quoted, sizeof quoted, "\"%s\":", key);
    at = strstr(json, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : 0;
}

#define AT(field)                                                              \
    {                                                                          \
#field, offsetof(struct watch_sample, field)                           \
    }

static const struct {
    const char *key;
    size_t offset;
} fields[] = {
    AT(uptime_s),
    AT(indexing),
    AT(index_done),
    AT(index_total),
    AT(read),
    AT(bytes_sent),
    AT(reply_error),
    AT(hits),
    AT(misses),
    AT(waits),
    AT(frames_decoded),
    AT(decode_ns),
    AT(workers_lost),
    AT(bytes_used),
    AT(budget_bytes),
    AT(bytes_logical),
    AT(bytes_compressed),
    AT(pool_running),
    AT(pool_queued),
    AT(pool_threads),
};

/* "BYTES\tREADS\tNAME\n" after a line with the columns. */
static void parse_views(const char *top, struct watch_sample *ret)
{
    const char *line = strchr(top, '\n');

    while (line && ret->n_views < WATCH_VIEWS) {
        struct watch_view *v = &ret->views[ret->n_views];

        if (sscanf(line + 1, "%lf %lf %200s", &v->bytes, &v->reads, v->name) !=
            3)
            return;
        ret->n_views++;
        line = strchr(line + 1, '\n');
    }
}

int watch_parse(const char *json, const char *top, struct watch_sample *ret,
                struct error *err)
{
    *ret = (struct watch_sample){.n_views = 0};
    if (!strstr(json, "\"budget_bytes\":") || !strstr(json, "\"requests\":"))
        return error_set(err, ERROR_CORRUPT, "these are no counters of prepfs");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        double value = watch_value(json, fields[i].key);

        memcpy((char *)ret + fields[i].offset, &value, sizeof value);
    }
    parse_views(top, ret);
    return 0;
}

/* ---- numbers for people ---- */

struct text {
    char s[32];
};

static struct text bytes(double n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    struct text t;
    int unit = 0;

    for (; n >= 1024 && unit < 4; n /= 1024)
        unit++;
    (void)snprintf(t.s, sizeof t.s, n < 10 && unit > 0 ? "%.1f %s" : "%.0f %s",
                   n, units[unit]);
    return t;
}

static struct text duration(double s)
{
    struct text t;
    long m = (long)(s / 60);

    if (m < 60)
        (void)snprintf(t.s, sizeof t.s, "%ld min", m);
    else if (m < 48 * 60)
        (void)snprintf(t.s, sizeof t.s, "%ld h %ld min", m / 60, m % 60);
    else
        (void)snprintf(t.s, sizeof t.s, "%ld days", m / (24 * 60));
    return t;
}

/* A share in percent, or "-" of nothing. */
static struct text percent(double part, double all)
{
    struct text t = {"-"};

    if (all > 0)
        (void)snprintf(t.s, sizeof t.s, "%.1f %%", 100 * part / all);
    return t;
}

/* ---- what happened ---- */

/* All that differs, and the seconds in between. A mount that was made anew
 * begins from nothing. */
static struct watch_sample difference(const struct watch_sample *before,
                                      const struct watch_sample *now)
{
    struct watch_sample d = *now;
    bool anew = now->uptime_s < before->uptime_s;

    d.at = now->at > before->at ? now->at - before->at : 1;
    if (anew)
        return d;
    d.read -= before->read;
    d.bytes_sent -= before->bytes_sent;
    d.reply_error -= before->reply_error;
    d.hits -= before->hits;
    d.misses -= before->misses;
    d.frames_decoded -= before->frames_decoded;
    d.decode_ns -= before->decode_ns;
    for (unsigned i = 0; i < d.n_views; i++)
        for (unsigned k = 0; k < before->n_views; k++)
            if (strcmp(d.views[i].name, before->views[k].name) == 0) {
                d.views[i].bytes -= before->views[k].bytes;
                d.views[i].reads -= before->views[k].reads;
            }
    return d;
}

static double per_decode_ms(const struct watch_sample *d)
{
    return d->frames_decoded > 0 ? d->decode_ns / d->frames_decoded / 1e6 : 0;
}

int watch_draw(FILE *out, const struct watch_sample *before,
               const struct watch_sample *now)
{
    struct watch_sample d = difference(before, now);
    int lines = 5;

    (void)fprintf(out, "up       %s", duration(now->uptime_s).s);
    if (now->indexing > 0)
        (void)fprintf(out, ", indexing: %.0f of %.0f files", now->index_done,
                      now->index_total);
    (void)fprintf(out, "\nreads    %.0f/s, %s/s, %.0f failures\n",
                  d.read / d.at, bytes(d.bytes_sent / d.at).s, d.reply_error);
    (void)fprintf(out, "hits     %s, since the mount %s\n",
                  percent(d.hits, d.hits + d.misses).s,
                  percent(now->hits, now->hits + now->misses).s);
    (void)fprintf(out,
                  "decodes  %.1f/s of %.1f ms, %.0f of %.0f threads, %.0f wait"
                  ", %.0f lost\n",
                  d.frames_decoded / d.at, per_decode_ms(&d), now->pool_running,
                  now->pool_threads, now->pool_queued, now->workers_lost);
    (void)fprintf(out, "cache    %s of %s (%s), %.1f : 1\n",
                  bytes(now->bytes_used).s, bytes(now->budget_bytes).s,
                  percent(now->bytes_used, now->budget_bytes).s,
                  now->bytes_compressed > 0
                      ? now->bytes_logical / now->bytes_compressed
                      : 1);
    for (unsigned i = 0; i < d.n_views; i++, lines++)
        (void)fprintf(out, "%8s/s %9s  %.55s\n",
                      bytes(d.views[i].bytes / d.at).s,
                      bytes(now->views[i].bytes).s, d.views[i].name);
    return lines;
}

const char watch_columns[] =
    "uptime_s\treads_per_s\tbytes_per_s\thits_percent\tdecodes_per_s\t"
    "decode_ms\tqueued\tcache_percent\ttop_view\n";

void watch_line(FILE *out, const struct watch_sample *before,
                const struct watch_sample *now)
{
    struct watch_sample d = difference(before, now);
    double blocks = d.hits + d.misses;

    (void)fprintf(
        out, "%.0f\t%.1f\t%.0f\t%.1f\t%.1f\t%.2f\t%.0f\t%.1f\t%s\n",
        now->uptime_s, d.read / d.at, d.bytes_sent / d.at,
        blocks > 0 ? 100 * d.hits / blocks : 0, d.frames_decoded / d.at,
        per_decode_ms(&d), now->pool_queued,
        now->budget_bytes > 0 ? 100 * now->bytes_used / now->budget_bytes : 0,
        now->n_views > 0 ? now->views[0].name : "-");
}
