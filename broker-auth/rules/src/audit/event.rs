//! [`ConnectionEvent`]: a decision about a connection, as a message.
//!
//! A decision about somebody of whom an identity is known is told at once, under
//! `countersign/events/<namespace>/<name>/connected|disconnected|refused`; those about strangers are summed.

use std::net::{IpAddr, SocketAddr};

use authenticator::certificate::{PeerCertificate, timestamp};
use authenticator::policy::OWN_LEVEL;
use authenticator::reason::Reason;
use authenticator::record::{Event, Record};
use device_identity::Printable;
use ipnet::IpNet;
use serde_json::json;

use super::beginning::beginning;
use super::peer::peer_text;

/// The longest text of a client in an event, in characters.
const MAX_TEXT: usize = 512;

/// A decision about a connection, to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// About a client that is known.
    Known {
        /// Where it is told.
        topic: String,
        /// What is told: a JSON object.
        payload: Vec<u8>,
    },
    /// A stranger was refused.
    Refused(Stranger),
}

/// What a stranger is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stranger {
    /// Where it is: an IPv4 /24, or an IPv6 /48. `None`: that is not known.
    pub network: Option<IpNet>,
    /// Why it was refused.
    pub reason: Reason,
}

impl ConnectionEvent {
    /// What `record` is told as, if it is about a connection.
    pub fn of(record: &Record<'_>) -> Option<Self> {
        let what = match (record.event, record.refusal) {
            (Event::Connect, None) if record.note.is_none() => "connected",
            (Event::SessionClosed, _) => "disconnected",
            (Event::Handshake | Event::Connect, Some(_)) => "refused",
            _ => return None,
        };
        // A name that was made up for somebody is no known one.
        let known =
            record.identity.filter(|identity| what != "refused" || !identity.namespace().is_unproven());
        let Some(identity) = known else {
            let reason = record.refusal?.reason;
            return Some(Self::Refused(Stranger { network: record.peer.and_then(network_of), reason }));
        };
        let (namespace, name) = (identity.namespace(), identity.name());
        let payload = json!({
            "event": what,
            "namespace": namespace.as_str(),
            "identity": name,
            "client_id": record.client_id.map(|text| beginning(&Printable(text).to_string(), MAX_TEXT)),
            "verdict": record.verdict.map(|verdict| verdict.to_string()),
            "policy": record.policy,
            "subject": record.certificate.map(|certificate| beginning(&certificate.subject().to_string(), MAX_TEXT)),
            "issuer": record.certificate.map(|certificate| beginning(&certificate.issuer().to_string(), MAX_TEXT)),
            "not_before": record.certificate.map(|certificate| timestamp(certificate.not_before())),
            "not_after": record.certificate.map(|certificate| timestamp(certificate.not_after())),
            "fingerprint_sha1": record.certificate.map(PeerCertificate::fingerprint_sha1),
            "serial": record.serial.map(|serial| serial.to_string()),
            "fingerprint_sha256": record.fingerprint_sha256.map(|fingerprint| fingerprint.to_string()),
            "peer": record.peer.map(peer_text),
            "decision_id": record.id.map(|id| id.to_string()),
            "reason": record.refusal.map(|refusal| refusal.reason.as_str()),
            "evidence": record.refusal.map(|refusal| beginning(&refusal.evidence, MAX_TEXT)),
            "note": record.note,
        });
        let topic = format!("{OWN_LEVEL}/events/{namespace}/{name}/{what}");
        Some(Self::Known { topic, payload: payload.to_string().into_bytes() })
    }
}

fn network_of(peer: SocketAddr) -> Option<IpNet> {
    let address = peer.ip().to_canonical();
    let length = match address {
        IpAddr::V4(_) => 24,
        IpAddr::V6(_) => 48,
    };
    IpNet::new(address, length).ok().map(|network| network.trunc())
}
