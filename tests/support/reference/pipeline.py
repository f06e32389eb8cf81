# SPDX-License-Identifier: MIT
"""A view of a source, computed once more with NumPy and SciPy.

    result = pipeline.render(source, "crop-max_size-384x512")
    result.array()      in the shape that a .npy of it has
    result.parts        of patch and frame views: a sequence of such results
    result.crop, .scale, .pad, .affine()

The order of the steps is that of the manual: decode, values, frames, plane,
flip, rot, vol and slab, region, resize, norm, padding and canvas, patches,
type. Written from the descriptions, for comparison with the program: clear
before fast. Refused and Silent (result.py) are raised where there is no result.
"""
from collections.abc import Sequence

import numpy as np
import stack_numpy

from . import plane, steps, values
from .result import Refused, Result, Silent, dims, keyed, parse, shift, with_depth

DTYPES = {"u8": np.uint8, "u16": np.uint16, "i16": np.int16, "f16": np.float16, "f32": np.float32}


# ---- numbers ----------------------------------------------------------------

def normalise(r, ops):
    if "norm" not in ops:
        return
    words = ops["norm"]
    unit = r.source.y_max if r.kind == "display" else 1
    if keyed(words, "m") is not None:
        def step(a):
            return (np.asarray(a, np.float64) / unit - keyed(words, "m")) / keyed(words, "s")
    else:
        is_out = r.is_padding | (r.seen == 0) if "fg" in words else r.is_padding
        if "frame" in words and ops.get("fill", ["0"])[0] in r.limits and (len(r.work) > 1 or "canvas" in ops):
            raise Silent("the minimum of a volume among the statistics of frames")
        maps = [moments(r.work[part], is_out[part], words[0]) for part in
                ([slice(i, i + 1) for i in range(len(r.work))] if "frame" in words else [slice(None)])]

        def step(a):
            a = np.asarray(a, np.float64)
            if len(maps) == 1 or a.ndim == 0:
                return maps[0](a)
            return np.stack([m(page) for m, page in zip(maps, a)])
    r.limits = {k: step(v) for k, v in r.limits.items()}
    r.shown = r.seen  # padding is judged by what is seen
    r.work, r.kind = step(r.work).astype(np.float32), "norm"


def moments(a, is_out, kind):
    """What maps the samples, by the statistics of A where not IS_OUT."""
    inside = a[~is_out].astype(np.float64)
    if not inside.size or inside.min() == inside.max():
        return np.zeros_like
    low, high, mean, sd = inside.min(), inside.max(), inside.mean(), inside.std()
    if kind == "z":
        return lambda v: (v - mean) / sd
    if kind == "unit":
        return lambda v: (v - low) / (high - low)
    return lambda v: 2 * (v - low) / (high - low) - 1


# ---- outside ----------------------------------------------------------------

def pad(r, ops):
    fill, value = steps.filling(r, ops)
    if steps.is_padded(ops):
        width, height = dims(ops["size"][0])[:2]
        r.pad = plane.pad_amounts(r.seen, width, height, (ops.get("pad") or ["zero"])[0])
        window(r, (-r.pad[0], -r.pad[1], 0), (width, height, len(r.work)), fill, value)
    if "canvas" in ops:
        size = with_depth(ops["canvas"][0], len(r.work))
        origin = [(n - s) // 2 if n >= s else -((s - n) // 2) for n, s in zip(r.sides, size)]
        window(r, origin, size, fill, value)


def window(r, origin, size, fill, value):
    r.work = stack_numpy.window(r.work, origin, size, fill, value)
    r.shown = None
    r.moved(shift(origin))


# ---- patches ----------------------------------------------------------------

class Parts(Sequence):
    """Made when they are looked at: a grid may have 10^5 tiles."""

    def __init__(self, count, make):
        self.count, self.make = count, make

    def __len__(self):
        return self.count

    def __getitem__(self, k):
        if not -self.count <= k < self.count:
            raise IndexError(k)
        return self.make(k % self.count)


def patches(r, ops, rois):
    name = next(k for k in ("grid", "rand", "roi") if k in ops)
    words, depth = ops[name], r.sides[2]
    size = with_depth(words[1 if name == "roi" else 0], depth)
    if name == "grid":
        stride = with_depth(words[1][1:], size[2]) if len(words) > 1 else size
        starts = [[x, y, z] for z in range(0, depth - size[2] + 1, stride[2])
                  for y in range(0, r.sides[1] - size[1] + 1, stride[1])
                  for x in range(0, r.sides[0] - size[0] + 1, stride[0])]
    elif name == "rand":
        seed = next(int(w[4:]) for w in words if w.startswith("seed")) % (1 << 64)
        starts = [stack_numpy.random_origin(r.uid, seed, k + 1, r.sides, size) for k in range(int(keyed(words, "n")))]
    else:
        starts = around(r, rois, size, len(dims(words[1])) == 2)
    fill, value = steps.filling(r, ops)

    def cut(k):
        part = r.part()
        window(part, starts[k], size, fill, value)
        finish(part, ops)
        return part

    r.parts = Parts(len(starts), cut)


def around(r, rois, size, is_flat):
    """Origins of patches round centres in millimetres."""
    to_voxel = np.linalg.inv(r.source.place() @ r.grid)
    starts = []
    for centre in rois:
        at = [int(np.ceil(v - s / 2)) for v, s in zip(to_voxel @ [*centre, 1], size)]
        starts.append([*at[:2], 0] if is_flat else at)
    return starts


# ---- types ------------------------------------------------------------------

def finish(r, ops):
    dtype = next((DTYPES[d] for d in DTYPES if d in ops), None)
    if dtype is None and r.kind in ("range", "norm"):
        dtype = np.float32
    if "gray" in ops and r.work.shape[3] == 3:
        if r.kind != "display":
            raise Silent("luma of normalised colour")
        r.work = values.luma(r.work, r.source.y_max)
    r.work = values.converted(r.work, r.kind, r.source.y_max, dtype)
    if r.work.shape[3] == 3 and r.work.dtype not in (np.uint8, np.uint16):
        raise Refused("RGB has 8 or 16 bits")
    if "rgb" in ops and r.work.shape[3] == 1:
        if r.work.dtype not in (np.uint8, np.uint16):
            raise Refused("RGB has 8 or 16 bits")
        r.work = np.repeat(r.work, 3, axis=3)


STEPS = (steps.take_values, steps.check_volume, steps.reslice, steps.turn, steps.combine, steps.region, steps.deepen,
         steps.resize, normalise, pad)


def render(source, view, rois=()):
    """The Result of a canonical VIEW; ROIS are centres in millimetres, LPS."""
    ops = parse(view)
    r = Result(steps.picked(source, ops))
    for step in STEPS:
        step(r, ops)
    if set(ops) & {"grid", "rand", "roi"}:
        patches(r, ops, rois)
        if r.parts:
            r.parts[0]  # refusals are those of all
    elif "frames" in ops:
        r.parts = [r.part(r.work[k:k + 1]) for k in range(len(r.work))]
        for part in r.parts:
            finish(part, ops)
    else:
        finish(r, ops)
    return r
