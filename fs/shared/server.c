// SPDX-License-Identifier: MIT
/* server.c: see server.h. */
#include "server_impl.h"

#include "wire.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 16,
    LEAVE_MS = 10000 /* that an end may take, at the very most */
};

/* ---------------------------------------------------------------- waiting */

struct timespec server_moment(uint64_t deadline_ms)
{
    return (struct timespec){.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
}

bool server_wait_locked(struct server *s, pthread_cond_t *cond,
                        uint64_t deadline_ms)
{
    struct timespec until = server_moment(deadline_ms);
    int rc = pthread_cond_timedwait(cond, &s->lock.mutex, &until);

    lock_check(rc == ETIMEDOUT ? 0 : rc);
    return rc == 0;
}

/* --------------------------------------------------------- how it is doing */

static void say(struct server *s, const char *what, const char *why)
{
    char line[ADDRESS_TEXT_SIZE + 160];

    if (!s->config.log)
        return;
    (void)snprintf(line, sizeof line, "shared tier: %s %s%s%s%s", s->name, what,
                   *why ? " (" : "", why, *why ? ")" : "");
    s->config.log(s->config.log_opaque, line);
}

void server_judge(struct server *s, int error)
{
    bool lost = false, found = false;

    lock_acquire(&s->lock);
    if (error == 0) {
        breaker_answered(&s->breaker);
        found = s->is_down && !s->breaker.open;
        s->is_down = s->is_down && !found;
    } else {
        if (error == ETIMEDOUT)
            s->stats.timeouts++;
        else
            s->stats.errors++;
        lost = breaker_failed(&s->breaker, link_now_ms());
        if (lost) { /* it is the sender who tries it again */
            lock_check(pthread_cond_signal(&s->wake));
            lock_check(pthread_cond_broadcast(&s->known));
            lock_check(pthread_cond_broadcast(&s->freed));
        }
        lost = lost && !s->is_down;
        s->is_down = s->is_down || lost;
    }
    lock_release(&s->lock);
    if (lost)
        say(s, "does not answer as it should and is left alone until it does",
            strerrordesc_np(error));
    if (found)
        say(s, "answers again", "");
}

/* ------------------------------------------------------------ connections */

/* The server wants to know who we are: -Y of memcached. */
static int introduce(const struct server *s, int fd, uint64_t deadline_ms)
{
    char text[WIRE_AUTH_MAX], reply[16];
    int n = snprintf(text, sizeof text, "set auth 0 0 %zu\r\n%s\r\n",
                     strlen(s->config.auth), s->config.auth);
    struct iovec part = {text, (size_t)n};
    size_t got = 0;
    ssize_t more;

    if (link_send(fd, &part, 1, deadline_ms) < 0)
        return -1;
    explicit_bzero(text, sizeof text);
    while (got < strlen("STORED\r\n")) {
        more = link_receive(fd, reply + got, strlen("STORED\r\n") - got,
                            deadline_ms);
        if (more < 0)
            return -1;
        got += (size_t)more;
    }
    errno = EACCES;
    return memcmp(reply, "STORED\r\n", got) == 0 ? 0 : -1;
}

int server_connect(struct server *s, uint64_t deadline_ms)
{
    struct places places;
    int saved, fd;

    lock_acquire(&s->lock);
    places = s->places;
    lock_release(&s->lock);
    fd = link_open(&places, deadline_ms);
    if (fd < 0 || !s->config.auth[0] || introduce(s, fd, deadline_ms) == 0)
        return fd;
    saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

/* One that is kept, or the right to make one (*ret_make). */
static struct connection *take_idle(struct server *s, bool fresh,
                                    uint64_t deadline_ms, bool *ret_make)
{
    struct connection *c = NULL;
    bool wait = true;

    *ret_make = false;
    lock_acquire(&s->lock);
    while (wait && !s->breaker.open && s->places.n > 0) {
        c = fresh ? NULL : s->idle;
        if (c)
            s->idle = c->next;
        else if (s->stats.connections < CONNECTIONS_MAX)
            *ret_make = true;
        if (c || *ret_make)
            break;
        wait = server_wait_locked(s, &s->freed, deadline_ms);
    }
    s->stats.connections += *ret_make;
    lock_release(&s->lock);
    return c;
}

static void close_connection(struct server *s, struct connection *c)
{
    if (c && c->fd >= 0)
        (void)close(c->fd);
    free(c);
    lock_acquire(&s->lock);
    s->stats.connections--;
    lock_check(pthread_cond_signal(&s->freed));
    lock_release(&s->lock);
}

struct connection *server_borrow(struct server *s, bool fresh,
                                 uint64_t deadline_ms)
{
    bool make;
    struct connection *c = take_idle(s, fresh, deadline_ms, &make);

    if (!make)
        return c;
    c = malloc(sizeof *c);
    if (c) {
        c->used = false;
        c->next = NULL;
        c->fd = server_connect(s, deadline_ms);
        if (c->fd >= 0)
            return c;
        server_judge(s, errno);
    }
    close_connection(s, c);
    return NULL;
}

void server_give_back(struct server *s, struct connection *c, int error)
{
    server_judge(s, error);
    if (error != 0) {
        close_connection(s, c);
        return;
    }
    c->used = true;
    c->idle_ms = link_now_ms();
    lock_acquire(&s->lock);
    c->next = s->idle;
    s->idle = c;
    lock_check(pthread_cond_signal(&s->freed));
    lock_release(&s->lock);
}

void server_drop(struct server *s, struct connection *c)
{
    close_connection(s, c);
}

/* --------------------------------------------------------------- counting */

void server_count(struct server *s, const struct server_blocks *blocks)
{
    lock_acquire(&s->lock);
    s->stats.hits += blocks->hits;
    s->stats.misses += blocks->misses;
    s->stats.skipped += blocks->skipped;
    s->stats.rejected += blocks->rejected;
    s->stats.bytes_read += blocks->bytes;
    lock_release(&s->lock);
}

void server_stats_add(struct server *s, struct shared_stats *ret)
{
    struct shared_stats stats;
    const uint64_t *from = (const uint64_t *)&stats;
    uint64_t *to = (uint64_t *)ret;

    lock_acquire(&s->lock);
    stats = s->stats;
    stats.servers = 1;
    stats.open = s->breaker.open;
    stats.opened = s->breaker.opened;
    lock_release(&s->lock);
    for (size_t i = 0; i < sizeof stats / sizeof *from; i++)
        to[i] += from[i];
}

const struct address *server_address(const struct server *s)
{
    return &s->config.address;
}

/* ------------------------------------------------------ beginning and end */

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    lock_check(pthread_condattr_init(&attr));
    lock_check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    lock_check(pthread_cond_init(cond, &attr));
    lock_check(pthread_condattr_destroy(&attr));
}

/* The sender takes no signals, and nobody joins it: see server_free. */
static int start_sender(struct server *s, struct error *err)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    (void)sigfillset(&all);
    lock_check(pthread_sigmask(SIG_SETMASK, &all, &before));
    lock_check(pthread_attr_init(&attr));
    lock_check(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
    rc = pthread_create(&thread, &attr, sender_thread, s);
    lock_check(pthread_attr_destroy(&attr));
    lock_check(pthread_sigmask(SIG_SETMASK, &before, NULL));
    return rc == 0 ? 0 : error_set_sys(err, rc, "cannot start a thread");
}

struct server *server_new(const struct server_config *config, struct error *err)
{
    struct server *s = calloc(1, sizeof *s);

    if (!s) {
        (void)error_no_memory(err);
        return NULL;
    }
    s->config = *config;
    s->breaker.first_ms = config->pause_ms;
    address_print(&config->address, s->name);
    STAILQ_INIT(&s->parcels);
    lock_init(&s->lock);
    init_cond(&s->freed);
    init_cond(&s->wake);
    init_cond(&s->known);
    s->looked = places_find(&config->address, true, &s->places);
    s->users = 2;
    if (start_sender(s, err) == 0)
        return s;
    s->users = 1;
    server_unref(s);
    return NULL;
}

bool server_wait_known(struct server *s, uint64_t deadline_ms)
{
    bool known;

    lock_acquire(&s->lock);
    while (!s->looked && server_wait_locked(s, &s->known, deadline_ms))
        ;
    known = s->looked;
    lock_release(&s->lock);
    return known;
}

static void free_all(struct server *s)
{
    struct connection *c;
    struct parcel *p;

    while ((c = s->idle) != NULL) {
        s->idle = c->next;
        (void)close(c->fd);
        free(c);
    }
    while ((p = STAILQ_FIRST(&s->parcels)) != NULL) {
        STAILQ_REMOVE_HEAD(&s->parcels, link);
        free(p);
    }
    lock_check(pthread_cond_destroy(&s->freed));
    lock_check(pthread_cond_destroy(&s->wake));
    lock_check(pthread_cond_destroy(&s->known));
    lock_deinit(&s->lock);
    explicit_bzero(&s->config, sizeof s->config);
    free(s);
}

void server_unref(struct server *s)
{
    unsigned left;

    lock_acquire(&s->lock);
    left = --s->users;
    lock_check(pthread_cond_broadcast(&s->known));
    lock_release(&s->lock);
    if (left == 0)
        free_all(s);
}

/* The sender is done with whatever it does in less than LEAVE_MS, unless it
 * asks a name server, which can take half a minute and cannot be stopped. It
 * then frees the rest when that answers, if the process still lives, and uses
 * nothing of ours besides. */
void server_free(struct server *s)
{
    uint64_t deadline;

    if (!s)
        return;
    lock_acquire(&s->lock);
    s->stop = true;
    lock_check(pthread_cond_signal(&s->wake));
    deadline = link_now_ms() + (s->is_asking ? 0 : LEAVE_MS);
    while (s->users > 1 && server_wait_locked(s, &s->known, deadline))
        ;
    lock_release(&s->lock);
    server_unref(s);
}
