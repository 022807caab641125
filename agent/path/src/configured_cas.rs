//! [`ConfiguredCas`]: the CAs that an operator trusts, and the paths among them.

use crate::budget::MAX_PRESENTED;
use crate::ca_certificate::CaCertificate;
use crate::signature::{Algorithms, Choice, choose, is_signed_by};

/// CAs from an anchor down to the CA itself that are followed at most.
const MAX_CONFIGURED_LENGTH: usize = 6;

/// Paths from one CA to an anchor that are remembered at most.
const MAX_CHAINS_EACH: usize = 8;

/// How many presented CAs may stand below anchors that state no path length.
pub const UNSTATED_PATH_LEN: usize = 2;

/// The CAs that an operator trusts: anchors, and intermediates that lead to one. The signatures between them are checked
/// once, here, so that they cost no peer's budget.
#[derive(Clone, Debug)]
pub struct ConfiguredCas {
    /// Anchors first.
    cas: Vec<CaCertificate>,
    anchors: usize,
    /// Paths, each from a CA up to an anchor, as positions in `cas`.
    chains: Vec<Vec<usize>>,
}

impl ConfiguredCas {
    /// Anchors as they are, and intermediates as far as they lead to one.
    pub fn new(
        anchors: Vec<CaCertificate>,
        intermediates: Vec<CaCertificate>,
        algorithms: Algorithms<'_>,
    ) -> Self {
        let count = anchors.len();
        let mut cas = anchors;
        cas.extend(intermediates);
        let mut chains: Vec<Vec<usize>> = (0..count).map(|anchor| vec![anchor]).collect();
        // Level by level downwards: what was added last may have issued others.
        let mut added = 0..chains.len();
        while !added.is_empty() {
            let end = chains.len();
            for parent in added {
                for child in count..cas.len() {
                    let Some(chain) = chains.get(parent) else { continue };
                    if chain.len() < MAX_CONFIGURED_LENGTH
                        && !chain.contains(&child)
                        && chains.iter().filter(|chain| chain.first() == Some(&child)).count()
                            < MAX_CHAINS_EACH
                        && chain.first().is_some_and(|&issuer| is_issued_by(&cas, child, issuer, algorithms))
                    {
                        let longer = [child].into_iter().chain(chain.iter().copied()).collect();
                        chains.push(longer);
                    }
                }
            }
            added = end..chains.len();
        }
        Self { cas, anchors: count, chains }
    }

    /// The CA at a position: anchors first, then intermediates, each in the order they were given in.
    pub(crate) fn get(&self, position: usize) -> Option<&CaCertificate> {
        self.cas.get(position)
    }

    /// Positions of intermediates that lead to no anchor: nothing is proven by them.
    pub fn unconnected(&self) -> impl Iterator<Item = usize> {
        (self.anchors..self.cas.len())
            .filter(|position| !self.chains.iter().any(|chain| chain.first() == Some(position)))
    }

    pub(crate) fn chains(&self) -> impl Iterator<Item = &[usize]> {
        self.chains.iter().map(Vec::as_slice)
    }

    pub(crate) fn contains(&self, der: &[u8]) -> bool {
        self.cas.iter().any(|ca| ca.certificate().der() == der)
    }

    /// How many CAs that a peer presents may stand below what is configured.
    pub(crate) fn longest_presented(&self) -> usize {
        let allowed = self.chains.iter().filter_map(|chain| {
            let ca = self.cas.get(*chain.first()?)?;
            let stated = ca.path_len().map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
            Some(stated.unwrap_or(UNSTATED_PATH_LEN).min(MAX_PRESENTED))
        });
        allowed.max().unwrap_or(0)
    }
}

fn is_issued_by(cas: &[CaCertificate], child: usize, issuer: usize, algorithms: Algorithms<'_>) -> bool {
    let (Some(child), Some(issuer)) = (cas.get(child), cas.get(issuer)) else { return false };
    let (child, key) = (child.certificate(), issuer.certificate().public_key());
    issuer.fit_as_issuer_of(child).is_some()
        && match choose(algorithms, child, key) {
            Choice::Algorithm(algorithm) => is_signed_by(algorithm, child, key),
            Choice::Unsupported | Choice::OtherKey => false,
        }
}
