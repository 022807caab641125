//! [`Events`]: what happens to connections, as messages for whoever may hear it.
//!
//! A decision about somebody of whom an identity is known is told at once, under
//! `countersign/events/<namespace>/<name>/connected|disconnected|refused`. Strangers are summed by network and reason under
//! `countersign/events/-/-/refused`, so that a flood of them is no flood of messages.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use authenticator::certificate::{PeerCertificate, timestamp};
use authenticator::policy::OWN_LEVEL;
use authenticator::reason::Reason;
use authenticator::record::{Audit, Event, Record};
use broker_rules::audit::beginning;
use device_identity::Printable;
use ipnet::IpNet;
use serde_json::json;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{MissedTickBehavior, interval};

use super::decision_log::{DecisionLog, next_decision_id};
use crate::counters::Counters;

/// Events that wait to be published.
const MAX_WAITING: usize = 4_096;

/// The longest text of a client in an event, in characters.
const MAX_TEXT: usize = 512;

/// How often strangers are told of.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(10);

/// Networks and reasons that are told apart between two summaries.
const MAX_SUMS: usize = 1_024;

/// Writes every decision to the log, and tells those that are about connections.
pub(crate) struct Events {
    /// Whether a policy lets anybody hear them.
    wanted: Arc<AtomicBool>,
    waiting: Sender<Told>,
    counters: Arc<Counters>,
}

/// What is to be told.
enum Told {
    /// Something about a client that is known.
    Known { topic: String, payload: Vec<u8> },
    /// A stranger was refused.
    Stranger { network: Option<IpNet>, reason: Reason },
}

/// What is to be published, in order.
pub(crate) struct WaitingEvents(Receiver<Told>);

impl Events {
    /// Events, and where they wait. They are made only while `wanted`.
    pub(crate) fn new(wanted: Arc<AtomicBool>, counters: Arc<Counters>) -> (Self, WaitingEvents) {
        let (waiting, receiver) = mpsc::channel(MAX_WAITING);
        (Self { wanted, waiting, counters }, WaitingEvents(receiver))
    }
}

impl Audit for Events {
    fn write(&self, record: &Record<'_>) {
        let record = record.clone().id(record.id.unwrap_or_else(next_decision_id));
        DecisionLog.write(&record);
        if !self.wanted.load(Ordering::Relaxed) {
            return;
        }
        let Some(told) = told(&record) else { return };
        // Who listens too slowly, or not at all, delays nobody's connection.
        if self.waiting.try_send(told).is_err() {
            self.counters.events_lost.one();
        }
    }
}

/// What `record` is told as, if it is about a connection.
fn told(record: &Record<'_>) -> Option<Told> {
    let what = match (record.event, record.refusal) {
        (Event::Connect, None) if record.note.is_none() => "connected",
        (Event::SessionClosed, _) => "disconnected",
        (Event::Handshake | Event::Connect, Some(_)) => "refused",
        _ => return None,
    };
    // A name that was made up for somebody is no known one.
    let known = record.identity.filter(|identity| what != "refused" || !identity.namespace().is_unproven());
    let Some(identity) = known else {
        let reason = record.refusal?.reason;
        return Some(Told::Stranger { network: record.peer.and_then(network_of), reason });
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
        "peer": record.peer.map(|peer| peer.to_string()),
        "decision_id": record.id.map(|id| id.to_string()),
        "reason": record.refusal.map(|refusal| refusal.reason.as_str()),
        "evidence": record.refusal.map(|refusal| beginning(&refusal.evidence, MAX_TEXT)),
        "note": record.note,
    });
    let topic = format!("{OWN_LEVEL}/events/{namespace}/{name}/{what}");
    Some(Told::Known { topic, payload: payload.to_string().into_bytes() })
}

/// What a stranger is counted by: an IPv4 /24, or an IPv6 /48.
fn network_of(peer: SocketAddr) -> Option<IpNet> {
    let address = peer.ip().to_canonical();
    let length = match address {
        IpAddr::V4(_) => 24,
        IpAddr::V6(_) => 48,
    };
    IpNet::new(address, length).ok().map(|network| network.trunc())
}

impl WaitingEvents {
    /// Publishes them by `announce` until the broker stops.
    pub(crate) async fn publish<F: Future<Output = ()>>(mut self, announce: impl Fn(String, Vec<u8>) -> F) {
        let mut sums: HashMap<(Option<IpNet>, Reason), u64> = HashMap::new();
        let mut summary = interval(SUMMARY_INTERVAL);
        summary.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                told = self.0.recv() => match told {
                    Some(Told::Known { topic, payload }) => announce(topic, payload).await,
                    Some(Told::Stranger { network, reason }) => {
                        // Beyond, networks are not told apart.
                        let is_known = sums.len() < MAX_SUMS || sums.contains_key(&(network, reason));
                        *sums.entry((network.filter(|_| is_known), reason)).or_default() += 1;
                    }
                    None => return,
                },
                _ = summary.tick() => {
                    for ((network, reason), count) in sums.drain() {
                        let payload = json!({
                            "event": "refused",
                            "network": network.map(|network| network.to_string()),
                            "reason": reason.as_str(),
                            "count": count,
                            "seconds": SUMMARY_INTERVAL.as_secs(),
                        });
                        let topic = format!("{OWN_LEVEL}/events/-/-/refused");
                        announce(topic, payload.to_string().into_bytes()).await;
                    }
                }
            }
        }
    }
}
