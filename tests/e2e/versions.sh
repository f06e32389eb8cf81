#!/bin/bash
# SPDX-License-Identifier: MIT
# Sources change under readers: each read is one version, or a clear error.
#
#   PREPFS_CHANGES=1000 tests/e2e/versions.sh [told] [clock]
#
# is the long form; 40 is the default, for each of both ways to notice.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python sqlite3

here=$(dirname "$0")
views='full:tiff raw:npy crop_size-64x64:tiff,png hu_size-40x40:tiff series_size-48x48:npy,nii'
for version in 0.16 0.2 0.24; do
    "$PYTHON" "$here/../../examples/mkdemo" --quiet --scale $version --slices 4 \
        "$WORK/versions/$version" --patients 2
done
"$PYTHON" "$here/versions.py" another "$WORK/versions/0.2" "$WORK/versions/same-size"
# What a view has nothing of is said, and is no reason to stop.
expect() { # ARCHIVE VIEWS
    mkdir -p "$WORK/expected/${1##*/}"
    for view in $2; do
        "$PREPFSCTL" render "${view%:*}" --format "${view#*:}" -q "$1" \
            -o "$WORK/expected/${1##*/}/${view%:*}" >"$WORK/render.log" 2>&1 || true
    done
}
for version in "$WORK"/versions/*; do
    expect "$version" "$views"
done
"$PYTHON" "$here/versions.py" partial "$WORK/versions" "$WORK/partial"
for version in "$WORK"/partial/*; do
    expect "$version" "${views##* }"
done
cp -r "$WORK/versions/0.2" "$WORK/archive"
[ $# -gt 0 ] || set -- told clock
for how in "$@"; do
    options=watch=auto
    [ "$how" = told ] || options=watch=off,rescan=1
    mount_archive "$WORK/archive" "$options,cache=16M"
    "$PYTHON" "$here/versions.py" run "$MNT" "$WORK" "$PREPFSCTL" "${PREPFS_CHANGES:-40}" "$how"
    unmount_archive
done
