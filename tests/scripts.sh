#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every script of the project parses, and shellcheck has nothing to say.
#
# usage: tests/scripts.sh [ROOT]     prints TAP
set -u
cd "${1:-$(dirname "$0")/..}" || exit 1

# Scripts by their first line: "bash", "sh" or "python3".
scripts_of() {
    find .ci examples tests -type f -not -name '*.c' |
        while IFS= read -r f; do
            head -n 1 "$f" | grep -aqE "^#!.*[/ ]$1\$" && printf '%s\n' "$f"
        done | LC_ALL=C sort
}

complain() {
    while IFS= read -r line; do printf '# %s\n' "$line"; done
}

mapfile -t shell < <(scripts_of bash && scripts_of sh)
mapfile -t python < <(scripts_of python3)
failures=0

echo 1..3
if [ ${#shell[@]} -lt 3 ] || [ ${#python[@]} -lt 2 ]; then
    echo "not ok 1 - scripts are found (${#shell[@]} and ${#python[@]})"
    failures=1
else
    echo "ok 1 - ${#shell[@]} shell and ${#python[@]} python scripts are found"
fi

parse_python() {
    python3 - "${python[@]}" <<'END'
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as source:
        ast.parse(source.read(), path)
END
}
if text=$(parse_python 2>&1); then
    echo 'ok 2 - python scripts parse'
else
    echo 'not ok 2 - python scripts parse'
    complain <<<"$text"
    failures=1
fi

if ! command -v shellcheck >/dev/null; then
    echo 'ok 3 - shellcheck # SKIP not installed'
elif text=$(shellcheck -x -S warning "${shell[@]}" 2>&1); then
    echo 'ok 3 - shellcheck has nothing to say'
else
    echo 'not ok 3 - shellcheck has nothing to say'
    complain <<<"$text"
    failures=1
fi
exit $failures
