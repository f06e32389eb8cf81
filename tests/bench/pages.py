#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
pages.py make MAMMOGRAM FOLDER FILES    files of 60 frames from one codestream
pages.py copies IMAGE FOLDER FILES      files of one frame, each another image
pages.py read SEED FRAMES < paths       every page of every file, in random order
"""
import os
import random
import struct
import sys
import time

FRAMES = 60


def make(source, folder, files):
    import pydicom
    from pydicom.encaps import encapsulate
    ds = pydicom.dcmread(source)
    try:
        from pydicom.encaps import generate_frames  # pydicom 3
        stream = next(generate_frames(ds.PixelData, number_of_frames=1))
    except ImportError:
        from pydicom.encaps import generate_pixel_data_frame
        stream = next(generate_pixel_data_frame(ds.PixelData, 1))
    ds.PixelData = encapsulate([stream] * FRAMES)
    ds["PixelData"].is_undefined_length = True
    ds.NumberOfFrames = FRAMES
    for i in range(files):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.2.1.{i + 1}"
        ds.save_as(os.path.join(folder, f"{i}.dcm"))


def copies(source, folder, files):
    import pydicom
    ds = pydicom.dcmread(source)
    for i in range(files):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.2.1.{i + 1}"
        ds.InstanceNumber = i + 1
        ds.save_as(os.path.join(folder, f"{i}.dcm"))


def page_bytes(path):
    """Of a TIFF of equal, unpacked pages: width * height * samples * bytes."""
    with open(path, "rb", buffering=0) as f:
        order, magic = struct.unpack("<2sH", f.read(4))
        big = magic == 43
        assert order == b"II" and magic in (42, 43), path
        f.seek(8 if big else 4)
        f.seek(struct.unpack("<Q" if big else "<I", f.read(8 if big else 4))[0])
        count = struct.unpack("<Q" if big else "<H", f.read(8 if big else 2))[0]
        size = 20 if big else 12
        tags = f.read(count * size)
    values = {}
    for at in range(0, len(tags), size):
        tag, kind = struct.unpack_from("<HH", tags, at)
        values[tag] = struct.unpack_from("<H" if kind == 3 else "<I", tags, at + (12 if big else 8))[0]
    samples = values.get(277, 1)
    assert samples == 1 and values.get(259, 1) == 1, values
    return values[256] * values[257] * values[258] // 8


def read(seed, frames):
    paths = [line.rstrip("\n") for line in sys.stdin]
    size = page_bytes(paths[0])
    places = [(path, page) for path in paths for page in range(frames)]
    random.Random(seed).shuffle(places)
    start = time.perf_counter()
    for path, page in places:
        fd = os.open(path, os.O_RDONLY)
        at = os.fstat(fd).st_size - (frames - page) * size
        assert len(os.pread(fd, size, at)) == size
        os.close(fd)
    seconds = time.perf_counter() - start
    print(len(places), len(places) / seconds)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1] == "copies":
        copies(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        read(int(sys.argv[2]), int(sys.argv[3]))
