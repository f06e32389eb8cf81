// SPDX-License-Identifier: MIT
/*
 * zygote_child.c: see zygote_child.h.
 *
 * Workers are reaped when they end, and their status is kept until the mount
 * asks for it. A process number is killed only while it stands in the table
 * unreaped, so it cannot have become another process.
 */
#include "worker/zygote_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/confine.h"
#include "worker/packet.h"
#include "worker/serve.h"
#include "worker/wire.h"
#include "worker/worker.h"

/* Twice: one that ended and one that takes its place. */
enum { CHILDREN_MAX = 2 * WORKERS_MAX };

struct child {
    pid_t pid; /* 0: free */
    bool ended;
    int status;
};

struct nursery {
    int socket;
    int ended; /* a signalfd for SIGCHLD */
    struct child children[CHILDREN_MAX];
};

/* ---- a process of its own ---- */

/* Signals for the mount must not end workers under its readers: they go when
 * the socket closes. What the processor raises is never held back. */
static void block_signals(void)
{
    static const int own[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                              SIGTRAP, SIGABRT, SIGSYS};
    sigset_t set;

    (void)sigfillset(&set);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        (void)signal(own[i], SIG_DFL);
        (void)sigdelset(&set, own[i]);
    }
    (void)signal(SIGCHLD, SIG_DFL); /* else there is nothing to wait for */
    (void)sigprocmask(SIG_SETMASK, &set, NULL);
}

static void close_from(int first)
{
    long most = sysconf(_SC_OPEN_MAX);

#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) == 0)
        return;
#endif
    for (int fd = first; fd < (most > 0 ? most : 1024); fd++)
        (void)close(fd);
}

/* Everything but descriptors 0 to 2 and `fd`, which becomes 3. */
static int keep_only(int fd)
{
    if (fd != 3) {
        (void)dup2(fd, 3);
        (void)close(fd);
    }
    close_from(4);
    (void)fcntl(3, F_SETFD, FD_CLOEXEC);
    return 3;
}

/* A sanitizer says on standard error what it found. But whoever reads a pipe
 * waits until all who could write to it are gone. */
static bool may_keep_stderr(void)
{
    struct stat st;

    return confine_is_off() && fstat(STDERR_FILENO, &st) == 0 &&
           !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode);
}

static void leave_terminal(void)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)setsid();
    (void)chdir("/");
    if (null_fd < 0)
        return;
    (void)dup2(null_fd, STDIN_FILENO);
    (void)dup2(null_fd, STDOUT_FILENO);
    if (!may_keep_stderr())
        (void)dup2(null_fd, STDERR_FILENO);
    (void)close(null_fd);
}

/* When memory runs out the kernel shall take a worker and not the mount. */
static void volunteer(void)
{
    FILE *f = fopen("/proc/self/oom_score_adj", "we");

    if (!f)
        return;
    (void)fputs("500", f);
    (void)fclose(f);
}

/* ---- workers ---- */

static struct child *find(struct nursery *n, pid_t pid)
{
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        if (n->children[i].pid == pid)
            return &n->children[i];
    }
    return NULL;
}

static void reap(struct nursery *n)
{
    struct signalfd_siginfo info;
    struct child *c;
    int status;
    pid_t pid;

    while (read(n->ended, &info, sizeof info) == (ssize_t)sizeof info)
        ;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        c = find(n, pid);
        if (!c)
            continue;
        c->ended = true;
        c->status = status;
    }
}

_Noreturn static void become_worker(const struct zygote_order *order,
                                    const int fds[2], pid_t parent)
{
    int arena;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) /* too late for the signal */
        _exit(EXIT_FAILURE);
    (void)prctl(PR_SET_NAME, "prepfs-worker", 0, 0, 0);
    arena = dup(fds[1]);
    (void)dup2(arena, 4);
    (void)dup2(fds[0], 3);
    close_from(5);
    serve(3, 4, order->arena_bytes, order->memory_bytes);
}

static int spawn(struct nursery *n, const struct zygote_order *order,
                 const int fds[2], pid_t *ret_pid)
{
    struct child *c = find(n, 0);
    pid_t self = getpid();
    pid_t pid;

    if (!c)
        return EAGAIN;
    pid = fork();
    if (pid == 0)
        become_worker(order, fds, self);
    if (pid < 0)
        return errno;
    *c = (struct child){.pid = pid};
    *ret_pid = pid;
    return 0;
}

/* How it ended by itself, if it did before the kill. */
static int end(struct nursery *n, pid_t pid)
{
    struct child *c = pid > 0 ? find(n, pid) : NULL;
    int status;

    if (!c)
        return -1;
    if (!c->ended) {
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, &c->status, 0) < 0) {
            if (errno != EINTR)
                break;
        }
    }
    status = c->status;
    *c = (struct child){0};
    return status;
}

/* ---- orders ---- */

static bool obey(struct nursery *n)
{
    struct zygote_order order;
    struct zygote_answer answer = {0};
    int fds[PACKET_FDS_MAX];

    if (packet_receive(n->socket, -1, &order, sizeof order, fds) != PACKET_READ)
        return false;
    answer.serial = order.serial;
    if (order.op == ZYGOTE_SPAWN) {
        answer.errnum = spawn(n, &order, fds, &answer.pid);
    } else {
        answer.status = end(n, order.pid);
    }
    for (size_t i = 0; i < PACKET_FDS_MAX; i++)
        (void)close(fds[i]);
    return packet_send(n->socket, &answer, sizeof answer, NULL, 0);
}

static void kill_all(const struct nursery *n)
{
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        if (n->children[i].pid > 0 && !n->children[i].ended)
            (void)kill(n->children[i].pid, SIGKILL);
    }
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

void zygote_child(int socket)
{
    static struct nursery nursery;
    struct nursery *n = &nursery;
    sigset_t child;

    block_signals();
    serve_prepare(); /* a path in DCMDICTPATH may be relative */
    leave_terminal();
    volunteer();
    (void)prctl(PR_SET_NAME, "prepfs-zygote", 0, 0, 0);
    n->socket = keep_only(socket);
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    n->ended = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);

    struct pollfd fds[] = {{.fd = n->socket, .events = POLLIN},
                           {.fd = n->ended, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[1].revents)
            reap(n);
        if (fds[0].revents && !obey(n))
            break;
    }
    kill_all(n);
    _exit(EXIT_SUCCESS);
}
