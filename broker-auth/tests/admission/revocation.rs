//! Revocation lists: which count, which are refused, and what they do to clients on their way in and in already.

use std::sync::Arc;

use authenticator::reason::Reason;
use authenticator::trust::{CrlCheck, CrlFault, Freshness, StaleCrl, TrustError};
use broker_rules::clock::Clock;
use broker_rules::store::{CrlNumbers, LoadError, RulesetStore};
use rcgen::RevocationReason;

use crate::pki::{Ca, DAY, Fleet, TODAY, ca_params, crl_pem as pem};
use crate::unusual_crl::{UnusualCrl, element, extension};

#[test]
fn a_revoked_device_is_refused_and_its_live_session_ends() {
    let fleet = Fleet::new();
    let (stolen, other) = (fleet.ca.client("pump-1", 1), fleet.ca.client("pump-2", 2));
    let (live_stolen, live_other) = (fleet.admit(&stolen), fleet.admit(&other));
    let mut changed = fleet.changes();
    changed.mark_unchanged();

    let report = fleet.publish(fleet.ca.crl(11, &[(1, Some(RevocationReason::KeyCompromise))]));
    assert!(report.changed && report.refused.is_empty(), "{report:?}");
    assert!(changed.has_changed().expect("the store lives"));
    assert_eq!(fleet.reason(&stolen), Some(Reason::Revoked));
    let refusal = fleet.recheck(&live_stolen).expect_err("it is revoked");
    assert_eq!(refusal.reason, Reason::Revoked);
    assert!(refusal.evidence.contains("keyCompromise"), "{refusal}");
    assert!(refusal.evidence.contains("CRL number 11"), "{refusal}");
    assert_eq!(fleet.reason(&other), None);
    fleet.recheck(&live_other).expect("not revoked");
}

#[test]
fn a_suspended_device_comes_back_when_the_hold_is_lifted() {
    let fleet = Fleet::new();
    let client = fleet.ca.client("pump-1", 1);
    fleet.publish(fleet.ca.crl(11, &[(1, Some(RevocationReason::CertificateHold))]));
    assert_eq!(fleet.reason(&client), Some(Reason::Suspended));
    fleet.publish(fleet.ca.crl(12, &[]));
    assert_eq!(fleet.reason(&client), None);
}

/// Some tools append where they should replace. In whatever order the entries stand, the worst of them counts.
#[test]
fn of_a_serial_number_that_is_listed_twice_the_worst_reading_counts() {
    use RevocationReason::{CertificateHold, KeyCompromise, RemoveFromCrl, Superseded};
    let fleet = Fleet::new();
    let client = fleet.ca.client("pump-1", 7);
    let device = fleet.admit(&client);
    for (number, (first, second, reason)) in (11..).zip([
        (Some(CertificateHold), Some(KeyCompromise), Reason::Revoked),
        (Some(CertificateHold), None, Reason::Revoked),
        (Some(RemoveFromCrl), Some(Superseded), Reason::Revoked),
        (Some(CertificateHold), Some(RemoveFromCrl), Reason::Suspended),
        (Some(CertificateHold), Some(CertificateHold), Reason::Suspended),
    ]) {
        for (offset, entries) in [[first, second], [second, first]].into_iter().enumerate() {
            // Others around them, so that they are not always neighbours.
            let entries =
                [(3, None), (7, entries[0]), (5, Some(CertificateHold)), (7, entries[1]), (9, None)];
            fleet.publish(fleet.ca.crl(number * 2 + offset as u64, &entries));
            assert_eq!(fleet.reason(&client), Some(reason), "{entries:?}");
            let verdict = fleet.recheck(&device).map_err(|refusal| refusal.reason);
            assert_eq!(verdict, Err(reason), "{entries:?}");
        }
    }
}

/// Only if nothing else is said against a certificate does its identity come back with another: a session that waits then stays.
#[test]
fn a_session_ends_unless_all_that_is_said_is_that_another_certificate_took_the_place() {
    use RevocationReason::{CessationOfOperation, KeyCompromise, Superseded};
    let fleet = Fleet::new();
    let device = fleet.admit(&fleet.ca.client("pump-1", 7));
    for (number, (first, second, ends)) in (11..).zip([
        (Some(Superseded), Some(Superseded), false),
        (Some(KeyCompromise), Some(Superseded), true),
        (Some(CessationOfOperation), Some(Superseded), true),
        (None, Some(Superseded), true),
    ]) {
        for (offset, entries) in [[first, second], [second, first]].into_iter().enumerate() {
            fleet.publish(fleet.ca.crl(number * 2 + offset as u64, &[(7, entries[0]), (7, entries[1])]));
            let refusal = fleet.recheck(&device).expect_err("revoked");
            assert_eq!(refusal.reason, Reason::Revoked, "{entries:?}");
            assert_eq!(refusal.ends_session(), ends, "{entries:?}");
        }
    }
}

#[test]
fn pem_der_and_text_before_pem_are_the_same_list() {
    let fleet = Fleet::new();
    let client = fleet.ca.client("pump-1", 1);
    for (number, armour) in [(11, "pem"), (12, "der"), (13, "text")] {
        fleet.publish(fleet.ca.crl(number * 10, &[]));
        assert_eq!(fleet.reason(&client), None, "{armour}");
        let crl = fleet.ca.crl(number * 10 + 1, &[(1, None)]);
        let report = match armour {
            "pem" => fleet.publish(pem(&crl)),
            "text" => fleet.publish(format!("Certificate Revocation List (CRL):\n{}", pem(&crl))),
            _ => fleet.publish(crl),
        };
        assert_eq!(report.refused, Vec::<String>::new(), "{armour}");
        assert_eq!(fleet.reason(&client), Some(Reason::Revoked), "{armour}");
    }
}

#[test]
fn serial_numbers_match_with_and_without_a_sign_octet() {
    let fleet = Fleet::new();
    let client = fleet.ca.client("pump-1", 0x80);
    fleet.publish(
        UnusualCrl { entries: vec![(vec![0x80], vec![])], ..UnusualCrl::default() }.signed_by(&fleet.ca),
    );
    assert_eq!(fleet.reason(&client), Some(Reason::Revoked));
    fleet.publish(
        UnusualCrl { number: Some(12), entries: vec![(vec![0x00, 0x80], vec![])], ..UnusualCrl::default() }
            .signed_by(&fleet.ca),
    );
    assert_eq!(fleet.reason(&client), Some(Reason::Revoked));
}

/// Each list is properly signed unless it says otherwise, revokes serial 1, and must change nothing.
#[test]
fn a_list_that_is_refused_leaves_the_present_one_in_force() {
    let fleet = Fleet::new();
    let client = fleet.ca.client("pump-1", 1);
    let revoking = || UnusualCrl { entries: vec![(vec![1], vec![])], ..UnusualCrl::default() };
    let with_extension = |extensions: Vec<u8>| UnusualCrl { extensions, ..revoking() }.signed_by(&fleet.ca);
    let unknown = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x86, 0x8d, 0x1f, 0x01];

    let mut tampered = fleet.ca.crl(11, &[(1, None)]);
    let last = tampered.len() - 1;
    tampered[last] ^= 1;
    let mut truncated = fleet.ca.crl(11, &[(1, None)]);
    truncated.pop();
    let mut trailing = fleet.ca.crl(11, &[(1, None)]);
    trailing.push(0);

    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a changed signature", tampered, "its signature is not that of"),
        (
            "the CA's name with another key",
            Ca::root("Fleet Device CA").crl(11, &[(1, None)]),
            "Fleet Device CA",
        ),
        ("another CA", Ca::root("Another CA").crl(11, &[(1, None)]), "which is no CA of this trust"),
        ("an older number", fleet.ca.crl(9, &[(1, None)]), "its number 9 is older than 10"),
        ("nothing", Vec::new(), "holds no revocation list"),
        ("half a list", truncated, "no revocation list that can be used"),
        ("more than a list", trailing, "no revocation list that can be used"),
        ("a certificate", fleet.ca.certificate.der().to_vec(), "no revocation list that can be used"),
        ("a certificate in PEM", fleet.ca.certificate.pem().into_bytes(), "holds no revocation list"),
        (
            "an unknown critical extension",
            with_extension(extension(unknown, true, &[5, 0])),
            "the critical extension 1.3.6.1.4.1.99999.1",
        ),
        (
            "a delta",
            with_extension(extension(&[0x55, 0x1d, 0x1b], true, &element(0x02, &[5]))),
            "it is a delta CRL: it lists only what changed since the list with number 5",
        ),
        (
            "an indirect list",
            with_extension(extension(&[0x55, 0x1d, 0x1c], true, &element(0x30, &element(0x84, &[0xff])))),
            "it is an indirect CRL",
        ),
        (
            "a partition",
            with_extension(extension(
                &[0x55, 0x1d, 0x1c],
                true,
                &element(0x30, &element(0xa0, &element(0xa0, &element(0x86, b"http://crl/1")))),
            )),
            "it is the list of http://crl/1, and may be one of several",
        ),
        (
            "an unknown critical entry extension",
            UnusualCrl {
                entries: vec![(vec![1], extension(unknown, true, &[5, 0]))],
                ..UnusualCrl::default()
            }
            .signed_by(&fleet.ca),
            "the critical extension 1.3.6.1.4.1.99999.1",
        ),
        (
            "tomorrow's list",
            UnusualCrl { this_update: TODAY + DAY, ..revoking() }.signed_by(&fleet.ca),
            "which is in the future",
        ),
        (
            "a life that ends before it begins",
            UnusualCrl { next_update: Some(TODAY - DAY), ..revoking() }.signed_by(&fleet.ca),
            "its nextUpdate is not after its thisUpdate",
        ),
    ];
    for (name, crl, wanted) in cases {
        let generation = fleet.store.generation();
        let report = fleet.publish(crl);
        assert_eq!(report.refused.len(), 1, "{name}: {report:?}");
        assert!(report.refused[0].contains(wanted), "{name}: {:?}", report.refused);
        assert!(!report.changed, "{name}");
        assert_eq!(fleet.store.generation(), generation, "{name}");
        assert_eq!(fleet.reason(&client), None, "{name}");
    }
    // The same hand-made list with nothing wrong is taken: what was refused above was refused for its fault.
    fleet.publish(revoking().signed_by(&fleet.ca));
    assert_eq!(fleet.reason(&client), Some(Reason::Revoked));
}

#[test]
fn an_unknown_extension_that_is_not_critical_is_accepted() {
    let fleet = Fleet::new();
    let unknown = extension(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x86, 0x8d, 0x1f, 0x01], false, &[5, 0]);
    let list = UnusualCrl {
        entries: vec![(vec![1], unknown.clone())],
        extensions: unknown,
        ..UnusualCrl::default()
    };
    assert_eq!(fleet.publish(list.signed_by(&fleet.ca)).refused, Vec::<String>::new());
    assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked));
}

#[test]
fn a_list_that_vanishes_stays_in_force() {
    let fleet = Fleet::new();
    fleet.publish(fleet.ca.crl(11, &[(1, None)]));
    std::fs::remove_file(fleet.path("ca.crl")).expect("it is there");
    let report = fleet.store.reload_crls();
    assert_eq!(report.refused.len(), 1);
    assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked));
}

#[test]
fn reading_the_same_list_again_changes_nothing() {
    let fleet = Fleet::new();
    let generation = fleet.store.generation();
    assert!(!fleet.store.reload_crls().changed);
    assert_eq!(fleet.store.generation(), generation);
}

#[test]
fn several_lists_of_one_issuer_count_together() {
    let mut fleet = Fleet::unloaded();
    std::fs::create_dir(fleet.path("crls")).expect("folder");
    fleet.write("crls/station-1.crl", fleet.ca.crl(20, &[(1, None)]));
    fleet.write(
        "crls/station-2.crl",
        fleet.ca.crl(5, &[(2, None), (3, Some(RevocationReason::CertificateHold))]),
    );
    fleet.write("crls/.station-3.crl.tmp", "half written");
    fleet.trust.crl = vec![fleet.path("crls").into()];
    let report = fleet.load().expect("two lists");
    assert_eq!(report.trusts[0].crls[0].entries, 3);
    assert_eq!(report.trusts[0].crls[0].number.map(|number| number.to_string()).as_deref(), Some("20"));
    assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked));
    assert_eq!(fleet.reason(&fleet.ca.client("pump-2", 2)), Some(Reason::Revoked));
    assert_eq!(fleet.reason(&fleet.ca.client("pump-3", 3)), Some(Reason::Suspended));
    assert_eq!(fleet.reason(&fleet.ca.client("pump-4", 4)), None);

    // A new file in the folder is taken up, and a serial on hold in one list and revoked in another is revoked.
    fleet.write("crls/station-3.crl", fleet.ca.crl(6, &[(3, None), (4, None)]));
    assert!(fleet.store.reload_crls().changed);
    assert_eq!(fleet.reason(&fleet.ca.client("pump-3", 3)), Some(Reason::Revoked));
    assert_eq!(fleet.reason(&fleet.ca.client("pump-4", 4)), Some(Reason::Revoked));
}

#[test]
fn the_lists_of_several_issuers_may_stand_in_one_file() {
    let mut fleet = Fleet::unloaded();
    let other = Ca::root("Another CA");
    fleet.anchor_also(&other);
    fleet.write(
        "ca.crl",
        format!("{}{}", pem(&fleet.ca.crl(1, &[(1, None)])), pem(&other.crl(1, &[(2, None)]))),
    );
    fleet.load().expect("two issuers");
    assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked));
    assert_eq!(fleet.reason(&fleet.ca.client("pump-2", 2)), None);
    assert_eq!(fleet.reason(&other.client("pump-1", 1)), None);
    assert_eq!(fleet.reason(&other.client("pump-2", 2)), Some(Reason::Revoked));
}

#[test]
fn without_a_list_of_the_issuer_the_trust_does_not_load() {
    let mut fleet = Fleet::unloaded();
    std::fs::create_dir(fleet.path("empty")).expect("folder");
    fleet.trust.crl = vec![fleet.path("empty").into()];
    assert!(matches!(fleet.load(), Err(LoadError::Trust(TrustError::NoCrl { .. }))));
}

#[test]
fn an_older_list_is_refused_after_a_restart_too() {
    let fleet = Fleet::new();
    fleet.publish(fleet.ca.crl(12, &[(1, None)]));
    fleet.write("ca.crl", fleet.ca.crl(11, &[]));

    let restarted = |numbers: CrlNumbers| {
        RulesetStore::new(Arc::clone(&fleet.clock) as Arc<dyn Clock>, Arc::new(numbers), Arc::default())
            .load(std::slice::from_ref(&fleet.trust))
            .map(|_| ())
    };
    let kept = || CrlNumbers::open(fleet.directory.path()).expect("a good record");
    match restarted(kept()) {
        Err(LoadError::Trust(TrustError::Crl { fault: CrlFault::Older { number, highest }, .. })) => {
            assert_eq!((number.to_string(), highest.to_string()), ("11".to_owned(), "12".to_owned()));
        }
        other => panic!("an older list was expected to be refused, and not {other:?}"),
    }
    fleet.write("ca.crl", fleet.ca.crl(12, &[]));
    restarted(kept()).expect("the same number is not older");

    fleet.write("crl-numbers.json", "{\"");
    assert!(CrlNumbers::open(fleet.directory.path()).is_err(), "a damaged record is not an empty one");
}

#[test]
fn commands_that_only_read_write_no_crl_numbers() {
    let fleet = Fleet::unloaded();
    let numbers = Arc::new(CrlNumbers::read_only(fleet.directory.path()).expect("no record yet"));
    let store = RulesetStore::new(Arc::clone(&fleet.clock) as Arc<dyn Clock>, numbers, Arc::default());
    store.load(std::slice::from_ref(&fleet.trust)).expect("a proper trust");
    assert!(!fleet.path("crl-numbers.json").exists());
}

#[test]
fn a_list_ages_from_current_to_stale() {
    let fleet = Fleet::new();
    let freshness = |time| {
        fleet.clock.set(time);
        fleet.store.report().trusts[0].crls[0].freshness
    };
    // Seven days of life, a day of grace.
    assert_eq!(freshness(TODAY), Freshness::Current);
    assert_eq!(freshness(TODAY + 7 * DAY * 3 / 4), Freshness::Current);
    assert_eq!(freshness(TODAY + 7 * DAY * 3 / 4 + 1), Freshness::Due);
    assert_eq!(freshness(TODAY + 7 * DAY), Freshness::Due);
    assert_eq!(freshness(TODAY + 7 * DAY + 1), Freshness::Late);
    assert_eq!(freshness(TODAY + 8 * DAY), Freshness::Late);
    assert_eq!(freshness(TODAY + 8 * DAY + 1), Freshness::Stale);
}

#[test]
fn a_stale_list_is_treated_as_its_trust_says() {
    for (policy, new, live) in [
        (StaleCrl::DenyNew, Some(Reason::StaleCrl), None),
        (StaleCrl::DenyAll, Some(Reason::StaleCrl), Some(Reason::StaleCrl)),
        (StaleCrl::Alarm, None, None),
    ] {
        let mut fleet = Fleet::unloaded();
        fleet.trust.stale_crl = policy;
        fleet.write("ca.crl", fleet.ca.crl(10, &[(2, None)]));
        fleet.load().expect("a proper trust");
        let client = fleet.ca.client("pump-1", 1);
        let device = fleet.admit(&client);
        let live_reason = || fleet.recheck(&device).err().map(|refusal| refusal.reason);

        fleet.clock.set(TODAY + 8 * DAY);
        assert_eq!((fleet.reason(&client), live_reason()), (None, None), "{policy:?} within the grace");
        fleet.clock.set(TODAY + 8 * DAY + 1);
        assert_eq!((fleet.reason(&client), live_reason()), (new, live), "{policy:?} after the grace");
        // Who is known to be revoked is refused as that, however old the list.
        assert_eq!(fleet.reason(&fleet.ca.client("pump-2", 2)), Some(Reason::Revoked), "{policy:?}");

        fleet.publish(
            UnusualCrl {
                this_update: TODAY + 8 * DAY,
                next_update: Some(TODAY + 15 * DAY),
                ..UnusualCrl::default()
            }
            .signed_by(&fleet.ca),
        );
        assert_eq!((fleet.reason(&client), live_reason()), (None, None), "{policy:?} with a fresh list");
    }
}

#[test]
fn a_live_session_does_not_outlive_its_certificate() {
    let mut fleet = Fleet::unloaded();
    fleet.trust.stale_crl = StaleCrl::Alarm;
    fleet.load().expect("a proper trust");
    let device = fleet.admit(&fleet.ca.client("pump-1", 1));
    assert_eq!(device.chain().not_after().as_secs(), TODAY + 365 * DAY);
    fleet.clock.set(TODAY + 365 * DAY);
    fleet.recheck(&device).expect("its last second");
    fleet.clock.set(TODAY + 365 * DAY + 1);
    assert_eq!(fleet.recheck(&device).map_err(|refusal| refusal.reason), Err(Reason::Expired));
}

#[test]
fn chain_checks_the_intermediates_too_and_leaf_does_not() {
    for (check, reason) in [(CrlCheck::Leaf, None), (CrlCheck::Chain, Some(Reason::Revoked))] {
        let mut fleet = Fleet::unloaded();
        let mut params = ca_params("Issuing");
        params.serial_number = Some(77.into());
        let issuing = fleet.ca.below(params);
        fleet.write("issuing.pem", issuing.certificate.pem());
        fleet.write("issuing.crl", issuing.crl(1, &[]));
        fleet.trust.intermediates = vec![fleet.path("issuing.pem")];
        fleet.trust.crl.push(fleet.path("issuing.crl").into());
        fleet.trust.crl_check = check;
        fleet.load().expect("a proper trust");
        let client = issuing.client("pump-1", 1);
        let device = fleet.admit(&client);

        fleet.publish(fleet.ca.crl(11, &[(77, Some(RevocationReason::CaCompromise))]));
        assert_eq!(fleet.reason(&client), reason, "{check:?}");
        assert_eq!(fleet.recheck(&device).err().map(|refusal| refusal.reason), reason, "{check:?}");
    }
}

#[test]
fn clients_of_an_issuer_without_a_list_are_refused() {
    let mut fleet = Fleet::unloaded();
    fleet.trust.crl_check = CrlCheck::Leaf;
    fleet.load().expect("the anchor has a list");
    let issuing = fleet.ca.below(ca_params("Issuing"));
    let client = issuing.client("pump-1", 1);
    let refusal = fleet.verify(&[&client.der, issuing.certificate.der()]).expect_err("who knows");
    assert_eq!(refusal.reason, Reason::StaleCrl, "{}", refusal.evidence);
}

#[test]
fn a_folder_that_is_emptied_or_goes_away_takes_no_list_with_it() {
    let mut fleet = Fleet::unloaded();
    std::fs::create_dir(fleet.path("crls")).expect("folder");
    fleet.write("crls/1.crl", fleet.ca.crl(20, &[(1, None)]));
    fleet.trust.crl = vec![fleet.path("crls").into()];
    fleet.load().expect("one list");
    let (stolen, other) = (fleet.ca.client("pump-1", 1), fleet.ca.client("pump-2", 2));

    std::fs::remove_file(fleet.path("crls/1.crl")).expect("it is there");
    assert_eq!(fleet.store.reload_crls().refused.len(), 1);
    assert_eq!((fleet.reason(&stolen), fleet.reason(&other)), (Some(Reason::Revoked), None));
    std::fs::remove_dir(fleet.path("crls")).expect("it is there");
    assert_eq!(fleet.store.reload_crls().refused.len(), 1);
    assert_eq!((fleet.reason(&stolen), fleet.reason(&other)), (Some(Reason::Revoked), None));

    std::fs::create_dir(fleet.path("crls")).expect("folder");
    fleet.write("crls/2.crl", fleet.ca.crl(21, &[(2, None)]));
    assert_eq!(fleet.store.reload_crls().refused, Vec::<String>::new());
    assert_eq!((fleet.reason(&stolen), fleet.reason(&other)), (None, Some(Reason::Revoked)));
}

#[test]
fn revocation_can_be_switched_off_by_a_reload_of_the_configuration() {
    let mut fleet = Fleet::new();
    fleet.publish(fleet.ca.crl(11, &[(1, None)]));
    let client = fleet.ca.client("pump-1", 1);
    assert_eq!(fleet.reason(&client), Some(Reason::Revoked));
    fleet.trust.crl = Vec::new();
    fleet.trust.crl_check = CrlCheck::Off;
    let report = fleet.load().expect("no list is needed");
    assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
    assert_eq!(fleet.reason(&client), None);
}
