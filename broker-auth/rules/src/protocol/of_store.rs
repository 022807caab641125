//! What a status says of a [`RulesetStore`].

use authenticator::certificate::timestamp;
use authenticator::trust::{CrlReport, LoadedTrust};
use rustls_pki_types::UnixTime;

use super::status::{CrlLine, Reported, ReportedLine, TrustLine};
use crate::audit::peer_text;
use crate::clock::seconds_until;
use crate::store::{ReportedClient, RulesetStore};

impl Reported {
    /// Whom policies that only report have noted since the start.
    pub fn of(rules: &RulesetStore) -> Self {
        let (clients, beyond) = rules.reported().list();
        let line = |client: ReportedClient| ReportedLine {
            reason: client.reason.as_str().to_owned(),
            evidence: client.evidence,
            policy: client.policy.into(),
            subject: client.subject,
            fingerprint_sha256: client.fingerprint_sha256.map(|fingerprint| fingerprint.to_string()),
            peer: peer_text(client.peer),
            count: client.count,
            last: timestamp(client.last),
        };
        Self { clients: clients.into_iter().map(line).collect(), beyond }
    }
}

impl TrustLine {
    /// The trusts in force, in the order of the configuration.
    pub fn all_of(rules: &RulesetStore) -> Vec<Self> {
        let now = rules.now();
        let of = |trust: &LoadedTrust| {
            let leaves = rules.legacy_leaves().of(trust.name());
            Self {
                name: trust.name().to_string(),
                legacy_leaf: trust.config().legacy_leaf.as_str().to_owned(),
                legacy_leaves: leaves.certificates as u64,
                legacy_leaves_exceeded: leaves.is_exceeded,
                crls: trust.summary(now).crls.iter().map(|list| CrlLine::of(list, now)).collect(),
            }
        };
        rules.present().trusts().iter().map(of).collect()
    }
}

impl CrlLine {
    fn of(list: &CrlReport, now: UnixTime) -> Self {
        Self {
            issuer: list.issuer.clone(),
            number: list.number.map(|number| number.to_string()),
            this_update: timestamp(list.this_update),
            next_update: timestamp(list.next_update),
            age_seconds: now.as_secs().saturating_sub(list.this_update.as_secs()),
            left_seconds: seconds_until(list.next_update, now),
            entries: list.entries,
            freshness: list.freshness.as_str().to_owned(),
        }
    }
}
