// SPDX-License-Identifier: MIT
/*
 * servers.h: the options shared, shared_time and shared_auth, applied.
 *
 * Threads: one at a time.
 */
#ifndef FS_SERVERS_H
#define FS_SERVERS_H

#include "log.h"
#include "options.h"
#include "shared/shared.h"

/* Makes ready to use the servers, which need not be there. `auth`: where the
 * password is, absolute, or NULL. The log is borrowed. NULL with *err. */
struct shared *servers_open(const struct options *options, const char *auth,
                            struct log *log, struct error *err);

#endif
