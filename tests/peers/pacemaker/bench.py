#!/usr/bin/env python3
"""How long until the services run elsewhere: by a bare attrd_updater, and by a BMC's trap through all of ours.

usage: bench.py ROUNDS BINARY RUN. Both in turn in one run, from the node that the services are on to the other one. The time
of the last service's start is what its agent has written down. Prints lines for benches/table.awk.
"""

import json
import os
import statistics
import subprocess
import sys
import time

from lab import SERVICES, Lab, until, want

# What a daemon does: a process that is in the node already starts the tool.
HELPER = """
import json, os, sys, time
for line in sys.stdin:
    words = json.loads(line)
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    pid = os.posix_spawnp(words[0], words, os.environ)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps([began, status]), flush=True)
"""


class Helper:
    def __init__(self, lab, node):
        self.process = subprocess.Popen(lab.inside(node.name, sys.executable, "-c", HELPER),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        began, status = json.loads(self.process.stdout.readline())
        want(status == 0, f"{words}: {status}")
        return began

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def started(lab, since, to):
    """When the last service has started there."""
    def all_started():
        starts = [line for line in lab.history(since) if line[2] == "start"]
        return len(starts) == len(SERVICES) and starts
    starts = until(all_started, f"the services start on {to.name}")
    want({line[1] for line in starts} == {to.name}, f"all on {to.name}: {starts}")
    return starts[-1][0]


def bare(lab, helpers, here, there):
    since = lab.mark()
    began = helpers[here.name].run("attrd_updater", "-n", "#health-bmc", "-U", "red")
    over = started(lab, since, there)
    lab.settle()
    here.run("attrd_updater", "-n", "#health-bmc", "-D")
    until(lambda: here.health() is None, "red is gone")
    lab.settle()
    return over - began


def ours(lab, here, there):
    """From the trap to the services, and to the BMC's hearing *ended(done)*."""
    since, place = lab.mark(), here.bmc.mark()
    lab.fault(here)
    sent = here.bmc.wait("trap_sent", place)["boottime_us"] / 1e6
    ended = here.bmc.wait("recovery_ended", place, seconds=30)
    want(ended["outcome"] == "done", f"ended({ended['outcome']})")
    over = started(lab, since, there)
    lab.settle()
    lab.cure(here)
    time.sleep(0.6) # the BMC, which believes that it has reset its server, is armed again
    return over - sent, ended["boottime_us"] / 1e6 - sent


def figure(name, mine, others, budget):
    def p99(values):
        return statistics.quantiles(values, n=100, method="inclusive")[98]
    ratio = statistics.median(a / b for a, b in zip(mine, others))
    mine, others = [[value * 1e3 for value in side] for side in (mine, others)]
    print(f"figure|{name}|ms|{statistics.median(mine):.2f}|{p99(mine):.2f}|bare attrd_updater|{statistics.median(others):.2f}"
          f"|{p99(others):.2f}|{ratio:.3f}|{budget}|{len(mine)}", flush=True)


def main(rounds, binary, folder):
    lab = Lab(binary, os.path.join(folder, "bench"), 2)
    helpers = {node.name: Helper(lab, node) for node in lab.nodes}
    try:
        for node in lab.nodes: # what a BMC resets here stays up
            open(os.path.join(lab.run, f"hold-{node.name}"), "w").close()
        sides = [], [], []
        for number in range(rounds + 1):
            def way():
                here = until(lab.where, "the services run")
                return here, next(node for node in lab.nodes if node is not here)
            def first():
                return bare(lab, helpers, *way())
            def second():
                return ours(lab, *way())
            # Which side is first changes, and so each is measured from both nodes.
            one, two = (first(), second()) if number % 4 < 2 else tuple(reversed((second(), first())))
            if number: # the first round warms up
                sides[0].append(one)
                sides[1].append(two[0])
                sides[2].append(two[1])
        figure("trap to services running elsewhere, guarded and claimed", sides[1], sides[0], "1.30")
        figure("the same until the BMC hears ended, proven", sides[2], sides[0], "-")
    except Exception:
        lab.tell(sys.stderr)
        raise
    finally:
        for helper in helpers.values():
            helper.close()
        lab.down()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
