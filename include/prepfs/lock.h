// SPDX-License-Identifier: MIT
/*
 * lock.h: mutexes that cannot fail silently, with clang's thread-safety words.
 *
 * A failing pthread call is a bug and aborts in release builds too. Helpers
 * that need a lock end in `_locked` and carry REQUIRES(x->lock); clang checks
 * that with -Wthread-safety. Never call the source, a codec, SQLite, malloc of
 * pixels, a callback or fuse_reply_* while holding one.
 */
#ifndef PREPFS_LOCK_H
#define PREPFS_LOCK_H

#include <pthread.h>
#include <stdlib.h>

#if defined(__clang__)
#define PREPFS_TSA(x) __attribute__((x))
#else
#define PREPFS_TSA(x)
#endif

#define REQUIRES(...) PREPFS_TSA(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) PREPFS_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) PREPFS_TSA(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS PREPFS_TSA(no_thread_safety_analysis)

struct PREPFS_TSA(capability("mutex")) lock {
    pthread_mutex_t mutex;
};

static inline void lock_check(int rc)
{
    if (rc != 0)
        abort();
}

static inline void lock_init(struct lock *l)
{
    lock_check(pthread_mutex_init(&l->mutex, NULL));
}

static inline void lock_deinit(struct lock *l)
{
    lock_check(pthread_mutex_destroy(&l->mutex));
}

static inline void lock_acquire(struct lock *l)
    ACQUIRE(*l) NO_THREAD_SAFETY_ANALYSIS
{
    lock_check(pthread_mutex_lock(&l->mutex));
}

static inline void lock_release(struct lock *l)
    RELEASE(*l) NO_THREAD_SAFETY_ANALYSIS
{
    lock_check(pthread_mutex_unlock(&l->mutex));
}

/* Waits on `cond`; the lock is held before and after. */
static inline void lock_wait(struct lock *l, pthread_cond_t *cond) REQUIRES(*l)
{
    lock_check(pthread_cond_wait(cond, &l->mutex));
}

#endif
