#compdef prepfs prepfsctl
# SPDX-License-Identifier: MIT
# Completion of prepfs and prepfsctl for zsh; see prepfs.bash.

_prepfs_complete() {
    local line word help space=' ' kind=
    local -a names texts
    for line in "${(@f)$(prepfsctl complete -- "${(@)words[1,CURRENT]}" 2>/dev/null)}"; do
        word=${line%%$'\t'*}
        help=${line#*$'\t'}
        case $word in
        '') ;;
        :nospace) space= ;;
        :files | :folders) kind=$word ;;
        *)
            names+=("$word")
            texts+=("$word  $help")
            ;;
        esac
    done
    if (( ${#names} )); then
        compadd -Q -S "$space" -l -d texts -- "${names[@]}"
    fi
    case $kind in
    :files) _files ;;
    :folders) _files -/ ;;
    esac
}

_prepfs_complete "$@"
