# SPDX-License-Identifier: MIT
# setup.sh - sourced by ./run, ./test and scripts/ci: installs what is missing, configures and builds, quietly.
# The caller has set `root` to the top of the checkout. Plain sh; nothing but a Debian base system is assumed.

# What every build needs: package, and after a colon the command that will do in its place.
build_packages='make:make gcc:gcc g++:g++ cmake:cmake pkg-config:pkg-config libhwloc-dev libcjson-dev'
jobs=$(nproc)

# fail MESSAGE - what went wrong, and no further.
fail()
{
    printf '%s\n' "$*" >&2
    exit 1
}

# installed PACKAGE[:COMMAND]
installed()
{
    case $1 in
    *:*) command -v "${1#*:}" >/dev/null 2>&1 && return 0 ;;
    esac
    dpkg-query -W -f '${Status}\n' "${1%:*}" 2>/dev/null | grep -q '^install ok installed'
}

# need PACKAGE... - installs those that are missing, as root or through sudo; without either says how, and stops.
need()
{
    missing=
    for package in "$@"; do
        installed "$package" || missing="$missing ${package%:*}"
    done
    missing=${missing# }
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null 2>&1 ||
        fail "Missing:
    $missing
These are the names of Debian's packages, and this system has no apt-get. Install what they hold, with its headers."

    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root=sudo
        # Without a terminal nobody can type a password.
        if ! command -v sudo >/dev/null 2>&1 || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
            fail "These packages are missing, and installing them takes root. Type this as root, then try again:

    apt-get update && apt-get install -y --no-install-recommends $missing"
        fi
        [ ! -t 0 ] || sudo -v || exit 1 # asks now: the steps below are quiet
    fi
    mkdir -p "$root/build"
    quietly "Updating the package lists" install.log $as_root apt-get update
    # shellcheck disable=SC2086 # a list of words
    quietly "Installing $missing" install.log $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
}

# quietly WHAT LOG COMMAND... - runs it with its output in build/LOG. Says WHAT once two seconds have passed, with a dot
# for every two more, and the log's end when it fails.
quietly()
{
    what=$1 log=$root/build/$2
    shift 2
    tick &
    ticker=$!
    trap 'kill $ticker 2>/dev/null' EXIT
    status=0
    "$@" >"$log" 2>&1 </dev/null || status=$?
    kill $ticker 2>/dev/null || :
    wait $ticker 2>/dev/null || :
    trap - EXIT
    [ $status -eq 0 ] && return 0
    tail -n 40 "$log" >&2
    fail "$what failed with exit code $status; all it said is in $log"
}

# tick - what quietly says meanwhile, until it is killed or, when Ctrl-C ended the script, finds itself alone.
tick()
{
    said=
    trap '[ -z "$said" ] || echo; kill $nap; exit' TERM
    while kill -0 $$ 2>/dev/null; do
        sleep 2 >/dev/null 2>&1 &
        nap=$!
        wait $nap
        [ -n "$said" ] || printf '%s' "$what (log: ${log#"$root"/}) .."
        said=1
        printf .
    done
}

# build FOLDER TARGETS [CMAKE OPTION...] - configures build/FOLDER ("." is build itself) and builds the targets. build/ itself
# takes the options in WEFT_CMAKE_OPTIONS, too.
build()
{
    folder=build/$1 target=$2
    shift 2
    # shellcheck disable=SC2086 # a list of words
    [ "$folder" != build/. ] || set -- ${WEFT_CMAKE_OPTIONS:-} "$@"
    folder=${folder%/.}
    suffix=$(echo "${folder#build}" | tr / -)
    mkdir -p "$root/$folder"
    quietly "Configuring Weft in $folder" "configure$suffix.log" cmake -S "$root" -B "$root/$folder" "$@"
    # shellcheck disable=SC2086 # a list of words
    quietly "Building Weft in $folder" "build$suffix.log" cmake --build "$root/$folder" -j "$jobs" --target $target
}

# run_tests FOLDER [CTEST OPTION...] - runs the tests of build/FOLDER; ends with a line "N passed, N failed".
run_tests()
{
    folder=build/$1
    folder=$root/${folder%/.}
    shift
    status=0
    rm -f "$folder/tests.xml"
    ctest --test-dir "$folder" --output-on-failure --no-tests=error -j "$jobs" --output-junit tests.xml "$@" || status=$?
    [ -e "$folder/tests.xml" ] || return $status # --help and the like
    # A program that is not there counts as skipped in the file, but not in the exit code.
    # shellcheck disable=SC2046 # three words
    closing_line $(awk -F'"' -v status=$status '/ *tests="/ { tests = $2 } / *failures="/ { failed = $2 }
        / *skipped="/ { skipped = $2 } / *disabled="/ { skipped += $2 }
        NR > 2 && />/ { if (status && !failed) { failed = 1; skipped -= (skipped > 0) }
                        passed = tests - failed - skipped; print (passed > 0 ? passed : 0), failed, skipped; exit }' "$folder/tests.xml")
    return $status
}

# closing_line PASSED FAILED [SKIPPED]
closing_line()
{
    if [ "${3:-0}" -gt 0 ]; then
        echo "$1 passed, $2 failed, $3 skipped"
    else
        echo "$1 passed, $2 failed"
    fi
}
