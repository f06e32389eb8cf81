# SPDX-License-Identifier: MIT
"""What a .json and the header of a .nii say, against the reference pipeline."""
import json

import numpy as np

SHORT = {"u8": "uint8", "u16": "uint16", "i16": "int16", "f32": "float32"}


def check_affine(path, result):
    import nibabel
    image = nibabel.load(path)
    want = result.affine()
    off = np.abs(image.affine - want).max()
    if int(image.header["sform_code"]) != 1:
        return "no sform"
    return None if off < 1e-3 else f"affine off by {off} mm:\n# {image.affine.tolist()}\n# {want.tolist()}"


def check_json(path, archive, view, subject, result):
    """ops, crop, scale, padding, frames, window; None or what is wrong."""
    with open(path, encoding="utf-8") as f:
        doc = json.load(f)
    g = doc["geometry"]
    frame = result.source.frames[0]
    want = {
        "view": (doc["view"], view),
        "operators": ("_".join(o["operator"] for o in doc["operators"]), view),
        "crop": ([*g["crop"]["corner"], *g["crop"]["size"]], list(result.crop)),
        "scale": (np.float32(g["scale"]).tolist(), np.float32(result.scale).tolist()),
        "pad": (g["pad"]["before"] + g["pad"]["after"], list(result.pad)),
        "shape": (doc["output"]["shape"], list(result.array().shape)),
        "dtype": (doc["output"]["dtype"], result.array().dtype.name),
        "window": ([doc["window"]["center"], doc["window"]["width"]], list(frame.windows[0])),
        "frames": (doc["frames"]["first"], [1]),
        "problem": (doc["problem"], None),
    }
    for what, (got, expected) in want.items():
        if got != expected:
            return f"{what}: {got}, not {expected}"
    return None
