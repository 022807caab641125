//! The last good list of each CA is there when a broker starts, whatever has become of its file.

use std::path::PathBuf;
use std::sync::Arc;

use authenticator::reason::Reason;
use broker_rules::clock::Clock;
use broker_rules::store::{CrlNumbers, RulesetStore, StartReport};
use rustls_pki_types::CertificateDer;

use crate::pki::{Ca, Client, DAY, Fleet, TODAY, crl_pem};
use crate::unusual_crl::UnusualCrl;

/// A broker that starts with what the one before has left.
struct Restarted {
    store: Arc<RulesetStore>,
    report: StartReport,
}

impl Restarted {
    fn of(fleet: &Fleet) -> Self {
        let numbers = Arc::new(CrlNumbers::open(fleet.directory.path()).expect("a good record"));
        let store = RulesetStore::new(Arc::clone(&fleet.clock) as Arc<dyn Clock>, numbers, Arc::default());
        let report = store.start(std::slice::from_ref(&fleet.trust)).expect("the anchors are good");
        Self { store, report }
    }

    fn reason(&self, client: &Client) -> Option<Reason> {
        let chain: [CertificateDer<'static>; 1] = [client.der.clone()];
        self.store.verify_chain(&chain).proven().err().map(|refusal| refusal.reason)
    }
}

fn copies(fleet: &Fleet) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(fleet.path("crl")) else { return Vec::new() };
    folder.map(|entry| entry.expect("an entry").path()).collect()
}

/// A broker has run, with a list that revokes serial 1.
fn stopped() -> Fleet {
    let fleet = Fleet::new();
    assert!(fleet.publish(fleet.ca.crl(12, &[(1, None)])).changed);
    fleet
}

#[test]
fn whatever_has_become_of_a_list_the_last_good_one_is_in_force_after_a_restart() {
    type Damage = fn(&Fleet);
    let damages: [(&str, Damage, &str); 8] = [
        ("gone", |fleet| std::fs::remove_file(fleet.path("ca.crl")).expect("there"), "cannot read"),
        ("empty", |fleet| drop(fleet.write("ca.crl", "")), "holds no revocation list"),
        ("half", |fleet| drop(fleet.write("ca.crl", &fleet.ca.crl(13, &[])[..99])), "is refused"),
        (
            "of another CA",
            |fleet| drop(fleet.write("ca.crl", Ca::root("Other").crl(13, &[]))),
            "no CA of this",
        ),
        ("older", |fleet| drop(fleet.write("ca.crl", fleet.ca.crl(11, &[]))), "older than 12"),
        (
            "of the future",
            |fleet| {
                let list = UnusualCrl { this_update: TODAY + DAY, ..UnusualCrl::default() };
                fleet.write("ca.crl", list.signed_by(&fleet.ca));
            },
            "in the future",
        ),
        (
            "a folder that cannot be a list",
            |fleet| {
                std::fs::remove_file(fleet.path("ca.crl")).expect("there");
                std::os::unix::fs::symlink("ca.crl", fleet.path("ca.crl")).expect("a link to itself");
            },
            "cannot read",
        ),
        (
            "PEM without an end",
            |fleet| {
                let pem = crl_pem(&fleet.ca.crl(13, &[]));
                fleet.write("ca.crl", &pem[..pem.len() - 30]);
            },
            "holds no revocation list",
        ),
    ];
    for (what, damage, why) in damages {
        let fleet = stopped();
        damage(&fleet);
        assert!(fleet.load().is_err(), "{what}: a strict caller refuses it");
        let broker = Restarted::of(&fleet);
        assert!(broker.report.is_usable && broker.report.refused.is_empty(), "{what}: {:?}", broker.report);
        let [told] = broker.report.replaced.as_slice() else { panic!("{what}: {:?}", broker.report) };
        for part in ["ca.crl", why, "CN=Fleet Device CA", "CRL number 12", "0 hours ago"] {
            assert!(told.contains(part), "{what}: {part:?} is not in {told:?}");
        }
        let (stolen, other) = (fleet.ca.client("pump-1", 1), fleet.ca.client("pump-2", 2));
        assert_eq!((broker.reason(&stolen), broker.reason(&other)), (Some(Reason::Revoked), None), "{what}");
        // As long as the file is refused nothing changes; then it is taken.
        assert_eq!(broker.store.reload_crls().refused.len(), 1, "{what}");
        assert_eq!(broker.reason(&stolen), Some(Reason::Revoked), "{what}");
        let _ = std::fs::remove_file(fleet.path("ca.crl"));
        fleet.write("ca.crl", fleet.ca.crl(14, &[(2, None)]));
        assert_eq!(broker.store.reload_crls().refused, Vec::<String>::new(), "{what}");
        assert_eq!((broker.reason(&stolen), broker.reason(&other)), (None, Some(Reason::Revoked)), "{what}");
        assert_eq!(copies(&fleet).len(), 1, "{what}");
    }
}

#[test]
fn a_kept_list_is_judged_like_any_list() {
    // Too old.
    let fleet = stopped();
    std::fs::remove_file(fleet.path("ca.crl")).expect("there");
    fleet.clock.set(TODAY + 9 * DAY);
    let broker = Restarted::of(&fleet);
    assert_eq!(broker.reason(&fleet.ca.client("pump-2", 2)), Some(Reason::StaleCrl));
    assert_eq!(broker.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked));
    assert!(broker.report.replaced[0].contains("216 hours ago"), "{:?}", broker.report);

    // A stranger's, an older one, a damaged one, another CA's key with the same name: none of them counts.
    type List = fn(&Fleet) -> Vec<u8>;
    let lists: [(&str, List); 5] = [
        ("a stranger's", |_| Ca::root("Stranger").crl(99, &[])),
        ("a namesake's", |_| Ca::root("Fleet Device CA").crl(99, &[])),
        ("older", |fleet| fleet.ca.crl(11, &[])),
        ("half", |fleet| fleet.ca.crl(99, &[])[..100].to_vec()),
        ("nothing", |_| Vec::new()),
    ];
    for (what, list) in lists {
        let fleet = stopped();
        std::fs::remove_file(fleet.path("ca.crl")).expect("there");
        let copy = copies(&fleet).into_iter().next().expect("one is kept");
        std::fs::write(copy, list(&fleet)).expect("write");
        let broker = Restarted::of(&fleet);
        assert!(!broker.report.is_usable && broker.report.replaced.is_empty(), "{what}: {:?}", broker.report);
        assert!(broker.report.refused.len() >= 2, "{what}: {:?}", broker.report);
        for serial in [1, 2] {
            let reason = broker.reason(&fleet.ca.client("pump", serial));
            assert_eq!(reason, Some(Reason::StaleCrl), "{what}");
        }
    }
}

#[test]
fn a_good_file_is_never_replaced_by_a_kept_list() {
    let fleet = stopped();
    fleet.write("ca.crl", fleet.ca.crl(13, &[(2, None)]));
    let broker = Restarted::of(&fleet);
    assert!(broker.report.replaced.is_empty() && broker.report.refused.is_empty());
    assert_eq!(broker.reason(&fleet.ca.client("pump-1", 1)), None);
    assert_eq!(broker.reason(&fleet.ca.client("pump-2", 2)), Some(Reason::Revoked));
}

#[test]
fn each_of_several_files_has_its_own_copy() {
    for lost in [&["crls/1.crl"][..], &["crls/2.crl"], &["crls/1.crl", "crls/2.crl"]] {
        let mut fleet = Fleet::unloaded();
        std::fs::create_dir(fleet.path("crls")).expect("folder");
        fleet.write("crls/1.crl", fleet.ca.crl(20, &[(1, None)]));
        fleet.write("crls/2.crl", fleet.ca.crl(5, &[(2, None)]));
        fleet.trust.crl = vec![fleet.path("crls").into()];
        fleet.load().expect("two lists");
        for file in lost {
            fleet.write(file, "damaged");
        }
        let broker = Restarted::of(&fleet);
        assert_eq!(broker.report.replaced.len(), lost.len(), "{lost:?}: {:?}", broker.report);
        for serial in [1, 2] {
            let reason = broker.reason(&fleet.ca.client("pump", serial));
            assert_eq!(reason, Some(Reason::Revoked), "{lost:?}: {serial}");
        }
        assert_eq!(broker.reason(&fleet.ca.client("pump", 3)), None, "{lost:?}");
        // Another file of the same CA may be newer than its copy, though its numbers are lower.
        if *lost == ["crls/1.crl"] {
            fleet.write("crls/2.crl", fleet.ca.crl(6, &[(2, None), (3, None)]));
            let broker = Restarted::of(&fleet);
            assert_eq!(broker.report.replaced.len(), 1, "{:?}", broker.report);
            assert_eq!(broker.reason(&fleet.ca.client("pump", 3)), Some(Reason::Revoked));
            assert_eq!(broker.reason(&fleet.ca.client("pump", 1)), Some(Reason::Revoked));
        }
        // The folder was emptied: what was in it is in force all the same.
        for file in ["crls/1.crl", "crls/2.crl"] {
            std::fs::remove_file(fleet.path(file)).expect("there");
        }
        let broker = Restarted::of(&fleet);
        assert_eq!(broker.report.replaced.len(), 2, "{lost:?}: {:?}", broker.report);
        // The folder is gone: what was in it is in force all the same.
        std::fs::remove_dir(fleet.path("crls")).expect("there");
        let broker = Restarted::of(&fleet);
        for serial in [1, 2] {
            let reason = broker.reason(&fleet.ca.client("pump", serial));
            assert_eq!(reason, Some(Reason::Revoked), "{lost:?}: {serial}: {:?}", broker.report);
            assert!(broker.report.refused.is_empty(), "{lost:?}: {:?}", broker.report);
        }
    }
}

#[test]
fn the_lists_of_several_cas_in_one_file_are_kept_for_each() {
    let mut fleet = Fleet::unloaded();
    let other = Ca::root("Another CA");
    fleet.anchor_also(&other);
    fleet.write(
        "ca.crl",
        format!("{}{}", crl_pem(&fleet.ca.crl(1, &[(1, None)])), crl_pem(&other.crl(1, &[(2, None)]))),
    );
    fleet.load().expect("two issuers");
    fleet.write("ca.crl", "damaged");
    let broker = Restarted::of(&fleet);
    assert_eq!(broker.report.replaced.len(), 2, "{:?}", broker.report);
    assert_eq!(broker.reason(&fleet.ca.client("pump", 1)), Some(Reason::Revoked));
    assert_eq!(broker.reason(&other.client("pump", 2)), Some(Reason::Revoked));
    assert_eq!(broker.reason(&other.client("pump", 1)), None);
}

#[test]
fn copies_are_private_whole_and_only_as_many_as_are_needed() {
    use std::os::unix::fs::PermissionsExt;
    let mut fleet = stopped();
    let copy = copies(&fleet).into_iter().next().expect("one is kept");
    let mode = std::fs::metadata(&copy).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        std::fs::read(&copy).expect("readable"),
        std::fs::read(fleet.path("ca.crl")).expect("readable")
    );
    // A writer was killed: what it left counts for nothing, and goes.
    let left =
        fleet.path("crl").join(format!(".{}.new", copy.file_name().expect("a name").to_string_lossy()));
    std::fs::write(&left, &fleet.ca.crl(99, &[])[..50]).expect("write");
    fleet.write("ca.crl", "damaged");
    let broker = Restarted::of(&fleet);
    assert_eq!(broker.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked));
    assert!(!left.exists());
    // A list that was there before is not kept for ever.
    fleet.write("new.crl", fleet.ca.crl(20, &[]));
    fleet.trust.crl = vec![fleet.path("new.crl").into()];
    let broker = Restarted::of(&fleet);
    assert_eq!(copies(&fleet).len(), 2);
    broker.store.reload_crls();
    assert_eq!(copies(&fleet).len(), 1);
    assert!(!copy.exists());
}

#[test]
fn a_copy_that_cannot_be_written_refuses_no_list_and_is_written_later() {
    let fleet = Fleet::unloaded();
    fleet.write("crl", "a file where the folder should be");
    fleet.load().expect("the list is good");
    assert!(fleet.publish(fleet.ca.crl(12, &[(1, None)])).refused.is_empty());
    assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked));
    std::fs::remove_file(fleet.path("crl")).expect("there");
    fleet.store.reload_crls();
    assert_eq!(copies(&fleet).len(), 1);
}

#[test]
fn commands_that_only_look_keep_nothing() {
    let fleet = Fleet::unloaded();
    let numbers = Arc::new(CrlNumbers::read_only(fleet.directory.path()).expect("no record yet"));
    let store = RulesetStore::new(Arc::clone(&fleet.clock) as Arc<dyn Clock>, numbers, Arc::default());
    store.load(std::slice::from_ref(&fleet.trust)).expect("a proper trust");
    assert!(!fleet.path("crl").exists());
}
