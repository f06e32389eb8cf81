#!/bin/bash
# SPDX-License-Identifier: MIT
# Series as volumes: the corpus against pydicom, NumPy and (where it is
# installed) dcm2niix; irregular ones refused, explained, and allowed.
. "$(dirname "$0")/archive.sh"
need_fuse
need_shared
need_python numpy pydicom nibabel tifffile
converted=
if command -v dcm2niix >/dev/null; then
    converted=$WORK/nii
    mkdir "$converted"
    dcm2niix -z n -b n -f x -o "$converted" "$PREPFS_SHARED/corpus/ct-philips" >/dev/null
else
    echo "dcm2niix is missing: compared with the headers alone" >&2
fi
here=$(dirname "$0")
mount_archive "$PREPFS_SHARED/corpus" xattr
"$PYTHON" "$here/series.py" "$PREPFS_SHARED/corpus" "$MNT" strict $converted
unmount_archive
# The same state: what was remembered without the option is not used with it.
mount_archive "$PREPFS_SHARED/corpus" xattr,gaps=allow
"$PYTHON" "$here/series.py" "$PREPFS_SHARED/corpus" "$MNT" gaps $converted
unmount_archive
mount_archive "$PREPFS_SHARED/corpus" xattr
"$PYTHON" "$here/series.py" "$PREPFS_SHARED/corpus" "$MNT" strict $converted
