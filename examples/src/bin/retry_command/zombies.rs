//! Zombies: processes that have ended, and whose parent has not asked how. They stay in their process group. A container
//! whose first process asks for no orphans keeps them for good.

use std::fs;

use nix::unistd::Pid;

/// Returns `true` if a process group has only zombies left, as far as Linux shows; `false` elsewhere.
pub(crate) fn are_all_of(group: Pid) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    let mut found = false;
    for process in processes.flatten() {
        // A process that has ended meanwhile has no file.
        let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        match is_zombie_in(group, &stat) {
            Some(false) => return false,
            Some(true) => found = true,
            None => {}
        }
    }
    // If /proc hides the processes of other users, it says nothing about them.
    found
}

/// Returns whether the process of this `/proc/PID/stat` is a zombie; `None` if it belongs to another group.
fn is_zombie_in(group: Pid, stat: &str) -> Option<bool> {
    // The name of the program stands in parentheses, and may have any characters, these included.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let [state, _parent, its_group] = *fields.first_chunk()?;
    if its_group.parse() != Ok(group.as_raw()) {
        return None;
    }
    // The process of a first thread that has ended runs on while it has other threads.
    const THREADS: usize = 17;
    let is_last_thread = matches!(fields.get(THREADS), Some(&("0" | "1")));
    Some(matches!(state, "Z" | "X") && is_last_thread)
}
