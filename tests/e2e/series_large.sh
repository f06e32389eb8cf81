#!/bin/bash
# SPDX-License-Identifier: MIT
# 400 slices resampled to a millimetre and read in random pieces: memory stays
# within 256 MiB above the cache, and a piece needs a few frames.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python numpy pydicom
here=$(dirname "$0")
"$PYTHON" "$here/series_large.py" make "$WORK/archive" 400
"$PREPFS" -f "$WORK/archive" "$MNT" -o "state=$WORK/state,cache=64M,prefetch=off" &
pid=$!
for _ in $(seq 300); do
    mountpoint -q "$MNT" && break
    sleep 0.1
done
"$PYTHON" "$here/series_large.py" read "$MNT" $pid 64
