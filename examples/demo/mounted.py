# SPDX-License-Identifier: MIT
"""Something to look at, for every example: a mounted archive.

    with mounted.views("Tells what the example is for.", slices=40) as views:
        ...                     # views/VIEW/STUDY/IMAGE.tiff, views/manifest.db

The command line of the example may name a folder:

    example                     a demo archive is drawn, mounted, and goes away
    example /data/archive       this archive is mounted
    example /mnt/views          prepfs is mounted there already: used as it is

Where nothing can be mounted the example says so and ends with status 77.
"""
import argparse
import contextlib
import importlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

EXAMPLES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def skip(reason):
    """Ends the example; 77 is how test suites know that nothing was wrong."""
    print("%s: skipped: %s" % (os.path.basename(sys.argv[0]), reason))
    sys.exit(77)


def need(*modules):
    """Imports modules, or ends the example with a line that says what to
    install."""
    missing = [m for m in modules if not optional(m)]
    if missing:
        skip("needs Python's %s" % ", ".join(missing))


def optional(module):
    """A module, or None if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def program(name):
    """prepfs or prepfsctl: $PREPFS and $PREPFSCTL, a build beside the
    examples, the PATH."""
    built = os.path.join(os.path.dirname(EXAMPLES), "build", "fs", name)
    found = os.environ.get(name.upper()) or \
        (built if os.path.exists(built) else shutil.which(name))
    return found or skip("%s is neither built nor installed" % name)


def is_view_folder(folder):
    return os.path.isdir(os.path.join(folder, ".prepfs"))


def demo_archive(folder, options):
    """mkdemo with options such as slices=40, modality="CT"."""
    words = []
    for name, value in options.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        words += ["--" + name, *map(str, values)]
    subprocess.run([sys.executable, os.path.join(EXAMPLES, "mkdemo"),
                    folder, "--quiet", *words], check=True)


@contextlib.contextmanager
def mount(archive, work, options):
    """prepfs on a fresh folder; its state goes away with it."""
    if not os.path.exists("/dev/fuse") or not shutil.which("fusermount3"):
        skip("this needs /dev/fuse and fusermount3")
    views = os.path.join(work, "views")
    os.mkdir(views)
    words = ["state=" + os.path.join(work, "state"), *options]
    started = subprocess.run([program("prepfs"), archive, views, "-o",
                              ",".join(words)], stderr=subprocess.PIPE,
                             text=True, check=False)
    if started.returncode:
        skip("prepfs cannot mount here:\n" + started.stderr)
    try:
        yield views
    finally:
        subprocess.run(["fusermount3", "-u", "-z", views], check=True)


def archive_argument(about):
    parser = argparse.ArgumentParser(
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "folder", nargs="?", help="an archive of DICOM files, or a folder "
        "where prepfs is mounted (default: a demo archive)")
    return parser.parse_args().folder


@contextlib.contextmanager
def views(about, presets=None, **demo):
    """The folder of views. PRESETS are names for views: {"Lung": "hu_u8"}."""
    with folder_of_views(archive_argument(about), presets, demo) as folder:
        yield folder


@contextlib.contextmanager
def folder_of_views(folder, presets, demo):
    folder = folder or os.environ.get("VIEWS")
    if folder and is_view_folder(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="prepfs-example.") as work:
        if not folder:
            folder = os.path.join(work, "archive")
            demo_archive(folder, demo)
        options = []
        if presets:
            path = os.path.join(work, "presets")
            with open(path, "w", encoding="ascii") as f:
                f.write("[views]\n" + "".join("%s = %s\n" % p
                                              for p in presets.items()))
            options = ["presets=" + path]
        with mount(folder, work, options) as where:
            yield where


# ---- what several examples ask the manifest ---------------------------------

def query(folder, sql, *values):
    """Rows of a query over the manifest of a mounted archive."""
    path = os.path.join(folder, "manifest.db")
    with contextlib.closing(sqlite3.connect(
            "file:%s?mode=ro" % path, uri=True)) as db:
        return db.execute(sql, values).fetchall()


def volumes(folder, modality="CT", least=8):
    """STUDY/SERIES, patient key and sex of every series that is a regular
    stack of at least so many slices: the leaves of a `series` view."""
    rows = query(folder, """
        SELECT st.dirname || '/' || se.dirname, p.pkey, p.sex
          FROM series se JOIN study st ON st.id = se.study_id
          LEFT JOIN patient p ON p.id = st.patient_id
         WHERE se.modality = ? AND se.volume_ok = 1 AND se.n_instances >= ?
         ORDER BY 1""", modality, least)
    return rows or skip("no series of %d %s slices here" % (least, modality))
