//! A list that is past its time is the operator's matter: it is said before, it is said after, and it blames no client.

use std::time::Duration;

use integration_tests::broker::{Mark, operate};
use integration_tests::client::{Client, Heard};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::{Crl, DAY, now};
use integration_tests::site::Site;
use rustls::AlertDescription;

use crate::PROGRAMS;
use crate::lists::{list_in_force, sign};
use crate::visit::{meets_soon, met};

/// A list that was due so long ago, or will be.
fn due(seconds: i64) -> Crl {
    Crl::fresh().valid(now() - DAY, now() + time::Duration::seconds(seconds))
}

/// With the configuration of a new fleet.
#[test]
fn a_list_that_is_past_its_time_refuses_nobody_for_a_day_and_is_warned_of_before_and_after() {
    let site = Site::configured(PROGRAMS, |fleet| sign(fleet, &due(5)));
    site.broker.log().complaint(Mark::START, "must be replaced before");
    let mut session = site.dev_1(Version::V5);
    let newcomer = site.fleet.device("dev-2");
    site.broker.log().complaint(Mark::START, "its grace is running out");
    assert!(list_in_force(&site.fleet)["left_seconds"].as_i64() <= Some(0), "{}", list_in_force(&site.fleet));
    assert_ne!(list_in_force(&site.fleet)["freshness"], "current");
    assert_eq!(met(&site, &newcomer, "dev-2"), "in");
    assert!(session.is_alive());
    // Whoever is on it stays out: a grace is none for the revoked.
    sign(&site.fleet, &Crl { revoked: vec![newcomer.serial()], number: Crl::fresh().number + 1, ..due(2) });
    meets_soon(&site, &newcomer, "dev-2", "revoked");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(met(&site, &newcomer, "dev-2"), "revoked");
    assert!(session.is_alive());
}

/// A fleet without a grace, whose list was due a minute ago.
fn stale(fleet: &Fleet) {
    fleet.configure("stale-grace = \"24h\"", "stale-grace = \"0s\"");
    sign(fleet, &due(-60));
}

#[test]
fn a_fresh_list_in_the_place_of_an_expired_one_is_picked_up() {
    let site = Site::configured(PROGRAMS, stale);
    for round in 1..=2 {
        meets_soon(&site, &site.device, "dev-1", "stale_crl");
        assert_eq!(list_in_force(&site.fleet)["freshness"], "stale");
        sign(&site.fleet, &Crl { number: Crl::fresh().number + 10 * round, ..due(6) });
        meets_soon(&site, &site.device, "dev-1", "in");
        assert_eq!(list_in_force(&site.fleet)["left_seconds"].as_i64().map(|left| left > 0), Some(true));
    }
}

#[test]
fn an_expired_list_is_reported_as_the_operators_and_not_as_a_fault_of_the_client() {
    let site = Site::configured(PROGRAMS, stale);
    // Without a client: at the start, with its CA and its time.
    let complaint = site.broker.log().complaint(Mark::START, "it is stale now").to_string();
    assert!(complaint.contains("\"ERROR\"") && complaint.contains("Device Issuing CA"), "{complaint}");
    let status = operate(&site.fleet, "status", &[]).stdout;
    assert!(
        status.lines().any(|line| line.contains("Device Issuing CA") && line.contains("stale")),
        "{status}"
    );
    let checked = operate(&site.fleet, "check", &[]);
    assert!(
        (checked.stdout.clone() + &checked.stderr).contains("stale"),
        "{}{}",
        checked.stdout,
        checked.stderr
    );

    // With one: its line says what is stale, and not that the certificate is expired or revoked.
    let mark = site.broker.log().mark();
    let (_, heard) =
        Client::attempt(site.address(), &site.tls(&site.device), &Connect::new(Version::V5, "dev-1"));
    assert_eq!(heard, Heard::Alert(AlertDescription::UnknownCA));
    let line = site.broker.log().refusal(mark);
    assert_eq!(line["reason"], "stale_crl");
    let evidence = line["evidence"].as_str().expect("there is evidence");
    assert!(evidence.contains("list") && evidence.contains("Device Issuing CA"), "{evidence}");
    let certificate = site.device.certificate.display().to_string();
    let explained = operate(&site.fleet, "explain", &["--json", "--cert", &certificate]).json();
    assert_eq!(explained["reason"], "stale_crl", "{explained}");
    assert_eq!(explained["running"]["reason"], "stale_crl", "{explained}");
    // Who is on another CA's list is not concerned.
    assert!(site.backend(Version::V5).is_alive());
}
