//! Revocation lists by URL: what a web server publishes is in force within seconds, and what else it does changes nothing.

#![forbid(unsafe_code)]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use integration_tests::broker::{Broker, operate};
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::file_server::{Behaviour, FileServer};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::program::Programs;
use integration_tests::site::Site;
use serde_json::Value;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// How long it may take from the publication of a list until it is in force: the interval, and a busy machine.
const PROMISE: Duration = Duration::from_secs(10);

/// What the fleet would publish now for its devices.
fn published(fleet: &Fleet) -> Vec<u8> {
    fs::read(fleet.file("crl/device-ca.crl")).expect("the fleet has a list")
}

/// Has the broker fetch the list of devices from `url`, every second.
fn fetch_from(fleet: &Fleet, url: &str) {
    fleet.configure("\"crl/device-ca.crl\"", &format!("{url:?}"));
    let fetch = "[fetch]\ninterval = \"1s\"\ntimeout = \"1s\"\nmax-bytes = 100_000\n\n[identity]";
    fleet.configure("[identity]", fetch);
}

/// The file that the only list is fetched into.
fn cached_file(fleet: &Fleet) -> PathBuf {
    let status = operate(fleet, "status", &["--json"]).json();
    status["fetched_lists"][0]["file"].as_str().expect("a fetched list has a file").into()
}

/// Waits until `status` says of the only fetched list what is expected.
#[track_caller]
fn wait_for_status(fleet: &Fleet, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let status = operate(fleet, "status", &["--json"]).json();
        if is_so(&status["fetched_lists"][0]) {
            return status;
        }
        assert!(begin.elapsed() < PROMISE, "{what}: {:#}", status["fetched_lists"]);
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How the broker answers a device now: no reason if it lets it in.
fn reason(broker: &Broker, fleet: &Fleet, device: &Credential, id: &str) -> Option<String> {
    let mark = broker.log().mark();
    let tls = Tls::new(fleet, Some(device));
    match Client::attempt(broker.address(), &tls, &Connect::new(Version::V5, id)) {
        (Some(client), Heard::Packet(connack)) if connack.reason_code() == 0 => {
            client.disconnect();
            None
        }
        _ => Some(broker.log().refusal(mark)["reason"].as_str().expect("a refusal has a reason").to_owned()),
    }
}

#[track_caller]
fn wait_until_let_in(broker: &Broker, fleet: &Fleet, device: &Credential, id: &str) {
    let begin = Instant::now();
    while let Some(reason) = reason(broker, fleet, device, id) {
        assert!(begin.elapsed() < PROMISE, "still refused: {reason}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_list_published_by_http_cuts_a_live_session_off() {
    let server = FileServer::start(Behaviour::Hangs);
    let site = Site::configured(PROGRAMS, |fleet| {
        server.set(Behaviour::Sends(published(fleet)));
        fetch_from(fleet, &server.url("ca.crl"));
    });
    let mut device = site.dev_1(Version::V5);
    let status = operate(&site.fleet, "status", &["--json"]).json();
    let list = &status["fetched_lists"][0];
    assert_eq!((list["url"].as_str(), list["failures"].as_u64()), (Some(&*server.url("ca.crl")), Some(0)));
    assert!(list["fetched_at"].is_string() && list["next_fetch"].is_string() && list["refused"].is_null());
    let page = operate(&site.fleet, "status", &[]).stdout_of_success();
    assert!(page.contains(&format!("fetched list             {}\n", server.url("ca.crl"))), "{page}");

    site.fleet.revoke("dev-1");
    assert!(device.is_alive(), "the file of the fleet is not what this broker reads");
    server.set(Behaviour::Sends(published(&site.fleet)));
    let published = Instant::now();
    assert_eq!(device.expect(Kind::Disconnect).reason_code(), 0x98);
    assert_eq!(device.hear(PATIENCE), Heard::Closed);
    println!("closed {} ms after the list was published", published.elapsed().as_millis());
    assert!(published.elapsed() < PROMISE, "{:?}", published.elapsed());
    assert_eq!(reason(&site.broker, &site.fleet, &site.device, "dev-1").as_deref(), Some("revoked"));
}

/// Nobody who was let in is thrown out, nobody revoked gets in; and so after a restart without a server.
#[test]
fn whatever_a_server_does_the_last_good_list_is_in_force() {
    let server = FileServer::start(Behaviour::Hangs);
    let fleet = Fleet::new(PROGRAMS);
    let (honest, stolen) = (fleet.device("dev-1"), fleet.device("dev-2"));
    let yesterday = published(&fleet);
    fleet.revoke("dev-2");
    let good = published(&fleet);
    let of_services = fs::read(fleet.file("crl/service-ca.crl")).expect("the fleet has a list");
    server.set(Behaviour::Sends(good.clone()));
    fetch_from(&fleet, &server.url("ca.crl"));
    let mut broker = Broker::start(&fleet);
    for (what, behaviour, is_fetched) in [
        ("nothing comes", Behaviour::Hangs, false),
        ("half of the list comes", Behaviour::Cuts(good.clone()), false),
        (
            "half of the list comes as if it were all",
            Behaviour::Sends(good[..good.len() / 2].to_vec()),
            false,
        ),
        ("nothing, as a file", Behaviour::Sends(Vec::new()), false),
        ("a web page", Behaviour::Sends(b"<html>It works!</html>".to_vec()), false),
        ("bytes without end", Behaviour::Floods, false),
        ("too many bytes", Behaviour::Sends(vec![0x30; 100_001]), false),
        ("not found", Behaviour::Fails(404), false),
        ("unavailable", Behaviour::Fails(503), false),
        ("yesterday's list", Behaviour::Sends(yesterday), true),
        ("another CA's list", Behaviour::Sends(of_services), true),
    ] {
        let mut device = {
            let tls = Tls::new(&fleet, Some(&honest));
            Client::connect(broker.address(), &tls, &Connect::new(Version::V5, "dev-1"))
        };
        server.set(behaviour);
        if is_fetched {
            let begin = Instant::now();
            let refused = || operate(&fleet, "status", &["--json"]).json()["listeners"][0]["refused"].clone();
            while !refused().to_string().contains(&server.url("ca.crl")) {
                assert!(begin.elapsed() < PROMISE, "{what}: {}", refused());
                std::thread::sleep(Duration::from_millis(50));
            }
        } else {
            wait_for_status(&fleet, what, |list| {
                list["failures"].as_u64() > Some(0)
                    && list["refused"].as_str().is_some_and(|why| why.contains(&server.url("ca.crl")))
            });
            let cached = fs::read(cached_file(&fleet)).expect("the file is there");
            assert!(cached == good, "{what}: the file is replaced only by a list");
        }
        assert!(device.is_alive(), "{what}: it did nothing wrong");
        assert_eq!(reason(&broker, &fleet, &stolen, "dev-2").as_deref(), Some("revoked"), "{what}");

        // Without the server, a broker that starts has what the earlier one had.
        server.set(Behaviour::Fails(503));
        broker.terminate();
        broker.wait();
        broker = Broker::start(&fleet);
        assert_eq!(reason(&broker, &fleet, &honest, "dev-1"), None, "{what}, then a restart");
        assert_eq!(
            reason(&broker, &fleet, &stolen, "dev-2").as_deref(),
            Some("revoked"),
            "{what}, then a restart"
        );
        server.set(Behaviour::Sends(good.clone()));
        wait_for_status(&fleet, what, |list| list["failures"] == 0 && list["fetched_at"].is_string());
    }
}

#[test]
fn a_broker_starts_without_a_list_and_lets_devices_in_when_it_comes() {
    let server = FileServer::start(Behaviour::Hangs);
    let begin = Instant::now();
    let site = Site::configured(PROGRAMS, |fleet| fetch_from(fleet, &server.url("ca.crl")));
    println!("it listens {} ms after it was told to, key generation included", begin.elapsed().as_millis());
    assert_eq!(reason(&site.broker, &site.fleet, &site.device, "dev-1").as_deref(), Some("stale_crl"));
    assert!(site.backend(Version::V5).is_alive(), "services have a list");
    server.set(Behaviour::Sends(published(&site.fleet)));
    wait_until_let_in(&site.broker, &site.fleet, &site.device, "dev-1");
}

#[test]
fn a_list_that_cannot_be_kept_is_told_and_fetched_again() {
    let server = FileServer::start(Behaviour::Hangs);
    let site = Site::configured(PROGRAMS, |fleet| {
        server.set(Behaviour::Sends(published(fleet)));
        fetch_from(fleet, &server.url("ca.crl"));
    });
    let mut device = site.dev_1(Version::V5);
    let file = cached_file(&site.fleet);
    fs::remove_file(&file).expect("the file can be removed");
    fs::create_dir(&file).expect("a folder can be made in its place");
    site.fleet.revoke("dev-1");
    server.set(Behaviour::Sends(published(&site.fleet)));
    wait_for_status(&site.fleet, "it is told", |list| {
        list["refused"]
            .as_str()
            .is_some_and(|why| why.contains("cannot be kept") && why.contains("left alone"))
    });
    assert!(device.is_alive(), "what was in force before is in force");
    fs::remove_dir(&file).expect("the folder can be removed");
    assert_eq!(device.expect(Kind::Disconnect).reason_code(), 0x98);
}

#[test]
fn a_reload_fetches_from_new_urls_and_from_old_ones_no_longer() {
    let (old, new) = (FileServer::start(Behaviour::Hangs), FileServer::start(Behaviour::Fails(404)));
    let site = Site::configured(PROGRAMS, |fleet| {
        old.set(Behaviour::Sends(published(fleet)));
        fetch_from(fleet, &old.url("ca.crl"));
    });
    let mut device = site.dev_1(Version::V5);
    site.fleet.configure(&old.url("ca.crl"), &new.url("ca.crl"));
    let refused = operate(&site.fleet, "reload", &[]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains(&new.url("ca.crl")), "{}", refused.stderr);
    old.wait_for_requests(2);
    assert!(device.is_alive());

    new.set(Behaviour::Sends(published(&site.fleet)));
    operate(&site.fleet, "reload", &[]).stdout_of_success();
    let asked = old.requests();
    new.wait_for_requests(3);
    assert_eq!(old.requests(), asked, "nobody fetches from there any more");
    assert!(device.is_alive());

    // An operator need not wait for the interval.
    site.fleet.configure("interval = \"1s\"", "interval = \"1h\"");
    let restart = operate(&site.fleet, "reload", &[]);
    assert!(restart.stderr.contains("needs a restart: [fetch]"), "{}", restart.stderr);
}

#[test]
fn check_asks_nobody_and_tells_what_is_cached() {
    let server = FileServer::start(Behaviour::Hangs);
    let fleet = Fleet::new(PROGRAMS);
    fetch_from(&fleet, &server.url("ca.crl"));
    let checked = operate(&fleet, "check", &[]).stdout_of_success();
    assert!(
        checked.contains(&format!("fetched list {}: not fetched yet\n", server.url("ca.crl"))),
        "{checked}"
    );
    assert!(checked.contains("are refused (stale_crl)"), "{checked}");
    assert_eq!(server.requests(), 0);

    server.set(Behaviour::Sends(published(&fleet)));
    let broker = Broker::start(&fleet);
    broker.terminate();
    broker.wait();
    let asked = server.requests();
    let checked = operate(&fleet, "check", &[]).stdout_of_success();
    assert!(checked.contains(&format!("fetched list {}: cached since ", server.url("ca.crl"))), "{checked}");
    assert!(checked.contains("trust device-ca (device), crl-check leaf"), "{checked}");
    assert_eq!(server.requests(), asked);

    let device = fleet.device("dev-1");
    let certificate = device.certificate.to_str().expect("UTF-8").to_owned();
    operate(&fleet, "explain", &["--cert", &certificate]).stdout_of_success();
    assert_eq!(server.requests(), asked);
}
