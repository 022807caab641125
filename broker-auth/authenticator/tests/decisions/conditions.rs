//! Conditions of policies: each kind, of a client that is proven, and of one that is not.

use std::net::IpAddr;
use std::time::Duration;

use authenticator::certificate::PeerCertificate;
use authenticator::decide::Request;
use authenticator::evidence::Evidence;
use authenticator::origin::{MqttVersion, Origin};
use authenticator::policy::{Action, Condition, IdentityMatch, Match, Policies, Policy, Verdicts};
use authenticator::ruleset::Mode;
use authenticator::trust::{Namespace, TrustName};

use crate::fleet::{Fleet, LIFETIME, connect, met, policy};
use crate::pki::{self, at, now};

/// Whether a condition holds; `None`: that is not known.
type Holds = Option<bool>;

const YES: Holds = Some(true);
const NO: Holds = Some(false);

/// How the clients come.
fn origin() -> Origin {
    Origin {
        address: Some(IpAddr::from([192, 0, 2, 7])),
        listener: Some(1),
        server_name: Some("mqtt.example".parse().expect("a name")),
        version: Some(MqttVersion::V5),
    }
}

/// Conditions; whether they hold for `leaf`, proven, and for a stranger; and whether they are for the proven alone.
fn conditions(leaf: &PeerCertificate) -> Vec<(Condition, Holds, Holds, bool)> {
    use Condition::{
        All, Any, Certificate, EndsWithin, Field, Identity, Issuer, Key, Listener, Not, ServerName, Source,
        Trust, Version,
    };
    let trust = |name: &str| Trust(vec![TrustName::new(name)]);
    let identity = |name: &str| Identity(vec![name.parse().expect("a name")]);
    let issuer = |name: &str| Issuer(vec![name.parse().expect("a name")]);
    let field = |field: &str, value: &str| Field(field.parse().expect("a field"), vec![value.into()]);
    let other = || "00".repeat(32).parse().expect("a digest");
    let key = leaf.spki_sha256().expect("a key");
    let ends_within = |seconds| EndsWithin(Duration::from_secs(seconds));
    let server = |name: &str| ServerName(vec![name.parse().expect("a name")]);
    let source = |network: &str| Source(vec![network.parse().expect("a network")]);
    let yes = || Listener(vec![0, 1]);
    let no = || Listener(vec![0]);
    let unknown = || trust("device-ca");
    vec![
        (trust("device-ca"), YES, None, true),
        (trust("service-ca"), NO, None, true),
        (identity("dev-1"), YES, None, true),
        (identity("dev-10"), NO, None, true),
        (identity("device-ca/dev-1"), YES, None, true),
        (identity("service-ca/dev-1"), NO, None, true),
        (issuer("CN=Device CA"), YES, None, true),
        (issuer("CN=Device"), NO, None, true),
        (field("CN", "dev-1"), YES, None, true),
        (field("CN", "dev"), NO, None, true),
        (field("O", "dev-1"), NO, None, true),
        (Certificate(vec![leaf.fingerprint_sha256()]), YES, NO, false),
        (Certificate(vec![other()]), NO, NO, false),
        (Key(vec![other(), key]), YES, NO, false),
        (Key(vec![other()]), NO, NO, false),
        (ends_within(LIFETIME), YES, None, true),
        (ends_within(LIFETIME - 10), NO, None, true),
        (yes(), YES, YES, false),
        (no(), NO, NO, false),
        (server("mqtt.example"), YES, YES, false),
        (server("example"), NO, NO, false),
        (source("192.0.2.0/24"), YES, YES, false),
        (source("192.0.3.0/24"), NO, NO, false),
        (Version(vec![MqttVersion::V5]), YES, YES, false),
        (Version(vec![MqttVersion::V311]), NO, NO, false),
        (All(vec![yes(), unknown()]), YES, None, true),
        (All(vec![yes(), no()]), NO, NO, false),
        (Any(vec![no(), unknown()]), YES, None, true),
        (Any(vec![no(), yes()]), YES, YES, false),
        (Not(vec![unknown()]), NO, None, true),
        (Not(vec![yes(), no()]), YES, YES, false),
    ]
}

#[test]
fn each_kind_holds_for_whom_it_says_and_is_unknown_of_whom_nothing_is_proven() {
    let fleet = Fleet::new();
    let rules = fleet.rules(Mode::Permissive, Vec::new());
    let stranger = pki::client(&pki::ca("Somebody Else's CA"), 1, |_| ());
    let clients = [fleet.client("dev-1"), stranger].map(|leaf| rules.verify_chain(&[leaf], at(now())));
    let chain = clients[0].proven().expect("a chain").clone();
    for (condition, of_device, of_stranger, needs_proof) in conditions(chain.leaf()) {
        assert_eq!(condition.needs_proof(), needs_proof, "{condition:?}");
        for (chain, expected) in clients.iter().zip([of_device, of_stranger]) {
            let evidence = Evidence::new(chain.clone(), at(now())).origin(origin());
            let fits = |condition: Condition| {
                let mut only = policy("only", &["SUCCESS", "FAILED"]);
                only.matches.conditions = vec![condition];
                met(&fleet.rules(Mode::Permissive, vec![only]), &evidence, &Request::Connect(connect("")))
                    .is_ok()
            };
            assert_eq!(fits(condition.clone()), expected == YES, "{condition:?}");
            assert_eq!(fits(Condition::Not(vec![condition.clone()])), expected == NO, "not {condition:?}");
        }
    }
}

/// How a client comes may not be known, and then neither a condition on it nor its opposite is met.
#[test]
fn what_is_not_known_of_an_origin_is_neither_met_nor_failed() {
    let fleet = Fleet::new();
    let rules = fleet.rules(Mode::Enforce, Vec::new());
    let chain = rules.verify_chain(&[fleet.client("dev-1")], at(now()));
    for condition in [
        Condition::Listener(vec![1]),
        Condition::ServerName(vec!["mqtt.example".parse().expect("a name")]),
        Condition::Source(vec!["0.0.0.0/0".parse().expect("a network")]),
        Condition::Version(vec![MqttVersion::V5]),
    ] {
        for condition in [condition.clone(), Condition::Not(vec![condition])] {
            let mut only = policy("only", &[]);
            only.matches.conditions = vec![condition.clone()];
            let rules = fleet.rules(Mode::Enforce, vec![only]);
            let evidence = Evidence::new(chain.clone(), at(now()));
            assert!(met(&rules, &evidence, &Request::Connect(connect(""))).is_err(), "{condition:?}");
        }
    }
}

fn matching(trust: Option<&str>, identities: &[&str], verdicts: &[&str]) -> Match {
    let Policy { matches, .. } = policy("any", verdicts);
    let named = |identity: &&str| identity.parse().expect("a name");
    let identity = (!identities.is_empty()).then(|| identities.iter().map(named).collect());
    Match { trust: trust.map(TrustName::new), identity, ..matches }
}

#[test]
fn a_policy_covers_another_if_it_is_for_all_of_its_clients() {
    let listener =
        |number| Match { conditions: vec![Condition::Listener(vec![number])], ..matching(None, &[], &[]) };
    for (one, other, covers) in [
        (matching(None, &[], &[]), matching(Some("a"), &["x"], &[]), true),
        (matching(Some("a"), &[], &[]), matching(Some("a"), &["x"], &[]), true),
        (matching(Some("a"), &[], &[]), matching(Some("b"), &[], &[]), false),
        (matching(Some("a"), &[], &[]), matching(None, &[], &[]), false),
        (matching(None, &["x", "y"], &[]), matching(None, &["y"], &[]), true),
        (matching(None, &["x"], &[]), matching(None, &["x", "y"], &[]), false),
        (matching(None, &["x"], &[]), matching(None, &["a/x"], &[]), true),
        (matching(None, &["a/x"], &[]), matching(None, &["x"], &[]), false),
        (matching(None, &["a/x"], &[]), matching(None, &["b/x"], &[]), false),
        (matching(None, &["x"], &[]), matching(None, &[], &[]), false),
        (matching(None, &[], &[]), listener(1), true),
        (listener(1), listener(1), true),
        (listener(1), listener(2), false),
        (listener(1), matching(None, &[], &[]), false),
        (matching(None, &[], &["FAILED"]), matching(None, &[], &["FAILED:expired"]), true),
        (matching(None, &[], &["FAILED:expired"]), matching(None, &[], &["FAILED"]), false),
        (matching(None, &[], &["FAILED:expired"]), matching(None, &[], &["FAILED:revoked"]), false),
        (matching(None, &[], &["FAILED"]), matching(None, &[], &["NONE"]), false),
        (matching(None, &[], &["FAILED"]), matching(None, &[], &["SUCCESS"]), false),
        (matching(None, &[], &["FAILED", "NONE"]), matching(None, &[], &["NONE"]), true),
        (matching(None, &[], &["NONE"]), matching(None, &[], &["FAILED", "NONE"]), false),
    ] {
        assert_eq!(one.covers(&other), covers, "{one:?} and {other:?}");
    }
}

#[test]
fn a_policy_is_for_some_clients_of_a_trust_if_one_can_meet_it() {
    let namespace = |name: &str| Namespace::new(name).expect("a namespace");
    for (matches, fits) in [
        (matching(None, &[], &[]), true),
        (matching(Some("device-ca"), &[], &[]), true),
        (matching(Some("service-ca"), &[], &[]), false),
        (matching(None, &["dev-1"], &[]), true),
        (matching(None, &["plant/dev-1"], &[]), true),
        (matching(None, &["other/dev-1"], &[]), false),
        (matching(None, &["other/dev-1", "plant/dev-1"], &[]), true),
        (matching(None, &[], &["FAILED"]), false),
        (matching(None, &[], &["NONE"]), false),
        (matching(None, &[], &["FAILED", "SUCCESS"]), true),
    ] {
        let found = matches.fits_some_of(&TrustName::new("device-ca"), &namespace("plant"));
        assert_eq!(found, fits, "{matches:?}");
    }
}

#[test]
fn verdicts_tell_whether_they_are_for_the_proven_and_for_others() {
    let of =
        |texts: &[&str]| Verdicts::new(texts.iter().map(|text| text.parse().expect("a verdict")).collect());
    for (texts, proven, others) in [
        (&["SUCCESS"][..], true, false),
        (&["FAILED"], false, true),
        (&["NONE"], false, true),
        (&["FAILED:revoked"], false, true),
        (&["SUCCESS", "NONE"], true, true),
    ] {
        let verdicts = of(texts);
        assert_eq!((verdicts.include_success(), verdicts.include_unproven()), (proven, others), "{texts:?}");
    }
}

/// Clients of one name and two namespaces share a topic only if policies that can decide about them give it to both.
#[test]
fn a_shared_topic_is_found_among_the_policies_that_can_decide() {
    let ca = pki::ca("Device CA");
    let trust = |name: &str| {
        pki::trust(&ca, |config, _| {
            config.name = TrustName::new(name);
            config.namespace = Namespace::new(name).expect("a namespace");
        })
    };
    let (one, other) = (trust("plant"), trust("other"));
    let topic = |matches: Match, topic: &str| Policy {
        matches,
        publish: vec![topic.parse().expect("a topic template")],
        ..policy("any", &[])
    };
    let everybody = || matching(None, &[], &[]);
    let acting = |action, matches| Policy { action, matches, ..policy("first", &[]) };
    let on_listener = || Match { conditions: vec![Condition::Listener(vec![1])], ..everybody() };
    let own = "d/{device-id}";
    for (what, policies, is_shared) in [
        ("one for all", vec![topic(everybody(), own)], true),
        ("with the trust in it", vec![topic(everybody(), "{trust}/{device-id}")], false),
        ("without a name in it", vec![topic(everybody(), "lobby")], false),
        ("all denied before", vec![acting(Action::Deny, everybody()), topic(everybody(), own)], false),
        ("all reported before", vec![acting(Action::Report, everybody()), topic(everybody(), own)], true),
        ("some denied before", vec![acting(Action::Deny, on_listener()), topic(everybody(), own)], true),
        (
            "one denied before",
            vec![acting(Action::Deny, matching(None, &["x"], &[])), topic(everybody(), own)],
            true,
        ),
        (
            "a topic for each trust",
            vec![
                topic(matching(Some("plant"), &[], &[]), "a/{device-id}"),
                topic(matching(Some("other"), &[], &[]), "b/{device-id}"),
            ],
            false,
        ),
        (
            "one topic for both trusts",
            vec![
                topic(matching(Some("plant"), &[], &[]), own),
                topic(matching(Some("other"), &[], &[]), own),
            ],
            true,
        ),
        (
            "for two names",
            vec![
                topic(matching(None, &["plant/x"], &[]), own),
                topic(matching(None, &["other/y"], &[]), own),
            ],
            false,
        ),
        (
            "for one name of both",
            vec![
                topic(matching(None, &["plant/x"], &[]), own),
                topic(matching(None, &["other/x"], &[]), own),
            ],
            true,
        ),
        (
            "denied to one trust",
            vec![
                Policy { action: Action::Deny, ..topic(matching(Some("plant"), &[], &[]), own) },
                topic(matching(Some("other"), &[], &[]), own),
            ],
            false,
        ),
        ("for one name of one", vec![topic(matching(None, &["plant/x"], &[]), own)], false),
    ] {
        let found = Policies::new(policies).shared_topic(&[one.config(), other.config()]);
        assert_eq!(found.is_some(), is_shared, "{what}: {found:?}");
    }
}

#[test]
fn a_name_that_a_policy_is_for_says_its_namespace_if_it_is_written() {
    for (text, namespace) in [("x", None), ("plant/x", Some("plant"))] {
        let name: IdentityMatch = text.parse().expect("a name");
        assert_eq!(name.namespace().map(ToString::to_string).as_deref(), namespace);
    }
}
