#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts what meson ran: one line per skip and per failure, then the totals.

usage: count.py [--failed TEXT]... LABEL=BUILD_FOLDER...

A TAP program counts as its subtests, any other test as one. A test that ends
badly without a failed subtest (a crash, a timeout) is one failure. --failed
adds a failure that meson does not know of, such as a build that broke.
"""
import json
import os
import re
import sys

TAP = re.compile(r"^\s*(not )?ok\b\s*(\d*)\s*-?\s*(.*?)\s*$")
SKIP = re.compile(r"#\s*skip\S*\s*(.*)$", re.IGNORECASE)
PLAN_SKIP = re.compile(r"^1\.\.0\s*#\s*skip\S*\s*(.*)$", re.IGNORECASE)


class Totals:
    def __init__(self):
        self.passed, self.failures, self.skips = 0, [], []

    def fail(self, name, why):
        self.failures.append("%s: %s" % (name, why))

    def skip(self, name, why):
        self.skips.append("%s: %s" % (name, why or "no reason given"))


def last_line(test):
    text = (test.get("stdout") or "") + (test.get("stderr") or "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def is_tap(test):
    return bool(re.search(r"^1\.\.\d", test.get("stdout") or "", re.M))


def count_tap(label, test, totals):
    """Adds the subtests; returns how many there were and how many failed."""
    seen = failed = 0
    for line in test["stdout"].splitlines():
        plan = PLAN_SKIP.match(line)
        if plan:
            totals.skip(label, plan.group(1))
            seen += 1
        match = TAP.match(line)
        if not match:
            continue
        seen += 1
        name = "%s %s" % (label, match.group(3) or match.group(2))
        skip = SKIP.search(match.group(3))
        if skip and not match.group(1):
            totals.skip("%s %s" % (label, match.group(2)),
                        re.sub(r"\s*#\s*", ": ", match.group(3), count=1))
        elif match.group(1) and "# TODO" not in match.group(3):
            failed += 1
            totals.fail(name, "not ok")
        else:
            totals.passed += 1
    return seen, failed


def count(label, test, totals):
    result = test["result"]
    seen = failed = 0
    if is_tap(test):
        seen, failed = count_tap(label, test, totals)
    if result in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"):
        if failed == 0:
            totals.fail(label, "%s, exit status %s: %s" % (
                result, test.get("returncode"), last_line(test)))
    elif seen == 0 and result == "SKIP":
        totals.skip(label, last_line(test))
    elif seen == 0:
        totals.passed += 1


def read_log(folder):
    path = os.path.join(folder, "meson-logs", "testlog.json")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8", errors="replace") as log:
        return [json.loads(line) for line in log if line.strip()]


def main(arguments):
    totals = Totals()
    while len(arguments) > 1 and arguments[0] == "--failed":
        totals.fail(arguments[1], "failed")
        arguments = arguments[2:]
    for argument in arguments:
        run, folder = argument.split("=", 1)
        for test in read_log(folder):
            # "prepfs:suite / name" where a suite is given
            name = test["name"].split(" / ")[-1]
            count("%s %s" % (run, name), test, totals)
    for title, lines in (("skipped", totals.skips),
                         ("FAILED", totals.failures)):
        for line in lines:
            print("%s  %s" % (title, line))
    print("%d passed, %d failed, %d skipped" % (
        totals.passed, len(totals.failures), len(totals.skips)))
    ran = totals.passed + len(totals.failures)
    return 1 if totals.failures or ran == 0 else 0


sys.exit(main(sys.argv[1:]))
