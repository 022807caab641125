//! [`Client`]: somebody who has finished a handshake.

use std::fmt::Write;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::{Identity, VerifiedClient};
use crate::certificate::PeerCertificate;
use crate::reason::{Reason, Refusal};
use crate::trust::{ChainResult, TrustName};
use crate::verdict::Verdict;

/// How many characters of its certificate's SHA-256 stand in the name of an unproven client.
const FINGERPRINT_LEN: usize = 16;

/// Somebody who has finished a handshake: one that a proven certificate names, or one of whom nothing is proven but that
/// it holds the key of its certificate, if it has any. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Client {
    /// A proven certificate names it.
    Verified(VerifiedClient),
    /// Nothing names it.
    Unproven(UnprovenClient),
}

/// A client of whom no certificate is proven. Its name is made up, in a namespace of its own kind.
#[derive(Clone, Debug)]
pub struct UnprovenClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    identity: Identity,
    chain: ChainResult,
    /// What `enforce` would say.
    fault: Refusal,
}

impl UnprovenClient {
    /// The client that has presented `chain`, which proves nothing: `fault` says why. `random` names one that has no
    /// certificate.
    ///
    /// # Errors
    /// There are no random numbers.
    pub(crate) fn new(
        chain: &ChainResult,
        fault: Refusal,
        random: impl FnOnce() -> Option<u64>,
    ) -> Result<Self, Refusal> {
        let name = match chain.leaf() {
            Some(leaf) => {
                let fingerprint = leaf.fingerprint_sha256().to_string();
                let mut name = "unverified-".to_owned();
                name.extend(fingerprint.chars().take(FINGERPRINT_LEN));
                name
            }
            None => {
                let random = random()
                    .ok_or_else(|| Refusal::new(Reason::NoCertificate, "there are no random numbers"))?;
                let mut name = String::new();
                // Writing to a String does not fail.
                let _ = write!(name, "anonymous-{random:016x}");
                name
            }
        };
        Ok(Self(Arc::new(Inner { identity: Identity::unproven(name), chain: chain.clone(), fault })))
    }

    /// What it presented.
    pub fn chain(&self) -> &ChainResult {
        &self.0.chain
    }

    /// Why nothing is proven.
    pub fn fault(&self) -> &Refusal {
        &self.0.fault
    }
}

impl Client {
    /// Its identity.
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Verified(client) => client.identity(),
            Self::Unproven(client) => &client.0.identity,
        }
    }

    /// The certificate that it presented, proven or not.
    pub fn certificate(&self) -> Option<&PeerCertificate> {
        match self {
            Self::Verified(client) => Some(client.certificate()),
            Self::Unproven(client) => client.0.chain.leaf(),
        }
    }

    /// The trust that vouches for it; nobody vouches for an unproven one.
    pub fn trust_name(&self) -> Option<&TrustName> {
        match self {
            Self::Verified(client) => Some(client.trust_name()),
            Self::Unproven(_) => None,
        }
    }

    /// What became of its certificate.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Verified(_) => Verdict::Success,
            Self::Unproven(client) => match client.0.chain {
                ChainResult::NotPresented => Verdict::None,
                // Proven once, and no longer good.
                ChainResult::Proven(_) | ChainResult::Unproven(_) => Verdict::Failed(client.0.fault.reason),
            },
        }
    }

    /// What it presented.
    pub fn chain(&self) -> ChainResult {
        match self {
            Self::Verified(client) => ChainResult::Proven(client.chain().clone()),
            Self::Unproven(client) => client.0.chain.clone(),
        }
    }

    /// The last second that its certificate is proven for.
    pub fn not_after(&self) -> Option<UnixTime> {
        match self {
            Self::Verified(client) => Some(client.chain().not_after()),
            Self::Unproven(_) => None,
        }
    }

    /// A refusal of it.
    pub fn refused(&self, reason: Reason, evidence: impl Into<String>) -> Refusal {
        match self.certificate() {
            Some(certificate) => certificate.refused(reason, evidence),
            None => Refusal::new(reason, evidence),
        }
    }
}
