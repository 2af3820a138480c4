#!/bin/bash
# usage: build.sh [TARGET...] — builds the fuzz targets with a stable compiler into target/fuzz.
#
# Coverage is LLVM's: the flags are those that cargo-fuzz sets, and nothing else of it is needed. With --target they
# reach no build script. The caller's RUSTFLAGS do not count, so that all is built once, whoever calls.
set -euo pipefail
cd "$(dirname "$0")"
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
RUSTFLAGS+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
RUSTFLAGS+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
export RUSTFLAGS CARGO_INCREMENTAL=0
cargo build -q --locked --release --target "$host" --target-dir ../target/fuzz "${@/#/--bin=}"
