#!/bin/bash
# The same as tests/peers/test-pacemaker.sh, with more of what is a matter of luck: both nodes at fault at once.
set -euo pipefail
exec "$(dirname "$0")/../test-pacemaker.sh" long
