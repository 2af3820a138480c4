#!/bin/bash
# The same as tests/peers/test-guest.sh, with every way in which a system hangs.
set -euo pipefail
exec "$(dirname "$0")/../test-guest.sh" hung panic
