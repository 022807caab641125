//! An origin that accepts and never answers, for a hundred requests at once, beside MQTT on the same broker.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::broker::Broker;
use integration_tests::client::{Client, Tls};
use integration_tests::fleet::Fleet;
use integration_tests::http_caller::Caller;
use integration_tests::http_origin::HttpOrigin;
use integration_tests::mqtt::{Connect, Version};

use crate::PROGRAMS;
use crate::place::FILES;

const REQUESTS: usize = 100;

/// How long the origin may take.
const TIMEOUT: Duration = Duration::from_secs(6);

/// A listener of MQTT, and one in front of the origin.
fn configuration(fleet: &Fleet, origin: &HttpOrigin) -> String {
    let written = fs::read_to_string(fleet.file("broker.toml")).expect("a configuration");
    let (listener, rest) = written.split_once("[identity]").expect("a section");
    let mqtt = listener.replace("0.0.0.0:8883", "127.0.0.1:0");
    let https = mqtt.replace(
        "transport = \"tls\"",
        &format!(
            "transport = \"https\"\nupstream = \"{}\"\nupstream-timeout = \"{}s\"",
            origin.url(),
            TIMEOUT.as_secs()
        ),
    );
    format!("{mqtt}\n{https}\n{FILES}\n[identity]{rest}")
}

#[test]
fn a_hundred_requests_that_nobody_answers_hold_up_neither_messages_nor_other_requests() {
    let fleet = Fleet::new(PROGRAMS);
    let (device, service) = (fleet.device("dev-1"), fleet.service("backend"));
    let origin = HttpOrigin::start();
    let text = configuration(&fleet, &origin);
    fs::write(fleet.file("broker.toml"), text).expect("a configuration");
    let broker = Broker::start_with_listeners(&fleet, 2);
    let [mqtt, https] = [0, 1].map(|at| broker.addresses()[at]);
    let dial = || Caller::dial(https, &fleet, Some(&device));
    let connect = |credential, id| {
        Client::connect(mqtt, &Tls::new(&fleet, Some(credential)), &Connect::new(Version::V5, id))
    };
    let mut callers: Vec<Caller> = (0..REQUESTS).map(|_| dial()).collect();
    let (mut publisher, mut subscriber) = (connect(&device, "dev-1"), connect(&service, "backend"));
    subscriber.subscribe("devices/+/telemetry/#", 1);

    let since = Instant::now();
    for caller in &mut callers {
        caller.send(b"GET /files/silent HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    let waiting = Instant::now();
    while origin.received().len() < REQUESTS {
        assert!(since.elapsed() < TIMEOUT, "the origin has heard of {}", origin.received().len());
        thread::sleep(Duration::from_millis(20));
    }
    let mut rounds = 0;
    while waiting.elapsed() < TIMEOUT - Duration::from_secs(2) {
        let begin = Instant::now();
        publisher.publish("devices/dev-1/telemetry/a", &rounds.to_string());
        assert_eq!(subscriber.receive().payload, rounds.to_string());
        assert_eq!(dial().get("/files/a", "").expect("an answer").status, 200);
        assert!(connect(&service, "backend/2").is_alive());
        assert!(begin.elapsed() < Duration::from_secs(2), "round {rounds}: {:?}", begin.elapsed());
        rounds += 1;
    }
    println!("{rounds} rounds beside {REQUESTS} requests");
    assert!(rounds > 1, "it was held up");
    for caller in &mut callers {
        assert_eq!(caller.answer(true).expect("an answer").status, 504);
    }
    assert!(since.elapsed() < TIMEOUT + Duration::from_secs(5), "{:?}", since.elapsed());
    assert_eq!(callers[0].get("/files/a", "").expect("an answer").status, 200, "its connection is kept");
}
