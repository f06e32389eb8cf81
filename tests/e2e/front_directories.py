#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Listings: all sizes, random seeking, remounts, file handles."""
import ctypes
import errno
import os
import random

from front import Mount, Place, Tap, need_fuse

need_fuse()
tap = Tap()
libc = ctypes.CDLL(None, use_errno=True)


class Dirent(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64),
                ("reclen", ctypes.c_ushort), ("type", ctypes.c_ubyte),
                ("name", ctypes.c_char * 256)]


libc.opendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.POINTER(Dirent)
libc.readdir.argtypes = [ctypes.c_void_p]
libc.telldir.restype = ctypes.c_long
libc.telldir.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
libc.seekdir.restype = None
libc.rewinddir.argtypes = [ctypes.c_void_p]
libc.rewinddir.restype = None
libc.closedir.argtypes = [ctypes.c_void_p]


def entries(d):
    """[(position before, name, inode)] until the end."""
    out = []
    while True:
        at = libc.telldir(d)
        p = libc.readdir(d)
        if not p:
            return out
        out.append((at, p.contents.name.decode(), p.contents.ino))


def seek_test(path, what, rounds=300):
    d = libc.opendir(os.fsencode(path))
    listing = entries(d)
    rng = random.Random(7)
    wrong = 0
    for _ in range(rounds):
        i = rng.randrange(len(listing))
        libc.seekdir(d, listing[i][0])
        p = libc.readdir(d)
        wrong += p.contents.name.decode() != listing[i][1]
    tap.equal(wrong, 0, f"{what}: {rounds} random seeks find their entry")
    libc.rewinddir(d)
    tap.ok([x[1] for x in entries(d)] == [x[1] for x in listing],
           f"{what}: rewinding starts anew")
    libc.closedir(d)
    offsets = [x[0] for x in listing]
    tap.ok(sorted(set(offsets)) == offsets and offsets[0] == 0,
           f"{what}: positions grow")
    return listing


for n in (0, 1, 2, 10000):
    with Mount(f"studies 1\nseries 1\nleaves {n}\nbytes 10\n") as m:
        folder = m.path("full/1.2.1")
        names = os.listdir(folder)
        tap.equal(len(names), n, f"{n} entries are listed")
        tap.equal(len(set(names)), n, f"{n} different ones")
        tap.ok(set(names) == {f"1.2.1.1.{i + 1}.tiff" for i in range(n)},
               f"{n} right ones")
        if n:
            seek_test(folder, f"{n} entries")
        stats = os.stat(folder)
        tap.equal(stats.st_nlink, 1, "a folder has one link")

# Parts, and parts that are counted by the pool.
with Mount("studies 1\nseries 2\nleaves 200\nframes 7\nmeasure_ms 1\n"
           "bytes 10\n") as m:
    for view in ("frames", "frames_spacing-1x1x1", "frames_list-png"):
        folder = m.path(view, "1.2.1")
        ext = "png" if view.endswith("png") else "tiff"
        tap.equal(sorted(os.listdir(folder)),
                  sorted(f"1.2.1.{i % 2 + 1}.{i + 1}.f{k + 1:05d}.{ext}"
                         for i in range(200) for k in range(7)),
                  f"{view}: every part is listed")
        seek_test(folder, view, 60)
        some = m.path(view, "1.2.1", f"1.2.1.1.1.f00007.{ext}")
        tap.equal(os.stat(some).st_size, 10, f"{view}: a part is a file")
        tap.equal(os.stat(some).st_ino >> 4 & 0x1ffff, 7,
                  f"{view}: its number is in the inode")
        tap.ok(not os.path.exists(some.replace("f00007", "f00008")),
               f"{view}: and no other is")

# Cookies and inodes are the same in another opendir and after a remount.
place = Place("leaves 500\nbytes 10\n")
with Mount(place=place) as m:
    before = seek_test(m.path("full/1.2.2"), "500 entries")
    tree = seek_test(m.path("tree"), "studies")
    numbers = {name: os.stat(m.path("full/1.2.2", name)).st_ino
               for _, name, _ in before[2:]}
    tap.ok(all(numbers[name] == ino for _, name, ino in before[2:]),
           "d_ino is st_ino")
with Mount(place=place) as m:
    d = libc.opendir(os.fsencode(m.path("full/1.2.2")))
    wrong = 0
    for at, name, ino in random.Random(3).sample(before, 50):
        libc.seekdir(d, at)
        p = libc.readdir(d)
        wrong += (p.contents.name.decode(), p.contents.ino) != (name, ino)
    libc.closedir(d)
    tap.equal(wrong, 0, "cookies and inodes survive a remount")
place.remove()

# While entries are listed they may be looked up, and the other way round.
with Mount("leaves 3000\nbytes 10\n") as m:
    folder = m.path("full/1.2.1")
    seen = 0
    with os.scandir(folder) as it:
        for entry in it:
            if seen % 100 == 0:
                entry.stat()
                os.path.exists(folder + f"/none{seen}")
            seen += 1
    tap.equal(seen, 3000, "listing and looking up go together")

# Handles, as NFS makes them, for nodes that the kernel has forgotten.


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int),
                ("data", ctypes.c_ubyte * 128)]


def handle_of(path):
    handle, mount = Handle(bytes=128), ctypes.c_int()
    if libc.name_to_handle_at(-100, os.fsencode(path), ctypes.byref(handle),
                              ctypes.byref(mount), 0) < 0:
        raise OSError(ctypes.get_errno(), path)
    return handle


def open_handle(root, handle):
    fd = libc.open_by_handle_at(root, ctypes.byref(handle), os.O_RDONLY)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "open_by_handle_at")
    return fd


def handles():
    # The kernel finds a forgotten folder again through its parent's listing:
    # what is not listed (other views, series under a flat view) it cannot.
    names = ["full", "full/1.2.2", "full/1.2.2/1.2.2.2.2.tiff", "Sorted",
             "Sorted/1.2.1", "Sorted/1.2.1/1.2.1.2",
             "crop/1.2.2/1.2.2.2.2.tiff"]
    with Mount("leaves 5\nbytes 10\n", ["preset_dirs"],
               "Sorted = tree\n") as m:
        made = [(name, handle_of(m.path(name)),
                 os.stat(m.path(name)).st_ino) for name in names]
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("2\n")
        root = os.open(m.mnt, os.O_RDONLY)
        for name, handle, ino in made:
            fd = open_handle(root, handle)
            tap.equal(os.fstat(fd).st_ino, ino, f"handle of {name}")
            os.close(fd)
        os.close(root)


if os.geteuid() == 0:
    try:
        handles()
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EROFS, errno.EACCES):
            raise
        tap.skip("handles", "not permitted here")
else:
    tap.skip("handles", "need root")
tap.done()
