#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Names, links, numbers, control files, statfs, attributes."""
import csv
import errno
import os
import stat
import subprocess
import time

from front import Mount, Place, Tap, need_fuse

need_fuse()
tap = Tap()
PRESETS = "Lung = window-c-600-w1500_u8\nAuto = crop\n"
LEAF = "1.2.2/1.2.2.1.3.tiff"

place = Place("leaves 10\nbytes 5000\nerror 4 corrupt read\n", PRESETS)
with Mount(place=place) as m:
    same = {os.stat(m.path("full", p)).st_ino for p in
            (LEAF, "1.2.2/1.2.2.1.3.tif", "1.2.2/1.2.2.1/1.2.2.1.3.tiff",
             "1.2.2/1.2.2.1/1.2.2.1.3.tif")}
    tap.equal(len(same), 1, "four paths, one inode")

    tap.equal(os.readlink(m.path("Lung")), "window-c-600-w1500_u8",
              "a preset is a link")
    tap.equal(os.readlink(m.path("size-64_crop")), "crop_size-64x64",
              "another spelling is a link")
    tap.equal(os.lstat(m.path("Lung")).st_ino,
              os.lstat(m.path("u8_window-c-600.0-w1500")).st_ino,
              "links to one view are one inode")
    tap.equal(os.stat(m.path("Lung", LEAF)).st_ino,
              os.stat(m.path("window-c-600-w1500_u8", LEAF)).st_ino,
              "and lead to one image")
    tap.equal(sorted(os.listdir(m.mnt)),
              [".prepfs", "Auto", "Lung", "full", "manifest.db"],
              "the root lists full, the presets and what is ours")

    root, leaf = os.stat(m.mnt), os.stat(m.path("full", LEAF))
    tap.equal(stat.filemode(root.st_mode), "dr-x------", "mode of folders")
    tap.equal(stat.filemode(leaf.st_mode), "-r--------", "mode of images")
    tap.equal((leaf.st_uid, leaf.st_gid), (os.getuid(), os.getgid()),
              "everything is ours")
    tap.equal((leaf.st_blocks, leaf.st_blksize), (10, 131072),
              "blocks and block size")
    tap.equal(leaf.st_mtime, 1700000000, "the time is the source's")
    st = os.statvfs(m.mnt)
    tap.equal((st.f_bsize, st.f_bfree, st.f_files, st.f_namemax),
              (131072, 0, 30, 255), "statfs")
    tap.equal(st.f_blocks, (30 * 5000 + 4095) // 4096, "statfs: size")
    wanted = os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC
    tap.equal(st.f_flag & wanted, wanted, "ro, nosuid, nodev, noexec")
    numbers = {p: os.lstat(m.path(p)).st_ino for p in
               ("full", "full/1.2.2", "full/1.2.2/1.2.2.1", "full/" + LEAF,
                "Lung", "Auto", "manifest.db", ".prepfs",
                "crop_size-64x64/" + LEAF)}

    # control files
    tap.equal(sorted(os.listdir(m.path(".prepfs"))),
              ["errors.tsv", "explain", "grammar.txt", "manifest",
               "socket", "stats.json", "stats.prom", "top.tsv", "views"], ".prepfs")
    first = m.requests()["lookup"]
    os.path.exists(m.path("full/nothing"))
    tap.ok(m.requests()["lookup"] > first, "stats.json is fresh each time")
    with open(m.path(".prepfs/stats.json")) as f:
        size = os.fstat(f.fileno()).st_size
        text = f.read()
        m.stats()
        f.seek(0)
        tap.ok(len(text) == size and f.read() == text,
               "an open one stays as it was")
    with open(m.path(".prepfs/explain/crop_crop")) as f:
        tap.ok("EINVAL" in f.read(), "explain: what is wrong")
    with open(m.path(".prepfs/explain/Lung")) as f:
        tap.ok("window-c-600-w1500_u8" in f.read(), "explain: what is meant")
    with open(m.path(".prepfs/manifest/full.csv"), newline="") as f:
        rows = list(csv.DictReader(f))
    tap.equal(len(rows), 30, "the CSV has every image")
    tap.ok(all(os.stat(m.path(r["path"])).st_ino == int(r["inode"])
               for r in rows), "its inodes are those of the files")
    with open(m.path(".prepfs/views")) as f:
        tap.ok("crop_size-64x64" in f.read(), "views are listed")
    with open(m.path(".prepfs/stats.prom")) as f:
        tap.ok("\nprepfs_frames_decoded_total 0\n" in f.read(),
               "stats.prom")
    for _ in range(200):
        m.stats()
    with open("/proc/self/mountinfo") as f:
        tap.ok(" fuse.prepfs " in f.read(), "the type is fuse.prepfs")

    # manifest.db: the file of the moment, and the next under a new number
    with open(m.path("manifest.db")) as f:
        tap.equal(f.read(), "generation 0\n", "manifest.db")
        with open(place.state + "/new", "w") as out:
            out.write("another one\n")
        os.rename(place.state + "/new", place.state + "/snapshot.db")
        deadline = time.monotonic() + 5
        text = ""
        while text != "another one\n" and time.monotonic() < deadline:
            time.sleep(0.1)
            with open(m.path("manifest.db")) as g:
                text = g.read()
        tap.equal(text, "another one\n", "a new snapshot shows by itself")
        f.seek(0)
        tap.equal(f.read(), "generation 0\n", "who has the old one keeps it")
    tap.ok(not os.path.exists(m.path("manifest.db-journal")),
           "it has no journal")
    tap.fails(errno.EOPNOTSUPP, "no attributes without -o xattr", os.getxattr,
              m.path("full", LEAF), "user.prepfs.view")

with Mount(place=place) as m:
    changed = [p for p, n in numbers.items()
               if p != "manifest.db" and os.lstat(m.path(p)).st_ino != n]
    tap.equal(changed, [], "inodes are the same after a remount")
place.remove()

place = Place("leaves 10\nerror 4 corrupt read\n", PRESETS)
with Mount(options=["xattr", "preset_dirs", "uid=7", "gid=8", "umask=0100"],
           place=place) as m:
    path = m.path("Lung", LEAF)
    tap.equal(os.getxattr(path, "user.prepfs.view"),
              b"window-c-600-w1500_u8", "user.prepfs.view")
    tap.equal(os.getxattr(path, "user.prepfs.frames"), b"1",
              "user.prepfs.frames")
    tap.equal(sorted(os.listxattr(path)),
              ["user.prepfs.frames", "user.prepfs.view"], "listxattr")
    tap.fails(errno.ENODATA, "no error, no attribute", os.getxattr, path,
              "user.prepfs.error")
    tap.fails(errno.ENODATA, "others are not there", os.getxattr, path,
              "user.other")
    broken = m.path("full/1.2.1/1.2.1.1.5.tiff")
    try:
        with open(broken, "rb") as f:
            f.read()
    except OSError:
        pass
    deadline = time.monotonic() + 5
    while "user.prepfs.error" not in os.listxattr(broken) and \
            time.monotonic() < deadline:
        time.sleep(0.05)
    tap.ok(b"pattern says so" in os.getxattr(broken, "user.prepfs.error"),
           "user.prepfs.error says why")

    tap.ok(stat.S_ISDIR(os.lstat(m.path("Lung")).st_mode),
           "preset_dirs: a preset is a folder")
    tap.ok(os.lstat(m.path("Lung")).st_ino !=
           os.lstat(m.path("window-c-600-w1500_u8")).st_ino,
           "preset_dirs: of its own")
    tap.equal(os.stat(m.path("Lung", LEAF)).st_ino,
              os.stat(m.path("window-c-600-w1500_u8", LEAF)).st_ino,
              "preset_dirs: with the same images")
    # the kernel moves folders that have two names; these must stay apart
    here = os.open(m.path("Lung", "1.2.2"), os.O_RDONLY)
    os.listdir(m.path("window-c-600-w1500_u8", "1.2.2"))
    tap.equal(os.readlink(f"/proc/self/fd/{here}"), m.path("Lung", "1.2.2"),
              "preset_dirs: a folder stays where it was opened")
    os.close(here)
    st = os.stat(path)
    tap.equal((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)),
              (7, 8, 0o400), "uid, gid")
    tap.equal(stat.S_IMODE(os.stat(m.path("full")).st_mode), 0o400, "umask")
place.remove()

if os.geteuid() == 0:
    with Mount("leaves 2\n", ["allow_other"]) as m:
        tap.equal(stat.S_IMODE(os.stat(m.path("full")).st_mode), 0o550,
                  "allow_other: mode of folders")
        with open("/proc/self/mountinfo") as f:
            line = [x for x in f if m.mnt in x][0]
        tap.ok("default_permissions" in line and "allow_other" in line,
               "allow_other implies default_permissions", line)
        os.chmod(m.place.work, 0o755)
        other = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             "ls", m.mnt], capture_output=True, text=True, check=False)
        tap.ok(other.returncode != 0 and "denied" in other.stderr,
               "allow_other: and modes are kept", other.stderr)
else:
    tap.skip("allow_other", "needs root")
tap.done()
