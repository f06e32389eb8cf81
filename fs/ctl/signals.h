// SPDX-License-Identifier: MIT
/*
 * signals.h: ending a run when the user says so.
 *
 * After signals_catch the first SIGINT, SIGTERM or SIGHUP only sets
 * signals_cancelled, which long work looks at; the second ends the program as
 * if nobody had caught it.
 */
#ifndef CTL_SIGNALS_H
#define CTL_SIGNALS_H

#include <stdatomic.h>
#include <stdbool.h>

extern atomic_bool signals_cancelled;

void signals_catch(void);

/* Ends the program by the signal that was caught, so that a shell's loop ends
 * too; returns if there was none. */
void signals_pass_on(void);

#endif
