# SPDX-License-Identifier: MIT
"""Reads uncompressed TIFF files as prepfs writes them; nothing else."""
import struct
import sys
from array import array

_SIZES = {2: 1, 3: 2, 4: 4, 5: 8, 11: 4, 16: 8}
_CODES = {2: "s", 3: "H", 4: "I", 11: "f", 16: "Q"}
# (bits, SampleFormat): array type
_SAMPLES = {(8, 1): "B", (16, 1): "H", (16, 2): "h", (32, 1): "I",
            (32, 2): "i", (32, 3): "f", (64, 3): "d"}


class Page:
    """One page: width, height, channels and its samples, row by row."""

    def __init__(self, path, number=0, with_samples=True):
        with open(path, "rb") as file:
            self.file = file
            mark = file.read(16)
            if mark[:2] != b"II":
                raise ValueError("%s: not a little-endian TIFF" % path)
            self.big = struct.unpack("<H", mark[2:4])[0] == 43
            at = struct.unpack("<Q", mark[8:])[0] if self.big else \
                struct.unpack("<I", mark[4:8])[0]
            for _ in range(number + 1):
                if at == 0:
                    raise ValueError("%s: no page %d" % (path, number))
                self.tags, at = self._directory(at)
            if with_samples:
                self._samples()

    def _directory(self, at):
        count, entry, slot = (8, 20, 8) if self.big else (2, 12, 4)
        self.file.seek(at)
        entries = int.from_bytes(self.file.read(count), "little")
        table = self.file.read(entries * entry + slot)
        tags = {}
        for i in range(0, entries * entry, entry):
            tag, kind = struct.unpack_from("<HH", table, i)
            number = int.from_bytes(table[i + 4:i + 4 + slot], "little")
            value = table[i + 4 + slot:i + entry]
            size = number * _SIZES.get(kind, 1)
            if size > slot:
                self.file.seek(int.from_bytes(value, "little"))
                value = self.file.read(size)
            if kind in _CODES:
                tags[tag] = struct.unpack("<%d%s" % (number, _CODES[kind]),
                                          value[:size])
        return tags, int.from_bytes(table[-slot:], "little")

    def _samples(self):
        if self.tags[259][0] != 1:
            raise ValueError("compressed TIFF")
        self.width, self.height = self.tags[256][0], self.tags[257][0]
        self.channels = self.tags[277][0]
        code = _SAMPLES[self.tags[258][0], self.tags.get(339, (1,))[0]]
        data = bytearray()
        for offset, size in zip(self.tags[273], self.tags[279]):
            self.file.seek(offset)
            data += self.file.read(size)
        self.samples = array(code)
        self.samples.frombytes(bytes(data))
        if sys.byteorder == "big":
            self.samples.byteswap()

    def row(self, y):
        """Row y as a list of its channels, each a list of samples."""
        size = self.width * self.channels
        row = self.samples[y * size:(y + 1) * size]
        return [row[c::self.channels] for c in range(self.channels)]


def pages(path):
    """The number of pages."""
    return Page(path, with_samples=False).tags.get(297, (0, 1))[1]
