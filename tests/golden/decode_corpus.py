#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Decodes real frames with fs/decode and compares.

    decode_corpus.py DECODE_PIPE SHARED

SHARED/corpus holds real DICOM files (PREPFS_SHARED overrides it); without
them, or without pydicom and numpy, the test is skipped (77). What is compared:

- native and RLE: pydicom's own decoders, and the YBR formulas of PS3.3
  C.7.6.3.1.2 written out below
- NEMA WG-04: all lossless variants equal the uncompressed image; the lossy
  ones stay within a stated distance of it
- JPEG 2000: pydicom with Pillow; 8-bit JPEG: Pillow, within a few levels
- every compressed frame, cut: an error, never a partial image
"""
import io
import os
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy as np
    import pydicom
    from pydicom.encaps import generate_pixel_data_frame
except ImportError as missing:
    print(f"SKIP: {missing}")
    sys.exit(77)
try:
    from PIL import Image
except ImportError:
    Image = None

warnings.simplefilter("ignore")

PHOTOMETRIC = ["MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL",
               "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"]
TYPES = [np.uint8, np.uint16, np.int16, np.uint32, np.int32, np.float32,
         np.float64]
LE, BE, RLE, JPEG, JPEGLS, J2K, UNSUPPORTED = range(7)
CORRUPT = 5  # enum error_kind

# Largest difference from the uncompressed image, in stored values: measured
# once, and the same with the reference decoders named in the golden set.
LOSSY = {
    "JLSN": dict.fromkeys("CT1 MR1 MR4 NM1 RG3 XA1".split(), 4),
    "J2KI": {"CT1": 352, "MR1": 396, "MR4": 29, "NM1": 101, "RG3": 9,
             "US1": 124, "VL1": 44, "XA1": 8},
    "JPLY": {"MR1": 128, "MR4": 40, "NM1": 36, "RG3": 48, "XA1": 116},
}
REFUSED = {"MR_truncated.dcm", "JPEG2000-embedded-sequence-delimiter.dcm"}

failures = []


def check(name, ok, text):
    if not ok:
        failures.append(name)
        print(f"FAIL {name}: {text}")


class Decoder:
    """One decode_pipe process; see tests/support/decode_pipe.c."""

    def __init__(self, program, folder):
        self.pipe = subprocess.Popen([program], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.input = os.path.join(folder, "in")
        self.output = os.path.join(folder, "out")
        print(self.pipe.stdout.readline().strip())

    def decode(self, ds, codec, bit, data):
        """The samples, or the number and text of an error."""
        with open(self.input, "wb") as f:
            f.write(data)
        photometric = ds.PhotometricInterpretation
        fields = [codec,
                  PHOTOMETRIC.index(photometric)
                  if photometric in PHOTOMETRIC else 9,
                  0, ds.Rows, ds.Columns, ds.SamplesPerPixel,
                  ds.BitsAllocated, ds.BitsStored, ds.HighBit,
                  ds.PixelRepresentation, ds.get("PlanarConfiguration") or 0,
                  bit, self.input, self.output]
        self.pipe.stdin.write(" ".join(str(f) for f in fields) + "\n")
        self.pipe.stdin.flush()
        answer = self.pipe.stdout.readline().split(None, 2)
        if answer[0] == "error":
            return int(answer[1]), answer[2].strip()
        channels, kind = int(answer[1]), int(answer[2])
        shape = (ds.Rows, ds.Columns) + ((channels,) if channels > 1 else ())
        return np.fromfile(self.output, TYPES[kind]).reshape(shape)


def syntax_of(ds):
    meta = getattr(ds, "file_meta", None)
    return str(getattr(meta, "TransferSyntaxUID", "1.2.840.10008.1.2"))


def codec_of(ds):
    syntax = syntax_of(ds)[len("1.2.840.10008.1.2"):]
    if syntax == ".2":
        return BE if ds["PixelData"].VR == "OW" else LE
    if syntax in ("", ".1", ".1.99"):
        return LE
    if syntax == ".5":
        return RLE
    if syntax in (".4.80", ".4.81"):
        return JPEGLS
    if syntax.startswith(".4.9"):
        return J2K
    if syntax.startswith((".4.5", ".4.7")):
        return JPEG
    return UNSUPPORTED


def count_of(ds):
    try:
        return int(ds.get("NumberOfFrames") or 1)
    except (TypeError, ValueError):
        return 1


def frames_of(ds, codec):
    """(first bit, bytes) of every frame."""
    if codec not in (LE, BE):
        return [(0, f) for f in
                generate_pixel_data_frame(ds.PixelData, count_of(ds))]
    samples = ds.SamplesPerPixel
    if ds.PhotometricInterpretation == "YBR_FULL_422":
        samples = 2
    bits = ds.Rows * ds.Columns * samples * ds.BitsAllocated
    unit = 16 if codec == BE and ds.BitsAllocated < 16 else 8
    frames = []
    for i in range(count_of(ds)):
        first = i * bits // unit * unit
        end = ((i + 1) * bits + unit - 1) // unit * unit
        frames.append((i * bits - first, ds.PixelData[first // 8:end // 8]))
    return frames


def to_rgb(ybr):
    y, cb, cr = (ybr[..., i].astype(np.float64) for i in range(3))
    cb -= 128
    cr -= 128
    rgb = np.stack([y + 1.402 * cr,
                    y - 0.114 * 1.772 / 0.587 * cb
                    - 0.299 * 1.402 / 0.587 * cr,
                    y + 1.772 * cb], axis=-1)
    return np.clip(np.floor(rgb + 0.5), 0, 255).astype(np.uint8)


def distance(a, b):
    if a.shape != b.shape:
        return float("inf")
    return int(np.abs(a.astype(np.int64) - b.astype(np.int64)).max())


def reference(ds, frame):
    """What pydicom makes of the frame, in RGB; None if it cannot."""
    ds.NumberOfFrames = count_of(ds)
    pixels = ds.pixel_array
    if count_of(ds) > 1:
        pixels = pixels[frame]
    if ds.PhotometricInterpretation in ("YBR_FULL", "YBR_FULL_422"):
        pixels = to_rgb(pixels)
    return pixels


def check_against_pydicom(name, ds, codec, frame, got):
    try:
        want = reference(ds, frame)
    except Exception as why:  # whatever a handler may raise
        print(f"     {name}: no reference: {str(why)[:60]}")
        return
    check(name, distance(got, want) == 0,
          f"differs from pydicom by {distance(got, want)}")


def check_jpeg(name, ds, data, got):
    """Lossy 8-bit JPEG against libjpeg, as Pillow has it."""
    if Image is None or syntax_of(ds) != "1.2.840.10008.1.2.4.50":
        return
    image = Image.open(io.BytesIO(data))
    adobe = image.info.get("adobe_transform")
    marked = "jfif" in image.info or adobe is not None
    if ds.PhotometricInterpretation == "RGB" and not marked:
        image.draft("YCbCr", None)  # no mark: the tag says RGB; no transform
        want = np.array(image)
    else:
        want = np.array(image.convert("RGB"))
    check(name, distance(got, want) <= 3,
          f"differs from libjpeg by {distance(got, want)}")


def check_cuts(name, decoder, ds, codec, data):
    size = len(data.rstrip(b"\0"))
    for cut in (size // 16, size // 4, size // 2, size * 3 // 4, size - 16):
        got = decoder.decode(ds, codec, 0, data[:cut])
        check(name, isinstance(got, tuple) and got[0] == CORRUPT,
              f"{cut} of {size} bytes: {got}")


def run_file(decoder, path, ds):
    name = os.path.basename(path)
    codec = codec_of(ds)
    frames = frames_of(ds, codec)
    for i in sorted({0, len(frames) // 2, len(frames) - 1}):
        bit, data = frames[i]
        got = decoder.decode(ds, codec, bit, data)
        if name in REFUSED:
            check(name, isinstance(got, tuple) and got[0] == CORRUPT, got)
            continue
        if isinstance(got, tuple):
            check(name, False, got)
            continue
        if codec == JPEG:
            check_jpeg(name, ds, data, got)
        elif codec != JPEGLS and name != "SC_rgb_small_odd_big_endian.dcm":
            check_against_pydicom(name, ds, codec, i, got)
        if i == 0 and codec not in (LE, BE):
            check_cuts(name, decoder, ds, codec, data)


def images_below(folder):
    for root, _, files in sorted(os.walk(folder)):
        for file in sorted(files):
            path = os.path.join(root, file)
            try:
                ds = pydicom.dcmread(path, force=True)
                if "PixelData" in ds and "Rows" in ds:
                    ds["PixelData"].VR = str(ds["PixelData"].VR).split(".")[-1]
                    yield path, ds
            except Exception:  # not DICOM, or broken on purpose
                continue


def first_frame(decoder, path):
    ds = pydicom.dcmread(path)
    codec = codec_of(ds)
    return decoder.decode(ds, codec, *frames_of(ds, codec)[0])


def run_wg04(decoder, folder):
    compared = 0
    for name in "CT1 MR1 MR4 NM1 RG3 US1 VL1 XA1".split():
        unc = first_frame(decoder, os.path.join(folder, "UNC", name + "_UNC"))
        for variant in sorted(os.listdir(folder)):
            path = os.path.join(folder, variant, f"{name}_{variant}")
            if not os.path.exists(path):
                continue
            limit = LOSSY.get(variant, {}).get(name, 0)
            got = first_frame(decoder, path)
            if isinstance(got, tuple):
                check(path, False, got)
                continue
            check(path, distance(got, unc) <= limit,
                  f"{distance(got, unc)} from UNC, {limit} allowed")
            compared += 1
    check("wg04", compared >= 50, f"only {compared} variants compared")


def run_pairs(decoder, folder):
    """The same image in two encodings, where no other reference exists."""
    for a, b in [("SC_rgb_small_odd.dcm", "SC_rgb_small_odd_big_endian.dcm"),
                 ("liver_1frame.dcm", "liver_expb_1frame.dcm"),
                 ("SC_rgb_jpeg.dcm", "SC_rgb_jpeg_dcmd.dcm"),
                 ("MR_small.dcm", "MR_small_jpeg_ls_lossless.dcm"),
                 ("SC_rgb_rle.dcm", "SC_rgb_jpeg_gdcm.dcm")]:
        one = first_frame(decoder, os.path.join(folder, a))
        two = first_frame(decoder, os.path.join(folder, b))
        check(b, distance(one, two) == 0, f"{distance(one, two)} from {a}")


def main():
    shared = os.environ.get("PREPFS_SHARED", sys.argv[2])
    corpus = os.path.join(shared, "corpus")
    if not os.path.isdir(corpus):
        print(f"SKIP: no {corpus}")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        decoder = Decoder(sys.argv[1], folder)
        files = 0
        for path, ds in images_below(corpus):
            run_file(decoder, path, ds)
            files += 1
        run_wg04(decoder, os.path.join(corpus, "wg04"))
        run_pairs(decoder, os.path.join(corpus, "pydicom"))
        decoder.pipe.stdin.close()
        check("decode_pipe", decoder.pipe.wait() == 0, "it failed")
    print(f"{files} files, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
