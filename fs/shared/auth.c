// SPDX-License-Identifier: MIT
/* auth.c: the file with a user and a password; see shared.h. */
#include "shared.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nobody else may know it, or put another one there. */
static int check_owner(const char *path, int fd, struct error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_set_sys(err, errno, "shared_auth=%s: %s", path,
                             strerrordesc_np(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_USAGE, "shared_auth=%s is no file", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return error_set(err, ERROR_USAGE,
                         "shared_auth=%s belongs to another user", path);
    if (st.st_mode & 077)
        return error_set(err, ERROR_USAGE,
                         "shared_auth=%s can be read by others: chmod 600",
                         path);
    return 0;
}

static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    }
    return true;
}

/* "USER:PASSWORD\n", as in memcached's own file, to "USER PASSWORD". */
static int parse(const char *path, char *text, struct error *err)
{
    char *colon;

    text[strcspn(text, "\r\n")] = '\0';
    colon = strchr(text, ':');
    if (colon && colon > text && colon[1] && is_printable(text) &&
        strcspn(text, " ") > (size_t)(colon - text)) {
        *colon = ' ';
        return 0;
    }
    return error_set(err, ERROR_USAGE,
                     "shared_auth=%s: its first line is not USER:PASSWORD",
                     path);
}

int shared_auth_read(const char *path, char ret[SHARED_AUTH_SIZE],
                     struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t n = 0;
    int rc;

    if (fd < 0)
        return error_set_sys(err, errno, "shared_auth=%s: %s", path,
                             strerrordesc_np(errno));
    rc = check_owner(path, fd, err);
    if (rc == 0) {
        n = read(fd, ret, SHARED_AUTH_SIZE - 1);
        if (n <= 0)
            rc = error_set_sys(err, n < 0 ? errno : ENODATA,
                               "shared_auth=%s: %s", path,
                               n < 0 ? strerrordesc_np(errno) : "empty");
    }
    (void)close(fd);
    if (rc < 0)
        return -1;
    ret[n] = '\0';
    if (n == SHARED_AUTH_SIZE - 1 && !strchr(ret, '\n'))
        return error_set(err, ERROR_USAGE, "shared_auth=%s: too long", path);
    rc = parse(path, ret, err);
    if (rc < 0)
        explicit_bzero(ret, SHARED_AUTH_SIZE);
    return rc;
}
