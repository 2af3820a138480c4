# libbmcnotice's workshop. `make help` says what there is; CONTRIBUTING.md says why.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
DESTDIR ?=
CC      ?= cc
CXX     ?= c++
PYTHON  ?= python3

VERSION := $(shell sed -n 's/^version = "\(.*\)".*/\1/p' Cargo.toml)
MSRV    := $(shell sed -n 's/^rust-version = "\(.*\)".*/\1/p' Cargo.toml)
SO      := libbmcnotice.so.0
SYM     := bindings/c/bmcnotice.sym
AWK     := awk -f bindings/c/symbols.awk
B       := build
VENV    := target/venv
STRICT  := -Wall -Wextra -Wpedantic -Werror
PACKAGE := $(wildcard python/bmcnotice/__init__.py)

# Panic places of other crates would carry the builder's home directory into the artifacts.
# One value for every target: cargo builds everything again when it changes.
CARGO_HOME ?= $(HOME)/.cargo
export RUSTFLAGS := --remap-path-prefix=$(CARGO_HOME)/registry/src=crates
# Servers lie in sbin, which is not on every user's path.
export PATH := $(PATH):/usr/sbin:/sbin
# For tests that start a peer written in Python.
export BMCNOTICE_PYTHON := $(CURDIR)/$(VENV)/bin/python
# A second hand in SNMPv3: tests/peers/snmp.
export BMCNOTICE_SNMP_PEER := $(CURDIR)/target/debug/bmcnotice-snmp-peer

# Every set of features that someone builds; `header` is a tool's, not the library's.
FEATURES := none capi sim cli capi,sim,cli
FULL     := capi,sim,cli

LINTS  := fmt clippy doc header-drift abi licences suites mutants
SUITES := rust fuzz demo header abi c valgrind python stubs $(if $(wildcard tests/peers/test-*.sh),peers) msrv miri
# Long runs, each a target test-NAME.
LONG   := simulation-long heartbeat-long cluster kills lossy rogue hostile fuzz-long sessions hangs weather

# A skip fails where CI=true, but for these: tools that a plain stable toolchain does not offer, ...
MAY_SKIP := miri msrv
# ... and parts of the house that are not there; they leave this list by being written.
MAY_SKIP += $(if $(PACKAGE),,python stubs)
MAY_SKIP += $(if $(wildcard src/bin/bmcnotice/demo.rs),,demo)
export MAY_SKIP

# Lives in the long run of the simulation.
SEEDS ?= 10000
CLUSTER_SEEDS ?= 5000
# Lives of servers that watch each other.
HEARTBEAT_SEEDS ?= 10000
# Handshakes over a lossy network, inputs of a rogue BMC, hostile datagrams, sessions with a real one.
LOSSY_SEEDS ?= 100000
ROGUE_INPUTS ?= 24000000
HOSTILE_INPUTS ?= 24000000
# Seconds of each fuzz target in `make test`, its runs in the long run and for how many seconds at most, seconds before the committed corpus is made anew.
FUZZ_TIME ?= 30
FUZZ_RUNS ?= 24000000
FUZZ_LIMIT ?= 0
FUZZ_CORPUS_TIME ?= 600
SESSIONS ?= 10000
# How long the heartbeat runs over a bad network, in seconds.
WEATHER ?= 600

# Most tests wait most of the time.
THREADS ?= $(shell echo $$((2 * $$(nproc))))

# One crate type asked for: with two, cargo silently leaves fat LTO out.
STATICLIB = cargo rustc -q --release --lib --crate-type staticlib --no-default-features
# Released code but for what takes long and shows in figures alone: for what is neither installed nor measured.
QUICK     = --config 'profile.release.lto="off"' --config profile.release.codegen-units=16
LINK_SO   = $(CC) -shared -o $@ -Wl,-soname,$(SO) -Wl,--version-script=$(B)/symbols.map @$(B)/symbols.keep \
            $(B)/libbmcnotice.a -Wl,-z,defs -Wl,-z,nodelete -Wl,--gc-sections -Wl,-s $$(cat $(B)/libs)

.PHONY: all help install header demo tools test test-full lint bench wheel mutants stalls fuzz-corpus clean FORCE
.DELETE_ON_ERROR:

all: $(B)/$(SO) $(B)/bmcnotice.pc $(B)/bmcnotice-config.cmake $(B)/bmcnotice-config-version.cmake

help:
	@echo 'all (the library)  install  header  demo  test  test-full  lint  bench  wheel  mutants  stalls  fuzz-corpus  clean'
	@echo 'one suite alone:   $(SUITES:%=test-%)'
	@echo 'one lint alone:    $(LINTS:%=lint-%)'
	@echo 'one long run:      $(LONG:%=test-%)'

# --- library ---------------------------------------------------------------------------------------

$(B)/libbmcnotice.a: FORCE
	@mkdir -p $(B)
	$(STATICLIB) --features capi -- --print native-static-libs=$(B)/native-libs
	@cmp -s target/release/libbmcnotice.a $@ || cp target/release/libbmcnotice.a $@

# The C driver adds libgcc_s or libgcc_eh, and libc, by itself; naming -lgcc_s would break cc -static.
$(B)/libs: $(B)/libbmcnotice.a Makefile
	@sed 's/-lgcc_s//; s/-lc\>//; s/^ *//; s/ *$$//' $(B)/native-libs > $@

$(B)/symbols.%: $(SYM) bindings/c/symbols.awk
	@mkdir -p $(B)
	$(AWK) -v make=$* $(SYM) > $@

$(B)/$(SO): $(B)/libbmcnotice.a $(B)/libs $(B)/symbols.map $(B)/symbols.keep Makefile
	$(LINK_SO)

# The same by every other linker that is there: each understands version scripts in its own way.
LINKERS := $(foreach linker,bfd gold lld,$(if $(shell command -v ld.$(linker)),$(linker)))
$(LINKERS:%=$(B)/%.so): $(B)/%.so: $(B)/$(SO)
	$(LINK_SO) -fuse-ld=$*

$(B)/bmcnotice.pc: bindings/c/bmcnotice.pc.in Makefile $(B)/libs FORCE
	@sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' \
	     -e "s|@LIBS_PRIVATE@|$$(cat $(B)/libs)|" $< > $@

# Relocatable: the package finds library and header from where it lies itself.
$(B)/bmcnotice-%.cmake: bindings/c/bmcnotice-%.cmake.in Makefile $(B)/libs FORCE
	@include=$$(realpath -m --relative-to='$(LIBDIR)/cmake/bmcnotice' '$(PREFIX)/include'); \
	sed -e "s|@INCLUDE@|$$include|; s|@SO@|$(SO)|; s|@VERSION@|$(VERSION)|" \
	    -e "s|@LIBS_PRIVATE@|$$(cat $(B)/libs)|" $< > $@

# The example daemons with our archive inside, so that they run as they are.
EXAMPLES := $(B)/thread-example $(B)/epoll-example
$(EXAMPLES): $(B)/%-example: bindings/c/examples/%.c include/bmcnotice.h $(B)/libbmcnotice.a $(B)/libs
	$(CC) -std=c11 $(STRICT) -Iinclude -o $@ $< $(B)/libbmcnotice.a $$(cat $(B)/libs)

install: all include/bmcnotice.h
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(LIBDIR)/cmake/bmcnotice $(DESTDIR)$(PREFIX)/include
	install -m 644 include/bmcnotice.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(B)/libbmcnotice.a $(DESTDIR)$(LIBDIR)/
	install -m 755 $(B)/$(SO) $(DESTDIR)$(LIBDIR)/
	ln -sf $(SO) $(DESTDIR)$(LIBDIR)/libbmcnotice.so
	install -m 644 $(B)/bmcnotice.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	install -m 644 $(B)/bmcnotice-config.cmake $(B)/bmcnotice-config-version.cmake $(DESTDIR)$(LIBDIR)/cmake/bmcnotice/

header:
	@mkdir -p include
	cp "$$(cargo build -q --features header --message-format=json | sed -n \
	  's/.*"build-script-executed".*#bmcnotice@.*"out_dir":"\([^"]*\)".*/\1/p')/bmcnotice.h" include/bmcnotice.h

# Needs rustup's toolchain and a C compiler; no root, no package, no network but for the crates.
demo:
	@cargo run -q --release $(QUICK) --features cli -- demo

wheel: $(VENV)/done
	rm -rf $(B)/wheel
	$(VENV)/bin/maturin build -q --release --out $(B)/wheel

.PHONY: installed-wheel
installed-wheel: wheel
	$(VENV)/bin/pip install -q --disable-pip-version-check --force-reinstall --no-deps $(B)/wheel/*.whl

# --- tests -----------------------------------------------------------------------------------------

# Installs what is missing and says so; what cannot be had makes its suite say that it is skipped.
tools:
	@tests/peers/install.sh $(B)/tools.env
	@$(MAKE) -s $(VENV)/done || echo 'No Python packages: what needs them will be skipped.'

$(VENV)/done: tests/requirements.txt
	@echo 'Installing into $(VENV), from tests/requirements.txt:'; sed 's/^/  /' $<
	@$(PYTHON) -m venv $(VENV) && $(VENV)/bin/pip install -q --disable-pip-version-check -r $< && touch $@

test: tools
	+@set -a; . $(B)/tools.env; tests/suites.sh test $(SUITES)

test-full: tools
	+@set -a; . $(B)/tools.env; tests/suites.sh test $(SUITES) $(LONG)

# TESTS narrows it: make test-rust TESTS='--lib wire::'
.PHONY: $(SUITES:%=test-%) $(LONG:%=test-%)
test-rust: $(EXAMPLES)
	@[ ! -e $(VENV)/done ] || $(MAKE) -s installed-wheel
	cargo build -q -p bmcnotice-snmp-peer
	RUST_TEST_THREADS=$(THREADS) cargo test -q --no-fail-fast --features $(FULL) $(TESTS)

# Kills before and after every packet and journal write, none left out.
test-kills: $(EXAMPLES)
	BMCNOTICE_KILLS=all cargo test -q --features $(FULL) --test street strikes

# Its result becomes the page's table; so do those of the next four.
test-simulation-long:
	@mkdir -p $(B)
	BMCNOTICE_SEEDS=$(SEEDS) BMCNOTICE_REPORT=$(CURDIR)/$(B)/simulation.md \
	  cargo test -q --release --features sim --test simulation nothing
	@tests/simulation/page.sh docs/assurance/simulation.md $(B)/simulation.md $(VERSION)
	BMCNOTICE_SEEDS=$(CLUSTER_SEEDS) BMCNOTICE_REPORT=$(CURDIR)/$(B)/cluster.md \
	  cargo test -q --release --features sim --test cluster_simulation keeps
	@tests/simulation/page.sh docs/assurance/cluster.md $(B)/cluster.md $(VERSION)
	@echo 'ok: simulation, $(SEEDS) lives of a server and $(CLUSTER_SEEDS) of a cluster'

test-heartbeat-long:
	@mkdir -p $(B)
	BMCNOTICE_SEEDS=$(HEARTBEAT_SEEDS) BMCNOTICE_REPORT=$(CURDIR)/$(B)/heartbeat.md \
	  cargo test -q --release --features sim --test heartbeat_simulation no_verdict
	@tests/simulation/page.sh docs/assurance/heartbeat.md $(B)/heartbeat.md $(VERSION) 'make test-heartbeat-long'
	@echo 'ok: $(HEARTBEAT_SEEDS) lives of servers that watch each other, and a month'

test-lossy:
	@mkdir -p $(B)
	BMCNOTICE_SEEDS=$(LOSSY_SEEDS) BMCNOTICE_REPORT=$(CURDIR)/$(B)/lossy.md \
	  cargo test -q --release --features sim --test lan lossy
	@tests/simulation/page.sh docs/assurance/lossy.md $(B)/lossy.md $(VERSION) 'make test-lossy'
	@echo 'ok: $(LOSSY_SEEDS) handshakes over a lossy network'

test-rogue:
	@mkdir -p $(B)
	BMCNOTICE_INPUTS=$(ROGUE_INPUTS) BMCNOTICE_REPORT=$(CURDIR)/$(B)/rogue.md \
	  cargo test -q --release --features sim --test lan rogue
	@tests/simulation/page.sh docs/assurance/rogue.md $(B)/rogue.md $(VERSION) 'make test-rogue'
	@echo 'ok: $(ROGUE_INPUTS) inputs of a rogue BMC'

test-hostile:
	@mkdir -p $(B)
	BMCNOTICE_INPUTS=$(HOSTILE_INPUTS) BMCNOTICE_REPORT=$(CURDIR)/$(B)/hostile.md \
	  cargo test -q --release --features sim --test hostile
	@tests/simulation/page.sh docs/assurance/hostile.md $(B)/hostile.md $(VERSION) 'make test-hostile'
	@echo 'ok: $(HOSTILE_INPUTS) hostile datagrams'

# The targets beside each other, each from the committed corpus.
test-fuzz:
	@CXX="$(CXX)" PYTHON="$(PYTHON)" fuzz/run.sh short $(FUZZ_TIME)

test-fuzz-long:
	@CXX="$(CXX)" PYTHON="$(PYTHON)" fuzz/run.sh long $(FUZZ_RUNS) $(B)/fuzz.md $(FUZZ_LIMIT)
	@[ ! -e $(B)/fuzz.md ] || tests/simulation/page.sh docs/assurance/fuzz.md $(B)/fuzz.md $(VERSION) 'make test-fuzz-long'

# What was found, made small: fuzz/corpus.
fuzz-corpus:
	@CXX="$(CXX)" PYTHON="$(PYTHON)" fuzz/run.sh corpus $(FUZZ_CORPUS_TIME)

# Opened and closed with ipmi_sim; in `make test` it is a few hundred.
test-sessions:
	BMCNOTICE_SESSIONS=$(SESSIONS) cargo test -q --features $(FULL) --test ipmi_peers leak

# In `make test` it is a few seconds.
test-weather:
	BMCNOTICE_WEATHER=$(WEATHER) cargo test -q --features $(FULL) --test street weather

# What `make test` has no time for of a guest that hangs.
test-hangs:
	@tests/peers/run.sh tests/peers/guest/long.sh

# The command line that the demonstration has built already.
test-peers:
	cargo build -q --release $(QUICK) --features cli
	@BMCNOTICE_BIN=$(CURDIR)/target/release/bmcnotice tests/peers/run.sh tests/peers/test-*.sh

test-msrv:
	@if RUSTUP_AUTO_INSTALL=0 cargo +$(MSRV) --version > /dev/null 2>&1; \
	then cargo +$(MSRV) check -q --features $(FULL) --target-dir target/msrv && echo 'ok: builds with $(MSRV)'; \
	else echo 'skipped: msrv: toolchain $(MSRV) is not installed'; fi

test-cluster:
	@tests/peers/run.sh tests/peers/pacemaker/long.sh

# No isolation: tests read their vectors.
test-miri:
	@if cargo miri --version > /dev/null 2>&1; \
	then MIRIFLAGS=-Zmiri-disable-isolation cargo miri test -q --lib wire:: ; \
	else echo 'skipped: miri: this toolchain does not offer it'; fi

ifneq ($(wildcard src/bin/bmcnotice/demo.rs),)
test-demo:
	@mkdir -p $(B)
	@timeout 300 $(MAKE) -s demo | tee $(B)/demo.log
	@test -s $(B)/demo.log && echo 'ok: demo'
else
test-demo:
	@echo 'skipped: demo: there is no demo yet'
endif

lint-header-drift:
	cargo test -q --features header --test header

test-header: lint-header-drift
	$(CC)  -std=c99   $(STRICT) -Iinclude -fsyntax-only tests/c/header.c
	@echo 'ok: header is C99'
	$(CC)  -std=c11   $(STRICT) -Iinclude -fsyntax-only tests/c/header.c
	@echo 'ok: header is C11'
	$(CXX) -std=c++17 $(STRICT) -Iinclude -fsyntax-only -x c++ tests/c/header.c
	@echo 'ok: header is C++17'

test-abi lint-abi: $(B)/$(SO) $(LINKERS:%=$(B)/%.so) $(B)/symbols.names
	@CC="$(CC)" tests/abi.sh $^

# A panic needs an engine that panics: an archive with feature sim, never installed.
test-c: $(B)/stage $(B)/sim/libbmcnotice.a
	cargo build -q --features $(FULL) # the command line is their BMC
	@CC="$(CC)" STRICT="$(STRICT)" tests/c/run.sh $(B)

test-valgrind: $(B)/stage
	cargo build -q --features $(FULL)
	@CC="$(CC)" STRICT="$(STRICT)" tests/c/run.sh $(B) valgrind

.PHONY: $(B)/stage
$(B)/stage: all
	@rm -rf $@ && $(MAKE) -s install PREFIX=/usr LIBDIR=/usr/lib64 DESTDIR=$(CURDIR)/$@
	@$(MAKE) -s all # the staged package files hold the stage's prefix

$(B)/sim/libbmcnotice.a: FORCE
	$(STATICLIB) $(QUICK) --features capi,sim --target-dir target/sim
	@mkdir -p $(@D) && cp target/sim/release/libbmcnotice.a $@

ifneq ($(PACKAGE),)
test-python: installed-wheel
	@ls $(B)/wheel | grep -qx 'bmcnotice-$(VERSION)-cp39-abi3-.*\.whl' && echo 'ok: the wheel has one version and abi3'
	cargo build -q --features $(FULL) # the command line is their BMC
	cd tests/python && $(CURDIR)/$(VENV)/bin/python -m pytest -q -rfEs -p no:cacheprovider

test-stubs: installed-wheel
	cd tests/python && MYPY_CACHE_DIR=$(CURDIR)/$(B)/mypy $(CURDIR)/$(VENV)/bin/python -m mypy.stubtest bmcnotice
	@echo 'ok: stubs'
else
test-python test-stubs:
	@echo 'skipped: $(@:test-%=%): there is no python/bmcnotice yet'
endif

# --- lints -----------------------------------------------------------------------------------------

lint:
	+@tests/suites.sh lint $(LINTS)

.PHONY: $(LINTS:%=lint-%)
lint-fmt:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	@echo 'ok: fmt'

lint-clippy:
	@for features in $(FEATURES:none=''); do \
	  cargo clippy -q --all-targets --features "$$features" -- -D warnings; \
	  echo "ok: clippy, features: $${features:-none}"; \
	done
	cargo clippy -q -p bmcnotice-python --all-targets -- -D warnings
	@echo 'ok: clippy, Python module'
	cargo clippy -q -p bmcnotice-snmp-peer --all-targets -- -D warnings
	@echo 'ok: clippy, SNMP peer'
	@if command -v $(CXX) > /dev/null; \
	then cargo clippy -q --manifest-path fuzz/Cargo.toml --locked --target-dir target/fuzz -- -D warnings && echo 'ok: clippy, fuzz targets'; \
	else echo 'skipped: clippy: no C++ compiler, and the fuzz targets build libFuzzer'; fi

lint-doc:
	RUSTDOCFLAGS='-D warnings' cargo doc -q --no-deps --document-private-items --features $(FULL)
	@echo 'ok: rustdoc'

lint-licences:
	@$(PYTHON) tests/licences.py --self-test
	@$(PYTHON) tests/licences.py

lint-suites:
	@tests/suites-test.sh

# That what they break is still there; `make mutants` breaks it.
lint-mutants:
	@tests/mutants.sh --there && echo 'ok: mutants'

# --- the rest --------------------------------------------------------------------------------------

# Rewrites the table of docs/performance.md. BENCHES narrows what is shown, and then the table, too.
BENCHES := decode usm callback started link heartbeat journal cpu rate storm memory cluster detection
# The daemon whose memory is measured, where it has been built.
export BMCNOTICE_DAEMON ?= $(CURDIR)/$(B)/thread-example
bench: $(B)/thread-example
	@benches/run.sh docs/performance.md $(BENCHES)

# Slow: shows that the tests can fail. ONLY=word narrows it.
mutants:
	tests/mutants.sh $(ONLY)

# The tests on a machine that stands still now and then; needs root. STALLS="test-rust TESTS='--test street'" narrows it.
STALLS ?= test-rust test-python
stalls: tools
	@set -a; . $(B)/tools.env; $(PYTHON) tests/stalls.py $(MAKE) -s -k $(STALLS)

clean:
	rm -rf $(B) target
