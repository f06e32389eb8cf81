#!/bin/bash
# SPDX-License-Identifier: MIT
# The readers people use see the same values in one leaf.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python numpy
"$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet --scale 0.5 --slices 4 "$WORK/archive"
mount_archive "$WORK/archive"
"$PYTHON" "$(dirname "$0")/readers.py" "$MNT" "$(dirname "$0")/../../man/prepfs-view.7"
