# SPDX-License-Identifier: MIT
"""A chest in 3-D, cut into CT slices.

Coordinates: x to the patient's left (the image's right), y to the back, both in
half widths of the field of view; z from the upper abdomen (0) to the neck (1).
Values are Hounsfield units. Later shapes lie over earlier ones.
"""
import math
import random

from canvas import Grain, Plane

AIR, LUNG, FAT, MUSCLE, BLOOD = -1000, -860, -95, 52, 175
CORTEX, MARROW, DISC, LIVER = 620, 210, 85, 108
OUTSIDE = -2000  # stored value beyond the reconstruction circle


class Chest:
    """One patient: what differs from person to person comes from the seed."""

    def __init__(self, seed):
        rng = random.Random(seed)
        self.width = rng.uniform(0.80, 0.88)
        self.depth = rng.uniform(0.59, 0.64)
        self.fat = rng.uniform(0.035, 0.07)
        self.nodule = (rng.uniform(-0.52, -0.42), rng.uniform(-0.2, 0.05),
                       rng.uniform(0.515, 0.535), rng.uniform(0.045, 0.058))
        self.vessels = [self._vessel(rng, side)
                        for side in (-1, 1) for _ in range(110)]

    @staticmethod
    def _vessel(rng, side):
        """From the hilum outwards: start, end, radius at the start."""
        angle = rng.uniform(0, 2 * math.pi)
        reach = rng.uniform(0.5, 0.98)
        return ((side * 0.15, 0.02, rng.uniform(0.47, 0.6)),
                (side * (0.42 + 0.27 * reach * math.cos(angle)),
                 0.02 + 0.38 * reach * math.sin(angle),
                 rng.uniform(0.12, 0.95)),
                rng.uniform(0.008, 0.022))


class Slice:
    """Draws one cut through a Chest at height z."""

    def __init__(self, chest, z, thickness, size, seed):
        self.chest, self.z, self.thickness = chest, z, thickness
        self.size, self.half = size, size / 2
        self.rng = random.Random(seed)
        self.plane = Plane(size, size, AIR)

    def oval(self, x, y, rx, ry, value, degrees=0.0, shade=0.0):
        self.plane.ellipse((x + 1) * self.half - 0.5,
                           (y + 1) * self.half - 0.5, rx * self.half,
                           ry * self.half, value, degrees, shade)

    def bone(self, x, y, rx, ry, degrees=0.0, cortex=CORTEX, shell=0.016):
        self.oval(x, y, rx, ry, cortex, degrees)
        self.oval(x, y, rx - shell, ry - shell, MARROW, degrees)

    def bulge(self, middle, reach):
        """1 in the middle of an organ, 0 at its upper and lower ends."""
        t = (self.z - middle) / reach
        return math.sqrt(1 - t * t) if abs(t) < 1 else 0.0

    def draw(self):
        self._table()
        self._trunk()
        self._abdomen()
        self._lungs()
        self._mediastinum()
        self._spine()
        self._ribs()
        self.plane.smooth()
        return self._finish()

    def _table(self):
        self.oval(0, 0.63, 0.74, 0.22, -420)
        self.oval(0, 0.612, 0.73, 0.20, -930)

    def _trunk(self):
        c = self.chest
        narrow = 1 - 0.12 * max(0.0, self.z - 0.8) / 0.2
        self.rx, self.ry = c.width * narrow, c.depth
        self.oval(0, 0, self.rx, self.ry, -20)  # skin
        self.oval(0, 0, self.rx - 0.008, self.ry - 0.008, FAT)
        self.oval(0, 0.01, self.rx - c.fat, self.ry - c.fat, MUSCLE)
        for side in (-1, 1):  # muscles of the back
            self.oval(side * 0.13, 0.47, 0.12, 0.075, MUSCLE + 8)
            self.oval(side * 0.30, 0.44, 0.05, 0.03, FAT + 30, -side * 20)

    def _abdomen(self):
        liver = self.bulge(0.08, 0.34)
        self.oval(-0.27, -0.02, 0.47 * liver, 0.40 * liver, LIVER, -8)
        if self.z < 0.30:
            for n in range(14):  # vessels of the liver
                a = n * 2.4
                self.oval(-0.30 + 0.26 * math.cos(a) * liver,
                          -0.02 + 0.22 * math.sin(a) * liver,
                          0.012 + 0.008 * (n % 3), 0.011, BLOOD - 20, 40 * n)
        spleen = self.bulge(0.14, 0.17)
        self.oval(0.55, 0.16, 0.13 * spleen, 0.21 * spleen, 122, 18)
        stomach = self.bulge(0.14, 0.15)
        self.oval(0.33, -0.20, 0.20 * stomach, 0.16 * stomach, 60)
        self.oval(0.33, -0.20, 0.185 * stomach, 0.145 * stomach, 18)
        self.oval(0.33, -0.265, 0.13 * stomach, 0.07 * stomach, AIR + 20)

    def _lungs(self):
        full = self.bulge(0.60, 0.52)
        dome = max(0.0, 0.34 - self.z) * 1.5  # the diaphragm pushes in
        for side in (-1, 1):
            x = side * (0.395 + 0.08 * dome)
            rx = (0.325 - 0.25 * dome) * full
            ry = 0.46 * full
            self.oval(x, 0.02 + 0.35 * dome, rx + 0.012, ry + 0.012, MUSCLE)
            self.oval(x, 0.02 + 0.35 * dome, rx, ry * (1 - dome), LUNG,
                      -6 * side, 45)
        if full > 0.3:
            self._vessels()
            self._nodule()

    def _vessels(self):
        for start, end, radius in self.chest.vessels:
            step = [b - a for a, b in zip(start, end)]
            for n in range(3, 60):
                t = n / 60
                if abs(start[2] + t * step[2] - self.z) > self.thickness:
                    continue
                x, y = start[0] + t * step[0], start[1] + t * step[1]
                r = radius * (1.08 - t)
                if self._in_lung(x, y):
                    self.oval(x, y, r, r, round(40 - 330 * t))

    def _in_lung(self, x, y):
        px = int((x + 1) * self.half)
        py = int((y + 1) * self.half)
        return self.plane.rows[py][px] < -200

    def _nodule(self):
        x, y, z, r = self.chest.nodule
        t = (self.z - z) / r * 1.8
        if abs(t) < 1:
            r *= math.sqrt(1 - t * t)
            for n in range(9):  # spicules
                a = n * 0.72
                self.oval(x + 1.1 * r * math.cos(a), y + 1.1 * r * math.sin(a),
                          0.7 * r, 0.004, -250, math.degrees(a))
            self.oval(x, y, r, 0.9 * r, 34, 25)

    def _mediastinum(self):
        z = self.z
        if z > 0.27:
            self.oval(0, -0.04, 0.15, 0.40, FAT + 20)
            self.oval(0, -0.04, 0.13, 0.30, 30)
        self._heart()
        self.oval(0.13, 0.21, 0.062, 0.062, 60)  # descending aorta
        self.oval(0.13, 0.21, 0.055, 0.055, BLOOD)
        if z > 0.56:  # arch, great vessels
            spread = 0.09 if z < 0.8 else 0.06
            self.oval(-0.03, -0.16, spread, spread * 0.9, BLOOD + 10)
            self.oval(-0.13, -0.13, 0.042, 0.045, BLOOD + 60)
            if 0.72 < z < 0.82:
                self.oval(0.05, 0.03, 0.065, 0.20, BLOOD + 5, 18)
            elif z < 0.72:
                self.oval(0.08, -0.10, 0.075, 0.065, BLOOD + 20, 30)
        self.oval(0.03, 0.17, 0.028, 0.022, 45)  # oesophagus
        self.oval(0.03, 0.17, 0.008, 0.006, -500)
        self._airways()

    def _heart(self):
        size = self.bulge(0.36, 0.22)
        if size < 0.2:
            return
        self.oval(0.13, -0.11, 0.335 * size, 0.265 * size, FAT, 22)
        self.oval(0.13, -0.11, 0.315 * size, 0.245 * size, 92, 22)
        self.oval(0.24, -0.07, 0.145 * size, 0.085 * size, BLOOD, 30)
        self.oval(0.02, -0.21, 0.15 * size, 0.085 * size, BLOOD + 35, 12)
        self.oval(0.06, 0.06, 0.115 * size, 0.07 * size, BLOOD - 10, 8)
        self.oval(-0.11, -0.09, 0.085 * size, 0.10 * size, BLOOD + 30, -20)

    def _airways(self):
        apart = max(0.0, 0.66 - self.z) * 1.1
        if self.z < 0.46:
            return
        for side in (-1, 1):
            r = 0.052 if apart == 0 else 0.036
            x = side * apart
            self.oval(x, 0.06 + 0.3 * apart, r + 0.012, r + 0.012, 5)
            self.oval(x, 0.06 + 0.3 * apart, r, r, AIR + 12)

    def _spine(self):
        phase = (self.z * 11) % 1.0
        disc = phase < 0.2
        for side in (-1, 1):
            if not disc:
                self.bone(side * 0.12, 0.39, 0.075, 0.022, side * 24)
                self.bone(side * 0.055, 0.455, 0.05, 0.022, -side * 38)
        if disc:
            self.oval(0, 0.315, 0.118, 0.092, DISC + 40)
            self.oval(0, 0.315, 0.095, 0.072, DISC)
        else:
            self.bone(0, 0.315, 0.115, 0.09)
        self.bone(0, 0.505, 0.02, 0.055, 0, 540)
        self.oval(0, 0.42, 0.062, 0.048, 5)
        self.oval(0, 0.42, 0.034, 0.030, 42)  # cord

    def _ribs(self):
        rx, ry = self.rx - 0.095, self.ry - 0.085
        for n in range(12):
            # a rib leaves the spine high and comes forward lower
            along = (0.1 + n / 11 - self.z) * 2.6
            if not 0.0 < along < 1.0:
                continue
            angle = math.pi * (0.5 - 0.06 - 0.80 * along)
            x, y = rx * math.cos(angle), ry * math.sin(angle)
            lean = math.degrees(math.atan2(-ry * math.cos(angle),
                                           rx * math.sin(angle)))
            for side in (-1, 1):
                self.bone(side * x, y, 0.078, 0.026, -side * lean, 560, 0.013)
        if 0.25 < self.z < 0.9:
            self.bone(0, -self.ry + 0.085, 0.085, 0.03, 0, 400)
        if self.z > 0.62:
            for side in (-1, 1):
                self.bone(side * 0.50, 0.36, 0.14, 0.018, -side * 30, 600,
                          0.011)

    def _finish(self):
        """Noise, the circle of reconstruction, stored values."""
        size, plane = self.size, self.plane
        grain = Grain(self.rng, 13)
        previous = grain.row(size)
        for y in range(size):
            row = grain.row(size)
            plane.add_row(y, [(3 * a + 2 * b) >> 2
                              for a, b in zip(row, previous)])
            previous = row
        plane.clip(-1024, 3071)
        shift = [1024] * size
        for y in range(size):
            plane.add_row(y, shift)
            dy = (y + 0.5 - self.half) / self.half
            reach = self.half * math.sqrt(max(0.0, 1 - dy * dy))
            plane.span(y, 0, self.half - reach - 0.5, OUTSIDE)
            plane.span(y, self.half + reach - 0.5, size, OUTSIDE)
        return plane.packed("h")


def slice_of(seed, z, thickness, size):
    """Stored values (HU + 1024, OUTSIDE beyond the circle) of one slice."""
    return Slice(Chest(seed), z, thickness, size, "%s %.5f" % (seed, z)).draw()
