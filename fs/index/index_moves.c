// SPDX-License-Identifier: MIT
/*
 * Files that the manifest knows and the walk did not see where it knows them:
 * they have another name now, or they are gone.
 */
#include "index/index_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "beneath/beneath.h"
#include "prepfs/cleanup.h"

#define WRITE_BATCH 512 /* rows of the small transactions */

static bool is_beneath(const char *relpath, const char *folder)
{
    size_t length = strlen(folder);

    return strncmp(relpath, folder, length) == 0 &&
           (relpath[length] == '/' || relpath[length] == '\0');
}

static bool is_walked(const struct run *r, const char *relpath)
{
    if (!r->config->keep_rest)
        return true;
    for (size_t i = 0; i < r->config->n_only; i++)
        if (is_beneath(relpath, r->config->only[i]))
            return true;
    return false;
}

/* Is a file that the manifest knows at its place? Where this run does not
 * walk, one has to look. */
bool index_is_in_place(const struct run *r, const struct manifest_source *s)
{
    struct stat st;

    if (is_walked(r, s->relpath))
        return index_is_seen(r, s->id);
    if (s->vanished)
        return false;
    CLEANUP_FD int fd =
        beneath_open(r->root_fd, s->relpath, O_PATH, index_links(r));

    return fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_ino == s->ino;
}

/* Is this new path the new name of a file that is not at its old one? */
static int find_old_place(struct run *r, const struct parse_file *f,
                          struct error *err)
{
    int64_t after = 0;

    for (;;) {
        struct manifest_source s;
        int rc = manifest_source_by_inode(r->m, f->dev, f->ino, after, &s, err);

        if (rc <= 0)
            return rc;
        bool in_place = index_is_in_place(r, &s);

        free(s.relpath);
        after = s.id;
        if (in_place || s.size != f->size || s.mtime_ns != f->mtime_ns ||
            index_wants_retry(r, &s))
            continue;
        char *relpath = strdup(f->relpath);

        if (!relpath)
            return error_no_memory(err);
        return index_push_same(r, s.id, relpath, f->dev, err) == 0 ? 1 : -1;
    }
}

int index_find_moved(struct run *r, struct error *err)
{
    size_t kept = 0;
    int rc = 0;

    for (size_t i = 0; i < r->files.n; i++) {
        struct parse_file *f = &r->files.v[i];
        struct manifest_source known;

        if (rc >= 0)
            rc = manifest_known_find(r->known, f->relpath, &known, err);
        if (rc == 0)
            rc = find_old_place(r, f, err);
        else if (rc > 0)
            rc = 0; /* a path we know: it has changed */
        if (rc > 0) {
            free(f->relpath);
            r->result->moved++;
            rc = 0;
        } else {
            r->files.v[kept++] = *f;
        }
    }
    r->files.n = kept;
    return rc < 0 ? -1 : 0;
}

int index_write_same(struct run *r, struct error *err)
{
    for (size_t i = 0; i < r->n_same; i += WRITE_BATCH) {
        size_t n =
            r->n_same - i < WRITE_BATCH ? r->n_same - i : (size_t)WRITE_BATCH;

        if (manifest_write_same(r->m, r->same + i, n, err) != 0)
            return -1;
    }
    r->changed = r->changed || r->n_same > 0;
    return 0;
}

/* What is in a folder that could not be read is not known to be gone. */
static bool is_unknown(const struct run *r, const char *relpath)
{
    for (size_t i = 0; i < r->n_unread; i++)
        if (is_beneath(relpath, r->unread[i]))
            return true;
    return false;
}

static int write_gone(struct run *r, const int64_t *gone, size_t n,
                      struct error *err)
{
    if (n == 0)
        return 0;
    r->result->vanished += n;
    r->changed = true;
    return manifest_write_gone(r->m, gone, n, err);
}

/* Is this source, which the walk has not met, known to be gone now? */
static int is_gone(struct run *r, int64_t id, struct error *err)
{
    struct manifest_source s;
    int rc = manifest_known_by_id(r->known, id, &s, err);

    if (rc <= 0)
        return rc;
    bool gone = !s.vanished && !is_unknown(r, s.relpath);

    free(s.relpath);
    return gone;
}

/* Of a million sources that were met none is read again. */
static int write_vanished(struct run *r, int64_t last, struct error *err)
{
    int64_t gone[WRITE_BATCH];
    size_t n = 0;

    for (int64_t id = 1; id <= last && r->n_seen < last; id++) {
        int rc = index_is_seen(r, id) ? 0 : is_gone(r, id, err);

        if (rc < 0)
            return -1;
        if (rc > 0)
            gone[n++] = id;
        if (n < WRITE_BATCH)
            continue;
        if (write_gone(r, gone, n, err) != 0)
            return -1;
        n = 0;
    }
    return write_gone(r, gone, n, err);
}

/* Of sources that the manifest has where the walk has been. */
static int write_unseen(struct run *r, const struct manifest_source *page,
                        int n, struct error *err)
{
    int64_t gone[WRITE_BATCH];
    size_t n_gone = 0;

    for (int i = 0; i < n; i++)
        if (!index_is_seen(r, page[i].id) && !is_unknown(r, page[i].relpath))
            gone[n_gone++] = page[i].id;
    return write_gone(r, gone, n_gone, err);
}

static void free_page(struct manifest_source *page, int n)
{
    for (int i = 0; i < n; i++)
        free(page[i].relpath);
}

/* What was beneath a folder that was walked. */
static int write_vanished_beneath(struct run *r, const char *folder,
                                  struct error *err)
{
    struct manifest_source page[WRITE_BATCH];
    CLEANUP_FREE char *after = NULL;
    int rc = 0;
    int n;

    do {
        n = manifest_source_list_beneath(r->m, folder, after, WRITE_BATCH, page,
                                         err);
        if (n > 0) {
            rc = write_unseen(r, page, n, err);
            free(after);
            after = STEAL(page[n - 1].relpath);
            free_page(page, n - 1);
        }
    } while (n > 0 && rc == 0);
    return n < 0 ? -1 : rc;
}

/* And of the place itself, which is or was a file. */
static int write_vanished_at(struct run *r, const char *place,
                             struct error *err)
{
    CLEANUP_FREE char *relpath = strdup(place);
    struct manifest_source known;
    int rc = manifest_source_find(r->m, place, &known, err);

    if (rc < 0 || !relpath)
        return rc < 0 ? -1 : error_no_memory(err);
    known.relpath = relpath;
    if (rc > 0 && !known.vanished && write_unseen(r, &known, 1, err) != 0)
        return -1;
    return write_vanished_beneath(r, place, err);
}

int index_write_vanished(struct run *r, int64_t last, struct error *err)
{
    if (!r->config->keep_rest)
        return write_vanished(r, last, err);
    for (size_t i = 0; i < r->config->n_only; i++)
        if (write_vanished_at(r, r->config->only[i], err) != 0)
            return -1;
    return 0;
}
