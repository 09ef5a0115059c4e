#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds and runs what README.md and docs/*.md show, as written, against an installed Weft.
#
# - A ```c or ```cpp block whose first line is a comment that names a file, as in /* hello.c ... */ or // hello.cpp, is a
#   whole program: it is compiled with warnings as errors, and must exit with 0.
# - A ```sh block right after a line <!-- run --> is executed in the folder of that document's programs, with Weft
#   installed. "<!-- run at root -->": in the root of the checkout. "in ci" before the "-->": only if WEFT_README_ALL is
#   set, for what takes minutes. A prompt "$ " in front of a command is left out.
#
# Usage: test.sh SOURCE BUILD
set -eu
source=$1 build=$2
[ -e "$source/README.md" ] || { echo "there is no README.md"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log"
libdir=$(dirname "$(find "$scratch/prefix" -name libweft.so)")
mkdir "$scratch/home"
export HOME="$scratch/home" PATH="$scratch/prefix/bin:$PATH" LD_LIBRARY_PATH="$libdir" \
    PKG_CONFIG_PATH="$libdir/pkgconfig" CMAKE_PREFIX_PATH="$scratch/prefix"

# Writes each program of a document to a file of its name, and each block to run to run.NUMBER.WHERE.
extract()
{
    awk -v all="${WEFT_README_ALL:-}" '
    fence && /^ *```/ { if (file) close(file); fence = 0; file = ""; next }
    fence == 1 {
        fence++
        name = $0
        if (language ~ /^(c|cpp|c\+\+)$/ && name ~ /^(\/\*|\/\/) *[A-Za-z0-9_-]+\.(c|cpp)([^A-Za-z0-9_]|$)/) {
            sub(/^(\/\*|\/\/) */, "", name); match(name, /^[A-Za-z0-9_-]+\.(cpp|c)/)
            file = substr(name, 1, RLENGTH); programs++
        } else if (language ~ /^(sh|bash|console)$/ && marker ~ /^<!-- run/ && (all || marker !~ / in ci /))
            file = sprintf("run.%02d.%s", ++runs, marker ~ / at root / ? "root" : "here")
        marker = ""
    }
    fence && file ~ /^run/ { sub(/^\$ /, "") }
    fence { if (file) print > file; next }
    /^ *```[^`]*$/ { language = $0; gsub(/[ `]/, "", language); fence = 1; next }
    !/^ *$/ { marker = $0 }
    END { print programs + 0, "programs,", runs + 0, "blocks of commands" }' "$1"
}

failed=0
# attempt WHAT COMMAND... - runs it, with its output shown; notes a failure and goes on.
attempt()
{
    echo "== $document: $1"
    shift
    "$@" </dev/null && return 0
    echo "   FAILED with exit code $?"
    failed=$((failed + 1))
}

for path in "$source/README.md" "$source"/docs/*.md; do
    [ -e "$path" ] || continue
    document=${path#"$source"/}
    folder=$scratch/$(echo "$document" | tr / -)
    mkdir "$folder"
    cd "$folder"
    echo "== $document: $(extract "$path")"
    # shellcheck disable=SC2046 # several words are meant
    for program in *.c *.cpp; do
        case $program in
        '*'*) continue ;;
        *.cpp) attempt "build $program" "${CXX:-c++}" -std=c++17 -Wall -Wextra -Werror "$program" -o "${program%.*}" \
            $(pkg-config --cflags --libs weft) || continue ;;
        *.c) attempt "build $program" "${CC:-cc}" -std=c11 -Wall -Wextra -Werror "$program" -o "${program%.*}" \
            $(pkg-config --cflags --libs weft) || continue ;;
        esac
        [ ! -x "${program%.*}" ] || attempt "run $program" timeout 60 "./${program%.*}"
    done
    for block in run.*; do
        case $block in
        'run.*') ;;
        *.root) cd "$source" && attempt "$(cat "$folder/$block")" sh -eu "$folder/$block"; cd "$folder" ;;
        *) attempt "$(cat "$block")" sh -eu "$block" ;;
        esac
    done
done
[ "$failed" -eq 0 ]
