//! Tells the linker the memory layout.

use std::{env, fs, path::PathBuf};

/// The programs, and the memory of the machine in QEMU that each one runs on. The sensor node has an LM3S6965. The
/// conformance program is larger than that, because it holds all scenarios and their log in text.
const MEMORY: [(&str, &str); 2] = [
    (
        "uplink",
        "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 256K RAM : ORIGIN = 0x20000000, LENGTH = 64K }",
    ),
    (
        "conformance",
        "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 4M RAM : ORIGIN = 0x20000000, LENGTH = 64K }",
    ),
];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for (program, memory) in MEMORY {
        let folder = out.join(program);
        fs::create_dir_all(&folder).expect("cargo's directory is writable");
        fs::write(folder.join("memory.x"), memory).expect("cargo's directory is writable");
        println!("cargo:rustc-link-arg-bin={program}=-L{}", folder.display());
    }
    for argument in ["--nmagic", "-Tlink.x", "-Tdefmt.x"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
