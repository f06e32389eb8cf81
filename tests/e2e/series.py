#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Series of the corpus as volumes, against pydicom, NumPy and dcm2niix.

series.py ARCHIVE MOUNT strict|gaps [FOLDER OF dcm2niix]
"""
import csv
import errno
import glob
import json
import os
import sqlite3
import sys

import nibabel
import numpy
import pydicom
import tifffile

ARCHIVE, MOUNT, MODE = sys.argv[1:4]
CONVERTED = sys.argv[4] if len(sys.argv) > 4 else None


def load(folder):
    """The slices of one series, ascending along the normal."""
    slices = []
    for name in sorted(glob.glob(os.path.join(ARCHIVE, folder, "*"))):
        try:
            header = pydicom.dcmread(name)
        except pydicom.errors.InvalidDicomError:
            continue
        if "PixelData" in header:
            slices.append(header)
    axes = numpy.array(slices[0].ImageOrientationPatient, dtype=float)
    normal = numpy.cross(axes[:3], axes[3:])
    slices.sort(key=lambda s: numpy.dot(normal, numpy.array(s.ImagePositionPatient, dtype=float)))
    return slices


def volume_of(slices):
    return numpy.stack([
        numpy.rint(s.pixel_array * float(s.RescaleSlope) +
                   float(s.RescaleIntercept)).astype(numpy.int16) for s in slices])


def path_of(view, slices, ext):
    name = slices[0].SeriesInstanceUID
    return os.path.join(MOUNT, view, slices[0].StudyInstanceUID, f"{name}.{ext}")


def affine_of(slices):
    """From the first and the last position, PS3.3 C.7.6.2.1.1, in RAS+."""
    first = numpy.array(slices[0].ImagePositionPatient, dtype=float)
    last = numpy.array(slices[-1].ImagePositionPatient, dtype=float)
    axes = numpy.array(slices[0].ImageOrientationPatient, dtype=float)
    rows, columns = (float(x) for x in slices[0].PixelSpacing)
    affine = numpy.eye(4)
    affine[:3, 0] = axes[:3] * columns
    affine[:3, 1] = axes[3:] * rows
    affine[:3, 2] = (last - first) / (len(slices) - 1)
    affine[:3, 3] = first
    return numpy.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def check_values(slices):
    want = volume_of(slices)
    npy = path_of("series_hu_i16", slices, "npy")
    assert os.stat(npy).st_size == 4096 + want.nbytes
    got = numpy.load(npy, mmap_mode="r")
    assert got.dtype == want.dtype and got.shape == want.shape
    assert (got == want).all(), "npy: voxels differ"
    with tifffile.TiffFile(path_of("series_hu_i16", slices, "tiff")) as tiff:
        assert len(tiff.pages) == len(want)
        assert (tiff.asarray() == want).all(), "tiff: voxels differ"
    image = nibabel.load(path_of("series_hu_i16", slices, "nii"))
    assert (numpy.asarray(image.dataobj).T == want).all(), "nii: voxels differ"
    one = numpy.load(path_of("series_hu_i16_pick-3", slices, "npy"))
    assert (one == want[2]).all(), "pick is not in volume order"
    flipped = numpy.load(path_of("series_hu_i16_flip-z", slices, "npy"))
    assert (flipped == want[::-1]).all()
    mip = numpy.load(path_of("series_hu_i16_vol-mip", slices, "npy"))
    assert (mip == want.max(axis=0)).all()


def check_display(slices):
    """The window of each slice; minimum and maximum are the volume's."""
    off = numpy.load(path_of("series_window-off", slices, "npy"))
    want = volume_of(slices).astype(float)
    low, high = want.min(), want.max()
    assert (off == numpy.trunc((want - low) / (high - low) * 65535)).all()


def check_affine(slices):
    image = nibabel.load(path_of("series_hu_i16", slices, "nii"))
    assert int(image.header["sform_code"]) == 1
    assert numpy.allclose(image.affine, affine_of(slices), atol=1e-4), image.affine
    if not CONVERTED:
        return
    # dcm2niix mirrors rows; the same voxel is at the same place all the same.
    names = glob.glob(os.path.join(CONVERTED, "*.nii"))
    assert len(names) == 1, names
    theirs = nibabel.load(names[0])
    step = numpy.linalg.inv(image.affine) @ theirs.affine
    assert numpy.allclose(step[:3, :3], numpy.diag([1, -1, 1]), atol=1e-4), step
    assert numpy.allclose(step[:3, 3], [0, image.shape[1] - 1, 0], atol=1e-2), step
    assert (numpy.asarray(theirs.dataobj)[:, ::-1] == numpy.asarray(image.dataobj)).all()


def check_json(slices):
    with open(path_of("series_hu_i16", slices, "json")) as f:
        leaf = json.load(f)
    assert leaf["leaf"]["object"] == "series"
    assert leaf["problem"] is None
    assert leaf["frames"]["first"] == list(range(1, len(slices) + 1))
    assert leaf["frames"]["instance"] == [s.SOPInstanceUID for s in slices]
    return leaf


def check_refused(slices):
    for ext in ("npy", "tiff", "nii"):
        name = path_of("series_hu_i16", slices, ext)
        assert os.stat(name).st_size > 0
        try:
            with open(name, "rb") as f:
                f.read(1)
        except OSError as e:
            assert e.errno == errno.EIO, e
        else:
            raise AssertionError(f"{ext}: an irregular series was served")
    with open(path_of("series_hu_i16", slices, "json")) as f:
        problem = json.load(f)["problem"]
    reasons = [problem]
    reasons.append(os.getxattr(path_of("series_hu_i16", slices, "npy"),
                               "user.prepfs.error").decode())
    with open(os.path.join(MOUNT, ".prepfs", "errors.tsv")) as f:
        reasons += [line for line in f if "\tseries_hu_i16\t" in line]
    uids = [s.SOPInstanceUID for s in slices]
    for reason in reasons:
        assert "gaps between the slices differ" in reason, reason
        assert "gaps=allow" in reason, reason
        assert any(uid in reason for uid in uids), "which slice is it?"
    assert len(reasons) > 2, "nothing in errors.tsv"


def check_listing():
    """Every series is one file of its study, whatever is wrong with it."""
    db = sqlite3.connect(f"file:{MOUNT}/manifest.db?mode=ro", uri=True)
    rows = db.execute("SELECT st.dirname, se.dirname, se.volume_id FROM series se"
                      " JOIN study st ON st.id = se.study_id WHERE se.volume_id > 0").fetchall()
    db.close()
    for study in {row[0] for row in rows}:
        want = {f"{series}.npy": volume for s, series, volume in rows if s == study}
        for view in ("series_list-npy", "series_list-npy_tree"):
            folder = os.path.join(MOUNT, view, study)
            assert set(os.listdir(folder)) == set(want), study
        for entry in os.scandir(folder):
            assert entry.inode() >> 21 & 0x1ffffff == want[entry.name]
            assert entry.inode() & 15 == 1


def check_csv(view, kind):
    """The CSV lists the very files that folders list, with their numbers."""
    with open(os.path.join(MOUNT, ".prepfs", "manifest", f"{view}.csv")) as f:
        rows = list(csv.DictReader(f))
    listed = set()
    for study in os.listdir(os.path.join(MOUNT, view)):
        listed |= {f"{view}/{study}/{name}"
                   for name in os.listdir(os.path.join(MOUNT, view, study))}
    assert {row["path"] for row in rows} == listed, set(listed) ^ {r["path"] for r in rows}
    n = 0
    for row in rows:
        assert bool(row["sop_instance_uid"]) == (kind != "series"), row
        try:
            stat = os.stat(os.path.join(MOUNT, row["path"]))
        except OSError:
            continue  # what cannot be had has a row all the same
        assert stat.st_ino == int(row["inode"]), row
        if row["bytes"]:
            assert stat.st_size == int(row["bytes"]), row
            n += 1
    assert n > 20, n


def main():
    regular, irregular = load("ct-philips"), load("ct-ge")
    check_listing()
    check_values(regular)
    check_display(regular)
    check_affine(regular)
    check_json(regular)
    check_csv("series_hu_i16_list-npy", "series")
    check_csv("frames_raw_list-npy", "frames")
    if MODE == "strict":
        check_refused(irregular)
        print("a regular series is its volume; an irregular one is refused and explained")
    else:
        check_values(irregular)
        check_json(irregular)
        # its steps differ, so no affine is made up
        image = nibabel.load(path_of("series_hu_i16", irregular, "nii"))
        assert int(image.header["sform_code"]) == 0
        assert int(image.header["qform_code"]) == 0
        print("with gaps=allow the irregular series is its slices, without a place")


if __name__ == "__main__":
    main()
