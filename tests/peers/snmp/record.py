#!/usr/bin/env python3
"""Writes the vectors that net-snmp makes for us: record.py [reference]

`traps/own-snmpget.hex` is snmpget asking snmpd in v3, `traps/own-senders.hex` is snmptrap, both recorded on the loopback
interface; every code in them is checked here with Python's hashlib and hmac before it is written. `traps/made-here.hex` is
composed here, octet by octet. `traps/reference-snmptrapd.txt` is what snmptrapd prints for each notification in tests/vectors/traps,
one process each; with the word `reference` that alone is written anew. Needs snmp, snmpd and snmptrapd of Debian.
"""

import hashlib
import hmac
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

TRAPS = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "traps"
AGENT = "80001f8880feedbeef00000001"
SENDER = "80001f8880feedbeef00000002"
AUTH, PRIVACY, UTF8 = "an agent passphrase", "its other passphrase", "1234567\u00a3"
PET = "44454c4c3100104b8033b4c04f4e3153000512345678ffff20202020200c01a10005000000000019000002a20100c1"
HASHES = {"MD5": hashlib.md5, "SHA": hashlib.sha1}

# --- BER ---------------------------------------------------------------------------------------------


def tlv(tag, body, wide=False):
    """One element; `wide` writes the length in three octets, however short it is."""
    if wide or len(body) > 255:
        return bytes([tag, 0x82]) + len(body).to_bytes(2, "big") + body
    return bytes([tag]) + (bytes([0x81]) if len(body) > 127 else b"") + bytes([len(body)]) + body


def integer(value, tag=2):
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted):
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    out = bytes([first * 40 + second])
    for arc in rest:
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.insert(0, 0x80 | arc & 0x7F)
        out += bytes(octets)
    return out


def read(octets):
    """(tag, body, where the body begins, rest) of the first element."""
    tag, length, at = octets[0], octets[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(octets[2:at], "big")
    return tag, octets[at:at + length], at, octets[at + length:]


def children(body):
    found, at = [], 0
    while at < len(body):
        tag, inner, offset, rest = read(body[at:])
        found.append((tag, inner, at + offset))
        at = len(body) - len(rest)
    return found


# --- USM, with nothing but hashlib and hmac -------------------------------------------------------------


def localized(name, passphrase, engine):
    key = HASHES[name]((passphrase * (1048576 // len(passphrase) + 1))[:1048576]).digest()
    return HASHES[name](key + engine + key).digest()


def verifies(datagram, name, passphrase):
    """Whether the code in a v3 message is that of this passphrase; None where there is none."""
    _, body, at, _ = read(datagram)
    _, parameters, parameters_at = children(body)[2]
    _, inner, inner_at, _ = read(parameters)
    fields = children(inner)
    engine, code, code_at = fields[0][1], fields[4][1], at + parameters_at + inner_at + fields[4][2]
    if not code:
        return None
    blank = datagram[:code_at] + bytes(len(code)) + datagram[code_at + len(code):]
    wanted = hmac.new(localized(name, passphrase.encode(), engine), blank, HASHES[name]).digest()
    return hmac.compare_digest(wanted[:len(code)], code)


# --- recording ------------------------------------------------------------------------------------------


class Wire(threading.Thread):
    """Stands between a client and an agent, and keeps what passes."""

    def __init__(self, host, agent):
        super().__init__(daemon=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.agent, self.client, self.seen = (host, agent), None, []
        self.start()

    def run(self):
        while True:
            octets, sender = self.socket.recvfrom(65536)
            answer = sender[1] == self.agent[1]
            self.seen.append(("agent" if answer else "client", octets))
            if not answer:
                self.client = sender
            self.socket.sendto(octets, self.client if answer else self.agent)

    def address(self):
        host, port = self.socket.getsockname()[:2]
        return f"udp6:[{host}]:{port}" if ":" in host else f"udp:{host}:{port}"


def run(words, folder):
    environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": folder, "SNMPCONFPATH": folder, "LC_ALL": "C.UTF-8"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30, check=True)


def shown(words, address):
    quoted = [f"'{word}'" if " " in word or not word else word for word in words]
    return " ".join(quoted).replace(address, "AGENT")


def free(host="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((host, 0))
        return one.getsockname()[1]


def record_agent(folder):
    users = [(a, p, f"{a.lower()}{p.capitalize()}") for a in HASHES for p in ("DES", "AES")]
    conf = [f"exactEngineID 0x{AGENT}", "sysServices 72", "sysDescr a simulated BMC", "sysContact -", "sysLocation -", "sysName bmc"]
    for auth, privacy, name in users:
        conf += [f'createUser {name} {auth} "{AUTH}" {privacy} "{PRIVACY}"', f"rouser {name} auth"]
    conf += [f'createUser pound MD5 "{UTF8}" DES "{UTF8}"', "rouser pound auth"]
    path = pathlib.Path(folder, "agent.conf")
    path.write_text("\n".join(conf) + "\n")
    ports = free(), free("::1")
    command = ["snmpd", "-f", "-Lf", f"{folder}/agent.log", "-C", "-c", path, "-I", "system_mib,usmUser,usmConf,vacm_conf,vacm_vars",
               f"udp:127.0.0.1:{ports[0]}", f"udp6:[::1]:{ports[1]}"]
    environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": f"{folder}/agent", "LC_ALL": "C.UTF-8"}
    lines = [
        "# net-snmp 5.9.3: snmpget and snmpgetnext ask snmpd in SNMPv3; recorded on loopback by tests/peers/snmp/record.py,",
        "# which has checked every code with hashlib and hmac. No notification is in it.",
        f'# passphrases: "{AUTH}", "{PRIVACY}"; of user pound both are 1234567 and U+00A3 in UTF-8',
    ]
    with subprocess.Popen(command, env=environment) as agent:
        try:
            time.sleep(1)
            for host, port in zip(("127.0.0.1", "::1"), ports):
                wires = []
                asked = [(a, p, n, AUTH, PRIVACY) for a, p, n in users] if ":" not in host else []
                for auth, privacy, name, first, second in [*asked, ("MD5", "DES", "pound", UTF8, UTF8)]:
                    for level in ("authNoPriv", "authPriv"):
                        for program in ("snmpget", "snmpgetnext"):
                            wire = Wire(host, port)
                            wires.append(wire)
                            words = [program, "-v", "3", "-u", name, "-l", level, "-a", auth, "-A", first]
                            words += ["-x", privacy, "-X", second] if level == "authPriv" else []
                            words += [wire.address(), "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.5.0"]
                            run(words, folder)
                            lines += [f"# case {name}-{level}-{program}{'-ipv6' if ':' in host else ''}", "# cmd: " + shown(words, wire.address())]
                            for who, octets in wire.seen:
                                right = verifies(octets, auth, first)
                                assert right is not False, words
                                if right and name == "pound":
                                    assert not verifies(octets, "SHA", first), "MD5 and no other"
                                lines += [f"# {who}: {'its code is right' if right else 'no code'}", octets.hex()]
        finally:
            agent.terminate()
    (TRAPS / "own-snmpget.hex").write_text("\n".join(lines) + "\n")


LINK = ["1.3.6.1.2.1.2.2.1.1.4", "i", "4", "1.3.6.1.2.1.2.2.1.2.4", "s", "mgmt0", "1.3.6.1.2.1.2.2.1.3.4", "i", "6",
        "1.3.6.1.4.1.8072.9999.6.1", "s", "cable pulled"]
WARM = ["1.3.6.1.4.1.17373.9999.1.1", "i", "31", "1.3.6.1.4.1.17373.9999.1.2", "s", "Rack climate", "1.3.6.1.4.1.17373.9999.1.3",
        "s", "north-1", "1.3.6.1.4.1.17373.9999.1.4", "i", "1"]
V3 = ["-v", "3", "-e", f"0x{SENDER}", "-Z", "4,2000"]
SHA_AES = ["-a", "SHA", "-A", AUTH, "-x", "AES", "-X", PRIVACY]
SENT = [
    ("v2c-linkdown", ["-v", "2c", "-c", "public2c", "@", "212000", "1.3.6.1.6.3.1.1.5.3", *LINK]),
    ("v2c-linkup", ["-v", "2c", "-c", "public2c", "@", "216000", "1.3.6.1.6.3.1.1.5.4", *LINK]),
    ("v1-linkdown-of-snmptraps", ["-v", "1", "-c", "public", "@", "1.3.6.1.6.3.1.1.5", "10.1.40.7", "2", "0", "239000", *LINK]),
    ("v1-linkup-of-snmptraps", ["-v", "1", "-c", "public", "@", "1.3.6.1.6.3.1.1.5", "10.1.40.7", "3", "0", "240000", *LINK]),
    ("v3-auth", [*V3, "-u", "shaOnly", "-l", "authNoPriv", "-a", "SHA", "-A", AUTH, "@", "245000", "1.3.6.1.6.3.1.1.5.3", *LINK]),
    ("v3-sealed", [*V3, "-u", "shaAes", "-l", "authPriv", *SHA_AES, "@", "248000", "1.3.6.1.6.3.1.1.5.3", *LINK]),
    ("v3-nobody", [*V3, "-u", "nobody1", "-l", "noAuthNoPriv", "@", "250000", "1.3.6.1.6.3.1.1.5.3", *LINK]),
    ("v3-nobody-again", [*V3, "-u", "nobody1", "-l", "noAuthNoPriv", "@", "251000", "1.3.6.1.6.3.1.1.5.4", *LINK]),
    ("v3-pound", [*V3, "-u", "pound", "-l", "authPriv", "-a", "MD5", "-A", UTF8, "-x", "DES", "-X", UTF8, "@", "252000",
                  "1.3.6.1.4.1.3183.1.1.0.814849", "1.3.6.1.4.1.3183.1.1.1", "x", PET]),
    ("v1-climate", ["-v", "1", "-c", "public", "@", "1.3.6.1.4.1.17373", "10.0.0.42", "6", "10205", "604000000", *WARM]),
]


def record_senders(folder):
    lines = [
        "# net-snmp 5.9.3's snmptrap; recorded on loopback by tests/peers/snmp/record.py, which has checked every code with",
        f"# hashlib and hmac. The engine of v3 is 0x{SENDER}, its boots and time stand behind -Z.",
    ]
    for case, words in SENT:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(10)
            address = f"udp:127.0.0.1:{receiver.getsockname()[1]}"
            words = ["snmptrap", *(address if word == "@" else word for word in words)]
            run(words, folder)
            octets = receiver.recv(65536)
        if "-A" in words:
            assert verifies(octets, words[words.index("-a") + 1], words[words.index("-A") + 1]), words
        lines += [f"# case {case}", "# cmd: " + shown(words, address), octets.hex()]
    (TRAPS / "own-senders.hex").write_text("\n".join(lines) + "\n")


# --- composed -------------------------------------------------------------------------------------------


def varbind(name, value, wide=False):
    return tlv(0x30, tlv(6, oid(name), wide) + value, wide)


def v2c(varbinds, request=23, pdu=0xA7, community=b"public", wide=False):
    body = integer(request) + integer(0) + integer(0) + tlv(0x30, b"".join(varbinds), wide)
    return tlv(0x30, integer(1) + tlv(4, community, wide) + tlv(pdu, body, wide), wide)


def v1(enterprise, generic, specific, uptime, varbinds, agent="192.0.2.10"):
    """`varbinds` is the whole list with its tag, `uptime` the whole element."""
    address = tlv(0x40, bytes(int(part) for part in agent.split(".")))
    body = tlv(6, enterprise) + address + integer(generic) + integer(specific) + uptime + varbinds
    return tlv(0x30, integer(0) + tlv(4, b"public") + tlv(0xA4, body))


UPTIME, TRAP_OID = "1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.1.1.4.1.0"
PET_V2C, PET_VARIABLE = "1.3.6.1.4.1.3183.1.1.0.814849", "1.3.6.1.4.1.3183.1.1.1"


def composed():
    """(the reason of a refusal, or "ok"; what it is; the datagram)"""
    ticks = integer(4242, 0x43)
    pet = bytes.fromhex(PET)
    unix = pet[:18] + (1_700_000_000).to_bytes(4, "big") + pet[22:]
    linked = [varbind(UPTIME, ticks), varbind(TRAP_OID, tlv(6, oid("1.3.6.1.6.3.1.1.5.3"))), varbind("1.3.6.1.2.1.2.2.1.1.4", integer(4))]
    wide = [varbind(UPTIME, tlv(0x43, b"\x10\x92", True), True), varbind(TRAP_OID, tlv(6, oid(PET_V2C), True), True),
            varbind(PET_VARIABLE, tlv(4, pet, True), True)]
    bmc = oid("1.3.6.1.4.1.3183.1.1")
    variable = tlv(0x30, varbind(PET_VARIABLE, tlv(4, pet)))
    cold = v1(oid("1.3.6.1.4.1.8072.3.2.10"), 0, 0, ticks, tlv(0x30, b""))
    padded = bytes([0x2B, 6, 1, 4, 1, 0x80, 0x98, 0x6F, 1, 1])
    climate = [varbind(f"1.3.6.1.4.1.17373.9999.1.{n}", value) for n, value in
               ((1, integer(23)), (2, tlv(4, b"south-2")), (3, tlv(4, b"Rack climate")), (4, integer(2)))]
    long_text = varbind("1.3.6.1.4.1.8072.9999.7.1", tlv(4, b"x" * 300))
    yield "ok", "a v2c trap of request-id 23", v2c(linked, 23, community=b"public2c")
    yield "ok", "the same of request-id 28", v2c(linked, 28, community=b"public2c")
    yield "ok", "a v2c trap with neither sysUpTime.0 nor snmpTrapOID.0, as a climate sensor wrote it", v2c(climate, 496)
    yield "ok", "an Inform that names sysObjectID.0 where snmpTrapOID.0 belongs, version and errors in four octets, as a library for small boards wrote it", \
        tlv(0x30, tlv(2, bytes([0, 0, 0, 1])) + tlv(4, b"public") + tlv(0xA6, tlv(2, bytes([0xFB, 1, 2, 3])) + tlv(2, bytes(4)) * 2 + tlv(
            0x30, varbind(UPTIME, integer(676, 0x43)) + varbind("1.3.6.1.2.1.1.2.0", tlv(6, oid("1.3.6.1.4.1.8072.9999"))))))
    yield "ok", "TimeTicks of five octets, the first 00h, in a trap of nearly 400", \
        v2c([varbind(UPTIME, bytes.fromhex("430500d9000001")), linked[1], long_text])
    yield "ok", "the enterprise of PET with an arc that begins with 80h", v1(padded, 6, 814849, ticks, variable)
    yield "ok", "every length in three octets, 82 00 nn", v2c(wide, wide=True)
    yield "ok", "a PET with Unix seconds where those since 1998 belong: it reads as 2051", \
        v1(bmc, 6, 814849, ticks, tlv(0x30, varbind(PET_VARIABLE, tlv(4, unix))))
    yield "ok", "a PET whose time-stamp field holds Unix seconds, manufacturer 10876 with its octets swapped", \
        v1(bmc, 6, 814849, integer(1_737_474_286, 0x43), tlv(0x30, varbind(PET_VARIABLE, tlv(4, pet[:40] + bytes.fromhex("7c2a0000") + pet[44:]))))
    yield "ok", "a PET of 110 octets, zeros at its end and no end mark", \
        v1(bmc, 6, 814849, ticks, tlv(0x30, varbind(PET_VARIABLE, tlv(4, pet[:46] + bytes(64)))))
    yield "Overrun", "a v1 trap that stops behind the tag of its varbind list, as some switches write it where there is none", \
        v1(oid("1.3.6.1.4.1.8072.3.2.10"), 0, 0, ticks, b"\x30")
    yield "Overrun", "a v1 trap without a varbind list, as they do, too", v1(oid("1.3.6.1.4.1.8072.3.2.10"), 0, 0, ticks, b"")
    yield "Overrun", "a v1 coldStart whose varbind list holds one octet", v1(oid("1.3.6.1.4.1.8072.3.2.10"), 0, 0, ticks, b"\x30\x01\x30")
    yield "TrailingBytes", "an octet behind a whole v1 coldStart", cold + b"\0"


def compose():
    lines = ['# composed by tests/peers/snmp/record.py; "<ok, or the reason> | <what it is>"; many are what real senders were seen to write']
    for reason, what, octets in composed():
        lines += [f"# {reason} | {what}", octets.hex()]
    (TRAPS / "made-here.hex").write_text("\n".join(lines) + "\n")


# --- the reference ---------------------------------------------------------------------------------------


CONF = f"""disableAuthorization yes
createUser -e 0x80001f8880e9630000d61ff449 lextm MD5 authentication DES privacyphrase
createUser -e 0x{SENDER} nobody1
createUser -e 0x{SENDER} shaOnly SHA "{AUTH}"
createUser -e 0x{SENDER} pound MD5 "{UTF8}" DES "{UTF8}"
"""


def printed(octets, folder):
    """What a fresh snmptrapd says to it; a second datagram tells when it has had time enough."""
    port, log = free(), pathlib.Path(folder, "log")
    log.unlink(missing_ok=True)
    path = pathlib.Path(folder, "trapd.conf")
    path.write_text(CONF)
    environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": f"{folder}/trapd", "LC_ALL": "C.UTF-8"}
    words = ["snmptrapd", "-f", "-n", "-On", "-Lf", log, "-C", "-c", path, f"udp:127.0.0.1:{port}"]
    end = v2c([varbind(UPTIME, integer(1, 0x43)), varbind(TRAP_OID, tlv(6, oid("1.3.6.1.4.1.8072.9999.77")))])
    with subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL) as receiver:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                until = time.monotonic() + 10
                while not (log.exists() and "NET-SNMP" in log.read_text()) and time.monotonic() < until:
                    time.sleep(0.02)
                sender.sendto(octets, ("127.0.0.1", port))
                while "8072.9999.77" not in log.read_text():
                    assert time.monotonic() < until and receiver.poll() is None
                    sender.sendto(end, ("127.0.0.1", port))
                    time.sleep(0.05)
        finally:
            receiver.terminate()
    text = re.split(r"\n\d{4}-\d\d-\d\d [\d:]+ [^\n]*\n[^\n]*8072\.9999\.77", log.read_text())[0]
    text = "\n".join(line for line in text.split("\n") if not line.startswith(("NET-SNMP version", "Created directory")))
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>", text)
    return re.sub(r"\[127\.0\.0\.1\]:\d+->\[127\.0\.0\.1\]:\d+", "HERE", text).strip()


def reference(folder):
    lines = ["# what snmptrapd 5.9.3 (-On, no MIBs, disableAuthorization) prints for each notification of these files, one process each;",
             "# it knows the users lextm, nobody1, shaOnly and pound, and not shaAes. (nothing): dropped without a word"]
    for file in sorted(TRAPS.glob("*.hex")):
        if file.name.startswith(("own-snmptrap.", "own-snmpget.", "nontrap-")):
            continue
        datagrams = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
        for number, line in enumerate(datagrams, 1):
            octets = bytes.fromhex(line)
            says = printed(octets, folder)
            if says or file.name == "own-senders.hex" or is_trap(octets):
                lines += [f"=== {file.name} {number}", says or "(nothing)"]
    (TRAPS / "reference-snmptrapd.txt").write_text("\n".join(lines) + "\n")


def is_trap(octets):
    """Whether what snmptrapd passes over is a notification, as far as that lies open."""
    try:
        version, _, last = children(read(octets)[1])[:3]
        return version[1][-1:] in (b"\0", b"\1") and last[0] in (0xA4, 0xA6, 0xA7)
    except (IndexError, ValueError):
        return True


def main():
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1:] != ["reference"]:
            record_agent(folder)
            record_senders(folder)
            compose()
        reference(folder)


if __name__ == "__main__":
    sys.exit(main())
