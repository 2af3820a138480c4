#!/usr/bin/env python3
"""Stories of a real cluster, from a BMC's fault to the services' running elsewhere.

usage: stories.py BINARY RUN [WORD...] - those whose names contain a word; RUN is an empty folder.
"""

import os
import signal
import sys
import time
import traceback

from lab import FAULT, SERVICES, Lab, Wrong, until, want


def one_fault(lab, at, to):
    """A fault at `at`, told as far as the BMC's *ended(done)*; what was seen."""
    began, since, told = lab.mark(), at.bmc.mark(), at.mark()
    lab.fault(at)
    ended = at.bmc.wait("recovery_ended", since, seconds=30)
    want(ended["outcome"] == "done", f"ended({ended['outcome']}), and done was wanted")
    started = at.bmc.heard("recovery_started", since)
    want(len(started) == 1, f"started was said {len(started)} times")
    want(at.bmc.heard("trap_acknowledged", since), "the trap was acknowledged")
    moved = [line for line in lab.history(began) if line[2] == "start"]
    want([(line[1], line[3]) for line in moved] == [(to.name, service) for service in SERVICES],
         f"each service was started once, on {to.name}: {moved}")
    last = moved[-1][0] * 1e6
    want(started[0]["boottime_us"] < last < ended["boottime_us"] + 5000, "the services ran before the BMC heard ended")
    want(to.has_all(), f"the services run on {to.name}")
    return since, told


def main_story(lab):
    """The BMC resets node1 when the services run on node2; node1 comes back and nothing is rerun."""
    one, two = lab.nodes[:2]
    lab.send_to(one)
    before, began = one.boot(), lab.mark()
    since, told = one_fault(lab, one, two)
    one.bmc.wait("reset", since)
    until(lambda: one.boot() not in (before, None), "node1 boots again")
    want(two.has_all(), "the services stayed on node2 over the reset")
    one.logged("interrupted|closed|reset", told)
    one.bmc.wait("armed", one.bmc.events.index(one.bmc.wait("reset", since)), seconds=30)
    until(one.is_online, "node1 is back", 30)
    lab.settle()
    time.sleep(1.5)
    want(one.health() is None, f"red is gone after the boot, and it is {one.health()}")
    want(len(one.bmc.heard("recovery_started", since)) == 1, "nothing is rerun")
    want(len(one.bmc.heard("recovery_ended", since)) == 1, "ended is said once")
    want(two.has_all() and not one.services(), "the services stayed on node2")
    want(len([line for line in lab.history(began) if line[2] == "start"]) == len(SERVICES), "nothing was started again")


TWO = [main_story]
GROUPS = {"two": (2, {}, TWO)}


def run(binary, folder, words):
    failed = ran = 0
    for name, (count, settings, stories) in GROUPS.items():
        stories = [s for s in stories if not words or any(word in s.__name__ for word in words)]
        if not stories:
            continue
        lab = None
        try:
            began = time.monotonic()
            lab = Lab(binary, os.path.join(folder, name), count, **settings)
            print(f"  {count} nodes up in {time.monotonic() - began:.1f} s", flush=True)
            for story in stories:
                began = time.monotonic()
                ran += 1
                try:
                    note = story(lab)
                    want(not lab.twice(), f"a service ran twice at once: {lab.twice()}")
                    print(f"  passed  {story.__name__}, {time.monotonic() - began:.1f} s" + (f"\n# {note}" if note else ""), flush=True)
                except (Wrong, OSError, KeyError, IndexError, AttributeError) as error:
                    failed += 1
                    print(f"  FAILED  {story.__name__}, {time.monotonic() - began:.1f} s: {error}")
                    if not isinstance(error, Wrong):
                        traceback.print_exc(file=sys.stdout)
                    lab.tell()
                    break # what comes after would be judged by what this one left
        except Wrong as error:
            failed += 1
            print(f"  FAILED  the cluster {name} comes up: {error}")
            if lab:
                lab.tell()
        finally:
            if lab:
                lab.down()
    return failed == 0 and ran > 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(0 if run(sys.argv[1], sys.argv[2], sys.argv[3:]) else 1)
