#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Memory, reads, writes and files that fail, one call after the other, in prepfs
and prepfsctl as they are but for that call (tests/support/starve.c).

    faults.py PREPFS_STARVED PREPFSCTL_STARVED [explain|index|render|mount...]

Whatever fails: the command does all it should and says so, or it ends with 1
and a reason; it never crashes or leaks, it leaves no half-written file behind,
and the same command succeeds afterwards. A mount starts or says why not; what it
then serves is right or an error.

Of the calls of each kind some are tried; PREPFS_FAULTS=all tries all of them.
"""
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "demo"))

import dicom  # noqa: E402
import front  # noqa: E402

PREPFS, PREPFSCTL = (os.path.abspath(p) for p in sys.argv[1:3])
WHAT = sys.argv[3:] or ["explain", "index", "render", "mount"]
ALL = os.environ.get("PREPFS_FAULTS") == "all"
TRIED = 6
SIDE = 40
STUDY = "1.2.1"
VIEW = "crop_size-30x30_norm-z_pack-lzw"
KINDS = ["memory", "read", "short", "open", "write", "sync", "map",
         "sql-read", "sql-write", "sql-sync"]
# Kinds of calls that there are, unless the build hides them.
SEEN = {"explain": ["memory"],
        "index": ["memory", "read", "open", "write", "sql-write"],
        "render": ["memory", "read", "open", "write", "map"]}

tap = front.Tap()
work = tempfile.mkdtemp(prefix="prepfs-faults-")
archive = os.path.join(work, "archive")
rng = random.Random(1)


# ---- an archive ----

def put(n, frames, syntax):
    tags = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
        "SOPInstanceUID": f"1.2.1.{n}", "Modality": "OT",
        "StudyInstanceUID": STUDY, "SeriesInstanceUID": "1.2.1.0",
        "PatientID": "FAULTS", "InstanceNumber": n,
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "Rows": SIDE, "Columns": SIDE, "BitsAllocated": 8, "BitsStored": 8,
        "HighBit": 7, "PixelRepresentation": 0,
    }
    if frames > 1:
        tags["NumberOfFrames"] = frames
    pixels = [bytes((n * 31 + f * 5 + i * 7 + i // SIDE) % 256
                    if 300 < i < 1200 else 0 for i in range(SIDE * SIDE))
              for f in range(frames)]
    with open(os.path.join(archive, f"{n}.dcm"), "wb") as out:
        out.write(dicom.file_bytes(tags, syntax, pixels))


def make_archive():
    os.mkdir(archive)
    put(1, 3, dicom.RLE)
    put(2, 1, dicom.EXPLICIT)


# ---- a command that starves ----

def run(command, starve=None):
    """(exit status, stdout, stderr, calls of the kind)."""
    count = os.path.join(work, "count")
    env = front.environment()
    if starve:
        env.update(PREPFS_STARVE=starve, PREPFS_STARVE_COUNT=count)
    if os.path.exists(count):
        os.unlink(count)
    done = subprocess.run(command, env=env, capture_output=True, text=True,
                          timeout=120)
    calls = 0
    if os.path.exists(count):
        with open(count) as f:
            calls = int(f.read())
    return done.returncode, done.stdout, done.stderr, calls


def crash(status, text):
    """Words if it ended otherwise than by itself, or a sanitizer spoke."""
    if status < 0:
        return f"signal {-status}"
    for word in front.SUSPICIOUS[:2] + ("Assertion",):
        if word in text:
            return text[-1500:]
    return ""


class Operation:
    """A command in a folder of its own, and what it makes."""

    def __init__(self, name, command, made, may_warn=False):
        self.name, self.command, self.made = name, command, made
        self.may_warn = may_warn  # of a file, and leave it for the next time
        self.reference = None

    def folder(self):
        path = os.path.join(work, "op")
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        return path

    def learn(self):
        path = self.folder()
        status, out, text, _ = run(self.command(path))
        assert status == 0, text
        self.reference = self.made(path, out)
        assert self.reference

    def once(self, starve):
        """What is wrong, or "", and whether the command failed."""
        path = self.folder()
        status, out, text, _ = run(self.command(path), starve)
        wrong = crash(status, text)
        if wrong or status not in (0, 1):
            return wrong or f"exit status {status}: {text[-500:]}", False
        made = self.made(path, out) if status == 0 else None
        if made == self.reference:
            return "", False
        if status == 0 and not (self.may_warn and ".dcm: " in text):
            return f"it succeeds, and gives {made!r:.300}\n{text}", False
        if not text.strip():
            return "it fails without a word", True
        left = [f for _, _, files in os.walk(path) for f in files
                if f.startswith(".") or f.endswith((".part", ".tmp", ".new"))]
        if left and self.name == "render":
            return f"it leaves {left}", True
        status, out, text, _ = run(self.command(path))
        if status != 0:
            return f"and not afterwards: {text[-500:]}", True
        made = self.made(path, out)
        return ("" if made == self.reference else
                f"afterwards it gives {made!r:.300}"), True

    def sweep(self, kind):
        _, _, _, calls = run(self.command(self.folder()), f"{kind}:1000000000")
        numbers = list(range(1, calls + 1))
        if not ALL and calls > TRIED:
            # the first, the last, and some of those between
            numbers = sorted({1, calls, *rng.sample(numbers, TRIED - 2)})
        bad, failed = [], 0
        for k in numbers:
            wrong, refused = self.once(f"{kind}:{k}")
            failed += refused
            if wrong:
                bad.append(f"{kind}:{k}: {wrong}")
        if calls == 0:
            if kind in SEEN.get(self.name, ()):
                tap.skip(f"{self.name}: {kind}", "not one call was seen: is "
                         "this a build with _FORTIFY_SOURCE?")
            return
        tap.ok(not bad, f"{self.name}: {kind}, {len(numbers)} of {calls} calls:"
               f" {failed} refusals", *bad[:5])


def read_tree(path):
    found = {}
    for folder, _, files in os.walk(path):
        for name in files:
            full = os.path.join(folder, name)
            with open(full, "rb") as f:
                # a list has the order in which files were made
                found[os.path.relpath(full, path)] = (
                    sorted(f) if name.endswith(".tsv") else f.read())
    return found


def made_index(path, _):
    """The rows. Their numbers may be others, if a run was begun before; keys of
    patients depend on the state."""
    status, out, text, _ = run([PREPFSCTL, "manifest", archive, "full",
                                "--state", path])
    rows = [line.split(",") for line in out.splitlines()]
    if status != 0 or not rows:
        return text
    return [[field for name, field in zip(rows[0], row)
             if name not in ("inode", "patient_key")] for row in rows]


def commands():
    presets = os.path.join(work, "prepfs.conf")
    with open(presets, "w") as f:
        f.write("[views]\nMine = crop_size-64x64\nOther = hu_vol-mip\n")
    # leaks of a command that ends at once are none of a mount
    yield Operation("explain", lambda path: [
        PREPFSCTL, "explain", "Mine_u8", "--presets", presets],
        lambda path, out: out)
    yield Operation("index", lambda path: [
        PREPFSCTL, "index", archive, "--state", path, "-q", "-j", "1"],
        made_index, may_warn=True)
    yield Operation("render", lambda path: [
        PREPFSCTL, "render", VIEW, archive, os.path.join(path, "out"), "-q",
        "-j", "1", "--workers", "0"],
        lambda path, out: read_tree(os.path.join(path, "out")))


# ---- a mount ----

def leaf(m, n, view=VIEW):
    return m.path(view, STUDY, f"1.2.1.{n}.tiff")


def read(path):
    with open(path, "rb", buffering=0) as f:
        return f.read()


class Starved(front.Mount):
    """A mount whose process has PREPFS_STARVE."""

    def __init__(self, place, starve, options=()):
        super().__init__(place=place, options=["threads=2", "workers=1",
                                               "cache=1M", *options])
        self.starve = starve

    def start(self):
        os.environ["PREPFS_STARVE"] = self.starve
        try:
            super().start()
        finally:
            del os.environ["PREPFS_STARVE"]


def fresh_place():
    place = front.Place()
    shutil.rmtree(place.archive)
    place.archive = archive
    return place


def use(m, wanted):
    """Words if a leaf is other than right or refused."""
    for n in (1, 2, 1, 2):
        try:
            if read(leaf(m, n)) != wanted[n]:
                return f"image {n} is wrong"
        except OSError as e:
            if e.errno not in (errno.EIO, errno.ENOMEM, errno.EMFILE,
                               errno.ENOENT, errno.EBUSY, errno.ENOSPC):
                return f"image {n}: {e}"
    return ""


def mount_once(starve, wanted):
    """(what is wrong, whether it was refused)"""
    place = fresh_place()
    m = Starved(place, starve)
    try:
        try:
            m.start()
        except RuntimeError as e:
            text = m.stderr()
            status = m.process.wait(30)
            if crash(status, text) or status == 0 or not text.strip():
                return f"{e} status {status}\n{text}", True
            return "", True
        wrong = use(m, wanted)
        status = m.stop()
        return wrong or crash(status, m.stderr()), False
    finally:
        subprocess.run(["fusermount3", "-uqz", m.mnt], check=False,
                       stderr=subprocess.DEVNULL)
        shutil.rmtree(place.work, ignore_errors=True)


def sweep_mounts():
    front.PROGRAM = PREPFS
    wanted = {}
    place = fresh_place()
    with Starved(place, "memory:1000000000") as m:
        for n in (1, 2):
            wanted[n] = read(leaf(m, n))
    shutil.rmtree(place.work, ignore_errors=True)
    for kind in ("memory", "open", "read", "map", "sql-read", "sql-write"):
        most = {"memory": 400, "open": 20}.get(kind, 40)
        numbers = list(range(1, most)) if ALL else \
            [1] + rng.sample(range(2, most), 3)
        bad, refused = [], 0
        for k in sorted(numbers):
            wrong, no = mount_once(f"{kind}:{k}", wanted)
            refused += no
            if wrong:
                bad.append(f"{kind}:{k}: {wrong}")
        tap.ok(not bad, f"mount: {kind}, {len(numbers)} calls: {refused} "
               "refusals", *bad[:3])


# ---- an archive that is slow ----

def slow_archive():
    """Two readers of the slow file, each of which may take several threads: the
    kernel asks for a file in pieces."""
    front.PROGRAM = PREPFS
    place = fresh_place()
    delay = 1.5 * front.SLOW
    with Starved(place, f"slow:{int(1000 * delay)}:/1.dcm",
                 ["prefetch=off", "threads=12"]) as m:
        code = "import sys; open(sys.argv[1], 'rb', buffering=0).read()"
        jobs = [subprocess.Popen([sys.executable, "-c", code, leaf(m, 1, v)],
                                 stderr=subprocess.DEVNULL)
                for v in ("raw", "full")]
        until = time.monotonic() + 20
        while m.stats()["pool_running"] == 0 and time.monotonic() < until:
            time.sleep(0.01)
        start = time.monotonic()
        good = len(read(leaf(m, 2, "raw"))) > SIDE * SIDE
        took = time.monotonic() - start
        tap.ok(good and took < delay, "slow archive: another leaf is served "
               f"meanwhile, after {took:.2f} s", took, good)
        start = time.monotonic()
        jobs[0].kill()
        jobs[0].wait()
        took = time.monotonic() - start
        tap.ok(took < delay * 0.7, "slow archive: a reader that is killed is "
               f"gone after {took:.2f} s", took)
        start = time.monotonic()
        m.process.send_signal(signal.SIGTERM)
        status = m.wait(60)
        took = time.monotonic() - start
        jobs[1].wait()
        tap.ok(status == 0 and took < 20 * delay,
               f"slow archive: the mount ends after {took:.2f} s", status)
    shutil.rmtree(place.work, ignore_errors=True)


def main():
    make_archive()
    try:
        for operation in commands():
            if operation.name not in WHAT:
                continue
            operation.learn()
            for kind in KINDS:
                operation.sweep(kind)
        if "mount" not in WHAT:
            pass
        elif os.access("/dev/fuse", os.R_OK | os.W_OK):
            sweep_mounts()
            slow_archive()
        else:
            tap.skip("mounts", "/dev/fuse cannot be used here")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
