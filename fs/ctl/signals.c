// SPDX-License-Identifier: MIT
/* signals.c: see signals.h. */
#include "ctl/signals.h"

#include <signal.h>
#include <stddef.h>

/* All that the handler can reach. */
atomic_bool signals_cancelled;
static atomic_int caught;

static void on_signal(int number)
{
    atomic_store(&caught, number);
    atomic_store(&signals_cancelled, true);
    (void)signal(number, SIG_DFL);
}

void signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

void signals_pass_on(void)
{
    int number = atomic_load(&caught);

    if (number)
        (void)raise(number); /* its handler is gone by now */
}
