#!/usr/bin/env python3
"""Judges the licence of every crate that is built into an artifact, or that builds one.

usage: licences.py [--self-test]

Dev-dependencies, and what the fuzz targets are built with, are printed and not judged: nothing of them leaves the project.
"""

import doctest
import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LLVM-exception", "MIT", "Unicode-3.0",
    "Unlicense", "Zlib",
}

# Crates that may differ: (licence, why).
EXCEPTIONS = {
    "cbindgen": ("MPL-2.0", "a build tool of feature `header`; nothing of it is linked or shipped"),
}


def allowed(expression, names=ALLOWED):
    """Whether an SPDX expression can be met with these names.

    >>> [allowed(text) for text in ("MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception")]
    [True, True, True, True]
    >>> [allowed(text) for text in ("GPL-3.0", "MIT AND GPL-3.0", "MIT WITH GPL-x", "", None)]
    [False, False, False, False, False]
    >>> allowed("(MIT OR GPL-2.0) AND Unicode-3.0"), allowed("MIT OR GPL-2.0 AND GPL-3.0")
    (True, True)
    >>> allowed("(MIT OR ISC) AND GPL-3.0"), allowed("MIT Apache-2.0"), allowed("(MIT")
    (False, False, False)
    """
    words = re.findall(r"[()]|[^\s()/]+|/", expression or "")

    def either():
        result = both()
        while words and words[0] in ("OR", "/"):
            words.pop(0)
            result = both() or result
        return result

    def both():
        result = one()
        while words and words[0] in ("AND", "WITH"):
            words.pop(0)
            result = one() and result
        return result

    def one():
        if not words:
            return False
        word = words.pop(0)
        if word != "(":
            return word in names
        result = either()
        return bool(words) and words.pop(0) == ")" and result

    return either() and not words


def metadata_of(*options):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    metadata = metadata_of("--all-features")
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    members = set(metadata["workspace_members"])

    def reach(starts):
        found, queue = set(), list(starts)
        while queue:
            one = queue.pop()
            if one not in found:
                found.add(one)
                queue += [dep["pkg"] for dep in nodes[one]["deps"] if not only_dev(dep)]
        return found

    def only_dev(dep):
        return all(kind["kind"] == "dev" for kind in dep["dep_kinds"])

    built = reach(members)
    developing = reach(dep["pkg"] for one in members for dep in nodes[one]["deps"] if only_dev(dep)) - built

    failed = False
    for package in sorted((packages[one] for one in built), key=lambda package: package["name"]):
        name, licence = package["name"], package["license"]
        if not allowed(licence) and EXCEPTIONS.get(name, (None,))[0] != licence:
            print(f"not ok: {name} {package['version']} is under {licence or 'no licence'}")
            failed = True
    for name, licence in sorted((packages[one]["name"], packages[one]["license"]) for one in developing):
        print(f"developing only, not judged: {name}: {licence}")
    known = {package["name"] for package in metadata["packages"]}
    fuzzing = metadata_of("--manifest-path", "fuzz/Cargo.toml")["packages"]
    for name, licence in sorted((package["name"], package["license"]) for package in fuzzing):
        if name not in known:
            print(f"fuzzing only, not judged: {name}: {licence}")
    stale = EXCEPTIONS.keys() - {packages[one]["name"] for one in built}
    for name in sorted(stale):
        print(f"not ok: the exception for {name} is for nothing")
    if not failed and not stale:
        print(f"ok: licences of {len(built)} crates")
    return failed or bool(stale)


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        result = doctest.testmod()
        if not result.failed and result.attempted:
            print("ok: licence expressions")
        sys.exit(bool(result.failed))
    sys.exit(main())
