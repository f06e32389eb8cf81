// SPDX-License-Identifier: MIT
/*
 * report.c: see report.h.
 *
 * All sources are first copied into struct numbers; the list then says where
 * in it each key is. A key is printed by one loop per format.
 */
#include "report.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "log.h"

struct numbers {
    uint64_t uptime_s, fuse_threads, fuse_version, proto_minor;
    uint64_t parallel_dirops, indexing, index_done, index_total;
    uint64_t pool_threads, pool_queued, pool_prefetching, pool_running;
    uint64_t pool_queued_peak, pool_done, pool_cancelled, pool_refused;
    uint64_t requests[STATS_COUNTERS];
    struct render_stats render;
    struct cache_stats cache;
    struct manifest_totals totals;
};

enum item_kind { COUNTER, GAUGE };

struct item {
    const char *key;
    enum item_kind kind;
    size_t offset;
    const char *help;
};

#define AT(field) offsetof(struct numbers, field)

static const struct item items[] = {
    {"frames_decoded", COUNTER, AT(render.frames_decoded),
     "frames decoded from the archive"},
    {"frames_reused", COUNTER, AT(render.frames_reused),
     "frames wanted again while still in memory"},
    {"bytes_read", COUNTER, AT(render.bytes_read),
     "bytes read from the archive"},
    {"read_ns", COUNTER, AT(render.read_ns), "time spent reading them"},
    {"decode_ns", COUNTER, AT(render.decode_ns), "time spent in codecs"},
    {"image_ns", COUNTER, AT(render.image_ns),
     "time spent on samples after decoding"},

    {"hits", COUNTER, AT(cache.hits), "blocks found in the cache"},
    {"misses", COUNTER, AT(cache.misses), "blocks that had to be made"},
    {"waits", COUNTER, AT(cache.waits),
     "blocks that another reader was making"},
    {"fill_errors", COUNTER, AT(cache.fill_errors),
     "blocks that could not be made"},
    {"evictions", COUNTER, AT(cache.evictions), "blocks given up"},
    {"uncached", COUNTER, AT(cache.uncached),
     "blocks served without being kept"},
    {"ghost_hits_b1", COUNTER, AT(cache.ghost_hits_b1),
     "misses on blocks recently given up after one use"},
    {"ghost_hits_b2", COUNTER, AT(cache.ghost_hits_b2),
     "misses on blocks recently given up after several uses"},
    {"blocks", GAUGE, AT(cache.blocks), "blocks in the cache"},
    {"bytes_logical", GAUGE, AT(cache.bytes_logical),
     "bytes in the cache before compression"},
    {"bytes_compressed", GAUGE, AT(cache.bytes_compressed),
     "bytes in the cache after compression"},
    {"bytes_used", GAUGE, AT(cache.bytes_used),
     "memory counted against the budget"},
    {"budget_bytes", GAUGE, AT(cache.budget_bytes), "memory of the cache"},

    {"pool_threads", GAUGE, AT(pool_threads), "threads that decode"},
    {"pool_queued", GAUGE, AT(pool_queued), "requests waiting for a thread"},
    {"pool_queued_peak", GAUGE, AT(pool_queued_peak),
     "the most that ever waited"},
    {"pool_prefetching", GAUGE, AT(pool_prefetching),
     "prefetches waiting for a thread"},
    {"pool_running", GAUGE, AT(pool_running), "requests being worked on"},
    {"pool_done", COUNTER, AT(pool_done), "requests worked on"},
    {"pool_cancelled", COUNTER, AT(pool_cancelled),
     "requests interrupted while they waited"},
    {"pool_refused", COUNTER, AT(pool_refused),
     "requests refused because too many waited"},

    {"sources", GAUGE, AT(totals.sources), "files known in the archive"},
    {"instances", GAUGE, AT(totals.instances), "DICOM instances"},
    {"images", GAUGE, AT(totals.images), "instances with pixels"},
    {"studies", GAUGE, AT(totals.studies), "studies"},
    {"series", GAUGE, AT(totals.series), "series"},
    {"errors", GAUGE, AT(totals.errors), "rows in errors.tsv"},
    {"source_bytes", GAUGE, AT(totals.source_bytes),
     "bytes of all files known in the archive"},
    {"indexing", GAUGE, AT(indexing), "1 while the archive is being indexed"},
    {"index_done", GAUGE, AT(index_done), "files seen by the latest index"},
    {"index_total", GAUGE, AT(index_total),
     "files the latest index has to see, as far as it knows"},

    {"uptime_s", GAUGE, AT(uptime_s), "seconds since the mount"},
    {"fuse_threads", GAUGE, AT(fuse_threads),
     "threads that receive requests, at most"},
    {"fuse_version", GAUGE, AT(fuse_version),
     "version of libfuse, 314 for 3.14"},
    {"proto_minor", GAUGE, AT(proto_minor),
     "minor version of the protocol the kernel speaks"},
    {"parallel_dirops", GAUGE, AT(parallel_dirops),
     "1 if lookups in one folder run in parallel"},
};

enum { N_ITEMS = sizeof items / sizeof items[0] };

static int collect(const struct report *r, struct numbers *n, struct error *err)
{
    struct pool_stats pool;

    memset(n, 0, sizeof *n);
    pool_stats_get(r->pool, &pool);
    n->pool_threads = pool.threads;
    n->pool_queued = pool.queued;
    n->pool_prefetching = pool.prefetching;
    n->pool_running = pool.running;
    n->pool_queued_peak = pool.queued_peak;
    n->pool_done = pool.done;
    n->pool_cancelled = pool.cancelled;
    n->pool_refused = pool.refused;
    n->uptime_s = (log_now_ms() - r->started_ms) / 1000;
    n->fuse_threads = r->fuse_threads;
    n->fuse_version = r->fuse_version;
    n->proto_minor = atomic_load(&r->proto_minor);
    n->parallel_dirops = atomic_load(&r->parallel_dirops);
    n->indexing = atomic_load(&r->indexing);
    n->index_done = atomic_load(&r->index_done);
    n->index_total = atomic_load(&r->index_total);
    stats_sum(r->stats, n->requests);
    render_stats_get(r->render, &n->render);
    cache_stats_get(r->cache, &n->cache);
    return manifest_totals(r->manifest, &n->totals, err);
}

static uint64_t value_of(const struct numbers *n, const struct item *item)
{
    uint64_t value;

    memcpy(&value, (const char *)n + item->offset, sizeof value);
    return value;
}

int report_json(const struct report *r, FILE *out, struct error *err)
{
    struct numbers n;

    if (collect(r, &n, err) < 0)
        return -1;
    fputs("{\n", out);
    for (size_t i = 0; i < N_ITEMS; i++)
        fprintf(out, "  \"%s\": %" PRIu64 ",\n", items[i].key,
                value_of(&n, &items[i]));
    fputs("  \"requests\": {\n", out);
    for (size_t i = 0; i < STATS_COUNTERS; i++)
        fprintf(out, "    \"%s\": %" PRIu64 "%s\n",
                stats_name((enum stats_counter)i), n.requests[i],
                i + 1 < STATS_COUNTERS ? "," : "");
    fputs("  }\n}\n", out);
    return 0;
}

int report_prometheus(const struct report *r, FILE *out, struct error *err)
{
    struct numbers n;

    if (collect(r, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < N_ITEMS; i++) {
        const struct item *item = &items[i];
        const char *suffix = item->kind == COUNTER ? "_total" : "";

        fprintf(out,
                "# HELP prepfs_%s%s %s\n# TYPE prepfs_%s%s %s\n"
                "prepfs_%s%s %" PRIu64 "\n",
                item->key, suffix, item->help, item->key, suffix,
                item->kind == COUNTER ? "counter" : "gauge", item->key, suffix,
                value_of(&n, item));
    }
    fputs("# HELP prepfs_requests_total requests from the kernel\n"
          "# TYPE prepfs_requests_total counter\n",
          out);
    for (size_t i = 0; i < STATS_COUNTERS; i++)
        fprintf(out, "prepfs_requests_total{op=\"%s\"} %" PRIu64 "\n",
                stats_name((enum stats_counter)i), n.requests[i]);
    return 0;
}

void report_keys(FILE *out)
{
    for (size_t i = 0; i < N_ITEMS; i++)
        fprintf(out, "%s\t%s\n", items[i].key, items[i].help);
    for (size_t i = 0; i < STATS_COUNTERS; i++)
        fprintf(out, "requests.%s\n", stats_name((enum stats_counter)i));
}
