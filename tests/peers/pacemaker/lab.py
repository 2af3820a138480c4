"""A cluster of cluster.sh with our daemon on every node and a simulated BMC for every node, as objects.

The BMCs are in the namespace of the switch; what they reset are the nodes themselves.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
CLUSTER = os.path.join(HERE, "cluster.sh")
NET = "10.77.0"
TRAPS = 1162
SERVICES = ("app1", "app2", "app3")
PASSWORD = "lab-9c1e-secret"
FAULT = "uncorrectable-memory"
# From boottime, in which the BMCs tell their story, to the wall time of the services' history.
WALL = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


class Wrong(Exception):
    """Something is not as the story says."""


def want(condition, what):
    if not condition:
        raise Wrong(what)


def until(condition, what, seconds=20.0):
    """Waits for it; what it answers."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


class Bmc:
    """`bmcnotice sim` for one node."""

    def __init__(self, lab, node, patience):
        self.node, self.events, self.news = node, [], threading.Condition()
        number = node.number
        plug = os.path.join(lab.run, f"plug-{node.name}")
        with open(plug, "w") as file:
            file.write(f'#!/bin/sh\n[ "$1" = power-on ] || LAB_RUN="{lab.run}" exec "{CLUSTER}" reset {node.name}\n')
        os.chmod(plug, 0o700)
        self.log = open(os.path.join(lab.run, "log", f"bmc{number}"), "a")
        self.process = subprocess.Popen(
            lab.inside("switch", lab.binary, "sim", "--json", "--control",
                       "--listen", f"{NET}.{100 + number}:623", "--alert", f"{node.address}:{TRAPS}",
                       "--guid", f"6c696262-6d63-4e6f-8169-6365000000{number:02}", "--patience", patience,
                       "--boot-time", "3s", "--on-reset", plug),
            env={**os.environ, "BMCNOTICE_SIM_PASSWORD": PASSWORD},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        threading.Thread(target=self.read, daemon=True).start()
        self.wait("listening")

    def read(self):
        for line in self.process.stdout:
            self.log.write(line)
            self.log.flush()
            with self.news:
                self.events.append(json.loads(line))
                self.news.notify_all()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def mark(self):
        """The place in the story that later questions are asked from."""
        return len(self.events)

    def heard(self, name, since=0, **fields):
        """All events of that name and with those fields."""
        events = self.events[since:]
        return [e for e in events if e["event"] == name and all(e.get(k) == v for k, v in fields.items())]

    def wait(self, name, since=0, seconds=20.0, **fields):
        """The first of them, now or later."""
        end = time.monotonic() + seconds
        with self.news:
            while not (found := self.heard(name, since, **fields)):
                left = end - time.monotonic()
                if left <= 0 or not self.news.wait(left):
                    raise Wrong(f"the BMC of {self.node.name} did not say {name} {fields or ''} within {seconds:g} s")
        return found[0]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Node:
    def __init__(self, lab, number):
        self.lab, self.number, self.name = lab, number, f"node{number}"
        self.address = f"{NET}.{number}"
        self.logs = os.path.join(lab.run, "log", self.name)

    def run(self, *words, check=True, seconds=30, **more):
        """Runs a command inside the node."""
        done = subprocess.run(self.lab.inside(self.name, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=seconds, **more)
        if check and done.returncode:
            raise Wrong(f"{self.name}: {' '.join(words)}: exit status {done.returncode}: {done.stdout.strip()}")
        return done

    def pid(self):
        with open(os.path.join(self.lab.run, self.name, "pid")) as file:
            return file.read().strip()

    def is_up(self):
        try:
            return os.path.exists(f"/proc/{self.pid()}/root/run/lab")
        except OSError:
            return False

    def boot(self):
        """Which boot it is in; none while it is off."""
        try:
            with open(f"/proc/{self.pid()}/root/proc/sys/kernel/random/boot_id") as file:
                return file.read().strip()
        except OSError:
            return None

    def services(self):
        """The services whose process runs here: no word of Pacemaker is needed for that."""
        found = set()
        for service in SERVICES:
            try:
                root = f"/proc/{self.pid()}/root"
                with open(f"{root}/run/{service}.pid") as file:
                    if os.path.exists(f"{root}/proc/{int(file.read())}/cwd"):
                        found.add(service)
            except (OSError, ValueError):
                pass
        return found

    def has_all(self):
        return self.services() == set(SERVICES)

    def health(self):
        """The value of #health-bmc that the cluster knows of this node; none: unset."""
        for asked in self.lab.nodes:
            if asked.is_up():
                done = asked.run("attrd_updater", "-n", "#health-bmc", "-Q", "-N", self.name, check=False)
                found = re.search(r'value="([^"]*)"', done.stdout)
                return found and found[1] or None
        return None

    def sees(self, other):
        """What this node publishes of another one's BMC; none: nothing yet."""
        done = self.run("attrd_updater", "-n", f"bmc-{other.name}", "-Q", "-N", self.name, check=False)
        found = re.search(r'value="([^"]*)"', done.stdout)
        return found and found[1] or None

    def is_online(self):
        """Seen by every node that is up, itself included, with an elected coordinator."""
        return all(self.name in asked.online() for asked in self.lab.nodes if asked.is_up()) and self.is_up()

    def online(self):
        done = self.run("crm_mon", "-1", "--output-as=xml", check=False)
        try:
            root = xml.fromstring(done.stdout)
        except xml.ParseError:
            return set()
        if root.find("./summary/current_dc[@present='true']") is None:
            return set()
        return {n.get("name") for n in root.findall("./nodes/node") if n.get("online") == "true" and n.get("pending") == "false"}

    # the daemon

    def log(self):
        try:
            with open(os.path.join(self.logs, "daemon"), errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def mark(self):
        return len(self.log())

    def logged(self, pattern, since=0, seconds=20.0):
        return until(lambda: re.search(pattern, self.log()[since:]), f"{self.name}'s daemon logs '{pattern}'", seconds)

    def daemon(self, signal):
        self.run("sh", "-c", f"kill -{signal} $(cat /run/bmcnotice.pid) && while kill -0 $(cat /run/bmcnotice.pid); do sleep 0.01; done",
                 check=False)

    def start_daemon(self):
        self.lab.cluster("daemon", self.name)

    def reconfigure(self, **changes):
        """Another configuration from now on."""
        self.daemon("TERM")
        self.lab.configure(self, **changes)
        since, told = self.bmc.mark(), self.mark()
        self.start_daemon()
        self.logged("watching over", told)
        self.bmc.wait("armed", since)


class Lab:
    def __init__(self, binary, run, count, patience="25s", **settings):
        self.binary, self.run, self.nodes, self.patience = binary, run, [], patience
        self.settings = {"LAB_RUN": run, "LAB_BIN": binary, **settings}
        for folder in ("config", "log"):
            os.makedirs(os.path.join(run, folder))
        self.nodes = [Node(self, number + 1) for number in range(count)]
        for node in self.nodes:
            os.makedirs(node.logs)
            self.configure(node)
        self.over = threading.Event()
        self.fenced = threading.Thread(target=self.boot_fenced, daemon=True)
        self.fenced.start()
        self.cluster("switch", str(count))
        for node in self.nodes:
            node.bmc = Bmc(self, node, patience)
        self.cluster("up", str(count), seconds=150)
        for node in self.nodes:
            node.bmc.wait("armed", seconds=60)
            until(node.is_online, f"{node.name} is online")

    def boot_fenced(self):
        """Gives power again to what a fence agent has rebooted."""
        while not self.over.wait(0.1):
            for node in self.nodes:
                wanted = os.path.join(self.run, f"boot-{node.name}")
                if os.path.exists(wanted):
                    os.remove(wanted)
                    time.sleep(float(self.settings.get("LAB_OFF", 2)))
                    self.cluster("start", node.name)

    def cluster(self, *words, seconds=60):
        # Into a file: what it leaves running would keep a pipe open.
        with tempfile.TemporaryFile("w+") as log:
            done = subprocess.run([CLUSTER, *words], env={**os.environ, **self.settings}, stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=log, timeout=seconds)
            log.seek(0)
            if done.returncode:
                raise Wrong(f"cluster.sh {' '.join(words)}: {log.read().strip()}")

    def inside(self, name, *words):
        with open(os.path.join(self.run, name, "pid")) as file:
            pid = file.read().strip()
        spaces = ["-n"] if name == "switch" else ["-m", "-u", "-n", "-i", "-p"]
        return ["nsenter", "-t", pid, *spaces, "--", *words]

    def configure(self, this, trigger="auto", deadline="15s", user=None):
        recovery = f'{{ pacemaker = {{ trigger = "{trigger}" }} }}'
        count = len(self.nodes)
        servers = "".join(f'''
[[server]]
name = "{node.name}"
addresses = ["{node.address}"]
[server.bmc]
address = "{NET}.{100 + node.number}"
user = "admin"
password = "{PASSWORD}"
guid = "6c696262-6d63-4e6f-8169-6365000000{node.number:02}"
handshake = "lab"
after_ended = "bmc"
patience = "25s"
''' for node in self.nodes)
        keywords = "".join(f'{node.name} = "{node.address}:{TRAPS}"\n' for node in self.nodes)
        path = os.path.join(self.run, "config", this.name)
        with open(path + ".toml", "w") as file:
            file.write(f'''
[cluster]
name = "lab"
{servers}
[handshake.lab]
armed = {{ netfn = 0x30, command = 0x70, data = [0] }}
started = {{ netfn = 0x30, command = 0x70, data = [1] }}
ended = {{ netfn = 0x30, command = 0x70, data = [2, "outcome"] }}
disarmed = {{ netfn = 0x30, command = 0x70, data = [3] }}
keepalive = {{ netfn = 0x30, command = 0x70, data = [0], every = "500ms" }}

[[monitor]]
name = "mrw1"
trust = "address"
recovery = {recovery}
target = "failover1"
deadline = "{deadline}"
tell_deadline = "3s"
cool_down = "0s"
budget = 255
[monitor.keywords]
{keywords}
[heartbeat]
lan = ["lan1"]
interval = "1s"
timeout = "5s"
node_attributes = true

[journal]
hot = "/run/bmcnotice"
disk = "/mnt"
''')
        os.chmod(path + ".toml", 0o600)
        if user:
            with open(path + ".user", "w") as file:
                file.write(user)
        elif os.path.exists(path + ".user"):
            os.remove(path + ".user")

    @contextlib.contextmanager
    def held(self, *nodes):
        """The BMCs' resets of these nodes do nothing, so that what is left on them can be looked at. After it all is as if no
        fault had been, with other BMCs."""
        flags = [os.path.join(self.run, f"hold-{node.name}") for node in nodes]
        for flag in flags:
            open(flag, "w").close()
        yield
        self.cure(*nodes)
        for node in nodes:
            node.bmc.close()
        for node, flag in zip(nodes, flags):
            os.remove(flag)
            node.bmc = Bmc(self, node, self.patience)
        for node in nodes:
            node.bmc.wait("armed", seconds=30)

    def cure(self, *nodes):
        """The faults go away: red goes with them, by the daemons."""
        for node in nodes:
            node.bmc.say(f"clear {FAULT}")
        for node in nodes:
            until(lambda: node.health() is None, f"red of {node.name} is gone with the fault")
        self.settle()

    @contextlib.contextmanager
    def flag(self, name):
        """A file that the services' agent looks for."""
        path = os.path.join(self.run, name)
        open(path, "w").close()
        try:
            yield
        finally:
            os.remove(path)

    # what happened to the services

    def mark(self):
        return len(self.history())

    def history(self, since=0):
        """(when, node, what, service), in order; `when` in the BMCs' time."""
        with open(os.path.join(self.run, "history")) as file:
            lines = [line.split() for line in file]
        return [(float(line[0]) - WALL, line[1], line[2], line[3] if len(line) > 3 else "") for line in lines][since:]

    def where(self):
        """The node that all services run on."""
        return next((node for node in self.nodes if node.has_all()), None)

    def twice(self, since=0):
        return [line for line in self.history(since) if line[2] == "TWICE"]

    def live(self):
        return next(node for node in self.nodes if node.is_up())

    def settle(self, quiet=0.4, seconds=60):
        """The cluster's coordinator has nothing to do, for so long. (`crm_resource --wait` takes two seconds at least.)"""
        idle_since, end = None, time.monotonic() + seconds
        while idle_since is None or time.monotonic() < idle_since + quiet:
            want(time.monotonic() < end, f"the cluster does not come to rest within {seconds} s")
            states = [n.run("crmadmin", "-qS", n.name, check=False).stdout.strip() for n in self.nodes if n.is_up()]
            if "S_IDLE" not in states or set(states) - {"S_IDLE", "S_NOT_DC"}:
                idle_since = None
            elif idle_since is None:
                idle_since = time.monotonic()
            time.sleep(0.05)

    def send_to(self, node):
        """The services run there, by the operator's hand."""
        if not node.has_all():
            self.live().run("crm_resource", "--move", "-r", "failover1", "-N", node.name)
            until(node.has_all, f"the services run on {node.name}")
            self.settle()
            self.live().run("crm_resource", "--clear", "-r", "failover1")
        until(lambda: self.where() is node, f"the services are on {node.name}")

    def fault(self, *nodes):
        """Both within a millisecond, if the machine can; how far apart the traps went out, in microseconds."""
        since = [node.bmc.mark() for node in nodes]
        for node in nodes:
            node.bmc.say(f"fault {FAULT}")
        sent = [node.bmc.wait("trap_sent", mark)["boottime_us"] for node, mark in zip(nodes, since)]
        return max(sent) - min(sent)

    def tell(self, out=sys.stdout):
        """All that may explain a failure."""
        def show(title, text, most=12000):
            text = text if len(text) <= most else "...\n" + text[-most:]
            print(f"--- {title}\n{text.rstrip()}", file=out)
        for node in self.nodes:
            if node.is_up():
                try:
                    show(f"crm_mon on {node.name}", node.run("crm_mon", "-1", "-A", "-r", "-f", check=False, seconds=10).stdout)
                except (OSError, subprocess.SubprocessError) as error:
                    show(f"crm_mon on {node.name}", str(error))
            else:
                show(node.name, "is off")
        for name in ("history", *(f"log/{n.name}/init" for n in self.nodes),
                     *(f"log/bmc{n.number}" for n in self.nodes), *(f"log/{n.name}/daemon" for n in self.nodes),
                     *(f"log/{n.name}/pacemaker/pacemaker.log" for n in self.nodes)):
            path = os.path.join(self.run, name)
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    show(name, file.read(), 4000 if name.endswith("pacemaker.log") else 12000)
        out.flush()

    def down(self):
        self.over.set()
        self.fenced.join()
        for node in self.nodes:
            if hasattr(node, "bmc"):
                node.bmc.close()
        self.cluster("down")
