#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How readers and mounts end: interrupts, signals, unmounting, rescans."""
import errno
import os
import signal
import subprocess
import sys
import threading
import time

from front import SLOW, Mount, Place, Tap, need_fuse

need_fuse()
tap = Tap()
READ = "import sys; open(sys.argv[1], 'rb', buffering=0).read(100)"
STAT = "import os, sys; os.stat(sys.argv[1])"


def reader(code, path):
    return subprocess.Popen([sys.executable, "-c", code, path],
                            stderr=subprocess.DEVNULL)


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def close(fd):
    """Closes a file of a mount that is no more, which may say so."""
    try:
        os.close(fd)
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise


def mounted(m):
    with open("/proc/self/mountinfo") as f:
        return any(f" {m.mnt} " in line for line in f)


# A reader that is killed goes at once, whatever it waits for.
with Mount("leaves 10\nread_ms 4000\nmeasure_ms 4000\n", ["threads=1"]) as m:
    for what, code, path in (
            ("a slow lookup", STAT, "crop/1.2.1/1.2.1.1.1.tiff"),
            ("one that waits in the queue", STAT,
             "crop/1.2.1/1.2.1.2.2.tiff"),
            ("a slow read", READ, "full/1.2.1/1.2.1.1.3.tiff")):
        done = m.stats()["pool_done"]
        os.stat(m.path(path.split("/", maxsplit=1)[0]))
        child = reader(code, m.path(path))
        wait_until(lambda: m.stats()["pool_running"] +
                   m.stats()["pool_queued"] > 0)
        time.sleep(0.2)
        began = time.monotonic()
        child.kill()
        child.wait()
        took = time.monotonic() - began
        tap.ok(took < 1 * SLOW, f"kill -9 during {what} is prompt", took)
    stats = m.stats()
    tap.ok(stats["requests"]["interrupt"] >= 2 and stats["pool_cancelled"] >= 1,
           "interrupts were seen, waiting jobs taken back", stats)
    # what was cut off goes on working
    wait_until(lambda: m.stats()["pool_running"] == 0, 20)
    began = time.monotonic()
    os.stat(m.path("crop/1.2.1/1.2.1.1.1.tiff"))
    tap.ok(time.monotonic() - began < 2 * SLOW,
           "the work of a killed reader was not lost")

# fusermount3 -u
with Mount("leaves 2\n") as m:
    subprocess.run(["fusermount3", "-u", m.mnt], check=True)
    tap.equal(m.wait(), 0, "fusermount3 -u ends it with status 0")

# SIGTERM and SIGINT, idle
for sig in (signal.SIGTERM, signal.SIGINT):
    with Mount("leaves 2\n") as m:
        m.process.send_signal(sig)
        tap.equal(m.wait(5 * SLOW), 0, f"{sig.name}, idle: ends with 0")
        tap.ok(not mounted(m), f"{sig.name}, idle: is unmounted")

# SIGHUP ends nothing
with Mount("leaves 2\n") as m:
    m.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    m.stats()
    tap.ok(m.process.poll() is None, "SIGHUP does not end it")

# SIGTERM while somebody reads: the place is free at once, the reader ends well
with Mount("leaves 4\nread_ms 1500\nbytes 300000\n") as m:
    result = []

    def slow_read():
        with open(m.path("full/1.2.1/1.2.1.1.1.tiff"), "rb") as f:
            result.append(len(f.read()))
    thread = threading.Thread(target=slow_read)
    thread.start()
    wait_until(lambda: m.stats()["pool_running"] > 0)
    m.process.send_signal(signal.SIGTERM)
    tap.ok(wait_until(lambda: not mounted(m), 1 * SLOW),
           "SIGTERM, busy: detached at once")
    thread.join()
    tap.equal(result, [300000], "SIGTERM, busy: the read is finished")
    tap.equal(m.wait(5 * SLOW), 0, "SIGTERM, busy: ends with 0")

# SIGTERM with an open file: served until it is closed
with Mount("leaves 4\nbytes 300000\n") as m:
    fd = os.open(m.path("full/1.2.1/1.2.1.1.1.tiff"), os.O_RDONLY)
    m.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not mounted(m))
    tap.equal(len(os.pread(fd, 1000, 200000)), 1000,
              "SIGTERM, open file: still served")
    tap.ok(m.process.poll() is None, "SIGTERM, open file: still there")
    os.close(fd)
    tap.equal(m.wait(5 * SLOW), 0, "SIGTERM, open file: ends when closed")

# ... but not for ever
with Mount("leaves 4\nbytes 300000\n") as m:
    fd = os.open(m.path("full/1.2.1/1.2.1.1.1.tiff"), os.O_RDONLY)
    began = time.monotonic()
    m.process.send_signal(signal.SIGTERM)
    tap.equal(m.wait(20 * SLOW), 0, "SIGTERM, file kept open: ends with 0")
    took = time.monotonic() - began
    tap.ok(8 < took < 15 * SLOW, "after ten seconds", took)
    tap.fails(errno.ENOTCONN, "and the file is dead", os.pread, fd, 10,
              250000)
    close(fd)

# a second signal ends at once
with Mount("leaves 4\nbytes 300000\n") as m:
    fd = os.open(m.path("full/1.2.1/1.2.1.1.1.tiff"), os.O_RDONLY)
    m.process.send_signal(signal.SIGINT)
    wait_until(lambda: not mounted(m))
    began = time.monotonic()
    m.process.send_signal(signal.SIGINT)
    tap.equal(m.wait(5 * SLOW), 0, "a second signal ends it")
    tap.ok(time.monotonic() - began < 1 * SLOW, "at once")
    close(fd)

# A rescan (SIGHUP): replaced images have new inodes, old ones are stale.
place = Place("studies 2\nleaves 6\nbytes 5000\n")
with Mount(place=place) as m:
    first, second = (m.path("full", p) for p in
                     ("1.2.1/1.2.1.1.1.tiff", "1.2.2/1.2.2.1.1.tiff"))
    old, kept = os.stat(first).st_ino, os.stat(second).st_ino
    fd = os.open(first, os.O_RDONLY)
    here = os.open(m.path("full/1.2.1"), os.O_RDONLY)
    tap.equal(len(os.listdir(m.path("full/1.2.1"))), 6, "before the rescan")
    os.path.exists(m.path("full/1.2.3"))
    os.path.exists(m.path("full/1.2.1/1.2.1.1.7.tiff"))
    place.configure("studies 3\nleaves 7\nbytes 5000\ngeneration 1\n")
    m.process.send_signal(signal.SIGHUP)
    tap.ok(wait_until(lambda: os.path.exists(m.path("full/1.2.3"))),
           "a new study appears, although it was missed before")
    tap.ok(wait_until(lambda: len(os.listdir(m.path("full/1.2.1"))) == 7),
           "a kept listing is renewed")
    tap.ok(wait_until(lambda: os.stat(first).st_ino != old),
           "a replaced image has a new inode")
    tap.ok(os.path.exists(m.path("full/1.2.1/1.2.1.1.7.tiff")),
           "a new image appears, although it was missed before")
    tap.fails(errno.ESTALE, "who has the old one open gets ESTALE", os.pread,
              fd, 100, 0)
    tap.equal(os.readlink(f"/proc/self/fd/{here}"), m.path("full/1.2.1"),
              "who works in the folder still does")
    with open(m.path("manifest.db")) as f:
        tap.ok(wait_until(lambda: "1" in open(m.path("manifest.db")).read()),
               "manifest.db is made anew")
    os.listdir(m.path("full/1.2.2"))
    place.configure("studies 3\nleaves 0\nbytes 5000\ngeneration 2\n")
    m.process.send_signal(signal.SIGHUP)
    tap.ok(wait_until(lambda: os.listdir(m.path("full/1.2.2")) == []),
           "the listing of a study that lost its images is renewed")
    os.close(fd)
    os.close(here)
place.remove()

# Presets are read again on SIGHUP; a broken file changes nothing.
place = Place("leaves 2\n", "Lung = u8\n")
with Mount(place=place) as m:
    presets = os.path.join(place.work, "presets.ini")
    os.readlink(m.path("Lung"))
    with open(presets, "w") as f:
        f.write("[views]\nLung = u16\nNew = crop\n")
    m.process.send_signal(signal.SIGHUP)
    tap.ok(wait_until(lambda: os.readlink(m.path("Lung")) == "u16" and
                      os.readlink(m.path("New")) == "crop"),
           "presets are replaced on SIGHUP")
    with open(presets, "w") as f:
        f.write("[views]\nLung = nonsense\n")
    m.process.send_signal(signal.SIGHUP)
    tap.ok(wait_until(lambda: "presets not changed" in m.stderr()),
           "a broken preset file is refused with words")
    tap.equal(os.readlink(m.path("Lung")), "u16", "and changes nothing")
place.remove()
tap.done()
