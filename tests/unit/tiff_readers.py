#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Readers that people use must see our samples: tifffile (and its memmap),
Pillow, OpenCV. Each is skipped where it is not installed.

usage: tiff_readers.py WRITER   (the program tiff_samples)
"""
import importlib
import os
import struct
import subprocess
import sys
import tempfile

DISTRIBUTION_PYTHON = "/usr/bin/python3"


def load(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


numpy = load("numpy")
if numpy is None and os.path.exists(DISTRIBUTION_PYTHON) \
        and not os.environ.get("TIFF_READERS_AGAIN"):
    # a python of the user's own; the distribution's has the modules
    os.environ["TIFF_READERS_AGAIN"] = "1"
    os.execv(DISTRIBUTION_PYTHON, [DISTRIBUTION_PYTHON] + sys.argv)


class Sample:
    def __init__(self, folder, line):
        self.name, pages, height, width, channels, dtype, self.packing = \
            line.split()
        self.pages, self.channels = int(pages), int(channels)
        self.dtype = numpy.dtype("<" + dtype)
        self.path = os.path.join(folder, self.name + ".tiff")
        shape = [self.pages, int(height), int(width)]
        if self.channels > 1:
            shape.append(self.channels)
        raw = os.path.join(folder, self.name + ".raw")
        self.samples = numpy.fromfile(raw, self.dtype).reshape(shape)


def equal(have, want):
    # bit for bit: a NaN is a sample like any other
    have = numpy.ascontiguousarray(have)
    return (have.dtype == want.dtype and have.shape == want.shape
            and have.tobytes() == want.tobytes())


def with_tifffile(module, s):
    if s.packing in ("lzw", "zstd") and load("imagecodecs") is None:
        return None
    with module.TiffFile(s.path) as tif:
        if len(tif.pages) != s.pages:
            return "%d pages" % len(tif.pages)
        tags = tif.pages[0].tags
        if tags["DefaultScale"].value != (0.5, 0.25):
            return "DefaultScale is %r" % (tags["DefaultScale"].value,)
        # the middle of the box, as dicom-preprocess means it
        if tuple(tags[50719].value) != (25, 40):
            return "DefaultCropOrigin is %r" % (tags[50719].value,)
        if tuple(tags[50829].value) != (1, 2, 3, 4):
            return "ActiveArea is %r" % (tags[50829].value,)
        for i, page in enumerate(tif.pages):
            if not equal(page.asarray(), s.samples[i]):
                return "page %d differs" % i
    return ""


def with_memmap(module, s):
    if s.packing != "none":
        return None
    mapped = module.memmap(s.path, mode="r")
    want = s.samples if s.pages > 1 else s.samples[0]
    return "" if equal(mapped, want) else "shape %r" % (mapped.shape,)


# What Pillow 9.4 can hold; other types are beyond it, not beyond us.
PILLOW = {("u1", 1), ("u1", 3), ("u2", 1), ("i2", 1), ("i4", 1), ("f4", 1)}


def with_pillow(module, s):
    if (s.dtype.str[1:], s.channels) not in PILLOW or s.packing == "zstd":
        return None
    with module.open(s.path) as image:
        if getattr(image, "n_frames", 1) != s.pages:
            return "%d frames" % image.n_frames
        for i in range(s.pages):
            image.seek(i)
            # i2 comes as int32: same values, another type
            if not equal(numpy.asarray(image).astype(s.dtype), s.samples[i]):
                return "frame %d differs" % i
    return ""


def with_opencv(module, s):
    kind = s.dtype.str[1:]
    if kind == "u4" or s.packing == "zstd":
        return None
    if s.channels == 3 and kind not in ("u1", "u2", "f4"):
        return None  # its RGB to BGR conversion has no other types
    ok, pages = module.imreadmulti(s.path, [], module.IMREAD_UNCHANGED)
    if not ok or len(pages) != s.pages:
        return "%d pages" % len(pages)
    for i, page in enumerate(pages):
        if s.channels == 3:
            page = page[:, :, ::-1]
        if not equal(page, s.samples[i]):
            return "page %d differs" % i
    return ""


READERS = (
    ("tifffile", "tifffile", with_tifffile),
    ("tifffile.memmap", "tifffile", with_memmap),
    ("Pillow", "PIL.Image", with_pillow),
    ("OpenCV", "cv2", with_opencv),
)


def check(module, read, samples):
    """Returns (files read, list of complaints)."""
    bad, done = [], 0
    for s in samples:
        try:
            verdict = read(module, s)
        except (ValueError, OSError, KeyError, struct.error) as e:
            verdict = repr(e)
        if verdict is None:
            continue
        done += 1
        if verdict:
            bad.append("%s: %s" % (s.name, verdict))
    return done, bad


def main():
    print("1..%d" % len(READERS))
    if numpy is None:
        for number, (name, _, _) in enumerate(READERS, 1):
            print("ok %d - %s # SKIP no numpy" % (number, name))
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run([sys.argv[1], folder], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
        samples = [Sample(folder, line) for line in out.splitlines()]
        for number, (name, module_name, read) in enumerate(READERS, 1):
            module = load(module_name)
            if module is None:
                print("ok %d - %s # SKIP not installed" % (number, name))
                continue
            done, bad = check(module, read, samples)
            verdict = "not ok" if bad or not done else "ok"
            failed += verdict != "ok"
            print("%s %d - %s reads %d files" % (verdict, number, name, done))
            for line in bad:
                print("# " + line)
    return 1 if failed else 0


sys.exit(main())
