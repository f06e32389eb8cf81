#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every format of every worked example: its size before it is read, and what the
library that people use for it makes of it.

usage: examples_formats.py MOUNT ARCHIVE PROGRAM     prints TAP

MOUNT is fresh: nothing has been read. First every leaf is asked for its size;
where explain says class S, no frame may be decoded for that. Then everything is
read: as many bytes as were promised, and the samples of the .tiff in each
format that can hold them (tests/e2e/examples.py compares those with NumPy).
"""
import errno
import json
import os
import re
import sys

import nibabel
import numpy as np
import PIL.Image

from examples import ROWS, Table, read_tiff, spelled

SIZED = ("tiff", "npy", "nii")
EXTENSIONS = ("tiff", "npy", "nii", "png", "json")


class Formats(Table):
    def cases(self):
        """(view, subject, part) of every example that is built and can be had."""
        seen = set()
        for row in ROWS:
            if self.is_unbuilt(row.view):
                if row.view not in seen:
                    self.skip(row.view)
                seen.add(row.view)
                continue
            for subject in row.want:
                seen.add((row.view, subject))
                yield row.view, subject, row.part

    def path_of(self, case, ext):
        view, subject, part = case
        return self.archive.path(self.archive.leaf(view, subject, ext, part))

    def decoded(self):
        with open(self.archive.path(".prepfs/stats.json"), encoding="utf-8") as f:
            return json.load(f)["frames_decoded"]

    def is_sized(self, view):
        with open(self.archive.path(".prepfs/explain", view), encoding="utf-8") as f:
            return re.search(r"^size +class (.)", f.read(), re.M)[1] == "S"

    def ask(self, cases):
        """Sizes of all leaves; first of those that need no pixels."""
        sizes = {}
        sized = [c for c in cases if self.is_sized(c[0])]
        for case in sized:
            for ext in SIZED:
                sizes[case, ext] = size_of(self.path_of(case, ext))
        n = self.decoded()
        self.report(f"{len(sizes)} sizes of class S are known without pixels",
                    f"{n} frames were decoded" if n or len(sized) < 20 else None)
        for case in cases:
            for ext in EXTENSIONS:
                sizes.setdefault((case, ext), size_of(self.path_of(case, ext)))
        return sizes

    def check(self, case, sizes):
        tiff = None
        for ext in EXTENSIONS:
            path, size = self.path_of(case, ext), sizes[case, ext]
            if size is not None:
                with open(path, "rb") as f:
                    n = len(f.read())
                if n != size:
                    return f".{ext}: st_size {size}, {n} bytes"
            if ext == "tiff":
                tiff = read_tiff(path)
            wrong = globals()["check_" + ext](path, size, tiff, case)
            if wrong:
                return f".{ext}: {wrong}"
        return None

    def run_all(self):
        cases = list(dict.fromkeys(self.cases()))
        sizes = self.ask(cases)
        for case in cases:
            try:
                wrong = self.check(case, sizes)
            except OSError as e:
                wrong = repr(e)
            self.report(" ".join(case), wrong)


def size_of(path):
    """st_size, or None where this format cannot hold the leaf."""
    try:
        return os.stat(path).st_size
    except OSError as e:
        if e.errno != errno.EOPNOTSUPP:
            raise
        return None


def same(got, want):
    if spelled(got) != spelled(want):
        return f"{spelled(got)}, the .tiff is {spelled(want)}"
    return None if np.array_equal(got, want) else "other samples than the .tiff"


def pages_of(a):
    return len(a) if a.ndim - (a.shape[-1] == 3 and a.ndim > 2) > 2 else 1


def check_tiff(path, size, tiff, case):
    return None if size else "cannot be had"


def check_npy(path, size, tiff, case):
    if not size:
        return "cannot be had"
    a = np.load(path, mmap_mode="r")
    if not isinstance(a, np.memmap) or a.offset != 4096 or size != 4096 + a.nbytes:
        return f"mapped at {a.offset}, {a.nbytes} bytes"
    return same(a, tiff)


def check_nii(path, size, tiff, case):
    if tiff.shape[-1] == 3 and tiff.dtype != np.uint8 and tiff.ndim > 2:
        return None if size is None else "16-bit colour"
    image = nibabel.load(path)
    a = np.asanyarray(image.dataobj)
    if a.dtype.fields:
        a = np.stack([a[c] for c in "RGB"], -1)
    # (columns, rows, frames, moments) to the order of the .tiff
    channels = 3 if image.get_data_dtype().fields else 1
    a = a.reshape(*a.shape[:2], -1, channels).transpose(2, 1, 0, 3)
    if a.size != tiff.size:
        return f"{a.size} samples, not {tiff.size}"
    return same(a.reshape(tiff.shape), tiff)


def check_png(path, size, tiff, case):
    if pages_of(tiff) > 1 or tiff.dtype not in (np.uint8, np.uint16):
        return None if size is None else "of floats or several pages"
    with PIL.Image.open(path) as image:
        image.load()
        if tiff.ndim == 3 and tiff.dtype == np.uint16:  # Pillow has no 16-bit RGB
            return None if image.size == tiff.shape[1::-1] else "another size"
        a = np.asarray(image)
    return same(a.astype(tiff.dtype) if a.dtype == np.int32 else a, tiff)


def check_json(path, size, tiff, case):
    with open(path, encoding="utf-8") as f:
        doc = json.load(f)
    if doc["problem"] or doc["view"] != case[0]:
        return f"{doc['view']}: {doc['problem']}"
    if tuple(doc["output"]["shape"]) != tiff.shape or doc["output"]["dtype"] != tiff.dtype.name:
        return f"output {doc['output']}"
    return None


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    table = Formats(*sys.argv[1:])
    table.run_all()
    print(f"1..{len(table.lines)}")
    print(f"# {len(table.lines)} checks, {table.failed} failed, {table.skipped} views not built", file=sys.stderr)
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
