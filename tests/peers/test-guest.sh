#!/bin/bash
# Our daemon in a guest of QEMU, whose kernel talks to a BMC that we reach over the network, from the fault to the reset that it
# really does and the boot after it. `test-guest.sh WORD...` tells only the stories whose names contain a word.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)/guest
exec "$here/with-guest.sh" "$here/stories.py" "$@"
