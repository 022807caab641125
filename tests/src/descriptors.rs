//! How many files a running process may open, changed from outside.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// More than any test needs.
const PLENTY: u64 = 20_000;

/// Sets how high the numbers of a child's descriptors may be. Those that it has stay.
pub fn limit_descriptors(process_id: u32, limit: u64) {
    let pid = i32::try_from(process_id).ok().and_then(Pid::from_raw);
    let limit = Rlimit { current: Some(limit), maximum: Some(PLENTY.max(limit)) };
    prlimit(pid, Resource::Nofile, limit).expect("a child may be limited");
}

/// Leaves a child so many descriptors beside those that it has now.
pub fn leave_descriptors(process_id: u32, free: u64) {
    let taken: BTreeSet<u64> = fs::read_dir(format!("/proc/{process_id}/fd"))
        .expect("a child can be looked at")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    let mut unused = (0..).filter(|number| !taken.contains(number));
    let first_too_many = unused.nth(usize::try_from(free).expect("a small number"));
    limit_descriptors(process_id, first_too_many.expect("numbers do not end"));
}

/// Lets a child have as many as it wants.
pub fn restore_descriptors(process_id: u32) {
    limit_descriptors(process_id, PLENTY);
}
