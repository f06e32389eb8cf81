// SPDX-License-Identifier: MIT
/*
 * wire.h: what goes through the sockets. Every packet is one of these structs
 * and nothing else; another length ends the conversation.
 *
 *     mount -> zygote   zygote_order    (spawn: with two descriptors)
 *     zygote -> mount   zygote_answer
 *     worker -> mount   worker_hello    once
 *     mount -> worker   worker_request (header: with one descriptor)
 *     worker -> mount   worker_reply
 */
#ifndef WORKER_WIRE_H
#define WORKER_WIRE_H

#include <stdint.h>

#include "decode/decode.h"
#include "prepfs/error.h"

enum zygote_op { ZYGOTE_SPAWN, ZYGOTE_END };

struct zygote_order {
    uint32_t op;
    uint32_t serial; /* comes back in the answer */
    int32_t pid;     /* END */
    uint32_t reserved;
    uint64_t arena_bytes;  /* SPAWN */
    uint64_t memory_bytes; /* SPAWN */
};

struct zygote_answer {
    uint32_t serial;
    int32_t errnum; /* SPAWN: why there is none; 0: there is */
    int32_t pid;    /* SPAWN */
    int32_t status; /* END: as of wait(2), -1 if it cannot be had */
};

enum { WORKER_MAGIC = 0x50465731 }; /* "PFW1" */

struct worker_hello {
    uint32_t magic;
    uint32_t confinement; /* WORKERS_NO_SYSCALLS and its kind */
};

enum worker_op { WORKER_FRAME, WORKER_HEADER };

/* A frame to decode. Input lies at the start of the arena, output at
 * `out_offset`, in rows without gaps. */
struct worker_frame {
    uint64_t length;
    uint64_t out_offset;
    uint64_t out_bytes;
    uint32_t first_bit;
    struct decode_desc desc;
};

/* A file to parse, whose descriptor comes with the packet. Its further tags
 * lie at the start of the arena; what was found goes into an area of it, as
 * of dicom_flatten. The rest is struct dicom_limits. */
struct worker_header {
    uint64_t file_bytes;
    uint64_t area_offset;
    uint64_t area_bytes;
    uint64_t header_bytes;
    uint64_t inflated_bytes;
    uint64_t lut_bytes;
    uint32_t frames;
    uint32_t cpu_seconds;
    uint32_t n_tags;
    uint32_t want;
};

struct worker_request {
    uint32_t magic;
    uint32_t op;
    union {
        struct worker_frame frame;
        struct worker_header header;
    };
};

struct worker_reply {
    uint32_t magic;
    int32_t rc;
    /* HEADER, if rc is 0: how long it is, more than area_bytes if it did not
     * fit
     */
    uint64_t bytes;
    struct error err;
};

#endif
