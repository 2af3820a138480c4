#!/usr/bin/env python3
"""Stories of a guest whose kernel's own driver talks to its BMC.

usage: stories.py [WORD]... FOLDER BINARY KERNEL IMAGE MODULE - a word: the stories whose names contain it; none: all but the
long ones. FOLDER is empty; the others are what with-guest.sh makes.
"""

import json
import signal
import sys
import time
import traceback
import uuid

import hangs
from lab import HOLD_MS, MEMORY, PASSWORD, STRANGER, SYSTEM, UNCORRECTABLE, USER, Lab, until, want

# The system's GUID in the order of the BMC's octets, as our command line shows it.
TOLD = str(uuid.UUID(bytes=SYSTEM.bytes_le))
STARTED, ENDED = "recovery-started", "recovery-ended"
# No login: what the BMC hears from the guest, it hears by the driver.
IN_BAND = 'link = "in_band"'
# The simulator takes commands of vendors from administrators alone.
BOTH = f'link = "auto"\nuser = "{USER}"\npassword = "{PASSWORD}"\ncipher_suites = [3]\nprivilege = "administrator"'


def handshake(lab, since):
    """What the BMC heard of recoveries: which, with which data, by which road."""
    heard = lab.bmc.heard(since)
    return [(h.what, h.data.hex(), road.what) for road, h in zip(heard, heard[1:]) if h.what in (STARTED, ENDED)]


def asked(lab, since, road):
    """When the BMC was asked for its SEL by this road: Get SEL Info, Get SEL Entry."""
    return [h.at for h in lab.bmc.heard(since, road, netfn=0x0A) if h.command in (0x40, 0x43)]


def chassis(lab, since):
    """The chassis commands that came, by whichever road."""
    return [h.line for h in lab.bmc.heard(since, netfn=0x00, command=0x02)]


def did_nothing(lab, since, count):
    """After a boot: armed, and for two more of its regular messages nothing else than that."""
    until(lambda: len(lab.bmc.heard(since, "recovery-armed")) > 2, "the daemon tells the BMC that it is there")
    want(not handshake(lab, since), f"no recovery is told of after the boot: {handshake(lab, since)}")
    want(not chassis(lab, since), f"no chassis command: {chassis(lab, since)}")
    want(not lab.bmc.heard(since, "resetting"), "no further reset")
    want(len(lab.recovered()) == count, f"the recovery ran {count} times in all: {lab.recovered()}")


CLOSED = {"done": "the recovery was done", "interrupted_by_reset": "interrupted by reset: the host has booted since"}


def closed(lab, boot, told, reason):
    """The newest record that a monitor wanted is of that boot, and was closed in this one."""
    number = lab.guest.logged("record ([0-9]+): closed: " + CLOSED[reason], told)[1]
    lab.guest.logged(f"record {number}: the host has booted since; closed, nothing is rerun", told)
    record = [record for record in lab.journal() if record["monitor"]][-1]
    want(record["record"] == int(number), f"the newest record is the one that was closed, {number}: {record}")
    want(record["boot"] == boot.replace("-", "") and not record["this_boot"], f"the record is of boot {boot}: {record}")
    want(record["closed"] == reason and not record["open"], f"it was closed as {reason}: {record}")
    last = record["steps"][-1]
    want(last["step"] == "closed" and last["boot"] != record["boot"], f"closed by another boot: {last}")
    want(record["runs"] == 1, f"it ran once: {record}")
    return record


def audited(lab):
    """The operator's commands go in-band, too, without a login: and what this BMC does not tell they say."""
    since = lab.bmc.mark()
    said, status = lab.guest.run("bmcnotice bmc audit --json -c /disk/bmcnotice.toml", check=False)
    want(status == 3, f"ipmi_sim does not tell enough, and that is exit status 3: {said}, exit status {status}")
    audit = json.loads(said)
    want(audit["in_band"] and audit["identity_matched"] and audit["guid"] == TOLD, f"in-band, and the right one: {audit}")
    subjects = {finding["id"]: finding["subject"] for finding in audit["findings"]}
    want(audit["reaches"] != "yes" and {"BMCN-A010", "BMCN-A011", "BMCN-A020"} <= set(subjects), f"it does not alert: {audit}")
    want("the postpone timer (this BMC does not know it" in subjects.get("BMCN-A002", ""), f"what it does not tell is said: {audit}")
    said, status = lab.guest.run("bmcnotice bmc pin --json -c /disk/bmcnotice.toml", check=False)
    pin = json.loads(said)
    want(status == 0 and pin["state"] in ("new", "pinned") and pin["guid"] == TOLD, f"pinned as it is: {pin}")
    asked = lab.bmc.heard(since, netfn=0x0C, command=0x02)
    want(asked and {h.data[0] & 0x0F for h in asked} == {1}, f"its LAN parameters are those of its LAN channel: {[h.line for h in asked]}")
    want({h.what for h in lab.bmc.heard(since, netfn=0x0C)} == {"kcs"}, "nothing of it went over LAN")


def main_story(lab):
    """From the fault to the reset that the BMC does, and the boot after it, in which nothing is done again."""
    guest, sim = lab.guest, lab.bmc
    boots, runs = len(guest.boots()), len(lab.recovered())
    before = guest.boots()[-1]
    lab.rest()
    lab.configure(IN_BAND)
    said, status = guest.run("bmcnotice check /disk/bmcnotice.toml", check=False)
    want(status == 0 and "/dev/ipmi0" not in said, f"check finds no error, and nothing about the device: {said}")
    audited(lab)
    lab.use(IN_BAND)

    # Somebody else's trap, and nobody minds it. The BMC is the same one by both roads.
    since, told = sim.mark(), guest.mark()
    lab.trap(source=STRANGER, heeded=False)
    guest.logged(f"{STRANGER}:[0-9]+ dropped: foreign_source", told)
    want("ECC" not in sim.ipmitool("sel", "list"), "the SEL has no fault yet")
    want(not handshake(lab, since), "nothing was started")

    at, cause = time.monotonic(), sim.mark()
    trap = lab.fault()
    until(lambda: sim.heard(since, ENDED), "the BMC hears ended")
    took = time.monotonic() - at
    want(handshake(lab, since) == [(STARTED, "01", "kcs"), (ENDED, "0200", "kcs")], f"started, then ended(done): {handshake(lab, since)}")
    want([when for when in asked(lab, cause, "kcs") if when < sim.heard(since, STARTED)[0].at], "the SEL was asked in-band, before started")
    guest.logged(f"recovering in boot {before}", told)
    want("Uncorrectable ECC" in sim.ipmitool("sel", "list"), "the SEL over the LAN has the fault")
    want(sim.ipmitool("power", "status") == "Chassis Power is on", "the BMC holds its reset")
    want(len(guest.boots()) == boots, "it has not booted yet")

    after = guest.booted(boots + 1)
    want(after != before, "another boot")
    reset = sim.heard(since, "resetting")
    want(len(reset) == 1 and not chassis(lab, since), f"the BMC did one reset, and nobody told it to: {reset}, {chassis(lab, since)}")
    want(reset[0].at - sim.heard(since, ENDED)[0].at >= HOLD_MS / 1000 * 0.9, "it reset when its time was over, and not before")
    record = closed(lab, before, told, "done")
    want(record["trust"] == "corroborated", f"the SEL proved it: {record}")
    did_nothing(lab, sim.place(reset[0]), runs + 1)

    # A BMC that was not acknowledged sends the same trap once more.
    again = sim.mark()
    lab.trap(*trap)
    did_nothing(lab, again, runs + 1)
    return f"trap to ended {took * 1000:.0f} ms; started after {record['took_ms']['started']} ms, in the guest"


def reset_in_the_middle(lab):
    """Somebody outside resets the server while its recovery runs: the record is interrupted, and the recovery does not run again."""
    guest, sim = lab.guest, lab.bmc
    lab.use(IN_BAND)
    boots, runs = len(guest.boots()), len(lab.recovered())
    before = guest.boots()[-1]
    since, told = sim.mark(), guest.mark()
    guest.run("touch /disk/slow")

    # This BMC sends first, and writes then.
    lab.trap()
    until(lambda: len(asked(lab, since, "kcs")) > 1, "the SEL is asked, and once more")
    want(not handshake(lab, since) and len(lab.recovered()) == runs, "a trap alone starts nothing")
    sim.event(MEMORY, UNCORRECTABLE)
    guest.logged(f"recovering in boot {before}", told)

    on_disk = "bmcnotice journal --json /disk/journal/journal | grep mrw1 | tail -n 1 | grep -q '\"started_told\"'"
    until(lambda: guest.run(on_disk, check=False)[1] == 0, "the journal's copy on the disk knows that it runs")
    time.sleep(0.5) # it is written; that it is synced cannot be seen
    guest.run("rm /disk/slow && sync")
    sim.ipmitool("power", "reset")
    guest.booted(boots + 1)
    closed(lab, before, told, "interrupted_by_reset")
    want(not [h for h in handshake(lab, since) if h[0] == ENDED], f"nobody said ended: {handshake(lab, since)}")
    did_nothing(lab, sim.place(sim.heard(since, "lan", netfn=0x00, command=0x02)[0]), runs + 1)


def forged(lab):
    """A trap from the BMC's own address that the BMC knows nothing of."""
    guest, sim = lab.guest, lab.bmc
    lab.use(IN_BAND)
    since, told, runs = sim.mark(), guest.mark(), len(lab.recovered())
    lab.trap()
    number = guest.logged("record ([0-9]+): held: the BMC, asked, shows no such event", told)[1]
    want(not handshake(lab, since) and len(lab.recovered()) == runs, "it starts nothing")
    guest.run(f"bmcnotice cancel {number} --config /disk/bmcnotice.toml")


def in_band_falls_silent(lab):
    """The BMC answers nothing more on the guest's bus: after a second it hears the rest over the LAN."""
    guest, sim = lab.guest, lab.bmc
    boots, before = len(guest.boots()), guest.boots()[-1]
    told = guest.mark()
    lab.use(BOTH)
    guest.logged("LAN works beside in-band", told)
    since, runs = sim.mark(), len(lab.recovered())
    sim.set("kcs.silent")
    lab.fault()
    until(lambda: sim.heard(since, ENDED), "the BMC hears ended")
    want(asked(lab, since, "lan"), "the SEL was asked over LAN")
    sim.set("kcs.silent", None)
    want(handshake(lab, since) == [(STARTED, "01", "lan"), (ENDED, "0200", "lan")], f"started, then ended(done), by LAN: {handshake(lab, since)}")
    silent, started = sim.heard(since, "kcs-unheard")[0].at, sim.heard(since, STARTED)[0].at
    want(started - silent > 0.9, f"in-band had a second to answer: {started - silent:.2f} s")
    guest.logged("in-band it does not answer within 1 s: LAN is used", told)
    guest.booted(boots + 1)
    closed(lab, before, told, "done")
    did_nothing(lab, sim.place(sim.heard(since, "resetting")[0]), runs + 1)
    return f"started over LAN {(started - silent) * 1000:.0f} ms after the first command that in-band did not answer"


def without_driver(lab):
    """Who may not open the device, or has no driver, is told so; with "auto" the daemon goes by LAN, and in-band when it can."""
    guest, sim = lab.guest, lab.bmc
    lab.rest()
    lab.configure(IN_BAND)

    def check(how, wanted, status):
        said, code = guest.run(f"{how} bmcnotice check /tmp/bmcnotice.toml", check=False)
        want(wanted in said and code == status, f"{how} check says '{wanted}', exit status {status}: {said}, exit status {code}")

    guest.run("cp /disk/bmcnotice.toml /tmp/ && chmod 644 /tmp/bmcnotice.toml")
    check("", "no errors", 0)
    said, code = guest.run("su -s /bin/sh nobody -c 'bmcnotice check /tmp/bmcnotice.toml'", check=False)
    want("permission denied: this user may not open the device" in said and code == 2, f"nobody may not: {said}")
    guest.run("rmmod ipmi_si")
    check("", "the driver is loaded and has found no BMC", 2)
    guest.run("rmmod ipmi_devintf")
    check("", "the ipmi service does not run: its driver is not loaded", 2)
    said, code = guest.run("bmcnotice run --config /disk/bmcnotice.toml", check=False)
    want("its driver is not loaded" in said and code == 2, f"the daemon refuses to start: {said}, exit status {code}")

    lab.configure(BOTH)
    said, status = guest.run("bmcnotice bmc pin --json -c /disk/bmcnotice.toml", check=False)
    want(status == 0 and json.loads(said)["guid"] == TOLD, f"with auto the operator's commands go over LAN: {said}")
    since, told = sim.mark(), guest.mark()
    lab.use(BOTH)
    guest.logged("not in-band, over LAN alone: the ipmi service does not run: its driver is not loaded", told)
    want({h.what for h in sim.heard(since, netfn=0x30, command=0x70)} == {"lan", "recovery-armed"}, "armed over LAN")
    guest.run("insmod /modules/ipmi_devintf.ko && insmod /modules/ipmi_si.ko")
    until(lambda: sim.heard(since, "kcs", netfn=0x30, command=0x70), "the regular messages go in-band")


STORIES = [main_story, reset_in_the_middle, forged, in_band_falls_silent, without_driver, *hangs.STORIES]


def tell(words, folder, *parts):
    stories = [story for story in STORIES + hangs.LONG if any(word in story.__name__ for word in words)] if words else STORIES
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
