// SPDX-License-Identifier: MIT
/* Names that are passed by. */
#include "index/walk.h"

#include <fnmatch.h>
#include <limits.h>
#include <string.h>

/* Left behind by systems and tools, never by a modality. Snapshot folders of
 * file servers would show every file many times. */
static const char *const junk[] = {
    ".git",
    ".svn",
    ".hg",
    ".DS_Store",
    "._*",
    ".Trash*",
    ".Spotlight-V100",
    ".fseventsd",
    ".TemporaryItems",
    ".snapshot",
    ".snapshots",
    ".zfs",
    ".nfs????????*",
    ".prepfs",
    "@eaDir",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "Thumbs.db",
    "desktop.ini",
};

bool walk_is_junk(const char *name)
{
    /* None begins with a wildcard, and most names with other letters. */
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
        if (junk[i][0] == name[0] && fnmatch(junk[i], name, 0) == 0)
            return true;
    return false;
}

bool walk_passes_by(const char *relpath)
{
    char name[NAME_MAX + 1];

    while (*relpath) {
        size_t n = strcspn(relpath, "/");

        if (n > NAME_MAX)
            return true;
        memcpy(name, relpath, n);
        name[n] = '\0';
        if (walk_is_junk(name))
            return true;
        relpath += n + (relpath[n] == '/');
    }
    return false;
}
