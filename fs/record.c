// SPDX-License-Identifier: MIT
/* record.c: see record.h. */
#include "record.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "inode.h"

enum { SEEN_SLOTS = 4096 };

/* All rows go through one lane: the writer of the manifest is one anyway. */
static const uint64_t lane_key = UINT64_C(0x7265636f7264);

struct recorder {
    struct manifest *manifest;
    struct pool *pool;
    _Atomic uint64_t seen[SEEN_SLOTS]; /* direct mapped by hash */
};

struct failure {
    struct pool_job job;
    struct recorder *recorder;
    int64_t object_id;
    uint16_t view_id;
    const char *stage;
    int code;
    char message[ERROR_MSG_MAX];
};

struct recorder *recorder_new(struct manifest *m, struct pool *pool,
                              struct error *err)
{
    struct recorder *r = calloc(1, sizeof *r);

    if (!r) {
        (void)error_no_memory(err);
        return NULL;
    }
    r->manifest = m;
    r->pool = pool;
    return r;
}

void recorder_free(struct recorder *r)
{
    free(r);
}

static bool concerns_the_file(const struct error *err)
{
    return err->kind == ERROR_CORRUPT || err->kind == ERROR_UNSUPPORTED ||
           err->kind == ERROR_STALE || err->kind == ERROR_TOO_BIG ||
           err->kind == ERROR_IO;
}

static bool is_new(struct recorder *r, uint64_t number, const char *stage,
                   const struct error *err)
{
    uint64_t h = (number * 31 + (uint64_t)err->kind * 2 + (stage[0] == 'r')) *
                 UINT64_C(0x9e3779b97f4a7c15);

    return atomic_exchange(&r->seen[h >> 52], h) != h;
}

static struct failure *of_job(struct pool_job *job)
{
    return (struct failure *)((char *)job - offsetof(struct failure, job));
}

static void drop(struct pool_job *job)
{
    free(of_job(job));
}

/* The errors of writing errors have nowhere to go; the log has the first. */
static void run(struct pool_job *job)
{
    struct failure *f = of_job(job);
    struct manifest *m = f->recorder->manifest;
    struct manifest_instance instance;
    int found = manifest_instance_by_id(m, f->object_id, &instance, NULL);

    if (found == 0) /* of a volume it is the first slice's */
        found = manifest_volume_by_id(m, f->object_id, &instance, NULL);
    if (found == 1) {
        (void)manifest_error_put(m, instance.source_id, f->view_id, f->stage,
                                 f->code, f->message, NULL);
        manifest_instance_deinit(&instance);
    }
    free(f);
}

void record_failure(struct recorder *r, uint64_t number, const char *stage,
                    int code, const struct error *err)
{
    struct inode i;
    struct failure *f;

    if (!concerns_the_file(err) || inode_unpack(number, &i, NULL) < 0 ||
        !inode_kind_is_leaf(i.kind) || !is_new(r, number, stage, err))
        return;
    f = calloc(1, sizeof *f);
    if (!f)
        return;
    f->job.run = run;
    f->job.drop = drop;
    f->job.key = lane_key;
    f->job.class = POOL_READER;
    f->recorder = r;
    f->object_id = i.object;
    f->view_id = i.view;
    f->stage = stage;
    f->code = code;
    memcpy(f->message, err->msg, sizeof f->message);
    if (pool_submit(r->pool, &f->job, NULL) < 0)
        free(f);
}
