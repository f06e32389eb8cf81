// SPDX-License-Identifier: MIT
/* progress.c: see progress.h. */
#include "ctl/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TERMINAL_S 0.1
#define PLAIN_S 10.0

enum { BAR_WIDTH = 24 };

double progress_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_init(struct progress *p, const char *program, bool quiet)
{
    double now = progress_now();

    *p = (struct progress){
        .program = program,
        .quiet = quiet,
        .terminal = isatty(STDERR_FILENO) == 1,
        .started = now,
        .shown = now,
    };
}

void progress_clear(struct progress *p)
{
    if (p->drawn)
        (void)fputs("\r\033[K", stderr);
    p->drawn = false;
}

/* True when it is time; the line before is gone then. */
static bool begin(struct progress *p)
{
    double now = progress_now();

    if (p->quiet || now - p->shown < (p->terminal ? TERMINAL_S : PLAIN_S))
        return false;
    p->shown = now;
    progress_clear(p);
    return true;
}

static void end(struct progress *p)
{
    if (!p->terminal)
        (void)fputc('\n', stderr);
    p->drawn = p->terminal;
    (void)fflush(stderr);
}

static void print_left(double seconds)
{
    unsigned long s = seconds < 1e9 ? (unsigned long)seconds : 1000000000ul;

    if (s < 60)
        (void)fprintf(stderr, ", %lu s left", s);
    else if (s < 3600)
        (void)fprintf(stderr, ", %lu min left", (s + 59) / 60);
    else
        (void)fprintf(stderr, ", %lu h %02lu min left", s / 3600,
                      s % 3600 / 60);
}

void progress_text(struct progress *p, const char *text)
{
    if (!begin(p))
        return;
    (void)fputs(text, stderr);
    end(p);
}

void progress_index(struct progress *p, const struct index_progress *index)
{
    char text[160];

    index_progress_text(index, text, sizeof text);
    progress_text(p, text);
}

static void print_bar(const struct progress_count *c)
{
    char bar[BAR_WIDTH + 1];
    size_t full = (size_t)(c->done * BAR_WIDTH / c->total);

    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', full < BAR_WIDTH ? full : BAR_WIDTH);
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "[%s] ", bar);
}

void progress_files(struct progress *p, const struct progress_count *c)
{
    double elapsed, rate;

    if (!begin(p))
        return;
    elapsed = p->shown - p->started;
    rate = elapsed > 0.0 ? (double)c->done / elapsed : 0.0;
    if (p->terminal && c->total > 0)
        print_bar(c);
    (void)fprintf(stderr, "%" PRIu64, c->done);
    if (c->total > 0)
        (void)fprintf(stderr, " of %" PRIu64, c->total);
    (void)fprintf(stderr, " files, %.1f/s", rate);
    if (c->failed > 0)
        (void)fprintf(stderr, ", %" PRIu64 " failed", c->failed);
    if (c->total > c->done && rate > 0.0)
        print_left((double)(c->total - c->done) / rate);
    end(p);
}

void progress_message(struct progress *p, const char *fmt, ...)
{
    va_list ap;

    progress_clear(p);
    (void)fprintf(stderr, "%s: ", p->program);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
}
