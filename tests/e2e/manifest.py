#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manifest as a user of a mount has it."""
import csv
import errno
import os
import sqlite3
import subprocess
import sys

# The ten queries that the manifest is made for.
QUERIES = [
    "SELECT 'MOUNT/Lung512/'||rel FROM cohort WHERE modality='CT' AND body_part='CHEST'"
    " AND slice_thickness<=1.25 AND rows=512",
    "SELECT study_instance_uid,sop_instance_uid,path,inode,width,height,channels,num_frames"
    " FROM manifest WHERE view='full' ORDER BY 1,2",
    "SELECT path FROM manifest WHERE view='full' ORDER BY inode",
    "SELECT st.dirname||'/'||se.uid||'.tiff' FROM series se JOIN study st ON st.id=se.study_id"
    " WHERE modality='CT' AND volume_ok=1 AND n_instances>=32",
    "SELECT pkey,CASE WHEN (id*2654435761)%100<70 THEN 'train' WHEN (id*2654435761)%100<85"
    " THEN 'val' ELSE 'test' END FROM patient",
    "SELECT transfer_syntax,photometric,bits_alloc,bits_stored,pixel_repr,count(*)"
    " FROM instance GROUP BY 1,2,3,4,5",
    "SELECT uid,count(*) c FROM instance GROUP BY uid HAVING c>1",
    "SELECT canonical,count(*),sum(bytes)/1e9 FROM output JOIN view ON view.id=view_id GROUP BY 1",
    "SELECT stage,errno,message,count(*) FROM error GROUP BY 1,2,3 ORDER BY 4 DESC",
    "SELECT sum(vmean*width*height*num_frames)/sum(width*height*num_frames) FROM output"
    " WHERE view_id=1",
]
# How many of them have rows in a freshly mounted demo archive.
ANSWERED = {4, 5, 9}
HEAD = ["study_instance_uid", "series_instance_uid", "sop_instance_uid", "path", "inode",
        "width", "height", "channels", "num_frames"]


def queries(mount):
    path = os.path.join(mount, "manifest.db")
    for i, text in enumerate(QUERIES):
        done = subprocess.run(["sqlite3", path, text], stdout=subprocess.PIPE, text=True,
                              check=True)
        assert done.stdout or i not in ANSWERED, f"no rows: {text}"
    check = subprocess.run(["sqlite3", path, "pragma integrity_check"],
                           stdout=subprocess.PIPE, text=True, check=True)
    assert check.stdout == "ok\n"
    rows = sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute(
        "SELECT count(*) FROM cohort").fetchone()
    assert rows[0] > 3, rows


def csv_inodes(mount):
    view = "crop_size-64x48"
    os.stat(os.path.join(mount, view))
    with open(os.path.join(mount, f".prepfs/manifest/{view}.csv"), newline="") as f:
        rows = list(csv.reader(f))
    assert rows[0][:9] == HEAD, rows[0]
    order = [(r[0], r[2]) for r in rows[1:]]
    assert len(order) > 3 and order == sorted(order)
    for r in rows[1:]:
        at = os.stat(os.path.join(mount, r[3]))
        assert at.st_ino == int(r[4]), r
        assert r[5:7] == ["64", "48"], r


def reason(mount):
    top = os.path.join(mount, "full")
    failures = []
    for study in os.listdir(top):
        for name in os.listdir(os.path.join(top, study)):
            path = os.path.join(top, study, name)
            try:
                with open(path, "rb") as f:
                    f.read()
            except OSError as e:
                failures.append((path, e.errno, os.getxattr(path, "user.prepfs.error")))
    assert len(failures) == 1, failures
    path, number, why = failures[0]
    assert number == errno.EIO and len(why) > 10, failures
    with open(os.path.join(mount, ".prepfs/errors.tsv"), encoding="utf-8") as f:
        assert "broken.dcm" in f.read()
    print(f"{os.path.basename(path)}: {why.decode()}")


def main():
    mount = sys.argv[1]
    queries(mount)
    csv_inodes(mount)
    reason(mount)


if __name__ == "__main__":
    main()
