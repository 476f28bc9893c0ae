# Functions for the scripts that source this file: install tools, build for bare metal, and run in QEMU.

# If a command is missing, installs its packages: `need COMMAND PACKAGE..`
need() {
    local command=$1
    shift
    command -v "$command" > /dev/null && return
    install_packages "$@" || {
        echo "missing: $command (on Debian: apt-get install $*)" >&2
        exit 1
    }
}

# Installs packages as root on Debian. Fails elsewhere.
install_packages() {
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || return
    apt-get update -qq > /dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null 2>&1
}

# Runs cargo for a bare-metal target: `bare_cargo TARGET build ..`. If rustup's target is missing, it uses Debian's
# rustc-web, a toolchain with the sources of `core`, and also builds `core`.
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

# Runs a program in QEMU, on an LM3S6965 unless MACHINE says otherwise, and returns the program's status:
# `in_qemu SECONDS PROGRAM ..`
in_qemu() {
    local seconds=$1 program=$2 status=0
    shift 2
    timeout --foreground "$seconds" qemu-system-arm -machine "${MACHINE:-lm3s6965evb}" -display none -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "$program" "$@" < /dev/null \
        2> >(grep -v '^Timer with period zero' >&2) || status=$? # QEMU's message at each reset of SysTick
    case $status in
        0) ;;
        124) echo "$program did not end within $seconds s" >&2 ;;
        *) echo "$program ended with status $status" >&2 ;;
    esac
    return "$status"
}
