#!/bin/bash
# SPDX-License-Identifier: MIT
# Every form of every operator, and views at random, against NumPy and SciPy.
. "$(dirname "$0")/archive.sh"
need_fuse
need_shared
command -v sqlite3 >/dev/null || skip "sqlite3 is missing"
need_python numpy scipy tifffile pydicom nibabel PIL
here=$(cd "$(dirname "$0")" && pwd)
"$PYTHON" -B "$here/examples_archive.py" "$PREPFS_SHARED/corpus" "$WORK/archive"
"$PREPFSCTL" index "$WORK/archive" --state "$WORK/state" --quiet
"$PYTHON" -B "$here/examples_archive.py" --findings "$WORK/archive" >"$WORK/findings.csv"
sqlite3 "$WORK/state/manifest.db" ".mode csv" ".import --skip 1 $WORK/findings.csv roi"
mount_archive "$WORK/archive"
"$PYTHON" -B "$here/operators.py" "$MNT" "$WORK/archive" "$PREPFSCTL" "$@"
