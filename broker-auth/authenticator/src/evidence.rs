//! What is known of a client when something is decided about it: values that others have gathered.

use rustls_pki_types::UnixTime;

use crate::factor::SecondFactor;
use crate::ocsp::OcspAnswer;
use crate::origin::Origin;
use crate::trust::ChainResult;

/// What is known of a client.
///
/// Everything that takes time or I/O to find out is found out before, and stands here as a value. What is not known is
/// absent; nothing that is absent counts as proven. Registry states will be a field of their own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evidence {
    /// What became of the certificates that the client presented.
    pub chain: ChainResult,
    /// What its CA says of it now. Judged by the mode of its trust, and only of a chain that is proven.
    pub ocsp: OcspEvidence,
    /// What it has shown beside its certificate. Judged where a policy asks for it.
    pub factor: FactorEvidence,
    /// The time to judge by.
    pub time: UnixTime,
    /// How the client comes.
    pub origin: Origin,
}

/// What became of asking a client's CA about its certificate.
///
/// Of a session that is judged again it is the last answer, for as long as no later one has come: an attempt in between that
/// fails takes nothing away from an answer that still counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OcspEvidence {
    /// Nobody was asked.
    #[default]
    NotAsked,
    /// Somebody is being asked about a session that goes on, and has not answered yet, nor failed to.
    Pending,
    /// There is an answer.
    Answered(OcspAnswer),
    /// There is none, and this is why.
    Unavailable(String),
}

/// What became of asking a client for a second factor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FactorEvidence {
    /// It was not asked, or what it says was not looked at.
    #[default]
    NotAsked,
    /// It has shown one that was verified.
    Shown(SecondFactor),
    /// What it has shown is none, or no longer one, and this is why.
    Refused(String),
    /// There was no time to look at it, and this is why.
    Busy(String),
}

impl Evidence {
    /// A chain, judged at `time`.
    pub fn new(chain: ChainResult, time: UnixTime) -> Self {
        Self {
            chain,
            ocsp: OcspEvidence::NotAsked,
            factor: FactorEvidence::NotAsked,
            time,
            origin: Origin::default(),
        }
    }

    /// With what became of asking its CA.
    #[must_use]
    pub fn ocsp(mut self, ocsp: OcspEvidence) -> Self {
        self.ocsp = ocsp;
        self
    }

    /// The same, judged at `time`: some has passed.
    #[must_use]
    pub fn at(mut self, time: UnixTime) -> Self {
        self.time = time;
        self
    }

    /// With what it has shown beside its certificate.
    #[must_use]
    pub fn factor(mut self, factor: FactorEvidence) -> Self {
        self.factor = factor;
        self
    }

    /// A client that comes like this.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }
}
