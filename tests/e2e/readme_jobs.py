#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README's table of jobs: every folder is a canonical view, every example is
there and can be run, and no example is missing.

usage: readme_jobs.py PREPFSCTL ROOT     prints TAP
"""
import os
import re
import subprocess
import sys

TOOLS = {"contact-sheet", "demo", "kubernetes.yaml", "library", "mkdemo", "quickstart",
         "with-views"}


def rows(text):
    """(folder, example) of the table under "## Jobs"."""
    part = text.split("\n## Jobs\n")[1].split("\n## ")[0]
    for line in part.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) == 3 and cells[2].startswith("`"):
            yield cells[1].strip("`"), cells[2].strip("`")


def canonical(program, view):
    done = subprocess.run([program, "explain", view], capture_output=True, text=True, check=False)
    found = re.search(r"^canonical +(.*)$", done.stdout, re.M)
    return found[1] if found else done.stdout + done.stderr


def main():
    program, root = sys.argv[1:3]
    with open(os.path.join(root, "README.md"), encoding="utf-8") as f:
        table = list(rows(f.read()))
    checks = []
    for view, example in table:
        path = os.path.join(root, "examples", example)
        checks.append((f"{example} can be run", os.access(path, os.X_OK)))
        if view != "any":
            checks.append((f"{view} is canonical", canonical(program, view) == view))
    listed = {example for _, example in table}
    there = set(os.listdir(os.path.join(root, "examples"))) - TOOLS
    checks.append((f"every example is listed: {sorted(listed ^ there)}", listed == there))
    checks.append(("there are jobs", len(table) >= 8))
    print(f"1..{len(checks)}")
    for i, (what, is_ok) in enumerate(checks, 1):
        print("ok" if is_ok else "not ok", i, "-", what)
    return 0 if all(c[1] for c in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
