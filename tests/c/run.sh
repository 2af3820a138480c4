#!/bin/bash
# usage: run.sh BUILD [valgrind] — builds the C tests and the examples through pkg-config against the staged tree,
# and runs them.
#
# Every tests/c/*.c is a test: its exit status counts. header.c is only compiled, elsewhere; panic*.c
# is linked with an archive of feature `sim`, whose engine can be made to panic.
set -euo pipefail
build=$1 mode=${2:-all} stage=$PWD/$1/stage out=$1/c failed=0

export PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_LIBDIR=$stage/usr/lib64/pkgconfig
mkdir -p "$out"
# The BMC of drill.c: a command line of any build that has `sim`.
export BMCNOTICE_CLI=${BMCNOTICE_CLI:-$PWD/target/debug/bmcnotice}

compile() { # OUTPUT SOURCE FLAGS...
    local output=$1 source=$2; shift 2
    # shellcheck disable=SC2086 # STRICT is a list
    ${CC:-cc} -std=c11 $STRICT -g -o "$out/$output" "$source" "$@"
}

try() { # WHAT COMMAND...
    local what=$1; shift
    if "$@"; then echo "ok: $what"; else echo "not ok: $what"; failed=1; fi
}

needs() { readelf -d "$1" | grep -q "NEEDED.*$2"; }
flags() { pkg-config "$@" bmcnotice; }

dynamic() { LD_LIBRARY_PATH=$stage/usr/lib64 "$@"; }

valgrind_checked() {
    UNDER_VALGRIND=1 LD_LIBRARY_PATH=$stage/usr/lib64 \
        valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite "$1"
}

# A defect is a code and a message, never a word on the host's stderr.
silent() { "$1" 2> "$out/stderr" && [ ! -s "$out/stderr" ] || { cat "$out/stderr"; return 1; }; }

if [ "$mode" = valgrind ] && ! command -v valgrind > /dev/null; then
    echo 'skipped: valgrind: valgrind is missing'
    exit 0
fi

# One way of linking: builds the examples and every test, and runs the tests.
linked() { # HOW RUN FLAGS...
    local how=$1 run=$2 source name; shift 2
    local examples='' under=''
    [ "$mode" != valgrind ] || under=', under valgrind'
    for source in bindings/c/examples/*.c; do
        name=$(basename "$source" .c)-$how
        compile "$name" "$source" "$@"
        examples+=" $out/$name"
    done
    for source in tests/c/*.c; do
        name=$(basename "$source" .c)
        case $name in header | panic*) continue ;; esac
        compile "$name-$how" "$source" "$@"
        case $how in
            dynamic) needs "$out/$name-$how" '\[libbmcnotice.so.0\]' || { echo "not ok: $name: no SONAME"; failed=1; } ;;
            static) ! needs "$out/$name-$how" . || { echo "not ok: $name: static, and needs a library"; failed=1; } ;;
            mixed) ! needs "$out/$name-$how" libbmcnotice || { echo "not ok: $name: mixed, and needs ours"; failed=1; } ;;
        esac
        EXAMPLES=$examples try "$name, $how$under" "$run" "$out/$name-$how"
    done
}

plain() { "$@"; }

# shellcheck disable=SC2046 # flags are lists
if [ "$mode" = valgrind ]; then
    linked dynamic valgrind_checked $(flags --cflags --libs)
    exit $failed
fi

# shellcheck disable=SC2046
{
    linked dynamic dynamic $(flags --cflags --libs)
    # -static makes the linker take the archive, and everything else, from static libraries.
    linked static plain -static $(flags --static --cflags --libs)
    # Only our archive static, the rest dynamic: what most daemons want.
    linked mixed plain $(flags --static --cflags --libs | sed 's/-lbmcnotice/-l:libbmcnotice.a/')

    for source in tests/c/panic*.c; do
        name=$(basename "$source" .c)
        compile "$name" "$source" $(flags --cflags) "$build/sim/libbmcnotice.a" $(cat "$build/libs")
        try "$name" silent "$out/$name"
    done
}

# The bait is in the tests' archive, and in nothing that is installed.
baited() { grep -q 'the bait was taken' "$1"; }
no_bait_installed() {
    baited "$build/sim/libbmcnotice.a" &&
        ! baited "$stage/usr/lib64/libbmcnotice.a" && ! baited "$stage/usr/lib64/libbmcnotice.so.0"
}
try 'no bait is installed' no_bait_installed

# Nothing that is installed says where it was built.
no_builders_path() { ! grep -rlF -e "$PWD" -e "$HOME/" "$stage"; }
try 'no builder'"'"'s path is installed' no_builders_path

# Somebody else's CMake project, from another folder.
by_cmake() {
    rm -rf "$out/cmake"
    cmake -S tests/c/cmake -B "$out/cmake" -DEXAMPLES="$PWD/bindings/c/examples" \
        -Dbmcnotice_DIR="$stage/usr/lib64/cmake/bmcnotice" -DCMAKE_C_STANDARD=11 > "$out/cmake.log" &&
        cmake --build "$out/cmake" >> "$out/cmake.log" || { cat "$out/cmake.log"; return 1; }
    needs "$out/cmake/thread" '\[libbmcnotice.so.0\]' && ! needs "$out/cmake/epoll" libbmcnotice
}
if command -v cmake > /dev/null; then try 'CMake package' by_cmake; else echo 'skipped: cmake: cmake is missing'; fi

# Whoever copies an example finds it within reach, and not longer than a page or two.
for source in bindings/c/examples/*.c; do
    [ "$(wc -l < "$source")" -le 120 ] || { echo "not ok: $source is longer than 120 lines"; failed=1; }
done
exit $failed
