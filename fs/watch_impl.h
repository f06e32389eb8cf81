// SPDX-License-Identifier: MIT
/*
 * watch_impl.h: the two kinds of a watch; private to watch*.c.
 */
#ifndef FS_WATCH_IMPL_H
#define FS_WATCH_IMPL_H

#include "prepfs/lock.h"
#include "watch.h"

struct watch_fanotify;
struct watch_inotify;

/* Told by a kind, from the thread that calls it. */
struct watch_ear {
    void (*touched)(void *opaque, const char *relpath);
    void *opaque;
};

/* Of both: the descriptor to poll; what it has is taken in without waiting; a
 * folder that is being walked, -1 if it cannot be watched. */
struct watch_fanotify *watch_fanotify_new(const char *archive,
                                          struct error *err);
void watch_fanotify_free(struct watch_fanotify *f);
void watch_fanotify_close(struct watch_fanotify *f);
int watch_fanotify_fd(const struct watch_fanotify *f);
void watch_fanotify_read(struct watch_fanotify *f, const struct watch_ear *ear);
int watch_fanotify_folder(struct watch_fanotify *f, int fd, struct error *err);

struct watch_inotify *watch_inotify_new(unsigned folders_max,
                                        struct error *err);
void watch_inotify_free(struct watch_inotify *n);
/* Gives all watches back; nothing is read from then on. */
void watch_inotify_close(struct watch_inotify *n);
int watch_inotify_fd(const struct watch_inotify *n);
void watch_inotify_read(struct watch_inotify *n, const struct watch_ear *ear);
int watch_inotify_folder(struct watch_inotify *n, const char *relpath, int fd,
                         struct error *err);
uint64_t watch_inotify_count(struct watch_inotify *n);

/* "a" and "b" -> "a/b", "" and "b" -> "b"; malloc'd, NULL without memory. */
char *watch_join(const char *folder, const char *name);

#endif
