#!/bin/sh
# SPDX-License-Identifier: MIT
# `weft trace` on a trace whose sums are known, on one that was cut off where its process was killed, and on what is no trace; and on one
# that the library has just written at the exit of a program.
# Usage: test.sh SOURCE BUILD
set -eu
source=$1 build=$2
weft=$build/tools/weft/weft
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# Call 1: rank 1 comes 30 us after rank 0 and 20 us after rank 2, which waited for 5 us only. Call 2: rank 0 comes last, but rank 1 had left.
event() # event NAME NUMBER RANK BEGIN DURATION WAITED
{
    echo "{\"name\":\"$1\",\"cat\":\"blocking\",\"ph\":\"X\",\"pid\":7,\"tid\":$3,\"ts\":$4,\"dur\":$5,\"args\":{\"number\":$2,\"call\":\"$1()\",\"waited_us\":$6,\"last\":1}}"
}
{
    printf '[\n{"name":"process_name","ph":"M","pid":7,"tid":0,"args":{"name":"known"}},\n'
    event barrier 1 0 100.000 40.000 38.000 && echo ,
    event barrier 1 1 130.000 10.000 0.500 && echo ,
    event barrier 1 2 110.000 30.000 5.000 && echo ,
    event broadcast 2 1 200.000 1.000 0.000 && echo ,
    event broadcast 2 2 201.000 49.000 40.000 && echo ,
    event broadcast 2 0 240.000 10.000 0.000
} >cut.json
cp cut.json known.json
echo "]" >>known.json
cat >expected <<'END'
communicator 7, "known", 3 ranks
rank 0 2 50.00 us 38.00 us 39.00 us 1 39.00 us in call 2
rank 1 2 11.00 us 0.50 us 35.00 us 1 35.00 us in call 1
rank 2 2 79.00 us 45.00 us 0.00 us 0
barrier 1 80.00 us 43.50 us 35.00 us 35.00 us in call 1, by rank 1
broadcast 1 60.00 us 40.00 us 39.00 us 39.00 us in call 2, by rank 0
END
for file in known.json cut.json; do
    "$weft" trace $file >found.text
    sed '/^ .*calls/d; s/  */ /g; s/ *$//' found.text | diff expected - || { echo "$file: the above differs"; exit 1; }
done
echo '{"no": "trace"}' >other.json
for wrong in other.json missing.json; do
    ! "$weft" trace $wrong 2>error.text || { echo "$wrong is taken for a trace"; exit 1; }
    grep -q "$wrong" error.text
done

cat >exits.c <<'END'
#include <stdlib.h>
#include <weft/weft.h>
static weft_status body(weft_comm *comm, void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++)
        if (weft_barrier(comm) != WEFT_OK)
            return weft_comm_status(comm);
    if (weft_comm_rank(comm) == 0)
        exit(0); /* with the others alive, and nothing destroyed */
    return weft_barrier(comm);
}
int main(void)
{
    return weft_run(3, NULL, body, NULL) != WEFT_OK;
}
END
"${CC:-cc}" exits.c -o exits -I"$source/include" -L"$build/src" -lweft "-Wl,-rpath,$build/src" -pthread
WEFT_TRACE=exits.json ./exits
"$weft" trace exits.json | grep -q '^rank 0  *50 '
