// SPDX-License-Identifier: MIT
/*
 * worker.h: frames decoded and headers parsed in processes of their own.
 *
 * Codecs and parsers read what a stranger wrote. Here they run in a worker: a
 * process that can open nothing, has no network, no other memory than it is
 * allowed, and that may crash, grow or loop without anyone but the reader of
 * that frame or file noticing. The reader gets the reason; the next one gets a
 * new worker.
 *
 *     mount process                          as many as threads
 *     ┌───────────────────┐     request       ┌───────┐
 *     │ workers_decode    ├──────────────────►│ serve │   × N
 *     │ workers_parse     │◄──────────────────┤       │
 *     └────────┬──────────┘      reply        └───▲───┘
 *              │                                  │
 *              │   arena (memfd), shared:         │
 *              │   a frame's bytes in, samples    │ fork, wait, kill
 *              │   out; what a header says out    │
 *              │                                  │
 *              │ spawn, end       ┌────────┐      │
 *              └─────────────────►│ zygote ├──────┘
 *                                 └────────┘
 *                      one thread, forked at the start
 *
 * Why a zygote: a process with threads must not fork and go on (a lock that
 * another thread holds stays locked for ever in the child), and starting the
 * program anew would cost the loading of every library and could meet other
 * versions of them. The zygote is forked while there is one thread, does
 * nothing but fork, wait and kill, and reads nothing of the archive.
 *
 * A file to be parsed is opened by the mount, beneath its archive; the worker
 * gets the descriptor with the request, and can have one at a time.
 *
 * What a worker writes is hostile: a reply has one size, its text is made
 * printable, samples are copied out of the arena before anyone looks at them,
 * and a header is put together anew of what dicom_unflatten lets through. So a
 * worker that was taken over can lie about the frames and files that it is
 * given from then on, and read those files, and do nothing else.
 *
 * Threads: struct workers is internally locked; workers_start forks and wants
 * to be called while the process has one thread.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/decode.h"
#include "dicom/dicom_parsed.h"
#include "prepfs/error.h"

struct workers;

enum {
    WORKERS_MAX = 256,
    WORKERS_SECONDS = 60 /* default limits */
};
#define WORKERS_MEMORY ((uint64_t)1 << 30)

struct workers_config {
    unsigned count; /* 1 .. WORKERS_MAX */
    /* What a worker may have of its own beyond what it started with; 0:
     * WORKERS_MEMORY. For frames larger than a twelfth of it, 12 times the
     * frame: OpenJPEG needs about 9 bytes for a sample of one. */
    uint64_t memory_bytes;
    /* Processor time of one frame or file, 0: WORKERS_SECONDS. Time that passes
     * while the worker does not get a processor counts an eighth. */
    unsigned seconds;
};

/*
 * Starts the zygote and all workers; returns when they are ready. After
 * dicom_global_init. The zygote keeps no descriptor of this process but its
 * own; standard input and output are /dev/null in it, and so is standard error
 * outside of sanitizer builds, or if it is a pipe. Caller owns the result.
 */
struct workers *workers_start(const struct workers_config *config,
                              struct error *err);

/* Ends all workers. May be NULL. No other call may be under way or follow. */
void workers_free(struct workers *w);

/* How far workers are shut in: the least of all that were started. */
enum {
    WORKERS_NO_SYSCALLS = 1, /* seccomp: none that opens, connects, forks .. */
    WORKERS_NO_FILES = 2,    /* Landlock: no path can be named */
    WORKERS_MEMORY_LIMIT = 4 /* RLIMIT_AS */
};
unsigned workers_confinement(struct workers *w);

/*
 * Like decode_frame, in a worker; waits for one that is free. `w` NULL: in
 * this process. `number` is that of the frame, from 1, for the texts.
 *
 * Native pixel data are always unpacked in this process: there is no structure
 * in them to be deceived by, only bits to be moved from a span whose length
 * was checked, and a handover would cost more than that: 10 % of the time of a
 * leaf of 400 KiB, half of that of a small one.
 *
 * The decoder's own errors come through with the frame's number in front.
 * Further: ERROR_CORRUPT if the worker crashed, needed more than its memory or
 * its time; ERROR_IO (errno EIO) if somebody killed it or no worker can be
 * started, which says nothing about the frame and may be tried again.
 */
int workers_decode(struct workers *w, const struct decode_desc *desc,
                   const uint8_t *bytes, size_t length, unsigned first_bit,
                   uint32_t number, const struct image *out, struct error *err)
    __attribute__((warn_unused_result));

/* Will workers_decode do such a frame in a worker? It then makes the pages of
 * out->data while the worker decodes, so they need not be there before. */
bool workers_decode_elsewhere(const struct workers *w,
                              const struct decode_desc *desc);

/* A file to be parsed, and what came of it. */
struct workers_file {
    int fd; /* a regular file of `size` bytes; borrowed as of dicom_parse */
    uint64_t size;
    int rc;                     /* 0, or -1 with err */
    struct dicom_parsed parsed; /* if it is 0; dicom_parsed_deinit */
    struct error err;
};

/* Files that go to a worker at once; more are of no use. */
enum { WORKERS_BATCH = 16 };

/*
 * Like dicom_parse for each of `n` files, in workers; waits for one that is
 * free for each WORKERS_BATCH of them. `w` NULL: in this process. Each file
 * fails for itself.
 *
 * The parser's own errors come through as they are. Further: ERROR_CORRUPT if
 * it crashed, needed more than its memory or its time; ERROR_TOO_BIG if the
 * result (with a deflated data set, if its source is wanted) takes more than a
 * quarter of the memory; ERROR_IO if somebody killed the worker, or none can
 * be started, which says nothing about the file.
 */
void workers_parse_all(struct workers *w, const struct dicom_limits *limits,
                       unsigned want, struct workers_file *files, size_t n);

/* The same for one. */
int workers_parse(struct workers *w, int fd, uint64_t size,
                  const struct dicom_limits *limits, unsigned want,
                  struct dicom_parsed *ret, struct error *err)
    __attribute__((warn_unused_result));

struct workers_stats {
    uint64_t count;   /* how many there are at most */
    uint64_t started; /* since workers_start began */
    uint64_t lost;    /* crashed, killed, or stopped at a limit */
};
/* All zero for NULL. */
void workers_stats_get(struct workers *w, struct workers_stats *ret);

#endif
