#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a mount tells of the patient: a word is planted in every element that is
about people (PS3.15 table E.1-1, private ones, sequences), and then looked for in
everything that the mount and its log show.

manifest.db holds accession numbers, descriptions, dates and paths; the manual says
so. Names of files in the archive are shown where errors are explained.
"""
import errno
import os
import stat
import struct
import subprocess
import sys

import small_dicom
from front import Mount, Place, Tap, need_fuse
from small_dicom import dicom, image, write

need_fuse()
tap = Tap()
WRITER = dicom.Writer(dicom.EXPLICIT)

# tag: VR, for words of at most 16 letters. Those of SHOWN are in manifest.db.
TEXTS = """
00080050 SH|00080080 LO|00080081 ST|00080090 PN|00080092 ST|00080094 SH|0008009C PN
00081010 SH|00081030 LO|0008103E LO|00081040 LO|00081048 PN|00081050 PN|00081060 PN
00081070 PN|00081080 LO|00082111 ST|00084000 LT
00100010 PN|00100020 LO|00100021 LO|00100050 LO|00101000 LO|00101001 PN|00101005 PN
00101040 LO|00101050 LO|00101060 PN|00101080 LO|00101081 LO|00101090 LO|00102000 LO
00102110 LO|00102150 LO|00102152 LO|00102154 SH|00102160 SH|00102180 SH|001021B0 LT
001021F0 LO|00102203 CS|00102297 PN|00104000 LT
00181000 LO|00181002 UI|00181004 LO|00181005 LO|00181007 LO|00181008 LO|00181030 LO
00181400 LO|00184000 LT|00189424 LT|0018A003 ST
00200010 SH|00203401 CS|00203404 LO|00203406 LO|00204000 LT|00209158 LT
00280303 CS|00284000 LT
00320012 LO|00321020 LO|00321021 AE|00321030 LO|00321032 PN|00321033 LO|00321060 LO
00321070 LO|00324000 LT
00380010 LO|00380011 LO|0038001E LO|00380040 LO|00380050 LO|00380060 LO|00380061 LO
00380062 LO|00380300 LO|00380400 LO|00380500 LO|00384000 LT
00400001 AE|00400006 PN|00400007 LO|00400009 SH|00400010 SH|00400011 SH|00400012 LO
00400241 AE|00400242 SH|00400243 SH|00400253 SH|00400254 LO|00400280 ST|00401001 SH
00401002 LO|00401003 SH|00401004 LO|00401005 LO|00401008 LO|00401010 PN|00401102 LO
00401400 LT|00402001 LO|00402008 PN|00402009 SH|00402010 SH|00402016 LO|00402017 LO
00402400 LT|00403001 LO|0040A027 LO|0040A075 PN|0040A123 PN|0040A160 UT|0040A307 PN
00700084 PN|00700081 LO|00880904 LO|00880906 ST
20300020 LO|300A0002 SH|300A0003 LO|300A0004 ST|300E0008 PN
40000010 LT|40004000 LT|40080040 SH|40080042 LO|400800FF CS|40080102 PN|40080114 PN
4008010B ST|40080118 PN|40080119 PN|40080202 LO|40080300 ST|40084000 ST
60000022 LO|60004000 LT
""".replace("\n", "|").split("|")
DATES = {"00100030": "19370219", "00080020": "19410307", "00080021": "19410308",
         "00080022": "19410309", "00080023": "19410310", "00380020": "19410311",
         "00400244": "19410312", "001021D0": "19410313"}
TIMES = {"00100032": "031759.123457", "00080030": "041859.123458", "00400245": "051959.123459"}
SEQUENCES = ("00101002", "00081110", "00400275", "0040A730", "00081115", "0040A168", "00081120")

# What the manual says of manifest.db.
IN_MANIFEST = {"00080050", "00081030", "0008103E", "00080020", "00080022"}


class Plant:
    """Elements that the writer has no keyword for, with a word in each."""

    def __init__(self):
        self.words = {}  # word: tag
        self.n = 0

    def word(self, tag):
        self.n += 1
        word = f"ZQ{self.n:03d}X"
        self.words[word] = tag
        return word

    def element(self, tag, vr):
        word = self.word(tag)
        if vr == "UI":
            self.words["1.2.777." + str(1000 + self.n)] = self.words.pop(word)
            word = "1.2.777." + str(1000 + self.n)
        if vr == "PN":
            word = f"{word}^{word.lower()}"
            self.words[word.split("^")[1]] = tag
        body = word.encode()
        body += b" " * (len(body) % 2)
        head = struct.pack("<HH2s", int(tag[:4], 16), int(tag[4:], 16), vr.encode())
        if vr in ("UT", "SQ", "UN"):
            return head + struct.pack("<HI", 0, len(body)) + body
        return head + struct.pack("<H", len(body)) + body

    def fixed(self, tag, vr, text):
        self.words[text] = tag
        if vr == "DA":
            self.words[f"{text[:4]}-{text[4:6]}-{text[6:]}"] = tag
        return WRITER.element(int(tag, 16), vr, text)

    def sequence(self, tag):
        outside = self.words
        self.words = {}
        body = self.element("00080050", "SH") + self.element("00100010", "PN") + \
            self.element("0040A160", "UT")
        self.words = {**outside, **{word: tag for word in self.words}}
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body
        return struct.pack("<HH2sHI", int(tag[:4], 16), int(tag[4:], 16), b"SQ", 0,
                           len(item)) + item

    def elements(self):
        """tag: bytes"""
        found = {}
        for line in TEXTS:
            if line:
                tag, vr = line.split()
                found[tag] = self.element(tag, vr)
        for tag in SEQUENCES:
            found[tag] = self.sequence(tag)
        for tag, text in DATES.items():
            found[tag] = self.fixed(tag, "DA", text)
        for tag, text in TIMES.items():
            found[tag] = self.fixed(tag, "TM", text)
        for group in ("0009", "0019", "0029"):
            found[group + "0010"] = self.element(group + "0010", "LO")
            for number, vr in (("1001", "LO"), ("1002", "PN"), ("1003", "UN"), ("1004", "UT")):
                found[group + number] = self.element(group + number, vr)
        return found


def plant(archive, relpath, elements, plants, cut=0):
    """A file whose data set also has `plants`; `cut` bytes of pixels are missing."""
    drop = {tag for tag, (number, _) in dicom._ELEMENTS.items()
            if f"{number:08X}" in plants}
    elements = {k: v for k, v in elements.items() if k not in drop}
    pixels = bytes(range(128)) * (elements["Rows"] * elements["Columns"] * 2 // 128)
    known = {f"{dicom._ELEMENTS[k][0]:08X}":
             WRITER.data_set({k: v, "BitsAllocated": 16} if k != "BitsAllocated" else {k: v})
             for k, v in elements.items()}
    for tag, name in (("00280100", "BitsAllocated"),):
        extra = WRITER.data_set({name: 16})
        known = {k: (v.replace(extra, b"") if k != tag else v) for k, v in known.items()}
    known.update(plants)
    known["7FE00010"] = WRITER.element(0x7FE00010, "OW", pixels)
    body = b"".join(known[tag] for tag in sorted(known))
    head = dicom.file_bytes(dict(elements), dicom.EXPLICIT, [b""])
    size = struct.unpack_from("<I", head, 140)[0]
    head = head[:144 + size]
    path = os.path.join(archive, relpath)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write((head + body)[:len(head + body) - cut])


class Looker:
    """Looks for words in all that is shown."""

    def __init__(self, words):
        self.words = {w.encode(): t for w, t in words.items()}
        self.found = []
        self.bytes = self.things = 0

    def look(self, where, data, allowed=()):
        self.things += 1
        self.bytes += len(data)
        for word, tag in self.words.items():
            if tag not in allowed and word in data:
                self.found.append((where, tag, word))

    def file(self, path, **more):
        try:
            for name in os.listxattr(path):
                self.look(path + " " + name, name.encode() + b"=" + os.getxattr(path, name))
            with open(path, "rb") as f:
                self.look(path, f.read(), **more)
        except OSError as e:
            if e.errno not in (errno.EIO, errno.EOPNOTSUPP, errno.ENOENT):
                raise

    def tree(self, top):
        for at, folders, names in os.walk(top):
            for name in folders + names:
                self.look("name", name.encode())
            for name in names:
                self.file(os.path.join(at, name))


archive_plant = Plant()
plants = archive_plant.elements()
place = Place()
for n in range(1, 4):
    plant(place.archive, f"a/{n}", image("1.5.1", "1.5.2", n, Modality="CT"), plants)
plant(place.archive, "a/cut", image("1.5.1", "1.5.3", 1), plants, cut=40)
with open(os.path.join(place.archive, "a/1"), "rb") as f:
    raw = f.read()
missing = [w for w in archive_plant.words if "-" not in w and w.encode() not in raw]
tap.equal(missing, [], f"{len(archive_plant.words)} words are planted")

VIEWS = ("full", "raw", "hu", "crop_size-16x16", "frames", "mip", "window-c40-w400_u8_tree",
         "full_list-json", "pack-lzw_u8")
looker = Looker(archive_plant.words)
with Mount(place=place, options=["xattr", "debug"]) as m:
    def looks():
        for name in os.listdir(m.mnt):
            looker.look("name", name.encode())
        for view in VIEWS:
            try:
                names = [os.path.join(at, n) for at, _, files in os.walk(m.path(view) + "/")
                         for n in files]
            except OSError as e:
                print(f"# {view}: {e}")
                continue
            looker.tree(m.path(view) + "/")
            for path in names:
                stem = path[:path.rindex(".")]
                for ext in ("tiff", "npy", "nii", "png", "json"):
                    if os.path.exists(f"{stem}.{ext}"):
                        looker.file(f"{stem}.{ext}")
        for ext in ("tiff", "npy", "nii", "png", "json"):
            path = m.path(f"series_raw/1.5.1/1.5.2.{ext}")
            if os.path.exists(path):
                looker.file(path)
        looker.tree(m.path(".prepfs"))
        for view in ("full", "crop"):
            looker.file(m.path(f".prepfs/manifest/{view}.csv"))
            looker.file(m.path(f".prepfs/explain/{view}"))

    looks()
    try:
        open(m.path("raw/1.5.1/1.5.3.1.tiff"), "rb").read()
        tap.ok(False, "a file that is cut short fails")
    except OSError as e:
        tap.equal(e.errno, errno.EIO, "a file that is cut short fails")
    looker.tree(m.path(".prepfs"))
    log = m.stderr()
    tap.ok("cut short" in log or "short" in log or "bytes" in log, "and is in the log", log[-500:])
    looker.look("the log", log.encode())
    manifest = m.path("manifest.db")
    looker.file(manifest, allowed=IN_MANIFEST)
    with open(manifest, "rb") as f:
        db = f.read()
    words = {t: w for w, t in archive_plant.words.items()}
    tap.ok(words["00080050"].encode() in db and words["00081030"].encode() in db,
           "the manifest has what the manual says: an accession number, a description")
tap.ok(looker.things > 80 and looker.bytes > 50000,
       f"{looker.things} things of {looker.bytes} bytes were looked through")
tap.equal(looker.found, [], "no word of an element about people is anywhere in them")

# The state: nobody else's to read, and without names.
bad = []
for at, folders, names in os.walk(place.state):
    for name in names + ["."]:
        path = os.path.join(at, name)
        st = os.lstat(path)
        if stat.S_IMODE(st.st_mode) & 0o077:
            bad.append((path, oct(st.st_mode)))
        if stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                looker.look(path, f.read(), allowed=IN_MANIFEST)
tap.equal(bad, [], "the state folder and all in it is private")
tap.equal(looker.found, [], "and has no such word either")
place.remove()

# Whose state folder may be used.
place = Place()
write(place.archive, "1", image("1.1", "1.1.1", 1))


def refused(options):
    status, text = small_dicom.start_fails(os.path.abspath(sys.argv[1]), place, options)
    return status, text


os.mkdir(place.state)
for mode in (0o770, 0o707, 0o777, 0o720):
    os.chmod(place.state, mode)
    status, text = refused([])
    tap.ok(status == 1 and "others" in text and "chmod" in text,
           f"a state folder of mode {mode:o} is refused", status, text)
    tap.equal(os.listdir(place.state), [], "and nothing is written there")
os.chmod(place.state, 0o755)
with Mount(place=place):
    tap.ok(True, "one that others can only list is not: its files are private")
if os.geteuid() == 0:
    os.chmod(place.state, 0o700)
    os.chown(place.state, 65534, 65534)
    status, text = refused([])
    tap.ok(status == 1 and "belongs to" in text, "one of another user is refused", status, text)
    done = subprocess.run([os.path.abspath(sys.argv[2]), "measure", "full", place.archive, "-o",
                           "state=" + place.state], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    tap.ok(done.returncode == 0 and all(
        os.lstat(os.path.join(place.state, n)).st_uid == 0 for n in os.listdir(place.state)),
           "prepfsctl only reads it", done.stderr)
else:
    tap.skip("one of another user", "needs root")
place.remove()
tap.done()
