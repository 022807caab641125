//! One revocation list, verified.

use std::borrow::Cow;

use rustls_pki_types::UnixTime;

use super::super::config::{CrlCheck, TrustConfig};
use super::super::report::Freshness;
use super::super::signature_algorithms::SIGNATURE_ALGORITHMS;
use super::index::{CrlIndex, Revocation};
use super::number::CrlNumber;
use crate::certificate::{
    AuthorityCertificate, DistributionPointFault, Fingerprint, IssuingDistributionPoint, ListFault,
    RevocationListFrame, Serial, timestamp,
};

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
    /// cRLNumber (RFC 5280 §5.2.3), which lists of version 1 and of some CAs do not have.
    pub number: Option<CrlNumber>,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate.
    pub next_update: UnixTime,
    distribution_point: Option<IssuingDistributionPoint>,
    index: CrlIndex,
}

/// Why a revocation list is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlFault {
    /// It is no CRL in DER, or has something in it that cannot be judged.
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
    /// It, or one of its entries, has a critical extension that nobody here understands (RFC 5280 §5.2, §5.3).
    #[error("it has the critical extension {oid}, which is unknown: what it says cannot be judged")]
    UnknownCritical {
        /// The extension's type, dotted.
        oid: String,
    },
    /// It does not say when the next one comes (RFC 5280 §5.1.2.5), so it would never be too old.
    #[error("it has no nextUpdate: an old list could not be told from the present one")]
    NoNextUpdate,
    /// It was issued in the future.
    #[error(
        "it was issued at {this_update}, which is in the future: check the clocks of the CA and of this host"
    )]
    NotYetIssued {
        /// `thisUpdate` (RFC 3339).
        this_update: String,
    },
    /// It lists only what changed since another list (RFC 5280 §5.2.4).
    #[error("it is a delta CRL: it lists only what changed since the list with number {base}")]
    Delta {
        /// The number of that list.
        base: CrlNumber,
    },
    /// It speaks of certificates of other CAs too (RFC 5280 §5.2.5, §5.3.3).
    #[error("it is an indirect CRL: it speaks of certificates of other CAs too ({detail})")]
    Indirect {
        /// Where it says so.
        detail: &'static str,
    },
    /// It lists certificates that were revoked for some reasons only.
    #[error(
        "it covers only some reasons of revocation (onlySomeReasons): who was revoked for another is not on it"
    )]
    SomeReasons,
    /// It says nothing about clients.
    #[error("it covers only certificates of CAs (onlyContainsCACerts): no client is on it")]
    CaCertificatesOnly,
    /// It says nothing about certificates of public keys.
    #[error("it covers only attribute certificates (onlyContainsAttributeCerts): no client is on it")]
    AttributeCertificatesOnly,
    /// It says nothing about CAs, which are to be checked too.
    #[error(
        "it covers only certificates of users (onlyContainsUserCerts), and crl-check = \"chain\" asks for CAs too"
    )]
    UserCertificatesOnly,
    /// Its distribution point is named relative to its issuer.
    #[error("its distribution point has a name relative to its issuer (nameRelativeToCRLIssuer), and no URL")]
    RelativeName,
    /// Its distribution point has names, and no URI.
    #[error("its distribution point has no URL, so it cannot be told which certificates it covers")]
    NoUrl,
    /// It may be one part of several: taken for the whole, it would let in whom another part revokes.
    #[error(
        "it is the list of {url}, and may be one of several: crl-idp does not name that distribution point"
    )]
    UnnamedDistributionPoint {
        /// The URL of its distribution point.
        url: String,
    },
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
    /// It was issued before a list that was in force before.
    #[error(
        "it was issued at {this_update}, before the list of {newest} that was in force already: somebody put an old list back"
    )]
    OlderIssue {
        /// Its thisUpdate (RFC 3339).
        this_update: String,
        /// The latest thisUpdate seen (RFC 3339).
        newest: String,
    },
}

impl CrlFault {
    /// What to do about it.
    pub fn help(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Older { .. } | Self::OlderIssue { .. } => {
                "put the newest list in place; only if the CA itself was rolled back, delete crl-numbers.json in the state directory"
            }
            Self::NoNextUpdate => {
                "have the CA set one: default_crl_days in openssl.cnf (or openssl ca -gencrl -crldays 7), crl.cacheDuration \
                 in step-ca's ca.json, \"CRL Expire Period\" of the CA in EJBCA"
            }
            Self::Delta { .. } => {
                "name the complete list: in openssl.cnf remove deltaCRL from the section crl_extensions, in EJBCA set \
                 \"Delta CRL period\" to 0 or publish the full CRL"
            }
            Self::Indirect { .. } => {
                "have each CA sign its own list: in openssl.cnf remove indirectCRL from the section of \
                 issuingDistributionPoint; give each CA a trust or intermediates entry of its own"
            }
            Self::SomeReasons => {
                "have the CA sign one list for all reasons: in openssl.cnf remove onlysomereasons from the section of \
                 issuingDistributionPoint"
            }
            Self::CaCertificatesOnly | Self::AttributeCertificatesOnly => {
                "have the CA sign a list without onlyCA and onlyAA (openssl.cnf, the section of issuingDistributionPoint), \
                 or name its list of user certificates instead"
            }
            Self::UserCertificatesOnly => {
                "set crl-check = \"leaf\", or have the CA sign a list without onlyuser (openssl.cnf, the section of \
                 issuingDistributionPoint)"
            }
            Self::RelativeName | Self::NoUrl => {
                "give the distribution point a URL: fullname = URI:http://... in openssl.cnf, \"CRL Distribution Point\" of \
                 the CA in EJBCA; or switch \"Issuing Distribution Point\" off"
            }
            Self::UnnamedDistributionPoint { url } => {
                return Cow::Owned(format!(
                    "if this is the only list of that CA, set crl-idp = [\"{url}\"]; if it is one of several, name the URLs \
                     of all; a CA needs no such extension (\"Issuing Distribution Point\" in EJBCA) but for EMQX, which \
                     asks for it"
                ));
            }
            Self::OtherIssuer { .. } => {
                "name the list of a CA among the trust's anchors and intermediates; step-ca signs its list with the \
                 intermediate, which must be among them"
            }
            _ => "have the CA sign a fresh list: countersign-provision crl",
        })
    }
}

impl SignedCrl {
    /// Verifies the CRL in `der` against the CA among `authorities` that issued it, and indexes it.
    pub(in crate::trust) fn verify<'a>(
        der: &[u8],
        authorities: impl Iterator<Item = &'a AuthorityCertificate>,
        now: UnixTime,
    ) -> Result<Self, CrlFault> {
        let malformed = |detail: &str| CrlFault::Malformed { detail: detail.to_owned() };
        let frame = RevocationListFrame::parse(der)?;
        let issuer = signer(&frame, authorities)?;
        if !issuer.may_sign_crls() {
            return Err(CrlFault::NotASigner { issuer: frame.issuer.to_string() });
        }
        let number = frame
            .number
            .map(|octets| {
                CrlNumber::from_be_octets(octets).ok_or_else(|| malformed("its number is too long"))
            })
            .transpose()?;
        if frame.this_update.as_secs() > now.as_secs().saturating_add(CLOCK_SKEW) {
            return Err(CrlFault::NotYetIssued { this_update: timestamp(frame.this_update) });
        }
        let next_update = frame.next_update.ok_or(CrlFault::NoNextUpdate)?;
        if next_update <= frame.this_update {
            return Err(malformed("its nextUpdate is not after its thisUpdate"));
        }
        Ok(Self {
            index: CrlIndex::build(&frame)?,
            issuer: issuer.authority(),
            issuer_name: frame.issuer.to_string(),
            number,
            this_update: frame.this_update,
            next_update,
            distribution_point: frame.distribution_point,
        })
    }

    /// Refuses a list that does not speak of all that `trust` checks, unless the other parts are named too.
    pub(in crate::trust) fn refuse_unfit(&self, trust: &TrustConfig) -> Result<(), CrlFault> {
        let Some(point) = &self.distribution_point else { return Ok(()) };
        if point.only_user_certificates && trust.crl_check == CrlCheck::Chain {
            return Err(CrlFault::UserCertificatesOnly);
        }
        match point.uris.first() {
            Some(url) if !point.uris.iter().any(|uri| trust.crl_idp.contains(uri)) => {
                Err(CrlFault::UnnamedDistributionPoint { url: url.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether it covers every certificate of its issuer, and not those of a distribution point only.
    pub(in crate::trust) fn is_complete(&self) -> bool {
        self.distribution_points().is_empty()
    }

    /// The URIs of its distribution point; without any it is complete.
    pub(in crate::trust) fn distribution_points(&self) -> &[String] {
        self.distribution_point.as_ref().map_or(&[], |point| &point.uris)
    }

    /// Whether both are lists of one issuer for the same certificates.
    pub(super) fn has_scope_of(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.distribution_point == other.distribution_point
    }

    /// The serial numbers that it revokes for good, in order.
    pub(super) fn revoked(&self) -> impl Iterator<Item = &[u8; Serial::MAX_LEN]> {
        self.index.revoked()
    }

    /// All its serial numbers, in order.
    pub(super) fn serials(&self) -> impl Iterator<Item = &[u8; Serial::MAX_LEN]> {
        self.index.serials()
    }

    /// What logs and refusals call it by: its number, or when it was issued.
    pub(in crate::trust) fn designation(&self) -> String {
        match self.number {
            Some(number) => format!("CRL number {number}"),
            None => format!("CRL of {}, without a number", timestamp(self.this_update)),
        }
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
        .filter(|authority| match (authority.key_id(), frame.authority_key_id) {
            (Some(one), Some(other)) => one == other,
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

impl From<ListFault> for CrlFault {
    fn from(fault: ListFault) -> Self {
        let malformed = |expected: &str| Self::Malformed { detail: format!("{expected} was expected") };
        match fault {
            ListFault::Malformed(expected) => malformed(expected.0),
            ListFault::UnknownCritical(oid) => Self::UnknownCritical { oid },
            ListFault::Delta(base) => match CrlNumber::from_be_octets(&base) {
                Some(base) => Self::Delta { base },
                None => malformed("a BaseCRLNumber"),
            },
            ListFault::CertificateIssuer => {
                Self::Indirect { detail: "an entry names the issuer of its certificate" }
            }
            ListFault::DistributionPoint(fault) => match fault {
                DistributionPointFault::Malformed(expected) => malformed(expected.0),
                DistributionPointFault::Indirect => {
                    Self::Indirect { detail: "its issuing distribution point says indirectCRL" }
                }
                DistributionPointFault::SomeReasons => Self::SomeReasons,
                DistributionPointFault::CaCertificates => Self::CaCertificatesOnly,
                DistributionPointFault::AttributeCertificates => Self::AttributeCertificatesOnly,
                DistributionPointFault::RelativeName => Self::RelativeName,
                DistributionPointFault::NoUri => Self::NoUrl,
            },
        }
    }
}
