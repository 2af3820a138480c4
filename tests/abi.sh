#!/bin/bash
# usage: abi.sh LIBRARY... NAMES — every library exports exactly the public names, with their versions.
set -euo pipefail
names=${!#}
work=build/abi
mkdir -p $work

# The header and the symbols file name the same functions.
"${CC:-cc}" -E -P include/bmcnotice.h | { grep -o '\<bmcn_[a-z0-9_]* *(' || [ $? -eq 1 ]; } | tr -d ' (' | sort > $work/declared
sed 's/@@.*//' "$names" | sort | diff - $work/declared
echo "ok: the header declares the $(wc -l < "$names") public functions"

# Published lines never change: what the last release exported is still there, with its version.
if tag=$(git describe --tags --abbrev=0 --match 'v*' 2> /dev/null); then
    git show "$tag:bindings/c/bmcnotice.sym" | awk '!/^#/ && NF { print $1 "@@BMCNOTICE_" $2 }' | sort > $work/published
    test -z "$(comm -23 $work/published <(sort "$names"))"
    echo "ok: nothing of $tag is gone"
fi

for library; do
    [ "$library" != "$names" ] || continue
    # nm also lists the version node itself, as an absolute symbol.
    nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort > $work/exported
    sort "$names" | diff - $work/exported
    readelf -d "$library" > $work/dynamic
    grep -q 'SONAME.*\[libbmcnotice.so.0\]' $work/dynamic
    grep -q 'NODELETE' $work/dynamic
    for word in RPATH RUNPATH TEXTREL; do ! grep -q $word $work/dynamic || exit 1; done
    for home in "$HOME/" "$PWD/"; do ! grep -qF "$home" "$library" || exit 1; done # nor where it was built
    echo "ok: $library"
done
