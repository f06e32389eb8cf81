# SPDX-License-Identifier: MIT
"""A mammogram: one breast at the chest wall's edge, black air, 12 bits.

Tissue is computed on a grid of a quarter of the size and enlarged; grain, the
marker and the calcifications have full size.
"""
import math
import random
from array import array

import font
from canvas import Clouds, Grain, enlarge

STEP = 4  # pixels per grid point
WHITE = 4095


class Breast:
    """A breast of the left side: chest wall on the left of the image."""

    def __init__(self, seed, view, width, height):
        self.rng = random.Random("%s mammogram" % seed)
        self.oblique = view == "MLO"
        self.columns, self.lines = width // STEP + 1, height // STEP + 1
        self.reach = self.rng.uniform(0.66, 0.76) * self.columns
        self.middle = (0.60 if self.oblique else 0.5) * self.lines
        self.upper = self.middle * (0.93 if self.oblique else 0.86)
        self.lower = (self.lines - self.middle) * 0.84
        self.density = self.rng.uniform(0.48, 0.55)
        self.clouds = Clouds(random.Random("%s %s" % (seed, view)))
        self.mass = (self.rng.uniform(0.45, 0.6) * self.reach,
                     self.middle + self.rng.uniform(-0.2, 0.1) * self.lines,
                     self.rng.uniform(0.026, 0.034) * self.lines)

    def inside(self, x, y):
        """Distance from the middle of the chest wall, 1 on the skin."""
        dy = y - self.middle
        v = dy / (self.upper if dy < 0 else self.lower)
        u = x / self.reach
        if self.oblique and dy < 0:  # the axillary tail fades out slowly
            v *= 0.80 + 0.2 * u
        return math.sqrt(u * u + abs(v) ** 2.2)

    def gland(self, x, y, r):
        """Share of glandular tissue, 0 to 1: patches and ducts that run to
        the nipple."""
        patch = self.clouds.octaves(x / 52, y / 52, 4)
        angle = math.atan2(y - self.middle, self.reach * 1.02 - x)
        far = math.hypot(y - self.middle, self.reach * 1.02 - x)
        duct = self.clouds.octaves(angle * 9 + 3 * patch, far / 70 + 40, 3)
        cone = math.exp(-((r - 0.50) / 0.30) ** 2)  # fat below the skin
        t = (0.55 * patch + 0.45 * duct - (1 - self.density)) * 4.2 + 0.5
        return min(1.0, max(0.0, t)) * cone + 0.10 * duct

    def tissue(self, x, y):
        """Brightness 0 to 1."""
        r = self.inside(x, y)
        if r > 1.0:
            nipple = math.hypot(x - self.reach, (y - self.middle) * 1.3)
            if nipple > 0.025 * self.lines:
                return 0.012
            r = 0.985
        thick = min(1.0, (1 - r) * 7.5) ** 0.55  # compressed flat
        value = thick * (0.19 + 0.06 * self.clouds.octaves(x / 9, y / 9, 3)
                         + 0.60 * self.gland(x, y, r))
        if r > 0.984:
            value += 0.06  # skin
        dx, dy, size = x - self.mass[0], y - self.mass[1], self.mass[2]
        ripple = 1 + 0.18 * self.clouds.at(7 * math.atan2(dy, dx), 90)
        value += 0.34 / (1 + math.exp((math.hypot(dx, dy) * ripple / size - 1)
                                      * 7))
        return self._pectoral(x, y, value)

    def _pectoral(self, x, y, value):
        if not self.oblique:
            return value
        edge = 0.30 * self.columns * (1 - y / (0.58 * self.lines))
        edge += 9 * self.clouds.at(y / 30, 200)
        if x > edge + 12:
            return value
        fibre = self.clouds.octaves((x + 0.6 * y) / 40, (x - y) / 9, 3)
        share = 1 / (1 + math.exp((x - edge) / 1.6))
        return value + share * max(0.0, 0.50 + 0.14 * fibre - 0.6 * value)

    def grid(self):
        return [[self.tissue(x, y) * 3300 for x in range(self.columns)]
                for y in range(self.lines)]


def _speck(rows, x, y, size, value):
    for dy in range(-size, size + 1):
        for dx in range(-size, size + 1):
            weight = 1 - math.hypot(dx, dy) / (size + 0.6)
            if weight > 0 and 0 <= y + dy < len(rows) and \
                    0 <= x + dx < len(rows[0]):
                rows[y + dy][x + dx] += round(value * weight)


def _calcifications(breast, rows, rng):
    """A cluster of some twenty grains beside the mass."""
    x, y, size = (STEP * v for v in breast.mass)
    for _ in range(24):
        _speck(rows, int(rng.gauss(x + 1.9 * size, 0.45 * size)),
               int(rng.gauss(y + 0.8 * size, 0.4 * size)),
               rng.choice((1, 1, 2, 2, 3)), rng.uniform(500, 1000))


def _marker(rows, text, side, scale):
    """Lead letters in the empty corner, as technicians put them."""
    left = 8 * scale
    if side == "L":
        left = len(rows[0]) - len(text) * font.WIDTH * scale - left
    for x, y in font.dots(text, scale):
        rows[8 * scale + y][left + x] = 3900


def image(seed, view, side, width, height, monochrome1):
    """12-bit stored values of one view ("CC" or "MLO") of one side."""
    breast = Breast("%s %s" % (seed, side), view, width, height)
    rng = random.Random("%s %s %s grain" % (seed, view, side))
    grain = Grain(rng, 17)
    rows = []
    for row in enlarge(breast.grid(), STEP):
        noise = grain.row(len(row))
        rows.append(array("i", [v + n if v > 60 else v + n // 4
                                for v, n in zip(row, noise)]))
    _calcifications(breast, rows, rng)
    if side == "R":
        for row in rows:
            row.reverse()
    _marker(rows, "%s %s" % (side, view), side, max(1, width // 256))
    out = array("H")
    for row in rows:
        clipped = [0 if v < 0 else WHITE if v > WHITE else v for v in row]
        if monochrome1:
            clipped = [WHITE - v for v in clipped]
        out.extend(array("H", clipped))
    return out
