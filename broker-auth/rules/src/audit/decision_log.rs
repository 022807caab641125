//! [`DecisionLog`]: the line that a decision leaves behind.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use authenticator::certificate::timestamp;
use authenticator::http::HttpMethod;
use authenticator::identity::Identity;
use authenticator::record::{Audit, DecisionId, Record};
use device_identity::Printable;
use ring::rand::{SecureRandom, SystemRandom};

use super::peer::peer_text;

/// The next decision's id.
pub fn next_decision_id() -> DecisionId {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let process = *PROCESS.get_or_init(|| {
        let mut octets = [0; 8];
        match SystemRandom::new().fill(&mut octets) {
            Ok(()) => u64::from_be_bytes(octets),
            // It only tells processes apart; nothing secret hangs on it.
            Err(_) => u64::from(std::process::id()),
        }
    });
    DecisionId { process, count: COUNT.fetch_add(1, Ordering::Relaxed) }
}

/// Writes one log line for each decision.
#[derive(Clone, Copy, Debug, Default)]
pub struct DecisionLog;

impl Audit for DecisionLog {
    fn write(&self, record: &Record<'_>) {
        let id = record.id.unwrap_or_else(next_decision_id);
        let refused = record.refusal.and_then(|refusal| refusal.certificate.as_deref());
        let serial = record.serial.map(|serial| serial.to_string());
        let serial = serial.as_deref().or_else(|| refused.map(|certificate| certificate.serial.as_str()));
        let fingerprint = record.fingerprint_sha256.map(|fingerprint| fingerprint.to_string());
        let fingerprint = fingerprint
            .as_deref()
            .or_else(|| refused.map(|certificate| certificate.fingerprint_sha256.as_str()));
        // What a peer chose is escaped: a client id with a line break must not write a line of its own.
        let client_id = record.client_id.map(|text| Printable(text).to_string());
        let topic = record.topic.map(|text| Printable(text).to_string());
        let path = record.path.map(|text| Printable(text).to_string());
        let subject = record.certificate.map(|certificate| certificate.subject().to_string());
        let subject = subject.as_deref().or_else(|| refused.map(|certificate| certificate.subject.as_str()));
        let issuer = record.certificate.map(|certificate| certificate.issuer().to_string());
        let not_before = record.certificate.map(|certificate| timestamp(certificate.not_before()));
        let not_after = record.certificate.map(|certificate| timestamp(certificate.not_after()));
        let verdict = record.verdict.map(|verdict| verdict.to_string());
        let peer = record.peer.map(peer_text);
        macro_rules! write_line {
            ($level:expr) => {
                tracing::event!(
                    target: "countersign::decision",
                    $level,
                    event = record.event.as_str(),
                    outcome = record.outcome(),
                    decision_id = %id,
                    identity = record.identity.map(Identity::name),
                    namespace = record.identity.map(|identity| identity.namespace().as_str()),
                    verdict = verdict.as_deref(),
                    policy = record.policy,
                    client_id = client_id.as_deref(),
                    topic = topic.as_deref(),
                    method = record.method.map(HttpMethod::as_str),
                    path = path.as_deref(),
                    status = record.status,
                    reason = record.refusal.map(|refusal| refusal.reason.as_str()),
                    evidence = record.refusal.map(|refusal| refusal.evidence.as_str()),
                    subject,
                    issuer,
                    not_before,
                    not_after,
                    serial,
                    fingerprint_sha256 = fingerprint,
                    peer = peer.as_ref().map(tracing::field::display),
                    note = record.note,
                )
            };
        }
        match record.refusal {
            Some(_) => write_line!(tracing::Level::WARN),
            None => write_line!(tracing::Level::INFO),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use std::net::SocketAddr;

    use authenticator::reason::{Reason, Refusal};
    use authenticator::record::Event;

    use super::*;

    /// Keeps what is logged while `test` runs, one JSON document per line.
    fn logged(test: impl FnOnce()) -> Vec<serde_json::Value> {
        #[derive(Clone, Default)]
        struct Memory(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Memory {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().expect("one thread").write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let memory = Memory::default();
        let writer = memory.clone();
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone());
        tracing::subscriber::with_default(lines.finish(), test);
        let bytes = memory.0.lock().expect("one thread").clone();
        bytes
            .split(|octet| *octet == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("JSON"))
            .collect()
    }

    #[test]
    fn a_refusal_is_one_line_with_its_reason_whatever_the_peer_wrote() {
        let refusal = Refusal::new(Reason::ClientIdMismatch, "the client id is \"x\ny\"");
        let hostile = "x\n{\"outcome\":\"allowed\"}\u{1b}[31m";
        let id = next_decision_id();
        let lines = logged(|| {
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            let record = Record::new(Event::Connect).id(id).peer(peer);
            DecisionLog.write(&record.client_id(hostile).refused(&refusal));
        });
        let [line] = lines.as_slice() else { panic!("one line, and not {lines:?}") };
        assert_eq!(line["event"], "connect");
        assert_eq!(line["outcome"], "refused");
        assert_eq!(line["reason"], "client_id_mismatch");
        assert_eq!(line["peer"], "127.0.0.1:1");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["decision_id"].as_str(), Some(&*id.to_string()));
        let client_id = line["client_id"].as_str().expect("it is there");
        assert!(!client_id.chars().any(char::is_control), "{client_id:?}");
    }

    #[test]
    fn decision_ids_are_unique() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| next_decision_id().to_string()).collect();
        assert_eq!(ids.len(), 1000);
    }
}
