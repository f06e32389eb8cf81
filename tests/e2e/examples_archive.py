# SPDX-License-Identifier: MIT
"""The archive of the worked examples, and where its leaves are.

Subjects are files or series of the corpus, copied, and two series that are made
of it: ct-philips continued to 40 slices, since the corpus has no regular series
that long; and small cuts of it, lying askew, every slice with its own rescale and
window, with padding.
"""
import os
import re
import shutil
import sqlite3
import sys
import uuid

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from reference import source  # noqa: E402

FILES = {
    "mr": "wg04/UNC/MR1_UNC",            # signed, one window
    "ct": "wg04/UNC/CT1_UNC",            # PixelPaddingValue, no window
    "rg": "wg04/UNC/RG3_UNC",            # MONOCHROME1
    "us": "wg04/UNC/US1_UNC",            # RGB
    "nm": "wg04/UNC/NM1_UNC",            # not square, no window
    "j2k": "wg04/J2KR/MR1_J2KR",
    "rle": "pydicom/MR_small_RLE.dcm",
    "cr": "pydicom/dicomdirtests/77654033/CR1/6154",  # MONOCHROME1, RescaleSlope 0.684
    "two": "pydicom/examples_overlay.dcm",            # two windows
    "enhanced": "enhanced-mr/6_1.dcm",   # 6 frames, a window each
    "mixed": "enhanced-mr/IM_0027_fMAP.dcm",  # 64 frames of several volumes
    "dose": "pydicom/rtdose.dcm",        # 15 frames of 32 bits
    "cine": "pydicom/examples_ybr_color.dcm",  # 30 frames of JPEG, 4:2:2
}
# Findings of table roi, `nodules`: centres in millimetres, LPS; of the last one, an
# image that is nowhere, in pixels.
NODULES = {
    "philips": [(-30.0, 40.0, 740.0), (25.5, 101.25, 790.0), (0.0, 0.0, 700.0)],
    "small": [(-60.0, 30.0, 100.0), (-40.0, 40.0, 90.0)],
    "enhanced": [(-20.0, 10.0, 0.5), (60.0, 25.0, 4.0)],
    "mr": [(0.0, 0.0, 0.0), (-50.0, 31.0, 20.0)],
    "rg": [(700.25, 300.0, 0.0), (5.0, 1750.0, 0.0)],
}
SERIES = {"philips": "ct-philips", "ge": "ct-ge", "tall": "tall", "small": "small"}
TALL, SMALL = 40, 12


def slices_of(corpus):
    """ct-philips, from foot to head."""
    top = os.path.join(corpus, "ct-philips")
    slices = [source.read(os.path.join(top, n)) for n in os.listdir(top) if n.startswith("I")]
    return sorted(slices, key=lambda d: float(d.ImagePositionPatient[2]))


def write_slice(ds, folder, series, number):
    """One slice of a made series; the names of the files say nothing."""
    stem = uuid.uuid5(uuid.NAMESPACE_OID, f"prepfs.{series}.{number}").int
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"2.25.{stem}"
    ds.SeriesInstanceUID, ds.InstanceNumber = series, number
    ds.save_as(os.path.join(folder, f"{stem % 9973}.dcm"), write_like_original=True)


def copy_of(ds):
    copy = ds.copy()
    copy.file_meta = ds.file_meta.copy()
    return copy


def make_tall(slices, folder):
    """The slices, then all but the last of them backwards."""
    lowest = float(slices[0].ImagePositionPatient[2])
    for k in range(TALL):
        ds = copy_of(slices[k if k < len(slices) else 2 * len(slices) - 2 - k])
        ds.ImagePositionPatient = [*ds.ImagePositionPatient[:2], lowest + 5 * k]
        write_slice(ds, folder, "2.25.40404040", k + 1)


def make_small(slices, folder):
    """48 x 40 pixels of every second slice. Rows run to the feet, columns mostly
    to the back: sagittal, turned by 20 degrees; stored from left to right."""
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    row, column = np.array([0, 0, -1]), np.array([s, c, 0])
    step = np.cross(row, column) * 4
    for k in range(SMALL):
        ds = copy_of(slices[2 * k])
        a = ds.pixel_array[200:240, 180:228].copy()
        a[:4, :9] = 4000
        ds.Rows, ds.Columns, ds.PixelData = 40, 48, a.tobytes()
        ds.add_new(0x00280120, "US", 4000)  # PixelPaddingValue
        ds.PixelSpacing, ds.SliceThickness = [0.5, 0.75], 9
        ds.RescaleSlope, ds.RescaleIntercept = 1 + k / 8, -1000 - 3 * k
        ds.WindowCenter, ds.WindowWidth = [40 + k, 300], [200 + 10 * k, 1500]
        ds.ImageOrientationPatient = [*row, *column]
        ds.ImagePositionPatient = list(np.array([-60, 20, 110]) + (SMALL - k) * step)
        write_slice(ds, folder, "2.25.12121212", k + 1)


def make(corpus, folder):
    for path in FILES.values():
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        shutil.copy(os.path.join(corpus, path), os.path.join(folder, path))
    for path in ("ct-philips", "ct-ge"):
        shutil.copytree(os.path.join(corpus, path), os.path.join(folder, path))
    slices = slices_of(corpus)
    for name, series in (("tall", make_tall), ("small", make_small)):
        os.makedirs(os.path.join(folder, name))
        series(slices, os.path.join(folder, name))


def uid_of(folder, subject):
    """What table roi calls it: a series, or a single image."""
    if subject in SERIES:
        top = os.path.join(folder, SERIES[subject])
        name = next(n for n in sorted(os.listdir(top)) if n not in ("DIRFILE", "LICENSE"))
        return str(source.read(os.path.join(top, name), stop_before_pixels=True).SeriesInstanceUID)
    return str(source.read(os.path.join(folder, FILES[subject]), stop_before_pixels=True).SOPInstanceUID)


def findings(folder, subjects):
    """CSV of table roi."""
    print("table_name,series_uid,n,x,y,z,dx,dy,dz,label")
    for subject in subjects:
        for n, centre in enumerate(NODULES[subject], 1):
            print("nodules", uid_of(folder, subject), n, *centre, "", "", "", subject, sep=",")


class Archive:
    """What is mounted at MOUNT, and the same files read by pydicom."""

    def __init__(self, mount, folder):
        self.mount, self.folder, self.sources = mount, folder, {}
        db = sqlite3.connect(f"file:{mount}/manifest.db?mode=ro", uri=True)
        rows = db.execute("SELECT so.relpath, st.dirname, se.dirname, coalesce(i.fname, i.uid) FROM instance i"
                          " JOIN source so ON so.id = i.source_id JOIN series se ON se.id = i.series_id"
                          " JOIN study st ON st.id = se.study_id").fetchall()
        self.stems = {path: (study, stem) for path, study, _, stem in rows}
        self.folders = {path.split("/")[0]: (study, series) for path, study, series, _ in rows}

    def leaf(self, view, subject, ext, part=""):
        """Path of a leaf, below the mount point."""
        study, stem = self.folders[SERIES[subject]] if subject in SERIES else self.stems[FILES[subject]]
        return f"{view}/{study}/{stem}{part}.{ext}"

    def path(self, *words):
        return os.path.join(self.mount, *words)

    @staticmethod
    def findings(subject):
        return NODULES.get(subject, ())

    def source(self, subject):
        if subject not in self.sources:
            if subject in SERIES:
                top = os.path.join(self.folder, SERIES[subject])
                paths = [os.path.join(top, n) for n in sorted(os.listdir(top)) if n not in ("DIRFILE", "LICENSE")]
                self.sources[subject] = source.series(paths)
            else:
                self.sources[subject] = source.instance(os.path.join(self.folder, FILES[subject]))
            # what random patches depend on: the stem without .dN
            stem = os.path.basename(self.leaf("full", subject, ""))[:-1]
            self.sources[subject].uid = re.sub(r"\.d[0-9]+$", "", stem)
        return self.sources[subject]


if __name__ == "__main__":
    if sys.argv[1] == "--findings":
        findings(sys.argv[2], NODULES)
    else:
        make(sys.argv[1], sys.argv[2])
