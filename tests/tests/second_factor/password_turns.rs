//! Passwords are looked at two at once, one of an identity at a time, and none for a while after a wrong one.

use std::fs;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::http_caller::Caller;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::password_file::set_password;
use integration_tests::peer::Peer;

use crate::place::{PASSWORD, Place, fleet, line_by_argon2, outcome};

#[test]
fn after_a_wrong_password_the_right_one_waits_and_nobody_elses() {
    let fleet = fleet(PASSWORD);
    let devices = fleet.devices(&["dev-1", "dev-2"]);
    set_password(&fleet, "dev-1", "sesame");
    set_password(&fleet, "dev-2", "sesame");
    let place = Place::of(fleet);
    let shows = |device: usize, secret: &str| {
        let connect = Connect::new(Version::V5, &format!("dev-{}", device + 1)).password(secret);
        outcome(&place.attempt(Some(&devices[device]), &connect).1)
    };
    assert_eq!(shows(0, "wrong"), "0x86");
    thread::sleep(Duration::from_millis(1_100));
    let mark = place.broker.log().mark();
    let since = Instant::now();
    assert_eq!(shows(0, "wrong"), "0x86");
    assert_eq!(shows(0, "sesame"), "0x86", "two seconds are not over");
    let waits = |line: &serde_json::Value| {
        line["evidence"].as_str().is_some_and(|text| text.contains("was shown before"))
    };
    assert_eq!(place.broker.log().line(mark, waits)["reason"], "second_factor");
    assert_eq!(shows(1, "sesame"), "in", "it has shown no wrong one");
    thread::sleep(Duration::from_millis(2_100).saturating_sub(since.elapsed()));
    assert_eq!(shows(0, "sesame"), "in");
    assert_eq!(shows(0, "sesame"), "in", "a right one is no attempt");
}

#[test]
fn two_connections_of_one_identity_that_come_at_once_both_get_in() {
    let fleet = fleet(PASSWORD);
    let device = fleet.device("dev-1");
    set_password(&fleet, "dev-1", "sesame");
    let place = Place::of(fleet);
    let together = Barrier::new(6);
    thread::scope(|scope| {
        for number in 0..6 {
            let (place, device, together) = (&place, &device, &together);
            scope.spawn(move || {
                let connect = Connect::new(Version::V5, &format!("dev-1/{number}")).password("sesame");
                together.wait();
                let (client, heard) = place.attempt(Some(device), &connect);
                assert_eq!(outcome(&heard), "in");
                assert!(client.expect("a session").is_alive());
            });
        }
    });
}

/// The most memory that the broker has ever had, in MiB.
fn peak_mib(place: &Place) -> u64 {
    let status =
        fs::read_to_string(format!("/proc/{}/status", place.broker.process_id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// Twenty devices whose passwords take 64 MiB each.
fn expensive(argon2: &Peer) -> (Fleet, Vec<String>, Vec<Credential>) {
    let fleet = fleet(PASSWORD);
    let names: Vec<_> = (0..20).map(|number| format!("dev-{number}")).collect();
    let devices = fleet.devices(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let cost = ["-t", "2", "-k", "65536", "-p", "1"];
    let lines: String = names.iter().map(|name| line_by_argon2(argon2, name, name, &cost)).collect();
    fs::write(fleet.file("passwords"), lines).expect("a password file");
    (fleet, names, devices)
}

#[test]
fn twenty_devices_that_come_at_once_all_get_in_and_two_passwords_are_looked_at_at_a_time() {
    let Some(argon2) = Peer::argon2() else { return };
    let (fleet, names, devices) = expensive(&argon2);
    let place = Place::of(fleet);
    let before = peak_mib(&place);
    let together = Barrier::new(names.len());
    thread::scope(|scope| {
        for (name, device) in names.iter().zip(&devices) {
            let (place, together) = (&place, &together);
            scope.spawn(move || {
                together.wait();
                let connect = Connect::new(Version::V5, name).password(name.as_str());
                assert_eq!(outcome(&place.attempt(Some(device), &connect).1), "in", "{name}");
            });
        }
    });
    let taken = peak_mib(&place) - before;
    assert!((64..4 * 64).contains(&taken), "{taken} MiB, and two passwords take 128");
}

/// A computation goes on when its client has gone, and so does its turn.
#[test]
fn clients_that_do_not_wait_for_the_answer_give_no_turn_away() {
    let Some(argon2) = Peer::argon2() else { return };
    let (fleet, names, devices) = expensive(&argon2);
    let place = Place::of(fleet);
    let before = peak_mib(&place);
    for (name, device) in names.iter().zip(&devices) {
        let mut caller = Caller::dial(place.broker.addresses()[1], &place.fleet, Some(device));
        let basic = BASE64.encode(format!("{name}:{name}").as_bytes());
        let head = "GET /.well-known/countersign HTTP/1.1\r\nHost: localhost\r\n";
        caller.send(format!("{head}Authorization: Basic {basic}\r\n\r\n").as_bytes());
        drop(caller);
    }
    // The last in the row is answered after the others.
    let basic = BASE64.encode(b"dev-19:dev-19");
    let answer = place.who_am_i(Some(&devices[19]), &format!("Authorization: Basic {basic}\r\n"));
    assert_eq!(answer.expect("an answer").status, 200);
    let taken = peak_mib(&place) - before;
    assert!((64..4 * 64).contains(&taken), "{taken} MiB, and two passwords take 128");
}
