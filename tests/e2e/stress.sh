#!/bin/bash
# SPDX-License-Identifier: MIT
# 16 processes read random leaves in random chunk sizes: always the bytes that
# one process read whole. STRESS_SECONDS (10) and STRESS_SEED set the run.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python hashlib
if [ -d "${PREPFS_SHARED:-}/corpus" ]; then
    archive=$PREPFS_SHARED/corpus
else
    archive=$WORK/archive
    "$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet --scale 0.5 --slices 4 "$archive"
fi
mount_archive "$archive" "cache=32M"
"$PYTHON" "$(dirname "$0")/stress.py" "$MNT" "${STRESS_SECONDS:-10}"
