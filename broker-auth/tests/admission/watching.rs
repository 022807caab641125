//! New lists and certificates are noticed without being told, and bad ones change nothing.

use std::sync::Arc;
use std::time::Duration;

use authenticator::reason::Reason;
use authenticator::trust::StaleCrl;
use broker_auth::reload::watch;

use crate::pki::{DAY, Fleet, TODAY};

fn run(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("runtime");
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(30), test).await.expect("within the deadline");
    });
}

/// Replaces a file as careful writers do.
fn rename_into_place(fleet: &Fleet, contents: Vec<u8>) {
    let staged = fleet.write(".ca.crl.new", contents);
    std::fs::rename(staged, fleet.path("ca.crl")).expect("rename");
}

#[test]
fn a_renamed_and_a_rewritten_list_are_both_noticed() {
    run(async {
        let fleet = Fleet::new();
        let client = fleet.ca.client("pump-1", 1);
        let device = fleet.admit(&client);
        let mut changed = fleet.changes();
        changed.mark_unchanged();
        let watching = tokio::spawn(watch(vec![Arc::clone(&fleet.store)], Vec::new()));

        rename_into_place(&fleet, fleet.ca.crl(11, &[(1, None)]));
        changed.changed().await.expect("the store lives");
        assert_eq!(fleet.recheck(&device).map_err(|refusal| refusal.reason), Err(Reason::Revoked));

        // The same length as before, in place: only the time of change tells.
        std::fs::write(fleet.path("ca.crl"), fleet.ca.crl(12, &[(2, None)])).expect("write");
        while fleet.reason(&client).is_some() {
            changed.changed().await.expect("the store lives");
        }
        fleet.recheck(&device).expect("no longer revoked");
        watching.abort();
    });
}

#[test]
fn a_list_that_changed_between_loading_and_watching_is_not_missed() {
    run(async {
        let fleet = Fleet::new();
        let mut changed = fleet.changes();
        changed.mark_unchanged();
        rename_into_place(&fleet, fleet.ca.crl(11, &[(1, None)]));
        let watching = tokio::spawn(watch(vec![Arc::clone(&fleet.store)], Vec::new()));
        changed.changed().await.expect("the store lives");
        assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked));
        watching.abort();
    });
}

#[test]
fn a_bad_list_is_followed_by_a_good_one() {
    run(async {
        let fleet = Fleet::new();
        let mut changed = fleet.changes();
        changed.mark_unchanged();
        let watching = tokio::spawn(watch(vec![Arc::clone(&fleet.store)], Vec::new()));
        rename_into_place(&fleet, b"half a li".to_vec());
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!changed.has_changed().expect("the store lives"));
        rename_into_place(&fleet, fleet.ca.crl(11, &[(1, None)]));
        changed.changed().await.expect("the store lives");
        assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::Revoked));
        watching.abort();
    });
}

#[test]
fn a_stale_list_has_live_sessions_judged_again() {
    run(async {
        let mut fleet = Fleet::unloaded();
        fleet.trust.stale_crl = StaleCrl::DenyAll;
        fleet.load().expect("a proper trust");
        let device = fleet.admit(&fleet.ca.client("pump-1", 1));
        let mut changed = fleet.changes();
        changed.mark_unchanged();
        let watching = tokio::spawn(watch(vec![Arc::clone(&fleet.store)], Vec::new()));
        fleet.clock.set(TODAY + 9 * DAY);
        changed.changed().await.expect("the store lives");
        assert_eq!(fleet.recheck(&device).map_err(|refusal| refusal.reason), Err(Reason::StaleCrl));
        watching.abort();
    });
}

#[test]
fn an_expired_anchor_has_live_sessions_judged_again() {
    run(async {
        let fleet = Fleet::new();
        let device = fleet.admit(&fleet.ca.client("pump-1", 1));
        let mut changed = fleet.changes();
        changed.mark_unchanged();
        let watching = tokio::spawn(watch(vec![Arc::clone(&fleet.store)], Vec::new()));
        fleet.clock.set(TODAY + 3651 * DAY);
        changed.changed().await.expect("the store lives");
        assert_eq!(fleet.recheck(&device).map_err(|refusal| refusal.reason), Err(Reason::Expired));
        watching.abort();
    });
}

/// Listeners share the clock of the machine, but nothing says that they must.
#[test]
fn the_clock_of_every_listener_is_looked_at() {
    run(async {
        let (first, second) = (Fleet::new(), Fleet::new());
        let mut changed = second.changes();
        changed.mark_unchanged();
        let stores = vec![Arc::clone(&first.store), Arc::clone(&second.store)];
        let watching = tokio::spawn(watch(stores, Vec::new()));
        // The comparison begins with the first look at the files.
        tokio::time::sleep(Duration::from_millis(300)).await;
        second.clock.set(TODAY + 100);
        changed.changed().await.expect("the store lives");
        watching.abort();
    });
}

/// `touch -r`, `cp --preserve` and FAT leave nothing of a change in the time of modification.
#[test]
fn a_list_rewritten_in_place_with_its_old_time_is_noticed_within_a_second() {
    run(async {
        let fleet = Fleet::new();
        let watching = tokio::spawn(watch(vec![Arc::clone(&fleet.store)], Vec::new()));
        let file = std::fs::File::options().write(true).open(fleet.path("ca.crl")).expect("it is there");
        let old = file.metadata().and_then(|metadata| metadata.modified()).expect("it has a time");
        let other = fleet.write("other", "");
        std::fs::File::open(&other).and_then(|other| other.set_modified(old)).expect("times can be set");
        // All of one length; the ways in which the time comes back are those of the tools.
        let clients = [1, 2, 3, 4].map(|serial| (serial, fleet.ca.client("pump-1", serial)));
        let length = fleet.ca.crl(11, &[(1, None)]).len();
        for (number, (serial, client)) in (11..).zip(&clients) {
            tokio::time::sleep(Duration::from_millis(if number % 2 == 0 { 2500 } else { 200 })).await;
            let list = loop {
                // A signature has one octet more now and then.
                let list = fleet.ca.crl(number, &[(*serial, None)]);
                if list.len() == length {
                    break list;
                }
            };
            fleet.write("ca.crl", &list);
            let begin = tokio::time::Instant::now();
            match number {
                11 | 12 => file.set_modified(old).expect("times can be set"),
                13 => assert!(
                    std::process::Command::new("touch")
                        .arg("-r")
                        .args([&other, &fleet.path("ca.crl")])
                        .status()
                        .expect("touch")
                        .success()
                ),
                _ => {
                    fleet.write("copied", &list);
                    std::fs::File::open(fleet.path("copied"))
                        .and_then(|copied| copied.set_modified(old))
                        .expect("times can be set");
                    assert!(
                        std::process::Command::new("cp")
                            .arg("--preserve")
                            .args([fleet.path("copied"), fleet.path("ca.crl")])
                            .status()
                            .expect("cp")
                            .success()
                    );
                }
            }
            while fleet.reason(client).is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(begin.elapsed() < Duration::from_secs(1), "number {number}: {:?}", begin.elapsed());
        }
        watching.abort();
    });
}
