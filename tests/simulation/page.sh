#!/bin/bash
# usage: page.sh DOCUMENT REPORT VERSION [COMMAND] — puts a long run's report, dated, between the document's two marks.
set -euo pipefail
document=$1 report=$2 version=$3 command=${4:-make test-simulation-long}
begin="<!-- begin: $command -->" end="<!-- end: $command -->"
grep -qF -- "$begin" "$document" && grep -qF -- "$end" "$document" || { echo "$document has lost its marks" >&2; exit 1; }
part=$(mktemp) whole=$(mktemp)
trap 'rm -f "$part" "$whole"' EXIT
commit=$(git rev-parse --short HEAD 2> /dev/null || echo unknown)
{ printf 'Run on %s, version %s, commit %s.\n\n' "$(date -u +%F)" "$version" "$commit"; cat "$report"; } > "$part"
awk -v begin="$begin" -v end="$end" -v part="$part" '
    $0 == end { inside = 0 }
    !inside { print }
    $0 == begin { inside = 1; print ""; while ((getline line < part) > 0) print line; print "" }
' "$document" > "$whole"
cat "$whole" > "$document"
