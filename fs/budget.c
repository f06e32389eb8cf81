// SPDX-License-Identifier: MIT
/* budget.c: see budget.h. */
#include "budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4096 };

#define MIB ((uint64_t)1 << 20)
#define FALLBACK (64 * MIB)

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct budget budget_split(uint64_t total)
{
    uint64_t floor = least(32 * MIB, total / 4);
    uint64_t frames = least(total / 8, 512 * MIB);

    if (frames < floor)
        frames = floor;
    return (struct budget){total, total - frames, frames};
}

/* A small file with a NUL at its end; false if it cannot be read. */
static int read_text(const char *root, const char *folder, const char *name,
                     char ret[TEXT_MAX])
{
    char path[TEXT_MAX];
    FILE *in;
    size_t n;

    if (snprintf(path, sizeof path, "%s%s/%s", root, folder, name) >=
        (int)sizeof path)
        return 0;
    in = fopen(path, "re");
    if (!in)
        return 0;
    n = fread(ret, 1, TEXT_MAX - 1, in);
    (void)fclose(in);
    ret[n] = '\0';
    return n > 0;
}

static uint64_t available(const char *root)
{
    char text[TEXT_MAX];
    const char *at;

    if (!read_text(root, "/proc", "meminfo", text))
        return 0;
    at = strstr(text, "MemAvailable:");
    return at ? strtoull(at + strlen("MemAvailable:"), NULL, 10) * 1024 : 0;
}

/* The folder of our cgroup, version 2; 0 if there is none. */
static int find_group(const char *root, char ret[TEXT_MAX])
{
    char text[TEXT_MAX], *at, *end;

    if (!read_text(root, "/proc/self", "cgroup", text))
        return 0;
    at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (!at)
        return 0;
    at = strchr(at, '/');
    if (!at)
        return 0;
    end = strchr(at, '\n');
    if (end)
        *end = '\0';
    return snprintf(ret, TEXT_MAX, "/sys/fs/cgroup%s", at) < TEXT_MAX;
}

/* What a cgroup leaves us; UINT64_MAX without a limit. */
static uint64_t left_in_group(const char *root)
{
    char group[TEXT_MAX], text[TEXT_MAX];
    uint64_t limit, used;

    if (!find_group(root, group) ||
        !read_text(root, group, "memory.max", text) ||
        strncmp(text, "max", 3) == 0)
        return UINT64_MAX;
    limit = strtoull(text, NULL, 10);
    if (!read_text(root, group, "memory.current", text))
        return limit;
    used = strtoull(text, NULL, 10);
    return limit > used ? limit - used : 0;
}

uint64_t budget_default(const char *root)
{
    uint64_t bytes = least(available(root), left_in_group(root)) / 4;

    return bytes ? bytes : FALLBACK;
}
