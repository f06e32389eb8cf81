// SPDX-License-Identifier: MIT
/* fault_cases.c: see fault_cases.h. */
#include "support/fault_cases.h"

#include <check.h>
#include <string.h>

const struct fault_case fault_cases[FAULT_CASES] = {
    {"SIGSEGV", FAULT_SEGV, ERROR_CORRUPT, "signal 11", true, true},
    {"SIGABRT", FAULT_ABORT, ERROR_CORRUPT, "signal 6", true, false},
    {"exit", FAULT_EXIT, ERROR_CORRUPT, "status 7", true, false},
    {"SIGKILL", FAULT_KILLED, ERROR_IO, "signal 9", true, false},
    {"endless loop", FAULT_LOOP, ERROR_CORRUPT, "within 1 s", true, false},
    {"endless sleep", FAULT_SLEEP, ERROR_CORRUPT, "within 1 s", true, false},
    {"8 GiB", FAULT_MEMORY, ERROR_CORRUPT, "1024 MiB", true, true},
    {"a short reply", FAULT_NONSENSE, ERROR_CORRUPT, "nonsense", true, false},
    {"control characters", FAULT_TEXT, ERROR_CORRUPT, "????", false, false},
    /* of headers alone */
    {"nothing written", FAULT_GARBAGE, ERROR_CORRUPT, "nonsense", true, false},
    {"too much written", FAULT_HUGE, ERROR_TOO_BIG, "256 MiB", true, false},
};

unsigned fault_case_seconds(const struct fault_case *c)
{
    return c->fault == FAULT_LOOP || c->fault == FAULT_SLEEP ? 1 : 0;
}

void fault_case_check(const struct fault_case *c, const struct error *err)
{
    ck_assert_msg(err->kind == c->kind, "%s: %s", c->name, err->msg);
    ck_assert_msg(strstr(err->msg, c->text) != NULL, "%s: %s", c->name,
                  err->msg);
    for (const char *p = err->msg; *p; p++)
        ck_assert_msg(*p >= ' ' && *p < 127, "%s", err->msg);
}
