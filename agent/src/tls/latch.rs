//! A connection that has gone wrong stays shut, and remembers why.

use core::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use super::record::{RecordFault, ServerHelloFault};

/// Open until the first fault. Shared by the guard below embedded-tls and the stream above it, which otherwise
/// only see each other's errors after embedded-tls has reduced them to a code.
///
/// Atomic so that a connection may move between threads; it is used by one at a time. Loads and stores only, which
/// every target has.
#[derive(Debug)]
pub(super) struct Latch {
    code: AtomicU16,
    showing: AtomicBool,
}

/// Faults without a value, in the order of their codes, which start at 1.
const FAULTS: [RecordFault; 17] = [
    RecordFault::Length,
    RecordFault::Version,
    RecordFault::Plaintext,
    RecordFault::ServerHello(ServerHelloFault::Malformed),
    RecordFault::ServerHello(ServerHelloFault::Version),
    RecordFault::ServerHello(ServerHelloFault::HelloRetryRequest),
    RecordFault::ServerHello(ServerHelloFault::SessionId),
    RecordFault::ServerHello(ServerHelloFault::CipherSuite),
    RecordFault::ServerHello(ServerHelloFault::Compression),
    RecordFault::ServerHello(ServerHelloFault::Extensions),
    RecordFault::ServerHello(ServerHelloFault::KeyShare),
    RecordFault::NoServerHello,
    RecordFault::Outgoing,
    RecordFault::Interrupted,
    RecordFault::Ended,
    RecordFault::Transport,
    RecordFault::Refused,
];

/// The code of a plaintext alert is this and its description.
const ALERT: u16 = 0x0100;

impl Latch {
    pub(super) const fn new() -> Self {
        Self { code: AtomicU16::new(0), showing: AtomicBool::new(false) }
    }

    /// Ready for another connection. Exclusive access proves that the last one is gone.
    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }

    /// The broker has proved itself: what goes out next shows it who we are.
    pub(super) fn show(&self) {
        self.showing.store(true, Ordering::Relaxed);
    }

    /// Whether what goes out shows the broker who we are.
    pub(super) fn is_showing(&self) -> bool {
        self.showing.load(Ordering::Relaxed)
    }

    /// Shuts it, and returns why it is shut: the first fault stays.
    pub(super) fn shut(&self, fault: RecordFault) -> RecordFault {
        if let Some(earlier) = self.fault() {
            return earlier;
        }
        let code = match fault {
            RecordFault::Alert { description } => ALERT | u16::from(description),
            _ => (1..).zip(FAULTS).find(|&(_, other)| other == fault).map_or(u16::MAX, |(code, _)| code),
        };
        self.code.store(code, Ordering::Relaxed);
        fault
    }

    /// Why it is shut; `None` while it is open.
    pub(super) fn fault(&self) -> Option<RecordFault> {
        let code = self.code.load(Ordering::Relaxed);
        if code & ALERT != 0 {
            let [_, description] = code.to_be_bytes();
            return Some(RecordFault::Alert { description });
        }
        FAULTS.get(usize::from(code.checked_sub(1)?)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_remembered_as_itself() {
        let alerts = (0..=255).map(|description| RecordFault::Alert { description });
        for fault in FAULTS.into_iter().chain(alerts) {
            let latch = Latch::new();
            assert_eq!(latch.fault(), None);
            assert_eq!(latch.shut(fault), fault);
            assert_eq!(latch.fault(), Some(fault));
        }
    }

    #[test]
    fn the_first_fault_stays_until_the_next_connection() {
        let mut latch = Latch::new();
        latch.shut(RecordFault::Plaintext);
        assert_eq!(latch.shut(RecordFault::Ended), RecordFault::Plaintext);
        latch.reset();
        assert_eq!(latch.fault(), None);
    }
}
