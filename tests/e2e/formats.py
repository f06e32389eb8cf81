#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The formats beside .tiff, each read by the library people use for it.

usage: formats.py --report ARCHIVE          adds an object without pixels
       formats.py MOUNT ARCHIVE DIGESTS     checks, and notes what was read
       formats.py --again MOUNT DIGESTS     the same bytes once more?

The values of a format must be those of the .tiff leaf; its st_size must be
there before the first read and be right; the affine of a .nii is computed
here from the source's own elements (pydicom, PS3.3 C.7.6.2.1.1) and from the
tags of the .tiff, not from anything that prepfs says about it.
"""
import errno
import hashlib
import json
import os
import sqlite3
import struct
import sys

import nibabel
import numpy
import PIL.Image
import pydicom
import tifffile

VIEWS = ["full", "hu", "hu_i16", "raw", "u8", "crop", "crop_size-64x48_pad-center",
         "flip-h_rot-90_spacing-1x2", "box-40x30at7x5_size-33x47-cover", "pick-2to3",
         "rot-180_crop_size-50x50_nopad", "u8_gray"]
EOPNOTSUPP = errno.EOPNOTSUPP


class Archive:
    """What the mount shows, and the files behind it."""

    def __init__(self, mount, archive):
        db = sqlite3.connect(f"file:{mount}/manifest.db?mode=ro", uri=True)
        rows = db.execute("SELECT c.rel, s.relpath FROM cohort c"
                          " JOIN source s ON s.id = c.source_id ORDER BY 1").fetchall()
        self.mount = mount
        self.sources = {rel[:-len(".tiff")]: os.path.join(archive, path)
                        for rel, path in rows}
        self.headers = {}
        self.report = db.execute(
            "SELECT st.dirname, coalesce(i.fname, i.uid) FROM instance i"
            " JOIN study st ON st.id = i.study_id WHERE i.has_pixels = 0").fetchall()

    def leaf(self, view, stem, ext):
        return os.path.join(self.mount, view, f"{stem}.{ext}")

    def header(self, stem):
        if stem not in self.headers:
            self.headers[stem] = pydicom.dcmread(self.sources[stem],
                                                 stop_before_pixels=True)
        return self.headers[stem]


class Counter(dict):
    def add(self, key):
        self[key] = self.get(key, 0) + 1


counts = Counter()
digests = {}


def read(path):
    """The bytes of a leaf whose size was asked for first; None if it cannot be
    had, with the error number."""
    try:
        size = os.stat(path).st_size
        with open(path, "rb") as f:
            data = f.read()
    except OSError as e:
        return None, e.errno
    assert len(data) == size, f"{path}: st_size {size}, {len(data)} bytes"
    digests["/".join(path.split("/")[-3:])] = hashlib.sha256(data).hexdigest()
    return data, 0


# ---- .npy -------------------------------------------------------------------

def check_npy(a, view, stem, want, code):
    path = a.leaf(view, stem, "npy")
    data, got = read(path)
    assert got == code, f"{path}: errno {got}, the .tiff has {code}"
    if data is None:
        return
    array = numpy.load(path, mmap_mode="r")
    assert isinstance(array, numpy.memmap) and array.offset == 4096, path
    assert len(data) == 4096 + array.nbytes, path
    assert array.dtype == want.dtype and array.shape == want.shape, \
        f"{path}: {array.dtype} {array.shape}, want {want.dtype} {want.shape}"
    assert numpy.array_equal(array, want), path
    counts.add("npy")


def add_report(archive):
    """A structured report in the first study: an object without pixels."""
    for top, _, names in sorted(os.walk(archive)):
        for name in sorted(names):
            d = pydicom.dcmread(os.path.join(top, name), stop_before_pixels=True)
            report = pydicom.Dataset()
            report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
            report.SOPInstanceUID = "2.25.424242"
            report.StudyDate, report.Modality = "20200102", "SR"
            report.PatientName, report.PatientID = "Secret^Name", d.PatientID
            report.StudyInstanceUID = d.StudyInstanceUID
            report.SeriesInstanceUID = "2.25.4242"
            report.is_little_endian, report.is_implicit_VR = True, False
            report.file_meta = pydicom.dataset.FileMetaDataset()
            report.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
            report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID
            report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
            pydicom.dcmwrite(os.path.join(archive, "report.dcm"), report,
                             write_like_original=False)
            return


def check_half(a, stem):
    """f16 is f32 rounded, and .npy alone has it."""
    for view, single in [("hu_f16", "hu"), ("f16", "f32"), ("crop_gray_f16", "crop_gray_f32")]:
        want, code = read(a.leaf(single, stem, "tiff"))
        half, got = read(a.leaf(view, stem, "npy"))
        for ext in ("tiff", "nii", "png"):
            if want is not None:
                assert read(a.leaf(view, stem, ext)) == (None, EOPNOTSUPP), (view, ext)
        if want is None:
            assert got == code
            continue
        with numpy.errstate(over="ignore"):
            expected = tifffile.imread(a.leaf(single, stem, "tiff")).astype("<f2")
        assert numpy.array_equal(numpy.load(a.leaf(view, stem, "npy")), expected), (view, stem)
        counts.add("f16")


# ---- .nii -------------------------------------------------------------------

def placed_frames(header):
    """(position, orientation, (row spacing, column spacing)) of every frame, or
    None where the file does not say."""
    def item(group, name):
        if group is not None and name in group:
            return getattr(group, name)[0]
        return None

    def one(f, shared):
        out = []
        for seq, key in [("PlanePositionSequence", "ImagePositionPatient"),
                         ("PlaneOrientationSequence", "ImageOrientationPatient"),
                         ("PixelMeasuresSequence", "PixelSpacing")]:
            holder = item(f, seq) or item(shared, seq) or header
            out.append([float(v) for v in holder.get(key, [])])
        return out if all(out) else None

    shared = item(header, "SharedFunctionalGroupsSequence")
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or [None]
    frames = [one(f, shared) for f in per_frame]
    return None if None in frames else frames


def matrix(x=(1, 0, 0), y=(0, 1, 0)):
    return numpy.array([x, y, (0, 0, 1)], float)


def grid_of(a, view, stem, header):
    """From (column, row) of a leaf to (column, row) of the stored frame, by
    what the names of the operators and the tags of the .tiff say."""
    with tifffile.TiffFile(a.leaf(view, stem, "tiff")) as t:
        page = t.pages[0]
        tags = {k: page.tags[k].value for k in (50719, 50720, 50829) if k in page.tags}
        height, width = page.shape[:2]
    cols, rows = header.Columns, header.Rows
    m = matrix()
    ops = view.split("_")
    if "flip-h" in ops:
        m = m @ matrix(x=(-1, 0, cols - 1))
    if "rot-90" in ops:  # the result at (x, y) was at (y, rows - 1 - x)
        m = m @ matrix(x=(0, 1, 0), y=(-1, 0, rows - 1))
        cols, rows = rows, cols
    if "rot-180" in ops:
        m = m @ matrix(x=(-1, 0, cols - 1), y=(0, -1, rows - 1))
    if 50720 in tags:
        w, h = tags[50720]
        x, y = tags[50719][0] - w // 2, tags[50719][1] - h // 2
        m = m @ matrix(x=(1, 0, x), y=(0, 1, y))
        cols, rows = w, h
    pad = tags.get(50829, (0, 0, 0, 0))
    inner = width - pad[0] - pad[2], height - pad[1] - pad[3]
    cut = (0, 0)
    if "-cover" in view:  # the larger scale on both axes, then the middle
        scale = max(width / cols, height / rows)
        inner = round(cols * scale), round(rows * scale)
        cut = (inner[0] - width) // 2, (inner[1] - height) // 2
    rx, ry = cols / inner[0], rows / inner[1]
    m = m @ matrix(x=(rx, 0, 0.5 * rx - 0.5), y=(0, ry, 0.5 * ry - 0.5))
    return m @ matrix(x=(1, 0, cut[0] - pad[0]), y=(0, 1, cut[1] - pad[1]))


def expected_affine(a, view, stem, header):
    frames = placed_frames(header)
    if frames is None or len(frames) != int(header.get("NumberOfFrames", 1)):
        return None
    position, orientation, spacing = frames[0]
    row, column = numpy.array(orientation[:3]), numpy.array(orientation[3:])
    step = numpy.cross(row, column)
    if len(frames) == 1:
        z = header.get("SpacingBetweenSlices") or header.get("SliceThickness") or 1
        step = step * float(z)
    else:
        along = sorted((numpy.array(f[0]) for f in frames),
                       key=lambda p: numpy.dot(p, step))
        step = (along[-1] - along[0]) / (len(frames) - 1)
        position = along[0]
        if view == "pick-2to3":
            position = along[1]
    stored = numpy.eye(4)
    stored[:3, 0], stored[:3, 1] = row * spacing[1], column * spacing[0]
    stored[:3, 2], stored[:3, 3] = step, position
    grid = grid_of(a, view, stem, header)
    full = numpy.eye(4)
    full[:2, :2], full[:2, 3] = grid[:2, :2], grid[:2, 2]
    return numpy.diag((-1, -1, 1, 1)) @ stored @ full


def check_nii(a, view, stem, want, code):
    path = a.leaf(view, stem, "nii")
    data, got = read(path)
    if want is not None and want.ndim > 2 and want.shape[-1] == 3 and want.dtype != "u1":
        assert got == EOPNOTSUPP, f"{path}: errno {got}"
        return
    assert got == code, f"{path}: errno {got}, the .tiff has {code}"
    if data is None:
        return
    image = nibabel.load(path)
    assert image.dataobj.offset == 4096, path
    assert struct.unpack_from("<2f", data, 112) == (1.0, 0.0), path  # scl_*
    values = numpy.asanyarray(image.dataobj)
    if values.dtype.fields:  # RGB24
        values = numpy.stack([values[c] for c in "RGB"], -1)
    tail = want.shape[-1:] if image.get_data_dtype().fields else (1,)
    # (columns, rows, slices or 1, moments) -> (pages, rows, columns)
    values = values.reshape(values.shape[:2] + (-1,) + tail).transpose(2, 1, 0, 3)
    values = values.reshape(want.shape)
    assert values.dtype == want.dtype and numpy.array_equal(values, want), path
    affine = expected_affine(a, view, stem, a.header(stem))
    code = int(image.header["sform_code"])
    if affine is None:
        assert code == 0, f"{path}: an affine from nowhere"
        counts.add("nii without a place")
    else:
        assert code == 1, path
        off = numpy.abs(image.affine - affine).max()
        assert off < 1e-3, f"{path}: off by {off} mm\n{image.affine}\n{affine}"
        # The quaternion says the same, as well as three floats near 90 degrees
        # can.
        qform, code = image.header.get_qform(coded=True)
        length = numpy.linalg.norm(affine[:3, :3], axis=0).tolist() + [1]
        off = numpy.abs((qform - affine) / length).max()
        assert code == 1 and off < 1e-3, f"{path}: off by {off}\n{qform}\n{affine}"
        counts.add("nii in the patient")


# ---- .png -------------------------------------------------------------------

def check_png(a, view, stem, want, code):
    path = a.leaf(view, stem, "png")
    data, got = read(path)
    if want is not None:
        pages = want.shape[0] if want.ndim - (want.shape[-1] == 3) > 2 else 1
        if pages > 1 or want.dtype not in ("u1", "u2"):
            assert got == EOPNOTSUPP, f"{path}: errno {got}"
            counts.add("png that cannot be")
            return
    assert got == code, f"{path}: errno {got}, the .tiff has {code}"
    if data is None:
        return
    with PIL.Image.open(path) as image:
        image.load()
        assert image.format == "PNG" and image.n_frames == 1, path
        if want.ndim == 2 or want.dtype == "u1":  # Pillow has no 16-bit RGB
            assert numpy.array_equal(numpy.asarray(image), want), path
            counts.add("png")
        else:
            assert image.size == (want.shape[1], want.shape[0]), path


# ---- .json ------------------------------------------------------------------

# What a .json may share with its source: coded words, makers, numbers.
ALLOWED = {"Modality", "Manufacturer", "ManufacturerModelName", "BodyPartExamined",
           "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID",
           "FrameOfReferenceUID", "TransferSyntaxUID"}
TYPES = {"u1": "uint8", "u2": "uint16", "i2": "int16", "f4": "float32", "f8": "float64",
         "i4": "int32", "u4": "uint32"}


def texts_of(header):
    """Texts of the elements that say who, where and when."""
    for e in header.iterall():
        if e.VR in ("PN", "DA", "TM", "DT", "SH", "LO", "ST", "LT", "UT", "UI") \
                and e.keyword not in ALLOWED and not e.tag.is_private:
            for v in e.value if e.VM > 1 else [e.value]:
                if len(str(v)) >= 5:
                    yield e.keyword, str(v)


def check_privacy(a, stem, text):
    for keyword, value in texts_of(a.header(stem)):
        if keyword in ("FilterType", "ConvolutionKernel", "RescaleType"):
            continue
        assert value not in text, f"{stem}: {keyword} is in the .json: {value}"
    for word in ("Patient", os.path.basename(a.sources[stem]), "DEMO-"):
        assert word not in text.replace("ImagePositionPatient", ""), (stem, word)


def check_geometry(a, view, stem, doc, want):
    with tifffile.TiffFile(a.leaf(view, stem, "tiff")) as t:
        tags = {k: t.pages[0].tags[k].value for k in (50718, 50719, 50720, 50829)
                if k in t.pages[0].tags}
    g = doc["geometry"]
    assert (g["crop"] is None) == (50720 not in tags), (view, stem)
    if g["crop"]:
        (x, y), (w, h) = g["crop"]["corner"], g["crop"]["size"]
        assert (w, h) == tags[50720] and (x + w // 2, y + h // 2) == tags[50719], (view, stem)
    assert (g["scale"] is None) == (50718 not in tags), (view, stem)
    if g["scale"]:
        assert numpy.allclose(g["scale"], tags[50718], rtol=1e-6), (view, stem)
    assert (g["pad"] is None) == (50829 not in tags), (view, stem)
    if g["pad"]:
        assert tuple(g["pad"]["before"] + g["pad"]["after"]) == tags[50829], (view, stem)
    affine = expected_affine(a, view, stem, a.header(stem))
    assert (g["affine_ras"] is None) == (affine is None), (view, stem)
    if affine is not None:
        assert numpy.abs(numpy.array(g["affine_ras"]) - affine).max() < 1e-3, (view, stem)


def check_json(a, view, stem, want, code):
    path = a.leaf(view, stem, "json")
    data, got = read(path)
    assert got == 0, f"{path}: errno {got}"
    doc = json.loads(data)
    check_privacy(a, stem, data.decode("ascii"))
    assert doc["view"] == view and doc["leaf"]["name"] == stem.split("/")[1], path
    words = [o["operator"] for o in doc["operators"]]
    assert "_".join(words) == (view if view != "full" else "") and \
        all(len(o["does"]) > 5 for o in doc["operators"]), path
    header = a.header(stem)
    assert doc["dicom"]["00280010"] == {"vr": "US", "Value": [header.Rows]}, path
    assert doc["dicom"]["00080060"]["Value"] == [header.Modality], path
    if want is None:
        assert doc["problem"] and doc["output"] is None, path
        counts.add("json with a problem")
        return
    out = doc["output"]
    assert doc["problem"] is None and tuple(out["shape"]) == want.shape, path
    assert out["dtype"] == TYPES[want.dtype.str[1:]], path
    for ext in ("tiff", "npy", "nii", "png"):
        leaf = a.leaf(view, stem, ext)
        if ext not in out["bytes"]:
            assert read(leaf) == (None, EOPNOTSUPP), leaf
        elif out["bytes"][ext] is not None:
            assert os.stat(leaf).st_size == out["bytes"][ext], leaf
    frames = int(header.get("NumberOfFrames", 1))
    first = doc["frames"]["first"]
    assert sorted(first) == (list(range(1, frames + 1)) if "pick" not in view else
                             sorted(first)) and len(first) == (want.shape[0] if
                             len(out["axes"]) > 2 and out["axes"][0] == "page" else 1), path
    if doc["window"] and doc["window"]["kind"] == "window":
        assert view not in ("hu", "hu_i16", "raw"), path
        got = doc["window"]["center"], doc["window"]["width"]
        stored = [header.get(k) for k in ("WindowCenter", "WindowWidth")]
        if stored[0] is not None:
            stored = [v[0] if isinstance(v, pydicom.multival.MultiValue) else v
                      for v in stored]
            assert got == tuple(float(v) for v in stored), path
            counts.add("json with a stored window")
    check_geometry(a, view, stem, doc, want)
    counts.add("json")


def check_without_pixels(a):
    """An object without pixels is not listed, but its .json is there."""
    for study, name in a.report:
        folder = os.path.join(a.mount, "full", study)
        assert name not in " ".join(os.listdir(folder)), name
        assert read(os.path.join(folder, name + ".tiff")) == (None, errno.ENOENT), name
        data, _ = read(os.path.join(folder, name + ".json"))
        doc = json.loads(data)
        assert doc["problem"] == name + " has no pixels" and doc["output"] is None, doc
        assert doc["dicom"]["00080060"]["Value"] == ["SR"] and b"Secret" not in data, doc
        counts.add("json without pixels")


# ---- all --------------------------------------------------------------------

def check(a, view, stem):
    data, code = read(a.leaf(view, stem, "tiff"))
    want = None if data is None else tifffile.imread(a.leaf(view, stem, "tiff"))
    check_npy(a, view, stem, want, code)
    check_nii(a, view, stem, want, code)
    check_png(a, view, stem, want, code)
    check_json(a, view, stem, want, code)


def check_listings(a):
    for ext in ("npy", "nii", "png", "json"):
        names = []
        top = os.path.join(a.mount, f"hu_list-{ext}")
        for study in os.listdir(top):
            names += [f"{study}/{n}" for n in os.listdir(os.path.join(top, study))]
        assert sorted(names) == sorted(f"{s}.{ext}" for s in a.sources), ext
        with open(os.path.join(a.mount, f".prepfs/manifest/hu_list-{ext}.csv")) as f:
            rows = [line.split(",") for line in f.read().splitlines()[1:]]
        for row in rows:
            assert row[3].endswith("." + ext), row
            path = os.path.join(a.mount, row[3])
            if row[9]:
                at = os.stat(path)
                assert (at.st_ino, at.st_size) == (int(row[4]), int(row[9])), row
                counts.add("csv")


def again(mount, noted):
    with open(noted) as f:
        first = json.load(f)
    for name, digest in first.items():
        with open(os.path.join(mount, name), "rb") as f:
            assert hashlib.sha256(f.read()).hexdigest() == digest, f"{name}: other bytes"
    print(f"{len(first)} leaves have the same bytes")


def main():
    if sys.argv[1] == "--report":
        add_report(sys.argv[2])
        return
    if sys.argv[1] == "--again":
        again(*sys.argv[2:])
        return
    a = Archive(*sys.argv[1:3])
    assert len(a.sources) > 5
    for stem in a.sources:
        for view in VIEWS:
            check(a, view, stem)
        check_half(a, stem)
    check_listings(a)
    check_without_pixels(a)
    assert counts["json without pixels"] == 1
    for what in ("npy", "f16", "nii in the patient", "nii without a place", "png",
                 "png that cannot be", "json", "json with a problem",
                 "json with a stored window", "csv"):
        assert counts.get(what, 0) > 2, f"nothing was checked: {what}: {counts}"
    with open(sys.argv[3], "w") as f:
        json.dump(digests, f)
    print(", ".join(f"{n} {what}" for what, n in sorted(counts.items())))


if __name__ == "__main__":
    main()
