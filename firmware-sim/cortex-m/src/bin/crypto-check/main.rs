//! Does p256-cm4, as the device core uses it, compute what p256 computes? And at what cost?
//!
//! Runs on an emulated Cortex-M4. Both are given the same keys, messages, signatures and points, good, odd and damaged;
//! every verdict and every signature must be the same. Ends with exit code 0 if they were.

#![no_std]
#![no_main]

mod assembler;
mod cost;
mod curve;
mod damage;
mod der;
mod edges;
mod fault;
mod instructions;
mod points;
mod random;
mod reference;
mod stream;
mod tally;
mod vectors;
mod wycheproof;

use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;

use instructions::Counter;
use tally::Tally;

#[cortex_m_rt::entry]
fn main() -> ! {
    let good = run();
    hprintln!("crypto-check: {}", if good { "passed" } else { "FAILED" });
    debug::exit(if good { EXIT_SUCCESS } else { EXIT_FAILURE });
    // Only without a debugger to leave to.
    loop {
        cortex_m::asm::wfi();
    }
}

type Check = fn(&mut Tally);

fn run() -> bool {
    let sections: [(&str, Check); 6] = [
        ("known signatures", vectors::check),
        ("Wycheproof", wycheproof::check),
        ("random keys and messages", random::check),
        ("damaged signatures", damage::check),
        ("points", points::check),
        ("edges of the arithmetic", edges::check),
    ];
    let mut good = true;
    for (name, check) in sections {
        let mut tally = Tally::new(name);
        check(&mut tally);
        good &= tally.close();
    }
    let Some(peripherals) = cortex_m::Peripherals::take() else { return false };
    good & cost::table(&Counter::start(peripherals.SYST))
}
