#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
A mount with a disk below its memory (-o disk): restarts, kills and faults.

    disk.py PREPFS PREPFSCTL [FAULTY]

FAULTY is a library for LD_PRELOAD that makes reads of segments fail while a
file says so (tests/support/disk_faults.c). DISK_KILLS: how often the mount is
killed at a random moment (default 6).

In every case the bytes that readers get are those of the first pass, and
nobody sees an error.
"""
import glob
import hashlib
import os
import random
import shutil
import subprocess
import sys
import threading
import time

import front

HERE = os.path.dirname(os.path.abspath(__file__))
KILLS = int(os.environ.get("DISK_KILLS", "6"))
SEED = int(os.environ.get("DISK_SEED", str(random.randrange(1 << 30))))
VIEWS = ["full", "crop_size-384x512", "size-128x128_u8"]
CTL = os.path.abspath(sys.argv[2])
FAULTY = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else None

front.need_fuse()
tap = front.Tap()
chance = random.Random(SEED)
print(f"# seed {SEED}")

place = front.Place()
subprocess.run([sys.executable, os.path.join(HERE, "../../examples/mkdemo"),
                "--quiet", "--scale", "0.5", place.archive], check=True)
disk = os.path.join(place.work, "disk")


def mount(*options, where=None):
    return front.Mount(place=place, options=[
        "cache=64M", f"disk={where or disk}", "disk_size=1G", *options])


def files(m):
    """Every image of every view, relative to the mount."""
    found = []
    for view in VIEWS:
        for folder, _, names in os.walk(m.path(view) + "/"):
            found += [os.path.relpath(os.path.join(folder, name), m.mnt)
                      for name in names if name.endswith(".tiff")]
    return sorted(found)


def digest(path):
    """Of what prepfs says now, not of what the kernel has kept."""
    with open(path, "rb") as f:
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.sha256(f.read()).hexdigest()


def read_all(m, names, threads=4):
    """What each file is: a digest, or the error."""
    got = {}

    def work(part):
        for name in part:
            try:
                got[name] = digest(m.path(name))
            except OSError as e:
                got[name] = e
    workers = [threading.Thread(target=work, args=(names[i::threads],))
               for i in range(threads)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return got


def same(got, what):
    wrong = [f"{name}: {got[name]}" for name in got if got[name] != truth[name]]
    tap.ok(not wrong, what, *wrong[:5])


def segments(where=None):
    return sorted(glob.glob(os.path.join(where or disk, "*.seg")))


def settle(m, seconds=30):
    """Waits until all that was made is on the disk."""
    deadline = time.monotonic() + seconds * front.SLOW
    while time.monotonic() < deadline:
        s = m.stats()
        if s["disk_waiting"] == 0 and s["fills_in_flight"] == 0:
            time.sleep(0.3)
            return
        time.sleep(0.05)


# ---- a restart ----

with mount() as m:
    names = files(m)
    truth = read_all(m, names)
    tap.ok(not any(isinstance(x, OSError) for x in truth.values()) and
           len(names) > 100, f"a first pass over {len(names)} images", truth)
    tap.ok(m.stats()["frames_decoded"] > 30, "decodes")
    tap.equal(os.stat(disk).st_mode & 0o777, 0o700, "the folder is private")
    with open(m.path(".prepfs/disk")) as f:
        tap.equal(f.read(), os.path.realpath(disk) + "\n", ".prepfs/disk")
    second = subprocess.run(
        [front.PROGRAM, place.archive, place.work + "/mnt2", "-f", "-o",
         f"state={place.state}2,disk={disk}"], stderr=subprocess.PIPE,
        check=False, env=front.environment()) \
        if not os.mkdir(place.work + "/mnt2") else None
    tap.ok(second.returncode != 0 and b"in use by process" in second.stderr,
           "a second mount of the same folder is refused", second)
    before = m.stats()
with mount() as m:
    same(read_all(m, names), "after a restart every byte is right")
    s = m.stats()
    tap.equal((s["frames_decoded"], s["bytes_read"], s["disk_misses"]),
              (0, 0, 0), "and nothing is decoded or read again")
    tap.ok(s["disk_hits"] + s["disk_ahead"] > 100, "it comes from disk", s,
           f"the mount before: {before}")

# What the rate holds back is written when the file system is unmounted.
slow = os.path.join(place.work, "slow")
with mount("disk_rate=1M", where=slow) as m:
    read_all(m, names)
    print(f"# unmounted with {m.stats()['disk_waiting']} blocks to be written")
with mount(where=slow) as m:
    same(read_all(m, names), "after an unmount at once every byte is right")
    s = m.stats()
    tap.equal((s["frames_decoded"], s["disk_misses"]), (0, 0),
              "and all that was made had been written")
shutil.rmtree(slow)

# The same in a mount with almost no memory, and in random order.
with mount("cache=4M") as m:
    shuffled = names[:]
    chance.shuffle(shuffled)
    same(read_all(m, shuffled), "with 4M of memory every byte is right")
    tap.equal(m.stats()["frames_decoded"], 0, "and nothing is decoded again")


# ---- kills ----

def make_more(m, order, killed):
    """Reads, in views that nobody has used, until the mount is killed."""
    read_all(m, order, 2)
    wholes = [name for name in order if name.startswith(VIEWS[0] + "/")]
    for side in range(64, 1000):
        if killed.is_set():
            return
        read_all(m, [name.replace(VIEWS[0], f"size-{side}x{side}_u8", 1)
                     for name in wholes], 2)


def kill_once(n, seconds):
    """Reads on in another order and is killed. Returns what was written by
    then, what was offered to the disk ten seconds before, and what is found."""
    where = os.path.join(place.work, "killed")
    shutil.rmtree(where, ignore_errors=True)
    order = names[:]
    chance.shuffle(order)
    killed = threading.Event()
    written, offered = 0, []
    m = mount(where=where)
    with m:
        reader = threading.Thread(target=make_more, args=(m, order, killed))
        reader.start()
        end = time.monotonic() + seconds * front.SLOW
        while time.monotonic() < end:
            s = m.stats()
            written = s["disk_records"]
            offered.append((time.monotonic(), s["disk_offered"]))
            time.sleep(0.02)
        m.process.kill()
        killed.set()
        m.wait()
        subprocess.run(["fusermount3", "-uqz", m.mnt], check=False,
                       stderr=subprocess.DEVNULL)
        reader.join()
    early = [count for when, count in offered if when <= end - 10]
    with mount(where=where) as m:
        found = m.stats()["disk_records"]
        same(read_all(m, names), f"kill {n}: every byte is right")
        s = m.stats()
        tap.ok(s["disk_damaged"] == 0 and s["disk_rejected"] == 0,
               f"kill {n}: nothing that was found is damaged", s)
    return written, early[-1] if early else 0, found


# Every tenth goes on for long enough to tell what was fed ten seconds before.
sums = {"written": [0, 0], "fed 10 s before": [0, 0]}
for i in range(KILLS):
    late = i % 10 == 9
    written, fed, found = kill_once(
        i + 1, chance.uniform(11, 14) if late else chance.uniform(0.2, 3.0))
    for what, count in (("written", written), ("fed 10 s before", fed)):
        sums[what][0] += count
        sums[what][1] += min(found, count)
for what, (count, found) in sums.items():
    print(f"# {KILLS} kills: {found} of {count} records {what} found again")
    tap.ok((count > 0 or KILLS < 10) and found >= 0.9 * count,
           f"of what was {what} a kill 90 % is found", f"{found} of {count}")


# ---- damaged segments ----

def damage(change, what, *, least=0):
    """Changes the segments of a stopped mount, and reads through it."""
    where = os.path.join(place.work, "damaged")
    shutil.rmtree(where, ignore_errors=True)
    shutil.copytree(disk, where)
    for path in segments(where):
        change(path)
    with mount(where=where) as m:
        same(read_all(m, names), f"{what}: every byte is right")
        s = m.stats()
        tap.ok(s["disk_hits"] + s["disk_ahead"] >= least,
               f"{what}: the rest is found", s["disk_hits"])
        return s


def flip(path, count):
    with open(path, "r+b") as f:
        size = os.fstat(f.fileno()).st_size
        for _ in range(count):
            at = chance.randrange(64, size)
            f.seek(at)
            byte = f.read(1)[0] ^ 1 << chance.randrange(8)
            f.seek(at)
            f.write(bytes([byte]))


def cut(path):
    os.truncate(path, chance.randrange(os.stat(path).st_size))


def fill_with_zeros(path):
    with open(path, "r+b") as f:
        f.seek(chance.randrange(os.stat(path).st_size // 2))
        f.write(bytes(os.stat(path).st_size // 4))


stats = damage(lambda path: flip(path, 200), "flipped bits", least=1)
tap.ok(stats["frames_decoded"] > 0, "flipped bits: some are made again", stats)
damage(cut, "truncated segments")
damage(fill_with_zeros, "zeros in segments")
damage(lambda path: flip(path, 20000), "many flipped bits")
damage(os.unlink, "no segments")
damage(lambda path: open(path, "wb").close(), "empty segments")

# While it is mounted: bits change, files end, the folder goes.
with mount(where=os.path.join(place.work, "damaged")) as m:
    read_all(m, names)
    settle(m)
with mount("cache=4M", where=os.path.join(place.work, "damaged")) as m:
    for path in segments(os.path.join(place.work, "damaged")):
        flip(path, 300)
    same(read_all(m, names), "bits that change below a mount")
    for path in segments(os.path.join(place.work, "damaged")):
        cut(path)
    same(read_all(m, names), "segments cut below a mount")
    shutil.rmtree(os.path.join(place.work, "damaged"))
    same(read_all(m, names), "a folder removed below a mount")
    deadline = time.monotonic() + 10 * front.SLOW
    while m.stats()["disk_state"] == 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    tap.equal(m.stats()["disk_state"], 1, "which is noticed")
    same(read_all(m, names), "and read on without it")
    tap.equal(m.stderr().count("disk tier:"), 1, "and said once")

# ---- a full disk ----

small = os.path.join(place.work, "small")
os.mkdir(small)
if os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=640k", "none", small],
        check=False, stderr=subprocess.DEVNULL).returncode == 0:
    try:
        with mount("cache=4M", "disk_day=off", where=small + "/disk") as m:
            same(read_all(m, names), "a disk that fills up")
            settle(m)
            s = m.stats()
            tap.equal((s["disk_state"], s["disk_write_errors"] > 0),
                      (1, True), "is only read from then on")
            same(read_all(m, names), "and read on")
            tap.ok(m.stats()["disk_hits"] + m.stats()["disk_ahead"] > 0,
                   "what it holds is found", m.stats())
            tap.ok("No space left" in m.stderr() and
                   m.stderr().count("disk tier:") == 1, "which is said once",
                   m.stderr())
    finally:
        subprocess.run(["umount", "-l", small], check=False)
else:
    tap.skip("a disk that fills up", "no tmpfs can be mounted here")

# ---- a disk that cannot be read ----

if FAULTY and front.SLOW == 1:
    switch = os.path.join(place.work, "fail")
    os.environ["LD_PRELOAD"] = FAULTY
    os.environ["DISK_FAULT_SWITCH"] = switch
    try:
        with mount("cache=4M") as m:
            same(read_all(m, names), "before a disk fails")
            open(switch, "w").close()
            same(read_all(m, names), "a disk that cannot be read")
            tap.equal(m.stats()["disk_state"], 2, "is given up")
            tap.ok(m.stderr().count("disk tier:") == 1 and
                   "Input/output error" in m.stderr(), "which is said once",
                   m.stderr())
    finally:
        del os.environ["LD_PRELOAD"]
else:
    tap.skip("a disk that cannot be read", "not with sanitizers")

# ---- purge ----

with mount() as m:
    read_all(m, names[:20])
    done = subprocess.run([CTL, "purge", m.mnt], capture_output=True,
                          text=True, check=False)
    tap.ok(done.returncode == 0 and " removed" in done.stdout,
           "prepfsctl purge MOUNTPOINT", done)
    tap.equal(segments(), [], "removes all segments")
    same(read_all(m, names), "and the mount goes on")
done = subprocess.run([CTL, "purge", disk], capture_output=True, text=True,
                      check=False)
tap.ok(done.returncode == 0 and not segments(), "prepfsctl purge DIR", done)
done = subprocess.run([CTL, "purge", place.work], capture_output=True,
                      text=True, check=False)
tap.ok(done.returncode != 0 and "no folder of a disk tier" in done.stderr and
       os.path.isdir(place.archive), "leaves other folders alone", done)
place.remove()
tap.done()
