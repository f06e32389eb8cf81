# SPDX-License-Identifier: MIT
"""Operators over several frames that stack_numpy.py does not have.

The rest (projections, slabs, interpolation, reslicing, rotation by any angle,
normalisation, patches) is imported from there.
"""
import numpy as np

from . import values
from .plane import F, libm, of_libm


def skipped(frames, before, after):
    """The frames that are left; one, if the stack is too short."""
    n = len(frames)
    if before + after < n:
        return frames[before:n - after]
    at = (n - 1) * before // (before + after)
    return frames[at:at + 1]


def bilateral(a):
    """13 x 13, sigma 3 and 0.015, edges repeated; sums by rows, then columns."""
    sigma = F(0.015)
    index = np.arange(2048, dtype=F) / F(2047)
    table = of_libm(libm.expf, -index / (F(2) * sigma * sigma))
    height, width = a.shape
    rows, columns = np.arange(height), np.arange(width)
    total, weight = np.zeros_like(a), np.zeros_like(a)
    for dy in range(-6, 7):
        for dx in range(-6, 7):
            spatial = F(libm.expf(float(-F(dx * dx + dy * dy) / F(18))))
            v = a[np.clip(rows + dy, 0, height - 1)][:, np.clip(columns + dx, 0, width - 1)]
            d = v - a
            near = np.minimum(d * d, F(1)) * F(2047)
            w = spatial * table[np.minimum(2047, values.half_away(near)).astype(int)]
            total = total + v * w
            weight = weight + w
    return total / weight


def reduced(a):
    """[1 4 6 4 1]/16 across, then down, edges repeated; every second sample."""
    for axis in (1, 0):
        n = a.shape[axis]
        acc = np.zeros_like(a)
        for k, w in zip(range(-2, 3), (1, 4, 6, 4, 1)):
            acc = acc + np.take(a, np.clip(np.arange(n) + k, 0, n - 1), axis) * (F(w) / F(16))
        a = acc
    return a[::2, ::2]


def expanded(a, width, height):
    def axis(n, m):
        at = np.arange(m).astype(F) * F(n - 1) / F(max(m - 1, 1))
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, n - 1), at - low.astype(F)

    (x0, x1, fx), (y0, y1, fy) = axis(a.shape[1], width), axis(a.shape[0], height)
    fy = fy[:, None]
    one = F(1)
    return ((a[y0][:, x0] * (one - fx) * (one - fy) + a[y0][:, x1] * fx * (one - fy)) +
            a[y1][:, x0] * (one - fx) * fy) + a[y1][:, x1] * fx * fy


def lapmip(shown, weight, before, after, is_central):
    """REF 7.5 on display samples; u16, or what it was if one frame is left."""
    frames = skipped(shown, before, after)
    if len(frames) == 1:
        return frames
    if frames.shape[3] == 3:
        frames = values.luma(frames, np.iinfo(frames.dtype).max)
    wide = frames[..., 0].astype(np.uint16)
    g = (wide * np.uint16(257 if frames.dtype == np.uint8 else 1)).astype(F) / F(65535)
    if is_central:
        base = g[len(g) // 2]
    else:
        base = np.zeros_like(g[0])
        for page in g:
            base = base + page
        base = base / base.max() if base.max() > 0 else base
    b0, m0 = bilateral(base), bilateral(g.max(axis=0))
    height, width = b0.shape
    e = expanded(reduced(b0), width, height)
    low, high = b0 - e, m0 - expanded(reduced(m0), width, height)
    out = np.clip(e + (F(2) * e) * (low + F(weight) * high), F(0), F(1))
    return np.trunc(out * F(65535)).astype(np.uint16)[None, ..., None]
