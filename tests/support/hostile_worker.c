// SPDX-License-Identifier: MIT
/*
 * hostile_worker.c: see hostile_worker.h.
 *
 * A script is the greeting (one byte, and what it takes) and then operations
 * of one byte each, with what they take; it goes on from request to request.
 */
#undef NDEBUG
#include "support/hostile_worker.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "worker/packet.h"
#include "worker/wire.h"
#include "worker/zygote.h"

int __wrap_zygote_start(struct zygote *z, struct error *err);
void __wrap_zygote_stop(struct zygote *z);
int __wrap_zygote_spawn(struct zygote *z, int socket, int arena_fd,
                        uint64_t arena_bytes, uint64_t memory_bytes,
                        pid_t *ret_pid, struct error *err);
int __wrap_zygote_end(struct zygote *z, pid_t pid);
bool __real_packet_send(int fd, const void *packet, size_t size, const int *fds,
                        size_t n_fds);
bool __wrap_packet_send(int fd, const void *packet, size_t size, const int *fds,
                        size_t n_fds);
enum packet_outcome __real_packet_receive(int fd, int ms, void *ret,
                                          size_t size, int *ret_fds);
enum packet_outcome __wrap_packet_receive(int fd, int ms, void *ret,
                                          size_t size, int *ret_fds);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

enum { SAMPLE = 0x5A, PID = 1000000, ROUNDS = 2000 };

/* ---- the script ---- */

static const uint8_t *script;
static size_t script_left;

static uint8_t next(void)
{
    if (script_left == 0)
        return 0;
    script_left--;
    return *script++;
}

static uint64_t next_number(unsigned bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | next();
    return v;
}

/* At most `n` bytes of it. */
static size_t next_bytes(const uint8_t **ret, size_t n)
{
    n = n < script_left ? n : script_left;
    *ret = script;
    script += n;
    script_left -= n;
    return n;
}

void hostile_worker_play(const uint8_t *bytes, size_t size)
{
    script = bytes;
    script_left = size;
}

/* ---- the worker ---- */

static struct {
    int socket, arena_fd;
    uint8_t *arena;
    size_t size;
    int status; /* how it ended, as of wait(2) */
} self = {-1, -1, NULL, 0, 0};

static const uint8_t *flat;
static size_t flat_length;

void hostile_worker_header(const uint8_t *bytes, size_t length)
{
    flat = bytes;
    flat_length = length;
}

uint8_t hostile_worker_sample(void)
{
    return SAMPLE;
}

/* ---- one that goes on to write ---- */

static _Atomic(uint8_t *) target; /* NULL: rests */
static atomic_bool is_writing;
static pthread_mutex_t writer_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t writer_wanted = PTHREAD_COND_INITIALIZER;

/* For as long as a header is read, and no longer: there are other processes. */
static void *write_on(void *opaque)
{
    (void)opaque;
    for (;;) {
        uint8_t *at;

        (void)pthread_mutex_lock(&writer_lock);
        while (!atomic_load(&target))
            (void)pthread_cond_wait(&writer_wanted, &writer_lock);
        (void)pthread_mutex_unlock(&writer_lock);
        atomic_store(&is_writing, true);
        at = atomic_load(&target);
        for (int i = 0; at && i < ROUNDS; i++, at = atomic_load(&target))
            atomic_fetch_xor_explicit((_Atomic uint8_t *)at, 0xFF,
                                      memory_order_relaxed);
        atomic_store(&target, NULL);
        atomic_store(&is_writing, false);
    }
    return NULL;
}

static void writer_start(uint8_t *at)
{
    static bool is_there;
    pthread_t thread;

    if (!is_there) {
        assert(pthread_create(&thread, NULL, write_on, NULL) == 0);
        assert(pthread_detach(thread) == 0);
    }
    is_there = true;
    (void)pthread_mutex_lock(&writer_lock);
    atomic_store(&target, at);
    (void)pthread_cond_signal(&writer_wanted);
    (void)pthread_mutex_unlock(&writer_lock);
}

static void writer_stop(void)
{
    atomic_store(&target, NULL);
    while (atomic_load(&is_writing))
        (void)sched_yield();
}

/* ---- packets ---- */

/* Never waits: what does not fit is lost. */
static void send_packet(const void *packet, size_t size, size_t n_fds)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(8 * sizeof(int))];
    } control;
    struct iovec part = {(void *)(uintptr_t)packet, size};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};

    if (n_fds > 0) {
        int fds[8] = {0};
        struct cmsghdr *c;

        memset(&control, 0, sizeof control);
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        for (size_t i = 0; i < n_fds; i++)
            fds[i] = self.arena_fd;
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    (void)sendmsg(self.socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void die(int status)
{
    writer_stop();
    if (self.socket < 0)
        return;
    self.status = status;
    (void)close(self.socket);
    self.socket = -1;
}

/* ---- the memory ---- */

/* Where the result of a request belongs, and how much of it there may be. */
static uint8_t *area_of(const struct worker_request *r, size_t *ret_size)
{
    uint64_t offset =
        r->op == WORKER_FRAME ? r->frame.out_offset : r->header.area_offset;
    uint64_t size =
        r->op == WORKER_FRAME ? r->frame.out_bytes : r->header.area_bytes;

    /* Requests are the mount's: a wrong one is a finding. */
    assert(offset <= self.size && size <= self.size - offset);
    *ret_size = (size_t)size;
    return self.arena + offset;
}

static void write_at(uint8_t *area, size_t size, size_t place,
                     const uint8_t *bytes, size_t n)
{
    if (size == 0)
        return;
    writer_stop(); /* only the mount reads what it writes */
    place %= size;
    memcpy(area + place, bytes, n < size - place ? n : size - place);
}

/* What only its own memory allows; all of it must be refused or harmless. */
static void meddle(uint8_t how)
{
    if (how % 4 == 0)
        (void)!ftruncate(self.arena_fd, (off_t)(how * 4096));
    else if (how % 4 == 1)
        (void)fallocate(self.arena_fd,
                        FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        (off_t)(how * 4096), 16 * 4096);
    else
        (void)fcntl(self.arena_fd, F_ADD_SEALS,
                    how % 4 == 2 ? F_SEAL_WRITE : F_SEAL_FUTURE_WRITE);
}

/* ---- requests ---- */

static void honest_result(const struct worker_request *r,
                          struct worker_reply *reply)
{
    size_t size;
    uint8_t *area = area_of(r, &size);

    *reply = (struct worker_reply){.magic = WORKER_MAGIC};
    if (r->op == WORKER_FRAME) {
        memset(area, SAMPLE, size);
        return;
    }
    reply->bytes = flat_length;
    if (flat_length <= size)
        memcpy(area, flat, flat_length);
}

static void change_reply(struct worker_reply *reply)
{
    size_t place = (size_t)next_number(2) % sizeof *reply;
    const uint8_t *bytes;
    size_t n = next_bytes(&bytes, 1 + next() % 16u);

    write_at((uint8_t *)reply, sizeof *reply, place, bytes, n);
}

static void fail(struct worker_reply *reply)
{
    const uint8_t *text;
    size_t n;

    reply->rc = -1;
    reply->err.kind = (enum error_kind)next();
    reply->err.sys_errno = (int)next_number(2);
    n = next_bytes(&text, next());
    n = n < ERROR_MSG_MAX ? n : ERROR_MSG_MAX;
    memset(reply->err.msg, 0, ERROR_MSG_MAX);
    memcpy(reply->err.msg, text, n);
}

static void change_area(uint8_t *area, size_t size)
{
    size_t place = (size_t)next_number(2);
    const uint8_t *bytes;
    size_t n = next_bytes(&bytes, 1 + next() % 16u);

    write_at(area, size, place, bytes, n);
}

/* False: nothing more is done about this request. */
static bool act(const struct worker_request *r, struct worker_reply *reply)
{
    size_t size, n;
    uint8_t *area = area_of(r, &size);
    const uint8_t *bytes;

    switch (next() % 12) {
    case 0: /* done */
        send_packet(reply, sizeof *reply, 0);
        return false;
    case 1:
        change_area(area, size);
        return true;
    case 2: /* all of a header */
        n = next_bytes(&bytes, (size_t)next_number(2));
        write_at(area, size, 0, bytes, n);
        reply->bytes = n;
        return true;
    case 3:
        change_reply(reply);
        return true;
    case 4:
        fail(reply);
        return true;
    case 5: /* one more than was asked for */
        send_packet(reply, sizeof *reply, 0);
        return true;
    case 6:
        n = next_bytes(&bytes, next());
        send_packet(bytes, n, 0);
        return true;
    case 7:
        send_packet(reply, sizeof *reply, 1 + next() % 6u);
        return true;
    case 8:
        reply->bytes = next_number(8);
        return true;
    case 9:
        die((int)next_number(4));
        return false;
    case 10:
        meddle(next());
        return true;
    default:
        if (next() % 8 == 0)
            return false; /* silence */
        writer_start(area + (size ? (size_t)next_number(2) % size : 0));
        return true;
    }
}

static void take_request(void)
{
    struct worker_request request;
    struct worker_reply reply;
    int fds[PACKET_FDS_MAX];
    bool more;

    if (self.socket < 0 ||
        __real_packet_receive(self.socket, 0, &request, sizeof request, fds) !=
            PACKET_READ)
        return;
    assert(request.magic == WORKER_MAGIC && fds[1] < 0);
    assert((request.op == WORKER_HEADER) == (fds[0] >= 0));
    if (fds[0] >= 0)
        (void)close(fds[0]);
    writer_stop();
    honest_result(&request, &reply);
    do
        more = act(&request, &reply);
    while (more);
}

static void greet(void)
{
    struct worker_hello hello = {WORKER_MAGIC, 7};
    uint8_t how = next();

    if (how < 224) {
        send_packet(&hello, sizeof hello, 0);
        return;
    }
    hello.confinement = next();
    if (how % 4 == 0)
        hello.magic = (uint32_t)next_number(4);
    if (how % 4 != 1)
        send_packet(&hello, how % 4 == 2 ? next() % sizeof hello : sizeof hello,
                    how % 4 == 3 ? 1 + next() % 6u : 0);
    if (how % 8 >= 4)
        die((int)next_number(4));
}

/* ---- in place of what the mount calls ---- */

int __wrap_zygote_start(struct zygote *z, struct error *err)
{
    (void)err;
    z->socket = -1;
    return 0;
}

void __wrap_zygote_stop(struct zygote *z)
{
    (void)z;
}

int __wrap_zygote_spawn(struct zygote *z, int socket, int arena_fd,
                        uint64_t arena_bytes, uint64_t memory_bytes,
                        pid_t *ret_pid, struct error *err)
{
    (void)z;
    (void)memory_bytes;
    (void)err;
    assert(!self.arena);
    self.socket = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    self.arena_fd = fcntl(arena_fd, F_DUPFD_CLOEXEC, 0);
    self.size = (size_t)arena_bytes;
    self.arena = mmap(NULL, self.size, PROT_READ | PROT_WRITE, MAP_SHARED,
                      self.arena_fd, 0);
    assert(self.socket >= 0 && self.arena_fd >= 0 && self.arena != MAP_FAILED);
    self.status = 9; /* killed, unless it ends by itself */
    *ret_pid = PID;
    greet();
    return 0;
}

int __wrap_zygote_end(struct zygote *z, pid_t pid)
{
    (void)z;
    assert(pid == PID && self.arena);
    die(self.status);
    (void)munmap(self.arena, self.size);
    (void)close(self.arena_fd);
    self.arena = NULL;
    self.arena_fd = -1;
    return self.status;
}

bool __wrap_packet_send(int fd, const void *packet, size_t size, const int *fds,
                        size_t n_fds)
{
    bool sent = __real_packet_send(fd, packet, size, fds, n_fds);

    take_request();
    return sent;
}

/* ---- time ---- */

static uint64_t seconds;

enum packet_outcome __wrap_packet_receive(int fd, int ms, void *ret,
                                          size_t size, int *ret_fds)
{
    char byte;

    if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN) {
        seconds += 10;
        return PACKET_TIMEOUT;
    }
    return __real_packet_receive(fd, ms, ret, size, ret_fds);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
    *ret = (struct timespec){
        .tv_sec = clock == CLOCK_MONOTONIC ? (time_t)seconds : 0};
    return 0;
}
