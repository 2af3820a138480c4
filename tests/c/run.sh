#!/bin/bash
# usage: run.sh BUILD [valgrind] — builds the C tests through pkg-config against the staged tree, and runs them.
#
# Every tests/c/*.c is a test: its exit status counts. header.c is only compiled, elsewhere; panic*.c
# is linked with an archive of feature `sim`, whose engine can be made to panic.
set -euo pipefail
build=$1 mode=${2:-all} stage=$PWD/$1/stage out=$1/c failed=0

export PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_LIBDIR=$stage/usr/lib64/pkgconfig
mkdir -p "$out"

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

# shellcheck disable=SC2046 # flags are lists
for source in tests/c/*.c; do
    name=$(basename "$source" .c)
    case $name in
        header) continue ;;
        panic*)
            [ "$mode" = all ] || continue
            compile "$name" "$source" $(flags --cflags) "$build/sim/libbmcnotice.a" $(cat "$build/libs")
            try "$name" silent "$out/$name"
            continue ;;
    esac

    compile "$name" "$source" $(flags --cflags --libs)
    try "$name, by SONAME" needs "$out/$name" '\[libbmcnotice.so.0\]'
    if [ "$mode" = valgrind ]; then
        try "$name, under valgrind" valgrind_checked "$out/$name"
        continue
    fi
    try "$name, dynamic" dynamic "$out/$name"

    # -static makes the linker take the archive, and everything else, from static libraries.
    compile "$name-static" "$source" -static $(flags --static --cflags --libs)
    ! needs "$out/$name-static" . || { echo "not ok: $name-static needs a shared library"; failed=1; }
    try "$name, static" "$out/$name-static"

    # Only our archive static, the rest dynamic: what most daemons want.
    compile "$name-mixed" "$source" $(flags --static --cflags --libs | sed 's/-lbmcnotice/-l:libbmcnotice.a/')
    ! needs "$out/$name-mixed" libbmcnotice || { echo "not ok: $name-mixed needs libbmcnotice.so"; failed=1; }
    try "$name, mixed" "$out/$name-mixed"
done
exit $failed
