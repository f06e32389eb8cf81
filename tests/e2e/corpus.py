#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Over a mounted corpus: st_size equals the bytes that can be read, or the
leaf is EIO/EOPNOTSUPP and has a row in `error`; listing decodes nothing;
lossless variants of one image are equal under raw."""
import errno
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys

SIZED = ["full", "size-512x512", "crop_size-384x512", "window-c40-w400_u8",
         "raw", "hu_f32"]
MEASURED = ["crop", "pack-lzw"]
FAILURES = (errno.EIO, errno.EOPNOTSUPP)


def stats(mount):
    with open(os.path.join(mount, ".prepfs/stats.json")) as f:
        return json.load(f)


def leaves(mount, view):
    top = os.path.join(mount, view)
    for study in sorted(os.listdir(top)):
        for name in sorted(os.listdir(os.path.join(top, study))):
            yield os.path.join(study, name)


def error_rows(mount):
    """(source path, view) of every row of .prepfs/errors.tsv."""
    with open(os.path.join(mount, ".prepfs/errors.tsv")) as f:
        head = f.readline().rstrip("\n").split("\t")
        rows = [dict(zip(head, line.rstrip("\n").split("\t"))) for line in f]
    assert all(r["message"] and int(r["errno"]) for r in rows)
    return {(r["path"], r["view"]) for r in rows}


def source_paths(mount):
    """Leaf (study/name.tiff) -> path of its source in the archive."""
    db = sqlite3.connect(f"file:{mount}/manifest.db?mode=ro", uri=True)
    return {f"{study}/{stem}.tiff": path for path, study, stem in db.execute(
        "SELECT so.relpath, st.dirname, coalesce(i.fname, i.uid) FROM instance i"
        " JOIN source so ON so.id = i.source_id JOIN series se ON se.id ="
        " i.series_id JOIN study st ON st.id = se.study_id WHERE i.dup_of IS NULL")}


def check_view(mount, view, names):
    failed = []
    for name in names:
        path = os.path.join(mount, view, name)
        try:
            size = os.stat(path).st_size
            with open(path, "rb") as f:
                data = f.read()
        except OSError as e:
            assert e.errno in FAILURES, f"{view}/{name}: {e}"
            failed.append(name)
            continue
        assert len(data) == size, f"{view}/{name}: {size} said, {len(data)} read"
        assert size > 0, f"{view}/{name} is empty"
    return failed


def listing_decodes_nothing(mount):
    for view in SIZED:
        subprocess.run(["ls", "-lR", os.path.join(mount, view)],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    n = stats(mount)["frames_decoded"]
    assert n == 0, f"ls -lR decoded {n} frames"


def lossless_variants_agree(mount):
    db = sqlite3.connect(f"file:{mount}/manifest.db?mode=ro", uri=True)
    rows = db.execute(
        "SELECT so.relpath, st.dirname, coalesce(i.fname, i.uid) FROM instance i"
        " JOIN source so ON so.id = i.source_id JOIN series se ON se.id ="
        " i.series_id JOIN study st ON st.id = se.study_id WHERE so.relpath"
        " LIKE 'wg04/%' AND i.dup_of IS NULL").fetchall()
    images = {}
    for relpath, study, stem in rows:
        m = re.search(r"([A-Z0-9]+)_(UNC|RLE|JPLL|JLSL|J2KR)$",
                      os.path.basename(relpath).split(".")[0])
        if not m:
            continue
        with open(f"{mount}/raw/{study}/{stem}.tiff", "rb") as f:
            data = f.read()
        images.setdefault(m.group(1), {})[m.group(2)] = hashlib.sha256(data).hexdigest()
    images = {k: v for k, v in images.items() if len(v) > 1}
    assert len(images) >= 8, f"only {sorted(images)}"
    for name, variants in sorted(images.items()):
        assert len(set(variants.values())) == 1, f"{name}: {variants}"

    return images


def main():
    mount = sys.argv[1]
    listing_decodes_nothing(mount)
    failed = {}
    for view in SIZED + MEASURED:
        names = list(leaves(mount, view))
        assert len(names) > 100, f"{view} lists {len(names)} leaves"
        failed[view] = check_view(mount, view, names)
        print(f"{view}: {len(names) - len(failed[view])} leaves, {len(failed[view])} refused")
    rows, sources = error_rows(mount), source_paths(mount)
    for view, names in failed.items():
        link = os.path.join(mount, view)
        canonical = os.readlink(link) if os.path.islink(link) else view
        for name in names:
            assert {(sources[name], canonical), (sources[name], "")} & rows, \
                f"{view}/{name} was refused without a row in errors.tsv"
    images = lossless_variants_agree(mount)
    print(f"lossless variants agree: {', '.join(sorted(images))}")


if __name__ == "__main__":
    main()
