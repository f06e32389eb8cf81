#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Decoders that crash, hang, grow or are killed under a mount. The program is
prepfs with a decoder that does so where the pixel data say it (faults.h); all
else is as installed. One error for each, with its reason where users look,
and the mount goes on.
"""
import errno
import glob
import multiprocessing
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "demo"))

import dicom  # noqa: E402
import front  # noqa: E402

SIDE = 64
SANITIZED = front.SLOW > 1  # no limit on memory there; reports of their own
STUDY = "1.2.1"

front.need_fuse()
tap = front.Tap()


# ---- an archive ----

def elements(n):
    return {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
        "SOPInstanceUID": f"1.2.1.{n}", "Modality": "OT",
        "StudyInstanceUID": STUDY, "SeriesInstanceUID": "1.2.1.0",
        "PatientID": "WORKERS", "InstanceNumber": n,
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "Rows": SIDE, "Columns": SIDE, "BitsAllocated": 8, "BitsStored": 8,
        "HighBit": 7, "PixelRepresentation": 0,
    }


def pixels(n):
    return bytes((n * 31 + i * 7 + i // SIDE) % 256 for i in range(SIDE * SIDE))


def mark(fault):
    return b"prepfs fault: " + fault.encode() + b"\0"


def put(archive, n, frames, syntax=dicom.RLE):
    tags = elements(n)
    if len(frames) > 1:
        tags["NumberOfFrames"] = len(frames)
    with open(os.path.join(archive, f"{n}.dcm"), "wb") as out:
        out.write(dicom.file_bytes(tags, syntax, frames))


def put_good(archive, n):
    put(archive, n, [pixels(n)])


def put_fault(archive, n, fault):
    # What syntax the file states does not matter: the mark comes first.
    put(archive, n, [mark(fault)], dicom.JPEG_2000)


def leaf(m, n, view="raw"):
    return m.path(view, STUDY, f"1.2.1.{n}.tiff")


def read(path):
    with open(path, "rb", buffering=0) as f:
        return f.read()


def read_error(path):
    """The errno of reading it, 0 if it can be read."""
    try:
        read(path)
    except OSError as e:
        return e.errno
    return 0


def is_good(m, n, view="raw"):
    return read(leaf(m, n, view)).endswith(pixels(n))


# ---- processes ----

def processes():
    """{pid: (parent, state, name)}"""
    found = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as f:
                text = f.read()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        state, parent = text[text.rindex(")") + 2:].split()[:2]
        found[int(path.split("/")[2])] = (int(parent), state, name)
    return found


def family(m):
    """The zygote, and the workers, of a mount."""
    all_of_them = processes()
    zygotes = [p for p, (parent, _, _) in all_of_them.items()
               if parent == m.process.pid]
    workers = [p for p, (parent, _, _) in all_of_them.items()
               if parent in zygotes]
    return zygotes, workers


def zombies(m):
    """Children that nobody waits for; who has just ended gets some time."""
    until = time.monotonic() + 10
    while True:
        of = {m.process.pid, *family(m)[0]}
        found = [p for p, (parent, state, _) in processes().items()
                 if parent in of and state == "Z"]
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.05)


def descriptors(m):
    """Those of the mount, but for files of the archive and the database, of
    which some are kept open."""
    links = []
    for path in glob.glob(f"/proc/{m.process.pid}/fd/*"):
        try:
            target = os.readlink(path)
        except OSError:
            continue
        if not target.startswith(m.place.work):
            links.append(target.split(":")[0])
    return sorted(links)


def processor_time(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def busy_worker(m):
    """The worker that is using the processor."""
    before = {p: processor_time(p) for p in family(m)[1]}
    until = time.monotonic() + 10 * front.SLOW
    while time.monotonic() < until:
        for p, t in before.items():
            if processor_time(p) > t + 5:
                return p
        time.sleep(0.01)
    raise RuntimeError("no worker is busy")


# ---- one fault after the other ----

FAULTS = [
    # letter, what, words of the reason, whether sanitizers leave it as it is
    ("s", "SIGSEGV", "signal 11", False),
    ("a", "SIGABRT", "signal 6", True),
    ("k", "SIGKILL", "signal 9", True),
    ("l", "endless loop", "not decoded within 1 s", True),
    ("m", "8 GiB", "more memory than 256 MiB", False),
    ("n", "nonsense", "answered nonsense", True),
]


def one_by_one():
    place = front.Place()
    os.unlink(os.path.join(place.archive, "pattern.conf"))
    for i, (letter, _, _, _) in enumerate(FAULTS):
        put_fault(place.archive, 100 + i, letter)
        put_good(place.archive, i + 1)
    put_good(place.archive, 50)
    wanted = 0
    with front.Mount(place=place, options=[
            "threads=2", "decode_time=1", "decode_memory=256M", "xattr",
            "prefetch=off"]) as m:
        zygotes, workers = family(m)
        tap.equal((len(zygotes), len(workers)), (1, 2),
                  "a zygote and one worker per thread")
        tap.ok(is_good(m, 50), "a frame comes out right")
        before = descriptors(m)
        for i, (letter, what, words, everywhere) in enumerate(FAULTS):
            if SANITIZED and not everywhere:
                tap.skip(what, "a sanitizer's build")
                continue
            path = leaf(m, 100 + i)
            start = time.monotonic()
            code = read_error(path)
            failed = time.monotonic()
            good = is_good(m, i + 1)
            back = time.monotonic()
            wanted += 1
            tap.ok(code == errno.EIO and good,
                   f"{what}: EIO after {1e3 * (failed - start):.0f} ms, the "
                   f"next image {1e3 * (back - failed):.1f} ms later",
                   f"errno {code}, the next is right: {good}")
            reason = ""
            until = time.monotonic() + 10  # it is written behind the reply
            while words not in reason and time.monotonic() < until:
                with open(m.path(".prepfs", "errors.tsv")) as f:
                    lines = [x for x in f if f"{100 + i}.dcm" in x]
                reason = lines[0] if lines else ""
            tap.ok(words in reason and "frame 1" in reason and "\traw\t" in
                   reason, f"{what}: errors.tsv has the frame and the reason",
                   reason)
            said = os.getxattr(path, "user.prepfs.error").decode()
            tap.ok(words in said, f"{what}: user.prepfs.error has it", said)
            tap.ok(words in m.stderr(), f"{what}: the log has it")
        stats = m.stats()
        # The kernel may ask twice for what is not remembered: SIGKILL.
        tap.ok(stats["workers"] == 2 and
               wanted <= stats["workers_lost"] <= wanted + 1, "stats.json counts them", stats["workers"],
               stats["workers_lost"], wanted)
        tap.equal(zombies(m), [], "no zombie")
        for n in range(1, len(FAULTS) + 1):
            is_good(m, n)
        after = descriptors(m)
        more = [x for x in after if after.count(x) > before.count(x)]
        tap.equal(more, [], "no descriptor more than before")
        zygotes, workers = family(m)
    left = [p for p in zygotes + workers if p in processes()]
    tap.equal(left, [], "nobody is left after the unmount")
    place.remove()


# ---- from outside ----

def killed_from_outside():
    place = front.Place()
    os.unlink(os.path.join(place.archive, "pattern.conf"))
    put_fault(place.archive, 1, "w")
    put_good(place.archive, 2)
    with front.Mount(place=place, options=["threads=2"]) as m:
        reader = subprocess.Popen(["cat", leaf(m, 1)],
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        os.kill(busy_worker(m), signal.SIGKILL)
        # An error or, if the kernel asks again by itself, the image.
        reader.wait()
        tap.ok("signal 9" in m.stderr(), "kill -9 of a busy worker is seen")
        tap.equal(read_error(leaf(m, 1)), 0, "and says nothing of the frame")
        for p in family(m)[1]:
            os.kill(p, signal.SIGKILL)
        tap.ok(is_good(m, 2), "kill -9 of idle workers is no error")
        tap.equal(zombies(m), [], "no zombie")
        tap.ok(m.stats()["workers_lost"] >= 1, "what was lost at work counts")
    place.remove()


# ---- many readers ----

def reader(mount, seed, to):
    bad = []
    for i in range(60):
        n = (seed * 17 + i * 7) % 60
        if n % 3 == 0:
            code = read_error(leaf(mount, n + 100))
            if code != errno.EIO:
                bad.append(f"{n + 100}: errno {code}")
        elif not is_good(mount, n + 1, ("raw", "full")[seed % 2]):
            bad.append(f"{n + 1}: other bytes")
    to.send(bad)


def many_readers():
    place = front.Place()
    os.unlink(os.path.join(place.archive, "pattern.conf"))
    for n in range(60):
        put_fault(place.archive, n + 100, "axn"[n % 3])
        put_good(place.archive, n + 1)
    with front.Mount(place=place, options=["threads=3", "cache=1M"]) as m:
        pipes = [multiprocessing.Pipe(duplex=False) for _ in range(8)]
        jobs = [multiprocessing.Process(target=reader, args=(m, i, pipes[i][1]))
                for i in range(8)]
        for j in jobs:
            j.start()
        bad = [b for end, _ in pipes for b in end.recv()]
        for j in jobs:
            j.join()
        tap.ok(bad == [], "8 readers: right bytes or EIO", *bad[:10])
        tap.equal(zombies(m), [], "no zombie")
        tap.ok(len(family(m)[1]) <= 3, "no more workers than before")
    place.remove()


def without():
    place = front.Place()
    os.unlink(os.path.join(place.archive, "pattern.conf"))
    put_good(place.archive, 1)
    with front.Mount(place=place, options=["workers=0"]) as m:
        tap.equal(family(m), ([], []), "workers=0: no further process")
        tap.ok(is_good(m, 1), "workers=0: a frame comes out right")
        tap.equal(m.stats()["workers"], 0, "workers=0: none are counted")
    with front.Mount(place=place, options=["workers=5"]) as m:
        tap.equal(len(family(m)[1]), 5, "workers=5")
    place.remove()


# ---- without a mount ----

def batch():
    ctl = sys.argv[2]
    place = front.Place()
    os.unlink(os.path.join(place.archive, "pattern.conf"))
    put_good(place.archive, 1)
    put_fault(place.archive, 2, "a")
    put_good(place.archive, 3)
    out = os.path.join(place.archive, "..", "batch")
    done = subprocess.run([ctl, "render", "raw", place.archive, out],
                          capture_output=True, text=True, timeout=120)
    said = done.stderr
    tap.equal(done.returncode, 1, "render: a crash is a failure of the run")
    tap.ok("2.dcm" in said and "signal 6" in said,
           "render: the file and the reason are told", said)
    tap.equal(sorted(os.listdir(os.path.join(out, STUDY))),
              ["1.2.1.1.tiff", "1.2.1.3.tiff"], "render: all others are there")
    tap.ok(all(read(os.path.join(out, STUDY, f"1.2.1.{n}.tiff"))
               .endswith(pixels(n)) for n in (1, 3)), "render: and right")
    done = subprocess.run([ctl, "render", "--workers", "0", "--force", "raw",
                           place.archive, out], capture_output=True,
                          text=True, timeout=120)
    tap.ok(done.returncode < 0 or SANITIZED and done.returncode > 0,
           "render --workers 0: decodes in the program", done.returncode)
    done = subprocess.run([ctl, "render", "--workers", "x", "raw",
                           place.archive, out], capture_output=True, text=True)
    tap.ok(done.returncode == 2 and "--workers is a number from 0 to"
           in done.stderr, "render --workers x: refused", done.stderr)
    place.remove()


one_by_one()
killed_from_outside()
many_readers()
without()
batch()
tap.done()
