// SPDX-License-Identifier: MIT
/*
 * confine.c: see confine.h.
 *
 * seccomp alone keeps a worker from everything; Landlock, the limits and the
 * missing capabilities are what is left where seccomp is refused.
 */
#include "worker/confine.h"

#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/worker.h"

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

bool confine_is_off(void)
{
    return SANITIZED;
}

/* ---- limits ---- */

static void limit(__rlimit_resource_t what, rlim_t most)
{
    struct rlimit r;

    if (getrlimit(what, &r) != 0)
        return;
    if (r.rlim_max == RLIM_INFINITY || r.rlim_max > most)
        r.rlim_max = most;
    r.rlim_cur = r.rlim_max;
    (void)setrlimit(what, &r);
}

/* Address space in use, or 0. */
static uint64_t mapped_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%llu", &pages) != 1)
        pages = 0;
    (void)fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Address space and not data: it counts shared mappings too. */
static bool limit_memory(uint64_t memory_bytes)
{
    uint64_t base = mapped_bytes();
    struct rlimit r;

    limit(RLIMIT_AS, (rlim_t)(base + memory_bytes));
    return base > 0 && getrlimit(RLIMIT_AS, &r) == 0 &&
           r.rlim_cur <= base + memory_bytes;
}

/* ---- privileges ---- */

static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    (void)syscall(SYS_capset, &header, none);
}

/* Every right that this kernel's Landlock can take, by its version (kernel
 * documentation, userspace-api/landlock): bits of the file system from the
 * first, of TCP from the 4th, of signals and abstract sockets from the 6th.
 * The struct has grown; ours is as long as our headers know, or longer. */
struct landlock_rules {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

static struct landlock_rules landlock_rules_of(long version)
{
    static const uint8_t file_bits[] = {0, 13, 14, 15, 15, 16};
    struct landlock_rules r = {0};

    r.files = (UINT64_C(1) << file_bits[version < 5 ? version : 5]) - 1;
    r.network = version >= 4 ? 3 : 0;
    r.scopes = version >= 6 ? 3 : 0;
    return r;
}

static bool forbid_paths(void)
{
    struct landlock_rules rules;
    size_t size = sizeof rules;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
                           LANDLOCK_CREATE_RULESET_VERSION);
    long fd;
    bool done;

    if (version < 1)
        return false;
    rules = landlock_rules_of(version);
    if (version < 6)
        size = version < 4 ? sizeof rules.files : 2 * sizeof rules.files;
    fd = syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (fd < 0)
        return false;
    done = syscall(SYS_landlock_restrict_self, (int)fd, 0) == 0;
    (void)close((int)fd);
    return done;
}

/* ---- all ---- */

unsigned confine(uint64_t memory_bytes, unsigned descriptors)
{
    unsigned done = 0;

    if (SANITIZED)
        return 0;
    /* No image of a patient's pixels on disk, and no time spent on it; nor
     * may other processes of the user look in. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    limit(RLIMIT_CORE, 0);
    if (limit_memory(memory_bytes))
        done |= WORKERS_MEMORY_LIMIT;
    drop_capabilities();
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NPROC, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return done;
    if (forbid_paths())
        done |= WORKERS_NO_FILES;
    limit(RLIMIT_NOFILE, descriptors);
    if (filter_install())
        done |= WORKERS_NO_SYSCALLS;
    return done;
}
