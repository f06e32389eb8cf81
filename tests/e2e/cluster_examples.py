#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The examples for clusters (examples/cluster), run as their heads say.

    cluster_examples.py PREPFS PREPFSCTL

Slurm is a script `srun` and the variables that it sets for a task of an array.
"""
import importlib.util
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time

from front import PROGRAM, SLOW, Mount, Place, Tap, need_fuse

CTL = os.path.abspath(sys.argv[2])
HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "../../examples/cluster")
VIEW = "crop_size-48x48"

need_fuse()
tap = Tap()
place = Place()
published = os.path.join(place.work, "published.db")
bin_dir = os.path.join(place.work, "bin")


def run(args, status=0, **more):
    env = dict(os.environ, PREPFS=PROGRAM, PREPFSCTL=CTL, TMPDIR=place.work, USER="tester",
               PATH=bin_dir + ":" + os.environ["PATH"], **more)
    done = subprocess.run(args, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=300, check=False)
    if status is not None and done.returncode != status:
        raise RuntimeError(f"{args}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def example(name, *args, **how):
    return run([os.path.join(EXAMPLES, name), *args], **how)


def program(name, text):
    path = os.path.join(bin_dir, name)
    with open(path, "w") as out:
        out.write("#!/bin/sh\n" + text)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)


os.mkdir(bin_dir)
run([sys.executable, os.path.join(HERE, "../../examples/mkdemo"), "--quiet", "--scale", "0.15",
     "--slices", "4", "--frames", "2", place.archive])
run([CTL, "index", place.archive, "--state", place.state, "--quiet"])
run([CTL, "check", place.archive, VIEW, "--state", place.state, "--quiet"])
run([CTL, "snapshot", place.archive, published, "--state", place.state])

# ---- Slurm ----

server, servers = None, ""
if shutil.which("memcached"):
    servers = os.path.join(place.work, "memcached.sock")
    server = subprocess.Popen(["memcached", *(["-u", "root"] if os.geteuid() == 0 else []),
                               "-s", servers, "-m", "64"], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60 * SLOW
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(servers)
                break
            except OSError:
                time.sleep(0.05)
program("srun", 'exec "$@"\n')
said = []
for task in (4, 5, 6):
    said.append(example("warm.sbatch", ARCHIVE=place.archive, MANIFEST=published, VIEW=VIEW,
                        SERVERS=servers, SLURM_ARRAY_TASK_ID=str(task),
                        SLURM_ARRAY_TASK_MIN="4", SLURM_ARRAY_TASK_COUNT="3",
                        SLURM_CPUS_PER_TASK="2").stdout)
files = [int(re.search(r"^(\d+) files", text)[1]) for text in said]
listed = len(run([CTL, "manifest", place.archive, VIEW, "--state", place.state])
             .stdout.splitlines()) - 1
tap.ok(sum(files) == listed and min(files) > 0, "tasks of an array warm a view between them",
       files, listed)
tap.equal([n for n in os.listdir(place.work) if n.startswith("prepfs-tester")], [],
          "and leave nothing behind")
done = example("warm.sbatch", status=None, ARCHIVE=place.archive, MANIFEST=published)
tap.ok(done.returncode != 0 and "ARRAY" in done.stderr, "without an array it says so", done.stderr)
node = Place()
node.archive = place.archive
node.options = ["state=" + node.state, "manifest=" + published]
with Mount(place=node, options=["shared=" + servers] if server else []) as m:
    first = example("epoch", m.mnt, VIEW, "--batch", "3").stdout
    tap.ok(first.startswith(f"{listed} files"), "an epoch reads every image", first)
    if server:
        tap.equal(m.stats()["frames_decoded"], 0, "and decodes nothing that the array has computed")
    else:
        tap.skip("and decodes nothing that the array has computed", "memcached is missing")

    # ---- epochs ----

    again = example("epoch", m.mnt, VIEW, "--batch", "5", "--workers", "3", "--manifest",
                    published).stdout
    tap.equal(again.split()[-1], first.split()[-1], "however it is divided it reads the same")
    part = example("epoch", m.mnt, VIEW, "--where", "modality='CT'").stdout
    tap.ok(0 < int(part.split()[0]) < listed, "an epoch may be over a cohort", part)
    for engine in ("dask", "ray"):
        module = {"dask": "dask.distributed", "ray": "ray"}[engine]
        try:
            there = importlib.util.find_spec(module) is not None
        except ImportError:
            there = False
        done = example("epoch", m.mnt, VIEW, "--with", engine, status=None)
        if there:
            tap.equal(done.stdout.split()[-1:], first.split()[-1:], f"{engine} reads the same")
        else:
            tap.ok(done.returncode == 77 and "skipped" in done.stderr,
                   f"without {engine} the example says so", done.returncode, done.stderr)

    # ---- GNU parallel ----

    example("warm-parallel", VIEW, m.mnt, "3")
    tap.ok(True, "parts are warmed in parallel")
    program("prepfsctl-told", f'echo "$@" >>{place.work}/told\nexec {CTL} "$@"\n')
    env_ctl = os.path.join(bin_dir, "prepfsctl-told")
    subprocess.run([os.path.join(EXAMPLES, "warm-parallel"), VIEW, m.mnt, "4"], check=True,
                   env=dict(os.environ, PREPFSCTL=env_ctl), stdout=subprocess.DEVNULL)
    with open(os.path.join(place.work, "told")) as f:
        told = sorted(line.split()[-1] for line in f)
    tap.equal(told, ["1/4", "2/4", "3/4", "4/4"], "each part once")
    done = example("warm-parallel", "no-such-view", m.mnt, "2", status=None)
    tap.ok(done.returncode != 0, "a part that fails is a failure")
if server:
    server.kill()
    server.wait()

# ---- Kubernetes ----

known = set(re.findall(r"^ +-o ([a-z_]+)", run([PROGRAM, "--help"]).stdout, re.M))
if importlib.util.find_spec("yaml"):
    import yaml
    with open(os.path.join(EXAMPLES, "kubernetes.yaml")) as f:
        things = {t["kind"]: t for t in yaml.safe_load_all(f)}
    tap.equal(sorted(things), ["DaemonSet", "Job", "NetworkPolicy", "Service", "StatefulSet"],
              "kubernetes.yaml has what it says")
    pod = things["DaemonSet"]["spec"]["template"]["spec"]
    options = pod["containers"][0]["command"][3].split(",")
    tap.ok(known and {o.split("=")[0] for o in options} <= known,
           "its options are those of prepfs", options, known)
    values = dict(o.split("=", 1) for o in options if "=" in o)
    replicas = things["StatefulSet"]["spec"]["replicas"]
    name = things["StatefulSet"]["metadata"]["name"]
    tap.equal(values["shared"].split("+"),
              [f"{name}-{i}.{things['Service']['metadata']['name']}" for i in range(replicas)],
              "shared names the pods of the StatefulSet")
    mounted = {v["name"]: v["mountPath"] for v in pod["containers"][0]["volumeMounts"]}
    tap.ok(set(mounted) == {v["name"] for v in pod["volumes"]}
           and values["manifest"].startswith(mounted["published"] + "/")
           and values["state"].startswith(mounted["state"] + "/")
           and values["disk"].startswith(mounted["state"] + "/"),
           "manifest, state and disk are on volumes", mounted, values)
    job = things["Job"]["spec"]
    command = job["template"]["spec"]["containers"][0]["command"][2]
    tap.ok(f"/{job['completions']}" in command, "the Job has as many parts as pods", command)
    program("prepfsctl", 'echo "$@"\n')
    done = run(["sh", "-c", command], VIEW=VIEW, JOB_COMPLETION_INDEX="15")
    tap.equal(done.stdout.split(), ["warm", VIEW, "/views/ct", "--shard", "16/16"],
              "and counts them from 1")
else:
    tap.skip("kubernetes.yaml", "python3-yaml is missing")

node.remove()
place.remove()
tap.done()
