#!/bin/sh
# SPDX-License-Identifier: MIT
# "weft report" in gdb, on a live process that hangs and on its core file: says of each rank what the library's own report says.
# Skipped (77) without gdb, or where it may not attach to a process.
# Usage: test.sh SOURCE BUILD
set -eu
source=$1 build=$2
scratch=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid"; rm -rf "$scratch"' EXIT
command -v gdb >/dev/null || { echo "skipped: no gdb"; exit 77; }
library=$build/src
"${CC:-cc}" "$source/tests/gdb/hung.c" -o "$scratch/hung" -I"$source/include" -L"$library" -lweft "-Wl,-rpath,$library" -pthread
WEFT_REPORT=$scratch/own "$scratch/hung" &
pid=$!

report() { gdb -nx -q -batch "$@" -ex "source $source/scripts/weft-gdb.py" -ex "weft report" 2>&1 | grep '^weft: \|^  rank '; }
waiting='in call 3, allreduce(4 x int32, sum), waiting for rank 3'
check() # check WHAT FILE
{
    for rank in 0 1 2; do
        grep -q "^  rank $rank: $waiting" "$2" || { echo "$1: rank $rank is not said to wait"; cat "$2"; exit 1; }
    done
    grep -q '^  rank 3: last finished call 2, barrier(); awaited by ranks 0-2' "$2" &&
        grep -q '^weft: communicator 1, "hung", of 4 ranks$' "$2" || { echo "$1: unexpected"; cat "$2"; exit 1; }
}

sleep 1
for try in 1 2 3 4 5 6 7 8 9 10; do
    kill -USR1 "$pid"
    sleep 0.5
    [ "$(grep -c "$waiting" "$scratch/own")" -lt 3 ] || break
    [ "$try" = 10 ] || : >"$scratch/own"
done
check "the library's report" "$scratch/own"

gdb -nx -q -batch -p "$pid" -ex "generate-core-file $scratch/core" >"$scratch/attach.log" 2>&1 || :
if [ ! -s "$scratch/core" ]; then
    tail -3 "$scratch/attach.log"
    echo "skipped: gdb may not attach, or writes no core file"
    exit 77
fi
report -p "$pid" >"$scratch/live" || :
check "gdb on the process" "$scratch/live"
grep -q 'waiting for rank 3 for at least' "$scratch/live" || { echo "it does not say for how long"; cat "$scratch/live"; exit 1; }
report "$scratch/hung" "$scratch/core" >"$scratch/dead" || :
check "gdb on the core file" "$scratch/dead"
cat "$scratch/live"
