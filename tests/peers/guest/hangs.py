"""Stories of a guest whose operating system really hangs, and of who feeds its watchdog, seen from outside by a second daemon.

Inside, one of three feeds the BMC's watchdog: ours, the kernel's own driver, or FreeIPMI's daemon. Told by `stories.py`.
"""

import re
import time

from lab import LATE, SILENT, until, want
from watcher import Watcher

IN_BAND = 'link = "in_band"'
PULSE = f'interval = "1s"\ntimeout = "{SILENT}s"\nwarning = {LATE * 100 // SILENT}\npulse_period = "1s"'
# Who resets the guest does so after so long.
RESET = 11
OURS = "its watchdog bears our pulse"
KERNEL = "its watchdog belongs to the kernel's ipmi_watchdog, whose feeding is the pulse"
# What a boot does before our daemon starts. The firmware's stand-in has the watchdog for two seconds, and may still have it then.
FIRMWARE, STILL = "firmware 2\n", "firmware 2 &\n"
LOAD = f"insmod /modules/ipmi_watchdog.ko timeout={RESET} action=reset panic_wdt_timeout={RESET}\n"
FEED = """watchdog -F -T %d -t 1 /dev/watchdog < /dev/null > /dev/console 2>&1 &
echo $! > /run/feeder.pid
"""
END = "kill $(cat /run/feeder.pid); wait $(cat /run/feeder.pid); rm /run/feeder.pid"
NOBODYS = f"[ ! -e /run/feeder.pid ] || {{ {END}; rmmod ipmi_watchdog; }}"
KERNELS = LOAD + FEED % RESET
# A task that takes the only processor and never gives it back. Interrupts are served; nothing else runs any more.
HOG = "echo -1 > /proc/sys/kernel/sched_rt_runtime_us; chrt -f 99 sh -c 'while :; do :; done'"
# The kernel panics, and stays there. The kernel's watchdog driver gives itself a last time-out then.
PANIC = "echo 0 > /proc/sys/kernel/panic; echo c > /proc/sysrq-trigger"
# The firmware has stopped the watchdog, and nobody feeds it yet; or a busy machine's feeder was late for a moment.
BETWEEN = ("powered", "delayed")


def watcher(lab):
    """The second daemon; from the first of these stories to the last it is the same one."""
    if not lab.watcher:
        lab.watcher = Watcher(lab.folder, lab.binary)
    return lab.watcher


def boots(lab, script):
    """From now on the guest boots like that; nobody has its watchdog at present."""
    lab.rest()
    lab.guest.run(NOBODYS)
    lab.guest.write("/disk/boot", script)


def do(lab, script):
    """The guest's shell does it now."""
    lab.guest.write("/run/now", script)
    lab.guest.run(". /run/now")


def pulse(lab, says):
    """Our daemon runs, and says this of the watchdog."""
    told = lab.guest.mark()
    lab.use(IN_BAND, PULSE)
    lab.guest.logged(says, told)


def countdown(lab):
    """The present countdown in seconds, read through the guest's driver by somebody else's program."""
    said = lab.guest.run("bmc-watchdog --driver-type=OPENIPMI --get")
    return int(re.search(r"^Current Countdown: +([0-9]+) seconds", said, re.M)[1])


def hung_under_our_pulse(lab):
    """Our pulse resets nobody: silent, and it stays so until somebody fences."""
    guest, sim, seen = lab.guest, lab.bmc, watcher(lab)
    boots(lab, STILL)
    pulse(lab, OURS)
    begin, before, since = seen.now("alive") + 1, len(guest.boots()), sim.mark()
    guest.tell(PANIC)
    seen.tells(begin, "delayed", "silent", between=BETWEEN)
    time.sleep(SILENT)
    seen.tells(begin, "delayed", "silent", between=BETWEEN)
    want(not sim.heard(since, "watchdog"), "nothing has run out, and it would do nothing")

    told = guest.mark()
    sim.ipmitool("power", "reset")
    seen.tells(begin, "delayed", "silent", "restarted", "booting", "alive", between=BETWEEN)
    guest.booted(before + 1)
    # Our daemon was up before the firmware's part was over, and has waited for that.
    firmwares = guest.logged(r"its watchdog runs for somebody else \(timer use 3\)", told)
    want(firmwares.start() < guest.logged(OURS, told).start(), "first the firmware, then we")


def pace(lab):
    """So often it is fed that the watcher knows how often that is: only then another's feeding may be late before its timer is over."""
    since = lab.bmc.mark()
    until(lambda: len(lab.bmc.heard(since, "wd-reset")) > 5, "the watchdog is fed")


def reset_by_its_watchdog(lab, seen, how):
    """The system hangs, and the BMC's watchdog resets it: how that looks from outside."""
    pace(lab)
    guest, sim, begin = lab.guest, lab.bmc, seen.now("alive") + 1
    since, before = sim.mark(), len(guest.boots())
    guest.tell(how)
    seen.tells(begin, "delayed", "silent", "restarted", "booting", "alive", between=BETWEEN)
    expired = sim.heard(since, "watchdog")
    want(len(expired) == 1 and "use=4 action=1" in expired[0].line, f"the BMC's watchdog did it: {[h.line for h in expired]}")
    chassis = [h.line for h in sim.heard(since, netfn=0x00, command=0x02)]
    want(not chassis, f"and nobody else: {chassis}")
    guest.booted(before + 1)
    want(len(guest.boots()) == before + 1, "once")


def leaves_it_alone(lab, seen):
    """While the feeder stands still nobody feeds: two of our periods are in this time. Seen through the driver it counts."""
    begun = seen.now("alive")
    lab.guest.run("kill -STOP $(cat /run/feeder.pid)")
    still, before = lab.bmc.mark(), countdown(lab)
    time.sleep(2.3)
    after, heard = countdown(lab), lab.bmc.heard(still, "wd-set") + lab.bmc.heard(still, "wd-reset")
    lab.guest.run("kill -CONT $(cat /run/feeder.pid)")
    want(not heard, f"we do not touch another's watchdog: {[h.line for h in heard]}")
    want(after < before <= 2 * RESET, f"it counts: {before} s, then {after} s")
    want("silent" not in seen.words()[begun:], "it was fed in time")


def hung_under_the_kernels_watchdog(lab):
    """A real-time task takes the processor for good. Until then we leave the kernel's watchdog alone, whoever was there first."""
    guest, seen = lab.guest, watcher(lab)
    boots(lab, FIRMWARE + KERNELS)
    pulse(lab, OURS)
    told = guest.mark()
    do(lab, LOAD + FEED % (2 * RESET))
    guest.logged(r"its watchdog (runs|was set) for somebody else \(timer use 4\)", told)
    leaves_it_alone(lab, seen)
    pulse(lab, KERNEL)
    leaves_it_alone(lab, seen)
    guest.run(END)
    do(lab, FEED % RESET) # another time-out: of its pace nothing is known
    reset_by_its_watchdog(lab, seen, HOG)


def panic_under_the_kernels_watchdog(lab):
    """The kernel panics, and stops there."""
    seen = watcher(lab)
    if lab.guest.run("test -e /run/feeder.pid", check=False)[1]: # the story before this one was not told
        boots(lab, FIRMWARE + KERNELS)
        do(lab, KERNELS)
        pulse(lab, KERNEL)
    reset_by_its_watchdog(lab, seen, PANIC)


def freeipmis_daemon(lab):
    """It takes the watchdog only while that is stopped, so not from us. Its feeding is the pulse, and ends when it is killed."""
    guest, seen = lab.guest, watcher(lab)
    # Only to be read: no reset.
    start = f"bmc-watchdog --driver-type=OPENIPMI --daemon --timer-use=4 --timeout-action=0 --initial-countdown={2 * RESET} --reset-period=1"
    boots(lab, "")
    pulse(lab, OURS)
    seen.now("alive")
    guest.run(start)
    until(lambda: guest.run("pidof bmc-watchdog", check=False)[1], "it ends where the watchdog runs")
    lab.rest()
    begin = seen.now("left") + 1
    guest.run(start)
    pulse(lab, r"its watchdog belongs to bmc-watchdog \(process [0-9]+\), whose feeding is the pulse")
    seen.tells(begin, "alive", between=BETWEEN)
    pace(lab)
    guest.run("kill -KILL $(pidof bmc-watchdog)")
    seen.tells(begin, "alive", "delayed", "silent", between=BETWEEN)


STORIES = [hung_under_our_pulse, hung_under_the_kernels_watchdog, freeipmis_daemon]
# Only where they are asked for.
LONG = [panic_under_the_kernels_watchdog]
