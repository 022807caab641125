//! [`Condition`]: what a policy asks of a client, beside its verdict.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use rustls_pki_types::UnixTime;

use super::identity_match::IdentityMatch;
use crate::certificate::{Fingerprint, NameText, PeerCertificate};
use crate::identity::{CertificateField, Client};
use crate::origin::{MqttVersion, Origin, ServerName};
use crate::trust::TrustName;

/// What a policy asks of a client. Of lists, any fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The trust that vouches for it.
    Trust(Vec<TrustName>),
    /// Its identity.
    Identity(Vec<IdentityMatch>),
    /// The name of the CA that issued its certificate.
    Issuer(Vec<NameText>),
    /// A value in its certificate.
    Field(CertificateField, Vec<Box<str>>),
    /// SHA-256 of its certificate.
    Certificate(Vec<Fingerprint>),
    /// SHA-256 of its SubjectPublicKeyInfo.
    Key(Vec<Fingerprint>),
    /// Its certificate ends within that time.
    EndsWithin(Duration),
    /// The listener that it came to.
    Listener(Vec<usize>),
    /// The server that it asked for.
    ServerName(Vec<ServerName>),
    /// Where it is.
    Source(Vec<IpNet>),
    /// What it speaks.
    Version(Vec<MqttVersion>),
    /// All of these.
    All(Vec<Self>),
    /// One of these, or more.
    Any(Vec<Self>),
    /// Not all of these together.
    Not(Vec<Self>),
}

/// What conditions are judged by.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances {
    pub(crate) origin: Origin,
    pub(crate) now: UnixTime,
}

impl Condition {
    /// Whether it holds; `None`: that is not known, and so neither it nor its opposite counts as met.
    pub(super) fn holds(&self, client: &Client, circumstances: &Circumstances) -> Option<bool> {
        let Circumstances { origin, now } = circumstances;
        match self {
            Self::Trust(names) => client.trust_name().map(|name| names.contains(name)),
            Self::Identity(names) => {
                proven(client).map(|_| names.iter().any(|name| name.fits(client.identity())))
            }
            Self::Issuer(names) => proven(client).map(|leaf| names.iter().any(|name| name.is(leaf.issuer()))),
            Self::Field(field, values) => proven(client).map(|leaf| field.has_any(leaf, values)),
            // That a client holds the key of its certificate is shown, whoever vouches for it.
            Self::Certificate(fingerprints) => {
                client.certificate().map(|leaf| fingerprints.contains(&leaf.fingerprint_sha256()))
            }
            Self::Key(fingerprints) => {
                let key = client.certificate().and_then(PeerCertificate::spki_sha256);
                key.map(|key| fingerprints.contains(&key))
            }
            Self::EndsWithin(time) => {
                client.not_after().map(|end| end.as_secs().saturating_sub(now.as_secs()) <= time.as_secs())
            }
            Self::Listener(listeners) => origin.listener.map(|listener| listeners.contains(&listener)),
            Self::ServerName(names) => origin.server_name.as_ref().map(|name| names.contains(name)),
            Self::Source(networks) => origin.address.map(|address| is_within(address, networks)),
            Self::Version(versions) => origin.version.map(|version| versions.contains(&version)),
            Self::All(conditions) => all(conditions, client, circumstances),
            Self::Any(conditions) => combined(conditions, client, circumstances, true),
            Self::Not(conditions) => all(conditions, client, circumstances).map(|met| !met),
        }
    }

    /// How long before the end of a certificate the answer changes by nothing but time; all of those times.
    pub(super) fn times_before_end(&self) -> Vec<Duration> {
        match self {
            Self::EndsWithin(time) => vec![*time],
            Self::All(conditions) | Self::Any(conditions) | Self::Not(conditions) => {
                conditions.iter().flat_map(Self::times_before_end).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether only clients with a proven certificate can meet it, or fail to.
    pub fn needs_proof(&self) -> bool {
        match self {
            Self::Trust(_) | Self::Identity(_) | Self::Issuer(_) | Self::Field(..) | Self::EndsWithin(_) => {
                true
            }
            Self::Certificate(_)
            | Self::Key(_)
            | Self::Listener(_)
            | Self::ServerName(_)
            | Self::Source(_)
            | Self::Version(_) => false,
            Self::All(conditions) | Self::Any(conditions) | Self::Not(conditions) => {
                conditions.iter().any(Self::needs_proof)
            }
        }
    }
}

/// Whether all hold.
pub(super) fn all(conditions: &[Condition], client: &Client, circumstances: &Circumstances) -> Option<bool> {
    combined(conditions, client, circumstances, false)
}

/// The answer that decides if one condition gives it; the other one if all do.
fn combined(
    conditions: &[Condition],
    client: &Client,
    circumstances: &Circumstances,
    decisive: bool,
) -> Option<bool> {
    let mut answer = Some(!decisive);
    for condition in conditions {
        match condition.holds(client, circumstances) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}

/// The certificate of a client, if it is proven.
fn proven(client: &Client) -> Option<&PeerCertificate> {
    match client {
        Client::Verified(client) => Some(client.certificate()),
        Client::Unproven(_) => None,
    }
}

/// Whether an address is in one of `networks`. An IPv4 client of a listener on `[::]` is what it is.
fn is_within(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::for_test::verified_client;
    use crate::trust::Role;

    /// What holds, what does not, and what is not known, of a client that is only known to be a device of the trust.
    fn three() -> [Condition; 3] {
        [
            Condition::Trust(vec![TrustName::new("device-ca")]),
            Condition::Trust(vec![TrustName::new("service-ca")]),
            Condition::Source(vec!["0.0.0.0/0".parse().unwrap()]),
        ]
    }

    fn holds(condition: &Condition) -> Option<bool> {
        let client = verified_client("pump-1", Role::Device);
        let circumstances = Circumstances { origin: Origin::default(), now: client.chain().not_after() };
        condition.holds(&Client::Verified(client), &circumstances)
    }

    /// The tables of Kleene's three-valued logic, written by hand.
    #[test]
    fn what_is_not_known_is_neither_met_nor_failed() {
        let [yes, no, unknown] = [Some(true), Some(false), None];
        assert_eq!(three().map(|condition| holds(&condition)), [yes, no, unknown]);
        assert_eq!(three().map(|condition| holds(&Condition::Not(vec![condition]))), [no, yes, unknown]);
        for (one, all_row, any_row) in [
            (0, [yes, no, unknown], [yes, yes, yes]),
            (1, [no, no, no], [yes, no, unknown]),
            (2, [unknown, no, unknown], [yes, unknown, unknown]),
        ] {
            let pairs = || three().map(|other| vec![three()[one].clone(), other]);
            assert_eq!(pairs().map(|pair| holds(&Condition::All(pair))), all_row, "all, {one}");
            assert_eq!(pairs().map(|pair| holds(&Condition::Any(pair))), any_row, "any, {one}");
        }
    }

    #[test]
    fn an_ipv4_client_of_a_listener_for_both_is_within_its_ipv4_network() {
        let networks = ["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        for (address, within) in [
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.3.1", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(is_within(address.parse().unwrap(), &networks), within, "{address}");
        }
    }
}
