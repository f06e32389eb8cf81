// SPDX-License-Identifier: MIT
/*
 * outdir.c: see outdir.h. What is known of the files that are there already is
 * kept as hashes of their names: 32 bytes for each file.
 */
#include "ctl/outdir_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prepfs/cleanup.h"

#define HEAD "prepfs-render 1\t"
#define LIST "files.tsv"

struct known {
    uint64_t name; /* hash */
    uint64_t version;
    uint64_t size;
    uint64_t order; /* of its line */
};

int outdir_fail(const struct outdir *o, const char *name, struct error *err)
{
    int code = errno;

    return error_set_sys(err, code, "%s/%s: %s", o->path, name,
                         strerrordesc_np(code));
}

/* FNV-1a of 64 bits. */
static uint64_t hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return h;
}

static int by_name(const void *left, const void *right)
{
    const struct known *a = left;
    const struct known *b = right;

    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* For finding. */
static int by_hash(const void *left, const void *right)
{
    const struct known *a = left;
    const struct known *b = right;

    return a->name < b->name ? -1 : a->name > b->name;
}

/* ---- the list ---- */

/* "VERSION\tSIZE\tPATH\n"; a line that is cut short was never finished. */
static bool parse_line(char *line, ssize_t length, struct known *ret)
{
    int used = 0;

    if (length < 1 || line[length - 1] != '\n')
        return false;
    line[length - 1] = '\0';
    if (sscanf(line, "%16" SCNx64 "\t%" SCNu64 "%n", &ret->version, &ret->size,
               &used) != 2 ||
        line[used] != '\t' || !line[used + 1])
        return false;
    ret->name = hash(line + used + 1);
    return true;
}

static int push_known(struct outdir *o, const struct known *k,
                      struct error *err)
{
    if ((o->n_known & (o->n_known - 1)) == 0) { /* at every power of two */
        size_t capacity = o->n_known ? o->n_known * 2 : 1;
        struct known *grown = reallocarray(o->known, capacity, sizeof *grown);

        if (!grown)
            return error_no_memory(err);
        o->known = grown;
    }
    o->known[o->n_known] = *k;
    o->known[o->n_known].order = o->n_known;
    o->n_known++;
    return 0;
}

/* Of several lines about one file the last one counts. */
static void sort_known(struct outdir *o)
{
    size_t kept = 0;

    if (o->n_known == 0)
        return;
    qsort(o->known, o->n_known, sizeof *o->known, by_name);
    for (size_t i = 0; i < o->n_known; i++)
        if (i + 1 == o->n_known || o->known[i + 1].name != o->known[i].name)
            o->known[kept++] = o->known[i];
    o->n_known = kept;
}

/* The head of the list: *ret is malloc'd and NULL if there is none. */
static int read_head(struct outdir *o, FILE *in, char **ret, struct error *err)
{
    CLEANUP_FREE char *line = NULL;
    size_t size = 0;
    ssize_t length = getline(&line, &size, in);

    *ret = NULL;
    if (length < 0)
        return ferror(in) ? outdir_fail(o, LIST, err) : 0;
    if (line[length - 1] != '\n')
        return 0;
    line[length - 1] = '\0';
    if (strncmp(line, HEAD, strlen(HEAD)) != 0)
        return error_set(err, ERROR_USAGE,
                         "%s/" OUTDIR_PRIVATE "/" LIST " is not of this "
                         "version of prepfsctl (--force writes all files "
                         "once more)",
                         o->path);
    *ret = strdup(line + strlen(HEAD));
    return *ret ? 0 : error_no_memory(err);
}

static int read_lines(struct outdir *o, FILE *in, struct error *err)
{
    CLEANUP_FREE char *line = NULL;
    size_t size = 0;
    ssize_t length;

    while ((length = getline(&line, &size, in)) > 0) {
        struct known k;

        if (parse_line(line, length, &k) && push_known(o, &k, err) != 0)
            return -1;
    }
    if (ferror(in))
        return outdir_fail(o, LIST, err);
    sort_known(o);
    return 0;
}

/* A list begins with its view, a comma, and what it was made by. */
static int refuse(const struct outdir *o, const char *head, const char *made_by,
                  struct error *err)
{
    int view = (int)strcspn(head, ",");
    bool is_other_view = strncmp(head, made_by, (size_t)view + 1) != 0;

    if (is_other_view)
        return error_set(err, ERROR_USAGE,
                         "%.60s has files of the view %.*s: choose another "
                         "folder, or --force",
                         o->path, view, head);
    return error_set(err, ERROR_USAGE,
                     "%.60s has files that another version of prepfs or its "
                     "libraries has made: choose another folder, or --force",
                     o->path);
}

static int read_list(struct outdir *o, FILE *in, const char *made_by,
                     bool *ret_fresh, struct error *err)
{
    CLEANUP_FREE char *head = NULL;

    if (read_head(o, in, &head, err) != 0)
        return -1;
    if (head && read_lines(o, in, err) != 0)
        return -1;
    *ret_fresh = !head || (o->n_known == 0 && strcmp(head, made_by) != 0);
    if (*ret_fresh || strcmp(head, made_by) == 0)
        return 0;
    return refuse(o, head, made_by, err);
}

int outdir_write(int fd, const void *data, size_t length)
{
    const char *at = data;

    while (length > 0) {
        ssize_t n = write(fd, at, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return -1;
        }
        at += n;
        length -= (size_t)n;
    }
    return 0;
}

/* Begins a new list, in the place of the old one. */
static int write_head(struct outdir *o, const char *made_by, struct error *err)
{
    CLEANUP_FREE char *head = NULL;
    int n = asprintf(&head, HEAD "%s\n", made_by);

    if (n < 0) {
        head = NULL;
        return error_no_memory(err);
    }
    if (ftruncate(o->list_fd, 0) != 0 ||
        outdir_write(o->list_fd, head, (size_t)n) != 0)
        return outdir_fail(o, OUTDIR_PRIVATE "/" LIST, err);
    o->n_known = 0;
    return 0;
}

static int open_list(struct outdir *o, const char *made_by, bool force,
                     struct error *err)
{
    bool fresh = true;
    int rc = 0;

    o->list_fd = openat(o->private_fd, LIST,
                        O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (o->list_fd < 0)
        return outdir_fail(o, OUTDIR_PRIVATE "/" LIST, err);
    if (!force) {
        int fd = openat(o->private_fd, LIST, O_RDONLY | O_CLOEXEC);
        FILE *in = fd < 0 ? NULL : fdopen(fd, "r");

        if (!in)
            return outdir_fail(o, OUTDIR_PRIVATE "/" LIST, err);
        rc = read_list(o, in, made_by, &fresh, err);
        (void)fclose(in);
    }
    return rc == 0 && fresh ? write_head(o, made_by, err) : rc;
}

/* A line that a killed run has not finished must not run into the next. */
static int end_last_line(struct outdir *o, struct error *err)
{
    struct stat st;
    char last;

    if (fstat(o->list_fd, &st) != 0)
        return outdir_fail(o, OUTDIR_PRIVATE "/" LIST, err);
    if (st.st_size == 0 || pread(o->list_fd, &last, 1, st.st_size - 1) != 1 ||
        last == '\n')
        return 0;
    return outdir_write(o->list_fd, "\n", 1) == 0
               ? 0
               : outdir_fail(o, OUTDIR_PRIVATE "/" LIST, err);
}

/* What a line says is not true, or it is a part of one. */
static void cut_locked(struct outdir *o, const struct outdir_line *line)
    REQUIRES(o->lock)
{
    struct stat st;

    if (fstat(o->list_fd, &st) == 0 && st.st_size > line->start &&
        st.st_size <= line->end)
        (void)!ftruncate(o->list_fd, line->start);
}

void outdir_line_cut(struct outdir *o, const struct outdir_line *line)
{
    lock_acquire(&o->lock);
    cut_locked(o, line);
    lock_release(&o->lock);
}

static int append_locked(struct outdir *o, const char *text, size_t length,
                         struct outdir_line *ret, struct error *err)
    REQUIRES(o->lock)
{
    struct stat st;

    if (fstat(o->list_fd, &st) != 0)
        return outdir_fail(o, OUTDIR_PRIVATE "/" LIST, err);
    *ret = (struct outdir_line){st.st_size, st.st_size + (off_t)length};
    if (outdir_write(o->list_fd, text, length) == 0)
        return 0;
    (void)outdir_fail(o, OUTDIR_PRIVATE "/" LIST, err);
    cut_locked(o, ret); /* a part of it */
    return -1;
}

int outdir_line_add(struct outdir *o, const char *relpath, uint64_t version,
                    uint64_t size, struct outdir_line *ret, struct error *err)
{
    CLEANUP_FREE char *line = NULL;
    int n = asprintf(&line, "%016" PRIx64 "\t%" PRIu64 "\t%s\n", version, size,
                     relpath);
    int rc;

    if (n < 0) {
        line = NULL;
        return error_no_memory(err);
    }
    lock_acquire(&o->lock);
    rc = append_locked(o, line, (size_t)n, ret, err);
    lock_release(&o->lock);
    return rc;
}

/* ---- life ---- */

static int open_folders(struct outdir *o, struct error *err)
{
    if (mkdir(o->path, 0777) != 0 && errno != EEXIST)
        return error_set_sys(err, errno, "cannot make %s: %s", o->path,
                             strerrordesc_np(errno));
    o->fd = open(o->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (o->fd < 0)
        return error_set_sys(err, errno, "%s: %s", o->path,
                             strerrordesc_np(errno));
    if (mkdirat(o->fd, OUTDIR_PRIVATE, 0777) != 0 && errno != EEXIST)
        return outdir_fail(o, OUTDIR_PRIVATE, err);
    o->private_fd = openat(o->fd, OUTDIR_PRIVATE,
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return o->private_fd < 0 ? outdir_fail(o, OUTDIR_PRIVATE, err) : 0;
}

static int take_lock(struct outdir *o, struct error *err)
{
    o->lock_fd =
        openat(o->private_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (o->lock_fd < 0)
        return outdir_fail(o, OUTDIR_PRIVATE "/lock", err);
    if (flock(o->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return outdir_fail(o, OUTDIR_PRIVATE "/lock", err);
    return error_set_sys(err, EWOULDBLOCK, "another prepfsctl is writing to %s",
                         o->path);
}

/* What a killed run had in the making. */
static int remove_leftovers(struct outdir *o, struct error *err)
{
    int fd = dup(o->private_fd);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *d;

    if (!dir)
        return outdir_fail(o, OUTDIR_PRIVATE, err);
    rewinddir(dir);
    while ((d = readdir(dir)))
        if (strncmp(d->d_name, "tmp-", 4) == 0)
            (void)unlinkat(o->private_fd, d->d_name, 0);
    (void)closedir(dir);
    return 0;
}

static void outdir_free(struct outdir *o)
{
    const int fds[] = {o->list_fd, o->lock_fd, o->private_fd, o->fd};

    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    lock_deinit(&o->lock);
    free(o->known);
    free(o->path);
    free(o);
}

int outdir_open(const char *path, const char *made_by, bool force,
                struct outdir **ret, struct error *err)
{
    struct outdir *o = calloc(1, sizeof *o);

    if (!o)
        return error_no_memory(err);
    o->fd = o->private_fd = o->lock_fd = o->list_fd = -1;
    lock_init(&o->lock);
    o->path = strdup(path);
    if ((o->path != NULL || error_no_memory(err) == 0) &&
        open_folders(o, err) == 0 && take_lock(o, err) == 0 &&
        remove_leftovers(o, err) == 0 &&
        open_list(o, made_by, force, err) == 0 && end_last_line(o, err) == 0) {
        *ret = o;
        return 0;
    }
    outdir_free(o);
    return -1;
}

int outdir_close(struct outdir *o, struct error *err)
{
    int rc = 0;

    if (!o)
        return 0;
    /* Some file systems tell of a full disk only now. */
    if (syncfs(o->fd) != 0)
        rc = outdir_fail(o, "", err);
    outdir_free(o);
    return rc;
}

/* ---- files ---- */

int outdir_state(struct outdir *o, const char *relpath, uint64_t version,
                 enum outdir_state *ret, struct error *err)
{
    struct known key = {.name = hash(relpath)};
    const struct known *k;
    struct stat st;

    *ret = OUTDIR_MISSING;
    if (fstatat(o->fd, relpath, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : outdir_fail(o, relpath, err);
    k = o->n_known ? bsearch(&key, o->known, o->n_known, sizeof key, by_hash)
                   : NULL;
    if (!k)
        *ret = OUTDIR_FOREIGN;
    else if (k->version != version)
        *ret = OUTDIR_CHANGED;
    else if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == k->size)
        *ret = OUTDIR_DONE;
    return 0;
}
