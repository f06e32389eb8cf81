#!/bin/bash
# SPDX-License-Identifier: MIT
# After one pass over an archive, and with the kernel's caches dropped, the
# second pass decodes nothing, reads nothing from the archive, and gives the
# same bytes.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python hashlib
[ "$(id -u)" -eq 0 ] && [ -w /proc/sys/vm/drop_caches ] ||
    skip "only root drops the kernel's caches"
if [ -d "${PREPFS_SHARED:-}/corpus" ]; then
    archive=$PREPFS_SHARED/corpus
else
    archive=$WORK/archive
    "$PYTHON" "$(dirname "$0")/../../examples/mkdemo" --quiet "$archive"
fi
mount_archive "$archive" "cache=1G"
views='full crop_size-384x512 pack-lzw size-128x128_u8_gray'

counter() {
    sed -n "s/^ *\"$1\": \([0-9]*\).*/\1/p" "$MNT/.prepfs/stats.json"
}

# Digests of all images that can be read.
pass() {
    for view in $views; do
        find -L "$MNT/$view/" -name '*.tiff' 2>/dev/null | LC_ALL=C sort |
            tr '\n' '\0' | xargs -0 -P 4 -n 16 sha256sum 2>/dev/null || true
    done | LC_ALL=C sort -k 2 >"$1"
}

pass "$WORK/first"
files=$(wc -l <"$WORK/first")
[ "$files" -gt 150 ] || { echo "only $files images"; exit 1; }
for view in $views; do
    grep -qF "/$view/" "$WORK/first" || { echo "nothing of $view"; exit 1; }
done
decoded=$(counter frames_decoded)
bytes=$(counter bytes_read)
[ "$decoded" -gt 50 ] || { echo "only $decoded decodes"; exit 1; }
sync
echo 3 >/proc/sys/vm/drop_caches

# Files that cannot be read are tried again; that they decode nothing either
# is for the memory of failures.
reads=$(counter read)
pass "$WORK/second"
cmp "$WORK/first" "$WORK/second" || { echo "other bytes"; exit 1; }
[ "$(counter read)" -gt "$((reads + files))" ] ||
    { echo "the kernel's pages were not dropped"; exit 1; }
more=$(($(counter frames_decoded) - decoded))
[ "$more" -eq 0 ] || { echo "the second pass decoded $more frames"; exit 1; }
more=$(($(counter bytes_read) - bytes))
[ "$more" -eq 0 ] || { echo "the second pass read $more bytes"; exit 1; }
echo "$files images: first pass $decoded decodes, second 0"
