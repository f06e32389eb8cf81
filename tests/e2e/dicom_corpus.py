#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads every file of the corpus with fs/dicom (through dicom_dump) and with
pydicom, and compares what both found: identification, pixel description,
windows, rescale, geometry, and the CRC of each frame's bytes.

    dicom_corpus.py DICOM_DUMP SOURCE_ROOT

The corpus is $PREPFS_SHARED/corpus, or SOURCE_ROOT/../shared/corpus. Exit 77
(skipped) without it or without pydicom.
"""

import json
import math
import os
import subprocess
import sys
import warnings
import zlib

try:
    import pydicom
    from pydicom import encaps
except ImportError:
    other = "/usr/bin/python3"
    if os.path.exists(other) and not os.environ.get("DICOM_CORPUS_TRIED"):
        os.environ["DICOM_CORPUS_TRIED"] = "1"
        os.execv(other, [other] + sys.argv)
    print("skipped: no pydicom")
    sys.exit(77)

warnings.simplefilter("ignore")

TEXTS = """SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID
FrameOfReferenceUID PatientID PatientSex PatientBirthDate StudyDate
StudyDescription AccessionNumber Modality SeriesDescription BodyPartExamined
Manufacturer ManufacturerModelName ConvolutionKernel ViewPosition
PhotometricInterpretation""".split()
NUMBERS = """SeriesNumber InstanceNumber AcquisitionNumber KVP SliceThickness
Rows Columns SamplesPerPixel BitsAllocated BitsStored HighBit
PixelRepresentation""".split()
# What is 0 or 1 for us when it is not there.
DEFAULTS = {"Rows": 0, "Columns": 0, "SamplesPerPixel": 1, "BitsAllocated": 0,
            "PixelRepresentation": 0}
# Repaired or filled in when absent; compared only when present.
ONLY_PRESENT = {"BitsStored", "HighBit", "SOPClassUID", "SOPInstanceUID"}

# Why files are refused, and by whom.
NOT_DICOM = 4  # ERROR_UNSUPPORTED


def is_dicom(path):
    """Has a preamble, or is one of the files that lack it."""
    with open(path, "rb") as f:
        head = f.read(132)
    if head[128:132] == b"DICM":
        return True
    return head[:8] in (b"\x08\x00\x00\x00UL\x04\x00",
                        b"\x00\x08\x00\x00UL\x00\x04",
                        b"\x08\x00\x05\x00\x0a\x00\x00\x00",
                        b"\x08\x00\x16\x00\x1e\x00\x00\x00") or \
        head[:4] in (b"\x08\x00\x05\x00", b"\x08\x00\x12\x00",
                     b"\x00\x08\x00\x05", b"\x00\x08\x00\x12",
                     b"\x08\x00\x00\x00", b"\x00\x08\x00\x00")


def split_frames(data, frames):
    if hasattr(encaps, "generate_frames"):
        return list(encaps.generate_frames(data, number_of_frames=frames))
    return list(encaps.generate_pixel_data_frame(data, frames))


class Mismatch(Exception):
    pass


def expect(what, ours, theirs):
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        if math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-12):
            return
    if ours != theirs:
        raise Mismatch(f"{what}: {ours!r}, pydicom has {theirs!r}")


def raw(ds, keyword):
    try:
        return ds.get(keyword)
    except Exception:  # a value that pydicom cannot convert
        return None


def text_of(value):
    if value is None:
        return None
    if isinstance(value, pydicom.multival.MultiValue):
        value = "\\".join(str(v) for v in value)
    return str(value).strip(" \0") or None


def number_of(value):
    if isinstance(value, (pydicom.multival.MultiValue, list)):
        value = value[0] if len(value) else None
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def first_item(ds, *keywords):
    for keyword in keywords:
        sequence = ds.get(keyword) if ds is not None else None
        if not sequence:
            return None
        ds = sequence[0]
    return ds


def group(ds, name):
    """Item of a functional group of frame 1, else the shared one."""
    for where in ("PerFrameFunctionalGroupsSequence",
                  "SharedFunctionalGroupsSequence"):
        found = first_item(ds, where, name)
        if found is not None:
            return found
    return None


def floats(value, n):
    if value is None or isinstance(value, (str, int, float)):
        return None
    try:
        value = [float(v) for v in value]
    except (TypeError, ValueError):
        return None
    return value if len(value) == n else None


def check_identity(ours, ds):
    for key in TEXTS:
        theirs = text_of(raw(ds, key))
        if key in ONLY_PRESENT and theirs is None:
            continue
        if key in ("StudyDescription", "SeriesDescription", "PatientID",
                   "Manufacturer") and ours["warnings"] & (1 << 16):
            continue
        expect(key, ours[key], theirs)
    for key in NUMBERS:
        theirs = number_of(raw(ds, key))
        if theirs is None:
            if key in ONLY_PRESENT:
                continue
            theirs = DEFAULTS.get(key)
        expect(key, ours[key], theirs)


def check_values(ours, ds):
    transform = group(ds, "PixelValueTransformationSequence")
    for key, keyword, default in (("slope", "RescaleSlope", 1.0),
                                  ("intercept", "RescaleIntercept", 0.0)):
        theirs = number_of(raw(ds, keyword))
        if theirs is None and transform is not None:
            theirs = number_of(raw(transform, keyword))
        expect(key, float(ours[key]), default if theirs is None else theirs)
    place = ds if raw(ds, "WindowCenter") is not None else \
        group(ds, "FrameVOILUTSequence")
    center = raw(place, "WindowCenter") if place is not None else None
    width = raw(place, "WindowWidth") if place is not None else None
    windows = []
    if center not in (None, "") and width not in (None, ""):
        many = isinstance(center, pydicom.multival.MultiValue)
        windows = [[float(c), float(w)] for c, w in
                   zip(center, width)] if many else \
            [[float(center), float(width)]]
    expect("windows", [[float(a) for a in w] for w in ours["windows"]],
           windows)
    plane = group(ds, "PlanePositionSequence")
    position = floats(raw(plane if plane is not None else ds,
                          "ImagePositionPatient"), 3)
    if position:
        for a, b in zip(ours["position"], position):
            expect("position", float(a), b)
    spacing = floats(raw(ds, "PixelSpacing"), 2)
    if spacing and min(spacing) > 0:
        expect("spacing x", float(ours["spacing"][0]), spacing[1])
        expect("spacing y", float(ours["spacing"][1]), spacing[0])


def check_pixels(ours, ds):
    element = next((k for k in ("PixelData", "FloatPixelData",
                                "DoubleFloatPixelData") if k in ds), None)
    data = ds[element].value if element else b""
    expect("has_pixels", bool(ours["has_pixels"]), bool(data))
    if not data:
        return
    try:
        frames = int(raw(ds, "NumberOfFrames") or 1)
        expect("frames", int(ours["frames"]), frames)
    except (TypeError, ValueError):
        frames = int(ours["frames"])
    syntax = ds.file_meta.get("TransferSyntaxUID") \
        if hasattr(ds, "file_meta") else None
    if syntax is not None and syntax.is_encapsulated:
        theirs = [zlib.crc32(f) for f in split_frames(data, frames)]
        expect("crc of frames", ours["crc"], theirs)
        return
    expect("pixel_length", int(ours["pixel_length"]), len(data))
    if not ours["Rows"] or ours["BitsAllocated"] == 1:
        return
    swapped = (syntax is not None and not syntax.is_little_endian and
               ours["BitsAllocated"] <= 8 and ds[element].VR == "OW")
    if swapped:
        data = b"".join(data[i:i + 2][::-1] for i in range(0, len(data), 2))
    size = int(ours["Rows"] * ours["Columns"] * ours["SamplesPerPixel"] *
               ours["BitsAllocated"] // 8)
    if ours["PhotometricInterpretation"] == "YBR_FULL_422":
        size = size * 2 // 3
    theirs = [zlib.crc32(data[i * size:(i + 1) * size])
              if (i + 1) * size <= len(data) else None
              for i in range(frames)]
    expect("crc of frames", ours["crc"], theirs)


def check(ours):
    path = ours["file"]
    if not is_dicom(path):
        expect("error", ours["error"], NOT_DICOM)
        return "refused"
    expect("error", ours["error"], 0)
    expect("sniff", ours["sniff"], 1)
    ds = pydicom.dcmread(path, force=True)
    check_identity(ours, ds)
    check_values(ours, ds)
    if ours["kind"] != 2:
        check_pixels(ours, ds)
    return "equal"


def main():
    shared = os.environ.get("PREPFS_SHARED") or \
        os.path.join(sys.argv[2], "..", "shared")
    corpus = os.path.realpath(os.path.join(shared, "corpus"))
    if not os.path.isdir(corpus):
        print("skipped: no corpus")
        return 77
    paths = sorted(os.path.join(d, f) for d, _, files in os.walk(corpus)
                   for f in files)
    out = subprocess.run([sys.argv[1]] + paths, check=True,
                         stdout=subprocess.PIPE)
    tally, bad = {}, 0
    for line in out.stdout.decode("utf-8").splitlines():
        ours = json.loads(line)
        for key in ("error", "sniff", "kind", "warnings"):
            if key in ours:
                ours[key] = int(ours[key])
        try:
            result = check(ours)
        except Mismatch as e:
            result, bad = "different", bad + 1
            print(f"{ours['file']}: {e}")
        tally[result] = tally.get(result, 0) + 1
    print(f"{len(paths)} files: {tally}")
    return 1 if bad or tally.get("equal", 0) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
