//! A full disk under the state directory: who is served stays served, who is revoked is cut off, and what could not be
//! kept is kept when there is room again. And a state directory that another broker has.

#![forbid(unsafe_code)]

use std::fs;
use std::time::{Duration, Instant};

use integration_tests::broker::{Broker, Mark, operate};
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::file_server::{Behaviour, FileServer};
use integration_tests::fleet::Fleet;
use integration_tests::full_disk::{empty_disk, fill_disk, starting_full, surviving};
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::program::Programs;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

fn start(fleet: &Fleet) -> Broker {
    Broker::start_altered(fleet, 1, |command| surviving(&command))
}

fn session(broker: &Broker, fleet: &Fleet, device: &Credential, id: &str) -> Client {
    Client::connect(broker.address(), &Tls::new(fleet, Some(device)), &Connect::new(Version::V5, id))
}

/// Why a device is refused.
fn reason(broker: &Broker, fleet: &Fleet, device: &Credential, id: &str) -> String {
    let mark = broker.log().mark();
    let tls = Tls::new(fleet, Some(device));
    if let (Some(_), Heard::Packet(connack)) =
        Client::attempt(broker.address(), &tls, &Connect::new(Version::V5, id))
        && connack.reason_code() == 0
    {
        return "in".to_owned();
    }
    broker.log().refusal(mark)["reason"].as_str().expect("a reason").to_owned()
}

fn published(fleet: &Fleet) -> Vec<u8> {
    fs::read(fleet.file("crl/device-ca.crl")).expect("a list")
}

/// The list is somebody else's file, and only its number and its copy are ours.
#[test]
fn a_list_is_in_force_although_its_number_cannot_be_kept_and_is_not_forgotten() {
    let fleet = Fleet::new(PROGRAMS);
    let [stolen, honest] =
        <[Credential; 2]>::try_from(fleet.devices(&["dev-1", "dev-2"])).expect("two devices");
    let old = published(&fleet);
    let broker = start(&fleet);
    let mut theirs = session(&broker, &fleet, &stolen, "dev-1");
    let mut ours = session(&broker, &fleet, &honest, "dev-2");
    let kept = fs::read(fleet.file("broker/crl-numbers.json")).expect("kept");
    fill_disk(broker.process_id());
    fleet.revoke("dev-1");
    assert_eq!(theirs.expect(Kind::Disconnect).reason_code(), 0x98);
    assert_eq!(reason(&broker, &fleet, &stolen, "dev-1"), "revoked");
    assert!(ours.is_alive());
    assert_eq!(fs::read(fleet.file("broker/crl-numbers.json")).expect("kept"), kept, "it is whole");
    let status = operate(&fleet, "status", &["--json"]).json();
    let refused = status["listeners"][0]["refused"].to_string();
    assert!(refused.contains("crl-numbers.json"), "an operator is told: {refused}");

    empty_disk(broker.process_id());
    let since = Instant::now();
    while fs::read(fleet.file("broker/crl-numbers.json")).expect("kept") == kept {
        assert!(since.elapsed() < PATIENCE, "the number is not kept, though there is room");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(ours.is_alive());
    assert_eq!(reason(&broker, &fleet, &honest, "dev-2"), "in");
    broker.terminate();
    assert_eq!(broker.wait(), 0);
    // A restart with the old list: it is refused, and the kept one is in force.
    fleet.replace("crl/device-ca.crl", &old);
    let broker = start(&fleet);
    assert_eq!(reason(&broker, &fleet, &stolen, "dev-1"), "revoked");
    let state = fs::read_dir(fleet.file("broker")).expect("a directory");
    let names: Vec<_> = state.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    assert!(!names.iter().any(|name| name.ends_with(".new")), "{names:?}");
}

#[test]
fn a_fetched_list_that_finds_no_room_is_in_force_as_soon_as_there_is_some() {
    let server = FileServer::start(Behaviour::Hangs);
    let fleet = Fleet::new(PROGRAMS);
    let [stolen, gone] =
        <[Credential; 2]>::try_from(fleet.devices(&["dev-1", "dev-2"])).expect("two devices");
    fleet.revoke("dev-2");
    server.set(Behaviour::Sends(published(&fleet)));
    fleet.configure("\"crl/device-ca.crl\"", &format!("{:?}", server.url("ca.crl")));
    fleet.configure("[identity]", "[fetch]\ninterval = \"1s\"\ntimeout = \"1s\"\n\n[identity]");
    let broker = start(&fleet);
    let mut theirs = session(&broker, &fleet, &stolen, "dev-1");
    fill_disk(broker.process_id());
    fleet.revoke("dev-1");
    server.set(Behaviour::Sends(published(&fleet)));
    let list = || operate(&fleet, "status", &["--json"]).json()["fetched_lists"][0].clone();
    let since = Instant::now();
    while !list()["refused"].as_str().is_some_and(|why| why.contains("cannot be kept")) {
        assert!(since.elapsed() < PATIENCE, "nobody is told: {}", list());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(theirs.is_alive(), "the list before is in force");
    assert_eq!(reason(&broker, &fleet, &gone, "dev-2"), "revoked");
    empty_disk(broker.process_id());
    assert_eq!(theirs.expect(Kind::Disconnect).reason_code(), 0x98);
    assert_eq!(reason(&broker, &fleet, &stolen, "dev-1"), "revoked");
    let lists = fs::read_dir(fleet.file("broker/fetched")).expect("a folder").count();
    assert_eq!(lists, 1, "nothing half is left");
}

/// It starts, for a fleet must not stay out for that; and what it could not keep is kept later.
#[test]
fn a_broker_whose_disk_is_full_when_it_starts_serves_by_what_it_can_read() {
    let fleet = Fleet::new(PROGRAMS);
    let [stolen, honest] =
        <[Credential; 2]>::try_from(fleet.devices(&["dev-1", "dev-2"])).expect("two devices");
    drop(start(&fleet));
    let kept = fs::read(fleet.file("broker/crl-numbers.json")).expect("kept");
    fleet.revoke("dev-1");
    let broker = Broker::start_altered(&fleet, 1, |command| starting_full(&command));
    broker.log().complaint(Mark::START, "cannot be kept");
    assert_eq!(reason(&broker, &fleet, &stolen, "dev-1"), "revoked");
    assert_eq!(reason(&broker, &fleet, &honest, "dev-2"), "in");
    assert_eq!(fs::read(fleet.file("broker/crl-numbers.json")).expect("kept"), kept, "it is whole");
    empty_disk(broker.process_id());
    let since = Instant::now();
    while fs::read(fleet.file("broker/crl-numbers.json")).expect("kept") == kept {
        assert!(since.elapsed() < PATIENCE, "the number is not kept, though there is room");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_second_broker_with_the_same_state_directory_is_refused_before_it_fetches_anything() {
    let server = FileServer::start(Behaviour::Hangs);
    let fleet = Fleet::new(PROGRAMS);
    server.set(Behaviour::Sends(published(&fleet)));
    fleet.configure("\"crl/device-ca.crl\"", &format!("{:?}", server.url("ca.crl")));
    fleet.configure("[identity]", "[fetch]\ninterval = \"1h\"\n\n[identity]");
    let broker = start(&fleet);
    let asked = server.requests();
    assert!(asked > 0, "the first has fetched");
    let second = Broker::refuse_to_start(&fleet);
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains("another broker answers there"), "{}", second.stderr);
    assert_eq!(server.requests(), asked, "it has fetched");
    assert_eq!(operate(&fleet, "status", &[]).code, 0, "the first is heard as before");
    drop(broker);
}
