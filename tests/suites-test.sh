#!/bin/bash
# Shows that suites.sh cannot be green by mistake: what it says of outputs that are known.
set -euo pipefail
unset CI MAY_SKIP # each case sets its own
suites=$PWD/tests/suites.sh work=$PWD/build/suites-test
rm -rf "$work" && mkdir -p "$work" && cd "$work"

# Stands for make: prints what the case holds, and ends as it says.
cat > make <<'END'
#!/bin/bash
cat "$WORK/output"; exit "$(cat "$WORK/status")"
END
chmod +x make

says() { # SUMMARY STATUS; stdin: what the suite prints. The caller sets CI, MAY_SKIP and SUITE_STATUS
    cat > output; echo "${SUITE_STATUS:-0}" > status
    local summary status=0
    summary=$(WORK=$work MAKE=$work/make "$suites" test some 2>&1 | tail -n 1) || status=1
    if [ "$summary" != "$1" ] || [ $status -ne "$2" ]; then
        echo "not ok: suites: '$summary' ($status), not '$1' ($2), for:"
        sed 's/^/    | /' output # indented: it must not count
        exit 1
    fi
}

says '5 passed, 0 failed, 0 skipped' 0 <<< $'test result: ok. 2 passed; 0 failed; 0 ignored;\ntest result: ok. 3 passed; 0 failed; 0 ignored;'
says '2 passed, 1 failed, 0 skipped' 1 <<< 'test result: FAILED. 2 passed; 1 failed; 0 ignored;'
says '1 passed, 1 failed, 0 skipped' 1 <<< $'ok: one\nnot ok: two'
says '12 passed, 1 failed, 2 skipped' 1 <<< '1 failed, 12 passed, 2 skipped, 16 subtests passed in 0.84s'
says '3 passed, 0 failed, 0 skipped' 0 <<< '===== 3 passed in 1.20s ====='
says '0 passed, 1 failed, 0 skipped' 1 <<< 'nothing that counts'
SUITE_STATUS=2 says '0 passed, 1 failed, 0 skipped' 1 <<< 'error: could not compile'
SUITE_STATUS=2 says '1 passed, 1 failed, 0 skipped' 1 <<< 'ok: one, and then it broke'

# The names of what failed are told, by whichever tool.
SUITE_STATUS=1 says '1 passed, 3 failed, 0 skipped' 1 << 'END'
not ok: tables
test result: FAILED. 0 passed; 1 failed; 0 ignored;
    kills::at_once
FAILED test_changes.py::test_beside[a thread] - AssertionError
1 failed, 1 passed, 1 warning in 2.00s
END
named=$(grep -c '^failed: some: \(tables\|kills::at_once\|test_changes.py::test_beside\)' build/log/test.notes)
[ "$named" -eq 3 ] || { echo "not ok: suites: $named of 3 failures are named"; exit 1; }

# Skips, outside CI and in it; a Rust test that skips is passed for cargo.
says '0 passed, 0 failed, 1 skipped' 0 <<< 'skipped: valgrind: missing'
says '1 passed, 0 failed, 1 skipped' 0 <<< $'..skipped: traps: no snmptrap\ntest result: ok. 2 passed; 0 failed; 0 ignored;'
says '2 passed, 0 failed, 1 skipped' 0 <<< 'test result: ok. 2 passed; 0 failed; 1 ignored;'
export CI=true
says '0 passed, 1 failed, 0 skipped' 1 <<< 'skipped: valgrind: missing'
says '1 passed, 1 failed, 0 skipped' 1 <<< $'skipped: traps: no snmptrap\ntest result: ok. 2 passed; 0 failed; 0 ignored;'
says '2 passed, 1 failed, 0 skipped' 1 <<< 'test result: ok. 2 passed; 0 failed; 1 ignored;'
MAY_SKIP='miri msrv' says '0 passed, 0 failed, 1 skipped' 0 <<< 'skipped: miri: not offered'
MAY_SKIP='miri msrv' says '0 passed, 1 failed, 0 skipped' 1 <<< 'skipped: mir: not offered'
echo 'ok: suites'
