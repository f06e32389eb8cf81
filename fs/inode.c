// SPDX-License-Identifier: MIT
/*
 * inode.c: the identities of prepfs and how they hang together.
 *
 * Five things name a virtual file, and it matters which follows from which:
 *
 *   path      window-n1_u8/1.2.840.1/1.2.840.3.tiff   many per leaf
 *   leaf      (view, object, part, format)            one per virtual file
 *   inode     62 bits, below                          = leaf, one to one
 *   node id   what the kernel sends in a request      = inode
 *   cache key digest of source version, view, engine  one per leaf's bytes
 *
 *       path --lookup--> leaf <--arithmetic--> inode = node id
 *                          \--manifest row--> source version --> cache key
 *
 * The number is
 *
 *      62      46 45       21 20      4 3     0
 *     +----------+-----------+---------+-------+
 *     | view  16 | object 25 | part 17 | kind 4|     positive int64
 *     +----------+-----------+---------+-------+
 *
 * view and object are row ids of the manifest, so the number is the same
 * after a remount, on another host that shares the state, and in SQL:
 * (view<<46)|(id<<21)|(part<<4)|kind. Nothing is hashed, so nothing collides;
 * nothing is looked up to go back, so there is no table, FORGET has nothing
 * to do, and an inode that outlived the daemon (an NFS handle, a cached
 * dentry after a restart) still says exactly what it meant.
 *
 * Object ids are handed out in the order of the sources' own inodes. Reading
 * leaves in inode order therefore reads the archive in inode order.
 *
 * Several paths, one number. `<study>/<sop>.tiff`, `.tif` and
 * `<study>/<series>/<sop>.tiff` are one leaf and so one inode and one copy in
 * the page cache, like hard links. Folders cannot do that: the kernel moves
 * a directory's only dentry when it meets the same inode under a second
 * name. So other spellings of a view are symlinks (kind 11), and all those
 * that lead to one view share one symlink inode: its content is the target,
 * and the target is all that view can be. With -o preset_dirs a preset is a
 * folder of its own; `part`, unused in folders, then says which preset, for
 * the view folder and for the study and series folders below it. The leaves
 * in them have no such mark and stay shared.
 *
 * A changed source gets a new object id and hence a new inode. The old
 * number keeps naming the old bytes, which nobody has any more: ESTALE.
 * Neither ids nor numbers are used twice; when an id no longer fits its
 * field, the answer is ENOSPC, not a number that means something else.
 *
 * Two kinds count instead of naming a row, with a serial in the 42 bits of
 * object and part. Control files (12) are snapshots: each LOOKUP makes one,
 * with a serial never used before in this mount, and FORGET frees it. They
 * are the only inodes with state behind them. manifest.db (13) carries the
 * time of its snapshot in milliseconds: the same file after a remount has
 * the same inode, a new one never meets the old one's cached pages.
 *
 * Numbers 0 and 1 are never made: 0 is FUSE's "no such entry" and 1 its
 * root. Leaves have a view and an object, and every other kind is >= 8.
 */
#include "inode.h"

#include <inttypes.h>

enum { PART_SHIFT = 4, OBJECT_SHIFT = 21, VIEW_SHIFT = 46 };

#define KIND_MASK UINT64_C(15)
#define NUMBER_MAX ((UINT64_C(1) << 62) - 1)

/* Which fields a kind has; an inode with another one set is a bug above and
 * a number with another one set was not made here. */
static bool is_well_formed(const struct inode *i)
{
    switch (i->kind) {
    case INODE_TIFF:
    case INODE_NPY:
    case INODE_NII:
    case INODE_PNG:
    case INODE_JSON:
    case INODE_STUDY:
    case INODE_SERIES:
        return i->view != 0 && i->object > 0;
    case INODE_VIEW:
        return i->view != 0 && i->object == 0;
    case INODE_LINK:
        return i->view != 0 && i->object == 0 && i->part == 0;
    case INODE_CONTROL:
    case INODE_DATABASE:
        return i->view == 0 && inode_serial(i) != 0;
    case INODE_CONTROL_FOLDER:
        return i->view == 0 && i->part == 0 && i->object >= INODE_FOLDER_TOP &&
               i->object <= INODE_FOLDER_MANIFEST;
    }
    return false;
}

int inode_pack(const struct inode *i, uint64_t *ret, struct error *err)
{
    if (i->object > INODE_OBJECT_MAX)
        return error_set(err, ERROR_NO_IDS,
                         "id %" PRId64 " does not fit an inode (at most "
                         "%" PRId64 "); start again with a new state folder",
                         i->object, INODE_OBJECT_MAX);
    if (i->part > INODE_PART_MAX)
        return error_set(err, ERROR_NO_IDS,
                         "part %" PRIu32 " does not fit an inode", i->part);
    if (!is_well_formed(i))
        return error_set(err, ERROR_INTERNAL,
                         "no inode for kind %d, view %u, object %" PRId64,
                         (int)i->kind, i->view, i->object);
    *ret = (uint64_t)i->view << VIEW_SHIFT |
           (uint64_t)i->object << OBJECT_SHIFT |
           (uint64_t)i->part << PART_SHIFT | (uint64_t)i->kind;
    return 0;
}

int inode_unpack(uint64_t number, struct inode *ret, struct error *err)
{
    struct inode i = {
        .kind = (enum inode_kind)(number & KIND_MASK),
        .view = (uint16_t)(number >> VIEW_SHIFT & UINT16_MAX),
        .object = (int64_t)(number >> OBJECT_SHIFT & INODE_OBJECT_MAX),
        .part = (uint32_t)(number >> PART_SHIFT & INODE_PART_MAX),
    };

    if (number > NUMBER_MAX || !is_well_formed(&i))
        return error_set(err, ERROR_STALE, "no inode has number %" PRIu64,
                         number);
    *ret = i;
    return 0;
}

uint64_t inode_from_serial(enum inode_kind kind, uint64_t serial)
{
    return (serial & INODE_SERIAL_MAX) << PART_SHIFT | (uint64_t)kind;
}

uint64_t inode_serial(const struct inode *i)
{
    return (uint64_t)i->object << (OBJECT_SHIFT - PART_SHIFT) | i->part;
}
