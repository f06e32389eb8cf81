#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Concurrent readers against a reference read of every leaf."""
import hashlib
import multiprocessing
import os
import random
import sys
import time

VIEWS = ["full", "crop_size-384x512", "raw", "size-97x61_f32", "pack-lzw", "window-off_u8"]
READERS = 16


def digest(path, rng=None):
    """SHA-256 of a leaf, read whole, or in random pieces into place."""
    with open(path, "rb", buffering=0) as f:
        if rng is None:
            return hashlib.sha256(f.read()).hexdigest()
        size = os.fstat(f.fileno()).st_size
        data = bytearray(size)
        todo = []
        at = 0
        while at < size:
            least = 4096 if size > 1 << 20 else 1
            n = rng.choice([1, 511, 4096, 65536, 131072, 200000, 1 << 20])
            n = min(size - at, max(n, least))
            todo.append((at, n))
            at += n
        rng.shuffle(todo)
        for at, n in todo:
            got = os.pread(f.fileno(), n, at)
            while len(got) < n:
                more = os.pread(f.fileno(), n - len(got), at + len(got))
                if not more:
                    raise OSError(f"{path}: short read at {at + len(got)}")
                got += more
            data[at:at + n] = got
    return hashlib.sha256(data).hexdigest()


def reference(mount):
    known = {}
    for view in VIEWS:
        top = os.path.join(mount, view)
        for study in sorted(os.listdir(top)):
            for name in sorted(os.listdir(os.path.join(top, study))):
                path = os.path.join(top, study, name)
                try:
                    known[path] = digest(path)
                except OSError as e:
                    known[path] = e.errno
    return known


def drop_caches():
    try:
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("3")
    except OSError:
        pass  # not root: then the page cache answers more often


def reader(known, seed, until, result):
    rng = random.Random(seed)
    paths = sorted(known)
    reads, bad = 0, []
    while time.time() < until and not bad:
        path = rng.choice(paths)
        try:
            got = digest(path, rng)
        except OSError as e:
            got = e.errno or str(e)
        if got != known[path]:
            bad.append(f"{path}: {got}, want {known[path]}")
        reads += 1
    result.send((reads, bad))


def main():
    mount, seconds = sys.argv[1], float(sys.argv[2])
    seed = int(os.environ.get("STRESS_SEED", "1"))
    known = reference(mount)
    assert len(known) > 10, f"only {len(known)} leaves"
    drop_caches()
    until = time.time() + seconds
    # Pipes, not a Queue: its semaphore needs a writable /dev/shm.
    pipes = [multiprocessing.Pipe(duplex=False) for _ in range(READERS)]
    jobs = [multiprocessing.Process(target=reader, args=(known, seed + i, until, pipes[i][1]))
            for i in range(READERS)]
    for j in jobs:
        j.start()
    while time.time() < until:
        time.sleep(1)
        drop_caches()
    results = [end.recv() for end, _ in pipes]
    for j in jobs:
        j.join()
    bad = [b for _, bs in results for b in bs]
    print(f"{sum(n for n, _ in results)} reads of {len(known)} leaves by {READERS} processes, "
          f"seed {seed}: {len(bad)} wrong")
    for b in bad:
        print(b)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
