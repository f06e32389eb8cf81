# SPDX-License-Identifier: MIT
"""An ultrasound cine: a beating heart in four-chamber view, with colour Doppler.

Echoes are made where the probe makes them, along beams (polar), and then
converted to the screen through one table. Brightness is logarithmic, so that
speckle is added, not multiplied.
"""
import math
import random
from array import array

import font
from canvas import Clouds

BEAMS, SAMPLES = 240, 320
HALF_ANGLE = math.radians(40)
LEAST = 0.06  # depth at which the fan begins

# Brightness of what an echo comes from; speckle is added.
BLOOD, MUSCLE, LINING, PERICARDIUM, BEYOND = -118, -2, 48, 74, -52


class Wall:
    """An ellipse in the fan: (x, depth) of its centre, half axes, turn."""

    def __init__(self, x, depth, rx, ry, degrees):
        self.x, self.depth, self.rx, self.ry = x, depth, rx, ry
        self.cos = math.cos(math.radians(degrees))
        self.sin = math.sin(math.radians(degrees))

    def level(self, x, depth):
        """0 in the centre, 1 on the edge; and how squarely a beam from the
        apex meets the ellipse there, 0 to 1."""
        dx, dd = x - self.x, depth - self.depth
        u = (dx * self.cos + dd * self.sin) / self.rx
        v = (dd * self.cos - dx * self.sin) / self.ry
        gx = u * self.cos / self.rx - v * self.sin / self.ry
        gd = u * self.sin / self.rx + v * self.cos / self.ry
        square = abs(gx * x + gd * depth) / (
            math.hypot(gx, gd) * math.hypot(x, depth) + 1e-9)
        return math.sqrt(u * u + v * v), square


def chambers(phase):
    """Ventricles are wide at phase 0 (filled) and narrow at 0.5; the atria
    the other way round."""
    squeeze = 0.5 - 0.5 * math.cos(2 * math.pi * phase)
    v, a = 1 - 0.22 * squeeze, 0.82 + 0.18 * squeeze
    return [Wall(0.112, 0.41 + 0.01 * squeeze, 0.108 * v, 0.225 * v, 9),
            Wall(-0.112, 0.44, 0.086 * v, 0.185 * v, -15),
            Wall(0.104, 0.745, 0.105 * a, 0.104 * a, 0),
            Wall(-0.122, 0.735, 0.098 * a, 0.104 * a, 0)]


def leaflets(phase):
    """The ends of the mitral and tricuspid leaflets, as (x, depth) pairs:
    open while the ventricles fill."""
    swing = 0.055 * max(0.0, math.sin(2 * math.pi * (phase + 0.25)))
    for middle, depth, half in ((0.108, 0.640, 0.078), (-0.118, 0.632, 0.070)):
        for side in (-1, 1):
            yield ((middle + side * half, depth),
                   (middle + side * (0.004 + 0.45 * swing), depth - 0.02
                    - 0.8 * swing))


class Fan:
    """Everything that is the same in all frames."""

    def __init__(self, seed, width, height):
        self.width, self.height = width, height
        self.rng = random.Random("%s ultrasound" % seed)
        self.apex = (width * 0.47, height * 0.03)
        self.scale = height * 0.94  # pixels of the full depth
        self.speckle = self._speckle()
        self.clouds = Clouds(random.Random("%s tissue" % seed))
        self.where = self._screen()
        self.geometry = [self._beam(b) for b in range(BEAMS)]

    def _speckle(self):
        """log of the magnitude of a complex normal number, correlated along
        a beam as a pulse is longer than a sample."""
        n = 1 << 16
        parts = []
        for _ in range(2):
            white = [self.rng.gauss(0, 1) for _ in range(n + 2)]
            parts.append([a + 1.4 * b + c for a, b, c in
                          zip(white, white[1:], white[2:])])
        return array("h", (round(33 * math.log(max(0.02, math.hypot(i, q))))
                           for i, q in zip(*parts)))

    def _beam(self, b):
        angle = ((b + 0.5) / BEAMS - 0.5) * 2 * HALF_ANGLE
        return math.sin(angle), math.cos(angle)

    def _screen(self):
        """For each pixel the number of its echo, or of the black one."""
        black = BEAMS * SAMPLES
        rows = []
        for y in range(self.height):
            dy = (y - self.apex[1]) / self.scale
            row = array("i", [black]) * self.width
            for x in range(self.width):
                dx = (x - self.apex[0]) / self.scale
                depth = math.hypot(dx, dy)
                angle = math.atan2(dx, dy)
                if LEAST < depth < 1 and abs(angle) < HALF_ANGLE:
                    beam = int((angle / HALF_ANGLE + 1) / 2 * BEAMS)
                    row[x] = beam * SAMPLES + int(depth * SAMPLES)
            rows.append(row)
        return rows

    def tissue(self, x, depth, walls, valves):
        """Brightness of the tissue, and whether it is blood."""
        (level, square), n = min((wall.level(x, depth), n)
                                 for n, wall in enumerate(walls))
        if level < 1.25 and 0.54 < depth < 0.68:
            if any(near_line(x, depth, a, b) < 0.0065 for a, b in valves):
                return LINING - 6, False
        texture = 34 * (self.clouds.octaves(30 * x + 9, 30 * depth, 3) - 0.5)
        if level < 0.94:
            ridge = self.clouds.at(70 * x, 18 * depth) if n < 2 else 0.0
            if ridge > 0.80 and level > 0.66:
                return MUSCLE - 34, False  # trabeculae
            return BLOOD + 12 * level, True
        shell = math.exp(-((level - 1.0) / 0.05) ** 2)
        heart, facing = Wall(0.0, 0.555, 0.262, 0.425, 0).level(x, depth)
        sac = math.exp(-((heart - 1.04) / 0.035) ** 2)
        base = MUSCLE if heart < 1.03 else BEYOND + 18 * math.sin(
            55 * depth + 4 * texture / 34)
        return (base + texture
                + shell * (LINING - MUSCLE) * (0.25 + 0.75 * square)
                + sac * (PERICARDIUM - MUSCLE) * (0.2 + 0.8 * facing)), False

    def frame(self, phase, colour):
        """Rows of (r, g, b) bytes of one frame, the fan only."""
        walls, valves = chambers(phase), list(leaflets(phase))
        grey = bytearray(BEAMS * SAMPLES + 1)
        flow = {}
        for b, (sine, cosine) in enumerate(self.geometry):
            start = self.rng.randrange(len(self.speckle) - SAMPLES)
            for s in range(int(LEAST * SAMPLES), SAMPLES):
                depth = (s + 0.5) / SAMPLES
                x, d = depth * sine, depth * cosine
                value, is_blood = self.tissue(x, d, walls, valves)
                # near the probe everything rings; at the sides beams are weak
                gain = 84 + 60 * math.exp(-((depth - 0.05) / 0.07) ** 2) \
                    - 70 * sine * sine
                v = gain + value + self.speckle[start + s]
                grey[b * SAMPLES + s] = 0 if v < 0 else 255 if v > 255 \
                    else int(v)
                if is_blood and colour:
                    speed = velocity(x, d, phase)
                    if abs(speed) > 0.14:
                        flow[b * SAMPLES + s] = doppler(
                            speed + self.speckle[start + s] / 500, v)
        return self._convert(blend_beams(blend_beams(grey)), flow)

    def _convert(self, grey, flow):
        palette = [bytes((v, v, min(255, v + (v >> 5)))) for v in range(256)]
        echo = [palette[v] for v in grey]
        for i, rgb in flow.items():
            echo[i] = rgb
        return [bytearray(b"".join(map(echo.__getitem__, row)))
                for row in self.where]


def blend_beams(grey):
    """Neighbouring beams overlap, more than samples along a beam do."""
    here = bytes(grey[:BEAMS * SAMPLES])
    wide = bytes(SAMPLES) + here + bytes(SAMPLES)
    mixed = bytearray((a + b + b + c) >> 2 for a, b, c in
                      zip(wide, here, wide[2 * SAMPLES:]))
    mixed.append(0)  # the black echo
    return mixed


def near_line(x, depth, a, b):
    """Distance from the line between points a and b."""
    dx, dd = b[0] - a[0], b[1] - a[1]
    t = ((x - a[0]) * dx + (depth - a[1]) * dd) / (dx * dx + dd * dd)
    t = min(1.0, max(0.0, t))
    return math.hypot(x - a[0] - t * dx, depth - a[1] - t * dd)


def velocity(x, depth, phase):
    """Towards the probe positive, -1 to 1: inflow through the mitral valve,
    then outflow beside the septum."""
    fill = math.sin(2 * math.pi * (phase + 0.25))
    jet = math.exp(-((x - 0.11) / 0.045) ** 2
                   - ((depth - 0.58) / 0.16) ** 2)
    out = math.exp(-((x - 0.045) / 0.03) ** 2 - ((depth - 0.55) / 0.13) ** 2)
    return max(0.0, fill) * jet - max(0.0, -fill) * out


def doppler(speed, grey):
    """Red to yellow towards the probe, blue to cyan away from it."""
    strength = min(1.0, abs(speed) * 1.3)
    main, second = int(110 + 145 * strength), int(230 * strength ** 2)
    glow = max(0, int(grey)) >> 3
    if speed > 0:
        return bytes((main, second, glow))
    return bytes((glow, second, main))


class Screen:
    """A frame with what the machine draws around the fan."""

    def __init__(self, fan, rows):
        self.fan, self.rows = fan, rows

    def dot(self, x, y, rgb):
        x, y = int(x), int(y)
        if 0 <= x < self.fan.width and 0 <= y < self.fan.height:
            self.rows[y][3 * x:3 * x + 3] = bytes(rgb)

    def text(self, x, y, words, rgb, scale=1):
        for dx, dy in font.dots(words, scale):
            self.dot(x + dx, y + dy, rgb)

    def scales(self):
        """Colour bar, grey bar, depth ticks."""
        f = self.fan
        tall = int(0.34 * f.height)
        for i in range(tall):
            speed = 1 - 2 * i / (tall - 1)
            rgb = doppler(speed, 40)
            for x in range(12):
                self.dot(f.width - 28 + x, 40 + i, rgb)
                self.dot(f.width - 28 + x, 60 + tall + i,
                         (255 - 255 * i // tall,) * 3)
        for n in range(17):
            y = f.apex[1] + f.scale * n / 16
            for x in range(7 if n % 5 == 0 else 3):
                self.dot(f.width - 52 + x, y, (190, 190, 190))

    def box(self):
        """Outline of the part that Doppler looks at."""
        f = self.fan
        a, b, near, far = -0.02, 0.33, 0.34, 0.80
        for i in range(600):
            t = i / 599
            for angle, depth in ((a, near + t * (far - near)),
                                 (b, near + t * (far - near)),
                                 (a + t * (b - a), near),
                                 (a + t * (b - a), far)):
                self.dot(f.apex[0] + f.scale * depth * math.sin(angle),
                         f.apex[1] + f.scale * depth * math.cos(angle),
                         (210, 210, 170))

    def heartbeat(self, phase):
        """The ECG at the foot, with a marker at this frame's time."""
        f = self.fan
        base, last = f.height - 22, 0
        for x in range(16, int(f.width * 0.62)):
            t = x / (f.width * 0.2) % 1.0
            height = round(5 * math.exp(-((t - 0.18) / 0.04) ** 2)
                           + 26 * math.exp(-((t - 0.34) / 0.012) ** 2)
                           - 7 * math.exp(-((t - 0.37) / 0.012) ** 2)
                           + 7 * math.exp(-((t - 0.62) / 0.06) ** 2))
            for y in range(min(height, last), max(height, last) + 2):
                self.dot(x, base - y, (70, 210, 90))
            last = height
        for y in range(-28, 6):
            self.dot(16 + (phase + 1) * f.width * 0.2, base + y, (250, 90, 70))


def cine(seed, width, height, frames, colour=True):
    """RGB bytes of all frames, interleaved."""
    fan = Fan(seed, width, height)
    out = bytearray()
    for n in range(frames):
        phase = n / max(1, frames)
        screen = Screen(fan, fan.frame(phase, colour))
        screen.text(14, 14, "PREPFS DEMO", (150, 190, 220), 2)
        screen.text(14, 36, "4CH  %2d/%d" % (n + 1, frames), (150, 150, 150))
        screen.scales()
        if colour:
            screen.box()
        screen.heartbeat(phase)
        for row in screen.rows:
            out += row
    return bytes(out)
