// SPDX-License-Identifier: MIT
/*
 * object.h: what all leaves of one object under one view have in common.
 *
 * Formats and parts (STEM.tiff, STEM.f00007.npy) are made of the same pages.
 * Which frames those take, where the crop box is and what the volume's
 * statistics are is found out once and kept for a while; a leaf adds what is
 * its own: the part, the layout, the bytes.
 *
 * Threads: struct objects is internally locked; a struct object is immutable,
 * but for what it keeps for those who make pages.
 */
#ifndef RENDER_OBJECT_H
#define RENDER_OBJECT_H

#include "prepfs/lock.h"
#include "render/page.h"

struct objects;

struct objects_config {
    struct manifest *manifest;
    struct page_maker *maker;
    bool gaps_allowed;
    uint64_t max_bytes_per_file; /* 0: no limit */
    uint64_t max_pixels;         /* of a page; 0: no limit */
    size_t plan_bytes;           /* budget for objects kept after use */
};

struct geometry;

struct object {
    struct frames frames;
    struct plan plan; /* complete, of all parts */
    struct page_numbers numbers;
    /* The samples of the only frame, left over from measuring: who makes the
     * page takes them (once) instead of making them again. May be NULL. */
    page_leftover leftover;
    uint64_t digest[2]; /* of the version of the source */
    struct lock lock;
    /* Protected by lock; object_extent tells it. */
    bool has_extent;
    struct values_extent extent;
};

struct objects *objects_new(const struct objects_config *config,
                            struct error *err);
void objects_free(struct objects *o); /* may be NULL */
void objects_forget(struct objects *o);
size_t objects_cost(struct objects *o);

/* Measures what must be measured. Release with object_put. ERROR_UNSUPPORTED,
 * ERROR_CORRUPT, ...: why there are no pixels. */
int object_get(struct objects *o, uint16_t view_id, const struct view *view,
               int64_t object_id, struct flight_ref *ref,
               const struct object **ret, struct error *err)
    __attribute__((warn_unused_result));
/* How many parts the view makes of an instance, with no more work than that
 * takes; as render_parts. */
int object_count_parts(struct objects *o, uint16_t view_id,
                       const struct view *view,
                       const struct manifest_instance *instance, bool may_work,
                       uint32_t *ret, struct error *err)
    __attribute__((warn_unused_result));

/* 1 if it is there already; never waits. */
int object_peek(struct objects *o, uint16_t view_id, int64_t object_id,
                struct flight_ref *ref, const struct object **ret);
void object_put(struct objects *o, struct flight_ref *ref);

/* Enters the number of findings into the plan of a roi view; of other views
 * nothing happens. */
int object_count_findings(struct manifest *m,
                          const struct manifest_instance *row,
                          struct plan *plan, struct error *err)
    __attribute__((warn_unused_result));

/* Enters where the part of `plan`, a patch of roi, begins. ERROR_UNSUPPORTED
 * or ERROR_CORRUPT: there is no telling. */
int object_place_finding(struct objects *o, const struct object *object,
                         struct plan *plan, struct error *err)
    __attribute__((warn_unused_result));

/*
 * The extent of the object's values if its pages need it, else an empty one.
 * Only who makes pages asks, as it is in no manifest row of a leaf: opens the
 * source and may decode all frames, the first time.
 */
int object_extent(struct objects *o, const struct object *object,
                  struct values_extent *ret, struct error *err)
    __attribute__((warn_unused_result));

/* The job that makes pages of `plan`, which is the object's or a part's; asks
 * for the extent. */
int object_job(struct objects *o, const struct object *object,
               const struct plan *plan, struct page_job *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Where in the patient the pages of `plan` are, the object's or a part's. */
int object_geometry(struct objects *o, const struct object *object,
                    const struct plan *plan, struct geometry *ret,
                    struct error *err) __attribute__((warn_unused_result));

struct manifest *objects_manifest(const struct objects *o);

/* ERROR_TOO_BIG if `bytes` is over `limit`; 0: no limit. */
int object_check_bytes(uint64_t limit, uint64_t bytes, struct error *err)
    __attribute__((warn_unused_result));

#endif
