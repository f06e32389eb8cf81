#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A mount as a service: what its manager is told, where lines are logged, and
mount(8). usage: service.py PREPFS PREPFSCTL SOURCE"""
import ctypes
import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

from front import PROGRAM, SLOW, Place, Tap, environment, need_fuse

need_fuse()
tap = Tap()
CTL, SOURCE = (os.path.abspath(p) for p in sys.argv[2:4])
place = Place()
shutil.rmtree(place.archive)
subprocess.run([os.path.join(SOURCE, "examples", "mkdemo"), "--quiet",
                "--modality", "CT", "--patients", "1", "--scale", "0.1",
                "--slices", "4", place.archive], check=True)


class Manager:
    """What systemd is for a service of Type=notify."""

    def __init__(self, name):
        self.address = os.path.join(place.work, name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.lines = []

    def wait_for(self, word, seconds=60 * SLOW):
        """Hears until a message has the line."""
        deadline = time.monotonic() + seconds
        while word not in self.lines and time.monotonic() < deadline:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                self.lines += self.socket.recv(4096).decode().split("\n")
            except socket.timeout:
                break
        return word in self.lines


def start(manager, options="", stderr=subprocess.PIPE, **env):
    return subprocess.Popen(
        [PROGRAM, "-f", "-o", f"state={place.state},cache=32M{options}",
         place.archive, place.mnt], stderr=stderr,
        env=environment(NOTIFY_SOCKET=manager.address, **env))


# the service protocol
manager = Manager("notify")
process = start(manager)
tap.ok(manager.wait_for("READY=1"), "a manager is told that it is ready",
       manager.lines)
before = manager.lines[:manager.lines.index("READY=1")]
tap.ok(any(re.match(r"STATUS=indexing: \d+", line) for line in before),
       "and before that, how far the index is", before)
tap.ok(os.path.exists(os.path.join(place.mnt, "full")),
       "then the mount answers")
tap.ok("STATUS=serving" in manager.lines, "it is serving", manager.lines)
del manager.lines[:]
process.send_signal(signal.SIGHUP)
tap.ok(manager.wait_for("STATUS=the index is complete"),
       "SIGHUP: the index is looked over", manager.lines)
process.send_signal(signal.SIGTERM)
tap.ok(manager.wait_for("STOPPING=1"), "SIGTERM: it is stopping",
       manager.lines)
tap.equal(process.wait(60), 0, "and ends well")
process.stderr.close()

# a manager that does not listen harms nobody
deaf = Manager("deaf")
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as loud:
    loud.setblocking(False)
    try:
        while True:
            loud.sendto(b"x", deaf.address)
    except BlockingIOError:
        pass
process = start(deaf, ",index=background")
deadline = time.monotonic() + 60 * SLOW
while not os.path.ismount(place.mnt) and time.monotonic() < deadline:
    time.sleep(0.05)
tap.ok(os.path.ismount(place.mnt), "a full socket is no reason to wait")
process.send_signal(signal.SIGTERM)
tap.equal(process.wait(60), 0, "nor not to end")
process.stderr.close()


# the log
def logged(options, **env):
    """Standard error, a file, of a mount that was asked for a broken view."""
    path = os.path.join(place.work, "log")
    manager = Manager("notify-log")
    with open(path, "w+b") as log:
        status = os.fstat(log.fileno())
        if env.pop("journal", False):
            env["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
        process = start(manager, options, log, **env)
        manager.wait_for("READY=1")
        os.path.exists(os.path.join(place.mnt, "full"))
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        log.seek(0)
        os.unlink(manager.address)
        return log.read().decode().splitlines()


lines = logged("")
tap.ok(lines and all(line.startswith("prepfs: ") for line in lines),
       "lines begin with the name", lines)
tap.ok(any("unmounting" in line for line in lines), "info is logged", lines)
lines = logged("", journal=True)
tap.ok(any(line.startswith("<6>") for line in lines) and
       all(re.match(r"<[3-7]>", line) for line in lines),
       "in the journal of a service, with their level", lines)
lines = logged("", JOURNAL_STREAM="1:1")
tap.ok(lines and all(line.startswith("prepfs: ") for line in lines),
       "not if standard error is something else", lines)
lines = logged(",log=error")
tap.equal(lines, [], "log=error leaves the others out")
lines = logged(",log=debug")
tap.ok(any("LOOKUP" in line for line in lines),
       "log=debug has every request", lines[:5])
done = subprocess.run([PROGRAM, "-o", "log=loud", place.archive, place.mnt],
                      capture_output=True, text=True, check=False)
tap.ok(done.returncode == 1 and "error|warning|info|debug" in done.stderr,
       "a level that is none is refused", done.stderr)

# stats --watch
manager = Manager("notify-watch")
process = start(manager)
manager.wait_for("READY=1")
watch = subprocess.Popen([CTL, "stats", "--watch", place.mnt],
                         stdout=subprocess.PIPE, text=True)
first = watch.stdout.readline()
for folder, _, names in os.walk(os.path.join(place.mnt, "hu")):
    for name in names:
        with open(os.path.join(folder, name), "rb") as leaf:
            leaf.read()
rows = []
while len(rows) < 10 and (not rows or rows[-1][-1] != "hu"):
    rows.append(watch.stdout.readline().rstrip("\n").split("\t"))
tap.ok(first.startswith("uptime_s\treads_per_s"), "stats --watch: columns",
       first)
tap.ok(rows[-1][-1] == "hu" and
       any(float(row[2]) > 0 for row in rows) and
       all(len(row) == len(first.split("\t")) for row in rows),
       "bytes per second, and the view that is read", rows)
watch.send_signal(signal.SIGINT)
tap.equal(watch.wait(30), 0, "an interrupt ends it well")
watch.stdout.close()
with open(os.path.join(place.mnt, ".prepfs", "top.tsv")) as top:
    table = [line.rstrip("\n").split("\t") for line in top]
size = sum(os.stat(os.path.join(folder, name)).st_size
           for folder, _, names in os.walk(os.path.join(place.mnt, "hu"))
           for name in names)
tap.equal((table[0], table[1][0], table[1][2], len(table)),
          (["bytes", "reads", "view"], str(size), "hu", 2),
          "top.tsv has every byte")
watch = subprocess.Popen([CTL, "stats", "--watch", place.mnt],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                         text=True)
time.sleep(0.3)
process.send_signal(signal.SIGTERM)
process.wait(60)
process.stderr.close()
tap.ok(watch.wait(30) == 1 and "is prepfs mounted?" in watch.stderr.read(),
       "it ends with the mount")
watch.stderr.close()

# mount(8) and fstab
HELPER = "/sbin/mount.fuse3"
if os.geteuid() != 0 or not os.path.exists(HELPER):
    tap.skip("mount(8)", "only root, and with mount.fuse3")
else:
    options = (f"state={place.state},cache=32M,allow_other,nofail,_netdev,"
               "noauto,user,defaults,x-systemd.automount,comment=x")
    subprocess.run([HELPER, PROGRAM + "#" + place.archive, place.mnt, "-o",
                    options], check=False, stderr=subprocess.DEVNULL)
    with open("/proc/mounts") as mounts:
        ours = [line.split() for line in mounts if place.mnt in line]
    tap.ok(ours and ours[0][0] == place.archive and
           ours[0][2] == "fuse.prepfs" and
           {"ro", "nosuid", "nodev", "noexec"} <= set(ours[0][3].split(",")),
           "mount.fuse3 mounts, with what fstab adds", ours)
    subprocess.run(["umount", place.mnt], check=False)
    fstab = os.path.join(place.work, "fstab")
    with open(fstab, "w") as out:
        out.write(f"{PROGRAM}#{place.archive} {place.mnt} fuse "
                  f"{options} 0 0\n")
    done = subprocess.run(["mount", "-T", fstab, place.mnt], check=False,
                          capture_output=True, text=True)
    tap.ok(done.returncode == 0 and os.path.ismount(place.mnt),
           "a line of fstab mounts", done.stderr)
    subprocess.run(["umount", place.mnt], check=False)

# What an NFS server asks for: files by handles that it got earlier.
class Handle(ctypes.Structure):
    """struct file_handle of open_by_handle_at(2)."""
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int),
                ("data", ctypes.c_ubyte * 128)]


LIBC = ctypes.CDLL(None, use_errno=True)


def handle_of(path):
    handle, mount = Handle(128), ctypes.c_int()
    if LIBC.name_to_handle_at(-100, path.encode(), ctypes.byref(handle),
                              ctypes.byref(mount), 0):
        return None
    return handle


def read_by(handle):
    """The first bytes of a file by its handle, or an errno."""
    mount = os.open(place.mnt, os.O_RDONLY)
    fd = LIBC.open_by_handle_at(mount, ctypes.byref(handle), os.O_RDONLY)
    os.close(mount)
    if fd < 0:
        return errno.errorcode[ctypes.get_errno()]
    data = os.read(fd, 8192)
    os.close(fd)
    return data


def some_leaf():
    study = os.path.join(place.mnt, "hu_size-16x16")
    study = os.path.join(study, sorted(os.listdir(study))[0])
    return os.path.join(study, sorted(os.listdir(study))[0])


manager = Manager("notify-handle")
process = start(manager)
manager.wait_for("READY=1")
handle = handle_of(some_leaf())
if os.geteuid() != 0 or handle is None:
    tap.skip("files by handle", "only root")
else:
    with open(some_leaf(), "rb") as leaf:
        content = leaf.read(8192)
    tap.equal(read_by(handle), content, "a file by its handle")
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    process.stderr.close()
    manager = Manager("notify-again")
    process = start(manager)
    manager.wait_for("READY=1")
    tap.equal(read_by(handle), content, "the same after a new start")
process.send_signal(signal.SIGTERM)
process.wait(60)
process.stderr.close()

place.remove()
tap.done()
