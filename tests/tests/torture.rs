//! A minute of legal and illegal packets from several clients, beside others that must not notice.

#![forbid(unsafe_code)]

use std::time::Duration;

use integration_tests::program::Programs;
use integration_tests::torture::{Plan, run};

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// How long each run goes on. Two of them, and what they need before and after, are most of a minute.
const AT_MOST: Duration = Duration::from_secs(18);

/// How many packets each run sends on a machine that has nothing else to do.
const PACKETS: u64 = 250_000;

/// Fewer than this in that time, and the broker is hardly answering.
const AT_LEAST: u64 = 4_000;

/// Runs one seed; with it, and the command that is printed on failure, the run can be repeated.
#[track_caller]
fn nobody_notices(seed: u64) {
    println!("seed {seed}");
    let plan = Plan { seed, packets: PACKETS, at_most: AT_MOST, clients: 8 };
    match run(PROGRAMS, plan, |_| {}) {
        Ok(report) => {
            print!("{report}");
            assert!(report.tally.packets() >= AT_LEAST, "only {} packets were sent", report.tally.packets());
            assert!(report.witnesses.iter().all(|seen| seen.messages > 0), "the witnesses saw nothing");
        }
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn packets_of_any_kind_harm_nobody_else() {
    nobody_notices(1);
}

#[test]
fn packets_of_any_kind_harm_nobody_else_in_another_order() {
    nobody_notices(2);
}
