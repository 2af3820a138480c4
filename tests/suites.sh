#!/usr/bin/env bash
# usage: suites.sh KIND NAME... — runs `make KIND-NAME` for each name, and tells at the end how each went.
#
# What counts in a suite's output:
#   ok: WHAT              one passed
#   not ok: WHAT          one failed
#   skipped: NAME: WHY    one could not run
#   test result: ...      cargo's own line
#   N passed, ... in Ns   pytest's own line
# A suite that fails without a word counts as one failed, and one that ran nothing too.
# Where CI=true a skip fails, unless MAY_SKIP names it.
set -uo pipefail
kind=$1; shift
logs=build/log
mkdir -p "$logs"
: > "$logs/$kind.table"; : > "$logs/$kind.notes"
all_passed=0 all_failed=0 all_skipped=0 began=$SECONDS

count() { # LOG: passed, failed, ignored
    awk '
        /^ok: / { passed++ }
        /^not ok: / { failed++ }
        /^test result: / { cargo = 1; passed += $4; failed += $6; ignored += $8 }
        /^=* ?[0-9]+ (passed|failed|skipped|error|xfailed|xpassed|deselected).* in [0-9.]+s/ {
            for (i = 1; i < NF; i++) {
                if ($(i + 1) ~ /^(passed|xfailed)/) passed += $i
                if ($(i + 1) ~ /^(failed|error|xpassed)/) failed += $i
                if ($(i + 1) ~ /^skipped/) ignored += $i
            }
        }
        /^\.*skipped: / { skipped++ }
        END {
            if (cargo) passed -= skipped # a Rust test that skips returns early: cargo calls that passed
            print passed + 0, failed + 0, ignored + 0
        }' "$1"
}

for name; do
    log=$logs/$kind-$name
    printf '\n== %s %s\n' "$kind" "$name"
    start=$SECONDS
    ${MAKE:-make} -s "$kind-$name" 2>&1 | tee "$log"
    status=$?
    read -r passed failed ignored < <(count "$log")
    skips=$(sed -n 's/^\.*skipped: //p' "$log")
    skipped=0

    while IFS= read -r skip; do
        [ -n "$skip" ] || continue
        if [ "${CI:-}" = true ] && [[ " ${MAY_SKIP:-} " != *" ${skip%%:*} "* ]]; then
            failed=$((failed + 1))
            echo "failed: $name: CI may not skip $skip" >> "$logs/$kind.notes"
        else
            skipped=$((skipped + 1))
            echo "skipped: $skip" >> "$logs/$kind.notes"
        fi
    done <<< "$skips"
    if [ "$ignored" -gt 0 ]; then
        skipped=$((skipped + ignored))
        echo "skipped: $name: $ignored of its tests, see $log" >> "$logs/$kind.notes"
        [ "${CI:-}" != true ] || failed=$((failed + ignored)) skipped=$((skipped - ignored))
    fi
    if [ $status -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1
        echo "failed: $name: see $log" >> "$logs/$kind.notes"
    elif [ $((passed + failed + skipped)) -eq 0 ]; then
        failed=1
        echo "failed: $name: ran nothing" >> "$logs/$kind.notes"
    fi
    [ $status -eq 0 ] || # names: ours, those under cargo's "failures:", and pytest's
        sed -n "s/^not ok: /failed: $name: /p; s/^    \([a-z_0-9:]*\)\$/failed: $name: \1/p
            s/^\(FAILED\|ERROR\) \([^ ]*\).*/failed: $name: \2/p" "$log" >> "$logs/$kind.notes"

    printf '%-14s %6d %6d %7d %7d\n' "$name" "$passed" "$failed" "$skipped" $((SECONDS - start)) >> "$logs/$kind.table"
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed)) all_skipped=$((all_skipped + skipped))
done

printf '\n%-14s %6s %6s %7s %7s\n' "$kind" passed failed skipped seconds
cat "$logs/$kind.table"
sort -u "$logs/$kind.notes"
printf '%d seconds\n' $((SECONDS - began))
echo "$all_passed passed, $all_failed failed, $all_skipped skipped" | tee "$logs/$kind.summary"
[ "$all_failed" -eq 0 ]
