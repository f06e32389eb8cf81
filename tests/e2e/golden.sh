#!/bin/bash
# SPDX-License-Identifier: MIT
# Every golden line, sample by sample.
. "$(dirname "$0")/archive.sh"
need_fuse
need_shared
need_python numpy tifffile
mount_archive "$PREPFS_SHARED/corpus"
"$PYTHON" "$PREPFS_SHARED/tools/golden_check.py" "$MNT" \
    "$PREPFS_SHARED/golden/golden.jsonl"
