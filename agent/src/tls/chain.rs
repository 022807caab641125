//! The strict chain verifier: end-entity, at most one issuing CA, trust anchor (RFC 5280 §6, for one profile).

use crate::ecdsa::{BadSignature, POINT_LEN, PublicKey, verify};
use crate::x509::{Anchor, Certificate, CertificateError, ServerName, Time, TimeError, UsageError};

/// How many of the certificates a peer sends are looked at: its own, and three among which its issuer must be.
const MAX_SENT: usize = 4;

/// How many signatures a peer can make a device compute; each costs a Cortex-M4 a quarter of a second.
const MAX_SIGNATURES: u8 = 6;

/// A certificate that chains to a trust anchor, is for a server of the expected name, and holds now.
///
/// That the peer holds its key is proved by CertificateVerify, later.
#[derive(Clone, Debug)]
pub struct BrokerCertificate {
    point: [u8; POINT_LEN],
    not_after: u64,
}

impl BrokerCertificate {
    /// When it ends, Unix seconds.
    pub const fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Checks a signature of the certificate's key.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        verify(PublicKey::new(&self.point).ok_or(BadSignature)?, message, signature)
    }
}

/// Which certificate of the chain a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The broker's own.
    EndEntity,
    /// The CA that issued it, as the broker sent it.
    Intermediate,
    /// The trust anchor, from the image.
    Anchor,
}

/// Why a chain is refused. Of several reasons, the one closest to success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No certificate at all.
    #[error("the broker sent no certificate")]
    Empty,
    /// A certificate is malformed or not of the profile.
    #[error("{link}: {source}")]
    Certificate {
        /// Which.
        link: Link,
        /// Why.
        source: CertificateError,
    },
    /// A certificate is not for this use.
    #[error("{link}: {source}")]
    Usage {
        /// Which.
        link: Link,
        /// Why.
        source: UsageError,
    },
    /// A certificate does not hold now.
    #[error("{link}: {source}")]
    Time {
        /// Which.
        link: Link,
        /// Why.
        source: TimeError,
    },
    /// The issuer is neither an anchor nor among the certificates sent.
    #[error("{link}: its issuer is not trusted")]
    UnknownIssuer {
        /// Whose issuer.
        link: Link,
    },
    /// The issuer of that name has not signed it.
    #[error("{link}: the signature is not its issuer's")]
    Signature {
        /// Which.
        link: Link,
    },
    /// Too many signatures would have to be checked.
    #[error("too many certificates of the same name")]
    Budget,
}

impl core::fmt::Display for Link {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::EndEntity => "the broker's certificate",
            Self::Intermediate => "the broker's issuing CA",
            Self::Anchor => "the broker anchor of the image",
        })
    }
}

/// Verifies what a broker sent, its own certificate first, against the anchors.
///
/// Certificates that do not belong to the chain are ignored: brokers send their root along, or an old issuer.
pub fn verify_chain<'p>(
    sent: impl IntoIterator<Item = &'p [u8]>,
    anchors: &[Anchor<'_>],
    name: &ServerName<'_>,
    time: Time,
) -> Result<BrokerCertificate, ChainError> {
    let mut sent = sent.into_iter().take(MAX_SENT);
    let own = read(sent.next().ok_or(ChainError::Empty)?, Link::EndEntity)?;
    own.may_serve(name).map_err(|source| ChainError::Usage { link: Link::EndEntity, source })?;
    own.validity().check(time).map_err(|source| ChainError::Time { link: Link::EndEntity, source })?;

    let mut search = Search { anchors, time, signatures_left: MAX_SIGNATURES };
    let mut refusal = match search.anchored(&own, Link::EndEntity, 0) {
        Ok(()) => return Ok(accept(&own)),
        Err(refusal) => refusal,
    };
    for der in sent {
        match search.through(&own, der) {
            Ok(()) => return Ok(accept(&own)),
            Err(ChainError::Budget) => return Err(ChainError::Budget),
            Err(other) if other.closeness() > refusal.closeness() => refusal = other,
            Err(_) => {}
        }
    }
    Err(refusal)
}

impl ChainError {
    /// How far the search for a chain got before it ended like this.
    const fn closeness(&self) -> u8 {
        match self {
            Self::Empty | Self::Budget | Self::UnknownIssuer { link: Link::EndEntity } => 0,
            Self::Certificate { .. } => 1,
            Self::UnknownIssuer { .. } => 2,
            _ => 3,
        }
    }
}

fn read(der: &[u8], link: Link) -> Result<Certificate<'_>, ChainError> {
    Certificate::read(der).map_err(|source| ChainError::Certificate { link, source })
}

fn accept(own: &Certificate<'_>) -> BrokerCertificate {
    BrokerCertificate { point: *own.public_key().as_bytes(), not_after: own.validity().not_after() }
}

struct Search<'s, 'a> {
    anchors: &'s [Anchor<'a>],
    time: Time,
    signatures_left: u8,
}

impl Search<'_, '_> {
    /// Has an anchor issued `certificate`, with `between` CA certificates between the two and the end-entity?
    fn anchored(&mut self, certificate: &Certificate<'_>, link: Link, between: u8) -> Result<(), ChainError> {
        let mut refusal = ChainError::UnknownIssuer { link };
        let anchors = self.anchors;
        for anchor in anchors.iter().filter(|anchor| anchor.name() == certificate.issuer()) {
            let verdict = anchor
                .check_time(self.time)
                .map_err(|source| ChainError::Time { link: Link::Anchor, source })
                .and_then(|()| {
                    let usage = |source| ChainError::Usage { link: Link::Anchor, source };
                    anchor.check_path(between).map_err(usage)
                })
                .and_then(|()| self.signed(certificate, link, anchor.public_key()));
            match verdict {
                Ok(()) => return Ok(()),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// Is `der` a CA certificate that issued `own`, and that an anchor issued?
    fn through(&mut self, own: &Certificate<'_>, der: &[u8]) -> Result<(), ChainError> {
        const LINK: Link = Link::Intermediate;
        let issuer = read(der, LINK)?;
        if issuer.subject() != own.issuer() {
            return Err(ChainError::UnknownIssuer { link: Link::EndEntity });
        }
        issuer.may_issue(0).map_err(|source| ChainError::Usage { link: LINK, source })?;
        issuer.validity().check(self.time).map_err(|source| ChainError::Time { link: LINK, source })?;
        self.anchored(&issuer, LINK, 1)?;
        self.signed(own, Link::EndEntity, issuer.public_key())
    }

    fn signed(
        &mut self,
        certificate: &Certificate<'_>,
        link: Link,
        key: PublicKey<'_>,
    ) -> Result<(), ChainError> {
        self.signatures_left = self.signatures_left.checked_sub(1).ok_or(ChainError::Budget)?;
        if certificate.is_signed_by(key) { Ok(()) } else { Err(ChainError::Signature { link }) }
    }
}
