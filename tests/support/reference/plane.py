# SPDX-License-Identifier: MIT
"""Geometry within the image: crop, resize, padding, turns.

Crop box, sizes and resampling are those of `dicom-preprocess` 0.1.2, written
from the description of its algorithms (the crate `image` resamples), in f32
where that is what it computes in. Arrays are frames x rows x columns x channels.
"""
import ctypes
import ctypes.util

import numpy as np

from . import values

F = np.float32
libm = ctypes.CDLL(ctypes.util.find_library("m"))
libm.expf.restype = libm.sinf.restype = ctypes.c_float
libm.expf.argtypes = libm.sinf.argtypes = [ctypes.c_float]


def of_libm(function, x):
    """An f32 function of the C library, value by value: NumPy's may differ by
    a bit."""
    return np.array([function(float(v)) for v in np.ravel(x)], F).reshape(np.shape(x))


def round_size(x):
    return max(1, int(np.floor(np.float64(x) + 0.5)))


# ---- the box around the content ---------------------------------------------

def baseline_box(page, is_padding, y_max, is_max, border):
    """[left, top, right, bottom] inclusive, and whether anything was found."""
    height, width = page.shape[:2]
    v = page[..., 0] if page.shape[2] == 1 else values.integer_luma8(page[None])[0]
    found = (v != 0) & ~is_padding
    if is_max:
        found &= v != y_max
    inside = np.zeros_like(found)
    cut = []
    for n in (width, height):
        low, high = int(F(n) * F(border)), int(F(n) * (F(1) - F(border)))
        cut.append((low, high if border else n))
    (x0, x1), (y0, y1) = cut
    inside[y0:y1, x0:x1] = found[y0:y1, x0:x1]
    ys, xs = np.nonzero(inside)
    box = [xs.min(), ys.min(), xs.max(), ys.max()] if len(xs) else [0, 0, width - 1, height - 1]
    if border:
        dx, dy = int(F(width) * F(border)), int(F(height) * F(border))
        box = [max(0, box[0] - dx), max(0, box[1] - dy), min(width - 1, box[2] + dx), min(height - 1, box[3] + dy)]
    return [int(v) for v in box], bool(len(xs))


def largest_component(page, is_padding, y_max):
    """Box of the largest component of a page, exclusive ends; None if none."""
    from scipy import ndimage
    height, width = page.shape[:2]
    page = np.where(is_padding[..., None], 0, page)
    tw, th = width, height
    if width > 512 or height > 512:
        ratio = min(512 / width, 512 / height)
        tw, th = (max(1, int(np.floor(n * ratio + 0.5))) for n in (width, height))
        page = resized(page[None].astype(page.dtype), tw, th, "nearest")[0]
    if page.shape[2] == 3:
        page = values.luma(page, y_max)
    small = values.integer_luma8(page[None])[0]
    labels, count = ndimage.label(small > 1)
    if not count:
        return None
    sizes = np.bincount(labels.ravel())[1:]
    # labels are given in the order of first pixels; ties go to the last
    winner = count - int(np.argmax(sizes[::-1]))
    ys, xs = np.nonzero(labels == winner)
    left, top = xs.min() * width // tw, ys.min() * height // th
    right, bottom = -(-(xs.max() + 1) * width // tw), -(-(ys.max() + 1) * height // th)
    left, top = min(left, width - 1), min(top, height - 1)
    return int(left), int(top), int(min(max(right, left + 1), width)), int(min(max(bottom, top + 1), height))


def crop_box(shown, is_padding, is_max=False, nocomp=False, border=0.0):
    """left, top, width, height over all pages of display samples."""
    y_max = np.iinfo(shown.dtype).max
    union = None
    for page, padding in zip(shown, is_padding):
        box, is_found = baseline_box(page, padding, y_max, is_max, border)
        left, top, right, bottom = box[0], box[1], box[2] + 1, box[3] + 1
        if not nocomp:
            inner = largest_component(page[top:bottom, left:right], padding[top:bottom, left:right], y_max)
            if inner:
                is_found = True
                left, top, right, bottom = left + inner[0], top + inner[1], left + inner[2], top + inner[3]
        if not is_found:
            continue
        box = [left, top, right, bottom]
        union = box if union is None else [*map(min, union[:2], box[:2]), *map(max, union[2:], box[2:])]
    left, top, right, bottom = union or (0, 0, shown.shape[2], shown.shape[1])
    return left, top, right - left, bottom - top


# ---- resize -----------------------------------------------------------------

def triangle(x):
    return np.maximum(F(1) - np.abs(x), F(0))


def catmullrom(x):
    a, b, c = np.abs(x), F(0), F(0.5)
    cube, square = (a * a) * a, a * a
    inner = (F(12) - F(9) * b - F(6) * c) * cube + (F(-18) + F(12) * b + F(6) * c) * square + (F(6) - F(2) * b)
    outer = (-b - F(6) * c) * cube + (F(6) * b + F(30) * c) * square + (F(-12) * b - F(48) * c) * a + \
        (F(8) * b + F(24) * c)
    return np.where(a < 1, inner / F(6), np.where(a < 2, outer / F(6), F(0)))


def gaussian(x):
    r = F(0.5)
    scale = F(1) / (np.sqrt(F(2) * F(np.pi)) * r)
    return scale * of_libm(libm.expf, -(x * x) / (F(2) * (r * r)))


def sinc(t):
    a = t * F(np.pi)
    safe = np.where(a == 0, F(1), a)
    return np.where(a == 0, F(1), of_libm(libm.sinf, safe) / safe).astype(F)


def lanczos3(x):
    return np.where(np.abs(x) < 3, sinc(x) * sinc(x / F(3)), F(0)).astype(F)


KERNELS = {"nearest": (lambda x: np.ones_like(x), 0), "triangle": (triangle, 1), "catmullrom": (catmullrom, 2),
           "gaussian": (gaussian, 3), "lanczos3": (lanczos3, 3)}


def along_rows(a, m, name):
    """Axis 1 of an array resampled to M samples, in the type of the array; the
    weights are f32."""
    n = a.shape[1]
    kernel, support = KERNELS[name]
    ratio = F(n) / F(m)
    s = max(ratio, F(1))
    reach = F(support) * s
    wide = a.dtype.type
    out = np.empty((a.shape[0], m, *a.shape[2:]), wide)
    for o in range(m):
        c = (F(o) + F(0.5)) * ratio
        left = int(np.clip(np.floor(c - reach), 0, n - 1))
        right = int(np.clip(np.ceil(c + reach), left + 1, n))
        c = c - F(0.5)
        if name == "nearest":
            weights = [F(1)] * (right - left)
        else:
            weights = list(kernel((np.arange(left, right).astype(F) - c) / s).astype(F))
        total = F(0)
        for w in weights:
            total = total + w
        weights = [w / total for w in weights]
        if wide is np.float64:  # so that a constant stays one
            weights = [wide(w) / sum(map(float, weights)) for w in weights]
        acc = np.zeros_like(out[:, 0])
        for i, w in zip(range(left, right), weights):
            acc = acc + a[:, i] * w
        out[:, o] = acc
    return out


def maxpooled(a, width, height):
    for axis, m in ((1, height), (2, width)):
        n = a.shape[axis]
        parts = []
        for o in range(m):
            start, end = o * n // m, (o + 1) * n // m
            parts.append(np.take(a, range(start, max(end, start + 1)), axis).max(axis=axis, keepdims=True))
        a = np.concatenate(parts, axis)
    return a


def resized(a, width, height, name):
    """Integers are clamped to their type and rounded half away; floats stay."""
    if a.shape[1:3] == (height, width):
        return a
    if name == "maxpool":
        return maxpooled(a, width, height)
    wide_type = np.float64 if a.dtype.itemsize > 2 and a.dtype != F else F
    wide = along_rows(a.astype(wide_type), height, name)
    wide = along_rows(wide.transpose(0, 2, 1, 3), width, name).transpose(0, 2, 1, 3)
    if np.issubdtype(a.dtype, np.integer):
        return values.to_integer(wide, a.dtype)
    return wide.astype(a.dtype)


def scales(width, height, how, px_per_mm, is_noup=False):
    """f32 scale of both axes and the size they lead to."""
    kind, *rest = how
    if kind == "spacing":
        scale = []
        for n, mm, density in zip((width, height), rest, px_per_mm):
            target = round_size(F(n) * ((F(1) / F(mm)) / F(density)))
            scale.append(F(target) / F(n))
    else:
        scale = [F(rest[0]) / F(width), F(rest[1]) / F(height)]
        if kind == "fit":
            scale = [min(scale)] * 2
        elif kind == "cover":
            scale = [max(scale)] * 2
    scale = [min(s, F(1)) for s in scale] if is_noup else scale
    return scale, (round_size(F(width) * scale[0]), round_size(F(height) * scale[1]))


# ---- padding ----------------------------------------------------------------

def pad_amounts(shown, width, height, where):
    """left, top, right, bottom; SHOWN are display samples of the resized image."""
    pw, ph = width - shown.shape[2], height - shown.shape[1]
    if where == "topleft":
        return pw, ph, 0, 0
    if where == "bottomright":
        return 0, 0, pw, ph
    if where == "center":
        return pw // 2, ph // 2, pw - pw // 2, ph - ph // 2
    zero = values.integer_luma8(shown[:1])[0] == 0
    is_right = zero[:, 0].sum() < zero[:, -1].sum()
    is_below = zero[0].sum() < zero[-1].sum()
    return (0 if is_right else pw), (0 if is_below else ph), (pw if is_right else 0), (ph if is_below else 0)


# ---- turns ------------------------------------------------------------------

def turned(a, degrees):
    """A multiple of 90 degrees clockwise."""
    return np.rot90(a, -(int(degrees) // 90) % 4, axes=(1, 2))
