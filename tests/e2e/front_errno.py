#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every operation that fails, with the errno it fails with."""
import ctypes
import errno as e
import os
import subprocess

from front import Mount, Tap, need_fuse

need_fuse()
tap = Tap()
CONF = """studies 2
leaves 16
bytes 5000
error 1 corrupt attr
error 2 unsupported attr
error 3 stale attr
error 4 too_big attr
error 5 no_memory attr
error 6 io attr
error 7 internal attr
error 8 corrupt read
error 9 unsupported read
error 10 stale read
error 11 io read
"""
libc = ctypes.CDLL(None, use_errno=True)


def read(path):
    with open(path, "rb", buffering=0) as f:
        return f.read(10)


def image(n):
    return f"1.2.1/1.2.1.{n % 2 + 1}.{n + 1}.tiff"


def lookups(m):
    table = [
        ("nonsense", e.ENOENT),
        (".git", e.ENOENT),
        ("desktop.ini", e.ENOENT),
        ("v2_crop", e.ENOENT),
        ("x0123456789abcdef", e.ENOENT),
        ("crop_crop", e.EINVAL),
        ("size-0x10", e.EINVAL),
        ("window-c40-w0", e.EINVAL),
        ("size-512x512_spacing-1x1", e.EINVAL),
        ("full_crop", e.EINVAL),
        ("crop_" * 60, e.ENAMETOOLONG),
        ("full/1.2.99", e.ENOENT),
        ("full/1.2.1/x", e.ENOENT),
        ("full/1.2.1/1.2.1.1.1", e.ENOENT),
        ("full/1.2.1/1.2.1.1.1.f00001.tiff", e.ENOENT),
        ("full/1.2.1/" + "1" * 256, e.ENAMETOOLONG),
        ("full/1.2.1/1.2.1.1.1.tiff/x", e.ENOTDIR),
        (".prepfs/x", e.ENOENT),
        (".prepfs/manifest/full", e.ENOENT),
        (".prepfs/manifest/crop_crop.csv", e.EINVAL),
        ("manifest.db-wal", e.ENOENT),
        ("full/" + image(1), e.EIO),
        ("full/" + image(2), e.EOPNOTSUPP),
        ("full/" + image(3), e.ESTALE),
        ("full/" + image(4), e.EFBIG),
        ("full/" + image(5), e.ENOMEM),
        ("full/" + image(6), e.EIO),
        ("full/" + image(7), e.EIO),
    ]
    for name, code in table:
        tap.fails(code, f"stat {name[:60]}: {e.errorcode[code]}", os.stat,
                  m.path(name))
    for n, code in [(8, e.EIO), (9, e.EOPNOTSUPP), (10, e.ESTALE),
                    (11, e.EIO)]:
        os.stat(m.path("full", image(n)))
        tap.fails(code, f"read of image {n}: {e.errorcode[code]}", read,
                  m.path("full", image(n)))
    tap.fails(e.EISDIR, "read of a folder", read, m.path("full"))
    tap.fails(e.ENOTDIR, "listing of a file", os.listdir,
              m.path("full", image(0)))
    tap.fails(e.EINVAL, "readlink of a folder", os.readlink, m.path("full"))
    with open(m.path(".prepfs", "errors.tsv")) as f:
        text = f.read()
    tap.ok("full\tread\t5\t" in text and "full\tsize\t95\t" in text,
           "the failures are in errors.tsv", text)


def writes(m, how):
    leaf, folder = m.path("full", image(0)), m.path("full", "1.2.1")
    size = os.stat(leaf).st_size

    def open_with(flags):
        return lambda: os.open(leaf, flags)

    refused = [
        ("create", lambda: os.open(folder + "/new", os.O_CREAT | os.O_RDWR)),
        ("create at the root",
         lambda: os.open(m.path("new"), os.O_CREAT | os.O_RDWR)),
        ("open to truncate", open_with(os.O_RDONLY | os.O_TRUNC)),
        ("open to write and truncate", open_with(os.O_RDWR | os.O_TRUNC)),
        ("truncate", lambda: os.truncate(leaf, 0)),
        ("mkdir", lambda: os.mkdir(folder + "/d")),
        ("mkdir at the root", lambda: os.mkdir(m.path("nonsense"))),
        ("rmdir", lambda: os.rmdir(folder)),
        ("unlink", lambda: os.unlink(leaf)),
        ("rename", lambda: os.rename(leaf, folder + "/other.tiff")),
        ("symlink", lambda: os.symlink("x", folder + "/l")),
        ("link", lambda: os.link(leaf, folder + "/l")),
        ("mkfifo", lambda: os.mkfifo(folder + "/f")),
        ("chmod", lambda: os.chmod(leaf, 0o777)),
        ("chown", lambda: os.chown(leaf, 1, 1)),
        ("utime", lambda: os.utime(leaf, (1, 1))),
        ("setxattr", lambda: os.setxattr(leaf, "user.x", b"1")),
        ("removexattr", lambda: os.removexattr(leaf, "user.x")),
    ]
    for name, function in refused:
        tap.fails(e.EROFS, f"{how}: {name}: EROFS", function)
    tap.equal(os.stat(leaf).st_size, size, f"{how}: nothing was changed")


def write_through(m):
    """Without OPEN messages a file can be opened to write, but not written."""
    leaf = m.path("full", image(0))
    fd = os.open(leaf, os.O_WRONLY)
    tap.fails(e.EROFS, "remounted: write: EROFS", os.write, fd, b"x")
    tap.ok(libc.fallocate(fd, 0, ctypes.c_long(0), ctypes.c_long(9)) == -1 and
           ctypes.get_errno() == e.EROFS, "remounted: fallocate: EROFS")
    os.close(fd)


with Mount(CONF, ["max_views=9"]) as m:
    lookups(m)
    writes(m, "mounted")
    tap.ok(not os.access(m.path("full", image(0)), os.W_OK),
           "access(2) says it cannot be written")
    for i in range(20):
        try:
            os.stat(m.path(f"size-{i + 1}x1"))
        except OSError as error:
            tap.equal(error.errno, e.EDQUOT, "one view too many: EDQUOT")
            break
    else:
        tap.ok(False, "one view too many: EDQUOT")

with Mount("bytes 5000\nstep 100\nleaves 4\n",
           ["max_bytes_per_file=5100"]) as m:
    os.stat(m.path("full/1.2.1/1.2.1.2.2.tiff"))
    tap.fails(e.EFBIG, "over max_bytes_per_file: EFBIG", os.stat,
              m.path("full/1.2.1/1.2.1.1.3.tiff"))

if os.geteuid() == 0:
    with Mount(CONF) as m:
        done = subprocess.run(["mount", "-i", "-o", "remount,rw", m.mnt],
                              capture_output=True, text=True, check=False)
        if done.returncode == 0:
            writes(m, "remounted")
            write_through(m)
            tap.ok(m.requests()["refused_write"] > 10, "it was us who refused")
        else:
            tap.skip("remounted", done.stderr.strip().split("\n")[0])
else:
    tap.skip("remounted", "needs root")
tap.done()
