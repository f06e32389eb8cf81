// SPDX-License-Identifier: MIT
/*
 * render.h: (view, instance) -> the bytes of a leaf.
 *
 * The middle of prepfs. Above it nobody knows DICOM, below it nobody knows
 * FUSE. A leaf is named by plain numbers; its size follows from the manifest
 * (size before pixels), its bytes come through the cache in pieces: blocks of
 * 128 KiB, cut where pages meet.
 *
 * Threads: struct render is internally locked; every call may block on the
 * source, a decode or SQLite unless it is told not to (`may_work` false).
 */
#ifndef RENDER_RENDER_H
#define RENDER_RENDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "manifest/manifest.h"
#include "prepfs/cache.h"
#include "prepfs/error.h"
#include "view/view.h"
#include "worker/worker.h"

struct render;

enum leaf_kind { /* the low bits of an inode; decisions.md Identity */
                 LEAF_TIFF = 0,
                 LEAF_NPY = 1,
                 LEAF_NII = 2,
                 LEAF_PNG = 3,
                 LEAF_JSON = 4
};

struct leaf {
    uint16_t view_id;
    int64_t object_id; /* an instance, or under `series` a volume */
    uint32_t part;     /* 0: the whole object */
    enum leaf_kind kind;
};

struct render_config {
    struct manifest *manifest; /* borrowed until render_free */
    /* Borrowed until render_free; NULL where leaves are streamed, not read. */
    struct cache *cache;
    const char *archive; /* absolute path; copied */
    bool follow;         /* links of the archive lead wherever they say */
    uint64_t max_pixels; /* of a frame, of a page; ERROR_TOO_BIG above */
    uint64_t max_bytes_per_file;
    bool gaps_allowed;    /* series need not be evenly spaced */
    uint64_t frame_bytes; /* budget for all that is kept to be used again */
    /* Where headers are parsed and frames decoded: borrowed until render_free,
     * started before there are threads (worker.h). NULL: in this process. */
    struct workers *workers;
};

/* Caller owns the result. */
struct render *render_new(const struct render_config *config,
                          struct error *err);
void render_free(struct render *r); /* may be NULL */

/*
 * Interns a parsed view: gives the number that names it in a leaf. The view
 * is copied. ERROR_UNSUPPORTED if an operator in it is not built yet.
 */
int render_view(struct render *r, const struct view *view, unsigned max_views,
                uint16_t *ret_id, struct error *err);

/* The view of an id: borrowed until render_free. ERROR_NOT_FOUND. */
const struct view *render_view_by_id(struct render *r, uint16_t id,
                                     struct error *err);

/*
 * What the leaf of an instance will be, in the format that the view lists,
 * without rendering it: 1 with *ret filled (zeroed before by the caller), 0 if
 * that needs pixels or the leaf cannot be had, MANIFEST_NO_LEAF if nothing is
 * left of the instance and folders do not list it. The answer that manifest_csv
 * and manifest_outputs_fill ask for.
 */
int render_shape(const struct view *view,
                 const struct manifest_instance *instance,
                 struct manifest_output *ret);

/* The same with `parts`, where it is known (manifest_shape_fn). */
int render_shape_of_leaves(struct manifest *m, const struct view *view,
                           const struct manifest_instance *row,
                           struct manifest_output *ret);

/* What manifest_csv and manifest_outputs_fill are asked for. */
struct manifest_leaves render_leaves(const struct view *view, uint16_t view_id,
                                     bool gaps_allowed);

/*
 * How many parts the view makes of an instance, each a leaf of its own
 * (`part` 1 to *ret). 0; or 1 if that must be measured and may_work is false;
 * or -1: ERROR_NOT_FOUND if it makes none, or another reason why there are no
 * pixels. Only of a view that has parts (view_parts_of).
 */
int render_parts(struct render *r, uint16_t view_id,
                 const struct manifest_instance *instance, bool may_work,
                 uint32_t *ret, struct error *err);

struct leaf_attr {
    uint64_t size;
    int64_t mtime_s;
};

/*
 * Exact size of a leaf. 0; or 1 if it must be measured and may_work is false
 * (call again from a thread that may decode); or -1. `instance` may be NULL;
 * pass it when the row is at hand, as readdirplus has it.
 */
int render_attr(struct render *r, const struct leaf *leaf,
                const struct manifest_instance *instance, bool may_work,
                struct leaf_attr *ret, struct error *err);

/* A mebibyte of pages of 32 KiB, at any offset. */
#define RENDER_IOV_MAX 43

/*
 * Where in its leaf a read began, for who guesses what comes next. Leaves are
 * made in units: a page, or a block where pages are smaller; unit `units - 1`
 * is the last.
 */
struct render_place {
    int64_t study_id;
    uint64_t digest[2]; /* cache_key.leaf of its pieces */
    uint32_t unit;
    uint32_t units;      /* 0: not known */
    uint64_t unit_bytes; /* about */
    uint64_t leaf_bytes;
    uint64_t first_piece, last_piece; /* cache_key.block of what was read */
    uint64_t piece_bytes;             /* about */
};

/* Pieces of a leaf for one reply: pinned, or, if there are too many of them,
 * copied. */
struct render_bytes {
    struct iovec iov[RENDER_IOV_MAX];
    int iov_count;
    size_t length;
    struct render_place place;
    int pin_count;
    void *copy;
    struct cache_pin pins[RENDER_IOV_MAX];
};

/*
 * Bytes [offset, offset+length) of a leaf, cut at its end and nowhere else. 0
 * with *ret holding them (release with render_release, after the reply); 1 if
 * may_work is false and something must be made first; -1. Only the pages that
 * the range touches are rendered.
 */
int render_read(struct render *r, const struct leaf *leaf, uint64_t offset,
                size_t length, bool may_work, struct render_bytes *ret,
                struct error *err);
void render_release(struct render *r, struct render_bytes *bytes);

/*
 * All bytes of a leaf, in order, in as few calls of `sink` as there are pages
 * (and some for the header): the bytes that render_read gives, but each page
 * is made once, handed over and forgotten. Nothing goes through the cache. For
 * who wants whole leaves once. -1 if it fails or `sink` returns -1; what was
 * handed over by then is worth nothing.
 */
typedef int (*render_sink_fn)(void *opaque, const uint8_t *bytes, size_t length,
                              struct error *err);
int render_stream(struct render *r, const struct leaf *leaf,
                  render_sink_fn sink, void *opaque, struct error *err)
    __attribute__((warn_unused_result));

/* Jobs with the same key make the same pages; run them one after another. */
uint64_t render_job_key(struct render *r, const struct leaf *leaf,
                        uint64_t offset);

/*
 * Makes a unit of a leaf for a reader that will come, as blocks that nobody
 * has asked for yet; nothing if it has more than `max_bytes`, since its end
 * would displace its beginning. *ret_made: something was missing, and made.
 * render_prefetch_key is the job key of who reads that unit.
 */
int render_prefetch(struct render *r, const struct leaf *leaf, uint32_t unit,
                    uint64_t max_bytes, bool *ret_made, struct error *err)
    __attribute__((warn_unused_result));
uint64_t render_prefetch_key(struct render *r, const struct leaf *leaf,
                             uint32_t unit);

/* After a rescan: forgets opened sources, frames and plans, so that changed
 * instances are seen. Blocks in the cache stay: their keys name versions. */
void render_rescanned(struct render *r);

/* The engine revision as a number and in words: part of cache keys and of
 * remembered sizes (decisions, Identity). */
uint64_t render_engine(void);
/* The same for leaves of a view; with -o gaps=allow there are others. */
uint64_t render_engine_of(const struct view *view, bool gaps_allowed);
void render_engine_text(char *buf, size_t size);

struct render_stats {
    uint64_t frames_decoded;
    uint64_t frames_reused;
    uint64_t bytes_read; /* from the archive */
    uint64_t read_ns;    /* reading them, */
    uint64_t decode_ns;  /* in codecs, */
    uint64_t image_ns;   /* between decode and file; of that */
    uint64_t values_ns;  /* for values and orientation, */
    uint64_t crop_ns;    /* to find crop boxes, */
    uint64_t resize_ns;  /* to cut, resize and pad */
    uint64_t kept_bytes; /* frames, pages, plans, of frame_bytes */
};
void render_stats_get(struct render *r, struct render_stats *ret);

#endif
