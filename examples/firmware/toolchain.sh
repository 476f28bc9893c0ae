# Sourced: building for bare metal, and installing what that takes.

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
