#!/bin/sh
# SPDX-License-Identifier: MIT
# Uses Weft as its users do: installs it into an empty folder, moves that elsewhere, and builds and runs there a C program
# by pkg-config (shared and static), a C++ program by find_package, and one that has Weft as a subproject.
# Usage: test.sh SOURCE BUILD
set -eu
source=$1 build=$2
here=$source/tests/install
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
step() { echo "== $*"; }

step "install"
cmake --install "$build" --prefix "$scratch/first" >"$scratch/install.log"
mv "$scratch/first" "$scratch/prefix"
prefix=$scratch/prefix
libdir=$(dirname "$(find "$prefix" -name libweft.so)")
if grep -rlF -e "$build" -e "$source/src" -e "$source/include" -e "$scratch/first" "$libdir/pkgconfig" "$libdir/cmake"; then
    echo "the files above name the folder they were built in or installed to"
    exit 1
fi

step "C by pkg-config, shared"
export PKG_CONFIG_PATH="$libdir/pkgconfig"
cd "$scratch"
pkg-config --print-errors --exists weft
# shellcheck disable=SC2046 # several words are meant
"${CC:-cc}" -std=c11 -Wall -Wextra -Werror "$here/consumer.c" -o shared $(pkg-config --cflags --libs weft)
LD_LIBRARY_PATH=$libdir ./shared
readelf -d shared | grep -q 'NEEDED.*\[libweft\.so\.0\]'

step "C by pkg-config, static"
# shellcheck disable=SC2046
"${CC:-cc}" -std=c11 -Wall -Wextra -Werror "$here/consumer.c" -o static $(pkg-config --cflags weft) "$libdir/libweft.a" \
    $(pkg-config --libs hwloc) -pthread -lm
./static

step "C++ by find_package"
cmake -S "$here" -B by-package -DCMAKE_PREFIX_PATH="$prefix" >by-package.log 2>&1 || { cat by-package.log; exit 1; }
cmake --build by-package -j 2 >>by-package.log 2>&1 || { cat by-package.log; exit 1; }
./by-package/consumer
./by-package/consumer_static

step "C as a subproject"
cmake -S "$here/subproject" -B by-subproject -DWEFT_SOURCE="$source" -DCMAKE_BUILD_TYPE=Debug >by-subproject.log 2>&1 || { cat by-subproject.log; exit 1; }
cmake --build by-subproject --target consumer -j 2 >>by-subproject.log 2>&1 || { tail -30 by-subproject.log; exit 1; }
./by-subproject/consumer

step "manual pages"
man=$(dirname "$(dirname "$(find "$prefix" -name weft.7)")")
functions=$(nm -D --defined-only "$libdir/libweft.so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }')
# shellcheck disable=SC2086 # a list of words
for page in man1/weft.1 man7/weft.7 $(printf 'man3/%s.3 ' $functions); do
    [ -s "$man/$page" ] || { echo "$page is not installed"; exit 1; }
    name=$(basename "$page")
    grep -q "^.SH NAME" "$man/$page" && grep -q "^${name%.*}[ ,]\|, ${name%.*}[ ,]" "$man/$page" || { echo "$page has no NAME"; exit 1; }
done
if grep -il "not in this version" "$man"/man3/*; then
    echo "the header says that these are not there, and they are"
    exit 1
fi
if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$man"/man*/*
elif command -v groff >/dev/null; then
    for page in "$man"/man*/*; do groff -man -ww -z "$page" 2>&1; done | tee groff.log
    [ ! -s groff.log ]
fi
for named in $(cat "$man"/man*/* | grep -o '\(examples\|docs\)/[a-z_]*\.[a-z]*' | sort -u); do
    [ -e "$prefix/share/doc/weft/$named" ] || { echo "the pages name $named, which is not installed"; exit 1; }
done

step "the command"
"$prefix/bin/weft" --help >/dev/null
"$prefix/bin/weft" info >/dev/null
