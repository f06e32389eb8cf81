#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Who may include whom, checked on the #include lines; where each third-party
# header belongs; an SPDX line in every file; the folders at the top.
#
# usage: tests/layers.sh [ROOT]     prints TAP
#
# Convention alone leaks. A folder that needs another one adds it to the table
# below, in the commit that says why.
set -u

root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root" || exit 1

# folder : what it may include. A folder is given as "folder/", a header alone
# by its name; its own folder and include/prepfs ("prepfs/") are always allowed.
# The leaves (beneath, view, dicom, decode, image, tiff, npy, nii, png, json,
# manifest) do not meet.
layers='
include/prepfs :
cache          :
fs/beneath     :
fs/view        :
fs/image       :
fs/tiff        :
fs/npy         :
fs/nii         :
fs/png         :
fs/json        :
fs/dcmtk       :
fs/decode      : dcmtk/
fs/dicom       : dcmtk/ decode/decode.h
fs/worker      : decode/decode.h dicom/dicom_parsed.h
fs/shared      :
fs/manifest    : decode/decode.h
fs/index       : beneath/ manifest/ decode/decode.h dicom/ worker/worker.h
fs/engine      : view/ manifest/ decode/decode.h dicom/ render/ worker/worker.h tree.h views.h inode.h budget.h
fs/lib         : engine/ view/ manifest/ dicom/ index/ npy/ render/ inode.h budget.h
fs/ctl         : engine/ view/ tiff/ png/ manifest/ decode/decode.h dicom/ index/ render/ worker/worker.h tree.h views.h inode.h budget.h near_word.h options.h rescan_socket.h
fs/render      : beneath/ view/ image/ tiff/ npy/ nii/ png/ json/ manifest/ decode/ dicom/ worker/worker.h
fs             : view/ image/ tiff/ manifest/ decode/ dicom/ render/ index/ shared/shared.h worker/worker.h
'

# header pattern : the folders (or the one file) that may include it
homes='
dcmtk/*          : fs/dcmtk
openjpeg*        : fs/decode
opj_*            : fs/decode
tiffio*          : fs/tiff/pack.c
tiff.h           : fs/tiff/pack.c
sqlite3*         : fs/manifest
lz4*             : cache/block.c
fuse*            : fs
png.h            : fs/png/png_leaf.c
setjmp.h         : fs/png/png_leaf.c
zlib.h           : fs/dicom fs/png/png_leaf.c fs/render
libdeflate.h     : fs/render
sha2.h           : fs/dicom fs/manifest fs/view fs/render
xxhash.h         : fs/view fs/image/patches.c fs/manifest fs/render fs/shared/value.c cache
libmemcached*    : fs/shared/ring.c
'

# What stands at the top of the tree.
tops=' LICENSE README.md meson.build meson.options meson_options.txt cache
examples fs include man tests .ci .clang-format .gitignore .gitattributes
.github .git '

# ---- files ------------------------------------------------------------------

# Files of the project: those that git knows or would add, else all but builds.
list_files() {
    if [ -e .git ] && command -v git >/dev/null; then
        git -c safe.directory='*' ls-files --cached --others --exclude-standard |
            while IFS= read -r f; do [ -e "$f" ] && printf '%s\n' "$f"; done
    else
        find . -type f -not -path './build*' -not -path './.git/*' \
            -not -path '*/__pycache__/*' -not -path ./prepfs-quickstart.png |
            sed 's|^\./||'
    fi | LC_ALL=C sort
}

# path line header, tab separated, of every #include outside of tests/ and
# examples/. "" and <> are the same here.
list_includes() {
    grep -E '^(include|cache|fs)/.*\.(c|h|cc|hh|cpp)$' <<<"$files" |
        xargs -r -d '\n' awk '
            match($0, /^[ \t]*#[ \t]*include[ \t]*[<"][^>"]+/) {
                h = $0; sub(/^[^<"]*[<"]/, "", h); sub(/[>"].*/, "", h)
                printf "%s\t%d\t%s\n", FILENAME, FNR, h }'
}

# Read once: a process for every file or line would take most of a minute.
files=$(list_files)
includes=$(list_includes)
declare -A may_include=() # folder -> what stands behind it in the table
while read -r folder colon what; do
    [ "${colon:-}" = : ] && may_include[$folder]=${what:-}
done <<<"$layers"
declare -A is_ours=() # first part of a header's name -> a folder of ours
for folder in "${!may_include[@]}"; do
    is_ours[${folder#fs/}]=yes
    is_ours[$folder]=yes
done

# ---- checks: each prints its complaints -------------------------------------

check_direction() {
    local file line header folder ok word unknown=' '
    while IFS=$'\t' read -r file line header; do
        folder=${file%/*}
        if [ -z "${may_include[$folder]+known}" ]; then
            case $unknown in *" $folder "*) continue ;; esac
            unknown+="$folder "
            echo "$file:$line: folder $folder is not in the table of layers"
            continue
        fi
        case $header in
        prepfs/*) continue ;;
        tests/* | support/* | ../*)
            echo "$file:$line: includes $header"
            continue
            ;;
        */*) ;;
        *) continue ;; # of its own folder, of libc, or third-party
        esac
        # only our own folders are judged here
        [ -n "${is_ours[${header%%/*}]:-}" ] || continue
        [ "${header%%/*}" = dcmtk ] && [ ! -e "fs/$header" ] && continue
        ok=no
        for word in ${may_include[$folder]} "${folder##*/}/"; do
            case $header in
            "$word" | "$word"*) ok=yes ;;
            esac
        done
        [ $ok = yes ] || echo "$file:$line: $folder may not include $header"
    done <<<"$includes"
}

# A bare name must be a header of the same folder or not be ours at all.
check_folder_in_name() {
    local file line header
    while IFS=$'\t' read -r file line header; do
        case $header in '' | */*) continue ;; esac
        [ -e "${file%/*}/$header" ] && continue
        # the front has no folder of its own: its headers are allowed one by one
        case " ${may_include[${file%/*}]:-} " in
        *" $header "*) continue ;;
        esac
        case $'\n'$files$'\n' in
        *$'\n'fs/"$header"$'\n'* | *$'\n'fs/*/"$header"$'\n'* | \
            *$'\n'cache/"$header"$'\n'* | *$'\n'include/*/"$header"$'\n'*)
            echo "$file:$line: $header without its folder" ;;
        esac
    done <<<"$includes"
}

check_homes() {
    local file line header pattern colon places place ok
    while IFS=$'\t' read -r file line header; do
        [ -e "fs/$header" ] && continue # our own fs/dcmtk/
        while read -r pattern colon places; do
            [ "${colon:-}" = : ] || continue
            # shellcheck disable=SC2053 # a pattern on purpose
            [[ $header == $pattern ]] || continue
            [ -e "${file%/*}/$header" ] && continue
            ok=no
            for place in $places; do
                [ "$file" = "$place" ] && ok=yes
                [ "${file%/*}" = "$place" ] && ok=yes
            done
            [ $ok = yes ] || echo "$file:$line: <$header> belongs to $places"
        done <<<"$homes"
    done <<<"$includes"
}

# Files that must say their licence, and those that do.
need_spdx() {
    local f
    while IFS= read -r f; do
        case $f in
        '' | LICENSE | *.md | .gitignore | .gitattributes | .clang-format) ;;
        tests/golden/* | tests/fuzz/corpus/* | tests/data/*) ;;
        *.png | *.csv | *.json | *.jsonl | *.txt | *.gz | *.supp) ;;
        *) printf '%s\n' "$f" ;;
        esac
    done <<<"$files"
}

have_spdx() {
    xargs -r -d '\n' awk \
        'FNR <= 2 && /SPDX-License-Identifier: MIT/ { print FILENAME }'
}

check_spdx() {
    local needed
    needed=$(need_spdx)
    LC_ALL=C comm -23 <(printf '%s\n' "$needed") \
        <(have_spdx <<<"$needed" | LC_ALL=C sort -u) |
        sed 's/$/: no SPDX line at its head/'
}

check_top() {
    cut -d/ -f1 <<<"$files" | sort -u | while IFS= read -r top; do
        case $tops in
        *[[:space:]]"$top"[[:space:]]*) ;;
        *) echo "$top: not one of the names at the top of the tree" ;;
        esac
    done
}

# ---- the checks, checked ----------------------------------------------------

# A small tree with one fault of each kind; every check must find its own.
check_the_checks() {
    local tree check word out
    tree=$(mktemp -d) || return
    mkdir -p "$tree"/{include/prepfs,cache,extra,fs/{view,tiff,image,new}}
    echo '#include "tiff/tiff.h"' >"$tree/fs/view/view.c"
    echo '#include <sqlite3.h>' >"$tree/fs/image/image.c"
    echo '#include "view.h"' >"$tree/fs/tiff/ifd.c"
    echo '#include "support/x.h"' >"$tree/cache/cache.c"
    echo '#include <stdio.h>' >"$tree/fs/new/new.c"
    touch "$tree/fs/view/view.h" "$tree/extra/file.c" "$tree/fs/tiff/tiff.h"
    out=$("$0" "$tree" 2>&1)
    rm -rf "$tree"
    for word in \
        'fs/view/view.c:1: fs/view may not include tiff/tiff.h' \
        'fs/image/image.c:1: <sqlite3.h> belongs to fs/manifest' \
        'fs/tiff/ifd.c:1: view.h without its folder' \
        'cache/cache.c:1: includes support/x.h' \
        'fs/new/new.c:1: folder fs/new is not in the table' \
        'extra/file.c: no SPDX line' \
        'extra: not one of the names at the top'; do
        grep -qF "$word" <<<"$out" || echo "a planted fault is not found: $word"
    done
    for check in 1 2 3 4 5; do
        grep -q "^not ok $check " <<<"$out" || echo "check $check passes a fault"
    done
}

# ---- TAP --------------------------------------------------------------------

number=0
failures=0
run() {
    local complaints
    number=$((number + 1))
    complaints=$("$2")
    if [ -z "$complaints" ]; then
        echo "ok $number - $1"
        return
    fi
    failures=$((failures + 1))
    echo "not ok $number - $1"
    while IFS= read -r line; do printf '# %s\n' "$line"; done <<<"$complaints"
}

[ $# -eq 0 ] && echo 1..6 || echo 1..5
run 'folders include in one direction' check_direction
run 'includes carry their folder' check_folder_in_name
run 'third-party headers are at home' check_homes
run 'every file has an SPDX line' check_spdx
run 'nothing new stands at the top' check_top
[ $# -eq 0 ] && run 'planted faults are found' check_the_checks
[ $failures -eq 0 ]
