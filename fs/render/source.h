// SPDX-License-Identifier: MIT
/*
 * source.h: an instance's file, opened and parsed, and its decoded frames.
 *
 * Files are opened beneath the archive only and must be the very version that
 * was indexed (device, inode, size, mtime); any other is ERROR_STALE. With a
 * manifest that was published elsewhere (manifest_publish.h) device and inode
 * are not looked at, and another version is ERROR_IO. The
 * version is checked again after every read of pixels, so that a file that is
 * overwritten meanwhile is never mixed into a leaf.
 *
 * A decoded frame lies in a shared mapping (decode.h needs no more than a
 * descriptor and a buffer), is immutable, and is shared by all who ask.
 *
 * Threads: struct sources is internally locked.
 */
#ifndef RENDER_SOURCE_H
#define RENDER_SOURCE_H

#include <stdatomic.h>

#include "dicom/dicom_parsed.h"
#include "manifest/manifest.h"
#include "prepfs/image.h"
#include "render/flight.h"
#include "worker/worker.h"

struct sources;

struct sources_config {
    struct manifest *manifest; /* borrowed until sources_free */
    const char *archive;       /* copied by opening it */
    bool follow;               /* links out of it: beneath.h */
    uint64_t max_pixels;       /* of one frame, 0: no limit */
    size_t frame_bytes;        /* budget for decoded frames */
    struct workers *workers;   /* borrowed; NULL: all in this process */
};

struct sources_stats {
    _Atomic uint64_t frames_decoded;
    _Atomic uint64_t frames_reused;
    _Atomic uint64_t bytes_read;
    _Atomic uint64_t read_ns;
    _Atomic uint64_t decode_ns;
};

/* Caller owns the result; no reference may be outstanding at sources_free. */
struct sources *sources_new(const struct sources_config *config,
                            struct error *err);
void sources_free(struct sources *s); /* may be NULL */
struct sources_stats *sources_stats(struct sources *s);

/* What decoded frames take now. */
size_t sources_cost(struct sources *s);

/* Forgets files and frames, after a rescan. */
void sources_forget(struct sources *s);

/* An opened source. Immutable; valid until source_put. */
struct source {
    const struct dicom_header *header;
    struct source_impl *impl;
};

/* Is the file at its path still the version that was indexed? A file that is
 * held open would not tell that it was replaced. ERROR_STALE. One stat. */
int source_check(struct sources *s, const struct manifest_instance *instance,
                 struct error *err) __attribute__((warn_unused_result));

int source_get(struct sources *s, const struct manifest_instance *instance,
               struct flight_ref *ref, const struct source **ret,
               struct error *err) __attribute__((warn_unused_result));
void source_put(struct sources *s, struct flight_ref *ref);

/* The header of an instance read once more, with further attributes `tags`, as
 * those without pixels have one too. Caller owns *ret (dicom_header_deinit). */
int source_describe(struct sources *s, const struct manifest_instance *instance,
                    const uint32_t *tags, size_t n_tags,
                    struct dicom_header *ret, struct error *err)
    __attribute__((warn_unused_result));

/* The samples of stored frame `frame`, as decode_frame made them. Valid
 * until frame_put; not to be written to. */
int frame_get(struct sources *s, const struct manifest_instance *instance,
              uint32_t frame, struct flight_ref *ref, const struct image **ret,
              struct error *err) __attribute__((warn_unused_result));
void frame_put(struct sources *s, struct flight_ref *ref);

/* Nobody will want the frames of an instance again: their memory is for the
 * next ones. */
void frames_forget(struct sources *s, const struct manifest_instance *instance);

#endif
