// SPDX-License-Identifier: MIT
/*
 * faults.h: a decoder and a parser that do what they must not do.
 *
 * A program linked with faults.c and -Wl,--wrap=decode_frame,
 * --wrap=dicom_header_read decodes and parses as ever, except for frames whose
 * bytes start with a mark, and files whose preamble does: those make it crash,
 * loop, grow, or try to get out. The mark is in the data, as it is with a
 * hostile file; the code that decides what happens next is that of the
 * product.
 */
#ifndef SUPPORT_FAULTS_H
#define SUPPORT_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#define FAULTS_MARK "prepfs fault: "

enum { FAULTS_BYTES = 16 }; /* the mark, a letter, NUL */

enum fault {
    FAULT_SEGV = 's',
    FAULT_ABORT = 'a',
    FAULT_EXIT = 'x',
    FAULT_KILLED = 'k',   /* as if somebody had sent SIGKILL */
    FAULT_LOOP = 'l',     /* endless */
    FAULT_SLEEP = 'z',    /* endless, without using the processor */
    FAULT_MEMORY = 'm',   /* 8 GiB */
    FAULT_NONSENSE = 'n', /* a packet that is no reply */
    FAULT_TEXT = 't',     /* control characters in the error, a kind too many */
    FAULT_PROBE = 'p',    /* enum probe: what the worker could do */
    FAULT_PID = 'i',      /* its process number, in the first 4 bytes */
    FAULT_SLOW = 'w',     /* half a second of work, then zeros */
    /* of headers alone */
    FAULT_GARBAGE = 'g', /* says that it is done and has written nothing */
    FAULT_HUGE = 'h',    /* says that it has written more than there is */
};

/* Bytes of the image after FAULT_PROBE: 1 if it worked, else 0. Of a header:
 * the same in hexadecimal digits, as the text of an ERROR_UNSUPPORTED. */
enum probe {
    PROBE_OPEN,
    PROBE_WRITE_FILE,
    PROBE_SOCKET,
    PROBE_FORK,
    PROBE_EXEC,
    PROBE_KILL,
    PROBE_PTRACE,
    PROBE_EXECUTABLE,
    PROBE_DUP,
    PROBE_MEMFD,
    PROBE_PRCTL,
    PROBES
};

/* Writes the mark of a fault to the start of `bytes`. */
void fault_mark(uint8_t bytes[FAULTS_BYTES], enum fault fault);

#endif
