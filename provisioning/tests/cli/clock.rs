//! Clocks that are wrong: what cannot be undone never rests on one of them.

use crate::factory::Factory;

/// Revoked, suspended, and both by the clock of a certificate that has ended.
fn fleet_with_thieves(lifetime: &str) -> Factory {
    let factory = Factory::new();
    factory.run(&format!("issue stolen lent good {lifetime}")).succeeded();
    factory.run("revoke stolen --reason keyCompromise").succeeded();
    factory.run("suspend lent").succeeded();
    factory
}

#[test]
fn one_clock_ahead_takes_no_entry_off_a_list_however_often_it_signs() {
    for (lifetime, offsets) in
        [("--days 3", &["+8d"][..]), ("--days 3650", &["+4015d", "+4015d"]), ("--days 30", &["+60d", "+58d"])]
    {
        let factory = fleet_with_thieves(lifetime);
        let before = factory.listed("device-ca");
        for offset in offsets {
            factory.run_at(offset, "crl").succeeded();
            assert_eq!(factory.listed("device-ca"), before, "{lifetime}, {offset}");
        }
        factory.run("crl").succeeded();
        assert_eq!(factory.listed("device-ca"), before, "{lifetime}, the right clock again");
    }
}

#[test]
fn an_entry_leaves_after_two_signings_a_day_apart_that_a_clock_not_behind_made() {
    let factory = fleet_with_thieves("--days 1");
    let before = factory.listed("device-ca");
    factory.run_at("+3d", "crl").succeeded();
    // Behind what was seen: it proves nothing.
    factory.run_at("+2d", "crl").succeeded();
    assert_eq!(factory.listed("device-ca"), before);
    factory.run_at("+95h", "crl").succeeded();
    assert_eq!(factory.listed("device-ca"), before);
    factory.run_at("+97h", "crl").succeeded();
    assert_eq!(factory.listed("device-ca"), []);
    // That clock was a wrong one: by the right one, nothing has ended.
    factory.run("crl").succeeded();
    assert_eq!(factory.listed("device-ca"), before);
}

#[test]
fn what_has_ended_before_it_is_revoked_is_listed_until_two_lists_carried_it() {
    let factory = Factory::new();
    factory.run("issue stolen --days 1").succeeded();
    factory.run_at("+3d", "crl").succeeded();
    factory.run_at("+5d", "revoke stolen").succeeded();
    assert_eq!(factory.statuses("stolen"), ["revoked"]);
    assert_eq!(factory.listed("device-ca").len(), 1);
    factory.run_at("+5d", "crl").succeeded();
    assert_eq!(factory.listed("device-ca").len(), 1);
    factory.run_at("+7d", "crl").succeeded();
    assert_eq!(factory.listed("device-ca").len(), 0);
}

#[test]
fn the_largest_renewal_grace_of_the_fleet_counts_before_an_entry_leaves() {
    let factory = fleet_with_thieves("--days 1");
    let registry = rusqlite::Connection::open(factory.path("fleet/registry.db")).unwrap();
    let grace = "UPDATE setting SET value = '864000' WHERE name = 'largest_renewal_grace'";
    assert_eq!(registry.execute(grace, []).unwrap(), 1);
    drop(registry);
    for offset in ["+3d", "+5d", "+8d"] {
        factory.run_at(offset, "crl").succeeded();
        assert_eq!(factory.listed("device-ca").len(), 2, "{offset}");
    }
    factory.run_at("+12d", "crl").succeeded();
    factory.run_at("+14d", "crl").succeeded();
    assert_eq!(factory.listed("device-ca").len(), 0);
}

#[test]
fn revoking_suspending_and_resuming_wait_for_no_clock() {
    let fleet = Factory::new();
    fleet.run("issue a b c").succeeded();
    fleet.run("suspend c").succeeded();
    for offset in ["-57y", "-1d", "+11y", "+26y"] {
        let factory = fleet.twin();
        factory.run_at(offset, "revoke a").succeeded();
        factory.run_at(offset, "suspend b").succeeded();
        factory.run_at(offset, "resume c").succeeded();
        let statuses = ["a", "b", "c"].map(|name| factory.statuses(name).remove(0));
        assert_eq!(statuses, ["revoked", "suspended", "active"], "{offset}");
        let (a, b) = (factory.serial("a"), factory.serial("b"));
        let mut expected = [(a, "unspecified".to_owned()), (b, "certificateHold".to_owned())];
        expected.sort();
        assert_eq!(factory.listed("device-ca"), expected, "{offset}");
        factory.run("crl").succeeded();
        assert_eq!(factory.listed("device-ca"), expected, "{offset}, the right clock again");
    }
}

#[test]
fn the_number_grows_whatever_the_clock_says() {
    let factory = Factory::new();
    let mut last = 0;
    for offset in ["+0d", "+8d", "-57y", "+11y", "-1h"] {
        factory.run_at(offset, "crl").succeeded();
        let list = factory.json("inspect fleet/crl/device-ca.crl");
        let number: u64 = list["crls"][0]["crl_number"].as_str().unwrap().parse().unwrap();
        assert!(number > last, "{offset}: {number} after {last}");
        last = number;
    }
}
