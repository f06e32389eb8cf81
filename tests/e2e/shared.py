#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Two mounts of one archive that share what they compute (-o shared).

    shared.py PREPFS PREPFSCTL

What one has computed the other does not decode. Servers are killed, stopped,
filled up and filled with garbage while eight readers read: every byte is
right, nobody sees an error, and a server that is back is used again.
"""
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import front

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = int(os.environ.get("SHARED_SEED", str(random.randrange(1 << 30))))
VIEWS = ["full", "crop_size-384x512", "size-128x128_u8"]
READERS = 8
CTL = os.path.abspath(sys.argv[2])
LIMIT = 120 * front.SLOW  # seconds, for anything that must happen at all

front.need_fuse()
if not shutil.which("memcached"):
    print("1..0 # SKIP memcached is missing")
    sys.exit(0)
tap = front.Tap()
chance = random.Random(SEED)
print(f"# seed {SEED}")


class Server:
    """A memcached behind a Unix socket."""

    def __init__(self, path, *options):
        self.path = path
        self.options = list(options)
        self.process = None
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        user = ["-u", "root"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen(
            ["memcached", *user, "-s", self.path, "-m", "128", "-t", "2",
             *self.options], stderr=subprocess.DEVNULL)
        wait_for(self.answers, "a server starts")

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.path)
            except OSError:
                return False
        return True

    def signal(self, number):
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()

    def ask(self, text):
        """What it says to one command that is answered by lines."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            s.sendall(text.encode() + b"\r\n")
            got = b""
            while not got.endswith((b"END\r\n", b"OK\r\n")):
                got += s.recv(1 << 16)
        return got.decode()

    def names(self):
        return [line.split()[0][4:] for line in
                self.ask("lru_crawler metadump all").splitlines()
                if line.startswith("key=")]

    def put(self, name, value):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            s.sendall(f"set {name} 0 0 {len(value)}\r\n".encode() + value +
                      b"\r\n")
            return s.recv(100)


class Node(front.Place):
    """Another host with the same archive: a mount point and a copy of the
    state of its own."""

    def __init__(self, like):
        self.work = tempfile.mkdtemp(prefix="prepfs-e2e-")
        self.archive = like.archive
        self.mnt = os.path.join(self.work, "mnt")
        self.state = os.path.join(self.work, "state")
        os.mkdir(self.mnt)
        shutil.copytree(like.state, self.state, ignore=lambda folder, names: [
            n for n in names if not os.path.isfile(os.path.join(folder, n))])
        self.options = ["state=" + self.state, "watch=off", "rescan=0"]


def wait_for(condition, what):
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            tap.ok(False, f"{what} within {LIMIT:.0f} s")
            return False
        time.sleep(0.02)
    return True


def mount(place, *options, servers=None):
    # patience, so that a machine under load gives the same counts
    return front.Mount(place=place, options=[
        "cache=64M", f"shared={'+'.join(s.path for s in servers or SERVERS)}",
        "shared_time=10000", *options])


def files(m):
    """Every image of every view, relative to the mount."""
    found = []
    for view in VIEWS:
        for folder, _, names in os.walk(m.path(view) + "/"):
            found += [os.path.relpath(os.path.join(folder, name), m.mnt)
                      for name in names if name.endswith(".tiff")]
    return sorted(found)


def digest(path):
    """Of what prepfs says now, not of what the kernel has kept."""
    with open(path, "rb") as f:
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.sha256(f.read()).hexdigest()


def read_all(m, names, threads=4):
    """What each file is: a digest, or the error."""
    got = {}

    def work(part):
        for name in part:
            try:
                got[name] = digest(m.path(name))
            except OSError as e:
                got[name] = e
    workers = [threading.Thread(target=work, args=(names[i::threads],))
               for i in range(threads)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return got


def same(got, what):
    wrong = [f"{name}: {got[name]}" for name in got if got[name] != truth[name]]
    tap.ok(not wrong, what, *wrong[:5])


def settle(m):
    """Waits until all that was made was sent, or given up."""
    wait_for(lambda: (lambda s: s["shared_waiting"] == 0 and
                      s["fills_in_flight"] == 0 and
                      s["shared_written"] + s["shared_refused"] +
                      s["shared_dropped"] >= s["shared_offered"])(m.stats()),
             "everything is sent")


class Reading:
    """Eight readers, each in an order of its own, until the block ends."""

    def __init__(self, m, names):
        self.m, self.names = m, names
        self.over = False
        self.wrong = []
        self.read = 0

    def work(self, order):
        while not self.over:
            for name in order:
                if self.over:
                    return
                try:
                    got = digest(self.m.path(name))
                except OSError as e:
                    got = e
                if got != truth[name]:
                    self.wrong.append(f"{name}: {got}")
                self.read += 1

    def __enter__(self):
        self.threads = []
        for _ in range(READERS):
            order = self.names[:]
            chance.shuffle(order)
            self.threads.append(threading.Thread(target=self.work,
                                                 args=(order,)))
        for t in self.threads:
            t.start()
        return self

    def more(self, count=200):
        """Waits until so many more images were read."""
        until = self.read + count
        wait_for(lambda: self.read >= until, f"{count} images are read")

    def __exit__(self, *_):
        self.over = True
        for t in self.threads:
            t.join()


one = front.Place()
subprocess.run([sys.executable, os.path.join(HERE, "../../examples/mkdemo"),
                "--quiet", "--scale", "0.5", one.archive], check=True)
SERVERS = [Server(os.path.join(one.work, f"server{i}")) for i in range(2)]
two = None
try:
    # ---- two mounts ----

    with mount(one) as m:
        names = files(m)
        truth = read_all(m, names)
        tap.ok(not any(isinstance(x, OSError) for x in truth.values()) and
               len(names) > 100, f"a first pass over {len(names)} images",
               truth)
        settle(m)
        s = m.stats()
        tap.ok(s["frames_decoded"] > 30 and s["shared_written"] > 100,
               "decodes and sends", s)
        two = Node(one)
        with mount(two) as other:
            same(read_all(other, names), "another host reads the same")
            t = other.stats()
            tap.equal((t["frames_decoded"], t["bytes_read"],
                       t["shared_misses"]), (0, 0, 0),
                      "and decodes nothing")
            tap.ok(t["shared_hits"] + t["shared_ahead"] > 100,
                   "it comes from servers", t)
            tap.equal(t["shared_offered"], 0, "and does not go back there")
            tap.equal([x["server"] for x in t["shared_by_server"]],
                      [x.path for x in SERVERS], "every server has its line")
            tap.ok(all(x["hits"] > 10 and x["open"] == 0 and x["errors"] == 0
                       for x in t["shared_by_server"]), "and its share", t)
            with open(other.path(".prepfs/stats.prom"), encoding="utf-8") as f:
                prom = f.read()
            tap.ok("prepfs_shared_server_hits_total{server="
                   f"\"{SERVERS[1].path}\"}} " in prom and
                   "prepfs_shared_servers 2" in prom, "in stats.prom as well",
                   prom)
            done = subprocess.run([CTL, "stats", other.mnt], check=False,
                                  capture_output=True, text=True)
            tap.ok("shared_by_server" in done.stdout,
                   "and in what prepfsctl stats prints", done)

    # ---- a disk between ----

    disk = os.path.join(two.work, "disk")
    with mount(two, f"disk={disk}", "disk_size=1G") as m:
        same(read_all(m, names), "with a disk as well every byte is right")
        wait_for(lambda: m.stats()["disk_waiting"] == 0, "all is on the disk")
        tap.equal((m.stats()["frames_decoded"], m.stats()["shared_offered"]),
                  (0, 0), "what servers have goes to the disk, not back")
    with front.Mount(place=two, options=["cache=64M", f"disk={disk}"]) as m:
        same(read_all(m, names), "without servers it comes from there")
        tap.equal(m.stats()["frames_decoded"], 0, "all of it")
    with mount(two, f"disk={disk}") as m:
        read_all(m, names)
        s = m.stats()
        tap.equal((s["shared_hits"], s["shared_misses"], s["shared_ahead"]),
                  (0, 0, 0), "and no server is asked for what the disk has")

    # ---- other bytes ----

    for server in SERVERS:
        have = server.names()
        for name in have:
            server.put(name, chance.choice(
                [b"", b"x", chance.randbytes(2000), bytes(60000)]))
    with mount(two) as m:
        same(read_all(m, names), "servers full of garbage")
        s = m.stats()
        tap.ok(s["shared_rejected"] > 0 and
               s["shared_hits"] + s["shared_ahead"] == 0,
               "none of which is taken", s)

    # ---- killed, stopped, back ----

    for server in SERVERS:
        server.ask("flush_all")
    with mount(two, "cache=4M", "shared_time=100") as m:
        with Reading(m, names) as reading:
            reading.more()
            SERVERS[0].signal(signal.SIGKILL)
            reading.more()
            wait_for(lambda: m.stats()["shared_open"] == 1,
                     "a killed server is left alone")
            reading.more()
            SERVERS[0].start()
            before = m.stats()["shared_by_server"][0]
            tap.ok(wait_for(
                lambda: m.stats()["shared_by_server"][0]["hits"] >
                before["hits"], "it is used again"),
                "a server that is back is used again")
            SERVERS[1].signal(signal.SIGSTOP)
            reading.more()
            tap.ok(wait_for(
                lambda: m.stats()["shared_by_server"][1]["open"] == 1,
                "it is left alone"), "a stopped server is left alone")
            stopped = m.stats()["shared_by_server"][1]
            reading.more()
            after = m.stats()["shared_by_server"][1]
            # every reader may have had one question under way
            tap.ok(after["timeouts"] - stopped["timeouts"] <= READERS + 4,
                   "and costs no more time", stopped, after)
            SERVERS[1].signal(signal.SIGCONT)
            tap.ok(wait_for(
                lambda: m.stats()["shared_by_server"][1]["hits"] >
                after["hits"], "it is used again"), "until it goes on")
            for server in SERVERS:
                server.signal(signal.SIGKILL)
            reading.more()
        tap.ok(not reading.wrong,
               f"{reading.read} images were right all the time",
               *reading.wrong[:5])
        tap.ok("left alone" in m.stderr() and "answers again" in m.stderr(),
               "and the log says what happened", m.stderr())

    # ---- nobody there from the beginning, and bad options ----

    start = time.monotonic()
    with mount(two) as m:
        same(read_all(m, names), "without any server every byte is right")
    bad = subprocess.run(
        [front.PROGRAM, one.archive, two.mnt, "-f", "-o",
         f"state={two.state},shared=a:99999"], check=False,
        capture_output=True, text=True, env=front.environment())
    tap.ok(bad.returncode == 1 and "a:99999" in bad.stderr,
           "what is no server is refused", bad)
    auth = os.path.join(two.work, "auth")
    with open(auth, "w", encoding="utf-8") as out:
        out.write("prepfs:secret\n")
    os.chmod(auth, 0o644)
    bad = subprocess.run(
        [front.PROGRAM, one.archive, two.mnt, "-f", "-o",
         f"state={two.state},shared=a,shared_auth={auth}"], check=False,
        capture_output=True, text=True, env=front.environment())
    tap.ok(bad.returncode == 1 and "chmod 600" in bad.stderr and
           "secret" not in bad.stderr, "so is a password that others can read",
           bad)

    # ---- a server that wants a password ----

    os.chmod(auth, 0o600)
    closed = Server(os.path.join(two.work, "closed"), "-Y", auth)
    SERVERS.append(closed)
    with mount(two, f"shared_auth={auth}", servers=[closed]) as m:
        same(read_all(m, names), "a server that wants a password")
        settle(m)
        read_again = m.stats()
        tap.ok(read_again["shared_written"] > 100 and
               read_again["shared_errors"] == 0, "is told it", read_again)
    with mount(two, f"shared_auth={auth}", servers=[closed]) as m:
        same(read_all(m, names), "and asked")
        tap.equal(m.stats()["frames_decoded"], 0, "for everything")
    with mount(two, servers=[closed]) as m:
        same(read_all(m, names[:20]), "without the password")
        tap.ok(m.stats()["shared_hits"] == 0 and
               m.stats()["shared_errors"] > 0, "it gives nothing", m.stats())

    # ---- a server that is too small ----

    small = Server(os.path.join(two.work, "small"), "-M", "-m", "2")
    SERVERS.append(small)
    with mount(two, servers=[small]) as m:
        same(read_all(m, names), "a server that fills up")
        settle(m)
        s = m.stats()
        tap.ok(s["shared_refused"] > 0 and s["shared_open"] == 0,
               "refuses the rest, and is used on", s)
finally:
    for server in SERVERS:
        server.end()
    if two:
        two.remove()
    one.remove()
tap.done()
