#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table of prepfs-view(7), READERS, on a mount: what each reader makes of
each kind of leaf.

usage: readers.py MOUNT MANUAL

The reference is the .npy leaf of the same view; that of an uncompressed TIFF is
also read with struct alone. A cell of the table must be what happens here:

    yes     the same values in the same type
    type    the same values in another type
    no      the reader says that it cannot read the file
    WRONG   other values, without an error

A reader that does better than its cell (a newer version) is named, and no error;
worse is one. Programs that are missing are named."""
import os
import re
import sqlite3
import subprocess
import sys

import numpy

import readers_programs
from readers_programs import READERS

BEST_FIRST = ["yes", "type", "no", "WRONG"]

# Row of the manual: view, which leaf. A view with `list-` names its own format.
KINDS = {
    "u8": ("window-c40-w400_u8", "grey"),
    "u16": ("full", "grey"),
    "i16": ("hu_i16", "grey"),
    "f32": ("f32", "grey"),
    "RGB u8": ("full", "colour"),
    "RGB u16": ("u16_rgb", "grey"),
    "pages": ("full", "pages"),
    "resized": ("size-200x150_u16", "grey"),
    "PackBits": ("pack-packbits", "grey"),
    "LZW": ("pack-lzw", "grey"),
    "Deflate": ("pack-deflate", "grey"),
    "Zstd": ("pack-zstd", "grey"),
    "BigTIFF": ("big", "grey"),
    "PNG u8": ("window-c40-w400_u8_list-png", "grey"),
    "PNG u16": ("full_list-png", "grey"),
    "PNG RGB": ("full_list-png", "colour"),
}
LEAVES = {
    "grey": "modality = 'CT' AND frames = 1",
    "colour": "samples = 3 AND bits_alloc = 8 AND frames = 1",
    "pages": "frames > 1",
}


class Leaf:
    """One leaf, its last page, and what is in it."""

    def __init__(self, mount, view, rel):
        stem = rel[:-len(".tiff")]
        extension = "png" if "list-png" in view else "tiff"
        folder = os.path.join(mount, re.sub(r"(^|_)list-png", "", view))
        self.path = os.path.join(folder, f"{stem}.{extension}")
        array = os.path.join(folder, f"{stem}.npy")
        try:
            samples = numpy.load(array, mmap_mode="r")
        except OSError as problem:
            problem.filename = array
            raise
        several = samples.ndim == 4 or (samples.ndim == 3 and samples.shape[-1] != 3)
        self.pages = len(samples) if several else 1
        self.page = self.pages - 1
        self.want = numpy.array(samples[self.page] if several else samples)


def outcome(read, leaf):
    """One of BEST_FIRST, and the reason."""
    try:
        got = read(leaf.path, leaf.page, leaf.want)
    except Exception as problem:  # whatever the reader raises: it refuses
        return "no", f"{type(problem).__name__}: {problem}".splitlines()[0]
    if got.shape != leaf.want.shape:
        return "WRONG", f"shape {got.shape}"
    # ImageMagick takes floats through f32 scaled by 65535.
    slack = 1e-6 if leaf.want.dtype.kind == "f" else 0
    off = numpy.abs(got.astype("f8") - leaf.want.astype("f8")).max()
    if off > slack:
        return "WRONG", f"off by {off}"
    same = got.dtype.newbyteorder("=") == leaf.want.dtype.newbyteorder("=")
    return ("yes", "") if same else ("type", str(got.dtype))


def manual_table(path):
    """{kind: {reader: cell}} of the section READERS."""
    with open(path, encoding="utf-8") as f:
        text = f.read().split("\n.Sh READERS\n")[1].split("\n.Sh ")[0]
    lines = [line[len(".It "):] for line in text.splitlines() if line.startswith(".It ")]
    rows = [[cell.strip() for cell in line.split(" Ta ")] for line in lines]
    names = [name.replace("Sy ", "") for name in rows[0][1:]]
    return {row[0]: dict(zip(names, row[1:])) for row in rows[1:]}


def uncompressed_agrees(leaf):
    pages = readers_programs.uncompressed_pages(leaf.path)
    assert len(pages) == leaf.pages, f"{leaf.path}: {len(pages)} pages"
    page = pages[leaf.page]
    assert page.dtype == leaf.want.dtype and (page == leaf.want).all(), leaf.path


def tiffinfo_agrees(leaf):
    done = subprocess.run(["tiffinfo", leaf.path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"tiffinfo {leaf.path}: {done.stderr}"
    assert done.stdout.count("TIFF Directory") == leaf.pages, done.stdout
    assert f"Image Width: {leaf.want.shape[1]} " in done.stdout, done.stdout


def check_row(kind, leaf, cells):
    """How many cells are worse than the manual says."""
    worse = 0
    for reader, cell in cells.items():
        if cell == "\\-" or reader not in READERS:
            continue
        found, why = outcome(READERS[reader], leaf)
        if BEST_FIRST.index(found) > BEST_FIRST.index(cell):
            print(f"{kind}, {reader}: {found}, the manual says {cell}: {why}")
            worse += 1
        elif found != cell:
            print(f"{kind}, {reader}: {found} here, better than {cell}")
    return worse


def arrays(mount, rel):
    """The .npy and .nii leaves in NumPy and nibabel."""
    stem = os.path.join(mount, "hu_i16", rel[:-len(".tiff")])
    whole = numpy.load(stem + ".npy")
    mapped = numpy.load(stem + ".npy", mmap_mode="r")
    assert isinstance(mapped, numpy.memmap) and (mapped == whole).all()
    print(f"NumPy: {whole.dtype} {whole.shape}, loaded and mapped")
    try:
        import nibabel
    except ImportError:
        print("not here: nibabel")
        return
    image = nibabel.load(stem + ".nii")
    voxels = numpy.asarray(image.dataobj)
    assert voxels.dtype == whole.dtype
    assert (voxels.reshape(voxels.shape[:2]).T == whole).all()
    print(f"nibabel: {voxels.dtype} {voxels.shape}, mapped")


def pick(mount, where):
    db = sqlite3.connect(f"file:{mount}/manifest.db?mode=ro", uri=True)
    row = db.execute(f"SELECT rel FROM cohort WHERE {where} ORDER BY rel LIMIT 1").fetchone()
    assert row, f"the archive has no instance where {where}"
    return row[0]


def main():
    mount, manual = sys.argv[1:3]
    table = manual_table(manual)
    assert set(table) == set(KINDS), f"rows of the manual: {set(table) ^ set(KINDS)}"
    unknown = {name for row in table.values() for name in row} ^ \
        {name for name in readers_programs.NAMES}
    assert not unknown, f"columns of the manual: {unknown}"
    missing = set(readers_programs.NAMES) - set(READERS)
    rels = {name: pick(mount, where) for name, where in LEAVES.items()}
    leaves = {kind: Leaf(mount, view, rels[which]) for kind, (view, which) in KINDS.items()}
    if "ImageIO" in READERS:
        readers_programs.imageio_prepare({(x.path, x.page) for x in leaves.values()})
    worse = 0
    for kind, leaf in leaves.items():
        if leaf.path.endswith(".tiff"):
            tiffinfo_agrees(leaf)
            if table[kind]["memmap"] != "\\-" and kind != "BigTIFF":
                uncompressed_agrees(leaf)
        worse += check_row(kind, leaf, table[kind])
    arrays(mount, rels["grey"])
    cells = sum(cell != "\\-" for row in table.values() for cell in row.values())
    print(f"{len(READERS)} readers, {len(KINDS)} kinds of leaves, {cells} cells, {worse} worse"
          + (f"; not here: {', '.join(sorted(missing))}" if missing else ""))
    sys.exit(worse != 0)


if __name__ == "__main__":
    main()
