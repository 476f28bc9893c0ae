#!/usr/bin/env bash
# Plays the scenarios of all runtimes and a million random decisions on a Cortex-M3 in QEMU. The logs must have the same
# bytes as on the host, and the hash must be the same.
set -euo pipefail
cd "$(dirname "$0")"
. ./toolchain.sh
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
expected=../../tests/tests/conformance/expected.log

need qemu-system-arm qemu-system-arm
bare_cargo thumbv7m-none-eabi build --quiet --release --bin conformance
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
MACHINE=mps2-an385 in_qemu 300 "$CARGO_TARGET_DIR/thumbv7m-none-eabi/release/conformance" > "$logs/all"

# Prints the lines below a title.
part() {
    awk -v title="== $1" '/^== / { inside = $0 == title; next } inside' "$logs/all"
}

for runtime in "by hand" embassy; do
    part "$runtime" | cmp - $expected
    echo "$runtime: $(part "$runtime" | grep -c ' scenario ') scenarios, the same log as on the host"
done
echo "blocking: the same as by hand, hash $(part blocking)"
echo "a million decisions: the same as on the host, hash $(part "a million decisions")"
