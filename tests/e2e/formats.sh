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
# Another state, another number of threads, other ids in the manifest, where
# the first study comes last now: nothing is remembered.
mv "$WORK/state" "$WORK/state.first"
first=$(find "$WORK/archive" -mindepth 1 -maxdepth 1 -type d | sort | head -n 1)
mv "$first" "$WORK/aside"
mount_archive "$WORK/archive"
unmount_archive
mv "$WORK/aside" "$first"
mount_archive "$WORK/archive" threads=1
"$PYTHON" "$(dirname "$0")/formats.py" --again "$MNT" "$WORK/first"
# What made the bytes is told by the program and by every .json alike.
"$PREPFS" -V | grep -E '^prepfs engine [0-9]+, DCMTK [0-9.]+, OpenJPEG [0-9.]+, libtiff' >"$WORK/engine"
"$PYTHON" - "$MNT" "$WORK/engine" <<'EOF'
import glob, json, sys
told = open(sys.argv[2]).read().strip()
leaves = glob.glob(sys.argv[1] + "/hu_list-json/*/*.json")
assert leaves, "no .json"
for leaf in leaves:
    engine = json.load(open(leaf))["prepfs"]["engine"]
    assert engine == told, f"{leaf}: {engine}, -V says {told}"
EOF
