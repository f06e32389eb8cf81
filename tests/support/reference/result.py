# SPDX-License-Identifier: MIT
"""Views as dictionaries, and what the steps of the pipeline hand on."""
import re

import numpy as np

KEYS = ("c", "m", "seed")
NUM = r"(-?[0-9.]+)"


class Refused(Exception):
    """The program must refuse this too (EOPNOTSUPP or EIO)."""


class Silent(Exception):
    """The manual does not say what this means; nothing to compare with."""


# ---- views ------------------------------------------------------------------

def parse(view):
    """A canonical view as a dictionary of operators: name -> words."""
    ops = {}
    for token in view.split("_") if view != "full" else []:
        name, _, rest = token.partition("-")
        ops[name] = split_words(rest)
    return ops


def split_words(rest):
    """Splits at dashes that are no signs: a dash after a dash, a key or "to"."""
    words, word = [], ""
    for c in rest:
        if c == "-" and word not in ("", *KEYS) and not word.endswith("to"):
            words.append(word)
            word = ""
        else:
            word += c
    return words + [word] if rest else []


def dims(text):
    return [float(v) if "." in v else int(v) for v in text.split("x")]


def with_depth(text, depth):
    """Width, height, depth; DEPTH if the text has none."""
    n = dims(text)
    return n if len(n) == 3 else n + [depth]


def keyed(words, key, default=None):
    """The number of the word that begins with KEY."""
    for w in words:
        if re.fullmatch(key + NUM, w):
            return float(w[len(key):])
    return default


def skips(words, default):
    for w in words:
        if w.startswith("skip"):
            n = [int(v) for v in w[4:].split("to")]
            return n * 2 if len(n) == 1 else n
    return [default, default]


# ---- results ----------------------------------------------------------------

def matrix(x=(1, 0, 0, 0), y=(0, 1, 0, 0), z=(0, 0, 1, 0)):
    """Rows of a 4 x 4 matrix of (x, y, z, 1)."""
    return np.array([x, y, z, (0, 0, 0, 1)], np.float64)


def shift(origin):
    return matrix(*(tuple(row) for row in np.column_stack([np.eye(3), origin])))


class Result:
    """Working samples, what goes along with them, and where the voxels are.

    .work        frames x rows x columns x channels
    .kind        "display", "range", "values" (hu, raw) or "norm": their unit
    .shown       display samples at the same places, where a later step judges
                 those and .work is something else
    .is_padding  where no image is: PixelPaddingValue, outside of a turned image
    .limits      minimum and maximum of the values at first, for fill-min and -max
    .grid        voxels of the result to voxels of the source
    """

    def __init__(self, source):
        self.source, self.uid = source, source.uid
        self.kind, self.work, self.shown, self.limits = "display", None, None, None
        self.is_padding = source.padding()
        self.crop = self.scale = self.pad = self.parts = None
        self.grid, self.px_per_mm, self.dz = np.eye(4), source.px_per_mm, None

    def each(self, step):
        """A step that copies samples, on all that goes along."""
        self.compute(step, step)

    def compute(self, step, mask_step):
        """A step that makes new samples; MASK_STEP says which of them are not
        image."""
        self.work, self.is_padding = step(self.work), mask_step(self.is_padding)
        self.shown = None if self.shown is None else step(self.shown)

    def moved(self, m):
        self.grid = self.grid @ m

    @property
    def seen(self):
        """Display samples."""
        return self.work if self.shown is None else self.shown

    @property
    def sides(self):
        return self.work.shape[2], self.work.shape[1], self.work.shape[0]

    def part(self, pages=None):
        """A copy that goes its own way from here."""
        copy = Result.__new__(Result)
        copy.__dict__.update(self.__dict__)
        copy.parts = None
        if pages is not None:
            copy.work = pages
        return copy

    def array(self):
        """In the shape of a .npy."""
        a = self.work
        if a.shape[3] == 1:
            a = a[..., 0]
        return a[0] if len(a) == 1 else a

    def affine(self):
        """RAS+, from voxels of the result to millimetres."""
        return np.diag((-1, -1, 1, 1)) @ self.source.affine() @ self.grid
