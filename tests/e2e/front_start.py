#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How a mount starts, and how it says that it cannot."""
import os
import pty
import re
import signal
import subprocess
import time

from front import PROGRAM, SLOW, Mount, Place, Tap, need_fuse

need_fuse()
tap = Tap()


def run(*args, cwd=None):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True,
                          timeout=60, check=False, cwd=cwd)


def refused(what, status, words, *args, cwd=None):
    done = run(*args, cwd=cwd)
    tap.ok(done.returncode == status and words in done.stderr,
           f"{what}: status {status}, '{words}'",
           f"status {done.returncode}", done.stderr)


def unmount(mnt):
    subprocess.run(["fusermount3", "-u", mnt], check=True)


place = Place("leaves 3\n")
archive, mnt, state = place.archive, place.mnt, "state=" + place.state

# usage
refused("no arguments", 1, "ARCHIVE is missing")
refused("one argument", 1, "MOUNTPOINT is missing", archive)
refused("unknown option", 1, "did you mean 'cache'?", archive, mnt, "-o",
        "cahce=1G")
refused("bad value", 1, "threads=x", archive, mnt, "-o", "threads=x")
done = run("--help")
tap.ok(done.returncode == 0 and "usage: prepfs ARCHIVE" in done.stdout,
       "--help")
done = run("-V")
tap.ok(done.returncode == 0 and "libfuse 3." in done.stdout, "-V")

# places
refused("no archive", 32, "No such file", archive + "x", mnt, "-o", state)
refused("no mount point", 32, "No such file", archive, mnt + "x")
refused("mount point in the archive", 32, "lies in the archive", archive,
        archive, "-o", state)
os.mkdir(place.work + "/empty")
os.makedirs(place.work + "/full/of")
refused("archive and mount point swapped", 1, "the other way round?",
        place.work + "/empty", place.work + "/full", "-o", state)
refused("archive below the mount point", 32, "would hide it", archive,
        place.work, "-o", state)
refused("state below the mount point", 32, "lies below the mount point",
        archive, mnt, "-o", f"state={mnt}/state")
tap.ok(not os.listdir(mnt), "and nothing was made there")
with open(place.work + "/file", "w"):
    pass
refused("mount point is a file", 32, "is not a folder", archive,
        place.work + "/file", "-o", state)
refused("no presets", 32, "No such file", archive, mnt, "-o",
        state + ",presets=/none")
with open(place.work + "/bad.ini", "w") as f:
    f.write("[views]\nBad = crop_crop\n")
# This one is found after the fork: the parent must hand it on.
refused("bad presets", 1, "bad.ini:2:", archive, mnt, "-o",
        f"{state},presets={place.work}/bad.ini")

# the daemon
os.makedirs(place.work + "/cwd")
done = run("../archive", "../mnt", "-o", "state=../state,nofail,x-a=b,rw",
           cwd=place.work + "/cwd")
tap.ok(done.returncode == 0, "starts from relative paths", done.stderr)
# (capture_output saw the end of the pipes: nothing of the terminal is kept)
tap.ok(os.path.exists(mnt + "/full/1.2.1"), "it is mounted on return")
refused("already mounted", 32, "already mounted", archive, mnt, "-o", state)
unmount(mnt)

# a crashed predecessor
m = Mount(place=place)
m.start()
m.process.kill()
m.process.wait()
refused("crashed predecessor", 32, f"fusermount3 -u -z {mnt}", archive, mnt,
        "-o", state)
subprocess.run(["fusermount3", "-uz", mnt], check=True)
with Mount(place=place):
    pass
tap.ok(True, "the command it names helps")
place.remove()

# The first index shows its progress on a terminal, before the mount.


def start_on_terminal():
    """Starts the program on a terminal of its own: its words, its status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(PROGRAM, [PROGRAM, place.archive, place.mnt, "-o",
                           "state=" + place.state])
    said = b""
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
    _, end = os.waitpid(pid, 0)
    os.close(terminal)
    return said, os.waitstatus_to_exitcode(end)


place = Place("leaves 3\nindex_files 30\nindex_ms 20\n")
try:
    text, status = start_on_terminal()
    tap.ok(re.search(rb"indexing: \d+ of 30 files, \d+ files/s, \d+ s left",
                     text) is not None, "progress on the terminal", text)
except OSError as error:  # a root without /dev/pts
    tap.skip("progress on the terminal", error)
    status = run(place.archive, place.mnt, "-o", "state=" + place.state).returncode
tap.ok(status == 0 and os.path.exists(place.mnt + "/full"), "then it is mounted")
unmount(place.mnt)
# later starts do not wait
began = time.monotonic()
with Mount(place=place) as m:
    took = time.monotonic() - began
    tap.ok(took < 0.5 * SLOW, "a later start does not wait for the index",
           took)
place.remove()

# The first index can be interrupted; the next start goes on.
for sig in (signal.SIGINT, signal.SIGTERM):
    place = Place("leaves 3\nindex_files 1000\nindex_ms 20\n")
    child = subprocess.Popen([PROGRAM, place.archive, place.mnt, "-o",
                              "state=" + place.state],
                             stderr=subprocess.PIPE, text=True)
    while not os.path.exists(place.state + "/archive"):
        time.sleep(0.01)
    time.sleep(0.3)
    child.send_signal(sig)
    _, err = child.communicate(timeout=20)
    tap.ok(child.returncode == 32 and "interrupted" in err,
           f"{sig.name} during the first index", child.returncode, err)
    place.remove()

# index=background
place = Place("leaves 3\nindex_files 100\nindex_ms 20\n")
began = time.monotonic()
with Mount(options=["index=background"], place=place) as m:
    tap.ok(time.monotonic() - began < 1.5 * SLOW,
           "index=background: mounted at once")
    tap.equal(m.stats()["indexing"], 1, "stats say that it goes on")
    tap.ok(not os.path.exists(m.path("manifest.db")),
           "manifest.db is not there yet")
    deadline = time.monotonic() + 20
    while not os.path.exists(m.path("manifest.db")) and \
            time.monotonic() < deadline:
        time.sleep(0.1)
    tap.ok(os.path.exists(m.path("manifest.db")), "and comes by itself")
place.remove()

# An ordinary user, through fusermount3.


def is_listed(mnt):
    """os.path.ismount fails on what only its user may look at."""
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return any(line.split()[4] == mnt for line in f)


def as_user():
    helper = subprocess.run(["which", "fusermount3"], capture_output=True,
                            text=True, check=False).stdout.strip()
    if os.geteuid() != 0 or not os.stat(helper).st_mode & 0o4000:
        return "needs root and a setuid fusermount3"
    if os.stat("/dev/fuse").st_mode & 0o006 != 0o006:
        return "/dev/fuse is not for everybody here"
    place = Place("leaves 3\n")
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    for path in (place.work, place.mnt, place.archive):
        os.chown(path, 65534, 65534)
    os.chmod(place.archive + "/pattern.conf", 0o644)
    probe = subprocess.run(user + ["test", "-x", PROGRAM], check=False)
    if probe.returncode != 0:
        place.remove()
        return "the program cannot be run by others here"
    command = user + [PROGRAM, place.archive, place.mnt, "-o",
                      "state=" + place.state]
    done = subprocess.run(command, capture_output=True, text=True,
                          check=False)
    tap.ok(done.returncode == 0, "an ordinary user mounts", done.stderr)
    seen = subprocess.run(user + ["ls", place.mnt + "/full"],
                          capture_output=True, text=True, check=False)
    tap.equal(seen.stdout.split(), ["1.2.1", "1.2.2", "1.2.3"],
              "and sees the studies")
    pids = subprocess.run(["pgrep", "-f", place.mnt], capture_output=True,
                          text=True, check=False).stdout.split()
    for pid in pids:
        os.kill(int(pid), signal.SIGTERM)
    deadline = time.monotonic() + 10
    while is_listed(place.mnt) and time.monotonic() < deadline:
        time.sleep(0.05)
    tap.ok(not is_listed(place.mnt), "and SIGTERM unmounts")
    done = subprocess.run(command + ["-o", "allow_other"],
                          capture_output=True, text=True, check=False)
    tap.ok(done.returncode == 32 and "user_allow_other" in done.stderr,
           "allow_other is refused with words", done.returncode, done.stderr)
    place.remove()
    return None


why = as_user()
if why:
    tap.skip("an ordinary user", why)

def remount(m):
    """What remains of a mount that mount(8) was asked to change."""
    probe = subprocess.run(["mount", "-i", "-o", "remount,ro", m.mnt],
                           capture_output=True, text=True, check=False)
    if probe.returncode != 0:  # some containers and bare roots
        tap.skip("remount", probe.stderr.strip().split("\n")[0])
        return
    done = run(m.place.archive, m.mnt, "-o", "remount,rw,dev,suid")
    tap.ok(done.returncode == 0, "remount is handed to mount(8)",
           done.stderr)
    wanted = os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC
    tap.equal(os.statvfs(m.mnt).f_flag & wanted, wanted,
              "and stays ro, nosuid, nodev, noexec")


# Remount, as mount(8) calls us: only the kernel's options change.
if os.geteuid() == 0:
    with Mount("leaves 3\n") as mounted:
        remount(mounted)
else:
    tap.skip("remount", "needs root")
tap.done()
