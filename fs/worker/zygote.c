// SPDX-License-Identifier: MIT
/* zygote.c: see zygote.h. */
#include "worker/zygote.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/packet.h"
#include "worker/wire.h"
#include "worker/zygote_child.h"

/* A fork or a kill takes milliseconds; a machine that swaps takes longer. */
enum { ANSWER_MS = 30000 };

int zygote_start(struct zygote *z, struct error *err)
{
    int ends[2];

    if (packet_pair(ends) < 0)
        return error_set_sys(err, errno, "socketpair: %s",
                             strerrordesc_np(errno));
    z->pid = fork();
    if (z->pid == 0)
        zygote_child(ends[1]);
    (void)close(ends[1]);
    if (z->pid < 0) {
        (void)error_set_sys(err, errno, "fork: %s", strerrordesc_np(errno));
        (void)close(ends[0]);
        return -1;
    }
    z->socket = ends[0];
    z->serial = 0;
    lock_init(&z->lock);
    return 0;
}

/* An answer to an order that was given up may still come; it is skipped. */
static bool ask_locked(struct zygote *z, struct zygote_order *order,
                       const int *fds, size_t n_fds, struct zygote_answer *ret)
    REQUIRES(z->lock)
{
    order->serial = ++z->serial;
    if (!packet_send(z->socket, order, sizeof *order, fds, n_fds))
        return false;
    do {
        if (packet_receive(z->socket, ANSWER_MS, ret, sizeof *ret, NULL) !=
            PACKET_READ)
            return false;
    } while (ret->serial != order->serial);
    return true;
}

static bool ask(struct zygote *z, struct zygote_order *order, const int *fds,
                size_t n_fds, struct zygote_answer *ret)
{
    bool done;

    lock_acquire(&z->lock);
    done = ask_locked(z, order, fds, n_fds, ret);
    lock_release(&z->lock);
    return done;
}

int zygote_spawn(struct zygote *z, int socket, int arena_fd,
                 uint64_t arena_bytes, uint64_t memory_bytes, pid_t *ret_pid,
                 struct error *err)
{
    struct zygote_order order = {.op = ZYGOTE_SPAWN,
                                 .arena_bytes = arena_bytes,
                                 .memory_bytes = memory_bytes};
    struct zygote_answer answer;
    int fds[] = {socket, arena_fd};

    if (!ask(z, &order, fds, 2, &answer))
        return error_set_sys(err, EIO,
                             "the process that starts workers is gone; "
                             "mount again");
    if (answer.errnum != 0)
        return error_set_sys(err, answer.errnum, "cannot start a worker: %s",
                             strerrordesc_np(answer.errnum));
    *ret_pid = answer.pid;
    return 0;
}

int zygote_end(struct zygote *z, pid_t pid)
{
    struct zygote_order order = {.op = ZYGOTE_END, .pid = pid};
    struct zygote_answer answer;

    return ask(z, &order, NULL, 0, &answer) ? answer.status : -1;
}

void zygote_stop(struct zygote *z)
{
    (void)close(z->socket);
    while (waitpid(z->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    lock_deinit(&z->lock);
}
