#!/usr/bin/env bash
# Builds the firmware, runs it in QEMU, and decodes and checks its log. Runs it twice, because both logs must have the
# same bytes. Exits with the firmware's status, or with an error if a check fails.
set -euo pipefail
cd "$(dirname "$0")"
. ./toolchain.sh
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}

need qemu-system-arm qemu-system-arm
# From another directory, because in this one cargo builds for the microcontroller.
command -v defmt-print > /dev/null || (cd / && unset CARGO_TARGET_DIR && cargo install --quiet --locked defmt-print)
bare_cargo thumbv7m-none-eabi build --quiet --release --bin uplink
program=$CARGO_TARGET_DIR/thumbv7m-none-eabi/release/uplink
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

run() {
    # One instruction takes 64 ns of the firmware's time, so that a run does not depend on the host's speed.
    in_qemu 60 "$program" -icount shift=6 > "$1"
}

status=0
run "$logs/first" || status=$?
defmt-print -e "$program" < "$logs/first" | tee "$logs/text"
[ $status = 0 ] || exit $status

# Each line of expected.txt must be part of a line of the log, in this order.
awk 'NR == FNR { expected[++lines] = $0; next }
     found < lines && index($0, expected[found + 1]) { found++ }
     END { if (found < lines) { print "not in the log: " expected[found + 1] > "/dev/stderr"; exit 1 } }' \
    expected.txt "$logs/text"

run "$logs/second"
cmp "$logs/first" "$logs/second"
echo "the log is as expected, and the same in both runs"
