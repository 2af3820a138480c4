#!/usr/bin/env python3
"""Stories of a real cluster, from a BMC's fault to the services' running elsewhere.

usage: stories.py short|long|WORD... BINARY RUN - a word: the stories whose names contain it. RUN is an empty folder.
"""

import functools
import os
import signal
import sys
import time
import traceback

import both
import moves
from lab import Lab, Wrong, want


def runs(count):
    story = functools.partial(both.both_at_once, runs=count)
    story.__name__ = f"both_at_once_{count}"
    return story


# name: nodes, settings, stories of the short run, further ones of the long run
LABS = {
    "two": (2, {}, [
        moves.main_story, moves.peer_in_standby, moves.peer_is_red, moves.strategy_unset_health, moves.strategy_unset_auto,
        moves.stop_fails_without_fencing, moves.daemon_killed_in_mid_move, moves.nobody_may, moves.pacemaker_is_down,
        runs(10), both.both_with_resets,
    ], [moves.the_reset_comes_in_the_middle, runs(50), both.both_with_resets, both.both_with_resets]),
    "fencing": (2, {"LAB_STONITH": "1", "patience": "8s"}, [moves.stop_fails_with_fencing], [moves.main_story]),
    "three": (3, {}, [moves.quorum_is_lost, both.two_of_three], [moves.main_story]),
}


def run(binary, folder, words):
    failed = ran = 0
    for name, (count, settings, short, further) in LABS.items():
        stories = short + (further if words != ["short"] else [])
        if words not in (["short"], ["long"]):
            stories = [s for s in stories if any(word in s.__name__ for word in words)]
        lab = None
        if not stories:
            continue
        try:
            began = time.monotonic()
            lab = Lab(binary, os.path.join(folder, name), count, **settings)
            print(f"  {name}: {count} nodes up in {time.monotonic() - began:.1f} s", flush=True)
            for story in stories:
                began = time.monotonic()
                ran += 1
                try:
                    note = story(lab)
                    want(not lab.twice(), f"a service ran twice at once: {lab.twice()}")
                    print(f"  passed  {story.__name__}, {time.monotonic() - began:.1f} s" + (f"\n# {note}" if note else ""), flush=True)
                except Exception as error: # a story that stumbles has failed, whatever it stumbles over
                    failed += 1
                    print(f"  FAILED  {story.__name__}, {time.monotonic() - began:.1f} s: {error}")
                    traceback.print_exc(file=sys.stdout)
                    lab.tell()
                    break # what comes after would be judged by what this one left
        except Wrong as error:
            failed += 1
            print(f"  FAILED  the cluster \"{name}\" comes up: {error}")
        finally:
            if lab:
                lab.down()
    print(f"  {ran} stories, {failed} failed")
    return failed == 0 and ran > 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    *words, binary, folder = sys.argv[1:]
    sys.exit(0 if run(binary, folder, words) else 1)
