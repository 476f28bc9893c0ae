#!/usr/bin/env bash
# Counts the instructions per operation with callgrind, and compares them with operations.rs. Then measures the time per
# call with one thread and with two. Exits with an error if an operation takes more instructions than its limit, or less
# than half of it, or if an operation without an observer spends instructions on observing. Times are not checked,
# because they vary on a shared machine.
set -euo pipefail
cd "$(dirname "$0")"
command -v valgrind > /dev/null || {
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || { echo "bench: valgrind is missing" >&2; exit 1; }
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends valgrind > /dev/null
}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../../target}/bench
cargo build --quiet --release
bench=$CARGO_TARGET_DIR/release/bench

total() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bench" "$1" "$2" 2>&1 | awk '/Collected/ { print $4 }'
}

# Prints how many instructions of 2000 repetitions are from the files for observing, including those before `main`.
observing() {
    valgrind --tool=callgrind --compress-strings=no --compress-pos=no --callgrind-out-file="$profile" "$bench" "$1" 2000 2> /dev/null
    awk '/^f[lie]=/ { ours = /retry-core\/src\/observe\// }
         /^calls=/ { getline; next } # the callee counts these instructions itself
         /^[0-9]/ && ours { sum += $2 }
         END { print sum + 0 }' "$profile"
}

profile=$(mktemp)
trap 'rm -f "$profile"' EXIT
status=0
echo "| operation | instructions | goal | |"
echo "|---|---|---|---|"
while IFS=$'\t' read -r name goal least most what; do
    # The difference of two runs, which leaves out the start and the time until a window is full.
    each=$((($(total "$name" 22000) - $(total "$name" 2000) + 10000) / 20000))
    met=$([ "$goal" = 0 ] && echo baseline || { [ "$each" -le "$goal" ] && echo met || echo "not yet"; })
    echo "| $what | $each | $goal | $met |"
    if [ "$each" -gt "$most" ]; then
        echo "bench: $name takes $each instructions, the limit is $most" >&2
        status=1
    fi
    if [ "$each" -lt "$least" ]; then
        echo "bench: $name takes only $each instructions of at least $least: does it measure anything?" >&2
        status=1
    fi
done < <("$bench" list)
echo

# Operations without an observer spend no instruction on observing. The last one has an observer, which shows that the
# right files are counted.
for name in blocking async tower failed letter by-hand by-hand-healthy ends counted; do
    observing=$(observing "$name")
    echo "$name: $observing instructions for observing in 2000 repetitions"
    if [ "$((observing > 0))" != "$([ "$name" = counted ] && echo 1 || echo 0)" ]; then
        echo "bench: $name: expected $([ "$name" = counted ] && echo some || echo none)" >&2
        status=1
    fi
done
echo
"$bench" threads
exit $status
