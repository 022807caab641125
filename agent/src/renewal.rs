//! When a device renews its certificate, and with which of two credentials it connects meanwhile.
//!
//! Pure, for microcontrollers and gateways alike: what is stored, sent and verified is the runtime's business.

mod choice;
mod schedule;

pub use choice::{Choice, Next};
pub use schedule::{RenewalShare, ShareError, due};
