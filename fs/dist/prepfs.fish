# SPDX-License-Identifier: MIT
# Completion of prepfs and prepfsctl for fish; see prepfs.bash.

function __prepfs_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (prepfsctl complete -- $words 2>/dev/null)
        switch $line
            case :nospace
            case :files
                __fish_complete_path (commandline -ct)
            case :folders
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end

complete -c prepfs -f -a '(__prepfs_complete)'
complete -c prepfsctl -f -a '(__prepfs_complete)'
