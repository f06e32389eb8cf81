#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs what prepfs needs on Debian 12 or later and Ubuntu 24.04 or later.
#
# usage: packages.sh SET...    sets: build, run, test
#
# Only what is missing is installed; with nothing missing apt-get is not
# called. As a user it goes through sudo. Packages marked ? are wanted but not
# needed: what cannot be had of them is named, and its users skip.
set -eu

# The one list of what building needs.
build='gcc g++ meson ninja-build pkg-config
libfuse3-dev libdcmtk-dev libopenjp2-7-dev libtiff-dev libpng-dev zlib1g-dev
libsqlite3-dev liblz4-dev libxxhash-dev libmd-dev libmemcached-dev'

# What mounting, and looking at the result in a shell, needs.
run='fuse3 sqlite3 libtiff-tools python3 dcmtk? libopenjp2-tools?'

# What the tests use on top of both.
test='check attr? iproute2? memcached? shellcheck? python3-yaml?
python3-numpy? python3-pil? python3-tifffile? python3-pydicom? python3-scipy?
python3-opencv? python3-nibabel? python3-skimage? python3-yaml? gdal-bin? imagemagick?
default-jdk-headless?'

is_installed() {
    # shellcheck disable=SC2016 # dpkg's variable
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# pkg-config is a name of pkgconf, ninja-build and meson may come from pip.
is_there() {
    is_installed "$1" && return
    case $1 in
    gcc | g++ | meson | python3 | pkg-config | shellcheck) command -v "$1" ;;
    ninja-build) command -v ninja ;;
    sqlite3) command -v sqlite3 ;;
    *) false ;;
    esac >/dev/null
}

apt() {
    local elevate=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "packages.sh: neither root nor sudo; please install: $*" >&2
            return 1
        fi
        elevate=(sudo)
    fi
    "${elevate[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=120 "$@" >/dev/null
}

needed=()
wanted=()
for set in "$@"; do
    case $set in
    build) names=$build ;;
    run) names=$run ;;
    test) names=$test ;;
    *)
        echo "usage: packages.sh build|run|test ..." >&2
        exit 2
        ;;
    esac
    for name in $names; do
        is_there "${name%\?}" && continue
        case $name in
        *\?) wanted+=("${name%\?}") ;;
        *) needed+=("$name") ;;
        esac
    done
done
[ ${#needed[@]} -gt 0 ] || [ ${#wanted[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "packages.sh: no apt-get here; please install:" \
        "${needed[*]:-} ${wanted[*]:-}" >&2
    [ ${#needed[@]} -eq 0 ]
    exit
fi
apt update || true # without a network, what was fetched before may do
if [ ${#needed[@]} -gt 0 ]; then
    echo "\$ apt-get install ${needed[*]}"
    apt install --no-install-recommends "${needed[@]}"
fi
for name in "${wanted[@]}"; do
    if ! apt install --no-install-recommends "$name" 2>/dev/null; then
        echo "packages.sh: $name cannot be had; what uses it is skipped"
    fi
done
