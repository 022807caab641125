//! Whether a session goes on when certificates, lists, templates or policies are others than when it was opened.

use std::time::Duration;

use authenticator::decide::{Granted, Request, Standing, decide};
use authenticator::evidence::Evidence;
use authenticator::identity::{IdentityTemplate, Template};
use authenticator::origin::Origin;
use authenticator::policy::{Action, ClientIdBinding, ClientIdRule, Condition, Permit, Policy};
use authenticator::reason::Reason;
use authenticator::ruleset::{Mode, Ruleset};
use authenticator::trust::ChainResult;

use crate::fleet::{Fleet, LIFETIME, access, connect, enter, met, policy, rules};
use crate::pki::{self, DAY, at, now};

fn presented(rules: &Ruleset, leaf: rustls_pki_types::CertificateDer<'static>) -> Evidence {
    Evidence::new(rules.verify_chain(&[leaf], at(now())), at(now()))
}

/// What a session may do from now on, if it may go on.
fn standing(rules: &Ruleset, evidence: &Evidence, permit: &Permit, id: &ClientIdBinding) -> Option<String> {
    match decide(rules, evidence, &Request::Continue(permit, id.client_id())).outcome {
        Ok(Granted::Continued(Standing::Unchanged)) => Some("unchanged".into()),
        Ok(Granted::Continued(Standing::Changed(permit))) => Some(permit.policy_name().to_owned()),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

#[test]
fn one_that_is_revoked_or_has_ended_does_not_go_on() {
    let fleet = Fleet::new();
    let present = access(IdentityTemplate::default(), vec![policy("proven", &[])]);
    for mode in [Mode::Enforce, Mode::Permissive] {
        let before = rules(mode, fleet.trust.clone(), present.clone());
        let evidence = presented(&before, fleet.client("dev-1"));
        let (permit, id) = enter(&before, &evidence);
        assert_eq!(standing(&before, &evidence, &permit, &id).as_deref(), Some("unchanged"));
        let request = Request::Continue(&permit, id.client_id());
        let revoking = |serials: &[u64]| rules(mode, fleet.revoking(serials), present.clone());
        assert_eq!(met(&revoking(&[7]), &evidence, &request), Err(Reason::Revoked), "{mode:?}");
        assert_eq!(met(&revoking(&[8]), &evidence, &request), Ok("goes on".into()), "{mode:?}");
        let later = |seconds| evidence.clone().at(at(now() + seconds));
        assert_eq!(met(&before, &later(LIFETIME + DAY), &request), Err(Reason::Expired), "{mode:?}");
        // Its trust is gone.
        let without = Ruleset::without_trust(mode, present.clone());
        assert!(met(&without, &evidence, &request).is_err(), "{mode:?}");
    }
}

#[test]
fn other_policies_change_what_it_may_do_or_end_it() {
    let fleet = Fleet::new();
    let with = |policies| fleet.rules(Mode::Enforce, policies);
    let before = with(vec![policy("first", &[])]);
    let evidence = presented(&before, fleet.client("dev-1"));
    let (permit, id) = enter(&before, &evidence);
    let bound = |client_id| Policy { client_id, ..policy("bound", &[]) };
    let other_id = {
        let Ok(Granted::Admitted { client_id: Some(id), .. }) =
            decide(&before, &evidence, &Request::Connect(connect("dev-10"))).outcome
        else {
            panic!("any client id is allowed");
        };
        id
    };
    for (policies, id, expected) in [
        (vec![policy("second", &[])], &id, Some("second")),
        // Of the same name, and yet another.
        (vec![policy("first", &[])], &id, Some("first")),
        (vec![policy("failed", &["FAILED"]), policy("second", &[])], &id, Some("second")),
        (vec![policy("failed", &["FAILED"])], &id, None),
        (vec![Policy { action: Action::Deny, ..policy("denied", &[]) }, policy("second", &[])], &id, None),
        (
            vec![Policy { action: Action::Report, ..policy("noted", &[]) }, policy("second", &[])],
            &id,
            Some("second"),
        ),
        (vec![Policy { action: Action::Report, ..policy("noted", &[]) }], &id, None),
        (vec![Policy { action: Action::Quarantine, ..policy("apart", &[]) }], &id, Some("apart")),
        (vec![bound(ClientIdRule::MustEqual)], &id, Some("bound")),
        (vec![bound(ClientIdRule::MustEqual)], &other_id, None),
        (vec![], &id, None),
    ] {
        let names: Vec<_> = policies.iter().map(|policy| policy.name.clone()).collect();
        let found = standing(&with(policies), &evidence, &permit, id);
        assert_eq!(found.as_deref(), expected, "{names:?}");
    }
}

#[test]
fn a_session_is_that_of_one_identity() {
    let fleet = Fleet::new();
    let policies = || vec![policy("proven", &[])];
    let with = |template: &str| {
        let template = template.parse::<Template>().expect("a template");
        let template = IdentityTemplate { device_id: template.into(), ..IdentityTemplate::default() };
        rules(Mode::Enforce, fleet.trust.clone(), access(template, policies()))
    };
    let before = with("{CN}");
    let evidence = presented(&before, fleet.client("dev-1"));
    let (permit, id) = enter(&before, &evidence);
    for (template, expected) in [("{CN}", Some("proven")), ("x{CN}", None), ("{O}", None)] {
        let found = standing(&with(template), &evidence, &permit, &id);
        assert_eq!(found.as_deref(), expected, "{template}");
    }
}

/// A policy for certificates that end soon matches at some time, though nothing else has changed.
#[test]
fn time_alone_turns_a_session_over_to_another_policy() {
    let fleet = Fleet::new();
    let soon = || vec![Condition::EndsWithin(Duration::from_secs(5 * DAY))];
    let never = Condition::Listener(vec![usize::MAX]);
    for condition in [
        soon().remove(0),
        Condition::All(soon()),
        Condition::Any([vec![never], soon()].concat()),
        Condition::Not(vec![Condition::Not(soon())]),
    ] {
        turns_over_by(&fleet, condition);
    }
}

/// `condition` holds for the last five days of a certificate.
fn turns_over_by(fleet: &Fleet, condition: Condition) {
    let mut ending = policy("ending", &[]);
    ending.matches.conditions = vec![condition];
    let rules = fleet.rules(Mode::Enforce, vec![ending, policy("proven", &[])]);
    let evidence = presented(&rules, fleet.client("dev-1"));
    let (permit, id) = enter(&rules, &evidence);
    assert_eq!(permit.policy_name(), "proven");
    let begin = LIFETIME - 5 * DAY;
    assert_eq!(permit.next_turn(at(now())).map(|turn| turn.as_secs() / DAY), Some((now() + begin) / DAY));
    let turn = permit.next_turn(at(now())).expect("a turn");
    assert_eq!(permit.next_turn(turn), None, "it is over then");
    for (after, expected) in [(0, "unchanged"), (begin - 60, "unchanged"), (begin + 60, "ending")] {
        let evidence = evidence.clone().at(at(now() + after));
        assert_eq!(standing(&rules, &evidence, &permit, &id).as_deref(), Some(expected), "{after} s later");
    }
}

#[test]
fn somebody_unproven_stays_while_its_verdict_is_the_same() {
    let fleet = Fleet::new();
    let unproven = || vec![policy("unproven", &["FAILED", "NONE"])];
    let with = |mode, serials: &[u64]| {
        rules(mode, fleet.revoking(serials), access(IdentityTemplate::default(), unproven()))
    };
    let permissive = with(Mode::Permissive, &[7]);
    let stranger = pki::client(&pki::ca("Somebody Else's CA"), 7, |_| ());
    let same_access =
        |mode, serials: &[u64]| rules(mode, fleet.revoking(serials), permissive.access().clone());
    for (what, evidence, reason) in [
        ("revoked", presented(&permissive, fleet.client("dev-1")), Reason::Revoked),
        ("a stranger", presented(&permissive, stranger), Reason::UnknownCa),
        ("nobody", Evidence::new(ChainResult::NotPresented, at(now())), Reason::NoCertificate),
    ] {
        let (permit, id) = enter(&permissive, &evidence);
        let request = Request::Continue(&permit, id.client_id());
        assert_eq!(met(&permissive, &evidence, &request), Ok("goes on".into()), "{what}");
        // Enforcing again, it is refused as it would have been.
        assert_eq!(met(&same_access(Mode::Enforce, &[7]), &evidence, &request), Err(reason), "{what}");
        // Its certificate is on no list any more: it is somebody now, and has to come in as that.
        let found = met(&same_access(Mode::Permissive, &[]), &evidence, &request);
        let expected =
            if reason == Reason::Revoked { Err(Reason::PolicyDenied) } else { Ok("goes on".to_owned()) };
        assert_eq!(found, expected, "{what}");
        // What it is refused for now is something else than it was.
        let later = evidence.clone().at(at(now() + LIFETIME + DAY));
        let found = met(&same_access(Mode::Permissive, &[]), &later, &request);
        let expected = match reason {
            Reason::NoCertificate | Reason::UnknownCa => Ok("goes on".to_owned()),
            _ => Err(Reason::Expired),
        };
        assert_eq!(found, expected, "{what}, later");
        // Policies that do not let it in any more.
        let denied = rules(
            Mode::Permissive,
            fleet.revoking(&[7]),
            access(IdentityTemplate::default(), vec![policy("proven", &[])]),
        );
        assert_eq!(met(&denied, &evidence, &request), Err(Reason::PolicyDenied), "{what}");
    }
}

/// A session is judged by how its client came, which nobody says again.
#[test]
fn other_policies_are_for_the_origin_of_the_session() {
    let fleet = Fleet::new();
    let origin = Origin { listener: Some(1), ..Origin::default() };
    let before = fleet.rules(Mode::Enforce, vec![policy("first", &[])]);
    let evidence = presented(&before, fleet.client("dev-1"));
    let (permit, id) = enter(&before, &evidence.clone().origin(origin));
    for (listener, expected) in [(1, Some("second")), (2, None)] {
        let mut second = policy("second", &[]);
        second.matches.conditions = vec![Condition::Listener(vec![listener])];
        let found = standing(&fleet.rules(Mode::Enforce, vec![second]), &evidence, &permit, &id);
        assert_eq!(found.as_deref(), expected, "listener {listener}");
    }
}
