// SPDX-License-Identifier: MIT
/*
 * manifest_write_impl.h: one transaction of the indexer; private to
 * fs/manifest.
 */
#ifndef MANIFEST_WRITE_IMPL_H
#define MANIFEST_WRITE_IMPL_H

#include "manifest/ids.h"
#include "manifest/manifest_impl.h"
#include "manifest/manifest_write.h"

enum gone { /* instance.gone */
            NOT_GONE = 0,
            GONE_CHANGED =
                1, /* the file at its path has other bytes: for ever */
            GONE_VANISHED = 2 /* no file at its path: until it is back */
};

/* Folders whose listing changed; duplicates are dropped at the end. */
struct touched {
    int64_t *ids;
    size_t n;
    size_t capacity;
};

struct write {
    struct manifest *m;
    struct db *db;
    int64_t now_s;
    int64_t epoch;
    struct touched studies;
    struct touched series;
};

/* Takes the writer and begins; `end` commits or rolls back and gives it back
 * (also after a failed begin it must not be called). */
int write_begin(struct manifest *m, struct write *w, struct error *err);
int write_end(struct write *w, int rc, struct error *err);

/* Notes that the listing of both changed. */
int write_touch(struct write *w, int64_t study_id, int64_t series_id,
                struct error *err);
int write_touched(struct write *w, struct error *err);

struct instance_ref {
    int64_t id, study_id, series_id;
};

/* The newest instance of a source in this state: 1, 0, -1. */
int write_find_instance(struct write *w, int64_t source_id, enum gone gone,
                        struct instance_ref *ret, struct error *err);

/* 1: it had one, which is gone now; 0; -1. The second is for ever: the file
 * has other bytes. */
int write_instance_vanished(struct write *w, int64_t source_id,
                            struct error *err);
int write_instance_changed(struct write *w, int64_t source_id,
                           struct error *err);

#endif
