#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare fs/image with the golden vectors, without a mount.

usage: image_golden.py IMAGE_PIPE SHARED [--padding] [--match REGEX] [-v]

The environment variable PREPFS_SHARED goes before SHARED.
Reads SHARED/golden/golden.jsonl. Stored samples, windows and spacings of the
files in SHARED/corpus come from pydicom, everything after that from the
program image_pipe (image_pipe.c). Box, scale bits, pads, size and the CRC-32
of every frame must be equal. Files that pydicom cannot decode here are
counted and left out. The vectors of REF 11.3 go the same way.

The stored order of the golden multi-frame files is the resolved one.

--padding  leave PixelPaddingValue out of the crop box, as prepfs does; the
           reference tool does not.

Exit 0: all equal; 1: not; 77: pydicom, NumPy or the vectors are missing.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings

# The vectors were made without GDCM, which pydicom prefers where it is
# installed: it corrects the sign of some JPEG 2000 files and fails on some
# JPEG-LS.
sys.modules["gdcm"] = None

try:
    import numpy as np
    import pydicom
except ImportError as e:
    print("1..0 # SKIP", e)
    sys.exit(77)

# What GDCM makes of some JPEG-LS and JPEG 2000 files is not what is in them
# (JLSL/MR1_JLSL, J2K_pixelrep_mismatch); where it is installed it must not be
# asked. pydicom 3 does not ask it first.
pydicom.config.pixel_data_handlers = [h for h in pydicom.config.pixel_data_handlers
                                      if not h.__name__.endswith("gdcm_handler")]

FILTERS = ["triangle", "nearest", "catmullrom", "gaussian", "lanczos3", "maxpool"]
PADS = ["zero", "topleft", "bottomright", "center"]
NUMBER = r"(-?[0-9.]+)"


# REF 11.3: file, view, other tags, width, height, box, pad, CRC-32. Its maxpool
# vectors went through 8 bits and do not apply.
REFERENCE = [
    ("CT_small", "full", {}, 128, 128, None, None, "01b8ad47"),
    ("CT_small", "window-c40-w400", {}, 128, 128, None, None, "e77411a2"),
    ("CT_small", "window-c40-w400", {"function": 2}, 128, 128, None, None, "dcbd16b3"),
    ("CT_small", "window-c40-w400", {"function": 1}, 128, 128, None, None, "f1e1432e"),
    ("CT_small", "crop_size-64x64", {}, 64, 64, [0, 0, 128, 128], [0, 0, 0, 0], "b61e9c0c"),
    ("CT_small", "window-c40-w400_crop-b0.1", {}, 127, 127, [0, 0, 127, 127], None, "aacb2aba"),
    ("CT_small", "window-c40-w400_crop_size-100x160_filter-lanczos3_pad-center", {}, 100, 160, [0, 0, 128, 128],
     [0, 30, 0, 30], "27b93390"),
    *(("CT_small", "size-50x70_filter-" + f, {}, 50, 70, None, [0, 20, 0, 0], crc)
      for f, crc in [("nearest", "18fbc31e"), ("triangle", "bc828462"), ("catmullrom", "8798058a"),
                     ("gaussian", "c0ff9b22"), ("lanczos3", "b57fe639")]),
    *(("CT_small", f"size-200x150_filter-{f}_pad-center", {}, 200, 150, None, [25, 0, 25, 0], crc)
      for f, crc in [("nearest", "f485fdf8"), ("triangle", "1a51f998"), ("catmullrom", "9eae799c"),
                     ("gaussian", "990d3295"), ("lanczos3", "fac60c1e")]),
    ("MR_small", "full", {}, 64, 64, None, None, "ce513c42"),
    ("MR_small", "full", {"photometric": "MONOCHROME1"}, 64, 64, None, None, "a28c91e3"),
    ("MR_small", "crop_size-32x48", {}, 32, 48, [0, 0, 64, 64], [0, 16, 0, 0], "93ba4e1b"),
    ("SC_rgb_rle", "full", {}, 100, 100, None, None, "0ef37133"),
    ("SC_rgb_rle", "crop_size-64x48", {}, 64, 48, [0, 0, 100, 60], [0, 10, 0, 0], "3f6bb33b"),
    ("SC_rgb_rle", "size-37x41_filter-lanczos3_pad-center", {}, 37, 41, None, [0, 2, 0, 2], "fdd60915"),
]


def reference_lines():
    for name, view, tags, width, height, box, pad, crc in REFERENCE:
        yield {"id": "REF 11.3", "file": f"pydicom/{name}.dcm", "view": view, "tags": {"stretch": True, **tags},
               "width": width, "height": height, "frames": 1, "crop": box, "scale_bits": None, "pad": pad,
               "crc32": [crc]}


def stored_samples(ds):
    """frames x rows x columns x samples, masked and sign-extended."""
    if (not ds.is_little_endian and ds.BitsAllocated == 8 and ds["PixelData"].VR == "OW"
            and int(pydicom.__version__.split(".")[0]) < 3):
        # words of two 8-bit samples (PS3.5 7.3), which old pydicom leaves swapped
        ds.PixelData = np.frombuffer(ds.PixelData, ">u2").astype("<u2").tobytes()
    a = ds.pixel_array
    frames = int(ds.get("NumberOfFrames", 1) or 1)
    a = a.reshape(frames, ds.Rows, ds.Columns, ds.SamplesPerPixel)
    if ds.SamplesPerPixel != 1:
        return np.ascontiguousarray(a)
    bits = ds.BitsStored
    a = a.astype(np.int64) >> (ds.HighBit + 1 - bits) & ((1 << bits) - 1)
    if ds.PixelRepresentation:
        return np.where(a >= 1 << (bits - 1), a - (1 << bits), a).astype(np.int16)
    return a.astype(np.uint8 if ds.BitsAllocated == 8 else np.uint16)


def groups_of(ds, frame):
    """Per-frame and shared functional group items."""
    for keyword in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        items = ds.get(keyword)
        if items:
            yield items[frame] if keyword.startswith("Per") else items[0]


def look_up(ds, frame, sequence, keyword):
    value = ds.get(keyword)
    for item in groups_of(ds, frame):
        if value in (None, "") and sequence in item:
            value = item[sequence][0].get(keyword)
    if isinstance(value, pydicom.multival.MultiValue):
        value = value[0]
    return None if value in (None, "") else float(value)


def px_per_mm(ds):
    spacing = ds.get("PixelSpacing") or ds.get("ImagerPixelSpacing")
    for item in groups_of(ds, 0):
        if not spacing and "PixelMeasuresSequence" in item:
            spacing = item.PixelMeasuresSequence[0].get("PixelSpacing")
    if not spacing:
        return None
    y, x = (np.float32(1) / np.float32(v) for v in spacing)
    return x, y


class Source:
    """One file: its samples in a raw file, and what its tags say."""

    def __init__(self, path, raw):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.ds = ds = pydicom.dcmread(path, force=True)
            a = stored_samples(ds)
        self.raw = raw
        a.astype(a.dtype.newbyteorder("<")).tofile(raw)
        self.frames, self.height, self.width, self.channels = a.shape
        self.type = {"uint8": "u8", "uint16": "u16", "int16": "i16"}[a.dtype.name]

    def window(self, frame):
        return (look_up(self.ds, frame, "FrameVOILUTSequence", "WindowCenter"),
                look_up(self.ds, frame, "FrameVOILUTSequence", "WindowWidth"))

    def specs(self, ops):
        window = ops.get("window")
        for f in range(self.frames):
            slope = look_up(self.ds, f, "PixelValueTransformationSequence", "RescaleSlope")
            intercept = look_up(self.ds, f, "PixelValueTransformationSequence", "RescaleIntercept")
            center, width = window or self.window(f)
            is_stretch = self.channels == 1 and None in (center, width)
            if is_stretch and not ops.get("stretch"):
                raise ValueError("no window")
            yield [1.0 if slope is None else slope, intercept or 0.0, int(is_stretch), ops.get("function", 0),
                   center or 0.0, width or 1.0]


def vol_words(rest):
    """keep | central | mip[-skip] | interp-N | lapmip[-w][-skip][-central] as image_pipe wants it."""
    name, *words = rest.split("-")
    if name == "interp":
        return ["interp", int(words[0]), 0, 0]
    weight, skip = 1.5, [5, 5] if name == "lapmip" else [0, 0]
    for word in words:
        if word.startswith("w"):
            weight = float(word[1:])
        elif word.startswith("skip"):
            skip = [int(v) for v in word[4:].split("to")]
            skip = skip * 2 if len(skip) == 1 else skip
        elif word == "central":
            name += "-central"
        else:
            raise ValueError("unknown vol " + rest)
    if name == "keep" or name == "central":
        return [name, 0, 0, 0]
    return [name, *skip, weight if name.startswith("lapmip") else 0]


def parse(view):
    """A view of the golden file as a dictionary of operators."""
    ops = {"filter": "triangle", "pad": "zero"}
    for token in view.split("_"):
        name, _, rest = token.partition("-")
        if name == "window":
            m = re.fullmatch(f"c{NUMBER}-w{NUMBER}", rest)
            ops["window"] = float(m[1]), float(m[2])
        elif name == "size":
            ops["size"] = tuple(map(int, rest.split("x")))
        elif name == "spacing":
            ops["spacing"] = tuple(map(float, rest.split("x")))
        elif name in ("filter", "pad"):
            ops[name] = rest
        elif name == "vol":
            ops["vol"] = vol_words(rest)
        elif name == "crop":
            words = rest.split("-") if rest else []
            border = [w[1:] for w in words if w.startswith("b")]
            ops["crop"] = "max" in words, "nocomp" in words, float(border[0]) if border else 0.0
        elif name == "nopad":
            ops["pad"] = None
        elif name != "full":
            raise ValueError("unknown operator " + token)
    return ops


def job_of(source, ops, use_padding):
    ds = source.ds
    padding = ds.get("PixelPaddingValue") if use_padding else None
    words = [source.raw, source.width, source.height, source.channels, source.type, source.frames,
             255 if ds.BitsAllocated <= 8 else 65535, int(ops.get("photometric", ds.PhotometricInterpretation) == "MONOCHROME1"),
             int(padding is not None), padding or 0]
    for spec in source.specs(ops):
        words += spec
    words += ops.get("vol", ["keep", 0, 0, 0])
    words += [int("crop" in ops), *map(float, ops.get("crop", (0, 0, 0)))]
    if "size" in ops:
        words += ["fit", *ops["size"], 0, 0]
    elif "spacing" in ops and px_per_mm(ds):
        words += ["spacing", *map(float, px_per_mm(ds)), *ops["spacing"][:2]]
    else:
        words += ["none", 0, 0, 0, 0]
    has_pad = ops["pad"] is not None and "size" in ops
    words += [FILTERS.index(ops["filter"]), int(has_pad), PADS.index(ops["pad"]) if has_pad else 0]
    return " ".join(w.hex() if isinstance(w, float) else str(w) for w in words)


def wanted(golden, ops):
    box = golden["crop"] or None
    scale = golden["scale_bits"] or ["-" if "tags" in golden else "00000000"] * 2
    pad = golden["pad"] or [0, 0, 0, 0]
    crc = golden["crc32"]
    return [golden["width"], golden["height"], box, *scale, pad, crc]


def got(line, ops):
    w = line.split()
    if ops.get("stretch"):  # REF 11.3 has no scale bits
        w[6] = w[7] = "-"
    n = [int(v) for v in w[:6]]
    return [n[0], n[1], n[2:6] if "crop" in ops else None, w[6], w[7], [int(v) for v in w[8:12]], w[12:]]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("pipe")
    ap.add_argument("shared")
    ap.add_argument("--padding", action="store_true")
    ap.add_argument("--match", default="")
    ap.add_argument("-v", "--verbose", action="store_true")
    args = ap.parse_args()
    args.shared = os.environ.get("PREPFS_SHARED", args.shared)
    vectors = os.path.join(args.shared, "golden", "golden.jsonl")
    if not os.path.exists(vectors):
        print("1..0 # SKIP no", vectors)
        return 77
    with open(vectors, encoding="ascii") as f:
        lines = [json.loads(line) for line in f if line.strip()] + list(reference_lines())
    sources, equal, different, left_out = {}, 0, 0, {}
    with tempfile.TemporaryDirectory() as tmp, \
            subprocess.Popen([args.pipe], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pipe:
        for g in lines:
            if not re.search(args.match, g["view"]):
                continue
            name = g["file"]
            try:
                ops = {**parse(g["view"]), **g.get("tags", {})}
                if name not in sources:
                    sources[name] = Source(os.path.join(args.shared, "corpus", name), f"{tmp}/{len(sources)}")
                source = sources[name]
                if isinstance(source, Exception):
                    raise source
                job = job_of(source, ops, args.padding)
            except Exception as e:  # pylint: disable=broad-except
                reason = str(e).splitlines()[0][:60]
                sources.setdefault(name, e)
                left_out[reason] = left_out.get(reason, 0) + 1
                continue
            pipe.stdin.write(job + "\n")
            pipe.stdin.flush()
            line = pipe.stdout.readline()
            if not line:
                print("image_pipe ended at", g["id"], job)
                return 1
            if got(line, ops) == wanted(g, ops):
                equal += 1
                continue
            different += 1
            print("not equal:", g["id"], name, g["view"])
            if args.verbose:
                print("  want", wanted(g, ops), "\n  got ", got(line, ops))
        pipe.stdin.close()
    print(f"{equal} equal, {different} not equal, {sum(left_out.values())} left out")
    for reason, count in sorted(left_out.items(), key=lambda i: -i[1]):
        print(f"  {count:5} {reason}")
    return 0 if different == 0 and equal > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
