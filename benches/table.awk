# From the lines that the benches print to the table of docs/performance.md.
#   figure|name|unit|ours|p99|beside|other|p99|ratio|budget|rounds
# A budget gates; a goal ("goal 1.25") is said to be met or not; "-" is neither.
# `margin` is by how much a budget may be broken before this fails; below that it is only said loudly.

BEGIN { FS = "|" }

function number(value) { return value < 10 ? sprintf("%.2f", value) : value < 100 ? sprintf("%.1f", value) : sprintf("%.0f", value) }

$1 == "figure" {
    if (!count++) {
        print "| what | ours, median (p99) | beside | its median (p99) | ratio | budget | rounds |"
        print "|---|---|---|---|---|---|---|"
    }
    goal = sub(/^goal /, "", $10)
    budget = $10 == "-" ? "(for information)" : goal ? "goal " $10 ($9 > $10 ? ", not met" : ", met") : "at most " $10
    if ($10 != "-" && !goal && $9 > $10) {
        budget = budget ", **broken**"
        print "BUDGET BROKEN: " $2 ": ratio " $9 ", budget " $10 > "/dev/stderr"
        if ($9 > $10 * (1 + margin)) failed = 1
    }
    printf "| %s | %s %s (%s) | %s | %s (%s) | %s | %s | %s |\n", \
        $2, number($4), $3, number($5), $6, number($7), number($8), number($9), budget, $11
    next
}
/^skipped: / { skipped = skipped "\nNot measured: " substr($0, 10) ".\n"; print > "/dev/stderr" }

END {
    printf "%s", skipped
    if (!count) { print "no bench printed a figure" > "/dev/stderr"; failed = 1 }
    exit failed
}
