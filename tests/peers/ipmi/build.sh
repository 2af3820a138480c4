#!/bin/sh
# build.sh OUT.so : builds the simulator's module; needs a C compiler and libopenipmi-dev
set -eu
here=$(cd "$(dirname "$0")" && pwd)
${CC:-cc} -Wall -O2 -shared -fPIC -o "$1.new" "$here/bmcmod.c"
mv "$1.new" "$1"
