#!/bin/bash
# A real cluster of two nodes: how long until the services run elsewhere. Needs root and Pacemaker; says so where they are not.
set -euo pipefail
pacemaker=$(cd "$(dirname "$0")/../tests/peers/pacemaker" && pwd) status=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
"$pacemaker/with-lab.sh" "$pacemaker/bench.py" "${1:-24}" > "$output" || status=$?
if [ $status = 77 ]; then echo "skipped: cluster: $(tail -n 1 "$output")"; exit; fi
cat "$output"
exit $status
