#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""only_presets: no view but those of the file."""
import errno
import os
import signal
import subprocess
import time

from front import PROGRAM, Mount, Place, Tap, need_fuse

need_fuse()
tap = Tap()
LEAF = "1.2.2/1.2.2.1.3.tiff"
LUNG = "window-c-600-w1500_u8"
PRESETS = f"Lung = {LUNG}\nAuto = crop_size-64x64\n"


def until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def missing(path):
    try:
        os.stat(path)
    except OSError as e:
        return e.errno == errno.ENOENT
    return False


place = Place("leaves 10\n", PRESETS)
with Mount(place=place) as m:
    other = os.stat(m.path("size-32x32", LEAF)).st_ino  # gets a number
with Mount(options=["only_presets"], place=place) as m:
    tap.equal(sorted(os.listdir(m.mnt)), [".prepfs", "Auto", "Lung", "manifest.db"],
              "the root lists the presets, and full only if it is one")
    tap.equal(os.stat(m.path("Lung", LEAF)).st_ino, os.stat(m.path(LUNG, LEAF)).st_ino,
              "a preset and the folder that it leads to exist")
    tap.equal(os.readlink(m.path("size-64_crop")), "crop_size-64x64",
              "so does another spelling of it")
    for name in ("full", "size-32x32", "crop", LUNG + "_size-9x9", "nonsense", "x0123456789abcdef"):
        tap.fails(errno.ENOENT, f"{name} does not exist", os.stat, m.path(name))
        tap.fails(errno.ENOENT, "nor does its CSV", os.stat, m.path(".prepfs/manifest", name + ".csv"))
    for name in ("crop_crop", "size-", "full_crop"):
        tap.fails(errno.EINVAL, f"{name} is malformed all the same", os.stat, m.path(name))
    tap.equal(sorted(os.listdir(m.path(".prepfs/manifest"))), ["Auto.csv", "Lung.csv"],
              "CSV files are those of the presets")
    os.stat(m.path(".prepfs/manifest/Lung.csv"))
    tap.equal(sorted(os.listdir(m.path(".prepfs/explain"))), ["Auto", "Lung"], "and so are words")
    views = len(open(m.path(".prepfs/views")).readlines())
    missing(m.path("size-77x77"))
    tap.equal(len(open(m.path(".prepfs/views")).readlines()), views,
              "what does not exist gets no number")

    # a preset goes and another comes
    here = os.open(m.path("Auto", "1.2.2"), os.O_RDONLY)
    with open(os.path.join(place.work, "presets.ini"), "w") as out:
        out.write(f"[views]\nLung = {LUNG}\nBrain = window-c40-w80_u8\nAll = full\n")
    m.process.send_signal(signal.SIGHUP)
    tap.ok(until(lambda: os.path.exists(m.path("Brain"))), "SIGHUP: a new preset is there")
    tap.ok(until(lambda: missing(m.path("Auto")) and missing(m.path("crop_size-64x64"))),
           "SIGHUP: an old one is not, by no name")
    try:
        os.stat("1.2.2.1.9.tiff", dir_fd=here)
        code = 0
    except OSError as e:
        code = e.errno
    tap.ok(code in (errno.ESTALE, errno.ENOENT), "nor by number", errno.errorcode.get(code, code))
    os.close(here)
    tap.ok("full" in os.listdir(m.mnt), "full is there when it is one")
    os.stat(m.path("full", LEAF))
    # a file that cannot be read changes nothing
    with open(os.path.join(place.work, "presets.ini"), "w") as out:
        out.write("[views]\nLung = nonsense\n")
    m.process.send_signal(signal.SIGHUP)
    tap.ok(until(lambda: "presets not changed" in m.stderr()), "a wrong file is refused", m.stderr())
    os.stat(m.path("Brain", LEAF))
place.remove()

place = Place("leaves 1\n")
done = subprocess.run([PROGRAM, place.archive, place.mnt, "-f", "-o",
                       ",".join(place.options + ["only_presets"])],
                      stderr=subprocess.PIPE, text=True, check=False)
tap.ok(done.returncode == 1 and "presets=FILE" in done.stderr, "it needs presets", done.stderr)
place.remove()
tap.done()
