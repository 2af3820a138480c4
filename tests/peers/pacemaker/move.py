#!/usr/bin/env python3
import os, re, subprocess, sys, time
def run(*w):
    p = subprocess.run(w, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True); return p.returncode, p.stdout
def no(why): print(why, flush=True); sys.exit(1)
me, trigger = os.uname().nodename, sys.argv[1]
rc, x = run("/usr/sbin/crm_mon", "-1", "-r", "--output-as=xml")
if rc in (69, 102): no("Pacemaker does not run on this server")
if rc == 4: no("Pacemaker does not permit")
if rc: no(f"crm_mon {rc}")
if 'with_quorum="true"' not in x: no("no quorum")
def nodes(x): return {m[1]: m[0] for m in re.finditer(r'<node name="([^"]*)" id[^>]*online[^>]*>', x)}
ns = nodes(x)
def ok(n): return 'online="true"' in n and 'standby="false"' in n and 'health="red"' not in n
if 'health="red"' in ns[me] or 'standby="true"' in ns[me]: pass
else:
    if not any(ok(n) for k, n in ns.items() if k != me): no("no healthy peer")
    rc, _ = run("/usr/sbin/attrd_updater", "-p", "-n", "claim", "-U", "1")
    if rc: no("permission denied" if rc == 4 else f"attrd {rc}")
    time.sleep(0.05)
    rc, y = run("/usr/sbin/attrd_updater", "-n", "claim", "-Q", "-A")
    claims = set(re.findall(r'host="([^"]*)" value="1"', y))
    if set(k for k, n in ns.items() if ok(n)) <= claims and min(claims) != me:
        run("/usr/sbin/attrd_updater", "-p", "-n", "claim", "-D"); no("peer goes first")
    rc, s = run("/usr/sbin/crm_attribute", "-t", "crm_config", "-n", "node-health-strategy", "-G", "-q")
    red = s.strip() == "migrate-on-red"
    if trigger == "health" and not red: no("node-health-strategy is unset")
    rc, _ = run("/usr/sbin/attrd_updater", "-n", "#health-bmc", "-U", "red") if red else run("/usr/sbin/crm_attribute", "-N", me, "-n", "standby", "-v", "on", "-l", "reboot")
    if rc: no("permission" if rc == 4 else f"trigger {rc}")
while True:
    rc, x = run("/usr/sbin/crm_mon", "-1", "-r", "--output-as=xml")
    rs = re.findall(r'<resource id="app\d".*?role="(\w+)".*?active="(\w+)".*?>(.*?)</resource>', x, re.S)
    if len(rs) == 3 and all(r == "Started" and a == "true" and f'name="{me}"' not in w for r, a, w in rs): sys.exit(0)
    time.sleep(0.03)
