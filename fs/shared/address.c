// SPDX-License-Identifier: MIT
/* address.c: see address.h. */
#include "address.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

static bool is_host(const char *host, bool brackets)
{
    if (brackets && !strchr(host, ':')) /* they are for IPv6 */
        return false;
    for (const char *p = host; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr("-._", *p) &&
            !(brackets && strchr(":%", *p)))
            return false;
    }
    return *host != '\0';
}

static bool is_path(const char *path)
{
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return false;
    for (const char *p = path; *p; p++) {
        if (iscntrl((unsigned char)*p) || strchr("\"\\", *p))
            return false;
    }
    return path[1] != '\0';
}

/* 0 for anything that is no port. */
static uint16_t port_of(const char *text)
{
    unsigned n = 0;

    for (const char *p = text; *p; p++) {
        if (!isdigit((unsigned char)*p))
            return 0;
        n = 10 * n + (unsigned)(*p - '0');
        if (n > UINT16_MAX)
            return 0;
    }
    return (uint16_t)n;
}

/* Cuts HOST:PORT or [HOST]:PORT apart; false if it is neither. */
static bool parse_network(char *word, struct address *ret)
{
    bool brackets = *word == '[';
    char *colon = strchr(word, ':');

    if (brackets) {
        char *end = strchr(++word, ']');

        if (!end || (end[1] && end[1] != ':'))
            return false;
        colon = end[1] ? end + 1 : NULL;
        *end = '\0';
    } else if (colon) {
        *colon = '\0';
    }
    ret->port = colon ? port_of(colon + 1) : ADDRESS_PORT;
    (void)snprintf(ret->host, sizeof ret->host, "%s", word);
    return ret->port != 0 && is_host(word, brackets);
}

static int parse_one(const char *text, size_t n, struct address *ret,
                     struct error *err)
{
    char word[ADDRESS_HOST_SIZE];
    bool ok = false;

    *ret = (struct address){.port = 0};
    if (n < sizeof word) {
        memcpy(word, text, n);
        word[n] = '\0';
        if (*word == '/') {
            memcpy(ret->host, word, n + 1);
            ok = is_path(word);
        } else {
            ok = parse_network(word, ret);
        }
    }
    if (ok)
        return 0;
    return error_set(err, ERROR_USAGE,
                     "shared: '%.*s' is no server: HOST, HOST:PORT, "
                     "[V6]:PORT or /PATH",
                     (int)(n < 80 ? n : 80), text);
}

static bool is_there(const struct addresses *all, const struct address *one)
{
    for (unsigned i = 0; i < all->n; i++) {
        if (all->v[i].port == one->port &&
            strcmp(all->v[i].host, one->host) == 0)
            return true;
    }
    return false;
}

int addresses_parse(const char *text, struct addresses *ret, struct error *err)
{
    char shown[ADDRESS_TEXT_SIZE];
    struct address one;
    size_t n;

    ret->n = 0;
    for (;; text += n + 1) {
        n = strcspn(text, "+,");
        if (parse_one(text, n, &one, err) < 0)
            return -1;
        address_print(&one, shown);
        if (is_there(ret, &one))
            return error_set(err, ERROR_USAGE, "shared: %.100s is there twice",
                             shown);
        if (ret->n == ADDRESSES_MAX)
            return error_set(err, ERROR_USAGE, "shared: more than %d servers",
                             ADDRESSES_MAX);
        ret->v[ret->n++] = one;
        if (!text[n])
            return 0;
    }
}

void address_print(const struct address *a, char ret[ADDRESS_TEXT_SIZE])
{
    if (a->port == 0)
        (void)snprintf(ret, ADDRESS_TEXT_SIZE, "%s", a->host);
    else
        (void)snprintf(ret, ADDRESS_TEXT_SIZE,
                       strchr(a->host, ':') ? "[%s]:%u" : "%s:%u", a->host,
                       (unsigned)a->port);
}
