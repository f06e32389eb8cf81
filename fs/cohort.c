// SPDX-License-Identifier: MIT
/* cohort.c: see cohort.h. */
#include "cohort.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "prepfs/lock.h"

enum { REST_FACTOR = 9 }; /* evaluations rest that many times their length */

struct cohort {
    struct manifest *manifest;
    char *where;
    bool hide_burned_in;
    const atomic_bool *cancel;

    struct lock evaluating; /* held for as long as one takes */
    int64_t epoch;          /* of the manifest when it began */
    uint64_t not_before_ms;

    struct lock lock; /* of the next; the only one that others wait for */
    struct manifest_cohort_size size;
};

static int evaluate_locked(struct cohort *c, struct error *err)
    REQUIRES(c->evaluating)
{
    const struct manifest_cohort cohort = {
        .where = c->where,
        .hide_burned_in = c->hide_burned_in,
        .cancel = c->cancel,
    };
    struct manifest_cohort_size size;
    uint64_t start = log_now_ms(), end;
    int64_t epoch = manifest_epoch(c->manifest, err);
    int rc = epoch < 0
                 ? -1
                 : manifest_cohort_apply(c->manifest, &cohort, &size, err);

    /* Also after a failure: it may have taken long, and may do so again. */
    end = log_now_ms();
    c->not_before_ms = end + REST_FACTOR * (end - start);
    if (rc < 0)
        return -1;
    c->epoch = epoch;
    lock_acquire(&c->lock);
    c->size = size;
    lock_release(&c->lock);
    return rc == 1 ? COHORT_CHANGED : COHORT_SAME;
}

struct cohort *cohort_new(const struct cohort_config *config, struct error *err)
{
    struct cohort *c = calloc(1, sizeof *c);
    int rc;

    if (!c) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&c->evaluating);
    lock_init(&c->lock);
    c->manifest = config->manifest;
    c->hide_burned_in = config->hide_burned_in;
    c->cancel = config->cancel;
    c->where = config->where ? strdup(config->where) : NULL;
    if (config->where && !c->where) {
        (void)error_no_memory(err);
        cohort_free(c);
        return NULL;
    }
    lock_acquire(&c->evaluating);
    rc = evaluate_locked(c, err);
    lock_release(&c->evaluating);
    if (rc >= 0)
        return c;
    cohort_free(c);
    return NULL;
}

void cohort_free(struct cohort *c)
{
    if (!c)
        return;
    lock_deinit(&c->evaluating);
    lock_deinit(&c->lock);
    free(c->where);
    free(c);
}

static int update_locked(struct cohort *c, bool at_once, struct error *err)
    REQUIRES(c->evaluating)
{
    int64_t epoch;

    if (at_once)
        return evaluate_locked(c, err);
    epoch = manifest_epoch(c->manifest, err);
    if (epoch < 0)
        return -1;
    if (epoch == c->epoch)
        return COHORT_SAME;
    if (log_now_ms() < c->not_before_ms)
        return COHORT_LATER;
    return evaluate_locked(c, err);
}

int cohort_update(struct cohort *c, bool at_once, struct error *err)
{
    int rc;

    if (!c)
        return COHORT_SAME;
    lock_acquire(&c->evaluating);
    rc = update_locked(c, at_once, err);
    lock_release(&c->evaluating);
    return rc;
}

void cohort_size(struct cohort *c, struct manifest_cohort_size *ret)
{
    *ret = (struct manifest_cohort_size){0};
    if (!c)
        return;
    lock_acquire(&c->lock);
    *ret = c->size;
    lock_release(&c->lock);
}
