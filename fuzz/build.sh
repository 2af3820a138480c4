#!/bin/bash
# usage: build.sh [TARGET...] — builds the fuzz targets with a stable compiler into target/fuzz, and says where they are.
#
# Coverage is LLVM's: the flags are those that cargo-fuzz sets, and nothing else of it is needed. With --target they
# reach no build script.
set -euo pipefail
cd "$(dirname "$0")"
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="${RUSTFLAGS:-} --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
RUSTFLAGS+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
RUSTFLAGS+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
export RUSTFLAGS CARGO_INCREMENTAL=0
cargo build -q --locked --release --target "$host" --target-dir ../target/fuzz "${@/#/--bin=}"
