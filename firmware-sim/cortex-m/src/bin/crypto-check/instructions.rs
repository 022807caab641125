//! Instructions, counted by the SysTick.
//!
//! With `-icount shift=0` QEMU lets an instruction take one nanosecond. The board's clock has 25 MHz, so a tick is 40
//! instructions, and the same program counts the same every time.

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

const INSTRUCTIONS_PER_TICK: u32 = 40;
/// The counter has 24 bits and counts down: 671 million instructions.
const RELOAD: u32 = 0x00ff_ffff;

pub(crate) struct Counter(());

impl Counter {
    pub(crate) fn start(mut systick: SYST) -> Self {
        systick.set_clock_source(SystClkSource::Core);
        systick.set_reload(RELOAD);
        systick.clear_current();
        systick.enable_counter();
        Self(())
    }

    /// How many instructions `work` takes, to within 40.
    pub(crate) fn count<T>(&self, work: impl FnOnce() -> T) -> (T, u32) {
        let before = SYST::get_current();
        let result = work();
        let after = SYST::get_current();
        (result, (before.wrapping_sub(after) & RELOAD) * INSTRUCTIONS_PER_TICK)
    }
}
