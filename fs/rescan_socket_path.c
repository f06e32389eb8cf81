// SPDX-License-Identifier: MIT
/*
 * The address of a socket, and those that are left over.
 *
 * An address holds 107 bytes, a path of a state folder may be longer: the
 * folder is opened, and the name is found through /proc/self/fd.
 */
#include "rescan_socket.h"
#include "rescan_socket_impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "prepfs/cleanup.h"

char *rescan_socket_path(const char *state_dir, struct error *err)
{
    uint32_t number = 0;
    char *path;

    (void)getrandom(&number, sizeof number, GRND_NONBLOCK);
    if (asprintf(&path, "%s/mount-%08x.sock", state_dir, number) < 0) {
        (void)error_no_memory(err);
        return NULL;
    }
    return path;
}

const char *socket_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

int socket_open_folder(const char *path, struct error *err)
{
    size_t n = (size_t)(socket_name(path) - path);
    CLEANUP_FREE char *folder = n > 1 ? strndup(path, n - 1) : strdup("/");
    int fd;

    if (!folder)
        return error_no_memory(err);
    fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set_sys(err, errno, "%s: %s", folder,
                             strerrordesc_np(errno));
    return fd;
}

int socket_address(int folder, const char *name, struct sockaddr_un *ret,
                   struct error *err)
{
    int n;

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    n = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s",
                 folder, name);
    if (n < 0 || (size_t)n >= sizeof ret->sun_path)
        return error_set(err, ERROR_USAGE, "%s is too long a name", name);
    return 0;
}

int socket_new(struct error *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return error_set_sys(err, errno, "socket: %s", strerrordesc_np(errno));
    return fd;
}

static int connect_in(int folder, const char *name, struct error *err)
{
    CLEANUP_FD int fd = socket_new(err);
    struct sockaddr_un address;

    if (fd < 0 || socket_address(folder, name, &address, err) < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return cleanup_steal_fd(&fd);
    if (errno == ECONNREFUSED || errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "nobody listens at %s", name);
    return error_set_sys(err, errno, "%s: %s", name, strerrordesc_np(errno));
}

int rescan_socket_connect(const char *path, struct error *err)
{
    CLEANUP_FD int folder = socket_open_folder(path, err);

    return folder < 0 ? -1 : connect_in(folder, socket_name(path), err);
}

/* A mount that was killed leaves its socket behind. */
static void remove_if_dead(int folder, const char *name)
{
    struct error err = ERROR_INIT;
    CLEANUP_FD int fd = connect_in(folder, name, &err);

    if (fd < 0 && err.kind == ERROR_NOT_FOUND)
        (void)unlinkat(folder, name, 0);
}

void socket_clean_folder(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *d;

    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    while ((d = readdir(dir)))
        if (fnmatch("mount-????????.sock", d->d_name, 0) == 0)
            remove_if_dead(folder, d->d_name);
    (void)closedir(dir);
}
