#!/bin/bash
# SPDX-License-Identifier: MIT
# Sources that change under a mount: ESTALE before a rescan, the new bytes
# after it; a removed image is gone by name too.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python sqlite3
"$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet --scale 0.25 --slices 4 \
    "$WORK/archive"
mount_archive "$WORK/archive"
"$PYTHON" "$(dirname "$0")/changes.py" "$MNT" "$WORK/archive" "$PREPFSCTL" "$WORK/state"
