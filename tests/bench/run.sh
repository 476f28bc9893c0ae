#!/usr/bin/env bash
# Instructions per operation by callgrind, beside the goals of operations.rs, and the time of one and two threads in
# one run. Exits non-zero where an operation takes more instructions than it may today. Times only inform: on a
# shared machine they are noise.
set -euo pipefail
cd "$(dirname "$0")"
command -v valgrind > /dev/null || {
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || { echo "bench: needs valgrind" >&2; exit 1; }
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends valgrind > /dev/null
}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../../target}/bench
cargo build --quiet --release
bench=$CARGO_TARGET_DIR/release/bench

total() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bench" "$1" "$2" 2>&1 | awk '/Collected/ { print $4 }'
}

status=0
echo "| operation | instructions | goal | |"
echo "|---|---|---|---|"
while IFS=$'\t' read -r name goal most what; do
    # The difference of two runs leaves out the start, and a window that has to fill first.
    each=$((($(total "$name" 22000) - $(total "$name" 2000) + 10000) / 20000))
    met=$([ "$goal" = 0 ] && echo floor || { [ "$each" -le "$goal" ] && echo met || echo "not yet"; })
    echo "| $what | $each | $goal | $met |"
    if [ "$each" -gt "$most" ]; then
        echo "bench: $name takes $each instructions, more than $most" >&2
        status=1
    fi
done < <("$bench" list)
echo
"$bench" threads
exit $status
