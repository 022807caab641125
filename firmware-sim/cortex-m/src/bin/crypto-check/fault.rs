//! What must not happen ends the run, as a failure, instead of hanging it.

#![expect(
    unsafe_code,
    reason = "a handler of faults is an unsafe function: cortex-m-rt asks it of what may interrupt anything"
)]

use core::panic::PanicInfo;

use cortex_m_rt::ExceptionFrame;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE};
use cortex_m_semihosting::hprintln;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("crypto-check: {}", info);
    end()
}

/// QEMU before 8.2 comes here: it knows no LDM of one register.
#[cortex_m_rt::exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    hprintln!("crypto-check: hard fault at {:#010x}", frame.pc());
    end()
}

fn end() -> ! {
    loop {
        debug::exit(EXIT_FAILURE);
    }
}
