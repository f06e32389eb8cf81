// SPDX-License-Identifier: MIT
/* slot.c: see slot.h. */
#include "worker/slot.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "prepfs/cleanup.h"
#include "worker/packet.h"

enum {
    HELLO_MS = 30000,
    WALL_FACTOR = 8, /* processor time may be this many times slower */
    NAP_MS = 10,     /* at least, between two looks at the clock */
    /* Most tasks are done by then. The clock is not looked at before: that
     * takes two system calls. */
    GRACE_MS = 250
};

/* Most frames fit it. */
static const uint64_t arena_least = UINT64_C(16) << 20;

void slot_init(struct slot *s)
{
    *s = (struct slot){.arena = ARENA_INIT, .socket = -1};
}

/* ---- coming and going ---- */

uint64_t slot_arena_bytes(uint64_t bytes)
{
    uint64_t size = arena_least;

    while (size < bytes && size < UINT64_MAX / 4)
        size *= 2;
    return size;
}

static int greet(struct slot *s, struct error *err)
{
    struct worker_hello hello;

    if (packet_receive(s->socket, HELLO_MS, &hello, sizeof hello, NULL) !=
            PACKET_READ ||
        hello.magic != WORKER_MAGIC)
        return error_set_sys(err, EIO, "a worker did not start");
    s->confinement = hello.confinement;
    return 0;
}

static int start(struct slot *s, struct zygote *z,
                 const struct slot_needs *needs, struct error *err)
{
    CLEANUP_FD int theirs = -1;
    uint64_t bytes = slot_arena_bytes(needs->arena_bytes);
    int ends[2];

    if (arena_init(&s->arena, (size_t)bytes, err) != 0)
        return -1;
    if (packet_pair(ends) < 0)
        return error_set_sys(err, errno, "socketpair: %s",
                             strerrordesc_np(errno));
    s->socket = ends[0];
    theirs = ends[1];
    if (!packet_set_patience(s->socket, GRACE_MS))
        return error_set_sys(err, errno, "setsockopt: %s",
                             strerrordesc_np(errno));
    if (zygote_spawn(z, theirs, s->arena.fd, bytes, needs->memory_bytes,
                     &s->pid, err) != 0)
        return -1;
    s->memory_bytes = needs->memory_bytes;
    /* or a worker that dies before its hello would not be noticed */
    (void)close(cleanup_steal_fd(&theirs));
    return greet(s, err);
}

int slot_fill(struct slot *s, struct zygote *z, const struct slot_needs *needs,
              bool *ret_started, struct error *err)
{
    *ret_started = false;
    if (s->socket >= 0 && s->arena.size >= needs->arena_bytes &&
        s->memory_bytes >= needs->memory_bytes && packet_is_quiet(s->socket))
        return 0;
    (void)slot_empty(s, z);
    if (start(s, z, needs, err) != 0) {
        (void)slot_empty(s, z);
        return -1;
    }
    *ret_started = true;
    return 0;
}

int slot_empty(struct slot *s, struct zygote *z)
{
    int status = s->pid > 0 ? zygote_end(z, s->pid) : -1;

    if (s->socket >= 0)
        (void)close(s->socket);
    arena_deinit(&s->arena);
    slot_init(s);
    return status;
}

/* ---- one task ---- */

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec t;

    if (clock_gettime(clock, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* What a worker had used of its time when the clock was first looked at. */
struct stopwatch {
    clockid_t processor;
    bool has_processor;
    uint64_t wall_ms, processor_ms;
};

static void stopwatch_start(struct stopwatch *w, pid_t pid)
{
    w->has_processor = clock_getcpuclockid(pid, &w->processor) == 0;
    w->processor_ms = w->has_processor ? clock_ms(w->processor) : 0;
    w->wall_ms = clock_ms(CLOCK_MONOTONIC);
}

/* Milliseconds of it that are certainly left; 0: used up. */
static uint64_t stopwatch_left(const struct stopwatch *w, uint64_t limit_ms)
{
    uint64_t used = (clock_ms(CLOCK_MONOTONIC) - w->wall_ms) / WALL_FACTOR;
    uint64_t now = w->has_processor ? clock_ms(w->processor) : 0;

    if (now > w->processor_ms && now - w->processor_ms > used)
        used = now - w->processor_ms;
    return used < limit_ms ? limit_ms - used : 0;
}

static enum packet_outcome wait_for(struct slot *s, unsigned seconds,
                                    struct worker_reply *ret)
{
    uint64_t limit_ms = (uint64_t)seconds * 1000, left = limit_ms;
    enum packet_outcome outcome =
        packet_receive(s->socket, -1, ret, sizeof *ret, NULL);
    struct stopwatch watch;

    if (outcome != PACKET_TIMEOUT)
        return outcome;
    stopwatch_start(&watch, s->pid);
    do {
        outcome = packet_receive(s->socket, left < NAP_MS ? NAP_MS : (int)left,
                                 ret, sizeof *ret, NULL);
        if (outcome != PACKET_TIMEOUT)
            return outcome;
        left = stopwatch_left(&watch, limit_ms);
    } while (left > 0);
    return PACKET_TIMEOUT;
}

bool slot_send(struct slot *s, const struct worker_request *request, int fd)
{
    return packet_send(s->socket, request, sizeof *request, &fd, fd >= 0);
}

enum slot_outcome slot_wait(struct slot *s, const struct slot_limits *limits,
                            struct worker_reply *ret)
{
    enum packet_outcome outcome = wait_for(s, limits->seconds, ret);

    switch (outcome) {
    case PACKET_READ:
        return ret->magic == WORKER_MAGIC ? SLOT_REPLIED : SLOT_NONSENSE;
    case PACKET_TIMEOUT:
        return SLOT_TIMEOUT;
    case PACKET_CLOSED:
        return SLOT_ENDED;
    case PACKET_NONSENSE:
        break;
    }
    return SLOT_NONSENSE;
}

bool slot_must_go(enum slot_outcome outcome, const struct worker_reply *reply)
{
    return outcome != SLOT_REPLIED ||
           (reply->rc != 0 && reply->err.kind == ERROR_NO_MEMORY);
}
