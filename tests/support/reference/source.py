# SPDX-License-Identifier: MIT
"""What a DICOM file, or a series of them, holds: pydicom's reading of it.

A Source has its frames in the order in which they are shown, as stored samples
(frames x rows x columns x channels), and what the rest of the pipeline must
know of each frame. Nothing here has seen the C code.
"""
import os
import sys
import warnings

import numpy as np
import pydicom
from pydicom.pixel_data_handlers.util import convert_color_space

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "golden"))

import image_golden  # noqa: E402
from image_golden import look_up, stored_samples  # noqa: E402


def read(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True, **options)


def values_of(element):
    """A DS or IS element as a list of numbers; it may be empty."""
    if element in (None, ""):
        return []
    return [float(v) for v in (element if isinstance(element, pydicom.multival.MultiValue) else [element])]


class Frame:
    """What maps one frame's samples: slope, intercept, windows, function."""

    def __init__(self, ds, number):
        def first(sequence, keyword, default):
            value = look_up(ds, number, sequence, keyword)
            return default if value is None else value

        transformation = "PixelValueTransformationSequence"
        self.slope = first(transformation, "RescaleSlope", 1.0)
        self.intercept = first(transformation, "RescaleIntercept", 0.0)
        centers, widths = (self.all_of(ds, number, k) for k in ("WindowCenter", "WindowWidth"))
        self.windows = list(zip(centers, widths))
        self.function = str(ds.get("VOILUTFunction") or "LINEAR").strip()

    @staticmethod
    def all_of(ds, number, keyword):
        values = values_of(ds.get(keyword))
        for item in image_golden.groups_of(ds, number):
            if not values and "FrameVOILUTSequence" in item:
                values = values_of(item.FrameVOILUTSequence[0].get(keyword))
        return values


def vectors(ds, number):
    """Position and orientation of a frame, or None."""
    found = []
    for sequence, keyword, n in (("PlanePositionSequence", "ImagePositionPatient", 3),
                                 ("PlaneOrientationSequence", "ImageOrientationPatient", 6)):
        value = values_of(ds.get(keyword))
        for item in image_golden.groups_of(ds, number):
            if not value and sequence in item:
                value = values_of(item[sequence][0].get(keyword))
        if len(value) != n:
            return None
        found.append(np.array(value))
    return found


def in_stack_order(ds, frames):
    """Frame numbers by position in the stack; as stored where there are several
    stacks or moments, or nothing is said."""
    numbers = []
    for item in ds.get("PerFrameFunctionalGroupsSequence") or []:
        content = item.FrameContentSequence[0] if "FrameContentSequence" in item else {}
        numbers.append(content.get("InStackPositionNumber"))
    if len(numbers) != frames or None in numbers or len(set(numbers)) != frames:
        return list(range(frames))
    return sorted(range(frames), key=lambda i: numbers[i])


class Source:
    """One volume: .stored, .frames and where it is."""

    numbers = None  # InstanceNumber of the slices of a series

    def __init__(self, ds, stored, frames, places):
        self.ds, self.stored, self.frames, self.places = ds, stored, frames, places
        self.uid = str(ds.SOPInstanceUID)
        self.y_max = 255 if ds.BitsAllocated <= 8 else 65535
        self.is_inverted = str(ds.PhotometricInterpretation).strip() == "MONOCHROME1"
        self.offsets = [float(v) for v in ds.get("GridFrameOffsetVector") or []]
        # no two frames that say where they are are at one place
        distinct = {tuple(p[0]) for p in places if p}
        self.is_one_volume = len(frames) < 2 or len(distinct) in (0, 1, len(places))
        self.px_per_mm = image_golden.px_per_mm(ds)

    @property
    def is_colour(self):
        return self.stored.shape[3] == 3

    def padding(self):
        """Where PixelPaddingValue is; frames x rows x columns x channels."""
        value = self.ds.get("PixelPaddingValue")
        if value is None or self.is_colour:
            return np.zeros(self.stored.shape, bool)
        if self.ds.PixelRepresentation and value >= 1 << 15:
            value -= 1 << 16
        limit = self.ds.get("PixelPaddingRangeLimit", value)
        return (self.stored >= min(value, limit)) & (self.stored <= max(value, limit))

    def modality(self):
        """slope*x + intercept in f64."""
        out = self.stored.astype(np.float64)
        if not self.is_colour:
            for page, frame in zip(out, self.frames):
                page *= frame.slope
                page += frame.intercept
        return out

    def only(self, numbers):
        """The same with these frames alone."""
        copy = Source(self.ds, self.stored[numbers], [self.frames[i] for i in numbers],
                      [self.places[i] for i in numbers])
        copy.uid, copy.is_one_volume = self.uid, self.is_one_volume
        copy.numbers = [self.numbers[i] for i in numbers] if self.numbers else None
        copy.offsets = [self.offsets[i] for i in numbers] if self.offsets else []
        return copy

    def slice_distance(self):
        """Millimetres from frame to frame: the median of the steps. None if
        nothing says where they are."""
        offsets = self.offsets
        if not offsets and None not in self.places:
            normal = np.cross(self.places[0][1][:3], self.places[0][1][3:])
            offsets = [float(np.dot(p[0], normal)) for p in self.places]
        return float(np.median(np.abs(np.diff(offsets)))) if len(offsets) > 1 else None

    def place(self):
        """As affine(); of an image that is nowhere millimetres from its first
        pixel, or pixels."""
        if self.places[0]:
            return self.affine()
        x, y = 1 / np.array(self.px_per_mm or (1, 1), np.float64)
        return np.diag((x, y, 1, 1))

    def affine(self):
        """Voxel (x, y, z) to patient millimetres, LPS (PS3.3 C.7.6.2.1.1)."""
        position, orientation = self.places[0]
        x, y = 1 / np.array(self.px_per_mm, np.float64)
        m = np.eye(4)
        m[:3, 0], m[:3, 1], m[:3, 3] = orientation[:3] * x, orientation[3:] * y, position
        if len(self.places) > 1:
            m[:3, 2] = (self.places[-1][0] - position) / (len(self.places) - 1)
            if not m[:3, 2].any() and self.offsets:
                step = (self.offsets[-1] - self.offsets[0]) / (len(self.places) - 1)
                m[:3, 2] = np.cross(orientation[:3], orientation[3:]) * step
        else:
            thickness = self.ds.get("SpacingBetweenSlices") or self.ds.get("SliceThickness") or 1
            m[:3, 2] = np.cross(orientation[:3], orientation[3:]) * float(thickness)
        return m


def instance(path):
    ds = read(path)
    if ds.BitsAllocated <= 16:
        stored = stored_samples(ds)
    else:
        stored = ds.pixel_array.reshape(-1, ds.Rows, ds.Columns, ds.SamplesPerPixel)
    if str(ds.PhotometricInterpretation).startswith("YBR_FULL"):
        stored = convert_color_space(stored, ds.PhotometricInterpretation, "RGB")
    order = in_stack_order(ds, len(stored))
    return Source(ds, stored[order], [Frame(ds, i) for i in order], [vectors(ds, i) for i in order])


def series(paths):
    """Slices of one series, ascending along the normal of their plane."""
    slices = [instance(p) for p in paths]
    normal = np.cross(slices[0].places[0][1][:3], slices[0].places[0][1][3:])
    slices.sort(key=lambda s: float(np.dot(s.places[0][0], normal)))
    whole = Source(slices[0].ds, np.concatenate([s.stored for s in slices]),
                   [s.frames[0] for s in slices], [s.places[0] for s in slices])
    whole.uid = str(slices[0].ds.SeriesInstanceUID)
    whole.numbers = [int(s.ds.InstanceNumber) for s in slices]
    return whole
