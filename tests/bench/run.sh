#!/usr/bin/env bash
# Instructions per operation by callgrind, beside the goals of operations.rs, and the time of one and two threads in
# one run. Exits non-zero where an operation takes more instructions than it may today, and where one that nobody
# watches takes any for observers. Times only inform: on a shared machine they are noise.
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

# The instructions of 2000 times that are of the files which events are told and taken in, those before `main` included.
observing() {
    valgrind --tool=callgrind --compress-strings=no --compress-pos=no --callgrind-out-file="$profile" "$bench" "$1" 2000 2> /dev/null
    awk '/^f[lie]=/ { ours = /retry-core\/src\/observe\// }
         /^calls=/ { getline; next } # what is called is counted where it is
         /^[0-9]/ && ours { sum += $2 }
         END { print sum + 0 }' "$profile"
}

profile=$(mktemp)
trap 'rm -f "$profile"' EXIT
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

# Of whoever watches nothing, not one instruction. The last one is watched, so that a look at the wrong files is seen.
for name in blocking async tower failed letter by-hand by-hand-healthy ends counted; do
    observing=$(observing "$name")
    echo "$name: $observing instructions for observers in 2000 times"
    if [ "$((observing > 0))" != "$([ "$name" = counted ] && echo 1 || echo 0)" ]; then
        echo "bench: $name: expected $([ "$name" = counted ] && echo some || echo none)" >&2
        status=1
    fi
done
echo
"$bench" threads
exit $status
