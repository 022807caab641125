//! What becomes of a client by what is known by OCSP: every mode of a trust, every evidence, every mode of a listener.

use authenticator::decide::{Granted, OcspStanding, Request, Standing, Step, decide};
use authenticator::evidence::{Evidence, OcspEvidence};
use authenticator::identity::Client;
use authenticator::policy::{ClientIdBinding, Permit};
use authenticator::reason::{Reason, Refusal};
use authenticator::ruleset::{Mode, Ruleset};
use authenticator::trust::OcspMode;
use x509_cert::ext::pkix::CrlReason;
use x509_ocsp::CertStatus;

use super::fleet::{Fleet, Lists, revoked};
use crate::fleet::connect;
use crate::pki::{self, DAY, HOUR, SERIAL, now};

/// How a step of OCSP, or the refusal instead of it, is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nobody is to be asked.
    NotLookedAt,
    Good,
    /// It goes on without an answer; whether a list is there instead.
    ListInstead,
    Unchecked,
    Refused(Reason),
}

use Outcome::{Good, ListInstead, NotLookedAt, Refused, Unchecked};

/// What is said of OCSP on the way in, and as whom the client comes in.
fn connected(rules: &Ruleset, evidence: &Evidence) -> (Outcome, Result<(Permit, ClientIdBinding), Refusal>) {
    let decision = decide(rules, evidence, &Request::Connect(connect("dev-1")));
    let granted = decision.outcome.map(|granted| match granted {
        Granted::Admitted { permit, client_id: Some(client_id) } => (permit, client_id),
        other => panic!("{other:?}"),
    });
    let refused = match &granted {
        Ok((permit, _)) => match permit.client() {
            Client::Unproven(unproven) => Some(unproven.fault().reason),
            Client::Verified(_) => None,
        },
        Err(refusal) => Some(refusal.reason),
    };
    let steps = decision.trace.iter().filter_map(|step| match step {
        Step::Ocsp(OcspStanding::Good { .. }) => Some(Good),
        Step::Ocsp(OcspStanding::ListInstead { .. }) => Some(ListInstead),
        Step::Ocsp(OcspStanding::Unchecked { .. }) => Some(Unchecked),
        _ => None,
    });
    let outcome = match (steps.collect::<Vec<_>>().as_slice(), refused) {
        ([], None) => NotLookedAt,
        ([step], None) => *step,
        ([], Some(reason)) => Refused(reason),
        other => panic!("{other:?}"),
    };
    (outcome, granted)
}

/// What there may be, and what comes of it: with `off`, `prefer` and `require`.
fn matrix(fleet: &Fleet) -> Vec<(&'static str, OcspEvidence, u64, [Outcome; 3])> {
    let (unavailable, on_hold) = (Refused(Reason::OcspUnavailable), Refused(Reason::Suspended));
    let revoked_for_good = Refused(Reason::Revoked);
    let answered = |status| OcspEvidence::Answered(fleet.answer(status));
    let none_here = [NotLookedAt, Unchecked, unavailable];
    let other = pki::chain(&pki::trust(&fleet.ca, |_, _| ()), &[pki::client(&fleet.ca, SERIAL + 1, |_| ())]);
    let about_another = OcspEvidence::Answered(fleet.answer_by(&fleet.ca, &other, CertStatus::good()));
    let namesake = pki::ca("Device CA");
    let of_namesake = pki::chain_of(&namesake, SERIAL);
    let by_another = OcspEvidence::Answered(fleet.answer_by(&namesake, &of_namesake, CertStatus::good()));
    let (today, tomorrow) = (now(), now() + DAY + 60);
    let hold = Some(CrlReason::CertificateHold);
    vec![
        ("not asked", OcspEvidence::NotAsked, today, none_here),
        ("no answer", OcspEvidence::Unavailable("the network is down".into()), today, none_here),
        ("good", answered(CertStatus::good()), today, [NotLookedAt, Good, Good]),
        ("good yesterday", answered(CertStatus::good()), tomorrow, none_here),
        ("good, another certificate", about_another, today, none_here),
        ("good, of another CA of that name", by_another, today, none_here),
        ("unknown", answered(CertStatus::unknown()), today, [NotLookedAt, unavailable, unavailable]),
        ("revoked", answered(revoked(None)), today, [NotLookedAt, revoked_for_good, revoked_for_good]),
        (
            "revoked, as it was on no list any more",
            answered(revoked(Some(CrlReason::RemoveFromCRL))),
            today,
            [NotLookedAt, revoked_for_good, revoked_for_good],
        ),
        ("on hold", answered(revoked(hold)), today, [NotLookedAt, on_hold, on_hold]),
        ("on hold yesterday", answered(revoked(hold)), tomorrow, none_here),
    ]
}

const MODES: [OcspMode; 3] = [OcspMode::Off, OcspMode::Prefer, OcspMode::Require];

#[test]
fn a_client_comes_in_by_the_mode_and_the_evidence() {
    let fleet = Fleet::new();
    for (what, ocsp, time, outcomes) in matrix(&fleet) {
        for (ocsp_mode, expected) in MODES.into_iter().zip(outcomes) {
            let evidence = fleet.evidence(ocsp.clone(), time);
            let rules = |mode| fleet.rules(mode, ocsp_mode, Lists::None);
            let (outcome, granted) = connected(&rules(Mode::Enforce), &evidence);
            assert_eq!(outcome, expected, "{what}, {ocsp_mode:?}");
            assert_eq!(granted.is_err(), matches!(expected, Refused(_)), "{what}, {ocsp_mode:?}");
            // Permissive: the same is found, and the client comes in as nobody.
            let (outcome, granted) = connected(&rules(Mode::Permissive), &evidence);
            assert_eq!(outcome, expected, "{what}, {ocsp_mode:?}");
            let (permit, _) = granted.expect("there is a policy for everybody");
            let (policy, verdict) = match expected {
                Refused(reason) => ("unproven", format!("FAILED:{reason}")),
                _ => ("proven", "SUCCESS".to_owned()),
            };
            assert_eq!(permit.policy_name(), policy, "{what}, {ocsp_mode:?}");
            assert_eq!(permit.client().verdict().to_string(), verdict, "{what}, {ocsp_mode:?}");
        }
    }
}

/// A session that was opened when all was well is judged again by the last answer.
#[test]
fn a_session_goes_on_by_the_mode_and_the_evidence() {
    let fleet = Fleet::new();
    let good = OcspEvidence::Answered(fleet.answer(CertStatus::good()));
    for (what, ocsp, time, outcomes) in matrix(&fleet) {
        for (ocsp_mode, expected) in MODES.into_iter().zip(outcomes) {
            for mode in [Mode::Enforce, Mode::Permissive] {
                let rules = fleet.rules(mode, ocsp_mode, Lists::None);
                let (_, granted) = connected(&rules, &fleet.evidence(good.clone(), now()));
                let (permit, binding) = granted.expect("all is well");
                let evidence = fleet.evidence(ocsp.clone(), time);
                let decision = decide(&rules, &evidence, &Request::Continue(&permit, binding.client_id()));
                match (decision.outcome, expected) {
                    (Err(refusal), Refused(reason)) => assert_eq!(refusal.reason, reason, "{what}"),
                    (Ok(Granted::Continued(Standing::Unchanged)), NotLookedAt | Good | Unchecked) => {}
                    other => panic!("{what}, {ocsp_mode:?}, {mode:?}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn somebody_unproven_stays_for_as_long_as_the_reason_does() {
    let fleet = Fleet::new();
    let rules = fleet.rules(Mode::Permissive, OcspMode::Require, Lists::None);
    let cases = matrix(&fleet).into_iter().map(|(what, ocsp, time, [.., found])| (what, ocsp, time, found));
    let cases: Vec<_> = cases.collect();
    for (what, ocsp, time, before) in &cases {
        let (_, granted) = connected(&rules, &fleet.evidence(ocsp.clone(), *time));
        let (permit, binding) = granted.expect("there is a policy for everybody");
        let Refused(before) = *before else { continue };
        for (then, ocsp, time, now) in &cases {
            let evidence = fleet.evidence(ocsp.clone(), *time);
            let decision = decide(&rules, &evidence, &Request::Continue(&permit, binding.client_id()));
            let reason = decision.outcome.err().map(|refusal| refusal.reason);
            let expected = match *now {
                Refused(now) if now == before => None,
                Refused(now) => Some(now),
                // It is somebody now, and has to come in as that.
                _ => Some(Reason::PolicyDenied),
            };
            assert_eq!(reason, expected, "{what}, and then {then}");
        }
    }
}

#[test]
fn without_an_answer_it_is_told_whether_a_list_is_there_instead() {
    let fleet = Fleet::new();
    let (fresh, stale) = (now() + DAY, now() - HOUR);
    for (lists, prefer) in [
        (Lists::None, Unchecked),
        (Lists::Due(&[], fresh), ListInstead),
        // Let pass, for `stale-crl = "alarm"`, and yet too old to be told from none.
        (Lists::Due(&[], stale), Unchecked),
        (Lists::Due(&[SERIAL], fresh), Refused(Reason::Revoked)),
    ] {
        let outcome = |ocsp_mode, ocsp| {
            let rules = fleet.rules(Mode::Enforce, ocsp_mode, lists);
            connected(&rules, &fleet.evidence(ocsp, now())).0
        };
        assert_eq!(outcome(OcspMode::Prefer, OcspEvidence::NotAsked), prefer, "{lists:?}");
        let require = match prefer {
            Refused(reason) => Refused(reason),
            _ => Refused(Reason::OcspUnavailable),
        };
        assert_eq!(outcome(OcspMode::Require, OcspEvidence::NotAsked), require, "{lists:?}");
        // A good answer takes nobody off a list.
        let good = OcspEvidence::Answered(fleet.answer(CertStatus::good()));
        let with_answer = if prefer == Refused(Reason::Revoked) { prefer } else { Good };
        assert_eq!(outcome(OcspMode::Prefer, good), with_answer, "{lists:?}");
    }
}

#[test]
fn a_delegate_that_is_on_a_list_answers_for_nobody() {
    let fleet = Fleet::new();
    let delegate = pki::delegate(&fleet.ca, |_| ());
    let answer = fleet.answer_by(&delegate, &fleet.chain(), CertStatus::good());
    let evidence = fleet.evidence(OcspEvidence::Answered(answer), now());
    for (revoked, expected) in [(&[][..], Good), (&[0x99], Refused(Reason::OcspUnavailable))] {
        let rules = fleet.rules(Mode::Enforce, OcspMode::Require, Lists::Due(revoked, now() + DAY));
        assert_eq!(connected(&rules, &evidence).0, expected);
    }
}

#[test]
fn the_evidence_says_what_was_found() {
    let fleet = Fleet::new();
    let rules = fleet.rules(Mode::Enforce, OcspMode::Require, Lists::None);
    let said = |ocsp, time| match connected(&rules, &fleet.evidence(ocsp, time)).1 {
        Err(refusal) => refusal.to_string(),
        Ok(granted) => panic!("{granted:?}"),
    };
    let answered = |status| OcspEvidence::Answered(fleet.answer(status));
    for (said, part) in [
        (said(OcspEvidence::NotAsked, now()), "ocsp_unavailable: no OCSP responder was asked about it"),
        (
            said(OcspEvidence::Unavailable("the network\nis down".into()), now()),
            "ocsp_unavailable: there is no OCSP answer: the network\\nis down",
        ),
        (said(answered(CertStatus::unknown()), now()), "the responder does not know the certificate"),
        (said(answered(CertStatus::good()), now() + 2 * DAY), "the OCSP answer counted until 2"),
        (
            said(answered(revoked(Some(CrlReason::KeyCompromise))), now()),
            "revoked: serial 8001 of CN=Device CA is revoked at 2",
        ),
        (
            said(answered(revoked(Some(CrlReason::CertificateHold))), now()),
            "suspended: serial 8001 of CN=Device CA is on hold since 2",
        ),
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn a_handshake_asks_nothing_of_ocsp() {
    let fleet = Fleet::new();
    let rules = fleet.rules(Mode::Enforce, OcspMode::Require, Lists::None);
    for ocsp in [OcspEvidence::NotAsked, OcspEvidence::Answered(fleet.answer(revoked(None)))] {
        let decision = decide(&rules, &fleet.evidence(ocsp, now()), &Request::Handshake);
        assert!(matches!(decision.outcome, Ok(Granted::Handshake)));
        assert!(!decision.trace.iter().any(|step| matches!(step, Step::Ocsp(_))));
    }
}
