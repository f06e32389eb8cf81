// SPDX-License-Identifier: MIT
/*
 * sender.c: the thread of a server for which no reader waits.
 *
 * It finds out where the server is, tries it again when it was left alone,
 * and sends what is to be kept there: many sets one after another, and then
 * "version", whose answer says that all before it was done.
 */
#include "server_impl.h"

#include "wire.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    QUEUE_BYTES = 8 << 20,
    PUT_MS = 200, /* that a put waits for room */
    BATCH = 32,
    BATCH_BYTES = 2 << 20,
    SEND_MS = 2000, /* that a batch may take */
    IDLE_MS = 60000 /* that a connection is kept without use */
};

/* What the thread alone knows. */
struct sender {
    struct server *s;
    int fd; /* -1: not connected */
    bool used;
};

static size_t bytes_of(const struct parcel *p)
{
    return sizeof *p + p->size;
}

/* -------------------------------------------------------------- the queue */

static struct parcel *parcel_new(const struct cache_key *key, size_t size)
{
    struct parcel *p = malloc(sizeof *p + size);

    if (!p)
        return NULL;
    value_name(key, p->name);
    p->size = size;
    return p;
}

/* Is there room, now or in a moment? */
static bool has_room_locked(struct server *s) REQUIRES(s->lock)
{
    uint64_t deadline = link_now_ms() + PUT_MS;

    while (!s->stop && !s->breaker.open && s->waiting > QUEUE_BYTES)
        if (!server_wait_locked(s, &s->known, deadline))
            return false;
    return !s->stop && !s->breaker.open;
}

static void put(struct server *s, struct parcel *p)
{
    bool taken;

    lock_acquire(&s->lock);
    taken = p && has_room_locked(s);
    if (taken) {
        STAILQ_INSERT_TAIL(&s->parcels, p, link);
        s->waiting += bytes_of(p);
        lock_check(pthread_cond_signal(&s->wake));
    } else {
        s->stats.dropped++;
    }
    lock_release(&s->lock);
    if (!taken)
        free(p);
}

void server_put(struct server *s, const struct cache_stored *block)
{
    struct value_head head;
    struct parcel *p =
        parcel_new(&block->key, sizeof head + block->stored_size);

    if (p) {
        value_head_make(&head, block);
        memcpy(p->value, &head, sizeof head);
        memcpy(p->value + sizeof head, block->stored, block->stored_size);
    }
    put(s, p);
}

void server_forget(struct server *s, const struct cache_key *key)
{
    put(s, parcel_new(key, 0));
}

void server_flush(struct server *s, uint64_t deadline_ms)
{
    lock_acquire(&s->lock);
    while (s->waiting > 0 && !s->breaker.open &&
           server_wait_locked(s, &s->known, deadline_ms))
        ;
    lock_release(&s->lock);
}

uint64_t server_memory(struct server *s)
{
    uint64_t bytes;

    lock_acquire(&s->lock);
    bytes = s->waiting + s->stats.connections * sizeof(struct connection);
    lock_release(&s->lock);
    return bytes;
}

/* ---------------------------------------------------------------- talking */

static void count_connection(struct server *s, int by)
{
    lock_acquire(&s->lock);
    s->stats.connections += (uint64_t)by;
    lock_release(&s->lock);
}

static void hang_up(struct sender *t)
{
    if (t->fd < 0)
        return;
    (void)close(t->fd);
    t->fd = -1;
    count_connection(t->s, -1);
}

/* Sends, and reads on until "version" is answered. -1 with errno. */
static int talk(struct sender *t, struct iovec *parts, int n,
                uint64_t deadline_ms, struct wire_replies *ret)
{
    enum wire_state state = WIRE_MORE;
    uint8_t room[4096];

    if (link_send(t->fd, parts, n, deadline_ms) < 0)
        return -1;
    while (state == WIRE_MORE) {
        ssize_t got = link_receive(t->fd, room, sizeof room, deadline_ms);

        if (got < 0)
            return -1;
        state = wire_replies_feed(ret, room, (size_t)got);
    }
    errno = EPROTO;
    return state == WIRE_DONE ? 0 : -1;
}

static int connect_sender(struct sender *t, uint64_t deadline_ms)
{
    if (t->fd >= 0)
        return 0;
    t->used = false;
    t->fd = server_connect(t->s, deadline_ms);
    if (t->fd < 0)
        return -1;
    count_connection(t->s, 1);
    return 0;
}

/* -------------------------------------------------------------- a batch */

struct batch {
    struct parcels parcels;
    size_t n, bytes;
    char lines[BATCH][WIRE_SET_MAX];
    struct iovec parts[3 * BATCH + 1];
    struct wire_replies replies;
};

static void batch_take_locked(struct server *s, struct batch *b)
    REQUIRES(s->lock)
{
    struct parcel *p;

    STAILQ_INIT(&b->parcels);
    b->n = b->bytes = 0;
    while (b->n < BATCH && b->bytes < BATCH_BYTES &&
           (p = STAILQ_FIRST(&s->parcels)) != NULL) {
        STAILQ_REMOVE_HEAD(&s->parcels, link);
        STAILQ_INSERT_TAIL(&b->parcels, p, link);
        b->bytes += bytes_of(p);
        b->n++;
    }
}

static int batch_parts(struct batch *b)
{
    static char end[] = "\r\n", version[] = WIRE_VERSION;
    struct parcel *p;
    size_t i = 0;
    int n = 0;

    STAILQ_FOREACH(p, &b->parcels, link)
    {
        char *line = b->lines[i++];

        if (p->size == 0) {
            b->parts[n++] = (struct iovec){line, wire_delete(line, p->name)};
            continue;
        }
        b->parts[n++] = (struct iovec){line, wire_set(line, p->name, p->size)};
        b->parts[n++] = (struct iovec){p->value, p->size};
        b->parts[n++] = (struct iovec){end, 2};
    }
    b->parts[n++] = (struct iovec){version, strlen(version)};
    return n;
}

static int batch_try(struct sender *t, struct batch *b, uint64_t deadline_ms)
{
    int saved;

    b->replies = (struct wire_replies){0};
    if (connect_sender(t, deadline_ms) < 0)
        return -1;
    if (talk(t, b->parts, batch_parts(b), deadline_ms, &b->replies) == 0)
        return 0;
    saved = errno;
    hang_up(t);
    errno = saved;
    return -1;
}

/* A connection that was kept may have ended meanwhile: that is no failure. */
static int batch_send(struct sender *t, struct batch *b)
{
    uint64_t deadline = link_now_ms() + SEND_MS;
    bool was_used = t->fd >= 0 && t->used;
    int rc = batch_try(t, b, deadline);

    if (rc < 0 && was_used && errno != ETIMEDOUT)
        rc = batch_try(t, b, deadline);
    t->used = true;
    return rc;
}

static void batch_free(struct batch *b)
{
    struct parcel *p;

    while ((p = STAILQ_FIRST(&b->parcels)) != NULL) {
        STAILQ_REMOVE_HEAD(&b->parcels, link);
        free(p);
    }
}

static void send_batch(struct sender *t, struct batch *b)
{
    struct server *s = t->s;
    int rc = batch_send(t, b);

    server_judge(s, rc == 0 ? 0 : errno);
    batch_free(b);
    lock_acquire(&s->lock);
    if (rc == 0) {
        s->stats.written += b->replies.stored;
        s->stats.refused += b->replies.refused;
        s->stats.bytes_written += b->bytes;
    } else {
        s->stats.dropped += b->n;
    }
    s->waiting -= b->bytes;
    lock_check(pthread_cond_broadcast(&s->known));
    lock_release(&s->lock);
}

/* --------------------------------------------------------- when it is down */

static void drop_all_locked(struct server *s) REQUIRES(s->lock)
{
    struct parcel *p;

    while ((p = STAILQ_FIRST(&s->parcels)) != NULL) {
        STAILQ_REMOVE_HEAD(&s->parcels, link);
        s->waiting -= bytes_of(p);
        s->stats.dropped++;
        free(p);
    }
    lock_check(pthread_cond_broadcast(&s->known));
}

/* It may have moved. What was known stays known if nobody knows better. */
static void find_places(struct server *s)
{
    struct places places;
    bool found;

    lock_acquire(&s->lock);
    s->is_asking = true;
    lock_release(&s->lock);
    found = places_find(&s->config.address, false, &places);
    lock_acquire(&s->lock);
    s->is_asking = false;
    s->looked = true;
    if (found)
        s->places = places;
    lock_check(pthread_cond_broadcast(&s->known));
    lock_release(&s->lock);
}

/* It is nowhere: so it is left alone, and looked for again before a probe. */
static void find_first(struct server *s)
{
    bool known;

    find_places(s);
    lock_acquire(&s->lock);
    known = s->places.n > 0 || s->stop;
    lock_release(&s->lock);
    for (int i = 0; !known && i < BREAKER_FAILURES; i++)
        server_judge(s, EHOSTUNREACH);
}

static bool is_stopped(struct server *s)
{
    bool stop;

    lock_acquire(&s->lock);
    stop = s->stop;
    lock_release(&s->lock);
    return stop;
}

/* In the time that a reader would have given it. */
static void probe(struct sender *t)
{
    char version[] = WIRE_VERSION;
    struct iovec part = {version, strlen(version)};
    struct wire_replies replies = {0};
    struct server *s = t->s;
    uint64_t deadline;
    bool answered;

    hang_up(t);
    find_places(s);
    if (is_stopped(s))
        return;
    deadline = link_now_ms() + s->config.time_ms;
    answered = connect_sender(t, deadline) == 0 &&
               talk(t, &part, 1, deadline, &replies) == 0;
    if (!answered)
        hang_up(t);
    lock_acquire(&s->lock);
    breaker_probed(&s->breaker, answered, link_now_ms());
    lock_release(&s->lock);
}

/* -------------------------------------------------------------- the thread */

/* Connections that nobody has used for a while; the longest idle are last. */
static struct connection *take_stale_locked(struct server *s) REQUIRES(s->lock)
{
    struct connection **at = &s->idle, *stale;
    uint64_t now = link_now_ms();

    while (*at && now - (*at)->idle_ms < IDLE_MS)
        at = &(*at)->next;
    stale = *at;
    *at = NULL;
    return stale;
}

static void close_stale(struct server *s)
{
    struct connection *stale, *next;

    lock_acquire(&s->lock);
    stale = take_stale_locked(s);
    lock_release(&s->lock);
    for (; stale; stale = next) {
        next = stale->next;
        server_drop(s, stale);
    }
}

enum duty { DUTY_END, DUTY_FIND, DUTY_PROBE, DUTY_SEND, DUTY_TIDY };

/* Waits for something to do; DUTY_SEND: *ret has it. */
static enum duty next_duty(struct server *s, struct batch *ret)
{
    enum duty duty = DUTY_TIDY;
    uint64_t now = link_now_ms();

    lock_acquire(&s->lock);
    if (s->breaker.open)
        drop_all_locked(s);
    if (!s->stop && s->looked && !breaker_is_due(&s->breaker, now) &&
        STAILQ_EMPTY(&s->parcels))
        (void)server_wait_locked(
            s, &s->wake, s->breaker.open ? s->breaker.until_ms : now + IDLE_MS);
    if (s->stop) {
        duty = DUTY_END;
    } else if (!s->looked) {
        duty = DUTY_FIND;
    } else if (s->breaker.open) {
        duty =
            breaker_is_due(&s->breaker, link_now_ms()) ? DUTY_PROBE : DUTY_TIDY;
    } else if (!STAILQ_EMPTY(&s->parcels)) {
        duty = DUTY_SEND;
        batch_take_locked(s, ret);
    }
    lock_release(&s->lock);
    return duty;
}

void *sender_thread(void *opaque)
{
    struct sender t = {.s = opaque, .fd = -1};
    struct batch batch;
    enum duty duty = DUTY_TIDY;

    while (duty != DUTY_END) {
        duty = next_duty(t.s, &batch);
        if (duty == DUTY_FIND)
            find_first(t.s);
        else if (duty == DUTY_PROBE)
            probe(&t);
        else if (duty == DUTY_SEND)
            send_batch(&t, &batch);
        else
            close_stale(t.s);
    }
    hang_up(&t);
    server_unref(t.s);
    return NULL;
}
