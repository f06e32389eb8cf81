// SPDX-License-Identifier: MIT
/*
 * report_servers.h: the counters of each server, as part of report.h's.
 *
 * Threads: any.
 */
#ifndef FS_REPORT_SERVERS_H
#define FS_REPORT_SERVERS_H

#include <stdio.h>

#include "report.h"

/* A member "shared_by_server": a list, empty without servers. */
void report_servers_json(const struct report *r, FILE *out);

/* prepfs_shared_server_NAME{server="..."}. */
void report_servers_prometheus(const struct report *r, FILE *out);

/* shared_by_server.NAME, one per line. */
void report_servers_keys(FILE *out);

#endif
