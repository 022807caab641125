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

const MAKERS: [&str; 5] = [
    "issue next",
    "sign --csr next.csr --device-id next",
    "service next",
    "service historian --renew",
    "broker-cert",
];

fn fleet_of_makers() -> Factory {
    let factory = Factory::new();
    factory.run("service historian").succeeded();
    factory
}

#[test]
fn a_fleet_is_not_made_before_this_program_was() {
    for offset in ["-57y", "-20y", "-2y"] {
        let factory = Factory::empty();
        let init = "init --organization Acme --broker-host broker.example";
        factory
            .run_at(offset, init)
            .exited(1)
            .says("this machine's clock says")
            .says("this program is from after");
        assert!(!factory.path("fleet").exists());
    }
}

#[test]
fn a_clock_behind_what_was_seen_makes_no_certificate_and_the_witness_is_named() {
    let fleet = fleet_of_makers();
    fleet.request("next", "next", "");
    for (maker, offset) in MAKERS.iter().zip(["-1h", "-2d", "-57y", "-2h", "-1d"]) {
        let said =
            fleet.run_at(offset, maker).exited(1).says("this machine's clock says").says("clock accept");
        assert!(said.stderr.contains("the registry has seen"), "{maker}: {}", said.stderr);
    }
    fleet.run("show next").exited(4);
    assert_eq!(fleet.statuses("historian").len(), 1);

    // A registry from a backup has seen less than the list beside it.
    let backup = fleet.twin();
    fleet.run_at("+10d", "crl").succeeded();
    std::fs::copy(fleet.path("fleet/crl/device-ca.crl"), backup.path("fleet/crl/device-ca.crl")).unwrap();
    backup.run("issue next").exited(1).says("crl/device-ca.crl was signed at");
    // Other files there say nothing.
    std::fs::write(backup.path("fleet/crl/device-ca.crl"), "nonsense").unwrap();
    backup.run("issue next").succeeded();
}

#[test]
fn a_month_after_the_last_act_certificates_want_a_yes_and_revocations_never() {
    let fleet = fleet_of_makers();
    fleet.run("issue a b").succeeded();
    fleet.request("next", "next", "");
    // A list does not hide the leap from the certificate after it.
    fleet.run_at("+40d", "crl").succeeded();
    for maker in MAKERS {
        fleet.run_at("+40d", maker).exited(2).says("days after the last act").says("--yes");
    }
    fleet.run_at("+40d", "revoke a").succeeded();
    fleet.run_at("+40d", "suspend b").succeeded();
    fleet.run_at("+40d", "resume b").succeeded();
    fleet.run("show next").exited(4);
    fleet.run_at("+40d", "issue next --yes").succeeded();
    // Agreed to: the next within a month is none.
    fleet.run_at("+69d", "issue later").succeeded();
    fleet.run_at("+100d", "issue later-still").exited(2);
}

#[test]
fn once_eleven_years_ahead_and_then_right_ends_with_the_word_of_an_operator() {
    let factory = Factory::new();
    factory.run("issue stolen lent good --days 3000").succeeded();
    factory.run("revoke stolen").succeeded();
    factory.run("suspend lent").succeeded();
    let both = factory.listed("device-ca");
    factory.run_at("+4018d", "crl").succeeded();
    factory.run_at("+4020d", "crl").succeeded();
    // The right clock: nothing waits for it but certificates.
    factory.run("crl").succeeded();
    assert_eq!(factory.listed("device-ca"), both);
    factory.run("revoke good").succeeded();
    let all = factory.listed("device-ca");
    assert_eq!(all.len(), 3);
    factory.run("issue next").exited(1).says("the registry has seen").says("clock accept");
    factory.run("clock accept --now 1999-01-01T00:00:00Z").exited(3).says("it cannot be");
    factory.run("clock accept --now yesterday").exited(2);
    let now = factory.json("inspect fleet/crl/device-ca.crl")["crls"][0]["this_update"].clone();
    let said = factory.run(&format!("clock accept --now {}", now.as_str().unwrap())).succeeded();
    assert!(said.stdout.contains("4 list(s)"), "{}", said.stdout);
    factory.run("issue next").succeeded();
    for _ in 0..2 {
        factory.run("crl").succeeded();
        assert_eq!(factory.listed("device-ca"), all);
    }
    let registry = rusqlite::Connection::open(factory.path("fleet/registry.db")).unwrap();
    let recorded: i64 =
        registry.query_row("SELECT count(*) FROM clock_acceptance", [], |row| row.get(0)).unwrap();
    assert_eq!(recorded, 1);
}
