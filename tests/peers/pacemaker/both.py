"""Stories of faults at several nodes at once, which no node knows of the other's."""

import random
import time

from lab import until, want

# Further apart, and the two did not fault at once.
AT_ONCE_US = 1000


def outcome(node, since):
    """What its BMC has heard, if anything."""
    heard = node.bmc.heard("recovery_ended", since)
    return heard[0]["outcome"] if heard else None


def both_at_once(lab, runs, seed=None):
    """`runs` times, without resets: at most one of two moves, and the services run. A line of figures."""
    seed = seed if seed is not None else random.randrange(1 << 32)
    dice, nodes = random.Random(seed), lab.nodes[:2]
    counted = tried = moved = held = refused = 0
    spreads, times = [], []
    with lab.held(*nodes):
        while counted < runs:
            want(tried < 2 * runs + 10, f"{tried} tries, and only {counted} within {AT_ONCE_US} us (seed {seed})")
            tried += 1
            order = dice.sample(nodes, 2)
            began, since = lab.mark(), [node.bmc.mark() for node in order]
            spread = lab.fault(*order)
            first = time.monotonic()
            until(lambda: any(outcome(n, s) for n, s in zip(order, since)), f"one of both ends (seed {seed})", 30)
            times.append(time.monotonic() - first)
            lab.settle()
            time.sleep(dice.uniform(0, 1.5)) # a held one tries again meanwhile
            ends = [outcome(n, s) for n, s in zip(order, since)]
            done = [n for n, end in zip(order, ends) if end == "done"]
            want(len(done) <= 1, f"both moved, though neither has come back (seed {seed})")
            want(lab.where(), f"the services run (seed {seed})")
            red = [n.name for n in order if n.health() == "red"]
            want(len(red) <= 1, f"both are red (seed {seed})")
            want(not any(n.services() for n in done), f"nothing runs where *ended(done)* was said (seed {seed})")
            moved, held, refused = moved + len(done), held + ends.count(None), refused + ends.count("failed")
            lab.cure(*order)
            until(lab.where, f"the services run after it (seed {seed})")
            want(not lab.twice(began), f"a service ran twice (seed {seed})")
            if spread <= AT_ONCE_US:
                counted += 1
                spreads.append(spread)
    spreads.sort()
    times.sort()
    return (f"both at once: {counted} runs within {AT_ONCE_US} us (of {tried}; median {spreads[len(spreads) // 2]} us apart), seed {seed}: "
            f"{moved} moved, {held} held, {refused} failed; first ended after {times[len(times) // 2] * 1e3:.0f} ms (median); "
            "services ran after each")


def both_with_resets(lab, runs=1):
    """With real resets: the second goes only when the first has come back, and the services run in the end."""
    nodes = lab.nodes[:2]
    lines = []
    for _ in range(runs):
        since, boots = [n.bmc.mark() for n in nodes], [n.boot() for n in nodes]
        spread = lab.fault(*nodes)
        done = until(lambda: [n for n, s in zip(nodes, since) if outcome(n, s)], "one of both ends", 30)
        want(len(done) == 1 and outcome(done[0], since[nodes.index(done[0])]) == "done", "one of both is done, and the other waits")
        first = done[0]
        second = nodes[1 - nodes.index(first)]
        began = time.monotonic()
        until(lambda: second.has_all() or second.boot() != boots[nodes.index(second)], "the services run on the other, which is still there")
        until(lambda: first.boot() not in (boots[nodes.index(first)], None), "the first boots", 30)
        early = outcome(second, since[nodes.index(second)])
        want(early is None or first.is_online(), f"the second waits until the first is back; it ended({early}) before")
        second.bmc.wait("reset", since[nodes.index(second)], seconds=60)
        heard = outcome(second, since[nodes.index(second)])
        want(heard != "failed", "the second, whose services have nowhere to go, waits for the first, and its BMC with it")
        until(lambda: second.boot() not in (boots[nodes.index(second)], None), "the second boots", 30)
        for node in nodes:
            until(node.is_online, f"{node.name} is back", 60)
        until(lab.where, "the services run in the end", 60)
        lab.settle()
        want(lab.where(), "and go on")
        lines.append(f"{spread} us apart, {first.name} first, {second.name} {heard or 'out of patience'} in {time.monotonic() - began:.0f} s")
        for node in nodes:
            until(lambda: node.health() is None, f"{node.name} is healthy again")
            until(lambda: node.bmc.heard("armed", since[nodes.index(node)]), f"{node.name} is armed again")
    return "both at once with resets: " + "; ".join(lines)


def two_of_three(lab):
    """There is a third: both may move, and the services end there."""
    one, two, three = lab.nodes
    lab.send_to(one)
    began = lab.mark()
    with lab.held(one, two):
        since = [one.bmc.mark(), two.bmc.mark()]
        spread = lab.fault(one, two)
        until(lambda: outcome(one, since[0]) and outcome(two, since[1]), "both end", 40)
        want((outcome(one, since[0]), outcome(two, since[1])) == ("done", "done"), "both are done")
        until(three.has_all, "the services run on node3", 20)
        want(not one.services() and not two.services(), "nothing is left on the two")
        want(not lab.twice(began), "no service ran twice")
    return f"two of three at once: {spread} us apart, both done, services on node3"
