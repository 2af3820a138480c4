"""Stories of one fault in a cluster that is well, and in one that is not."""

import time

from lab import SERVICES, until, want


def ended(node, since, outcome, seconds=30):
    """The BMC heard *ended* once, and with this outcome."""
    event = node.bmc.wait("recovery_ended", since, seconds=seconds)
    want(event["outcome"] == outcome, f"ended({event['outcome']}), and {outcome} was wanted")
    return event


def one_fault(lab, at, to):
    """A fault at `at`, told as far as the BMC's *ended(done)*: where its BMC's story began."""
    began, since = lab.mark(), at.bmc.mark()
    lab.fault(at)
    over = ended(at, since, "done")
    started = at.bmc.heard("recovery_started", since)
    want(len(started) == 1, f"started was said {len(started)} times")
    want(at.bmc.heard("trap_acknowledged", since), "the trap was acknowledged")
    moved = [line for line in lab.history(began) if line[2] == "start"]
    want([(line[1], line[3]) for line in moved] == [(to.name, service) for service in SERVICES],
         f"each service was started once, on {to.name}: {moved}")
    want(started[0]["boottime_us"] < moved[-1][0] * 1e6 < over["boottime_us"], "the services ran before the BMC heard ended")
    want(to.has_all(), f"the services run on {to.name}")
    return since


def comes_back(lab, node, since, before):
    """Its BMC resets it; it boots, and is an armed and healthy member again."""
    reset = node.bmc.wait("reset", since, seconds=40)
    until(lambda: node.boot() not in (before, None), f"{node.name} boots again")
    node.bmc.wait("armed", node.bmc.events.index(reset), seconds=30)
    until(node.is_online, f"{node.name} is back", 40)
    lab.settle()
    want(node.health() is None, f"red is gone after the boot, and it is {node.health()}")


def is_left_alone(lab, node, what, outcome="failed", seconds=15, pattern=None):
    """A fault at `node`, whose services run on there, for nothing may be triggered."""
    began, since, told = lab.mark(), node.bmc.mark(), node.mark()
    lab.fault(node)
    ended(node, since, outcome, seconds)
    if pattern:
        node.logged(pattern, told)
    want(node.health() is None, f"{what}: no red is set")
    lab.settle()
    want(not lab.history(began), f"{what}: no service was touched: {lab.history(began)}")


def main_story(lab):
    """The BMC resets node1 when the services run on node2; node1 comes back, and nothing is rerun."""
    one, two = lab.nodes[:2]
    lab.send_to(one)
    watched = len(lab.nodes) == 2 # of three, two share the sessions on a BMC, its own node among them
    if watched:
        until(lambda: two.sees(one) == "alive" and one.sees(two) == "alive", "each publishes that the other is alive")
    before, began, told = one.boot(), lab.mark(), one.mark()
    since = one_fault(lab, one, two)
    if watched:
        until(lambda: two.sees(one) not in (None, "alive"), "node2 publishes that node1's pulse is gone")
    comes_back(lab, one, since, before)
    if watched:
        until(lambda: two.sees(one) == "alive", "node2 publishes that node1 is alive again")
    # Which of the two depends on whether the copy on disk was quicker than the reset.
    one.logged("record [0-9]+: closed: (the recovery was done|interrupted by reset)", told)
    time.sleep(1.5)
    want(len(one.bmc.heard("recovery_started", since)) == 1, "nothing is rerun")
    want(len(one.bmc.heard("recovery_ended", since)) == 1, "ended is said once")
    want(two.has_all() and not one.services(), "the services stayed on node2")
    want(len([line for line in lab.history(began) if line[2] == "start"]) == len(SERVICES), "nothing was started again")


def the_reset_comes_in_the_middle(lab):
    """A BMC that does not wait long enough: the record is interrupted, and the services come up on the peer all the same."""
    one, two = lab.nodes[:2]
    lab.send_to(one)
    before, told, since = one.boot(), one.mark(), one.bmc.mark()
    with lab.flag("slow-stop-node1"):
        lab.fault(one)
        until(lambda: one.health() == "red", "the move has begun")
        time.sleep(0.5) # the copy on disk is not awaited by anyone
        lab.cluster("reset", one.name)
    until(lambda: one.boot() not in (before, None), "node1 boots again")
    one.logged("closed: interrupted by reset", told)
    until(two.has_all, "the services run on node2", 30)
    until(one.is_online, "node1 is back", 40)
    lab.settle()
    time.sleep(1)
    want(one.health() is None and len(one.bmc.heard("recovery_started", since)) == 1, "nothing is rerun")
    want(two.has_all(), "the services stayed on node2")


def peer_in_standby(lab):
    """No healthy peer: nothing is triggered, the services go on here."""
    one, two = lab.nodes[:2]
    lab.send_to(one)
    two.run("crm_standby", "-N", two.name, "-v", "on")
    lab.settle()
    with lab.held(one):
        is_left_alone(lab, one, "the peer is in standby")
        want(one.has_all(), "the services go on here")
    two.run("crm_standby", "-N", two.name, "-D")


def peer_is_red(lab):
    """The same with a peer that is ill for another reason."""
    one, two = lab.nodes[:2]
    lab.send_to(one)
    two.run("attrd_updater", "-n", "#health-disk", "-U", "red")
    lab.settle()
    with lab.held(one):
        is_left_alone(lab, one, "the peer is red")
        want(one.has_all(), "the services go on here")
    two.run("attrd_updater", "-n", "#health-disk", "-D")


def strategy_unset_health(lab):
    """Red would be ignored without a word: said, with what to do."""
    one = lab.nodes[0]
    lab.send_to(one)
    one.run("crm_attribute", "-n", "node-health-strategy", "-D")
    one.reconfigure(trigger="health")
    with lab.held(one):
        is_left_alone(lab, one, "no strategy", pattern="node-health-strategy")
    one.run("crm_attribute", "-n", "node-health-strategy", "-v", "migrate-on-red")
    one.reconfigure()


def strategy_unset_auto(lab):
    """Standby until the next boot moves the services then."""
    one, two = lab.nodes[:2]
    lab.send_to(one)
    one.run("crm_attribute", "-n", "node-health-strategy", "-D")
    before = one.boot()
    since = one_fault(lab, one, two)
    comes_back(lab, one, since, before)
    want("standby" not in one.run("crm_mon", "-1").stdout, "standby is gone after the boot")
    want(two.has_all(), "the services stayed on node2")
    one.run("crm_attribute", "-n", "node-health-strategy", "-v", "migrate-on-red")


def stop_fails_without_fencing(lab):
    """Nothing can be proven: failed at the deadline, red stays, and the services move when the operator has helped."""
    one, two = lab.nodes[:2]
    lab.send_to(one)
    one.reconfigure(deadline="4s")
    with lab.held(one):
        since = one.bmc.mark()
        with lab.flag("fail-stop-node1"):
            lab.fault(one)
            ended(one, since, "failed")
            want(one.health() == "red", f"red is kept, and it is {one.health()}")
            time.sleep(1)
            want(one.health() == "red" and one.services(), "red is kept, and what could not be stopped runs on")
        one.run("crm_resource", "--cleanup", seconds=60)
        until(two.has_all, "the operator's cleanup lets them move", 30)
    one.reconfigure()


def stop_fails_with_fencing(lab):
    """The cluster fences node1 and starts the services elsewhere; nobody is left to say *ended*."""
    one, two = lab.nodes[:2]
    lab.send_to(one)
    before, since, told = one.boot(), one.bmc.mark(), one.mark()
    with lab.flag("fail-stop-node1"):
        lab.fault(one)
        until(two.has_all, "the services run on node2", 30)
    want(any(line[1:3] == ("node1", "fenced") for line in lab.history()), "node1 was fenced")
    want(not one.bmc.heard("recovery_ended", since), "a fenced node says nothing")
    one.bmc.wait("patience_over", since, seconds=30)
    comes_back(lab, one, since, before)
    one.logged("interrupted|the host has booted since", told)
    time.sleep(1)
    want(len(one.bmc.heard("recovery_started", since)) == 1, "nothing is rerun")
    want(two.has_all(), "the services stayed on node2")


def daemon_killed_in_mid_move(lab):
    """It takes the move up again: one move, one *ended(done)*."""
    one, two = lab.nodes[:2]
    lab.send_to(one)
    before, began, since = one.boot(), lab.mark(), one.bmc.mark()
    with lab.flag("slow-stop-node1"):
        lab.fault(one)
        until(lambda: one.health() == "red", "the move has begun")
        one.daemon("KILL")
        want(not two.services(), "in mid-move")
        time.sleep(0.5)
        one.start_daemon()
        ended(one, since, "done")
    want(two.has_all(), "the services run on node2")
    starts = [line[1] for line in lab.history(began) if line[2] == "start"]
    want(starts == [two.name] * len(SERVICES), f"moved once: {starts}")
    comes_back(lab, one, since, before)
    want(len(one.bmc.heard("recovery_ended", since)) == 1, "ended is said once")


def nobody_may(lab):
    """Without permission: said as that."""
    one = lab.nodes[0]
    lab.send_to(one)
    one.reconfigure(user="nobody")
    told = one.mark()
    with lab.held(one):
        is_left_alone(lab, one, "no permission", pattern="does not permit")
        want("does not run" not in one.log()[told:], "not taken for a Pacemaker that is down")
    one.reconfigure()


def pacemaker_is_down(lab):
    """Quickly, and said as that."""
    one, two = lab.nodes[:2]
    lab.send_to(two)
    before, since, told = one.boot(), one.bmc.mark(), one.mark()
    one.run("sh", "-c", "kill $(cat /run/pacemakerd.pid); while kill -0 $(cat /run/pacemakerd.pid); do sleep 0.05; done", check=False)
    began = lab.mark()
    lab.fault(one)
    over = ended(one, since, "failed", 10)
    want(over["after_fault_us"] < 2e6, f"quickly: {over['after_fault_us']} us")
    one.logged("Pacemaker does not run", told)
    want("permi" not in one.log()[told:], "not taken for a lack of permission")
    comes_back(lab, one, since, before)
    want(not lab.history(began), "no service was touched")


def quorum_is_lost(lab):
    """Two of three are dead: nothing is triggered."""
    one, two, three = lab.nodes
    lab.send_to(one)
    lab.cluster("kill", two.name)
    lab.cluster("kill", three.name)
    def without_quorum():
        return "WITHOUT quorum" in one.run("crm_mon", "-1", check=False).stdout
    until(without_quorum, "node1 has lost its quorum")
    lab.settle()
    with lab.held(one):
        is_left_alone(lab, one, "no quorum")
        lab.cluster("start", two.name)
        lab.cluster("start", three.name)
        for node in lab.nodes:
            until(node.is_online, f"{node.name} is back", 60)
    until(lambda: lab.where(), "the services run again", 40)
