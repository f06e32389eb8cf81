// SPDX-License-Identifier: MIT
/*
 * filter.c: the system calls a worker may make.
 *
 * Written by hand: the list is short, has few conditions, and the format is
 * part of the kernel's ABI; libseccomp would be one more library in the
 * process that must be trusted. Machines are those that we know the audit
 * number of; others do without.
 *
 * What is not allowed fails with EPERM instead of killing: a C library that
 * asks for a little more in its next version (a file of locale, a name for a
 * mapping) then goes on without it, and a worker that was taken over gets no
 * further either way.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/confine.h"

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define MACHINE AUDIT_ARCH_PPC64LE
#else
#define MACHINE 0
#endif

/* Calls of x86-64 with 32-bit pointers carry this bit and the same machine. */
#define X32_BIT 0x40000000u

enum { CODE_MAX = 160 };

struct code {
    struct sock_filter at[CODE_MAX];
    unsigned short n;
};

#define ARGUMENT(i) ((unsigned)offsetof(struct seccomp_data, args[i]))
#define DENY (SECCOMP_RET_ERRNO | EPERM)

static void statement(struct code *c, unsigned short op, unsigned k)
{
    c->at[c->n++] = (struct sock_filter)BPF_STMT(op, k);
}

static void jump(struct code *c, unsigned short op, unsigned k,
                 unsigned char if_true, unsigned char if_false)
{
    c->at[c->n++] = (struct sock_filter)BPF_JUMP(op, k, if_true, if_false);
}

static void load(struct code *c, size_t offset)
{
    statement(c, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset);
}

static void allow(struct code *c, long number)
{
    jump(c, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1);
    statement(c, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

/* If argument `i` compares so with k; else denied. Low halves suffice: the
 * arguments meant here are ints to the kernel, and these machines are little
 * endian. */
static void allow_if(struct code *c, long number, int i, unsigned short compare,
                     unsigned k, bool wanted)
{
    jump(c, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 4);
    load(c, ARGUMENT(i));
    jump(c, BPF_JMP | compare | BPF_K, k, wanted ? 0 : 1, wanted ? 1 : 0);
    statement(c, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    statement(c, BPF_RET | BPF_K, DENY);
}

static void check_machine(struct code *c)
{
    load(c, offsetof(struct seccomp_data, arch));
    jump(c, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
    statement(c, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    load(c, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
    jump(c, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    statement(c, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
#endif
}

/* In the order of frequency. */
static void list(struct code *c)
{
    allow(c, SYS_recvmsg);
    allow(c, SYS_sendmsg);
    /* a file that came through the socket; its size came with it */
    allow(c, SYS_pread64);
    allow(c, SYS_close);
    /* memory, none of it executable */
    allow_if(c, SYS_mmap, 2, BPF_JSET, PROT_EXEC, false);
    allow(c, SYS_munmap);
    allow(c, SYS_brk);
    allow(c, SYS_madvise);
    allow(c, SYS_mremap);
    allow_if(c, SYS_mprotect, 2, BPF_JSET, PROT_EXEC, false);
    /* locks that nobody contends for, and time */
    allow(c, SYS_futex);
    allow(c, SYS_sched_yield);
    allow(c, SYS_clock_gettime);
    allow(c, SYS_gettimeofday);
    allow(c, SYS_getrandom); /* malloc's */
    allow(c, SYS_restart_syscall);
    /* saying why, and dying: abort(3) signals this process */
    allow_if(c, SYS_write, 0, BPF_JEQ, STDERR_FILENO, true);
    allow_if(c, SYS_writev, 0, BPF_JEQ, STDERR_FILENO, true);
    allow(c, SYS_rt_sigprocmask);
    allow(c, SYS_rt_sigreturn);
    allow(c, SYS_getpid);
    allow(c, SYS_gettid);
    allow_if(c, SYS_tgkill, 0, BPF_JEQ, (unsigned)getpid(), true);
    allow(c, SYS_exit);
    allow(c, SYS_exit_group);
}

bool filter_install(void)
{
    struct code c = {.n = 0};
    struct sock_fprog program;

    if (MACHINE == 0)
        return false;
    check_machine(&c);
    list(&c);
    statement(&c, BPF_RET | BPF_K, DENY);
    program = (struct sock_fprog){c.n, c.at};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}
