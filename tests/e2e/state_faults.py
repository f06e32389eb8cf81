#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The state folder full, read-only, gone, locked, damaged or from the future: what
is known stays readable, and what is wrong is said."""
import errno
import glob
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from front import PROGRAM, SLOW, Mount, Place, Tap, need_fuse
from small_dicom import image, start_fails, write

need_fuse()
tap = Tap()
IMAGES = 40


def new_place():
    place = Place()
    for n in range(1, IMAGES + 1):
        write(place.archive, str(n), image("1.1", "1.1.1", n))
    return place


def leaf(m, view, n):
    return m.path(view, f"1.1/1.1.1.{n}.tiff")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def forget(m):
    """The kernel's copies; with -o cache=1M that of blocks is small anyway."""
    if os.geteuid() == 0:
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("3\n")


def timed(function, *args):
    began = time.monotonic()
    function(*args)
    return time.monotonic() - began


def digest(path):
    return hashlib.sha256(read(path)).hexdigest()


def wait(condition, seconds=20):
    until = time.monotonic() + seconds * SLOW
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.3)
    return False


def set_version(place, version):
    db = sqlite3.connect(os.path.join(place.state, "manifest.db"))
    db.execute(f"PRAGMA user_version={version}")
    db.commit()
    db.close()


# ---- locked by another program ----

place = new_place()
with Mount(place=place) as m:
    first = read(leaf(m, "crop", 1))
    db = sqlite3.connect(os.path.join(place.state, "manifest.db"), isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    forget(m)
    took = timed(read, leaf(m, "crop", 1))
    tap.ok(took < 1 * SLOW, "a known image is read while the manifest is locked", took)
    took = timed(os.listdir, m.path("full/1.1"))
    tap.ok(took < 1 * SLOW, "a folder is listed", took)
    took = timed(read, leaf(m, "full", 2))
    tap.ok(took < 1 * SLOW, "an image whose size is in the header is read", took)
    took = timed(read, leaf(m, "crop", 2))
    tap.ok(took < 3 * SLOW, "and one whose size must be measured", took)
    took = timed(lambda: [read(leaf(m, "crop", n)) for n in range(3, 20)])
    tap.ok(took < 5 * SLOW, "measures are not waited for one by one", took)
    # The indexer of this mount waits for the lock, and nobody for it.
    write(place.archive, "new", image("1.1", "1.1.1", 99))
    m.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    took = timed(lambda: [read(leaf(m, "crop", n)) for n in range(20, 30)])
    tap.ok(took < 5 * SLOW, "nor behind an indexer that waits", took)
    db.execute("ROLLBACK")
    db.close()
    tap.ok(wait(lambda: os.path.exists(leaf(m, "full", 99))), "which then goes on")
    measured = lambda: sqlite3.connect(  # noqa: E731
        f"file:{place.state}/manifest.db?mode=ro", uri=True).execute(
            "SELECT (SELECT count(*) FROM fact)+(SELECT count(*) FROM output)").fetchone()[0]
    before = measured()

    def measure():
        read(leaf(m, "crop_flip-h", measure.n))
        measure.n += 1
        return measured() > before
    measure.n = 30
    tap.ok(wait(measure, 8), "and measures are kept again")

# ---- gone ----

with Mount(place=place) as m:
    known = [read(leaf(m, "crop", n)) for n in (1, 2)]
    database = len(read(m.path("manifest.db")))
    shutil.rmtree(place.state)
    forget(m)
    tap.equal([read(leaf(m, "crop", n)) for n in (1, 2)], known,
              "what is known is read when the state folder is gone")
    tap.equal(len(read(leaf(m, "hu", 3))) > 0, True, "in a new view as well")
    tap.equal(len(os.listdir(m.path("full/1.1"))), IMAGES + 1, "folders are listed")
    tap.equal(len(read(m.path("manifest.db"))), database, "manifest.db is still open")
    children = [subprocess.Popen(["cat"] + [leaf(m, "crop_size-16x16", n) for n in range(1, 30)],
                                 stdout=subprocess.DEVNULL) for _ in range(16)]
    tap.equal([c.wait() for c in children], [0] * 16, "by as many readers as like")
    m.process.send_signal(signal.SIGHUP)
    tap.ok(wait(lambda: "manifest" in m.stderr() or "index" in m.stderr()), "the index says so",
           m.stderr())
    tap.equal(read(leaf(m, "crop", 1)), known[0], "and reads go on")
with Mount(place=place) as m:
    tap.equal(read(leaf(m, "crop", 1)), known[0], "the next mount makes it anew")
place.remove()

# ---- a newer version, another program, damage ----

place = new_place()
with Mount(place=place):
    pass
path = os.path.join(place.state, "manifest.db")
set_version(place, 999)
before = digest(path), sorted(os.listdir(place.state))
status, text = start_fails(PROGRAM, place, [])
tap.ok(status == 32 and "newer" in text and "999" in text, "a newer manifest is refused", text)
tap.equal((digest(path), sorted(os.listdir(place.state))), before, "and not touched")
set_version(place, 2)
with Mount(place=place) as m:
    number = os.stat(leaf(m, "full", 3)).st_ino
for what, damage in (("a torn file", lambda f: (f.seek(0), f.write(os.urandom(4096)))),
                     ("an empty page in the middle", lambda f: (f.seek(4096), f.write(bytes(8192)))),
                     ("a cut file", lambda f: f.truncate(5000))):
    for name in glob.glob(path + "-*") + glob.glob(path + ".corrupt*"):
        os.unlink(name)
    with open(path, "r+b") as f:
        damage(f)
    with Mount(place=place) as m:
        tap.equal(len(os.listdir(m.path("full/1.1"))), IMAGES, f"{what}: made anew")
        tap.ok("damaged" in m.stderr() and "corrupt" in m.stderr(), f"{what}: reported", m.stderr())
        tap.equal(len(glob.glob(path + ".corrupt-*")) >= 1, True, f"{what}: kept aside")
        now = os.stat(leaf(m, "full", 3)).st_ino
        tap.ok(now != number, f"{what}: no number is used again", now)
        number = now
place.remove()

# ---- full and read-only: file systems of their own ----

if os.geteuid() == 0:
    place = new_place()
    for n in range(100, 900):
        write(place.archive, f"more/{n}", image("1.2", "1.2.1", n, SeriesDescription="x" * 60,
                                                StudyDescription="y" * 60))
    os.mkdir(place.state, 0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k,mode=0700", "none", place.state],
                             check=False).returncode == 0
else:
    mounted = False
if mounted:
    try:
        status, text = start_fails(PROGRAM, place, [])
        tap.ok(status == 32 and "full" in text, "a full disk during the first index is said", text)
        subprocess.run(["mount", "-o", "remount,size=8m", place.state], check=True)
        with Mount(place=place, options=["cache=1M"]) as m:
            tap.equal(len(os.listdir(m.path("full/1.1"))), IMAGES, "with room, it is completed")
            known = read(leaf(m, "crop", 1))
            numbers = os.stat(leaf(m, "full", 1)).st_ino
            for name in ("hu", "hu_size-64x64"):
                os.stat(m.path(name))
            with open(os.path.join(place.state, "filler"), "wb") as f:
                try:
                    while True:
                        f.write(bytes(65536))
                        f.flush()
                except OSError:
                    pass
            forget(m)
            tap.equal(read(leaf(m, "crop", 1)), known, "on a full disk a known image is read")
            tap.ok(len(read(leaf(m, "crop", 2))) > 0, "one that is measured too")
            tap.ok(len(read(leaf(m, "hu_size-64x64", 3))) > 0, "and others of a known view")
            tap.equal(len(os.listdir(m.path("full/1.1"))), IMAGES, "folders are listed")
            try:
                os.stat(m.path("raw_size-50x50"))
                code = 0
            except OSError as e:
                code = e.errno
            tap.ok(code in (0, errno.ENOSPC), "a new view works or says why",
                   errno.errorcode.get(code, code))
            for n in range(1000, 1400):
                write(place.archive, f"late/{n}", image("1.3", "1.3.1", n,
                                                        SeriesDescription="z" * 60))
            m.process.send_signal(signal.SIGHUP)
            tap.ok(wait(lambda: "full" in m.stderr()), "an index that has no room says so", m.stderr())
            tap.equal(read(leaf(m, "crop", 1)), known, "and reads go on")
            os.unlink(os.path.join(place.state, "filler"))
            m.process.send_signal(signal.SIGHUP)
            tap.ok(wait(lambda: os.path.isdir(m.path("full/1.3")) and
                        len(os.listdir(m.path("full/1.3"))) == 400, 40),
                   "with room again the next one completes", m.stderr())
        # Nothing can be written there from the start.
        subprocess.run(["mount", "-o", "remount,ro", place.state], check=True)
        status, text = start_fails(PROGRAM, place, [])
        tap.ok(status == 32 and ("ead-only" in text or "readonly" in text),
               "a state that cannot be written is said", status, text)
        done = subprocess.run([os.path.abspath(sys.argv[2]), "measure", "full", place.archive, "-o",
                               "state=" + place.state], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        tap.equal(done.returncode, 0, "prepfsctl reads it all the same")
    finally:
        subprocess.run(["umount", "-l", place.state], check=False)
    place.remove()
else:
    tap.skip("a full and a read-only disk", "needs root")
tap.done()
