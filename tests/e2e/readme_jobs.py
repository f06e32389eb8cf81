#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README's tables and links: every folder is a canonical view, every example is
there and can be run, no example is missing, every link leads to a file, and the page
has not grown.

usage: readme_jobs.py PREPFSCTL ROOT     prints TAP
"""
import os
import re
import subprocess
import sys

TOOLS = {"cluster", "contact-sheet", "demo", "kubernetes.yaml", "library", "mkdemo", "quickstart",
         "sheet.png", "with-views"}


LINES = 125  # of a README: two screens


def rows(text, columns):
    """The rows of the tables with so many columns under "## Jobs" whose last cell is a
    name and no sentence."""
    part = text.split("\n## Jobs\n")[1].split("\n## ")[0]
    for line in part.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) == columns and cells[-1].startswith("`"):
            yield cells


def jobs(text):
    """(folder, example)"""
    for _, folder, example in rows(text, 3):
        yield folder.strip("`"), example.strip("`")


def wishes(text):
    """Folders of the table of what one may want; several have a semicolon between."""
    for _, folders in rows(text, 2):
        yield from re.findall(r"`([^`]+)`", folders)


def links(text):
    """Files of the project that the page leads to."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            yield target


def canonical(program, view):
    done = subprocess.run([program, "explain", view], capture_output=True, text=True, check=False)
    found = re.search(r"^canonical +(.*)$", done.stdout, re.M)
    return found[1] if found else done.stdout + done.stderr


def main():
    program, root = sys.argv[1:3]
    with open(os.path.join(root, "README.md"), encoding="utf-8") as f:
        text = f.read()
    table = list(jobs(text))
    checks = [(f"{view} is canonical", canonical(program, view) == view)
              for view in wishes(text)]
    checks.append((f"there are wishes: {len(checks)}", len(checks) >= 12))
    checks += [(f"{target} is there", os.path.isfile(os.path.join(root, target)))
               for target in links(text)]
    checks.append((f"at most {LINES} lines", text.count("\n") <= LINES))
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
