# SPDX-License-Identifier: MIT
"""The steps from a source to pages, before normalisation: values, plane, flip,
rot, vol, slab, region, depth, resize. Each takes a Result and the operators."""
import re

import numpy as np
import stack_numpy

from . import plane, stack, values
from .result import Refused, Silent, dims, keyed, matrix, shift, skips, with_depth


# ---- frames and values ------------------------------------------------------

def picked(source, ops):
    """The source that has only these frames; they are the volume."""
    if ops.get("order") == ["inst"] and source.numbers:
        source = source.only(sorted(range(len(source.numbers)), key=source.numbers.__getitem__))
    if "pick" not in ops:
        return source
    m = re.fullmatch(r"(\d+)(?:to(\d+))?(?:by(\d+))?", ops["pick"][0])
    first, last, step = int(m[1]), int(m[2] or m[1]), int(m[3] or 1)
    numbers = list(range(first - 1, min(last, len(source.stored)), step))
    if not numbers:
        raise Refused("no such frames")
    return source.only(numbers)


def is_padded(ops):
    return "size" in ops and "nopad" not in ops and not set(ops["size"]) & {"cover", "stretch"}


def window_of(ops):
    words = ops.get("window", ["n1"])
    if keyed(words, "n") is not None:
        return "n", int(keyed(words, "n"))
    if words[0] in ("off", "frame"):
        return (words[0],)
    function = "SIGMOID" if "sigmoid" in words else "LINEAR_EXACT" if "exact" in words else "LINEAR"
    return keyed(words, "c"), keyed(words, "w"), function


def replace_padding(m, source, ops):
    """padval: what the values of PixelPaddingValue pixels become."""
    is_padding = source.padding()
    if "padval" in ops and is_padding.any():
        word = ops["padval"][0]
        m = m.copy()
        m[is_padding] = m[~is_padding].min() if word == "min" else float(word)
    return m


def take_values(r, ops):
    source = r.source
    is_raw = "raw" in ops
    is_display = source.is_colour or not set(ops) & {"hu", "raw", "range"} or is_raw and "window" in ops
    invert = True if "invert" in ops else False if "noinvert" in ops else None
    m = source.stored.astype(np.float64) if is_raw else source.modality()
    m = replace_padding(m, source, ops)
    judged = source.modality() if not is_raw or not is_display else m
    judged = replace_padding(judged, source, ops) if judged is not m else m
    if is_raw and not is_display and "padval" in ops and ops["padval"][0] != "min":
        raise Silent("a stored value for padding, seen through a window")
    if source.is_colour and set(ops) & {"hu", "range"}:
        if set(ops) & {"u8", "u16", "gray"}:
            raise Silent("what HU of colour are")
        raise Refused("RGB has 8 or 16 bits")
    if is_display:
        r.work = values.display(source, m, window_of(ops), invert)
    elif "range" in ops:
        r.kind = "range"
        r.work = values.in_range(m, *map(float, ops["range"][0].split("to")))
        r.work = np.float32(1) - r.work if invert else r.work
    else:
        r.kind = "values"
        r.work = m.astype(np.float32 if "hu" in ops else source.stored.dtype)
    judges = "crop" in ops or "fg" in ops.get("norm", []) or is_padded(ops) and ops.get("pad", ["zero"]) == ["zero"]
    if not is_display and judges:
        r.shown = values.display(source, judged, window_of({}), invert)
    inside = r.work[~r.is_padding]
    r.limits = {"min": inside.min(), "max": inside.max()}


# ---- orientation ------------------------------------------------------------

def check_volume(r, ops):
    """Some operators need one volume, whether or not they find much to do."""
    is_deep = any(k in ops and len(dims(ops[k][0])) == 3 for k in ("size", "spacing"))
    if len(r.work) > 1 and (is_deep or set(ops) & {"plane", "vol", "slab"}) and not r.source.is_one_volume:
        raise Refused("several volumes")


def reslice(r, ops):
    if "plane" not in ops:
        return
    if r.source.places[0] is None:
        raise Refused("no orientation")
    kind, affine = ops["plane"][0], r.source.affine()
    if not affine[:3, 2].any():
        raise Refused("one place")
    to = (affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)).T
    width, height, depth = r.sides
    # where every voxel of the result was: (z, y, x) of the source
    index = np.stack(np.meshgrid(*map(np.arange, (depth, height, width)), indexing="ij"), -1)
    index = stack_numpy.reslice(index, kind, to)
    r.each(lambda a: stack_numpy.reslice(a, kind, to))
    m = np.eye(4)
    m[:3, 3] = index[0, 0, 0][::-1]
    for column, step in enumerate(((0, 0, 1), (0, 1, 0), (1, 0, 0))):  # in x, y, z of the result
        if index.shape[2 - column] > 1:
            m[:3, column] = index[step][::-1] - m[:3, 3]
        else:  # the axis of one frame: the one that no other is
            m[:3, column] = 0
    single = [c for c in range(3) if not m[:3, c].any()]
    for column, axis in zip(single, [a for a in range(3) if not m[a, :3].any()]):
        m[axis, column] = 1
    mm = np.linalg.norm(affine[:3, :3] @ m[:3, :3], axis=0)
    r.moved(m)
    r.px_per_mm, r.dz = (1 / mm[0], 1 / mm[1]), mm[2]


def turn(r, ops):
    for letter in (ops.get("flip") or [""])[0]:
        at = "hvz".index(letter)
        r.each(lambda a, axis=2 - at: np.flip(a, axis))
        m = np.eye(4)
        m[at, at], m[at, 3] = -1, r.sides[at] - 1
        r.moved(m)
    if "rot" not in ops:
        return
    degrees, (w, h, _) = float(ops["rot"][0]) % 360, r.sides
    if degrees % 90:
        oblique(r, degrees, *filling(r, ops))
        return
    r.each(lambda a: plane.turned(a, degrees))
    r.moved({0: np.eye(4), 90: matrix(x=(0, 1, 0, 0), y=(-1, 0, 0, h - 1)),
             180: matrix(x=(-1, 0, 0, w - 1), y=(0, -1, 0, h - 1)),
             270: matrix(x=(0, -1, 0, w - 1), y=(1, 0, 0, 0))}[degrees])
    if degrees in (90, 270) and r.px_per_mm:
        r.px_per_mm = r.px_per_mm[::-1]


def oblique(r, degrees, fill, value):
    if r.shown is not None and value:
        raise Silent("a fill of display samples beside one of values")

    def rotated(a):
        wide = stack_numpy.rotated(a, degrees, fill, value)
        return values.to_integer(wide, a.dtype) if np.issubdtype(a.dtype, np.integer) else wide.astype(a.dtype)

    # what comes from outside is no image; the rest by the nearest pixel
    height, width = r.work.shape[1:3]
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    dy, dx = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    sx = np.floor(c * dx + (s * dy + (width - 1) / 2) + 0.5).astype(int)
    sy = np.floor(-s * dx + (c * dy + (height - 1) / 2) + 0.5).astype(int)
    is_inside = (sx >= 0) & (sx < width) & (sy >= 0) & (sy < height)

    def mask(m):
        return np.where(is_inside[None, ..., None], m[:, np.where(is_inside, sy, 0), np.where(is_inside, sx, 0)], True)

    r.compute(rotated, mask)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = (r.sides[0] - 1) / 2, (r.sides[1] - 1) / 2
    r.moved(matrix(x=(c, s, 0, x - c * x - s * y), y=(-s, c, 0, y + s * x - c * y)))


def filling(r, ops):
    """How stack_numpy.window and rotated call the fill, and its value."""
    word = (ops.get("fill") or ["0"])[0]
    if word in ("edge", "reflect"):
        return word, 0
    value = r.limits[word] if word in r.limits else float(word)
    if np.issubdtype(r.work.dtype, np.integer):
        info = np.iinfo(r.work.dtype)
        value = values.half_away(np.clip(value, info.min, info.max))
    return "value", value


# ---- several frames ---------------------------------------------------------

def combine(r, ops):
    n = len(r.work)
    if "vol" in ops and n > 1:
        project(r, *ops["vol"])
    if "slab" in ops and len(r.work) > 1:
        kind, *words = ops["slab"]
        d, s = int(keyed(words, "d")), int(keyed(words, "s", 1))
        if d > len(r.work):
            raise Refused("no slab")
        starts = range(0, len(r.work) - d + 1, s)
        r.compute(lambda a: np.stack([stack_numpy.REDUCE[kind](a[k:k + d]) for k in starts]).astype(a.dtype),
                  lambda m: np.stack([m[k:k + d].all(axis=0) for k in starts]))
        r.moved(matrix(z=(0, 0, s, (d - 1) / 2)))
        r.dz = s * (r.dz or r.source.slice_distance() or 0) or None


def project(r, kind, *words):
    n = len(r.work)
    if kind == "central":
        r.each(lambda a: a[n // 2:n // 2 + 1])
        r.moved(shift((0, 0, n // 2)))
    elif kind == "interp":
        interpolate(r, int(words[0]))
    elif kind == "lapmip":
        r.compute(lambda a: stack.lapmip(a, keyed(words, "w", 1.5), *skips(words, 5), "central" in words),
                  lambda m: stack.skipped(m, *skips(words, 5)).all(axis=0)[None, ..., :1])
    else:
        operator = stack_numpy.REDUCE[{"mip": "max", "minip": "min", "mean": "mean"}[kind]]
        r.compute(lambda a: operator(stack.skipped(a, *skips(words, 0)))[None].astype(a.dtype),
                  lambda m: stack.skipped(m, *skips(words, 0)).all(axis=0)[None])


def interpolate(r, target):
    n = len(r.work)
    at = [np.float32(k) / np.float32(max(target - 1, 1)) * np.float32(n - 1) for k in range(target)]
    r.compute(lambda a: stack_numpy.interp(a, target).astype(a.dtype),
              lambda m: np.stack([m[int(np.floor(p))] & m[int(np.ceil(p))] for p in at]))
    step = (n - 1) / (target - 1) if target > 1 else 1
    r.moved(matrix(z=(0, 0, step, 0)))
    r.dz = step * (r.dz or r.source.slice_distance() or 0) or None


def deepen(r, ops):
    """The third number of size and spacing, before the others."""
    n, target = len(r.work), None
    if n > 1 and "spacing" in ops and len(dims(ops["spacing"][0])) == 3:
        dz = r.dz or r.source.slice_distance()
        if not dz:
            raise Refused("no distance between frames")
        f = np.float32
        target = int(values.half_away(f(f(n - 1) * f(dz)) / f(dims(ops["spacing"][0])[2]))) + 1
        target = n if target < 2 else target
    elif n > 1 and "size" in ops:
        target = with_depth(ops["size"][0], n)[2]
    if target is None or target == n or "noup" in ops and target > n:
        return
    interpolate(r, target)


# ---- within the image -------------------------------------------------------

def region(r, ops):
    (w, h, n), (x, y, z) = r.sides, (0, 0, 0)
    if "crop" in ops:
        words = ops["crop"]
        x, y, w, h = plane.crop_box(r.seen, r.is_padding[..., 0], "max" in words, "nocomp" in words,
                                    keyed(words, "b", 0.0))
    elif "box" in ops:
        size, at = ops["box"][0].split("at")
        size, (x, y, z) = with_depth(size, n), with_depth(at, 0)
        w, h, n = (min(a + s, m) - a for a, s, m in zip((x, y, z), size, r.sides))
        if min(w, h, n) <= 0:
            raise Refused("outside")
    elif "mid" in ops:
        size = with_depth(ops["mid"][0], n)
        (x, w), (y, h), (z, n) = (((m - s) // 2, s) if s <= m else (0, m) for s, m in zip(size, r.sides))
    else:
        return
    r.crop = x, y, w, h
    r.each(lambda a: a[z:z + n, y:y + h, x:x + w])
    r.moved(shift((x, y, z)))


def resize(r, ops):
    w, h, _ = r.sides
    if "spacing" in ops:
        if not r.px_per_mm:
            raise Refused("no spacing")
        how = "spacing", *dims(ops["spacing"][0])[:2]
    elif "size" in ops:
        mode = [m for m in ("cover", "stretch") if m in ops["size"]]
        how = mode[0] if mode else "fit", *dims(ops["size"][0])[:2]
    else:
        return
    r.scale, (width, height) = plane.scales(w, h, how, r.px_per_mm, "noup" in ops)
    if (width, height) != (w, h):
        r.compute(lambda a: plane.resized(a, width, height, (ops.get("filter") or ["triangle"])[0]),
                  lambda m: plane.resized(m.astype(np.uint8), width, height, "nearest") > 0)
    rx, ry = w / width, h / height
    r.moved(matrix(x=(rx, 0, 0, 0.5 * rx - 0.5), y=(0, ry, 0, 0.5 * ry - 0.5)))
    if how[0] == "cover":
        x, y = (max(0, (m - s) // 2) for m, s in zip((width, height), how[1:]))
        r.each(lambda a: a[:, y:y + how[2], x:x + how[1]])
        r.moved(shift((x, y, 0)))
