"""A BMC (ipmi_sim), a guest of QEMU whose BMC it is, and the network between them, as objects.

We are in a network namespace of our own. The tap device in it is the guest's cable; our end has the BMC's address, where
ipmi_sim listens and where traps come from, and a stranger's.
"""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
IPMI = os.path.join(os.path.dirname(HERE), "ipmi")
GUEST, BMC, STRANGER, NOBODY = "10.77.9.1", "10.77.9.2", "10.77.9.3", "10.77.9.4"
TRAPS = 162
VM, CONSOLE = 9002, 9003
SYSTEM = uuid.UUID("4c4c4544-0057-3510-8046-b7c04f563532")
PET_EPOCH = 883612800 # 1998-01-01
MEMORY, UNCORRECTABLE = 2, 1 # the sensor in bmc.emu, and the offset of its event
# How long the BMC holds its reset after *ended*: for a look from outside, and for the copy of the journal on the disk.
HOLD_MS = 2000
USER, PASSWORD = "ipmiusr", "test"
# The heartbeat of both sides: late, and silent, after so long; what is fed is fed every second.
LATE, SILENT = 3, 6
# QEMU translates every instruction, on a machine that may have more to do.
PATIENCE = 60.0


class Wrong(Exception):
    """Something is not as the story says."""


def want(condition, what):
    if not condition:
        raise Wrong(what)


def until(condition, what, seconds=PATIENCE):
    """Waits for it; what it answers."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


def run(*words, **more):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **{"timeout": 30, **more})
    if done.returncode:
        raise Wrong(f"{' '.join(words)}: exit status {done.returncode}: {done.stdout.strip()}")
    return done.stdout


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def listens(port):
    """Somebody takes connections to that port, here in our namespace."""
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in read("/proc/net/tcp").split("\n")[1:-1])


class Heard:
    """A line of the BMC's log: one command. `road` is "kcs" or "lan"; what the module has to say of it comes without."""

    def __init__(self, line):
        self.line = line
        self.at, self.what = float(line.split()[0]), line.split()[1]
        field = dict(re.findall(r"(\w+)=(\w*)", line))
        self.channel = int(field.get("ch", -1))
        self.netfn, self.command = int(field.get("netfn", "-1"), 16), int(field.get("cmd", "-1"), 16)
        self.data = bytes.fromhex(field.get("data", ""))


class Bmc:
    """ipmi_sim with our module, by its three doors: LAN, the guest's bus, and the console on which faults happen."""

    def __init__(self, folder, module):
        self.folder = folder
        os.mkdir(folder)
        # In wire order a system's GUID is as SMBIOS has it: the first three fields are little-endian.
        self.process = subprocess.Popen(
            [os.path.join(IPMI, "ipmi_sim.sh"), folder, BMC, "623", SYSTEM.bytes_le.hex()],
            env={**os.environ, "MODULE": module, "VM": str(VM), "CONSOLE": str(CONSOLE)}, stdin=subprocess.DEVNULL)
        self.console = None
        self.set("reset.ms", str(HOLD_MS))
        until(lambda: "module ready" in self.log() and listens(VM) and listens(CONSOLE) or self.ended(), "ipmi_sim is up", 20)

    def ended(self):
        want(self.process.poll() is None, f"ipmi_sim ended: {read(os.path.join(self.folder, 'log'))}")

    def log(self):
        return read(os.path.join(self.folder, "module.log"))

    def mark(self):
        """The place in its log that later questions are asked from."""
        return len(self.lines())

    def lines(self):
        return [line for line in self.log().split("\n")[:-1] if line]

    def heard(self, since=0, what=None, netfn=None, command=None):
        lines = (Heard(line) for line in self.lines()[since:])
        return [h for h in lines if what in (None, h.what) and netfn in (None, h.netfn) and command in (None, h.command)]

    def place(self, heard):
        """The place after what was heard."""
        return self.lines().index(heard.line) + 1

    def set(self, name, value=""):
        """A file that changes what the module does; none: away with it."""
        path = os.path.join(self.folder, name)
        if value is None:
            os.remove(path)
            return
        with open(path, "w") as file:
            file.write(value)

    def event(self, sensor, offset):
        """Something happens at one of its sensors: the BMC writes it into its SEL."""
        if not self.console: # for good: ipmi_sim does not survive that it cannot answer
            self.console = socket.create_connection((BMC, CONSOLE), 5)
            self.prompt()
        for there in (0, 1): # from whatever it was
            self.console.sendall(f"sensor_set_bit 0x20 0 {sensor} {offset} {there} 1\r\n".encode())
            self.prompt()

    def prompt(self):
        said = b""
        while not said.endswith(b"> "):
            more = self.console.recv(4096)
            want(more, f"ipmi_sim closed its console: {said}")
            said += more

    def ipmitool(self, *words):
        """From outside, over the LAN. The answer, in its words."""
        return run("ipmitool", "-I", "lanplus", "-H", BMC, "-U", USER, "-E", "-C", "3", "-R", "3", "-N", "5", *words,
                   env={**os.environ, "IPMI_PASSWORD": PASSWORD}, timeout=60).strip()

    def close(self):
        self.process.kill()
        self.process.wait()


class Guest:
    """The guest, by its console and by the second serial line, on which it does what it is told."""

    def __init__(self, folder, kernel, image, disk):
        self.folder, self.lines, self.news, self.tokens = folder, [], threading.Condition(), 0
        door = os.path.join(folder, "serial")
        self.errors = open(os.path.join(folder, "qemu"), "w")
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "256M", "-smp", "1", "-nodefaults", "-display", "none",
             "-uuid", str(SYSTEM),
             "-kernel", os.path.join(kernel, "vmlinux"), "-initrd", image,
             "-append", f"console=ttyS0 quiet panic=-1 nokaslr mitigations=off random.trust_cpu=on lab_address={GUEST} lab_name=server1",
             "-chardev", f"file,id=console,path={folder}/console", "-serial", "chardev:console",
             "-chardev", f"socket,id=door,path={door},server=on,wait=off", "-serial", "chardev:door",
             "-chardev", f"socket,id=bmc,host={BMC},port={VM},reconnect=1",
             "-device", "ipmi-bmc-extern,id=bmc0,chardev=bmc", "-device", "isa-ipmi-kcs,bmc=bmc0",
             "-netdev", "tap,id=cable,ifname=tap0,script=no,downscript=no", "-device", "virtio-net-pci,netdev=cable,romfile=",
             "-drive", f"file={disk},format=raw,if=virtio"],
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors)
        self.door = socket.socket(socket.AF_UNIX)
        until(lambda: self.knock(door), "QEMU opens the guest's serial line", 20)
        threading.Thread(target=self.listen, daemon=True).start()

    def knock(self, door):
        want(self.process.poll() is None, f"QEMU ended: {read(os.path.join(self.folder, 'qemu'))}")
        try:
            self.door.connect(door)
            return True
        except OSError:
            return False

    def listen(self):
        with self.door.makefile(errors="replace", newline="\n") as lines:
            for line in lines:
                with self.news:
                    self.lines.append(line.rstrip("\r\n"))
                    self.news.notify_all()

    def wait(self, wanted, what, seconds, since=0):
        """The place after the first line that fits, now or later."""
        end = time.monotonic() + seconds
        with self.news:
            while True:
                for place in range(since, len(self.lines)):
                    if re.search(wanted, self.lines[place]):
                        return place + 1
                left = end - time.monotonic()
                if left <= 0 or not self.news.wait(left):
                    raise Wrong(f"{what}: not within {seconds:g} s")

    def boots(self):
        """The boot ids so far."""
        with self.news:
            return [found[1] for line in self.lines if (found := re.search(r"=up (\S+)$", line))]

    def booted(self, count, seconds=PATIENCE):
        """It has come up so often."""
        return until(lambda: len(self.boots()) >= count and self.boots()[count - 1], f"boot {count} of the guest", seconds)

    def run(self, command, check=True, seconds=PATIENCE):
        """Runs a command in the guest: what it printed, its status too where that is not checked."""
        self.tokens += 1
        with self.news:
            since = len(self.lines)
        self.door.sendall(f"t{self.tokens} {command}\n".encode())
        after = self.wait(f"=end t{self.tokens} \\d+$", f"the guest runs {command}", seconds, since)
        *said, last = self.lines[since:after]
        before, _, status = last.rpartition(f"=end t{self.tokens} ")
        text = "\n".join([*said, before]).strip("\n")
        if not check:
            return text, int(status)
        want(status == "0", f"in the guest, {command}: exit status {status}: {text}")
        return text

    def tell(self, command):
        """Begins something in the guest after which it says nothing any more."""
        self.door.sendall(f"t0 {command}\n".encode())

    def write(self, path, text, mode="600"):
        """A file in the guest."""
        octets = base64.b64encode(text.encode()).decode()
        self.run(f"echo {octets} | base64 -d > {path} && chmod {mode} {path}")

    def console(self):
        return read(os.path.join(self.folder, "console")).replace("\r", "")

    def mark(self):
        return len(self.console())

    def logged(self, pattern, since=0, seconds=PATIENCE):
        return until(lambda: re.search(pattern, self.console()[since:], re.M), f"the guest's console has '{pattern}'", seconds)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.errors.close()
        self.door.close()


RECOVER = """#!/bin/sh
echo "$(cat /proc/sys/kernel/random/boot_id) $BMCNOTICE_RECORD $BMCNOTICE_TRUST" >> /disk/recovered
sync
echo "recovering in boot $(cat /proc/sys/kernel/random/boot_id)"
while [ -e /disk/slow ]; do sleep 1; done
"""


CONFIGURATION = f'''
[cluster]
name = "lab"

[[server]]
name = "server1"
addresses = ["{GUEST}"]
[server.bmc]
address = "{BMC}"
HOW
handshake = "lab"
after_ended = "bmc"
patience = "2min"

[handshake.lab]
armed = {{ netfn = 0x30, command = 0x70, data = [0] }}
started = {{ netfn = 0x30, command = 0x70, data = [1] }}
ended = {{ netfn = 0x30, command = 0x70, data = [2, "outcome"] }}
disarmed = {{ netfn = 0x30, command = 0x70, data = [3] }}
keepalive = {{ netfn = 0x30, command = 0x70, data = [0], every = "1s" }}

[[monitor]]
name = "mrw1"
trust = "corroborated"
recovery = {{ command = ["/disk/recover"] }}
target = "failover1"
deadline = "90s"
cool_down = "0s"
budget = 255
[monitor.keywords]
server1 = "{GUEST}:{TRAPS}"

[heartbeat]
HEARTBEAT

[journal]
hot = "/run/bmcnotice"
disk = "/disk/journal"
'''


# What most stories are not about.
NO_HEARTBEAT = "bmc = false"


class Lab:
    def __init__(self, folder, binary, kernel, image, module):
        self.folder, self.binary, self.bmc, self.guest, self.sequence = folder, binary, None, None, 0
        self.watcher = None
        run("ip", "link", "set", "lo", "up")
        run("ip", "tuntap", "add", "tap0", "mode", "tap")
        for address in (BMC, STRANGER):
            run("ip", "addr", "add", f"{address}/24", "dev", "tap0")
        run("ip", "link", "set", "tap0", "up")
        disk = os.path.join(folder, "disk")
        with open(disk, "wb") as file:
            file.truncate(16 << 20)
        run("mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum", disk)
        try:
            self.bmc = Bmc(os.path.join(folder, "bmc"), module)
            self.guest = Guest(folder, kernel, image, disk)
        except BaseException:
            self.down()
            raise

    def configure(self, bmc, heartbeat=NO_HEARTBEAT):
        """What the guest's administrator has installed, from now on. `bmc`: how the BMC is reached."""
        self.guest.write("/disk/bmcnotice.toml", CONFIGURATION.replace("HOW", bmc).replace("HEARTBEAT", heartbeat))
        self.guest.write("/disk/recover", RECOVER, "700")
        self.guest.run("sync")

    def rest(self):
        """No daemon runs."""
        if self.guest.run("test -e /run/daemon.pid && stop", check=False)[1] == 0:
            self.guest.run("rm /run/daemon.pid")

    def use(self, bmc, heartbeat=NO_HEARTBEAT):
        """The daemon runs, with this configuration, has armed the BMC, and knows where its SEL ends."""
        self.rest()
        self.configure(bmc, heartbeat)
        told, since = self.guest.mark(), self.bmc.mark()
        self.guest.run("daemon")
        self.guest.logged("watching over", told)
        # One command at a time: before the second regular message the SEL has been read.
        until(lambda: len(self.bmc.heard(since, "recovery-armed")) > 1, "the BMC hears that it is armed")

    def fault(self):
        """An uncorrectable memory error: the BMC writes its SEL, and sends its trap. What makes the same trap again."""
        self.bmc.event(MEMORY, UNCORRECTABLE)
        self.sequence += 1
        same = ("--sequence", str(self.sequence), "--timestamp", str(int(time.time()) - PET_EPOCH))
        self.trap(*same)
        return same

    def trap(self, *words, source=BMC, heeded=True):
        """A PET, from an address that is on this cable. Who heeds it acknowledges it, a known one too."""
        run(self.binary, "send", f"{GUEST}:{TRAPS}", "--from", source, "--fault", "uncorrectable-memory", "--sensor", str(MEMORY),
            "--guid", SYSTEM.bytes_le.hex(), *words, *(("--wait", f"{PATIENCE:g}s") if heeded else ()), timeout=2 * PATIENCE)

    def journal(self):
        """The records, oldest first, as the guest's own command line tells them; the console has it too."""
        text = self.guest.run("bmcnotice journal --json --config /disk/bmcnotice.toml | tee /dev/console")
        return [entry for line in text.split("\n") if line for entry in [json.loads(line)] if entry["event"] == "record"]

    def recovered(self):
        """What the recovery command has written down: one line a run."""
        return [line for line in self.guest.run("cat /disk/recovered 2> /dev/null || :").split("\n") if line]

    def tell(self, out=sys.stdout):
        """All that may explain a failure."""
        for title, text in (("console", self.guest.console()), ("serial line", "\n".join(self.guest.lines)), ("BMC", self.bmc.log()),
                            ("QEMU", read(os.path.join(self.folder, "qemu"))), ("ipmi_sim", read(os.path.join(self.bmc.folder, "log"))),
                            ("watcher", self.watcher.log() if self.watcher else "")):
            # The driver asks for every channel at each boot, and the heartbeat for watchdog and power all the time.
            text = "\n".join(line for line in text.split("\n") if not re.search("netfn=06 cmd=(42|25)|netfn=00 cmd=01", line))
            print(f"--- {title}\n{text[-12000:].rstrip()}", file=out)
        out.flush()

    def down(self):
        for part in (self.watcher, self.guest, self.bmc):
            if part:
                part.close()
