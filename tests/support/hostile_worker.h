// SPDX-License-Identifier: MIT
/*
 * hostile_worker.h: a worker that somebody has taken over, played from a
 * script by the thread that asks.
 *
 * It stands in for the zygote and its workers (--wrap, see
 * tests/fuzz/meson.build): it has the other end of the socket and the memory,
 * as a worker has, and whenever the mount has sent a request it does what the
 * script says next: writes anything anywhere into the memory, sends packets of
 * any kind, descriptors, nothing, or ends in any way. A second thread may go on
 * to write while the mount reads. What no script is left for is done as an
 * honest worker does it. Nobody waits: where nothing has come, time passes.
 *
 * Threads: one that asks.
 */
#ifndef SUPPORT_HOSTILE_WORKER_H
#define SUPPORT_HOSTILE_WORKER_H

#include <stddef.h>
#include <stdint.h>

/* What the next workers do; borrowed. */
void hostile_worker_play(const uint8_t *script, size_t size);

/* What an honest one answers to the request for a header; borrowed. A frame of
 * it is hostile_worker_sample everywhere. */
void hostile_worker_header(const uint8_t *flat, size_t length);
uint8_t hostile_worker_sample(void);

#endif
