#!/usr/bin/env python3
"""The committed corpus: one text a target, a line an input, in base64; docs/decisions/0090 says why.

usage: corpus.py seeds TARGET FOLDER   the inputs that tests/vectors makes, as files
       corpus.py unpack TARGET FOLDER  the committed ones, as files
       corpus.py pack TARGET FOLDER    the other way, but for what `seeds` makes; the shortest, up to a budget
       corpus.py show FILE             an input's octets, to be read or sent on
"""

import base64
import hashlib
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
VECTORS = HERE.parent / "tests" / "vectors"
# Octets of the committed inputs of one target.
BUDGET = 75_000
# What stands before a datagram in an input: the configuration, and who sends it.
BEFORE = {
    "datagram": lambda octets: b"",
    "reception": lambda octets: b"\0\0",
    "engine": lambda octets: b"\0\0\0" + len(octets).to_bytes(2, "big"),
}


def lines(path, read):
    texts = (line.strip() for line in path.read_text().splitlines())
    return [read(text) for text in texts if text and not text.startswith("#")]


def seeds(target):
    files = sorted(path for folder in ("traps", "hostile") for path in (VECTORS / folder).glob("*.hex"))
    return [BEFORE[target](octets) + octets for path in files for octets in lines(path, bytes.fromhex)]


def write(inputs, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for octets in inputs:
        (folder / hashlib.sha1(octets).hexdigest()).write_bytes(octets)


def committed(target):
    return HERE / "corpus" / f"{target}.b64"


def pack(target, folder):
    known = set(seeds(target))
    found = sorted({path.read_bytes() for path in folder.iterdir()} - known, key=lambda octets: (len(octets), octets))
    kept, room = [], BUDGET
    for octets in found:
        room -= len(octets)
        if room < 0:
            break
        kept.append(base64.b64encode(octets).decode() + "\n")
    head = f"# Found by target {target}, made small by `make fuzz-corpus`; `fuzz/corpus.py unpack` makes files of it.\n"
    committed(target).write_text(head + "".join(kept))
    print(f"{target}: {len(kept)} inputs of {len(found)}, beside {len(known)} of tests/vectors")


def main(arguments):
    match arguments:
        case ["seeds", target, folder]:
            write(seeds(target), pathlib.Path(folder))
        case ["unpack", target, folder]:
            write(lines(committed(target), base64.b64decode), pathlib.Path(folder))
        case ["pack", target, folder]:
            pack(target, pathlib.Path(folder))
        case ["show", file]:
            print(pathlib.Path(file).read_bytes().hex())
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
