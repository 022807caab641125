//! [`LegacyLeaves`]: which certificates were let in by `legacy-leaf = "warn"`, so that an operator knows when to end it.

use std::collections::{HashMap, HashSet};

use authenticator::certificate::Fingerprint;
use authenticator::trust::{TrustName, VerifiedChain};
use parking_lot::Mutex;

/// Certificates that are told apart, for each trust: 1 MiB at most.
const MAX_TOLD_APART: usize = 16_384;

/// The certificates that claim what is for CAs alone and were admitted since the start, trust by trust.
#[derive(Debug, Default)]
pub struct LegacyLeaves(Mutex<HashMap<TrustName, Admitted>>);

#[derive(Debug, Default)]
struct Admitted {
    told_apart: HashSet<Fingerprint>,
    /// Admissions of certificates that are not among those, because the limit was met.
    beyond: u64,
}

/// What is worth a line in the log about an admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// This certificate was not seen before; how many of the trust there are now.
    First {
        /// How many.
        certificates: usize,
    },
    /// It is not among those that are told apart, as were so many admissions by now.
    Beyond {
        /// How many.
        admissions: u64,
    },
}

/// How many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegacyLeafCount {
    /// Different certificates.
    pub certificates: usize,
    /// Whether there were more, which were not told apart.
    pub is_exceeded: bool,
}

impl LegacyLeaves {
    /// Counts the certificate of `chain`, if it claims to issue. Returns what is worth a line.
    pub fn admit(&self, chain: &VerifiedChain) -> Option<Noted> {
        chain.claim_to_issue()?;
        self.count(chain.trust_name(), chain.leaf().fingerprint_sha256())
    }

    fn count(&self, trust: &TrustName, certificate: Fingerprint) -> Option<Noted> {
        let mut trusts = self.0.lock();
        let admitted = trusts.entry(trust.clone()).or_default();
        if admitted.told_apart.contains(&certificate) {
            return None;
        }
        if admitted.told_apart.len() < MAX_TOLD_APART {
            admitted.told_apart.insert(certificate);
            return Some(Noted::First { certificates: admitted.told_apart.len() });
        }
        admitted.beyond += 1;
        // A flood of them fills no log, and the last line still tells the order of magnitude.
        let admissions = admitted.beyond;
        admissions.is_power_of_two().then_some(Noted::Beyond { admissions })
    }

    /// How many there were of `trust`.
    pub fn of(&self, trust: &TrustName) -> LegacyLeafCount {
        self.0.lock().get(trust).map_or_else(LegacyLeafCount::default, |admitted| LegacyLeafCount {
            certificates: admitted.told_apart.len(),
            is_exceeded: admitted.beyond > 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(number: usize) -> Fingerprint {
        Fingerprint::of(&number.to_be_bytes())
    }

    #[test]
    fn a_certificate_counts_once_for_each_trust() {
        let leaves = LegacyLeaves::default();
        let (devices, services) = (TrustName::new("device-ca"), TrustName::new("service-ca"));
        assert_eq!(leaves.of(&devices), LegacyLeafCount::default());
        assert_eq!(leaves.count(&devices, certificate(1)), Some(Noted::First { certificates: 1 }));
        assert_eq!(leaves.count(&devices, certificate(1)), None);
        assert_eq!(leaves.count(&devices, certificate(2)), Some(Noted::First { certificates: 2 }));
        assert_eq!(leaves.count(&services, certificate(1)), Some(Noted::First { certificates: 1 }));
        assert_eq!((leaves.of(&devices).certificates, leaves.of(&services).certificates), (2, 1));
    }

    #[test]
    fn beyond_the_limit_admissions_are_sampled_and_the_count_says_so() {
        let leaves = LegacyLeaves::default();
        let trust = TrustName::new("device-ca");
        for number in 0..MAX_TOLD_APART {
            leaves.count(&trust, certificate(number));
        }
        let full = LegacyLeafCount { certificates: MAX_TOLD_APART, is_exceeded: false };
        assert_eq!(leaves.of(&trust), full, "as many as can be told apart are counted exactly");
        assert_eq!(leaves.count(&trust, certificate(0)), None, "one that is known is no news");
        assert_eq!(leaves.of(&trust), full);
        let noted: Vec<_> =
            (0..5).filter_map(|number| leaves.count(&trust, certificate(MAX_TOLD_APART + number))).collect();
        assert_eq!(noted, [1, 2, 4].map(|admissions| Noted::Beyond { admissions }));
        assert_eq!(leaves.of(&trust), LegacyLeafCount { is_exceeded: true, ..full });
    }
}
