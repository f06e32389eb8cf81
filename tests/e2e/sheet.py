#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A contact sheet shows the samples that `render` writes, where they belong.
usage: sheet.py PREPFSCTL SOURCE    prints TAP"""
import ast
import os
import struct
import subprocess
import sys
import tempfile
import zlib

CTL, SOURCE = (os.path.abspath(p) for p in sys.argv[1:3])
count = failures = 0


def ok(true, what, *more):
    global count, failures
    count += 1
    failures += not true
    print(f"{'ok' if true else 'not ok'} {count} - {what}")
    for line in more if not true else ():
        print("#", str(line).replace("\n", "\n# "))


def read_png(path):
    """Rows of RGB bytes of a PNG whose rows are all filtered "up"."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height = struct.unpack(">II", data[at + 8:at + 16])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += length + 12
    raw, above, rows = zlib.decompress(packed), bytes(3 * width), []
    for y in range(height):
        line = raw[y * (3 * width + 1):(y + 1) * (3 * width + 1)]
        assert line[0] in (0, 2)
        above = bytes((a + b) & 255 for a, b in zip(line[1:], above)) \
            if line[0] else line[1:]
        rows.append(above)
    return rows


def read_npy(path):
    with open(path, "rb") as file:
        data = file.read()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    return ast.literal_eval(data[10:start].decode())["shape"], data[start:]


def run(*args):
    return subprocess.run([CTL, *args], capture_output=True, text=True,
                          check=False)


with tempfile.TemporaryDirectory() as work:
    archive, png = os.path.join(work, "archive"), os.path.join(work, "s.png")
    subprocess.run([os.path.join(SOURCE, "examples", "mkdemo"), "--quiet",
                    "--modality", "CT", "US", "--scale", "0.1", "--slices",
                    "4", "--frames", "3", archive], check=True)
    slices = [os.path.join(folder, name)
              for folder, _, names in os.walk(archive) if "ct" in folder
              for name in names]
    image = sorted(slices)[0]
    views = ["window-c-600-w1500_size-60x40_u8", "size-48_u8", "crop_u8"]
    done = run("sheet", *views, image, "--tile", "64", "-o", png)
    ok(done.returncode == 0 and not done.stderr, "a sheet is drawn",
       done.stderr)
    sheet = read_png(png)
    ok((len(sheet[0]) // 3, len(sheet)) == (10 + 3 * 74, 10 + 64 + 4 + 27 + 10),
       "as large as three tiles", len(sheet[0]) // 3, len(sheet))
    for n, view in enumerate(views):
        out = os.path.join(work, view)
        run("render", view + "_list-npy", image, "-o", out)
        leaf = [os.path.join(folder, name)
                for folder, _, names in os.walk(out)
                for name in names if name.endswith(".npy")][0]
        shape, samples = read_npy(leaf)
        height, width = shape[-2:]
        x, y = 10 + n * 74 + (64 - width) // 2, 10 + (64 - height) // 2
        shown = b"".join(row[3 * x:3 * (x + width):3]
                         for row in sheet[y:y + height])
        ok(shown == samples, f"{view} is what render makes of it")
    first = open(png, "rb").read()
    run("sheet", *views, image, "--tile", "64", "-o", png)
    ok(open(png, "rb").read() == first, "the same once more is the same file")

    done = run("sheet", "u8", "hu", "series", "--tile", "64", "--rows", "20",
               "-o", png, archive)
    ok(done.returncode == 1 and "there is no such file" in done.stderr and
       "a colour image has no modality values" in done.stderr,
       "what cannot be had is told, and the sheet is made", done.stderr)
    ok(len(read_png(png)) == 10 + 20 * (64 + 4 + 27 + 10), "of twenty lines")
    for where, status in ("modality = 'CT'", 0), ("modality = 'US'", 1):
        done = run("sheet", "hu", "--tile", "64", "-o", png, "--where", where,
                   archive)
        ok(done.returncode == status, "--where chooses the image: " + where,
           done.stderr)
    for args, words in [
            (("sheet", "u8", image), "-o OUT.png is missing"),
            (("sheet", "u8", "-o", png), "sheet needs VIEW... SOURCE"),
            (("sheet", "u9", image, "-o", png), "u9"),
            (("sheet", "u8", image + "x", "-o", png), "No such file"),
            (("sheet", "u8", image, "--rows", "0", "-o", png), "--rows is"),
            (("sheet", "u8", image, "-o", work + "/no/x.png"), "No such file")]:
        done = run(*args)
        ok(done.returncode in (1, 2) and words in done.stderr,
           "refused: " + words, done.stderr)

print(f"1..{count}")
sys.exit(failures > 0)
