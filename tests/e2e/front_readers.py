#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Readers in order are read ahead for, others are not; who waits for work
that others wait for too; the counters of both, in both formats."""
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

from front import SLOW, Mount, Tap, expected, need_fuse, noise

need_fuse()
tap = Tap()
LEAVES = 60


def path(m, i, view="full"):
    return m.path(view, f"1.2.1/1.2.1.1.{i}.tiff")


def read(name):
    """The bytes of a file; its pages are not kept by the kernel."""
    fd = os.open(name, os.O_RDONLY)
    try:
        data = b""
        while True:
            more = os.read(fd, 1 << 20)
            if not more:
                break
            data += more
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return data
    finally:
        os.close(fd)


def walk(m, order):
    """Seconds to read images in this order, as somebody who looks at each."""
    began = time.monotonic()
    for i in order:
        read(path(m, i))
    return time.monotonic() - began


def settle(m):
    """Waits until nothing is made ahead any more."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        stats = m.stats()
        if stats["pool_running"] + stats["pool_prefetching"] == 0:
            break
        time.sleep(0.02)


CONF = f"studies 2\nseries 1\nleaves {LEAVES}\nbytes 40000\nread_ms 40\n"
NAMED = sorted(range(1, LEAVES + 1), key=str)
pattern = noise()

for what, order in (("as listed", range(1, LEAVES + 1)), ("by name", NAMED)):
    with Mount(CONF, ["threads=4", "prefetch=4"]) as m:
        took = walk(m, order)
        stats = m.stats()
        tap.ok(took < 0.75 * LEAVES * 0.04 * SLOW,
               f"images in order, {what}: made ahead", took, stats)
        tap.equal(stats["frames_decoded"] <= LEAVES + 4, True,
                  f"{what}: each is made once, a few beyond the end")
        tap.ok(stats["prefetch_guesses"] > LEAVES / 2,
               f"{what}: guesses are counted", stats)
        settle(m)
        before = stats["prefetch_guesses"]
        for _ in range(4):
            for i in order:
                read(path(m, i))
                if i % 10 == 0:
                    settle(m)
        more = m.stats()["prefetch_guesses"] - before
        tap.ok(more <= 40, f"{what}: what is there is soon not guessed at",
               more)
        tap.ok(read(path(m, 7)) == expected(pattern, 7, 1, 40006),
               f"{what}: the bytes are right")

with Mount(CONF, ["threads=4", "prefetch=off"]) as m:
    walk(m, range(1, LEAVES + 1))
    stats = m.stats()
    tap.equal((stats["prefetch_guesses"], stats["prefetch_depth"]), (0, 0),
              "prefetch=off: nothing is guessed")
    tap.equal(stats["frames_decoded"], LEAVES, "nor made")

with Mount("studies 1\nseries 1\nleaves 300\nbytes 5000\nread_ms 2\n",
           ["threads=2"]) as m:
    order = list(range(1, 301))
    random.Random(5).shuffle(order)
    walk(m, order)
    stats = m.stats()
    tap.ok(stats["prefetch_guesses"] <= 3, "random order: hardly a guess",
           stats["prefetch_guesses"])
    tap.ok(stats["frames_decoded"] <= 303, "nor work for one", stats)

# While readers wait, nobody is read ahead for.
with Mount("studies 1\nseries 1\nleaves 200\nbytes 5000\nread_ms 30\n",
           ["threads=1"]) as m:
    def sequential(first):
        for i in range(first, first + 12):
            read(path(m, i))
    threads = [threading.Thread(target=sequential, args=(1 + 20 * k,))
               for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = m.stats()
    tap.ok(stats["frames_decoded"] <= 8 * 12 + 24,
           "a pool that is busy with readers makes little ahead", stats)

# ---- who waits together ----
# Each at a place of its own, without the kernel's read-ahead: or it would let
# only one of them ask.
READ = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
memory = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
memory.madvise(mmap.MADV_RANDOM)
at = 4096 * int(sys.argv[2])
print(len(memory[at:at + 100]))
"""
with Mount("leaves 4\nseries 1\nread_ms 1500\n",
           ["threads=2", "prefetch=off"]) as m:
    os.stat(m.path("full"))
    readers = [subprocess.Popen([sys.executable, "-c", READ, path(m, 2),
                                 str(8 * k)], stdout=subprocess.PIPE)
               for k in range(4)]
    deadline = time.monotonic() + 60
    while m.stats()["requests"]["read_pool"] < 4 and \
            time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    for reader in readers[:2]:  # the one that works is among them, perhaps
        reader.send_signal(signal.SIGKILL)
        reader.wait()
    tap.ok(time.monotonic() - began < 0.7 * SLOW,
           "readers that are killed do not wait for the image")
    out = [reader.communicate()[0].strip() for reader in readers[2:]]
    tap.equal(out, [b"100"] * 2, "the others get it")
    stats = m.stats()
    tap.equal(stats["frames_decoded"], 1, "it was made once")
    tap.equal(stats["requests"]["interrupt"], 2, "two were interrupted")
    waits = sum(stats["pool_wait_us"])
    tap.equal(waits, 2, "two waits are counted")
    tap.ok(stats["pool_wait_us_sum"] > 1e6, "with their time", stats)
    for name in ("wait_us", "pool_wait_us"):
        tap.equal(len(stats[name]), 24, f"{name} has 24 elements")

    # ---- the same numbers for Prometheus ----
    with open(m.path(".prepfs", "stats.prom")) as f:
        lines = f.read().splitlines()
    values, kinds = {}, {}
    good = True
    for line in lines:
        kind = re.fullmatch(r"# TYPE (\w+) (counter|gauge|histogram)", line)
        sample = re.fullmatch(r'(\w+)(\{\w+="[^"]*"\})? '
                              r"([0-9.eE+-]+)", line)
        if kind:
            kinds[kind[1]] = kind[2]
        elif sample:
            values[sample[1] + (sample[2] or "")] = float(sample[3])
            family = re.sub("_(bucket|sum|count)$", "", sample[1])
            good = good and (sample[1] in kinds or
                             kinds.get(family) == "histogram")
        else:
            good = good and line.startswith("# HELP prepfs_")
    tap.ok(good, "stats.prom is text that Prometheus takes", lines[:5])
    stats = m.stats()
    missing = [key for key, value in stats.items()
               if isinstance(value, (int, float)) and
               not key.endswith("_us_sum") and
               f"prepfs_{key}" not in values and
               f"prepfs_{key}_total" not in values]
    tap.equal(missing, [], "every number of stats.json is in it")
    buckets = [v for k, v in values.items()
               if k.startswith("prepfs_pool_wait_seconds_bucket")]
    tap.ok(buckets == sorted(buckets) and len(buckets) == 24 and
           buckets[-1] == values["prepfs_pool_wait_seconds_count"] == 2,
           "its buckets add up", buckets)
    tap.ok(values["prepfs_pool_wait_seconds_sum"] > 1,
           "and its seconds are seconds", values)
tap.done()
