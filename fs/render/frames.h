// SPDX-License-Identifier: MIT
/*
 * frames.h: the frames that an object is made of, in order.
 *
 * An instance has frames; a volume has slices, which are instances of one
 * frame each. Everything above asks for frame `k` and is told whose it is.
 * Of a slice only its number, place and version are kept, so that a volume of
 * 10^5 slices takes megabytes; its row is looked up when it is wanted.
 *
 * Threads: immutable once made.
 */
#ifndef RENDER_FRAMES_H
#define RENDER_FRAMES_H

#include "dicom/dicom.h"
#include "manifest/manifest.h"
#include "render/source.h"
#include "view/view.h"

struct frames {
    struct manifest *manifest; /* borrowed */
    int64_t object_id;         /* what facts and outputs are about */
    /* The one instance; or the row of the volume, whose shape all slices
     * have. */
    struct manifest_instance instance;
    struct dicom_order order;      /* of the one's frames; slices: only n,
                                      z_spacing and why_mixed */
    struct manifest_slices slices; /* n 0: there is one instance */
    char why_mixed[MANIFEST_NOTE_MAX + 96];
    uint64_t version[4]; /* of all sources */
};

/*
 * The row of an object of `view`: an instance, or a volume. ERROR_STALE if it
 * is no more. Caller owns *ret (manifest_instance_deinit).
 */
int frames_row(struct manifest *m, const struct view *view, int64_t object_id,
               struct manifest_instance *ret, struct error *err)
    __attribute__((warn_unused_result));

/*
 * The frames of the object with this row (copied). `gaps_allowed`: volumes may
 * be irregular. What is no volume for the view is said in order.why_mixed, as
 * of an instance. The source is opened only for what is in its header alone:
 * the order of several frames; and order.z_spacing of a single one, which
 * stays 0 unless `distance`. ERROR_STALE if slices changed meanwhile. Release
 * with frames_deinit, whatever is returned.
 */
struct frames_want {
    enum view_order order;
    bool gaps_allowed;
    bool distance;
};
int frames_init(struct manifest *m, struct sources *sources,
                const struct manifest_instance *row,
                const struct frames_want *want, struct frames *ret,
                struct error *err) __attribute__((warn_unused_result));
void frames_deinit(struct frames *f);

/* Where a frame is. */
struct frame_place {
    const struct manifest_instance *instance;
    uint32_t frame;               /* stored, of that instance */
    struct manifest_instance own; /* frame_place_deinit */
};

/* Frame `k`, after ordering. ERROR_STALE if its slice is no more. */
int frames_at(const struct frames *f, uint32_t k, struct frame_place *ret,
              struct error *err) __attribute__((warn_unused_result));
void frame_place_deinit(struct frame_place *place);

/* The source whose header stands for all: the instance, or the first slice.
 * Valid until source_put. */
int frames_source(const struct frames *f, struct sources *sources,
                  struct flight_ref *ref, const struct source **ret,
                  struct error *err) __attribute__((warn_unused_result));

/* Is that source, unopened, still the version that was indexed? ERROR_STALE. */
int frames_check(const struct frames *f, struct sources *sources,
                 struct error *err) __attribute__((warn_unused_result));

/* The version of the sources of `row`, where its frames are not wanted. */
int frames_version(struct manifest *m, const struct manifest_instance *row,
                   uint64_t ret[4], struct error *err)
    __attribute__((warn_unused_result));

#endif
