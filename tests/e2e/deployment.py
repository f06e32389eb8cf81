#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is written for fstab(5), mount(8), systemd and Kubernetes is taken by prepfs:
options in prepfs(1), in the service and in examples/kubernetes.yaml are given to it, with
an archive that is not there, which is all that it may complain about. Presets of the
example are views, and its parts name each other.

usage: deployment.py PREPFS PREPFSCTL ROOT     prints TAP
"""
import os
import re
import subprocess
import sys
import tempfile

try:
    import yaml
except ImportError:
    yaml = None

FSTAB = re.compile(r"^(\S+)\s+(\S+)\s+fuse\.prepfs\s+(\S+)\s+\d+\s+\d+$", re.M)
COMMAND = re.compile(r"^mount -t fuse\S* \S+ \S+ -o (\S+)$", re.M)
SERVICE = re.compile(r"^#?\s*OPTIONS=(\S+)$", re.M)


class Checks:
    def __init__(self, prepfs, prepfsctl, work):
        self.prepfs, self.prepfsctl, self.work = prepfs, prepfsctl, work
        self.results = []

    def add(self, is_ok, what, detail=""):
        self.results.append((bool(is_ok), what, detail))

    def taken(self, what, words):
        """`words` is a command line of prepfs; nothing is wrong but the archive."""
        done = subprocess.run([self.prepfs, *words], capture_output=True, text=True, timeout=60,
                              check=False)
        self.add(done.returncode == 32 and "nowhere: No such file" in done.stderr,
                 f"prepfs takes {what}", f"status {done.returncode}: {done.stderr}")

    def options(self, place, text):
        nowhere = os.path.join(self.work, "nowhere")
        self.taken(f"{place}: {text}", [nowhere, self.work, "-o", text])

    def view(self, name, presets):
        done = subprocess.run([self.prepfsctl, "explain", name, "--presets", presets],
                              capture_output=True, text=True, check=False)
        self.add(done.returncode == 0, f"preset {name} is a view", done.stdout + done.stderr)

    def print(self):
        print(f"1..{len(self.results)}")
        for number, (is_ok, what, detail) in enumerate(self.results, 1):
            print("ok" if is_ok else "not ok", number, "-", what)
            if not is_ok:
                print("\n".join("# " + line for line in detail.splitlines()))
        return 0 if all(r[0] for r in self.results) else 1


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def check_text(checks, root):
    manual = read(root, "man/prepfs.1").replace("\\-", "-").replace("\\e\n", "")
    unit = read(root, "fs/dist/prepfs@.service.in")
    lines, commands = FSTAB.findall(manual), COMMAND.findall(manual)
    for archive, _, options in lines:
        checks.options(f"fstab, {archive}", options)
    for options in commands:
        checks.options("mount(8)", options)
    for place, text in ("prepfs(1)", manual), ("prepfs@.service", unit):
        found = SERVICE.findall(text)
        checks.add(found, f"{place} shows OPTIONS")
        for options in found:
            options = re.sub(r"presets=[^,]*", "presets=" + presets_file(checks), options)
            checks.options(place, options)
    checks.add(len(lines) >= 4 and commands, f"{len(lines)} lines of fstab, {len(commands)} of "
               "mount are in the manual")
    checks.options("what systemd writes in fstab", "rw,noauto,x-systemd.automount,nofail,_netdev,"
                   "x-systemd.idle-timeout=60,x-systemd.mount-timeout=infinity,comment=a,user")


def presets_file(checks):
    path = os.path.join(checks.work, "views.ini")
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as f:
            f.write("[views]\nLung = window-c-600-w1500\n")
    return path


def check_daemon_set(checks, daemon, presets):
    pod = daemon["spec"]["template"]["spec"]
    volumes = {v["name"] for v in pod["volumes"]}
    for container in pod["initContainers"] + pod["containers"]:
        used = {m["name"] for m in container["volumeMounts"]}
        checks.add(used <= volumes, f"volumes of {container['name']} are there",
                   str(used - volumes))
        if container["command"][0] == "prepfs":
            command = [w.replace("/etc/prepfs/views.ini", presets)
                       for w in container["command"][1:]]
            command[-2:] = [os.path.join(checks.work, "nowhere"), checks.work]
            checks.taken("the container's command", command)


def check_kubernetes(checks, root):
    documents = list(yaml.safe_load_all(read(root, "examples/kubernetes.yaml")))
    by_kind = {d["kind"]: d for d in documents}
    checks.add({"DaemonSet", "ConfigMap", "Pod"} <= set(by_kind), "kubernetes.yaml is read",
               str(set(by_kind)))
    presets = os.path.join(checks.work, "map.ini")
    text = by_kind["ConfigMap"]["data"]["views.ini"]
    with open(presets, "w", encoding="utf-8") as f:
        f.write(text)
    names = re.findall(r"^(\w+) *=", text, re.M)
    for name in names:
        checks.view(name, presets)
    reader = str(by_kind["Pod"]["spec"]["containers"])
    checks.add(any(f"/{name}'" in reader for name in names), "the reader reads a preset", reader)
    check_daemon_set(checks, by_kind["DaemonSet"], presets)


def main():
    programs, root = [os.path.abspath(p) for p in sys.argv[1:3]], sys.argv[3]
    with tempfile.TemporaryDirectory(prefix="prepfs-deployment.") as work:
        checks = Checks(*programs, work)
        check_text(checks, root)
        if yaml:
            check_kubernetes(checks, root)
        else:
            checks.add(True, "kubernetes.yaml # SKIP Python's yaml is missing")
        return checks.print()


if __name__ == "__main__":
    sys.exit(main())
