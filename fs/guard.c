// SPDX-License-Identifier: MIT
/* guard.c: see guard.h. */
#include "guard.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"

enum { NUDGE_MS = 100 };

struct guard {
    struct guard_config c;
    pthread_t thread;
    struct lock lock;
    struct session *session; /* guarded by lock */
    atomic_bool ended;
};

static void taken_signals(sigset_t *ret)
{
    (void)sigemptyset(ret);
    (void)sigaddset(ret, SIGINT);
    (void)sigaddset(ret, SIGTERM);
    (void)sigaddset(ret, SIGHUP);
    (void)sigaddset(ret, SIGUSR1); /* from guard_end */
}

void guard_block(void)
{
    sigset_t set;

    taken_signals(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)sigaddset(&set, SIGUSR2); /* let in by session_run */
    lock_check(pthread_sigmask(SIG_BLOCK, &set, NULL));
}

/* The next signal, or 0 after `ms` (negative: no limit). */
static int next_signal(int ms)
{
    struct timespec limit = {.tv_sec = ms / 1000,
                             .tv_nsec = ms % 1000 * 1000000L};
    sigset_t set;
    int sig;

    taken_signals(&set);
    do
        sig =
            ms < 0 ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &limit);
    while (sig < 0 && errno == EINTR);
    return sig < 0 ? 0 : sig;
}

static bool is_end(int sig)
{
    return sig == SIGINT || sig == SIGTERM;
}

static struct session *session_of(struct guard *g)
{
    struct session *session;

    lock_acquire(&g->lock);
    session = g->session;
    lock_release(&g->lock);
    return session;
}

/* Notes that the end was asked for, at one moment with finding out what
 * there is to end: guard_mounted either sees it or is seen. */
static struct session *ask_to_end(struct guard *g, bool *ret_again)
{
    struct session *session;

    lock_acquire(&g->lock);
    session = g->session;
    *ret_again = atomic_exchange(g->c.cancel, true);
    lock_release(&g->lock);
    return session;
}

/* State is on disk in a form that survives a crash, so this loses nothing
 * but answers that nobody waits for any more. */
static void leave_now(struct guard *g, int status)
{
    log_line(g->c.log, LOG_LEVEL_INFO, "leaving at once");
    _exit(status);
}

/* The mount is out of the tree. Its users have some time; then the loop is
 * told to end, and told again until it has. */
static void wait_for_users(struct guard *g, struct session *session)
{
    uint64_t deadline = log_now_ms() + SESSION_GRACE_S * 1000;

    while (!atomic_load(&g->ended)) {
        if (is_end(next_signal(NUDGE_MS)))
            leave_now(g, DAEMON_OK);
        if (log_now_ms() >= deadline)
            session_stop(session);
    }
}

static void on_end(struct guard *g, int sig)
{
    bool again;
    struct session *session = ask_to_end(g, &again);

    if (again)
        leave_now(g, session ? DAEMON_OK : DAEMON_FAILED);
    daemon_notify_manager("STOPPING=1");
    if (!session)
        return;
    log_line(g->c.log, LOG_LEVEL_INFO, "%s: unmounting",
             sig == SIGINT ? "interrupted" : "asked to end");
    session_detach(session);
    wait_for_users(g, session);
}

static void *run(void *opaque)
{
    struct guard *g = opaque;
    int sig;

    while (!atomic_load(&g->ended)) {
        sig = next_signal(-1);
        if (is_end(sig))
            on_end(g, sig);
        else if (sig == SIGHUP && session_of(g))
            g->c.hangup(g->c.opaque);
    }
    return NULL;
}

struct guard *guard_start(const struct guard_config *config, struct error *err)
{
    struct guard *g = calloc(1, sizeof *g);
    int rc;

    if (!g) {
        (void)error_no_memory(err);
        return NULL;
    }
    g->c = *config;
    lock_init(&g->lock);
    rc = pthread_create(&g->thread, NULL, run, g);
    if (rc != 0) {
        (void)error_set_sys(err, rc, "cannot start a thread: %s",
                            strerrordesc_np(rc));
        lock_deinit(&g->lock);
        free(g);
        return NULL;
    }
    return g;
}

bool guard_mounted(struct guard *g, struct session *session)
{
    bool cancelled;

    lock_acquire(&g->lock);
    cancelled = atomic_load(g->c.cancel);
    if (!cancelled)
        g->session = session;
    lock_release(&g->lock);
    return !cancelled;
}

void guard_end(struct guard *g)
{
    if (!g)
        return;
    atomic_store(&g->ended, true);
    (void)pthread_kill(g->thread, SIGUSR1);
    lock_check(pthread_join(g->thread, NULL));
    lock_deinit(&g->lock);
    free(g);
}
