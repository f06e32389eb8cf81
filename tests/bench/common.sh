# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# common.sh: sourced by the benches that mount something.
#
#   top, build     the project and its build folder ($1, default build)
#   work           a folder that goes away when the script ends
#   mount_at NAME PROGRAM ARCHIVE [OPTIONS]   mounts at $work/NAME.mnt
#   unmount NAME
#   counter NAME KEY                          of its .prepfs/stats.json
#   drop_caches                               the kernel's; false if not root
#   median                                    of the numbers on stdin
#   corpus                                    the folder, or ends the script
set -eu
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(realpath "${1:-$top/build}")
work=$(mktemp -d "${TMPDIR:-/tmp}/prepfs-bench.XXXXXX")

cleanup() {
    for m in "$work"/*.mnt; do
        ! mountpoint -q "$m" || fusermount3 -u "$m" || fusermount3 -uz "$m"
    done
    ! mountpoint -q "$work/plain" || umount "$work/plain"
    rm -rf "$work"
}
trap cleanup EXIT

say() {
    printf '\n== %s\n' "$*"
}

mount_at() {
    mkdir "$work/$1.mnt"
    "$2" "$3" "$work/$1.mnt" -o "state=$work/$1.state${4:+,$4}" 2>/dev/null
}

unmount() {
    fusermount3 -u "$work/$1.mnt"
    rmdir "$work/$1.mnt"
}

counter() {
    sed -n "s/^ *\"$2\": \([0-9]*\).*/\1/p" "$work/$1.mnt/.prepfs/stats.json"
}

drop_caches() {
    sync
    { echo 3 >/proc/sys/vm/drop_caches; } 2>/dev/null
}

median() {
    sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

corpus() {
    if [ ! -d "$top/../shared/corpus" ]; then
        echo "skipped: no corpus beside the project" >&2
        exit 77
    fi
    realpath "$top/../shared/corpus"
}
