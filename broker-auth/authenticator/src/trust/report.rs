//! What is loaded, for `check`, `status` and the log.

use std::path::PathBuf;

use rustls_pki_types::UnixTime;

use super::config::{CrlCheck, LegacyLeaf, Role, StaleCrl, TrustName};
use super::crl::CrlNumber;
use crate::certificate::{Fingerprint, timestamp};

/// A CA that ends sooner than this deserves a warning: replacing it means new certificates for a fleet, in seconds.
const ANCHOR_WARNING: u64 = 90 * 24 * 3600;

/// What a listener trusts.
#[derive(Clone, Debug, Default)]
pub struct TrustReport {
    /// One per trust, in the order of the configuration.
    pub trusts: Vec<TrustSummary>,
    /// What works, but should be looked at.
    pub warnings: Vec<String>,
}

impl TrustReport {
    /// The report of `trusts`, with warnings as of `now`.
    pub fn of(trusts: Vec<TrustSummary>, now: UnixTime) -> Self {
        let unchecked = trusts
            .iter()
            .filter(|trust| trust.crl_check == CrlCheck::Off)
            .map(|trust| format!("trust {} checks no revocation list: nobody can be cut off", trust.name));
        let lenient = trusts.iter().filter(|trust| trust.legacy_leaf == LegacyLeaf::Warn).map(|trust| {
            format!(
                "trust {} lets in client certificates that claim what is for CAs alone (legacy-leaf = \"warn\")",
                trust.name
            )
        });
        let aged = trusts
            .iter()
            .flat_map(|trust| &trust.crls)
            .filter(|list| list.freshness != Freshness::Current)
            .map(|list| {
                let (age, due) = (list.freshness.as_str(), timestamp(list.next_update));
                format!("the revocation list of {} is {age}: due to be replaced at {due}", list.issuer)
            });
        let ending = trusts
            .iter()
            .flat_map(|trust| &trust.anchors)
            .filter(|anchor| anchor.not_after.as_secs() < now.as_secs().saturating_add(ANCHOR_WARNING))
            .map(|anchor| {
                let (subject, end) = (&anchor.subject, timestamp(anchor.not_after));
                if now > anchor.not_after {
                    format!("the anchor {subject} expired at {end}: nobody is admitted by it")
                } else {
                    format!("the anchor {subject} ends at {end}, and everything it issued with it")
                }
            });
        let early =
            trusts.iter().flat_map(|trust| &trust.anchors).filter(|anchor| now < anchor.not_before).map(
                |anchor| {
                    let (subject, begin) = (&anchor.subject, timestamp(anchor.not_before));
                    format!("the anchor {subject} begins only at {begin}: nobody is admitted by it")
                },
            );
        let unusable = trusts
            .iter()
            .filter(|trust| {
                !trust.anchors.iter().any(|anchor| (anchor.not_before..=anchor.not_after).contains(&now))
            })
            .map(|trust| format!("trust {} has no valid anchor: it admits nobody", trust.name));
        let warnings =
            unchecked.chain(lenient).chain(aged).chain(ending).chain(early).chain(unusable).collect();
        Self { trusts, warnings }
    }
}

/// What one trust holds.
#[derive(Clone, Debug)]
pub struct TrustSummary {
    /// Its name.
    pub name: TrustName,
    /// What its certificates stand for.
    pub role: Role,
    /// Which certificates must be covered by a revocation list.
    pub crl_check: CrlCheck,
    /// What happens once a revocation list is too old.
    pub stale_crl: StaleCrl,
    /// What becomes of client certificates that claim what only a CA may have.
    pub legacy_leaf: LegacyLeaf,
    /// Its anchors.
    pub anchors: Vec<AnchorReport>,
    /// Its revocation lists, one per issuer.
    pub crls: Vec<CrlReport>,
}

/// One anchor.
#[derive(Clone, Debug)]
pub struct AnchorReport {
    /// Its subject (RFC 4514).
    pub subject: String,
    /// The file it came from.
    pub file: PathBuf,
    /// The first second it is valid.
    pub not_before: UnixTime,
    /// The last second it is valid.
    pub not_after: UnixTime,
}

/// The revocation lists of one issuer.
#[derive(Clone, Debug)]
pub struct CrlReport {
    /// The issuer, by name and key.
    pub authority: Fingerprint,
    /// The issuer's subject (RFC 4514).
    pub issuer: String,
    /// The highest number among them, if they have any.
    pub number: Option<CrlNumber>,
    /// When the newest was signed.
    pub this_update: UnixTime,
    /// When the first of them is due to be replaced.
    pub next_update: UnixTime,
    /// How many serials they revoke.
    pub entries: usize,
    /// How old they are.
    pub freshness: Freshness,
}

/// How old a revocation list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// More than a quarter of its life is left.
    Current,
    /// Less than a quarter of its life is left, and there is no new one yet.
    Due,
    /// Past `nextUpdate`, within the grace.
    Late,
    /// Past `nextUpdate` and the grace: the stale-crl policy applies.
    Stale,
}

impl Freshness {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Due => "due",
            Self::Late => "late",
            Self::Stale => "stale",
        }
    }
}
