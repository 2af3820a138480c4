#!/bin/bash
# usage: run.sh DOCUMENT BENCH... — runs the benches, shows their figures, and puts the table into the
# document between its two marks. Fails when a budget is broken by more than a tenth: less is noise.
set -euo pipefail
cd "$(dirname "$0")/.."
document=$1; shift
lines=$(mktemp) part=$(mktemp)
trap 'rm -f "$lines" "$part"' EXIT

for bench in "$@"; do
    if [ -x "benches/$bench.sh" ]; then "benches/$bench.sh"; else cargo bench -q --features sim --bench "$bench"; fi | tee -a "$lines"
done

failed=0
{
    printf 'Measured on %s, with %s cores of %s, Linux %s, %s.\n\n' "$(date -u +%F)" "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r | cut -d- -f1)" "$(rustc --version | cut -d' ' -f1,2)"
    awk -v margin=0.1 -f benches/table.awk "$lines"
} > "$part" || failed=1

begin='<!-- begin: make bench -->' end='<!-- end: make bench -->'
grep -qF -- "$begin" "$document" && grep -qF -- "$end" "$document" || { echo "$document has lost its marks" >&2; exit 1; }
awk -v begin="$begin" -v end="$end" -v part="$part" '
    $0 == end { inside = 0 }
    !inside { print }
    $0 == begin { inside = 1; print ""; while ((getline line < part) > 0) print line; print "" }
' "$document" > "$lines"
cat "$lines" > "$document"
echo; cat "$part"
exit $failed
