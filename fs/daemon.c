// SPDX-License-Identifier: MIT
/* daemon.c: see daemon.h. */
#include "daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prepfs/cleanup.h"

enum { MESSAGE_MAX = 1024, NOTIFY_SECONDS = 5 };

int daemon_keep_standard_fds(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -1;
    (void)close(fd);
    return 0;
}

/* ---- the parent ---- */

static void passed_on(sigset_t *ret)
{
    (void)sigemptyset(ret);
    (void)sigaddset(ret, SIGINT);
    (void)sigaddset(ret, SIGTERM);
    (void)sigaddset(ret, SIGHUP);
}

/* What the terminal sent to us it has sent to the child as well. */
static void pass_on(int signals, pid_t child)
{
    struct signalfd_siginfo info;

    if (read(signals, &info, sizeof info) == (ssize_t)sizeof info &&
        info.ssi_code != SI_KERNEL)
        (void)kill(child, (int)info.ssi_signo);
}

/* How a child ended that said nothing. */
static int silent_end(pid_t child)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        (void)fprintf(stderr,
                      "prepfs: ended by signal %d (%s) before the "
                      "mount was ready\n",
                      WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        (void)fprintf(stderr,
                      "prepfs: ended with status %d before the mount was "
                      "ready\n",
                      WEXITSTATUS(status));
    return DAEMON_FAILED;
}

/* The first byte is the status, the rest the message. */
static int finish(const char *text, size_t n, pid_t child)
{
    if (n == 0)
        return silent_end(child);
    if (n > 1)
        (void)fprintf(stderr, "prepfs: %.*s\n", (int)(n - 1), text + 1);
    return (unsigned char)text[0];
}

static int wait_for(int from, pid_t child, int signals)
{
    struct pollfd fds[] = {{.fd = from, .events = POLLIN},
                           {.fd = signals, .events = POLLIN}};
    char text[MESSAGE_MAX];
    size_t used = 0;
    ssize_t n = 1;

    while (n > 0 && used < sizeof text) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[1].revents & POLLIN)
            pass_on(signals, child);
        if (!fds[0].revents)
            continue;
        n = read(from, text + used, sizeof text - used);
        used += n > 0 ? (size_t)n : 0;
    }
    return finish(text, used, child);
}

static int parent(int from, pid_t child, const sigset_t *set)
{
    CLEANUP_FD int signals = signalfd(-1, set, SFD_CLOEXEC);

    return wait_for(from, child, signals);
}

int daemon_split(struct daemon *d, bool foreground, int *ret_status,
                 struct error *err)
{
    sigset_t set, before;
    int fds[2];
    pid_t pid;

    d->fd = -1;
    if (foreground)
        return 0;
    passed_on(&set);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_set_sys(err, errno, "pipe: %s", strerrordesc_np(errno));
    (void)sigprocmask(SIG_BLOCK, &set, &before);
    pid = fork();
    if (pid < 0)
        return error_set_sys(err, errno, "fork: %s", strerrordesc_np(errno));
    if (pid > 0) {
        (void)close(fds[1]);
        *ret_status = parent(fds[0], pid, &set);
        (void)close(fds[0]);
        return 1;
    }
    (void)close(fds[0]);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    d->fd = fds[1];
    return 0;
}

/* ---- the child ---- */

/* No terminal, no folder that could not be unmounted, no inherited pipe that
 * somebody waits on. */
static void leave_terminal(void)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)setsid();
    if (chdir("/") < 0 || null_fd < 0)
        return;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        (void)dup2(null_fd, fd);
    (void)close(null_fd);
}

void daemon_tell(struct daemon *d, int status, const char *message)
{
    char text[MESSAGE_MAX];
    size_t n;

    if (d->fd < 0) {
        if (message)
            (void)fprintf(stderr, "prepfs: %s\n", message);
        return;
    }
    if (status == DAEMON_OK)
        leave_terminal();
    text[0] = (char)status;
    (void)snprintf(text + 1, sizeof text - 1, "%s", message ? message : "");
    n = 1 + strlen(text + 1);
    if (write(d->fd, text, n) < 0 && status != DAEMON_OK && message)
        (void)fprintf(stderr, "prepfs: %s\n", message); /* no parent */
    (void)close(d->fd);
    d->fd = -1;
}

/* A manager that is busy is waited for, for as long as `seconds`; 0: not. */
static void notify(const char *state, int seconds)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = seconds};
    int flags = MSG_NOSIGNAL | (seconds == 0 ? MSG_DONTWAIT : 0);
    size_t n = path ? strlen(path) : 0;
    CLEANUP_FD int fd = -1;

    if (n < 2 || n >= sizeof address.sun_path ||
        (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, n);
    if (path[0] == '@') /* an abstract name */
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    (void)sendto(fd, state, strlen(state), flags,
                 (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}

void daemon_notify_manager(const char *state)
{
    notify(state, NOTIFY_SECONDS);
}

/* Many of them come, and none is worth waiting for. */
void daemon_notify_status(const char *text)
{
    char state[256];

    (void)snprintf(state, sizeof state, "STATUS=%s", text);
    notify(state, 0);
}
