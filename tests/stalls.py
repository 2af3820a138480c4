#!/usr/bin/env python3
"""usage: stalls.py COMMAND... - runs it on a machine that stands still now and then; `make stalls`.

Each processor is taken away for 10 to 150 ms, two or three times a second, by a process of real-time priority: so a virtual
machine looks whose host has other guests, and so a server at the worst moment of its year. What leans on time shows.
Needs the right to set a real-time priority (root, CAP_SYS_NICE).
"""

import os
import random
import signal
import subprocess
import sys
import time

SHORTEST, LONGEST = 0.010, 0.150
GAP_MIN, GAP_MAX = 0.05, 0.6


def take_away(processor: int, parent: int) -> None:
    os.sched_setaffinity(0, {processor})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    while os.getppid() == parent:  # who is killed leaves nobody behind
        time.sleep(random.uniform(GAP_MIN, GAP_MAX))
        end = time.monotonic() + random.uniform(SHORTEST, LONGEST)
        while time.monotonic() < end:
            pass


def main() -> int:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    takers, here = [], os.getpid()
    try:
        for processor in os.sched_getaffinity(0):
            taker = os.fork()
            if taker == 0:
                try:
                    take_away(processor, here)
                except PermissionError as error:
                    print(f"no real-time priority: {error}", file=sys.stderr)
                finally:
                    os._exit(1)
            takers.append(taker)
        time.sleep(0.5)
        if any(os.waitid(os.P_PID, taker, os.WEXITED | os.WNOHANG | os.WNOWAIT) for taker in takers):
            return 1  # it has said why
        return subprocess.run(sys.argv[1:]).returncode
    finally:
        for taker in takers:
            os.kill(taker, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
