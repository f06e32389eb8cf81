#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Replaced, touched and removed sources under a mount."""
import errno
import os
import sqlite3
import subprocess
import sys
import time

MOUNT, ARCHIVE, CTL, STATE = sys.argv[1:5]


def read(path):
    with open(path, "rb") as f:
        return f.read()


def rescan():
    subprocess.run([CTL, "index", "-q", ARCHIVE, "-o", f"state={STATE}"], check=True)


def wait(what, condition):
    until = time.time() + 30
    while not condition():
        assert time.time() < until, f"never: {what}"
        time.sleep(0.2)


def fails_with(number, path):
    try:
        read(path)
    except OSError as e:
        return e.errno == number
    return False


def main():
    db = sqlite3.connect(f"file:{MOUNT}/manifest.db?mode=ro", uri=True)
    rows = db.execute("SELECT rel, s.relpath FROM cohort c JOIN source s ON s.id = c.source_id"
                      " WHERE modality = 'CT' AND transfer_syntax = '1.2.840.10008.1.2.1'"
                      " ORDER BY rel").fetchall()
    db.close()
    assert len(rows) >= 2, rows
    (rel, path), (gone_rel, gone_path) = rows[0], rows[1]
    full, source = os.path.join(MOUNT, "raw", rel), os.path.join(ARCHIVE, path)
    before, number = read(full), os.stat(full).st_ino

    # Replaced by rename, with other pixels: a view not read yet is ESTALE,
    # what was read keeps its one version, and a rescan shows the new one.
    data = bytearray(read(source))
    data[-2000:-1000] = bytes(b ^ 1 for b in data[-2000:-1000])
    with open(source + ".new", "wb") as f:
        f.write(data)
    os.rename(source + ".new", source)
    other = os.path.join(MOUNT, "hu", rel)
    assert fails_with(errno.ESTALE, other), "a replaced source was served"
    assert read(full) == before
    rescan()
    wait("the new version", lambda: not fails_with(errno.ESTALE, full) and read(full) != before)
    assert len(read(full)) == len(before)
    assert os.stat(full).st_ino != number, "another version under the old inode"
    assert read(other)

    # Removed: the name goes.
    leaf = os.path.join(MOUNT, "full", gone_rel)
    assert read(leaf)
    os.remove(os.path.join(ARCHIVE, gone_path))
    rescan()
    wait("the name to go", lambda: not os.path.exists(leaf))
    names = os.listdir(os.path.dirname(leaf))
    assert os.path.basename(leaf) not in names
    print("ESTALE before, new bytes after, removed names gone")


if __name__ == "__main__":
    main()
