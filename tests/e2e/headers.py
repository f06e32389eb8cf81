#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Headers that make a parser crash, hang or grow, while an archive is indexed and
when an image of it is read. The programs are prepfs and prepfsctl with a parser
that does so where the preamble of a file says so (faults.h); all else is as
installed. One error for each file, with its reason where users look, and the
others are served.
"""
import errno
import os
import signal
import sqlite3
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "demo"))

import dicom  # noqa: E402
import front  # noqa: E402

PLAIN_CTL = os.path.abspath(sys.argv[3])  # whose parser is as installed
SIDE = 64
SANITIZED = front.SLOW > 1  # no limit on memory there; reports of their own
STUDY = "1.2.1"

# The letter in the preamble, what it does, words of the reason, whether
# sanitizer builds behave so too, and what a reader gets.
FAULTS = [
    ("s", "SIGSEGV", "crashed, signal 11", False, errno.EIO),
    ("a", "abort", "crashed, signal 6", True, errno.EIO),
    ("l", "an endless loop", "not parsed within 1 s", True, errno.EIO),
    ("m", "8 GiB", "more memory than 256 MiB", False, errno.EIO),
    ("g", "nothing written", "answered nonsense", True, errno.EIO),
    ("h", "too much written", "more than 64 MiB", True, errno.EFBIG),
]
KILLED = "k"  # as if somebody had sent SIGKILL

front.need_fuse()
tap = front.Tap()


# ---- an archive ----

def pixels(n):
    return bytes((n * 31 + i * 7 + i // SIDE) % 256 for i in range(SIDE * SIDE))


def put(archive, n, fault=None):
    tags = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
        "SOPInstanceUID": f"1.2.1.{n}", "Modality": "OT",
        "StudyInstanceUID": STUDY, "SeriesInstanceUID": "1.2.1.0",
        "PatientID": "HEADERS", "InstanceNumber": n,
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "Rows": SIDE, "Columns": SIDE, "BitsAllocated": 8, "BitsStored": 8,
        "HighBit": 7, "PixelRepresentation": 0,
    }
    data = bytearray(dicom.file_bytes(tags, dicom.RLE, [pixels(n)]))
    if fault:
        mark = b"prepfs fault: " + fault.encode() + b"\0"
        data[:len(mark)] = mark
    with open(os.path.join(archive, f"{n}.dcm"), "wb") as out:
        out.write(data)


def faults():
    """Those of this build, numbered."""
    for i, fault in enumerate(FAULTS):
        if SANITIZED and not fault[3]:
            tap.skip(fault[1], "a sanitizer's build")
        else:
            yield 100 + i, fault


def fresh_place():
    place = front.Place()
    os.unlink(os.path.join(place.archive, "pattern.conf"))
    return place


def leaf(m, n, ext="tiff"):
    view = "raw" if ext == "tiff" else f"raw_list-{ext}"
    return m.path(view, STUDY, f"1.2.1.{n}.{ext}")


def read_error(path):
    """The errno of reading it, 0 if it can be read."""
    try:
        with open(path, "rb", buffering=0) as f:
            f.read()
    except OSError as e:
        return e.errno
    return 0


def is_good(m, n):
    with open(leaf(m, n), "rb", buffering=0) as f:
        return f.read().endswith(pixels(n))


def listed(m):
    return sorted(os.listdir(m.path("raw", STUDY)))


def names(numbers):
    return sorted(f"1.2.1.{n}.tiff" for n in numbers)


def errors_of(m, n, words):
    """The line of errors.tsv, which may come a little later."""
    until = time.monotonic() + 10
    while True:
        with open(m.path(".prepfs", "errors.tsv")) as f:
            lines = [x for x in f if f"{n}.dcm" in x]
        if any(words in x for x in lines) or time.monotonic() > until:
            return "".join(lines)
        time.sleep(0.05)


def descriptors(m):
    """Those of the mount, but for files, of which some are kept open."""
    found = []
    for fd in os.listdir(f"/proc/{m.process.pid}/fd"):
        try:
            target = os.readlink(f"/proc/{m.process.pid}/fd/{fd}")
        except OSError:
            continue
        if not target.startswith(m.place.work):
            found.append(target.split(":")[0])
    return sorted(found)


LIMITS = ["threads=2", "decode_time=1", "decode_memory=256M", "xattr",
          "prefetch=off"]


# ---- while it is indexed ----

def indexed_by_a_mount():
    place = fresh_place()
    good = range(1, 61)
    for n in good:
        put(place.archive, n)
    wanted = list(faults())
    for n, fault in wanted:
        put(place.archive, n, fault[0])
    start = time.monotonic()
    with front.Mount(place=place, options=LIMITS) as m:
        tap.equal(listed(m), names(good),
                  f"index: all images but the hostile ones are listed after "
                  f"{time.monotonic() - start:.1f} s")
        tap.ok(all(is_good(m, n) for n in good), "index: and are right")
        for n, (_, what, words, *_) in wanted:
            said = errors_of(m, n, words)
            tap.ok(words in said and "header:" in said,
                   f"index, {what}: errors.tsv has the file and the reason",
                   said)
        stats = m.stats()
        tap.equal(stats["workers_lost"], len(wanted),
                  "index: a worker was lost for each")
        # A pass over a changed archive: the same, once more, under readers.
        put(place.archive, 61)
        put(place.archive, 200, "a")
        m.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 20
        while len(listed(m)) < 61 and time.monotonic() < until:
            time.sleep(0.05)
        tap.ok(is_good(m, 61), "rescan: the new image is there")
        tap.ok("signal 6" in errors_of(m, 200, "signal 6"),
               "rescan: and the new hostile file told")
        tap.equal(m.stats()["workers_lost"], len(wanted) + 1,
                  "rescan: files that failed are not parsed again")
    place.remove()


def indexed_by_prepfsctl():
    ctl = sys.argv[2]
    place = fresh_place()
    for n in range(1, 41):
        put(place.archive, n)
    put(place.archive, 20, "a")
    put(place.archive, 30, KILLED)
    state = os.path.join(place.archive, "..", "ctl-state")

    def index(*more):
        return subprocess.run([ctl, "index", "--state", state, *more,
                               place.archive], capture_output=True, text=True,
                              timeout=120)

    def rows():
        db = sqlite3.connect(os.path.join(state, "snapshot.db"))
        found = dict(db.execute(
            "SELECT relpath, message FROM error JOIN source ON "
            "source.id = error.source_id"))
        images = db.execute("SELECT count(*) FROM instance").fetchone()[0]
        db.close()
        return found, images

    done = index()
    tap.equal(done.returncode, 0, "prepfsctl index: hostile files are rows")
    found, images = rows()
    tap.ok("signal 6" in found.get("20.dcm", ""),
           "prepfsctl index: table error has the reason", found)
    tap.ok("signal 9" in found.get("30.dcm", ""),
           "prepfsctl index: and of one that was killed", found)
    tap.equal(images, 38, "prepfsctl index: all others are in it")
    put(place.archive, 30)
    done = index()
    found, images = rows()
    tap.equal((done.returncode, sorted(found), images), (0, ["20.dcm"], 39),
              "prepfsctl index: a file that is good again")
    done = index("--workers", "0")
    tap.equal(done.returncode, 0,
              "prepfsctl index --workers 0: what failed is not parsed again")
    put(place.archive, 41, "a")
    done = index("--workers", "0")
    tap.ok(done.returncode < 0 or SANITIZED and done.returncode > 0,
           "prepfsctl index --workers 0: parses in the program",
           done.returncode)
    out = os.path.join(place.archive, "..", "out")
    done = subprocess.run([ctl, "render", "raw", place.archive, out],
                          capture_output=True, text=True, timeout=120)
    tap.ok(done.returncode == 1 and "20.dcm" in done.stderr and
           "signal 6" in done.stderr,
           "prepfsctl render: the file and the reason are told", done.stderr)
    tap.equal(len(os.listdir(os.path.join(out, STUDY))), 39,
              "prepfsctl render: all others are there")
    place.remove()


# ---- when it is read ----

def read_from_a_mount():
    """Indexed by a parser that does as it should: the header is hostile only
    to the one that renders."""
    place = fresh_place()
    wanted = list(faults())
    for n, fault in wanted:
        put(place.archive, n, fault[0])
    put(place.archive, 150, KILLED)
    for n in range(1, 11):
        put(place.archive, n)
    done = subprocess.run([PLAIN_CTL, "index", "-q", "--state", place.state,
                           place.archive], capture_output=True, text=True,
                          timeout=120)
    tap.equal((done.returncode, done.stderr), (0, ""),
              "read: indexed by another program")
    with front.Mount(place=place, options=LIMITS) as m:
        tap.equal(len(listed(m)), len(wanted) + 11, "read: all are listed")
        tap.ok(is_good(m, 1), "read: a good one")
        before = descriptors(m)
        for i, (n, (_, what, words, _, wants)) in enumerate(wanted):
            start = time.monotonic()
            code = read_error(leaf(m, n))
            failed = time.monotonic()
            good = is_good(m, i + 2)
            back = time.monotonic()
            tap.ok(code == wants and good,
                   f"read, {what}: {errno.errorcode[wants]} after {1e3 * (failed - start):.0f} ms, "
                   f"the next image {1e3 * (back - failed):.1f} ms later",
                   f"errno {code}, the next is right: {good}")
            tap.ok(words in errors_of(m, n, words),
                   f"read, {what}: errors.tsv has the reason",
                   errors_of(m, n, words))
            said = os.getxattr(leaf(m, n), "user.prepfs.error").decode()
            tap.ok(words in said, f"read, {what}: so has user.prepfs.error",
                   said)
        lost = m.stats()["workers_lost"]
        for n, (_, what, _, _, wants) in wanted:
            start = time.monotonic()
            codes = read_error(leaf(m, n)), read_error(leaf(m, n, "json"))
            tap.ok(codes == (wants, wants) and
                   time.monotonic() - start < front.SLOW,
                   f"read, {what}: is remembered", codes)
        tap.equal(m.stats()["workers_lost"], lost,
                  "read: no worker is lost to what is remembered")
        tap.ok(read_error(leaf(m, 150)) == errno.EIO and
               m.stats()["workers_lost"] > lost,
               "read, SIGKILL: EIO, of that file alone")
        tap.ok(is_good(m, 10), "read: the last good one")
        after = descriptors(m)
        more = [x for x in set(after) if after.count(x) > before.count(x)]
        tap.equal(more, [], "read: no socket or memory is left behind")
    place.remove()


def without_workers():
    place = fresh_place()
    put(place.archive, 1)
    with front.Mount(place=place, options=["workers=0"]) as m:
        tap.ok(is_good(m, 1), "workers=0: parsed and decoded in the process")
    place.remove()


indexed_by_a_mount()
indexed_by_prepfsctl()
read_from_a_mount()
without_workers()
tap.done()
