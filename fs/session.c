// SPDX-License-Identifier: MIT
/*
 * session.c: see session.h.
 *
 * The shim. Before 3.17, libfuse keeps FUSE_PARALLEL_DIROPS to itself although
 * it is asked for it, and the kernel then runs all lookups in one folder one
 * after another. So we stand between libfuse and /dev/fuse (which
 * fuse_session_custom_io allows) and add the bit to the one message that
 * carries it: the reply to INIT, the first thing ever written. Nothing else
 * is touched.
 */
#include "session.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops_impl.h"
#include "prepfs/cleanup.h"

struct session {
    struct fs *fs;
    struct fuse_session *se;
    char *mountpoint; /* NULL: not mounted */
    pthread_t runner; /* who is in session_run */
    atomic_bool running;
    atomic_bool detached;
    bool severed; /* the descriptor is not the connection any more */
};

/* libfuse gives its log function no user data. */
static struct log *libfuse_log;

__attribute__((format(printf, 2, 0))) static void
log_libfuse(enum fuse_log_level level, const char *fmt, va_list ap)
{
    enum log_level ours = LOG_LEVEL_ERROR;

    if (level >= FUSE_LOG_DEBUG)
        ours = LOG_LEVEL_DEBUG;
    else if (level >= FUSE_LOG_NOTICE)
        ours = LOG_LEVEL_INFO;
    else if (level == FUSE_LOG_WARNING)
        ours = LOG_LEVEL_WARNING;
    log_vline(libfuse_log, ours, fmt, ap);
}

void session_fuse_version(char *buf, size_t size)
{
    int v = fuse_version(); /* 314, since 3.17 317 */

    (void)snprintf(buf, size, "%d.%d", v / 100, v % 100);
}

/* ---- INIT ---- */

static bool libfuse_sends_parallel_dirops(void)
{
    return fuse_version() >= 317;
}

void ops_init(void *userdata, struct fuse_conn_info *conn)
{
    struct fs *fs = userdata;
    const unsigned wanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO |
                            FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
                            FUSE_CAP_EXPLICIT_INVAL_DATA |
                            FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_CACHE_SYMLINKS |
                            FUSE_CAP_PARALLEL_DIROPS;

    /* All else off: splicing costs more than it saves for data in memory,
     * locks are the kernel's own business in a read-only tree. A bit that
     * the kernel does not offer would end the session. */
    conn->want = wanted & conn->capable;
    /* 12 and 9 by default; 48 parallel readers are then 4 times slower. */
    conn->max_background = 256;
    conn->congestion_threshold = 192;
    atomic_store(&fs->shim_wanted,
                 !libfuse_sends_parallel_dirops() &&
                     (conn->capable & FUSE_CAP_PARALLEL_DIROPS) != 0);
    atomic_store(&fs->report.proto_minor, conn->proto_minor);
    atomic_store(&fs->report.parallel_dirops,
                 (conn->capable & FUSE_CAP_PARALLEL_DIROPS) != 0);
}

/* struct fuse_out_header, then struct fuse_init_out of linux/fuse.h, whose
 * 32-bit words start with major, minor, max_readahead, flags. */
enum {
    INIT_MAJOR = 0,
    INIT_FLAGS = 3,
    INIT_WORDS_MIN = 4,
    INIT_PROTOCOL = 7,
    HEADER_UNIQUE = 8, /* byte offset, of 64 bits */
    HEADER_BYTES = 16
};

#define INIT_PARALLEL_DIROPS (UINT32_C(1) << 18)

/* A notification has no `unique`; the first reply is that to INIT. */
static bool is_init_reply(const struct iovec *iov, int count)
{
    const uint32_t *words;
    uint64_t unique;

    if (count < 2 || iov[0].iov_len < HEADER_BYTES ||
        iov[1].iov_len < INIT_WORDS_MIN * sizeof *words)
        return false;
    memcpy(&unique, (const char *)iov[0].iov_base + HEADER_UNIQUE,
           sizeof unique);
    words = iov[1].iov_base;
    return unique != 0 && words[INIT_MAJOR] == INIT_PROTOCOL;
}

static ssize_t shim_writev(int fd, struct iovec *iov, int count, void *userdata)
{
    struct fs *fs = userdata;

    if (atomic_load_explicit(&fs->shim_wanted, memory_order_relaxed) &&
        is_init_reply(iov, count)) {
        atomic_store(&fs->shim_wanted, false);
        ((uint32_t *)iov[1].iov_base)[INIT_FLAGS] |= INIT_PARALLEL_DIROPS;
    }
    return writev(fd, iov, count);
}

static ssize_t shim_read(int fd, void *buf, size_t size, void *userdata)
{
    (void)userdata;
    return read(fd, buf, size);
}

static int install_shim(struct session *s, struct error *err)
{
    static const struct fuse_custom_io io = {
        .writev = shim_writev,
        .read = shim_read,
    };
    int rc;

    if (libfuse_sends_parallel_dirops())
        return 0;
    rc = fuse_session_custom_io(s->se, &io, fuse_session_fd(s->se));
    if (rc < 0)
        return error_set_sys(err, -rc, "fuse_session_custom_io: %s",
                             strerrordesc_np(-rc));
    return 0;
}

/* ---- options of the mount ---- */

/* Backslashes before commas and backslashes, as option lists want it. */
static void print_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == ',' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

/* "ro,...": malloc'd, or NULL. ro, nosuid, nodev and noexec are never up to
 * the user: mount(8) would turn nosuid and nodev off for fuse file systems. */
static char *mount_options(const struct options *o, const char *archive)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fputs("ro,nosuid,nodev,noexec,subtype=prepfs,fsname=", out);
    print_escaped(out, o->fsname ? o->fsname : archive);
    if (o->allow_other)
        fputs(",allow_other", out);
    if (o->allow_root)
        fputs(",allow_root", out);
    if (o->default_permissions)
        fputs(",default_permissions", out);
    if (o->auto_unmount)
        fputs(",auto_unmount", out);
    if (o->kernel)
        fprintf(out, ",%s", o->kernel);
    if (o->log_level == LOG_LEVEL_DEBUG)
        fputs(",debug", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

struct session *session_new(struct fs *fs, const char *archive,
                            struct error *err)
{
    struct session *s = calloc(1, sizeof *s);
    CLEANUP_FREE char *list = mount_options(fs->options, archive);
    char name[] = "prepfs", flag[] = "-o";
    char *argv[] = {name, flag, list, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, argv);
    struct fuse_lowlevel_ops ops = ops_table(fs->options->xattr);

    if (!s || !list) {
        free(s);
        (void)error_no_memory(err);
        return NULL;
    }
    s->fs = fs;
    fs->report.fuse_version = (unsigned)fuse_version();
    libfuse_log = fs->log;
    fuse_set_log_func(log_libfuse);
    s->se = fuse_session_new(&args, &ops, sizeof ops, fs);
    fuse_opt_free_args(&args);
    if (!s->se) {
        free(s);
        (void)error_set(err, ERROR_INTERNAL, "libfuse refused the options");
        return NULL;
    }
    return s;
}

int session_mount(struct session *s, const char *mountpoint, struct error *err)
{
    s->mountpoint = strdup(mountpoint);
    if (!s->mountpoint)
        return error_no_memory(err);
    if (fuse_session_mount(s->se, mountpoint) != 0) {
        free(s->mountpoint);
        s->mountpoint = NULL;
        return error_set(err, ERROR_IO, "cannot mount on %s", mountpoint);
    }
    return install_shim(s, err);
}

/* ---- serving ---- */

static unsigned loop_threads(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    long n = cpus > 0 ? 2 * cpus : 2;

    return n < 8 ? 8 : n > 64 ? 64 : (unsigned)n;
}

static void ignore_signal(int sig)
{
    (void)sig; /* only to end a sleep */
}

static void let_stop_signal_in(void)
{
    struct sigaction action = {.sa_handler = ignore_signal};
    sigset_t set;

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGUSR2, &action, NULL);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR2);
    lock_check(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
}

int session_run(struct session *s, struct error *err)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    int rc;

    if (!config)
        return error_no_memory(err);
    s->fs->report.fuse_threads = loop_threads();
    fuse_loop_cfg_set_max_threads(config, s->fs->report.fuse_threads);
    fuse_loop_cfg_set_clone_fd(config, 0);
    s->runner = pthread_self();
    let_stop_signal_in();
    atomic_store(&s->running, true);
    rc = fuse_session_loop_mt(s->se, config);
    atomic_store(&s->running, false);
    fuse_loop_cfg_destroy(config);
    if (rc < 0)
        return error_set_sys(err, -rc,
                             "the connection to the kernel broke: "
                             "%s",
                             strerrordesc_np(-rc));
    return 0;
}

void session_stop(struct session *s)
{
    fuse_session_exit(s->se);
    /* Before 3.18 that alone does not wake the thread in the loop. */
    if (atomic_load(&s->running))
        (void)pthread_kill(s->runner, SIGUSR2);
}

int session_probe(const char *mountpoint, struct error *err)
{
    struct stat st;

    /* The kernel has no attributes of a new root: this gets through. */
    if (stat(mountpoint, &st) < 0)
        return error_set_sys(err, errno, "%s does not answer: %s", mountpoint,
                             strerrordesc_np(errno));
    return 0;
}

/* ---- leaving ---- */

static void fusermount_detach(const char *mountpoint)
{
    char program[] = "fusermount3", options[] = "-uqz", end[] = "--";
    CLEANUP_FREE char *copy = strdup(mountpoint);
    char *argv[] = {program, options, end, copy, NULL};
    pid_t pid;

    if (copy && posix_spawnp(&pid, program, NULL, NULL, argv, environ) == 0)
        (void)waitpid(pid, NULL, 0);
}

void session_detach(struct session *s)
{
    if (!s->mountpoint || atomic_exchange(&s->detached, true))
        return;
    if (umount2(s->mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
        fusermount_detach(s->mountpoint); /* not root */
}

/*
 * Closes the connection without libfuse's help. libfuse unmounts by path, and
 * after a detach that path may be somebody else's. It leaves the path alone
 * if it finds the connection ended, which it asks by poll(2): so what takes
 * the connection's place polls as broken, the end of a pipe that nobody reads.
 */
void session_disconnect(struct session *s)
{
    int fds[2];

    if (!s || !atomic_load(&s->detached) || pipe2(fds, O_CLOEXEC) < 0)
        return;
    (void)close(fds[0]);
    if (dup3(fds[1], fuse_session_fd(s->se), O_CLOEXEC) >= 0)
        s->severed = true;
    (void)close(fds[1]);
}

void session_free(struct session *s)
{
    if (!s)
        return;
    if (s->mountpoint && (s->severed || !atomic_load(&s->detached)))
        fuse_session_unmount(s->se);
    fuse_session_destroy(s->se);
    free(s->mountpoint);
    free(s);
}

/* ---- the rest ---- */

int session_set_read_ahead(const char *mountpoint, uint64_t kb,
                           struct error *err)
{
    char path[96];
    struct stat st;
    FILE *out;
    int rc;

    if (stat(mountpoint, &st) < 0)
        return error_set_sys(err, errno, "stat: %s", strerrordesc_np(errno));
    (void)snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb",
                   major(st.st_dev), minor(st.st_dev));
    out = fopen(path, "we");
    if (!out)
        return error_set_sys(err, errno, "%s: %s", path,
                             strerrordesc_np(errno));
    rc = fprintf(out, "%llu\n", (unsigned long long)kb);
    if (fclose(out) != 0 || rc < 0)
        return error_set_sys(err, errno, "%s: %s", path,
                             strerrordesc_np(errno));
    return 0;
}

struct fuse_session *session_fuse(struct session *s)
{
    return s->se;
}
