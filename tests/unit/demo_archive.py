#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The demo archive is what it says, and the contact sheet is a PNG.

usage: demo_archive.py EXAMPLES_FOLDER WRITER   (WRITER: program tiff_samples)

Files are read with DCMTK's and OpenJPEG's programs; where one is missing, what
needs it is skipped.
"""
import filecmp
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

EXAMPLES, WRITER = sys.argv[1:3]
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(EXAMPLES, "demo"))

import encoders  # noqa: E402
import patients  # noqa: E402

SCALE, SLICES, FRAMES = 0.1, 9, 2
DECODERS = {"jpeg-lossless": "dcmdjpeg", "jpeg-ls": "dcmdjpls",
            "rle": "dcmdrle"}


class Skip(Exception):
    pass


class Options:
    slices, frames = SLICES, FRAMES
    modalities = patients.MODALITIES

    @staticmethod
    def pixels(full, least):
        return max(least, int(full * SCALE) // 8 * 8)


def mkdemo(folder):
    subprocess.run([os.path.join(EXAMPLES, "mkdemo"), "--quiet",
                    "--scale", str(SCALE), "--slices", str(SLICES),
                    "--frames", str(FRAMES), "--jobs", "2", folder],
                   check=True)


def need(program):
    if shutil.which(program) is None:
        raise Skip("%s is not installed" % program)


def all_files(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder)
                  for at, _, names in os.walk(folder) for name in names)


def expected():
    """(path, file) of everything that mkdemo writes."""
    for number in (1, 2):
        for file in patients.files_of(number, Options):
            yield os.path.join("DEMO-%04d" % number, file.path), file


def files_are_all_there(one, _):
    have, want = all_files(one), sorted(path for path, _ in expected())
    assert have == want, "%d files, not %d" % (len(have), len(want))
    assert len(have) == 2 * SLICES + 2 + 3


def second_run_is_the_same(one, folder):
    two = os.path.join(folder, "two")
    mkdemo(two)
    names = all_files(one)
    assert names == all_files(two)
    for name in names:
        assert filecmp.cmp(os.path.join(one, name), os.path.join(two, name),
                           shallow=False), name + " differs"


def uids_are_legal_and_unique(one, _):
    seen = set()
    for name in all_files(one):
        with open(os.path.join(one, name), "rb") as file:
            head = file.read(600)
        assert head[128:132] == b"DICM", name
        # MediaStorageSOPInstanceUID
        at = head.index(b"\x02\x00\x03\x00UI") + 8
        uid = head[at:at + head[at - 2]].rstrip(b"\0").decode()
        assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", uid), uid
        assert len(uid) <= 64
        assert uid not in seen, name
        seen.add(uid)


def dcmtk_parses_every_file(one, _):
    need("dcmdump")
    for name in all_files(one):
        done = subprocess.run(["dcmdump", "+P", "0008,0018",
                               os.path.join(one, name)],
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0 and b"2.25." in done.stdout, \
            name + ": " + done.stdout.decode()
        assert not re.search(rb"^[EFW]:", done.stdout, re.M), \
            name + ": " + done.stdout.decode()


def decode_jpeg_2000(path, folder):
    """The code stream of a file with one frame."""
    stream, raw = (os.path.join(folder, n) for n in ("f.j2k", "f.rawl"))
    with open(path, "rb") as file:
        data = file.read()
    with open(stream, "wb") as out:
        out.write(data[data.index(b"\xff\x4f\xff\x51"):])
    subprocess.run(["opj_decompress", "-i", stream, "-o", raw], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(raw, "rb") as file:
        return file.read()


def decode(path, encoding, folder):
    """A file's bytes after conversion to explicit little endian."""
    out = os.path.join(folder, "plain.dcm")
    program = DECODERS.get(encoding)
    command = [program] if program else ["dcmconv", "+te"]
    subprocess.run(command + [path, out], check=True)
    with open(out, "rb") as file:
        return file.read()


def lossless_files_hold_what_was_drawn(one, folder):
    for program in ("dcmconv", "dcmdjpeg", "dcmdjpls", "dcmdrle"):
        need(program)
    checked = set()
    for name, file in expected():
        path, encoding = os.path.join(one, name), file.encoding
        if encoding == "jpeg-baseline":
            continue
        if not encoders.is_available(encoding):
            encoding = "explicit"
        want = b"".join(file.pixels())
        if encoding == "jpeg-2000":
            if shutil.which("opj_decompress") is None:
                continue
            assert decode_jpeg_2000(path, folder) == want, name
        else:
            have = decode(path, encoding, folder)
            at = have.rindex(b"\xe0\x7f\x10\x00O") + 12
            assert have[at:at + len(want)] == want, \
                "%s (%s) differs" % (name, encoding)
        checked.add(encoding)
    assert len(checked) >= 6, checked


def contact_sheet_is_a_png(_, folder):
    subprocess.run([WRITER, folder], check=True, stdout=subprocess.DEVNULL)
    names = ["u2-1-none-1", "u1-3-none-5", "f4-1-none-1-big"]
    sheet = os.path.join(folder, "sheet.png")
    subprocess.run([os.path.join(EXAMPLES, "contact-sheet"), "-o", sheet,
                    "--tile", "64", "--columns", "2"]
                   + ["a_view=%s/%s.tiff" % (folder, n) for n in names],
                   check=True)
    with open(sheet, "rb") as file:
        data = file.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        crc, = struct.unpack(">I", data[at + 8 + size:at + 12 + size])
        assert zlib.crc32(kind + body) == crc
        packed += body if kind == b"IDAT" else b""
        at += 12 + size
    pixels = zlib.decompress(packed)
    assert (width, len(pixels)) == (2 * 74 + 10, height * (3 * width + 1))
    # the first picture: its rows are averaged 1 by 1, u16 shown by high bytes
    with open("%s/%s.raw" % (folder, names[0]), "rb") as file:
        high = file.read()[1:2 * 37:2]
    x, y = 10 + (64 - 37) // 2, 10 + (64 - 23) // 2
    row = pixels[y * (3 * width + 1) + 1 + 3 * x:][:3 * 37]
    assert row == b"".join(bytes((v, v, v)) for v in high)


TESTS = (files_are_all_there, second_run_is_the_same,
         uids_are_legal_and_unique, dcmtk_parses_every_file,
         lossless_files_hold_what_was_drawn, contact_sheet_is_a_png)


def main():
    failed = 0
    print("1..%d" % len(TESTS), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        one = os.path.join(folder, "one")
        mkdemo(one)
        for number, test in enumerate(TESTS, 1):
            name = "%d - %s" % (number, test.__name__.replace("_", " "))
            try:
                test(one, folder)
                print("ok " + name, flush=True)
            except Skip as reason:
                print("ok %s # SKIP %s" % (name, reason), flush=True)
            except (AssertionError, subprocess.CalledProcessError) as why:
                failed += 1
                print("not ok %s\n# %s" % (name, why), flush=True)
    return 1 if failed else 0


sys.exit(main())
