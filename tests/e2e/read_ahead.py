#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
read_ahead.py make FOLDER     an archive: one file of many frames, many of one
read_ahead.py ORDER MOUNT     reads it, and looks at the counters
"""
import json
import os
import random
import struct
import sys
import time

SIDE, FRAMES, FILES = 400, 80, 60
PAGE = SIDE * SIDE * 2


def element(group, number, vr, value):
    if isinstance(value, str):
        value = value.encode() + (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    elif isinstance(value, int):
        value = struct.pack("<H", value)
    head = struct.pack("<HH2s", group, number, vr.encode())
    if vr in ("OB", "OW"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def dicom(uid, frames):
    """PS3.10: an image of noise-like ramps, explicit little endian."""
    meta = element(2, 0x10, "UI", "1.2.840.10008.1.2.1")
    pixels = b"".join(struct.pack(f"<{SIDE * SIDE}H", *(
        ((x * 7 + f * 131 + (x * x) % 61) & 0xfff) for x in range(SIDE * SIDE)))
        for f in range(min(frames, 4)))
    pixels = (pixels * (frames // 4 + 1))[:frames * PAGE]
    data = b"".join([
        element(8, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.7"),
        element(8, 0x18, "UI", uid), element(8, 0x60, "CS", "OT"),
        element(0x20, 0x0d, "UI", "1.2.9.1"),
        element(0x20, 0x0e, "UI", "1.2.9.2"),
        element(0x28, 2, "US", 1), element(0x28, 4, "CS", "MONOCHROME2"),
        element(0x28, 8, "IS", str(frames)),
        element(0x28, 0x10, "US", SIDE), element(0x28, 0x11, "US", SIDE),
        element(0x28, 0x100, "US", 16), element(0x28, 0x101, "US", 12),
        element(0x28, 0x102, "US", 11), element(0x28, 0x103, "US", 0),
        element(0x7fe0, 0x10, "OW", pixels)])
    return (b"\0" * 128 + b"DICM" + element(2, 0, "UL", struct.pack("<I", len(meta)))
            + meta + data)


def make(folder):
    os.mkdir(folder)
    with open(os.path.join(folder, "cine.dcm"), "wb") as f:
        f.write(dicom("1.2.9.3.0", FRAMES))
    one = dicom("1.2.9.3.1", 1)
    for i in range(1, FILES + 1):
        with open(os.path.join(folder, f"one{i:03}.dcm"), "wb") as f:
            uid = f"1.2.9.3.{i}".encode()
            f.write(one.replace(element(8, 0x18, "UI", "1.2.9.3.1"),
                                element(8, 0x18, "UI", uid.decode())))


def stats(mount):
    with open(f"{mount}/.prepfs/stats.json") as f:
        return json.load(f)


class Viewer:
    """Looks at each frame for a while: some times what the first ones took to
    come, so that there is time to read ahead on a busy machine too."""

    def __init__(self):
        self.slowest = 0.0
        self.seen = 0

    def look(self, read):
        start = time.perf_counter()
        data = read()
        if self.seen < 8:
            self.slowest = max(self.slowest, time.perf_counter() - start)
        self.seen += 1
        time.sleep(max(0.004, min(3 * self.slowest, 0.2)))
        return sum(data[::4096])


def cine(mount, pages):
    with open(f"{mount}/raw/1.2.9.1/1.2.9.3.0.tiff", "rb", buffering=0) as f:
        header = os.fstat(f.fileno()).st_size - FRAMES * PAGE
        assert header > 0 and header % 4096 == 0, header
        viewer = Viewer()
        for page in pages:
            viewer.look(lambda page=page: os.pread(f.fileno(), PAGE, header + page * PAGE))


def settle(mount):
    for _ in range(200):
        now = stats(mount)
        if now["pool_running"] + now["pool_prefetching"] + now["pool_queued"] == 0:
            return now
        time.sleep(0.02)
    raise SystemExit("the pool does not come to rest")


def main():
    order, place = sys.argv[1:]
    if order == "make":
        return make(place)
    os.stat(f"{place}/raw")
    if order == "listed":
        viewer = Viewer()
        for i in range(1, FILES + 1):
            with open(f"{place}/raw/1.2.9.1/1.2.9.3.{i}.tiff", "rb") as f:
                viewer.look(f.read)
        wanted = FILES
    else:
        pages = list(range(FRAMES))
        if order == "random":
            random.Random(3).shuffle(pages)
        cine(place, pages)
        wanted = FRAMES
    now = settle(place)
    line = {k: now[k] for k in ("frames_decoded", "prefetch_guesses", "prefetched",
                                "prefetch_used", "prefetch_wasted")}
    line["read_pool"] = now["requests"]["read_pool"]
    print(order, line)
    assert now["frames_decoded"] <= wanted + 6, "decoded more than was read"
    if order in ("sequential", "listed"):
        assert now["prefetch_guesses"] >= 0.5 * wanted, "little was read ahead"
        assert now["prefetch_used"] >= 0.8 * now["prefetched"] > 0, "for nothing"
        assert now["requests"]["read_pool"] <= 0.6 * wanted, "readers waited"
    elif order == "random":
        # A frame may come in two requests, which look like a sequence for once.
        assert now["prefetch_guesses"] <= 0.25 * wanted, "random frames were guessed at"
        assert now["prefetched"] <= 0.25 * wanted, "random frames were read ahead"
    else:
        assert now["prefetch_guesses"] == now["prefetched"] == 0


main()
