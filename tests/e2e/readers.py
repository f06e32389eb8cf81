#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tiffinfo, Pillow, tifffile, OpenCV, GDAL and ImageMagick on the leaves of a
demo archive: u8, u16, f32, RGB and several pages. The reference is the bytes
of the leaf at the offset that its own tags give, read with struct alone."""
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile

import cv2
import numpy
import PIL.Image
import tifffile

TYPES = {(8, 1): "<u1", (16, 1): "<u2", (16, 2): "<i2", (32, 3): "<f4"}


def reference(path):
    """Pages of an uncompressed little-endian classic TIFF as arrays."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:4] == b"II*\0", f"{path}: not a classic TIFF"
    pages, ifd = [], struct.unpack_from("<I", data, 4)[0]
    while ifd:
        n, tags = struct.unpack_from("<H", data, ifd)[0], {}
        for k in range(n):
            tag, kind, count = struct.unpack_from("<HHI", data, ifd + 2 + 12 * k)
            size = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 11: 4}[kind] * count
            at = ifd + 2 + 12 * k + 8
            if size > 4:
                at = struct.unpack_from("<I", data, at)[0]
            code = {3: "H", 4: "I"}.get(kind)
            if code:
                tags[tag] = struct.unpack_from(f"<{count}{code}", data, at)
        w, h, spp = tags[256][0], tags[257][0], tags[277][0]
        dtype = TYPES[(tags[258][0], tags[339][0])]
        raw = b"".join(data[o:o + c] for o, c in zip(tags[273], tags[279]))
        shape = (h, w, spp) if spp > 1 else (h, w)
        pages.append(numpy.frombuffer(raw, dtype).reshape(shape))
        ifd = struct.unpack_from("<I", data, ifd + 2 + 12 * n)[0]
    return pages


def read_pillow(path, page):
    with PIL.Image.open(path) as im:
        im.seek(page)
        return numpy.array(im)


def read_opencv(path, page):
    ok, pages = cv2.imreadmulti(path, flags=cv2.IMREAD_UNCHANGED)
    assert ok
    a = pages[page]
    return a[:, :, ::-1] if a.ndim == 3 else a


def read_gdal(path, page):
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "x.img")
        subprocess.run(["gdal_translate", "-q", "-of", "ENVI", "-co", "INTERLEAVE=BIP",
                        f"GTIFF_DIR:{page + 1}:{path}", out], check=True)
        return open(out, "rb").read()


def read_magick(path, page, like):
    tool = "convert" if shutil.which("convert") else "magick"
    depth = like.dtype.itemsize * 8
    kind = "rgb" if like.ndim == 3 else "gray"
    args = [tool, f"{path}[{page}]", "-depth", str(depth)]
    if like.dtype.kind == "f":
        args += ["-define", "quantum:format=floating-point"]
    return subprocess.run(args + ["-endian", "LSB", f"{kind}:-"], check=True,
                          stdout=subprocess.PIPE).stdout


def same(name, path, got, want, tolerance=0.0):
    if isinstance(got, bytes):
        got = numpy.frombuffer(got, want.dtype).reshape(want.shape)
    assert got.shape == want.shape, f"{name} {path}: {got.shape}, want {want.shape}"
    off = numpy.abs(got.astype("f8") - want.astype("f8")).max()
    assert off <= tolerance, f"{name} {path}: off by {off}"


def check(path, label):
    pages = reference(path)
    last = len(pages) - 1
    want = pages[last]
    tools = []
    info = subprocess.run(["tiffinfo", path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert info.returncode == 0 and info.stdout.count("TIFF Directory") == len(pages)
    tools.append("tiffinfo")
    same("tifffile", path, tifffile.imread(path, key=last), want)
    same("memmap", path, numpy.array(tifffile.memmap(path, page=last, mode="r")), want)
    if len(pages) > 1:
        stack = tifffile.memmap(path, series=0, mode="r")
        same("memmap of all pages", path, numpy.array(stack)[last], want)
    tools.append("tifffile")
    if not (want.ndim == 3 and want.dtype.itemsize > 1):  # Pillow: 8-bit RGB only
        same("Pillow", path, read_pillow(path, last), want)
        tools.append("Pillow")
    same("OpenCV", path, read_opencv(path, last), want)
    tools.append("OpenCV")
    if shutil.which("gdal_translate"):
        same("GDAL", path, read_gdal(path, last), want)
        tools.append("GDAL")
    if shutil.which("convert") or shutil.which("magick"):
        # Quantum depth 16 and HDRI: floats pass through f32 scaled by 65535.
        tolerance = 1e-6 if want.dtype.kind == "f" else 0
        same("ImageMagick", path, read_magick(path, last, want), want, tolerance)
        tools.append("ImageMagick")
    print(f"{label}: {want.dtype} {want.shape} x {len(pages)}: {', '.join(tools)} agree")


def pick(mount, where):
    db = sqlite3.connect(f"file:{mount}/manifest.db?mode=ro", uri=True)
    row = db.execute(f"SELECT rel FROM cohort WHERE {where} ORDER BY rel LIMIT 1").fetchone()
    assert row, f"the demo archive has no instance where {where}"
    return row[0]


def main():
    mount = sys.argv[1]
    grey = pick(mount, "samples = 1 AND bits_alloc = 16 AND frames = 1")
    colour = pick(mount, "samples = 3 AND bits_alloc = 8 AND frames = 1")
    pages = pick(mount, "frames > 1")
    for view, rel, label in [("window-c40-w400_u8", grey, "u8"), ("full", grey, "u16"),
                             ("f32", grey, "f32"), ("full", colour, "RGB"),
                             ("full", pages, "several pages"),
                             ("size-200x150_u16", grey, "resized u16")]:
        check(os.path.join(mount, view, rel), label)


if __name__ == "__main__":
    main()
