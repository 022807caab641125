//! [`ReportedClients`]: who would have been refused by `enforce`, so that an operator knows whom it would cost to turn it on.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use authenticator::certificate::Fingerprint;
use authenticator::identity::Client;
use authenticator::reason::{Reason, Refusal};
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;

use crate::audit::beginning;

/// The longest text of a client that is kept, in characters.
const MAX_TEXT: usize = 256;

/// So many are told apart, in less than 1 MiB.
const MAX_TOLD_APART: usize = 1_024;

/// Who was noted by policies that only report.
#[derive(Debug, Default)]
pub struct ReportedClients(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    clients: BTreeMap<Key, ReportedClient>,
    beyond: u64,
}

/// What tells one client from another: its certificate, or where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Certificate([u8; 32]),
    Address(IpAddr),
}

/// One of them.
#[derive(Clone, Debug)]
pub struct ReportedClient {
    /// What `enforce` would say.
    pub reason: Reason,
    /// The facts behind that.
    pub evidence: String,
    /// The policy that noted it.
    pub policy: Box<str>,
    /// What its certificate says, which is not proven.
    pub subject: Option<String>,
    /// SHA-256 of its certificate.
    pub fingerprint_sha256: Option<Fingerprint>,
    /// Where it came from last.
    pub peer: SocketAddr,
    /// How often it came.
    pub count: u64,
    /// When it came last.
    pub last: UnixTime,
}

impl ReportedClients {
    /// Notes a client that `enforce` would have refused.
    pub fn note(&self, client: &Client, policy: &str, refusal: &Refusal, peer: SocketAddr, now: UnixTime) {
        let certificate = client.certificate();
        let key = match certificate {
            Some(certificate) => Key::Certificate(*certificate.fingerprint_sha256().as_bytes()),
            None => Key::Address(peer.ip()),
        };
        let mut noted = self.0.lock();
        if noted.clients.len() >= MAX_TOLD_APART && !noted.clients.contains_key(&key) {
            // Whoever was not seen for longest makes room.
            let oldest = noted.clients.iter().min_by_key(|(_, client)| client.last).map(|(key, _)| *key);
            let forgotten = oldest.and_then(|oldest| noted.clients.remove(&oldest));
            noted.beyond += forgotten.map_or(0, |forgotten| forgotten.count);
        }
        let count = noted.clients.get(&key).map_or(0, |before| before.count) + 1;
        let reported = ReportedClient {
            reason: refusal.reason,
            evidence: beginning(&refusal.evidence, MAX_TEXT),
            policy: policy.into(),
            subject: certificate.map(|certificate| beginning(&certificate.subject().to_string(), MAX_TEXT)),
            fingerprint_sha256: certificate.map(|certificate| certificate.fingerprint_sha256()),
            peer,
            count,
            last: now,
        };
        noted.clients.insert(key, reported);
    }

    /// All of them, the latest first; and how many visits there were of others, which made room.
    pub fn list(&self) -> (Vec<ReportedClient>, u64) {
        let noted = self.0.lock();
        let mut clients: Vec<_> = noted.clients.values().cloned().collect();
        clients.sort_by_key(|client| std::cmp::Reverse(client.last));
        (clients, noted.beyond)
    }
}
