# SPDX-License-Identifier: MIT
"""Tiny DICOM files of which a test says every element, and how to run prepfs."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "examples", "demo"))

import dicom  # noqa: E402

CT = "1.2.840.10008.5.1.4.1.1.2"
US = "1.2.840.10008.5.1.4.1.1.6.1"
REPORT = "1.2.840.10008.5.1.4.1.1.88.11"


def image(study, series, number, **more):
    """The elements of a small CT slice; None takes one away."""
    elements = {
        "SOPClassUID": CT, "SOPInstanceUID": f"{series}.{number}",
        "StudyInstanceUID": study, "SeriesInstanceUID": series,
        "Modality": "CT", "PatientID": "P", "PatientName": "Doe^Jane",
        "InstanceNumber": number, "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "Rows": 8, "Columns": 8,
        "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0,
        "PixelSpacing": [1, 1], "ImagePositionPatient": [0, 0, number],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    }
    elements.update(more)
    return {name: value for name, value in elements.items() if value is not None}


def report(study, series, number):
    """A structured report without pixels."""
    return {"SOPClassUID": REPORT, "SOPInstanceUID": f"{series}.{number}",
            "StudyInstanceUID": study, "SeriesInstanceUID": series, "Modality": "SR",
            "InstanceNumber": number}


def write(folder, relpath, elements, frames=None):
    """A file of these elements; `frames` by default are of one value each."""
    path = os.path.join(folder, relpath)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if frames is None:
        frames = [bytes((elements["InstanceNumber"] % 256, 0)) * 64]
    if "Rows" not in elements:  # a report
        data = dicom.file_bytes(dict(elements), dicom.EXPLICIT, [b""])
        data = data[:-12]  # the empty PixelData
    else:
        data = dicom.file_bytes(elements, dicom.EXPLICIT, frames)
    with open(path + ".part", "wb") as out:
        out.write(data)
    os.rename(path + ".part", path)


def start_fails(program, place, options):
    """What prepfs says that must not start, and its exit status."""
    done = subprocess.run([program, place.archive, place.mnt, "-f", "-o",
                           ",".join(place.options + list(options))],
                          stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    return done.returncode, done.stderr
