#!/bin/bash
# SPDX-License-Identifier: MIT
# kill -9 at random moments of indexing and reading: the next start is right.
#
#   PREPFS_KILLS=200 tests/e2e/killed.sh    the long form (default: 10)
. "$(dirname "$0")/archive.sh"
need_fuse
need_python sqlite3

"$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet --scale 0.2 --slices 8 \
    "$WORK/archive" --patients 3
for view in full raw crop_size-64x64; do
    mkdir -p "$WORK/expected"
    "$PREPFSCTL" render "$view" -q "$WORK/archive" -o "$WORK/expected/$view"
done
"$PYTHON" "$(dirname "$0")/killed.py" "$PREPFS" "$WORK/archive" "$MNT" "$WORK" "${PREPFS_KILLS:-10}"
