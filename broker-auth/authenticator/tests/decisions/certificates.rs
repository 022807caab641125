//! What a client may that shows this certificate or that, by the mode of the listener and its policies.

use std::sync::Arc;

use authenticator::decide::{Granted, HttpRequest, Request, decide};
use authenticator::evidence::Evidence;
use authenticator::http::{HttpMethod, HttpRules, PathRule, RequestPath};
use authenticator::policy::{Action, Policy};
use authenticator::reason::Reason;
use authenticator::ruleset::{Mode, Ruleset};
use authenticator::trust::ChainResult;

use crate::fleet::{Fleet, Met, connect, met, policy};
use crate::pki::{self, DAY, at, now};

/// What certificates come to, by their names.
fn chains(fleet: &Fleet, rules: &Ruleset) -> Vec<(&'static str, ChainResult)> {
    let presented = |leaf| rules.verify_chain(&[leaf], at(now()));
    let stranger = pki::client(&pki::ca("Somebody Else's CA"), 1, |_| ());
    let ended = pki::client(&fleet.ca, 1, |params| params.not_after = pki::date(now() - DAY));
    vec![
        ("good", presented(fleet.client("dev-1"))),
        ("none", ChainResult::NotPresented),
        ("of a stranger", presented(stranger)),
        ("ended", presented(ended)),
        ("no certificate at all", presented(vec![0x30, 0].into())),
    ]
}

fn policies(unproven: Action) -> Vec<Policy> {
    vec![policy("proven", &[]), Policy { action: unproven, ..policy("unproven", &["FAILED", "NONE"]) }]
}

/// What a client meets at the handshake, and what later.
type Ways = (Met, Met);

/// The mode, what a policy for whoever is not proven does, and what each meets.
fn matrix() -> Vec<(Mode, Action, [Ways; 5])> {
    let handshake = || Ok("a handshake".to_owned());
    let good = || (handshake(), Ok("proven".to_owned()));
    let refused = |reason| (Err(reason), Err(reason));
    let enforced = || {
        [
            good(),
            refused(Reason::NoCertificate),
            refused(Reason::UnknownCa),
            refused(Reason::Expired),
            refused(Reason::Malformed),
        ]
    };
    let later = |met: Met| [(); 3].map(|()| (handshake(), met.clone()));
    let permissive = |met: Met| {
        let [none, stranger, ended] = later(met);
        [good(), none, stranger, ended, refused(Reason::Malformed)]
    };
    let denied = || Err(Reason::PolicyDenied);
    vec![
        (Mode::Enforce, Action::Allow, enforced()),
        (Mode::Enforce, Action::Quarantine, enforced()),
        (Mode::Enforce, Action::Deny, enforced()),
        (Mode::Enforce, Action::Report, enforced()),
        (Mode::Permissive, Action::Allow, permissive(Ok("unproven".to_owned()))),
        (Mode::Permissive, Action::Quarantine, permissive(Ok("unproven".to_owned()))),
        (Mode::Permissive, Action::Deny, permissive(denied())),
        (Mode::Permissive, Action::Report, permissive(denied())),
    ]
}

#[test]
fn whoever_is_not_proven_comes_as_far_as_the_mode_and_the_policies_let_it() {
    let fleet = Fleet::new();
    for (mode, unproven, expected) in matrix() {
        let rules = fleet.rules(mode, policies(unproven));
        for ((what, chain), (at_handshake, later)) in chains(&fleet, &rules).into_iter().zip(expected) {
            let what = format!("{what}, {mode:?}, {unproven:?}");
            let evidence = Evidence::new(chain, at(now()));
            assert_eq!(met(&rules, &evidence, &Request::Handshake), at_handshake, "{what}");
            let connect = connect("");
            assert_eq!(met(&rules, &evidence, &Request::Connect(connect)), later, "{what}");
            let topics = [
                (Request::Publish(connect, "lobby"), Request::Publish(connect, "elsewhere")),
                (Request::Subscribe(connect, "lobby"), Request::Subscribe(connect, "#")),
            ];
            for (allowed, denied) in topics {
                assert_eq!(met(&rules, &evidence, &allowed), later, "{what}");
                // Whoever may not come in does not hear of topics.
                let topic = later.clone().and(Err(Reason::TopicDenied));
                assert_eq!(met(&rules, &evidence, &denied), topic, "{what}");
            }
        }
    }
}

#[test]
fn a_will_is_as_good_as_a_message() {
    let fleet = Fleet::new();
    let rules = fleet.rules(Mode::Enforce, policies(Action::Deny));
    let evidence = Evidence::new(rules.verify_chain(&[fleet.client("dev-1")], at(now())), at(now()));
    for (topic, expected) in [("lobby", Ok("proven".to_owned())), ("elsewhere", Err(Reason::TopicDenied))] {
        let mut connect = connect("");
        connect.will_topic = Some(topic);
        assert_eq!(met(&rules, &evidence, &Request::Connect(connect)), expected, "{topic}");
    }
}

#[test]
fn a_request_is_answered_by_the_rule_of_its_path() {
    let fleet = Fleet::new();
    let path = |path: &str| path.parse::<RequestPath>().expect("a path");
    let rule = |prefix: &str, policies: &[&str]| PathRule {
        prefix: path(prefix),
        methods: vec![HttpMethod::Get],
        policies: policies.iter().map(|policy| (*policy).into()).collect(),
    };
    let http = HttpRules::new(vec![rule("/open", &["proven", "unproven"]), rule("/open/inner", &["proven"])]);
    for mode in [Mode::Enforce, Mode::Permissive] {
        let mqtt = fleet.rules(mode, policies(Action::Allow));
        let rules = mqtt.clone().with_http(Some(Arc::new(http.clone())));
        for (what, chain) in chains(&fleet, &rules) {
            let evidence = Evidence::new(chain, at(now()));
            let whom = met(&rules, &evidence, &Request::Connect(connect("")));
            for (method, target, allowed) in [
                (HttpMethod::Get, "/open/a", &["proven", "unproven"][..]),
                (HttpMethod::Get, "/open/inner", &["proven"]),
                (HttpMethod::Post, "/open/a", &[]),
                (HttpMethod::Get, "/other", &[]),
                (HttpMethod::Get, "/openly", &[]),
            ] {
                let target = path(target);
                let request = HttpRequest { method, path: &target, random: &|| Some(1) };
                let expected = match &whom {
                    Ok(policy) if allowed.contains(&policy.as_str()) => whom.clone(),
                    Ok(_) => Err(Reason::PolicyDenied),
                    Err(_) => whom.clone(),
                };
                assert_eq!(met(&rules, &evidence, &Request::Http(request)), expected, "{what} {target:?}");
                // A listener of MQTT answers nobody.
                let nobody = whom.clone().and(Err(Reason::PolicyDenied));
                assert_eq!(met(&mqtt, &evidence, &Request::Http(request)), nobody, "{what} {target:?}");
            }
        }
    }
}

#[test]
fn whoever_is_not_proven_has_its_client_ids_to_itself() {
    let fleet = Fleet::new();
    let rules = fleet.rules(Mode::Permissive, policies(Action::Allow));
    let stranger = pki::client(&pki::ca("Somebody Else's CA"), 1, |_| ());
    for chain in [ChainResult::NotPresented, rules.verify_chain(&[stranger], at(now()))] {
        let evidence = Evidence::new(chain, at(now()));
        let granted = |requested: &str| match decide(&rules, &evidence, &Request::Connect(connect(requested)))
            .outcome
        {
            Ok(Granted::Admitted { permit, client_id: Some(id) }) => {
                (permit.identity().name().to_owned(), id.as_str().to_owned())
            }
            other => panic!("{other:?}"),
        };
        let (owner, assigned) = granted("");
        assert_eq!(assigned, format!("{owner}/unique"));
        for (requested, expected) in [
            ("dev-1".to_owned(), format!("{owner}/dev-1")),
            (owner.clone(), owner.clone()),
            (format!("{owner}/a"), format!("{owner}/a")),
            (format!("{owner}a"), format!("{owner}/{owner}a")),
            (format!("/{owner}"), format!("{owner}//{owner}")),
        ] {
            assert_eq!(granted(&requested).1, expected, "{requested}");
        }
    }
}

/// Where the policy leaves client ids free, whoever is proven is called as it asks to be.
#[test]
fn whoever_is_proven_has_the_client_id_that_it_asks_for() {
    let fleet = Fleet::new();
    let rules = fleet.rules(Mode::Permissive, policies(Action::Allow));
    let evidence = Evidence::new(rules.verify_chain(&[fleet.client("dev-1")], at(now())), at(now()));
    for requested in ["dev-1", "dev-1/a", "dev-10", "another"] {
        match decide(&rules, &evidence, &Request::Connect(connect(requested))).outcome {
            Ok(Granted::Admitted { client_id: Some(id), .. }) => assert_eq!(id.as_str(), requested),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_refusal_says_whom_no_policy_lets_in_and_why() {
    let fleet = Fleet::new();
    let stranger = pki::client(&pki::ca("Somebody Else's CA"), 1, |_| ());
    let denying = |verdicts: &[&str]| vec![Policy { action: Action::Deny, ..policy("none", verdicts) }];
    let chain = |leaf| fleet.rules(Mode::Permissive, Vec::new()).verify_chain(&[leaf], at(now()));
    for (policies, chain, expected) in [
        (Vec::new(), chain(fleet.client("dev-1")), "no policy matches dev-1 of trust device-ca"),
        (denying(&[]), chain(fleet.client("dev-1")), "policy \"none\" denies dev-1 of trust device-ca"),
        (denying(&["NONE"]), ChainResult::NotPresented, ", who has no certificate"),
        (denying(&["FAILED"]), chain(stranger), ", whose certificate is FAILED:unknown_ca ("),
    ] {
        let rules = fleet.rules(Mode::Permissive, policies);
        let decision = decide(&rules, &Evidence::new(chain, at(now())), &Request::Connect(connect("")));
        let refusal = decision.outcome.expect_err("denied");
        assert!(refusal.reason == Reason::PolicyDenied && refusal.evidence.contains(expected), "{refusal:?}");
    }
}
