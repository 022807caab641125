//! How many questions were asked, and which were answered wrong.

use cortex_m_semihosting::hprintln;

use crate::{assembler, reference};

/// So many wrong answers are printed; all are counted.
const SHOWN: u32 = 5;

pub(crate) struct Tally {
    section: &'static str,
    asked: u32,
    wrong: u32,
}

/// What both must say to a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    Bad,
}

impl Tally {
    pub(crate) const fn new(section: &'static str) -> Self {
        Self { section, asked: 0, wrong: 0 }
    }

    /// Signs with both, which must come to the same; returns it.
    pub(crate) fn sign(&mut self, case: &str, key: &[u8; 32], message: &[u8]) -> Option<[u8; 64]> {
        let (ours, theirs) = (assembler::sign(key, message), reference::sign(key, message));
        self.expect(case, ours == theirs);
        theirs
    }

    /// Has both verify, which must come to `verdict`.
    pub(crate) fn verify(
        &mut self,
        case: &str,
        verdict: Verdict,
        point: &[u8],
        message: &[u8],
        signature: &[u8],
    ) {
        let good = verdict == Verdict::Good;
        self.expect(case, assembler::verify(point, message, signature) == good);
        if reference::verify(point, message, signature) != good {
            // Then the question is wrong.
            hprintln!("  {}: p256 does not find it {:?}: {}", self.section, verdict, case);
            self.wrong += 1;
        }
    }

    /// One more question, and whether it was answered right.
    pub(crate) fn expect(&mut self, case: &str, right: bool) {
        self.asked += 1;
        if !right {
            self.wrong += 1;
            if self.wrong <= SHOWN {
                hprintln!("  {}: wrong: {} (question {})", self.section, case, self.asked);
            }
        }
    }

    /// Prints the count. A section that asked nothing has failed.
    pub(crate) fn close(self) -> bool {
        hprintln!("{:<26}{:>6} compared, {} wrong", self.section, self.asked, self.wrong);
        self.asked > 0 && self.wrong == 0
    }
}
