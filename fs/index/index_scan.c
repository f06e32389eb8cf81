// SPDX-License-Identifier: MIT
/*
 * What is on the disk, against what the manifest knows: new and changed files
 * and links; index_moves.c does the rest.
 */
#include "index/index_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath/beneath.h"
#include "index/walk.h"
#include "prepfs/cleanup.h"

/* ---- what was seen ---- */

bool index_is_seen(const struct run *r, int64_t id)
{
    size_t byte = (size_t)id / 8;

    return byte < r->seen_bytes && (r->seen[byte] >> (id % 8) & 1);
}

static int mark_seen(struct run *r, int64_t id, struct error *err)
{
    size_t byte = (size_t)id / 8;

    if (byte >= r->seen_bytes) {
        size_t size = (byte + 1) * 2 + 4096;
        uint8_t *grown = realloc(r->seen, size);

        if (!grown)
            return error_no_memory(err);
        (void)memset(grown + r->seen_bytes, 0, size - r->seen_bytes);
        r->seen = grown;
        r->seen_bytes = size;
    }
    r->n_seen += !index_is_seen(r, id);
    r->seen[byte] |= (uint8_t)(1u << (id % 8));
    return 0;
}

int index_push_file(struct files *files, struct parse_file file,
                    struct error *err)
{
    if (!file.relpath)
        return error_no_memory(err);
    if (files->n == files->capacity) {
        size_t capacity = files->capacity ? files->capacity * 2 : 1024;
        struct parse_file *grown =
            reallocarray(files->v, capacity, sizeof *grown);

        if (!grown) {
            free(file.relpath);
            return error_no_memory(err);
        }
        files->v = grown;
        files->capacity = capacity;
    }
    files->v[files->n++] = file;
    return 0;
}

static int push_file(struct files *files, const struct walk_file *file,
                     struct error *err)
{
    struct parse_file f = {
        strdup(file->relpath), file->dev,    file->ino, file->size,
        file->mtime_ns,        file->is_link};

    return index_push_file(files, f, err);
}

/* Takes `relpath` (may be NULL) over, also on failure. */
int index_push_same(struct run *r, int64_t id, char *relpath, uint64_t dev,
                    struct error *err)
{
    if ((r->n_same & (r->n_same - 1)) == 0) { /* at every power of two */
        size_t capacity = r->n_same ? r->n_same * 2 : 1;
        struct manifest_same *grown =
            reallocarray(r->same, capacity, sizeof *grown);

        if (!grown) {
            free(relpath);
            return error_no_memory(err);
        }
        r->same = grown;
    }
    r->same[r->n_same++] = (struct manifest_same){id, relpath, dev};
    return mark_seen(r, id, err);
}

/* ---- the walk ---- */

bool index_wants_retry(const struct run *r, const struct manifest_source *s)
{
    switch (s->scan) {
    case MANIFEST_SCAN_UNREADABLE: /* rights change without mtime */
        return true;
    case MANIFEST_SCAN_BAD:
    case MANIFEST_SCAN_NOT_DICOM:
        return r->retry_failed;
    case MANIFEST_SCAN_LINK:
        return r->config->follow;
    case MANIFEST_SCAN_OK:
    case MANIFEST_SCAN_DIRECTORY:
        break;
    }
    return false;
}

/* Device numbers change when a disk is mounted again; inode, size and mtime
 * together do not stay by chance. */
static bool is_same_version(const struct manifest_source *s,
                            const struct walk_file *f)
{
    return s->ino == f->ino && s->size == f->size && s->mtime_ns == f->mtime_ns;
}

static int on_file(void *opaque, const struct walk_file *file,
                   struct error *err)
{
    struct run *r = opaque;
    struct manifest_source known;
    int rc = manifest_known_find(r->known, file->relpath, &known, err);

    if (rc < 0)
        return -1;
    r->progress.found++;
    index_report(r, false);
    if (file->leaves)
        r->result->links_outside++;
    else if (file->is_link && rc == 0)
        return push_file(&r->links, file, err);
    else
        r->result->files++;
    if (rc == 0)
        return push_file(&r->files, file, err);
    if (!is_same_version(&known, file) || index_wants_retry(r, &known)) {
        if (mark_seen(r, known.id, err) != 0)
            return -1;
        return push_file(&r->files, file, err);
    }
    r->result->unchanged += !file->leaves;
    if (known.vanished || known.dev != file->dev)
        return index_push_same(r, known.id, NULL, file->dev, err);
    return mark_seen(r, known.id, err);
}

static int on_unreadable(void *opaque, const char *relpath, bool is_folder,
                         int sys_errno, struct error *err)
{
    struct run *r = opaque;

    (void)is_folder;
    if (!relpath[0])
        return error_set_sys(err, sys_errno, "cannot read the archive: %s",
                             strerrordesc_np(sys_errno));
    index_warn(r, relpath, strerrordesc_np(sys_errno));
    char **grown = reallocarray(r->unread, r->n_unread + 1, sizeof *grown);

    if (!grown)
        return error_no_memory(err);
    r->unread = grown;
    grown[r->n_unread] = strdup(relpath);
    if (!grown[r->n_unread])
        return error_no_memory(err);
    r->n_unread++;
    r->result->unreadable_folders++;
    return 0;
}

static void on_folder(void *opaque, const char *relpath, int fd)
{
    const struct run *r = opaque;

    if (r->config->folder)
        r->config->folder(r->config->opaque, relpath, fd);
}

static void on_link_skipped(void *opaque, const char *relpath)
{
    struct run *r = opaque;

    r->result->links_skipped++;
    index_warn(r, relpath, "symbolic link to nothing");
}

static int by_inode(const void *left, const void *right)
{
    const struct parse_file *a = left;
    const struct parse_file *b = right;

    if (a->dev != b->dev)
        return a->dev < b->dev ? -1 : 1;
    if (a->ino != b->ino)
        return a->ino < b->ino ? -1 : 1;
    if (a->is_link != b->is_link)
        return a->is_link ? 1 : -1;
    return strcmp(a->relpath, b->relpath);
}

void index_sort_files(struct files *files)
{
    if (files->n > 0)
        qsort(files->v, files->n, sizeof *files->v, by_inode);
}

/* Does the manifest know this file under a path that is still there? */
static int is_known_elsewhere(const struct run *r, const struct parse_file *f,
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
        if (in_place)
            return 1;
        after = s.id;
    }
}

/* A link to a file that is in the archive under its own name adds nothing;
 * one to a file in a folder that is not walked (.git/annex) stands for it. */
static int add_links(struct run *r, struct error *err)
{
    struct files *links = &r->links;
    size_t n_files = r->files.n;

    index_sort_files(&r->files);
    index_sort_files(links);
    for (size_t i = 0; i < links->n; i++) {
        struct parse_file *f = &links->v[i];
        struct parse_file first = {
            .relpath = f->relpath, .dev = f->dev, .ino = f->ino};
        size_t low = 0;
        size_t high = n_files;

        while (low < high) { /* the first entry not before (dev, ino) */
            size_t middle = low + (high - low) / 2;
            const struct parse_file *e = &r->files.v[middle];

            if (e->dev < first.dev ||
                (e->dev == first.dev && e->ino < first.ino))
                low = middle + 1;
            else
                high = middle;
        }
        if (low < n_files && r->files.v[low].dev == f->dev &&
            r->files.v[low].ino == f->ino)
            continue;
        if (i > 0 && links->v[i - 1].dev == f->dev &&
            links->v[i - 1].ino == f->ino)
            continue;
        int rc = is_known_elsewhere(r, f, err);
        struct walk_file file = {.relpath = f->relpath,
                                 .is_link = true,
                                 .dev = f->dev,
                                 .ino = f->ino,
                                 .size = f->size,
                                 .mtime_ns = f->mtime_ns};

        if (rc < 0 || (rc == 0 && push_file(&r->files, &file, err) != 0))
            return -1;
        r->result->files += rc == 0;
    }
    return 0;
}

/* ---- all ---- */

/* Is there nothing at all in the archive? A place whose disk is not mounted
 * is an empty folder. */
static bool has_no_names(const struct run *r)
{
    int fd = openat(r->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    int n = 0;

    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    while (n <= 2 && readdir(dir))
        n++;
    (void)closedir(dir);
    return n <= 2;
}

static int check_not_empty(const struct run *r, struct error *err)
{
    struct manifest_source any;

    if (r->result->files > 0 || r->config->allow_empty ||
        (r->config->keep_rest && !has_no_names(r)))
        return 0;
    int rc = manifest_source_list(r->m, 0, 1, &any, err);

    if (rc <= 0)
        return rc;
    free(any.relpath);
    return error_set(err, ERROR_USAGE,
                     "%s has no files, but had some when it was last indexed: "
                     "is it mounted? (--allow-empty if this is right)",
                     r->config->archive);
}

int index_scan(struct run *r, struct error *err)
{
    const struct walk_handler handler = {
        .opaque = r,
        .file = on_file,
        .unreadable = on_unreadable,
        .folder = on_folder,
        .link_skipped = on_link_skipped,
    };
    const struct walk_what what = {r->config->exclude, r->config->only,
                                   r->config->n_only, r->config->follow};

    int64_t last = 0;

    r->known = manifest_known_open(r->m, err);
    if (!r->known ||
        walk_tree(r->root_fd, &what, &handler, r->config->cancel, err) != 0 ||
        add_links(r, err) != 0 || check_not_empty(r, err) != 0 ||
        manifest_source_last(r->m, &last, err) != 0)
        return -1;
    /* If as many were seen as there are, none has another place now. */
    if (r->n_seen < last && index_find_moved(r, err) != 0)
        return -1;
    if (index_write_same(r, err) != 0 ||
        index_write_vanished(r, last, err) != 0)
        return -1;
    manifest_known_close(r->known);
    r->known = NULL;
    return 0;
}

/* ---- release ---- */

void index_files_deinit(struct files *files)
{
    for (size_t i = 0; i < files->n; i++)
        free(files->v[i].relpath);
    free(files->v);
    *files = (struct files){0};
}

void index_scan_deinit(struct run *r)
{
    index_files_deinit(&r->files);
    index_files_deinit(&r->unsettled);
    index_files_deinit(&r->links);
    free(r->last_parser);
    for (size_t i = 0; i < r->n_same; i++) {
        char *relpath = (char *)(uintptr_t)r->same[i].relpath;

        free(relpath);
    }
    free(r->same);
    manifest_known_close(r->known);
    for (size_t i = 0; i < r->n_unread; i++)
        free(r->unread[i]);
    free(r->unread);
    free(r->seen);
}
