//! A revoked device is cut off at once, and stays out.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use integration_tests::broker::{Mark, operate};
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::pki::Forger;
use integration_tests::program::Programs;
use integration_tests::site::Site;
use rustls::AlertDescription;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// What an operator is promised between the return of `revoke` and the end of the session.
const PROMISE: Duration = Duration::from_secs(1);

/// The version that the device with this number speaks.
fn version_of(number: usize) -> Version {
    Version::ALL[number % 2]
}

/// Waits for the end of a session that was cut off; when it came, measured from now.
#[track_caller]
fn time_until_cut_off(client: &mut Client, version: Version) -> Duration {
    let since = Instant::now();
    if version == Version::V5 {
        assert_eq!(client.expect(Kind::Disconnect).reason_code(), 0x98);
    }
    assert_eq!(client.hear(PATIENCE), Heard::Closed);
    since.elapsed()
}

#[test]
fn of_two_hundred_sessions_the_revoked_one_ends_within_a_second_and_no_other() {
    const DEVICES: usize = 200;
    let site = Site::new(PROGRAMS);
    let ids: Vec<String> = (0..DEVICES).map(|number| format!("fleet-{number}")).collect();
    let credentials = site.fleet.devices(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let mut clients: Vec<Client> = ids
        .iter()
        .zip(&credentials)
        .enumerate()
        .map(|(number, (id, credential))| site.connect(credential, &Connect::new(version_of(number), id)))
        .collect();

    for (victim, action, reason) in
        [(100, "revoke", "revoked"), (101, "revoke", "revoked"), (102, "suspend", "suspended")]
    {
        let mark = site.broker.log().mark();
        site.fleet.provision(&[action, &ids[victim]]).stdout_of_success();
        let took = time_until_cut_off(&mut clients[victim], version_of(victim));
        println!("{action}: session closed {} ms after the command returned", took.as_millis());
        assert!(took < PROMISE, "{took:?}");

        let closed = site.broker.log().line(mark, |line| line["event"] == "session_closed");
        assert_eq!(
            (closed["identity"].as_str(), closed["reason"].as_str()),
            (Some(&*ids[victim]), Some(reason))
        );
    }

    let cut_off = 100..103;
    for (number, client) in clients.iter_mut().enumerate().filter(|(number, _)| !cut_off.contains(number)) {
        assert!(client.is_alive(), "fleet-{number} did nothing wrong");
    }
    let closed = |line: &&serde_json::Value| line["event"] == "session_closed";
    let log = site.broker.log().since(Mark::START);
    assert_eq!(log.iter().filter(closed).count(), 3, "{log:#?}");
}

/// The device tries again, with the session store of its earlier connections.
#[track_caller]
fn stays_out(site: &Site, tls: &Tls, reason: &str) {
    for version in [Version::V5, Version::V311, Version::V5] {
        let mark = site.broker.log().mark();
        let (client, heard) = Client::attempt(site.address(), tls, &Connect::new(version, "dev-1"));
        assert_eq!(heard, Heard::Alert(AlertDescription::CertificateRevoked), "{version:?}");
        assert!(client.is_none_or(|client| client.handshake_was_full()), "a ticket was accepted");
        // The end of an earlier connection may be written only now.
        let refusal =
            site.broker.log().line(mark, |line| line["event"] == "handshake" && line["outcome"] == "refused");
        assert_eq!(refusal["reason"].as_str(), Some(reason));
    }
}

#[test]
fn a_revoked_device_stays_out_whatever_it_remembers_of_earlier_handshakes() {
    let site = Site::new(PROGRAMS);
    let tls = site.tls(&site.device);
    for version in Version::ALL {
        let client = Client::connect(site.address(), &tls, &Connect::new(version, "dev-1"));
        assert!(client.handshake_was_full());
        assert_eq!(client.tickets(), 0, "there are no tickets");
        client.disconnect();
    }
    site.fleet.revoke("dev-1");
    stays_out_soon(&site, &tls, &Connect::new(Version::V5, "dev-1"));
    stays_out(&site, &tls, "revoked");
}

/// Nobody is connected whose end would tell that the broker has seen the new list; it is seen within the promise.
fn stays_out_soon(site: &Site, tls: &Tls, connect: &Connect) {
    let returned = Instant::now();
    while matches!(Client::attempt(site.address(), tls, connect), (_, Heard::Packet(_))) {
        assert!(returned.elapsed() < PROMISE, "still let in after {:?}", returned.elapsed());
    }
}

#[test]
fn a_revoked_device_stays_out_over_tls_1_2_too() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure("tls-versions = [\"1.3\"]", "tls-versions = [\"1.2\", \"1.3\"]");
    });
    let tls = Tls::with_versions(&site.fleet, Some(&site.device), &[&rustls::version::TLS12]);
    for _ in 0..2 {
        let client = Client::connect(site.address(), &tls, &Connect::new(Version::V311, "dev-1"));
        assert!(client.handshake_was_full(), "nothing of a session is kept");
        client.disconnect();
    }
    site.fleet.revoke("dev-1");
    stays_out_soon(&site, &tls, &Connect::new(Version::V5, "dev-1"));
    stays_out(&site, &tls, "revoked");
}

#[test]
fn a_suspended_device_stays_out_until_it_is_resumed() {
    let site = Site::new(PROGRAMS);
    let tls = site.tls(&site.device);
    for version in Version::ALL {
        let mut client = Client::connect(site.address(), &tls, &Connect::new(version, "dev-1"));
        let mark = site.broker.log().mark();
        site.fleet.suspend("dev-1");
        let took = time_until_cut_off(&mut client, version);
        println!("suspend: session closed {} ms after the command returned", took.as_millis());
        assert!(took < PROMISE, "{took:?}");
        assert_eq!(site.broker.log().refusal(mark)["reason"], "suspended");
        stays_out(&site, &tls, "suspended");

        site.fleet.resume("dev-1");
        let returned = Instant::now();
        let mut client = loop {
            match Client::attempt(site.address(), &tls, &Connect::new(version, "dev-1")) {
                (Some(client), Heard::Packet(connack)) if connack.reason_code() == 0 => break client,
                _ => assert!(returned.elapsed() < PROMISE, "still refused after {:?}", returned.elapsed()),
            }
        };
        assert!(client.is_alive());
        client.disconnect();
    }
}

/// Leaves a command with the persistent session of `dev-1` and revokes the device, connected or away. Whoever then has
/// a new certificate for the name finds nothing.
#[track_caller]
fn a_new_certificate_does_not_inherit_the_session_of_a_revoked_one(is_connected: bool) {
    let site = Site::new(PROGRAMS);
    let lasting = Connect::new(Version::V5, "dev-1").persistent();
    let mut device = site.connect(&site.device, &lasting);
    assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
    let mut backend = site.backend(Version::V5);
    if is_connected {
        // It arrives, and is never acknowledged.
        assert_eq!(backend.publish("devices/dev-1/commands/secret", "for the old key only"), 0);
        device.expect(Kind::Publish);
        site.fleet.revoke("dev-1");
        time_until_cut_off(&mut device, Version::V5);
    } else {
        device.disconnect();
        assert_eq!(backend.publish("devices/dev-1/commands/secret", "for the old key only"), 0);
        site.fleet.revoke("dev-1");
        stays_out_soon(&site, &site.tls(&site.device), &Connect::new(Version::V5, "dev-1"));
    }

    let renewed: Credential = Forger::with_key_of(&site.fleet, "device-ca").certificate("dev-1");
    let (mut device, connack) = Client::connect_and_connack(site.address(), &site.tls(&renewed), &lasting);
    assert!(!connack.session_present());
    assert!(device.is_alive(), "no command of the old session is delivered");
}

#[test]
fn the_session_of_a_device_that_is_revoked_while_connected_is_gone() {
    a_new_certificate_does_not_inherit_the_session_of_a_revoked_one(true);
}

#[test]
fn the_session_of_a_device_that_is_revoked_while_away_is_gone() {
    a_new_certificate_does_not_inherit_the_session_of_a_revoked_one(false);
}

/// Leaves a command with the persistent session of `dev-1` and replaces its certificate, connected or away.
#[track_caller]
fn the_session_after_a_replacement(reason: &str, is_connected: bool, is_kept: bool) {
    let site = Site::new(PROGRAMS);
    let lasting = Connect::new(Version::V5, "dev-1").persistent();
    let mut device = site.connect(&site.device, &lasting);
    assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
    let mut backend = site.backend(Version::V5);
    let old = site.tls(&site.device);
    let renewed;
    if is_connected {
        renewed = site.fleet.replace_device("dev-1", reason);
        assert!(time_until_cut_off(&mut device, Version::V5) < PROMISE, "{reason}");
        backend.publish("devices/dev-1/commands/open", "the valve");
    } else {
        device.disconnect();
        backend.publish("devices/dev-1/commands/open", "the valve");
        renewed = site.fleet.replace_device("dev-1", reason);
    }
    // Let in once more, it goes on with the session, and a clean start would end that.
    stays_out_soon(&site, &old, &lasting);

    let (mut device, connack) = Client::connect_and_connack(site.address(), &site.tls(&renewed), &lasting);
    assert_eq!(connack.session_present(), is_kept, "{reason}");
    if is_kept {
        assert_eq!(device.expect(Kind::Publish).message().topic, "devices/dev-1/commands/open", "{reason}");
    }
    assert!(device.is_alive());
}

#[test]
fn whoever_gets_another_certificate_in_the_place_of_its_own_finds_its_session() {
    the_session_after_a_replacement("superseded", true, true);
    the_session_after_a_replacement("superseded", false, true);
}

#[test]
fn whoever_gets_another_certificate_after_a_compromise_finds_nothing() {
    the_session_after_a_replacement("keyCompromise", true, false);
    the_session_after_a_replacement("cessationOfOperation", false, false);
}

#[test]
fn a_revoked_device_that_reads_nothing_is_cut_off_all_the_same() {
    let site = Site::new(PROGRAMS);
    let mut device = site.dev_1(Version::V5);
    assert_eq!(device.subscribe("devices/dev-1/commands/#", 0), 0);
    let mut backend = site.backend(Version::V5);
    // More than the socket buffers of both ends hold.
    let large = "x".repeat(100 * 1024);
    for _ in 0..200 {
        backend.publish_qos0("devices/dev-1/commands/large", &large);
    }
    assert!(backend.is_alive());
    site.fleet.revoke("dev-1");
    let returned = Instant::now();
    let is_listed = || {
        let sessions = operate(&site.fleet, "sessions", &["--json"]).json();
        sessions.as_array().expect("one array").iter().any(|session| session["identity"] == "dev-1")
    };
    while is_listed() {
        assert!(returned.elapsed() < PROMISE, "still there after {:?}", returned.elapsed());
    }
}
