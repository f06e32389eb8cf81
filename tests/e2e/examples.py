#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every worked example of the language, on real images.

usage: examples.py MOUNT ARCHIVE PROGRAM [--gaps] [ROW...]      prints TAP

MOUNT shows ARCHIVE (examples_archive.py); PROGRAM is prepfsctl. ROWS has one
entry for every example; each leaf is compared with the pipeline of
tests/support/reference, which knows nothing of the program: shape, type, and
values within the row's tolerance, which is 0 for everything that copies or
counts in integers, and for resampling, whose f32 sums have one order.

--gaps: the mount allows gaps; the irregular series is compared instead.

A row whose operator is not built yet is skipped, if explain says just that.
"""
import errno
import json
import os
import re
import sys

import numpy as np
import tifffile

from examples_archive import Archive
from reference import pipeline

# A value may be off by this where floats are normalised, relative to 1.
FLOAT = 2e-6
# JPEG: two decoders and two conversions to RGB.
LOSSY = 2


class Row:
    """One example: its number, the name as it may be typed, the canonical name,
    and for each subject the shape and type of the leaf."""

    def __init__(self, number, view, want, link=None, ext="tiff", tolerance=0.0, part="", errno_of=(), preset=None):
        self.number, self.view, self.link, self.want = number, view, link, want
        self.ext, self.tolerance, self.part = ext, tolerance, part
        self.errno_of, self.preset = dict(errno_of), preset


PRESETS = {"Lung512": "window-c-600-w1500_size-512x512_u16",
           "Luna": "series_range--1000to400_spacing-1x1x1.7_filter-lanczos3_canvas-512x512x400_fill-reflect"}
LUNA = "series_range--1000to400_spacing-1x1x1.7_filter-lanczos3_fill-reflect_canvas-512x512x400"

ROWS = [
    Row(1, "full", {"mr": "512x512 u16", "ct": "512x512 u16", "rg": "1760x1760 u16", "us": "480x640x3 u8",
                    "cr": "16x16 u16", "enhanced": "6x64x64 u16", "mixed": "64x64x64 u16", "dose": "15x10x10 u16",
                    "j2k": "512x512 u16", "rle": "64x64 u16", "two": "300x484 u16"}),
    Row(2, "crop", {"mr": "", "ct": "", "rg": "", "us": "", "enhanced": "", "cr": ""}),
    Row(3, "crop-max", {"mr": "", "ct": "", "rg": "", "us": ""}),
    Row(4, "crop-nocomp", {"mr": "", "us": "", "enhanced": ""}),
    Row(5, "crop-max-nocomp-b0.05", {"mr": "", "rg": "", "us": ""}),
    Row(6, "crop-max_size-384x512_pack-packbits", {"mr": "512x384 u16", "rg": "512x384 u16", "us": "512x384x3 u8"},
        link="size-384x512_crop-max_pack-packbits"),
    Row(7, "spacing-0.5x0.5", {"mr": "320x320 u16", "ct": "677x677 u16", "two": "434x700 u16"}, errno_of={
        "us": errno.EOPNOTSUPP}),
    Row(8, "series_spacing-0.7x0.7x2.5", {"philips": "55x330x330 u16"}, link="series_spacing-0.7x0.70x2.5"),
    Row(9, "crop_size-512x512_filter-lanczos3", {"mr": "512x512 u16", "us": "512x512x3 u8", "rg": "512x512 u16"},
        link="crop_filter-lanczos3_size-512"),
    Row(10, "crop_size-512x512_filter-maxpool_pad-center", {"mr": "512x512 u16", "us": "512x512x3 u8",
                                                           "nm": "512x512 u16"}),
    Row(11, "crop_size-512x512_nopad", {"mr": "", "us": "", "enhanced": ""}),
    Row(12, "pack-lzw", {"mr": "512x512 u16", "us": "480x640x3 u8", "enhanced": "6x64x64 u16"}),
    Row(13, "vol-central_size-384x512", {"enhanced": "512x384 u16", "dose": "512x384 u16", "mr": "512x384 u16"}),
    Row(14, "vol-mip", {"enhanced": "64x64 u16", "dose": "10x10 u16", "mr": "512x512 u16"}, link="mip",
        errno_of={"mixed": errno.EIO}),
    Row(14, "vol-mip-skip5", {"dose": "10x10 u16", "enhanced": "64x64 u16"}, link="vol-mip-skip5to5"),
    Row(15, "vol-interp-32", {"enhanced": "32x64x64 u16", "dose": "32x10x10 u16"}, link="interp-32",
        errno_of={"mixed": errno.EIO}),
    Row(16, "vol-lapmip", {"dose": "10x10 u16", "enhanced": "64x64 u16"}, link="lapmip-w1.5-skip5",
        errno_of={"mixed": errno.EIO}),
    Row(17, "vol-lapmip-w2-skip2-central", {"enhanced": "64x64 u16", "dose": "10x10 u16"}),
    Row(18, "window-c-600-w1500_size-512x512_u16", {"ct": "512x512 u16", "us": "512x512x3 u16"}, preset="Lung512"),
    Row(19, "window-n2_u8", {"two": "300x484 u8"}, errno_of={"mr": errno.EOPNOTSUPP}),
    Row(20, "series_hu_i16", {"philips": "28x512x512 i16"}, ext="npy", errno_of={"ge": errno.EIO}),
    Row(21, "series_hu_rand-224x224x128-n20-seed7_norm-z", {"philips": "128x224x224 f32"}, ext="npy", part=".p00013",
        tolerance=FLOAT),
    Row(22, "series_range--1000to400_rot-90_size-128x128x64-stretch", {"philips": "64x128x128 f32"}, ext="nii",
        tolerance=FLOAT),
    Row(23, "frames_size-224x224_u8_rgb_list-png", {"mixed": "224x224x3 u8"}, ext="png", part=".f00012"),
    Row(24, "pick-10to50by2", {"mixed": "21x64x64 u16", "dose": "3x10x10 u16"}),
    Row(24, "pick-10to50by2", {"cine": "11x240x320x3 u8"}, tolerance=LOSSY),
    Row(25, LUNA, {"philips": "400x512x512 f32"}, tolerance=FLOAT, preset="Luna"),
    Row(26, "series_range--1000to400_grid-64x64x32-s32x32x16_u8", {"tall": "32x64x64 u8"}, part=".p00001"),
    Row(27, "series_spacing-1x1x1.7_canvas-512x512x400_roi-nodules-64x64x32", {"philips": "32x64x64 u16"},
        part=".p00002"),
    Row(28, "series_plane-cor_slab-max-d8-s4_u8", {"philips": "127x28x512 u8"}),
    Row(29, "flip-h_rot-90", {"nm": "256x1024 u16", "us": "640x480x3 u8", "enhanced": "6x64x64 u16"}),
    Row(29, "mid-256x256", {"mr": "256x256 u16", "us": "256x256x3 u8", "nm": "256x256 u16"}),
    Row(29, "box-512x384at100x50", {"us": "384x512x3 u8", "mr": "384x412 u16"}, errno_of={"rle": errno.EOPNOTSUPP}),
    Row(30, "norm-m0.485-s0.229", {"mr": "512x512 f32", "nm": "1024x256 f32", "enhanced": "6x64x64 f32"},
        tolerance=FLOAT, errno_of={"us": errno.EOPNOTSUPP}),
    Row(31, "crop-max_size-384x512", {"mr": "512x384 u16"}, ext="json"),
]

# With -o gaps=allow: the slices at equal distances, in the order of the gantry.
GAPS = [Row(20, "series_hu_i16", {"ge": "28x512x512 i16"}, ext="npy"),
        Row(20, "series_hu_i16", {"ge": "28x512x512 i16"})]

REJECTED = [("cropp", errno.ENOENT), ("crop_crop", errno.EINVAL), ("size-0x10", errno.EINVAL),
            ("crop-b0.6", errno.EINVAL), ("window-c40-w0", errno.EINVAL),
            ("size-512x512_spacing-1x1", errno.EINVAL), ("v2_crop", errno.ENOENT)]

SHORT = {"uint8": "u8", "uint16": "u16", "int16": "i16", "float32": "f32"}


def spelled(a):
    return "x".join(map(str, a.shape)) + " " + SHORT.get(a.dtype.name, a.dtype.name)


def read_leaf(path):
    """The samples of a leaf, by the library that people use for it."""
    size = os.stat(path).st_size
    if path.endswith(".npy"):
        a = np.load(path, mmap_mode="r")
        data = os.path.getsize(path)
    elif path.endswith(".nii"):
        import nibabel
        a = np.asanyarray(nibabel.load(path).dataobj).T
        data = os.path.getsize(path)
    elif path.endswith(".png"):
        import PIL.Image
        a = np.asarray(PIL.Image.open(path))
        data = os.path.getsize(path)
    else:
        a = read_tiff(path)
        data = os.path.getsize(path)
    assert size == data, f"st_size {size}, then {data}"
    return a


def read_tiff(path):
    with tifffile.TiffFile(path) as t:
        if t.pages[0].compression.name != "LZW":
            return t.asarray()
        n = len(t.pages)
    import PIL.Image  # tifffile has no LZW of its own
    pages = []
    with PIL.Image.open(path) as image:
        for k in range(n):
            image.seek(k)
            pages.append(np.asarray(image))
    return pages[0] if n == 1 else np.stack(pages)


def difference(got, want, tolerance):
    """None, or what is wrong."""
    if spelled(got) != spelled(want):
        return f"{spelled(got)}, not {spelled(want)}"
    if got.size > 1 << 26:  # page by page
        return next((d for d in map(difference, got, want, [tolerance] * len(got)) if d), None)
    if tolerance == 0:
        n = np.count_nonzero(got != want)
        if n == 0:
            return None
        off = np.abs(got.astype(np.float64) - want.astype(np.float64))
        return f"{n} of {got.size} samples differ, by up to {off.max()}, first at {np.argwhere(got != want)[0]}"
    wide = want.astype(np.float64)
    limit = tolerance * np.maximum(1, np.abs(wide)) if tolerance < 1 else tolerance
    with np.errstate(invalid="ignore"):
        off = np.where(got == want, 0, np.abs(got.astype(np.float64) - wide))
    if (off <= limit).all():
        return None
    return f"off by {np.nanmax(off)}, allowed {tolerance}, at {np.argwhere(~(off <= limit))[0]}"


def open_errno(path):
    try:
        with open(path, "rb") as f:
            f.read(1)
    except OSError as e:
        return e.errno
    return 0


class Table:
    def __init__(self, mount, folder, program):
        self.archive = Archive(mount, folder)
        self.results, self.lines, self.failed, self.skipped = {}, [], 0, 0
        self.program = program

    def report(self, name, wrong):
        self.failed += bool(wrong)
        self.lines.append(("not ok" if wrong else "ok") + f" {len(self.lines) + 1} - {name}" +
                          (f"\n# {wrong}" if wrong else ""))
        print(self.lines[-1], flush=True)

    def skip(self, name):
        self.skipped += 1
        self.lines.append(f"ok {len(self.lines) + 1} - {name} # SKIP not built")
        print(self.lines[-1], flush=True)

    def is_unbuilt(self, view):
        """EOPNOTSUPP, and explain says why."""
        if open_errno(self.archive.path(view)) != errno.EOPNOTSUPP:
            return False
        with open(self.archive.path(".prepfs/explain", view), encoding="utf-8") as f:
            return bool(re.search(r"^built +no: .* is not built yet", f.read(), re.M))

    def expected(self, view, subject):
        if (view, subject) not in self.results:
            self.results[view, subject] = pipeline.render(self.archive.source(subject), view,
                                                          self.archive.findings(subject))
        return self.results[view, subject]

    def check_link(self, spelling, view):
        path = self.archive.path(spelling)
        target = os.readlink(path) if os.path.islink(path) else None
        wrong = None if target == view else f"a symbolic link to {target}, not to {view}"
        self.report(f"{spelling} -> {view}", wrong)

    def check_leaf(self, row, subject, shape):
        path = self.archive.path(self.archive.leaf(row.view, subject, row.ext, row.part))
        result = self.expected(row.view, subject)
        if row.part:
            number = int(row.part[2:])
            assert result.parts, "this view has no parts here"
            result = result.parts[number - 1]
        want = result.array()
        if shape and spelled(want) != shape:
            return f"the table says {shape}, the pipeline {spelled(want)}"
        if row.ext == "json":
            from examples_words import check_json
            return check_json(path, self.archive, row.view, subject, result)
        got = read_leaf(path)
        if row.ext == "nii":
            from examples_words import check_affine
            wrong = check_affine(path, result)
            if wrong:
                return wrong
        return difference(got, want, row.tolerance)

    def run(self, row):
        if self.is_unbuilt(row.view):
            self.skip(f"{row.number}: {row.view}")
            return
        if row.link:
            self.check_link(row.link, row.view)
        if row.preset:
            self.check_link(row.preset, row.view)
        for subject, shape in row.want.items():
            try:
                wrong = self.check_leaf(row, subject, shape)
            except (OSError, AssertionError) as e:
                wrong = repr(e)
            self.report(f"{row.number}: {self.archive.leaf(row.view, subject, row.ext, row.part)} ({subject})", wrong)
        for subject, code in row.errno_of.items():
            path = self.archive.path(self.archive.leaf(row.view, subject, row.ext, row.part))
            got = open_errno(path)
            self.report(f"{row.number}: {row.view} of {subject} is {errno.errorcode[code]}",
                        None if got == code else f"errno {got}")
            if code == errno.EIO:
                self.report("and says why", self.unexplained(row, subject))

    def unexplained(self, row, subject):
        """None if the .json and errors.tsv have the reason."""
        with open(self.archive.path(self.archive.leaf(row.view, subject, "json", row.part)), encoding="utf-8") as f:
            problem = json.load(f)["problem"]
        with open(self.archive.path(".prepfs/errors.tsv"), encoding="utf-8") as f:
            rows = [line.split("\t") for line in f.read().splitlines()[1:]]
        print(f"# {problem}")
        if not problem:
            return "nothing in the .json"
        return None if any(problem in line[4] and line[1] in ("", row.view) for line in rows) else \
            f"{problem!r} is not in errors.tsv: {[line[4] for line in rows if line[1] == row.view]}"

    def check_rejected(self):
        for name, code in REJECTED:
            got = open_errno(self.archive.path(name))
            self.report(f"{name} is {errno.errorcode[code]}", None if got == code else f"errno {got}")
            with open(self.archive.path(".prepfs/explain", name), encoding="utf-8") as f:
                text = f.read()
            self.report(f"{name} is explained", None if errno.errorcode[code] in text and "^" in text else text)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    table = Table(*sys.argv[1:4])
    is_gaps = sys.argv[4:5] == ["--gaps"]
    only = {int(n) for n in sys.argv[4 + is_gaps:]}
    missing = set(range(1, 32)) - {row.number for row in ROWS}
    table.report("every example has a row", f"no row for {sorted(missing)}" if missing else None)
    for row in GAPS if is_gaps else ROWS:
        if not only or row.number in only:
            table.run(row)
    if not only and not is_gaps:
        table.check_rejected()
    print(f"1..{len(table.lines)}")
    print(f"# {len(table.lines)} checks, {table.failed} failed, {table.skipped} rows not built", file=sys.stderr)
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
