// SPDX-License-Identifier: MIT
/* breaker.c: see breaker.h. */
#include "breaker.h"

/* Mounts that lost a server together come back at different times: an eighth
 * more or less, of the clock's low bits. */
static uint64_t pause_of(const struct breaker *b, uint64_t now_ms)
{
    uint64_t ms = BREAKER_LONGEST_MS, spread;

    if (b->doubled < 6)
        ms = (uint64_t)(b->first_ms ? b->first_ms : BREAKER_FIRST_MS)
             << b->doubled;
    spread = (now_ms * 0x9E3779B97F4A7C15u >> 32) % (ms / 4);
    return ms - ms / 8 + spread;
}

static void open_it(struct breaker *b, uint64_t now_ms)
{
    b->open = true;
    b->until_ms = now_ms + pause_of(b, now_ms);
    b->answers = 0;
    if (b->doubled < 6)
        b->doubled++;
}

bool breaker_failed(struct breaker *b, uint64_t now_ms)
{
    b->failures++;
    b->answers = 0;
    if (b->open || b->failures < BREAKER_FAILURES)
        return false;
    open_it(b, now_ms);
    b->opened++;
    return true;
}

void breaker_answered(struct breaker *b)
{
    if (b->open) /* one that was asked before */
        return;
    b->failures = 0;
    if (++b->answers >= BREAKER_TRUSTED)
        b->doubled = 0;
}

bool breaker_is_due(const struct breaker *b, uint64_t now_ms)
{
    return b->open && now_ms >= b->until_ms;
}

void breaker_probed(struct breaker *b, bool answered, uint64_t now_ms)
{
    if (!answered) {
        open_it(b, now_ms);
        return;
    }
    b->open = false;
    b->failures = BREAKER_FAILURES - 1;
    b->answers = 0;
}
