#!/usr/bin/env python3
"""Stories of a guest whose kernel's own driver talks to its BMC.

usage: stories.py [WORD]... FOLDER BINARY KERNEL IMAGE MODULE - a word: the stories whose names contain it. FOLDER is empty;
the others are what with-guest.sh makes.
"""

import os
import signal
import sys
import time
import traceback

from lab import BMC, GUEST, Lab, STRANGER, Wrong, until, want

STARTED, ENDED, ARMED = "recovery-started", "recovery-ended", "recovery-armed"
HOLD = 3.0
LINK = 'user = "ipmiusr"\npassword = "test"\ncipher_suites = [3]'


def fault(lab):
    """An uncorrectable memory error: the BMC writes its SEL, and sends its trap."""
    lab.bmc.fault(2, 1)
    lab.trap()


def recovers(lab, since, road):
    """The handshake once, in its order and on one road: when *ended* was heard."""
    until(lambda: lab.bmc.heard(since, ENDED), "the BMC hears ended")
    said = [(h.what, h.data.hex()) for h in lab.bmc.heard(since) if h.what in (STARTED, ENDED)]
    want(said == [(STARTED, "01"), (ENDED, "0200")], f"started, then ended(done), each once: {said}")
    spoken = {h.what for h in lab.bmc.heard(since, netfn=0x30, command=0x70) if h.what in ("kcs", "lan")}
    want(spoken == {road}, f"the BMC heard it by {road}: {spoken}")


def main_story(lab):
    """From the fault to the reset that the BMC does, and the boot after it, in which nothing is done again."""
    guest, bmc = lab.guest, lab.bmc
    first = guest.booted(1)
    lab.configure(bmc=LINK, trust="address")
    bmc.set("reset.ms", str(int(HOLD * 1000)))
    lab.start()
    began, told = bmc.mark(), guest.mark()
    want("server1" not in bmc.ipmitool("sel", "list"), "x")

    # Somebody else on this cable, and nobody hears it.
    lab.trap(source=STRANGER)
    fault(lab)
    recovers(lab, began, "lan")
    guest.logged(f"recovering in boot {first}", told)
    # Until it resets, the BMC is the same one by both roads.
    want("Uncorrectable ECC" in bmc.ipmitool("sel", "list"), "the SEL over the LAN has the fault")
    armed = bmc.mark()
    second = guest.booted(2)
    want(second != first, "another boot")
    resets = bmc.heard(began, "resetting")
    want(len(resets) == 1, f"one reset: {resets}")
    lab.armed(told, armed)
    guest.logged("record 1: closed", told)
    records = lab.journal()
    want(len(records) == 1, f"one record: {records}")
    print(records[0])
    time.sleep(2.5)
    recovers(lab, began, "lan")
    print(lab.recovered())


STORIES = [main_story]


def tell(words, folder, *parts):
    stories = [story for story in STORIES if not words or any(word in story.__name__ for word in words)]
    ran = failed = 0
    lab, begun = None, time.monotonic()
    try:
        lab = Lab(folder, *parts)
        lab.guest.booted(1)
        print(f"  the guest is up in {time.monotonic() - begun:.1f} s")
        for story in stories:
            begun = time.monotonic()
            ran += 1
            note = story(lab)
            print(f"  passed  {story.__name__}, {time.monotonic() - begun:.1f} s" + (f"\n# {note}" if note else ""))
    except Exception as error: # whatever it stumbles over; what comes after would be judged by what this one left
        failed += 1
        print(f"  FAILED  {stories[ran - 1].__name__ if ran else 'the guest comes up'}, {time.monotonic() - begun:.1f} s: {error}")
        traceback.print_exc(file=sys.stdout)
        if lab:
            lab.tell()
    finally:
        if lab:
            lab.down()
    print(f"  {ran} stories, {failed} failed")
    return failed == 0 and ran > 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(0 if tell(sys.argv[1:-5], *sys.argv[-5:]) else 1)
