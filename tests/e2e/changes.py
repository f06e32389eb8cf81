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


class Stack:
    """The file of a series, which changes with each of its slices."""

    def __init__(self, study, series, slices):
        self.where = os.path.join(study, series)
        self.path = self.of("series_raw", "npy")
        self.held = []  # (descriptor, bytes, inode) of every version
        self.keep(slices)

    def of(self, view, ext):
        return os.path.join(MOUNT, view, f"{self.where}.{ext}")

    def keep(self, slices):
        data = read(self.path)
        assert str((slices,)).rstrip(",)")[1:] in data[:200].decode("latin-1"), data[:200]
        assert data not in [held[1] for held in self.held]
        descriptor = os.open(self.path, os.O_RDONLY)
        number = os.fstat(descriptor).st_ino
        assert number not in [held[2] for held in self.held], "an inode was used again"
        self.held.append((descriptor, data, number))

    def check_unseen(self):
        """A slice was replaced, and nobody has looked yet."""
        assert read(self.path) == self.held[-1][1], "what was read keeps its version"
        assert fails_with(errno.ESTALE, self.of("series_hu", "npy")), "a changed slice was served"

    def check_new(self, slices):
        old = self.held[-1][2]
        wait("the new volume", lambda: not fails_with(errno.ESTALE, self.path)
             and os.stat(self.path).st_ino != old)
        self.keep(slices)
        assert read(self.of("series_hu", "npy"))
        assert read(self.of("series_raw", "tiff"))

    def check_old(self):
        """Descriptors of old versions give what they had, or ESTALE."""
        for descriptor, data, _ in self.held[:-1]:
            try:
                got = os.pread(descriptor, len(data), 0)
            except OSError as e:
                assert e.errno == errno.ESTALE, e
            else:
                assert data.startswith(got), "other bytes under the old inode"


def main():
    db = sqlite3.connect(f"file:{MOUNT}/manifest.db?mode=ro", uri=True)
    rows = db.execute("SELECT rel, s.relpath, study_uid, series_uid, transfer_syntax"
                      " FROM cohort c JOIN source s ON s.id = c.source_id"
                      " WHERE modality = 'CT' ORDER BY series_uid, c.ord").fetchall()
    db.close()
    # Two slices of one series: one whose file ends with pixels, and the last.
    rows = [row for row in rows if row[3] == rows[-1][3]]
    assert len(rows) == 4, rows
    native = [row for row in rows[:-1] if row[4] in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")]
    (rel, path, study, series), (gone_rel, gone_path) = native[0][:4], rows[-1][:2]
    full, source = os.path.join(MOUNT, "raw", rel), os.path.join(ARCHIVE, path)
    before, number = read(full), os.stat(full).st_ino
    stack = Stack(study, series, len(rows))

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
    stack.check_unseen()
    rescan()
    wait("the new version", lambda: not fails_with(errno.ESTALE, full) and read(full) != before)
    assert len(read(full)) == len(before)
    assert os.stat(full).st_ino != number, "another version under the old inode"
    assert read(other)
    stack.check_new(len(rows))

    # Removed: the name goes.
    leaf = os.path.join(MOUNT, "full", gone_rel)
    assert read(leaf)
    os.remove(os.path.join(ARCHIVE, gone_path))
    rescan()
    wait("the name to go", lambda: not os.path.exists(leaf))
    names = os.listdir(os.path.dirname(leaf))
    assert os.path.basename(leaf) not in names
    stack.check_new(len(rows) - 1)
    stack.check_old()
    print("ESTALE before, new bytes after, removed names gone")


if __name__ == "__main__":
    main()
