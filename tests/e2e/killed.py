#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A mount is killed again and again, and each next one must serve all bytes
from a sound manifest, after the dead mount point was freed as it says."""
import collections
import errno
import glob
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

PROGRAM, ARCHIVE, MOUNT, WORK, KILLS = *sys.argv[1:5], int(sys.argv[5])
STATE = os.path.join(WORK, "state")
OPTIONS = f"state={STATE},index=background,cache=16M,threads=2"
PATIENCE = 60


def load(folder):
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            if ".prepfs" not in path:
                with open(path, "rb") as f:
                    found[os.path.relpath(path, folder)] = f.read()
    return found


def start():
    return subprocess.Popen([PROGRAM, ARCHIVE, MOUNT, "-f", "-o", OPTIONS],
                            stderr=subprocess.PIPE, text=True)


def wait(what, condition):
    until = time.time() + PATIENCE
    while not condition():
        assert time.time() < until, what
        time.sleep(0.01)


def is_mounted():
    with open("/proc/self/mountinfo") as f:
        return any(f" {MOUNT} " in line for line in f)


def answers():
    try:
        return os.path.exists(os.path.join(MOUNT, ".prepfs"))
    except OSError:
        return False


def read(path):
    """None while it is not there, or not looked at since it was touched."""
    try:
        with open(os.path.join(MOUNT, path), "rb") as f:
            return f.read()
    except OSError as e:
        assert e.errno in (errno.ENOENT, errno.ESTALE), e
        return None


def relatives():
    """Processes of a mount: its own, and those that decode."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if words[0] == PROGRAM.encode() and MOUNT.encode() in words:
            found.append(int(path.split("/")[2]))
    return found


class Reader(threading.Thread):
    """Reads leaves for as long as it can: what it gets is right."""

    def __init__(self, expected):
        super().__init__(daemon=True)
        self.expected, self.stop = expected, threading.Event()
        self.count, self.wrong = collections.Counter(), []

    def run(self):
        paths = sorted(self.expected)
        rng = random.Random(len(paths))
        while not self.stop.is_set():
            path = rng.choice(paths)
            try:
                with open(os.path.join(MOUNT, path), "rb") as f:
                    data = f.read()
            except OSError as e:
                # not mounted, not indexed yet, touched, killed while it worked
                self.count[errno.errorcode[e.errno]] += 1
                if e.errno not in (errno.ENOENT, errno.ESTALE, errno.ENOTCONN, errno.ECONNABORTED,
                                   errno.EIO, errno.ENODEV):
                    self.wrong.append(f"{path}: {e}")
                time.sleep(0.005)
            else:
                self.count["reads"] += 1
                if data != self.expected[path]:
                    self.wrong.append(f"{path}: {len(data)} bytes")


def check_dead_mount(process):
    """What kill -9 leaves behind, and what the next start says of it."""
    assert process.wait(PATIENCE) == -signal.SIGKILL
    process.stderr.close()
    wait("processes that decode outlive their mount", lambda: not relatives())
    if not is_mounted():
        return "unmounted"
    try:
        os.listdir(MOUNT)
        raise AssertionError("a dead mount answers")
    except OSError as e:
        assert e.errno == errno.ENOTCONN, e
    again = start()
    said = again.communicate(timeout=PATIENCE)[1]
    assert again.returncode == 32 and "fusermount3 -u -z" in said.replace("-uz", "-u -z"), said
    subprocess.run(["fusermount3", "-u", "-z", "--", MOUNT], check=True)
    return "freed"


def check_next(expected):
    process = start()
    wait("the next mount answers", answers)
    for path, data in expected.items():
        wait(f"{path} is there", lambda path=path: read(path) is not None)
        assert read(path) == data, f"{path}: other bytes than before"
    wait("manifest.db", lambda: os.path.exists(os.path.join(MOUNT, "manifest.db")))
    db = sqlite3.connect(f"file:{MOUNT}/manifest.db?mode=ro&immutable=1", uri=True)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()
    sockets = glob.glob(os.path.join(STATE, "mount-*.sock"))
    assert len(sockets) == 1, sockets
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, said
    assert "damaged" not in said and "set aside" not in said, said
    assert not is_mounted() and not relatives()


def check_state():
    path = os.path.join(STATE, "manifest.db")
    if not os.path.exists(path):
        return
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.close()


def main():
    rng = random.Random(KILLS)
    expected = load(os.path.join(WORK, "expected"))
    assert len(expected) > 50, len(expected)
    ends, total = collections.Counter(), collections.Counter()
    for i in range(KILLS):
        if i % 2 == 0:  # while it is indexed for the first time
            shutil.rmtree(STATE, ignore_errors=True)
        else:  # and when all changes
            for at, _, names in os.walk(ARCHIVE):
                for name in rng.sample(names, len(names) // 2):
                    os.utime(os.path.join(at, name))
        readers = [Reader(expected) for _ in range(2)]
        process = start()
        for r in readers:
            r.start()
        time.sleep(rng.random() ** 2 * 1.5)
        process.kill()
        ends[check_dead_mount(process)] += 1
        for r in readers:
            r.stop.set()
            r.join()
            total += r.count
            assert not r.wrong, r.wrong[:5]
        check_state()
        check_next(expected)
    assert total["reads"] > KILLS and ends["freed"] > 0, (ends, total)
    print(f"{KILLS} kills: {dict(ends)}, readers meanwhile: {dict(total)}")


if __name__ == "__main__":
    main()
