#!/bin/bash
# usage: with-lab.sh COMMAND... — runs COMMAND BINARY FOLDER with all that a cluster needs, and takes everything down after it.
#
# COMMAND is in pid and mount namespaces of its own: whatever ends it, the kernel ends all that it started, and with the
# processes go their networks and mounts. What is left are a folder and empty cgroups, which go here. Ends with 77, and says
# why in the last line, where there is no root, no package or no namespace.
set -uo pipefail
top=$(cd "$(dirname "$0")/../../.." && pwd)
[ "$(id -u)" = 0 ] || { echo 'namespaces and a cluster need root'; exit 77; }
for tool in corosync pacemakerd crm_mon crm_resource attrd_updater unshare nsenter setpriv flock ip python3; do
    command -v $tool > /dev/null || { echo "$tool is not installed"; exit 77; }
done
cgroup=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$cgroup" ] || { echo 'no cgroup v2 is mounted'; exit 77; }

# The X's are mktemp's, which puts a name there that nobody has; below, the same length is looked for.
folder=$(mktemp -d "${TMPDIR:-/tmp}/bmcnotice-cluster-XXXXXX") group=$cgroup/$(basename "$folder") child=
chmod 755 "$folder"
exec 9> "$folder/lock"
flock 9
remove() { # FOLDER
    local group
    group=$cgroup/$(basename "$1")
    if [ -d "$group" ]; then
        echo 1 > "$group/cgroup.kill"
        for _ in $(seq 100); do find "$group" -depth -type d -exec rmdir {} + 2> /dev/null; [ -d "$group" ] || break; sleep 0.05; done
    fi
    rm -rf "$1"
}
finish() {
    [ -z "$child" ] || { kill -KILL "$child" 2> /dev/null; wait "$child" 2> /dev/null; }
    remove "$folder"
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# What a run has left that was killed by force; one that goes on holds its lock.
for other in "$(dirname "$folder")"/bmcnotice-cluster-??????; do
    [ "$other" = "$folder" ] || [ ! -O "$other" ] || [ ! -e "$other/lock" ] || ! flock -n "$other/lock" true || remove "$other"
done

try() { unshare --mount --net --uts --ipc --pid --fork --kill-child --mount-proc -- sh -c "$1" > "$folder/try" 2>&1; }
try true || { echo "no namespaces: $(cat "$folder/try")"; exit 77; }
try 'ip link add br0 type bridge && ip link add veth0 type veth peer name veth1' || { echo "no bridge or no veth: $(cat "$folder/try")"; exit 77; }
try 'mount -t tmpfs t /mnt && mkdir /mnt/a && mount -t overlay o -o lowerdir=/mnt/a:/usr/sbin /usr/sbin' ||
    { echo "no overlay file system: $(cat "$folder/try")"; exit 77; }
mkdir "$group" 2> "$folder/try" || { echo "no cgroup: $(cat "$folder/try")"; exit 77; }
[ -w "$group/cgroup.kill" ] || { echo 'cgroups cannot be killed: Linux 5.14 or later is needed'; exit 77; }

binary=${BMCNOTICE_BIN:-}
if [ -z "$binary" ]; then
    (cd "$top" && cargo build -q --release --features cli) || exit 1
    binary=$top/target/release/bmcnotice
fi
export LAB_CGROUP=$group PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A shell for pid 1: it reaps what loses its parent.
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc -- \
    bash -c '"$@" & wait $!; exit $?' lab "$@" "$binary" "$folder" < /dev/null 9>&- &
child=$!
wait "$child"
status=$?
child=
exit $status
