#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A mount of part of an archive: -o where, -o hide_burned_in, --where.

    study 1.1  series 1.1.1: CT, thin, images 1-4    1.1.2: CT, thick, images 1-3
    study 1.2  series 1.2.1: US, burned in, image 1; image 2 does not say
    study 1.3  series 1.3.1: a report
    and a damaged file
"""
import csv
import errno
import glob
import os
import signal
import sqlite3
import subprocess
import sys
import time

from front import PROGRAM, Mount, Place, Tap, need_fuse
from small_dicom import US, image, report, start_fails, write

CTL = os.path.abspath(sys.argv[2])

need_fuse()
tap = Tap()


def escaped(text):
    """As a value of -o."""
    return text.replace("\\", "\\\\").replace(",", "\\,")


def fill(archive):
    for n in range(1, 5):
        write(archive, f"thin/{n}", image("1.1", "1.1.1", n, SliceThickness=1.0,
                                          BurnedInAnnotation="NO"))
    for n in range(1, 4):
        write(archive, f"thick/{n}", image("1.1", "1.1.2", n, SliceThickness=5.0))
    write(archive, "us/1", image("1.2", "1.2.1", 1, Modality="US", SOPClassUID=US,
                                 PatientID="Q", BurnedInAnnotation="YES"))
    write(archive, "us/2", image("1.2", "1.2.1", 2, Modality="US", SOPClassUID=US,
                                 PatientID="Q"))
    write(archive, "sr/1", report("1.3", "1.3.1", 1))
    os.mkdir(os.path.join(archive, "bad"))
    with open(os.path.join(archive, "bad/1"), "wb") as out:
        out.write(bytes(128) + b"DICM" + b"\xff" * 200)


def listed(m, view):
    """Every file below a view, and that os.walk and lookups agree."""
    found = []
    for at, folders, names in os.walk(m.path(view) + "/"):
        assert folders or names or view == "series", f"{at} is empty"
        for name in names:
            os.stat(os.path.join(at, name))
            found.append(os.path.relpath(os.path.join(at, name), m.path(view)))
    return sorted(found)


def tiffs(study, series, numbers):
    return [f"{study}/{series}.{n}.tiff" for n in numbers]


THIN = tiffs("1.1", "1.1.1", range(1, 5))
THICK = tiffs("1.1", "1.1.2", range(1, 4))
ULTRASOUND = tiffs("1.2", "1.2.1", (1, 2))


def database(m, sql):
    until = time.monotonic() + 20
    while not os.path.exists(m.path("manifest.db")):
        assert time.monotonic() < until, "no manifest.db"
        time.sleep(0.05)
    db = sqlite3.connect(f"file:{m.path('manifest.db')}?mode=ro&immutable=1", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def read(path):
    with open(path, "rb") as f:
        return f.read()


def wait(what, condition):
    until = time.monotonic() + 30
    while not condition():
        if time.monotonic() > until:
            tap.ok(False, what, "never")
            return
        time.sleep(0.1)
    tap.ok(True, what)


place = Place()
fill(place.archive)

# ---- everything, and that another mount can be of less at the same time ----

with Mount(place=place) as whole:
    tap.equal(listed(whole, "full"), sorted(THIN + THICK + ULTRASOUND),
              "without options everything is there")
    stats = whole.stats()
    tap.equal((stats["images_hidden"], stats["burned_in_hidden"]), (0, 0), "and nothing is hidden")
    all_errors = read(whole.path(".prepfs/errors.tsv"))
    tap.ok(b"bad/1" in all_errors, "a damaged file is among the errors", all_errors)
    number = os.stat(whole.path("full", THICK[0])).st_ino
    volume = os.stat(whole.path("series", "1.1/1.1.2.tiff")).st_ino

    part = Place()
    part.archive, part.options = place.archive, place.options
    with Mount(place=part, options=[f"where={escaped('slice_thickness<=1.25')}"]) as m:
        tap.equal(listed(m, "full"), THIN, "only images of the cohort are listed")
        tap.equal(listed(m, "raw_tree"),
                  [f"1.1/1.1.1/1.1.1.{n}.tiff" for n in range(1, 5)],
                  "and only their series are folders")
        for name in (THICK + ULTRASOUND + ["1.1/1.1.2", "1.2", "1.3", "1.1/1.1.2/1.1.2.1.tiff",
                                           "1.1/1.1.2.1.json", "1.3/1.3.1.1.json"]):
            tap.fails(errno.ENOENT, f"{name} does not exist", os.stat, m.path("full", name))
        tap.equal(listed(m, "series"), ["1.1/1.1.1.tiff"], "volumes are those of the cohort")
        tap.fails(errno.ENOENT, "another has no name", os.stat, m.path("series/1.1/1.1.2.tiff"))
        tap.equal(read(m.path("full", THIN[0])), read(whole.path("full", THIN[0])),
                  "an image is the same as in a mount of everything")
        tap.equal(os.stat(m.path("full", THIN[0])).st_ino,
                  os.stat(whole.path("full", THIN[0])).st_ino, "under the same number")
        with open(m.path(".prepfs/manifest/full.csv"), newline="") as f:
            rows = list(csv.DictReader(f))
        tap.equal(sorted(r["path"] for r in rows), ["full/" + name for name in THIN],
                  "the CSV has the cohort")
        tap.equal(database(m, "SELECT rel FROM cohort ORDER BY rel"), [(n,) for n in THIN],
                  "manifest.db has the cohort")
        tap.equal(database(m, "SELECT count(*) FROM study"), [(1,)], "and nothing else")
        tap.ok(b"us/2" not in read(m.path("manifest.db")), "nor traces of it")
        tap.equal(len(read(m.path(".prepfs/errors.tsv")).splitlines()),
                  len(all_errors.splitlines()) - 1, "errors.tsv has the cohort")
        stats = m.stats()
        tap.equal([stats[key] for key in ("images", "studies", "series", "errors",
                                          "images_hidden", "burned_in_hidden")],
                  [4, 1, 1, 0, stats["images_hidden"], 0], "counters are of the cohort")
        tap.ok(stats["images_hidden"] >= 5, "and say how much is left out", stats)
        tap.ok("4 of " in m.stderr() and "where" in m.stderr(), "so does the log", m.stderr())
        tap.ok("slice_thickness" not in m.stderr(), "without the expression", m.stderr())
    tap.equal(glob.glob(os.path.join(place.state, "cohort-*")), [],
              "the copy of the manifest goes with the mount")
    tap.equal(listed(whole, "full"), sorted(THIN + THICK + ULTRASOUND),
              "the mount of everything saw nothing of it")

# ---- part of a series ----

with Mount(place=place, options=["where=modality='CT' AND instance_number>=2"]) as m:
    tap.equal(listed(m, "full"), THIN[1:] + THICK[1:], "a series may be there in part")
    tap.equal(listed(m, "series"), [], "then it is no volume")
    tap.equal(database(m, "SELECT DISTINCT volume_id IS NULL, volume_ok FROM series"
                          " WHERE modality='CT' AND uid LIKE '1.1.%'"), [(1, 0)],
              "in manifest.db neither")

# ---- hide_burned_in ----

with Mount(place=place, options=["hide_burned_in"]) as m:
    found = listed(m, "full")
    tap.ok(ULTRASOUND[0] not in found and ULTRASOUND[1] in found and THIN[0] in found,
           "an image with burned-in data is hidden", found)
    tap.fails(errno.ENOENT, "and cannot be opened", os.stat, m.path("full", ULTRASOUND[0]))
    os.stat(m.path("full/1.3/1.3.1.1.json"))
    stats = m.stats()
    tap.equal((stats["images_hidden"], stats["burned_in_hidden"]), (1, 1), "it is counted")
    tap.ok(b"bad/1" in read(m.path(".prepfs/errors.tsv")), "other errors are shown")
with Mount(place=place, options=["hide_burned_in", "where=modality='US'"]) as m:
    tap.equal(listed(m, "full"), ULTRASOUND[1:], "both options together")

# ---- changes ----

with Mount(place=place, options=["where=modality='CT' AND id NOT IN"
                                 " (SELECT instance_id FROM label WHERE name='out')"]) as m:
    before = listed(m, "full")
    new = m.path("full", tiffs("1.1", "1.1.1", [9])[0])
    tap.fails(errno.ENOENT, "an image that is to come is not there", os.stat, new)
    write(place.archive, "thin/9", image("1.1", "1.1.1", 9, SliceThickness=1.0))
    write(place.archive, "us/3", image("1.2", "1.2.1", 3, Modality="US", SOPClassUID=US))
    m.process.send_signal(signal.SIGHUP)
    wait("a new image of the cohort appears", lambda: os.path.exists(new))
    tap.equal(sorted(listed(m, "full")), sorted(before + ["1.1/1.1.1.9.tiff"]),
              "and no other does")
    wait("manifest.db follows", lambda: len(database(m, "SELECT 1 FROM cohort")) ==
         len(before) + 1)
    out = m.path("full", THIN[0])
    db = sqlite3.connect(os.path.join(place.state, "manifest.db"), timeout=30)
    db.execute("INSERT INTO label(instance_id,name) SELECT id,'out' FROM instance"
               " WHERE uid='1.1.1.1'")
    db.commit()
    db.close()
    m.process.send_signal(signal.SIGHUP)
    wait("an image that leaves the cohort goes", lambda: not os.path.exists(out))
    wait("from listings too", lambda: THIN[0] not in listed(m, "full"))
    wait("and from manifest.db", lambda: (THIN[0],) not in
         database(m, "SELECT rel FROM cohort"))
    # Indexed by another process.
    write(place.archive, "thin/8", image("1.1", "1.1.1", 8, SliceThickness=1.0))
    subprocess.run([CTL, "index", "-q", place.archive, "-o", "state=" + place.state], check=True)
    wait("what another process indexes appears",
         lambda: os.path.exists(m.path("full/1.1/1.1.1.8.tiff")))
    wait("in manifest.db as well", lambda: ("1.1/1.1.1.8.tiff",) in
         database(m, "SELECT rel FROM cohort"))

# ---- while the first index goes on ----

late = Place()
late.archive = place.archive
with Mount(place=late, options=["where=slice_thickness<=1.25", "index=background"]) as m:
    wait("entries of the cohort appear behind the mount",
         lambda: os.path.exists(m.path("full/1.1/1.1.1.8.tiff")) and len(listed(m, "full")) == 6)
    wait("and are in manifest.db", lambda: len(database(m, "SELECT rel FROM cohort")) == 6)
late.archive = os.path.join(late.work, "archive")
late.remove()

# ---- what is no expression ----

for where, says in (("modalty='CT'", "no such column: modalty"), ("modality='CT", "where:"),
                    ("1) OR id IN (SELECT id FROM meta", "where:"),
                    ("load_extension('x')", "not authorized"), ("1; DROP TABLE instance", "where:"),
                    ("(SELECT count(*) FROM sqlite_master)>0", "not authorized")):
    status, text = start_fails(PROGRAM, place, ["where=" + escaped(where)])
    last = text.splitlines()[-1]
    tap.ok(status == 1 and last.startswith("prepfs: where: ") and says in last,
           f"refused: {where}", status, text)

# ---- prepfsctl ----


def ctl(*words):
    done = subprocess.run([CTL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)
    return done.returncode, done.stdout, done.stderr


STATE = "state=" + place.state
WHERE = "--where=modality='CT' AND slice_thickness>2"
status, text, _ = ctl("measure", "full", place.archive, "-o", STATE, WHERE)
tap.ok(status == 0 and "files = 3," in text, "measure --where", status, text)
status, text, _ = ctl("warm", "crop", place.archive, "-o", STATE, WHERE)
tap.ok(status == 0 and text.startswith("3 files"), "warm --where", status, text)
status, text, _ = ctl("check", place.archive, "-o", STATE, WHERE)
tap.ok(status == 0 and text.startswith("3 files"), "check --where", status, text)
status, text, _ = ctl("manifest", place.archive, "full", "-o", STATE, WHERE)
tap.equal((status, len(text.splitlines())), (0, 4), "manifest --where")
made = os.path.join(place.work, "made")
status, text, _ = ctl("render", "full", place.archive, made, "-q", WHERE)
names = sorted(os.path.relpath(os.path.join(at, name), made)
               for at, _, files in os.walk(made) for name in files if name.endswith(".tiff"))
tap.equal(names, THICK, "render --where")
status, _, text = ctl("measure", "full", place.archive, "-o", STATE, "--where", "modalty=1")
tap.ok(status == 2 and "no such column" in text, "a wrong expression is wrong usage", status, text)
status, _, text = ctl("measure", "full", place.archive, "-o", STATE, "--where", "modality='NM'")
tap.ok(status == 1 and "no image" in text, "so is none that is left", status, text)
with Mount(place=place) as m:
    status, _, text = ctl("warm", "full", m.mnt, WHERE)
    tap.ok(status == 2 and "where" in text, "a mount says by itself what it shows", status, text)

place.remove()
part.remove()
tap.done()
