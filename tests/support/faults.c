// SPDX-License-Identifier: MIT
/* faults.c: see faults.h. */
#include "support/faults.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "decode/decode.h"
#include "dicom/dicom.h"
#include "worker/packet.h"
#include "worker/wire.h"

enum { WORKER_SOCKET = 3 };

int __real_dicom_header_read(const struct dicom_source *source,
                             struct dicom_header *ret, struct error *err);
int __wrap_dicom_header_read(const struct dicom_source *source,
                             struct dicom_header *ret, struct error *err);

int __real_decode_frame(const struct decode_desc *desc, const uint8_t *bytes,
                        size_t length, unsigned first_bit,
                        const struct image *out, struct error *err);
int __wrap_decode_frame(const struct decode_desc *desc, const uint8_t *bytes,
                        size_t length, unsigned first_bit,
                        const struct image *out, struct error *err);

void fault_mark(uint8_t bytes[FAULTS_BYTES], enum fault fault)
{
    memcpy(bytes, FAULTS_MARK, FAULTS_BYTES - 2);
    bytes[FAULTS_BYTES - 2] = (uint8_t)fault;
    bytes[FAULTS_BYTES - 1] = 0;
}

static volatile uint32_t counter;
static volatile uintptr_t nowhere;

_Noreturn static void loop(void)
{
    for (;;)
        counter++;
}

/* With the one call that sleeps and is allowed. */
_Noreturn static void sleep_for_ever(void)
{
    static uint32_t word;

    for (;;)
        (void)syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
}

static void work_slowly(void)
{
    clock_t end = clock() + CLOCKS_PER_SEC / 2;

    while (clock() < end)
        counter++;
}

static int grow(struct error *err)
{
    for (int i = 0; i < 128; i++) {
        uint8_t *p = malloc((size_t)64 << 20);

        if (!p)
            return error_no_memory(err);
        memset(p, i, (size_t)64 << 20);
        nowhere = (uintptr_t)p;
    }
    return 0;
}

static bool can_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static void probe(uint8_t *can)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    can[PROBE_OPEN] = open("/etc/passwd", O_RDONLY) >= 0;
    can[PROBE_WRITE_FILE] =
        open("/tmp/prepfs-fault", O_CREAT | O_WRONLY, 0600) >= 0;
    can[PROBE_SOCKET] = socket(AF_INET, SOCK_STREAM, 0) >= 0;
    can[PROBE_FORK] = can_fork();
    can[PROBE_EXEC] = false; /* it would not come back */
    (void)execl("/bin/true", "true", (char *)NULL);
    can[PROBE_KILL] = kill(getppid(), 0) == 0;
    can[PROBE_PTRACE] = ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
    can[PROBE_EXECUTABLE] = p != MAP_FAILED;
    can[PROBE_DUP] = dup(WORKER_SOCKET) >= 0;
    can[PROBE_MEMFD] = memfd_create("x", 0) >= 0;
    can[PROBE_PRCTL] = prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

/* Of a request that has not been answered: the next reply is one too many. */
static void lie(uint64_t bytes)
{
    struct worker_reply reply = {.magic = WORKER_MAGIC, .bytes = bytes};

    (void)packet_send(WORKER_SOCKET, &reply, sizeof reply, NULL, 0);
}

static int commit(enum fault fault, const struct image *out, struct error *err)
{
    int32_t pid = getpid();

    switch (fault) {
    case FAULT_SEGV:
        *(volatile uint32_t *)nowhere = 1;
        break;
    case FAULT_ABORT:
        abort();
    case FAULT_EXIT:
        _exit(7);
    case FAULT_KILLED:
        (void)raise(SIGKILL);
        break;
    case FAULT_LOOP:
        loop();
    case FAULT_SLEEP:
        sleep_for_ever();
    case FAULT_MEMORY:
        return grow(err);
    case FAULT_NONSENSE:
        (void)packet_send(WORKER_SOCKET, "what?", 5, NULL, 0);
        break;
    case FAULT_TEXT:
        err->kind = (enum error_kind)77;
        memset(err->msg, '\x1b', sizeof err->msg); /* no end either */
        return -1;
    case FAULT_PROBE:
        probe(out->data);
        break;
    case FAULT_PID:
        memcpy(out->data, &pid, sizeof pid);
        break;
    case FAULT_SLOW:
        work_slowly();
        break;
    case FAULT_GARBAGE:
        lie(1000);
        break;
    case FAULT_HUGE:
        lie(UINT64_MAX);
        break;
    }
    return 0;
}

int __wrap_decode_frame(const struct decode_desc *desc, const uint8_t *bytes,
                        size_t length, unsigned first_bit,
                        const struct image *out, struct error *err)
{
    if (length < FAULTS_BYTES ||
        memcmp(bytes, FAULTS_MARK, FAULTS_BYTES - 2) != 0)
        return __real_decode_frame(desc, bytes, length, first_bit, out, err);
    return commit((enum fault)bytes[FAULTS_BYTES - 2], out, err);
}

static int tell(const uint8_t *bytes, size_t n, struct error *err)
{
    char text[2 * PROBES + 1] = "";

    for (size_t i = 0; i < n && i < PROBES; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return error_set(err, ERROR_UNSUPPORTED, "%s", text);
}

int __wrap_dicom_header_read(const struct dicom_source *source,
                             struct dicom_header *ret, struct error *err)
{
    uint8_t head[FAULTS_BYTES], said[PROBES] = {0};
    struct image out = {.data = said};
    enum fault fault;

    if (dicom_source_read(source, 0, head, sizeof head, NULL) != 0 ||
        memcmp(head, FAULTS_MARK, FAULTS_BYTES - 2) != 0)
        return __real_dicom_header_read(source, ret, err);
    fault = (enum fault)head[FAULTS_BYTES - 2];
    if (commit(fault, &out, err) != 0)
        return -1;
    if (fault == FAULT_PROBE || fault == FAULT_PID)
        return tell(said, sizeof said, err);
    return __real_dicom_header_read(source, ret, err);
}
