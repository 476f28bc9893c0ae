//! Disks that fail: system calls on one file return an error, on one thread and the threads that it starts.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;
use std::path::Path;
use std::thread;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// Which system calls fail, and with which error.
pub(crate) type Fault = (&'static [i64], i32);

pub(crate) const NO_SYNC: Fault = (&[libc::SYS_fdatasync], libc::EIO);
pub(crate) const NO_SPACE: Fault = (&[libc::SYS_write], libc::ENOSPC);

/// Runs `work` on a thread of its own, with a fault of the file at `path`, which this process has open.
pub(crate) fn with<T: Send>((calls, error): Fault, path: &Path, work: impl FnOnce() -> T + Send) -> T {
    let file = descriptor(path);
    let is_file = || SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, file).unwrap();
    let rule = || vec![SeccompRule::new(vec![is_file()]).unwrap()];
    let rules: BTreeMap<_, _> = calls.iter().map(|call| (*call, rule())).collect();
    let fails = SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, fails, ARCH.try_into().unwrap()).unwrap();
    let filter = BpfProgram::try_from(filter).unwrap();
    thread::scope(|scope| {
        let faulty = scope.spawn(|| {
            apply_filter(&filter).unwrap();
            work()
        });
        faulty.join().unwrap()
    })
}

/// Returns the number of the open file.
fn descriptor(path: &Path) -> u64 {
    let path = path.canonicalize().unwrap();
    let mut open = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let file = open.find(|link| fs::read_link(link).is_ok_and(|file| file == path)).unwrap();
    file.file_name().unwrap().to_str().unwrap().parse().unwrap()
}
