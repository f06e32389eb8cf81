#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# prepfsctl from the outside: a small archive is drawn, indexed, asked, killed
# while indexing, changed; and the manual says what --help says.
#
# usage: prepfsctl.sh PREPFSCTL SOURCE_ROOT     prints TAP
set -u

ctl=$(realpath "$1")
root=$(realpath "$2")
dir=$(mktemp -d)
archive=$dir/archive
state=$dir/state
number=0
failures=0
trap 'rm -rf "$dir"' EXIT

# check NAME: the last command's status decides.
check() {
    local status=$?
    number=$((number + 1))
    if [ $status -eq 0 ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        failures=$((failures + 1))
        [ -s "$dir/err" ] && sed 's/^/# /' "$dir/err"
    fi
}

skip() {
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

run() {
    "$ctl" "$@" >"$dir/out" 2>"$dir/err"
}

# exits with STATUS COMMAND...
exits() {
    local wanted=$1
    shift
    run "$@"
    local got=$?
    [ $got -eq "$wanted" ] || echo "status $got, not $wanted" >>"$dir/err"
    [ $got -eq "$wanted" ]
}

have_sqlite=$(command -v sqlite3 || true)
sql() {
    sqlite3 -readonly "$dir/copy.db" "$1"
}

"$root/examples/mkdemo" --patients 1 --slices 6 --frames 2 --scale 0.1 \
    --jobs 1 --quiet "$archive" || exit 1
files=$(find "$archive" -type f | wc -l)

# ---- the command line ---------------------------------------------------------

exits 0 --help && grep -q 'usage: prepfsctl' "$dir/out"
check 'help is given'
exits 0 --version && grep -q '^prepfsctl [0-9]' "$dir/out"
check 'the version is told'
exits 2 && grep -q usage "$dir/err"
check 'nothing asked is wrong usage'
exits 2 frobnicate && grep -q 'no subcommand "frobnicate"' "$dir/err"
check 'an unknown subcommand is named'
! grep -q 'did you mean' "$dir/err" && exits 2 idnex &&
    grep -q 'did you mean "index"' "$dir/err"
check 'and the one that was meant'
exits 2 index && grep -q 'index needs ARCHIVE' "$dir/err"
check 'a missing argument is named'
exits 2 index a b && grep -q '"b"' "$dir/err"
check 'one argument too many is named'
exits 2 index "$archive" --frobnicate && grep -q -- '--frobnicate' "$dir/err"
check 'an unknown option is named'
exits 2 stats /mnt --state x && grep -q 'stats has no option' "$dir/err"
check 'an option of another subcommand is refused'
exits 2 index "$archive" -j && grep -q 'needs a value' "$dir/err"
check 'an option without its value is refused'
for bad in -j0 -jx --jobs=1000 --sniff=some --tags=18,15 \
    '-ostate=/x,tags=zz'; do
    exits 2 index "$archive" "$bad"
    check "$bad is refused"
done
exits 2 index "$archive" -o "state=$archive/state"
check 'a state in the archive is refused'
[ ! -e "$archive/state" ]
check 'and not made'
exits 1 index "$dir/nowhere" --state "$state"
check 'an archive that is not there is an error'
exits 1 errors "$archive" --state "$state" &&
    grep -q 'never indexed: prepfsctl index' "$dir/err"
check 'asking before indexing says what to do'

# ---- killed while it indexes -----------------------------------------------------

killed=0
for pause in 0.01 0.02 0.03 0.05 0.08 0.01 0.02 0.03 0.05 0.08; do
    "$ctl" index "$archive" --state "$state" >/dev/null 2>&1 &
    pid=$!
    sleep "$pause"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ $? -eq 137 ] && killed=$((killed + 1))
done
[ ! -e "$state" ] || [ -z "$(find "$state" -name '*corrupt*')" ]
check "killed $killed times, nothing is damaged"

# ---- index --------------------------------------------------------------------------

exits 0 index "$archive" --state "$state" && grep -q "^$files files" "$dir/out"
check 'an archive is indexed'
exits 0 index "$archive" -o "state=$state" && grep -q "$files unchanged" "$dir/out"
check 'the second time nothing is read'
exits 0 index -q "$archive" --state="$state" && [ ! -s "$dir/out" ]
check 'quiet is quiet'
[ "$(stat -c %a "$state")" = 700 ]
check 'the state is private'
[ -z "$(find "$archive" -newer "$state/salt")" ]
check 'the archive was not written to'

exits 0 snapshot "$archive" "$dir/copy.db" --state "$state" &&
    grep -qx "$dir/copy.db" "$dir/out"
check 'a snapshot is written where it is wanted'
if [ -n "$have_sqlite" ]; then
    [ "$(sql 'PRAGMA integrity_check')" = ok ]
    check 'the snapshot is sound'
    [ "$(sql 'SELECT count(*) FROM source')" -eq "$files" ]
    check 'every file has a row'
    [ "$(sql "SELECT count(*) FROM series WHERE modality='CT' AND volume_ok=1")" -ge 1 ]
    check 'a CT is a volume'
    [ "$(sql 'SELECT count(*) FROM cohort WHERE decodable=0')" -eq 0 ]
    check 'all of it can be decoded'
else
    skip 'the snapshot is sound' 'no sqlite3'
fi

exits 0 index "$archive" --state "$dir/state2" --tags '0008,0070;0028,0010' -j 2
check 'further attributes are taken'
if [ -n "$have_sqlite" ]; then
    run snapshot "$archive" "$dir/copy.db" --state "$dir/state2"
    [ "$(sql "SELECT count(DISTINCT tag) FROM attr")" -eq 2 ]
    check 'and kept'
fi

# ---- manifest, explain, errors, stats --------------------------------------------------

exits 0 manifest "$archive" size-64x48_crop --state "$state" &&
    head -n 1 "$dir/out" | grep -q '^study_instance_uid,series_instance_uid,sop_instance_uid,path,inode,width,height,channels,num_frames,bytes,'
check 'a manifest has the columns of dicom-manifest'
[ "$(cut -d, -f6,7 <"$dir/out" | tail -n +2 | sort -u)" = 64,48 ]
check 'its sizes are those of the view'
grep -q ',crop_size-64x48/' "$dir/out"
check 'its paths are canonical'
cut -d, -f1,3 <"$dir/out" | tail -n +2 | LC_ALL=C sort -c
check 'it is sorted'
exits 0 manifest "$archive" crop --state "$state" &&
    tail -n 1 "$dir/out" | cut -d, -f6-10 | grep -qx ',,,,'
check 'sizes that need pixels are left out'
exits 1 manifest "$archive" cropp --state "$state"
check 'a view that does not exist is an error'
exits 0 explain crop_size-64x48 && grep -q crop "$dir/out"
check 'a view is explained'
exits 1 explain cropp && grep -q crop "$dir/out"
check 'so is a mistake'

printf 'not really' | dd of="$archive/bad.dcm" bs=1 seek=132 2>/dev/null
printf DICM | dd of="$archive/bad.dcm" bs=1 seek=128 conv=notrunc 2>/dev/null
exits 0 index "$archive" --state "$state"
check 'a damaged file does not stop the index'
exits 0 errors "$archive" --state "$state" && grep -q '^bad.dcm	' "$dir/out"
check 'but is listed among the errors'

exits 1 stats "$dir" && grep -q 'is prepfs mounted' "$dir/err"
check 'stats of no mount say so'
mkdir -p "$dir/mount/.prepfs" && echo '{"hits":1}' >"$dir/mount/.prepfs/stats.json"
exits 0 stats "$dir/mount" && grep -qx '{"hits":1}' "$dir/out"
check 'stats are printed'

"$ctl" errors "$archive" --state "$state" >/dev/full 2>"$dir/err"
[ $? -eq 1 ]
check 'a full disk is noticed'

# ---- real files ---------------------------------------------------------------------------

corpus=${PREPFS_SHARED:-$root/../shared}/corpus
if [ ! -d "$corpus" ] || [ -z "$have_sqlite" ]; then
    skip 'real files are understood' 'no corpus, or no sqlite3'
else
    run index "$corpus" --state "$dir/real" &&
        run snapshot "$corpus" "$dir/copy.db" --state "$dir/real"
    check 'real files are indexed'
    [ "$(sql "SELECT volume_ok||z_spacing FROM series JOIN instance i
        ON i.series_id=series.id JOIN source s ON s.id=i.source_id
        WHERE relpath LIKE 'ct-philips/%' LIMIT 1")" = 15.0 ]
    check 'a regular CT is a volume of 5 mm'
    sql "SELECT volume_ok||volume_note FROM series JOIN instance i
        ON i.series_id=series.id JOIN source s ON s.id=i.source_id
        WHERE relpath LIKE 'ct-ge/%' LIMIT 1" | grep -q '^0gaps'
    check 'a CT with gaps and tilt is none'
    [ "$(sql "SELECT count(*) FROM instance
        WHERE coalesce(fname,uid) GLOB '*[^0-9a-fx.d]*'")" -eq 0 ]
    check 'no name holds what a name should not hold'
    [ "$(sql "SELECT count(*) FROM (SELECT 1 FROM instance WHERE dup_of IS NULL
        GROUP BY study_id,coalesce(fname,uid) HAVING count(*)>1)")" -eq 0 ]
    check 'no name is given twice'
    [ "$(sql "SELECT count(*) FROM source WHERE scan_state=4")" -ge 1 ]
    check 'DICOMDIRs are told apart'
fi

# ---- the manual ---------------------------------------------------------------------------

missing=''
for word in $("$ctl" --help | sed -n 's/^    prepfsctl//; s/^    \([a-z]*\) .*/\1/p'); do
    grep -q "^\.It Cm $word\b" "$root/man/prepfsctl.1" || missing="$missing $word"
done
for word in $("$ctl" --help | grep -o -- '--[a-z-]*' | sort -u); do
    grep -qE "^\.It.*Fl -${word#--}\b" "$root/man/prepfsctl.1" ||
        missing="$missing $word"
done
[ -z "$missing" ] || echo "missing:$missing" >"$dir/err"
[ -z "$missing" ]
check 'the manual has every subcommand and option'

commands() { "$ctl" --help | sed -n 's/^    \([a-z]\+\) .*/\1/p' | sort -u; }
synopsis() {
    sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/s/^\.Cm \([a-z]*\).*/\1/p' \
        "$root/man/prepfsctl.1" | sort -u
}
diff <(commands) <(synopsis) >"$dir/err"
check 'its synopsis has every subcommand, and no other'
diff <("$ctl" --help | grep -o -- '--[a-z][a-z-]*' | sort -u) \
    <(sed -n '/^\.Sh OPTIONS/,/^\.Sh ENV/p' "$root/man/prepfsctl.1" |
        grep '^\.It' | grep -o 'Fl -[a-z-]*' | sed 's/Fl /-/' | sort -u) \
    >"$dir/err"
check 'and the manual has no other option'
missing=''
for word in $("$ctl" manifest "$archive" full --state "$state" | head -n 1 | tr , ' '); do
    grep -q "\b$word\b" "$root/man/prepfsctl.1" || missing="$missing $word"
done
[ -z "$missing" ]
check 'it has every column of the CSV'
missing=''
sed -n '/^\.It Pa MOUNTPOINT.*errors.tsv/,/^\.It Pa MOUNTPOINT.*socket/p' \
    "$root/man/prepfs.1" >"$dir/item"
for word in $("$ctl" errors "$archive" --state "$state" | head -n 1); do
    grep -q "\b$word\b" "$dir/item" || missing="$missing $word"
done
[ -s "$dir/item" ] && [ -z "$missing" ]
check 'and prepfs(1) every column of errors.tsv'
missing=''
for file in "$state"/*; do
    case $file in
    *-wal | *-shm | *.mine-*) continue ;; # of SQLite; of a process killed above
    esac
    grep -qE "^\.It Pa (.*, )?${file##*/}( ,|$)" "$root/man/prepfsctl.1" ||
        missing="$missing $file"
done
echo "missing:$missing" >"$dir/err"
[ -e "$state/manifest.db" ] && [ -z "$missing" ]
check 'it has every file of a state folder'

echo "1..$number"
[ $failures -eq 0 ]
