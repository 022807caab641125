//! One revocation list, verified.

use rustls_pki_types::UnixTime;
use webpki::BorrowedCertRevocationList;

use super::super::report::Freshness;
use super::super::signature_algorithms::SIGNATURE_ALGORITHMS;
use super::index::{CrlIndex, Revocation};
use super::number::CrlNumber;
use crate::certificate::{AuthorityCertificate, Fingerprint, RevocationListFrame, Serial, timestamp};

/// How far the clock of the CA may be ahead of this host's, in seconds: factory hosts are set by hand or by NTP, and a list
/// refused for a second's difference would not revoke anybody.
const CLOCK_SKEW: u64 = 300;

/// A revocation list whose signature was verified, once.
#[derive(Debug)]
pub struct SignedCrl {
    /// The CA that signed it.
    pub issuer: Fingerprint,
    /// The name of that CA (RFC 4514).
    pub issuer_name: String,
    /// cRLNumber (RFC 5280 §5.2.3).
    pub number: CrlNumber,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate.
    pub next_update: UnixTime,
    index: CrlIndex,
}

/// Why a revocation list is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlFault {
    /// It is no complete v2 CRL in DER, or has something in it that cannot be judged.
    #[error("it is no revocation list that can be used: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
    /// None of the trust's CAs has the name, and the key, of its issuer.
    #[error("it was issued by {issuer}, which is no CA of this trust")]
    OtherIssuer {
        /// The issuer's name.
        issuer: String,
    },
    /// The signature does not verify.
    #[error("its signature is not that of {issuer}")]
    BadSignature {
        /// The issuer's name.
        issuer: String,
    },
    /// The issuer's key usage does not allow signing CRLs.
    #[error("its issuer {issuer} may not sign revocation lists (its key usage lacks cRLSign)")]
    NotASigner {
        /// The issuer's name.
        issuer: String,
    },
    /// It has no cRLNumber, so an old one could not be told from a new one.
    #[error("it has no cRLNumber, which every CRL must have (RFC 5280 section 5.2.3)")]
    NoNumber,
    /// It was issued in the future.
    #[error(
        "it was issued at {this_update}, which is in the future: check the clocks of the CA and of this host"
    )]
    NotYetIssued {
        /// `thisUpdate` (RFC 3339).
        this_update: String,
    },
    /// It has an issuing distribution point, which narrows down what it speaks of: a partition, some reasons, CAs or
    /// users only, or other CAs' certificates. Taken for a full list, it would let in whom another part revokes.
    #[error(
        "it covers only a part (it has an issuing distribution point), and only full lists are supported"
    )]
    Partial,
    /// Its number is lower than that of a list that was in force before.
    #[error(
        "its number {number} is older than {highest}, which was in force before: somebody put an old list back"
    )]
    Older {
        /// Its number.
        number: CrlNumber,
        /// The highest number seen.
        highest: CrlNumber,
    },
}

impl SignedCrl {
    /// Verifies the CRL in `der` against the CA among `authorities` that issued it, and indexes it.
    pub(in crate::trust) fn verify<'a>(
        der: &[u8],
        authorities: impl Iterator<Item = &'a AuthorityCertificate>,
        now: UnixTime,
    ) -> Result<Self, CrlFault> {
        let malformed = |detail: String| CrlFault::Malformed { detail };
        let frame = RevocationListFrame::parse(der)
            .map_err(|broken| malformed(format!("{} was expected", broken.0)))?;
        if frame.is_partial {
            return Err(CrlFault::Partial);
        }
        // Refuses other versions, delta CRLs, and unknown critical extensions.
        let list = BorrowedCertRevocationList::from_der(der).map_err(|error| malformed(error.to_string()))?;

        let issuer = signer(&frame, authorities)?;
        if !issuer.may_sign_crls() {
            return Err(CrlFault::NotASigner { issuer: frame.issuer.to_string() });
        }
        let number = frame
            .number
            .as_deref()
            .map(|octets| {
                CrlNumber::from_be_octets(octets).ok_or_else(|| malformed("its number is too long".into()))
            })
            .ok_or(CrlFault::NoNumber)??;
        if frame.this_update.as_secs() > now.as_secs().saturating_add(CLOCK_SKEW) {
            return Err(CrlFault::NotYetIssued { this_update: timestamp(frame.this_update) });
        }
        if frame.next_update <= frame.this_update {
            return Err(malformed("its nextUpdate is not after its thisUpdate".to_owned()));
        }
        Ok(Self {
            issuer: issuer.authority(),
            issuer_name: frame.issuer.to_string(),
            number,
            this_update: frame.this_update,
            next_update: frame.next_update,
            index: CrlIndex::build(&list).map_err(|error| malformed(error.to_string()))?,
        })
    }

    /// Whether it revokes the certificate with this serial number.
    pub(in crate::trust) fn find(&self, serial: &Serial) -> Option<Revocation> {
        self.index.find(serial)
    }

    pub(in crate::trust) fn entries(&self) -> usize {
        self.index.len()
    }

    /// How old it is, when it counts until `grace` seconds after `nextUpdate`.
    pub(in crate::trust) fn freshness(&self, now: UnixTime, grace: u64) -> Freshness {
        let (begin, end, now) = (self.this_update.as_secs(), self.next_update.as_secs(), now.as_secs());
        let quarter = end.saturating_sub(begin) / 4;
        match now {
            _ if now > end.saturating_add(grace) => Freshness::Stale,
            _ if now > end => Freshness::Late,
            _ if now > end - quarter => Freshness::Due,
            _ => Freshness::Current,
        }
    }
}

/// The CA that signed: by name, by key identifier where both sides have one, and by its signature.
fn signer<'a>(
    frame: &RevocationListFrame<'_>,
    authorities: impl Iterator<Item = &'a AuthorityCertificate>,
) -> Result<&'a AuthorityCertificate, CrlFault> {
    let mut named = authorities
        .filter(|authority| authority.subject().is_same_name(&frame.issuer))
        .filter(|authority| match (authority.key_id(), &frame.authority_key_id) {
            (Some(one), Some(other)) => *one == **other,
            _ => true,
        })
        .peekable();
    if named.peek().is_none() {
        return Err(CrlFault::OtherIssuer { issuer: frame.issuer.to_string() });
    }
    named
        .find(|authority| is_signed_by(frame, authority))
        .ok_or_else(|| CrlFault::BadSignature { issuer: frame.issuer.to_string() })
}

fn is_signed_by(frame: &RevocationListFrame<'_>, authority: &AuthorityCertificate) -> bool {
    // One algorithm identifier can stand for several algorithms: ecdsa-with-SHA256 does not tell the curve.
    let algorithms = SIGNATURE_ALGORITHMS
        .iter()
        .filter(|algorithm| algorithm.signature_alg_id().as_ref() == frame.algorithm);
    authority.ca().certificate().public_key().verifies(algorithms, frame.signed, frame.signature)
}
