//! [`LostRevocations`]: serial numbers that a newer list does not revoke any more.

use super::set::CrlSet;
use super::signed::SignedCrl;
use crate::certificate::{Fingerprint, Serial};

/// The serial numbers of one issuer that were revoked for good by the lists before, and are on none of the lists now.
pub(in crate::trust) struct LostRevocations<'a> {
    before: Vec<&'a SignedCrl>,
    now: Vec<&'a SignedCrl>,
    /// How many there are.
    pub(in crate::trust) count: usize,
}

impl<'a> LostRevocations<'a> {
    /// Compares the lists of `issuer` in two sets. Takes time linear in the lists, and no memory.
    pub(in crate::trust) fn of(issuer: &Fingerprint, before: &'a CrlSet, now: &'a CrlSet) -> Self {
        let now: Vec<_> = now.of(issuer).collect();
        let is_there = |list: &SignedCrl| now.iter().any(|there| std::ptr::eq(*there, list));
        let before: Vec<_> = before.of(issuer).filter(|list| !is_there(list)).collect();
        let mut lost = Self { before, now, count: 0 };
        // The CA has no list at all any more: then nobody is let in by it, and nothing is lost.
        if !lost.now.is_empty() {
            lost.count = lost.count();
        }
        lost
    }

    /// Whether it is one of them.
    pub(in crate::trust) fn contains(&self, serial: &Serial) -> bool {
        let was_revoked =
            |list: &&SignedCrl| list.find(serial).is_some_and(|revocation| revocation.is_final());
        self.before.iter().any(was_revoked) && !self.now.iter().any(|list| list.find(serial).is_some())
    }

    fn count(&self) -> usize {
        let counts = self.before.iter().enumerate().map(|(position, list)| {
            let mut present: Vec<_> = self.now.iter().map(|list| list.serials().peekable()).collect();
            let mut earlier: Vec<_> =
                self.before.iter().take(position).map(|list| list.revoked().peekable()).collect();
            // All are sorted: whatever comes before the serial number is done with.
            list.revoked()
                .filter(|serial| {
                    let is_present = present.iter_mut().any(|serials| {
                        while serials.next_if(|there| there < serial).is_some() {}
                        serials.peek() == Some(serial)
                    });
                    let is_counted = earlier.iter_mut().any(|serials| {
                        while serials.next_if(|there| there < serial).is_some() {}
                        serials.peek() == Some(serial)
                    });
                    !is_present && !is_counted
                })
                .count()
        });
        counts.sum()
    }
}
