#!/bin/bash
# usage: run.sh short SECONDS        every target for so long, beginning with the committed corpus
#        run.sh long RUNS REPORT [SECONDS]   every target so many times, but no longer than that, and a table of it
#        run.sh corpus SECONDS       every target for so long, and then the committed corpus anew
#
# Prints what tests/suites.sh counts. The targets run beside each other. FUZZ_SEED decides what is tried; without it a
# short run is the same each time, as far as time allows, so that its result is the change's, and others are not.
# FUZZ_TARGETS: only these. FUZZ_JOBS: so many processes of each share a long run, and what they find. Do not stop one for
# seconds (SIGSTOP): it takes that for an input that hangs.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?} much=${2:?} limit=${4:-0}
read -r -a targets <<< "${FUZZ_TARGETS:-datagram reception engine}"
jobs=1 seed=${FUZZ_SEED:-0} # 0: another one each time
work=build/fuzz
python=${PYTHON:-python3}
cxx=${CXX:-c++}
command -v "${cxx%% *}" > /dev/null || { echo "skipped: fuzz: no C++ compiler ($cxx), and libFuzzer is C++"; exit 0; }

fuzz/build.sh
bin=target/fuzz/$(rustc -vV | sed -n 's/^host: //p')/release
case $kind in
    short) options=(-max_total_time="$much") seed=${FUZZ_SEED:-1} ;;
    long) # 0: without end; of the clock
        jobs=${FUZZ_JOBS:-1}
        options=(-runs="$(((much + jobs - 1) / jobs))" -max_total_time="$limit")
        ;;
    corpus) options=(-max_total_time="$much") ;;
    *) echo "run.sh: what is '$kind'?" >&2; exit 2 ;;
esac
# The largest payload of UDP; an input that takes ten seconds hangs, one that takes half a gigabyte grows.
# What an input adds is judged by edges alone: counting how often each was passed, and choosing by how rare it is, costs
# the engine's target nine tenths of its inputs, and finds less in the same time (decision 0090).
options+=(-entropic=0 -use_counters=0 -dict=fuzz/ber.dict -max_len=65507 -timeout=10 -rss_limit_mb=512 -print_final_stats=1 -verbosity=1)

running=()
# One that has ended already is not there to be ended.
trap '[ ${#running[@]} -eq 0 ] || kill "${running[@]#*:}" 2> /dev/null || true' EXIT
for target in "${targets[@]}"; do
    rm -rf "${work:?}/$target"; mkdir -p "$work/$target/found"
    "$python" fuzz/corpus.py seeds "$target" "$work/$target/seeds"
    "$python" fuzz/corpus.py unpack "$target" "$work/$target/seeds"
    for ((job = 1; job <= jobs; job++)); do
        "$bin/$target" "${options[@]}" -seed="$((seed == 0 ? 0 : seed + job - 1))" -artifact_prefix="$work/$target/" \
            "$work/$target/found" "$work/$target/seeds" > "$work/$target/log-$job" 2>&1 &
        running+=("$target:$!")
    done
done

logs() { ls "$work/$1"/log-*; }
sum() { sed -n "s/^stat::$2: *//p" $(logs "$1") | awk '{ sum += $1 } END { if (NR) print sum }'; }
most() { sort -n | tail -n 1; }
edges() { sed -n 's/^#[0-9]*\tDONE .*cov: \([0-9]*\).*/\1/p' $(logs "$1") | most; }
corpus() { sed -n 's/^#[0-9]*\tDONE .*corp: \([^ ]*\).*/\1/p' $(logs "$1") | most; }
peak() { sed -n 's/^stat::peak_rss_mb: *//p' $(logs "$1") | most; }
# Peak resident memory in MB once a tenth of the runs are over, as libFuzzer's own lines tell it.
tenth() {
    local log runs
    for log in $(logs "$1"); do
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        awk -v wanted="$((runs / 10))" '/^#[0-9]+\t.* rss: / {
            if (substr($1, 2) + 0 >= wanted) { match($0, /rss: [0-9]+/); print substr($0, RSTART + 5, RLENGTH - 5); exit }
        }' "$log"
    done | most
}

status=0
for target in "${targets[@]}"; do
    ended=0
    for process in "${running[@]}"; do
        [ "${process%:*}" != "$target" ] || wait "${process#*:}" || ended=$?
    done
    runs=$(sum "$target" number_of_executed_units)
    if [ $ended -ne 0 ]; then
        status=1
        echo "not ok: fuzz $target, which ended with $ended"
        awk 'FNR == 1 { left = seen = 0 } !seen && /panicked at|ERROR: libFuzzer/ { seen = 1; left = 3 }
            left-- > 0 { print "    | " $0 }' $(logs "$target")
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
        for log in "$work"/*/log-1; do # those of an earlier run, too
            target=$(basename "$(dirname "$log")")
            echo "| $target | $(sum "$target" number_of_executed_units) | $(sum "$target" average_exec_per_sec) |" \
                "$(edges "$target") | $(corpus "$target") | $(tenth "$target") | $(peak "$target") |"
        done
    } > "${3:?}"
fi
