//! A password is asked for last: who may not be let in anyway never gets that far.

use std::fs;

use integration_tests::client::Heard;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::password_file::set_password;
use integration_tests::pki::Forger;
use serde_json::Value;

use crate::place::{PASSWORD, Place, configuration, fleet, outcome};

fn connect(version: Version, secret: &str) -> Connect {
    Connect::new(version, "dev-1").user_name("dev-1").password(secret)
}

/// The reasons of all refusals so far, once there are `count`.
#[track_caller]
fn reasons(place: &Place, count: usize) -> Vec<String> {
    let is_refusal = |line: &Value| line["outcome"] == "refused";
    let lines = place.broker.log().lines(integration_tests::broker::Mark::START, count, is_refusal);
    lines
        .iter()
        .filter(|line| is_refusal(line))
        .map(|line| line["reason"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn whoever_is_not_proven_never_gets_to_a_password() {
    let fleet = fleet(PASSWORD);
    let devices = fleet.devices(&["dev-1", "dev-2"]);
    set_password(&fleet, "dev-1", "sesame");
    set_password(&fleet, "dev-2", "sesame");
    fleet.revoke("dev-2");
    let stranger = Forger::stranger(&fleet).certificate("dev-1");
    let place = Place::of(fleet);
    for version in Version::ALL {
        for (credential, wanted) in [
            (None, "CertificateRequired"),
            (Some(&stranger), "UnknownCA"),
            (Some(&devices[1]), "CertificateRevoked"),
        ] {
            let (_, heard) = place.attempt(credential, &connect(version, "sesame"));
            assert_eq!(outcome(&heard), wanted, "{version:?}");
        }
    }
    assert!(!reasons(&place, 6).contains(&"second_factor".to_owned()));
    assert_eq!(outcome(&place.attempt(Some(&devices[0]), &connect(Version::V5, "sesame")).1), "in");
}

#[test]
fn in_permissive_mode_a_stranger_meets_the_policies_and_no_password() {
    let fleet = fleet(PASSWORD);
    let device = fleet.device("dev-1");
    set_password(&fleet, "dev-1", "sesame");
    fs::write(fleet.file("broker.toml"), configuration("permissive", PASSWORD)).expect("a configuration");
    let stranger = Forger::stranger(&fleet).certificate("dev-1");
    let place = Place::of(fleet);
    for credential in [None, Some(&stranger)] {
        let (_, heard) = place.attempt(credential, &connect(Version::V5, "sesame"));
        assert_eq!(outcome(&heard), "0x87");
        let answer =
            place.who_am_i(credential, "Authorization: Basic ZGV2LTE6c2VzYW1l\r\n").expect("an answer");
        assert_eq!((answer.status, answer.field("www-authenticate")), (403, None));
    }
    assert!(!reasons(&place, 4).contains(&"second_factor".to_owned()));
    assert_eq!(outcome(&place.attempt(Some(&device), &connect(Version::V5, "sesame")).1), "in");
}

/// A wrong password would keep the right one waiting: so it was not looked at.
#[test]
fn a_client_id_that_is_not_the_clients_is_refused_before_the_password() {
    let fleet = fleet(PASSWORD);
    let device = fleet.device("dev-1");
    set_password(&fleet, "dev-1", "sesame");
    let place = Place::of(fleet);
    for (version, code) in [(Version::V311, "0x02"), (Version::V5, "0x85")] {
        let other = Connect::new(version, "dev-2").user_name("dev-1").password("wrong");
        assert_eq!(outcome(&place.attempt(Some(&device), &other).1), code);
        let (client, heard) = place.attempt(Some(&device), &connect(version, "sesame"));
        assert!(matches!(heard, Heard::Packet(_)) && client.is_some());
        assert_eq!(outcome(&heard), "in", "{version:?}");
    }
    assert_eq!(reasons(&place, 2), ["client_id_mismatch"; 2]);
}
