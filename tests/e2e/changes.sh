#!/bin/bash
# SPDX-License-Identifier: MIT
# Sources that change under a mount: ESTALE before a rescan, the new bytes
# after it; a removed image is gone by name too.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python sqlite3

# check PATIENTS [MKDEMO ARGUMENT...]
check() {
    "$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet --scale 0.25 --slices 4 \
        "$WORK/archive" --patients "$@"
    mount_archive "$WORK/archive" watch=off,rescan=0
    "$PYTHON" "$(dirname "$0")/changes.py" "$MNT" "$WORK/archive" "$PREPFSCTL" "$WORK/state"
}

check 2
# One study of one series: the two have the same number.
unmount_archive
rm -rf "$WORK/archive" "$WORK/state"
check 1 --modality CT
