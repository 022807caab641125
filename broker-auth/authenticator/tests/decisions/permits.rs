//! What the holder of a permit may leave behind, share and hear, by its policy, and by whether it is proven.

use authenticator::decide::{Granted, Request, decide};
use authenticator::evidence::Evidence;
use authenticator::for_test;
use authenticator::policy::{Action, ClientIdRule, Permit, Policies, Policy};
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
