//! What operators see and do, and what is written down.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use authenticator::decide::Decision;
use authenticator::evidence::Evidence;
use authenticator::record::{DecisionId, Record};

use super::*;

/// Keeps what is written down, as `event outcome client-id why`.
#[derive(Clone, Default)]
struct MemoryAudit(Arc<Mutex<Vec<String>>>);

impl Audit for MemoryAudit {
    fn write(&self, record: &Record<'_>) -> Option<DecisionId> {
        let mut written = self.0.lock().unwrap();
        let why =
            record.refusal.map_or_else(|| record.note.unwrap_or("-"), |refusal| refusal.reason.as_str());
        let known = record.identity.map_or("-", |identity| identity.name());
        let (event, client_id) = (record.event.as_str(), record.client_id.unwrap());
        written.push(format!("{event} {} {client_id} {known} {why}", record.outcome()));
        assert_eq!(record.peer, Some(SocketAddr::from(([192, 0, 2, 7], 0))));
        Some(DecisionId { process: 1, count: written.len() as u64 })
    }

    fn decided(&self, _: Option<SocketAddr>, _: &Evidence, _: &Decision) {}
}

impl MemoryAudit {
    #[track_caller]
    fn expect(&self, expected: &[&str]) {
        assert_eq!(*self.0.lock().unwrap(), expected);
        self.0.lock().unwrap().clear();
    }
}

fn audited() -> (Stage, MemoryAudit) {
    let (mut stage, audit) = (Stage::enforcing(), MemoryAudit::default());
    let gate = Gate::new(Rc::clone(&stage.rules), stage.log.clone());
    stage.gate = gate.audited_by(Box::new(audit.clone()));
    (stage, audit)
}

#[test]
fn each_connection_is_written_down_when_it_begins_and_when_it_ends_and_once() {
    let (stage, audit) = audited();
    let device = stage.client("dev-1", "dev-1");
    stage.admit(&device);
    audit.expect(&["connect allowed dev-1 dev-1 -"]);
    // mosquitto reads its configuration again.
    stage.admit(&device);
    audit.expect(&[]);
    let again = stage.client("dev-1", "dev-1");
    stage.admit(&again);
    audit.expect(&[
        "connect allowed dev-1 dev-1 -",
        "session_closed ended dev-1 dev-1 the same client connected again",
    ]);
    stage.gate.disconnect(&device);
    audit.expect(&[]);
    stage.gate.disconnect(&again);
    stage.gate.disconnect(&again);
    audit.expect(&["session_closed ended dev-1 dev-1 the connection has ended"]);
    stage.refuse(&stage.client("dev-1", "dev-2"), "client_id_mismatch");
    audit.expect(&["connect refused dev-2 dev-1 client_id_mismatch"]);
    // It has never got in.
    stage.gate.disconnect(&stage.client("dev-1", "dev-2"));
    audit.expect(&[]);
}

#[test]
fn whoever_is_cut_off_is_written_down_with_the_reason() {
    let (stage, audit) = audited();
    let devices = ["dev-1", "dev-2"].map(|name| stage.client(name, name));
    devices.iter().for_each(|device| stage.admit(device));
    audit.0.lock().unwrap().clear();
    stage.rules.replace(stage.fleet.rules(Mode::Enforce, ClientIdRule::MustEqual, &["dev-1"]));
    assert_eq!(stage.kicked_at(NOW), ["dev-1"]);
    stage.gate.disconnect(&devices[0]);
    audit.expect(&["session_closed refused dev-1 dev-1 revoked"]);
    // It is asked about again before the next tick.
    stage.rules.replace(stage.fleet.rules(Mode::Enforce, ClientIdRule::MustEqual, &["dev-2"]));
    stage.refuse(&devices[1], "revoked");
    audit.expect(&["session_closed refused dev-2 dev-2 revoked"]);
    stage.refuse(&devices[1], "revoked");
    audit.expect(&["connect refused dev-2 - revoked"]);
}

#[test]
fn a_denied_publish_that_closes_a_connection_is_why_it_ended() {
    let (stage, audit) = audited();
    let device = FakeClient { protocol: Protocol::V311, ..stage.client("dev-1", "dev-1") };
    stage.admit(&device);
    assert!(!stage.may(&device, publish("devices/dev-2/a")));
    assert_eq!(stage.kicked_at(NOW), ["dev-1"]);
    stage.gate.disconnect(&device);
    audit.expect(&["connect allowed dev-1 dev-1 -", "session_closed refused dev-1 dev-1 topic_denied"]);
    assert_eq!(stage.gate.denials(), Denials { publishes: 1, ..Denials::default() });
}

#[test]
fn an_operator_closes_the_sessions_of_a_name_and_no_others() {
    let (stage, audit) = audited();
    let devices = ["dev-1", "dev-2"].map(|name| stage.client(name, name));
    for name in ["dev-1", "device-ca/dev-1"] {
        devices.iter().for_each(|device| stage.admit(device));
        assert_eq!(stage.gate.kick(name), Ok(1));
        let kick = Kick { client_id: "dev-1".into(), will: WillOnKick::Publish };
        assert_eq!(stage.gate.tick(at(NOW)).kicks, [kick], "{name}");
        assert!(stage.gate.tick(at(NOW)).kicks.is_empty());
        audit.0.lock().unwrap().clear();
        stage.gate.disconnect(&devices[0]);
        audit.expect(&["session_closed ended dev-1 dev-1 an operator closed it"]);
        assert!(stage.may(&devices[0], publish("devices/dev-1/a")), "its will");
        stage.kicked_at(NOW);
        let offline = FakeClient { certificate: Ok(None), ..devices[0].clone() };
        assert!(!stage.may(&offline, Access::Deliver("devices/dev-1/a")), "nothing is kept for it");
        assert_eq!(stage.gate.session_count(), 1);
    }
    for nobody in ["dev-9", "service-ca/dev-2", "", "/", "dev-2/"] {
        assert_eq!(stage.gate.kick(nobody), Ok(0), "{nobody}");
    }
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
}

#[test]
fn whoever_has_come_again_since_is_not_closed_in_place_of_another() {
    let stage = Stage::enforcing();
    let (first, second) = (stage.client("dev-1", "dev-1"), stage.client("dev-1", "dev-1"));
    stage.admit(&first);
    assert_eq!(stage.gate.kick("dev-1"), Ok(1));
    stage.admit(&second);
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
    assert!(stage.gate.sessions()[0].connection.is_some());
}

#[test]
fn sessions_are_listed_with_their_connections_and_those_that_wait_without() {
    let (stage, _) = audited();
    let device = stage.client("dev-1", "dev-1");
    stage.admit(&device);
    let [listed] = &stage.gate.sessions()[..] else { panic!("one") };
    let connection = listed.connection.as_ref().unwrap();
    assert_eq!((&*listed.client_id, connection.protocol, connection.since), ("dev-1", Protocol::V5, at(NOW)));
    assert_eq!(connection.decision, Some(DecisionId { process: 1, count: 1 }));
    assert!(stage.gate.connected("dev-1").unwrap().is_some());
    stage.gate.disconnect(&device);
    stage.kicked_at(NOW);
    assert!(stage.gate.sessions()[0].connection.is_none());
    assert!(stage.gate.connected("dev-1").unwrap().is_none());
    assert_eq!(stage.gate.kick("dev-1"), Ok(1));
    assert_eq!(stage.gate.session_count(), 0);
}
