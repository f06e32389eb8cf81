#!/bin/bash
# SPDX-License-Identifier: MIT
# The process stays within -o cache=SIZE, what it takes without any image, and
# a constant for what malloc keeps; for two sizes, so that it is seen to follow.
# With workers there is what they share with the process, 64 MiB at most.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python json
[ "${PREPFS_SANITIZED:-none}" = none ] || skip "sanitizers take more"
if [ -d "${PREPFS_SHARED:-}/corpus" ]; then
    archive=$PREPFS_SHARED/corpus
    sizes='64,0 160,0 64,4'
else
    archive=$WORK/archive
    sizes='24,0 64,0 24,4' # it has fewer images
    "$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet "$archive"
fi
slack=$((48 << 10)) # KiB

# The process behind $MNT.
server() {
    for status in /proc/[0-9]*/cmdline; do
        tr '\0' ' ' 2>/dev/null <"$status" | grep -qF "$PREPFS $archive $MNT" &&
            basename "$(dirname "$status")" && return
    done
}

rss() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}

read_all() {
    for view in full size-800x800_f32; do
        find -L "$MNT/$view/" -name '*.tiff' -print0 2>/dev/null |
            xargs -0 -P 4 -n 16 cat >/dev/null 2>&1 || true
    done
}

for size in $sizes; do
    mib=${size%,*}
    workers=${size#*,}
    mount_archive "$archive" "cache=${mib}M,threads=2,workers=$workers"
    shared=$((workers > 0 ? 64 << 10 : 0))
    pid=$(server)
    [ -n "$pid" ] || { echo "no process found"; exit 1; }
    cat "$MNT/.prepfs/stats.json" >/dev/null
    before=$(rss "$pid")
    read_all
    sleep 1
    after=$(rss "$pid")
    used=$("$PYTHON" -c "
import json
s = json.load(open('$MNT/.prepfs/stats.json'))
print((s['bytes_used'] + s['bytes_kept']) >> 10)")
    echo "cache=${mib}M,workers=$workers: $before KiB before, $after after, $used accounted for"
    [ "$used" -gt $((mib * 1024 / 2)) ] || { echo "too few images"; exit 1; }
    [ "$used" -le $((mib * 1024)) ] || { echo "over the budget"; exit 1; }
    [ "$after" -le $((before + mib * 1024 + slack + shared)) ] ||
        { echo "more than the budget and $((slack + shared)) KiB"; exit 1; }
    unmount_archive
    while [ -d "/proc/$pid" ]; do sleep 0.1; done
done
