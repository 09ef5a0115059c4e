#!/bin/sh
# SPDX-License-Identifier: MIT
# A user's program built with ThreadSanitizer, over the library as it is installed, without: no false race may be reported, and a true
# one must be. Skipped (77) where the compiler has no ThreadSanitizer, or the system does not let it run.
# Usage: test.sh SOURCE BUILD
set -eu
source=$1 build=$2
here=$source/tests/tsan_user
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log"
libdir=$(dirname "$(find "$scratch/prefix" -name libweft.so)")
run="env LD_LIBRARY_PATH=$libdir TSAN_OPTIONS=halt_on_error=1:exitcode=66"
setarch -R true 2>/dev/null && run="setarch -R $run" # addresses spread too wide for it

echo 'int main(void) { return 0; }' >"$scratch/empty.c"
if ! "${CC:-cc}" -fsanitize=thread "$scratch/empty.c" -o "$scratch/empty" 2>/dev/null || ! $run "$scratch/empty" 2>/dev/null; then
    echo "skipped: no ThreadSanitizer"
    exit 77
fi
for how in shared static; do
    if [ $how = shared ]; then set -- "-L$libdir" -lweft; else
        # shellcheck disable=SC2046 # several words are meant
        set -- "$libdir/libweft.a" $(pkg-config --libs hwloc) -lm
    fi
    "${CC:-cc}" -std=gnu11 -g -O1 -fsanitize=thread -Wall -Wextra "$here/program.c" -I"$scratch/prefix/include" "$@" -pthread \
        -o "$scratch/program"
    echo "== no race is reported where there is none, $how"
    $run "$scratch/program"
    echo "== a race is reported where there is one, $how"
    code=0
    $run "$scratch/program" race 2>"$scratch/race.log" || code=$?
    if [ $code -ne 66 ] || ! grep -q "data race" "$scratch/race.log" || ! grep -q forgotten "$scratch/race.log"; then
        cat "$scratch/race.log"
        echo "expected a report of a data race on 'forgotten', exit code 66; found exit code $code"
        exit 1
    fi
done
