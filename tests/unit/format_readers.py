#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The usual libraries must see our samples and words: numpy.load (with
mmap_mode too), nibabel, Pillow, OpenCV, json, pydicom. Each is skipped where
it is not installed.

usage: format_readers.py WRITER   (the program format_samples)
"""
import importlib
import json
import math
import os
import subprocess
import sys
import tempfile

DISTRIBUTION_PYTHON = "/usr/bin/python3"


def load(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


numpy = load("numpy")
if numpy is None and os.path.exists(DISTRIBUTION_PYTHON) \
        and not os.environ.get("FORMAT_READERS_AGAIN"):
    # a python of the user's own; the distribution's has the modules
    os.environ["FORMAT_READERS_AGAIN"] = "1"
    os.execv(DISTRIBUTION_PYTHON, [DISTRIBUTION_PYTHON] + sys.argv)


class Sample:
    def __init__(self, folder, words):
        self.kind, self.name = words[:2]
        self.path = os.path.join(folder, "%s.%s" % (
            self.name, "npy" if self.kind == "half" else self.kind))
        if self.kind == "json":
            return
        self.pages, self.height, self.width, self.channels = \
            (int(word) for word in words[2:6])
        self.dtype = numpy.dtype("<" + words[6])
        self.axis = words[7] if len(words) > 7 else None
        self.geometry = int(words[8]) if len(words) > 8 else None
        stored = numpy.dtype("<f4") if self.kind == "half" else self.dtype
        raw = os.path.join(folder, self.name + ".raw")
        # pages, rows, columns, channels: all four, whatever the file shows
        self.samples = numpy.fromfile(raw, stored).reshape(
            self.pages, self.height, self.width, self.channels)

    def shown(self):
        """The samples in the shape that .npy documents."""
        a = self.samples
        if self.channels == 1:
            a = a[..., 0]
        if self.pages == 1 and self.axis != "volume":
            a = a[0]
        return a


def equal(have, want):
    # bit for bit
    have, want = (numpy.ascontiguousarray(a) for a in (have, want))
    return (have.dtype == want.dtype and have.shape == want.shape
            and have.tobytes() == want.tobytes())


# ---- readers: "" or what is wrong; None: not for this sample ----------------

def with_numpy(_module, s):
    if s.kind != "npy":
        return None
    a = numpy.load(s.path)
    if not a.flags.c_contiguous:
        return "not in C order"
    return "" if equal(a, s.shown()) else "%r %r" % (a.dtype, a.shape)


def with_mmap(_module, s):
    if s.kind != "npy":
        return None
    a = numpy.load(s.path, mmap_mode="r")
    if not isinstance(a, numpy.memmap) or a.offset != 4096:
        return "not mapped at 4096"
    if a.ctypes.data % 4096 != 0:
        return "not aligned in memory"
    if os.path.getsize(s.path) != a.offset + a.nbytes:
        return "size is not that of header and samples"
    return "" if equal(a, s.shown()) else "%r %r" % (a.dtype, a.shape)


def with_half(_module, s):
    if s.kind != "half":
        return None
    with numpy.errstate(over="ignore"):
        want = s.shown().astype("<f2")
    a = numpy.load(s.path)
    return "" if equal(a, want) else "%r %r" % (a.dtype, a.shape)


def geometry_of(header, image, s):
    """Checks what the header says about the place of the voxels."""
    units = header.get_xyzt_units()
    zooms = [float(z) for z in header.get_zooms()]
    want = [0.7, 0.9, 2.5] if s.geometry else [1.0, 1.0, 1.0]
    if s.axis == "time":
        want.append(0.04)
    if not numpy.allclose(zooms, want, rtol=1e-6):
        return "zooms %r" % zooms
    if units != ("mm" if s.geometry else "unknown",
                 "sec" if s.axis == "time" else "unknown"):
        return "units %r" % (units,)
    known = 1 if s.geometry == 2 else 0
    if int(header["sform_code"]) != known or int(header["qform_code"]) != known:
        return "form codes"
    if not known:
        return ""
    # LPS (10, 20, 30) with directions (.8 .6 0) and (-.48 .64 .6)
    affine = numpy.array([[-.56, .432, -.9, -10], [-.42, -.576, 1.2, -20],
                          [0, .54, 2, 30], [0, 0, 0, 1]])
    for name, have in (("affine", image.affine),
                       ("sform", header.get_sform()),
                       ("qform", header.get_qform())):
        if not numpy.allclose(have, affine, atol=1e-5):
            return "%s\n%s" % (name, have)
    return ""


def with_nibabel(module, s):
    if s.kind != "nii":
        return None
    image = module.load(s.path)
    header = image.header
    if type(image).__name__ != "Nifti1Image":
        return type(image).__name__
    want = s.samples[..., 0].transpose(2, 1, 0)
    if s.axis == "time":
        want = want[:, :, numpy.newaxis, :]
    have = numpy.asarray(image.dataobj)
    if s.channels == 3:
        want = s.samples.transpose(2, 1, 0, 3)
        have = numpy.stack([have[c] for c in "RGB"], axis=-1)
    if not equal(have, want):
        return "%r %r" % (have.dtype, have.shape)
    if image.dataobj.offset != 4096 or header.get_slope_inter() not in \
            ((1.0, 0.0), (None, None)):
        return "offset %d" % image.dataobj.offset
    if os.path.getsize(s.path) != 4096 + want.nbytes:
        return "size is not that of header and samples"
    if bytes(header["descrip"]).rstrip(b"\0") != b"prepfs engine 1":
        return "descrip %r" % header["descrip"]
    return geometry_of(header, image, s)


def with_pillow(module, s):
    if s.kind != "png" or (s.channels == 3 and s.dtype.itemsize == 2):
        return None  # its RGB has 8 bits
    with module.open(s.path) as image:
        image.verify()
    with module.open(s.path) as image:
        have = numpy.asarray(image)
        dpi = image.info.get("dpi")
        if image.text.get("Software") != "prepfs engine 1":
            return "text %r" % image.text
    if not numpy.allclose(dpi, (50.8, 25.4), atol=0.1):
        return "dpi %r" % (dpi,)
    # 16-bit grey comes as int32: same values, another type
    want = s.samples[0] if s.channels == 3 else s.samples[0, ..., 0]
    return "" if equal(have.astype(s.dtype), want) else "differs"


def with_opencv(module, s):
    if s.kind != "png":
        return None
    have = module.imread(s.path, module.IMREAD_UNCHANGED)
    if s.channels == 3:
        have = have[:, :, ::-1]
    want = s.samples[0] if s.channels == 3 else s.samples[0, ..., 0]
    return "" if equal(have, want) else "differs"


def no_constant(text):
    raise ValueError(text + " is no JSON")


def with_json(_module, s):
    if s.kind != "json":
        return None
    with open(s.path, encoding="utf-8") as f:
        d = json.load(f, parse_constant=no_constant)
    if d["prepfs"]["engine"] != "prepfs \"engine\" 1\n":
        return "engine %r" % d["prepfs"]["engine"]
    if d["output"]["range"] != [5e-324, sys.float_info.max]:
        return "range %r" % d["output"]["range"]
    if d["geometry"]["spacing"] != [0.1, 1 / 3, 1e23]:
        return "spacing %r" % d["geometry"]["spacing"]
    if d["output"]["shape"] != [2, 23, 37] \
            or d["output"]["dtype"] != "float16":
        return "shape %r" % d["output"]["shape"]
    return "" if math.isclose(d["dicom"]["00180050"]["Value"][0], 7) else "7"


def with_pydicom(module, s):
    if s.kind != "json":
        return None
    with open(s.path, encoding="utf-8") as f:
        d = json.load(f)["dicom"]
    data = module.Dataset.from_json(d)
    if len(data) != len(d) or list(d) != sorted(d):
        return "%d of %d attributes" % (len(data), len(d))
    if data.Modality != "A B" or data.PixelSpacing != [7, 12] \
            or data.SOPClassUID != "1.2.840.10008.1.2":
        return "values"
    return ""


def check_tags(lines):
    """The allow-list says what pydicom's dictionary says, and is not of a
    patient."""
    datadict = load("pydicom.datadict")
    if datadict is None:
        return None
    bad = []
    for tag, vr, keyword in lines:
        number = int(tag, 16)
        if datadict.keyword_for_tag(number) != keyword:
            bad.append("%s is %s" % (tag, datadict.keyword_for_tag(number)))
        if vr not in datadict.dictionary_VR(number).split(" or "):
            bad.append("%s is of %s" % (tag, datadict.dictionary_VR(number)))
        if keyword.startswith("Patient") \
                and keyword not in ("PatientPosition", "PatientOrientation"):
            bad.append("%s %s" % (tag, keyword))
        if any(word in keyword for word in (
                "Name", "Date", "Physician", "Institution", "Operator",
                "Comments", "Description", "Serial", "Station", "Identity",
                "Address")) and keyword not in (
                    "ManufacturerModelName", "SequenceName"):
            bad.append("%s %s" % (tag, keyword))
    return bad


READERS = (
    ("numpy.load", "numpy", with_numpy),
    ("numpy.load of half floats", "numpy", with_half),
    ("numpy.load with mmap_mode", "numpy", with_mmap),
    ("nibabel", "nibabel", with_nibabel),
    ("Pillow", "PIL.Image", with_pillow),
    ("OpenCV", "cv2", with_opencv),
    ("json", "json", with_json),
    ("pydicom from_json", "pydicom", with_pydicom),
)


def check(module, read, samples):
    """Returns (files read, list of complaints)."""
    bad, done = [], 0
    for s in samples:
        try:
            verdict = read(module, s)
        except (ValueError, OSError, KeyError, TypeError) as e:
            verdict = repr(e)
        if verdict is None:
            continue
        done += 1
        if verdict:
            bad.append("%s: %s" % (s.name, verdict))
    return done, bad


def tell(number, name, bad, done):
    verdict = "not ok" if bad or not done else "ok"
    print("%s %d - %s" % (verdict, number, name))
    for line in bad:
        print("# " + line.replace("\n", "\n# "))
    return verdict != "ok"


def main():
    print("1..%d" % (len(READERS) + 1))
    if numpy is None:
        for number in range(1, len(READERS) + 2):
            print("ok %d - readers # SKIP no numpy" % number)
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run([sys.argv[1], folder], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
        lines = [line.split() for line in out.splitlines()]
        samples = [Sample(folder, w) for w in lines if w[0] != "tag"]
        for number, (name, module_name, read) in enumerate(READERS, 1):
            module = load(module_name)
            if module is None:
                print("ok %d - %s # SKIP not installed" % (number, name))
                continue
            done, bad = check(module, read, samples)
            failed += tell(number, "%s reads %d files" % (name, done), bad,
                           done)
        tags = [w[1:] for w in lines if w[0] == "tag"]
        bad = check_tags(tags)
        number = len(READERS) + 1
        if bad is None:
            print("ok %d - allow-list # SKIP no pydicom" % number)
        else:
            failed += tell(number, "allow-list has %d tags of the dictionary"
                           % len(tags), bad, len(tags))
    return 1 if failed else 0


sys.exit(main())
