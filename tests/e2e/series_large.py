#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A long series, resampled, in random pieces: what it costs.

series_large.py make FOLDER SLICES
series_large.py read MOUNT PID CACHE_MIB
"""
import glob
import json
import os
import random
import sys
import time

import numpy
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset

SIDE = 512
MIB = 1 << 20
GAP = 2.5


def slice_of(k):
    """Smooth in all directions, different everywhere, 12 bits."""
    y, x = numpy.mgrid[0:SIDE, 0:SIDE]
    return ((x * 3 + y * 5 + k * 7) % 4096).astype("<u2")


def make(folder, n):
    os.makedirs(folder)
    for k in range(n):
        d = Dataset()
        d.file_meta = FileMetaDataset()
        d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        d.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.10.9.{k + 1}"
        d.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID
        d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID
        d.Modality = "CT"
        d.StudyInstanceUID = "1.2.826.0.1.3680043.10.7"
        d.SeriesInstanceUID = "1.2.826.0.1.3680043.10.8"
        d.InstanceNumber = n - k  # says nothing
        d.ImagePositionPatient = [-100, -100, round(-500 + GAP * k, 3)]
        d.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        d.SamplesPerPixel = 1
        d.PhotometricInterpretation = "MONOCHROME2"
        d.Rows = d.Columns = SIDE
        d.PixelSpacing = [0.7, 0.7]
        d.BitsAllocated, d.BitsStored, d.HighBit = 16, 12, 11
        d.PixelRepresentation = 0
        d.RescaleIntercept, d.RescaleSlope = -1024, 1
        d.PixelData = slice_of(k).tobytes()
        d.is_little_endian, d.is_implicit_VR = True, False
        pydicom.dcmwrite(os.path.join(folder, f"{k * 7919 % n:04d}.dcm"), d,
                         write_like_original=False)


def stats(mount):
    with open(os.path.join(mount, ".prepfs", "stats.json")) as f:
        return json.load(f)


def frames_decoded(mount):
    def find(node):
        if isinstance(node, dict):
            if "frames_decoded" in node:
                return node["frames_decoded"]
            for value in node.values():
                found = find(value)
                if found is not None:
                    return found
        return None
    return find(stats(mount))


def peak_mib(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def check_page(mount):
    """A page of the same pixel size: two slices, blended."""
    name = glob.glob(os.path.join(mount, "series_hu_spacing-0.7x0.7x1", "*", "*.npy")) or \
        [os.path.join(mount, "series_hu_spacing-0.7x0.7x1", "1.2.826.0.1.3680043.10.7",
                      "1.2.826.0.1.3680043.10.8.npy")]
    before = frames_decoded(mount)
    volume = numpy.load(name[0], mmap_mode="r")
    pages = len(volume)
    k = pages * 2 // 3
    page = numpy.array(volume[k])
    after = frames_decoded(mount)
    n = int(round((pages - 1) / GAP)) + 1
    at = numpy.float32(k) / numpy.float32(pages - 1) * numpy.float32(n - 1)
    low, part = int(at), float(at) - int(at)
    want = (slice_of(low) - 1024.0) * (1 - part) + (slice_of(low + 1) - 1024.0) * part
    assert numpy.abs(page - want).max() < 0.01, numpy.abs(page - want).max()
    # the header's block and the page, with what the kernel reads ahead
    assert after - before <= 8, f"{after - before} frames for a page"


def read(mount, pid, cache_mib):
    check_page(mount)
    path = os.path.join(mount, "series_spacing-1x1x1", "1.2.826.0.1.3680043.10.7",
                        "1.2.826.0.1.3680043.10.8.tiff")
    size = os.stat(path).st_size
    rng = random.Random(4)
    pieces = 120
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    os.pread(fd, MIB, 0)  # the extent of the volume: each frame once
    before, start = frames_decoded(mount), time.time()
    for _ in range(pieces):
        data = os.pread(fd, MIB, rng.randrange(size - MIB))
        assert len(data) == MIB
    seconds = time.time() - start
    os.close(fd)
    frames = frames_decoded(mount) - before
    peak = peak_mib(pid)
    print(f"{size / MIB:.0f} MiB in random pieces: {pieces / seconds:.1f} MiB/s, "
          f"{frames / pieces:.1f} frames a piece, peak {peak:.0f} MiB with a cache of {cache_mib}")
    # AddressSanitizer holds 256 MiB back that were freed.
    if os.environ.get("PREPFS_SANITIZED", "none") == "none":
        assert peak < cache_mib + 256, f"{peak} MiB"
    assert frames / pieces < 12, "a piece of four pages needs a handful of frames"


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
    else:
        read(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
