// SPDX-License-Identifier: MIT
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/progress.h"
#include "ctl/signals.h"
#include "prepfs/cleanup.h"
#include "rescan_socket.h"

/* `.prepfs/socket` of a mount: a path and a newline. Caller owns. */
static char *find_socket(const char *mount, struct error *err)
{
    CLEANUP_FREE char *name = NULL;
    char *path = NULL;
    size_t size = 0;
    FILE *in;

    if (asprintf(&name, "%s/.prepfs/socket", mount) < 0) {
        name = NULL;
        (void)error_no_memory(err);
        return NULL;
    }
    in = fopen(name, "re");
    if (!in) {
        (void)error_set(err, ERROR_NOT_FOUND, "%s: %s: is prepfs mounted?",
                        name, strerrordesc_np(errno));
        return NULL;
    }
    if (getline(&path, &size, in) > 0)
        path[strcspn(path, "\n")] = '\0';
    (void)fclose(in);
    if (path && *path)
        return path;
    free(path);
    (void)error_set(err, ERROR_NOT_FOUND, "%s is empty", name);
    return NULL;
}

static int ask(int fd, struct error *err)
{
    static const char request[] = "rescan\n";

    if (send(fd, request, strlen(request), MSG_NOSIGNAL) !=
        (ssize_t)strlen(request))
        return error_set_sys(err, errno, "cannot ask the mount: %s",
                             strerrordesc_np(errno));
    return 0;
}

static const char *after(const char *line, const char *word)
{
    size_t n = strlen(word);

    return strncmp(line, word, n) == 0 ? line + n : NULL;
}

/* 1: the last line; 0; -1. */
static int take_line(const char *line, struct progress *progress, bool quiet,
                     struct error *err)
{
    const char *text;

    if ((text = after(line, "progress ")))
        progress_text(progress, text);
    else if ((text = after(line, "failed ")))
        return error_set(err, ERROR_IO, "%s", text);
    else if (strcmp(line, "done") == 0)
        return 1;
    else if ((text = after(line, "result ")) && !quiet) {
        progress_clear(progress);
        (void)printf("%s\n", text);
    }
    return 0;
}

static int read_answer(int fd, struct progress *progress, bool quiet,
                       struct error *err)
{
    char buffer[4096];
    size_t length = 0;

    while (!atomic_load(&signals_cancelled)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n;
        char *end;

        if (poll(&p, 1, 500) <= 0)
            continue;
        n = recv(fd, buffer + length, sizeof buffer - length, 0);
        if (n <= 0)
            return error_set(err, ERROR_IO, "the mount ended");
        length += (size_t)n;
        while ((end = memchr(buffer, '\n', length))) {
            *end = '\0';
            int rc = take_line(buffer, progress, quiet, err);

            if (rc != 0)
                return rc < 0 ? -1 : 0;
            length -= (size_t)(end + 1 - buffer);
            memmove(buffer, end + 1, length);
        }
        if (length == sizeof buffer)
            return error_set(err, ERROR_IO, "the mount says nonsense");
    }
    return error_set(err, ERROR_INTERRUPTED,
                     "interrupted; the mount goes on looking");
}

static int rescan(const struct ctl_args *args, struct progress *progress,
                  struct error *err)
{
    CLEANUP_FREE char *path = find_socket(args->positional[0], err);
    CLEANUP_FD int fd = path ? rescan_socket_connect(path, err) : -1;

    if (fd < 0 || ask(fd, err) < 0)
        return -1;
    return read_answer(fd, progress, args->values[CTL_QUIET] != NULL, err);
}

int cmd_rescan(const struct ctl_args *args)
{
    struct error err = ERROR_INIT;
    struct progress progress;

    progress_init(&progress, args->program, args->values[CTL_QUIET] != NULL);
    signals_catch();
    int rc = rescan(args, &progress, &err);

    progress_clear(&progress);
    if (rc != 0)
        return ctl_fail(args, &err);
    return ctl_finish_output(args);
}
