#!/bin/bash
# SPDX-License-Identifier: MIT
# What prepfsctl render writes is what the mount shows: every file, every byte.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python numpy
"$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet --scale 0.2 --slices 3 \
    --frames 4 "$WORK/archive"
mount_archive "$WORK/archive"

# compare VIEW [ARCHIVE]: both ways, so that no file is left over. A status of
# 1 is that of files that the mount cannot give either.
compare() {
    view=$1
    status=0
    "$PREPFSCTL" render "$view" "${2:-$WORK/archive}" -o "$WORK/out" -q -j 3 \
        2>"$WORK/log" || status=$?
    [ $status -le 1 ] || { cat "$WORK/log"; exit 1; }
    (cd "$WORK/out" && find . -type f -not -path './.prepfs-render/*' | sort) \
        >"$WORK/made"
    (cd "$MNT/$view/" && find . -type f | sort) >"$WORK/shown"
    while IFS= read -r f; do
        # a file that cannot be had is not written
        if [ ! -e "$WORK/out/$f" ]; then
            ! cat "$MNT/$view/$f" >/dev/null 2>&1 || { echo "$view: no $f"; exit 1; }
            continue
        fi
        cmp "$MNT/$view/$f" "$WORK/out/$f" || exit 1
        [ "$(stat -c %Y "$MNT/$view/$f")" = "$(stat -c %Y "$WORK/out/$f")" ] ||
            { echo "$view: $f has another time"; exit 1; }
    done <"$WORK/shown"
    extra=$(comm -13 "$WORK/shown" "$WORK/made")
    [ -z "$extra" ] || { echo "$view: not in the mount: $extra"; exit 1; }
    [ -s "$WORK/made" ] || { echo "$view: nothing was made"; exit 1; }
    echo "$view: $(wc -l <"$WORK/made") files"
    rm -rf "$WORK/out"
}

for view in full crop crop_size-128x96 crop-max_size-64x64_pack-packbits \
    pack-deflate hu_i16_list-npy size-64x64_list-png tree_size-32x48_list-nii \
    list-json range--1000to400_f32 vol-mip_u8 pick-2to3 spacing-2x2 \
    size-64x64_norm-z rot-30_fill-edge frames_size-32x32 \
    frames_pick-2to3_u8_list-png grid-64x48 crop_rand-20x20-n3-seed5_u8 \
    series_hu_i16_list-npy series_size-32x32; do
    compare "$view"
done

# Real files, with all that is wrong with some of them.
if [ -d "${PREPFS_SHARED:-}/corpus" ]; then
    unmount_archive
    rm -rf "$WORK/state"
    mount_archive "$PREPFS_SHARED/corpus"
    compare crop_size-128x128 "$PREPFS_SHARED/corpus"
fi
