#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the kernel asks, and what it does not ask any more."""
import os
import threading
import time

from front import SLOW, Mount, Tap, expected, need_fuse, noise

need_fuse()
tap = Tap()
FILES = 60


def paths(m, view="full"):
    return [m.path(view, f"1.2.1/1.2.1.{i % 2 + 1}.{i + 1}.tiff")
            for i in range(FILES)]


def epoch(m, view="full"):
    total = 0
    for path in paths(m, view):
        with open(path, "rb") as f:
            total += len(f.read())
    return total


def asked(m, action):
    """Requests that action() made, without those of looking at the counters
    (a control file is looked up twice: is it still the same? no)."""
    before = m.requests()
    own = m.requests()
    own = {k: own[k] - before[k] for k in own}
    before = m.requests()
    action()
    after = m.requests()
    return {k: after[k] - before[k] - own[k] for k in after}


def listings(change):
    return change["readdir"] + change["readdirplus"]


def exist(m, name, times):
    for _ in range(times):
        os.path.exists(m.path(name))


def list_with_stat(path):
    with os.scandir(path) as entries:
        for entry in entries:
            entry.stat()


with Mount(f"leaves {FILES}\nbytes 200000\n") as m:
    epoch(m)
    tap.equal(m.requests()["open"], 1, "one OPEN is asked for, and no more")
    change = asked(m, lambda: epoch(m))
    for request in ("read", "open", "lookup", "getattr"):
        tap.equal(change[request], 0,
                  f"the second epoch: 0 {request.upper()}")
    for name in ("full/1.2.1/nothing.tiff", "full/nothing"):
        tap.equal(asked(m, lambda name=name: exist(m, name, 5))["lookup"], 1,
                  f"{name}: missing is remembered")
    tap.equal(asked(m, lambda: exist(m, "nonsense", 5))["lookup"], 5,
              "a view that is missing may come any time")

    os.listdir(m.path("full/1.2.1"))
    os.listdir(m.path("full/1.2.1"))
    change = asked(m, lambda: os.listdir(m.path("full/1.2.1")))
    tap.equal(listings(change), 0, "a small listing is kept by the kernel")

with Mount("leaves 3000\nbytes 1000\n") as m:
    # listing with stat: attributes come along, LOOKUPs do not
    change = asked(m, lambda: list_with_stat(m.path("full/1.2.1")))
    tap.ok(change["lookup"] < 300, "ls -l of a big folder does not look "
           "every image up", change)
    change = asked(m, lambda: os.listdir(m.path("full/1.2.1")))
    tap.ok(listings(change) > 0, "a big listing is not kept", change)
    tap.equal(m.stats()["frames_decoded"], 0, "nothing was decoded")

with Mount("leaves 40\nbytes 1000\n", presets="Auto = crop\n") as m:
    # a view whose sizes need pixels is listed without measuring
    os.listdir(m.path("crop/1.2.1"))
    tap.equal(m.stats()["frames_decoded"], 0, "listing a crop decodes nothing")
    os.stat(m.path("crop/1.2.1/1.2.1.1.1.tiff"))
    tap.equal(m.stats()["frames_decoded"], 1, "a size that is asked for does")
    os.readlink(m.path("Auto"))
    change = asked(m, lambda: [os.readlink(m.path("Auto")) for _ in range(5)])
    tap.equal(change["readlink"], 0, "links are kept by the kernel")

# The bytes are right, in any pieces, and arrive as whole blocks.
with Mount("leaves 3\nbytes 3000001\n") as m:
    pattern = noise()
    path = m.path("full/1.2.1/1.2.1.2.2.tiff")
    want = expected(pattern, 2, 1, 3000002)
    with open(path, "rb") as f:
        tap.ok(f.read() == want, "a whole file is right")
    fd = os.open(path, os.O_RDONLY)
    good = True
    for at, n in [(0, 1), (131071, 2), (1048575, 131074), (2999999, 100),
                  (3000002, 5), (5, 0), (777, 1234567)]:
        good = good and os.pread(fd, n, at) == want[at:at + n]
    os.close(fd)
    tap.ok(good, "pieces of it are right")
    change = m.requests()
    tap.ok(change["read"] <= 40, "a read asks for whole blocks", change)

# Slow work does not hold up what is quick.
with Mount("leaves 40\nread_ms 700\nmeasure_ms 300\n", ["threads=2"]) as m:
    def slow(i):
        with open(paths(m)[i], "rb", buffering=0) as f:
            f.read(100)
    os.stat(m.path("full/1.2.1"))
    readers = [threading.Thread(target=slow, args=(i,)) for i in range(12)]
    for thread in readers:
        thread.start()
    while m.stats()["pool_queued"] < 6:
        time.sleep(0.01)
    began = time.monotonic()
    os.stat(m.path("full/1.2.3/1.2.3.1.1.tiff"))
    os.listdir(m.path("full/1.2.2"))
    m.stats()
    took = time.monotonic() - began
    tap.ok(took < 0.3 * SLOW, "metadata does not wait for decodes", took)
    for thread in readers:
        thread.join()
    tap.equal(m.requests()["read_pool"] >= 12, True,
              "slow reads are answered by the pool")

# Lookups in one folder run in parallel, also with libfuse 3.14.
with Mount("leaves 8\nmeasure_ms 300\n", ["threads=8"]) as m:
    os.stat(m.path("crop/1.2.1"))
    lookups = [threading.Thread(target=os.stat, args=(p,))
               for p in paths(m, "crop")[:8]]
    began = time.monotonic()
    for thread in lookups:
        thread.start()
    for thread in lookups:
        thread.join()
    took = time.monotonic() - began
    tap.ok(took < 1.5 * SLOW, "8 slow lookups of 0.3 s in one folder run in "
           "parallel", took)
    tap.equal(m.stats()["parallel_dirops"], 1, "stats say so")

# Many readers of one image: one does the work.
with Mount("leaves 2\nread_ms 200\n", ["threads=4"]) as m:
    def read_one(_):
        with open(paths(m)[0], "rb", buffering=0) as f:
            f.read(100)
    readers = [threading.Thread(target=read_one, args=(0,)) for _ in range(9)]
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join()
    tap.equal(m.stats()["frames_decoded"], 1, "9 readers, 1 decode")
tap.done()
