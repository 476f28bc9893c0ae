#!/usr/bin/env bash
# Prints the bytes that retries add to a program, built for size with fat LTO: by a loop by hand, by retry-core without
# a circuit, with a shared circuit and with a constant circuit, and by backon. Exits with an error if a program with
# retry-core exceeds its limit, or contains float or 128-bit routines, an allocator, or strings.
set -euo pipefail
cd "$(dirname "$0")"
. ./toolchain.sh
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}

# The bytes of code that retry-core may add: the limit, and the goal. `retry` is compared with the loop by hand.
#       target              program        limit  goal
limits="thumbv7m-none-eabi  retry            300   700
        thumbv7m-none-eabi  circuit         4480     -
        thumbv7m-none-eabi  const_circuit   1944     -
        thumbv6m-none-eabi  retry            364     -
        thumbv6m-none-eabi  circuit         4780     -
        thumbv6m-none-eabi  const_circuit   2128  2700"

need arm-none-eabi-size binutils-arm-none-eabi
failed=0
rodata=$(mktemp)
trap 'rm -f "$rodata"' EXIT

# Prints the sum of the sizes of a program's sections: `bytes PROGRAM .text ..`
bytes() {
    arm-none-eabi-size -A "$1" | awk -v wanted=" ${*:2} " 'index(wanted, " " $1 " ") { sum += $2 } END { print sum + 0 }'
}

complain() {
    echo "$1" >&2
    failed=1
}

for target in thumbv7m-none-eabi thumbv6m-none-eabi; do
    bare_cargo $target build --quiet --release -p size
    programs=$CARGO_TARGET_DIR/$target/release
    printf '%-20s %8s %8s %8s\n' "$target" text rodata bss
    for program in by_hand retry circuit const_circuit backon; do
        added=()
        for sections in .text .rodata ".data .bss"; do
            # shellcheck disable=SC2086 # the sections are words
            added+=($(($(bytes "$programs/$program" $sections) - $(bytes "$programs/none" $sections))))
        done
        printf '  %-18s %8s %8s %8s\n' $program "${added[@]}"
        text=${added[0]}
        case $program in by_hand) by_hand=$text && continue ;; backon) continue ;; retry) text=$((text - by_hand)) ;; esac

        read -r limit goal < <(awk -v target=$target -v program=$program '$1 == target && $2 == program { print $3, $4 }' <<< "$limits")
        [ "$text" -le "$limit" ] || complain "$program on $target: $text bytes of code, the limit is $limit"
        [ "$goal" = - ] || printf '    %s bytes%s, goal: at most %s\n' "$text" "$([ $program = retry ] && echo ' more than the loop by hand')" "$goal"
        unwanted='__aeabi_[fd]|__aeabi_u?[il]2[fd]|float::|[sd]f3$|__(u?div|u?mod|mul)ti[34]|ti3$|u128|__rust_alloc|alloc::'
        if arm-none-eabi-nm -C "$programs/$program" | grep -E " ($unwanted)"; then
            complain "$program on $target contains these routines, but must not"
        fi
        # No strings are expected, because no operation or circuit here has a name.
        arm-none-eabi-objcopy -O binary -j .rodata "$programs/$program" "$rodata"
        [ -z "$(strings -n 6 "$rodata")" ] || complain "$program on $target contains strings: $(strings -n 6 "$rodata")"
    done
done
exit $failed
