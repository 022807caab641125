//! What the holder of a permit may leave behind, share and hear, by its policy, and by whether it is proven.

use authenticator::decide::{Granted, Request, decide};
use authenticator::evidence::Evidence;
use authenticator::for_test;
use authenticator::policy::{Action, ClientIdRule, Permit, Policies, Policy, TopicTemplate};
use authenticator::reason::Reason;
use authenticator::ruleset::{Mode, Ruleset};
use authenticator::trust::ChainResult;

use crate::fleet::{Fleet, connect, met, policy};
use crate::pki::{at, now};

fn permit(rules: &Ruleset, chain: ChainResult) -> Permit {
    match decide(rules, &Evidence::new(chain, at(now())), &Request::Connect(connect(""))).outcome {
        Ok(Granted::Admitted { permit, .. }) => permit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_is_not_proven_leaves_nothing_behind() {
    let fleet = Fleet::new();
    for action in [Action::Allow, Action::Quarantine] {
        let of = |name, verdicts: &[&str]| Policy { action, ..policy(name, verdicts) };
        let rules = fleet.rules(Mode::Permissive, vec![of("proven", &[]), of("unproven", &["NONE"])]);
        let proven = rules.verify_chain(&[fleet.client("dev-1")], at(now()));
        for (chain, may_leave) in [(proven, true), (ChainResult::NotPresented, false)] {
            let permit = permit(&rules, chain.clone());
            assert_eq!(permit.is_quarantined(), action == Action::Quarantine);
            assert_eq!(permit.may_leave_anything(), may_leave);
            assert!(permit.publish("lobby").is_ok());
            let retained = permit.publish_retained("lobby").map_err(|refusal| refusal.reason);
            assert_eq!(retained, if may_leave { Ok(()) } else { Err(Reason::TopicDenied) });
            assert!(permit.publish_retained("elsewhere").is_err());
            let mut with_will = connect("");
            with_will.will_topic = Some("lobby");
            let found = met(&rules, &Evidence::new(chain, at(now())), &Request::Connect(with_will));
            assert_eq!(found.is_ok(), may_leave, "a will");
        }
    }
}

#[test]
fn a_policy_says_whether_there_are_shared_subscriptions_and_events() {
    for (filter, shared, events) in [
        ("lobby", false, false),
        ("$share/group/lobby", true, false),
        ("countersign/events/#", false, true),
        ("+/events/#", false, false),
    ] {
        let policy = || for_test::policy(ClientIdRule::Free, &[], &[filter]);
        let client = for_test::verified_client("dev-1", authenticator::trust::Role::Device);
        assert_eq!(for_test::permit(&client, policy()).allows_shared(), shared, "{filter}");
        assert_eq!(Policies::new(vec![policy()]).give_events(), events, "{filter}");
    }
    assert!(!Policies::default().give_events());
}

#[test]
fn a_template_says_whom_it_is_for() {
    for (text, device_id, trust, fields, own) in [
        ("d/{device-id}/a", true, false, true, false),
        ("{trust}/{identity}", false, true, true, false),
        ("{identity}", false, false, true, false),
        ("lobby/#", false, false, false, false),
        ("countersign/events/#", false, false, false, true),
        ("$share/group/countersign/events/#", false, false, false, true),
    ] {
        let template: TopicTemplate = text.parse().expect("a topic template");
        assert_eq!(template.as_str(), text);
        let found = (
            template.needs_device_id(),
            template.names_the_trust(),
            template.has_fields(),
            template.is_own(),
        );
        assert_eq!(found, (device_id, trust, fields, own), "{text}");
    }
}

/// Nothing is filled in for a client of whom nothing is proven, and braces are not left as they are either.
#[test]
fn a_template_with_a_name_in_it_gives_nothing_to_whoever_is_not_proven() {
    let fleet = Fleet::new();
    let publish = ["lobby", "lobby/{identity}", "lobby/{trust}"];
    let publish = publish.map(|topic| topic.parse().expect("a topic template")).to_vec();
    let rules = fleet.rules(Mode::Permissive, vec![Policy { publish, ..policy("unproven", &["NONE"]) }]);
    let permit = permit(&rules, ChainResult::NotPresented);
    assert!(permit.publish("lobby").is_ok());
    let own = format!("lobby/{}", permit.identity().name());
    for topic in ["lobby/{identity}", "lobby/{trust}", &own] {
        assert!(permit.publish(topic).is_err(), "{topic}");
    }
}
