// SPDX-License-Identifier: MIT
/*
 * fault_cases.h: what each fault (faults.h) costs whoever asked, and what he
 * is told. For tests of fs/worker; failures are those of Check.
 */
#ifndef SUPPORT_FAULT_CASES_H
#define SUPPORT_FAULT_CASES_H

#include <stdbool.h>

#include "prepfs/error.h"
#include "support/faults.h"

struct fault_case {
    const char *name;
    enum fault fault;
    enum error_kind kind;
    const char *text; /* somewhere in the message */
    bool is_lost;
    bool wants_limits; /* which sanitizer builds do without */
};

/* Those of frames come first. */
enum { FAULT_CASES = 11, FAULT_CASES_OF_FRAMES = 9 };

extern const struct fault_case fault_cases[FAULT_CASES];

/* The limit of time to use: only what never ends may meet it, since touching a
 * gigabyte takes more than a second where other programs run. 0: default. */
unsigned fault_case_seconds(const struct fault_case *c);

/* Is that the error, and can it be printed? */
void fault_case_check(const struct fault_case *c, const struct error *err);

#endif
