# SPDX-License-Identifier: MIT
"""The programs and libraries that people read images with: READERS has, by
name, a function (path, page, like) -> array, which raises where the reader
refuses the file. `like` is an array of the shape and type that is expected,
for those that give bare bytes. A reader that is not installed is not in it."""
import importlib.util
import os
import shutil
import struct
import subprocess
import tempfile

import numpy

# java.awt.image.DataBuffer.TYPE_*
JAVA_TYPES = {0: "u1", 1: "u2", 2: "i2", 3: "i4", 4: "f4", 5: "f8"}
JAVA_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ImageioSamples.java")

_java = {}  # (path, page): array or the reason why there is none


def _run(args):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


def tiffcp(path, page, like):
    """libtiff's own copy, its strips read with struct."""
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "copy.tiff")
        _run(["tiffcp", "-c", "none", f"{path},{page}", out])
        return uncompressed_pages(out)[0]


def pillow(path, page, like):
    import PIL.Image
    with PIL.Image.open(path) as image:
        image.seek(page)
        return numpy.array(image)


def tifffile(path, page, like):
    import tifffile as module
    return module.imread(path, key=page)


def memmap(path, page, like):
    import tifffile as module
    return numpy.array(module.memmap(path, page=page, mode="r"))


def opencv(path, page, like):
    import cv2
    ok, pages = cv2.imreadmulti(path, flags=cv2.IMREAD_UNCHANGED)
    if not ok or pages[page] is None:
        raise ValueError("imreadmulti gives nothing")
    return pages[page][:, :, ::-1] if pages[page].ndim == 3 else pages[page]


def gdal(path, page, like):
    kind = f"GTIFF_DIR:{page + 1}:{path}" if path.endswith(".tiff") else path
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "x.img")
        _run(["gdal_translate", "-q", "-of", "ENVI", "-co", "INTERLEAVE=BIP", kind, out])
        header = open(os.path.join(d, "x.hdr"), encoding="utf-8").read()
        data = open(out, "rb").read()
    code = int(header.split("data type = ")[1].split()[0])
    dtype = {1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 12: "u2"}[code]
    return numpy.frombuffer(data, dtype).reshape(like.shape)


def imagemagick(path, page, like):
    tool = "convert" if shutil.which("convert") else "magick"
    kind = "rgb" if like.ndim == 3 else "gray"
    depth = like.dtype.itemsize * 8
    args = [tool, f"{path}[{page}]", "-depth", str(depth)]
    if like.dtype.kind == "f":
        args += ["-define", "quantum:format=floating-point"]
    data = _run(args + ["-endian", "LSB", f"{kind}:-"])
    return numpy.frombuffer(data, like.dtype).reshape(like.shape)


def skimage(path, page, like):
    import skimage.io
    image = skimage.io.imread(path)
    return image[page] if image.ndim > like.ndim else image


def imageio_prepare(leaves):
    """Reads all (path, page) in one virtual machine; it takes a second to start."""
    with tempfile.TemporaryDirectory() as d:
        outs = {leaf: os.path.join(d, str(i)) for i, leaf in enumerate(leaves)}
        lines = "".join(f"{path}\t{page}\t{out}\n" for (path, page), out in outs.items())
        done = subprocess.run(["java", JAVA_PROGRAM], input=lines, text=True, check=True,
                              stderr=subprocess.PIPE)
        for leaf, out in outs.items():
            _java[leaf] = _java_array(out) if os.path.exists(out) else done.stderr


def _java_array(path):
    data = open(path, "rb").read()
    width, height, bands, kind = struct.unpack_from("<4i", data)
    samples = numpy.frombuffer(data, "<f8", offset=16).astype(JAVA_TYPES[kind])
    return samples.reshape((height, width, bands) if bands > 1 else (height, width))


def imageio(path, page, like):
    found = _java[(path, page)]
    if isinstance(found, str):
        raise ValueError(found)
    return found


def uncompressed_pages(path):
    """Pages of a little-endian classic TIFF, read with struct alone."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:4] == b"II*\0", f"{path}: not a classic TIFF"
    pages, ifd = [], struct.unpack_from("<I", data, 4)[0]
    while ifd:
        n, tags = struct.unpack_from("<H", data, ifd)[0], {}
        for k in range(n):
            tag, kind, count = struct.unpack_from("<HHI", data, ifd + 2 + 12 * k)
            size = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 11: 4}.get(kind, 1) * count
            at = ifd + 2 + 12 * k + 8
            if size > 4:
                at = struct.unpack_from("<I", data, at)[0]
            code = {3: "H", 4: "I"}.get(kind)
            if code:
                tags[tag] = struct.unpack_from(f"<{count}{code}", data, at)
        assert tags[259] == (1,), f"{path}: compressed"
        kind = {1: "u", 2: "i", 3: "f"}[tags.get(339, (1,))[0]]
        dtype = f"<{kind}{tags[258][0] // 8}"
        raw = b"".join(data[o:o + c] for o, c in zip(tags[273], tags[279]))
        samples = tags.get(277, (1,))[0]
        shape = (tags[257][0], tags[256][0]) + ((samples,) if samples > 1 else ())
        pages.append(numpy.frombuffer(raw, dtype).reshape(shape))
        ifd = struct.unpack_from("<I", data, ifd + 2 + 12 * n)[0]
    return pages


def _module(name):
    return importlib.util.find_spec(name) is not None


_ALL = [
    ("tiffcp", tiffcp, shutil.which("tiffcp")),
    ("Pillow", pillow, _module("PIL")),
    ("tifffile", tifffile, _module("tifffile")),
    ("memmap", memmap, _module("tifffile")),
    ("OpenCV", opencv, _module("cv2")),
    ("GDAL", gdal, shutil.which("gdal_translate")),
    ("Magick", imagemagick, shutil.which("convert") or shutil.which("magick")),
    ("skimage", skimage, _module("skimage")),
    ("ImageIO", imageio, shutil.which("java")),
]
NAMES = [name for name, _, _ in _ALL]
READERS = {name: read for name, read, is_there in _ALL if is_there}
