#!/bin/bash
# SPDX-License-Identifier: MIT
# Every form of every operator, and views at random, against NumPy and SciPy.
. "$(dirname "$0")/archive.sh"
need_fuse
need_shared
need_python numpy scipy tifffile pydicom nibabel PIL
here=$(cd "$(dirname "$0")" && pwd)
"$PYTHON" -B "$here/examples_archive.py" "$PREPFS_SHARED/corpus" "$WORK/archive"
mount_archive "$WORK/archive"
"$PYTHON" -B "$here/operators.py" "$MNT" "$WORK/archive" "$PREPFSCTL" "$@"
