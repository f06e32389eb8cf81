// SPDX-License-Identifier: MIT
/*
 * report.c: see report.h.
 *
 * All sources are first copied into struct numbers; the list then says where
 * in it each key is. A key is printed by one loop per format.
 */
#include "report.h"

#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "log.h"
#include "report_servers.h"

struct numbers {
    uint64_t uptime_s, fuse_threads, fuse_version, proto_minor;
    uint64_t parallel_dirops, indexing, index_done, index_total;
    uint64_t passes, passes_places, pass_ms, changes, unsettled;
    uint64_t watching, watched_folders;
    uint64_t pool_threads, pool_queued, pool_prefetching, pool_running;
    uint64_t pool_queued_peak, pool_done, pool_cancelled, pool_refused;
    uint64_t epochs;
    double ratio;
    uint64_t pool_wait_us[STATS_WAITS], pool_wait_us_sum;
    uint64_t requests[STATS_COUNTERS];
    struct render_stats render;
    struct workers_stats workers;
    struct cache_stats cache;
    struct cache_disk_stats disk;
    struct cache_tier_stats disk_tier;
    struct shared_stats shared;
    struct cache_tier_stats shared_tier;
    struct readers_stats readers;
    struct manifest_totals totals;
    struct manifest_cohort_size cohort;
};

enum item_kind { COUNTER, GAUGE, REAL /* a gauge, double */ };

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
    {"workers", GAUGE, AT(workers.count),
     "processes that parsers and decoders run in"},
    {"workers_lost", COUNTER, AT(workers.lost),
     "processes lost to crashes, kills and limits"},

    {"hits", COUNTER, AT(cache.hits), "blocks found in the cache"},
    {"misses", COUNTER, AT(cache.misses), "blocks that were not in memory"},
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
    {"bytes_kept", GAUGE, AT(render.kept_bytes),
     "memory of frames, pages and plans kept to be used again"},
    {"ratio", REAL, AT(ratio), "bytes_logical to bytes_compressed"},
    {"ghosts", GAUGE, AT(cache.ghosts), "blocks given up but remembered"},
    {"p", REAL, AT(cache.p),
     "bytes that the cache wants to have for blocks used once"},
    {"shards", GAUGE, AT(cache.shards), "independent parts of the cache"},
    {"fills_in_flight", GAUGE, AT(cache.fills_in_flight),
     "blocks being made now"},
    {"published", COUNTER, AT(cache.published),
     "blocks kept that were made along with another"},
    {"published_used", COUNTER, AT(cache.published_used),
     "of these, asked for"},
    {"prefetched", COUNTER, AT(cache.prefetched),
     "blocks made ahead of a reader"},
    {"prefetch_used", COUNTER, AT(cache.prefetch_used), "of these, asked for"},
    {"prefetch_wasted", COUNTER, AT(cache.prefetch_wasted),
     "of these, given up before anybody asked"},
    {"prefetch_guesses", COUNTER, AT(readers.guesses),
     "images or frames that were to be made ahead"},
    {"prefetch_late", COUNTER, AT(readers.guesses_late),
     "of these, overtaken by their reader"},
    {"prefetch_depth", GAUGE, AT(readers.depth),
     "how many are made ahead of one reader, at most, now"},
    {"bytes_ahead", GAUGE, AT(cache.bytes_ahead),
     "memory of blocks that nobody has asked for yet"},
    {"bytes_ahead_max", GAUGE, AT(cache.bytes_ahead_max),
     "what these may take"},
    {"epochs", GAUGE, AT(epochs), "1 with the option epochs=auto"},
    {"guard_frozen", GAUGE, AT(cache.guard_frozen),
     "shards that keep what they have, for passes over too much"},
    {"guard_freezes", COUNTER, AT(cache.guard_freezes),
     "how often a shard began to"},
    {"guard_thaws", COUNTER, AT(cache.guard_thaws),
     "how often a shard stopped"},
    {"passes_told", COUNTER, AT(readers.passes_told),
     "how often the cache was told that a pass is too large"},
    {"passes_bytes", GAUGE, AT(readers.expected_bytes),
     "bytes in such a pass, before compression"},
    {"disk_state", GAUGE, AT(disk.state),
     "0: the disk is in use, 1: only read, 2: given up"},
    {"disk_bytes", GAUGE, AT(disk.bytes), "bytes on the disk"},
    {"disk_bytes_max", GAUGE, AT(disk.bytes_max), "bytes that may be there"},
    {"disk_records", GAUGE, AT(disk.records), "blocks found on the disk"},
    {"disk_segments", GAUGE, AT(disk.segments), "files they are in"},
    {"disk_index_bytes", GAUGE, AT(disk.index_bytes),
     "memory that finding them takes, part of bytes_used"},
    {"disk_loading", GAUGE, AT(disk.loading),
     "files of an earlier run not looked into yet"},
    {"disk_hits", COUNTER, AT(disk_tier.hits), "misses that the disk answered"},
    {"disk_misses", COUNTER, AT(disk_tier.misses), "misses that it did not"},
    {"disk_ahead", COUNTER, AT(disk_tier.ahead),
     "blocks read from it together, before each was asked for"},
    {"disk_offered", COUNTER, AT(disk_tier.offered), "blocks offered to it"},
    {"disk_lost", COUNTER, AT(disk_tier.lost),
     "blocks that left memory before they were"},
    {"disk_waiting", GAUGE, AT(disk_tier.waiting),
     "blocks still to be offered"},
    {"disk_waiting_bytes", GAUGE, AT(disk_tier.waiting_bytes),
     "their bytes after compression"},
    {"disk_skipped", COUNTER, AT(disk.skipped),
     "blocks offered and not written, as it is given up"},
    {"disk_written", COUNTER, AT(disk.written), "bytes written to the disk"},
    {"disk_day_left", GAUGE, AT(disk.day_left),
     "bytes that may be written now, of disk_day"},
    {"disk_carried", COUNTER, AT(disk.carried),
     "blocks written again, as they were used"},
    {"disk_dropped", COUNTER, AT(disk.dropped),
     "files removed to make room for others"},
    {"disk_damaged", COUNTER, AT(disk.damaged),
     "blocks on the disk that were not what they should be"},
    {"disk_rejected", COUNTER, AT(disk_tier.rejected),
     "blocks from the disk that did not decode"},
    {"disk_read_errors", COUNTER, AT(disk.read_errors),
     "errors of the system in reading it"},
    {"disk_write_errors", COUNTER, AT(disk.write_errors),
     "errors of the system in writing it"},
    {"shared_servers", GAUGE, AT(shared.servers),
     "servers that images are shared through"},
    {"shared_open", GAUGE, AT(shared.open),
     "of these, left alone now as they do not answer"},
    {"shared_opened", COUNTER, AT(shared.opened),
     "how often one began to be left alone"},
    {"shared_hits", COUNTER, AT(shared_tier.hits),
     "misses that a server answered"},
    {"shared_misses", COUNTER, AT(shared_tier.misses), "misses that none did"},
    {"shared_ahead", COUNTER, AT(shared_tier.ahead),
     "blocks fetched from them together, before each was asked for"},
    {"shared_skipped", COUNTER, AT(shared.skipped),
     "blocks that a server could not be asked for"},
    {"shared_rejected", COUNTER, AT(shared.rejected),
     "values that were not the block they should be"},
    {"shared_timeouts", COUNTER, AT(shared.timeouts),
     "questions that took longer than shared_time"},
    {"shared_errors", COUNTER, AT(shared.errors),
     "connections refused or lost, and nonsense answered"},
    {"shared_bytes_read", COUNTER, AT(shared.bytes_read),
     "bytes of blocks that came from servers"},
    {"shared_offered", COUNTER, AT(shared_tier.offered),
     "blocks to be sent to them"},
    {"shared_lost", COUNTER, AT(shared_tier.lost),
     "blocks that left memory before they were"},
    {"shared_waiting", GAUGE, AT(shared_tier.waiting),
     "blocks still to be sent"},
    {"shared_waiting_bytes", GAUGE, AT(shared_tier.waiting_bytes),
     "their bytes after compression"},
    {"shared_written", COUNTER, AT(shared.written), "blocks that servers took"},
    {"shared_bytes_written", COUNTER, AT(shared.bytes_written),
     "bytes sent with them"},
    {"shared_refused", COUNTER, AT(shared.refused),
     "blocks that servers would not take"},
    {"shared_dropped", COUNTER, AT(shared.dropped),
     "blocks not sent, as their server did not answer"},
    {"shared_connections", GAUGE, AT(shared.connections),
     "connections to servers"},
    {"lock_takes", COUNTER, AT(cache.lock_takes),
     "how often a lock of the cache was taken"},
    {"lock_waits", COUNTER, AT(cache.lock_waits),
     "how often it had to be waited for"},
    {"lock_wait_ns", COUNTER, AT(cache.lock_wait_ns),
     "time spent waiting for it"},

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
    {"images_hidden", GAUGE, AT(cohort.hidden),
     "images that the options where and hide_burned_in leave out"},
    {"burned_in_hidden", GAUGE, AT(cohort.burned_in),
     "images that hide_burned_in leaves out"},
    {"studies", GAUGE, AT(totals.studies), "studies"},
    {"series", GAUGE, AT(totals.series), "series"},
    {"errors", GAUGE, AT(totals.errors), "rows in errors.tsv"},
    {"source_bytes", GAUGE, AT(totals.source_bytes),
     "bytes of all files known in the archive"},
    {"indexing", GAUGE, AT(indexing), "1 while the archive is being indexed"},
    {"index_done", GAUGE, AT(index_done), "files seen by the latest index"},
    {"index_total", GAUGE, AT(index_total),
     "files the latest index has to see, as far as it knows"},
    {"passes", COUNTER, AT(passes), "how often the archive was looked through"},
    {"passes_places", COUNTER, AT(passes_places),
     "how often only places that were told to have changed"},
    {"pass_ms", GAUGE, AT(pass_ms), "milliseconds the latest of both took"},
    {"changes", COUNTER, AT(changes),
     "files found to be new, changed, renamed or gone"},
    {"unsettled", GAUGE, AT(unsettled),
     "files that were being written when they were looked at"},
    {"watching", GAUGE, AT(watching),
     "changes are told by: 0 nobody, 1 inotify, 2 fanotify"},
    {"watched_folders", GAUGE, AT(watched_folders),
     "folders that inotify watches"},

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

/* Element i counts what took less than 2^i microseconds and at least half of
 * that; the last takes the rest. */
static const struct histogram {
    const char *key;     /* KEY_us and KEY_us_sum; KEY_seconds */
    size_t buckets, sum; /* offsets */
    unsigned n;
    const char *help, *sum_help;
} histograms[] = {
    {"wait", AT(cache.wait_us), AT(cache.wait_us_sum), CACHE_WAIT_BUCKETS,
     "waits for a block that another reader was making",
     "microseconds in them"},
    {"disk_hit", AT(disk_tier.hit_us), AT(disk_tier.hit_us_sum),
     CACHE_WAIT_BUCKETS, "misses that the disk answered",
     "microseconds in them"},
    {"shared_hit", AT(shared_tier.hit_us), AT(shared_tier.hit_us_sum),
     CACHE_WAIT_BUCKETS, "misses that a server answered",
     "microseconds in them"},
    {"pool_wait", AT(pool_wait_us), AT(pool_wait_us_sum), STATS_WAITS,
     "requests answered by the pool, from question to answer",
     "microseconds in them"},
};

enum { N_HISTOGRAMS = sizeof histograms / sizeof histograms[0] };

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
    n->passes = atomic_load(&r->passes);
    n->passes_places = atomic_load(&r->passes_places);
    n->pass_ms = atomic_load(&r->pass_ms);
    n->changes = atomic_load(&r->changes);
    n->unsettled = atomic_load(&r->unsettled);
    n->watching = atomic_load(&r->watching);
    n->watched_folders = atomic_load(&r->watched_folders);
    stats_sum(r->stats, n->requests);
    n->epochs = r->epochs;
    for (size_t i = 0; i < STATS_WAITS; i++)
        n->pool_wait_us[i] = atomic_load(&r->stats->pool.n[i]);
    n->pool_wait_us_sum = atomic_load(&r->stats->pool.sum_us);
    render_stats_get(r->render, &n->render);
    readers_stats_get(r->readers, &n->readers);
    workers_stats_get(r->workers, &n->workers);
    cache_stats_get(r->cache, &n->cache);
    cohort_size(r->cohort, &n->cohort);
    if (r->disk) {
        cache_disk_stats_get(r->disk, &n->disk);
        cache_tier_stats_get(r->cache, 0, &n->disk_tier);
    }
    if (r->shared) {
        char unused[ADDRESS_TEXT_SIZE];

        r->shared_stats(r->shared, UINT_MAX, unused, &n->shared);
        cache_tier_stats_get(r->cache, r->disk ? 1 : 0, &n->shared_tier);
    }
    if (n->cache.bytes_compressed > 0)
        n->ratio =
            (double)n->cache.bytes_logical / (double)n->cache.bytes_compressed;
    return manifest_totals(r->manifest, &n->totals, err);
}

static uint64_t number_at(const struct numbers *n, size_t offset)
{
    uint64_t value;

    memcpy(&value, (const char *)n + offset, sizeof value);
    return value;
}

static void print_value(FILE *out, const struct numbers *n,
                        const struct item *item)
{
    double real;

    if (item->kind != REAL) {
        fprintf(out, "%" PRIu64, number_at(n, item->offset));
        return;
    }
    memcpy(&real, (const char *)n + item->offset, sizeof real);
    fprintf(out, "%.15g", real);
}

/* ---- JSON ---- */

static void json_histogram(FILE *out, const struct numbers *n,
                           const struct histogram *h)
{
    fprintf(out, "  \"%s_us\": [", h->key);
    for (unsigned i = 0; i < h->n; i++)
        fprintf(out, "%s%" PRIu64, i ? ", " : "",
                number_at(n, h->buckets + i * sizeof(uint64_t)));
    fprintf(out, "],\n  \"%s_us_sum\": %" PRIu64 ",\n", h->key,
            number_at(n, h->sum));
}

int report_json(const struct report *r, FILE *out, struct error *err)
{
    struct numbers n;

    if (collect(r, &n, err) < 0)
        return -1;
    fputs("{\n", out);
    for (size_t i = 0; i < N_ITEMS; i++) {
        fprintf(out, "  \"%s\": ", items[i].key);
        print_value(out, &n, &items[i]);
        fputs(",\n", out);
    }
    for (size_t i = 0; i < N_HISTOGRAMS; i++)
        json_histogram(out, &n, &histograms[i]);
    report_servers_json(r, out);
    fputs("  \"requests\": {\n", out);
    for (size_t i = 0; i < STATS_COUNTERS; i++)
        fprintf(out, "    \"%s\": %" PRIu64 "%s\n",
                stats_name((enum stats_counter)i), n.requests[i],
                i + 1 < STATS_COUNTERS ? "," : "");
    fputs("  }\n}\n", out);
    return 0;
}

/* ---- Prometheus ---- */

static void prometheus_item(FILE *out, const struct numbers *n,
                            const struct item *item)
{
    const char *suffix = item->kind == COUNTER ? "_total" : "";

    fprintf(out, "# HELP prepfs_%s%s %s\n# TYPE prepfs_%s%s %s\nprepfs_%s%s ",
            item->key, suffix, item->help, item->key, suffix,
            item->kind == COUNTER ? "counter" : "gauge", item->key, suffix);
    print_value(out, n, item);
    fputc('\n', out);
}

/* Buckets are cumulative there, and the unit is the second. */
static void prometheus_histogram(FILE *out, const struct numbers *n,
                                 const struct histogram *h)
{
    uint64_t count = 0;

    fprintf(out,
            "# HELP prepfs_%s_seconds %s\n"
            "# TYPE prepfs_%s_seconds histogram\n",
            h->key, h->help, h->key);
    for (unsigned i = 0; i + 1 < h->n; i++) {
        count += number_at(n, h->buckets + i * sizeof(uint64_t));
        fprintf(out, "prepfs_%s_seconds_bucket{le=\"%.7g\"} %" PRIu64 "\n",
                h->key, (double)(UINT64_C(1) << i) * 1e-6, count);
    }
    count += number_at(n, h->buckets + (h->n - 1) * sizeof(uint64_t));
    fprintf(out,
            "prepfs_%s_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n"
            "prepfs_%s_seconds_sum %.7g\n"
            "prepfs_%s_seconds_count %" PRIu64 "\n",
            h->key, count, h->key, (double)number_at(n, h->sum) * 1e-6, h->key,
            count);
}

int report_prometheus(const struct report *r, FILE *out, struct error *err)
{
    struct numbers n;

    if (collect(r, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < N_ITEMS; i++)
        prometheus_item(out, &n, &items[i]);
    for (size_t i = 0; i < N_HISTOGRAMS; i++)
        prometheus_histogram(out, &n, &histograms[i]);
    report_servers_prometheus(r, out);
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
    for (size_t i = 0; i < N_HISTOGRAMS; i++)
        fprintf(out, "%s_us\t%s\n%s_us_sum\t%s\n", histograms[i].key,
                histograms[i].help, histograms[i].key, histograms[i].sum_help);
    report_servers_keys(out);
    for (size_t i = 0; i < STATS_COUNTERS; i++)
        fprintf(out, "requests.%s\n", stats_name((enum stats_counter)i));
}
