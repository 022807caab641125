//! What an agent takes of a microcontroller's memory. The compiler decides it, and this does not compile above a limit;
//! run, it prints the table.

#![no_std]
#![no_main]

mod board;
mod size;

use core::panic::PanicInfo;

// Its critical section is what semihosting prints in.
use cortex_m as _;

use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;

#[cortex_m_rt::entry]
fn main() -> ! {
    hprintln!("{:<42}{:>8}{:>8}", "bytes", "size", "limit");
    for size in size::ALL {
        hprintln!("{:<42}{:>8}{:>8}", size.what, size.bytes, size.limit);
    }
    hprintln!("agent-sizes: passed");
    end(EXIT_SUCCESS)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("agent-sizes: {}", info);
    end(EXIT_FAILURE)
}

fn end(status: debug::ExitStatus) -> ! {
    loop {
        debug::exit(status);
    }
}
