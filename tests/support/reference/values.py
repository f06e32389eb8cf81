# SPDX-License-Identifier: MIT
"""Stored samples to display samples, HU, raw or range; and to the type at the end.

From the manual's formulas, in f64, with NumPy over whole volumes.
"""
import numpy as np

from .result import Refused


def half_away(x):
    """Rounds half away from zero, in f64."""
    x = np.asarray(x, np.float64)
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


def to_integer(x, dtype):
    """Clamped and rounded half away from zero."""
    info = np.iinfo(dtype)
    return np.clip(half_away(x), info.min, info.max).astype(dtype)


def through_window(m, center, width, function, y_max):
    """PS3.3 C.11.2.1.2 and .3, truncated."""
    if function == "SIGMOID":
        return np.trunc(y_max / (1 + np.exp(-4 * (m - center) / width)))
    if function == "LINEAR_EXACT":
        low, high = center - width / 2, center + width / 2
        inside = ((m - center) / width + 0.5) * y_max
    else:
        low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
        inside = ((m - (center - 0.5)) / (width - 1 or 1) + 0.5) * y_max
    return np.trunc(np.where(m <= low, 0, np.where(m > high, y_max, inside)))


def stretched(m, is_padding, y_max):
    """From the minimum to the maximum of what is not padding."""
    inside = m[~is_padding]
    low, high = inside.min(), inside.max()
    if low == high:
        return np.zeros_like(m)
    return np.clip(np.trunc((m - low) / (high - low) * y_max), 0, y_max)


def stretched_as_reference(m, is_padding, y_max):
    """window-frame: what dicom-preprocess does without a window. Literally the
    LINEAR expression of its library, whose rounding decides at the ends."""
    inside = m[~is_padding]
    low, high = inside.min(), inside.max()
    if low == high:
        return np.zeros_like(m)
    width, center = high - low + 1, (low + high) / 2
    inner = np.trunc(((m - (center - 0.5)) / (width - 1) + 0.5) * y_max)
    low, high = center - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    return np.where(m <= low, 0, np.where(m > high, y_max, inner))


def display(source, m, window, invert=None):
    """u8 or u16 samples of the values M. WINDOW is ("n", K), ("off",),
    ("frame",) or (centre, width, function)."""
    dtype, y_max = (np.uint8, 255) if source.y_max == 255 else (np.uint16, 65535)
    if source.is_colour:
        return source.stored.astype(dtype)
    is_padding = source.padding()
    number = window[1] - 1 if window[0] == "n" else None
    if number and any(len(f.windows) <= number for f in source.frames):
        raise Refused("there is no such window")
    if window[0] == "off" or number is not None and any(not f.windows for f in source.frames):
        out = stretched(m, is_padding, y_max)
    else:
        out = np.empty(m.shape)
        for i, frame in enumerate(source.frames):
            if window[0] == "frame":
                out[i] = stretched_as_reference(m[i], is_padding[i], y_max)
            elif number is not None:
                out[i] = through_window(m[i], *frame.windows[number], frame.function, y_max)
            else:
                out[i] = through_window(m[i], *window, y_max)
    out = out.astype(dtype)
    return y_max - out if (source.is_inverted if invert is None else invert) else out


def in_range(m, low, high):
    return ((np.clip(m, low, high) - low) / (high - low)).astype(np.float32)


def converted(a, kind, y_max, dtype):
    """The dtype operator. KIND is "display", "range", "norm" or "values"."""
    if dtype is None or a.dtype == dtype:
        return a
    if not np.issubdtype(dtype, np.integer):
        wide = a.astype(np.float32)
        if kind == "display":
            wide = wide / np.float32(y_max)
        with np.errstate(over="ignore"):
            return wide.astype(dtype)
    if kind == "display":
        if dtype == np.uint8:
            return ((a.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
        return a.astype(np.uint16) * np.uint16(257)
    if kind in ("range", "norm"):
        return to_integer(a * np.float32(np.iinfo(dtype).max), dtype)
    return to_integer(a, dtype)


LUMA = np.array([0x3E59C05B, 0x3F3715FC, 0x3D93CF75], np.uint32).view(np.float32)


def luma(rgb, y_max):
    """The float luma of REF 3.6, of colours in the type of RGB."""
    f = np.float32
    c = rgb.astype(f) * (f(1) / f(y_max))
    total = ((f(0) + c[..., 0] * LUMA[0]) + c[..., 1] * LUMA[1]) + c[..., 2] * LUMA[2]
    return to_integer(total * f(y_max), rgb.dtype)[..., None]


def integer_luma8(a):
    """8-bit luma as padding and the crop's baseline judge it; frames of one channel less."""
    if a.shape[-1] == 3:
        wide = a.astype(np.int64) if a.dtype == np.uint8 else (a.astype(np.int64) + 128) // 257
        return (2126 * wide[..., 0] + 7152 * wide[..., 1] + 722 * wide[..., 2]) // 10000
    wide = a[..., 0].astype(np.int64)
    return wide if a.dtype == np.uint8 else (wide + 128) // 257
