// SPDX-License-Identifier: MIT
/* rescan_socket.c: see rescan_socket.h. */
#include "rescan_socket.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prepfs/cleanup.h"
#include "rescan_socket_impl.h"

enum { TICK_MS = 100, REQUEST_MAX = 64, TEXT_MAX = 160 };

struct caller {
    int fd; /* -1: a free place */
    char request[REQUEST_MAX];
    size_t length;
    uint64_t ticket; /* 0: nothing asked yet */
    char told[TEXT_MAX];
};

struct rescan_socket {
    char *path;
    struct indexer *indexer;
    int fd, folder, stop_fd;
    bool is_bound, runs;
    pthread_t thread;
    struct caller callers[RESCAN_CALLERS_MAX]; /* the thread's */
};

/* ---- one caller ---- */

static void hang_up(struct caller *c)
{
    (void)close(c->fd);
    *c = (struct caller){.fd = -1};
}

/* Whoever does not read what he is told is given up. */
static void say(struct caller *c, const char *text)
{
    size_t n = strlen(text);

    if (c->fd >= 0 && send(c->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
        hang_up(c);
}

static void say_line(struct caller *c, const char *word, const char *text,
                     size_t length)
{
    char line[TEXT_MAX + ERROR_MSG_MAX];

    (void)snprintf(line, sizeof line - 1, "%s %.*s", word, (int)length, text);
    for (char *p = line; *p; p++)
        if (*p == '\n')
            *p = ' ';
    strcat(line, "\n");
    say(c, line);
}

static void end_with_failure(struct caller *c, const char *text)
{
    say_line(c, "failed", text, strlen(text));
    say(c, "done\n");
    if (c->fd >= 0)
        hang_up(c);
}

static void say_result(struct caller *c, const struct index_result *result)
{
    CLEANUP_FREE char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return;
    index_result_write(out, result);
    if (fclose(out) != 0)
        return;
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");

        say_line(c, "result", line, n);
        line += n + (line[n] == '\n');
    }
}

static void answer(struct rescan_socket *s, struct caller *c)
{
    struct indexer_answer a;
    char text[TEXT_MAX];

    if (indexer_answer(s->indexer, c->ticket, &a)) {
        if (a.failed) {
            end_with_failure(c, a.message);
            return;
        }
        say_result(c, &a.result);
        say(c, "done\n");
        if (c->fd >= 0)
            hang_up(c);
        return;
    }
    indexer_progress(s->indexer, text, sizeof text);
    if (!text[0] || strcmp(text, c->told) == 0)
        return;
    memcpy(c->told, text, sizeof c->told);
    say_line(c, "progress", text, strlen(text));
}

static void take_request(struct rescan_socket *s, struct caller *c)
{
    ssize_t n = recv(c->fd, c->request + c->length,
                     sizeof c->request - 1 - c->length, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->length += (size_t)n;
    c->request[c->length] = '\0';
    if (c->ticket)
        c->length = 0; /* chatter */
    else if (strcmp(c->request, "rescan\n") == 0)
        c->ticket = indexer_ask(s->indexer);
    else if (strchr(c->request, '\n') || c->length + 1 == sizeof c->request)
        end_with_failure(c, "only \"rescan\" can be asked for");
}

/* ---- all ---- */

/* The mode of the socket keeps others out; a folder may have been made by
 * somebody with other ideas. */
static bool may_ask(int fd)
{
    struct ucred who;
    socklen_t size = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
           (who.uid == 0 || who.uid == geteuid());
}

static void take_caller(struct rescan_socket *s)
{
    struct caller late = {
        .fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)};

    if (late.fd < 0)
        return;
    if (!may_ask(late.fd)) {
        end_with_failure(&late, "only root and who mounts may ask");
        return;
    }
    for (size_t i = 0; i < RESCAN_CALLERS_MAX; i++) {
        if (s->callers[i].fd < 0) {
            s->callers[i] = late;
            return;
        }
    }
    end_with_failure(&late, "too many ask at once");
}

static void *run(void *opaque)
{
    enum { STOP, LISTEN, FIRST };
    struct rescan_socket *s = opaque;
    struct pollfd p[FIRST + RESCAN_CALLERS_MAX];

    for (;;) {
        bool anybody = false;

        p[STOP] = (struct pollfd){.fd = s->stop_fd, .events = POLLIN};
        p[LISTEN] = (struct pollfd){.fd = s->fd, .events = POLLIN};
        for (size_t i = 0; i < RESCAN_CALLERS_MAX; i++) {
            p[FIRST + i] =
                (struct pollfd){.fd = s->callers[i].fd, .events = POLLIN};
            anybody = anybody || s->callers[i].fd >= 0;
        }
        if (poll(p, FIRST + RESCAN_CALLERS_MAX, anybody ? TICK_MS : -1) < 0 &&
            errno != EINTR)
            return NULL;
        if (p[STOP].revents)
            return NULL;
        for (size_t i = 0; i < RESCAN_CALLERS_MAX; i++) {
            struct caller *c = &s->callers[i];

            if (c->fd >= 0 && p[FIRST + i].revents)
                take_request(s, c);
            if (c->fd >= 0 && c->ticket)
                answer(s, c);
        }
        if (p[LISTEN].revents)
            take_caller(s);
    }
}

/* ---- from outside ---- */

static int bind_to(struct rescan_socket *s, struct error *err)
{
    struct sockaddr_un address;

    s->folder = socket_open_folder(s->path, err);
    if (s->folder < 0)
        return -1;
    socket_clean_folder(s->folder);
    s->fd = socket_new(err);
    if (s->fd < 0 ||
        socket_address(s->folder, socket_name(s->path), &address, err) < 0)
        return -1;
    /* Its mode is the socket's from the start, less the umask. */
    if (fchmod(s->fd, 0600) < 0 ||
        bind(s->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return error_set_sys(err, errno, "%s: %s", s->path,
                             strerrordesc_np(errno));
    s->is_bound = true;
    if (listen(s->fd, RESCAN_CALLERS_MAX) < 0)
        return error_set_sys(err, errno, "%s: %s", s->path,
                             strerrordesc_np(errno));
    return 0;
}

static int start(struct rescan_socket *s, struct error *err)
{
    int rc;

    if (!s->path)
        return error_no_memory(err);
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (s->stop_fd < 0)
        return error_set_sys(err, errno, "eventfd: %s", strerrordesc_np(errno));
    if (bind_to(s, err) < 0)
        return -1;
    rc = pthread_create(&s->thread, NULL, run, s);
    if (rc != 0)
        return error_set_sys(err, rc, "cannot start a thread: %s",
                             strerrordesc_np(rc));
    s->runs = true;
    return 0;
}

struct rescan_socket *
rescan_socket_new(const char *path, struct indexer *indexer, struct error *err)
{
    struct rescan_socket *s = calloc(1, sizeof *s);

    if (!s) {
        (void)error_no_memory(err);
        return NULL;
    }
    s->fd = s->folder = s->stop_fd = -1;
    for (size_t i = 0; i < RESCAN_CALLERS_MAX; i++)
        s->callers[i].fd = -1;
    s->indexer = indexer;
    s->path = strdup(path);
    if (start(s, err) == 0)
        return s;
    rescan_socket_free(s);
    return NULL;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void rescan_socket_free(struct rescan_socket *s)
{
    if (!s)
        return;
    if (s->runs) {
        (void)eventfd_write(s->stop_fd, 1);
        lock_check(pthread_join(s->thread, NULL));
    }
    if (s->is_bound)
        (void)unlinkat(s->folder, socket_name(s->path), 0);
    for (size_t i = 0; i < RESCAN_CALLERS_MAX; i++)
        if (s->callers[i].fd >= 0)
            end_with_failure(&s->callers[i], "the mount ends");
    close_fd(s->fd);
    close_fd(s->folder);
    close_fd(s->stop_fd);
    free(s->path);
    free(s);
}
