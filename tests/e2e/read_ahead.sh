#!/bin/bash
# SPDX-License-Identifier: MIT
# Read-ahead on real frames: who reads a cine loop in order waits for few of
# its frames, who reads it in random order has none made ahead.
. "$(dirname "$0")/archive.sh"
need_fuse
need_python json
"$PYTHON" "$(dirname "$0")/read_ahead.py" make "$WORK/archive"
for order in sequential listed random off; do
    options=cache=1G,threads=2
    [ $order != off ] || options=$options,prefetch=off
    mount_archive "$WORK/archive" "$options"
    "$PYTHON" "$(dirname "$0")/read_ahead.py" $order "$MNT"
    unmount_archive
done
