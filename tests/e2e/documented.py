#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every command line of README.md and of the manual pages is run here, in the
order of its page, on a demo archive; those of the README's transcript must print
what the README says, numbers of seconds aside, and draw the picture that it shows.

usage: documented.py PREPFS PREPFSCTL ROOT     prints TAP

/data and /mnt of the pages are folders of this test's. A command that is run
elsewhere, or cannot be run by a test, is in ELSEWHERE with the place or the
reason; a new one that is in neither fails.
"""
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib

PAGES = ["README.md", "man/prepfs.1", "man/prepfsctl.1", "man/prepfs-view.7",
         "man/prepfs-manifest.5", "man/prepfs.conf.5"]

# A line that begins like this is a command line.
COMMAND = re.compile(
    r"^(sudo |[A-Z_]+=\S+ )*(prepfs|prepfsctl|fusermount3|sqlite3|duckdb|cp|ls|cat|mount|umount|"
    r"systemctl|journalctl|apt|apt-get|dpkg|meson|od|tiffinfo|slice|readlink|pkg-config|cc|"
    r"examples/[a-z-]+|tests/[a-z/-]+)(=|\s|$)")

ELSEWHERE = [
    (r"^examples/quickstart$", "run by hand on a fresh system: it installs packages"),
    (r"^tests/run$", "runs this test"),
    (r"^tests/bench/", "a benchmark"),
    (r"^meson (setup|compile|install)", "done by tests/run and tests/install.sh"),
    (r"^(examples/NAME|examples/with-views -- COMMAND)", "a form; e2e/examples runs the examples"),
    (r"^fusermount3 -u -z MOUNTPOINT$", "e2e/front_end"),
    (r"^mount -t fuse", "tests/package/check"),
    (r"^systemctl ", "the service: e2e/service and tests/package/check"),
    (r"^prepfsctl rescan MOUNTPOINT$", "e2e/ctl_mount"),
    (r"^tests/package/(deb|check)", "tests/package/check, in a root that is thrown away"),
    (r"^prepfsctl stats --watch ", "does not end: e2e/service"),
    (r"^prepfsctl purge DIR$", "e2e/disk"),
    (r"^prepfsctl snapshot ARCHIVE FILE", "e2e/published"),
    (r" /net/archive", "between machines: e2e/published"),
    (r"^readlink ", "within a mount with presets: e2e/front_names"),
]

# What prepfs says of the machine that it runs on.
OF_THIS_MACHINE = ["of memory for computed images", "parsers and decoders"]

# Words of forms, and what is put for them. %s is the scratch folder.
WORDS = {"VIEW": "size-64x64", "SOURCE...": "%s/data/archive", "SOURCE": "%s/data/archive",
         "OUT.png": "%s/out.png", "MOUNTPOINT": "%s/views", "MOUNT": "%s/views",
         "ARCHIVE": "%s/data/archive", "FILE": "%s/presets.ini"}


class Command:
    """One command line, what it should print (or None), and where it stands."""

    def __init__(self, page, text, expected=None):
        self.page, self.text, self.expected = page, text, expected

    def elsewhere(self):
        for pattern, why in ELSEWHERE:
            if re.search(pattern, self.text):
                return why
        if self.text.startswith("duckdb") and not shutil.which("duckdb"):
            return "duckdb is not installed"
        return None


def of_transcript(page, block):
    """"$ command" and the lines it prints."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Command(page, line[2:], ""))
        elif found:
            found[-1].expected += line + "\n"
    return found


def of_lines(page, text):
    """Commands among the lines of a literal block; a comment may follow each."""
    text = re.sub(r"\\\n\s*", "", text)
    joined, quoted = [], ""
    for line in text.splitlines():
        quoted = quoted + "\n" + line if quoted else line
        if quoted.count('"') % 2 == 0 and quoted.count("'") % 2 == 0:
            joined.append(quoted)
            quoted = ""
    for line in joined:
        line = re.sub(r"\s{2,}#.*", "", line).strip()
        line = line[2:] if line.startswith("$ ") else line
        if COMMAND.match(line):
            yield Command(page, line)


def of_readme(page, text):
    """Blocks of code, then `spans` of the text between them."""
    parts = re.split(r"^```(\w*)\n(.*?)^```\n", text, flags=re.M | re.S)
    for prose, kind, block in zip(parts[0::3], parts[1::3] + [""], parts[2::3] + [""]):
        indented = "\n".join(line[4:] for line in prose.splitlines() if line.startswith("    "))
        yield from of_lines(page, indented)
        flowing = re.sub(r"^(    |\|).*", "", prose, flags=re.M)
        for span in re.findall(r"`([^`]+)`", flowing):
            span = " ".join(span.split())
            if span.count(" ") > 1 or "-" in span.split(" ")[-1]:  # not just a name
                yield from of_lines(page, span)
        if kind == "console":
            yield from of_transcript(page, block)
        else:
            yield from of_lines(page, block)


def of_manual(page, text):
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.M | re.S):
        plain = block.replace("\\-", "-").replace("\\e\n", "\\\n").replace("\\(aq", "'")
        yield from of_lines(page, plain)
    for line in re.findall(r"^\.Dl (.*)", text, re.M):
        yield from of_lines(page, line.replace("\\-", "-"))
    for line in re.findall(r"^\.(?:Pq )?(?:Ql|Li) (.*)", text, re.M):
        line = re.sub(r" [.,;]$", "", line.replace("\\-", "-"))
        if re.search(r" (?:[A-Z]+\b|\S*[/@])", line):  # more than its name
            yield from of_lines(page, line)


def commands_of(root, page):
    with open(os.path.join(root, page), encoding="utf-8") as f:
        text = f.read()
    return list((of_readme if page.endswith(".md") else of_manual)(page, text))


class Sandbox:
    """A demo archive, folders for /data and /mnt, and a home of its own."""

    def __init__(self, folder, programs, root):
        self.folder, self.outs = folder, 0
        for name in ("data", "home", "views"):
            os.mkdir(os.path.join(folder, name))
        with open(os.path.join(folder, "presets.ini"), "w", encoding="utf-8") as f:
            f.write("[views]\nLung512 = window-c-600-w1500_size-512x512_u16\n")
        subprocess.run([os.path.join(root, "examples/mkdemo"), "--quiet",
                        os.path.join(folder, "data/archive")], check=True)
        path = os.pathsep.join([os.path.dirname(programs[0]), os.environ["PATH"]])
        self.program = programs[1]
        self.env = {**os.environ, "PATH": path, "HOME": os.path.join(folder, "home")}
        for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            self.env.pop(name, None)

    def tables(self):
        """annotations.csv and boxes.csv, as prepfsctl(1) describes them; the
        archive is indexed by the commands of the first page."""
        listed = subprocess.run(
            [self.program, "manifest", os.path.join(self.folder, "data/archive"), "full"],
            env=self.env, check=True, stdout=subprocess.PIPE, text=True).stdout
        first = next(csv.DictReader(listed.splitlines()))
        for name, columns, line in [
                ("annotations", "seriesuid,coordX,coordY,coordZ,diameter_mm",
                 f"{first['series_instance_uid']},1,2,3,4"),
                ("boxes", "sop_instance_uid,x_min,x_max,y_min,y_max",
                 f"{first['sop_instance_uid']},10,60,20,40")]:
            with open(os.path.join(self.folder, name + ".csv"), "w", encoding="utf-8") as f:
                f.write(f"{columns}\n{line}\n")

    def here(self, text):
        self.outs += 1
        text = re.sub(r"(?<![\w/$.-])OUT(?![\w=.])", f"{self.folder}/out{self.outs}", text)
        text = re.sub(r"(?<![\w/])/data/", self.folder + "/data/", text)
        text = text.replace("/mnt/views", self.folder + "/views")
        for word, what in WORDS.items():
            text = re.sub(rf"(?<![\w/$.-]){re.escape(word)}(?![\w=])",
                          (what % self.folder if "%" in what else what), text)
        return text

    def there(self, text):
        """Back to the names of the pages."""
        return text.replace(self.folder + "/views", "/mnt/views").replace(self.folder, "")

    def run(self, commands):
        """Runs the commands of a page in one shell; [(status, output)]."""
        script = "".join(f"{self.here(c.text)}\nprintf '\\n\\001%d\\n' $?\n" for c in commands)
        done = subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, timeout=600)
        subprocess.run(["fusermount3", "-u", "-z", os.path.join(self.folder, "views")],
                       stderr=subprocess.DEVNULL, check=False)
        parts = re.split(r"\n\001(\d+)\n", done.stdout)
        return list(zip((int(s) for s in parts[1::2]), map(self.there, parts[0::2])))


def pixels(path):
    """A PNG's header and samples, as libpng has filtered them, which does not depend
    on the zlib that packed them."""
    with open(path, "rb") as f:
        data = f.read()
    at, packed = 8, b""
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        if data[at + 4:at + 8] == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += 12 + size
    return data[16:29], zlib.decompress(packed)


def check_picture(sandbox, root):
    """The picture of the README is what its command has drawn."""
    drawn = os.path.join(sandbox.folder, "sheet.png")
    shown = os.path.join(root, "examples/sheet.png")
    is_same = os.path.exists(drawn) and pixels(drawn) == pixels(shown)
    is_small = os.path.getsize(shown) < 100000
    yield is_same, "README.md: the command draws examples/sheet.png", f"see {shown}"
    yield is_small, "README.md: the picture is small", f"{os.path.getsize(shown)} bytes"


def alike(expected, output):
    def plain(text):
        return [re.sub(r"\d+\.\d+ s\b", "N s", line).rstrip() for line in text.splitlines()
                if line.strip() and not any(note in line for note in OF_THIS_MACHINE)]
    return plain(expected) == plain(output)


def check_page(sandbox, page, commands):
    """(is_ok, what, detail) of each command."""
    run = [c for c in commands if not c.elsewhere()]
    results = iter(sandbox.run(run))
    for command in commands:
        why = command.elsewhere()
        what = f"{page}: {command.text}".replace("\n", " ").replace("#", "\\#")
        if why:
            yield True, what + f" # SKIP {why}", ""
            continue
        status, output = next(results, (None, "never reached"))
        same = command.expected is None or alike(command.expected, output)
        yield status == 0 and same, what, f"status {status}\n{output}"


def main():
    programs, root = [os.path.abspath(p) for p in sys.argv[1:3]], sys.argv[3]
    if not os.access("/dev/fuse", os.W_OK) or not shutil.which("fusermount3"):
        print("1..0 # SKIP /dev/fuse cannot be used here")
        return 0
    number, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="prepfs-documented.") as folder:
        sandbox = Sandbox(folder, programs, root)
        for page in PAGES:
            if page != PAGES[0]:
                sandbox.tables()
            checks = list(check_page(sandbox, page, commands_of(root, page)))
            if page == PAGES[0]:
                checks += check_picture(sandbox, root)
            for is_ok, what, detail in checks:
                number, failed = number + 1, failed + (not is_ok)
                print("ok" if is_ok else "not ok", number, "-", what)
                if not is_ok:
                    print("\n".join("# " + line for line in detail.splitlines()))
    print(f"1..{number}")
    return 1 if failed or number < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
