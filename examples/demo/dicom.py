# SPDX-License-Identifier: MIT
"""Writes DICOM files (PS3.5, PS3.10): data elements, RLE, encapsulation.

A data set is a dict: keyword of the table below -> value. A value is text,
a number, a list of these, bytes, or for SQ a list of data sets.
"""
import hashlib
import re
import struct
import zlib

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
JPEG_2000 = "1.2.840.10008.1.2.4.90"

# keyword: (tag, VR)
_ELEMENTS = {}
for _line in """
00020001 OB FileMetaInformationVersion|00020002 UI MediaStorageSOPClassUID
00020003 UI MediaStorageSOPInstanceUID|00020010 UI TransferSyntaxUID
00020012 UI ImplementationClassUID|00020013 SH ImplementationVersionName
00080008 CS ImageType|00080016 UI SOPClassUID|00080018 UI SOPInstanceUID
00080020 DA StudyDate|00080021 DA SeriesDate|00080023 DA ContentDate
00080030 TM StudyTime|00080033 TM ContentTime|00080050 SH AccessionNumber
00080060 CS Modality|00080068 CS PresentationIntentType
00080070 LO Manufacturer|00080090 PN ReferringPhysicianName
00081030 LO StudyDescription|0008103E LO SeriesDescription
00081090 LO ManufacturerModelName|00082111 ST DerivationDescription
00082218 SQ AnatomicRegionSequence|00080100 SH CodeValue
00080102 SH CodingSchemeDesignator|00080104 LO CodeMeaning
00100010 PN PatientName|00100020 LO PatientID|00100030 DA PatientBirthDate
00100040 CS PatientSex|00101010 AS PatientAge
00180015 CS BodyPartExamined|00180050 DS SliceThickness|00180060 DS KVP
00180088 DS SpacingBetweenSlices|00181063 DS FrameTime
00181100 DS ReconstructionDiameter|00181164 DS ImagerPixelSpacing
00181210 SH ConvolutionKernel|00185100 CS PatientPosition
00185101 CS ViewPosition|00186011 SQ SequenceOfUltrasoundRegions
00186012 US RegionSpatialFormat|00186014 US RegionDataType
00186016 UL RegionFlags|00186018 UL RegionLocationMinX0
0018601A UL RegionLocationMinY0|0018601C UL RegionLocationMaxX1
0018601E UL RegionLocationMaxY1|00186024 US PhysicalUnitsXDirection
00186026 US PhysicalUnitsYDirection|0018602C FD PhysicalDeltaX
0018602E FD PhysicalDeltaY|0020000D UI StudyInstanceUID
0020000E UI SeriesInstanceUID|00200010 SH StudyID|00200011 IS SeriesNumber
00200012 IS AcquisitionNumber|00200013 IS InstanceNumber
00200020 CS PatientOrientation|00200032 DS ImagePositionPatient
00200037 DS ImageOrientationPatient|00200052 UI FrameOfReferenceUID
00200060 CS Laterality|00200062 CS ImageLaterality
00201040 LO PositionReferenceIndicator|00201041 DS SliceLocation
00280002 US SamplesPerPixel|00280004 CS PhotometricInterpretation
00280006 US PlanarConfiguration|00280008 IS NumberOfFrames
00280009 AT FrameIncrementPointer|00280010 US Rows|00280011 US Columns
00280030 DS PixelSpacing|00280100 US BitsAllocated|00280101 US BitsStored
00280102 US HighBit|00280103 US PixelRepresentation
00280120 XS PixelPaddingValue|00280301 CS BurnedInAnnotation
00281040 CS PixelIntensityRelationship
00281041 SS PixelIntensityRelationshipSign|00281050 DS WindowCenter
00281051 DS WindowWidth|00281052 DS RescaleIntercept|00281053 DS RescaleSlope
00281054 LO RescaleType|00281055 LO WindowCenterWidthExplanation
00282110 CS LossyImageCompression|00540220 SQ ViewCodeSequence
7FE00010 OX PixelData
""".replace("\n", "|").split("|"):
    if _line:
        _tag, _vr, _name = _line.split()
        _ELEMENTS[_name] = (int(_tag, 16), _vr)

_LONG = {"OB", "OW", "SQ", "UN", "UT"}  # length of 4 bytes after the VR
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "FD": "d"}


def uid(*words):
    """A UID of the 2.25 arc (PS3.5 B.2), always the same for the same words."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    # the bits that make a UUID of version 8, variant 1
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(3 << 62) | 2 << 62
    return "2.25.%d" % number


class Writer:
    """Elements in one byte order, with or without VRs."""

    def __init__(self, syntax):
        self.explicit = syntax != IMPLICIT
        self.order = ">" if syntax == BIG_ENDIAN else "<"

    def data_set(self, elements):
        known = sorted((_ELEMENTS[name], value)
                       for name, value in elements.items()
                       if value is not None)
        signed = elements.get("PixelRepresentation") == 1
        wide = elements.get("BitsAllocated", 8) > 8
        return b"".join(self.element(tag, self._resolve(vr, signed, wide),
                                     value) for (tag, vr), value in known)

    def _resolve(self, vr, signed, wide):
        if vr == "XS":
            return "SS" if signed else "US"
        if vr == "OX":  # PS3.5 A.1: OW where there are no VRs
            return "OW" if wide or not self.explicit else "OB"
        return vr

    def element(self, tag, vr, value):
        body = self._value(vr, value)
        if len(body) % 2:
            body += b"\0" if vr in ("UI", "OB") else b" "
        head = struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)
        if not self.explicit:
            return head + struct.pack("<I", len(body)) + body
        if vr in _LONG:
            return head + vr.encode() + b"\0\0" + struct.pack(
                self.order + "I", len(body)) + body
        return head + vr.encode() + struct.pack(self.order + "H",
                                                len(body)) + body

    def _value(self, vr, value):
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        if vr == "SQ":
            return b"".join(self._item(item) for item in value)
        values = value if isinstance(value, (list, tuple)) else [value]
        if vr == "AT":
            return b"".join(struct.pack(self.order + "HH", v >> 16,
                                        v & 0xFFFF) for v in values)
        if vr in _NUMBERS:
            return struct.pack("%s%d%s" % (self.order, len(values),
                                           _NUMBERS[vr]), *values)
        return "\\".join(_text(v) for v in values).encode("ascii")

    def _item(self, elements):
        body = self.data_set(elements)
        return struct.pack(self.order + "HHI", 0xFFFE, 0xE000,
                           len(body)) + body


def _text(value):
    """DS and IS are text of at most 16 characters."""
    return "%.10g" % value if isinstance(value, float) else str(value)


def encapsulated(frames):
    """PixelData of undefined length: an offset table, a fragment a frame."""
    frames = [f + b"\0" * (len(f) % 2) for f in frames]
    table, at = b"", 0
    for f in frames:
        table += struct.pack("<I", at)
        at += len(f) + 8
    item = struct.Struct("<HHI")
    out = [struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF),
           item.pack(0xFFFE, 0xE000, len(table)), table]
    for f in frames:
        out += [item.pack(0xFFFE, 0xE000, len(f)), f]
    out.append(item.pack(0xFFFE, 0xE0DD, 0))
    return b"".join(out)


# ---- RLE (PS3.5 annex G) -----------------------------------------------------

_RUN = re.compile(rb"(.)\1{2,127}", re.DOTALL)


def _literal(data):
    return b"".join(bytes((len(data[i:i + 128]) - 1,)) + data[i:i + 128]
                    for i in range(0, len(data), 128))


def packbits(row):
    out, at = [], 0
    for run in _RUN.finditer(row):
        out.append(_literal(row[at:run.start()]))
        out.append(bytes((257 - (run.end() - run.start()),)) + run.group(1))
        at = run.end()
    out.append(_literal(row[at:]))
    return b"".join(out)


def rle_frame(frame, columns, samples, sample_bytes):
    """Byte planes, the most significant byte first, each row on its own.
    `frame` is interleaved and little endian."""
    step = samples * sample_bytes
    segments = []
    for sample in range(samples):
        for byte in reversed(range(sample_bytes)):
            plane = frame[sample * sample_bytes + byte::step]
            packed = b"".join(packbits(plane[i:i + columns])
                              for i in range(0, len(plane), columns))
            segments.append(packed + b"\0" * (len(packed) % 2))
    offsets, at = [], 64
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    head = struct.pack("<16I", len(segments), *offsets,
                       *[0] * (15 - len(segments)))
    return head + b"".join(segments)


# ---- files ------------------------------------------------------------------


def file_bytes(elements, syntax, frames):
    """A whole file. `elements` is without PixelData; `frames` are its frames,
    native little endian or, for JPEG_2000, code streams."""
    meta = {"FileMetaInformationVersion": b"\0\1",
            "MediaStorageSOPClassUID": elements["SOPClassUID"],
            "MediaStorageSOPInstanceUID": elements["SOPInstanceUID"],
            "TransferSyntaxUID": syntax,
            "ImplementationClassUID": uid("prepfs", "mkdemo"),
            "ImplementationVersionName": "PREPFS_DEMO"}
    head = Writer(EXPLICIT)
    body = head.data_set(meta)
    head = b"\0" * 128 + b"DICM" + head.element(
        0x00020000, "UL", len(body)) + body
    return head + _body(elements, syntax, frames)


def _body(elements, syntax, frames):
    writer = Writer(EXPLICIT if syntax in (RLE, JPEG_2000) else syntax)
    if syntax == RLE:
        step = elements["BitsAllocated"] // 8
        frames = [rle_frame(f, elements["Columns"],
                            elements["SamplesPerPixel"], step)
                  for f in frames]
    if syntax in (RLE, JPEG_2000):
        return writer.data_set(elements) + encapsulated(frames)
    pixels = b"".join(frames)
    if syntax == BIG_ENDIAN and elements["BitsAllocated"] > 8:
        swapped = bytearray(len(pixels))
        swapped[0::2], swapped[1::2] = pixels[1::2], pixels[0::2]
        pixels = bytes(swapped)
    body = writer.data_set(dict(elements, PixelData=pixels))
    if syntax == DEFLATED:
        squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = squeeze.compress(body) + squeeze.flush()
        body += b"\0" * (len(body) % 2)
    return body
