#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What `meson install` puts in place is complete, and a program that knows only
# the installed headers and pkg-config file compiles, links and runs.
#
# usage: tests/install.sh BUILD    prints TAP
set -eu

build=$1
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
n=0

ok() { # STATUS WHAT
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
    fi
}

DESTDIR=$top meson install -C "$build" --no-rebuild --quiet >&2
for want in bin/prepfs bin/prepfsctl include/prepfs/cache.h \
    include/prepfs/error.h man1/prepfs.1 man1/prepfsctl.1 man7/prepfs-view.7 \
    man5/prepfs-manifest.5 man5/prepfs.conf.5 pkgconfig/prepfs-cache.pc libprepfs-cache.a; do
    find "$top" -path "*/$want" | grep -q .
    ok $? "$want is installed"
done || true

cat >"$top/use.c" <<'C'
#include <prepfs/cache.h>
#include <string.h>

static int fill(void *opaque, const struct cache_key *key, uint8_t *data,
                size_t size, struct cache_hint *hint, struct error *err)
{
    (void)opaque;
    (void)hint;
    (void)err;
    memset(data, (int)key->block, size);
    return 0;
}

int main(void)
{
    struct cache_config config = {.budget_bytes = 64 << 20};
    struct error err = ERROR_INIT;
    struct cache *cache = cache_new(&config, &err);
    struct cache_key key = {{1, 2}, 7};
    struct cache_pin pin = {0};
    int ok = cache && cache_get(cache, &key, 1000, fill, NULL, &pin, &err) == 0 &&
             pin.size == 1000 && pin.data[999] == 7;

    if (ok)
        cache_unpin(cache, &pin);
    cache_free(cache);
    return !ok;
}
C
pc=$(dirname "$(find "$top" -name prepfs-cache.pc)")
export PKG_CONFIG_PATH=$pc
prefix=$(pkg-config --variable=prefix prepfs-cache)
# shellcheck disable=SC2046,SC2086 # lists of flags
if ${CC:-cc} ${USE_CFLAGS:-} -o "$top/use" "$top/use.c" \
    $(pkg-config --define-variable=prefix="$top$prefix" --cflags --libs \
        --static prepfs-cache) >&2 && "$top/use"; then
    ok 0 "a program links with prepfs-cache"
else
    ok 1 "a program links with prepfs-cache"
fi
echo "1..$n"
