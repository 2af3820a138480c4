#!/bin/bash
# usage: run.sh short SECONDS        every target for so long, beginning with the committed corpus
#        run.sh long RUNS REPORT [SECONDS]   every target so many times, but no longer than that, and a table of it
#        run.sh corpus SECONDS       every target for so long, and then the committed corpus anew
#
# Prints what tests/suites.sh counts. The targets run beside each other. FUZZ_SEED decides what is tried; without it a
# short run is the same each time, as far as time allows, so that its result is the change's, and others are not.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?} much=${2:?} limit=${4:-0}
targets=(datagram reception engine)
work=build/fuzz
python=${PYTHON:-python3}
cxx=${CXX:-c++}
command -v "${cxx%% *}" > /dev/null || { echo "skipped: fuzz: no C++ compiler ($cxx), and libFuzzer is C++"; exit 0; }

fuzz/build.sh
bin=target/fuzz/$(rustc -vV | sed -n 's/^host: //p')/release
case $kind in
    short) options=(-max_total_time="$much" -seed="${FUZZ_SEED:-1}") ;;
    long) options=(-runs="$much" -max_total_time="$limit" -seed="${FUZZ_SEED:-0}") ;; # 0: without end; of the clock
    corpus) options=(-max_total_time="$much" -seed="${FUZZ_SEED:-0}") ;;
    *) echo "run.sh: what is '$kind'?" >&2; exit 2 ;;
esac
# The largest payload of UDP; an input that takes ten seconds hangs, one that takes half a gigabyte grows.
# What an input adds is judged by edges alone: counting how often each was passed, and choosing by how rare it is, costs
# the engine's target nine tenths of its inputs, and finds less in the same time (decision 0090).
options+=(-entropic=0 -use_counters=0 -dict=fuzz/ber.dict -max_len=65507 -timeout=10 -rss_limit_mb=512 -print_final_stats=1 -verbosity=1)

running=()
# One that has ended already is not there to be ended.
trap '[ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2> /dev/null || true' EXIT
for target in "${targets[@]}"; do
    rm -rf "${work:?}/$target"; mkdir -p "$work/$target/found"
    "$python" fuzz/corpus.py seeds "$target" "$work/$target/seeds"
    "$python" fuzz/corpus.py unpack "$target" "$work/$target/seeds"
    "$bin/$target" "${options[@]}" -artifact_prefix="$work/$target/" "$work/$target/found" "$work/$target/seeds" \
        > "$work/$target/log" 2>&1 &
    running+=($!)
done

stat() { sed -n "s/^stat::$2: *//p" "$work/$1/log"; }
edges() { sed -n 's/^#[0-9]*\tDONE .*cov: \([0-9]*\).*/\1/p' "$work/$1/log"; }
corpus() { sed -n 's/^#[0-9]*\tDONE .*corp: \([^ ]*\).*/\1/p' "$work/$1/log"; }
# Peak resident memory in MB once a tenth of the runs are over, as libFuzzer's own lines tell it.
tenth() { awk -v wanted="$(($(stat "$1" number_of_executed_units) / 10))" \
    '/^#[0-9]+\t.* rss: / { if (substr($1, 2) + 0 >= wanted) { match($0, /rss: [0-9]+/); print substr($0, RSTART + 5, RLENGTH - 5); exit } }' \
    "$work/$1/log"; }

status=0
for place in "${!targets[@]}"; do
    target=${targets[place]} ended=0
    wait "${running[place]}" || ended=$?
    runs=$(stat "$target" number_of_executed_units)
    if [ $ended -ne 0 ]; then
        status=1
        echo "not ok: fuzz $target, which ended with $ended"
        # One that was killed says neither.
        grep -A 2 -m 1 -E "panicked at|ERROR: libFuzzer" "$work/$target/log" | sed 's/^/    | /' || true
        for input in "$work/$target"/{crash,timeout,oom}-*; do
            [ ! -e "$input" ] || echo "    | play it again: $bin/$target $input"
        done
    elif [ "${runs:-0}" -le "$(ls "$work/$target/seeds" | wc -l)" ]; then
        status=1
        echo "not ok: fuzz $target: ${runs:-no} runs, not more than it began with"
    else
        echo "ok: fuzz $target, $runs runs, $(edges "$target") edges"
    fi
done
running=()
[ $status -eq 0 ] || exit $status

if [ "$kind" = corpus ]; then
    for target in "${targets[@]}"; do
        # What tests/vectors makes stays, and of the rest what adds to it, cut to what a datagram usually has.
        rm -rf "$work/$target/small"
        "$python" fuzz/corpus.py seeds "$target" "$work/$target/small"
        "$bin/$target" -merge=1 -set_cover_merge=1 -use_counters=0 -max_len=1024 "$work/$target/small" \
            "$work/$target/seeds" "$work/$target/found" > "$work/$target/merge" 2>&1
        "$python" fuzz/corpus.py pack "$target" "$work/$target/small"
    done
elif [ "$kind" = long ]; then
    {
        echo "| target | runs | runs a second | edges | corpus | peak memory after a tenth, MB | at the end, MB |"
        echo "|---|---|---|---|---|---|---|"
        for target in "${targets[@]}"; do
            echo "| $target | $(stat "$target" number_of_executed_units) | $(stat "$target" average_exec_per_sec) |" \
                "$(edges "$target") | $(corpus "$target") | $(tenth "$target") | $(stat "$target" peak_rss_mb) |"
        done
    } > "${3:?}"
fi
