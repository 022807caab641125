mod factors;
mod fleet;
mod operate;

use std::sync::atomic::{AtomicUsize, Ordering};

use authenticator::certificate::Fingerprint;
use authenticator::policy::{ClientIdRule, DeniedPublish};
use authenticator::ruleset::Mode;

use super::recheck::RECHECK_SECONDS;
use super::*;
use crate::fake_client::{FakeClient, MemoryLog};
use fleet::{Fleet, NOW, RulesInMemory, at};

/// A gate, and what a test does to it.
struct Stage {
    fleet: Fleet,
    rules: Rc<RulesInMemory>,
    log: Rc<MemoryLog>,
    gate: Gate<Rc<RulesInMemory>>,
}

impl Stage {
    fn new(mode: Mode, client_id: ClientIdRule) -> Self {
        let fleet = Fleet::new();
        let rules = Rc::new(RulesInMemory::new(fleet.rules(mode, client_id, &[])));
        let log = Rc::new(MemoryLog::default());
        let gate = Gate::new(Rc::clone(&rules), log.clone());
        Self { fleet, rules, log, gate }
    }

    fn enforcing() -> Self {
        Self::new(Mode::Enforce, ClientIdRule::MustEqual)
    }

    /// The holder of the certificate of `name`, by a client id.
    fn client(&self, name: &str, client_id: &str) -> FakeClient {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        FakeClient { certificate: Ok(Some(self.fleet.client(name))), ..FakeClient::new(number, client_id) }
    }

    fn connect(&self, client: &FakeClient) -> Admission {
        self.gate.basic_auth(client, &Login::default(), at(NOW))
    }

    #[track_caller]
    fn admit(&self, client: &FakeClient) {
        assert_ne!(self.connect(client), Admission::Denied, "{:?}", self.log.lines());
    }

    #[track_caller]
    fn refuse(&self, client: &FakeClient, reason: &str) {
        assert_eq!(self.connect(client), Admission::Denied);
        let lines = self.log.lines();
        assert!(lines.last().unwrap().contains(reason), "{reason}: {lines:?}");
    }

    fn may(&self, client: &FakeClient, access: Access<'_>) -> bool {
        self.gate.acl_check(client, &access) == Answer::Allowed
    }

    /// Whose connections a tick at `seconds` closes.
    fn kicked_at(&self, seconds: u64) -> Vec<String> {
        let effects = self.gate.tick(at(seconds));
        assert!(
            effects.kicks.iter().all(|kick| kick.will == WillOnKick::Forget) && effects.messages.is_empty()
        );
        effects.kicks.into_iter().map(|kick| kick.client_id.into()).collect()
    }
}

const fn publish(topic: &str) -> Access<'_> {
    Access::Publish { topic, retain: false }
}

#[test]
fn a_device_is_known_by_its_identity_and_may_what_its_policy_says() {
    let stage = Stage::enforcing();
    let device = stage.client("dev-1", "dev-1");
    assert_eq!(stage.connect(&device), Admission::Admitted { user_name: "dev-1".into() });
    for (access, is_allowed) in [
        (publish("devices/dev-1/a"), true),
        (Access::Publish { topic: "devices/dev-1/a", retain: true }, true),
        (publish("devices/dev-2/a"), false),
        (publish("devices/dev-1/+"), false),
        (publish("$SYS/a"), false),
        (Access::Subscribe("devices/dev-1/#"), true),
        (Access::Subscribe("#"), false),
        (Access::Subscribe("$share/g/devices/dev-1/#"), false),
        (Access::Deliver("devices/dev-1/a"), true),
        (Access::Deliver("devices/dev-2/a"), false),
        (Access::Unsubscribe("devices/dev-2/a"), true),
    ] {
        assert_eq!(stage.may(&device, access), is_allowed, "{access:?}");
    }
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
}

#[test]
fn whoever_may_not_come_in_is_refused_and_the_log_says_why() {
    let stage = Stage::enforcing();
    let good = stage.client("dev-1", "dev-1");
    let with = |certificate| FakeClient { certificate, ..good.clone() };
    stage.refuse(&with(Ok(None)), "no_certificate");
    stage.refuse(&with(Ok(Some(stage.fleet.stranger()))), "bad_signature");
    stage.refuse(&with(Ok(Some(vec![0x30, 0].into()))), "malformed");
    stage.refuse(&with(Err(crate::client::CertificateFault::NotWritten)), "libcrypto");
    stage.refuse(&stage.client("dev-1", "dev-2"), "client_id_mismatch");
    stage.refuse(&stage.client("dev-1", ""), "no client id");
    stage.refuse(&FakeClient { id: None, ..good.clone() }, "no client id");
    let lines = stage.log.lines();
    let (named, nameless): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line.contains("client_id_mismatch"));
    assert!(nameless.iter().all(|line| line.contains("from 192.0.2.7 is refused: ")), "{lines:?}");
    // Who it was found to be is told as far as it was found out.
    let whom = "from 192.0.2.7, taken for device-ca/dev-1 (SUCCESS), is refused: ";
    assert!(named.len() == 1 && named[0].contains(whom), "{lines:?}");
    assert!(!stage.may(&good, publish("devices/dev-1/a")), "nobody was let in");
}

#[test]
fn a_client_id_belongs_to_whoever_has_it() {
    let stage = Stage::new(Mode::Enforce, ClientIdRule::Free);
    let (first, second) = (stage.client("dev-1", "shared"), stage.client("dev-2", "shared"));
    stage.admit(&first);
    stage.refuse(&second, "that of a session of device-ca/dev-1");
    assert!(stage.may(&first, publish("devices/dev-1/a")) && !stage.may(&second, publish("devices/dev-2/a")));
    // What it was denied is no reason to kick whoever has its client id.
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
}

#[test]
fn whoever_was_never_let_in_is_denied_and_kicked_but_not_for_what_waits_for_it() {
    let stage = Stage::enforcing();
    let stranger = stage.client("dev-1", "dev-1");
    let offline = FakeClient { certificate: Ok(None), ..FakeClient::new(77, "dev-2") };
    assert!(!stage.may(&offline, Access::Deliver("devices/dev-2/a")));
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
    for access in
        [publish("devices/dev-1/a"), Access::Deliver("a"), Access::Subscribe("a"), Access::Unsubscribe("a")]
    {
        assert!(!stage.gate.must_tick());
        assert!(!stage.may(&stranger, access));
        assert!(stage.gate.must_tick(), "whoever is to be kicked is not left until a later tick");
        assert_eq!(stage.kicked_at(NOW), ["dev-1"], "{access:?}");
        assert_eq!(stage.kicked_at(NOW), [""; 0]);
    }
    assert!(!stage.may(&stranger, publish("a")));
    stage.gate.disconnect(&stranger);
    assert_eq!(stage.kicked_at(NOW), [""; 0], "it has gone");
}

#[test]
fn a_publish_that_is_denied_closes_a_connection_that_has_no_other_way_to_be_told() {
    for (protocol, rule, expected) in [
        (Protocol::V311, DeniedPublish::Disconnect, vec!["dev-1".to_owned()]),
        (Protocol::V31, DeniedPublish::Disconnect, vec!["dev-1".to_owned()]),
        (Protocol::V5, DeniedPublish::Disconnect, Vec::new()),
        (Protocol::V311, DeniedPublish::Drop, Vec::new()),
    ] {
        let stage = Stage::enforcing();
        stage.rules.replace(stage.fleet.rules_with(rule));
        let device = FakeClient { protocol, ..stage.client("dev-1", "dev-1") };
        stage.admit(&device);
        assert!(!stage.may(&device, Access::Subscribe("#")) && !stage.may(&device, Access::Deliver("a")));
        assert_eq!(stage.kicked_at(NOW), [""; 0]);
        assert!(!stage.may(&device, publish("a")));
        assert_eq!(stage.gate.must_tick(), !expected.is_empty(), "{protocol:?} {rule:?}");
        assert_eq!(stage.kicked_at(NOW), expected, "{protocol:?} {rule:?}");
    }
}

#[test]
fn other_rules_judge_every_session_again_at_the_next_tick() {
    let stage = Stage::enforcing();
    let devices = ["dev-1", "dev-2"].map(|name| stage.client(name, name));
    devices.iter().for_each(|device| stage.admit(device));
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
    stage.rules.replace(stage.fleet.rules(Mode::Enforce, ClientIdRule::MustEqual, &["dev-1"]));
    assert_eq!(stage.kicked_at(NOW), ["dev-1"]);
    assert!(!stage.may(&devices[0], publish("devices/dev-1/a")), "before it is gone, too");
    assert!(stage.may(&devices[1], publish("devices/dev-2/a")));
    assert!(stage.log.lines().last().unwrap().contains("is over: revoked"));
    stage.refuse(&devices[0], "revoked");
}

#[test]
fn whoever_mosquitto_asks_about_again_and_is_refused_may_nothing_from_then_on() {
    let stage = Stage::enforcing();
    let device = stage.client("dev-1", "dev-1");
    stage.admit(&device);
    stage.rules.replace(stage.fleet.rules(Mode::Enforce, ClientIdRule::MustEqual, &["dev-1"]));
    assert!(stage.may(&device, publish("devices/dev-1/a")), "nothing has been judged again");
    stage.refuse(&device, "revoked");
    assert!(!stage.may(&device, publish("devices/dev-1/a")), "before the next tick");
}

#[test]
fn a_device_whose_session_waits_is_forgotten_when_it_is_revoked() {
    let stage = Stage::enforcing();
    let device = stage.client("dev-1", "dev-1");
    stage.admit(&device);
    stage.gate.disconnect(&device);
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
    let offline = FakeClient { certificate: Ok(None), ..device };
    assert!(stage.may(&offline, Access::Deliver("devices/dev-1/a")));
    assert!(!stage.may(&offline, Access::Deliver("devices/dev-2/a")));
    stage.rules.replace(stage.fleet.rules(Mode::Enforce, ClientIdRule::MustEqual, &["dev-1"]));
    assert_eq!(stage.kicked_at(NOW), [""; 0], "nobody is there to be kicked");
    assert!(!stage.may(&offline, Access::Deliver("devices/dev-1/a")));
}

#[test]
fn a_certificate_that_ends_ends_its_session_though_no_rule_has_changed() {
    let stage = Stage::enforcing();
    let device = stage.client("dev-1", "dev-1");
    stage.admit(&device);
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
    assert_eq!(stage.kicked_at(fleet::END), [""; 0], "the last second");
    assert_eq!(stage.kicked_at(fleet::END + RECHECK_SECONDS), ["dev-1"]);
    // A clock that is turned back judges again, too.
    stage.admit(&device);
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
}

#[test]
fn rules_are_looked_at_at_each_tick_and_read_again_at_a_reload() {
    let stage = Stage::enforcing();
    stage.kicked_at(NOW);
    stage.kicked_at(NOW);
    stage.gate.reload(at(NOW));
    assert_eq!((stage.rules.looks.get(), stage.rules.reloads.get()), (2, 1));
}

#[test]
fn nobody_without_a_proof_keeps_or_leaves_anything_or_has_the_client_id_of_another() {
    let stage = Stage::new(Mode::Permissive, ClientIdRule::MustEqual);
    let leaf = stage.fleet.stranger();
    let name = format!("unverified-{:.16}", Fingerprint::of(&leaf).to_string());
    let visitor = |number, client_id: &str| FakeClient {
        certificate: Ok(Some(leaf.clone())),
        ..FakeClient::new(number, client_id)
    };
    let own = visitor(901, &format!("{name}/1"));
    assert_eq!(stage.connect(&own), Admission::Admitted { user_name: name.as_str().into() });
    assert!(stage.may(&own, publish("lobby")));
    assert!(!stage.may(&own, Access::Publish { topic: "lobby", retain: true }));
    stage.gate.disconnect(&own);
    assert!(!stage.may(&own, publish("lobby")), "a will");
    stage.refuse(&FakeClient { is_clean: false, ..visitor(902, &name) }, "keeps no session");
    // In the broker it would be given another client id, which mosquitto does not let a plugin do.
    stage.refuse(&visitor(903, "dev-1"), "client_id_mismatch");
    let nobody = FakeClient::new(904, "dev-1");
    stage.refuse(&nobody, "anonymous-");
}
