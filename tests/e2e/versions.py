#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Eight processes read leaves while their sources are replaced, overwritten,
renamed and removed. What each leaf may hold is known: the same archive exists
in several versions, and every view of each was rendered without a mount.

    versions.py another ARCHIVE COPY       a version of the same sizes
    versions.py partial VERSIONS TO        each, without one file of a folder
    versions.py run MOUNT WORK PREPFSCTL CHANGES HOW
"""
import collections
import errno
import hashlib
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import time

READERS = 8
CLEAR = {errno.ESTALE, errno.EIO, errno.ENOENT}
NATIVE = (b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.1\0")


def files_of(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder)
                  for at, _, names in os.walk(folder) for name in names
                  if ".prepfs" not in at)


def another(archive, copy):
    """Native pixels with some bits turned; the rest as it was. One file in a
    folder: slices of equal sizes stack in any mixture of versions, and this way
    each mixture is one of the versions."""
    shutil.copytree(archive, copy)
    done = set()
    for name in files_of(copy):
        path = os.path.join(copy, name)
        if os.path.dirname(name) in done:
            continue
        with open(path, "rb") as f:
            data = f.read()
        at = data.index(b"\x02\x00\x10\x00UI") + 8
        if any(data[at:].startswith(uid) for uid in NATIVE):
            done.add(os.path.dirname(name))
            half = len(data) - len(data) // 3
            with open(path, "wb") as f:
                f.write(data[:half] + bytes(b ^ 1 for b in data[half:]))


def partial(versions, to):
    """A volume has a slice less while a file of it is away; the archive is what
    it is then."""
    for version in sorted(os.listdir(versions)):
        top = os.path.join(versions, version)
        folders = collections.defaultdict(list)
        for path in files_of(top):
            folders[os.path.dirname(path)].append(path)
        for n in range(max(map(len, folders.values()))):
            away = {f[n] for f in folders.values() if 1 < len(f) > n}
            for path in {p for f in folders.values() for p in f} - away:
                copy = os.path.join(to, f"{version}-without-{n}", path)
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                os.link(os.path.join(top, path), copy)


def digest(data):
    return hashlib.sha256(data).digest()


def expectations(folder):
    """(view, path) -> {digest: version}"""
    found = collections.defaultdict(dict)
    for version in sorted(os.listdir(folder)):
        for path in files_of(os.path.join(folder, version)):
            with open(os.path.join(folder, version, path), "rb") as f:
                view, leaf = path.split("/", 1)
                found[view, leaf].setdefault(digest(f.read()), version)
    return dict(found)


# ---- readers ----

def read_whole(path, rng):
    with open(path, "rb") as f:
        return f.read()


def read_piece(fd, size, at):
    """Of a read that fails in its middle the kernel first gives what it has."""
    data = b""
    while more := os.pread(fd, size - len(data), at + len(data)):
        data += more
    return data


def read_in_pieces(path, rng):
    """In any order, with pauses: changes fall between them."""
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        piece = max(size // 5, 1000)
        at = list(range(0, size, piece))
        rng.shuffle(at)
        found = {}
        for start in at:
            found[start] = read_piece(fd, piece, start)
            time.sleep(rng.random() * 0.02)
        return b"".join(found[start] for start in sorted(found))
    finally:
        os.close(fd)


def reader(number, mount, expected, stop, results):
    rng = random.Random(number)
    leaves = sorted(expected)
    count = collections.Counter()
    wrong = []
    while not stop.is_set():
        view, leaf = rng.choice(leaves)
        how = rng.choice([read_whole, read_whole, read_in_pieces])
        try:
            data = how(os.path.join(mount, view, leaf), rng)
        except OSError as e:
            count[errno.errorcode[e.errno]] += 1
            if e.errno not in CLEAR:
                wrong.append(f"{view}/{leaf}: {e}")
            continue
        version = expected[view, leaf].get(digest(data))
        count["reads"] += 1
        if version:
            count[version] += 1
        else:
            wrong.append(f"{view}/{leaf}: {len(data)} bytes of no version, by {how.__name__}")
    results.put((count, wrong))


# ---- the writer ----

class Writer:
    def __init__(self, work, seed, look):
        self.rng = random.Random(seed)
        self.look = look
        self.work = work
        self.archive = os.path.join(work, "archive")
        self.versions = sorted(os.listdir(os.path.join(work, "versions")))
        self.paths = files_of(os.path.join(work, "versions", self.versions[0]))
        self.now = {path: "0.2" for path in self.paths}
        self.place = {path: path for path in self.paths}  # where it is now

    def at(self, path):
        return os.path.join(self.archive, self.place[path])

    def source(self, path):
        self.now[path] = self.rng.choice([v for v in self.versions if v != self.now[path]])
        return os.path.join(self.work, "versions", self.now[path], path)

    def replace(self, path):
        new = os.path.join(self.work, "new")
        shutil.copyfile(self.source(path), new)
        os.rename(new, self.at(path))

    def replace_beside(self, path):
        new = self.at(path) + ".part"
        shutil.copyfile(self.source(path), new)
        os.rename(new, self.at(path))

    def overwrite(self, path):
        shutil.copyfile(self.source(path), self.at(path))

    def overwrite_slowly(self, path):
        with open(self.source(path), "rb") as f:
            data = f.read()
        with open(self.at(path), "wb") as f:
            for at in range(0, len(data), len(data) // 4):
                f.write(data[at:at + len(data) // 4])
                f.flush()
                time.sleep(self.rng.random() * 0.1)

    def remove(self, path):
        os.remove(self.at(path))
        time.sleep(self.rng.random() * 0.3)
        shutil.copyfile(self.source(path), self.at(path))

    def rename(self, path):
        """Renamed and changed between two looks, it would be another object of the
        same UID; and no look takes a file that was touched just before."""
        self.look()
        old = self.at(path)
        self.place[path] = os.path.join(os.path.dirname(path), f"moved-{self.rng.random()}")
        os.rename(old, self.at(path))
        self.look()

    def replace_series(self, path):
        """So that its slices fit each other again."""
        folder = os.path.dirname(path)
        self.replace(path)
        for other in self.paths:
            if os.path.dirname(other) == folder:
                self.now[other] = self.now[path]
                new = os.path.join(self.work, "new")
                shutil.copyfile(os.path.join(self.work, "versions", self.now[path], other), new)
                os.rename(new, self.at(other))

    def change(self):
        how = self.rng.choice([self.replace, self.replace, self.replace_beside, self.overwrite,
                               self.overwrite, self.overwrite_slowly, self.remove, self.rename,
                               self.replace_series])
        how(self.rng.choice(self.paths))


def uniform(writer):
    """All of the archive in one version, so that all of every view is known."""
    for path in writer.paths:
        writer.now[path] = "0.16"
        shutil.copyfile(os.path.join(writer.work, "versions", "0.16", path), writer.at(path))


def last_of_four(writer):
    folders = collections.defaultdict(list)
    for path in writer.paths:
        folders[os.path.dirname(path)].append(path)
    found = [files[3] for files in folders.values() if len(files) == 4]
    assert found
    return found


def names_of(leaf):
    """A file that was renamed and changed before the next look at it is another object
    of the same UID, and has the next free name of that for good."""
    yield leaf
    uid, rest = re.fullmatch(r"(.*/[0-9.]*[0-9])(\..*)", leaf).groups()
    for n in range(2, 10):
        yield f"{uid}.d{n}{rest}"


def read_end(mount, view, leaf):
    for name in names_of(leaf):
        try:
            return read_whole(os.path.join(mount, view, name), None)
        except FileNotFoundError:
            pass
    raise FileNotFoundError(f"neither it nor another name of its UID: {leaf}")


def check_end(mount, expected, ctl, now="0.16"):
    """After all is still, every leaf is of the version that is there."""
    until = time.time() + 60
    while True:
        subprocess.run([ctl, "rescan", "-q", mount], check=True)
        wrong = []
        for (view, leaf), versions in expected.items():
            want = [d for d, version in versions.items() if version == now]
            if not want and now != "0.16":
                continue
            try:
                data = read_end(mount, view, leaf)
            except OSError as e:
                wrong.append(f"{view}/{leaf}: {e}")
            else:
                # several versions may look the same, and are then the first
                if want and digest(data) not in want:
                    wrong.append(f"{view}/{leaf}: {versions.get(digest(data))}")
        if not wrong:
            return
        assert time.time() < until, wrong[:5]
        time.sleep(0.5)


def run(mount, work, ctl, changes, how):
    expected = expectations(os.path.join(work, "expected"))
    versions = {len(v) for v in expected.values()}
    assert len(expected) > 50 and max(versions) >= 3, (len(expected), versions)
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    readers = [multiprocessing.Process(target=reader, args=(i, mount, expected, stop, results))
               for i in range(READERS)]
    for r in readers:
        r.start()
    began = time.time()

    def look():
        time.sleep(0.5)
        subprocess.run([ctl, "rescan", "-q", mount], check=True)

    writer = Writer(work, how, look)
    for i in range(changes):
        writer.change()
        time.sleep(writer.rng.random() * 0.2)
        # now and then long enough for the mount to have caught up
        if i % 10 == 9:
            time.sleep(1.5)
    took = time.time() - began
    stop.set()
    total, wrong = collections.Counter(), []
    for _ in readers:
        count, bad = results.get(timeout=120)
        total += count
        wrong += bad
    for r in readers:
        r.join()
    print(f"{how}: {changes} changes in {took:.0f} s, {dict(sorted(total.items()))}")
    assert not wrong, (len(wrong), wrong[:10])
    assert total["reads"] > changes and sum(v in total for v in writer.versions) >= 3, total
    uniform(writer)
    check_end(mount, expected, ctl)
    assert any("0.16-without-3" in v.values() for v in expected.values())
    away = last_of_four(writer)
    for path in away:
        os.remove(writer.at(path))
    check_end(mount, expected, ctl, "0.16-without-3")
    for path in away:
        shutil.copyfile(os.path.join(work, "versions", "0.16", path), writer.at(path))
    look()  # and back for the next run, with a look at each step, as in Writer.rename
    for path in writer.paths:
        os.rename(writer.at(path), os.path.join(work, "new"))
        os.rename(os.path.join(work, "new"), os.path.join(writer.archive, path))
    look()
    for path in writer.paths:
        shutil.copyfile(os.path.join(work, "versions", "0.2", path), os.path.join(writer.archive, path))


if __name__ == "__main__":
    if sys.argv[1] == "another":
        another(*sys.argv[2:4])
    elif sys.argv[1] == "partial":
        partial(*sys.argv[2:4])
    else:
        run(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), sys.argv[6])
