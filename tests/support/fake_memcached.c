// SPDX-License-Identifier: MIT
/* fake_memcached.c: see fake_memcached.h. */
#undef NDEBUG
#include "fake_memcached.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { VALUES = 4096, CLIENTS = 512, NAME = 251, ROOM = 1 << 18 };

struct value {
    char name[NAME];
    size_t size;
    uint8_t *bytes;
};

struct client {
    struct fake_memcached *fake;
    pthread_t thread;
    int fd;
    bool known; /* has said who it is */
};

struct fake_memcached {
    int fd;
    uint16_t port;
    const char *auth;
    pthread_t thread;
    atomic_int mood;
    atomic_bool stop;
    pthread_mutex_t mutex;
    /* Protected by mutex: */
    struct value values[VALUES];
    size_t n_values;
    struct client clients[CLIENTS];
    unsigned n_clients;
};

/* ----------------------------------------------------------------- values */

static struct value *find(struct fake_memcached *f, const char *name)
{
    for (size_t i = 0; i < f->n_values; i++) {
        if (strcmp(f->values[i].name, name) == 0)
            return &f->values[i];
    }
    return NULL;
}

static void store(struct fake_memcached *f, const char *name,
                  const uint8_t *bytes, size_t size)
{
    struct value *v;

    pthread_mutex_lock(&f->mutex);
    v = find(f, name);
    if (!v) {
        assert(f->n_values < VALUES);
        v = &f->values[f->n_values++];
        (void)snprintf(v->name, sizeof v->name, "%s", name);
    }
    free(v->bytes);
    v->bytes = malloc(size ? size : 1);
    assert(v->bytes);
    memcpy(v->bytes, bytes, size);
    v->size = size;
    pthread_mutex_unlock(&f->mutex);
}

static bool drop(struct fake_memcached *f, const char *name)
{
    struct value *v;

    pthread_mutex_lock(&f->mutex);
    v = find(f, name);
    if (v) {
        free(v->bytes);
        *v = f->values[--f->n_values];
        f->values[f->n_values].bytes = NULL;
    }
    pthread_mutex_unlock(&f->mutex);
    return v != NULL;
}

/* A copy; NULL: none. */
static uint8_t *copy_of(struct fake_memcached *f, const char *name, bool other,
                        size_t *ret_size)
{
    uint8_t *bytes = NULL;
    struct value *v;

    pthread_mutex_lock(&f->mutex);
    v = find(f, name);
    if (v && other)
        v = v == f->values ? &f->values[f->n_values - 1] : f->values;
    if (v) {
        bytes = malloc(v->size + 2);
        assert(bytes);
        memcpy(bytes, v->bytes, v->size);
        *ret_size = v->size;
    }
    pthread_mutex_unlock(&f->mutex);
    return bytes;
}

/* ---------------------------------------------------------------- talking */

static bool say(const struct client *c, const void *data, size_t size)
{
    const uint8_t *at = data;
    bool drip = atomic_load(&c->fake->mood) == FAKE_DRIP;

    while (size > 0) {
        ssize_t n = send(c->fd, at, drip ? 1 : size, MSG_NOSIGNAL);

        if (n <= 0 || atomic_load(&c->fake->stop))
            return false;
        at += n;
        size -= (size_t)n;
        if (drip)
            usleep(5000);
    }
    return true;
}

static bool say_text(const struct client *c, const char *text)
{
    return say(c, text, strlen(text));
}

static bool say_value(const struct client *c, const char *name,
                      const uint8_t *bytes, size_t size)
{
    char line[NAME + 64];

    (void)snprintf(line, sizeof line, "VALUE %s 0 %zu\r\n", name, size);
    return say_text(c, line) && say(c, bytes, size) && say_text(c, "\r\n");
}

/* A name of that many letters, with whatever comes before and after. */
static bool say_long(const struct client *c, const char *before, size_t letters,
                     const char *after)
{
    char text[4096];

    assert(letters < sizeof text - 64);
    memset(text, 'k', letters);
    text[letters] = '\0';
    return say_text(c, before) && say_text(c, text) && say_text(c, after);
}

static bool say_large(const struct client *c, const char *name)
{
    static const uint8_t zeros[1 << 16];
    char line[NAME + 64];
    bool ok;

    (void)snprintf(line, sizeof line, "VALUE %s 0 900000000\r\n", name);
    ok = say_text(c, line);
    for (size_t i = 0; ok && i < 900000000 / sizeof zeros; i++)
        ok = say(c, zeros, sizeof zeros);
    return false;
}

/* One name of a get. False: that was all for this connection. */
static bool answer_name(struct client *c, enum fake_mood mood, const char *name)
{
    char line[NAME + 64];
    size_t size = 0;
    uint8_t *bytes = copy_of(c->fake, name, mood == FAKE_OTHER, &size);
    bool ok = true;

    if (!bytes)
        return true;
    switch ((int)mood) {
    case FAKE_CUT:
        (void)snprintf(line, sizeof line, "VALUE %s 0 %zu\r\n", name, size);
        ok = say_text(c, line) && say(c, bytes, size / 2) && false;
        break;
    case FAKE_HUGE:
        (void)snprintf(line, sizeof line, "VALUE %s 0 18446744073709551614\r\n",
                       name);
        ok = say_text(c, line);
        break;
    case FAKE_LARGE:
        ok = say_large(c, name);
        break;
    case FAKE_FLIPPED:
        bytes[(size_t)rand() % size] ^= (uint8_t)(1 << rand() % 8);
        ok = say_value(c, name, bytes, size);
        break;
    case FAKE_SHORT:
        ok = say_value(c, name, bytes, size - 1);
        break;
    case FAKE_LONG:
        bytes[size] = 'x';
        ok = say_value(c, name, bytes, size + 1);
        break;
    case FAKE_EMPTY:
        ok = say_value(c, name, bytes, 0);
        break;
    case FAKE_UNASKED:
        ok = say_value(c, "0123456789abcdef0123456789abcdef", bytes, size);
        break;
    case FAKE_TWICE:
        ok = say_value(c, name, bytes, size) && say_value(c, name, bytes, size);
        break;
    default:
        ok = say_value(c, name, bytes, size);
        break;
    }
    free(bytes);
    return ok;
}

static bool answer_get(struct client *c, char *names)
{
    enum fake_mood mood = (enum fake_mood)atomic_load(&c->fake->mood);
    char *save = NULL;

    switch ((int)mood) {
    case FAKE_NOISE:
        return say(c, "\0\1\2\377\376 garbage \r\n \r\nEND \r\n", 26);
    case FAKE_LONG_NAME:
        return say_long(c, "VALUE ", 320, " 0 3\r\nabc\r\nEND\r\n");
    case FAKE_LONG_LINE:
        return say_long(c, "VALUE ", 4000, "");
    case FAKE_NO_VERSION:
        return say_text(c, "VERSION\r\n");
    case FAKE_ERROR:
        return say_text(c, "SERVER_ERROR out of sorts\r\n");
    case FAKE_ENDLESS:
        return say_text(c, "END\r\nEND\r\nEND\r\n");
    default:
        break;
    }
    for (char *name = strtok_r(names, " ", &save); name;
         name = strtok_r(NULL, " ", &save)) {
        if (!answer_name(c, mood, name))
            return false;
    }
    return say_text(c, "END\r\n");
}

/* ------------------------------------------------------------ connections */

/* What has been received and not been looked at. */
struct inbox {
    size_t n;
    uint8_t bytes[ROOM];
};

static bool receive(struct client *c, struct inbox *in)
{
    ssize_t n = recv(c->fd, in->bytes + in->n, ROOM - in->n, 0);

    in->n += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void forget(struct inbox *in, size_t n)
{
    memmove(in->bytes, in->bytes + n, in->n - n);
    in->n -= n;
}

/* A line without its end; false when the connection ends. */
static bool read_line(struct client *c, struct inbox *in, char line[4096])
{
    uint8_t *end;
    size_t n;

    while ((end = memchr(in->bytes, '\n', in->n)) == NULL)
        if (!receive(c, in))
            return false;
    n = (size_t)(end - in->bytes);
    assert(n > 0 && n < 4096 && end[-1] == '\r');
    memcpy(line, in->bytes, n - 1);
    line[n - 1] = '\0';
    forget(in, n + 1);
    return true;
}

static bool answer_set(struct client *c, struct inbox *in, const char *line)
{
    int mood = atomic_load(&c->fake->mood);
    char name[NAME];
    size_t size;
    bool ok;

    assert(sscanf(line, "set %250s 0 0 %zu", name, &size) == 2);
    while (in->n < size + 2)
        if (!receive(c, in))
            return false;
    assert(memcmp(in->bytes + size, "\r\n", 2) == 0);
    if (c->fake->auth && !c->known) {
        c->known = size == strlen(c->fake->auth) &&
                   memcmp(in->bytes, c->fake->auth, size) == 0;
        ok = say_text(c, c->known ? "STORED\r\n"
                                  : "CLIENT_ERROR authentication failure\r\n");
    } else if (mood == FAKE_FULL) {
        ok = say_text(c, "SERVER_ERROR out of memory storing object\r\n");
    } else if (mood == FAKE_NONSENSE) {
        ok = say_text(c, "STORD\r\n");
    } else {
        store(c->fake, name, in->bytes, size);
        ok = say_text(c, "STORED\r\n");
    }
    forget(in, size + 2);
    return ok;
}

static bool answer(struct client *c, struct inbox *in, char *line)
{
    int mood = atomic_load(&c->fake->mood);
    bool there;

    if (mood == FAKE_HANG_UP)
        return false;
    if (strncmp(line, "set ", 4) == 0)
        return answer_set(c, in, line);
    if (c->fake->auth && !c->known)
        return say_text(c, "CLIENT_ERROR unauthenticated\r\n");
    if (strncmp(line, "get ", 4) == 0)
        return answer_get(c, line + 4);
    if (strncmp(line, "delete ", 7) == 0) {
        there = drop(c->fake, line + 7);
        return say_text(c, there ? "DELETED\r\n" : "NOT_FOUND\r\n");
    }
    assert(strcmp(line, "version") == 0);
    return say_text(c, mood == FAKE_NO_VERSION ? "VERSION\r\n"
                                               : "VERSION 1.6.18\r\n");
}

static void *client_thread(void *opaque)
{
    struct client *c = opaque;
    struct inbox *in = calloc(1, sizeof *in);
    char line[4096];

    assert(in);
    while (read_line(c, in, line)) {
        if (atomic_load(&c->fake->mood) == FAKE_MUTE) {
            while (receive(c, in))
                in->n = 0;
            break;
        }
        if (!answer(c, in, line))
            break;
    }
    (void)shutdown(c->fd, SHUT_RDWR);
    free(in);
    return NULL;
}

static void *listen_thread(void *opaque)
{
    struct fake_memcached *f = opaque;
    struct client *c;
    int fd;

    while ((fd = accept(f->fd, NULL, NULL)) >= 0) {
        const int yes = 1;

        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        pthread_mutex_lock(&f->mutex);
        assert(f->n_clients < CLIENTS);
        c = &f->clients[f->n_clients++];
        *c = (struct client){.fake = f, .fd = fd};
        assert(pthread_create(&c->thread, NULL, client_thread, c) == 0);
        pthread_mutex_unlock(&f->mutex);
    }
    return NULL;
}

struct fake_memcached *fake_memcached_new(const char *auth)
{
    struct fake_memcached *f = calloc(1, sizeof *f);
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t size = sizeof in;

    assert(f);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->auth = auth;
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(bind(f->fd, (struct sockaddr *)&in, size) == 0);
    assert(listen(f->fd, 64) == 0);
    assert(getsockname(f->fd, (struct sockaddr *)&in, &size) == 0);
    f->port = ntohs(in.sin_port);
    pthread_mutex_init(&f->mutex, NULL);
    assert(pthread_create(&f->thread, NULL, listen_thread, f) == 0);
    return f;
}

void fake_memcached_disconnect(struct fake_memcached *f)
{
    pthread_mutex_lock(&f->mutex);
    for (unsigned i = 0; i < f->n_clients; i++)
        (void)shutdown(f->clients[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&f->mutex);
}

void fake_memcached_free(struct fake_memcached *f)
{
    atomic_store(&f->stop, true);
    (void)shutdown(f->fd, SHUT_RDWR);
    pthread_join(f->thread, NULL);
    fake_memcached_disconnect(f);
    for (unsigned i = 0; i < f->n_clients; i++) {
        pthread_join(f->clients[i].thread, NULL);
        (void)close(f->clients[i].fd);
    }
    (void)close(f->fd);
    for (size_t i = 0; i < f->n_values; i++)
        free(f->values[i].bytes);
    pthread_mutex_destroy(&f->mutex);
    free(f);
}

uint16_t fake_memcached_port(const struct fake_memcached *f)
{
    return f->port;
}

void fake_memcached_set(struct fake_memcached *f, enum fake_mood mood)
{
    atomic_store(&f->mood, mood);
}

size_t fake_memcached_count(struct fake_memcached *f)
{
    size_t n;

    pthread_mutex_lock(&f->mutex);
    n = f->n_values;
    pthread_mutex_unlock(&f->mutex);
    return n;
}

unsigned fake_memcached_connections(struct fake_memcached *f)
{
    unsigned n;

    pthread_mutex_lock(&f->mutex);
    n = f->n_clients;
    pthread_mutex_unlock(&f->mutex);
    return n;
}
