#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The affine of a .nii, as others see it: NumPy, nibabel, dcm2niix.

For every series the program nii_file writes a .nii from the geometry in its
DICOM headers. nibabel reads it back, and then

  - sform (and qform) are what NumPy makes of ImagePositionPatient,
    ImageOrientationPatient and PixelSpacing by PS3.3 C.7.6.2.1.1;
  - they are what nibabel.nicom makes of the first slice;
  - dcm2niix puts the same voxels at the same place, and its voxels have the
    values of ours.

dcm2niix turns the rows round (its j runs from the bottom of the image to the
top, so that the affine of an axial CT has only one minus sign) and may reverse
the slices; voxel (i, j, k) of ours is (i, rows - 1 - j, k or slices - 1 - k)
of its. Nothing else differs for a regular series.

A tilted gantry (corpus ct-ge: 18.5 degrees) is not a regular series. dcm2niix
v1.0.20220720 then writes an affine of its own making: the y of its j axis is
divided by the cosine of the tilt where the image's orientation says multiply
(0.4882812 / 0.9483237 = 0.5148888), and its k axis is a rotation's, not the
one from slice to slice. ImagePositionPatient of the slices contradicts both,
so there only the i axis and the place of the first slice's corner voxel, which
it turns into its origin, are compared.

usage: nii_geometry.py NII_FILE SHARED
"""
import glob
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

DISTRIBUTION_PYTHON = "/usr/bin/python3"


def load(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


numpy = load("numpy")
nibabel = load("nibabel")
pydicom = load("pydicom")
if not (numpy and nibabel and pydicom) \
        and os.path.exists(DISTRIBUTION_PYTHON) \
        and not os.environ.get("NII_GEOMETRY_AGAIN"):
    # a python of the user's own; the distribution's has the modules
    os.environ["NII_GEOMETRY_AGAIN"] = "1"
    os.execv(DISTRIBUTION_PYTHON, [DISTRIBUTION_PYTHON] + sys.argv)

LPS_TO_RAS = (-1, -1, 1, 1)
NEAR = 1e-3  # mm; floats and headers of 6 or 7 digits


class Series:
    """Slices in ascending order along the normal."""

    def __init__(self, name, slices, folder):
        self.name, self.folder = name, folder
        row, column = self.directions(slices[0])
        normal = numpy.cross(row, column)
        self.slices = sorted(
            slices, key=lambda s: numpy.dot(self.position(s), normal))
        first, last = self.slices[0], self.slices[-1]
        self.rows, self.columns = first.Rows, first.Columns
        # PixelSpacing is rows first: (y, x)
        self.spacing = [float(first.PixelSpacing[1]),
                        float(first.PixelSpacing[0])]
        self.step = (self.position(last) - self.position(first)) \
            / max(1, len(self.slices) - 1)
        self.tilted = abs(numpy.dot(self.step, normal)) \
            < 0.999 * numpy.linalg.norm(self.step)

    @staticmethod
    def position(s):
        return numpy.array([float(v) for v in s.ImagePositionPatient])

    @staticmethod
    def directions(s):
        v = numpy.array([float(v) for v in s.ImageOrientationPatient])
        return v[:3], v[3:]

    def affine(self):
        row, column = self.directions(self.slices[0])
        lps = numpy.eye(4)
        lps[:3, 0] = row * self.spacing[0]
        lps[:3, 1] = column * self.spacing[1]
        lps[:3, 2] = self.step
        lps[:3, 3] = self.position(self.slices[0])
        return numpy.diag(LPS_TO_RAS) @ lps

    def write(self, program, path):
        row, column = self.directions(self.slices[0])
        numbers = [*row, *column, *self.position(self.slices[0]),
                   *self.spacing, numpy.linalg.norm(self.step), *self.step]
        subprocess.run(
            [program, path, str(len(self.slices)), str(self.columns),
             str(self.rows)] + ["%.17g" % n for n in numbers], check=True)
        return nibabel.load(path)

    def values(self):
        """[i, j, k] of modality values."""
        pages = [s.pixel_array * float(s.get("RescaleSlope", 1))
                 + float(s.get("RescaleIntercept", 0)) for s in self.slices]
        return numpy.stack(pages).transpose(2, 1, 0)


# ---- where series come from -------------------------------------------------

def of_corpus(shared, name):
    folder = os.path.join(shared, "corpus", name)
    slices = []
    for path in sorted(glob.glob(os.path.join(folder, "*"))):
        try:
            s = pydicom.dcmread(path)
        except (pydicom.errors.InvalidDicomError, IsADirectoryError):
            continue
        if "ImagePositionPatient" in s:
            slices.append(s)
    return Series(name, slices, folder) if slices else None


def made_up(folder, name, row, column, reverse):
    """An oblique MR series of 5 slices, 2.5 mm apart, pixels 0.75 x 1.25."""
    row = numpy.array(row) / numpy.linalg.norm(row)
    column = numpy.array(column) - numpy.dot(column, row) * row
    column /= numpy.linalg.norm(column)
    normal = numpy.cross(row, column)
    uid = pydicom.uid.generate_uid
    study, series, frame = uid(), uid(), uid()
    place = os.path.join(folder, name)
    os.mkdir(place)
    slices = []
    for k in range(5):
        meta = pydicom.dataset.FileMetaDataset()
        meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
        meta.MediaStorageSOPInstanceUID = uid()
        meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        s = pydicom.dataset.FileDataset(None, {}, file_meta=meta,
                                        preamble=b"\0" * 128)
        s.is_little_endian, s.is_implicit_VR = True, False
        s.SOPClassUID = meta.MediaStorageSOPClassUID
        s.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        s.StudyInstanceUID, s.SeriesInstanceUID = study, series
        s.FrameOfReferenceUID = frame
        s.Modality, s.Manufacturer = "MR", "SIEMENS"
        s.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        s.StudyDate = s.SeriesDate = "20000101"
        s.StudyTime = s.SeriesTime = s.AcquisitionTime = "120000"
        s.PatientName = s.PatientID = "made^up"
        s.SeriesNumber, s.AcquisitionNumber = 1, 1
        s.InstanceNumber = 5 - k if reverse else k + 1
        s.SeriesDescription = s.ProtocolName = "oblique"
        s.EchoTime, s.RepetitionTime = 10, 500
        s.SliceThickness = s.SpacingBetweenSlices = 2.5
        s.PixelSpacing = [1.25, 0.75]
        position = numpy.array([-31.5, 12.25, 40]) + 2.5 * k * normal
        s.ImagePositionPatient = ["%.9g" % v for v in position]
        s.ImageOrientationPatient = ["%.9g" % v for v in (*row, *column)]
        s.Rows, s.Columns = 24, 32
        s.SamplesPerPixel, s.PhotometricInterpretation = 1, "MONOCHROME2"
        s.BitsAllocated, s.BitsStored, s.HighBit = 16, 12, 11
        s.PixelRepresentation = 0
        pixels = numpy.arange(24 * 32, dtype="<u2").reshape(24, 32) + 800 * k
        s.PixelData = pixels.astype("<u2").tobytes()
        path = os.path.join(place, "%d.dcm" % k)
        s.save_as(path, write_like_original=False)
        slices.append(pydicom.dcmread(path))
    return Series(name, slices, place)


# ---- opinions ---------------------------------------------------------------

def complain(what, have, want):
    return "%s:\n%s\nis not\n%s" % (what, have, want)


def numpy_agrees(series, image):
    want = series.affine()
    if not numpy.allclose(image.affine, want, atol=NEAR):
        return complain("affine", image.affine, want)
    header = image.header
    if int(header["sform_code"]) != 1:
        return "sform_code is %d" % header["sform_code"]
    if int(header["qform_code"]) != (0 if series.tilted else 1):
        return "qform_code is %d" % header["qform_code"]
    if not series.tilted \
            and not numpy.allclose(header.get_qform(), want, atol=NEAR):
        return complain("qform", header.get_qform(), want)
    zooms = (*series.spacing, numpy.linalg.norm(series.step))
    if not numpy.allclose(header.get_zooms(), zooms, atol=1e-5):
        return complain("zooms", header.get_zooms(), zooms)
    if header.get_xyzt_units() != ("mm", "unknown"):
        return "units are %r" % (header.get_xyzt_units(),)
    shape = (series.columns, series.rows, len(series.slices))
    return "" if image.shape == shape else "shape %r" % (image.shape,)


def nicom_agrees(series, image):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "highly experimental"
        from nibabel.nicom import dicomwrappers
    wrapper = dicomwrappers.wrapper_from_data(series.slices[0])
    # its arrays are [row, column], and it stays in LPS
    theirs = (numpy.diag(LPS_TO_RAS) @ wrapper.affine)[:, [1, 0, 2, 3]]
    same = [0, 1, 3]  # its slice spacing is the thickness of one
    if not numpy.allclose(image.affine[:, same], theirs[:, same], atol=NEAR):
        return complain("affine", image.affine, theirs)
    ours = image.affine[:3, 2] / numpy.linalg.norm(image.affine[:3, 2])
    normal = theirs[:3, 2] / numpy.linalg.norm(theirs[:3, 2])
    # column x row, the right-handed way of its axes: the opposite of ours
    if not series.tilted and not numpy.allclose(ours, -normal, atol=1e-5):
        return complain("slice axis", ours, -normal)
    return ""


def convert(series, folder):
    """What dcm2niix makes of the series, untouched by its tilt correction."""
    out = os.path.join(folder, series.name + "-dcm2niix")
    os.mkdir(out)
    done = subprocess.run(
        ["dcm2niix", "-z", "n", "-b", "n", "-f", "out", "-o", out,
         series.folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False)
    path = os.path.join(out, "out.nii")
    return nibabel.load(path) if os.path.exists(path) else done.stdout


def dcm2niix_agrees(series, image, folder):
    if shutil.which("dcm2niix") is None:
        return None
    theirs = convert(series, folder)
    if isinstance(theirs, str):
        return "dcm2niix made nothing: " + theirs.strip().replace("\n", "; ")
    if theirs.shape != image.shape:
        return "shape %r is not %r" % (image.shape, theirs.shape)
    flip = numpy.diag([1.0, -1, 1, 1])
    flip[1, 3] = series.rows - 1
    if series.tilted:
        ours, want = image.affine @ flip, theirs.affine
        for what, have, it in (("i axis", ours[:, 0], want[:, 0]),
                               ("corner", ours[:, 3], want[:, 3])):
            if not numpy.allclose(have, it, atol=NEAR):
                return complain(what, have, it)
        return ""
    data = numpy.asarray(theirs.dataobj).astype("f8")[:, ::-1, :]
    reverse = numpy.eye(4)
    if not numpy.array_equal(data, series.values()):
        data = data[:, :, ::-1]
        reverse[2, 2], reverse[2, 3] = -1, len(series.slices) - 1
    if not numpy.array_equal(data, series.values()):
        return "its voxels are not ours"
    # theirs of the index that has the same voxel
    want = theirs.affine @ flip @ reverse
    if not numpy.allclose(image.affine, want, atol=NEAR):
        return complain("affine", image.affine, want)
    return ""


OPINIONS = (
    ("NumPy from the DICOM header", lambda s, i, f: numpy_agrees(s, i)),
    ("nibabel.nicom of the first slice", lambda s, i, f: nicom_agrees(s, i)),
    ("dcm2niix", dcm2niix_agrees),
)


def all_series(folder, shared):
    yield made_up(folder, "oblique", (0.9, 0.3, -0.2), (-0.2, 0.8, 0.5), False)
    yield made_up(folder, "sagittal", (0.05, 1, 0.1), (0, 0.1, -1), True)
    yield made_up(folder, "coronal", (1, 0, 0), (0, 0, -1), False)
    for name in ("ct-philips", "ct-ge"):
        yield of_corpus(shared, name) or name


def main():
    names = [name for name, _ in OPINIONS]
    print("1..%d" % (5 * len(names)))
    if not (numpy and nibabel and pydicom):
        for number in range(1, 5 * len(names) + 1):
            print("ok %d - geometry # SKIP no nibabel and pydicom" % number)
        return 0
    program, shared = sys.argv[1], os.environ.get("PREPFS_SHARED", sys.argv[2])
    number = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for series in all_series(folder, shared):
            image = None
            if not isinstance(series, str):
                image = series.write(
                    program, os.path.join(folder, series.name + ".nii"))
            for name, agrees in OPINIONS:
                number += 1
                if image is None:
                    print("ok %d - %s: %s # SKIP no corpus"
                          % (number, series, name))
                    continue
                verdict = agrees(series, image, folder)
                line = "%d - %s: %s" % (number, series.name, name)
                if verdict is None:
                    print("ok %s # SKIP not installed" % line)
                    continue
                failed += verdict != ""
                print(("not ok " if verdict else "ok ") + line)
                for text in verdict.splitlines():
                    print("# " + text)
    return 1 if failed else 0


sys.exit(main())
