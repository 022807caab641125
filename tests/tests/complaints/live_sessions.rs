//! A session rests on a certificate that is good now, and not on one that was good when it began.

use std::fs;

use integration_tests::broker::{Broker, operate};
use integration_tests::client::Client;
use integration_tests::file_server::{Behaviour, FileServer};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::site::Site;

use crate::PROGRAMS;
use crate::lists::{LIST_KEY, published, read_from};
use crate::visit::{is_cut_off, meets_soon, met};

#[test]
fn a_session_ends_when_the_list_is_refreshed_and_has_it() {
    let server = FileServer::start(Behaviour::Hangs);
    let site = Site::configured(PROGRAMS, |fleet| {
        server.set(Behaviour::Sends(published(fleet)));
        read_from(fleet, &server.url("ca.crl"));
    });
    let other = site.fleet.device("dev-2");
    let mut stolen = site.dev_1(Version::V5);
    let mut healthy = site.connect(&other, &Connect::new(Version::V5, "dev-2"));
    site.fleet.revoke("dev-1");
    server.set(Behaviour::Sends(published(&site.fleet)));
    is_cut_off(&mut stolen, Version::V5);
    assert!(healthy.is_alive(), "it did nothing wrong");
    assert_eq!(met(&site, &site.device, "dev-1"), "revoked");
}

/// It says nothing, and never has to: MQTT 3.1.1 without a keep-alive.
#[test]
fn a_connection_that_never_says_a_word_ends_when_the_file_names_it() {
    let site = Site::new(PROGRAMS);
    let other = site.fleet.device("dev-2");
    let silent = |credential, id| site.connect(credential, &Connect::new(Version::V311, id).keep_alive(0));
    let (mut stolen, mut healthy) = (silent(&site.device, "dev-1"), silent(&other, "dev-2"));
    site.fleet.revoke("dev-1");
    is_cut_off(&mut stolen, Version::V311);
    assert!(healthy.is_alive(), "it did nothing wrong");
}

#[test]
fn revoking_one_after_another_takes_no_restart_and_nobody_else_reconnects() {
    const DEVICES: usize = 12;
    let site = Site::new(PROGRAMS);
    let ids: Vec<String> = (0..DEVICES).map(|number| format!("unit-{number}")).collect();
    let credentials = site.fleet.devices(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let mut clients: Vec<Client> = ids
        .iter()
        .zip(&credentials)
        .map(|(id, credential)| site.connect(credential, &Connect::new(Version::V5, id)))
        .collect();
    for victim in [7, 3, 11] {
        site.fleet.revoke(&ids[victim]);
        is_cut_off(&mut clients[victim], Version::V5);
    }
    for (number, client) in clients.iter_mut().enumerate().filter(|(number, _)| ![7, 3, 11].contains(number))
    {
        assert!(client.is_alive(), "unit-{number} is on the connection that it had");
    }
    let status = operate(&site.fleet, "status", &["--json"]).json();
    assert_eq!(status["pid"], site.broker.process_id(), "the broker is the one that was started");
    assert_eq!(status["counters"]["connects"], DEVICES, "nobody has connected twice: {status}");
}

#[test]
fn a_new_fleet_can_revoke_and_a_trust_that_cannot_says_so() {
    let site = Site::new(PROGRAMS);
    assert_eq!(met(&site, &site.device, "dev-1"), "in");
    site.fleet.revoke("dev-1");
    meets_soon(&site, &site.device, "dev-1", "revoked");

    // Forgetting the list is no way to do without revocation.
    let fleet = Fleet::new(PROGRAMS);
    fleet.configure("crl-check = \"leaf\"\n", "");
    let text = fs::read_to_string(fleet.file("broker.toml")).expect("the configuration");
    for (configured, words) in
        [("", "has no `crl`: name one, or set crl-check = \"off\""), ("crl = []", "has no `crl`")]
    {
        fleet.replace("broker.toml", text.replacen(LIST_KEY, configured, 1).as_bytes());
        let refused = Broker::refuse_to_start(&fleet);
        assert_eq!(refused.code, 3, "{}", refused.stderr);
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
}
