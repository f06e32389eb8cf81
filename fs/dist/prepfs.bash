# SPDX-License-Identifier: MIT
# Completion of prepfs and prepfsctl for bash. `prepfsctl complete` knows the
# options, the subcommands and the operators of views; this only asks it.
# shellcheck shell=bash

_prepfs_complete() {
    local line=${COMP_LINE:0:COMP_POINT} words word help cut IFS=$' \t\n'
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    local last=${words[-1]}
    # What stands before the last "=" or ":" readline keeps by itself.
    cut=${last%"${last##*[=:]}"}
    [[ $COMP_WORDBREAKS == *=* ]] || cut=
    COMPREPLY=()
    while IFS=$'\t' read -r word help; do
        case $word in
        :nospace) compopt -o nospace 2>/dev/null ;;
        :files | :folders)
            local flag=-f
            [[ $word == :folders ]] && flag=-d
            compopt -o filenames 2>/dev/null
            while IFS= read -r word; do COMPREPLY+=("$word"); done \
                < <(compgen $flag -- "$last")
            ;;
        *) COMPREPLY+=("${word#"$cut"}") ;;
        esac
    done < <(prepfsctl complete -- "${words[@]}" 2>/dev/null)
}

complete -F _prepfs_complete prepfs prepfsctl
