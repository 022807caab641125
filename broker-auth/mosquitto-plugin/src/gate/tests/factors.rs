//! Second factors, found in memory.

use authenticator::factor::{FactorKind, SecondFactor, ShownToken};

use super::*;

/// A stage whose policy asks for a token, and where one is found that ends then.
fn stage(end: u64) -> Stage {
    let stage = Stage::enforcing();
    stage.rules.replace(stage.fleet.rules_asking_for(FactorKind::Token, &[]));
    stage.find(FactorEvidence::Shown(SecondFactor::Token(ShownToken {
        name: "device-ca/dev-1".into(),
        namespace: None,
        claim: "sub".into(),
        issuer: "https://id.example".into(),
        audience: "fleet".into(),
        expires: at(end),
        certificate: None,
        key: Fingerprint::of(b"key"),
        algorithm: "ES256",
    })));
    stage
}

impl Stage {
    fn find(&self, evidence: FactorEvidence) {
        self.rules.found.replace(evidence);
    }

    fn asked(&self) -> usize {
        self.rules.asked.get()
    }
}

#[test]
fn whoever_has_shown_it_is_let_in_and_nobody_else() {
    let stage = stage(NOW + 100);
    let device = stage.client("dev-1", "dev-1");
    stage.admit(&device);
    assert!(stage.may(&device, publish("devices/dev-1/a")));
    stage.refuse(&stage.client("dev-2", "dev-2"), "the token is for \"device-ca/dev-1\"");
    stage.find(FactorEvidence::Refused("it is wrong".to_owned()));
    stage.refuse(&stage.client("dev-1", "dev-1"), "second_factor (it is wrong)");
    // What was not looked at lets nobody in either.
    stage.find(FactorEvidence::NotAsked);
    assert_eq!(stage.connect(&stage.client("dev-1", "dev-1")), Admission::Denied);
    assert_eq!(stage.asked(), 4);
    assert!(stage.may(&device, publish("devices/dev-1/a")), "its session is its own");
}

#[test]
fn nobody_is_asked_who_is_refused_anyway_or_whose_policy_does_not_ask() {
    let stage = stage(NOW + 100);
    let good = stage.client("dev-1", "dev-1");
    stage.refuse(
        &FakeClient { certificate: Ok(Some(stage.fleet.stranger())), ..good.clone() },
        "bad_signature",
    );
    stage.refuse(&FakeClient { certificate: Ok(None), ..good.clone() }, "no_certificate");
    stage.refuse(&stage.client("dev-1", "dev-2"), "client_id_mismatch");
    stage.rules.replace(stage.fleet.rules_asking_for(FactorKind::Token, &["dev-1"]));
    stage.refuse(&good, "revoked");
    stage.rules.replace(stage.fleet.rules(Mode::Enforce, ClientIdRule::MustEqual, &[]));
    stage.admit(&good);
    assert_eq!(stage.asked(), 0);
}

#[test]
fn a_session_ends_in_the_second_in_which_its_token_does() {
    let stage = stage(NOW + 3);
    let device = stage.client("dev-1", "dev-1");
    stage.admit(&device);
    for second in 0..3 {
        assert_eq!(stage.kicked_at(NOW + second), [""; 0]);
    }
    assert_eq!(stage.kicked_at(NOW + 3), ["dev-1"]);
    assert!(stage.log.lines().last().unwrap().contains("is over: second_factor"));
    assert!(!stage.may(&device, publish("devices/dev-1/a")));
    assert_eq!(stage.kicked_at(NOW + 4), ["dev-1"], "it asked for something");
}

#[test]
fn a_session_ends_when_what_it_has_shown_counts_no_more() {
    let stage = stage(NOW + 1000);
    let device = stage.client("dev-1", "dev-1");
    stage.admit(&device);
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
    stage.rules.factor_changes.set(1);
    assert_eq!(stage.kicked_at(NOW), ["dev-1"]);
}

#[test]
fn a_reload_asks_nobody_again_and_whoever_comes_is_asked() {
    let stage = stage(NOW + 1000);
    let device = stage.client("dev-1", "dev-1");
    stage.admit(&device);
    assert_eq!(stage.asked(), 1);
    stage.gate.reload(at(NOW));
    stage.find(FactorEvidence::Busy("all at once".to_owned()));
    stage.admit(&device);
    assert_eq!(stage.asked(), 1, "it has shown it");
    // Another connection in the meantime is not the one that was admitted.
    assert_eq!(stage.connect(&stage.client("dev-1", "dev-1")), Admission::NotNow);
    assert_eq!(stage.asked(), 2);
    // A tick later, nobody's CONNECT is taken for a question about somebody who is there.
    assert_eq!(stage.kicked_at(NOW), [""; 0]);
    assert_eq!(stage.connect(&device), Admission::NotNow);
    assert_eq!(stage.asked(), 3);
}

#[test]
fn a_reload_ends_sessions_of_which_more_is_asked_now() {
    let stage = stage(NOW + 1000);
    stage.rules.replace(stage.fleet.rules(Mode::Enforce, ClientIdRule::MustEqual, &[]));
    let device = stage.client("dev-1", "dev-1");
    stage.admit(&device);
    stage.rules.replace(stage.fleet.rules_asking_for(FactorKind::Token, &[]));
    stage.gate.reload(at(NOW));
    stage.refuse(&device, "opened without a second factor");
    assert_eq!(stage.asked(), 0);
}

#[test]
fn clients_for_whom_there_is_no_time_are_told_to_come_again_and_named_once() {
    let stage = stage(NOW + 1000);
    stage.find(FactorEvidence::Busy("too many passwords".to_owned()));
    for _ in 0..300 {
        assert_eq!(stage.connect(&stage.client("dev-1", "dev-1")), Admission::NotNow);
    }
    let told = stage.log.lines();
    assert!(told.len() == 1 && told[0].contains("told to come again: too many passwords"), "{told:?}");
    assert_eq!(stage.kicked_at(NOW + 9), [""; 0]);
    assert_eq!(stage.log.lines().len(), 1);
    assert_eq!(stage.kicked_at(NOW + 10), [""; 0]);
    assert!(stage.log.lines()[1].contains("300 clients"), "{:?}", stage.log.lines());
}
