//! What a second factor makes of a client, by the policy that asks for it: on the way in, and while its session goes on.

use authenticator::decide::Request;
use authenticator::evidence::{Evidence, FactorEvidence};
use authenticator::factor::{FactorKind, SecondFactor, ShownPassword, ShownToken};
use authenticator::identity::Identity;
use authenticator::policy::Policy;
use authenticator::reason::Reason;
use authenticator::ruleset::{Mode, Ruleset};
use authenticator::trust::Namespace;

use crate::fleet::{Fleet, connect, enter, met, policy};
use crate::pki::{HOUR, at, now};

const KINDS: [FactorKind; 2] = [FactorKind::Password, FactorKind::Token];

fn asking(fleet: &Fleet, kind: Option<FactorKind>) -> Ruleset {
    fleet.rules(Mode::Enforce, vec![Policy { second_factor: kind, ..policy("proven", &[]) }])
}

fn of_device(fleet: &Fleet, rules: &Ruleset, name: &str) -> Evidence {
    Evidence::new(rules.verify_chain(&[fleet.client(name)], at(now())), at(now()))
}

/// The identity of the client with this name.
fn identity(fleet: &Fleet, name: &str) -> Identity {
    let rules = asking(fleet, None);
    enter(&rules, &of_device(fleet, &rules, name)).0.identity().clone()
}

fn password(identity: &Identity) -> SecondFactor {
    let entry = "00".repeat(32).parse().expect("a digest");
    SecondFactor::Password(ShownPassword { identity: identity.clone(), entry })
}

fn namespace(name: &str) -> Namespace {
    Namespace::new(name).expect("a namespace")
}

fn token(name: &str) -> ShownToken {
    ShownToken {
        name: name.into(),
        namespace: Some(namespace("device-ca")),
        claim: "sub".into(),
        issuer: "https://issuer.example".into(),
        audience: "mqtt".into(),
        expires: at(now() + HOUR),
        certificate: None,
        key: "00".repeat(32).parse().expect("a digest"),
        algorithm: "ES256",
    }
}

/// What may be known of what `dev-1` has shown, and what it comes to where a password, or a token, is asked for. `None`: it
/// counts.
fn shown(fleet: &Fleet) -> Vec<(&'static str, FactorEvidence, [Option<Reason>; 2])> {
    let own = identity(fleet, "dev-1");
    let other = identity(fleet, "dev-2");
    let rules = asking(fleet, None);
    let certificate = |name: &str| {
        let (permit, _) = enter(&rules, &of_device(fleet, &rules, name));
        permit.client().certificate().expect("a certificate").fingerprint_sha256()
    };
    let of_token = |token| FactorEvidence::Shown(SecondFactor::Token(token));
    let bound = |name| ShownToken { certificate: Some(certificate(name)), ..token("dev-1") };
    let refused = Some(Reason::SecondFactor);
    let both = [refused, refused];
    vec![
        ("its password", FactorEvidence::Shown(password(&own)), [None, refused]),
        ("another's password", FactorEvidence::Shown(password(&other)), both),
        ("its token", of_token(token("dev-1")), [refused, None]),
        ("a token for its whole name", of_token(token("device-ca/dev-1")), [refused, None]),
        ("a token for its name elsewhere", of_token(token("other-ca/dev-1")), both),
        (
            "a token of another namespace",
            of_token(ShownToken { namespace: Some(namespace("other-ca")), ..token("dev-1") }),
            both,
        ),
        ("a token of no namespace", of_token(ShownToken { namespace: None, ..token("dev-1") }), both),
        (
            "a token of no namespace, for its whole name",
            of_token(ShownToken { namespace: None, ..token("device-ca/dev-1") }),
            [refused, None],
        ),
        ("another's token", of_token(token("dev-2")), both),
        (
            "a token of this second",
            of_token(ShownToken { expires: at(now() + 1), ..token("dev-1") }),
            [refused, None],
        ),
        ("a token that has ended", of_token(ShownToken { expires: at(now()), ..token("dev-1") }), both),
        ("a token for its certificate", of_token(bound("dev-1")), [refused, None]),
        ("a token for another's", of_token(bound("dev-2")), both),
        ("a wrong one", FactorEvidence::Refused("wrong".into()), both),
        (
            "one that nobody has looked at",
            FactorEvidence::Busy("later".into()),
            [Some(Reason::RateLimited); 2],
        ),
    ]
}

#[test]
fn a_client_comes_in_by_what_it_has_shown() {
    let fleet = Fleet::new();
    for (kind, column) in KINDS.into_iter().zip(0..) {
        let rules = asking(&fleet, Some(kind));
        let evidence = of_device(&fleet, &rules, "dev-1");
        let requests = || {
            [
                Request::Connect(connect("dev-1")),
                Request::Publish(connect("dev-1"), "lobby"),
                Request::Subscribe(connect("dev-1"), "lobby"),
            ]
        };
        for request in requests() {
            assert_eq!(met(&rules, &evidence, &request), Ok(format!("asked for a {kind}")));
        }
        for (what, factor, expected) in shown(&fleet) {
            let evidence = evidence.clone().factor(factor);
            let expected = expected[column].map_or_else(|| Ok("proven".to_owned()), Err);
            for request in requests() {
                assert_eq!(met(&rules, &evidence, &request), expected, "{what}, a {kind} is asked for");
            }
        }
    }
    // Where nothing is asked for, nothing that is wrong matters.
    let rules = asking(&fleet, None);
    for (what, factor, _) in shown(&fleet) {
        let evidence = of_device(&fleet, &rules, "dev-1").factor(factor);
        assert_eq!(
            met(&rules, &evidence, &Request::Connect(connect("dev-1"))),
            Ok("proven".into()),
            "{what}"
        );
    }
}

/// A session goes on by what is known now of what was shown once.
#[test]
fn a_session_goes_on_while_what_was_shown_counts() {
    let fleet = Fleet::new();
    let own = identity(&fleet, "dev-1");
    let right = [password(&own), SecondFactor::Token(token("dev-1"))];
    for ((kind, column), right) in KINDS.into_iter().zip(0..).zip(right) {
        let rules = asking(&fleet, Some(kind));
        let evidence = of_device(&fleet, &rules, "dev-1");
        let (permit, binding) = enter(&rules, &evidence.clone().factor(FactorEvidence::Shown(right)));
        let request = Request::Continue(&permit, binding.client_id());
        // Nobody has said anything: that is not enough.
        assert_eq!(met(&rules, &evidence, &request), Err(Reason::SecondFactor));
        for (what, factor, _) in shown(&fleet) {
            // The session is judged by the kind that it has shown; one of the other kind counts where it is that client's.
            let counts = match &factor {
                FactorEvidence::Shown(shown) => {
                    let own_column = usize::from(shown.kind() == FactorKind::Token);
                    own_column == column
                        && met(
                            &rules,
                            &evidence.clone().factor(factor.clone()),
                            &Request::Connect(connect("dev-1")),
                        )
                        .is_ok()
                }
                _ => false,
            };
            let found = met(&rules, &evidence.clone().factor(factor), &request);
            assert_eq!(found.is_ok(), counts, "{what}, the session has shown a {kind}: {found:?}");
        }
        // The policies are others now: they ask for nothing, for the same, or for the other.
        for wanted in [None, Some(FactorKind::Password), Some(FactorKind::Token)] {
            let others = asking(&fleet, wanted);
            for (what, factor, expected) in shown(&fleet) {
                let expected = match wanted {
                    None => None,
                    Some(FactorKind::Password) => expected[0],
                    Some(FactorKind::Token) => expected[1],
                };
                let found = met(&others, &evidence.clone().factor(factor), &request);
                let expected = expected.map_or_else(|| Ok("goes on".to_owned()), Err);
                assert_eq!(found, expected, "{what}, shown a {kind}, {wanted:?} is asked for now");
            }
            let unknown = met(&others, &evidence, &request);
            let expected =
                if wanted.is_some() { Err(Reason::SecondFactor) } else { Ok("goes on".to_owned()) };
            assert_eq!(unknown, expected, "shown a {kind}, {wanted:?} is asked for now");
        }
    }
}
