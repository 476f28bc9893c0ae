# Sourced: building for bare metal, running that, and installing what it takes.

# Installs what provides a command, where it is missing: `need COMMAND PACKAGE..`
need() {
    local command=$1
    shift
    command -v "$command" > /dev/null && return
    install_packages "$@" || {
        echo "missing: $command (on Debian: apt-get install $*)" >&2
        exit 1
    }
}

# As root on Debian; fails elsewhere.
install_packages() {
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || return
    apt-get update -qq > /dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null 2>&1
}

# cargo for a bare-metal target: `bare_cargo TARGET build ..`. Takes an installed rustup target, else a toolchain that
# comes with the sources of `core`, which is built along then: Debian's rustc-web.
bare_cargo() {
    local target=$1 command=$2
    shift 2
    if [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
        cargo "$command" --target "$target" "$@"
        return
    fi
    local sources=/usr/lib/rustlib/src/rust/library/core/Cargo.toml
    [ -e $sources ] || install_packages rustc-web cargo-web rust-web-src || {
        echo "missing: the target $target (rustup target add $target)" >&2
        exit 1
    }
    need arm-none-eabi-ld binutils-arm-none-eabi
    RUSTC_BOOTSTRAP=1 PATH=/usr/bin:$PATH \
        CARGO_TARGET_THUMBV6M_NONE_EABI_LINKER=arm-none-eabi-ld \
        CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER=arm-none-eabi-ld \
        cargo "$command" -Zbuild-std=core --target "$target" "$@"
}

# Runs a program on the LM3S6965 that QEMU plays, and ends with the program's own status: `in_qemu SECONDS PROGRAM ..`
in_qemu() {
    local seconds=$1 program=$2 status=0
    shift 2
    timeout --foreground "$seconds" qemu-system-arm -machine lm3s6965evb -display none -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "$program" "$@" < /dev/null \
        2> >(grep -v '^Timer with period zero' >&2) || status=$? # what QEMU says of each reset of SysTick
    case $status in
        0) ;;
        124) echo "$program did not come to an end in $seconds s" >&2 ;;
        *) echo "$program ended with status $status" >&2 ;;
    esac
    return "$status"
}
