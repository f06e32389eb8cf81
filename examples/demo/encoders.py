# SPDX-License-Identifier: MIT
"""Encoders that Python does not have: DCMTK's and OpenJPEG's programs, each
used where it is installed."""
import os
import shutil
import subprocess
import tempfile

import dicom

# name: (program, its arguments); these read and write whole DICOM files
_DCMTK = {
    "jpeg-lossless": ("dcmcjpeg", ["+e1"]),
    "jpeg-baseline": ("dcmcjpeg", ["+eb", "+q", "92", "+un"]),
    "jpeg-ls": ("dcmcjpls", ["+el"]),
}

# name: transfer syntax; these are written here
_OWN = {
    "explicit": dicom.EXPLICIT,
    "implicit": dicom.IMPLICIT,
    "big-endian": dicom.BIG_ENDIAN,
    "deflated": dicom.DEFLATED,
    "rle": dicom.RLE,
}


def is_available(name):
    if name in _OWN:
        return True
    program = "opj_compress" if name == "jpeg-2000" else _DCMTK[name][0]
    return shutil.which(program) is not None


def _run(program, *arguments):
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise SystemExit("mkdemo: %s failed:\n%s" % (
            program, done.stdout.decode(errors="replace")))


def _jpeg_2000(elements, frame, folder):
    raw, stream = (os.path.join(folder, n) for n in ("f.rawl", "f.j2k"))
    with open(raw, "wb") as out:
        out.write(frame)
    _run("opj_compress", "-i", raw, "-o", stream, "-F", "%d,%d,%d,%d,%s" % (
        elements["Columns"], elements["Rows"], elements["SamplesPerPixel"],
        elements["BitsStored"], "us"[elements["PixelRepresentation"]]))
    with open(stream, "rb") as done:
        return done.read()


def write(path, elements, name, frames):
    """Writes one file in the encoding `name`."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if name in _OWN:
        with open(path, "wb") as out:
            out.write(dicom.file_bytes(elements, _OWN[name], frames))
        return
    with tempfile.TemporaryDirectory() as folder:
        if name == "jpeg-2000":
            streams = [_jpeg_2000(elements, f, folder) for f in frames]
            with open(path, "wb") as out:
                out.write(dicom.file_bytes(elements, dicom.JPEG_2000,
                                           streams))
            return
        plain = os.path.join(folder, "plain.dcm")
        write(plain, elements, "explicit", frames)
        program, options = _DCMTK[name]
        _run(program, *options, plain, path)
