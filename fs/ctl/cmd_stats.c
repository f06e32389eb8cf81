// SPDX-License-Identifier: MIT
/* The counters of a mount, once as they are, or again and again as rates. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/progress.h"
#include "ctl/signals.h"
#include "ctl/watch.h"
#include "prepfs/cleanup.h"

static int cannot(const char *path, struct error *err)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return error_set(err, ERROR_NOT_FOUND,
                         "%s is not there: is prepfs mounted?", path);
    return error_set_sys(err, errno, "%s: %s", path, strerrordesc_np(errno));
}

/* A whole control file, malloc'd. */
static int read_control(const char *mountpoint, const char *name, char **ret,
                        struct error *err)
{
    CLEANUP_FREE char *path = NULL;
    size_t size = 0;
    ssize_t n;
    FILE *in;

    if (asprintf(&path, "%s/.prepfs/%s", mountpoint, name) < 0) {
        path = NULL;
        return error_no_memory(err);
    }
    in = fopen(path, "re");
    if (!in)
        return cannot(path, err);
    *ret = NULL;
    n = getdelim(ret, &size, '\0', in);
    if (n < 0)
        (void)cannot(path, err);
    (void)fclose(in);
    return n < 0 ? -1 : 0;
}

/* ---- again and again ---- */

static int look(const char *mountpoint, struct watch_sample *ret,
                struct error *err)
{
    CLEANUP_FREE char *json = NULL;
    CLEANUP_FREE char *top = NULL;

    if (read_control(mountpoint, "stats.json", &json, err) != 0 ||
        read_control(mountpoint, "top.tsv", &top, err) != 0 ||
        watch_parse(json, top, ret, err) != 0)
        return -1;
    ret->at = progress_now();
    return 0;
}

/* Sleeps; false if somebody wants us to end. */
static bool nap(unsigned seconds)
{
    for (unsigned i = 0; i < 10 * seconds; i++) {
        const struct timespec tenth = {.tv_nsec = 100 * 1000 * 1000};

        if (atomic_load(&signals_cancelled))
            return false;
        (void)nanosleep(&tenth, NULL);
    }
    return !atomic_load(&signals_cancelled);
}

/* On a terminal the lines are drawn over those before. */
static void show(const struct watch_sample *before,
                 const struct watch_sample *now, bool terminal, int *lines)
{
    if (!terminal) {
        watch_line(stdout, before, now);
    } else {
        if (*lines > 0)
            (void)printf("\033[%dA\033[J", *lines);
        *lines = watch_draw(stdout, before, now);
    }
    (void)fflush(stdout);
}

static int watch(const struct ctl_args *args, unsigned seconds,
                 struct error *err)
{
    bool terminal = isatty(STDOUT_FILENO) == 1;
    struct watch_sample before, now;
    int lines = 0;

    signals_catch();
    if (look(args->positional[0], &before, err) != 0)
        return -1;
    if (!terminal)
        (void)fputs(watch_columns, stdout);
    while (nap(seconds)) {
        if (look(args->positional[0], &now, err) != 0)
            return -1;
        show(&before, &now, terminal, &lines);
        before = now;
        if (ferror(stdout))
            return 0; /* told by ctl_finish_output */
    }
    return 0;
}

/* ---- the subcommand ---- */

static int print_once(const struct ctl_args *args, struct error *err)
{
    CLEANUP_FREE char *json = NULL;

    if (read_control(args->positional[0], "stats.json", &json, err) != 0)
        return -1;
    (void)fputs(json, stdout);
    return 0;
}

int cmd_stats(const struct ctl_args *args)
{
    struct error err = ERROR_INIT;
    unsigned seconds = 1;
    int rc = 0;

    if (args->values[CTL_EVERY])
        rc = ctl_number(args, CTL_EVERY, 1, 86400, &seconds, &err);
    if (rc == 0 && args->values[CTL_WATCH])
        rc = watch(args, seconds, &err);
    else if (rc == 0)
        rc = print_once(args, &err);
    if (rc != 0)
        return ctl_fail(args, &err);
    return ctl_finish_output(args);
}
