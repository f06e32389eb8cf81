// SPDX-License-Identifier: MIT
/* What a run says of itself, for people. */
#include "index/index.h"

#include <inttypes.h>
#include <stdio.h>

static int print_time(char *buf, size_t size, double seconds)
{
    if (seconds < 60)
        return snprintf(buf, size, ", %.0f s left", seconds);
    if (seconds < 3600)
        return snprintf(buf, size, ", %.0f min left", seconds / 60);
    return snprintf(buf, size, ", %.1f h left", seconds / 3600);
}

void index_progress_text(const struct index_progress *p, char *buf, size_t size)
{
    char left[48] = "";

    if (p->phase == INDEX_WALKING) {
        (void)snprintf(buf, size, "%" PRIu64 " files found", p->found);
        return;
    }
    if (p->phase == INDEX_FINISHING) {
        (void)snprintf(buf, size, "%" PRIu64 " files read, sorting", p->done);
        return;
    }
    if (p->remaining_s >= 0)
        (void)print_time(left, sizeof left, p->remaining_s);
    (void)snprintf(buf, size,
                   "%" PRIu64 " of %" PRIu64 " files, %.0f files/s%s", p->done,
                   p->total, p->files_per_s, left);
}

static void write_count(FILE *out, uint64_t n, const char *what)
{
    if (n > 0)
        (void)fprintf(out, "  %" PRIu64 " %s\n", n, what);
}

void index_result_write(FILE *out, const struct index_result *r)
{
    (void)fprintf(out, "%" PRIu64 " files in %.1f s\n", r->files, r->seconds);
    write_count(out, r->unchanged, "unchanged");
    write_count(out, r->moved, "renamed");
    write_count(out, r->added, "new objects");
    write_count(out, r->replaced, "changed objects");
    write_count(out, r->vanished, "files are gone");
    write_count(out, r->unsettled, "files are being written: index again");
    write_count(out, r->not_dicom, "files are not DICOM");
    write_count(out, r->copies, "copies of other files, hidden");
    write_count(out, r->renamed,
                "with the UID of another object, named UID.dN");
    write_count(out, r->errors, "with errors (prepfsctl errors ARCHIVE)");
    write_count(out, r->unreadable_folders,
                "folders or files cannot be looked at");
    write_count(out, r->links_skipped, "symbolic links lead to nothing");
    write_count(out, r->links_outside,
                "symbolic links leave the archive (--follow)");
}
