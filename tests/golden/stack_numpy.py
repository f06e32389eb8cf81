#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare the volume operators of fs/image with NumPy and SciPy.

usage: stack_numpy.py STACK_PIPE     prints TAP

Every operator is computed once more here, from the manual's formulas and with
whole arrays. Tolerances:

    copies, maxima, medians, means of integers, patches   0
    interp of u8 and u16 (truncated as the reference does)  0
    means and medians of floats                             1e-6 relative
    rot of integers, compared before rounding               0.5 and 1e-8 of the range
    rot of floats, norm                                     1e-6 of the range

Exit 77 without NumPy; rot is skipped without SciPy.
"""
import itertools
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError as e:
    print("1..0 # SKIP", e)
    sys.exit(77)
try:
    from scipy import ndimage
except ImportError:
    ndimage = None

TYPES = {"u8": np.uint8, "u16": np.uint16, "i16": np.int16, "u32": np.uint32, "i32": np.int32, "f32": np.float32,
         "f64": np.float64}
M64 = (1 << 64) - 1
rng = np.random.default_rng(20240229)


def noise(name, frames, height, width, channels=1):
    """frames x height x width x channels over the whole range of the type."""
    dtype, shape = TYPES[name], (frames, height, width, channels)
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    return rng.uniform(-1000, 1000, shape).astype(dtype)


class Pipe:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def __call__(self, volume, *words):
        """The result of an operator, and the further lines it prints."""
        name = next(n for n, t in TYPES.items() if volume.dtype == t)
        frames, height, width, channels = volume.shape
        src, dst = os.path.join(self.folder, "in"), os.path.join(self.folder, "out")
        np.ascontiguousarray(volume).tofile(src)
        text = subprocess.run([self.program, src, dst, name, *map(str, (width, height, channels, frames, *words))],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        head, *rest = text.splitlines()
        name, width, height, pages = head.split()
        return np.fromfile(dst, TYPES[name]).reshape(int(pages), int(height), int(width), channels), rest


# ---- what is expected ------------------------------------------------------

def half_away(x, dtype):
    """Rounds half away from zero into an integer type; floats are converted."""
    if np.issubdtype(dtype, np.integer):
        x = np.copysign(np.floor(np.abs(x) + 0.5), x)
    return x.astype(dtype)


def exact_mean(a):
    """Mean over frames; of integers by integers."""
    if not np.issubdtype(a.dtype, np.integer):
        return a.astype(np.float64).mean(axis=0)
    total, n = a.astype(np.int64).sum(axis=0), len(a)
    return (np.sign(total) * ((2 * np.abs(total) + n) // (2 * n))).astype(a.dtype)


def median(a):
    low, high = np.sort(a, axis=0)[(len(a) - 1) // 2], np.sort(a, axis=0)[len(a) // 2]
    if not np.issubdtype(a.dtype, np.integer):
        return (low.astype(np.float64) + high) / 2
    total = low.astype(np.int64) + high
    return (np.sign(total) * ((np.abs(total) + 1) // 2)).astype(a.dtype)


REDUCE = {"max": lambda a: a.max(axis=0), "min": lambda a: a.min(axis=0), "mean": exact_mean, "median": median}


def interp(a, target):
    n, f = len(a), np.float32
    pages = []
    for k in range(target):
        p = f(k) / f(target - 1) * f(n - 1) if target > 1 else f(0)
        i, j = int(np.floor(p)), int(np.ceil(p))
        w = f(p - f(i))
        if a.dtype == np.uint8:
            v = a[i].astype(f) * (f(1) - w) + a[j].astype(f) * w
            v = np.trunc(v).astype(np.uint8)
        else:
            v = a[i].astype(np.float64) * (1 - np.float64(w)) + a[j].astype(np.float64) * np.float64(w)
            v = np.trunc(v).astype(a.dtype) if a.dtype == np.uint16 else half_away(v, a.dtype)
        pages.append(v)
    return np.stack(pages)


def reslice(a, kind, to):
    """Voxels to patient axes (x, y, z) by flips and a transpose; then as plane.h draws them."""
    axes = [int(np.abs(v).argmax()) for v in to]           # of columns, rows, frames
    a = np.moveaxis(a, (2, 1, 0), axes)                     # now a[x, y, z, channel]
    for source, axis in enumerate(axes):
        if to[source][axis] < 0:
            a = np.flip(a, axis)
    a = np.flip(a, 2)                                       # head on top
    return np.transpose(a, (1, 2, 0, 3) if kind == "cor" else (0, 2, 1, 3))


PAD_MODES = {"value": "constant", "edge": "edge", "reflect": "reflect"}


def window(a, origin, size, fill, value):
    """a[z, y, x] from origin (x, y, z) on."""
    before = [max(0, -o) for o in origin]
    after = [max(0, o + s - n) for o, s, n in zip(origin, size, a.shape[2::-1])]
    more = {"constant_values": value} if fill == "value" else {}
    for axis, (b, e) in enumerate(zip(before, after)):
        widths = [(0, 0)] * 4
        widths[2 - axis] = b, e
        a = np.pad(a, widths, PAD_MODES[fill], **more)
    x, y, z = (o + b for o, b in zip(origin, before))
    return a[z:z + size[2], y:y + size[1], x:x + size[0]]


def rotated(a, degrees, fill, value):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.array([[c, -s], [s, c]])                    # of (y, x), clockwise
    middle = (np.array(a.shape[1:3]) - 1) / 2
    mode = {"value": "grid-constant", "edge": "nearest", "reflect": "mirror"}[fill]
    out = np.empty(a.shape, np.float64)
    for f, ch in itertools.product(range(a.shape[0]), range(a.shape[3])):
        out[f, :, :, ch] = ndimage.affine_transform(a[f, :, :, ch].astype(np.float64), matrix, middle - matrix @ middle,
                                                    order=1, mode=mode, cval=value)
    return out


def normed(a, kind, per_frame, fg):
    out = np.empty(a.shape, np.float64)
    wide = a.astype(np.float64)
    black = (a == 0).all(axis=-1, keepdims=True) & np.ones(a.shape, bool) if fg else np.zeros(a.shape, bool)
    for part in ([slice(i, i + 1) for i in range(len(a))] if per_frame else [slice(None)]):
        v = wide[part][~black[part]]
        if v.size == 0 or v.min() == v.max():
            out[part] = 0
        elif kind == "z":
            out[part] = (wide[part] - v.mean()) / v.std()
        else:
            out[part] = (wide[part] - v.min()) / (v.max() - v.min())
            if kind == "sym":
                out[part] = 2 * out[part] - 1
    return out


def xxh64(b, seed=0):
    p1, p2, p3, p4, p5 = (11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579,
                          2870177450012600261)

    def rotl(x, r):
        return (x << r | x >> (64 - r)) & M64

    def turn(acc, v):
        return rotl((acc + v * p2) & M64, 31) * p1 & M64

    words, i = (lambda at, n: int.from_bytes(b[at:at + n], "little")), 0
    h = (seed + p5) & M64
    if len(b) >= 32:
        v = [(seed + p1 + p2) & M64, (seed + p2) & M64, seed, (seed - p1) & M64]
        while i + 32 <= len(b):
            v = [turn(v[k], words(i + 8 * k, 8)) for k in range(4)]
            i += 32
        h = sum(rotl(x, r) for x, r in zip(v, (1, 7, 12, 18))) & M64
        for x in v:
            h = ((h ^ turn(0, x)) * p1 + p4) & M64
    h = (h + len(b)) & M64
    while i + 8 <= len(b):
        h, i = (rotl(h ^ turn(0, words(i, 8)), 27) * p1 + p4) & M64, i + 8
    if i + 4 <= len(b):
        h, i = (rotl(h ^ words(i, 4) * p1 & M64, 23) * p2 + p3) & M64, i + 4
    while i < len(b):
        h, i = rotl(h ^ b[i] * p5 & M64, 11) * p1 & M64, i + 1
    for shift, p in ((33, p2), (29, p3), (32, 1)):
        h = (h ^ h >> shift) * p & M64
    return h


def random_origin(uid, seed, n, volume, patch):
    state = xxh64(seed.to_bytes(8, "little") + n.to_bytes(8, "little"), xxh64(uid.encode()))
    origin = []
    for side, size in zip(volume, patch):
        state = (state + 0x9E3779B97F4A7C15) & M64
        z = state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & M64
        z = (z ^ z >> 27) * 0x94D049BB133111EB & M64
        u = ((z ^ z >> 31) >> 11) / 2**53
        origin.append(int(u * (side - size + 1)) if side >= size else -((size - side) // 2))
    return origin


# ---- cases -----------------------------------------------------------------

def same(got, want):
    if got.shape != want.shape:
        return f"shape {got.shape}, not {want.shape}"
    return None if np.array_equal(got, want) else f"{np.count_nonzero(got != want)} samples differ"


def close(got, want, tolerance):
    if got.shape != want.shape:
        return f"shape {got.shape}, not {want.shape}"
    worst = np.abs(got.astype(np.float64) - want).max()
    return None if worst <= tolerance else f"off by {worst}, allowed {tolerance}"


def alike(got, want):
    """0 for integers, 1e-6 of the range for floats."""
    if np.issubdtype(got.dtype, np.integer):
        return same(got, want)
    return close(got, want, 1e-6 * max(1.0, float(np.abs(want).max())))


def case_reductions(pipe):
    for name, op in itertools.product(TYPES, REDUCE):
        a = noise(name, 7, 6, 71, 3)
        yield alike(pipe(a, "vol", op, 0, 0)[0][0], REDUCE[op](a))
        yield alike(pipe(a, "vol", op, 2, 1)[0][0], REDUCE[op](a[2:6]))


def case_interp(pipe):
    for name, target in itertools.product(TYPES, (1, 2, 5, 9, 16)):
        a = noise(name, 9, 4, 37)
        yield alike(pipe(a, "interp", target)[0], interp(a, target))


def case_slabs(pipe):
    for name, op, (depth, stride) in itertools.product(TYPES, REDUCE, ((1, 1), (4, 1), (5, 3), (12, 2), (13, 1))):
        a = noise(name, 12, 3, 65)
        want = [REDUCE[op](a[k:k + depth]) for k in range(0, 12 - depth + 1, stride)]
        want = np.stack(want) if want else np.empty((0, *a.shape[1:]), a.dtype)
        yield alike(pipe(a, "slab", op, depth, stride)[0], want) if want.size else \
            same(pipe(a, "slab", op, depth, stride)[0], want)


def case_planes(pipe):
    for kind, order, signs in itertools.product(("cor", "sag"), itertools.permutations(range(3)),
                                                itertools.product((1, -1), repeat=3)):
        a = noise("u16", 3, 4, 5)
        to = np.zeros((3, 3))
        to[range(3), order] = signs
        yield same(pipe(a, "plane", kind, *to.ravel())[0], reslice(a, kind, to))


def case_rot(pipe):
    for name, degrees, fill in itertools.product(("u8", "u16", "i16", "f32", "f64"), (0.5, 30, 45, 133.7, 200, 315, -10),
                                                 PAD_MODES):
        a = noise(name, 2, 23, 31, 3)
        got, want = pipe(a, "rot", degrees, fill, 7)[0], rotated(a, degrees, fill, 7)
        is_integer = np.issubdtype(a.dtype, np.integer)
        yield close(got, want, 0.5 + 1e-8 * 65535 if is_integer else 1e-6 * 2000)


def case_norm(pipe):
    for name, kind, per, fg in itertools.product(TYPES, ("z", "unit", "sym"), ("frame", "volume"), ("fg", "all")):
        a = noise(name, 4, 9, 521, 3 if name == "u8" else 1)
        a[:, 2:5, 7:100] = 0
        a[3] = 5  # a constant frame
        yield close(pipe(a, "norm", kind, per, fg)[0], normed(a, kind, per == "frame", fg == "fg"), 1e-6 * 4)
    a = noise("u16", 2, 5, 6)
    yield close(pipe(a, "norm", "fixed", 0.485, 0.229, 65535)[0], (a / 65535 - 0.485) / 0.229, 4e-6)


def case_patches(pipe):
    a = noise("i16", 7, 12, 15)
    for (w, h, d), stride in itertools.product(((4, 5, 3), (15, 12, 7), (16, 1, 1), (6, 6, 0)), ((3, 2, 2), (5, 9, 1))):
        depth = d or 7
        stride = (*stride[:2], stride[2] if d else 0)
        origins = [[x, y, z] for z in range(0, 7 - depth + 1, stride[2] or 7) for y in range(0, 12 - h + 1, stride[1])
                   for x in range(0, 15 - w + 1, stride[0])]
        got, lines = pipe(a, "patches", "grid", *stride, w, h, d, "value", 0)
        yield None if [list(map(int, line.split())) for line in lines] == origins else "other origins"
        for k, origin in enumerate(origins):
            yield same(got[k * depth:(k + 1) * depth], window(a, origin, (w, h, depth), "value", 0))


def case_outside(pipe):
    a = noise("u16", 6, 8, 9)
    for fill, (w, h, d) in itertools.product(PAD_MODES, ((12, 5, 9), (4, 4, 2), (9, 20, 6))):
        centre = [int(v) for v in rng.integers(-3, 12, 3)]
        origin = [c - s // 2 for c, s in zip(centre, (w, h, d))]
        got = pipe(a, "patches", "roi", *centre, w, h, d, fill, 77)[0]
        yield same(got, window(a, origin, (w, h, d), fill, 77))
        origin = [(n - s) // 2 if n >= s else -((s - n) // 2) for n, s in zip((9, 8, 6), (w, h, d))]
        got = pipe(a, "patches", "canvas", 0, 0, 0, w, h, d, fill, 77)[0]
        yield same(got, window(a, origin, (w, h, d), fill, 77))


def case_random(pipe):
    a = noise("u8", 10, 30, 40)
    for uid, seed, patch in (("1.2.840.10008.1", 0, (8, 8, 4)), ("1.2.3." + "9" * 50, 2**64 - 1, (40, 31, 3))):
        got, lines = pipe(a, "patches", "rand", uid, seed, 20, *patch, "reflect", 0)
        for k, line in enumerate(lines):
            origin = random_origin(uid, seed, k + 1, (40, 30, 10), patch)
            yield None if line == " ".join(map(str, origin)) else f"{line}, not {origin}"
            yield same(got[k * patch[2]:(k + 1) * patch[2]], window(a, origin, patch, "reflect", 0))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cases = [(n[5:], c) for n, c in globals().items() if n.startswith("case_")]
    failed = 0
    print(f"1..{len(cases)}")
    with tempfile.TemporaryDirectory() as folder:
        pipe = Pipe(sys.argv[1], folder)
        for i, (name, case) in enumerate(cases, 1):
            if name == "rot" and not ndimage:
                print(f"ok {i} {name} # SKIP no SciPy")
                continue
            results = list(case(pipe))
            bad = [r for r in results if r]
            failed += bool(bad) or not results
            print("not ok" if bad or not results else "ok", i, name, f"({len(results)} comparisons)")
            for reason in bad[:5]:
                print("#", reason)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
