# SPDX-License-Identifier: MIT
"""The patients of the demo archive and the headers of their images."""
import math
import sys

import ct
import dicom
import mammogram
import ultrasound

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MAMMOGRAM = "1.2.840.10008.5.1.4.1.1.1.2"
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
ULTRASOUND_CINE = "1.2.840.10008.5.1.4.1.1.3.1"

# What the slices of a CT series are stored as, in turn.
CT_ENCODINGS = ("explicit", "implicit", "rle", "jpeg-lossless", "deflated",
                "jpeg-ls", "big-endian", "jpeg-2000")


class File:
    """One file to write. `pixels` makes its frames when they are needed."""

    def __init__(self, path, elements, encoding, pixels):
        self.path, self.elements = path, elements
        self.encoding, self.pixels = encoding, pixels


def little_endian(values):
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def person(number):
    return {
        "PatientName": "Demo^Patient %d" % number,
        "PatientID": "DEMO-%04d" % number,
        "PatientBirthDate": "19%02d0101" % (50 + 7 * number % 40),
        "PatientSex": "FM"[number % 2] if number > 1 else "F",
        "ReferringPhysicianName": "",
    }


def study(number, modality, text, day):
    key = ("demo", number, modality)
    return dict(person(number), **{
        "StudyInstanceUID": dicom.uid(*key),
        "SeriesInstanceUID": dicom.uid(*key, "series"),
        "StudyDate": "202403%02d" % day, "SeriesDate": "202403%02d" % day,
        "ContentDate": "202403%02d" % day,
        "StudyTime": "101500", "ContentTime": "101730",
        "StudyDescription": text, "StudyID": "%d" % number,
        "AccessionNumber": "A%04d%s" % (number, modality),
        "Modality": modality, "SeriesNumber": 1,
        "Manufacturer": "prepfs", "ManufacturerModelName": "mkdemo",
        "BurnedInAnnotation": "NO", "LossyImageCompression": "00",
    })


def pixel_format(columns, rows, stored, photometric="MONOCHROME2",
                 samples=1, signed=False):
    return {
        "SamplesPerPixel": samples, "PhotometricInterpretation": photometric,
        "PlanarConfiguration": 0 if samples > 1 else None,
        "Rows": rows, "Columns": columns,
        "BitsAllocated": 8 if stored <= 8 else 16, "BitsStored": stored,
        "HighBit": stored - 1, "PixelRepresentation": int(signed),
    }


# ---- CT --------------------------------------------------------------------


def chest_ct(number, options):
    """Slices from head to foot, as a scanner sends them; file names do not say
    which one lies where."""
    count, size = options.slices, options.pixels(512, 32)
    spacing = 360.0 / size
    step = 300.0 / count
    common = study(number, "CT", "CT chest", number % 28 + 1)
    for n in range(count):
        z = 1 - (n + 0.5) / count
        place = 0.0 - round(step * n, 3)  # never -0
        elements = dict(common, **pixel_format(size, size, 16, signed=True))
        elements.update({
            "SOPClassUID": CT_IMAGE,
            "SOPInstanceUID": dicom.uid("demo", number, "CT", n),
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "SeriesDescription": "Chest, contrast, soft",
            "BodyPartExamined": "CHEST", "SliceThickness": round(step, 3),
            "SpacingBetweenSlices": round(step, 3), "KVP": 120,
            "ReconstructionDiameter": 360, "ConvolutionKernel": "STANDARD",
            "PatientPosition": "HFS", "AcquisitionNumber": 1,
            "InstanceNumber": n + 1,
            "FrameOfReferenceUID": dicom.uid("demo", number, "CT frame"),
            "PositionReferenceIndicator": "",
            "ImagePositionPatient": [-180 + spacing / 2, -180 + spacing / 2,
                                     place],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "SliceLocation": place,
            "PixelSpacing": [spacing, spacing],
            "PixelPaddingValue": ct.OUTSIDE,
            "WindowCenter": [40, -600], "WindowWidth": [400, 1500],
            "WindowCenterWidthExplanation": ["SOFT TISSUE", "LUNG"],
            "RescaleIntercept": -1024, "RescaleSlope": 1, "RescaleType": "HU",
        })

        def pixels(z=z):
            return [little_endian(ct.slice_of(number, z, 0.6 / count, size))]

        name = "ct/%08X.dcm" % (0xC0FFEE ^ (n * 2654435761 & 0xFFFFFFFF))
        yield File(name, elements, CT_ENCODINGS[n % len(CT_ENCODINGS)], pixels)


# ---- mammography ----------------------------------------------------------------


def screening(number, options):
    """Two views; the right one as MONOCHROME1."""
    width, height = options.pixels(1536, 64), options.pixels(1920, 64)
    spacing = 0.1 * 1920 / height
    common = study(number, "MG", "Screening mammography", number % 28 + 2)
    views = (("L", "CC", "jpeg-2000", "cranio-caudal", "R-10242"),
             ("R", "MLO", "explicit", "medio-lateral oblique", "R-10226"))
    for n, (side, view, encoding, meaning, code) in enumerate(views):
        inverse = side == "R"
        elements = dict(common, **pixel_format(
            width, height, 12, "MONOCHROME1" if inverse else "MONOCHROME2"))
        elements.update({
            "SOPClassUID": MAMMOGRAM,
            "SOPInstanceUID": dicom.uid("demo", number, "MG", n),
            "ImageType": ["DERIVED", "PRIMARY"],
            "PresentationIntentType": "FOR PRESENTATION",
            "SeriesDescription": "%s %s" % (side, view),
            "SeriesInstanceUID": dicom.uid("demo", number, "MG", view),
            "SeriesNumber": n + 1, "InstanceNumber": 1,
            "BodyPartExamined": "BREAST", "KVP": 29,
            "ImageLaterality": side, "ViewPosition": view,
            "PatientOrientation": ["P", "L"] if inverse else ["A", "R"],
            "ImagerPixelSpacing": [spacing, spacing],
            "PixelIntensityRelationship": "LOG",
            "PixelIntensityRelationshipSign": 1 if inverse else -1,
            "WindowCenter": 2340 if inverse else 1755, "WindowWidth": 3400,
            "RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": "US",
            "ViewCodeSequence": [{
                "CodeValue": code, "CodingSchemeDesignator": "SRT",
                "CodeMeaning": meaning}],
        })

        def pixels(side=side, view=view, inverse=inverse):
            return [little_endian(mammogram.image(number, view, side, width,
                                                  height, inverse))]

        yield File("mg/%s%s" % (side, view), elements, encoding, pixels)


# ---- ultrasound ----------------------------------------------------------------


def to_ybr(rgb):
    """YBR_FULL of PS3.3 C.7.6.3.1.2; most pixels are grey and repeat."""
    known = {}
    for pixel in set(zip(rgb[0::3], rgb[1::3], rgb[2::3])):
        r, g, b = pixel
        known[pixel] = bytes(min(255, max(0, math.floor(v + 0.5))) for v in (
            0.299 * r + 0.587 * g + 0.114 * b,
            128 - 0.168736 * r - 0.331264 * g + 0.5 * b,
            128 + 0.5 * r - 0.418688 * g - 0.081312 * b))
    return b"".join(map(known.__getitem__,
                        zip(rgb[0::3], rgb[1::3], rgb[2::3])))


def heart(number, options):
    """A colour cine, uncompressed; two stills of the same heart."""
    width, height = options.pixels(640, 64), options.pixels(480, 64)
    size = 3 * width * height
    common = study(number, "US", "Echocardiography", number % 28 + 3)
    common.update({
        "SeriesDescription": "Four chambers", "BodyPartExamined": "HEART",
        "PatientOrientation": "",
        "SequenceOfUltrasoundRegions": [{
            "RegionSpatialFormat": 1, "RegionDataType": 1, "RegionFlags": 0,
            "RegionLocationMinX0": 0, "RegionLocationMinY0": 0,
            "RegionLocationMaxX1": width - 1,
            "RegionLocationMaxY1": height - 1,
            "PhysicalUnitsXDirection": 3, "PhysicalUnitsYDirection": 3,
            "PhysicalDeltaX": 16.0 / height, "PhysicalDeltaY": 16.0 / height,
        }]})

    def file(n, name, encoding, photometric, frames, convert):
        elements = dict(common, **pixel_format(width, height, 8, photometric,
                                               3))
        elements.update({
            "SOPClassUID": ULTRASOUND_CINE if frames > 1 else ULTRASOUND,
            "SOPInstanceUID": dicom.uid("demo", number, "US", n),
            "ImageType": ["ORIGINAL", "PRIMARY"], "InstanceNumber": n,
        })
        if frames > 1:
            elements.update({"NumberOfFrames": frames, "FrameTime": 80,
                             "FrameIncrementPointer": 0x00181063})

        def pixels():
            rgb = ultrasound.cine(number, width, height, frames)
            return [convert(rgb[i:i + size])
                    for i in range(0, len(rgb), size)]

        return File("us/" + name, elements, encoding, pixels)

    yield file(1, "cine.dcm", "explicit", "RGB", options.frames, bytes)
    yield file(2, "still-1.dcm", "rle", "YBR_FULL", 1, to_ybr)
    yield file(3, "still-2.dcm", "jpeg-baseline", "RGB", 1, bytes)


MODALITIES = ("CT", "MG", "US")


def files_of(number, options):
    """Every patient has a chest CT; the odd ones a mammogram, the even ones
    an ultrasound. Only those of options.modalities are made."""
    if "CT" in options.modalities:
        yield from chest_ct(number, options)
    if number % 2 and "MG" in options.modalities:
        yield from screening(number, options)
    if number % 2 == 0 and "US" in options.modalities:
        yield from heart(number, options)
