// SPDX-License-Identifier: MIT
/* paths.c: see paths.h. */
#include "paths.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "prepfs/cleanup.h"

/* ---- who is above whom ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Walks up by path; bind mounts and links do not matter because folders are
 * compared by what they are. */
bool paths_is_below(const char *path, const char *above)
{
    CLEANUP_FREE char *p = realpath(path, NULL);
    struct stat top, here;

    if (!p || stat(above, &top) < 0)
        return false;
    for (;;) {
        if (stat(p, &here) == 0 && is_same(&here, &top))
            return true;
        if (strcmp(p, "/") == 0)
            return false;
        *strrchr(p, '/') = '\0';
        if (*p == '\0')
            (void)strcpy(p, "/"); /* "/x" has room for it */
    }
}

/* ---- what is mounted where ---- */

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *text)
{
    char *out = text;

    for (; *text; text++) {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] &&
            text[3]) {
            *out++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 +
                            (text[3] - '0'));
            text += 3;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

/* "36 35 98:0 /root /mount/point opts [optional...] - type source opts" */
static bool split_line(char *line, char **ret_path, char **ret_type)
{
    char *dash = strstr(line, " - ");
    char *save;

    if (!dash)
        return false;
    *dash = '\0';
    *ret_type = strtok_r(dash + 3, " ", &save);
    *ret_path = strtok_r(line, " ", &save);
    for (int field = 1; field < 5 && *ret_path; field++)
        *ret_path = strtok_r(NULL, " ", &save);
    if (!*ret_path || !*ret_type)
        return false;
    unescape(*ret_path);
    return true;
}

int paths_mounted_type(const char *mountinfo, const char *path, char *ret,
                       size_t size, struct error *err)
{
    CLEANUP_FREE char *line = NULL;
    char *mounted, *type;
    size_t room = 0;
    int found = 0;
    FILE *in = fopen(mountinfo, "re");

    if (!in)
        return error_set_sys(err, errno, "%s: %s", mountinfo,
                             strerrordesc_np(errno));
    while (getline(&line, &room, in) > 0) {
        if (!split_line(line, &mounted, &type) || strcmp(mounted, path) != 0)
            continue;
        (void)snprintf(ret, size, "%s", type); /* later lines lie above */
        found = 1;
    }
    (void)fclose(in);
    return found;
}

/* ---- the folders of the command line ---- */

static int resolve_folder(const char *what, const char *path, char **ret,
                          struct stat *ret_st, struct error *err)
{
    if (stat(path, ret_st) < 0)
        return error_set_sys(err, errno, "%s %s: %s", what, path,
                             strerrordesc_np(errno));
    if (!S_ISDIR(ret_st->st_mode))
        return error_set_sys(err, ENOTDIR, "%s %s is not a folder", what, path);
    *ret = realpath(path, NULL);
    if (!*ret)
        return error_set_sys(err, errno, "%s %s: %s", what, path,
                             strerrordesc_np(errno));
    return 0;
}

static int resolve_archive(const char *path, struct paths *p, struct error *err)
{
    struct stat st;

    if (resolve_folder("archive", path, &p->archive, &st, err) < 0)
        return -1;
    p->archive_mtime_s = st.st_mtim.tv_sec;
    if (access(path, R_OK | X_OK) < 0)
        return error_set_sys(err, errno, "archive %s: %s", path,
                             strerrordesc_np(errno));
    return 0;
}

/* A mount whose process died answers everything with this. */
static int explain_dead_mount(const char *path, struct error *err)
{
    return error_set_sys(err, ENOTCONN,
                         "%s: the process that was mounted here has died. "
                         "Free it with\n    fusermount3 -u -z %s\n"
                         "(as root: umount -l %s) and start again",
                         path, path, path);
}

/* The kernel may answer stat from what it remembers of the dead; statvfs always
 * asks. */
static int explain_mounted(const char *path, struct error *err)
{
    struct statvfs vfs;

    if (statvfs(path, &vfs) < 0 && errno == ENOTCONN)
        return explain_dead_mount(path, err);
    return error_set_sys(err, EBUSY,
                         "prepfs is already mounted on %s; to end it: "
                         "fusermount3 -u %s",
                         path, path);
}

static int resolve_mountpoint(const char *path, struct paths *p,
                              struct error *err)
{
    struct stat st;
    char type[64];

    if (stat(path, &st) < 0 && errno == ENOTCONN)
        return explain_dead_mount(path, err);
    if (stat(path, &st) < 0 && errno == ENOENT)
        return error_set_sys(err, ENOENT,
                             "mount point %s: No such file or directory; make "
                             "it first: mkdir -p %s",
                             path, path);
    if (resolve_folder("mount point", path, &p->mountpoint, &st, err) < 0)
        return -1;
    if (paths_mounted_type("/proc/self/mountinfo", p->mountpoint, type,
                           sizeof type, NULL) == 1 &&
        strcmp(type, "fuse.prepfs") == 0)
        return explain_mounted(path, err);
    return 0;
}

static int check_nesting(const struct paths *p, struct error *err)
{
    if (paths_is_below(p->mountpoint, p->archive))
        return error_set(err, ERROR_IO,
                         "the mount point %s lies in the archive %s: choose "
                         "one outside",
                         p->mountpoint, p->archive);
    if (paths_is_below(p->archive, p->mountpoint))
        return error_set(err, ERROR_IO,
                         "the archive %s lies below the mount point %s, "
                         "which would hide it",
                         p->archive, p->mountpoint);
    return 0;
}

/* Listing the trap of an automount from what it starts would wait for ever. */
static bool is_automount(int fd)
{
    enum { AUTOFS_MAGIC = 0x187 };
    struct statfs fs;

    return fstatfs(fd, &fs) < 0 || fs.f_type == AUTOFS_MAGIC;
}

/* Does it certainly have something in it (`want`), or nothing? */
static bool holds(const char *path, bool want)
{
    int at = open(path, O_PATH | O_CLOEXEC);
    int fd = at < 0 || is_automount(at)
                 ? -1
                 : openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    unsigned n = 0;

    if (at >= 0)
        (void)close(at);
    if (!folder) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    while (n < 3 && readdir(folder))
        n++; /* "." and ".." are among them */
    (void)closedir(folder);
    return (n == 3) == want;
}

/* A mount would hide the archive, and show nothing. */
static int check_swapped(const struct paths *p, struct error *err)
{
    if (!holds(p->archive, false) || !holds(p->mountpoint, true))
        return 0;
    return error_set(err, ERROR_USAGE,
                     "the archive %s is empty and the mount point %s is not: "
                     "prepfs ARCHIVE MOUNTPOINT, the other way round?",
                     p->archive, p->mountpoint);
}

int paths_check_state(const struct paths *p, const char *state_dir,
                      struct error *err)
{
    if (paths_is_below(state_dir, p->mountpoint))
        return error_set(err, ERROR_IO,
                         "the state folder %s lies below the mount point %s",
                         state_dir, p->mountpoint);
    return 0;
}

/* Absolute, although it may not exist yet. */
static int make_absolute(const char *path, char **ret, struct error *err)
{
    CLEANUP_FREE char *here = NULL;

    if (path[0] == '/') {
        *ret = strdup(path);
        return *ret ? 0 : error_no_memory(err);
    }
    here = getcwd(NULL, 0);
    if (!here)
        return error_set_sys(err, errno, "getcwd: %s", strerrordesc_np(errno));
    if (asprintf(ret, "%s/%s", here, path) < 0) {
        *ret = NULL;
        return error_no_memory(err);
    }
    return 0;
}

/* A folder that is yet to be made lies where its parents do. */
static int check_future_state(const struct paths *p, struct error *err)
{
    CLEANUP_FREE char *path = strdup(p->state_dir);
    char *slash;

    if (!path)
        return error_no_memory(err);
    while (access(path, F_OK) < 0 && (slash = strrchr(path, '/')) != path)
        *slash = '\0';
    return paths_check_state(p, path, err);
}

static int resolve_presets(const char *path, struct paths *p, struct error *err)
{
    p->presets = realpath(path, NULL);
    if (!p->presets)
        return error_set_sys(err, errno, "presets %s: %s", path,
                             strerrordesc_np(errno));
    return 0;
}

/* Images of patients must not lie among their sources, where a backup or the
 * next index would find them. */
static int resolve_disk(const char *path, struct paths *p, struct error *err)
{
    CLEANUP_FREE char *parent = NULL;
    char *slash;

    if (make_absolute(path, &p->disk, err) < 0)
        return -1;
    parent = strdup(p->disk);
    if (!parent)
        return error_no_memory(err);
    while (access(parent, F_OK) != 0 && (slash = strrchr(parent, '/')) &&
           slash != parent)
        *slash = '\0';
    if (paths_is_below(parent, p->archive) ||
        paths_is_below(parent, p->mountpoint))
        return error_set(err, ERROR_USAGE,
                         "disk=%s lies in the archive or below the mount point",
                         path);
    return 0;
}

/* Looking into it must not mean to wait for ourselves. */
static int resolve_manifest(const char *path, struct paths *p,
                            struct error *err)
{
    CLEANUP_FREE char *folder = NULL;

    if (make_absolute(path, &p->manifest, err) < 0)
        return -1;
    folder = strdup(p->manifest);
    if (!folder)
        return error_no_memory(err);
    *strrchr(folder, '/') = '\0';
    if (*folder && paths_is_below(folder, p->mountpoint))
        return error_set(err, ERROR_USAGE,
                         "manifest=%s lies below the mount point", path);
    return 0;
}

static int resolve_all(const struct options *o, struct paths *p,
                       struct error *err)
{
    if (resolve_archive(o->archive, p, err) < 0 ||
        resolve_mountpoint(o->mountpoint, p, err) < 0 ||
        check_nesting(p, err) < 0 || check_swapped(p, err) < 0)
        return -1;
    if (o->presets && resolve_presets(o->presets, p, err) < 0)
        return -1;
    if (o->disk && resolve_disk(o->disk, p, err) < 0)
        return -1;
    if (o->shared_auth &&
        make_absolute(o->shared_auth, &p->shared_auth, err) < 0)
        return -1;
    if (o->manifest && resolve_manifest(o->manifest, p, err) < 0)
        return -1;
    if (!o->state_dir)
        return 0;
    if (make_absolute(o->state_dir, &p->state_dir, err) < 0)
        return -1;
    return check_future_state(p, err);
}

int paths_resolve(const struct options *o, struct paths *ret, struct error *err)
{
    struct paths p = {0};

    if (resolve_all(o, &p, err) < 0) {
        paths_deinit(&p);
        return -1;
    }
    *ret = p;
    return 0;
}

void paths_deinit(struct paths *p)
{
    free(p->archive);
    free(p->mountpoint);
    free(p->presets);
    free(p->state_dir);
    free(p->disk);
    free(p->shared_auth);
    free(p->manifest);
    *p = (struct paths){0};
}
