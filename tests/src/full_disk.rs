//! A disk that is full for one process: files can be made and read, and nothing can be written into them.
//!
//! The limit on the size of files stands for it: it needs no privilege and can be lifted, and `write` fails where it would
//! on a full disk, with EFBIG for ENOSPC.

use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// The same command, for a process that lives on when it meets the limit.
pub fn surviving(command: &Command) -> Command {
    by_shell("trap '' XFSZ", command)
}

/// The same, with the disk full from the beginning.
pub fn starting_full(command: &Command) -> Command {
    by_shell("trap '' XFSZ; ulimit -S -f 0", command)
}

fn by_shell(before: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{before}; exec \"$@\""), "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).env_remove("RUST_LOG");
    shell
}

/// Fills the disk for a child.
pub fn fill_disk(process_id: u32) {
    limit(process_id, Some(0));
}

/// There is room again.
pub fn empty_disk(process_id: u32) {
    limit(process_id, None);
}

fn limit(process_id: u32, current: Option<u64>) {
    let pid = i32::try_from(process_id).ok().and_then(Pid::from_raw);
    prlimit(pid, Resource::Fsize, Rlimit { current, maximum: None }).expect("a child may be limited");
}
