#!/bin/bash
# What the README tells a newcomer works as it stands there: its blocks are taken out of it and run, with a real snmptrap.
# Only the two ports are others, so that nothing else on this machine is in the way.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
for tool in snmptrap pkg-config cc; do
    command -v $tool > /dev/null || { echo "$tool is not installed"; exit 77; }
done
stage=$top/build/stage cli=$top/target/release/bmcnotice python=${BMCNOTICE_PYTHON:-python3}
[ -x "$cli" ] || { echo "no $cli: make demo builds it"; exit 77; }
[ -e "$stage/usr/lib64/pkgconfig/bmcnotice.pc" ] || { echo "nothing is installed in build/stage: make test-c does that"; exit 77; }

work=$(mktemp -d /dev/shm/bmcnotice-readme-XXXXXX)
started=()
finish() {
    [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2> /dev/null || :
    wait 2> /dev/null || :
    rm -rf "$work"
}
trap finish EXIT
mkdir -p "$work/target/release"
ln -s "$cli" "$work/target/release/bmcnotice"
cd "$work"

read -r bmc_port trap_port < <("$python" -c '
import socket
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))')
block() { # LANGUAGE PATTERN: the first fenced block of that language with a line that matches
    awk -v language="$1" -v pattern="$2" '
        /^```/ { if (inside) { if (found && wanted) { printf "%s", text; exit } inside = 0 }
                 else { inside = 1; wanted = ($0 == "```" language); text = ""; found = 0 }
                 next }
        inside { text = text $0 "\n"; if ($0 ~ pattern) found = 1 }' "$top/README.md" |
        sed "s/127\.0\.0\.1:9623/127.0.0.1:$bmc_port/g; s/127\.0\.0\.1:1162/127.0.0.1:$trap_port/g; s|/dev/shm/bmcnotice-try|$work/journal|g"
}
fail() { echo "not so: $1"; shift; for file; do echo "--- $file"; cat "$file"; done; exit 1; }
until_seen() { # FILE TEXT
    for _ in $(seq 100); do grep -q -- "$2" "$1" && return; sleep 0.1; done
    fail "'$2' in $1" ./*.log
}
count() { grep -c -- "$2" "$1" || :; }

# --- the command line, three terminals

block sh 'try/recover.sh' > 1.sh
block sh 'try/bmcnotice.toml <<END' > 2.sh
block sh 'bmcnotice sim' > 3.sh
block sh '^snmptrap' > 4.sh
for step in 1 2 3 4; do [ -s $step.sh ] || fail "the README has a block for step $step"; done
bash -eu 1.sh
bash -eu 2.sh > check.log || fail 'check finds no error' check.log
sim_line=$(sed -n 1p 3.sh) run_line=$(sed -n 2p 3.sh)
$sim_line --listen 127.0.0.1:"$bmc_port" >> sim.log 2>&1 & started+=($!)
until_seen sim.log "127.0.0.1:$bmc_port"
$run_line > run.log 2>&1 & started+=($!)
until_seen sim.log 'armed'
bash -eu 4.sh
until_seen sim.log 'recovery ended (done)'
until_seen run.log 'moving my services away: Memory (sensor 20h): Uncorrectable memory error'
bash -eu 4.sh # the same notice again
sleep 0.5
[ "$(count run.log 'moving my services away')" = 1 ] || fail 'nothing runs twice' run.log
[ "$(count sim.log 'heard: recovery started')" = 1 ] || fail 'started is said once' sim.log
kill "${started[1]}"
until_seen sim.log 'disarmed'

# --- the C and the Python example, each with a monitor that calls back

callback() { # NAME COMMAND...
    local name=$1; shift
    sed "s|^recovery = .*|recovery = \"callback\"|; s|$work/journal|$work/journal-$name|" try/bmcnotice.toml > "$name.toml"
    : > sim.log
    cp "$name.toml" bmcnotice.toml # the name in the Python example
    "$@" "$name.toml" > "$name.log" 2>&1 & local pid=$!
    started+=($pid)
    until_seen sim.log 'session opened' # a BMC that is armed already does not say so again
    sleep 0.5
    bash -eu 4.sh
    until_seen sim.log 'recovery ended (done)'
    kill $pid
    wait $pid 2> /dev/null || :
    until_seen "$name.log" 'moving my services away: Memory (sensor 20h)'
}

block c 'bmcnotice.h' > recover.c
export PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_LIBDIR=$stage/usr/lib64/pkgconfig
block sh '^cc -o recover' > cc.sh
sed -i 's/^cc /cc -std=c11 -Wall -Wextra -Wpedantic -Werror /' cc.sh
bash -eu cc.sh || fail 'the C example compiles' recover.c
callback c env LD_LIBRARY_PATH="$stage/usr/lib64" stdbuf -oL ./recover

if "$python" -c 'import bmcnotice' 2> /dev/null; then
    block python 'import bmcnotice' > recover.py
    callback python "$python" recover.py
else
    echo 'the Python package is not installed: make test-python does that'
    exit 77
fi
