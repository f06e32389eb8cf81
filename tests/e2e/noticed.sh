#!/bin/bash
# SPDX-License-Identifier: MIT
# What changes in an archive is noticed by the mount itself: told by the kernel
# in both of its ways, by the clock, and when prepfsctl asks.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python sqlite3

# check HOW OPTIONS [LAUNCHER...]
check() {
    how=$1 options=$2
    shift 2
    rm -rf "$WORK/archive" "$WORK/state"
    "$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet --scale 0.25 --slices 4 \
        "$WORK/archive" --patients 1 --modality CT
    "$@" "$PREPFS" "$WORK/archive" "$MNT" -o "state=$WORK/state,$options"
    "$PYTHON" "$(dirname "$0")/noticed.py" "$how" "$MNT" "$WORK/archive" "$PREPFSCTL" "$WORK/state"
    unmount_archive
}

check asked watch=off,rescan=0
check clock watch=off,rescan=1
check told watch=auto,rescan=0
# Without the right to open handles there is no fanotify.
if [ "$(id -u)" -eq 0 ] && setpriv --bounding-set=-dac_read_search --inh-caps=-dac_read_search true 2>/dev/null; then
    check inotify watch=auto,rescan=0 \
        setpriv --bounding-set=-dac_read_search --inh-caps=-dac_read_search
fi
