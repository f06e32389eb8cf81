#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cachesim against the reference runs, and against awkward input.

Usage: cachesim.py CACHESIM SOURCE_ROOT

The reference traces are in $PREPFS_SHARED/arc (default: ../shared/arc beside
the source); without them only the input tests run. Output is TAP.
"""
import csv
import gzip
import os
import subprocess
import sys

FIELDS = "requests hits hit_fnv1a b1_hits b2_hits t1 t2 b1 b2 p".split()
failures = 0
number = 0


def report(ok, name, detail=""):
    global failures, number
    number += 1
    failures += not ok
    print("%sok %d - %s%s" % ("" if ok else "not ", number, name,
                              "" if ok else ": " + detail), flush=True)


def run(exe, text, *args):
    return subprocess.run([exe, *args], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


def fields(result):
    return dict(f.split("=") for f in result.stdout.decode().split())


def differences(got, want, keys):
    return [k for k in keys
            if (abs(float(got[k]) - float(want[k])) > 1e-9 if k == "p"
                else got[k] != want[k])]


def check_table(exe, arc, table, policy, args, keys):
    with open(os.path.join(arc, table)) as f:
        rows = [r for r in csv.DictReader(f) if r["policy"] == policy]
    for r in rows:
        with gzip.open(os.path.join(arc, r["trace"] + ".txt.gz")) as f:
            result = run(exe, f.read(), "--capacity", r["cache_size"], *args)
        bad = ["exit %d" % result.returncode] if result.returncode else \
            differences(fields(result), r, keys)
        report(not bad, "%s %s %s" % (policy, r["trace"], r["cache_size"]),
               " ".join(bad))
    report(len(rows) > 0, "%s has rows" % table)


# trace, arguments, expected exit status, expected fields
INPUTS = [
    ("empty", b"", [], 0, {"requests": "0", "hits": "0", "p": "0",
                           "hit_fnv1a": "cbf29ce484222325"}),
    ("no newline at the end", b"1\n1", [], 0, {"requests": "2", "hits": "1"}),
    ("CRLF", b"1\r\n2\r\n1\r\n", [], 0, {"requests": "3", "hits": "1"}),
    ("numbers by value", b"7\n007\n+7\n 7\n7 \n", [], 0, {"hits": "4"}),
    ("signs", b"-7\n-007\n7\n-0\n0\n", [], 0, {"hits": "2"}),
    ("beyond 64 bits", b"99999999999999999999999\n099999999999999999999999\n",
     [], 0, {"hits": "1"}),
    ("text keys", b"a/b c\na/b c\nA/b c\n0x10\n16\n", [], 0, {"hits": "1"}),
    ("high bytes", b"\xff\xfe\n\xff\xfe\n", [], 0, {"hits": "1"}),
    ("sizes ignored", b"1,5\n1,9\n2,999999\n", ["--capacity", "2"], 0,
     {"hits": "1", "t1": "1", "t2": "1", "hit_bytes": "1"}),
    ("sizes used", b"1,5\n1,9\n2,3\n", ["--capacity", "8", "--bytes"], 0,
     {"hits": "1", "t1": "3", "t2": "5", "hit_bytes": "9"}),
    ("missing sizes are 1", b"1\n1\n2,\n", ["--capacity", "8", "--bytes"], 0,
     {"hits": "1", "t1": "1", "t2": "1"}),
    ("larger than the cache", b"1,9\n1,9\n2,8\n2,8\n",
     ["--capacity", "8", "--bytes"], 0, {"hits": "1", "t2": "8"}),
    ("size zero", b"1,0\n1,0\n2,4\n3,4\n1,0\n",
     ["--capacity", "4", "--bytes"], 0, {"requests": "5"}),
    ("ghosts of size zero",
     b"1,0\n2,4\n3,4\n1,0\n2,4\n1,0\n3,4\n1,0\n",
     ["--capacity", "4", "--bytes"], 0, {"requests": "8"}),
    ("capacity zero", b"1\n1\n", ["--capacity", "0"], 0, {"hits": "0"}),
    ("capacity one", b"1\n1\n2\n1\n", ["--capacity", "1"], 0,
     {"requests": "4", "hits": "1"}),
    ("empty key", b"1\n,5\n", [], 2, "line 2"),
    ("blank line", b"1\n\n2\n", [], 2, "line 2"),
    ("bad size", b"1,2\n1,x\n", [], 2, "line 2"),
    ("negative size", b"1,-2\n", ["--bytes"], 2, "line 1"),
    ("too many fields", b"1,2,3\n", [], 2, "line 1"),
    ("huge size", b"1,99999999999999999999\n", ["--bytes"], 2, "line 1"),
    ("NUL", b"1\n\0\n", [], 2, "line 2"),
    ("bad capacity", b"", ["--capacity", "x"], 2, "capacity"),
    ("bad guard", b"", ["--guard", "maybe"], 2, "guard"),
    ("stray argument", b"", ["x"], 2, "x"),
]


def check_inputs(exe):
    for name, text, args, status, want in INPUTS:
        for guard in ([], ["--guard", "on"]):
            r = run(exe, text, *args, *guard)
            if status:
                ok = r.returncode == status and not r.stdout and \
                    want in r.stderr.decode()
                report(ok, name, "exit %d, %r" % (r.returncode, r.stderr))
                continue
            got = fields(r) if r.returncode == 0 else {}
            bad = [k for k in want if got.get(k) != want[k]]
            report(not bad and got, name, r.stdout.decode() +
                   r.stderr.decode())


def warm_ratio(keys, hits, epoch):
    return hits / (len(keys) - epoch)


def check_guard(exe, arc):
    """Warm passes near capacity / data set; elsewhere ARC or better."""
    with open(os.path.join(arc, "arc_reference.csv")) as f:
        rows = [r for r in csv.DictReader(f) if r["policy"] == "ARC_ref_real"]
    for r in rows:
        with gzip.open(os.path.join(arc, r["trace"] + ".txt.gz")) as f:
            text = f.read()
        got = fields(run(exe, text, "--capacity", r["cache_size"],
                         "--guard", "on"))
        n = int(r["requests"])
        gain = 100 * (int(got["hits"]) - int(r["hits"])) / n
        name = "guard %s %s: %+.2f points" % (r["trace"], r["cache_size"],
                                              gain)
        if r["trace"] != "epochs20":
            report(gain >= -4, name)
            continue
        f = int(r["cache_size"]) / 5000
        warm = int(got["hits"]) / (n - 5000)
        report(warm >= 0.9 * f if f >= 0.25 else gain >= -1,
               "%s, warm %.3f of %.2f" % (name, warm, f))


def main():
    exe, source = sys.argv[1:3]
    shared = os.environ.get("PREPFS_SHARED",
                            os.path.join(source, "..", "shared"))
    arc = os.path.join(shared, "arc")
    check_inputs(exe)
    if os.path.isdir(arc):
        check_table(exe, arc, "arc_reference.csv", "ARC_ref_real", [], FIELDS)
        check_table(exe, arc, "arc_reference_bytes.csv", "ARC_ref_bytes",
                    ["--bytes"], FIELDS + ["hit_bytes"])
        check_guard(exe, arc)
    else:
        print("ok %d - reference traces # SKIP no %s" % (number + 1, arc))
    print("1..%d" % (number + (not os.path.isdir(arc))))
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
