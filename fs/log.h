// SPDX-License-Identifier: MIT
/*
 * log.h: one line per event, to the terminal or to the system log.
 *
 * A line goes to standard error while there is somebody to read it, and to
 * syslog(3) once the daemon is on its own. Where standard error is the journal
 * of a service (systemd.exec(5), JOURNAL_STREAM) a line begins with its level,
 * "<4>", and the journal adds the name. Lines say what happened and to
 * which view and instance number; never a patient's name or a UID's owner.
 *
 * Threads: struct log is internally locked.
 */
#ifndef FS_LOG_H
#define FS_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "prepfs/lock.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

enum {
    LOG_SEEN_MAX = 256,        /* failures remembered */
    LOG_REPEAT_MS = 60 * 1000, /* the same one again: after this long */
    LOG_BURST = 50,            /* lines at once */
    LOG_PER_SECOND = 10        /* and then */
};

struct log {
    struct lock lock;
    FILE *out;            /* borrowed; NULL: syslog */
    bool journal;         /* `out` is a stream of the journal */
    enum log_level level; /* least important that is written */
    /* of log_failure; guarded by lock */
    struct {
        uint64_t hash;
        uint64_t at_ms;
    } seen[LOG_SEEN_MAX];
    uint64_t tokens_ms; /* when the bucket was last filled */
    double tokens;
    uint64_t suppressed; /* lines not written since the last that was */
};

void log_init(struct log *log, FILE *out, enum log_level level);
void log_deinit(struct log *log);

/* From now on to the system log. */
void log_to_syslog(struct log *log);

__attribute__((format(printf, 3, 4))) void
log_line(struct log *log, enum log_level level, const char *fmt, ...);
__attribute__((format(printf, 3, 0))) void
log_vline(struct log *log, enum log_level level, const char *fmt, va_list ap);

/*
 * A failure that a loop over a broken archive may repeat a million times:
 * the same text is written once a minute, and all of them together no faster
 * than LOG_PER_SECOND after a burst. What was left out is counted in the
 * next line. Returns whether the line was written. `now_ms` is any clock
 * that does not go back.
 */
bool log_failure(struct log *log, uint64_t now_ms, const char *text);

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t log_now_ms(void);

#endif
