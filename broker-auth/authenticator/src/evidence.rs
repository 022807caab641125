//! What is known of a client when something is decided about it: values that others have gathered.

use rustls_pki_types::UnixTime;

use crate::ocsp::OcspAnswer;
use crate::origin::Origin;
use crate::trust::ChainResult;

/// What is known of a client.
///
/// Everything that takes time or I/O to find out is found out before, and stands here as a value. What is not known is
/// absent; nothing that is absent counts as proven. Registry states and second factors will be fields of their own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evidence {
    /// What became of the certificates that the client presented.
    pub chain: ChainResult,
    /// What its CA says of it now. Judged by the mode of its trust, and only of a chain that is proven.
    pub ocsp: OcspEvidence,
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
    /// There is an answer.
    Answered(OcspAnswer),
    /// There is none, and this is why.
    Unavailable(String),
}

impl Evidence {
    /// A chain, judged at `time`.
    pub fn new(chain: ChainResult, time: UnixTime) -> Self {
        Self { chain, ocsp: OcspEvidence::NotAsked, time, origin: Origin::default() }
    }

    /// With what became of asking its CA.
    #[must_use]
    pub fn ocsp(mut self, ocsp: OcspEvidence) -> Self {
        self.ocsp = ocsp;
        self
    }

    /// A client that comes like this.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }
}
