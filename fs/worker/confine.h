// SPDX-License-Identifier: MIT
/*
 * confine.h: a process gives away everything that decoding and parsing
 * do not need.
 *
 * What the kernel, or a container around us, refuses is left out and missing
 * in the result; the rest is done all the same. Sanitizers need system calls
 * and address space of their own: in their builds nothing of this is done.
 *
 * Threads: for a process with one thread.
 */
#ifndef WORKER_CONFINE_H
#define WORKER_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

/* Gives up new privileges and capabilities, core dumps, files, network, other
 * processes, descriptors from `descriptors` on, and memory beyond what is
 * mapped now and `memory_bytes`. Returns WORKERS_NO_SYSCALLS and its kind.
 * Cannot be taken back. */
unsigned confine(uint64_t memory_bytes, unsigned descriptors);

/* Is this a sanitizer's build? */
bool confine_is_off(void);

/* The seccomp part: from now on no system call but those that memory, an open
 * socket, reading what came through it and dying need; others fail with EPERM.
 * False if it cannot be had. */
bool filter_install(void);

#endif
