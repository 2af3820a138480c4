#!/usr/bin/env python3
"""Asks FreeIPMI's ipmi-pet for every case of tests/vectors/pet-words.txt again: pet-words.py HOST:PORT USER PASSWORD FOLDER.

It wants a living BMC (ipmi_sim will do) and a folder for its cache. Prints each case that it words otherwise now; ends with 1 then.
"""

import pathlib
import subprocess
import sys

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "pet-words.txt"
HEAD = "44454c4c3100104b8033b4c04f4e3153000512345678ffff2020102063" + "0701"
TAIL = "000000000019000001570001c1"


def ask(address: str, user: str, password: str, folder: str, trap: str, data: str) -> str:
    octets = bytes.fromhex(HEAD + data + TAIL)
    how = f"-D LAN_2_0 -W opensesspriv -l ADMIN -h {address} -u {user} -p {password} --quiet-cache --sdr-cache-directory={folder}"
    form = "--output-event-severity --output-event-state --comma-separated-output --no-header-output"
    words = ["ipmi-pet", *how.split(), *form.split(), str(int(trap, 16)), *(f"{octet:02x}" for octet in octets)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False)
    # date,time,sensor,type,severity,state,event
    return done.stdout.strip().split(",", 3)[3] if done.returncode == 0 else done.stderr.strip()


def main() -> int:
    changed = 0
    for line in VECTORS.read_text().splitlines():
        if line.startswith("#"):
            continue
        case, kind, words = line.split("|", 2)
        kind_now, _, _, words_now = (ask(*sys.argv[1:5], *case.split()).split(",", 3) + ["", "", ""])[:4]
        if (kind, words) != (kind_now, words_now):
            print(f"{case}|{kind_now}|{words_now}")
            changed += 1
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
