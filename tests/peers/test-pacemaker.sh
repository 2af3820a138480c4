#!/bin/bash
# Our daemon on every node of a real Corosync and Pacemaker cluster, from a BMC's fault to the services' running elsewhere and
# the node's coming back. `test-pacemaker.sh WORD...` tells only the stories whose names contain a word.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)/pacemaker
[ $# -gt 0 ] || set -- short
exec "$here/with-lab.sh" "$here/stories.py" "$@"
