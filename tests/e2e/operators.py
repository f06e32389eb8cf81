#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every form of every operator, and views at random, against NumPy and SciPy.

usage: operators.py MOUNT ARCHIVE PROGRAM [--random N] [--seed S] [VIEW...]

As examples.py, with the same subjects and the same pipeline. The forms are
those of MOUNT/.prepfs/grammar.txt: one that no view here uses is a failure.
VIEWS are tried instead, on every subject.
"""
import argparse
import errno
import os
import random
import re
import sys

import numpy as np

from examples import FLOAT, Table, difference, open_errno, read_leaf
from reference.result import Refused, Silent, parse

# What the type allows: rounding to an integer of what was computed in f64 or
# f32, in another order, may go the other way at a half.
ROUNDED = 1.0
ALL = ("mr", "ct", "rg", "us", "nm", "cr", "two", "enhanced", "dose")
REFUSALS = (errno.EOPNOTSUPP, errno.EIO, errno.ENOENT)
PARTS_MAX = 131071
VOLUMES = ("small",)
DEEP = ("enhanced", "dose", "mixed", "mr", "us")

# Every form that the examples leave out, on subjects where it does something.
VIEWS = {
    "pick-3": ["enhanced", "dose"], "pick-2to9by3": ["enhanced", "dose"], "order-inst": ["enhanced"],
    "order-stored": ["enhanced", "mixed"], "hu": ALL, "raw": ALL, "hu_i16": ["mr", "ct", "cr", "dose"],
    "hu_u8": ["ct", "cr"], "hu_u16": ["ct", "cr"], "raw_u8": ["ct", "mr"], "raw_f32": ["ct", "dose"],
    "raw_i16": ["rg", "dose"], "raw_u16": ["ct"], "raw_window-c1000-w500": ["ct", "cr", "mr"],
    "window-c40-w400-exact": ["ct", "mr", "rg"], "window-c40-w400-sigmoid": ["ct", "cr", "rg"],
    "window-off": ALL, "window-frame": ALL, "range--1000to400": ["ct", "cr", "dose"],
    "range--1000to400_u8": ["ct", "cr"], "range--1000to400_u16": ["ct", "cr"], "range--1000to400_invert": ["ct"],
    "invert": ALL, "noinvert": ["rg", "mr"], "padval-min": ["ct"], "padval--1024": ["ct"],
    "padval-min_hu": ["ct"], "padval-7_raw": ["ct"], "flip-v": ["nm", "us"], "flip-hv": ["nm", "us"],
    "flip-z": ["enhanced", "dose"], "rot-180": ["nm", "us"], "rot-270": ["nm", "us"], "rot-30": ["nm", "us", "rg"],
    "rot--7.5_fill-edge": ["nm"], "rot-45_fill-reflect": ["nm"], "rot-100_fill-max": ["mr", "ct"],
    "rot-45_hu": ["cr", "mr"], "rot-45_fill-min": ["mr"], "rot-200_fill-128": ["us"],
    "vol-minip": ["enhanced", "dose", "mr"], "vol-mean": ["enhanced", "dose"], "vol-mip-skip1to2": ["enhanced"],
    "vol-mean_hu": ["enhanced"], "vol-mean_raw": ["enhanced", "dose"], "vol-interp-4_hu": ["enhanced"],
    "vol-interp-9_raw": ["dose"], "vol-interp-1": ["dose"],
    "plane-cor": ALL, "plane-sag": ALL, "plane-cor_flip-hz_rot-90": ["enhanced", "dose", "mr"],
    "plane-sag_flip-v_rot-20_fill-min": ["enhanced"], "hu_plane-sag_i16": ["enhanced", "ct"],
    "plane-sag_slab-max-d3-s2": ["enhanced", "dose"], "plane-cor_vol-mip": ["enhanced", "dose", "two"],
    "plane-cor_vol-interp-7": ["enhanced"], "plane-sag_crop": ["enhanced", "mr"], "plane-cor_pick-2to7": ["enhanced"],
    "plane-cor_spacing-1x1x2": ["enhanced", "dose", "ct"], "plane-sag_size-40x50x9-stretch": ["enhanced", "dose"],
    "plane-cor_norm-z": ["enhanced", "ct"], "plane-sag_norm-unit-fg": ["enhanced"], "plane-cor_frames": ["enhanced"],
    "plane-cor_grid-8x8x4-s7x5x3": ["enhanced", "dose"], "plane-sag_rand-20x20x5-n3-seed1": ["enhanced", "dose"],
    "slab-max-d3": ["enhanced", "dose"], "slab-min-d3-s2": ["enhanced", "dose"],
    "slab-mean-d4-s3": ["enhanced", "dose"], "slab-median-d4": ["enhanced", "dose"],
    "slab-median-d3_hu": ["enhanced"], "vol-interp-10_slab-mean-d2-s2": ["dose"],
    "size-100x60-cover": ["us", "mr", "nm"], "size-100x60-stretch": ["us", "mr", "nm"],
    "size-64x64x4-stretch": ["enhanced", "dose"], "size-2000x2000_noup": ["us", "nm"],
    "size-900x100-stretch_noup": ["us"], "size-700x200-cover_noup": ["us"], "spacing-0.1x0.9_noup": ["mr"],
    "spacing-2x2x1": ["dose", "enhanced"], "size-50x70_filter-nearest": ["ct", "us", "nm"],
    "size-50x70_filter-catmullrom": ["ct", "us", "nm"], "size-50x70_filter-gaussian": ["ct", "us", "nm"],
    "size-50x70_filter-lanczos3": ["ct", "us", "nm", "rg"], "size-800x700_filter-catmullrom": ["mr"],
    "size-800x700_filter-gaussian": ["mr"], "size-800x700_filter-lanczos3": ["mr"],
    "size-800x700_filter-nearest": ["mr"], "size-800x700_filter-maxpool": ["mr"],
    "size-100x300_pad-topleft": ["us", "nm"], "size-100x300_pad-bottomright": ["us", "nm"],
    "size-300x100_pad-center": ["us", "nm"], "size-99x300_fill-200": ["us", "nm"],
    "size-99x300_fill-edge": ["us", "nm"], "size-99x300_fill-reflect": ["us", "nm"],
    "size-99x300_fill-min_hu": ["ct", "nm"], "size-99x300_fill-max": ["mr"], "canvas-300x900": ["us", "nm", "mr"],
    "canvas-100x100x9": ["enhanced", "dose"], "canvas-100x100x3_fill-reflect": ["enhanced", "dose"],
    "box-20x20x3at5x5x2": ["enhanced"], "mid-20x20x3": ["enhanced"], "crop-b0.1_hu": ["mr", "ct", "cr"],
    "crop_range--1000to400_size-64x64": ["ct", "cr"], "crop_raw": ["ct", "rg"],
    "norm-z": ["mr", "rg", "nm", "enhanced"], "norm-unit": ["mr", "enhanced"], "norm-sym": ["mr", "enhanced"],
    "norm-z-frame": ["enhanced"], "norm-unit-frame": ["enhanced"], "norm-sym-frame-fg": ["enhanced"],
    "norm-z-fg": ["mr", "nm"], "norm-unit-fg_u8": ["mr"], "norm-unit_u16": ["mr", "us"], "norm-z_hu": ["mr", "cr"],
    "norm-z_hu_size-100x130": ["mr", "cr"], "norm-m40-s400_hu": ["ct"], "norm-z_size-100x130_fill-min": ["mr"],
    "u8": ALL, "u16": ["us", "mr"], "f32": ["mr", "nm"], "f16": ["mr", "nm"], "hu_f16": ["ct"],
    "gray": ["us", "mr"], "gray_f32": ["us"], "gray_norm-z": ["us"], "gray_u16": ["us"],
    "rgb": ["mr", "us", "enhanced"], "rgb_u8": ["mr"], "pack-deflate": ["mr", "us"],
    "big": ["mr", "us", "enhanced"], "tree": ["mr"],
    "frames": ["enhanced", "mixed", "mr"], "frames_pick-2to5_u8": ["enhanced"],
    "grid-100x90-s60x50": ["mr", "us"], "grid-20x20x2": ["enhanced"], "grid-30x30_flip-v": ["enhanced"],
    "rand-60x70-n5-seed3": ["mr", "us"], "rand-600x70-n2-seed999999999999999_fill-edge": ["mr"],
    "rand-9x9x3-n6-seed0": ["dose"],
    "roi-nodules-40x30": ["mr", "rg", "enhanced"], "roi-nodules-40x30x3_fill-reflect": ["enhanced"],
    "roi-nodules-64x64_rot-90_size-300x200": ["mr", "rg"],
    "series": VOLUMES, "series_hu": VOLUMES, "series_raw": VOLUMES, "series_window-n2_u8": VOLUMES,
    "series_order-inst": VOLUMES, "series_window-off": VOLUMES, "series_window-frame": VOLUMES,
    "series_crop": VOLUMES, "series_crop_hu": VOLUMES, "series_norm-z_hu": VOLUMES, "series_norm-z-frame-fg": VOLUMES,
    "series_pick-2to9by2_hu": VOLUMES, "series_flip-hvz_hu": VOLUMES, "series_rot-90_spacing-1x1": VOLUMES,
    "series_rot-33_hu_fill-min": VOLUMES, "series_vol-mip": VOLUMES, "series_vol-mean_hu": VOLUMES,
    "series_slab-median-d3-s2": VOLUMES, "series_vol-lapmip-skip2": VOLUMES, "series_hu_vol-interp-20": VOLUMES,
    "series_spacing-1x1x1.5_hu": VOLUMES, "series_size-30x30x30-stretch": VOLUMES,
    "series_canvas-50x50x20_fill-reflect_hu": VOLUMES, "series_box-20x20x5at3x4x5": VOLUMES,
    "series_mid-20x20x5_raw": VOLUMES, "series_padval-min_hu": VOLUMES, "series_padval--1024": VOLUMES,
    "series_grid-20x20x4-s10x15x3": VOLUMES, "series_rand-20x20x5-n4-seed8_hu": VOLUMES,
    "series_roi-nodules-20x10x5": VOLUMES, "series_roi-nodules-20x10_spacing-1x1x2": VOLUMES,
    "series_plane-cor": VOLUMES, "series_plane-sag_hu": VOLUMES, "series_plane-cor_flip-h_rot-90_u8": VOLUMES,
    "series_plane-sag_spacing-1x1x1_hu": VOLUMES, "series_plane-cor_crop_size-50x50": VOLUMES,
    "series_plane-sag_slab-mean-d4-s2": VOLUMES, "series_plane-cor_canvas-60x60x60": VOLUMES,
    "plane-sag_hu": ["enhanced"],
    "list-npy": ["mr"], "list-nii": ["mr"], "list-json": ["mr"], "list-png": ["mr"],
}


# ---- views at random ---------------------------------------------------------

def a_view(rng):
    """A view of some operators; the program may find that it makes no sense."""
    n = lambda a, b: rng.randint(a, b)  # noqa: E731
    groups = [
        [f"pick-{n(1, 3)}to{n(3, 9)}", f"pick-{n(1, 2)}to{n(3, 12)}by{n(1, 3)}", f"pick-{n(1, 6)}"],
        ["hu", "raw", f"range-{n(-1200, 0)}to{n(1, 3000)}"] + ["window-off", "window-frame"] +
        [f"window-c{n(-600, 900)}-w{n(1, 2500)}" + rng.choice(["", "-exact", "-sigmoid"]) for _ in range(3)],
        ["invert", "noinvert"],
        ["padval-min", f"padval-{n(-1500, 500)}"],
        ["plane-cor", "plane-sag"],
        ["flip-" + rng.choice(["h", "v", "z", "hv", "hz", "hvz"])],
        [f"rot-{90 * n(1, 3)}", f"rot-{90 * n(1, 3)}", f"rot-{n(-200, 300)}"],
        ["vol-central", "vol-mip", f"vol-mip-skip{n(0, 3)}", "vol-minip", "vol-mean", f"vol-interp-{n(1, 12)}",
         f"slab-{rng.choice(['max', 'min', 'mean', 'median'])}-d{n(1, 5)}-s{n(1, 3)}"],
        ["crop", "crop-max", f"crop-b0.{n(1, 3)}", "crop-nocomp", f"box-{n(1, 70)}x{n(1, 70)}at{n(0, 60)}x{n(0, 60)}",
         f"mid-{n(1, 300)}x{n(1, 300)}"],
        [f"size-{n(1, 300)}x{n(1, 300)}" + rng.choice(["", "", "-cover", "-stretch"]),
         f"size-{n(1, 90)}x{n(1, 90)}x{n(1, 9)}-stretch", f"spacing-{n(1, 30) / 10:g}x{n(1, 30) / 10:g}"],
        ["noup"],
        [f"filter-{f}" for f in ("nearest", "catmullrom", "gaussian", "lanczos3", "maxpool")],
        ["pad-topleft", "pad-bottomright", "pad-center", "nopad"],
        [f"fill-{n(0, 255)}", "fill-min", "fill-max", "fill-edge", "fill-reflect"],
        [f"canvas-{n(1, 200)}x{n(1, 200)}", f"canvas-{n(1, 100)}x{n(1, 100)}x{n(1, 9)}"],
        [f"grid-{n(1, 60)}x{n(1, 60)}-s{n(5, 60)}x{n(5, 60)}", f"rand-{n(1, 90)}x{n(1, 90)}-n3-seed{n(0, 99)}"],
        ["norm-" + rng.choice(["z", "unit", "sym"]) + rng.choice(["", "-frame"]) + rng.choice(["", "-fg"]),
         f"norm-m{n(0, 9) / 10:g}-s{n(1, 9) / 10:g}"],
        ["u8", "u16", "i16", "f32", "f16"],
        ["gray", "rgb"],
    ]
    return "_".join(rng.choice(g) for g in rng.sample(groups, n(1, 6)))


class Operators(Table):
    def tolerance(self, view, want):
        """Integers that were made in one order are exact."""
        ops = parse(view)
        if not np.issubdtype(want.dtype, np.integer):
            return 1e-3 if want.dtype == np.float16 else FLOAT
        is_oblique = "rot" in ops and float(ops["rot"][0]) % 90
        return ROUNDED if is_oblique or set(ops) & {"range", "norm"} else 0

    def canonical(self, spelling):
        path = self.archive.path(spelling)
        return os.readlink(path) if os.path.islink(path) else spelling

    def compare(self, view, subject):
        """None, what is wrong, or a word that begins with "#" where there is
        nothing to compare."""
        ext = "npy" if "f16" in parse(view) else "tiff"
        letter = "f" if "frames" in parse(view) else "p"
        try:
            result = self.expected(view, subject)
        except Silent as e:
            return f"# {e}"
        except Refused as e:
            code = open_errno(self.archive.path(self.archive.leaf(view, subject, ext)))
            return f"# refused: {e}" if code in REFUSALS else f"errno {code}, but {e}"
        numbers = [0]
        if result.parts is not None:
            count = len(result.parts)
            beyond = self.archive.leaf(view, subject, ext, f".{letter}{count + 1:05}")
            code = open_errno(self.archive.path(beyond))
            if code not in (errno.ENOENT, errno.ENOSPC):
                return f"part {count + 1} of {count}: errno {code}"
            numbers = sorted({1, 2, count} & set(range(1, count + 1))) if count <= PARTS_MAX else []
        for number in numbers:
            path = self.archive.path(self.archive.leaf(view, subject, ext, f".{letter}{number:05}" if number else ""))
            want = (result.parts[number - 1] if number else result).array()
            wrong = difference(read_leaf(path), want, self.tolerance(view, want))
            if wrong:
                return wrong
        return None

    def try_view(self, spelling, subjects):
        if self.is_unbuilt(spelling):
            self.skip(spelling)
            return 0
        view, compared = self.canonical(spelling), 0
        for subject in subjects:
            try:
                wrong = self.compare(view, subject)
            except OSError as e:
                wrong = repr(e)
            self.results.clear()
            is_word = wrong is not None and wrong[0] == "#"
            self.report(f"{view} of {subject}{' ' + wrong if is_word else ''}", None if is_word else wrong)
            compared += wrong is None
        return compared

    def try_random(self, count, seed):
        """Views until COUNT of them were compared."""
        rng = random.Random(seed)
        done = tried = 0
        while done < count:
            spelling = a_view(rng)
            tried += 1
            if open_errno(self.archive.path(spelling)) not in (errno.EISDIR, errno.EOPNOTSUPP):
                continue
            if rng.random() < 0.4:
                done += self.try_view("series_" + spelling, VOLUMES) > 0
                continue
            is_deep = re.search("pick|plane|vol|slab|frame|flip-h?v?z", spelling)
            done += self.try_view(spelling, [rng.choice(DEEP if is_deep else ALL)]) > 0
        print(f"# {done} of {tried} random views compared, seed {seed}")

    def check_forms(self, views):
        """Every form of the grammar is in one of the views or of the examples."""
        from examples import ROWS
        used = set()
        for view in [*views, *(row.view for row in ROWS)]:
            for name, words in parse(self.canonical(view)).items():
                used |= {(name, ""), (name, words[0] if words and re.fullmatch("[a-z]+[0-9]?", words[0]) else "")}
        with open(self.archive.path(".prepfs/grammar.txt"), encoding="utf-8") as f:
            text = f.read().split("\nother spellings")[0]
        forms = re.findall(r"^  ([a-z][a-z0-9]*)(?:-([a-z]+[0-9]?)\b)?", text, re.M)
        missing = {(n, w) for n, w in forms if (n, w) not in used and (n, "") not in used}
        self.report(f"all of {len(forms)} forms are tried", f"not: {sorted(missing)}" if missing or
                    len(forms) < 60 else None)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("mount")
    ap.add_argument("archive")
    ap.add_argument("program")
    ap.add_argument("--random", type=int, default=60)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("views", nargs="*")
    args = ap.parse_args()
    table = Operators(args.mount, args.archive, args.program)
    if args.views:
        for view in args.views:
            table.try_view(view, ALL)
    else:
        table.check_forms(VIEWS)
        for view, subjects in VIEWS.items():
            table.try_view(view, subjects)
        table.try_random(args.random, args.seed)
    print(f"1..{len(table.lines)}")
    print(f"# {len(table.lines)} checks, {table.failed} failed, {table.skipped} not built", file=sys.stderr)
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
