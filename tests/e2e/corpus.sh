#!/bin/bash
# SPDX-License-Identifier: MIT
# Sizes before pixels, and errors that are explained, over the whole corpus.
. "$(dirname "$0")/archive.sh"
need_fuse
need_shared
need_python json
mount_archive "$PREPFS_SHARED/corpus"
"$PYTHON" "$(dirname "$0")/corpus.py" "$MNT"
