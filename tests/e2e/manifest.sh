#!/bin/bash
# SPDX-License-Identifier: MIT
# MOUNT/manifest.db answers plain sqlite3; CSV inodes are stat's; a failure
# has its reason in an xattr.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python sqlite3
command -v sqlite3 >/dev/null || skip "sqlite3 is missing"
"$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet --scale 0.25 --slices 4 \
    "$WORK/archive"
# A file that cannot be decoded: the pixels of a copy are cut off.
victim=$(find "$WORK/archive" -name '*.dcm' | sort | head -n 1)
head -c 5000 "$victim" >"$WORK/archive/broken.dcm"
rm "$victim"
mount_archive "$WORK/archive" xattr
"$PYTHON" "$(dirname "$0")/manifest.py" "$MNT"
