#!/bin/bash
# SPDX-License-Identifier: MIT
# Every worked example of the language: its size, its formats, and its values
# against NumPy and SciPy.
. "$(dirname "$0")/archive.sh"
need_fuse
need_shared
command -v sqlite3 >/dev/null || skip "sqlite3 is missing"
need_python numpy scipy tifffile pydicom nibabel PIL
here=$(cd "$(dirname "$0")" && pwd)
"$PYTHON" -B "$here/examples_archive.py" "$PREPFS_SHARED/corpus" "$WORK/archive"
"$PYTHON" -B - "$here" >"$WORK/presets" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import examples
print("[views]", *(f"{k} = {v}" for k, v in examples.PRESETS.items()), sep="\n")
END
"$PREPFSCTL" index "$WORK/archive" --state "$WORK/state" --quiet
"$PYTHON" -B "$here/examples_archive.py" --findings "$WORK/archive" >"$WORK/findings.csv"
sqlite3 "$WORK/state/manifest.db" ".mode csv" ".import --skip 1 $WORK/findings.csv roi"
mount_archive "$WORK/archive" "presets=$WORK/presets"
status=0
"$PYTHON" -B "$here/examples_formats.py" "$MNT" "$WORK/archive" "$PREPFSCTL" || status=1
"$PYTHON" -B "$here/examples.py" "$MNT" "$WORK/archive" "$PREPFSCTL" "$@" || status=1
unmount_archive
mount_archive "$WORK/archive" gaps=allow
"$PYTHON" -B "$here/examples.py" "$MNT" "$WORK/archive" "$PREPFSCTL" --gaps || status=1
exit $status
