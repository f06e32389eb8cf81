// SPDX-License-Identifier: MIT
/*
 * log.c: see log.h.
 *
 * The table of failures seen is direct mapped by a hash of the text: it never
 * grows, and a collision only means that a line is written again.
 */
#include "log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

/* Is it the stream that systemd has opened for us? Its device and inode are in
 * the environment, for who is started with another one inherits that too. */
static bool is_journal(FILE *out)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;

    return out && stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
           fstat(fileno(out), &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void log_init(struct log *log, FILE *out, enum log_level level)
{
    memset(log, 0, sizeof *log);
    lock_init(&log->lock);
    log->out = out;
    log->journal = is_journal(out);
    log->level = level;
    log->tokens = LOG_BURST;
}

void log_deinit(struct log *log)
{
    lock_deinit(&log->lock);
}

void log_to_syslog(struct log *log)
{
    openlog("prepfs", LOG_PID, LOG_DAEMON);
    lock_acquire(&log->lock);
    log->out = NULL;
    lock_release(&log->lock);
}

static int syslog_priority(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return LOG_ERR;
    case LOG_LEVEL_WARNING:
        return LOG_WARNING;
    case LOG_LEVEL_INFO:
        return LOG_INFO;
    case LOG_LEVEL_DEBUG:
        return LOG_DEBUG;
    }
    return LOG_ERR;
}

/* A text from a file must not break the line or colour the terminal. */
static void make_printable(char *text)
{
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
}

void log_vline(struct log *log, enum log_level level, const char *fmt,
               va_list ap)
{
    char text[1024];
    FILE *out;

    if (level > log->level)
        return;
    (void)vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    make_printable(text);
    lock_acquire(&log->lock);
    out = log->out;
    lock_release(&log->lock);
    if (out && log->journal)
        (void)fprintf(out, "<%d>%s\n", syslog_priority(level), text);
    else if (out)
        (void)fprintf(out, "prepfs: %s\n", text);
    else
        syslog(syslog_priority(level), "%s", text);
}

void log_line(struct log *log, enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vline(log, level, fmt, ap);
    va_end(ap);
}

static uint64_t hash_text(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h ? h : 1;
}

static bool take_token_locked(struct log *log, uint64_t now_ms)
    REQUIRES(log->lock)
{
    if (now_ms > log->tokens_ms) {
        log->tokens +=
            (double)(now_ms - log->tokens_ms) * LOG_PER_SECOND / 1000.0;
        log->tokens_ms = now_ms;
    }
    if (log->tokens > LOG_BURST)
        log->tokens = LOG_BURST;
    if (log->tokens < 1)
        return false;
    log->tokens -= 1;
    return true;
}

/* 0 and *ret_suppressed, or -1 if the line must not be written. */
static int admit_locked(struct log *log, uint64_t now_ms, uint64_t hash,
                        uint64_t *ret_suppressed) REQUIRES(log->lock)
{
    size_t slot = hash % LOG_SEEN_MAX;

    if ((log->seen[slot].hash == hash &&
         now_ms - log->seen[slot].at_ms < LOG_REPEAT_MS) ||
        !take_token_locked(log, now_ms)) {
        log->suppressed++;
        return -1;
    }
    log->seen[slot].hash = hash;
    log->seen[slot].at_ms = now_ms;
    *ret_suppressed = log->suppressed;
    log->suppressed = 0;
    return 0;
}

bool log_failure(struct log *log, uint64_t now_ms, const char *text)
{
    uint64_t suppressed = 0;
    int rc;

    lock_acquire(&log->lock);
    rc = admit_locked(log, now_ms, hash_text(text), &suppressed);
    lock_release(&log->lock);
    if (rc < 0)
        return false;
    if (suppressed)
        log_line(log, LOG_LEVEL_WARNING,
                 "%s (and %" PRIu64 " lines like this left out)", text,
                 suppressed);
    else
        log_line(log, LOG_LEVEL_WARNING, "%s", text);
    return true;
}

uint64_t log_now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
