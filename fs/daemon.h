// SPDX-License-Identifier: MIT
/*
 * daemon.h: going into the background without hiding what goes wrong.
 *
 * The fork comes first, before threads, databases and decoders. The parent
 * then waits: the child indexes, mounts, sees the mount answer, and tells
 * the parent, which prints the message and exits with the status. A child
 * that dies without a word is a failure too.
 *
 *     parent:  fork --- wait for pipe ------------------- exit(status)
 *     child:      \--- open, index, mount, probe --- tell --- serve
 *
 * Until then the child has the terminal, and the signals that the parent
 * gets from elsewhere are passed on.
 *
 * Threads: one at a time.
 */
#ifndef FS_DAEMON_H
#define FS_DAEMON_H

#include <stdbool.h>

#include "prepfs/error.h"

enum { /* exit statuses, those of mount(8) */
       DAEMON_OK = 0,
       DAEMON_USAGE = 1,
       DAEMON_FAILED = 32
};

struct daemon {
    int fd; /* to the parent; -1: there is none, or it has been told */
};

/* Makes sure that descriptors 0 to 2 are taken, so that nothing important
 * is ever opened as one of them. */
int daemon_keep_standard_fds(void);

/* Forks unless `foreground`. 0 in the process that goes on, with *d filled;
 * 1 in the parent, when all is over, with its exit status; -1. */
int daemon_split(struct daemon *d, bool foreground, int *ret_status,
                 struct error *err);

/*
 * Tells the parent how it went; `message` (may be NULL) goes to the parent's
 * standard error. With DAEMON_OK the process leaves the terminal, session and
 * folder behind. In the foreground the message is printed here.
 */
void daemon_tell(struct daemon *d, int status, const char *message);

/*
 * Tells a service manager how we are, as sd_notify(3) does: lines such as
 * READY=1, STATUS=a text, STOPPING=1. Does nothing without one, and waits some
 * seconds for one that is busy. Threads: any.
 */
void daemon_notify_manager(const char *state);

/* The text that `systemctl status` shows; dropped if nobody reads it. */
void daemon_notify_status(const char *text);

#endif
