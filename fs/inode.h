// SPDX-License-Identifier: MIT
/*
 * inode.h: inode number <-> what it names.
 *
 * Pure arithmetic on plain data: no table, no FUSE, no SQLite. The essay on
 * the identities is at the top of inode.c.
 *
 * Threads: all functions are reentrant.
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include <stdbool.h>
#include <stdint.h>

#include "prepfs/error.h"

#define INODE_ROOT UINT64_C(1) /* FUSE_ROOT_ID */

#define INODE_OBJECT_MAX ((INT64_C(1) << 25) - 1)
#define INODE_PART_MAX ((UINT32_C(1) << 17) - 1)
#define INODE_SERIAL_MAX ((UINT64_C(1) << 42) - 1)

enum inode_kind {                 /* the low four bits, on disk for ever */
                  INODE_TIFF = 0, /* 0-4 are enum leaf_kind */
                  INODE_NPY = 1,
                  INODE_NII = 2,
                  INODE_PNG = 3,
                  INODE_JSON = 4,
                  INODE_STUDY = 8,    /* object = study id */
                  INODE_SERIES = 9,   /* object = series id */
                  INODE_VIEW = 10,    /* object = 0 */
                  INODE_LINK = 11,    /* view = the target's */
                  INODE_CONTROL = 12, /* a snapshot of a control file: serial */
                  INODE_DATABASE = 13, /* an epoch of manifest.db: serial */
                  INODE_CONTROL_FOLDER = 14 /* object = enum inode_folder */
};

enum inode_folder { /* the folders that hold control files */
                    INODE_FOLDER_TOP = 1,     /* .prepfs */
                    INODE_FOLDER_EXPLAIN = 2, /* .prepfs/explain */
                    INODE_FOLDER_MANIFEST = 3 /* .prepfs/manifest */
};

struct inode {
    enum inode_kind kind;
    uint16_t view;  /* 0: belongs to no view */
    int64_t object; /* instance, study or series id */
    uint32_t part;  /* of a leaf; of a folder: which preset shows it */
};

static inline bool inode_kind_is_leaf(enum inode_kind kind)
{
    return (unsigned)kind <= INODE_JSON;
}

static inline bool inode_kind_is_folder(enum inode_kind kind)
{
    return kind == INODE_STUDY || kind == INODE_SERIES || kind == INODE_VIEW ||
           kind == INODE_CONTROL_FOLDER;
}

/* The number. ERROR_NO_IDS if an id does not fit. Never 0 or INODE_ROOT. */
int inode_pack(const struct inode *inode, uint64_t *ret, struct error *err)
    __attribute__((warn_unused_result));

/* What a number names; ERROR_STALE for one that inode_pack never makes. The
 * root is not a struct inode: compare with INODE_ROOT first. */
int inode_unpack(uint64_t number, struct inode *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Kinds 12 and 13 count instead of naming rows: their object and part are
 * one serial of 42 bits, at least 1. */
uint64_t inode_from_serial(enum inode_kind kind, uint64_t serial);
uint64_t inode_serial(const struct inode *inode);

#endif
