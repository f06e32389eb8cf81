// SPDX-License-Identifier: MIT
/* servers.c: see servers.h. */
#include "servers.h"

#include <string.h>

static void log_shared(void *opaque, const char *line)
{
    log_line(opaque, LOG_LEVEL_WARNING, "%s", line);
}

struct shared *servers_open(const struct options *o, const char *auth,
                            struct log *log, struct error *err)
{
    struct addresses addresses;
    char secret[SHARED_AUTH_SIZE] = "";
    struct shared_config config = {
        .servers = &addresses,
        .time_ms = (unsigned)o->shared_time,
        .auth = auth ? secret : NULL,
        .log = log_shared,
        .log_opaque = log,
    };
    struct shared *shared;

    if (addresses_parse(o->shared, &addresses, err) < 0 ||
        (auth && shared_auth_read(auth, secret, err) < 0))
        return NULL;
    shared = shared_open(&config, err);
    explicit_bzero(secret, sizeof secret);
    if (shared)
        log_line(log, LOG_LEVEL_INFO,
                 "computed images are shared through %u server%s", addresses.n,
                 addresses.n == 1 ? "" : "s");
    return shared;
}
