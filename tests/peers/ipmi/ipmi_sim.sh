#!/bin/sh
# ipmi_sim.sh DIR ADDR UDPPORT GUID : becomes one ipmi_sim (stop it by this process's id)
# DIR keeps its state, log, chassis.log and, with a module, module.log. GUID: 32 hex digits.
# env MODULE=bmcmod.so (from build.sh) adds watchdog, PET acknowledge and the recovery handshake
#     CONSOLE=TCPPORT opens the simulator's command console
#     VM=TCPPORT listens for QEMU (-device ipmi-bmc-extern), which it then also resets and powers
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/state"
dir=$(cd "$1" && pwd)
sed -e "s|@NAME@|${dir##*/}|; s|@ADDR@|$2|; s|@PORT@|$3|; s|@GUID@|$4|; s|@EXTRA@|${VM:+  serial 15 $2 $VM codec VM}|" \
    -e "s|@CHASSIS@|$here/chassis.sh $dir|" "$here/lan.conf.in" >"$dir/lan.conf"
[ -z "${CONSOLE:-}" ] || echo "console $2 $CONSOLE" >>"$dir/lan.conf"
[ -z "${MODULE:-}" ] || echo "loadlib \"$MODULE\" \"$dir/module.log\"" >>"$dir/lan.conf"
# The program would take the chassis commands, and the machine at the VM line would hear of none.
[ -z "${VM:-}" ] || sed -i '/^ *chassis_control /d' "$dir/lan.conf"
# It sets SO_REUSEADDR and would share a port that another one holds, so look first.
if command -v ss >/dev/null && ss -Hlun "src $2 and sport = :$3" | grep -q .; then
    echo "$2:$3 is taken" >&2
    exit 1
fi
# The GUID above is what it says over LAN; the module says it to the host's driver, too.
export SYSTEM_GUID="$4"
exec ipmi_sim -n -c "$dir/lan.conf" -f "$here/bmc.emu" -s "$dir/state" >"$dir/log" 2>&1 </dev/null
