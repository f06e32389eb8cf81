#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What `meson install` puts in place is complete; every installed header
# compiles alone; libprepfs shows what its header declares and nothing else; and
# programs that know only the installed headers and pkg-config files compile,
# link and run: one with the block cache, and the example with libprepfs.
#
# usage: tests/install.sh BUILD    prints TAP
set -eu

build=$1
root=$(cd "$(dirname "$0")/.." && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
n=0
cc=${CC:-cc}
cxx=${CXX:-c++}

ok() { # STATUS WHAT
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
    fi
}

# Runs a command; its success is a line of the report.
check() { # WHAT COMMAND...
    local what=$1 status=0
    shift
    "$@" >"$top/log" 2>&1 || status=1
    [ $status -eq 0 ] || sed 's/^/# /' "$top/log"
    ok $status "$what"
}

# ---- files ------------------------------------------------------------------

is_installed() {
    find "$top/root" -path "*/$1" | grep -q .
}

DESTDIR=$top/root meson install -C "$build" --no-rebuild --quiet >&2
for want in bin/prepfs bin/prepfsctl include/prepfs/cache.h \
    include/prepfs/error.h include/prepfs/prepfs.h \
    man1/prepfs.1 man1/prepfsctl.1 man7/prepfs-view.7 \
    man3/libprepfs.3 man5/prepfs-manifest.5 man5/prepfs.conf.5 \
    pkgconfig/prepfs-cache.pc libprepfs-cache.a \
    pkgconfig/prepfs.pc libprepfs.so libprepfs.so.0 \
    bash-completion/completions/prepfs bash-completion/completions/prepfsctl \
    zsh/site-functions/_prepfs fish/vendor_completions.d/prepfsctl.fish \
    systemd/system/prepfs@.service; do
    check "$want is installed" is_installed "$want"
done

include=$(dirname "$(find "$top/root" -name prepfs.h)")/..
libs=$(dirname "$(find "$top/root" -name libprepfs.so)")
pc=$(dirname "$(find "$top/root" -name prepfs.pc)")
export PKG_CONFIG_PATH=$pc LD_LIBRARY_PATH=$libs
prefix=$(pkg-config --variable=prefix prepfs)
flags() { # ARGUMENTS of pkg-config
    pkg-config --define-variable=prefix="$top/root$prefix" "$@"
}

# ---- headers ----------------------------------------------------------------

compiles() { # HEADER COMPILER FLAGS...
    local header=$1
    shift
    echo "#include <prepfs/$header>" | "$@" -Wall -Wextra -Werror -pedantic \
        -fsyntax-only -I"$include" -
}

for header in "$include"/prepfs/*.h; do
    header=${header##*/}
    # shellcheck disable=SC2086 # CC may be "ccache gcc"
    check "$header alone is C17" compiles "$header" $cc -std=c17 -x c
    # shellcheck disable=SC2086
    check "$header alone is C++17" compiles "$header" $cxx -std=c++17 -x c++
done

# ---- symbols ----------------------------------------------------------------

declared() {
    grep -oE '\bprepfs_[a-z_]+\(' "$include/prepfs/prepfs.h" | tr -d '(' |
        sort -u
}
shown() {
    nm -D --defined-only "$libs/libprepfs.so" |
        awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort
}
same_symbols() {
    diff <(declared) <(shown)
}
check 'libprepfs.so shows what prepfs.h declares, and nothing else' same_symbols
explained() {
    sed -nE 's/^\.F[no] (prepfs_[a-z_]+).*/\1/p' "$root/man/libprepfs.3" |
        sort -u
}
same_manual() {
    diff <(declared) <(explained)
}
check 'libprepfs(3) has what prepfs.h declares, and nothing else' same_manual
needs_no_fuse() {
    ! readelf -d "$libs/libprepfs.so" | grep -q 'NEEDED.*fuse'
}
check 'libprepfs.so does not need libfuse' needs_no_fuse

# ---- programs ---------------------------------------------------------------

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
uses_cache() {
    # shellcheck disable=SC2046,SC2086 # lists of flags
    $cc -o "$top/use" "$top/use.c" $(flags --cflags --libs --static prepfs-cache)
    "$top/use"
}
check 'a program links with prepfs-cache' uses_cache

example=$root/examples/library/view-stats.c
builds() { # OUT COMPILER FLAGS...
    local out=$1
    shift
    # shellcheck disable=SC2046 # lists of flags
    "$@" -Wall -Wextra -Werror -o "$out" "$example" \
        $(flags --cflags --libs prepfs)
}
# shellcheck disable=SC2086
check 'the example of libprepfs compiles as C' builds "$top/view-stats" $cc
# shellcheck disable=SC2086
check 'the example of libprepfs compiles as C++' \
    builds "$top/view-stats++" $cxx -x c++

# The files that prepfsctl lists, with the mean, minimum and maximum that its
# `measure` finds: the images are of one size, so the mean is that of the means.
"$root/examples/mkdemo" --quiet --modality CT --scale 0.1 --slices 4 "$top/archive"
measured() {
    "$build/fs/prepfsctl" measure -q hu_size-64 "$top/archive" \
        --state "$top/state" |
        awk -F '[=,]' '/^Channel 0/ { print $2, $6, $8 }'
}
listed() {
    "$build/fs/prepfsctl" manifest "$top/archive" hu_size-64x64_list-npy \
        --state "$top/state" | grep -oE '[^,]*\.npy' | sort
}
tells_the_truth() { # PROGRAM
    "$1" hu_size-64 "$top/archive" "$top/state" >"$top/tsv" || return
    diff <(cut -f 1 "$top/tsv" | sort) <(listed) || return
    awk -F '\t' -v measured="$(measured)" '
        function far(a, b) { return a - b > 0.01 || b - a > 0.01 }
        { low = NR == 1 || $5 < low ? $5 : low
          high = NR == 1 || $7 > high ? $7 : high; sum += $6 }
        END { split(measured, m, " "); print NR, sum / NR, low, high, measured
              exit NR < 8 || far(sum / NR, m[1]) || far(low, m[2]) ||
                   far(high, m[3]) }' "$top/tsv"
}
check 'the example reads an archive' tells_the_truth "$top/view-stats"
check 'the example reads an archive, in C++' tells_the_truth "$top/view-stats++"
echo "1..$n"
