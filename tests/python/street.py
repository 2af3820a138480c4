"""What the tests stand on: a configuration, a BMC's trap, and a BMC where there is one. No pytest in here: the
documented examples use it, too."""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GUID = bytes.fromhex("1032547698badcfe0102030405060708")
DEADLINE = 10.0  # seconds; on a busy machine, never reached on a good day


# What the simulated BMC understands.
SIM_HANDSHAKE = """
[handshake.sim]
armed = { netfn = 0x30, command = 0x70, data = [0], accept = [0] }
started = { netfn = 0x30, command = 0x70, data = [1], accept = [0] }
ended = { netfn = 0x30, command = 0x70, data = [2, "outcome"], accept = [0] }
disarmed = { netfn = 0x30, command = 0x70, data = [3], accept = [0] }
"""


def free_port() -> int:
    """Below the ports that the kernel gives to whoever asks for any: nobody takes it before it is bound."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def folder() -> str:
    """A folder of our own, on tmpfs where there is one: the hot journal wants that."""
    shm = "/dev/shm"
    return tempfile.mkdtemp(prefix="bmcnotice-python-", dir=shm if os.path.isdir(shm) else None)


def config(port: int, hot: str, *, bmc: str | None = None, handshake: str = "none", monitors: str = "") -> str:
    """One server; without `bmc` its BMC is silent and only sends traps."""
    login = ["user", "admin"], ["password", "password"], ["after_ended", "bmc"], ["patience", "100s"]
    known = "\n".join(f'{key} = "{value}"' for key, value in [*login, ["guid", GUID.hex()]]) if bmc else ""
    table = SIM_HANDSHAKE if handshake == "sim" else ""
    return f"""
[cluster]
name = "street"
this_server = "server1"

[[server]]
name = "server1"
addresses = ["127.0.0.1"]

[server.bmc]
address = "{bmc or f"127.0.0.1:{free_port()}"}"
trap_sources = ["127.0.0.1"]
handshake = "{handshake}"
{known}

{table}
[[monitor]]
name = "mrw1"
trust = "address"
recovery = "callback"
target = "failover1"
deadline = "20s"
reset_deadline = "100ms"
cool_down = "0s"
budget = 255
[monitor.keywords]
server1 = "127.0.0.1:{port}"
{monitors}
[heartbeat]
lan = true
bmc = true
interval = "100ms"
timeout = "300ms"
pulse = false

[journal]
hot = "{hot}"
disk = false
"""


def pair(this: str, bmc: str, port: int, hot: str, vouch: str = 'vouch = "application"\nvouch_within = "1s"') -> str:
    """Two servers, as `this` has them: server1 with a real BMC, server2 with a silent one."""
    return f"""
[cluster]
name = "pair"
this_server = "{this}"

[[server]]
name = "server1"
addresses = ["127.0.0.1"]
[server.bmc]
address = "{bmc}"
link = "lan"
handshake = "none"
guid = "{GUID.hex()}"
user = "admin"
password = "password"

[[server]]
name = "server2"
addresses = ["127.0.0.2"]
[server.bmc]
address = "127.0.0.2:{port}"
link = "lan"
handshake = "none"

[[monitor]]
name = "mrw1"
trust = "address"
recovery = "callback"
target = "failover1"
[monitor.keywords]
server1 = "127.0.0.1:{port}"
server2 = "127.0.0.2:{port}"

[heartbeat]
lan = true
bmc = true
interval = "100ms"
timeout = "2s"
pulse_period = "500ms"
{vouch}

[journal]
hot = "{hot}/{this}"
disk = false
"""


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x81" + bytes([len(body)])
    return bytes([tag]) + size + body


def pet(sequence: int = 1, *, sensor: int = 0x20, severity: int = 0x20, deasserted: bool = False) -> bytes:
    """A BMC's trap: uncorrectable ECC. Other sequence: another notice."""
    specific = (0x0C6F01 | (0x80 if deasserted else 0)).to_bytes(3, "big")
    event = (
        GUID
        + sequence.to_bytes(2, "big")
        + bytes.fromhex("12345678ffff2020")
        + bytes([severity, 0x20, sensor, 0x20, 0x01])
        + bytes.fromhex("a1000500000000001900000157 0001 c1")
    )
    enterprise = bytes.fromhex("2b06010401986f0101")
    return tlv(
        0x30,
        tlv(0x02, b"\x00"),
        tlv(0x04, b"public"),
        tlv(
            0xA4,
            tlv(0x06, enterprise),
            tlv(0x40, bytes([127, 0, 0, 1])),
            tlv(0x02, b"\x06"),
            tlv(0x02, specific),
            tlv(0x43, b"\x01"),
            tlv(0x30, tlv(0x30, tlv(0x06, enterprise + b"\x01"), tlv(0x04, event))),
        ),
    )


def send(port: int, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", port))


class Examples:
    """What documented examples are given: a configuration's text, and something that stands for the BMC."""

    def __enter__(self) -> dict[str, object]:
        self.hot = folder()
        port = free_port()
        Path(self.hot, "bmcnotice.toml").write_text(config(port, self.hot))
        self.before = os.getcwd()
        os.chdir(self.hot)  # where an example finds bmcnotice.toml
        import bmcnotice

        names = dict(vars(bmcnotice), bmcnotice=bmcnotice, example_text=config(port, self.hot))
        sequence = iter(range(1, 1000))
        return dict(names, send_example_trap=lambda port=port: send(port, pet(next(sequence))))

    def __exit__(self, *_: object) -> None:
        os.chdir(self.before)
        shutil.rmtree(self.hot, ignore_errors=True)


def command_line() -> str | None:
    """The command line, if it is built and can be a BMC: BMCNOTICE_CLI, or the newest that cargo made here."""
    built = [REPOSITORY / "target" / kind / "bmcnotice" for kind in ("debug", "release")]
    newest = sorted((path for path in built if path.exists()), key=lambda path: -path.stat().st_mtime)
    for path in [os.environ.get("BMCNOTICE_CLI"), *newest]:
        if path:
            asked = subprocess.run([path, "sim", "--help"], capture_output=True, text=True)
            if "--alert" in asked.stdout:
                return str(path)
    return None


class SimulatedBmc:
    """A BMC of the command line: `bmcnotice sim`, which tells what happens to it."""

    def __init__(self, command: str, alert_port: int) -> None:
        arguments = ["--listen", "127.0.0.1:0", "--guid", GUID.hex(), "--alert", f"127.0.0.1:{alert_port}"]
        arguments += ["--interval", "500ms", "--patience", "100s", "--boot-time", "1s", "--json", "--control"]
        self.process = subprocess.Popen(
            [command, "sim", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.story: list[dict[str, object]] = []
        self.address = str(json.loads(self.process.stdout.readline())["address"])
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.story.append(json.loads(line))

    def events(self) -> list[str]:
        """What happened, without what only fills the picture."""
        return [str(told["event"]) for told in list(self.story)]

    def has(self, event: str) -> bool:
        return event in self.events()

    def outcome(self) -> object:
        return next(told["outcome"] for told in list(self.story) if told["event"] == "recovery_ended")

    def raise_fault(self) -> None:
        self._order("fault uncorrectable-memory")

    def _order(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def power(self, button: str) -> None:
        """Somebody at the server: "on", "off" or "reset"."""
        self._order(f"power {button}")

    def wait_for(self, event: str) -> None:
        end = time.monotonic() + DEADLINE
        while not self.has(event):
            assert time.monotonic() < end, f"no {event}: {self.events()}"
            time.sleep(0.01)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join(DEADLINE)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def run_script(path: Path, arguments: list[str] | None = None) -> tuple[int, str, str]:
    """Runs a recovery script in a folder with its bmcnotice.toml, sends a trap until it says something, and ends
    it as Ctrl-C does. Exit status, output, errors."""
    hot = folder()
    port = free_port()
    Path(hot, "bmcnotice.toml").write_text(config(port, hot))
    script = subprocess.Popen(
        [sys.executable, str(path), *(arguments or [])],
        cwd=hot,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert script.stdout is not None
        end = time.monotonic() + DEADLINE
        while not select.select([script.stdout], [], [], 0.05)[0] and time.monotonic() < end:
            send(port, pet())  # again and again: one notice
        first = script.stdout.readline()  # whole: where output is not buffered, print writes its newline apart
        script.send_signal(signal.SIGINT)
        rest, errors = script.communicate(timeout=DEADLINE)
        return script.returncode, first + rest, errors
    finally:
        script.kill()
        script.wait()
        shutil.rmtree(hot, ignore_errors=True)
