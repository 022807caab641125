//! [`ProvenPaths`]: paths that have been proven, so that the signatures of a client that comes back are not checked again.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use certificate_path::EndEntityFault;
use rustls_pki_types::UnixTime;

use super::chain::Link;
use crate::certificate::{AuthorityCertificate, Fingerprint};

/// Paths that are kept at least until as many others have been proven; twice as many are kept at most, in some 8 MiB.
pub(super) const REMEMBERED: usize = 16_384;

/// What a proven path is judged by again, every time: dates and revocation are not remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProvenPath {
    /// The CA that issued the client's certificate.
    pub(super) issuer: AuthorityCertificate,
    pub(super) links: Vec<Link>,
    /// CAs that count against the path length of the anchor.
    pub(super) between: usize,
    /// What the client's certificate has that is for CAs alone; the trust lets it pass.
    pub(super) claim_to_issue: Option<EndEntityFault>,
    /// When all CAs of the path are valid.
    pub(super) cas_valid: RangeInclusive<UnixTime>,
}

/// Paths of one trust, by the SHA-256 of what was presented. Only what is proven is in it, so nobody without a certificate
/// of the fleet can push anything out. A trust that is loaded anew begins without any.
#[derive(Debug, Default)]
pub(super) struct ProvenPaths(Mutex<Generations>);

/// What was proven or asked for lately, and what was so before that.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Fingerprint, Arc<ProvenPath>>,
    old: HashMap<Fingerprint, Arc<ProvenPath>>,
}

impl ProvenPaths {
    /// The path, if its CAs are valid at `now`: if they are not, another one may be.
    pub(super) fn get(&self, presented: &Fingerprint, now: UnixTime) -> Option<Arc<ProvenPath>> {
        let mut generations = self.lock();
        let path = match generations.young.get(presented) {
            Some(path) => Arc::clone(path),
            None => {
                let path = generations.old.remove(presented)?;
                generations.insert(*presented, Arc::clone(&path));
                path
            }
        };
        path.cas_valid.contains(&now).then_some(path)
    }

    pub(super) fn insert(&self, presented: Fingerprint, path: ProvenPath) {
        self.lock().insert(presented, Arc::new(path));
    }

    /// The client certificates of all of them.
    pub(super) fn leaves(&self) -> Vec<Link> {
        let generations = self.lock();
        let paths = generations.young.values().chain(generations.old.values());
        paths.filter_map(|path| path.links.first().cloned()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        // A map of values is as good as before, whoever panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let generations = self.lock();
        generations.young.len() + generations.old.len()
    }
}

impl Generations {
    fn insert(&mut self, presented: Fingerprint, path: Arc<ProvenPath>) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(presented, path);
    }
}
