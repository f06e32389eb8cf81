# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# archive.sh: sourced by scripts that mount a real archive with prepfs.
#
#   PREPFS, PREPFSCTL   the programs (meson sets them)
#   PREPFS_SHARED       folder with corpus/ and golden/; may be missing
#
# need_fuse and need_shared end the script with 77 (skipped) and a reason.
# mount_archive ARCHIVE [OPTIONS] mounts at $MNT with its state in $WORK and
# returns when the mount answers. Everything goes away when the script ends.
set -eu

WORK=$(mktemp -d "${TMPDIR:-/tmp}/prepfs-e2e.XXXXXX")
MNT=$WORK/mnt
mkdir "$MNT"

skip() {
    echo "skipped: $*" >&2
    exit 77
}

need_fuse() {
    [ -c /dev/fuse ] && [ -w /dev/fuse ] || skip "/dev/fuse cannot be used here"
    command -v fusermount3 >/dev/null || skip "fusermount3 is missing"
    [ "$(id -u)" -eq 0 ] || [ -e /etc/mtab ] || skip "a user cannot unmount without /etc/mtab"
}

need_shared() {
    [ -d "${PREPFS_SHARED:-}/corpus" ] || skip "no corpus (PREPFS_SHARED)"
}

# The interpreter that has the given modules.
need_python() {
    for py in python3 /usr/bin/python3; do
        for module in "$@"; do
            "$py" -c "import $module" 2>/dev/null || continue 2
        done
        PYTHON=$py
        return 0
    done
    skip "python3 with $*"
}

mount_archive() {
    archive=$1
    options=${2:-}
    "$PREPFS" "$archive" "$MNT" -o "state=$WORK/state${options:+,$options}"
}

unmount_archive() {
    fusermount3 -u "$MNT" 2>/dev/null || fusermount3 -uz "$MNT"
}

cleanup_archive() {
    status=$?
    trap - EXIT
    if mountpoint -q "$MNT" 2>/dev/null; then
        unmount_archive || true
    fi
    rm -rf "$WORK"
    exit $status
}
trap cleanup_archive EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
