// SPDX-License-Identifier: MIT
/* Removes what a disk tier holds: of a folder, or of the one that a mount
 * uses, which it says in .prepfs/disk. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "prepfs/cache_disk.h"
#include "prepfs/cleanup.h"

enum { WAIT_MS = 60000 };

/* The line in MOUNT/.prepfs/disk, malloc'd; NULL if this is no mount with a
 * disk, or without memory. */
static char *disk_of(const char *mount)
{
    CLEANUP_FREE char *path = NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    FILE *in;

    if (asprintf(&path, "%s/.prepfs/disk", mount) < 0) {
        path = NULL;
        return NULL;
    }
    in = fopen(path, "re");
    if (!in)
        return NULL;
    n = getline(&line, &room, in);
    (void)fclose(in);
    if (n > 0 && line[n - 1] == '\n') {
        line[n - 1] = '\0';
        return line;
    }
    free(line);
    return NULL;
}

int cmd_purge(const struct ctl_args *args)
{
    CLEANUP_FREE char *of_mount = disk_of(args->positional[0]);
    const char *dir = of_mount ? of_mount : args->positional[0];
    struct error err = ERROR_INIT;
    uint64_t segments;

    if (cache_disk_purge(dir, WAIT_MS, &segments, &err) != 0)
        return ctl_fail(args, &err);
    printf("%s: %" PRIu64 " segment%s removed\n", dir, segments,
           segments == 1 ? "" : "s");
    return ctl_finish_output(args);
}
