// SPDX-License-Identifier: MIT
/*
 * main.c: prepfs ARCHIVE MOUNTPOINT [-o ...]
 *
 *     options, paths     in the terminal; what is wrong is said at once
 *     fork               before threads and databases: daemon.c
 *     workers            the other fork, for the same reason: worker/
 *     parts              manifest, cache, render, pool, tree: parts.c
 *     first index        with a line of progress; can be interrupted
 *     mount              then a thread asks it something and tells the parent
 *     serve              until unmounted, or a signal came: guard.c
 *     all back           in the opposite order
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon.h"
#include "decode/decode.h"
#include "dicom/dicom.h"
#include "guard.h"
#include "indexer.h"
#include "options.h"
#include "parts.h"
#include "paths.h"
#include "rescan_socket.h"
#include "session.h"

struct mount {
    struct options options;
    struct paths paths;
    struct daemon daemon;
    struct log log;
    struct workers *workers;
    struct parts parts;
    struct indexer *indexer;
    struct rescan_socket *socket;
    struct session *session;
    struct guard *guard;
    atomic_bool cancel;
    bool pass_later; /* a pass over the archive follows the mount */
    pthread_t greeter;
    bool greets;
};

/* ---- before the fork ---- */

static int print_version(void)
{
    char fuse[32], engine[256];

    session_fuse_version(fuse, sizeof fuse);
    render_engine_text(engine, sizeof engine);
    (void)printf("prepfs %s\nlibfuse %s\n%s\n", PREPFS_VERSION, fuse, engine);
    return DAEMON_OK;
}

static int status_of(const struct error *err)
{
    return err->kind == ERROR_USAGE ? DAEMON_USAGE : DAEMON_FAILED;
}

static int complain(const struct error *err)
{
    (void)fprintf(stderr, "prepfs: %s\n", err->msg);
    return status_of(err);
}

/* `mount -o remount` runs us again. Our own options cannot change under a
 * mount, and the kernel's are what they always are. */
static int remount(const struct options *o)
{
    (void)execlp("mount", "mount", "-i", "-o", "remount,ro,nosuid,nodev,noexec",
                 o->mountpoint, (char *)NULL);
    (void)fprintf(stderr, "prepfs: cannot run mount(8): %s\n",
                  strerrordesc_np(errno));
    return DAEMON_FAILED;
}

/* One descriptor per source being read; the soft limit is often 1024. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/*
 * Large pieces come from the system and go back to it. Left to itself malloc
 * takes the first image that is freed as a sign to keep pieces of that size,
 * in an arena per thread: 64 MiB of budget were 220 MiB of process.
 */
static void give_memory_back(void)
{
    enum { LARGE = 1 << 20 };

    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
    (void)mallopt(M_TRIM_THRESHOLD, LARGE);
}

/* ---- starting ---- */

/* What a hostile file could do if it got the better of a parser or decoder. */
static void warn_of_confinement(struct mount *m)
{
    unsigned has = workers_confinement(m->workers);

    if (!(has & WORKERS_NO_SYSCALLS))
        log_line(&m->log, LOG_LEVEL_WARNING,
                 "parsers and decoders are not shut in: no seccomp here, or a "
                 "sanitizer%s",
                 has & WORKERS_NO_FILES ? " (but Landlock)" : "");
    if (!(has & WORKERS_MEMORY_LIMIT))
        log_line(&m->log, LOG_LEVEL_WARNING,
                 "the memory of parsers and decoders is not limited");
}

/* Before there are threads: worker.h. */
static int start_workers(struct mount *m, struct error *err)
{
    const struct options *o = &m->options;
    struct workers_config config = {
        .count = o->workers < 0 ? parts_threads(o) : (unsigned)o->workers,
        .memory_bytes = o->decode_memory,
        .seconds = (unsigned)o->decode_time,
    };

    if (config.count == 0)
        return 0;
    m->workers = workers_start(&config, err);
    if (!m->workers)
        return -1;
    warn_of_confinement(m);
    return 0;
}

static int index_first(struct mount *m, struct error *err)
{
    struct indexer_config config = {
        .fs = &m->parts.fs,
        .archive = m->paths.archive,
        .manifest = m->paths.manifest,
        .snapshot = m->parts.snapshot,
        .cancel = &m->cancel,
        .show_progress = isatty(STDERR_FILENO) == 1,
        .watch = m->options.watch,
        .clock_s = m->options.rescan,
    };
    int rc;

    m->indexer = indexer_new(&config, err);
    if (!m->indexer)
        return -1;
    rc = indexer_has_run(m->indexer, err);
    m->pass_later = !m->paths.manifest; /* it has just been looked at */
    if (rc < 0 || rc == 1 || m->options.index_background)
        return rc < 0 ? -1 : 0;
    rc = indexer_first(m->indexer, err);
    m->pass_later = rc == 1;
    if (rc == 1)
        log_line(&m->log, LOG_LEVEL_INFO,
                 "another process is indexing this archive; files appear as "
                 "they are found");
    if (rc < 0 && err->kind == ERROR_INTERRUPTED)
        return error_set(err, ERROR_INTERRUPTED,
                         "interrupted; the next start goes on with the index");
    return rc < 0 ? -1 : 0;
}

static void tell_cohort(struct mount *m)
{
    struct manifest_cohort_size size;

    cohort_size(m->parts.fs.cohort, &size);
    if (m->parts.fs.cohort)
        log_line(&m->log, LOG_LEVEL_INFO,
                 "%" PRIu64 " of %" PRIu64 " images are shown%s%s", size.images,
                 size.images + size.hidden, m->options.where ? ", where" : "",
                 m->options.hide_burned_in ? ", hide_burned_in" : "");
}

static void on_hangup(void *opaque)
{
    struct mount *m = opaque;

    parts_reload_presets(&m->parts, m->paths.presets);
    indexer_rescan(m->indexer);
}

static int start(struct mount *m, struct error *err)
{
    struct guard_config config = {
        .log = &m->log,
        .cancel = &m->cancel,
        .hangup = on_hangup,
        .opaque = m,
    };

    m->guard = guard_start(&config, err);
    if (!m->guard ||
        parts_open(&m->parts, &m->options, &m->paths, m->workers, &m->log,
                   &m->cancel, err) < 0 ||
        index_first(m, err) < 0)
        return -1;
    tell_cohort(m);
    m->session = session_new(&m->parts.fs, m->paths.archive, err);
    if (!m->session || session_mount(m->session, m->paths.mountpoint, err) < 0)
        return -1;
    if (!guard_mounted(m->guard, m->session))
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    return 0;
}

/* ---- serving ---- */

static void set_read_ahead(struct mount *m)
{
    struct error err = ERROR_INIT;

    if (m->options.read_ahead_kb &&
        session_set_read_ahead(m->paths.mountpoint, m->options.read_ahead_kb,
                               &err) < 0)
        log_line(&m->log, LOG_LEVEL_WARNING, "read_ahead_kb: %s", err.msg);
}

/* Asks the mount something, as the first of its users, and tells whoever
 * started us how it went. */
static void *greet(void *opaque)
{
    struct mount *m = opaque;
    struct error err = ERROR_INIT;

    if (session_probe(m->paths.mountpoint, &err) < 0) {
        daemon_tell(&m->daemon, DAEMON_FAILED, err.msg);
        return NULL;
    }
    set_read_ahead(m);
    if (!m->options.foreground)
        log_to_syslog(&m->log);
    daemon_tell(&m->daemon, DAEMON_OK, NULL);
    daemon_notify_manager("READY=1\nSTATUS=serving");
    return NULL;
}

/* A mount that cannot be asked is a mount. */
static void listen_to_wishes(struct mount *m)
{
    struct error err = ERROR_INIT;

    m->socket = rescan_socket_new(m->parts.socket, m->indexer, &err);
    if (!m->socket)
        log_line(&m->log, LOG_LEVEL_WARNING,
                 "prepfsctl rescan will not reach this mount: %s", err.msg);
}

static int serve(struct mount *m, struct error *err)
{
    int rc;

    if (indexer_start(m->indexer, session_fuse(m->session), m->pass_later,
                      err) < 0)
        return -1;
    listen_to_wishes(m);
    rc = pthread_create(&m->greeter, NULL, greet, m);
    if (rc != 0)
        return error_set_sys(err, rc, "cannot start a thread: %s",
                             strerrordesc_np(rc));
    m->greets = true;
    return session_run(m->session, err);
}

/* The indexer notifies and the pool answers through the session: both end
 * before it does. The greeter may still wait for the mount, and is set free
 * when the session goes. */
static void finish(struct mount *m)
{
    guard_end(m->guard);
    session_disconnect(m->session);
    atomic_store(&m->cancel, true); /* a pass that goes on in the background */
    rescan_socket_free(m->socket);
    indexer_free(m->indexer);
    pool_free(m->parts.fs.pool);
    m->parts.fs.pool = NULL;
    session_free(m->session);
    if (m->greets)
        lock_check(pthread_join(m->greeter, NULL));
    parts_close(&m->parts);
    workers_free(m->workers);
}

static int run(struct mount *m)
{
    struct error err = ERROR_INIT;
    int rc;

    guard_block();
    raise_file_limit();
    give_memory_back();
    dicom_global_init();
    log_init(&m->log, stderr, (enum log_level)m->options.log_level);
    rc = start_workers(m, &err);
    if (rc == 0)
        rc = start(m, &err);
    if (rc == 0)
        rc = serve(m, &err);
    finish(m);
    if (rc < 0)
        daemon_tell(&m->daemon, status_of(&err), err.msg);
    log_deinit(&m->log);
    return rc < 0 ? status_of(&err) : DAEMON_OK;
}

static int mount_it(struct mount *m)
{
    struct error err = ERROR_INIT;
    int status = DAEMON_FAILED;
    int rc = paths_resolve(&m->options, &m->paths, &err);

    if (rc == 0)
        rc = daemon_split(&m->daemon, m->options.foreground, &status, &err);
    if (rc < 0)
        return complain(&err);
    if (rc == 0)
        status = run(m);
    paths_deinit(&m->paths);
    return status;
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct mount m = {.daemon = {.fd = -1}};
    int status;

    if (daemon_keep_standard_fds() < 0) {
        (void)fprintf(stderr, "prepfs: /dev/null: %s\n",
                      strerrordesc_np(errno));
        return DAEMON_FAILED;
    }
    if (options_parse(argc, argv, &m.options, &err) < 0)
        return complain(&err);
    if (m.options.help) {
        options_help(stdout);
        status = DAEMON_OK;
    } else if (m.options.version) {
        status = print_version();
    } else if (m.options.remount) {
        status = remount(&m.options);
    } else {
        status = mount_it(&m);
    }
    options_deinit(&m.options);
    return status;
}
