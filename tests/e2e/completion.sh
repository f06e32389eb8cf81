#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The completions of bash, zsh and fish, driven as their shells drive them.
#
# usage: tests/e2e/completion.sh PREPFSCTL SOURCE    prints TAP
set -u

ctl=$(realpath "$1")
dist=$(realpath "$2")/fs/dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PATH=$(dirname "$ctl"):$PATH
number=0
failures=0

check() { # WHAT WANTED GOT
    number=$((number + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        printf '# wanted: %s\n# got:    %s\n' "$2" "$3"
        failures=$((failures + 1))
    fi
}
skip() {
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

# ---- bash ---------------------------------------------------------------------

# What bash offers at the end of a line, sorted, in one line.
in_bash() { # LINE
    # shellcheck disable=SC2016 # of the other shell
    bash --norc -c '
        source "$1" || exit
        COMP_LINE=$2 COMP_POINT=${#2}
        set -- $(complete -p "${2%% *}")
        [ "$*" = "complete -F _prepfs_complete ${COMP_LINE%% *}" ] || exit
        _prepfs_complete
        [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash "$dist/prepfs.bash" "$1" |
        LC_ALL=C sort | tr '\n' ' '
}

mkdir "$work/folder"
touch "$work/file"
cd "$work" || exit
check 'subcommands' 'snapshot ' "$(in_bash 'prepfsctl sn')"
check 'options of a subcommand' '--jobs ' "$(in_bash 'prepfsctl index --jo')"
check 'the value of an option: a folder' 'folder ' \
    "$(in_bash 'prepfsctl index --state f')"
check 'a file' 'file folder ' "$(in_bash 'prepfsctl explain full --presets f')"
check 'an archive is a folder' 'folder ' "$(in_bash 'prepfsctl index f')"
check 'an operator' 'size- ' "$(in_bash 'prepfsctl explain siz')"
check 'an operator behind others' 'hu_size-64_pad-bottomright ' \
    "$(in_bash 'prepfsctl explain hu_size-64_pad-b')"
check 'an argument' 'window-c-600-w1500-exact ' \
    "$(in_bash 'prepfsctl explain window-c-600-w1500-e')"
check 'none that does not go with it' '' \
    "$(in_bash 'prepfsctl explain spacing-1x1_pad-b')"
check 'the archive behind a view' 'folder ' "$(in_bash 'prepfsctl check f')"
check 'options of a mount' 'prefetch= preset_dirs presets= pressure= ' \
    "$(in_bash 'prepfs -o pre')"
check 'behind a comma' 'xattr,cache= ' "$(in_bash 'prepfs -o xattr,ca')"
check 'long ones' '--cache= ' "$(in_bash 'prepfs --ca')"
check 'a mount point' 'folder ' "$(in_bash 'prepfs folder f')"

# Every option that --help shows is offered, and every subcommand.
missing=
for word in $("$ctl" --help | sed -n 's/^    prepfsctl//; s/^    \([a-z]*\) .*/\1/p'); do
    [ "$(in_bash "prepfsctl $word" | grep -cw -- "$word")" -eq 1 ] ||
        missing+=" $word"
done
check 'every subcommand is offered' '' "$missing"

# ---- the other shells ------------------------------------------------------------

if command -v fish >/dev/null; then
    in_fish() {
        fish --no-config -c "source '$dist/prepfs.fish'; complete -C '$1'" |
            cut -f 1 | LC_ALL=C sort | tr '\n' ' '
    }
    check 'fish: an operator' 'hu_size-64_pad-bottomright ' \
        "$(in_fish 'prepfsctl explain hu_size-64_pad-b')"
    check 'fish: options of a mount' 'xattr,cache= ' \
        "$(in_fish 'prepfs -o xattr,ca')"
    check 'fish: a folder' 'folder/ ' "$(in_fish 'prepfsctl index f')"
else
    skip 'fish' 'not installed'
fi

if command -v zsh >/dev/null; then
    # The functions of its completion system are told apart by their words.
    in_zsh() { # WORD...
        # shellcheck disable=SC2016 # of the other shell
        zsh -f -c '
            compadd() { while [[ $1 != -- ]]; do shift; done; print -l "${@:2}" }
            _files() { print ":files $*" }
            script=$1; shift
            words=("$@") CURRENT=$#
            source $script' zsh "$dist/prepfs.zsh" "$@" | LC_ALL=C sort | tr '\n' ' '
    }
    # All candidates are handed over; zsh drops those that do not fit.
    check 'zsh: an operator' 'hu_size-64_pad-bottomright ' \
        "$(in_zsh prepfsctl explain hu_size-64_pad-b)"
    check 'zsh: options of a mount' 'xattr,cache= ' \
        "$(in_zsh prepfs -o xattr,ca)"
    check 'zsh: a folder' ':files -/ ' "$(in_zsh prepfsctl index f)"
else
    skip 'zsh' 'not installed'
fi

echo "1..$number"
[ $failures -eq 0 ]
