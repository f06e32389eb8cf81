#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files that are added, replaced, overwritten, truncated, renamed and removed
under a mount show in it, by whichever way it notices them."""
import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time

HOW, MOUNT, ARCHIVE, CTL, STATE = sys.argv[1:6]
PATIENCE = 60


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def stats():
    return json.loads(read(os.path.join(MOUNT, ".prepfs/stats.json")))


def rescan(check=True):
    return subprocess.run([CTL, "rescan", MOUNT], check=check, capture_output=True, text=True)


def notice(what, condition):
    """At once after a rescan; else within a while."""
    if HOW == "asked":
        rescan()
        assert condition(), f"not after a rescan: {what}"
        return
    until = time.time() + PATIENCE
    while not condition():
        assert time.time() < until, f"never: {what}"
        time.sleep(0.05)


def problem(path):
    try:
        read(path)
    except OSError as e:
        return e.errno
    return 0


def leaves():
    found = {}
    for folder, _, names in os.walk(os.path.join(MOUNT, "raw")):
        for name in names:
            path = os.path.join(folder, name)
            found[path] = os.lstat(path).st_ino
    return found


def by_pixels():
    """Leaf by what it shows. Every slice of the demo differs."""
    return {read(path): path for path in leaves()}


def changed(data):
    """The same file with other pixels."""
    return data[:-2000] + bytes(b ^ 1 for b in data[-2000:-1000]) + data[-1000:]


def sources():
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(ARCHIVE) for name in names)


def uid_of(path):
    """SOP Instance UID: (0008,0018), explicit or implicit little endian."""
    data = read(path)
    at = data.index(b"\x08\x00\x18\x00", 132)
    size = int.from_bytes(data[at + 6:at + 8] if data[at + 4:at + 6] == b"UI" else data[at + 4:at + 8],
                          "little")
    return data[at + 8:at + 8 + size].rstrip(b"\0").decode()


def leaf_of(source):
    return next(path for path in leaves() if os.path.basename(path) == uid_of(source) + ".tiff")


def is_native(path):
    data = read(path)
    at = data.index(b"\x02\x00\x10\x00UI")
    size = int.from_bytes(data[at + 6:at + 8], "little")
    return data[at + 8:at + 8 + size].rstrip(b"\0") in (b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1")


def check_changes(files):
    first, second, third = files[:3]
    leaf, data = leaf_of(first), read(first)
    before = read(leaf)

    # replaced by rename
    write(first + ".tmp", changed(data))
    os.rename(first + ".tmp", first)
    notice("a replaced file", lambda: problem(leaf) == 0 and read(leaf) != before)
    # overwritten in place, with what was there before
    write(first, data)
    notice("an overwritten file", lambda: problem(leaf) == 0 and read(leaf) == before)
    # truncated by path, and made whole again
    os.truncate(first, len(data) // 2)
    notice("a truncated file", lambda: problem(leaf) in (errno.EIO, errno.ENOENT))
    write(first, data)
    notice("a file that is whole again", lambda: problem(leaf) == 0 and read(leaf) == before)
    # renamed: nothing changes, not even the inode
    leaf, number = leaf_of(second), os.lstat(leaf_of(second)).st_ino
    moved = os.path.join(ARCHIVE, "another", "folder", "name.dcm")
    os.makedirs(os.path.dirname(moved))
    os.rename(second, moved)
    notice("a renamed file", lambda: problem(leaf.replace("/raw/", "/size-33x33/")) == 0)
    assert os.lstat(leaf).st_ino == number, "a renamed file is another inode"
    # and with the folder that it is in
    os.rename(os.path.join(ARCHIVE, "another"), os.path.join(ARCHIVE, "a-third"))
    moved = moved.replace("/another/", "/a-third/")
    notice("a renamed folder", lambda: problem(leaf.replace("/raw/", "/size-32x32/")) == 0)
    write(moved, changed(read(moved)))
    notice("a file in a renamed folder",
           lambda: problem(leaf) == 0 and os.lstat(leaf).st_ino != number)
    # removed, and back
    leaf, data = leaf_of(third), read(third)
    read(leaf)
    os.remove(third)
    notice("a removed file", lambda: not os.path.exists(leaf))
    assert os.path.basename(leaf) not in os.listdir(os.path.dirname(leaf))
    write(third, data)
    notice("a file that is back", lambda: os.path.exists(leaf))
    # a new study, in folders that are new
    rm = len(leaves())
    new = os.path.join(ARCHIVE, "new", "study")
    os.makedirs(new)
    uid = uid_of(third).encode()
    write(os.path.join(new, "image.dcm"), data.replace(uid, uid[:-1] + b"9"))
    notice("a new file", lambda: len(leaves()) == rm + 1)
    # in all places at once
    for path in sources():
        os.utime(path)
    old = leaves()
    notice("a touch of everything", lambda: not set(leaves().values()) & set(old.values()))
    assert leaves().keys() == old.keys()


def check_half_written(source):
    """One that is written piece by piece is taken when it is whole."""
    data, leaf = read(source), leaf_of(source)
    good = read(leaf)
    half = len(data) // 2
    seen = set()
    done = threading.Event()

    def look():
        while not done.is_set():
            try:
                seen.add(read(leaf))
            except OSError as e:
                assert e.errno in (errno.EIO, errno.ESTALE, errno.ENOENT), e

    watcher = threading.Thread(target=look)
    watcher.start()
    with open(source, "wb") as f:
        for at in range(0, half, max(half // 40, 1)):
            f.write(data[at:min(at + max(half // 40, 1), half)])
            f.flush()
            time.sleep(0.02)
        time.sleep(1.5)  # a pause: half of it is looked at
        if HOW == "asked":
            rescan()
        f.write(data[half:])
    notice("a file that was written slowly", lambda: problem(leaf) == 0 and read(leaf) == good)
    done.set()
    watcher.join()
    assert seen <= {good}, "half of a file was shown"


def check_asking():
    said = rescan().stdout
    assert "files in" in said and "unchanged" in said, said
    bad = subprocess.run([CTL, "rescan", ARCHIVE], capture_output=True, text=True)
    assert bad.returncode == 1 and "is prepfs mounted?" in bad.stderr, bad
    # many at once: each gets an answer of its own, or is told to come again
    asked = [subprocess.Popen([CTL, "rescan", MOUNT], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
             for _ in range(6)]
    assert all(p.wait(60) == 0 for p in asked), [p.stderr.read() for p in asked]
    for p in asked:
        p.stdout.close()
        p.stderr.close()
    path = read(os.path.join(MOUNT, ".prepfs/socket")).decode().strip()
    assert os.stat(path).st_mode & 0o777 == 0o600, "the socket is open to others"
    with socket.socket(socket.AF_UNIX) as s:
        os.chdir(os.path.dirname(path))
        s.connect(os.path.basename(path))
        s.sendall(b"make coffee\n")
        answer = b""
        while piece := s.recv(1000):
            answer += piece
        assert answer.startswith(b"failed only") and answer.endswith(b"done\n"), answer


def main():
    names = {"asked": 0, "clock": 0, "told": (1, 2), "inotify": 1}
    kind = stats()["watching"]
    assert kind == names[HOW] or kind in (names[HOW] if HOW == "told" else ()), (HOW, kind)
    files = sorted(sources(), key=is_native, reverse=True)[:3]
    assert len(by_pixels()) == len(leaves()) and is_native(files[1]), files
    check_asking()
    check_changes(files)
    check_half_written(next(path for path in sources() if is_native(path)))
    now = stats()
    if HOW in ("told", "inotify"):
        assert now["passes_places"] > 5 and now["passes"] < 10, now
        assert (now["watched_folders"] > 3) == (kind == 1), now
    else:
        assert now["passes_places"] == now["watching"] == 0, now
    print(f"{HOW}: noticed; {now['passes']} passes, {now['passes_places']} of places")


if __name__ == "__main__":
    main()
