#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# prepfsctl render from the outside: inputs, outputs, what is done again and
# what is not, failures, interruptions. (That the bytes are those of a mount is
# ctl_mount.sh's business.)
#
# usage: ctl_render.sh PREPFSCTL SOURCE_ROOT     prints TAP
set -u

ctl=$(realpath "$1")
root=$(realpath "$2")
dir=$(mktemp -d)
number=0
failures=0
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/tmp"
export TMPDIR=$dir/tmp

check() {
    local status=$?
    number=$((number + 1))
    if [ $status -eq 0 ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        failures=$((failures + 1))
        sed 's/^/# /' "$dir/out" "$dir/err"
    fi
}

# exits with STATUS ARGUMENTS...
exits() {
    local wanted=$1
    shift
    "$ctl" render "$@" >"$dir/out" 2>"$dir/err"
    local got=$?
    [ $got -eq "$wanted" ] || echo "status $got, not $wanted" >>"$dir/err"
    [ $got -eq "$wanted" ]
}

files() {
    find "$1" -type f -not -path '*/.prepfs-render/*' | wc -l
}

temporary() {
    find "$dir/tmp" "$1" -name 'tmp-*' -o -name 'prepfs-render.*'
}

archive=$dir/archive
"$root/examples/mkdemo" --patients 1 --slices 5 --frames 3 --scale 0.1 \
    --jobs 1 --quiet "$archive" || exit 1
n=$(find "$archive" -type f | wc -l)
one=$(find "$archive" -type f | sort | head -n 1)
two=$(find "$archive" -type f | sort | tail -n 1)
cd "$dir" || exit 1

# ---- a first run, and again ------------------------------------------------------

exits 0 size-32x32 "$archive" -o a && [ "$(files a)" -eq "$n" ]
check 'every image becomes a file'
grep -qx 'view size-32x32' out && grep -q "^$n files in" out
check 'the view and a summary are printed'
[ -z "$(temporary a)" ]
check 'nothing temporary is left'
[ "$(find a -mindepth 2 -maxdepth 2 -type f -name '*.tiff' -not -path '*/.*' | wc -l)" -eq "$n" ]
check 'they lie as in a mount: STUDY/IMAGE.tiff'
touch -d '2001-01-01' mark
find a -name '*.tiff' -exec touch -r mark {} +
exits 0 size-32x32 "$archive" -o a && grep -q "^0 files" out && grep -q "  $n were here" out
check 'a second run makes nothing'
exits 0 size-32x32 "$archive" -o a --force && grep -q "^$n files" out
check 'unless it must'
gone=$(find a -name '*.tiff' | head -n 1)
cut=$(find a -name '*.tiff' | tail -n 1)
rm "$gone"
truncate -s 100 "$cut"
exits 0 size-32x32 "$archive" -o a && grep -q '^2 files' out && [ -s "$gone" ] &&
    [ "$(stat -c %s "$cut")" -gt 100 ]
check 'what is missing or cut short is made'
cp "$one" kept && sleep 0.01 && cp kept "$one"
exits 0 size-32x32 "$archive" -o a && grep -q '^1 files' out
check 'so is what has another source'
exits 2 size-48x48 "$archive" -o a && grep -q 'files of the view size-32x32: choose' err
check 'another view does not mix'
exits 0 size-48x48 "$archive" -o a --force
check 'but can replace it'
printf 'mine' >"$gone.new" && mv "$gone.new" "$gone"
sed -i "/$(basename "$gone")/d" a/.prepfs-render/files.tsv
exits 1 size-48x48 "$archive" -o a && grep -q 'not from here' err && grep -qx mine "$gone"
check 'a file of somebody else is not touched'
exits 0 list-json_size-48x48 "$archive" -o a --format json
check 'formats share a folder'
[ "$(find a -name '*.json' | wc -l)" -eq "$n" ]
check 'and stand beside each other'

# ---- formats and layouts ---------------------------------------------------------

exits 0 size-16x16 "$archive" -o b --format npy,png -q && [ ! -s out ] &&
    [ "$(find b -name '*.npy' | wc -l)" -eq "$n" ] && [ "$(find b -name '*.png' | wc -l)" -eq "$n" ]
check 'several formats at once, quietly'
exits 0 size-16x16_tree "$archive" -o c && [ "$(find c -mindepth 3 -maxdepth 3 -name '*.tiff' | wc -l)" -eq "$n" ]
check 'the operator tree adds a level'
exits 0 -c -s 16,16 "$archive" d && [ "$(find d -mindepth 3 -maxdepth 3 -name '*.tiff' | wc -l)" -eq "$n" ] &&
    grep -qx 'view crop_size-16x16' out
check 'so do the options of dicom-preprocess'
exits 0 -c -s 16,16 "$archive" -o e --layout flat && [ "$(find e -mindepth 2 -maxdepth 2 -name '*.tiff' -not -path '*/.*' | wc -l)" -eq "$n" ]
check 'unless it is said otherwise'
exits 0 -m "$archive" f -j1 && grep -q 'do nothing without -c' err
check 'what an option does not do is said'
exits 0 size-16x16 "$archive" -o never --dry-run && [ ! -e never ] && [ "$(grep -c '^never/' out)" -eq "$n" ]
check 'a dry run only lists'

# ---- inputs ----------------------------------------------------------------------

exits 0 size-16x16 "$one" -o g && [ "$(files g)" -eq 1 ]
check 'one file'
cp "$one" odd.name
exits 0 size-16x16 odd.name -o g2 && [ "$(files g2)" -eq 1 ]
check 'whatever its name'
exits 0 size-16x16 "$one" "$two" -o h && [ "$(files h)" -eq 2 ]
check 'two files'
printf '%s\r\n\n%s\n' "$one" "$two" >list.txt
exits 0 size-16x16 list.txt -o i && [ "$(files i)" -eq 2 ]
check 'a list'
echo none.dcm >>list.txt
exits 1 size-16x16 list.txt -o j && [ "$(files j)" -eq 2 ] && grep -q '^prepfsctl: list.txt:4: none.dcm: No such' err
check 'a list with a file that is not there'
exits 1 --strict size-16x16 list.txt -o k && [ "$(files k)" -eq 0 ]
check 'which ends a strict run'
exits 1 size-16x16 nowhere -o l && grep -q '^prepfsctl: nowhere: No such' err
check 'an input that is not there'
echo 'no image' >readme
exits 1 size-16x16 readme -o m && grep -q 'is no DICOM file' err
check 'a named file that is no DICOM'
mkdir mixed && cp "$one" mixed/1.dcm && cp readme mixed/
exits 0 size-16x16 mixed -o m2 && grep -q '  1 files are not DICOM' out
check 'in a folder it is passed over'
mkdir empty
exits 1 size-16x16 empty -o n && grep -q 'no image for this view' err
check 'nothing at all is a failure'
(cd "$archive" && "$ctl" render size-16x16 . -o ./out -q && "$ctl" render size-16x16 . -o ./out >"$dir/out" &&
    grep -q "  $n were here" "$dir/out" && ! grep -q 'not DICOM' "$dir/out")
check 'a folder that lies among the inputs is none of them'
rm -rf "$archive/out"

# ---- one image, one file ------------------------------------------------------------

exits 0 -s 16,16 "$one" one.tiff && [ -f one.tiff ] && cmp one.tiff "$(find g -name '*.tiff')"
check 'one image can be one file, as with dicom-preprocess'
exits 0 -s 16,16 "$one" one.npy && head -c 6 one.npy | grep -q NUMPY
check 'of the format that its name says'
exits 2 -s 16,16 "$archive" two.tiff && [ ! -e two.tiff ] && grep -q 'must be a folder' err
check 'more are not'
exits 1 -s 16,16 "$one" none/one.tiff && [ -z "$(find . -maxdepth 1 -name '*.tmp-*')" ]
check 'nor is one where nothing can be made'
mkdir folder.tiff
exits 0 -s 16,16 "$one" folder.tiff && [ "$(files folder.tiff)" -eq 1 ]
check 'a folder is a folder, whatever its name'

# ---- failures ---------------------------------------------------------------------

mkdir bad && cp "$one" bad/a.dcm && cp "$two" bad/b.dcm
size=$(stat -c %s bad/a.dcm)
truncate -s $((size - size / 4)) bad/a.dcm
printf '%0128dDICM rubbish' 0 >bad/c.dcm
exits 1 size-16x16 bad -o o && [ "$(files o)" -eq 1 ] && grep -q '/bad/a.dcm: ' err && grep -q '/bad/c.dcm: ' err
check 'a failure is told and the others go on'
grep -q '  1 failed' out && grep -q '  1 inputs cannot be read' out
check 'and counted'
exits 1 size-16x16 bad -o o && grep -q '  1 were here' out
check 'it is tried again'
exits 1 size-16x16 bad/a.dcm bad/b.dcm -o p --strict -j1 && [ "$(files p)" -le 1 ]
check 'a strict run stops'
exits 1 size-16x16 "$one" -o none/out && grep -q 'cannot make none/out' err
check 'a folder that cannot be made'
exits 2 size-16x16 "$one" -o q -j 0
check 'wrong usage'
exits 2 cropp "$one" -o q || [ $? -ne 0 ] && [ ! -e q ]
check 'a wrong view makes no folder'
if [ "$(id -u)" -eq 0 ] && mkdir small && mount -t tmpfs -o size=256k none small 2>/dev/null; then
    exits 1 f32 "$archive" -o small/out && grep -q 'No space left' err
    check 'a full disk ends the run'
    [ -z "$(find small -name 'tmp-*')" ]
    check 'and leaves no half file'
    umount small
fi

# ---- interruptions -------------------------------------------------------------------

many=$dir/many
mkdir "$many"
for k in $(seq 12); do
    cp -r "$archive" "$many/$k"
done
# one pixel differs, or they would be the same files many times
for f in "$many"/*/*/* "$many"/*/*; do
    [ -f "$f" ] && printf '%s' "$(echo "$f" | cksum | cut -c1-2)" |
        dd of="$f" bs=1 seek=$(($(stat -c %s "$f") - 4)) conv=notrunc status=none
done
whole=0
for pause in 0.2 0.3 0.4; do
    rm -rf r
    "$ctl" render size-512x512_f32 "$many" -o r -q -j 2 2>err &
    pid=$!
    sleep $pause
    kill -INT $pid 2>/dev/null
    wait $pid
    status=$?
    [ -z "$(temporary r)" ] || whole=1
    [ $status -eq 130 ] || [ $status -eq 0 ] || whole=1
done
[ $whole -eq 0 ]
check 'an interrupted run leaves nothing behind and says by what it ended'
"$ctl" render size-512x512_f32 "$many" -o s -q
rm -rf r
for pause in 0.2 0.3 0.2 0.4 0.3; do
    "$ctl" render size-512x512_f32 "$many" -o r -q -j 2 2>/dev/null &
    pid=$!
    sleep $pause
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
done
exits 0 size-512x512_f32 "$many" -o r && diff -r -x .prepfs-render r s >diff.txt
check 'one that was killed again and again is completed'
[ -z "$(find r -name 'tmp-*')" ]
check 'without leftovers'
"$ctl" render size-512x512_f32 "$many" -o t -q -j 2 2>/dev/null &
pid=$!
sleep 0.3
exits 1 size-512x512_f32 "$many" -o t
grep -q 'another prepfsctl is writing' err || ! kill -0 $pid 2>/dev/null
check 'two runs do not write to one folder'
wait $pid

# ---- a state that stays ------------------------------------------------------------------

exits 0 crop "$archive" -o u -o "state=$dir/state" && [ -s "$dir/state/manifest.db" ]
check 'a state is kept where it is wanted'
exits 0 crop "$archive" -o v --state "$dir/state" && diff -r -x .prepfs-render u v
check 'and used again'

echo "1..$number"
[ $failures -eq 0 ]
