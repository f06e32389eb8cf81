#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Three hosts with a mount and a memcached each, in network namespaces of their
own: one published manifest, one archive, one shared tier.

    cluster.py PREPFS PREPFSCTL

CLUSTER_IMAGES: how many images (default 300; with 2000 and more the figure of 2 %
is held, which a few dozen images read within a moment cannot show);
CLUSTER_READERS: processes that
read on each host (2); CLUSTER_SECONDS: how long each fault lasts at least (1).

All hosts shuffle the same data set. Every image is rendered once in the cluster,
inodes and bytes are the same everywhere, and a server that dies, talks nonsense
or stalls costs time and nothing else. Needs root, for namespaces.
"""
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import front
from front import Mount, Place, Tap, need_fuse
from small_dicom import image, write

IMAGES = int(os.environ.get("CLUSTER_IMAGES", "300"))
READERS = int(os.environ.get("CLUSTER_READERS", "2"))
SECONDS = float(os.environ.get("CLUSTER_SECONDS", "1"))
SEED = int(os.environ.get("CLUSTER_SEED", str(random.randrange(1 << 30))))
HOSTS = 3
VIEW = "mid-192x192"
PROGRAM, CTL = front.PROGRAM, os.path.abspath(sys.argv[2])
LIMIT = 120 * front.SLOW  # seconds, for anything that must happen at all

need_fuse()


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)


for tool in ("ip", "nsenter", "memcached"):
    if not shutil.which(tool):
        skip(f"{tool} is missing")
if os.geteuid() != 0:
    skip("namespaces need root")
NAMES = [f"prepfs-{os.getpid()}-{i}" for i in range(HOSTS)]
SWITCH = f"prepfs-{os.getpid()}-s"


def make_network():
    """A namespace with a bridge, and one for each host with an end of a cable."""
    ip("netns", "add", SWITCH)
    ip("-n", SWITCH, "link", "add", "br0", "type", "bridge")
    ip("-n", SWITCH, "link", "set", "br0", "up")
    for i, name in enumerate(NAMES):
        ip("netns", "add", name)
        ip("-n", SWITCH, "link", "add", f"port{i}", "type", "veth", "peer", "eth0",
           "netns", name)
        ip("-n", SWITCH, "link", "set", f"port{i}", "master", "br0", "up")
        ip("-n", name, "addr", "add", f"10.213.77.{i + 1}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")


def remove_network():
    for name in [*NAMES, SWITCH]:
        ip("netns", "del", name, check=False)


def on(host, *words):
    return ["nsenter", f"--net=/run/netns/{NAMES[host]}", *words]


try:
    make_network()
except subprocess.CalledProcessError as e:
    remove_network()
    skip(f"no network namespaces here: {e.stderr.strip()}")

tap = Tap()
chance = random.Random(SEED)
print(f"# seed {SEED}, {IMAGES} images, {HOSTS} hosts with {READERS} readers")

# Talks nonsense to whoever connects.
GARBAGE = """
import os, socket, sys, threading
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], 11211))
s.listen(64)
def babble(c):
    try:
        while c.recv(65536):
            c.sendall(b"VALUE " + os.urandom(200) + b"\\r\\n")
    except OSError:
        pass
while True:
    threading.Thread(target=babble, args=(s.accept()[0],), daemon=True).start()
"""


class Server:
    def __init__(self, host):
        self.host, self.address = host, f"10.213.77.{host + 1}"
        self.process = None

    def start(self, garbage=False):
        words = [sys.executable, "-c", GARBAGE, self.address] if garbage else \
            ["memcached", "-u", "root", "-l", self.address, "-m", "256", "-t", "2"]
        self.process = subprocess.Popen(on(self.host, *words), stderr=subprocess.DEVNULL)
        until = time.monotonic() + LIMIT
        while subprocess.run(on(self.host, sys.executable, "-c", "import socket, sys\n"
                                f"socket.create_connection(('{self.address}', 11211), 1)"),
                             stderr=subprocess.DEVNULL, check=False).returncode:
            if time.monotonic() > until:
                raise RuntimeError(f"{self.address} does not start")
            time.sleep(0.05)

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


class Host(Place):
    """A place whose prepfs runs in a namespace, on the one archive."""

    def __init__(self, number):
        super().__init__()
        self.number = number
        shutil.rmtree(self.archive)
        self.archive = origin.archive
        self.program = os.path.join(self.work, "prepfs")
        with open(self.program, "w") as out:
            out.write("#!/bin/sh\nexec " + " ".join(on(number, PROGRAM)) + ' "$@"\n')
        os.chmod(self.program, 0o700)

    def mount(self, *options):
        front.PROGRAM = self.program
        names = "+".join(f"10.213.77.{i + 1}" for i in range(HOSTS))
        self.options = ["state=" + self.state, "manifest=" + published, "shared=" + names,
                        "shared_time=" + str(int(100 * front.SLOW))]
        return Mount(place=self, options=options)


def read_some(m, names, found, times, errors):
    """What each file is; how long the slowest took; what went wrong."""
    for name in names:
        path = m.path(VIEW, name)
        start = time.monotonic()
        try:
            with open(path, "rb") as f:
                os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                data = f.read()
            found[name] = (os.stat(path).st_ino, hashlib.sha256(data).hexdigest())
        except OSError as e:
            errors.append((name, e))
        times.append(time.monotonic() - start)


def epoch(mounts, names, at_half=None):
    """All hosts read all files, each in an order of its own. `at_half` is called
    when about half of them are read."""
    found = [{} for _ in mounts]
    times, errors, threads = [], [], []
    before = [m.stats()["frames_decoded"] for m in mounts]
    start = time.monotonic()
    for m, f in zip(mounts, found):
        order = names[:]
        chance.shuffle(order)
        threads += [threading.Thread(target=read_some,
                                     args=(m, order[i::READERS], f, times, errors))
                    for i in range(READERS)]
    for t in threads:
        t.start()
    if at_half:
        while len(times) < len(names) * len(mounts) // 2:
            time.sleep(0.001)
        at_half()
    for t in threads:
        t.join()
    seconds = time.monotonic() - start
    decoded = [m.stats()["frames_decoded"] - b for m, b in zip(mounts, before)]
    print(f"# {len(times) / seconds:.0f} files/s, slowest {max(times) * 1000:.0f} ms, "
          f"rendered {'+'.join(map(str, decoded))} of {len(names)}")
    return found, sum(decoded), max(times), errors


def until(what, condition):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            tap.ok(False, what, "never")
            return
        time.sleep(0.05)


def settled(mounts):
    """All that was computed is on the servers."""
    until("blocks are sent", lambda: all(m.stats()["shared_waiting"] == 0 for m in mounts))
    time.sleep(0.3)


origin = Place()
published = os.path.join(origin.work, "published.db")
servers = [Server(i) for i in range(HOSTS)]
hosts, mounts = [], []
bytes_of = random.Random(1)
try:
    for n in range(1, IMAGES + 1):
        write(origin.archive, f"{n % 10}/{n}",
              image(f"1.{n % 10}", f"1.{n % 10}.1", n, Rows=256, Columns=256,
                    WindowCenter=2048, WindowWidth=4096),
              frames=[bytes_of.randbytes(2 * 65536)])
    for words in (["index", origin.archive, "--quiet"], ["snapshot", origin.archive, published]):
        subprocess.run([CTL, *words, "--state", origin.state], check=True,
                       stdout=subprocess.DEVNULL)
    for s in servers:
        s.start()
    hosts = [Host(i) for i in range(HOSTS)]
    for h in hosts:
        # a memory that holds next to nothing: what is read again comes from servers
        mounts.append(h.mount("cache=4M"))
        mounts[-1].start()
    names = [os.path.relpath(os.path.join(folder, name), mounts[0].path(VIEW))
             for folder, _, files in os.walk(mounts[0].path(VIEW) + "/") for name in files]
    tap.equal(len(names), IMAGES, "every image is listed")

    # ---- once in the cluster ----

    found, decoded, _, errors = epoch(mounts, names)
    tap.equal(errors, [], "an epoch of all hosts at once has no errors")
    tap.ok(found[0] == found[1] == found[2] and len(found[0]) == IMAGES,
           "inodes and bytes are the same on all hosts")
    print(f"# rendered twice: {100 * (decoded - IMAGES) / IMAGES:.1f} %")
    most = 1.02 if IMAGES >= 2000 else 1.25
    tap.ok(IMAGES <= decoded <= IMAGES * most,
           f"every image is rendered once in the cluster, + {100 * most - 100:.0f} %", decoded)
    settled(mounts)
    right = found[0]
    found, decoded, _, errors = epoch(mounts, names)
    # A server that is late once, on a busy machine, has not got its block.
    tap.ok(decoded <= IMAGES // 50 and not errors and all(f == right for f in found),
           "the second epoch renders nothing, or next to it", decoded, errors[:3])

    # ---- servers that fail ----

    def check(what, result, most):
        found, decoded, slowest, errors = result
        tap.equal(errors[:3], [], f"{what}: no error")
        tap.ok(all(f == right for f in found), f"{what}: the same bytes")
        tap.ok(decoded <= most, f"{what}: only its blocks are rendered", decoded, most)
        tap.ok(slowest < 10 * front.SLOW, f"{what}: no read takes long", slowest)

    check("a server dies", epoch(mounts, names, lambda: servers[1].signal(signal.SIGKILL)),
          HOSTS * IMAGES)
    # Its share is a third of a ring of three, more or less.
    check("a server is away", epoch(mounts, names), HOSTS * IMAGES * 2 // 3)
    servers[1].end()
    servers[1].start()
    until("the server is used again", lambda: all(m.stats()["shared_open"] == 0 for m in mounts))
    epoch(mounts, names)
    settled(mounts)
    found, decoded, _, errors = epoch(mounts, names)
    tap.ok(decoded <= IMAGES * 0.25 and not errors, "a server that is back fills again", decoded)

    check("a server stalls", epoch(mounts, names, lambda: servers[2].signal(signal.SIGSTOP)),
          HOSTS * IMAGES)
    check("a server goes on stalling", epoch(mounts, names), HOSTS * IMAGES * 2 // 3)
    time.sleep(SECONDS)
    servers[2].signal(signal.SIGCONT)
    until("the server is used again", lambda: all(m.stats()["shared_open"] == 0 for m in mounts))
    servers[0].end()
    servers[0].start(garbage=True)
    check("a server talks nonsense", epoch(mounts, names), HOSTS * IMAGES)
    time.sleep(SECONDS)
    for m in mounts:
        status = m.stop()
        tap.ok(status == 0 and "Sanitizer" not in m.stderr(), "a mount ends well", status,
               m.stderr()[-2000:])
finally:
    for m in mounts:
        m.stop()
    for s in servers:
        s.end()
    for place in (*hosts, origin):
        place.archive = None
        place.remove()
    remove_network()
tap.done()
