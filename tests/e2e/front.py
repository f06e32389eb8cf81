# SPDX-License-Identifier: MIT
"""
Mounts of prepfs-pattern for the end-to-end tests of the front.

A script takes the program as its argument, uses `with Mount(...) as m`, says
what it found through a Tap, and ends with tap.done(). The program runs in the
foreground and says through NOTIFY_SOCKET when the mount answers, so nothing
here sleeps and hopes. What it wrote to standard error and its exit status are
part of every test.
"""
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "prepfs-pattern"
# Builds with sanitizers are slower; limits on time are for plain ones.
SLOW = float(os.environ.get("PREPFS_SLOW", "1"))
SUSPICIOUS = ("Sanitizer", "runtime error", "Assertion", "assert",
              "Segmentation", "stack smashing", "malloc", "free()")


def need_fuse():
    """Ends the script as skipped where nothing can be mounted."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        print("1..0 # SKIP /dev/fuse cannot be used here")
        sys.exit(0)
    if not shutil.which("fusermount3"):
        print("1..0 # SKIP fusermount3 is missing")
        sys.exit(0)
    if os.geteuid() != 0 and not os.path.exists("/etc/mtab"):
        print("1..0 # SKIP a user cannot unmount without /etc/mtab")
        sys.exit(0)


def environment(**more):
    """Ours and more. Leaving at once leaves threads behind, on purpose."""
    env = dict(os.environ, **more)
    env["TSAN_OPTIONS"] = (env.get("TSAN_OPTIONS", "") +
                           ":report_thread_leaks=0")
    return env


class Tap:
    """Prints one line per statement and the plan at the end."""

    def __init__(self):
        self.n = self.failures = 0

    def ok(self, true, what, *more):
        self.n += 1
        print(f"{'ok' if true else 'not ok'} {self.n} - {what}", flush=True)
        if not true:
            self.failures += 1
            for line in more:
                print("#", str(line).replace("\n", "\n# "), flush=True)

    def equal(self, got, wanted, what):
        self.ok(got == wanted, what, f"got {got!r}, not {wanted!r}")

    def skip(self, what, why):
        self.n += 1
        print(f"ok {self.n} - {what} # SKIP {why}", flush=True)

    def fails(self, wanted, what, function, *args):
        """function(*args) must raise OSError with this errno."""
        try:
            result = function(*args)
        except OSError as e:
            self.ok(e.errno == wanted, what,
                    f"{errno.errorcode.get(e.errno)} instead of "
                    f"{errno.errorcode[wanted]}")
            return
        if isinstance(result, int) and not isinstance(result, bool):
            try:
                os.close(result)
            except OSError:
                pass
        self.ok(False, what, f"no error instead of {errno.errorcode[wanted]}")

    def done(self):
        print(f"1..{self.n}")
        sys.exit(1 if self.failures else 0)


class Place:
    """A private folder with an archive, a mount point and a state folder."""

    def __init__(self, conf="", presets=None):
        self.work = tempfile.mkdtemp(prefix="prepfs-e2e-")
        self.archive = os.path.join(self.work, "archive")
        self.mnt = os.path.join(self.work, "mnt")
        self.state = os.path.join(self.work, "state")
        os.mkdir(self.archive)
        os.mkdir(self.mnt)
        self.configure(conf)
        # what changes in a pattern archive is looked at when a test says so
        self.options = ["state=" + self.state, "watch=off", "rescan=0"]
        if presets is not None:
            path = os.path.join(self.work, "presets.ini")
            with open(path, "w") as out:
                out.write("[views]\n" + presets)
            self.options.append("presets=" + path)

    def configure(self, conf):
        path = os.path.join(self.archive, "pattern.conf")
        with open(path + ".new", "w") as out:
            out.write(conf)
        os.rename(path + ".new", path)

    def remove(self):
        subprocess.run(["fusermount3", "-uqz", self.mnt], check=False,
                       stderr=subprocess.DEVNULL)
        shutil.rmtree(self.work, ignore_errors=True)


class Mount:
    """The program, mounted; `options` are added to those of the place."""

    def __init__(self, conf="", options=(), presets=None, place=None):
        self.own_place = place is None
        self.place = place or Place(conf, presets)
        self.mnt = self.place.mnt
        self.options = list(options)
        self.process = None
        self.status = None
        self.hung = False

    def path(self, *names):
        return os.path.join(self.mnt, *names)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.place.remove()
            raise
        return self

    def start(self):
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = os.path.join(self.place.work, "notify")
        if os.path.exists(address):
            os.unlink(address)
        notify.bind(address)
        notify.settimeout(0.1)
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [PROGRAM, self.place.archive, self.mnt, "-f", "-o",
             ",".join(self.place.options + self.options)],
            stderr=self.log, env=environment(NOTIFY_SOCKET=address))
        deadline = time.monotonic() + 60
        while True:
            try:
                if notify.recv(64).startswith(b"READY=1"):
                    break
            except socket.timeout:
                pass
            if self.process.poll() is not None or \
                    time.monotonic() > deadline:
                raise RuntimeError("did not start: " + self.stderr())
        notify.close()

    def stderr(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def wait(self, seconds=30):
        """The exit status; None if it has not ended by then."""
        try:
            self.status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return self.status

    def stop(self):
        if self.process and self.process.poll() is None:
            subprocess.run(["fusermount3", "-u", self.mnt], check=False,
                           stderr=subprocess.DEVNULL)
            if self.wait(60 * SLOW) is None:
                self.process.send_signal(signal.SIGTERM)
                if self.wait(60 * SLOW) is None:
                    self.hung = True
                    self.process.kill()
                    self.wait()
        return self.process.returncode

    def __exit__(self, kind, value, trace):
        status = self.stop()
        text = self.stderr()
        if self.own_place:
            self.place.remove()
        if kind is None and self.hung:
            raise RuntimeError(f"did not end when it was unmounted\n{text}")
        if kind is None and status != 0 and status != -signal.SIGKILL:
            raise RuntimeError(f"exit status {status}\n{text}")
        for word in SUSPICIOUS:
            if word in text:
                raise RuntimeError(text)

    def stats(self):
        with open(self.path(".prepfs", "stats.json")) as f:
            return json.load(f)

    def requests(self):
        return self.stats()["requests"]


def noise():
    """The pattern's 2^20 bytes; see pattern.h."""
    x, out = 1, bytearray(1 << 20)
    for i in range(1 << 20):
        out[i] = x >> 56
        x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
    return bytes(out)


def expected(noise_bytes, ident, view, size):
    """The bytes of an image."""
    start = (ident * 4099 + view * 257) % (1 << 20)
    doubled = noise_bytes[start:] + noise_bytes[:start]
    return (doubled * (size // len(doubled) + 1))[:size]
