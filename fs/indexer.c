// SPDX-License-Identifier: MIT
/*
 * indexer.c: see indexer.h. The threads, and whose turn it is.
 */
#include "indexer_impl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "prepfs/cleanup.h"

enum {
    POLL_MS = 2000,         /* between looks at what was indexed elsewhere */
    POLL_INDEXING_MS = 500, /* while entries appear batch by batch */
    SNAPSHOT_TIMES = 9      /* rest after a snapshot, of its time */
};

static void init_wake(struct indexer *x)
{
    pthread_condattr_t attr;

    lock_check(pthread_condattr_init(&attr));
    lock_check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    lock_check(pthread_cond_init(&x->wake, &attr));
    lock_check(pthread_condattr_destroy(&attr));
}

struct indexer *indexer_new(const struct indexer_config *config,
                            struct error *err)
{
    struct indexer *x = calloc(1, sizeof *x);
    uint64_t every_ms =
        config->clock_s > 0 ? (uint64_t)config->clock_s * 1000 : 0;

    if (!x) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&x->lock);
    init_wake(x);
    x->fs = config->fs;
    x->cancel = config->cancel;
    x->show_progress = config->show_progress;
    x->clock_s = config->clock_s;
    x->archive = strdup(config->archive);
    x->snapshot = strdup(config->snapshot);
    x->manifest = config->manifest ? strdup(config->manifest) : NULL;
    if (!x->archive || !x->snapshot || (config->manifest && !x->manifest)) {
        indexer_free(x);
        (void)error_no_memory(err);
        return NULL;
    }
    if (!config->watch && x->clock_s < 0)
        every_ms = INDEXER_CLOCK_S * UINT64_C(1000);
    schedule_init(&x->schedule, every_ms, log_now_ms());
    if (config->watch)
        indexer_watch(x);
    return x;
}

void indexer_free(struct indexer *x)
{
    if (!x)
        return;
    lock_acquire(&x->lock);
    x->stop = true;
    lock_check(pthread_cond_broadcast(&x->wake));
    lock_release(&x->lock);
    if (x->passer_runs)
        lock_check(pthread_join(x->passer, NULL));
    if (x->teller_runs)
        lock_check(pthread_join(x->teller, NULL));
    watch_free(x->watch);
    touched_deinit(&x->touched);
    lock_check(pthread_cond_destroy(&x->wake));
    lock_deinit(&x->lock);
    free(x->archive);
    free(x->snapshot);
    free(x->manifest);
    free(x);
}

int indexer_has_run(struct indexer *x, struct error *err)
{
    CLEANUP_FREE char *parser = NULL;

    return manifest_parser(x->fs->manifest, &parser, err);
}

/* Waits for a wake-up, or until a time in milliseconds. */
static void wait_until_locked(struct indexer *x, uint64_t ms) REQUIRES(x->lock)
{
    struct timespec until = {.tv_sec = (time_t)(ms / 1000),
                             .tv_nsec = (long)(ms % 1000) * 1000000};

    if (ms == SCHEDULE_NEVER)
        lock_wait(&x->lock, &x->wake);
    else
        (void)pthread_cond_timedwait(&x->wake, &x->lock.mutex, &until);
}

/* ---- manifest.db ---- */

static void log_error(struct indexer *x, const char *what,
                      const struct error *err)
{
    if (err->kind != ERROR_INTERRUPTED)
        log_line(x->fs->log, LOG_LEVEL_ERROR, "%s: %s", what, err->msg);
}

/* It is a copy of everything: in a row of small changes, not after each. */
static int make_snapshot(struct indexer *x, struct error *err)
{
    uint64_t began = log_now_ms();
    int rc = manifest_snapshot(x->fs->manifest, x->snapshot, err);
    uint64_t now = log_now_ms();

    x->snapshot_wanted = false;
    x->snapshot_rest_until = now + SNAPSHOT_TIMES * (now - began);
    return rc;
}

static void snapshot(struct indexer *x)
{
    struct error err = ERROR_INIT;

    if (make_snapshot(x, &err) < 0)
        log_error(x, "manifest.db", &err);
}

int indexer_first(struct indexer *x, struct error *err)
{
    struct index_result result = {0};
    int rc = indexer_pass(x, NULL, &result, err);

    if (rc == 0 && cohort_update(x->fs->cohort, true, err) < 0)
        return -1;
    return rc != 0 ? rc : make_snapshot(x, err);
}

/* ---- telling the kernel ---- */

/* Waits until the teller has told all there is now, or the end. */
static void tell(struct indexer *x)
{
    uint64_t round;

    lock_acquire(&x->lock);
    round = ++x->tell_asked;
    lock_check(pthread_cond_broadcast(&x->wake));
    while (!x->stop && x->told < round)
        lock_wait(&x->lock, &x->wake);
    lock_release(&x->lock);
}

/* Sleeps until it is time, or until somebody waits; false to stop. */
static bool nap(struct indexer *x, uint64_t *ret_round)
{
    uint64_t until =
        log_now_ms() +
        (atomic_load(&x->fs->report.indexing) ? POLL_INDEXING_MS : POLL_MS);
    bool stop;

    lock_acquire(&x->lock);
    while (!x->stop && x->told == x->tell_asked && log_now_ms() < until)
        wait_until_locked(x, until);
    *ret_round = x->tell_asked;
    stop = x->stop;
    lock_release(&x->lock);
    return !stop;
}

/* Whoever indexes makes a snapshot of all of the archive; that of a cohort
 * only its mount can make: once what changed has come to rest. */
static void see_to_snapshot(struct indexer *x, int news)
{
    if (news == COHORT_CHANGED)
        x->is_stale = true;
    if (news != COHORT_SAME || !x->is_stale ||
        atomic_load(&x->fs->report.indexing))
        return;
    x->is_stale = false;
    lock_acquire(&x->lock);
    x->wants_snapshot = true;
    lock_check(pthread_cond_broadcast(&x->wake));
    lock_release(&x->lock);
}

/* What the archive has become, as this mount shows it, and then the word to
 * the kernel. */
static int look_around(struct indexer *x, struct error *err)
{
    int news = cohort_update(x->fs->cohort, false, err);

    see_to_snapshot(x, news);
    if (news == COHORT_LATER)
        return 0;
    if (news < 0) /* what was shown stays; the rest is told all the same */
        log_error(x, "where", err);
    return refresh_run(&x->refresh, err);
}

static void *run_teller(void *opaque)
{
    struct indexer *x = opaque;
    uint64_t round;

    while (nap(x, &round)) {
        struct error err = ERROR_INIT;

        if (look_around(x, &err) < 0)
            (void)log_failure(x->fs->log, log_now_ms(), err.msg);
        lock_acquire(&x->lock);
        x->told = round;
        lock_check(pthread_cond_broadcast(&x->wake));
        lock_release(&x->lock);
    }
    return NULL;
}

/* ---- passes ---- */

struct turn {
    enum schedule_what what; /* SCHEDULE_NOTHING: a snapshot */
    uint64_t began;
    uint64_t ticket; /* the last one that this answers */
    struct touched places;
};

/* Waits for a turn; false to stop. */
static bool take_turn(struct indexer *x, struct turn *ret)
{
    uint64_t snapshot_due;
    bool stop;

    *ret = (struct turn){.what = SCHEDULE_NOTHING};
    lock_acquire(&x->lock);
    for (;;) {
        uint64_t due = schedule_due(&x->schedule);
        uint64_t now = log_now_ms();

        x->snapshot_wanted = x->snapshot_wanted || x->wants_snapshot;
        x->wants_snapshot = false;
        snapshot_due =
            x->snapshot_wanted ? x->snapshot_rest_until : SCHEDULE_NEVER;
        ret->began = now;
        stop = x->stop;
        if (stop || now >= due || now >= snapshot_due)
            break;
        wait_until_locked(x, due < snapshot_due ? due : snapshot_due);
    }
    if (!stop)
        ret->what = schedule_begin(&x->schedule, ret->began);
    if (ret->what != SCHEDULE_NOTHING) {
        ret->places = x->touched;
        x->touched = (struct touched){0};
        ret->ticket = x->asked;
    }
    lock_release(&x->lock);
    return !stop;
}

/* What this turn was to look at is to be looked at again. */
static void put_back_locked(struct indexer *x, const struct turn *t)
    REQUIRES(x->lock)
{
    if (t->what == SCHEDULE_ALL)
        touched_add(&x->touched, "");
    for (size_t i = 0; i < t->places.n; i++)
        touched_add(&x->touched, t->places.paths[i]);
}

/* `rc` as of indexer_pass. */
static void end_turn(struct indexer *x, const struct turn *t, int rc,
                     const struct index_result *result, const struct error *err)
{
    bool is_answer = rc <= 0 && t->what == SCHEDULE_ALL;

    lock_acquire(&x->lock);
    if (rc > 0 || (rc < 0 && t->what == SCHEDULE_PLACES))
        put_back_locked(x, t);
    schedule_end(&x->schedule, t->what, t->began, log_now_ms(),
                 !touched_is_empty(&x->touched) && !x->schedule.first_news);
    if (is_answer) {
        x->answered = t->ticket;
        x->answer.failed = rc < 0;
        x->answer.result = *result;
        memcpy(x->answer.message, err->msg, sizeof x->answer.message);
    }
    lock_release(&x->lock);
}

/* Also if nothing changed in the archive: labels may have. After a look at a
 * few places the teller does it, when it is time. */
static bool cohort_changed(struct indexer *x, const struct turn *t)
{
    struct error err = ERROR_INIT;
    int news = t->what == SCHEDULE_ALL
                   ? cohort_update(x->fs->cohort, true, &err)
                   : COHORT_SAME;

    if (news < 0)
        log_error(x, "where", &err);
    return news == COHORT_CHANGED;
}

static void pass(struct indexer *x, struct turn *t)
{
    struct index_result result = {0};
    struct error err = ERROR_INIT;
    int rc;

    touched_settle(&t->places);
    if (t->places.everything)
        t->what = SCHEDULE_ALL;
    rc = indexer_pass(x, t->what == SCHEDULE_ALL ? NULL : &t->places, &result,
                      &err);
    if (rc < 0 && err.kind != ERROR_INTERRUPTED)
        (void)log_failure(x->fs->log, log_now_ms(), err.msg);
    if (cohort_changed(x, t) || (rc == 0 && (indexer_changed(&result) ||
                                             access(x->snapshot, R_OK) != 0)))
        x->snapshot_wanted = true;
    if (rc <= 0)
        tell(x);
    if (x->snapshot_wanted && rc == 0 &&
        (t->what == SCHEDULE_ALL || log_now_ms() >= x->snapshot_rest_until))
        snapshot(x);
    end_turn(x, t, rc, &result, &err);
}

static void *run_passer(void *opaque)
{
    struct indexer *x = opaque;
    struct error err = ERROR_INIT;
    struct turn turn;

    /* If an earlier mount ended between its index and its snapshot. That of a
     * cohort may be what a process that was killed has left. */
    if (indexer_has_run(x, &err) == 1 &&
        (x->fs->cohort || access(x->snapshot, R_OK) != 0))
        snapshot(x);
    while (take_turn(x, &turn)) {
        if (turn.what == SCHEDULE_NOTHING)
            snapshot(x);
        else
            pass(x, &turn);
        touched_deinit(&turn.places);
    }
    return NULL;
}

/* ---- from outside ---- */

static int start_thread(pthread_t *ret, void *(*run)(void *), struct indexer *x,
                        struct error *err)
{
    int rc = pthread_create(ret, NULL, run, x);

    if (rc != 0)
        return error_set_sys(err, rc, "cannot start a thread: %s",
                             strerrordesc_np(rc));
    return 0;
}

int indexer_start(struct indexer *x, struct fuse_session *se, bool pass_first,
                  struct error *err)
{
    x->show_progress = false;
    if (pass_first)
        indexer_rescan(x);
    if (refresh_init(&x->refresh, x->fs, se, err) < 0 ||
        start_thread(&x->teller, run_teller, x, err) < 0)
        return -1;
    x->teller_runs = true;
    if (start_thread(&x->passer, run_passer, x, err) < 0)
        return -1;
    x->passer_runs = true;
    return 0;
}

void indexer_rescan(struct indexer *x)
{
    (void)indexer_ask(x);
}

uint64_t indexer_ask(struct indexer *x)
{
    uint64_t ticket;

    lock_acquire(&x->lock);
    ticket = ++x->asked;
    schedule_ask(&x->schedule);
    lock_check(pthread_cond_broadcast(&x->wake));
    lock_release(&x->lock);
    return ticket;
}

bool indexer_answer(struct indexer *x, uint64_t ticket,
                    struct indexer_answer *ret)
{
    bool is_there;

    lock_acquire(&x->lock);
    is_there = x->answered >= ticket;
    if (is_there)
        *ret = x->answer;
    lock_release(&x->lock);
    return is_there;
}
