#!/bin/bash
# usage: with-guest.sh COMMAND... — runs COMMAND FOLDER BINARY KERNEL IMAGE MODULE with all that a guest needs.
#
# COMMAND is in network, mount and pid namespaces of its own: whatever ends it, the kernel ends all that it started. What is
# left is FOLDER, which goes here. Ends with 77, and says why in the last line, where something is missing that a guest needs.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
for tool in qemu-system-x86_64 ipmi_sim ipmitool busybox depmod modprobe mke2fs ip unshare setpriv apt-get dpkg-deb flock python3; do
    command -v $tool > /dev/null || { echo "$tool is not installed"; exit 77; }
done
echo '#include <OpenIPMI/lanserv.h>' | "${CC:-cc}" -E - > /dev/null 2>&1 || { echo 'libopenipmi-dev is not installed'; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo 'the guest runs the same programs as we do, and is an x86-64'; exit 77; }

# The X's are mktemp's, which puts a name there that nobody has; below, the same length is looked for.
folder=$(mktemp -d "${TMPDIR:-/tmp}/bmcnotice-guest-XXXXXX") child=
exec 9> "$folder/lock"
flock 9
finish() {
    [ -z "$child" ] || { kill -KILL "$child" 2> /dev/null; wait "$child" 2> /dev/null; }
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# What a run has left that was killed by force; one that goes on holds its lock.
for other in "$(dirname "$folder")"/bmcnotice-guest-??????; do
    [ "$other" = "$folder" ] || [ ! -O "$other" ] || [ ! -e "$other/lock" ] || ! flock -n "$other/lock" true || rm -rf "$other"
done

# Who is not root is root in a user namespace; but /dev/net/tun must let them.
spaces=(--net --mount --pid --fork --kill-child --mount-proc)
[ "$(id -u)" = 0 ] || spaces+=(--user --map-root-user)
unshare "${spaces[@]}" -- ip tuntap add tap0 mode tap > "$folder/try" 2>&1 || { echo "no namespace with a tap device: $(cat "$folder/try")"; exit 77; }

kernel=$("$here/kernel.sh" "$top/build/guest-kernel") || { status=$?; echo "$kernel"; exit $status; }
binary=${BMCNOTICE_BIN:-}
if [ -z "$binary" ]; then
    (cd "$top" && cargo build -q --release --features cli) || exit 1
    binary=$top/target/release/bmcnotice
fi
"$here/../ipmi/build.sh" "$folder/bmcmod.so" || exit 1
python3 -B "$here/image.py" root "$kernel" "$binary" "$here/init" "$folder/root" || exit 1

export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A shell for pid 1: it reaps what loses its parent.
setpriv --pdeathsig KILL unshare "${spaces[@]}" -- \
    bash -c '"$@" & wait $!; exit $?' guest "$@" "$folder" "$binary" "$kernel" "$folder/root" "$folder/bmcmod.so" < /dev/null 9>&- &
child=$!
wait "$child"
status=$?
child=
exit $status
