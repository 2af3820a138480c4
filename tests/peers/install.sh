#!/bin/bash
# usage: install.sh ENV — installs the programs that the tests talk to, where it may, and says what and why.
#
# Writes BMCNOTICE_REQUIRE_PEERS=1 into ENV when all are there: from then on a missing peer is a failure
# and no longer a skip. Never fails by itself. Cheap when nothing is missing.
set -uo pipefail
env=$1
mkdir -p "$(dirname "$env")"

missing=() packages=()
need() { # PACKAGE WHY CHECK...
    local package=$1 why=$2; shift 2
    "$@" > /dev/null 2>&1 && return
    missing+=("$(printf '  %-16s %s' "$package" "$why")")
    packages+=("$package")
}
have() { command -v "$1"; }
includes() { echo "#include <$1>" | "${CC:-cc}" -E -; }

look() {
    missing=() packages=()
    need gcc             'compiles the C tests'                                 have "${CC:-cc}"
    need g++             'compiles the header as C++, and libFuzzer'            have "${CXX:-c++}"
    need binutils        'reads what the library exports'                       have readelf
    need pkg-config      'finds the installed library, as a C program would'    have pkg-config
    need cmake            'finds the installed library, as a CMake project would'   have cmake
    need valgrind        'watches the memory of the C tests'                    have valgrind
    need python3-venv    'holds the Python packages of the tests'               "${PYTHON:-python3}" -c 'import ensurepip, venv'
    need iproute2        'makes network namespaces for the tests'               have ip
    need snmp            'snmptrap and snmpinform send traps to us'             have snmptrap
    need snmptrapd       'decodes the same traps, to compare'                   have snmptrapd
    need ipmitool        'talks to our simulated BMC, and to the others'        have ipmitool
    need freeipmi-tools  'talks to our simulated BMC, and words PET traps'      have ipmi-pet
    need openipmi        'ipmi_sim is a BMC that we talk to'                    have ipmi_sim
    need corosync        'joins the nodes of a real cluster, each in namespaces'        have corosync
    need pacemaker       'moves services from one of its nodes to another'      have pacemakerd
    need pacemaker-cli-utils 'asks and tells it, as our Pacemaker action does'  have crm_mon
    need qemu-system-x86 'runs a kernel whose driver talks to such a BMC, and which it resets'  have qemu-system-x86_64
    need busybox-static  'is all else that runs beside our daemon there'       have busybox
    need kmod            'finds the modules that it loads'                      have depmod
    need e2fsprogs       'makes the disk that outlives its reset'               have mke2fs
    need tmux            'is the terminal that bmcnotice watch is tried in'     have tmux
    need libsnmp-dev     'is measured beside our SNMPv3, in make bench'         includes net-snmp/net-snmp-config.h
    need libopenipmi-dev 'builds what ipmi_sim lacks, as a module of it'        includes OpenIPMI/lanserv.h
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif [ -t 0 ] && [ "${CI:-}" != true ]; then sudo "$@"
    else sudo -n "$@"
    fi
}

install() {
    if ! command -v apt-get > /dev/null; then
        echo 'This is no Debian: install them by its own means.'
        return
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo > /dev/null; then
        echo "Neither root nor sudo; as root: apt-get install ${packages[*]}"
        return
    fi
    local get=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=60 -q)
    local arguments=(install -y --no-install-recommends "${packages[@]}") log
    log=$(dirname "$env")/apt.log
    as_root "${get[@]}" "${arguments[@]}" > "$log" 2>&1 ||
        { as_root "${get[@]}" update && as_root "${get[@]}" "${arguments[@]}"; } > "$log" 2>&1 ||
        { echo "apt-get failed, see $log:"; tail -n 3 "$log"; }
    # The tests start these themselves, on ports of their own; nothing shall stay running because of them.
    for service in snmptrapd snmpd openipmi ipmievd pacemaker corosync; do
        [[ " ${packages[*]} " == *" ${service/ipmievd/ipmitool} "* ]] || continue
        if [ -d /run/systemd/system ]; then as_root systemctl disable -q --now "$service"
        elif [ -x "/etc/init.d/$service" ]; then as_root "/etc/init.d/$service" stop
        fi > /dev/null 2>&1
    done
}

look
if [ ${#missing[@]} -gt 0 ]; then
    echo 'Missing Debian packages, and what the tests need them for:'
    printf '%s\n' "${missing[@]}"
    install
    look
fi
if [ ${#missing[@]} -gt 0 ]; then
    echo 'Still missing; the tests that need them will be skipped, by name:'
    printf '%s\n' "${missing[@]}"
    : > "$env"
else
    echo 'BMCNOTICE_REQUIRE_PEERS=1' > "$env"
fi
