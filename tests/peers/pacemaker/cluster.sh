#!/bin/bash
# A real Corosync and Pacemaker cluster of N nodes on one machine, without systemd: each node has mount, net, uts, ipc and pid
# namespaces of its own, and a cgroup (v2), which is what a reset and fence_lab pull the plug of.
#
#   cluster.sh switch N        only the network between N nodes and their BMCs; `up` makes it if it is not there
#   cluster.sh up N            bring node1 to nodeN up, and wait until failover1 runs on node1
#   cluster.sh down            kill every node and remove all state
#   cluster.sh exec NODE CMD.. run CMD inside NODE ("switch" = the network where the BMCs are)
#   cluster.sh kill NODE       power loss: every process of NODE gets SIGKILL
#   cluster.sh start NODE      boot a node that was killed; nothing if it is up
#   cluster.sh reset NODE      both, after a while; nothing while the file hold-NODE is in the state directory
#   cluster.sh daemon NODE     start NODE's bmcnotice, as its boot does
#   cluster.sh where           the node that runs failover1 (last member active)
#   cluster.sh status          crm_mon -1
#
# Environment: LAB_RUN      state directory, required; config/NODE.toml in it makes the node run bmcnotice from its boot on,
#                           as the user in config/NODE.user if there is one
#              LAB_BIN      the bmcnotice to run
#              LAB_CGROUP   the cgroup below which its own is made (default: the root of cgroup v2)
#              LAB_STONITH  0 = no fencing, 1 = fence_lab (default 0)
#              LAB_AGENT    the resources' agent, provider:type (default lab:service, which is in agents/)
#              LAB_DEADTIME dc-deadtime (default 2s; Pacemaker's own is 20s)
#              LAB_OFF      how long a reset node is off, s (default 2: longer than the token, as a real boot)
#              LAB_TOKEN    corosync's token, ms (default 1000)
# All but LAB_RUN are kept at `up` for the later calls.
#
# A reset loses /run, /dev/shm, the CIB and the boot id; what survives is disk/NODE, which the node sees as /mnt.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NET=10.77.0
die() { echo "cluster.sh: $*" >&2; exit 1; }
[ -n "${LAB_RUN:-}" ] || { sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2; }
RUN=$LAB_RUN
[ ! -e "$RUN/settings" ] || . "$RUN/settings"

cg_of() { echo "$CGROUP/$1"; }
alive() { [ -s "$RUN/$1/pid" ] && kill -0 "$(cat "$RUN/$1/pid")" 2>/dev/null; }
nodes() { for d in "$RUN"/node*/; do [ -d "$d" ] && basename "$d"; done; }

in_node() {
    local n=$1 pid; shift
    pid=$(cat "$RUN/$n/pid" 2>/dev/null) || die "no node $n"
    [ "$n" != switch ] || exec nsenter -t "$pid" -n -- "$@"
    exec nsenter -t "$pid" -m -u -n -i -p -- "$@"
}

corosync_conf() {
    local n=$1 i
    cat <<C
totem {
    version: 2
    cluster_name: lab
    transport: knet
    token: ${LAB_TOKEN:-1000}
    crypto_cipher: none
    crypto_hash: none
}
nodelist {
C
    for ((i = 1; i <= n; i++)); do
        printf '    node {\n        name: node%d\n        nodeid: %d\n        ring0_addr: %s.%d\n    }\n' $i $i $NET $i
    done
    printf '}\nquorum {\n    provider: corosync_votequorum\n'
    [ "$n" = 2 ] && printf '    two_node: 1\n    wait_for_all: 1\n'
    cat <<'C'
}
logging {
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: no
    to_stderr: no
    timestamp: hires
}
C
}

cib_xml() {
    local n=$1 i st=false agent=${LAB_AGENT:-lab:service}
    [ "${LAB_STONITH:-0}" = 1 ] && st=true
    cat <<C
<cib crm_feature_set="3.0.14" validate-with="pacemaker-3.0" epoch="1" num_updates="0" admin_epoch="1">
 <configuration>
  <crm_config><cluster_property_set id="cib-bootstrap-options">
   <nvpair id="opt-stonith" name="stonith-enabled" value="$st"/>
   <nvpair id="opt-health" name="node-health-strategy" value="migrate-on-red"/>
   <nvpair id="opt-dead" name="dc-deadtime" value="${LAB_DEADTIME:-2s}"/>
  </cluster_property_set></crm_config>
  <nodes>
C
    for ((i = 1; i <= n; i++)); do echo "   <node id=\"$i\" uname=\"node$i\"/>"; done
    printf '  </nodes><resources>\n   <group id="failover1">\n'
    for i in 1 2 3; do
        cat <<C
    <primitive id="app$i" class="ocf" provider="${agent%:*}" type="${agent#*:}"><operations>
     <op id="app$i-monitor" name="monitor" interval="10s" timeout="20s"/>
    </operations></primitive>
C
    done
    echo '   </group>'
    [ $st = false ] || cat <<'C'
   <primitive id="fencing" class="stonith" type="fence_lab"><instance_attributes id="fencing-ia">
    <nvpair id="fencing-pcmk" name="pcmk_host_check" value="dynamic-list"/>
   </instance_attributes></primitive>
C
    cat <<'C'
  </resources><constraints>
   <rsc_location id="prefer-node1" rsc="failover1" node="node1" score="50"/>
  </constraints>
  <rsc_defaults><meta_attributes id="rsc-defaults">
   <nvpair id="stick" name="resource-stickiness" value="100"/>
  </meta_attributes></rsc_defaults>
 </configuration><status/>
</cib>
C
}

run_daemon() { # NODE, inside of it
    local as=() user=root
    [ ! -e "$RUN/config/$1.user" ] || { user=$(cat "$RUN/config/$1.user"); as=(setpriv "--reuid=$user" --regid=nogroup --clear-groups --); }
    install -d -o "$user" -m 700 /run/bmcnotice
    chown -R "$user" /run/bmcnotice /mnt "$RUN/config/$1.toml"
    "${as[@]}" "$LAB_BIN" run --verbose --config "$RUN/config/$1.toml" </dev/null >>"$RUN/log/$1/daemon" 2>&1 &
    echo $! >/run/bmcnotice.pid
}

# pid 1 of a node: private mounts, then corosync and pacemakerd in the foreground
node_init() {
    local n=$1 d=$RUN/$1 pid x
    read -r pid x </proc/self/stat           # /proc is still the outer one: our pid out there
    echo "$pid" >"$d/pid"
    echo 0 >"$(cg_of "$n")/cgroup.procs"
    hostname "$n"
    mount --make-rprivate /
    mount -t proc proc /proc || exit 1
    cat /proc/sys/kernel/random/uuid >"$d/boot_id" && mount --bind "$d/boot_id" /proc/sys/kernel/random/boot_id || exit 1
    for x in /dev/shm /run /var/lib/pacemaker /var/lib/corosync; do mount -t tmpfs tmpfs $x || exit 1; done
    mount --bind "$RUN/log/$n" /var/log && mount --bind "$d/etc" /etc/corosync || exit 1
    mount -t overlay overlay -o "lowerdir=$here/agents/sbin:/usr/sbin" /usr/sbin || exit 1
    mount -t overlay overlay -o "lowerdir=$here/agents/ocf:/usr/lib/ocf/resource.d" /usr/lib/ocf/resource.d || exit 1
    mount --bind "$RUN/disk/$n" /mnt || exit 1
    install -d -o hacluster -g haclient -m 750 /var/lib/pacemaker/{cib,pengine,blackbox,cores} /run/crm
    install -d -o hacluster -g haclient -m 770 /var/log/pacemaker
    install -d /var/log/corosync /run/resource-agents /run/lock
    install -o hacluster -g haclient -m 600 "$RUN/cib.xml" /var/lib/pacemaker/cib/cib.xml
    ln -s "$RUN" /run/lab
    for ((x = 0; x < 500; x++)); do [ -e "$d/go" ] && break; sleep 0.02; done # eth0 is there now
    ulimit -l unlimited 2>/dev/null
    corosync -f </dev/null >>"$RUN/log/$n/corosync.out" 2>&1 &
    for ((x = 0; x < 200; x++)); do corosync-cfgtool -s >/dev/null 2>&1 && break; sleep 0.05; done
    PCMK_logfile=/var/log/pacemaker/pacemaker.log PCMK_logfacility=none \
        pacemakerd -f </dev/null >>"$RUN/log/$n/pacemaker.out" 2>&1 &
    echo $! >/run/pacemakerd.pid
    [ ! -e "$RUN/config/$n.toml" ] || run_daemon "$n"
    trap 'kill $(jobs -p); wait; exit 0' TERM
    while :; do wait; sleep 3600 & done
}

# A BMC and a fence agent may both want to boot it.
alone() { exec 7>>"$RUN/lock-$1"; flock 7; }

start_node() {
    local n=$1 i=${1#node} d=$RUN/$1 x pid sw
    rm -rf "$d"; mkdir -p "$d/etc" "$RUN/log/$n" "$RUN/disk/$n" "$(cg_of "$n")"
    chmod 700 "$RUN/disk/$n"
    cp "$RUN/corosync.conf" "$d/etc/"
    setsid unshare --mount --net --uts --ipc --pid --fork --kill-child -- "$here/cluster.sh" __init "$n" \
        </dev/null >>"$RUN/log/$n/init" 2>&1 7>&- &
    for ((x = 0; x < 500; x++)); do [ -s "$d/pid" ] && break; sleep 0.02; done
    pid=$(cat "$d/pid") || die "$n did not start, see $RUN/log/$n/init"
    sw=$(cat "$RUN/switch/pid")
    nsenter -t "$sw" -n ip link del "p$i" 2>/dev/null # a killed node's, which the kernel has not yet taken down
    ip link add eth0 address "02:00:00:00:00:$(printf %02x $i)" netns "$pid" type veth peer name "p$i" netns "$sw" || die "veth"
    nsenter -t "$sw" -n ip link set "p$i" master br0 up
    nsenter -t "$pid" -n sh -c "ip link set lo up; ip addr add $NET.$i/24 dev eth0; ip link set eth0 up"
    : >"$d/go"
}

switch() {
    local n=$1 x root
    case $n in [1-9]|1[0-6]) ;; *) die "1 to 16 nodes";; esac
    [ ! -e "$RUN/settings" ] || die "already up ($RUN); cluster.sh down first"
    [ "$(id -u)" = 0 ] || die "needs root"
    root=${LAB_CGROUP:-$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)}
    [ -n "$root" ] || die "no cgroup v2 is mounted"
    CGROUP=$root/lab-$(basename "$RUN")
    mkdir "$CGROUP" || die "no cgroup can be made"
    mkdir -p "$RUN/switch" "$RUN/locks" "$RUN/config" && : >>"$RUN/history"
    {
        printf 'CGROUP=%q\nexport CGROUP\n' "$CGROUP"
        printf 'LAB_BIN=%q\nLAB_STONITH=%q\nLAB_TOKEN=%q\nLAB_OFF=%q\n' "${LAB_BIN:-}" "${LAB_STONITH:-0}" "${LAB_TOKEN:-1000}" "${LAB_OFF:-2}"
    } >"$RUN/settings"
    corosync_conf "$n" >"$RUN/corosync.conf"; cib_xml "$n" >"$RUN/cib.xml"
    # The bridge's interfaces are gone with the namespace, and that with its only process.
    setsid unshare --net -- sh -c 'ip link set lo up; ip link add br0 address 02:00:00:00:00:fe type bridge && ip addr add "$0.254/24" dev br0
        i=1; while [ $i -le "$2" ]; do ip addr add "$0.$((100 + i))/24" dev br0; i=$((i + 1)); done
        ip link set br0 up && echo $$ >"$1/switch/pid" && exec sleep infinity' $NET "$RUN" "$n" </dev/null >"$RUN/switch/log" 2>&1 &
    for ((x = 0; x < 500; x++)); do [ -s "$RUN/switch/pid" ] && break; sleep 0.02; done
    [ -s "$RUN/switch/pid" ] || die "no switch: $(cat "$RUN/switch/log")"
}

up() {
    local n=$1 x i
    [ -e "$RUN/settings" ] || switch "$n"
    . "$RUN/settings"
    for ((i = 1; i <= n; i++)); do start_node node$i; done
    for ((x = 0; x < 1200; x++)); do
        [ "$("$here/cluster.sh" where 2>/dev/null)" = node1 ] && return 0
        sleep 0.1
    done
    die "failover1 did not start within the time"
}

kill_node() {
    local n=$1 cg x; cg=$(cg_of "$n")
    echo 1 >"$cg/cgroup.kill"
    for ((x = 0; x < 500; x++)); do
        grep -q 'populated 0' "$cg/cgroup.events" 2>/dev/null && ! alive "$n" && return 0
        sleep 0.02
    done
    return 1
}

down() {
    local n rc=0
    [ -e "$RUN/settings" ] || return 0
    for n in $(nodes); do
        kill_node "$n" || { echo "cluster.sh: $n did not die" >&2; rc=1; }
        rmdir "$(cg_of "$n")"
    done
    [ -s "$RUN/switch/pid" ] && kill -KILL "$(cat "$RUN/switch/pid")" 2>/dev/null
    rmdir "$CGROUP" || rc=1
    [ $rc = 0 ] && rm -f "$RUN/settings"
    return $rc
}

case ${1:-} in
switch) switch "${2:-2}";;
up)     up "${2:-2}";;
down)   down;;
exec)   shift; in_node "$@";;
kill)   kill_node "$2";;
start)  alone "$2"; alive "$2" || start_node "$2";;
reset)  [ -e "$RUN/hold-$2" ] || { alone "$2"; kill_node "$2" && sleep "$LAB_OFF" && start_node "$2"; };;
daemon) # in the node's own cgroup, as what its boot starts
        [ -n "${LAB_INSIDE:-}" ] && { run_daemon "$2"; exit; }
        echo $$ >"$(cg_of "$2")/cgroup.procs"
        LAB_INSIDE=1 in_node "$2" "$here/cluster.sh" daemon "$2";;
where)  # not "crm_resource --locate": that names a node while the resource is still Starting
        n=$(nodes | while read -r n; do alive "$n" && echo "$n" && break; done)
        "$here/cluster.sh" exec "${n:-node1}" crm_mon -1 --output-as=xml --resource=app3 |
            sed -n '/<resource id="app3".*role="Started".*active="true"/,/<\/resource>/s/.*<node name="\([^"]*\)".*/\1/p';;
status) "$here/cluster.sh" exec "${2:-node1}" crm_mon -1 -r;;
__init) node_init "$2";;
*)      die "not understood: $*";;
esac
