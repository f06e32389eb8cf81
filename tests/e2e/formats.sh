#!/bin/bash
# SPDX-License-Identifier: MIT
# .npy, .nii, .png and .json beside every .tiff: sizes before pixels, values,
# geometry, words, and the same bytes from a second mount.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python numpy tifffile nibabel PIL pydicom
"$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet --scale 0.25 --slices 3 \
    "$WORK/archive"
"$PYTHON" "$(dirname "$0")/formats.py" --report "$WORK/archive"
mount_archive "$WORK/archive"
"$PYTHON" "$(dirname "$0")/formats.py" "$MNT" "$WORK/archive" "$WORK/first"
unmount_archive
# Another state, another number of threads: nothing is remembered.
mv "$WORK/state" "$WORK/state.first"
mount_archive "$WORK/archive" threads=1
"$PYTHON" "$(dirname "$0")/formats.py" --again "$MNT" "$WORK/first"
