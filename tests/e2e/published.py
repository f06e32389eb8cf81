#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Mounts that follow a published manifest (-o manifest): two copies of an archive
at different places show the same, and share what was computed.

    published.py PREPFS PREPFSCTL
"""
import contextlib
import errno
import hashlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from front import PROGRAM, Mount, Place, Tap, need_fuse
from small_dicom import image, start_fails, write

CTL = os.path.abspath(sys.argv[2])
HERE = os.path.dirname(os.path.abspath(__file__))
WARM = ["crop_size-64x48", "full"]  # known to the publisher, with their sizes
LATER = ["mid-40x40_u8", "series_raw", "frames_mid-16x16_raw"]  # first used by a node

need_fuse()
tap = Tap()
publisher = Place()
FILE = os.path.join(publisher.work, "published.db")


def ctl(*args, status=0):
    done = subprocess.run([CTL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=300, check=False)
    if status is not None and done.returncode != status:
        raise RuntimeError(f"prepfsctl {args}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def own_index(*args, **how):
    return ctl(*args, "--state", publisher.state, **how)


def publish():
    own_index("index", publisher.archive, "--quiet")
    own_index("snapshot", publisher.archive, FILE)


class Node(Place):
    """A machine of its own: a copy of the archive elsewhere, another state."""

    def __init__(self):
        super().__init__()
        self.archive = os.path.join(self.work, "elsewhere", "copied")
        shutil.rmtree(os.path.join(self.work, "archive"))
        subprocess.run(["mkdir", "-p", os.path.dirname(self.archive)], check=True)
        subprocess.run(["cp", "-a", publisher.archive, self.archive], check=True)
        self.disk = os.path.join(self.work, "disk")
        self.options = ["state=" + self.state]

    def mount(self, *options):
        return Mount(place=self, options=["manifest=" + FILE, "disk=" + self.disk,
                                          "disk_size=64M", "cache=32M", *options])


def read(path):
    with open(path, "rb") as f:
        return f.read()


def facts(m, views):
    """Name, inode, size and digest of all that is listed."""
    found = {}
    for view in views:
        for folder, _, names in os.walk(m.path(view) + "/"):
            for name in names:
                path = os.path.join(folder, name)
                st = os.stat(path)
                try:
                    digest = hashlib.sha256(read(path)).hexdigest()
                except OSError as e:  # series that are no volume
                    digest = e.errno
                found[os.path.relpath(path, m.mnt)] = (st.st_ino, st.st_size, digest)
    return found


def settle(m):
    """Until all that was offered to the disk is there."""
    until = time.monotonic() + 60
    while m.stats()["disk_waiting"] > 0 and time.monotonic() < until:
        time.sleep(0.05)


subprocess.run([sys.executable, os.path.join(HERE, "../../examples/mkdemo"), "--quiet",
                "--scale", "0.15", "--slices", "4", "--frames", "2", "--patients", "2",
                publisher.archive], check=True)
for n in range(1, 4):
    write(publisher.archive, f"small/{n}", image("1.1", "1.1.1", n))
publish()
for view in WARM:  # what only pixels tell is published, too
    own_index("check", publisher.archive, view, "--quiet")
own_index("snapshot", publisher.archive, FILE)

# ---- the same on every node ----

nodes = [Node(), Node()]
a, b = nodes
with Mount(place=publisher) as m:
    wanted = facts(m, WARM)
    tap.ok(len(wanted) > 10, f"the publisher shows {len(wanted)} files")
with a.mount() as m:
    tap.equal(facts(m, WARM), wanted,
              "a copy elsewhere has the names, inodes, sizes and bytes of the publisher")
    tap.equal(len(read(m.path(".prepfs/errors.tsv")).splitlines()), 1, "without errors")
    later = facts(m, LATER)
    s = m.stats()
    tap.ok(s["frames_decoded"] > 0 and s["passes"] == 0 and s["watching"] == 0,
           "it decodes, and neither indexes nor watches", s)
    with contextlib.closing(sqlite3.connect(
            f"file:{m.path('manifest.db')}?mode=ro&immutable=1", uri=True)) as db:
        tap.ok(db.execute("SELECT count(*) FROM cohort").fetchone()[0] > 10,
               "manifest.db is there")
    settle(m)
shutil.copytree(a.disk, b.disk)
with b.mount() as m:
    tap.equal(facts(m, WARM), wanted, "so has another")
    tap.equal(facts(m, LATER), later, "also of views that no node knew before")
    s = m.stats()
    tap.ok(s["frames_decoded"] == 0 and s["disk_hits"] + s["disk_ahead"] > 0,
           "what the one has computed the other does not", s)
with b.mount("where=modality='CT'") as m:
    part = facts(m, WARM)
    tap.ok(0 < len(part) < len(wanted) and all(wanted[k] == v for k, v in part.items()),
           "a node may show a part", len(part))

# ---- parts of a view for several machines ----


def part_of(view, place, i, n, *more):
    """How many files a part is of, also if some cannot be read."""
    said = ctl("warm", view, place, "--shard", f"{i}/{n}", *more, status=None).stdout
    return sum(map(int, re.search(r"^(\d+) files.* (\d+) failed", said).groups()))


with a.mount() as m:
    for view in ("crop_size-64x48", "frames", "frames_tree", "series_raw"):
        names = [name for _, _, names in os.walk(m.path(view) + "/") for name in names]
        # each part is a process: more parts than files only where files are few
        for n in (1, 3, 40) if view == "series_raw" else (1, 3):
            parts = [part_of(view, m.mnt, i, n) for i in range(1, n + 1)]
            tap.equal(sum(parts), len(names), f"{n} parts of {view} are all files of a mount")
    parts = [part_of("frames", a.archive, i, 3, "--state", a.state) for i in (1, 2, 3)]
    names = [name for _, _, names in os.walk(m.path("frames") + "/") for name in names]
    tap.equal(sum(parts), len(names), "and of an archive")
    tap.equal(parts, [part_of("frames", m.mnt, i, 3) for i in (1, 2, 3)], "the same ones")
    tap.ok(max(parts) - min(parts) <= 2, "of nearly equal size", parts)
    for words in ("0/3", "4/3", "3", "x/y", "1/0"):
        done = ctl("warm", "frames", m.mnt, "--shard", words, status=2)
        tap.ok("--shard" in done.stderr, f"--shard {words} is an error", done.stderr)

# ---- files that are not those of the manifest ----

small = [name for name in sorted(wanted) if name.startswith("full/1.1/")]
subprocess.run(["rm", os.path.join(a.archive, "small/1")], check=True)
with open(os.path.join(a.archive, "small/2"), "ab") as out:
    out.write(b"\0\0")
os.utime(os.path.join(a.archive, "small/3"), (1000000000, 1000000000))
shutil.rmtree(a.disk)
with a.mount() as m:
    for name, words in zip(small, (b"is missing here", b"bytes and not",
                                   b"another time of modification")):
        tap.fails(errno.EIO, f"{words.decode()}: EIO, and no other bytes", read, m.path(name))
        until = time.monotonic() + 30
        while words not in read(m.path(".prepfs/errors.tsv")) and time.monotonic() < until:
            time.sleep(0.05)
        tap.ok(words in read(m.path(".prepfs/errors.tsv")), "errors.tsv says so",
               read(m.path(".prepfs/errors.tsv")))
    subprocess.run(["cp", "-a", os.path.join(publisher.archive, "small"), a.archive], check=True)
    tap.equal([hashlib.sha256(read(m.path(name))).hexdigest() for name in small],
              [wanted[name][2] for name in small], "when the file comes it is read")
# A copy on a file system that counts in seconds.
st = os.stat(os.path.join(publisher.archive, "small/1"))
os.utime(os.path.join(a.archive, "small/1"), (int(st.st_atime), int(st.st_mtime)))
shutil.rmtree(a.disk)
with a.mount() as m:
    tap.equal(hashlib.sha256(read(m.path(small[0]))).hexdigest(), wanted[small[0]][2],
              "a time cut to seconds is that time")

# ---- a new file under the same name ----


def rescan(m, status=0):
    return ctl("rescan", m.mnt, status=status)


with a.mount() as m:
    tap.ok("unchanged" in rescan(m).stdout, "a rescan of what is known finds nothing new")
    write(publisher.archive, "small/4", image("1.1", "1.1.1", 4))
    write(publisher.archive, "small/2", image("1.1", "1.1.1", 2, PatientID="Q"))
    publish()
    for n in ("2", "4"):
        subprocess.run(["cp", "-a", os.path.join(publisher.archive, "small", n),
                        os.path.join(a.archive, "small")], check=True)
    number = os.stat(m.path(small[1])).st_ino
    tap.ok("1.1.1.4.tiff" not in os.listdir(m.path("full/1.1")), "a new file waits for a rescan")
    said = rescan(m).stdout
    tap.ok("2 new objects" in said and "1 files are gone" in said, "which says what is new", said)
    tap.ok("1.1.1.4.tiff" in os.listdir(m.path("full/1.1")), "and then it is listed")
    tap.ok(os.stat(m.path(small[1])).st_ino != number, "a changed file has a new inode")
    tap.equal(os.stat(m.path(small[0])).st_ino, wanted[small[0]][0], "others have the old one")
    read(m.path("full/1.1/1.1.1.4.tiff"))
    write(publisher.archive, "small/5", image("1.1", "1.1.1", 5))
    publish()
    m.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + 60
    while "1.1.1.5.tiff" not in os.listdir(m.path("full/1.1")) and time.monotonic() < until:
        time.sleep(0.1)
    tap.ok("1.1.1.5.tiff" in os.listdir(m.path("full/1.1")), "SIGHUP does the same")
    good = read(FILE)
    with open(FILE, "r+b") as out:
        out.truncate(len(good) // 2)
    done = rescan(m, status=1)
    tap.ok("damaged" in done.stderr, "a damaged file is refused", done.stderr)
    read(m.path("full/1.1/1.1.1.4.tiff"))
    os.unlink(FILE)
    done = rescan(m, status=1)
    tap.ok("there is no manifest" in done.stderr, "so is one that is not there", done.stderr)
    with open(FILE, "wb") as out:
        out.write(good)
with a.mount("rescan=1") as m:
    write(publisher.archive, "small/6", image("1.1", "1.1.1", 6))
    publish()
    until = time.monotonic() + 60
    while "1.1.1.6.tiff" not in os.listdir(m.path("full/1.1")) and time.monotonic() < until:
        time.sleep(0.1)
    tap.ok("1.1.1.6.tiff" in os.listdir(m.path("full/1.1")), "rescan=N looks at it by itself")
with b.mount() as m:
    tap.ok("1.1.1.6.tiff" in os.listdir(m.path("full/1.1")), "and so does the next mount")

# ---- what cannot be ----


def refused(place, options, words, what):
    status, text = start_fails(PROGRAM, place, options)
    tap.ok(status != 0 and words in text, what, status, text)


with open(os.path.join(a.work, "text"), "w") as out:
    out.write("this is no database")
fresh = Node()
refused(fresh, ["manifest=" + FILE + "x"], "there is no manifest", "a file that is not there")
refused(fresh, ["manifest=" + os.path.join(a.work, "text")], "not a manifest", "a text")
refused(fresh, ["manifest=" + FILE, "watch=auto"], "watch=auto and manifest", "watch=auto")
refused(fresh, ["manifest=" + FILE, "index=background"], "index=background and manifest",
        "index=background")
refused(fresh, ["manifest=" + os.path.join(fresh.mnt, "x.db")], "below the mount point",
        "a file below the mount point")
tap.ok(start_fails(PROGRAM, publisher, ["manifest=" + FILE])[1].find("index of its own") > 0,
       "a state folder with an index of its own")
refused(a, [], "follows a published manifest", "a state folder that follows, without manifest")
csv = os.path.join(a.work, "findings.csv")
with open(csv, "w") as out:
    out.write("series_uid,x,y,z\n1.1.1,1,1,1\n")
for words in (["index", a.archive], ["roi", "import", "nodules", csv, a.archive],
              ["snapshot", a.archive, os.path.join(a.work, "x.db")]):
    done = ctl(*words, "--state", a.state, status=2)
    tap.ok("follows a published manifest" in done.stderr,
           f"prepfsctl {words[0]} says why not", done.stderr)
subprocess.run(["cp", "-a", os.path.join(publisher.archive, "small"), a.archive], check=True)
for words in (["manifest", a.archive, "full"], ["warm", "crop", a.archive, "--quiet"],
              ["errors", a.archive], ["check", a.archive, "--quiet"]):
    tap.equal(ctl(*words, "--state", a.state, status=None).returncode, 0,
              f"prepfsctl {words[0]} works")
never = Place()
write(never.archive, "1", image("1.1", "1.1.1", 1))
os.mkdir(never.state)
done = ctl("snapshot", never.archive, os.path.join(never.work, "x.db"), "--state", never.state,
           status=1)
tap.ok(done.stderr.strip() != "" and not os.path.exists(os.path.join(never.work, "x.db")),
       "what was never indexed is not published", done.stderr)

for place in (publisher, never, fresh, *nodes):
    place.remove()
tap.done()
