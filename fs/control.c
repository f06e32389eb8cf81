// SPDX-License-Identifier: MIT
/*
 * control.c: see control.h. What is in the files is in control_text.c.
 *
 * A node is a snapshot: bytes in memory, or a file without a name for those
 * that grow with the archive. It has two counts. `lookups` is the kernel's,
 * `users` is one for each reply being sent and one for the kernel as long as
 * lookups is not 0; the node goes when users is 0. Nodes are made and freed
 * without the lock.
 */
#include "control_impl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "prepfs/cleanup.h"

/* ---- nodes ---- */

static struct node_list *bucket(struct control *c, uint64_t number)
{
    return &c->nodes[number / 16 % NODE_BUCKETS];
}

static struct node *find_locked(struct control *c, uint64_t number)
    REQUIRES(c->lock)
{
    struct node *node;

    LIST_FOREACH(node, bucket(c, number), link)
    {
        if (node->number == number)
            return node;
    }
    return NULL;
}

static struct node *find_or_stale_locked(struct control *c, uint64_t number,
                                         struct error *err) REQUIRES(c->lock)
{
    struct node *node = find_locked(c, number);

    if (!node)
        (void)error_set(err, ERROR_STALE,
                        "this snapshot has been forgotten; open it again");
    return node;
}

static void free_node(struct node *node)
{
    if (!node)
        return;
    if (node->fd >= 0)
        (void)close(node->fd);
    free(node->data);
    free(node);
}

static struct node *new_node(struct error *err)
{
    struct node *node = calloc(1, sizeof *node);

    if (!node)
        (void)error_no_memory(err);
    else
        node->fd = -1;
    return node;
}

static void insert_locked(struct control *c, struct node *node)
    REQUIRES(c->lock)
{
    LIST_INSERT_HEAD(bucket(c, node->number), node, link);
    c->count++;
}

/* Gives up one use; the node, if it was the last, for free_node. */
static struct node *unuse_locked(struct control *c, struct node *node)
    REQUIRES(c->lock)
{
    if (--node->users > 0)
        return NULL;
    LIST_REMOVE(node, link);
    c->count--;
    return node;
}

static void count_lookup_locked(struct node *node)
{
    if (node->lookups++ == 0)
        node->users++;
}

static void describe(const struct node *node, struct control_file *ret)
{
    ret->number = node->number;
    ret->size = node->size;
    ret->mtime_s = node->mtime_s;
}

struct control *control_new(const struct control_config *config,
                            struct error *err)
{
    struct control *c = calloc(1, sizeof *c);

    if (!c) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&c->lock);
    for (size_t i = 0; i < NODE_BUCKETS; i++)
        LIST_INIT(&c->nodes[i]);
    c->manifest = config->manifest;
    c->views = config->views;
    c->report = config->report;
    c->csv = config->csv;
    c->csv_opaque = config->csv_opaque;
    c->disk = config->disk;
    c->state_dir = strdup(config->state_dir);
    c->database = strdup(config->database);
    if (config->socket)
        c->socket = strdup(config->socket);
    if (!c->state_dir || !c->database || (config->socket && !c->socket)) {
        control_free(c);
        (void)error_no_memory(err);
        return NULL;
    }
    return c;
}

void control_free(struct control *c)
{
    struct node *node, *next;

    if (!c)
        return;
    for (size_t i = 0; i < NODE_BUCKETS; i++) {
        for (node = LIST_FIRST(&c->nodes[i]); node; node = next) {
            next = LIST_NEXT(node, link);
            free_node(node);
        }
    }
    lock_deinit(&c->lock);
    free(c->state_dir);
    free(c->database);
    free(c->socket);
    free(c);
}

size_t control_count(struct control *c)
{
    size_t n;

    lock_acquire(&c->lock);
    n = c->count;
    lock_release(&c->lock);
    return n;
}

/* ---- making snapshots ---- */

/* A file in the state folder that has no name and goes with its last use. */
static int open_nameless(struct control *c, struct error *err)
{
    CLEANUP_FREE char *path = NULL;
    int fd = open(c->state_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0)
        return fd;
    if (asprintf(&path, "%s/snapshot-XXXXXX", c->state_dir) < 0) {
        path = NULL;
        return error_no_memory(err);
    }
    fd = mkostemp(path, O_CLOEXEC); /* a file system without O_TMPFILE */
    if (fd < 0)
        return error_set_sys(err, errno, "cannot write in %s: %s", c->state_dir,
                             strerrordesc_np(errno));
    (void)unlink(path);
    return fd;
}

static int finish_stream(FILE *out, int rc, struct error *err)
{
    bool failed = ferror(out) != 0;

    failed = fclose(out) != 0 || failed;
    if (rc == 0 && failed)
        return error_set_sys(err, errno ? errno : EIO,
                             "cannot write a snapshot");
    return rc;
}

static int write_to_memory(struct control *c, const struct control_text *file,
                           const char *name, struct node *node,
                           struct error *err)
{
    size_t size = 0;
    FILE *out = open_memstream(&node->data, &size);
    int rc;

    if (!out)
        return error_no_memory(err);
    rc = file->write(c, name, out, err);
    rc = finish_stream(out, rc, err);
    node->size = size;
    return rc;
}

static int write_to_file(struct control *c, const struct control_text *file,
                         const char *name, struct node *node, struct error *err)
{
    CLEANUP_FD int fd = open_nameless(c, err);
    struct stat st;
    FILE *out;
    int rc;

    if (fd < 0)
        return -1;
    node->fd = dup(fd);
    out = node->fd < 0 ? NULL : fdopen(fd, "w");
    if (!out)
        return error_set_sys(err, errno, "cannot write a snapshot");
    (void)cleanup_steal_fd(&fd);
    rc = file->write(c, name, out, err);
    rc = finish_stream(out, rc, err);
    if (rc == 0 && fstat(node->fd, &st) < 0)
        return error_set_sys(err, errno, "cannot read a snapshot");
    node->size = rc == 0 ? (uint64_t)st.st_size : 0;
    return rc;
}

int control_lookup(struct control *c, enum inode_folder folder,
                   const char *name, bool may_work, struct control_file *ret,
                   struct error *err)
{
    const struct control_text *file = control_text_find(c, folder, name);
    struct node *node;
    int rc;

    if (!file)
        return error_set(err, ERROR_NOT_FOUND, "no control file %s", name);
    if (file->is_big && !may_work)
        return 1;
    node = new_node(err);
    if (!node)
        return -1;
    rc = file->is_big ? write_to_file(c, file, name, node, err)
                      : write_to_memory(c, file, name, node, err);
    if (rc < 0) {
        free_node(node);
        return -1;
    }
    node->mtime_s = time(NULL);
    lock_acquire(&c->lock);
    node->number = inode_from_serial(INODE_CONTROL, ++c->last_serial);
    count_lookup_locked(node);
    insert_locked(c, node);
    describe(node, ret);
    lock_release(&c->lock);
    return 0;
}

/* ---- manifest.db ---- */

/* 42 bits of milliseconds last until the year 2109. */
static uint64_t epoch_number(const struct stat *st)
{
    uint64_t ms = (uint64_t)st->st_mtim.tv_sec * 1000 +
                  (uint64_t)st->st_mtim.tv_nsec / 1000000;

    return inode_from_serial(INODE_DATABASE, ms ? ms : 1);
}

static struct node *open_epoch(struct control *c, struct error *err)
{
    CLEANUP_FD int fd = open(c->database, O_RDONLY | O_CLOEXEC);
    struct node *node;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            (void)error_set(err, ERROR_NOT_FOUND,
                            "manifest.db is not ready yet");
        else
            (void)error_set_sys(err, errno, "cannot open %s: %s", c->database,
                                strerrordesc_np(errno));
        return NULL;
    }
    node = new_node(err);
    if (!node)
        return NULL;
    node->number = epoch_number(&st);
    node->size = (uint64_t)st.st_size;
    node->mtime_s = st.st_mtim.tv_sec;
    node->file = st;
    node->fd = cleanup_steal_fd(&fd);
    return node;
}

static bool is_same_file(const struct node *a, const struct node *b)
{
    return a->file.st_dev == b->file.st_dev &&
           a->file.st_ino == b->file.st_ino &&
           a->file.st_mtim.tv_sec == b->file.st_mtim.tv_sec &&
           a->file.st_mtim.tv_nsec == b->file.st_mtim.tv_nsec;
}

/* Makes `node` the latest, unless the latest is the same file or the number
 * is taken by an older one. Returns up to two nodes to free. */
static void adopt_epoch_locked(struct control *c, struct node *node,
                               struct node *ret_garbage[2]) REQUIRES(c->lock)
{
    if (c->epoch && is_same_file(c->epoch, node)) {
        ret_garbage[0] = node;
        return;
    }
    while (find_locked(c, node->number)) /* two snapshots in one ms */
        node->number += 16;
    if (c->epoch)
        ret_garbage[1] = unuse_locked(c, c->epoch);
    node->users = 1;
    c->epoch = node;
    insert_locked(c, node);
}

int control_lookup_database(struct control *c, struct control_file *ret,
                            struct error *err)
{
    struct node *garbage[2] = {NULL, NULL};
    struct node *node = open_epoch(c, err);
    bool exists;

    /* Without a file, because somebody took the state folder away, the last
     * one is still open. */
    lock_acquire(&c->lock);
    if (node)
        adopt_epoch_locked(c, node, garbage);
    exists = c->epoch != NULL;
    if (exists) {
        count_lookup_locked(c->epoch);
        describe(c->epoch, ret);
    }
    lock_release(&c->lock);
    free_node(garbage[0]);
    free_node(garbage[1]);
    return exists ? 0 : -1;
}

/* ---- by number ---- */

int control_relookup(struct control *c, uint64_t number,
                     struct control_file *ret, struct error *err)
{
    struct node *node;

    lock_acquire(&c->lock);
    node = find_or_stale_locked(c, number, err);
    if (node) {
        count_lookup_locked(node);
        describe(node, ret);
    }
    lock_release(&c->lock);
    return node ? 0 : -1;
}

void control_forget(struct control *c, uint64_t number, uint64_t lookups)
{
    struct node *node, *garbage = NULL;

    lock_acquire(&c->lock);
    node = find_locked(c, number);
    if (node && node->lookups > 0) {
        node->lookups -= lookups < node->lookups ? lookups : node->lookups;
        if (node->lookups == 0)
            garbage = unuse_locked(c, node);
    }
    lock_release(&c->lock);
    free_node(garbage);
}

int control_attr(struct control *c, uint64_t number, struct control_file *ret,
                 struct error *err)
{
    struct node *node;

    lock_acquire(&c->lock);
    node = find_or_stale_locked(c, number, err);
    if (node)
        describe(node, ret);
    lock_release(&c->lock);
    return node ? 0 : -1;
}

/* Fills from the file; the snapshot's size is fixed, so less is an error. */
static int read_file(const struct node *node, uint64_t offset,
                     struct control_bytes *ret, struct error *err)
{
    size_t done = 0;
    ssize_t n;

    ret->buffer = malloc(ret->length ? ret->length : 1);
    if (!ret->buffer)
        return error_no_memory(err);
    while (done < ret->length) {
        n = pread(node->fd, (char *)ret->buffer + done, ret->length - done,
                  (off_t)(offset + done));
        if (n <= 0)
            return error_set_sys(err, n < 0 ? errno : EIO,
                                 "cannot read a snapshot");
        done += (size_t)n;
    }
    ret->data = ret->buffer;
    return 0;
}

int control_read(struct control *c, uint64_t number, uint64_t offset,
                 size_t length, struct control_bytes *ret, struct error *err)
{
    struct node *node;
    uint64_t rest;

    memset(ret, 0, sizeof *ret);
    lock_acquire(&c->lock);
    node = find_or_stale_locked(c, number, err);
    if (node)
        node->users++;
    lock_release(&c->lock);
    if (!node)
        return -1;
    ret->node = node;
    rest = offset < node->size ? node->size - offset : 0;
    ret->length = length < rest ? length : (size_t)rest;
    if (node->fd < 0) {
        ret->data = ret->length ? node->data + offset : "";
        return 0;
    }
    if (read_file(node, offset, ret, err) < 0) {
        control_release(c, ret);
        return -1;
    }
    return 0;
}

void control_release(struct control *c, struct control_bytes *bytes)
{
    struct node *garbage;

    lock_acquire(&c->lock);
    garbage = unuse_locked(c, bytes->node);
    lock_release(&c->lock);
    free_node(garbage);
    free(bytes->buffer);
    memset(bytes, 0, sizeof *bytes);
}
