#!/bin/bash
# SPDX-License-Identifier: MIT
# Patches are a function of their path: the same names and bytes on two mounts
# at once, with other numbers of threads, from a state of their own, in another
# order of reading, and after a restart. Another seed gives others.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python hashlib
"$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet --scale 0.25 --slices 8 \
    "$WORK/archive"
views='rand-24x20-n5-seed7 grid-40x40-s24x32_u8 crop_grid-32x32_hu
    fill-reflect_rand-200x90x2-n2-seed999999999999999_list-npy
    series_hu_rand-16x12x4-n6-seed7_norm-z_list-npy
    series_grid-32x32x3-s32x32x2_pack-deflate'

# digests MOUNT ORDER: of every patch, with its path in the mount.
digests() {
    (cd "$1" && for view in $views; do find -L "$view/" -type f; done |
        sort ${2:+"$2"} | tr '\n' '\0' | xargs -0 -P 3 -n 40 sha256sum) |
        LC_ALL=C sort -k 2
}

second=$WORK/second
mkdir "$second"
unmount_second() {
    if mountpoint -q "$second"; then
        fusermount3 -uz "$second"
    fi
}
# shellcheck disable=SC2154 # cleanup_archive asks for $?
trap 'code=$?; unmount_second; (exit $code); cleanup_archive' EXIT

mount_archive "$WORK/archive" threads=4
"$PREPFS" "$WORK/archive" "$second" -o "state=$WORK/other,threads=1,workers=0,prefetch=off"
digests "$MNT" '' >"$WORK/a" &
digests "$second" -r >"$WORK/b"
wait $!
unmount_second
for view in $views; do
    n=$(grep -cF " $view/" "$WORK/a") || { echo "no patch of $view"; exit 1; }
    echo "$view: $n patches"
done
cmp "$WORK/a" "$WORK/b"

# A restart: what the state remembers must not change them.
unmount_archive
while ! mount_archive "$WORK/archive" threads=2,cache=8M 2>"$WORK/log"; do
    grep -q 'in use\|busy' "$WORK/log" || { cat "$WORK/log"; exit 1; }
    sleep 0.2
done
digests "$MNT" -R >"$WORK/c"
cmp "$WORK/a" "$WORK/c"

views='rand-24x20-n5-seed8'
digests "$MNT" '' | cut -d' ' -f1 | sort >"$WORK/d"
grep -F ' rand-24x20-n5-seed7/' "$WORK/a" | cut -d' ' -f1 | sort >"$WORK/e"
# Patches of the background look alike.
same=$(comm -12 "$WORK/d" "$WORK/e" | wc -l)
all=$(wc -l <"$WORK/e")
echo "$same of $all patches are found under another seed too"
[ $((2 * same)) -lt "$all" ] || { echo "the seed is ignored"; exit 1; }
