# SPDX-License-Identifier: MIT
"""Drawing in rows of integers, with the standard library alone.

A pixel touched by Python code costs a microsecond. So shapes are filled by
spans (a slice per row) and whole rows go through map() with a C function
wherever that is possible: a 512x512 slice takes some 0.1 s.
"""
import functools
import math
import operator
import random
from array import array


class Plane:
    """height rows of width signed integers of 32 bits."""

    def __init__(self, width, height, value=0):
        self.width, self.height = width, height
        self.rows = [array("i", [value]) * width for _ in range(height)]

    def span(self, y, left, right, value):
        """Sets pixels whose centre is in [left, right] of row y."""
        first, last = max(0, math.ceil(left)), min(self.width - 1,
                                                   math.floor(right))
        if 0 <= y < self.height and first <= last:
            self.rows[y][first:last + 1] = array("i", [value]) * (
                last + 1 - first)

    def ellipse(self, cx, cy, rx, ry, value, degrees=0.0, shade=0.0):
        """A filled ellipse, turned by degrees; its value changes by shade
        from its centre to its lowest row."""
        cosine = math.cos(math.radians(degrees))
        sine = math.sin(math.radians(degrees))
        if rx <= 0 or ry <= 0:
            return
        # along a row dy, a*dx^2 + b*dx + c <= 0
        a = (cosine / rx) ** 2 + (sine / ry) ** 2
        half = math.hypot(rx * sine, ry * cosine)
        for y in range(math.ceil(cy - half), math.floor(cy + half) + 1):
            dy = y - cy
            b = 2 * dy * sine * cosine * (1 / rx ** 2 - 1 / ry ** 2)
            c = dy * dy * ((sine / rx) ** 2 + (cosine / ry) ** 2) - 1
            root = b * b - 4 * a * c
            if root >= 0:
                root = math.sqrt(root)
                self.span(y, cx + (-b - root) / (2 * a),
                          cx + (-b + root) / (2 * a),
                          round(value + shade * dy / half))

    def smooth(self):
        """Weights 1 2 1 in both directions: takes the stairs off edges."""
        for y, row in enumerate(self.rows):
            self.rows[y] = _mix(row[:1] + row[:-1], row, row[1:] + row[-1:])
        above = self.rows[0]
        for y, row in enumerate(self.rows):
            below = self.rows[min(y + 1, self.height - 1)]
            self.rows[y] = _mix(above, row, below)
            above = row

    def add_row(self, y, values):
        self.rows[y] = array("i", map(operator.add, self.rows[y], values))

    def clip(self, low, high):
        for y, row in enumerate(self.rows):
            if min(row) < low or max(row) > high:
                self.rows[y] = array("i", (
                    low if v < low else high if v > high else v for v in row))

    def packed(self, typecode):
        """All rows as one array of this type."""
        out = array(typecode)
        for row in self.rows:
            out.extend(array(typecode, row))
        return out


def _mix(before, here, after):
    return array("i", [(a + b + b + c) >> 2
                       for a, b, c in zip(before, here, after)])


@functools.lru_cache(maxsize=4)
def _grain_table(deviation):
    rng = random.Random("grain %g" % deviation)
    white = [rng.gauss(0, deviation) for _ in range((1 << 16) + 2)]
    # neighbours share a third of their noise, as after reconstruction
    return array("i", (round(0.45 * a + 0.77 * b + 0.45 * c)
                       for a, b, c in zip(white, white[1:], white[2:])))


class Grain:
    """Noise rows of normal distribution, cut from one table where `rng`
    says."""

    def __init__(self, rng, deviation):
        self.table = _grain_table(deviation)
        self.rng = rng

    def row(self, count):
        start = self.rng.randrange(len(self.table) - count)
        return self.table[start:start + count]


class Clouds:
    """Smooth random values in [0, 1] over the plane, period 256."""

    def __init__(self, rng):
        self.grid = [[rng.random() for _ in range(257)] for _ in range(257)]
        for row in self.grid:
            row[256] = row[0]
        self.grid[256] = self.grid[0]

    def at(self, x, y):
        xi, yi = math.floor(x), math.floor(y)
        u, v = x - xi, y - yi
        u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
        upper, lower = self.grid[yi & 255], self.grid[(yi & 255) + 1]
        xi &= 255
        a = upper[xi] + u * (upper[xi + 1] - upper[xi])
        b = lower[xi] + u * (lower[xi + 1] - lower[xi])
        return a + v * (b - a)

    def octaves(self, x, y, count):
        total, weight, most = 0.0, 1.0, 0.0
        for n in range(count):
            total += weight * self.at(x + 17 * n, y + 31 * n)
            most += weight
            weight *= 0.55
            x, y = 2 * x, 2 * y
        return total / most


def enlarge(rows, factor):
    """Bilinear enlargement of rows of numbers: yields factor * (n - 1) rows
    of factor * (m - 1) integers."""
    def widen(row):
        wide = array("d", bytes(8 * factor * (len(row) - 1)))
        for i in range(factor):
            t = i / factor
            wide[i::factor] = array("d", [a + t * (b - a) for a, b in
                                          zip(row, row[1:])])
        return wide

    upper = widen(rows[0])
    for row in rows[1:]:
        lower = widen(row)
        for i in range(factor):
            t = i / factor
            yield array("i", [int(a + t * (b - a))
                              for a, b in zip(upper, lower)])
        upper = lower
