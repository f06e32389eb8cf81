#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Symbolic links out of the archive: reported, or followed with -o follow."""
import errno
import os
import signal
import subprocess
import sys
import time

from front import Mount, Place, Tap, need_fuse
from small_dicom import image, write

CTL = os.path.abspath(sys.argv[2])

need_fuse()
tap = Tap()


def listed(m):
    return sorted(name for _, _, names in os.walk(m.path("full") + "/") for name in names)


def read(path):
    with open(path, "rb") as f:
        return f.read()


place = Place()
outside = os.path.join(place.work, "outside")
write(place.archive, "in", image("1.1", "1.1.1", 1))
write(outside, "file", image("1.1", "1.1.1", 2))
write(outside, "folder/a", image("1.1", "1.1.1", 3))
os.symlink(os.path.join(outside, "file"), os.path.join(place.archive, "link"))
os.symlink("../outside/folder", os.path.join(place.archive, "folder"))
os.symlink("../../archive", os.path.join(outside, "folder", "back"))
os.symlink(place.mnt, os.path.join(place.archive, "mount"))
os.symlink("circle", os.path.join(place.archive, "circle"))
os.symlink("/proc/self/root", os.path.join(place.archive, "magic"))

with Mount(place=place) as m:
    tap.equal(listed(m), ["1.1.1.1.tiff"], "links out of the archive are not followed")
    errors = read(m.path(".prepfs/errors.tsv")).decode()
    for name in ("link", "folder", "mount", "circle", "magic"):
        tap.ok(f"\n{name}\t" in errors, f"{name} is reported", errors)
    tap.ok("not followed" in errors, "with the reason", errors)

def settles(m, wanted):
    """The mount looks again behind itself, and when it is asked to."""
    for _ in range(300):
        if len(listed(m)) == wanted:
            return True
        m.process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
    return False


with Mount(place=place, options=["follow"]) as m:
    settles(m, 3)
    tap.equal(listed(m), [f"1.1.1.{n}.tiff" for n in (1, 2, 3)], "with follow they are")
    tap.ok(all(len(read(m.path("raw", f"1.1/1.1.1.{n}.tiff"))) for n in (1, 2, 3)), "and read")
    write(outside, "folder/b", image("1.1", "1.1.1", 4))
    tap.ok(settles(m, 4), "a pass goes round no circle and not into the mount")
    errors = read(m.path(".prepfs/errors.tsv")).decode()
    tap.ok("\ncircle\t" in errors and "\nlink\t" not in errors, "what is still no file is reported",
           errors)

with Mount(place=place) as m:
    settles(m, 1)
    tap.equal(listed(m), ["1.1.1.1.tiff"], "an index without it takes them away again")
    tap.fails(errno.ENOENT, "by name too", os.stat, m.path("full/1.1/1.1.1.2.tiff"))

out = os.path.join(place.work, "out")
for words, wanted in (([], 1), (["--follow"], 4)):
    done = subprocess.run([CTL, "render", "full", place.archive, out + str(wanted), *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    names = [n for _, _, files in os.walk(out + str(wanted)) for n in files if n.endswith(".tiff")]
    tap.equal(len(names), wanted, "prepfsctl render " + " ".join(words))
place.remove()
tap.done()
