#!/bin/bash
# usage: run.sh SCRIPT... — runs each script; status 77 means skipped, its last line says why.
# Of a script that succeeds, lines that begin with # are shown: figures, say.
set -uo pipefail
failed=0
for script; do
    name=$(basename "$script" .sh)
    output=$("$script" 2>&1)
    case $? in
        0) echo "ok: $name"; grep '^#' <<< "$output" ;;
        77) echo "skipped: $name: ${output##*$'\n'}" ;;
        *) printf '%s\n' "$output"; echo "not ok: $name"; failed=1 ;;
    esac
done
exit $failed
