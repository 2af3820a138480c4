#!/bin/bash
# Breaks the project in one place at a time and wants the named command to go red. `make mutants`; slow.
# usage: mutants.sh [WORD] — only the mutants whose command or file contains WORD.
#        mutants.sh --there — nothing is run: whether every mutant still finds what it breaks.
#
# Add a line for each promise: mutant COMMAND FILE SED-EXPRESSION   # what is broken
set -uo pipefail
only=${1:-} work=build/mutant bad=0
export CARGO_TARGET_DIR=$PWD/target/mutant
# A mutant must go red by its test, and not because a peer happens to be missing.
unset BMCNOTICE_REQUIRE_PEERS

mutant() {
    local command=$1 file=$2 change=$3
    if [ "$only" = --there ]; then
        sed "$change" "$file" | cmp -s - "$file" || return 0
        echo "not ok: mutants: nothing to break in $file by $change"; bad=1; return
    fi
    [[ "$command $file" == *"$only"* ]] || return 0
    rm -rf "$work" && mkdir -p "$work"
    # -m: with their old times, cargo would take restored files for built ones.
    git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -xm -C "$work" || exit
    sed -i "$change" "$work/$file"
    if cmp -s "$file" "$work/$file"; then echo "NO CHANGE  $file: $change"; bad=1; return; fi
    if (cd "$work" && timeout 600 bash -c "$command") > build/mutant.log 2>&1
    then echo "SURVIVED   $command: $file: $change"; bad=1
    elif grep -q 'could not compile' build/mutant.log; then echo "NO MUTANT  $file: $change"; bad=1 # red for nothing
    else echo "red        $command: $file: $change"
    fi
}

mkdir -p build
rules='cargo test -q --test architecture'
mutant "$rules" src/now.rs                  '$a use std::fs as _;'                             # the system below io
mutant "$rules" src/now.rs                  '$a use crate::words as _;'                        # a neighbour
mutant "$rules" src/words.rs                '$a use crate::wire::pet as _;'                    # a circle of neighbours
mutant "$rules" src/words.rs                '$a use subtle as _;'                              # a crypto crate elsewhere
mutant "$rules" src/words.rs                '1d'                                               # no opening
mutant "$rules" src/words.rs                '$a /// Limit: x.\npub const X: u8 = 1;'           # an unlisted limit
mutant "$rules" tests/architecture/rules.rs 's/Some(other) => other < own/Some(_) => true/'
mutant "$rules" tests/architecture/rules.rs 's/filter(|u| !u.handed_on)/filter(|_| true)/'
mutant "$rules" tests/architecture/rules.rs 's/Some(own) < floor("io")/Some(own) < floor("engine")/'
mutant "$rules" tests/architecture/rules.rs 's/\[begin..\]/[..begin]/'
mutant "$rules" tests/architecture/scan.rs  's/depth -= 1;$/depth = 0;/'                       # nested comments
mutant "$rules" tests/architecture/scan.rs  's/!rest.contains(&"not")/true/'                   # cfg(not(test))
mutant "$rules" tests/architecture/limits.rs 's/source != table/false/'
mutant tests/suites-test.sh tests/suites.sh 's/ran nothing/&/; s/failed=1$/failed=0/'
mutant tests/suites-test.sh tests/suites.sh 's/if (cargo) passed -= skipped.*//'
mutant 'python3 tests/licences.py --self-test' tests/licences.py 's/and not words/or not words/'
mutant 'python3 tests/licences.py'          tests/licences.py   's/"BSD-3-Clause", //'

claims='cargo test -q --test pacemaker_claim'
moves='cargo test -q --test pacemaker_action'
pm=src/recovery/pacemaker
mutant "$claims" $pm/claim.rs           's/ && node.as_str() > me/ \&\& node.as_str() != me/'     # everyone goes
mutant "$claims" $pm/claim.rs           's/ && !live.contains_key(node)//'                        # claims are not looked at
mutant "$claims" $pm/attempt/guards.rs  's/^const FRESH: .*/const FRESH: Duration = Duration::MAX;/' # a stale look at the cluster
mutant "$moves" $pm/members.rs          's/if resource.blocked {/if false {/'                      # a failed stop unnoticed
mutant "$moves" $pm/members.rs          's/Role::Started | Role::Promoted => {}/Role::Started | Role::Promoted | Role::Starting => {}/; s/Role::Starting | Role::Unpromoted/Role::Unpromoted/' # starting counts as running
mutant "$moves" $pm/attempt/guards.rs   '0,/Err(why) => return failed(why),/s//Err(_) => {}/'           # guards do not hold
numbers='cargo test -q --features capi --lib ffi::'
mutant "$numbers" src/ffi/peer.rs       's/FenceFirst => bmcn_take_over::BMCN_TAKE_OVER_FENCE_FIRST/FenceFirst => bmcn_take_over::BMCN_TAKE_OVER_YES/'
mutant "$numbers" src/ffi/peer.rs       's/status.take_over(now).0/status.take_over(status.since).0/'  # a yes keeps
# The engine broken on purpose: a life of the simulation shows it. docs/assurance/simulation.md says which.
simulation='BMCNOTICE_SEEDS=10000 cargo test -q --features sim --test simulation nothing'
machine=src/recovery/machine replay=src/recovery/journal/replay.rs
mutant "$simulation" $machine/step.rs        '/self.journal(job, Step::Begun { run: job.run });/d'
mutant "$simulation" src/engine/seat.rs      's/matter.token == Some(token)/matter.token.is_some()/'
mutant "$simulation" src/engine/ending.rs    's/ && worst == Outcome::Done//'
mutant "$simulation" src/engine/ending.rs    's/let busy = self.taking_up || .*;/let busy = self.taking_up;/'
mutant "$simulation" $replay                 's/if rerun && runs < MAX_RUNS/if runs < MAX_RUNS/'
mutant "$simulation" src/engine/record.rs       's/self.lacking = true;//'
mutant "$simulation" src/engine/restart.rs   's/if self.is_whole(record, replay)/if true/'
mutant "$simulation" $replay                 's/!record.boot.is_same_as(boot)/false/'
mutant "$simulation" src/engine/record.rs       's/let hold = !record.is_durable() &&/let hold = false \&\&/'
mutant "$simulation" src/engine/perform.rs   's/self.hold_ended_back(now);//'
mutant "$simulation" $replay                 's/Step::Final(_) => Some(Last::Fixed(Outcome::Failed)),/Step::Final(_) => None,/'
mutant "$simulation" src/engine/ending.rs    's/} else { self.roads.forget(owner) }/} else { self.roads.hasten(now, owner) }/'
mutant "$simulation" src/engine/record.rs       's/pending.stored(&mut self.journal, stored)/pending.stored(\&mut self.journal, true)/'
# A cluster of whole engines, broken on purpose. docs/assurance/cluster.md says which life shows it.
clusters='BMCNOTICE_SEEDS=5000 cargo test -q --features sim --test cluster_simulation keeps'
mutant "$clusters" $pm/claim.rs          's/return if free { Verdict::Go } else { Verdict::Say(waiting) };/let _ = (free, waiting); return Verdict::Go;/' # no claim
mutant "$clusters" $pm/members.rs        's/Role::Started | Role::Promoted => {}/Role::Started | Role::Promoted | Role::Starting => {}/; s/Role::Starting | Role::Unpromoted/Role::Unpromoted/' # starting counts as running
mutant "$clusters" $pm/attempt/guards.rs '0,/Err(why) => return failed(why),/s//Err(_) => {}/; s/None => Ending::Failed(Why::NoHealthyPeer(rest)),/None => { drop(rest); return self.go(now); }/' # trigger without guards
mutant "$clusters" src/engine/perform.rs 's/Action::Withdraw(record) => self.withdraw(now, place, Some(record)),/Action::Withdraw(_) => {}/' # nothing is taken back
mutant "$clusters" $pm/attempt/guards.rs 's/None if self.settings.put_off =>/None if false =>/'               # a peer that is being reset is not waited for
mutant "$clusters" $pm/attempt/proof.rs  's/if self.settings.target.is_none() {/if false {/'                # what came meanwhile may stay
mutant "$clusters" $pm/attempt/proof.rs  's/if !emptied \&\& self.unsure {/if false {/'                      # a killed trigger is not run again
mutant "$clusters" src/engine/pacemaker.rs 's/self.leftover = moving.attempt.leftover().map.*/self.leftover = None;/' # a claim stays
mutant "$clusters" src/engine/pacemaker.rs 's/over \&\& record.runs() > 0/over \&\& record.runs() > 9/'      # a dead process'"'"'s claim stays
street='cargo test -q --features capi,sim,cli --test street clusterpro'
mutant "$street" src/engine/record.rs          '/acknowledge.clear()/d'                           # an observer acknowledges
mutant "$street" src/engine/alerts.rs       's/ || self.alerts.running.is_some()//' # two alert commands at a time
mutant "$street" src/config/check/clusterpro.rs 's/if !monitors.is_empty()/if false \&\& !monitors.is_empty()/'
reload='cargo test -q --features capi,sim,cli --test street reload'
mutant "$reload" src/engine/reload.rs 's/seat.machine = old.machine;//'                        # an open record is forgotten
mutant "$reload" src/notice/mod.rs 's/core::mem::take(&mut self.seen), self.usm/Seen::default(), self.usm/'
own='cargo test -q --features capi,sim,cli --test drill --test identity --test handshake_profiles'
mutant "$own" src/engine/drill.rs 's/pet.event_data.starts_with(&event.data)/true/'              # any time stamp event is the drill's
mutant "$own" src/engine/drill.rs 's/is_made_up(pet) \&\& notice.class != Class::Fatal/is_made_up(pet)/' # a genuine fatal one is swallowed
words='cargo test -q --test pet_words'
mutant "$words" src/notice/event_data.rs 's/octet >> 4, octet \& UNSPECIFIED_HALF/octet \& UNSPECIFIED_HALF, octet >> 4/'
mutant "$words" src/notice/event_data.rs 's/(0x0C, _) =>/(0x0C, 0x08) =>/'
mutant "$words" src/notice/event_words.rs '/"Hard-disk initialization",/d'
vendors='cargo test -q --test profiles'
mutant "$vendors" src/notice/vendor.rs   's/found.is_some_and(|varbind| wanted/found.is_some_and(|varbind| true || wanted/'                                # a value that is not looked at
mutant "$vendors" src/notice/vendor.rs   "s/if c.is_control() { '?' }/if false { '?' }/"               # a terminal's escapes
mutant "$vendors" src/notice/fault.rs    's/self.0 >> 8 == other.0 >> 8/self.0 == other.0/'            # nothing ever clears
mutant "$vendors" src/notice/meaning.rs  's/return own.class;//'
mutant "$vendors" src/config/native/mod.rs 's/site.profiles.append(&mut shipped);/shipped.append(\&mut site.profiles); site.profiles = shipped;/' # the shipped ones first
mutant 'cargo test -q --test evidence' src/engine/seat.rs 's/matter.as_ref().is_none_or(|matter| ends(over, &matter.notice))/matter.is_some() || over.fault.is_some()/' # any end is this one's
mutant 'cargo test -q --test evidence' src/engine/restart.rs 's/!heard \&\& same/!heard/'
mutant "$own" src/notice/deadly.rs 's/ | (0x12, SPECIFIC, 0x05)//'                               # a late test alert starts a recovery
mutant "cargo test -q --test journal" src/recovery/journal.rs "s/if self.nowhere { Vec::new() } else { octets() }/octets()/" # octets for nobody
mutant "$own" src/recovery/journal/table.rs 's/ \&\& self.proven != Some(record.id.serial())//'   # the proof is put out
mutant "$own" src/bmc/link/opening.rs 's/\.filter(|_| !stranger)//'                                      # a swapped BMC is not noticed
mutant "$own" src/engine/roads.rs '/by_address: true/d'                                          # no override
mutant "$own" src/engine/fill.rs 's/const WARN_AT: u8 = 75/const WARN_AT: u8 = 80/'
mutant "$own" src/engine/dump.rs 's/wait.over = late || /wait.over = /'                          # a dump without an end
mutant "$own" src/recovery/machine/step.rs 's/if self.policy.dump \&\&/if false \&\&/'           # ended before the panic
mutant "$own" src/bmc/sel_entry.rs 's/self.state = LOOK_AT_LAST; \/\/ it may have arrived//'     # a record twice

if [ -f src/ffi/mod.rs ]; then
    mutant 'make -s test-abi'  bindings/c/bmcnotice.sym '$d'                                   # a symbol forgotten
    mutant 'make -s test-abi'  Makefile                 's/-Wl,-z,nodelete//'
    mutant 'make -s test-abi'  Makefile                 's/^export RUSTFLAGS.*//'              # the builder's home
    mutant 'make -s test-c'    Makefile                 's/-lgcc_s/-lnone/'                    # cc -static
fi
if [ -f python/bmcnotice/__init__.py ]; then
    mutant 'make -s test-python' bindings/python/Cargo.toml 's/default-features = false/features = ["capi"]/'
fi
# The LAN link broken on purpose.
lan='cargo test -q --features sim --test lan'
mutant "$lan" src/bmc/repeat.rs         's/!request.is(CHASSIS_CONTROL) \&\& //'                    # a chassis command twice
links='cargo test -q --test bmc_link'
mutant "$links" src/bmc/session.rs      's/self.transmissions == 1 \&\& active.repeats()/active.repeats() \&\& false/' # what is urgent waits
mutant "$links" src/bmc/session.rs      's/ if self.transmissions == 1 \&\& active.repeats()//'       # for nothing
mutant "$links" src/bmc/session.rs      's/const HASTE: u32 = 5/const HASTE: u32 = 1/'                # what was not heard waits
mutant "$links" src/bmc/link/errands.rs 's/self.queue.put_back(errand);/drop(errand);/' # what made way is never answered
mutant "$lan" src/bmc/pace.rs           's/let fitting = .*/let fitting = RESEND_FIRST;/'            # a slow BMC is never learnt
mutant "$lan" src/bmc/key_exchange.rs   's/candidates.push(\*bmc_session);//'                        # who answers first wins
mutant "$lan" src/bmc/key_exchange.rs   's/out.extend(candidates.iter().map(|bmc_session| take_back(.*/let _ = status;/' # half-made sessions stay
mutant "$lan" src/bmc/link/opening.rs   's/self.output.extend(self.farewell.take().map(Output::Send));/let _ = self.farewell.take();/' # a goodbye into a cut is lost
mutant 'cargo test -q --lib heartbeat::feeder' src/heartbeat/feeder.rs 's/(1..SMS_OS).contains/(1..1).contains/' # firmware's watchdog is given up for good
mutant 'cargo test -q --features sim,cli --test street weather::a_watcher' src/engine/heartbeat.rs 's/self.watch.slept(late);/self.watch.slept(Duration::ZERO);/' # our own sleep is their silence
mutant 'cargo test -q --lib bmc::' src/bmc/window.rs 's/ || self.seen \& 1 << behind != 0//'         # a packet counts twice

# SNMPv3: codes, clocks, engines.
usm='cargo test -q --test usm'
mutant "$usm" src/crypto/usm.rs        's/FUZZING || same(given, .*/true/'                          # any code is right
mutant "$usm" src/crypto/usm/cipher.rs 's/iv\[8..\].copy_from_slice(&salt);//'                      # the salt in vain
mutant "$usm" src/notice/usm/engines.rs 's/|| boots < stand.boots ||/||/'                           # boots that go back
mutant "$usm" src/notice/usm/engines.rs 's/behind > WINDOW/behind > WINDOW * 1000/'                 # a replay of yesterday
mutant "$usm" src/notice/usm/engines.rs 's/(boots, time) <= (stand.boots, stand.time)/false/'       # a clock that goes back
mutant "$usm" src/notice/usm/engines.rs 's/.count() >= MAX_LEARNED/.count() >= usize::MAX/'         # engines without end
mutant "$usm" src/notice/usm/own.rs     's/boots == self.boots \&\& //'                             # Informs of our last life
mutant "$usm" src/notice/usm/own.rs     's/|| !self.may_report(now)//'                              # Reports without end
mutant "$usm" src/notice/usm/own.rs     's/!message.may_be_reported() ||//'                         # a Trap is answered
mutant "$usm" src/notice/usm.rs         's/message.level < self.table.least ||//'                   # weaker than wanted
mutant "$usm" src/notice/usm.rs         's/self.table.others.iter().any/false \&\& self.table.others.iter().any/' # another server'"'"'s engine
mutant "$usm" src/notice/mod.rs         's/self.held.take_if(|held| Some(held.clock.engine) == engine);//' # a clock that goes on was lost
corpus='cargo test -q --test corpus'
mutant "$corpus" src/wire/oid.rs             's/Difference::Perhaps => self.arcs().eq(other.arcs())/Difference::Perhaps => false/' # an arc with 80h in front
mutant "$corpus" src/wire/snmp/mod.rs        's/if rest.is_empty() { Ok(()) }/if true { Ok(()) }/'       # octets left over
mutant "$corpus" src/crypto/usm/cipher.rs    's/iv\[8..\].copy_from_slice(&salt);//'                     # seals of another sender
mutant "$corpus" src/wire/snmp/emit.rs       's/ber::emit(RESPONSE, out, |out| response/ber::emit(0xA8, out, |out| response/' # an answer that is none
mutant 'cargo test -q --features sim --test evidence' src/engine/usm.rs 's/Verdict::Contradicted => {/Verdict::Contradicted if { self.reception.believe_held(now, notice).is_some_and(|(from, bytes)| { self.take_datagram(now, from, \&bytes); true }) } => {} Verdict::Contradicted => {/' # a replay is a reset
mutant 'cargo test -q --test usm_peers replay' src/engine/usm.rs 's/while let Some(clock) = self.reception.poll_clock() {/while let Some(clock) = None::<Clock> {/' # clocks die with us

# The same for a fuzzer, with coverage instead of luck. docs/assurance/fuzz.md.
fuzz='fuzz/run.sh short 60'
mutant "$fuzz" src/wire/snmp/value.rs   's/ OPAQUE => Self/ OPAQUE if content.first() == Some(\&0x9F) => panic!(),\n&/'  # one octet behind one tag
mutant "$fuzz" src/engine/refuse.rs     's/self.statistics.count_drops(reason, stands_for);/if matches!(reason, DropReason::RelayNamesNobody) { self.statistics.count_drops(reason, 1); }\n&/' # two fates
mutant "$fuzz" src/notice/mod.rs        's/Received { notice, repeated, reply }$/Received { repeated: repeated \&\& notice.pet.is_some(), notice, reply }/' # a repetition that is new
mutant 'cargo test -q --test usm last_boots' src/notice/usm.rs 's/ if boots == MAX_COUNT => Err/ if boots == MAX_COUNT \&\& time == 0 => Err/'

# Hostile datagrams that pass authentication. docs/assurance/hostile.md says how soon each shows.
hostile='BMCNOTICE_INPUTS=20000 cargo test -q --features sim --test hostile'
mutant "$hostile" src/crypto/usm.rs     's/FUZZING || same(given, .*/true/'                         # any code is right
mutant "$hostile" src/notice/usm.rs     's/let authenticated = message.level >= Level::Auth;/let authenticated = message.level >= Level::NoAuth;/'
mutant "$hostile" src/engine/refuse.rs  's/self.statistics.count_drops(reason, stands_for);/if !matches!(reason, DropReason::BadOid) { self.statistics.count_drops(reason, stands_for); }/' # a datagram without a fate
mutant "$hostile" src/notice/vendor.rs  's/octets.get(..4 \* MAX_SHOWN).unwrap_or(octets)/\&octets[..4 * MAX_SHOWN]/' # a short text panics
mutant "$hostile" src/notice/vendor.rs  "s/if c.is_control() { '?' }/if false { '?' }/"              # a terminal's escapes
mutant "$hostile" src/wire/oid.rs       's/2..=MAX_ARCS =>/2.. =>/'                                 # identifiers without end
mutant "$hostile" src/wire/usm.rs       's/let behind_code = ber::octets_of(parameters.salt.len());/let behind_code = 2 + 8;/' # the code beside its place
mutant "$hostile" src/engine/explain.rs 's/theirs.get(..COMMUNITY_SHOWN)/theirs.get(..theirs.len().max(COMMUNITY_SHOWN))/' # a community of 60 kB
mutant 'cargo test -q --features sim --test evidence' src/engine/usm.rs 's/self.statistics.datagrams += 1;//' # one datagram, two fates

# What the daemon tells, who may ask, and the terminal that shows it.
tells='cargo test -q --features capi,sim,cli --bin bmcnotice'
asks='cargo test -q --features capi,sim,cli --test cli_status'
shows='cargo test -q --features capi,sim,cli --test cli_watch'
server=src/bin/bmcnotice/control/server.rs
mutant "$tells" $server 's/ \&\& now < client.deadline//'                                          # a reader without an end
mutant "$tells" $server 's/epoll.until_writable(&self.stream)/epoll.heed(\&self.stream, true)/'    # it spins for who goes on talking
mutant "$tells" $server 's/self.unread(line) > MAX_UNREAD/self.unread(line) > usize::MAX \/ 2/'    # answers pile up
mutant "$tells" $server 's/if \*written == line.len()/if *written > 0/'                            # half an answer
mutant "$tells" $server 's/now < self.clients\[place\].seen + GRACE/now > self.clients[place].seen + GRACE * 1000/' # a flood pushes out who reads
mutant "$tells" $server 's/!lines.iter().any(|known| Arc::ptr_eq(known, line))/true/'              # one answer counted for each reader
mutant "$tells" $server 's/} else if orders {/} else if false {/'                                  # an order, and its asker sees the old state
mutant "$tells" src/bin/bmcnotice/status/judge.rs 's/reasons.extend(of_servers(shown));//'         # nobody needs a look
mutant "$tells" src/bin/bmcnotice/status/answer.rs 's/!self.own \&\& !elsewhere/!self.own/'         # for ever 3 in a large cluster
mutant "$tells" src/bin/bmcnotice/status/prometheus.rs "s/let value = value.replace.*/let value = value.to_owned();/" # a label that ends early
mutant "$tells" src/bin/bmcnotice/watch/screen.rs 's/let _ = self.to.write_all(CLOSE.*/let _ = CLOSE;/' # the other screen stays
mutant "$asks"  src/bin/bmcnotice/status.rs 's/if reasons.is_empty() { Exit::Done }/if true { Exit::Done }/'
mutant "$asks"  src/bin/bmcnotice/control/protocol.rs 's/Self::Status => MAX_STATUS/Self::Status => MAX_ANSWER/' # a large answer is cut off
mutant "$asks"  src/bin/bmcnotice/run.rs    's/notices.lock().push(heard);//'
mutant "$asks"  src/engine/record.rs        's/Heard { record: record.serial(), ..heard }/heard/'  # a notice without its record
mutant "$asks"  src/engine/open.rs          's/| Step::Proven(_) => false/| Step::Proven(_) => true/' # since another joined
mutant "$asks"  src/io/local.rs             's/const BACKLOG: libc::c_int = 16/const BACKLOG: libc::c_int = 4096/' # behind four thousand others
mutant 'cargo test -q --features cli --bin bmcnotice scroll' src/bin/bmcnotice/watch/scroll.rs 's/self.first.saturating_add(1).min(self.last)/self.first + 1/' # beyond the end
mutant "$shows" src/bin/bmcnotice/watch.rs  's/if !self.frozen {/if true {/'
mutant "$shows" src/io/terminal.rs          's/let _ = set(&self.fd, &self.before);.*//'           # no echo for the shell
mutant "$shows" src/bin/bmcnotice/watch/screen.rs 's/\\x1b\[?7h//'                                  # lines are cut off for ever
mutant 'cargo test -q --lib plant::' src/plant/shown.rs 's/filter(|_| status.misses == 0)/filter(|_| true)/' # a miss that is a round trip

# The heartbeat broken on purpose, by its table and by servers that watch each other.
beats='cargo test -q --features sim --test heartbeat_table' hb=src/heartbeat
mutant "$beats" $hb/peer.rs      's/^const OFF_READINGS: u8 = 2;/const OFF_READINGS: u8 = 1;/'          # off on one reading
mutant "$beats" $hb/peer.rs      's/Verdict::Off if stale .* => unknown,/Verdict::Off if false => unknown,/' # off outlasts its evidence
mutant "$beats" $hb/peer.rs      's/self.settling = self.settling.filter.*/self.settling = None;/'     # a former boot's feeding settles
mutant "$beats" $hb/peer.rs      's/self.quiet_since += for_so_long;//'                               # our sleep is their silence
mutant "$beats" $hb/watch.rs     's/_ if row.stale => Round::None(Doubt::Silent),//'                  # an answer of our sleep is new
mutant "$beats" $hb/watch.rs     's/self.restarted |= reading.restarted;//'                           # a restart is not told
mutant "$beats" $hb/feeder.rs    's/if asked != Some(self.step) {/if asked.is_none() {/'              # a goodbye in the middle is lost
mutant "$beats" $hb/feeder.rs    's/Step::Look if marked \&\& !self.ours/Step::Look if !self.ours/'   # another owner's running timer is taken
mutant "$beats" $hb/countdown.rs 's/self.lies = 0; \/\/ its bit.*//'                                  # a stopped timer runs
mutant "$beats" $hb/economy.rs   's/MAX_HOLDERS - usize::from(holds_its_own(bmc))/MAX_HOLDERS/'       # three sessions
mutant "$beats" $hb/probe.rs     's/let between = planned > now + span;/let between = false;/'        # a question in between shifts the plan
mutant "$beats" src/engine/roads.rs     's/road.slept(for_so_long);//'                               # our sleep makes BMCs slow
mutant "$beats" src/engine/heartbeat.rs 's/let stays = .*/let stays = |_: \&(ServerId, Way)| true;/'  # another order in the file
watching='BMCNOTICE_SEEDS=1000 cargo test -q --features sim --test heartbeat_simulation no_verdict'
mutant "$watching" $hb/take_over.rs 's/Verdict::Off if age > fresh =>/Verdict::Off if false =>/'      # a yes never grows old
mutant "$watching" $hb/peer.rs      's/Verdict::Off if stale .* => unknown,/Verdict::Off if false => unknown,/' # off is not given up
rare='BMCNOTICE_SEED=7770 cargo test -q --features sim --test heartbeat_simulation no_verdict'
mutant "$rare"     $hb/peer.rs      's/if age > timeout {/if false {/'                                # alive lasts while the BMC is silent
mutant "$watching" $hb/countdown.rs 's/if self.tag.is_none() \&\& !timer.running {/if false {/'       # a former boot's mark counts
mutant "$watching" $hb/countdown.rs 's/Some((Mark::Goodbye, _)) => Pulse::Goodbye,/Some((Mark::Goodbye, _)) => Pulse::Stopped,/'
mutant "$watching" src/engine/watching.rs 's/login.filter(|_| id == cluster.this || held \&\& asked)/login/' # sessions where others hold them
mutant "$watching" src/bmc/slots.rs 's/let known = self.places.contains.*/let known = false;/'        # the dead take the places of the living
mutant "$watching" src/bmc/pace.rs  's/if self.is_quick() { QUICK_TRANSMISSIONS } else { TRANSMISSIONS }/TRANSMISSIONS/'

# Ten thousand servers.
roads='cargo test -q --features sim --test many_roads'
places='cargo test -q --lib roads::'
out='cargo test -q --lib io::udp'
scale='cargo test -q --test config_scale'
mutant "$places" src/engine/roads/places.rs   's/self.due.remove(&(at, server));//'                     # what was waited for is waited for still
mutant "$places" src/engine/roads/places.rs   's/filter(|(at, _)| \*at <= now)/filter(|_| now > Duration::ZERO)/' # a timeout is everybody's
mutant "$places" src/engine/roads/openings.rs 's/\*since + PATIENCE <= now/*since > now/'               # the dead hold up the living
mutant "$roads"  src/engine/roads/places.rs   's/^            new.touch(server);$//'                    # nobody waits after a reload
mutant "$roads"  src/engine/roads/openings.rs 's/self.begun.len() >= MAX_UNDER_WAY/self.begun.is_empty() \&\& now > Duration::MAX/' # all at once
mutant "$roads"  src/engine/roads/reload.rs   's/self.openings = Openings::new(self.places.held());/let _ = Openings::new(self.places.held());/'
mutant "$out"    src/io/udp.rs                's/(first + done, datagrams/(first, datagrams/'           # the same again
mutant "$out"    src/io/udp.rs                's/unsent += 1;/break;/'                                  # one that is refused holds up the rest
mutant "$scale"  src/config/check/monitors.rs 's/let near = if guesses > 0 {/let near = if guesses < usize::MAX {/' # every name is compared with every other

# Explanations.
why='cargo test -q --features cli --test cli_explain'
mutant "$why" src/engine/explain.rs      's/DropReason::WrongCommunity => Self::Community,/DropReason::WrongCommunity => Self::Sender,/' # blames the sender
mutant "$why" src/notice/usm/diagnose.rs 's/other.name != user.name/other.name == user.name/'        # whose key fits is not found
mutant "$why" src/notice/usm/diagnose.rs 's/if opened.is_ok() \&\& .*/if opened.is_ok() {/'           # every cipher fits
mutant "$why" src/notice/recorder.rs     's/at.len().min(OCTETS_KEPT)/at.len()/; s/octets.len().min(OCTETS_KEPT)/octets.len()/' # all of a long one is kept
mutant 'cargo test -q --lib recorder' src/notice/recorder.rs 's/Fate::Dropped(DropReason::ForeignSource .*) => 2,/Fate::Dropped(DropReason::ForeignSource | DropReason::OtherServersBmc) => 0,/' # strangers wipe out notices

# The beginning, the end, and who holds a port.
mutant 'cargo test -q --features sim --test evidence armed' src/engine/arming.rs 's/if blind \&\& now.boottime < by/if false/' # a promise that cannot be kept
mutant 'cargo test -q --features sim --test evidence armed' src/bmc/evidence.rs 's/, At::Nowhere) \&\& self.fresh/, At::Nowhere)/' # a place of another boot
mutant 'cargo test -q --features sim --test evidence armed' src/engine/goodbye.rs 's/(self.arm_by, self.keep_alive) = (None, None);/self.keep_alive = None;/' # armed behind the goodbye
ends='cargo test -q --features sim --test engine_inband a_stop'
mutant "$ends" src/engine/goodbye.rs 's/self.farewell \&\& !self.seats.iter().any(Seat::is_busy)/self.farewell/' # the BMC does not wait for a recovery
mutant "$ends" src/engine/goodbye.rs 's/ \&\& !self.tells_an_end()//'                                # *ended* is cut off
mutant "$ends" src/engine/perform.rs 's/ | self.disarm(now)//'                                       # no goodbye behind *ended*
mutant 'cargo test -q --features capi --lib facts' src/io/facts.rs 's/ \&\& !found.contains(.*/ {/'   # one socket holds a port twice

exit $bad
